"""Tests of a media file as a timeline: points as users write them, and the file's own timecode."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import pytest
from tracklay import timelines
from tracklay.errors import InvalidInput

from tests.clips import flash_clip, halve_timecode_rate
from tests.timelines.test_sync import lay


@pytest.fixture(scope="module")
def cam(tmp_path_factory):
    """Return a clip of 100 frames at 25 frames per second whose timecode starts at one hour."""
    path = tmp_path_factory.mktemp("cam") / "cam.mov"
    return flash_clip(path, Fraction(25), 100, (), "-c:v", "mjpeg", "-timecode", "01:00:00:00")


@pytest.mark.parametrize(
    ("point", "first"),
    [("01:00:00:10", 10), ("00:00:00:10", 10), ("00:00:00.400", 10), ("0,4", 10), ("10f", 10), ("0:01", 25)],
)
def test_points_count_from_the_first_frame_or_by_the_files_timecode(cam, point, first):
    """A timecode that only the file's own counting puts inside the file is counted so."""
    (cue,) = timelines.open_timeline(cam).cues(point, model="sketch/foley")
    assert (cue.span.start, cue.span.frames) == (first, 100 - first)


@pytest.mark.parametrize("point", ["00:59:59:24", "01:00:05:00", "1:00:00"])
def test_a_point_outside_the_file_is_an_error(cam, point):
    """Before the timecode of the first frame, and after that of the last; a clock time is no timecode."""
    with pytest.raises(InvalidInput, match="past the end"):
        timelines.open_timeline(cam).cues(point, model="sketch/foley")


@pytest.mark.parametrize("point", ["01:00:00:10", "01:00:00;10", "01;00;00;10", "00;00;00;10"])
def test_the_files_own_timecode_skips_numbers_however_it_is_written(tmp_path, point):
    """Drop-frame time code typed with colons: an hour of it without skipping would be 108 frames later, and inside the file."""
    options = ("-c:v", "mjpeg", "-timecode", "01:00:00;00")
    clip = flash_clip(tmp_path / "cam.mov", Fraction(30000, 1001), 200, (), *options)
    (cue,) = timelines.open_timeline(clip).cues(point, model="sketch/foley")
    assert (cue.span.start, cue.drop_frame) == (10, True)


@pytest.mark.parametrize(("timecode", "drop_frame"), [("00:00:00:00", False), ("", None)])
def test_a_cue_counts_timecode_as_its_file_does(tmp_path, timecode, drop_frame):
    """A file at 29.97 may count every number. One without a timecode says nothing."""
    options = ("-timecode", timecode) if timecode else ()
    clip = flash_clip(tmp_path / "cam.mov", Fraction(30000, 1001), 20, (), "-c:v", "mjpeg", *options, size=(32, 32))
    (cue,) = timelines.open_timeline(clip).cues(model="sketch/foley")
    assert cue.drop_frame is drop_frame


@pytest.mark.parametrize(
    ("kind", "rate", "start", "point", "first"),
    [
        ("mov", Fraction(60000, 1001), "01:00:00;00", "01:00:01:15", 90),
        ("mov", Fraction(60000, 1001), "01:00:00;00", "01:00:01;15", 90),
        ("mov", Fraction(60000, 1001), "01:00:00;00", "00:00:01:15", 90),
        ("mov", Fraction(60000, 1001), "00:00:00:00", "00:00:01:15", 90),
        ("mov", Fraction(50), "10:00:00:00", "10:00:01:10", 70),
        ("mov", Fraction(50), "00:00:00:00", "00:00:00:24", 48),
        ("mov", Fraction(120000, 1001), "01:00:00:00", "01:00:00:30", 60),
        ("mov", Fraction(120), "01:00:00:00", "01:00:00:59", 118),
        ("mov", Fraction(48), "01:00:00:00", "01:00:01:12", 72),
        ("mxf", Fraction(60000, 1001), "01:00:00;00", "01:00:01:15", 90),
        ("mxf", Fraction(50), "10:00:00:00", "10:00:01:10", 70),
    ],
)
def test_a_timecode_is_read_at_the_rate_that_the_file_counts_at(tmp_path, kind, rate, start, point, first):
    """A camera at 59.94 counts 30 timecode frames per second, one at 50 counts 25: its frame 15 is in the middle of the second."""
    codec = "mjpeg" if kind == "mov" else "mpeg2video"
    clip = flash_clip(tmp_path / f"cam.{kind}", rate, 150, (), "-c:v", codec, "-timecode", start, size=(32, 32))
    (cue,) = timelines.open_timeline(halve_timecode_rate(clip)).cues(point, model="sketch/foley")
    assert (cue.span.start, cue.span.frames) == (first, 150 - first)


def test_a_frame_number_that_the_files_timecode_does_not_have_is_an_error(tmp_path):
    """Frame 45 of a second exists in the picture at 59.94, and not in a timecode that counts 30."""
    options = ("-c:v", "mjpeg", "-timecode", "01:00:00;00")
    clip = halve_timecode_rate(flash_clip(tmp_path / "cam.mov", Fraction(60000, 1001), 150, (), *options))
    with pytest.raises(InvalidInput, match="must be below 30 at 30000/1001"):
        timelines.open_timeline(clip).cues("01:00:01:45", model="sketch/foley")


def time_reference(path: Path) -> int:
    """Return the time reference of a WAV's bext chunk (EBU Tech 3285): samples since midnight."""
    data = path.read_bytes()
    begin = data.index(b"bext") + 8
    return int(struct.unpack("<Q", data[begin + 338 : begin + 346])[0])


def test_the_time_stamp_of_a_take_counts_from_the_files_timecode(tmp_path, cam, clicking):
    """The take of frame 10 is at 1 h 0.4 s on the clock of anyone who mixes; without timecode it is at 0.4 s."""
    plain = flash_clip(tmp_path / "plain.mp4", Fraction(25), 50, (25,))
    assert lay(cam, "--in", "10f", "--to", tmp_path / "out") == 0
    assert lay(plain, "--in", "10f", "--to", tmp_path / "out") == 0
    assert time_reference(tmp_path / "out" / "cam.clicker-clicks.take1.wav") == (3600 * 25 + 10) * 1920
    assert time_reference(tmp_path / "out" / "plain.clicker-clicks.take1.wav") == 10 * 1920
