"""Tests of takes in an .otio: on exactly their frames, with provenance, in files that stay otherwise unchanged."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest
from tracklay import timelines
from tracklay.cli.main import main
from tracklay.cue import Cost, Failure, Take
from tracklay.errors import InvalidInput, ModelFailed
from tracklay.timelines.otio.text_patch import add_effects, find_signed_tracks, remove_tracks

from tests.clips import flash_clip
from tests.timelines.cuts import clip, gap, span, timeline, track

MODEL = "clicker/clicks"


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """Return a clip of four seconds at 25 frames per second; only its header is read."""
    return flash_clip(tmp_path_factory.mktemp("media") / "clip.mp4", Fraction(25), 100, ())


def made(cue, number: int, folder: Path) -> Take:
    """Return a take as the runner returns it, with an empty file."""
    file = folder / f"film.clicker-clicks.take{number}.wav"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"RIFF")
    cost = Cost("0", "USD", estimated=False)
    known: dict[str, Any] = {
        "provider": "clicker",
        "version": "1",
        "request": "",
        "seed": 3,
        "params": {},
        "sha256": "0" * 64,
    }
    sound: dict[str, Any] = {
        "sample_rate": 48_000,
        "channels": 2,
        "samples": cue.span.samples(48_000),
        "created": "2026-01-01T00:00:00Z",
    }
    return Take(cue=cue, number=number, file=file, cost=cost, licence="CC0", source_sha256="1" * 64, **known, **sound)


def lay(film: Path, numbers, *, only=(), folder: Path | None = None, drop_original=False, model=MODEL):
    """Lay takes with these numbers, the same count for each cue, and return the result."""
    opened = timelines.open_timeline(film)
    folder = folder or opened.folder
    numbers = iter(numbers)
    cues = opened.cues(only=only, model=model)
    each = list(numbers)
    count = len(each) // len(cues)
    takes = [made(cue, each[n * count + k], folder) for n, cue in enumerate(cues) for k in range(count)]
    opened.check_folder(folder)
    return opened.lay(takes, [], folder, drop_original=drop_original)


def rows(path: Path) -> dict[str, list[tuple[str, int, int, bool]]]:
    """Return each audio track's clips: the end of the take's name, first frame, frames, and True if it is audible."""
    film = otio.adapters.read_from_file(str(path))
    tracks = {}
    for each in film.tracks:
        if each.kind == "Audio":
            lies = [(child, child.range_in_parent()) for child in each if isinstance(child, otio.schema.Clip)]
            tracks[each.name] = [
                (
                    child.name.rpartition(".")[2],
                    int(place.start_time.value),
                    int(place.duration.value),
                    child.enabled and each.enabled,
                )
                for child, place in lies
            ]
    return tracks


def two_shots(folder: Path, media: Path, *, first: int = 30, **more) -> Path:
    """Write a timeline of clips a and b with a gap between them."""
    return timeline(
        folder / "film.otio",
        track(clip(media, 0, first, 25, name="a"), gap(10, 25), clip(media, 10, 40, 25, name="b")),
        **more,
    )


def test_takes_are_on_their_cues_frames_with_provenance(tmp_path, media):
    """The first take is audible, the others are disabled below it; media, names, manifest entry, and markers for failures."""
    film = two_shots(tmp_path, media, start=otio.opentime.RationalTime(90_000, 25))
    opened = timelines.open_timeline(film)
    first, second = opened.cues(model=MODEL)
    folder = tmp_path / "tracklay"
    takes = [made(first, 1, folder), made(first, 2, folder)]
    manifest = opened.lay(takes, [Failure(second, ModelFailed("it would not"))], folder, drop_original=False).manifest
    laid = folder / "film.tracklay.otio"
    assert manifest["laid"] == laid.name
    assert rows(laid) == {"Tracklay": [("take1", 0, 30, True)], "Tracklay takes": [("take2", 0, 30, False)]}
    back = otio.adapters.read_from_file(str(laid))
    (sound, under) = [each for each in back.tracks if each.kind == "Audio"]
    assert (sound.enabled, under.enabled, under[0].enabled) == (True, False, False)
    shot = sound[0]
    assert shot.media_reference.target_url == "film.clicker-clicks.take1.wav"
    assert shot.source_range == shot.media_reference.available_range == span(0, 30, 25)
    assert (
        json.loads(otio.core.serialize_json_to_string(shot.metadata["tracklay"])) | {"heard": True}
        == manifest["takes"][0]
    )
    assert (shot.metadata["tracklay_cue"]["cue"], shot.metadata["tracklay_cue"]["take"]) == ("a", 0)
    assert under[0].metadata["tracklay_cue"]["take"] == 1
    (mark,) = sound.markers
    assert (mark.name, mark.color, mark.comment, mark.marked_range) == (
        "b: failed",
        "RED",
        "it would not",
        span(40, 40, 25),
    )
    assert mark.metadata["tracklay"]["kind"] == "model-failed"
    assert json.loads((folder / "film.tracklay.json").read_text())["takes"][0]["start"]["frame"] == 90_000


OTHERS = {
    "its library's": lambda text: text,
    "one line": lambda text: json.dumps(json.loads(text)),
    "two blanks": lambda text: json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n\n",
    "whole numbers": lambda text: text.replace(".0,", ",").replace(".0\n", "\n"),
    "an older schema": lambda text: text.replace('"Clip.2"', '"Clip.1"').replace(
        '"media_references": {\n                            "DEFAULT_MEDIA":', '"media_reference":'
    ),
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "accents": lambda text: text.replace('"film"', '"fílm \\u00fc \\"x\\""'),
}


@pytest.mark.parametrize("how", OTHERS)
def test_the_original_stays_byte_for_byte(tmp_path, media, how):
    """However it is formatted, the copy without our tracks is the original, also when laid twice."""
    film = two_shots(tmp_path, media)
    text = film.read_text()
    if how == "an older schema":
        held = json.loads(text)
        for child in held["tracks"]["children"][0]["children"]:
            if "media_references" in child:
                child["OTIO_SCHEMA"] = "Clip.1"
                child["media_reference"] = child.pop("media_references")["DEFAULT_MEDIA"]
                del child["active_media_reference_key"]
        text = json.dumps(held, indent=4)
    else:
        text = OTHERS[how](text)
    film.write_bytes(text.encode())
    laid = tmp_path / "tracklay" / "film.tracklay.otio"
    for numbers in ((1, 2, 3, 4), (5, 6)):
        lay(film, numbers)
        after = laid.read_bytes().decode()
        assert remove_tracks(after, find_signed_tracks(after)) == text
    assert film.read_bytes().decode() == text
    assert len(otio.adapters.read_from_file(str(laid)).tracks) == 4
    before, back = (otio.adapters.read_from_file(str(path)) for path in (film, laid))
    assert before.tracks[0].to_json_string() == back.tracks[0].to_json_string()


def test_tracks_can_be_added_to_an_empty_list(tmp_path):
    """Removing them restores the text, and any other change breaks the signature."""
    from tracklay.timelines.otio.text_patch import DIGEST_PLACEHOLDER, append_tracks

    text = otio.schema.Timeline("x").to_json_string()
    ours = otio.schema.Track(
        "Tracklay", kind="Audio", metadata={"tracklay": {"digest": DIGEST_PLACEHOLDER}}
    ).to_json_string()
    after = append_tracks(text, [ours])
    assert find_signed_tracks(after) == [0]
    assert remove_tracks(after, [0]) == text
    assert find_signed_tracks(after.replace('"x"', '"y"')) == []


def test_laying_again_keeps_all_takes_and_the_newest_is_audible(tmp_path, media):
    """One take per cue and model is audible; those of another model play at the same time, on a track of their own."""
    film = two_shots(tmp_path, media)
    laid = tmp_path / "tracklay" / "film.tracklay.otio"
    lay(film, (1, 2))
    lay(film, (3,), only=("b",))
    assert rows(laid) == {
        "Tracklay": [("take1", 0, 30, True), ("take3", 40, 40, True)],
        "Tracklay takes": [("take2", 40, 40, False)],
    }
    lay(film, (4,), only=("b",), model="sketch/music")
    assert rows(laid) == {
        "Tracklay": [("take1", 0, 30, True), ("take4", 40, 40, True)],
        "Tracklay 2": [("take3", 40, 40, True)],
        "Tracklay takes": [("take2", 40, 40, False)],
    }
    (tmp_path / "tracklay" / "film.clicker-clicks.take2.wav").unlink()
    lay(laid, (5,), only=("a",))
    assert [path.name for path in tmp_path.rglob("*.otio")] == ["film.otio", laid.name]
    assert rows(laid)["Tracklay takes"] == [("take1", 0, 30, False)]


def test_stems_of_audible_takes_are_on_disabled_tracks_by_name(tmp_path, media):
    """One track per name; laid again they are those of the newest take, and no stem is read as a take."""
    film = two_shots(tmp_path, media)
    opened = timelines.open_timeline(film)
    folder = tmp_path / "tracklay"

    def stemmed(cue, number, *names):
        files = {name: folder / f"film.clicker-clicks.take{number}.{name}.wav" for name in names}
        for file in files.values():
            folder.mkdir(exist_ok=True)
            file.write_bytes(b"RIFF")
        return replace(made(cue, number, folder), stems=files)

    first, second = opened.cues(model=MODEL)
    opened.lay(
        [stemmed(first, 1, "bass", "melody"), stemmed(first, 2, "bass"), stemmed(second, 3, "bass")],
        [],
        folder,
        drop_original=False,
    )
    laid = folder / "film.tracklay.otio"
    assert rows(laid) == {
        "Tracklay": [("take1", 0, 30, True), ("take3", 40, 40, True)],
        "Tracklay takes": [("take2", 0, 30, False)],
        "Tracklay bass": [("bass", 0, 30, False), ("bass", 40, 40, False)],
        "Tracklay melody": [("melody", 0, 30, False)],
    }
    bass = otio.adapters.read_from_file(str(laid)).tracks[3]
    assert (bass[0].enabled, bass.enabled) == (True, False)
    assert bass[0].media_reference.target_url == "film.clicker-clicks.take1.bass.wav"
    assert dict(bass[0].metadata["tracklay_stem"]) == {"cue": "a", "stem": "bass"}
    lay(film, (4,), only=("a",))
    assert rows(laid) == {
        "Tracklay": [("take4", 0, 30, True), ("take3", 40, 40, True)],
        "Tracklay takes": [("take1", 0, 30, False)],
        "Tracklay takes 2": [("take2", 0, 30, False)],
        "Tracklay bass": [("bass", 40, 40, False)],
    }


def test_a_changed_copy_belongs_to_the_user(tmp_path, media):
    """It is never overwritten; renamed it is a timeline like any other, and the takes in it stay as they are."""
    film = two_shots(tmp_path, media)
    laid = tmp_path / "tracklay" / "film.tracklay.otio"
    lay(film, (1, 2, 3, 4))
    changed = otio.adapters.read_from_file(str(laid))
    changed.name = "mine now"
    otio.adapters.write_to_file(changed, str(laid))
    theirs = laid.read_bytes()
    with pytest.raises(InvalidInput, match="was changed since"):
        lay(film, (5, 6))
    assert laid.read_bytes() == theirs
    renamed = laid.rename(laid.with_name("cut2.otio"))
    lay(renamed, (5, 6), folder=renamed.parent)
    after = renamed.with_name("cut2.tracklay.otio").read_text()
    assert remove_tracks(after, find_signed_tracks(after)).encode() == theirs
    heard = [name for each in rows(renamed.with_name("cut2.tracklay.otio")).values() for name, _, _, on in each if on]
    assert heard == ["take1", "take3"]
    lay(renamed, (7, 8), folder=renamed.parent)
    after = renamed.with_name("cut2.tracklay.otio").read_text()
    assert remove_tracks(after, find_signed_tracks(after)).encode() == theirs


def test_takes_follow_their_picture_after_a_recut(tmp_path, media):
    """Where the clip moved, they move; where it was trimmed, they stay and get a marker that they are stale."""
    film = two_shots(tmp_path, media)
    laid = tmp_path / "tracklay" / "film.tracklay.otio"
    lay(film, (1, 2))
    two_shots(tmp_path, media, first=20)
    lay(film, (3,), only=("a",))
    assert rows(laid) == {
        "Tracklay": [("take3", 0, 20, True), ("take2", 30, 40, True)],
        "Tracklay takes": [("take1", 0, 30, False)],
    }
    back = otio.adapters.read_from_file(str(laid))
    marks = [(shot.name, marker.name) for shot in back.find_clips() for marker in shot.markers]
    assert marks == [("film.clicker-clicks.take1", "a: stale")]


def test_relative_paths_are_rebased_in_the_copy(tmp_path, media):
    """The copy is a folder deeper: only media paths that need it change, and nothing in metadata does."""
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a b.mp4").write_bytes(media.read_bytes())
    near = clip("media/a%20b.mp4", 0, 10, 25, name="near")
    near.metadata["other"] = {"OTIO_SCHEMA": "ExternalReference.1", "target_url": "media/a%20b.mp4"}
    film = timeline(tmp_path / "film.otio", track(near, clip(media, 0, 10, 25)))
    lay(film, (1, 2))
    laid = tmp_path / "tracklay" / "film.tracklay.otio"
    after = remove_tracks(laid.read_text(), find_signed_tracks(laid.read_text()))
    assert after.replace("../media", "media") == film.read_text()
    assert after.count("../media") == 1
    first, second = timelines.open_timeline(laid).cues(model=MODEL)
    assert first.picture.source.samefile(tmp_path / "media" / "a b.mp4")
    assert second.picture.source == media
    assert not first.picture.error


def test_drop_original_disables_audio_tracks_in_the_copy(tmp_path, media):
    """The user's tracks are disabled, ours are enabled, nothing else changed."""
    film = timeline(
        tmp_path / "film.otio",
        track(clip(media, 0, 30, 25)),
        track(clip(media, 0, 30, 25), name="A1", kind="Audio"),
    )
    lay(film, (1,), drop_original=True)
    laid = tmp_path / "tracklay" / "film.tracklay.otio"
    back = otio.adapters.read_from_file(str(laid))
    assert [each.enabled for each in back.tracks] == [True, False, True]
    after = laid.read_text()
    assert (
        remove_tracks(after, find_signed_tracks(after)).replace('"enabled": false', '"enabled": true')
        == film.read_text()
    )


def test_a_user_file_with_the_name_of_the_copy_stops_the_run(tmp_path, media, clicking, capsys):
    """It is left unchanged, whatever it contains, and nothing is generated."""
    film = two_shots(tmp_path, media)
    folder = tmp_path / "tracklay"
    folder.mkdir()
    (folder / "film.tracklay.otio").write_bytes(film.read_bytes())
    assert main(["lay", str(film), "--model", MODEL]) == 2
    assert "was changed since" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["film.tracklay.otio"]


def test_resume_lays_takes_that_could_not_be_laid(tmp_path, media, clicking, capsys, monkeypatch):
    """Takes are kept; `jobs resume` opens the timeline again and lays all takes of the run, each at its cue."""
    from tracklay.errors import OutputError
    from tracklay.timelines.otio.timeline import OtioFile

    film = timeline(
        tmp_path / "film.otio",
        track(clip(media, 0, 5, 25, name="a"), clip(media, 10, 5, 25, name="b"), clip("gone.mp4", 0, 5, 25)),
    )
    real = OtioFile._write

    def refuse(*_, **__):
        raise OutputError("no room left")

    monkeypatch.setattr(OtioFile, "_write", refuse)
    assert main(["lay", str(film), "--model", MODEL]) == 1
    output = capsys.readouterr().err
    assert "no room left" in output
    assert f"File not found: {tmp_path / 'gone.mp4'}." in output
    monkeypatch.setattr(OtioFile, "_write", real)
    assert main(["jobs", "resume"]) == 0
    laid = rows(tmp_path / "tracklay" / "film.tracklay.otio")
    assert [(at, frames, heard) for _, at, frames, heard in laid["Tracklay"]] == [(0, 5, True), (5, 5, True)]


def test_a_clip_too_long_for_the_model_fails_alone(tmp_path, media, clicking, home, capsys):
    """Its error begins with its name; the other clips are laid."""
    file = home / "models" / "clicker.toml"
    file.write_text(file.read_text() + "seconds = { least = 0, most = 1 }\n")
    film = two_shots(tmp_path, media, first=20)
    assert main(["lay", str(film), "--model", MODEL, "--parts", "whole"]) == 1
    output = capsys.readouterr().err
    assert output.startswith("tracklay: b: ")
    assert output.count("\n") == 1
    assert [name for name, *_ in rows(tmp_path / "tracklay" / "film.tracklay.otio")["Tracklay"]] == ["take1"]


def test_nothing_is_written_if_every_clip_fails(tmp_path, clicking, capsys):
    """One error, status 2, no folder."""
    film = timeline(tmp_path / "film.otio", track(clip("gone.mp4", 0, 5, 25)))
    assert main(["lay", str(film), "--model", MODEL]) == 2
    assert f"File not found: {tmp_path / 'gone.mp4'}." in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["film.otio"]


def test_takes_with_unknown_metadata_are_stale(tmp_path, media):
    """Metadata that another version omitted or wrote differently: the take stays where it is, and is stale."""
    from tracklay.timelines.otio.relocation import relocate_take

    (cue, _) = timelines.open_timeline(two_shots(tmp_path, media)).cues(model=MODEL)
    for metadata in (
        {},
        {"source": "clip.mp4", "speed": "1", "begins": "x"},
        {"source": 3, "speed": "1", "begins": "0"},
    ):
        take = relocate_take(replace(_laid(cue, tmp_path), cue_metadata=metadata), {})
        assert take.stale_reason
        assert take.start == 7


def _laid(cue, folder: Path):
    from tracklay.timelines.otio.take_tracks import OtioTake

    return OtioTake(7, 30, folder / "x.wav", {"cue": cue.id, "model": cue.model}, {}, audible=True)


@pytest.mark.parametrize("indent", [None, 4])
def test_effects_are_added_to_their_clips_alone(indent):
    """After the effects that a clip has, into a list that is empty or missing; all else stays."""
    clips: list[dict[str, Any]] = [
        {"name": "a", "effects": [{"n": 1}, {"n": 2}]},
        {"name": "b", "effects": []},
        {"name": "c"},
    ]
    content = {"tracks": {"children": [{"children": []}, {"name": "A1", "children": clips}]}}
    effects = {(1, number): json.dumps({"n": 7 + number}) for number in range(3)}
    changed = json.loads(add_effects(json.dumps(content, indent=indent), effects))
    numbers = [[effect["n"] for effect in each.pop("effects")] for each in changed["tracks"]["children"][1]["children"]]
    assert numbers == [[1, 2, 7], [8], [9]]
    for each in clips:
        each.pop("effects", None)
    assert changed == content
    assert add_effects(json.dumps(content), {}) == json.dumps(content)
