"""Copies for editors that import no other .otio: absolute paths, OTIO's own schemas, named tracks, the takes' own time stamps."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import opentimelineio as otio
import pytest
from tracklay.cli import lay as lay_module
from tracklay.cli.main import main
from tracklay.timelines.watching import FolderWatcher

from tests.clips import FFMPEG, clicks, flash_clip, hear
from tests.resolve.test_laying import write_clicks
from tests.timelines.cuts import clip, gap, timeline, track
from tests.turnover import readers

RATE = Fraction(25)


@pytest.fixture
def film(tmp_path) -> Path:
    """A timeline from one hour on, with a clip that is named by a relative path with a blank."""
    folder = tmp_path / "a cut"
    folder.mkdir()
    flash_clip(folder / "my clip.mp4", RATE, 40, (4, 20))
    start = otio.opentime.RationalTime(90_000, 25)
    return timeline(
        folder / "film.otio", track(gap(10, RATE), clip("my%20clip.mp4", 0, 30, RATE, name="shot")), start=start
    )


def lay(*arguments) -> int:
    """Run `tracklay lay` with the clicking model."""
    return main(["lay", *map(str, arguments), "--model", "clicker/clicks", "--seed", "1"])


def test_a_copy_for_resolve_names_everything_as_resolve_finds_it(film, clicking):
    """Existing absolute paths, no foreign schema, tracks by task, clips at the time stamp in their WAV; laid again it is the same."""
    assert lay(film, "--for", "resolve", "--takes", "2") == 0
    laid = film.parent / "tracklay" / "film.tracklay.otio"
    copy = otio.adapters.read_from_file(str(laid))
    urls = [each.media_reference.target_url for each in copy.find_clips()]
    assert all(Path(url).is_absolute() and Path(url).is_file() for url in urls), urls
    assert urls[0] == str(film.parent / "my clip.mp4")
    tracks = [(each.name, each.kind, each.enabled) for each in copy.tracks]
    assert tracks == [
        ("V1", "Video", True),
        ("Tracklay Foley", "Audio", True),
        ("Tracklay Foley takes", "Audio", False),
    ]
    (take,) = copy.tracks[1].find_clips()
    assert take.range_in_parent().start_time == otio.opentime.RationalTime(10, 25)
    # The WAV's time stamp is 01:00:00:10, which an editor counts its frames from.
    assert take.source_range == take.media_reference.available_range
    assert take.source_range.start_time == otio.opentime.RationalTime(90_010, 25)
    assert [round(at / 1920) for at in clicks(hear(Path(take.media_reference.target_url)))] == [4, 20]
    picture = otio.adapters.read_from_file(str(film)).tracks[0]
    copied = copy.tracks[0]
    copied[1].media_reference.target_url = picture[1].media_reference.target_url
    assert copied.is_equivalent_to(picture)
    schemas = set(_schemas(json.loads(laid.read_text())))
    assert {schema.partition(".")[0] for schema in schemas} <= {
        "RationalTime",
        "TimeRange",
        *otio.core.type_version_map(),
    }
    assert lay(film, "--for", "resolve") == 0
    again = otio.adapters.read_from_file(str(laid))
    assert [each.name for each in again.tracks] == [
        "V1",
        "Tracklay Foley",
        "Tracklay Foley takes",
        "Tracklay Foley takes 2",
    ]


def test_the_takes_as_xml_and_edl_beside_the_copy(film, clicking, capsys):
    """For versions without .otio: each take on its track and frames, its file where it is. A changed file is kept, with a note."""
    assert lay(film, "--for", "resolve", "--takes", "2") == 0
    folder = film.parent / "tracklay"
    (take, other) = (folder / f"film.clicker-clicks.take{number}.wav" for number in (1, 2))
    xml, edl = folder / "film.tracklay.xml", folder / "film.tracklay edl" / "Tracklay Foley.edl"
    read = readers.read_otio(xml)
    assert read.global_start_time == otio.opentime.RationalTime(90_000, 25)
    events = readers.otio_events(read, folder)
    assert {(event.track, event.file, event.start, event.samples, event.source_in) for event in events} == {
        ("Tracklay Foley", take, 19_200, 57_600, 0),
        ("Tracklay Foley take 2", other, 19_200, 57_600, 0),  # the adapter reads no track as disabled
    }
    cut = next(iter(readers.read_otio(edl, "cmx_3600", rate=25).find_clips()))
    assert cut.source_range == otio.opentime.TimeRange(
        otio.opentime.RationalTime(90_010, 25), otio.opentime.RationalTime(30, 25)
    )
    edl.write_text("mine")
    assert lay(film, "--for", "resolve") == 0
    assert edl.read_text() == "mine"
    assert "Tracklay Foley.edl was changed since Tracklay wrote it, and is kept." in capsys.readouterr().err
    files = [event.file.name for event in readers.otio_events(readers.read_otio(xml), folder)]
    assert files[0] == "film.clicker-clicks.take3.wav"


def _schemas(value):
    if isinstance(value, dict):
        yield from [value["OTIO_SCHEMA"]] if "OTIO_SCHEMA" in value else []
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from _schemas(each)


def test_a_take_that_was_interrupted_is_laid_in_the_same_style(film, clicking, capsys):
    """The style is stored with the job: `jobs resume` writes the copy that `lay --for` would have."""
    from tracklay.jobs.delivery import CopyStyle, FileDelivery, delivery_from_dict

    style = CopyStyle(absolute_paths=True, task_tracks=True)
    stored = FileDelivery(film, drop_original=False, style=style).to_dict()
    assert stored["style"] == ["absolute_paths", "task_tracks"]
    assert delivery_from_dict(json.loads(json.dumps(stored))) == FileDelivery(film, drop_original=False, style=style)
    assert delivery_from_dict({**stored, "style": ["unknown"]}) == FileDelivery(film, drop_original=False)


def test_a_foreign_schema_has_one_sentence(film, clicking, capsys):
    """Resolve aborts its import there, so nothing is made."""
    film.write_text(
        film.read_text().replace('"metadata": {}', '"metadata": {"fade": {"OTIO_SCHEMA": "AudioFadeIn.1"}}', 1)
    )
    assert lay(film, "--for", "resolve") == 2
    assert capsys.readouterr().err.strip() == (
        "tracklay: film.otio contains AudioFadeIn.1, which is not part of OpenTimelineIO and stops an import. Export it again without it."
    )
    assert not (film.parent / "tracklay").exists()


def test_a_media_file_becomes_a_timeline_of_one_clip(tmp_path, clicking):
    """For Resolve on Linux: the picture as it is, the take, and the file's AAC as WAV, from the file's own timecode on."""
    media = write_sounding(tmp_path / "clip.mp4", 0.4, 1.2)
    stamped = tmp_path / "stamped.mov"
    subprocess.run(
        [FFMPEG, "-v", "error", "-i", str(media), "-c", "copy", "-timecode", "10:00:00:00", str(stamped)], check=True
    )
    assert lay(stamped, "--for", "resolve", "--original-wav") == 0
    copy = otio.adapters.read_from_file(str(tmp_path / "tracklay" / "stamped.tracklay.otio"))
    assert [each.name for each in copy.tracks] == ["V1", "Tracklay Foley", "Tracklay original"]
    (picture,), (take,), (own,) = (list(each.find_clips()) for each in copy.tracks)
    assert picture.source_range == otio.opentime.TimeRange(
        otio.opentime.RationalTime(900_000, 25), otio.opentime.RationalTime(50, 25)
    )
    for each in (take, own):
        assert each.range_in_parent().duration.value == 50
        heard = hear(Path(each.media_reference.target_url))
        assert clicks(heard) == pytest.approx([19_200, 57_600], abs=2)


def test_what_has_no_copy_for_an_editor_is_one_sentence(film, clicking, capsys):
    """Images and Blender files, a mix, no picture at all."""
    assert lay(film.parent, "--for", "resolve") == 2
    assert "No copy for another editor is written of" in capsys.readouterr().err
    assert lay(film, "--for", "resolve", "--mix", "film") == 2
    assert "--mix cannot be combined with --for." in capsys.readouterr().err
    assert lay() == 2
    assert "One of the arguments PICTURE --watch is required." in capsys.readouterr().err


def test_a_file_is_found_once_it_is_complete(tmp_path):
    """Not while it grows, not twice, again after a change; what an earlier process did is not done again."""
    done: set[str] = set()
    watcher = FolderWatcher(tmp_path, lambda path: path.suffix == ".otio", lambda path: path.name in done)
    file = tmp_path / "a.otio"
    file.write_text("half")
    (tmp_path / "b.txt").write_text("other")
    assert watcher.find_complete() == []
    file.write_text("half and more")
    assert watcher.find_complete() == []
    assert watcher.find_complete() == [file]
    assert watcher.find_complete() == []
    file.write_text("changed it")
    assert [watcher.find_complete() for _ in range(3)] == [[], [file], []]
    done.add("c.otio")
    (tmp_path / "c.otio").write_text("laid before")
    assert [watcher.find_complete() for _ in range(3)] == [[], [], []]


def test_a_watched_folder_lays_what_arrives_and_ends_cleanly(film, clicking, capsys, monkeypatch):
    """A broken file is one line and stops nothing. Started again, what is laid stays as it is."""
    (film.parent / "broken.otio").write_text("{")

    def interrupt_after(polls: int) -> None:
        left = iter(range(polls))

        def wait(_: float) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt

        monkeypatch.setattr(lay_module, "time", SimpleNamespace(sleep=wait))

    interrupt_after(3)
    assert lay("--watch", film.parent, "--for", "resolve") == 130
    laid = film.parent / "tracklay" / "film.tracklay.otio"
    written = laid.stat().st_mtime_ns
    err = capsys.readouterr().err
    assert err.count(f"Not a complete .otio file: {film.parent}/broken.otio. Export the timeline again.") == 1
    interrupt_after(3)
    assert lay("--watch", film.parent, "--for", "resolve") == 130
    assert laid.stat().st_mtime_ns == written


def write_sounding(path: Path, *flash_seconds: float) -> Path:
    """Write a clip of 2 s at 25 with AAC sound that clicks at these seconds."""
    flash_clip(path.with_suffix(".silent.mp4"), RATE, 50, [round(at * 25) for at in flash_seconds])
    write_clicks(path.with_suffix(".wav"), 96_000, *(round(at * 48_000) for at in flash_seconds))
    inputs = ("-i", str(path.with_suffix(".silent.mp4")), "-i", str(path.with_suffix(".wav")))
    subprocess.run(
        [FFMPEG, "-v", "error", *inputs, "-c:v", "copy", "-c:a", "aac", "-b:a", "256k", str(path)], check=True
    )
    return path


@pytest.mark.parametrize("has_audio_track", [False, True])
def test_the_timelines_own_sound_is_laid_as_wav_on_request(tmp_path, clicking, capsys, has_audio_track):
    """Of its audio tracks, or of its picture if it has none: the clicks of the AAC are on their frames, and nothing sounds twice."""
    media = write_sounding(tmp_path / "clip.mp4", 0.4, 1.2)
    tracks = [track(gap(10, RATE), clip(media, 5, 40, RATE, name="shot"))]
    if has_audio_track:
        tracks.append(track(gap(12, RATE), clip(media, 7, 38, RATE, name="sound"), name="A1", kind="Audio"))
    film = timeline(tmp_path / "film.otio", *tracks)
    assert lay(film, "--original-wav") == 2
    assert "--original-wav needs --for." in capsys.readouterr().err
    (tmp_path / "tracklay").mkdir()
    (tmp_path / "tracklay" / "film.original1.wav").write_text("the user's")
    assert lay(film, "--for", "resolve", "--original-wav") == 0
    assert (tmp_path / "tracklay" / "film.original1.wav").read_text() == "the user's"
    copy = otio.adapters.read_from_file(str(tmp_path / "tracklay" / "film.tracklay.otio"))
    named = {each.name: each for each in copy.tracks if each.kind == "Audio" and each.enabled}
    assert set(named) == {"Tracklay Foley", "Tracklay original"}
    (own,) = named["Tracklay original"].find_clips()
    begins = own.range_in_parent().start_time.value
    assert begins == (12 if has_audio_track else 10)
    heard = hear(Path(own.media_reference.target_url))
    assert len(heard) == own.source_range.duration.value * 1920
    # Source frames 10 and 30 play at timeline frames 15 and 35.
    assert clicks(heard) == pytest.approx([(frame - begins) * 1920 for frame in (15, 35)], abs=2)
