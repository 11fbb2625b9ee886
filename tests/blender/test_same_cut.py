"""One cut as a .blend, an .otio, a Final Cut Pro XML and a timeline of Resolve: the same cues and the same samples."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import bpy
import opentimelineio as otio
import pytest
from tracklay.blender import headless
from tracklay.cue import Take
from tracklay.jobs.delivery import Delivery
from tracklay.jobs.job_spec import create_job_specs
from tracklay.jobs.runner import BlockingRunner
from tracklay.resolve.timeline import ResolveTimeline
from tracklay.timelines import blend_file, open_timeline

from tests.clips import clicks, hear
from tests.fakes.resolve import Item, Media, launch
from tests.timelines.cuts import clip, gap, timeline, track

from .conftest import add, set_rate

if TYPE_CHECKING:
    from tracklay.timelines.base import Timeline

RATE = Fraction(25)

FRAMES, FLASHES = 60, (12, 40)
"""The source."""

SHOTS = (("a", 10, 24, 5), ("b", 34, 15, 30))
"""Name, first frame on the timeline, length, first frame of the source."""

HOUR = 90_000
"""The first frame of the timelines that begin at one hour; a .blend begins at 0."""


class InProcessWorker:
    """Calls of Blender run in the Blender that runs the tests: a process of its own takes seconds to start."""

    def __init__(self, function, arguments, program=()) -> None:
        self.result = lambda: getattr(headless, function.partition(":")[2])(**arguments)


@pytest.fixture
def forms(scene, clips, tmp_path, monkeypatch) -> dict[str, tuple[Timeline, int]]:
    """The cut in its four forms, each opened, with the frame of its zero."""
    media = clips(RATE, FRAMES, FLASHES)
    shots = [clip(media, first, frames, 25, name=name) for name, _, frames, first in SHOTS]
    for each in shots:  # the writer of XML needs the media's own range
        each.media_reference.available_range = otio.opentime.range_from_start_end_time(
            otio.opentime.RationalTime(0, 25), otio.opentime.RationalTime(FRAMES, 25)
        )
    start = otio.opentime.RationalTime(HOUR, 25)
    film = timeline(tmp_path / "film.otio", track(gap(SHOTS[0][1], 25), *shots), start=start)
    otio.adapters.write_to_file(otio.adapters.read_from_file(str(film)), str(tmp_path / "film.xml"))

    set_rate(scene, RATE)
    scene.frame_start, scene.frame_end = 0, 100
    for name, at, frames, first in SHOTS:
        strip = add(scene, media, at - first)
        strip.name = name
        strip.frame_offset_start, strip.frame_offset_end = first, FRAMES - first - frames
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))

    monkeypatch.setattr(blend_file, "WorkerProcess", InProcessWorker)
    app = launch(21.1)
    shown = app._open("film", "25", HOUR)
    source = Media(app, str(media))
    for name, at, frames, first in SHOTS:
        shown._put(Item(app, source, HOUR + at, frames, name=name, source_start=first))
    return {
        "otio": (open_timeline(film), HOUR),
        "xml": (open_timeline(tmp_path / "film.xml"), HOUR),
        "blend": (open_timeline(tmp_path / "film.blend"), 0),
        "resolve": (ResolveTimeline.open(app, "all", tmp_path), HOUR),
    }


def test_four_forms_of_a_cut_are_one(forms, tmp_path):
    """Names, places, source frames; then takes that click on the flashes, equal to the bit."""
    cues, heard = {}, {}
    for form, (opened, zero) in forms.items():
        found = opened.cues(model="clicker/clicks", land="off")
        cues[form] = [
            (
                cue.id,
                cue.span.start - zero,
                cue.span.frames,
                [cue.picture.time_map.source_seconds(frame) for frame in range(cue.span.start, cue.span.end)],
            )
            for cue in found
        ]
        folder = tmp_path / form
        folder.mkdir()
        specs, refused = create_job_specs(found, folder, "film", Delivery())
        assert refused == []
        with BlockingRunner(lambda _: None) as runner:
            takes = [take for take in runner.run_jobs(specs) if isinstance(take, Take)]
        heard[form] = {take.cue.id: hear(take.file).tobytes() for take in takes}
        (first,) = (take for take in takes if take.cue.id == "a")
        assert clicks(hear(first.file)) == pytest.approx([(FLASHES[0] - SHOTS[0][3]) * 1920], abs=1)
    assert cues["otio"] == [
        (name, at, frames, [Fraction(first + frame, 25) for frame in range(frames)])
        for name, at, frames, first in SHOTS
    ]
    for form in forms:
        assert cues[form] == cues["otio"], form
        assert heard[form] == heard["otio"], form
