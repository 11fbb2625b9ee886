"""Result of the motion analysis: events, and the motion between them. The input of `tracklay.sketch.foley`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

Curve = npt.NDArray[np.float32]
"""One value for each frame."""

Trigger = Literal["stop", "start"]
"""Motion that ends at once (a hammer, a footstep, a knife) or that begins at once (a shot, a bark, an explosion)."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something visible that should be heard: an impact at an instant, or a whoosh while something moves fast.

    Attributes:
        kind: `impact` or `whoosh`.
        time: exact seconds from the first frame; always the time of a frame.
        duration: exact seconds; 0 for an impact.
        strength: 0 to 1.
        x: -1 (left edge) to 1 (right edge).
        y: -1 (top) to 1 (bottom).
        size: diameter of the object as a share of the frame's width, 0 to 1.
        trigger: whether the motion ends there (`stop`) or begins there (`start`); of a whoosh always `start`.
        confidence: 0 to 1. Of a stop, the share of such candidates that were contacts in the made scenes of
            `benchmarks/impact_detection.py` (see `motion_losses`); of a start, how far its rise exceeds the least one, from 0.5
            up, which is not calibrated; 1 of a whoosh. Stops below `motion_losses.MIN_CONFIDENCE` are not reported.
    """

    kind: Literal["impact", "whoosh"]
    time: Fraction
    duration: Fraction
    strength: float
    x: float
    y: float
    size: float
    trigger: Trigger = "stop"
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class MotionAnalysis:
    """The events of a clip and its motion on every frame.

    Attributes:
        times: the frames' own times, exact seconds from the first.
        events: in order of time.
        speed: for each frame the speed of the fastest object, in frame widths per second, without the camera's motion.
        x: for each frame the position of that object, -1 (left edge) to 1 (right edge).
    """

    times: tuple[Fraction, ...]
    events: tuple[Event, ...]
    speed: Curve = field(repr=False)
    x: Curve = field(repr=False)


def select_events(analysis: MotionAnalysis, prefer: Literal["stop", "start", "both"]) -> MotionAnalysis:
    """Return the analysis with only those impacts whose trigger fits what makes the sound; whooshes stay.

    Args:
        analysis: the motion of a clip.
        prefer: `stop` for what sounds as it strikes (a hammer, a knife, a footstep, and where nothing is known), `start` for what
            sounds as it begins to move (a shot, a bark, an explosion), `both` where a prompt names both.
    """
    if prefer == "both":
        return analysis
    kept = tuple(event for event in analysis.events if event.kind == "whoosh" or event.trigger == prefer)
    return replace(analysis, events=kept)
