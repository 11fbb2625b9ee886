"""Sync is measured from a take's own bytes, so that an error shows even if the manifest is right."""

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
    """Write a take with one click, as Tracklay writes it."""
    sound = np.zeros((samples, channels), np.float32)
    sound[at] = level
    with path.open("wb") as file:
        writer = BwfWriter(
            file, channels, SAMPLE_RATE, description="", originator_reference="", created_at=datetime.now(UTC),
            time_reference=reference, coding_history="",
        )  # fmt: skip
        writer.write(sound)
        writer.close()
    return path


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60)])
@pytest.mark.parametrize("start", [0, 1, 1001])
def test_a_correct_take_is_exact(tmp_path, rate, start):
    """Start and length follow the formula; rounding adds at most one sample of drift."""
    span = Span(start, 77, Rate(rate))
    file = take(tmp_path / "t.wav", span.samples(SAMPLE_RATE), span.rate.samples(start, SAMPLE_RATE))
    found = measure_sync(measure_wav(file), span)
    assert (found.start, found.length) == (0, 0)
    assert found.is_exact


@pytest.mark.parametrize(("late", "longer"), [(3, 0), (-2, 0), (0, 5), (0, -1024), (1105, 1105)])
def test_an_offset_is_measured_in_samples(tmp_path, late, longer):
    """A take that starts late or is too long."""
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
def test_rounding_is_not_drift(start, frames, rate):
    """A take of the right length ends within one sample of the span's end, for any span."""
    span = Span(start, frames, Rate(rate))
    made = WavMeasurement(SAMPLE_RATE, 2, span.samples(SAMPLE_RATE), span.rate.samples(start, SAMPLE_RATE), b"", 1, "")
    assert measure_sync(made, span).is_exact


def test_the_waveform_shows_the_sound_at_its_position(tmp_path):
    """A click in the middle is one value in the middle, the square root of its level."""
    found = measure_wav(take(tmp_path / "t.wav", 96_000, 0, level=0.25, at=48_000))
    loud = [number for number, value in enumerate(found.waveform) if value]
    assert loud == [WAVEFORM_BUCKETS // 2]
    assert found.waveform[WAVEFORM_BUCKETS // 2] == pytest.approx(255 * 0.5, abs=1)
    assert found.peak == pytest.approx(0.25, abs=1e-4)


def test_a_take_shorter_than_the_waveform_is_measured(tmp_path):
    """Fewer samples than values cause no division by zero."""
    found = measure_wav(take(tmp_path / "t.wav", 3, 0))
    assert (found.samples, len(found.waveform)) == (3, WAVEFORM_BUCKETS)


def test_a_wav_without_bext_has_no_start(tmp_path):
    """Only its length can be compared with the span."""
    path = tmp_path / "plain.wav"
    data = bytes(4 * 1920)
    fmt = struct.pack("<HHIIHH", 1, 2, SAMPLE_RATE, SAMPLE_RATE * 4, 4, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    found = measure_sync(measure_wav(path), Span(0, 1, Rate(Fraction(25))))
    assert (found.start, found.length, found.drift, found.is_exact) == (None, 0, None, False)


def test_a_file_that_is_not_a_take_is_rejected(tmp_path):
    """Missing, not a WAV, of an unsupported format, or truncated."""
    whole = take(tmp_path / "t.wav", 4800, 0).read_bytes()
    cases = {
        "gone.wav": (None, "Cannot read gone"),
        "text.wav": (b"hello, this is no sound", "Not a WAV file: "),
        "empty.wav": (b"", "Not a WAV file: "),
        "head.wav": (whole[:12], "has no audio"),
        "float.wav": (
            whole.replace(b"fmt \x10\0\0\0\x01\0", b"fmt \x10\0\0\0\x03\0"),
            "Not a WAV file with 16, 24 or 32-bit",
        ),
        "short.wav": (whole[:-100], "is truncated"),
    }
    for name, (content, message) in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(MediaError, match=message):
            measure_wav(tmp_path / name)


def test_a_file_is_read_in_small_parts(tmp_path):
    """Each read is a small part of the file, so that memory stays low."""
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
    assert most <= 480_000 * 6 / 10
