"""Observes what a proxy shows that matters to its parts: cuts, contacts and motion. Runs in a process of its own (`tracklay.worker`)."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..landing.contacts import find_contacts
from ..media.extract import Proxy, read_luma_frames
from ..media.probe import list_frames
from ..media.shot_detection import ANALYSIS_SHORT_SIDE, CUT_THRESHOLD, CutScorer
from ..sketch.engine import analyze_proxy_motion
from ..sketch.motion_cache import load_or_analyze

FRAME_TOLERANCE = Fraction(1, 8)
"""Share of a frame by which a proxy's frame may begin after a timeline frame and still be the one that it shows."""


def observe_proxy(*, proxy: str, prompt: str, fps: str) -> dict[str, Any]:
    """Return the arguments of the proxy's `PictureNotes`, as plain data.

    Args:
        proxy: its path.
        prompt: the sounds that are wanted: it decides which events count as contacts.
        fps: frame rate of the timeline, as a fraction.

    Raises:
        MediaError: it cannot be read.
    """
    path, rate = Path(proxy), Fraction(fps)
    contacts, _ = find_contacts(path, prompt)
    times, (width, height), *_ = list_frames(path)
    shrink = min(1.0, ANALYSIS_SHORT_SIDE / min(width, height))
    size = max(2, round(width * shrink / 2) * 2), max(2, round(height * shrink / 2) * 2)
    scorer, cuts = CutScorer(), []
    for time, luma in zip(times, read_luma_frames(Proxy(path, times, times[-1]), *size), strict=False):
        if scorer.score_luma(luma) >= CUT_THRESHOLD:
            cuts.append(_frame_of(time, rate))
    motion = load_or_analyze(path, analyze_proxy_motion).speed
    return {
        "cuts": cuts,
        "contacts": [_frame_of(contact.time, rate) for contact in contacts],
        "motion": [round(float(speed), 4) for speed in motion],
    }


def _frame_of(time: Fraction, fps: Fraction) -> int:
    """Return the first timeline frame that shows what begins at a time."""
    return math.ceil(time * fps - FRAME_TOLERANCE)
