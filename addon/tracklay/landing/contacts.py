"""The picture's contacts: the impacts that the motion analysis sees in a proxy."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ..sketch.engine import analyze_proxy_motion
from ..sketch.foley.interpretation import trigger_for_prompt
from ..sketch.motion_cache import load_or_analyze
from ..sketch.vision.events import select_events
from .land import TOLERANCE
from .matching import Contact

if TYPE_CHECKING:
    from pathlib import Path

    from ..sketch.vision.events import MotionAnalysis

WIDEST_TOLERANCE = Fraction(1, 24)
"""Seconds. A contact is known to its frame, so a sound within one frame is on it; a slow picture excuses no more than this."""


def find_contacts(proxy: Path, prompt: str) -> tuple[tuple[Contact, ...], Fraction]:
    """Return the contacts of a proxy for a prompt, and the tolerance in seconds within which they are known.

    Raises:
        MediaError: the proxy cannot be read.
    """
    analysis = select_events(load_or_analyze(proxy, analyze_proxy_motion), trigger_for_prompt(prompt))
    contacts = tuple(Contact(event.time, event.confidence) for event in analysis.events if event.kind == "impact")
    return contacts, _frame_tolerance(analysis)


def _frame_tolerance(analysis: MotionAnalysis) -> Fraction:
    """Return the tolerance of contacts that are known to their frames."""
    if len(analysis.times) < 2:
        return TOLERANCE
    frame = (analysis.times[-1] - analysis.times[0]) / (len(analysis.times) - 1)
    return min(max(frame, TOLERANCE), WIDEST_TOLERANCE)
