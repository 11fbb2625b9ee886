"""Tells what moves from what stands: the picture without its moving things, and how far each pixel differs from it.

The ground is the median of frames spread about half a second to both sides, all laid on the same canvas. Such a median keeps a step
in time where it is: a thing that stops becomes ground on the frame it stops. So that its stop can be seen, the ground is kept as it
was where the caller says a thing is being followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .camera_motion import Luma, Picture, View, middle, smooth, warp

if TYPE_CHECKING:
    from collections.abc import Sequence

MEDIAN_OF = 9
SPREAD_SECONDS = 0.125
"""Between neighbouring frames of the median."""
REACH_SECONDS = SPREAD_SECONDS * (MEDIAN_OF // 2)
DRIFT = 8.0
"""Pixels: when the camera is farther off the canvas than this, the canvas is laid anew."""
FLOOR = 6.0
"""Grey levels: a smaller difference is never motion."""
NOISES = 4.0
MISPLACED = 0.35
"""Pixels that a frame may lie wrong: an edge of the ground is allowed that much difference."""
RENEW = 0.5
"""Grey levels a frame by which a ground that still holds follows the median."""
COVERED = 0.1
"""Pixels: a frame that misses no more of the canvas covers it."""
LIT, LIT_ALIKE = 12.0, 8.0
"""Grey levels by which a pixel of the ground may differ from the usual, at first and at last, and still tell of the light."""
GLOBAL_SHARE = 0.35
"""When more of the picture than this differs, the picture changes as a whole (a dissolve, a flash) and nothing in it is followed."""

# Exchanges that bring the median of nine to the middle (Paeth, Graphics Gems, 1990); of some only one side is needed after.
_EXCHANGES = ((1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3), (5, 8), (4, 7), (3, 6), (1, 4), (2, 5),
              (4, 7), (4, 2), (6, 4), (4, 2))  # fmt: skip


def _needed() -> tuple[tuple[int, int, bool, bool], ...]:
    """The exchanges, and whether the lesser and the greater of each is looked at again or is the median."""
    live, found = {4}, []
    for a, b in reversed(_EXCHANGES):
        found.append((a, b, a in live, b in live))
        live |= {a, b}
    return tuple(reversed(found))


_STEPS = _needed()

Kept = tuple[tuple[slice, slice], float]
"""Rows and columns where a thing is followed, and the thing's own grey: where the old ground is more like it than the frame is,
the thing has just left and the old ground was the thing itself."""


@dataclass(slots=True)
class Frame:
    """A frame in the queue.

    Its number in the picture, luma, itself under `smooth`, time in seconds, view, and itself on the canvas it was last laid on, there
    under `smooth` too, with how many pixels of that canvas it leaves bare (left, right, top, bottom).
    """

    number: int
    luma: Luma
    picture: Picture
    time: float
    view: View
    laid: Luma | None = None
    seen: Picture | None = None
    bare: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    canvas: int = -1


def median_of_nine(pictures: Sequence[Luma]) -> Luma:
    """The pixelwise median of nine pictures."""
    p = list(pictures)
    for a, b, lesser, greater in _STEPS:
        one, other = p[a], p[b]
        if lesser:
            p[a] = np.minimum(one, other)
        if greater:
            p[b] = np.maximum(one, other)
    return p[4]


class Ground:
    """The ground of one shot, on a canvas that follows the camera in steps."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.canvas = View()
        self._serial = 0
        self._ground: Picture | None = None
        self.noise = 1.5

    def lay(self, frame: Frame) -> Luma:
        """The frame on the canvas."""
        if frame.canvas != self._serial or frame.laid is None:
            frame.laid = warp(frame.luma, frame.view.of(self.canvas.back()))
            frame.canvas, frame.seen, frame.bare = self._serial, None, self._bare(frame.view)
        return frame.laid

    def see(self, frame: Frame) -> Picture:
        """The frame on the canvas, under `smooth`."""
        laid = self.lay(frame)
        if frame.seen is None:
            frame.seen = frame.picture if laid is frame.luma else smooth(laid)
        return frame.seen

    def follow(self, view: View) -> View | None:
        """Lay the canvas anew where the camera left it; gives the way from the old canvas to the new one, or None."""
        if view.of(self.canvas.back()).reach(self.shape) < DRIFT:
            return None
        way = view.of(self.canvas.back())
        if self._ground is not None:
            self._ground = warp(self._ground.astype(np.uint8), way.back()).astype(np.float32)
        self.canvas, self._serial = view, self._serial + 1
        return way

    def motion(self, frame: Frame, around: Sequence[Frame], keep: Sequence[Kept]) -> Picture | None:
        """How surely each pixel of the frame is not ground, 0 to 1, on the canvas; None where the picture changes as a whole.

        `around` are the frames of the median; in the regions `keep` the ground stays what it was.
        """
        here = self.lay(frame)
        seen = here.astype(np.float32)
        ground = smooth(median_of_nine([self.lay(other) for other in around]))
        if self._ground is not None:
            ahead = [other for other in around[-3:] if other.time > frame.time + SPREAD_SECONDS]
            ground = self._kept(seen, ground, keep, [self.lay(other) for other in ahead])
        self._ground = ground
        gain, lift = _light(seen, ground)
        apart = ground * np.float32(gain)
        apart += np.float32(lift)
        np.subtract(self.see(frame), apart, out=apart)
        np.abs(apart, out=apart)
        self.noise += 0.1 * (min(6.0, 1.4826 * middle(apart[1::4, 1::4])) - self.noise)
        sure = surplus(apart, max(FLOOR, NOISES * self.noise), ground)
        self.blank(sure, (frame, around[0], around[-1]))
        if np.count_nonzero(sure > 0) > GLOBAL_SHARE * sure.size:
            return None
        return sure

    def _kept(self, here: Picture, fresh: Picture, keep: Sequence[Kept], ahead: Sequence[Luma]) -> Picture:
        """The ground as it was where the frame still shows it, slowly renewed; fresh elsewhere.

        Where a thing is followed it is what was there before the thing or what will be after, whichever is less like the thing, but
        not what will be where the frame still shows what was: a thing that stays near a place for long is there again after a while.
        """
        old = self._ground if self._ground is not None else fresh
        apart = here - old
        np.abs(apart, out=apart)
        changed = apart >= np.float32(FLOOR + NOISES * self.noise)
        ground: Picture = np.subtract(old, np.float32(RENEW), out=apart)
        np.maximum(ground, fresh, out=ground)
        np.minimum(ground, old + np.float32(RENEW), out=ground)
        np.copyto(ground, fresh, where=changed)
        for region, grey in keep:
            was = old[region]
            if len(ahead) == 3:
                a, b, c = (picture[region] for picture in ahead)
                after = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c)).astype(np.float32)
            else:
                after = ground[region]
            now = here[region]
            left = np.abs(after - grey) > np.abs(was - grey) + FLOOR
            left &= np.abs(after - now) < np.abs(was - now)
            ground[region] = np.where(left, after, was)
        return ground

    def blank(self, sure: Picture, frames: Sequence[Frame]) -> None:
        """Clear the border that some of the frames, all on this canvas, do not cover."""
        height, width = self.shape
        left, right, top, bottom = map(max, zip(*(frame.bare for frame in frames), strict=True))
        if left > COVERED:
            sure[:, : int(left) + 2] = 0
        if right > COVERED:
            sure[:, width - int(right) - 2 :] = 0
        if top > COVERED:
            sure[: int(top) + 2] = 0
        if bottom > COVERED:
            sure[height - int(bottom) - 2 :] = 0

    def _bare(self, view: View) -> tuple[float, float, float, float]:
        """How many pixels of the canvas a frame of that view leaves bare: left, right, top, bottom; negative where it goes on."""
        way = self.canvas.of(view.back())
        if way.reach(self.shape) < COVERED:
            return 0.0, 0.0, 0.0, 0.0
        height, width = self.shape
        wide, tall = (way.turn.real - 1) * width / 2, (way.turn.real - 1) * height / 2
        high, broad = abs(way.turn.imag) * height / 2, abs(way.turn.imag) * width / 2
        x, y = way.shift.real, way.shift.imag
        return x - wide + high, high - wide - x, y - tall + broad, broad - tall - y


def surplus(apart: Picture, floor: float, edges: Picture) -> Picture:
    """How far each difference is above what is allowed, 0 to 1: `floor` grey levels, and more at the edges of a picture."""
    width = apart.shape[1]
    allowed, across, flat = np.empty_like(apart), np.empty_like(apart), edges.ravel()
    np.subtract(edges[2:], edges[:-2], out=allowed[1:-1])
    allowed[0] = allowed[-1] = 0
    np.abs(allowed, out=allowed)
    np.subtract(flat[2:], flat[:-2], out=across.ravel()[1:-1])
    across[:, :: width - 1] = 0
    np.abs(across, out=across)
    allowed += across
    allowed *= np.float32(0.5 * MISPLACED)
    allowed += np.float32(floor)
    sure = np.divide(apart, allowed, out=allowed)
    sure -= np.float32(1)
    np.maximum(sure, np.float32(0), out=sure)
    np.minimum(sure, np.float32(1), out=sure)
    return sure


def _light(here: Picture, ground: Picture) -> tuple[float, float]:
    """Gain and lift that bring the ground to the frame's light, most pixels agreeing."""
    x = ground[2::5, 2::5].ravel()
    y = here[2::5, 2::5].ravel()
    sums = np.empty((5, x.size), np.float32)
    sums[0], sums[1], sums[2] = 1, x, y
    np.multiply(x, x, out=sums[3])
    np.multiply(x, y, out=sums[4])
    off = y - x
    gain, lift, close = 1.0, middle(off), LIT
    off -= np.float32(lift)
    for _ in range(2):
        count, xs, ys, xx, xy = (sums @ (np.abs(off) < close)).tolist()
        if count < x.size // 4:
            return 1.0, 0.0
        gain = (xy - xs * ys / count + 100) / (xx - xs * xs / count + 100)
        lift = (ys - gain * xs) / count
        off = y - np.float32(gain) * x
        off -= np.float32(lift)
        close = LIT_ALIKE
    return gain, lift
