"""What the sketch engine sees: events in the picture and how the picture moves between them.

These are the values that pass from `see` (picture in) to `foley` (sound out); nothing here decodes or makes sound.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from fractions import Fraction

Curve = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that is seen and should be heard.

    `time` and `duration` count from the picture's first frame, exactly, on frame times. `strength` and `size` run from 0 to 1
    (size: the moving thing's share of the frame's width), `x` from -1 (left edge) to 1 (right edge), `y` from -1 (top) to 1 (bottom).
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
    """Everything seen in one proxy.

    `times` are the frames' own times (seconds from the first frame); `speed` is how fast the picture's fastest local thing moves on
    that frame, in frame widths a second, camera motion taken out; `x` is where it moves (-1 to 1). All three have one value a frame.
    """

    times: tuple[Fraction, ...]
    events: tuple[Event, ...]
    speed: Curve = field(repr=False)
    x: Curve = field(repr=False)
