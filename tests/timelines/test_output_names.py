"""Names of what a run writes: two pictures of one name do not overwrite each other's films and manifests."""

from __future__ import annotations

import json
from fractions import Fraction

from tracklay.cli.main import main
from tracklay.media.probe import probe_video
from tracklay.timelines.media_file import MediaFile

from tests.clips import flash_clip


def lay(picture, to) -> None:
    """Lay a take of the clicking model."""
    assert main(["lay", str(picture), "--model", "clicker/clicks", "--to", str(to)]) == 0


def test_pictures_of_one_stem_have_films_of_their_own(tmp_path, clicking):
    """The second keeps its suffix; the same picture again replaces its own film."""
    out = tmp_path / "out"
    for suffix, frames in (("mov", 25), ("mp4", 40)):
        flash_clip(tmp_path / f"shot.{suffix}", Fraction(25), frames, [5])
    for picture in ("shot.mov", "shot.mp4", "shot.mov", "shot.mp4"):
        lay(tmp_path / picture, out)
    assert probe_video(out / "shot.tracklay.mp4")[1].frames == 25
    assert probe_video(out / "shot.mp4.tracklay.mp4")[1].frames == 40
    for name, picture, frames in (("shot", "shot.mov", 25), ("shot.mp4", "shot.mp4", 40)):
        manifest = json.loads((out / f"{name}.tracklay.json").read_text())
        assert manifest["picture"] == picture
        assert [take["frames"] for take in manifest["takes"]] == [frames, frames]
        assert manifest["laid"] == f"{name}.tracklay.mp4"
    assert sorted(path.suffix for path in out.iterdir()) == [".json"] * 2 + [".mp4"] * 2 + [".wav"] * 4


def test_files_of_one_name_from_two_folders_have_films_of_their_own(tmp_path, clicking):
    """Into one folder: the manifest says where each picture is."""
    out = tmp_path / "out"
    for folder, frames in (("a", 25), ("b", 40)):
        (tmp_path / folder).mkdir()
        lay(flash_clip(tmp_path / folder / "shot.mp4", Fraction(25), frames, [5]), out)
    assert probe_video(out / "shot.tracklay.mp4")[1].frames == 25
    assert json.loads((out / "shot.tracklay.json").read_text())["source"] == "../a/shot.mp4"
    assert probe_video(out / "shot.mp4.tracklay.mp4")[1].frames == 40


def test_a_manifest_of_an_earlier_version_is_still_its_own(tmp_path, clicking):
    """It does not say where its picture is: the name decides."""
    picture = flash_clip(tmp_path / "shot.mp4", Fraction(25), 25, [5])
    lay(picture, tmp_path / "out")
    path = tmp_path / "out" / "shot.tracklay.json"
    manifest = json.loads(path.read_text())
    del manifest["source"]
    path.write_text(json.dumps(manifest))
    assert MediaFile.open(picture).output_stem(tmp_path / "out") == "shot"
