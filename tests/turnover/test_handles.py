"""Sound before and after a cue: asked for, paid for, kept beside the take, and handed over in every format. Clicks stand on its flashes."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import opentimelineio as otio
import pytest
from tracklay.cancellation import CancelToken
from tracklay.cli.main import main
from tracklay.cue import Cost, Cue, EarlierTake, Patch, Picture, PicturePiece, Take
from tracklay.jobs.takes.handles import write_with_handles
from tracklay.manifest import read_manifest
from tracklay.media.bwf import plain_bwf_writer
from tracklay.media.wav_reader import WavReader
from tracklay.models import find_model
from tracklay.parts.handles import limit_handles
from tracklay.timelines.handles import add_handles
from tracklay.timing import Rate, Span, TimeMap

from tests.clips import flash_clip, hear
from tests.timelines.cuts import clip, timeline, track
from tests.turnover import readers
from tests.turnover.made_session import SAMPLE_RATE

RATE = Rate(Fraction(24))

FRAME = 2000
"""Samples of a frame at 24."""

FLASHES = (2, 20, 50)
"""Frames of the source that flash: in the handle before the clip, in it, in the handle after it."""

FIRST, LENGTH, FRAMES = 6, 30, 72
"""The clip's first frame in its source, its frames, and those of the source: fewer before it than a second."""


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """The source."""
    return flash_clip(tmp_path_factory.mktemp("handles") / "shot.mp4", Fraction(24), FRAMES, FLASHES)


@pytest.fixture
def film(picture, clicking, tmp_path):
    """A timeline at one hour that shows a part of the source, and a model that clicks at 48 kHz."""
    clicking("wav", SAMPLE_RATE)
    return timeline(
        tmp_path / "film.otio", track(clip(picture, FIRST, LENGTH, 24)), start=otio.opentime.RationalTime(86_400, 24)
    )


def click_samples(sound):
    """Return the samples on which a sound clicks."""
    return [int(at) for at in (np.abs(sound[:, 0]) > 0.2).nonzero()[0]]


def lay(*arguments):
    """Lay with the clicking model."""
    assert main(["lay", *map(str, arguments), "--model", "clicker/clicks", "--land", "off"]) == 0


def test_a_take_with_handles_in_every_format(film, capsys, tmp_path):
    """The take is the span; the file beside it has what the source shows around it. Every format plays it at the same sample."""
    lay(film, "--handles", 1)
    capsys.readouterr()
    folder = tmp_path / "tracklay"
    (entry,) = read_manifest(folder / "film.tracklay.json")["takes"]
    named = entry["file"].replace(".wav", ".handles.wav")
    assert entry["handles"] == {"before": FIRST * FRAME, "after": 24 * FRAME, "file": named}
    assert entry["samples"] == LENGTH * FRAME
    assert not any("cut" in note or "silence" in note for note in entry["notes"])
    take, whole = hear(folder / entry["file"]), hear(folder / named)
    assert click_samples(take) == [(20 - FIRST) * FRAME]
    assert click_samples(whole) == [at * FRAME for at in FLASHES]
    assert np.array_equal(whole[FIRST * FRAME :][: len(take)], take)
    assert len(whole) == (FIRST + LENGTH + 24) * FRAME

    out = tmp_path / "out"
    formats = "aaf,rpp,otio,fcpxml,xml,edl,wav"
    assert main(["turnover", str(film), "--to", str(out), "--format", formats, "--absolute"]) == 0
    copied = out / "film media" / named
    assert copied.read_bytes() == (folder / named).read_bytes()
    found = {
        "aaf": readers.read_aaf(out / "film.aaf")[1],
        "rpp": readers.read_rpp(out / "film.rpp")[0],
        "otio": readers.otio_events(readers.read_otio(out / "film.otio"), out),
        "fcpxml": readers.otio_events(readers.read_otio(out / "film.fcpxml"), out, kind="Video"),
        "xml": readers.otio_events(readers.read_otio(out / "film.xml"), out),
    }
    for name, (event,) in found.items():
        assert (event.start % (3600 * SAMPLE_RATE), event.samples) == (0, LENGTH * FRAME), name
        assert (event.file, event.source_in) == (copied, FIRST * FRAME), name
    (edl,) = (out / "film edl").glob("*.edl")
    cut = next(iter(readers.read_otio(edl, "cmx_3600", rate=24).find_clips()))
    # Its source timecode counts as the file's time reference does: the file begins before the hour.
    assert cut.source_range.start_time.value == 86_400
    assert cut.source_range.duration.value == LENGTH
    (rendered,) = (out / "film tracks").iterdir()
    assert click_samples(hear(rendered)) == [(20 - FIRST) * FRAME]


def test_the_price_counts_them(film, home, capsys):
    """The dry run states seconds, handles and price of the whole request, which stays within the model's limits."""
    model = home / "models" / "clicker.toml"
    model.write_text(
        model.read_text().replace('price = { amount = "0" }', 'price = { amount = "0.5", per = "second" }')
    )
    assert main(["lay", str(film), "--model", "clicker/clicks", "--handles", "1", "--dry-run"]) == 0
    assert "2.5 s with handles of 0.25 s and 1 s, 1.25 USD" in capsys.readouterr().out
    assert main(["lay", str(film), "--model", "clicker/clicks", "--handles", "1", "--dry-run", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["cues"]
    assert (found["seconds"], found["handles"]) == (2.5, {"before": 0.25, "after": 1})
    assert found["cost"]["amount"] == "1.25"
    model.write_text(model.read_text() + "\nseconds = { most = 2 }\n")
    assert main(["lay", str(film), "--model", "clicker/clicks", "--handles", "1", "--dry-run"]) == 0
    assert "2 s with handles of 0.25 s and 0.5 s, 1.00 USD" in capsys.readouterr().out


def test_what_a_model_makes_beyond_the_span_is_kept(film, clicking, capsys, tmp_path):
    """Unasked, it is a handle after the take all the same, and handed over."""
    clicking("wav", SAMPLE_RATE, Fraction(1, 2))
    lay(film)
    (entry,) = read_manifest(tmp_path / "tracklay" / "film.tracklay.json")["takes"]
    named = entry["file"].replace(".wav", ".handles.wav")
    assert entry["handles"] == {"before": 0, "after": 24_000, "file": named}
    assert len(hear(tmp_path / "tracklay" / named)) == entry["samples"] + 24_000
    assert main(["turnover", str(film), "--to", str(tmp_path / "out"), "--format", "rpp"]) == 0
    ((event),), _ = readers.read_rpp(tmp_path / "out" / "film.rpp")
    assert (event.file.name, event.source_in, event.samples) == (named, 0, entry["samples"])


def test_a_row_of_a_work_list(film, capsys, tmp_path):
    """`handles` of a row, as a number, is the option; a planned list has it."""
    lay(film, "--handles", 0.5, "--plan")
    written = (tmp_path / "film.tracklay.toml").read_text()
    assert 'handles = "0.5"' in written
    (tmp_path / "film.tracklay.toml").write_text(written.replace('"0.5"', "0.5"))
    assert main(["batch", str(tmp_path / "film.tracklay.toml")]) == 0
    (entry,) = read_manifest(tmp_path / "tracklay" / "film.tracklay.json")["takes"]
    assert (entry["handles"]["before"], entry["handles"]["after"]) == (FIRST * FRAME, 12 * FRAME)


@pytest.mark.parametrize("text", ["-1", "61", "nan", "a second"])
def test_wrong_handles(film, capsys, tmp_path, text):
    """One sentence, and nothing is written."""
    assert main(["lay", str(film), f"--handles={text}", "--model", "clicker/clicks"]) == 2
    assert capsys.readouterr().err == f"tracklay: Handles must be from 0 to 60 seconds, not {text}.\n"
    assert not (tmp_path / "tracklay").exists()


def test_where_a_picture_ends(picture, tmp_path):
    """Handles reach as far as the source has picture: backwards and frozen too. A still is there at all times, a joined picture nowhere."""
    span = Span(86_400, LENGTH, RATE)

    def found(start, speed, **fields):
        time_map = TimeMap.linear(span, Fraction(start, 24), Fraction(speed))
        cue = Cue("1", span, Picture(picture, time_map, **fields), "a/b")
        return add_handles([cue], "1")[0].handles

    assert found(FIRST, 1) == (FIRST, 24)
    assert found(FIRST + 10, 2) == (8, 0)
    assert found(LENGTH + 10, -1) == (24, 11)
    assert found(FIRST, 0) == (24, 24)
    assert found(FIRST, 1, pieces=(PicturePiece(span, Picture(picture, TimeMap.linear(span, Fraction(0)))),)) == (0, 0)
    names = tuple(f"{number:04}.png" for number in range(LENGTH + 5))
    for name in names[:-2]:
        (tmp_path / name).touch()
    cue = Cue("1", span, Picture(tmp_path, TimeMap.linear(span, Fraction(2, 24)), names, RATE), "a/b")
    assert add_handles([cue], "1")[0].handles == (2, 1)


@pytest.mark.parametrize(
    ("model", "fields", "handles"),
    [
        ("fal/mmaudio-v2", {}, (24, 24)),
        ("elevenlabs/sound-effects", {}, (0, 24)),
        ("sketch/music", {}, (0, 0)),
        ("elevenlabs/music", {}, (0, 0)),
        ("fal/mmaudio-v2", {"patch": Patch(Path("a.wav"), 86_401, 4)}, (0, 0)),
        ("fal/mmaudio-v2", {"reland": EarlierTake(Path("a.wav"))}, (0, 0)),
    ],
)
def test_which_models_are_asked(picture, model, fields, handles):
    """Sound without a moving picture begins with its request; music is composed or kept whole; a stretch has its neighbours."""
    span = Span(86_400, LENGTH, RATE)
    cue = Cue("1", span, Picture(picture, TimeMap.linear(span, Fraction(0))), model, "wind", handles=(24, 24), **fields)
    assert limit_handles(cue, find_model(model)) == handles


def test_handles_of_a_landed_take(picture, tmp_path):
    """The take that landing moved lies between handles that moved as far: one sound, to the sample."""
    samples, before, after, lag = 96_000, 12_000, 24_000, 960
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (before + samples + after, 1)).astype(np.float32)
    span = Span(86_400, 48, RATE)
    cue = Cue("1", span, Picture(picture, TimeMap.linear(span, Fraction(0))), "a/b")
    landed = noise[before + lag : before + lag + samples]
    for name, sound in (("made.wav", noise), ("take.wav", landed)):
        with (tmp_path / name).open("wb") as file:
            writer = plain_bwf_writer(file, 1, SAMPLE_RATE)
            writer.write(sound)
            writer.close()
    take = Take(
        cue, 1, "a", "1", "", 1, {}, tmp_path / "take.wav", "", SAMPLE_RATE, 1, samples, Cost("0", "USD", estimated=True),
        "CC0", "", "2026-12-01T00:00:00Z", landing={"lag": "1/50", "untouched": "take.unlanded.wav"},
        handles={"before": before, "after": after, "file": "take.handles.wav"},
    )  # fmt: skip
    write_with_handles(take, tmp_path / "made.wav", tmp_path / "take.handles.wav", CancelToken())
    written = hear(tmp_path / "take.handles.wav")
    assert len(written) == len(noise)
    edge = 300  # the fades of the whole file's ends
    assert np.abs(written[edge : -lag - edge] - noise[lag + edge : -edge]).max() < 1e-6
    with WavReader(tmp_path / "take.handles.wav") as wav:
        assert wav.time_reference == 3600 * SAMPLE_RATE - before
