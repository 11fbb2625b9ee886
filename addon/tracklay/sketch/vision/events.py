"""Result of the motion analysis: events, and the motion between them. The input of `tracklay.sketch.foley`."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

Curve = npt.NDArray[np.float32]
"""One value for each frame."""


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
    """

    kind: Literal["impact", "whoosh"]
    time: Fraction
    duration: Fraction
    strength: float
    x: float
    y: float
    size: float


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
