"""Tells what moves from what stands: the picture without its moving things, and how far each pixel differs from it.

The ground is the median of frames spread about half a second to both sides, all laid on the same canvas. Such a median keeps a step
in time where it is: a thing that stops becomes ground on the frame it stops. So that its stop can be seen, the ground is kept as it
was where the caller says a thing is being followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .image_ops import FloatImage, Luma, SimilarityTransform, smooth_image, upper_median, warp_image

if TYPE_CHECKING:
    from collections.abc import Sequence

MEDIAN_FRAMES = 9
MEDIAN_STEP_SECONDS = 0.125
"""Between neighbouring frames of the median."""
MEDIAN_HALF_WINDOW_SECONDS = MEDIAN_STEP_SECONDS * (MEDIAN_FRAMES // 2)
RECENTER_PIXELS = 8.0
"""Pixels: when the camera is farther off the canvas than this, the canvas is laid anew."""
MIN_DIFFERENCE = 6.0
"""Grey levels: a smaller difference is never motion."""
NOISE_MULTIPLE = 4.0
ALIGNMENT_ERROR_PIXELS = 0.35
"""Pixels that a frame may lie wrong: an edge of the ground is allowed that much difference."""
UPDATE_GREY_LEVELS = 0.5
"""Grey levels a frame by which a ground that still holds follows the median."""
COVERAGE_TOLERANCE_PIXELS = 0.1
"""Pixels: a frame that misses no more of the canvas covers it."""
INITIAL_LIGHT_TOLERANCE, FINAL_LIGHT_TOLERANCE = 12.0, 8.0
"""Grey levels by which a pixel of the ground may differ from the usual, at first and at last, and still tell of the light."""
GLOBAL_CHANGE_SHARE = 0.35
"""When more of the picture than this differs, the picture changes as a whole (a dissolve, a flash) and nothing in it is followed."""

# Exchanges that bring the median of nine to the middle (Paeth, Graphics Gems, 1990); of some only one side is needed after.
_MEDIAN_COMPARATORS = ((1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3), (5, 8), (4, 7), (3, 6), (1, 4), (2, 5),
              (4, 7), (4, 2), (6, 4), (4, 2))  # fmt: skip


def _prune_comparators() -> tuple[tuple[int, int, bool, bool], ...]:
    """The exchanges, and whether the lesser and the greater of each is looked at again or is the median."""
    live, found = {4}, []
    for a, b in reversed(_MEDIAN_COMPARATORS):
        found.append((a, b, a in live, b in live))
        live |= {a, b}
    return tuple(reversed(found))


_MEDIAN_NETWORK = _prune_comparators()

FollowedRegion = tuple[tuple[slice, slice], float]
"""Rows and columns where a thing is followed, and the thing's own grey: where the old ground is more like it than the frame is,
the thing has just left and the old ground was the thing itself."""


@dataclass(slots=True)
class AnalysisFrame:
    """A frame in the queue.

    Its number in the picture, luma, itself under `smooth_image`, time in seconds, view, and itself on the canvas it was last laid on, there
    under `smooth_image` too, with how many pixels of that canvas it leaves bare (left, right, top, bottom).
    """

    number: int
    luma: Luma
    smoothed: FloatImage
    time: float
    transform: SimilarityTransform
    aligned: Luma | None = None
    aligned_smoothed: FloatImage | None = None
    uncovered: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    canvas_id: int = -1


def median_of_nine(pictures: Sequence[Luma]) -> Luma:
    """The pixelwise median of nine pictures."""
    p = list(pictures)
    for a, b, lesser, greater in _MEDIAN_NETWORK:
        one, other = p[a], p[b]
        if lesser:
            p[a] = np.minimum(one, other)
        if greater:
            p[b] = np.maximum(one, other)
    return p[4]


class BackgroundModel:
    """The ground of one shot, on a canvas that follows the camera in steps."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.canvas_transform = SimilarityTransform()
        self._canvas_id = 0
        self._background: FloatImage | None = None
        self.noise = 1.5

    def align(self, frame: AnalysisFrame) -> Luma:
        """The frame on the canvas."""
        if frame.canvas_id != self._canvas_id or frame.aligned is None:
            frame.aligned = warp_image(frame.luma, frame.transform.compose(self.canvas_transform.inverse()))
            frame.canvas_id, frame.aligned_smoothed, frame.uncovered = (
                self._canvas_id,
                None,
                self._uncovered_borders(frame.transform),
            )
        return frame.aligned

    def align_smoothed(self, frame: AnalysisFrame) -> FloatImage:
        """The frame on the canvas, under `smooth_image`."""
        laid = self.align(frame)
        if frame.aligned_smoothed is None:
            frame.aligned_smoothed = frame.smoothed if laid is frame.luma else smooth_image(laid)
        return frame.aligned_smoothed

    def recenter(self, transform: SimilarityTransform) -> SimilarityTransform | None:
        """Lay the canvas anew where the camera left it; gives the way from the old canvas to the new one, or None."""
        if transform.compose(self.canvas_transform.inverse()).max_displacement(self.shape) < RECENTER_PIXELS:
            return None
        way = transform.compose(self.canvas_transform.inverse())
        if self._background is not None:
            self._background = warp_image(self._background.astype(np.uint8), way.inverse()).astype(np.float32)
        self.canvas_transform, self._canvas_id = transform, self._canvas_id + 1
        return way

    def estimate_foreground(
        self, frame: AnalysisFrame, neighbours: Sequence[AnalysisFrame], followed: Sequence[FollowedRegion]
    ) -> FloatImage | None:
        """How surely each pixel of the frame is not ground, 0 to 1, on the canvas; None where the picture changes as a whole.

        `neighbours` are the frames of the median; in the regions `followed` the ground stays what it was.
        """
        here = self.align(frame)
        seen = here.astype(np.float32)
        ground = smooth_image(median_of_nine([self.align(other) for other in neighbours]))
        if self._background is not None:
            ahead = [other for other in neighbours[-3:] if other.time > frame.time + MEDIAN_STEP_SECONDS]
            ground = self._update_background(seen, ground, followed, [self.align(other) for other in ahead])
        self._background = ground
        gain, lift = _match_light(seen, ground)
        apart = ground * np.float32(gain)
        apart += np.float32(lift)
        np.subtract(self.align_smoothed(frame), apart, out=apart)
        np.abs(apart, out=apart)
        self.noise += 0.1 * (min(6.0, 1.4826 * upper_median(apart[1::4, 1::4])) - self.noise)
        sure = foreground_probability(apart, max(MIN_DIFFERENCE, NOISE_MULTIPLE * self.noise), ground)
        self.mask_uncovered(sure, (frame, neighbours[0], neighbours[-1]))
        if np.count_nonzero(sure > 0) > GLOBAL_CHANGE_SHARE * sure.size:
            return None
        return sure

    def _update_background(
        self,
        picture_now: FloatImage,
        median: FloatImage,
        followed: Sequence[FollowedRegion],
        future_frames: Sequence[Luma],
    ) -> FloatImage:
        """The ground as it was where the frame still shows it, slowly renewed; fresh elsewhere.

        Where a thing is followed it is what was there before the thing or what will be after, whichever is less like the thing, but
        not what will be where the frame still shows what was: a thing that stays near a place for long is there again after a while.
        """
        old = self._background if self._background is not None else median
        apart = picture_now - old
        np.abs(apart, out=apart)
        changed = apart >= np.float32(MIN_DIFFERENCE + NOISE_MULTIPLE * self.noise)
        ground: FloatImage = np.subtract(old, np.float32(UPDATE_GREY_LEVELS), out=apart)
        np.maximum(ground, median, out=ground)
        np.minimum(ground, old + np.float32(UPDATE_GREY_LEVELS), out=ground)
        np.copyto(ground, median, where=changed)
        for region, grey in followed:
            was = old[region]
            if len(future_frames) == 3:
                a, b, c = (picture[region] for picture in future_frames)
                after = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c)).astype(np.float32)
            else:
                after = ground[region]
            now = picture_now[region]
            left = np.abs(after - grey) > np.abs(was - grey) + MIN_DIFFERENCE
            left &= np.abs(after - now) < np.abs(was - now)
            ground[region] = np.where(left, after, was)
        return ground

    def mask_uncovered(self, probability: FloatImage, frames: Sequence[AnalysisFrame]) -> None:
        """Clear the border that some of the frames, all on this canvas, do not cover."""
        height, width = self.shape
        left, right, top, bottom = map(max, zip(*(frame.uncovered for frame in frames), strict=True))
        if left > COVERAGE_TOLERANCE_PIXELS:
            probability[:, : int(left) + 2] = 0
        if right > COVERAGE_TOLERANCE_PIXELS:
            probability[:, width - int(right) - 2 :] = 0
        if top > COVERAGE_TOLERANCE_PIXELS:
            probability[: int(top) + 2] = 0
        if bottom > COVERAGE_TOLERANCE_PIXELS:
            probability[height - int(bottom) - 2 :] = 0

    def _uncovered_borders(self, transform: SimilarityTransform) -> tuple[float, float, float, float]:
        """How many pixels of the canvas a frame of that view leaves bare: left, right, top, bottom; negative where it goes on."""
        way = self.canvas_transform.compose(transform.inverse())
        if way.max_displacement(self.shape) < COVERAGE_TOLERANCE_PIXELS:
            return 0.0, 0.0, 0.0, 0.0
        height, width = self.shape
        wide, tall = (way.scale_rotation.real - 1) * width / 2, (way.scale_rotation.real - 1) * height / 2
        high, broad = abs(way.scale_rotation.imag) * height / 2, abs(way.scale_rotation.imag) * width / 2
        x, y = way.translation.real, way.translation.imag
        return x - wide + high, high - wide - x, y - tall + broad, broad - tall - y


def foreground_probability(difference: FloatImage, min_difference: float, reference: FloatImage) -> FloatImage:
    """How far each difference is above what is allowed, 0 to 1: `min_difference` grey levels, and more at the edges of a picture."""
    width = difference.shape[1]
    allowed, across, flat = np.empty_like(difference), np.empty_like(difference), reference.ravel()
    np.subtract(reference[2:], reference[:-2], out=allowed[1:-1])
    allowed[0] = allowed[-1] = 0
    np.abs(allowed, out=allowed)
    np.subtract(flat[2:], flat[:-2], out=across.ravel()[1:-1])
    across[:, :: width - 1] = 0
    np.abs(across, out=across)
    allowed += across
    allowed *= np.float32(0.5 * ALIGNMENT_ERROR_PIXELS)
    allowed += np.float32(min_difference)
    sure = np.divide(difference, allowed, out=allowed)
    sure -= np.float32(1)
    np.maximum(sure, np.float32(0), out=sure)
    np.minimum(sure, np.float32(1), out=sure)
    return sure


def _match_light(picture: FloatImage, background: FloatImage) -> tuple[float, float]:
    """Gain and lift that bring the ground to the frame's light, most pixels agreeing."""
    x = background[2::5, 2::5].ravel()
    y = picture[2::5, 2::5].ravel()
    sums = np.empty((5, x.size), np.float32)
    sums[0], sums[1], sums[2] = 1, x, y
    np.multiply(x, x, out=sums[3])
    np.multiply(x, y, out=sums[4])
    off = y - x
    gain, lift, close = 1.0, upper_median(off), INITIAL_LIGHT_TOLERANCE
    off -= np.float32(lift)
    for _ in range(2):
        count, xs, ys, xx, xy = (sums @ (np.abs(off) < close)).tolist()
        if count < x.size // 4:
            return 1.0, 0.0
        gain = (xy - xs * ys / count + 100) / (xx - xs * xs / count + 100)
        lift = (ys - gain * xs) / count
        off = y - np.float32(gain) * x
        off -= np.float32(lift)
        close = FINAL_LIGHT_TOLERANCE
    return gain, lift
