"""Sync figures are measured from a take's own bytes: what is wrong there shows, whatever its manifest says."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklay.errors import MediaError
from tracklay.media.bwf import BwfWriter
from tracklay.report.wav_analysis import (
    WAVEFORM_BUCKETS,
    SyncMeasurement,
    WavMeasurement,
    _measure_wav_file,
    measure_sync,
    measure_wav,
)
from tracklay.timing import Rate, Span

SAMPLE_RATE = 48_000


def take(path, samples, reference, level=0.5, at=0, channels=2):
    """Write a take as Tracklay does, with one click."""
    sound = np.zeros((samples, channels), np.float32)
    sound[at] = level
    with path.open("wb") as file:
        writer = BwfWriter(
            file, channels, SAMPLE_RATE, description="", originator_reference="", created_at=datetime.now(UTC), time_reference=reference, coding_history=""
        )  # fmt: skip
        writer.write(sound)
        writer.close()
    return path


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60)])
@pytest.mark.parametrize("start", [0, 1, 1001])
def test_a_take_as_it_should_be_is_exact(tmp_path, rate, start):
    """Start and length are what the one formula says; the rest is rounding, at most one sample."""
    span = Span(start, 77, Rate(rate))
    file = take(tmp_path / "t.wav", span.samples(SAMPLE_RATE), span.rate.samples(start, SAMPLE_RATE))
    found = measure_sync(measure_wav(file), span)
    assert (found.start, found.length) == (0, 0)
    assert found.is_exact


@pytest.mark.parametrize(("late", "longer"), [(3, 0), (-2, 0), (0, 5), (0, -1024), (1105, 1105)])
def test_what_is_off_is_told_in_samples(tmp_path, late, longer):
    """A take that begins late or is too long says so by its bytes."""
    span = Span(10, 50, Rate(Fraction(25)))
    file = take(tmp_path / "t.wav", span.samples(SAMPLE_RATE) + longer, 19_200 + late)
    found = measure_sync(measure_wav(file), span)
    assert found == SyncMeasurement(late, longer, Fraction(late + longer))
    assert not found.is_exact


@given(
    start=st.integers(0, 10**6),
    frames=st.integers(1, 10**5),
    rate=st.sampled_from([Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(24), Fraction(50)]),
)  # fmt: skip
def test_rounding_never_looks_like_drift(start, frames, rate):
    """Whatever the span, a take made by the formula ends within a sample of the span's end."""
    span = Span(start, frames, Rate(rate))
    made = WavMeasurement(SAMPLE_RATE, 2, span.samples(SAMPLE_RATE), span.rate.samples(start, SAMPLE_RATE), b"", 1, "")
    assert measure_sync(made, span).is_exact


def test_the_waveform_stands_where_the_sound_is(tmp_path):
    """A click in the middle is one bucket in the middle, the root of its level high."""
    found = measure_wav(take(tmp_path / "t.wav", 96_000, 0, level=0.25, at=48_000))
    loud = [number for number, value in enumerate(found.waveform) if value]
    assert loud == [WAVEFORM_BUCKETS // 2]
    assert found.waveform[WAVEFORM_BUCKETS // 2] == pytest.approx(255 * 0.5, abs=1)
    assert found.peak == pytest.approx(0.25, abs=1e-4)


def test_a_take_shorter_than_the_drawing_is_drawn_too(tmp_path):
    """Fewer samples than places: nothing divides by nothing."""
    found = measure_wav(take(tmp_path / "t.wav", 3, 0))
    assert (found.samples, len(found.waveform)) == (3, WAVEFORM_BUCKETS)


def test_a_wav_without_bext_says_no_start(tmp_path):
    """Then only the length can be held to the span."""
    path = tmp_path / "plain.wav"
    data = bytes(4 * 1920)
    fmt = struct.pack("<HHIIHH", 1, 2, SAMPLE_RATE, SAMPLE_RATE * 4, 4, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    found = measure_sync(measure_wav(path), Span(0, 1, Rate(Fraction(25))))
    assert (found.start, found.length, found.drift, found.is_exact) == (None, 0, None, False)


def test_what_is_no_take_is_told_in_a_sentence(tmp_path):
    """Gone, something else, of another kind, or cut short."""
    whole = take(tmp_path / "t.wav", 4800, 0).read_bytes()
    cases = {
        "gone.wav": (None, "cannot be read"),
        "text.wav": (b"hello, this is no sound", r"Not a WAV file: text\.wav\."),
        "empty.wav": (b"", r"Not a WAV file: empty\.wav\."),
        "head.wav": (whole[:12], "has no sound in it"),
        "float.wav": (whole.replace(b"fmt \x10\0\0\0\x01\0", b"fmt \x10\0\0\0\x03\0"), "of another kind"),
        "short.wav": (whole[:-100], "was cut short"),
    }
    for name, (content, said) in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(MediaError, match=said):
            measure_wav(tmp_path / name)


def test_memory_does_not_hold_the_file(tmp_path):
    """A part is read at a time: what is asked for at once stays a small part of the whole."""
    path = take(tmp_path / "t.wav", 480_000, 0)
    most = 0

    class Counting(io.FileIO):
        def read(self, size=-1):
            nonlocal most
            assert size >= 0
            most = max(most, size)
            return super().read(size)

    with Counting(path) as file:
        _measure_wav_file(file, "t.wav", "")
    assert most <= 480_000 * 6 / WAVEFORM_BUCKETS + 6
