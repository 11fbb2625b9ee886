"""Tests of timelines in other formats: OTIO's bundles and collections, adapters, and the sentence for all that is not read."""

from __future__ import annotations

import json
import zipfile
from fractions import Fraction

import opentimelineio as otio
import pytest
from tracklay import timelines
from tracklay.errors import InvalidInput
from tracklay.timelines.formats import is_timeline

from tests.clips import flash_clip
from tests.timelines.cuts import clip, timeline, track
from tests.timelines.test_sync import laid_clips, lay


@pytest.fixture
def film(tmp_path):
    """Return a timeline of one clip, with its media beside it."""
    media = flash_clip(tmp_path / "a b.mp4", Fraction(25), 50, (25,))
    return timeline(tmp_path / "cut.otio", track(clip(media, 10, 30, 25, name="shot")))


@pytest.mark.parametrize("suffix", [".otioz", ".otiod"])
def test_bundles_are_laid_like_the_timeline_in_them(tmp_path, film, clicking, suffix):
    """The media of an .otioz are unpacked once, beside the takes; the copy refers to them."""
    bundle = tmp_path / "sub" / f"cut{suffix}"
    bundle.parent.mkdir()
    otio.adapters.write_to_file(otio.adapters.read_from_file(str(film)), str(bundle))
    (tmp_path / "a b.mp4").unlink()
    for _ in range(2):
        assert lay(bundle) == 0
    out = bundle.parent / "tracklay"
    assert laid_clips(out / "cut.tracklay.otio") == {"shot": (0, 30)}
    (cue,) = timelines.open_timeline(out / "cut.tracklay.otio").cues(model="sketch/foley")
    assert (cue.picture.error, cue.picture.source.name) == ("", "a b.mp4")
    assert len(list(out.glob("*.media"))) == (1 if suffix == ".otioz" else 0)


def test_nothing_of_a_bundle_is_written_outside_its_folder(tmp_path, film):
    """Only members below `media/` are unpacked, and none whose name climbs."""
    bundle = tmp_path / "cut.otioz"
    otio.adapters.write_to_file(otio.adapters.read_from_file(str(film)), str(bundle))
    with zipfile.ZipFile(bundle, "a") as packed:
        for name in ("other.txt", "media/../../climbed.txt", "media/..\\..\\climbed.txt"):
            packed.writestr(name, "text")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    timelines.open_timeline(bundle)
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert [path.name for path in written] == ["a b.mp4"]
    assert all(path.parent.name == "media" for path in written)


@pytest.mark.parametrize("data", [b"", b"not a zip", None])
def test_a_damaged_bundle_is_one_sentence(tmp_path, data):
    """Empty, something else, or without a timeline."""
    bundle = tmp_path / "cut.otioz"
    if data is None:
        with zipfile.ZipFile(bundle, "w") as packed:
            packed.writestr("version.txt", "1.0.0")
    else:
        bundle.write_bytes(data)
    with pytest.raises(InvalidInput, match=r"empty|Not a complete .otioz bundle"):
        timelines.open_timeline(bundle)


def test_a_collection_of_one_timeline_is_that_timeline(tmp_path, film):
    """Adapters give a project with one sequence as a collection, in bins too; of several, none is guessed."""
    inner = json.loads(film.read_text())
    bin_ = {"OTIO_SCHEMA": "SerializableCollection.1", "name": "bin", "metadata": {}, "children": [inner]}
    film.write_text(json.dumps({**bin_, "name": "project", "children": [bin_]}))
    assert [cue.id for cue in timelines.open_timeline(film).cues(model="sketch/foley")] == ["shot"]
    film.write_text(json.dumps({**bin_, "children": [inner, {**inner, "name": "cut two"}]}))
    with pytest.raises(InvalidInput, match=r"contains 2 timelines: cut, cut two\. Export one of them"):
        timelines.open_timeline(film)


def test_an_edl_takes_its_rate_and_its_files_from_beside_it(tmp_path, clicking):
    """An EDL states neither: the media have the rate, and are found by the names of the clips."""
    flash_clip(tmp_path / "wide.mov", Fraction(25), 75, (30,), "-c:v", "mjpeg", "-timecode", "10:00:00:00")
    edl = tmp_path / "cut.edl"
    edl.write_text(
        "TITLE: CUT\nFCM: NON-DROP FRAME\n\n"
        "001  A001     V     C        10:00:00:20 10:00:01:20 01:00:00:00 01:00:01:00\n* FROM CLIP NAME: wide\n"
    )
    assert lay(edl) == 0
    assert laid_clips(tmp_path / "tracklay" / "cut.tracklay.otio") == {"wide": (0, 25)}
    (tmp_path / "wide.mov").unlink()
    with pytest.raises(InvalidInput, match=r"Unknown frame rate.*otioconvert -i cut.edl -o cut.otio -a rate=25"):
        timelines.open_timeline(edl)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cut.kdenlive", "a Kdenlive project. To read it, run pip install otio-kdenlive-adapter, or export"),
        ("cut.aaf", "an AAF. To read it, run pip install otio-aaf-adapter, or export"),
        ("cut.fcpxml", "a Final Cut Pro X timeline. To read it, run pip install otio-fcpx-xml-adapter, or export"),
        ("cut.mlt", "an MLT project. To read it, export the timeline as .otio"),
        ("cut.prproj", "a Premiere Pro project. To read it, export the timeline as .otio"),
        ("cut.drp", "a DaVinci Resolve project. To read it, export the timeline as .otio"),
    ],
)
def test_a_timeline_that_is_not_read_names_the_way(tmp_path, monkeypatch, name, words):
    """Not an error about damaged video: what it is, and what to install or export."""
    monkeypatch.setattr(otio.adapters, "suffixes_with_defined_adapters", lambda **_: {"otio"})
    path = tmp_path / name
    path.write_text("<x/>")
    assert is_timeline(path)
    with pytest.raises(InvalidInput) as caught:
        timelines.open_timeline(path)
    assert words in str(caught.value)


def test_what_an_adapter_cannot_read_is_one_sentence(tmp_path):
    """Its parser's own exception is the reason; other .xml files are no timelines."""
    path = tmp_path / "cut.xml"
    path.write_text("<!DOCTYPE xmeml><xmeml><sequence>")
    with pytest.raises(InvalidInput, match=r"OpenTimelineIO cannot read .*cut.xml: "):
        timelines.open_timeline(path)
    path.write_text("<note/>")
    assert not is_timeline(path)
