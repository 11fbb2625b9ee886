"""Tests of drop-frame timelines: how points are read, and that takes and edit lists have the timeline's own time."""

from __future__ import annotations

from fractions import Fraction

import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime
from tracklay import timelines
from tracklay.errors import InvalidInput
from tracklay.report import read_report_input
from tracklay.report.rows import parse_rows
from tracklay.timing import Rate

from tests.clips import flash_clip
from tests.timelines.cuts import clip, timeline, track
from tests.timelines.test_adapters import FCP
from tests.timelines.test_media_file import time_reference
from tests.timelines.test_sync import lay

NTSC = Fraction(30000, 1001)
DROP_HOUR, COUNTED_HOUR = 107_892, 108_000
"""Frames of 01:00:00;00 and 01:00:00:00 at 29.97 (SMPTE ST 12-1)."""


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """Return a clip of 300 frames at 29.97."""
    return flash_clip(tmp_path_factory.mktemp("media") / "cam.mp4", NTSC, 300, (20,), size=(32, 32))


def film(folder, media, start, rate=29.97, **metadata):
    """Return the path of a timeline of one clip of 300 frames that starts at a frame."""
    path = timeline(folder / "film.otio", track(clip(media, 0, 300, NTSC)), start=RationalTime(start, rate))
    read = otio.adapters.read_from_file(str(path))
    read.metadata.update(metadata)
    otio.adapters.write_to_file(read, str(path))
    return path


def first_frame(path, point):
    """Return the first frame of a timeline's cue from a point on, counted from its start."""
    opened = timelines.open_timeline(path)
    (whole,) = opened.cues(model="sketch/foley")
    (cue,) = opened.cues(point, model="sketch/foley")
    return cue.span.start - whole.span.start


@pytest.mark.parametrize(
    ("start", "point", "first"),
    [
        (DROP_HOUR, "01:00:05:00", 150),
        (DROP_HOUR, "01:00:05;00", 150),
        (COUNTED_HOUR, "01:00:05:00", 150),
        (10 * DROP_HOUR, "10:00:05:00", 150),
        (17_982, "00:10:05:00", 150),
        (0, "00:00:05:00", 150),
    ],
)
def test_a_timecode_counts_as_the_timeline_does(tmp_path, media, start, point, first):
    """The start is at a whole minute in one of the two notations: that is the timeline's own, whatever separator is typed."""
    assert first_frame(film(tmp_path, media, start), point) == first


@pytest.mark.parametrize(("stated", "first"), [("DF", 42), ("NDF", 150)])
def test_a_notation_that_the_metadata_state_counts(tmp_path, media, stated, first):
    """A start at 01:00:03;18 is one at 01:00:00:00 too: Final Cut Pro 7 XML says which."""
    start = COUNTED_HOUR if stated == "NDF" else COUNTED_HOUR + 1
    path = film(tmp_path, media, start, fcp_xml={"timecode": {"displayformat": stated}})
    point = "01:00:05:01" if stated == "DF" else "01:00:05:00"
    assert first_frame(path, point) == first


def test_the_limits_of_a_timeline_are_printed_in_its_own_notation(tmp_path, media):
    """So that they can be typed again."""
    path = film(tmp_path, media, COUNTED_HOUR)
    with pytest.raises(InvalidInput, match="from 01:00:00:00 to 01:00:10:00"):
        timelines.open_timeline(path).cues("02:00:00:00", model="sketch/foley")
    path = film(tmp_path, media, DROP_HOUR)
    with pytest.raises(InvalidInput, match="from 01:00:00;00 to 01:00:10;00"):
        timelines.open_timeline(path).cues("02:00:00:00", model="sketch/foley")


def test_a_drop_frame_start_that_the_adapter_read_as_counted_is_corrected(tmp_path, media):
    """`01:00:00:00` with the display format DF and no frame number: the adapter of Final Cut Pro XML makes it frame 108,000."""
    text = FCP.format(a=media.as_uri()).replace("<frame>107892</frame>", "").replace("01:00:00;00", "01:00:00:00")
    read = otio.adapters.read_from_string(text, "fcp_xml")
    assert read.global_start_time.value == COUNTED_HOUR
    otio.adapters.write_to_file(read, str(tmp_path / "film.otio"))
    cues = timelines.open_timeline(tmp_path / "film.otio").cues(model="sketch/foley")
    assert cues[0].span.start == DROP_HOUR


def record_times(otio_timeline):
    """Return the record times of the events of an EDL of a timeline, as OTIO's adapter writes it."""
    events = [
        line.split() for line in otio.adapters.write_to_string(otio_timeline, "cmx_3600").splitlines() if " C " in line
    ]
    return {tuple(event[-2:]) for event in events}


@pytest.mark.parametrize("start", [DROP_HOUR, COUNTED_HOUR])
@pytest.mark.usefixtures("clicking")
def test_a_take_and_an_edit_list_have_the_time_of_the_timeline(tmp_path, media, start):
    """The WAV's time stamp is the frame's time since midnight, and an EDL of the copy has the record times of one of the original."""
    path = film(tmp_path, media, start, float(NTSC))
    assert lay(path, "--to", tmp_path / "out") == 0
    (take,) = (tmp_path / "out").glob("*.wav")
    assert time_reference(take) == Rate(NTSC).samples(start, 48_000)
    (row,) = parse_rows(read_report_input(tmp_path / "out" / "film.tracklay.json"))
    assert row.span is not None
    assert row.timecode(row.span.start) == ("01:00:00;00" if start == DROP_HOUR else "01:00:00:00")
    copy, original = (
        otio.adapters.read_from_file(str(each)) for each in (tmp_path / "out" / "film.tracklay.otio", path)
    )
    assert copy.global_start_time == original.global_start_time
    # The adapter writes no start: the record begins at 0, and at 29.97 always in drop-frame.
    assert record_times(copy) == record_times(original) == {("00:00:00;00", "00:00:10;00")}
