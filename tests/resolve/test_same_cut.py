"""The same cut gives the same cues and the same samples through Resolve as through an `.otio`; tests/blender has its other forms."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from typing import Any

import opentimelineio as otio
import pytest
from tracklay.cli.main import main
from tracklay.cue import Take
from tracklay.jobs.delivery import Delivery
from tracklay.jobs.job_spec import create_job_specs
from tracklay.jobs.runner import BlockingRunner
from tracklay.resolve.timeline import ResolveTimeline
from tracklay.timelines import open_timeline

from tests.clips import clicks, flash_clip, hear
from tests.fakes.resolve import Item, Media, launch
from tests.timelines.cuts import clip, gap, speed, timeline, track

FLASHES = (0, 30, 51, 77, 100, 119)


def source_times(cue) -> list[Fraction]:
    """Return the source time of each frame."""
    return [cue.picture.time_map.source_seconds(frame) for frame in range(cue.span.start, cue.span.end)]


def test_one_cut_through_both_gives_the_same_cues_and_samples(tmp_path, home, clicking, capsys, monkeypatch):
    """Trims, a gap, a clip over another, two speeds and one backwards: spans, source times, samples; each click on its flash."""
    rate, text, hour = Fraction(30000, 1001), "29.97", 108_000
    media = flash_clip(tmp_path / "clip.mp4", rate, 140, FLASHES)
    lower = track(
        gap(13, rate),
        clip(media, 21, 92, rate, name="plain"),
        clip(media, 29, 37, rate, speed(2), name="fast"),
        clip(media, 29, 75, rate, speed(-1), name="back"),
    )
    upper = track(gap(40, rate), clip(media, 40, 20, rate, name="over"), name="V2")
    film = timeline(tmp_path / "film.otio", lower, upper, start=otio.opentime.RationalTime(hour, float(rate)))

    app = launch(21.1)
    shown = app._open("film", text, hour)
    source = Media(app, str(media))
    placed: tuple[tuple[int, int, dict[str, Any]], ...] = (
        (13, 92, {"name": "plain", "source_start": 21}),
        (105, 37, {"name": "fast", "source_start": 29, "speed": 2}),
        (142, 75, {"name": "back", "source_start": 103, "speed": -1}),
    )
    for start, frames, how in placed:
        shown._put(Item(app, source, hour + start, frames, **how))
    shown._put(Item(app, source, hour + 40, 20, name="over", source_start=40), 2)
    fields: dict[str, Any] = {"model": "clicker/clicks", "seed": 1, "land": "off"}
    through = ResolveTimeline.open(app, "all", tmp_path / "takes").cues(**fields)
    cues = open_timeline(film).cues(**fields)
    facts = [(cue.id, cue.span, cue.drop_frame, cue.hits, cue.picture.error, cue.picture.frame_rule) for cue in through]
    assert facts == [(cue.id, cue.span, cue.drop_frame, cue.hits, "", cue.picture.frame_rule) for cue in cues]
    for one, other in zip(through, cues, strict=True):
        assert source_times(one) == source_times(other)

    assert main(["lay", str(film), "--model", "clicker/clicks", "--seed", "1", "--land", "off", "--json"]) == 0
    entries = {entry["cue"]: entry for entry in json.loads(capsys.readouterr().out)["takes"]}
    shutil.copytree(home / "models", tmp_path / "other" / "models")
    monkeypatch.setenv("TRACKLAY_HOME", str(tmp_path / "other"))  # in the first home the takes would be reused
    (tmp_path / "takes").mkdir()
    laid_in = ResolveTimeline.open(app, "all", tmp_path / "takes")
    specs, _ = create_job_specs(laid_in.cues(**fields), tmp_path / "takes", "film", Delivery())
    with BlockingRunner(lambda _: None) as runner:
        takes = [take for take in runner.run_jobs(specs) if isinstance(take, Take)]
    assert laid_in.lay(takes, [], tmp_path / "takes").failures == ()
    assert len(takes) == len(entries) == 5
    for take in takes:
        entry = entries[take.cue.id]
        assert (take.samples, take.source_sha256) == (entry["samples"], entry["source_sha256"])
        assert hear(take.file).tobytes() == hear(tmp_path / "tracklay" / entry["file"]).tobytes()
    laid = [item for each in shown._tracks["audio"] for item in each._items]
    assert sorted((item._start, item._frames) for item in laid) == sorted(
        (cue.span.start, cue.span.frames) for cue in cues
    )
    (plain,) = (take for take in takes if take.cue.id == "plain")
    assert clicks(hear(plain.file)) == pytest.approx([frame / rate * 48_000 for frame in (9,)], abs=1)
