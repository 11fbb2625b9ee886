"""Builders of .otio timelines as other programs write them: clips of files, gaps, tracks, effects."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange


def span(start: float, frames: float, rate: float | Fraction) -> TimeRange:
    """Return a range in frames at a rate."""
    return TimeRange(RationalTime(start, float(rate)), RationalTime(frames, float(rate)))


def clip(
    media: Path | str, start: float, frames: float, rate: float | Fraction, *effects, name: str = "", zero: float = 0
):
    """Return a clip of `frames` frames from frame `start` on, counted on a clock on which the file's first frame is `zero`."""
    url = media if isinstance(media, str) else media.as_uri()
    reference = otio.schema.ExternalReference(url, span(zero, 100_000, rate))
    return otio.schema.Clip(name or Path(url).stem, reference, span(zero + start, frames, rate), effects=list(effects))


def gap(frames: float, rate: float | Fraction):
    """Return a gap of `frames` frames."""
    return otio.schema.Gap(source_range=span(0, frames, rate))


def track(*children, name: str = "V1", kind: str = "Video"):
    """Return a track of children, one after the other."""
    return otio.schema.Track(name, list(children), kind=kind)


def timeline(to: Path, *tracks, start: RationalTime | None = None) -> Path:
    """Write a timeline of tracks, the last on top, and return its path."""
    made = otio.schema.Timeline(to.stem, global_start_time=start)
    made.tracks.extend(tracks)
    otio.adapters.write_to_file(made, str(to))
    return to


def speed(scalar: float):
    """Return the effect of a constant speed."""
    return otio.schema.LinearTimeWarp(time_scalar=scalar)
