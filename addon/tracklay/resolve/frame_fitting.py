"""Files that fill whole frames of a timeline: a take that begins between two frames gets silence ahead of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..atomic_io import atomic_write
from ..media.bwf import BwfWriter
from ..media.marks import describe_mark, read_xmp
from ..media.wav_reader import WavReader

if TYPE_CHECKING:
    from ..timing import Rate

BLOCK_SAMPLES = 1 << 16
"""Samples that are copied at a time."""


@dataclass(frozen=True, slots=True)
class FramedSound:
    """A sound file that begins on a frame: `file` plays from frame `start` on, for `frames` frames."""

    file: Path
    start: int
    frames: int


def fit_to_frames(file: Path, at: Fraction, rate: Rate, own_rate: Rate | None = None) -> FramedSound:
    """Return a WAV file as a sound that begins on a frame and fills whole frames, for editors that place sound by frames.

    A file that does so already is used as it is. For any other a copy is written beside it, with silence before and after: its first
    sample plays at `at`, to the sample.

    Args:
        file: the WAV file.
        at: when it begins, in seconds on the timeline.
        rate: the timeline's frame rate.
        own_rate: the frame rate at which the editor counts the file, if it is another: the file then fills whole frames of that too.

    Raises:
        MediaError, OutputError: it cannot be read, or the copy cannot be written.
    """
    with WavReader(file) as reader:
        form = reader.format
        start = math.floor(at * rate.fps)
        lead = round((at - rate.seconds(start)) * form.sample_rate)
        samples = lead + form.samples
        frames = math.ceil(
            Fraction(samples, form.sample_rate) * rate.fps - Fraction(1, 2) / form.sample_rate * rate.fps
        )
        filled = (own_rate or rate).seconds(count_own_frames(frames, rate, own_rate or rate))
        total = math.ceil(filled * form.sample_rate)
        if not lead and form.samples >= total:
            return FramedSound(file, start, frames)
        target = file.with_name(f"{file.stem}.frames-{lead}-{total}.wav")
        if not target.is_file():
            _write_framed(reader, lead, total, round(rate.seconds(start) * form.sample_rate), target)
    return FramedSound(target, start, frames)


def count_own_frames(frames: int, rate: Rate, own_rate: Rate) -> int:
    """Return how many frames at a file's own rate cover some frames of a timeline."""
    return math.ceil(rate.seconds(frames) * own_rate.fps)


def _write_framed(reader: WavReader, lead: int, total: int, time_reference: int, target: Path) -> None:
    """Write a file's samples after `lead` samples of silence, `total` in all, with the mark that the file has."""
    form, mark = reader.format, read_xmp(reader.path)
    with atomic_write(target) as beside, beside.open("wb") as out:
        writer = BwfWriter(
            out,
            form.channels,
            form.sample_rate,
            description=describe_mark(mark) or reader.path.name,
            originator_reference="",
            created_at=datetime.now(UTC),
            time_reference=time_reference,
            coding_history="",
            xmp=mark,
        )
        writer.write(np.zeros((lead, form.channels), np.float32))
        for begin in range(0, form.samples, BLOCK_SAMPLES):
            writer.write(reader.read(begin, min(begin + BLOCK_SAMPLES, form.samples)))
        writer.write(np.zeros((max(0, total - lead - form.samples), form.channels), np.float32))
        writer.close()
