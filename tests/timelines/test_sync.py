"""Tests that sync is the same for every kind of timeline: clicks are on their flashes, and equal cuts give equal takes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from fractions import Fraction

import opentimelineio as otio
import pytest
from tracklay import timelines
from tracklay.cli.main import main
from tracklay.jobs.pictures import source_hash
from tracklay.media.extract import extract_proxy
from tracklay.media.probe import read_video_header

from tests.clips import FFMPEG, clicks, flash_clip, hear
from tests.fakes.click_model import Clicker
from tests.media.numbered_clips import numbered, numbers
from tests.timelines.cuts import clip, gap, span, speed, timeline, track

pytestmark = pytest.mark.lands

RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60)]
FLASHES = (0, 30, 51, 77, 100, 119)
ODD = 89_347
"""The timecode, in frames, at which the media with timecode begins."""


def lay(*arguments) -> int:
    """Run `tracklay lay` with the clicking model."""
    return main(["lay", *(str(argument) for argument in arguments), "--model", "clicker/clicks"])


def laid_clips(path) -> dict[str, tuple[int, int]]:
    """Return the first frame and the length of each audible take, by its cue's id."""
    found = {}
    film = otio.adapters.read_from_file(str(path))
    for each in film.tracks:
        if each.kind == "Audio" and each.enabled:
            for child in each.find_clips():
                lies = child.range_in_parent()
                found[child.metadata["tracklay"]["cue"]] = (lies.start_time.value, lies.duration.value)
    return found


def odd_timeline(folder, rate):
    """Write a timeline that plays one clip in all ways; return it, and each cue's first frame, length and frames with a click."""
    media = flash_clip(folder / "clip.mp4", rate, 140, FLASHES)
    inner = otio.schema.Stack("nest", [track(gap(7, rate), clip(media, 21, 90, rate, name="nested"))])
    inner.source_range = span(16, 60, rate)
    picture = track(
        gap(13, rate),
        clip(media, 21, 92, rate, name="plain"),
        clip(media, 27, 80, rate, name="stamped", zero=ODD),
        gap(1, rate),
        inner,
        clip(media, 29, 37, rate, speed(2), name="fast"),
        clip(media, 29, 75, rate, speed(-1), name="back"),
    )
    first = otio.opentime.RationalTime(3600 * 24, float(rate))
    film = timeline(folder / "film.otio", picture, start=first)
    expected = {
        "plain": (13, 92, [9, 30, 56, 79]),
        "stamped": (105, 80, [3, 24, 50, 73]),
        "nested": (186, 60, [0, 21, 47]),
        "fast": (246, 37, [0.5, 11, 24, 35.5]),
        "back": (283, 75, [3, 26, 52, 73]),
    }
    return film, expected


@pytest.mark.parametrize("rate", RATES)
def test_every_click_is_on_its_flash_on_a_timeline(tmp_path, clicking, capsys, rate):
    """Trimmed, with timecode, nested, fast and backwards, from odd frames at every rate: within one sample of the flash."""
    film, expected = odd_timeline(tmp_path, rate)
    assert lay(film, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert [take["cue"] for take in made["takes"]] == list(expected)
    assert laid_clips(tmp_path / "tracklay" / "film.tracklay.otio") == {
        name: (start, frames) for name, (start, frames, _) in expected.items()
    }
    for take in made["takes"]:
        start, frames, seen = expected[take["cue"]]
        assert (take["start"]["frame"], take["frames"]) == (3600 * 24 + start, frames)
        assert take["samples"] == round(frames / rate * 48_000)
        heard = hear(tmp_path / "tracklay" / take["file"])
        assert len(heard) == take["samples"]
        exact = [frame / rate * 48_000 for frame in seen]
        found = clicks(heard)
        assert len(found) == len(exact), take["cue"]
        assert max(abs(a - b) for a, b in zip(found, exact, strict=True)) <= 1, take["cue"]


@pytest.fixture
def new_home(home, clicking, tmp_path, monkeypatch):
    """Return a function that switches to another home with the same models: in the first, finished takes would be reused."""

    def switch_home() -> None:
        shutil.copytree(home / "models", tmp_path / "other" / "models")
        monkeypatch.setenv("TRACKLAY_HOME", str(tmp_path / "other"))

    return switch_home


def test_a_file_and_a_timeline_of_the_same_cut_give_the_same_takes(tmp_path, new_home, capsys):
    """Cues of the same frames of the same file, and takes of the same samples; only names and the bext chunk differ."""
    rate = Fraction(24000, 1001)
    media = flash_clip(tmp_path / "clip.mp4", rate, 140, FLASHES)
    cuts = {"a": (5, 61), "b": (66, 70), "c": (19, 80)}
    film = timeline(tmp_path / "film.otio", track(*(clip(media, *cut, rate, name=name) for name, cut in cuts.items())))
    assert lay(film, "--json", "--seed", "1") == 0
    through = {take["cue"]: take for take in json.loads(capsys.readouterr().out)["takes"]}
    cues = {cue.id: cue for cue in timelines.open_timeline(film).cues(model="clicker/clicks")}
    new_home()
    for name, (start, frames) in cuts.items():
        assert lay(media, "--json", "--seed", "1", "--in", f"{start}f", "--out", f"{start + frames}f") == 0
        (take,) = json.loads(capsys.readouterr().out)["takes"]
        (alone,) = timelines.open_timeline(media).cues(f"{start}f", f"{start + frames}f", model="clicker/clicks")
        again = cues[name]
        assert (alone.span.frames, alone.span.rate) == (again.span.frames, again.span.rate)
        assert [alone.picture.time_map.source_seconds(alone.span.start + n) for n in range(frames)] == [
            again.picture.time_map.source_seconds(again.span.start + n) for n in range(frames)
        ]
        same = ("samples", "frames", "seed", "source_sha256", "model", "params")
        assert [take[key] for key in same] == [through[name][key] for key in same]
        sounds = [hear(tmp_path / "tracklay" / each["file"]) for each in (take, through[name])]
        assert sounds[0].tobytes() == sounds[1].tobytes()


def test_images_in_a_folder_and_in_a_timeline_give_the_same_takes(tmp_path, new_home, capsys):
    """A folder of images and an image sequence reference give the same cue and the same samples."""
    media = flash_clip(tmp_path / "clip.mp4", Fraction(24), 40, (4, 20, 33))
    folder = tmp_path / "shot 1"
    folder.mkdir()
    pattern = str(folder / "shot.%04d.png")
    subprocess.run([FFMPEG, "-v", "error", "-i", str(media), "-start_number", "1001", pattern], check=True)
    frames = otio.schema.ImageSequenceReference(
        folder.as_uri() + "/", "shot.", ".png", 1001, 1, 24, 4, available_range=span(86_400, 40, 24)
    )
    shot = otio.schema.Clip("shot", frames, span(86_403, 35, 24))
    film = timeline(tmp_path / "film.otio", track(gap(11, 24), shot))
    takes = []
    for arguments in ((film,), (folder, "--in", "3f", "--out", "38f")):
        assert lay(*arguments, "--json", "--seed", "1") == 0
        takes += json.loads(capsys.readouterr().out)["takes"]
        if arguments == (film,):
            new_home()
    assert takes[0]["source_sha256"] == takes[1]["source_sha256"]
    first, second = (hear(tmp_path / "tracklay" / take["file"]) for take in takes)
    assert first.tobytes() == second.tobytes()
    assert [round(at / 2000) for at in clicks(first)] == [1, 17, 30]


def test_the_proxy_is_square_if_requested(tmp_path, clicking, capsys, monkeypatch):
    """The proxy is as wide as the picture is high; an invalid square is an error before anything is read."""
    sizes, prepare = [], Clicker.prepare

    async def seen(self, request):
        sizes.append(read_video_header(request.proxy.path).size)
        return await prepare(self, request)

    monkeypatch.setattr(Clicker, "prepare", seen)
    media = flash_clip(tmp_path / "clip.mp4", Fraction(25), 20, (4,))
    assert lay(media, "--square", "nowhere") == 2
    assert "Invalid square: nowhere. It is one of centre, left, right, motion" in capsys.readouterr().err
    assert lay(media, "--square", "left", "--plan") == 2
    assert "--square cannot be combined with --plan. Work lists have no such column." in capsys.readouterr().err
    assert lay(media, "--square", "0.25") == 0
    assert sizes == [(108, 108)]


@pytest.mark.parametrize(
    ("scalar", "first", "expected"),
    [
        (0.5, 20, [20 + frame // 2 for frame in range(16)]),
        (0.375, 20, [20 + frame * 3 // 8 for frame in range(16)]),
        (0.1, 20, [20 + frame // 10 for frame in range(16)]),
        (-0.5, 20, [27 - frame // 2 for frame in range(16)]),
        (1, 20, [20 + frame for frame in range(16)]),
    ],
)
def test_slow_motion_holds_a_frame_until_the_next_begins(tmp_path, home, scalar, first, expected):
    """As Avid renders it; a clip whose frames meet the timeline's is found again as before."""
    media = numbered(tmp_path / "clip.mov", Fraction(24), 60)
    film = timeline(tmp_path / "film.otio", track(clip(media, first, 16, 24, speed(scalar))))
    (cue,) = timelines.open_timeline(film).cues(model="sketch/foley")
    proxy = extract_proxy(cue.picture, cue.span, tmp_path / "proxy.mp4")
    assert numbers(proxy.path) == expected
    assert cue.picture.frame_rule == ("nearest" if scalar == 1 else "hold")


def test_a_huge_source_is_identified_by_samples(tmp_path, clicking, capsys, monkeypatch):
    """It is not read to its end; once rewritten, it is another source."""
    monkeypatch.setattr(source_hash, "FULL_HASH_MAX_BYTES", 1000)
    media = flash_clip(tmp_path / "clip.mp4", Fraction(25), 20, (4,))
    known = []
    for change in (0, 0, 10**9):
        seen = media.stat()
        os.utime(media, ns=(seen.st_atime_ns, seen.st_mtime_ns + change))
        assert lay(media, "--json") == 0
        known.append(json.loads(capsys.readouterr().out)["takes"][0]["source_sha256"])
    assert known[0] == known[1] != known[2]
    assert known[0].startswith("sampled:")
