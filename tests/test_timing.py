"""Exact time: rates, spans, maps, timecode."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklay.timing import Rate, Span, TimeError, TimeMap, format_timecode, parse_fraction, parse_time

RATES = [
    Rate.from_value(text) for text in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "120")
]
rates = st.sampled_from(RATES) | st.fractions(Fraction(1), Fraction(1000)).map(Rate)
sample_rates = st.sampled_from([8000, 44_100, 48_000, 96_000])


@pytest.mark.parametrize(
    ("text", "fps"),
    [
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("119.88", Fraction(120000, 1001)),
        ("24000/1001", Fraction(24000, 1001)),
        ("25", Fraction(25)),
        ("25.0", Fraction(25)),
        ("12.5", Fraction(25, 2)),
        ("14.99", Fraction(15000, 1001)),
        (47.952, Fraction(48000, 1001)),
        (24, Fraction(24)),
    ],
)
def test_a_rate_is_read_as_its_exact_fraction(text, fps):
    """Decimals that programs print for NTSC rates become those rates; everything else stays what it says."""
    assert Rate.from_value(text).fps == fps


@pytest.mark.parametrize("text", ["", "fast", "0", "-25", "1/0", "24/1001/2"])
def test_an_invalid_rate_is_refused(text):
    """Nothing becomes a rate by accident."""
    with pytest.raises(ValueError, match="rate"):
        Rate.from_value(text)


@pytest.mark.parametrize(
    ("fps", "base", "rate"),
    [(24, 1.0010000467300415, "24000/1001"), (25, 1.0, "25/1"), (30, 1.001, "30000/1001"), (2997, 100.0, "2997/100")],
)
def test_blenders_pair_of_numbers_is_the_exact_rate(fps, base, rate):
    """Blender keeps 1.001 in 32 bits; the rate is 24000/1001 all the same."""
    assert str(Rate.from_blender(fps, base)) == rate


@given(rates, st.integers(1, 10**7), sample_rates)
def test_a_spans_samples_follow_the_one_formula(rate, frames, sample_rate):
    """n frames at rate r are round(n / r * sample rate) samples, independent of the start of the span."""
    assert Span(frames // 3, frames, rate).samples(sample_rate) == round(frames / rate.fps * sample_rate)


def test_a_span_has_at_least_one_frame():
    """Nothing can be laid against no frames."""
    with pytest.raises(ValueError, match="at least one frame"):
        Span(0, 0, Rate.from_value(25))


TIMECODES = [
    # frame, rate, drop-frame, text: the well-known corners of SMPTE ST 12-1
    (0, "25", None, "00:00:00:00"),
    (1499, "25", None, "00:00:59:24"),
    (86_399, "24000/1001", None, "00:59:59:23"),
    (1799, "30000/1001", True, "00:00:59;29"),
    (1800, "30000/1001", True, "00:01:00;02"),
    (17_981, "30000/1001", True, "00:09:59;29"),
    (17_982, "30000/1001", True, "00:10:00;00"),
    (107_892, "30000/1001", True, "01:00:00;00"),
    (107_892, "30000/1001", False, "00:59:56:12"),
    (3599, "60000/1001", True, "00:00:59;59"),
    (3600, "60000/1001", True, "00:01:00;04"),
    (215_784, "60000/1001", True, "01:00:00;00"),
    (12_000, "120", None, "00:01:40:000"),
]


@pytest.mark.parametrize(("frame", "rate", "drop", "text"), TIMECODES)
def test_timecode_is_the_standards(frame, rate, drop, text):
    """Known pairs, in and out."""
    assert format_timecode(frame, Rate.from_value(rate), drop_frame=drop) == text
    assert parse_time(text, Rate.from_value(rate)) == frame


@given(st.sampled_from(RATES), st.integers(0, 10**8), st.booleans())
def test_timecode_round_trips(rate, frame, drop):
    """What is written as timecode is read as the same frame, drop-frame or not."""
    assert parse_time(format_timecode(frame, rate, drop_frame=drop and rate.has_drop_frame), rate) == frame


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("300f", 300),
        ("12.5", 312),
        ("0", 0),
        ("1/3", 8),
        (" 2 ", 50),
        ("1,5", 38),
        ("1:30", 2250),
        ("0:01", 25),
        ("90:00", 135_000),
        ("00:00:01.500", 38),
        ("01:00:00,04", 90_001),
        ("1:00:00", 90_000),
        ("1.5s", 38),
        ("1,5 s", 38),
        ("1500ms", 38),
        (".5s", 12),
        ("90s", 2250),
        ("90sec", 2250),
        ("2m", 3000),
        ("1.5min", 2250),
        ("1h", 90_000),
        ("1m30", 2250),
        ("1m 30.5s", 2262),
        ("1h30", 135_000),
        ("1h2min", 93_000),
        ("1H2M3S", 93_075),
        ("300 frames", 300),
    ],
)
def test_times_are_seconds_clock_times_or_frames(text, frame):
    """As ffmpeg, moviepy and PySceneDetect write them. Seconds go to the nearest frame, `300f` is a frame."""
    assert parse_time(text, Rate.from_value(25)) == frame


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("x", "25"),
        ("-1", "25"),
        ("1:2:3:4:5", "25"),
        ("1:60", "25"),
        ("1:60:00", "25"),
        ("-1:00", "25"),
        ("1,5,5", "25"),
        ("00:00:00:25", "25"),
        ("00:01:00;00", "30000/1001"),
        ("00;01;00;00", "30000/1001"),
        ("00;01;00;02", "25"),
        ("00;01:00;02", "30000/1001"),
        ("00:01:00;02", "25"),
        ("", "25"),
        ("1/0", "25"),
        ("s", "25"),
        ("5ss", "25"),
        ("1m90", "25"),
        ("1h2h", "25"),
        ("1:30s", "25"),
        ("99999999999h", "25"),
    ],
)
def test_an_invalid_time_is_refused(text, rate):
    """A frame number that the rate does not have, a dropped one, and nonsense."""
    with pytest.raises(ValueError, match=r"Not a time|must be below|does not exist|No drop-frame"):
        parse_time(text, Rate.from_value(rate))


def test_drop_frame_is_refused_where_the_rate_has_none():
    """23.976 has no drop-frame timecode."""
    with pytest.raises(ValueError, match="No drop-frame"):
        format_timecode(10, Rate.from_value("23.976"), drop_frame=True)
    with pytest.raises(ValueError, match="frame 0"):
        format_timecode(-1, Rate.from_value(25))


@given(
    st.sampled_from(RATES),
    st.integers(-1000, 10**6),
    st.integers(1, 10**5),
    st.fractions(0, 10**4),
    st.fractions(-4, 4),
)
def test_a_linear_map_plays_at_its_speed(rate, start, frames, source, speed):
    """Any frame is its distance from the start, times the speed, into the source."""
    time_map = TimeMap.linear(Span(start, frames, rate), source, speed)
    for frame in (start, start + frames, start + Fraction(frames, 3)):
        assert time_map.source_seconds(frame) == source + rate.seconds(frame - start) * speed


def test_a_map_bends_at_its_points():
    """Forward, frozen, backwards: each segment by itself; the outer segments continue."""
    points = [(0, 0), (10, 1), (20, 1), (30, 0)]
    time_map = TimeMap(tuple((Fraction(frame), Fraction(seconds)) for frame, seconds in points))
    assert [time_map.source_seconds(frame) for frame in (5, 15, 25, 35, -5)] == [
        Fraction(1, 2),
        1,
        Fraction(1, 2),
        Fraction(-1, 2),
        Fraction(-1, 2),
    ]
    with pytest.raises(ValueError, match="increasing"):
        TimeMap(((Fraction(0), Fraction(0)),))


def test_a_span_is_filled_by_the_linear_segments_of_its_map():
    """Points outside the span and points where nothing bends make no piece of their own; a cut within a piece is exact."""
    points = [(0, 0), (5, 5), (10, 10), (20, 10), (30, 0), (40, 0)]
    time_map = TimeMap(tuple((Fraction(frame), Fraction(seconds)) for frame, seconds in points))
    pieces = list(time_map.segments(Span(2, 26, Rate.from_value(25))))
    found = [tuple(int(part) for part in (piece.start, piece.end, piece.source_start, piece.slope)) for piece in pieces]
    assert found == [(2, 10, 2, 1), (10, 20, 10, 0), (20, 28, 10, -1)]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1e999999999",
            "1e-999999999",
            "-1e999999999",
            "9" * 5000,
            "9" * 5000 + "f",
            "1/" + "9" * 5000,
            "1" * 5000 + ":00:00:00",
        ),
        *("00:00:00:" + "9" * 5000, "9" * 5000 + ":30", "0." + "1" * 100_000, "inf", "nan", "1_0", "1e1000"),
    ],
)
def test_a_number_of_any_size_is_refused_at_once(text):
    """Python would compute with some of these for hours, and refuse to convert others with an error of its own."""
    for parse in (Rate.from_value, lambda value: parse_time(value, Rate(Fraction(25)))):
        with pytest.raises(TimeError):
            parse(text)
    with pytest.raises(ValueError, match=r"."):
        parse_fraction(text)


@pytest.mark.parametrize(
    ("text", "value"), [("12.5", 12.5), (" .25 ", 0.25), ("24000/1001", 24000 / 1001), ("1e-3", 0.001), ("+2E2", 200)]
)
def test_usual_numbers_are_read(text, value):
    """As Python's fractions read them."""
    assert float(parse_fraction(text)) == value
