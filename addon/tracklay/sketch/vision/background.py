"""Background subtraction: estimates the static background of a shot and a per-pixel foreground probability.

The background is the median of nine frames spread over half a second to both sides, all aligned to one canvas: a fixed view of
the shot that is moved in steps as the camera moves. A median over time keeps steps in time sharp: an object that stops becomes
background on the very frame it stops. To observe the stop itself, the caller names the regions where it follows an object;
there the earlier background is kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .image_ops import (
    FINE_STEPS,
    FineLuma,
    FloatImage,
    Luma,
    SimilarityTransform,
    smooth_image,
    upper_median,
    warp_image,
)

MEDIAN_FRAMES = 9
MEDIAN_STEP_SECONDS = 0.125
"""Time between two frames of the median, one second in all: an object is removed from a pixel that it covers for less than half."""
MEDIAN_REUSE_SECONDS = 0.045
"""A median no older than this serves again: at up to 30 fps every second frame, over whose time a window of a second hardly moves."""
MEDIAN_HALF_WINDOW_SECONDS = MEDIAN_STEP_SECONDS * (MEDIAN_FRAMES // 2)
RECENTER_PIXELS = 8.0
"""The canvas moves to the camera when the camera is this far off: each move resamples the background, so it must be rare."""
MIN_DIFFERENCE = 6.0
"""Grey levels: a smaller difference from the background is never foreground, however clean the picture."""
NOISE_MULTIPLE = 4.0
"""The same in standard deviations of the measured noise: beyond 4, noise is 1 pixel in 16,000, about one a frame."""
ALIGNMENT_ERROR_PIXELS = 0.35
"""Misalignment a frame is allowed: at an edge of the background the threshold rises by the difference that it would cause."""
UPDATE_STEPS = FINE_STEPS // 2
"""Largest change of a valid background pixel per frame, half a grey level: it follows slow changes of the light and no object."""
COVERAGE_TOLERANCE_PIXELS = 0.1
"""A frame that leaves less than this of the canvas uncovered counts as covering it."""
INITIAL_LIGHT_TOLERANCE, FINAL_LIGHT_TOLERANCE = 12.0, 8.0
"""Grey levels: pixels that differ more than this from the predicted light are foreground and do not count in its fit, in the
first round, where gain and offset are still a guess, and in the second."""
GLOBAL_CHANGE_SHARE = 0.35
"""When more than this share of the picture is foreground, the picture changes as a whole (dissolve, flash): no object is
followed."""

# The compare-and-exchange steps that move the median of nine values to index 4 (Paeth, Graphics Gems, 1990).
_MEDIAN_COMPARATORS = (
    (1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3),
    (5, 8), (4, 7), (3, 6), (1, 4), (2, 5), (4, 7), (4, 2), (6, 4), (4, 2),
)  # fmt: skip


def _prune_comparators() -> tuple[tuple[int, int, bool, bool], ...]:
    """Return each exchange (i, j) with whether its minimum, at i, and its maximum, at j, are used later.

    An exchange of whole pictures costs two passes over them; eight results are never read, and their passes are saved.
    """
    live, found = {4}, []
    for a, b in reversed(_MEDIAN_COMPARATORS):
        found.append((a, b, a in live, b in live))
        live |= {a, b}
    return tuple(reversed(found))


_MEDIAN_NETWORK = _prune_comparators()

FollowedRegion = tuple[tuple[slice, slice], float]
"""Rows and columns of the canvas where an object is followed, and the object's mean grey level.

The grey level decides whether the background there is the object itself, kept from when it stood still: it has just left when the
old background is more like the object than the new one is.
"""


@dataclass(slots=True)
class AnalysisFrame:
    """A frame in the queue of a shot, with its copy on the canvas, which is made once and cached."""

    number: int
    """Index of the frame in the clip."""
    luma: Luma
    smoothed: FineLuma
    """The luma after `smooth_image`."""
    time: float
    """Seconds from the clip's first frame."""
    transform: SimilarityTransform
    """From the shot's first frame to this one."""
    aligned: Luma | None = None
    """The luma on the canvas."""
    aligned_smoothed: FineLuma | None = None
    """The aligned luma after `smooth_image`."""
    uncovered: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Pixels of the canvas that the frame does not cover: left, right, top, bottom; negative where it extends beyond."""
    canvas_id: int = -1
    """The canvas for which the three values above hold."""


def median_of_nine(pictures: Sequence[Luma]) -> Luma:
    """Return the pixelwise median of nine pictures: a sorting network, over ten times as fast as `np.median`."""
    p = list(pictures)
    for a, b, keep_minimum, keep_maximum in _MEDIAN_NETWORK:
        first, second = p[a], p[b]
        if keep_minimum:
            p[a] = np.minimum(first, second)
        if keep_maximum:
            p[b] = np.maximum(first, second)
    return p[4]


class BackgroundModel:
    """The background of one shot, on a canvas that follows the camera in steps.

    Attributes:
        shape: height and width of the pictures.
        canvas_transform: from the shot's first frame to the canvas.
        noise: standard deviation of the picture against the background, in grey levels, smoothed over about ten frames.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.canvas_transform = SimilarityTransform()
        self._canvas_id = 0
        self._background: FineLuma | None = None
        self._last_median: FineLuma | None = None
        self._median_state = -1, 0.0  # the canvas and the time of the last median
        self.noise = 1.5

    def align(self, frame: AnalysisFrame) -> Luma:
        """Return the frame's luma on the canvas."""
        if frame.canvas_id != self._canvas_id or frame.aligned is None:
            frame.aligned = warp_image(frame.luma, frame.transform.compose(self.canvas_transform.inverse()))
            frame.aligned_smoothed = None
            frame.uncovered = self._uncovered_borders(frame.transform)
            frame.canvas_id = self._canvas_id
        return frame.aligned

    def align_smoothed(self, frame: AnalysisFrame) -> FineLuma:
        """Return the frame's luma on the canvas after `smooth_image`."""
        aligned = self.align(frame)
        if frame.aligned_smoothed is None:
            # A camera that stands still needs no warp, and the smoothed frame is there already.
            frame.aligned_smoothed = frame.smoothed if aligned is frame.luma else smooth_image(aligned)
        return frame.aligned_smoothed

    def covers(self, transform: SimilarityTransform) -> bool:
        """Return whether the canvas is near enough to a frame's transform to stay."""
        return transform.compose(self.canvas_transform.inverse()).max_displacement(self.shape) < RECENTER_PIXELS

    def recenter(self, transform: SimilarityTransform) -> SimilarityTransform | None:
        """Move the canvas to a frame's transform if the camera has left it.

        Returns:
            The transform from the old canvas to the new one, or None if the canvas stays.
        """
        if self.covers(transform):
            return None
        motion = transform.compose(self.canvas_transform.inverse())
        if self._background is not None:
            whole = (self._background // FINE_STEPS).astype(np.uint8)
            self._background = _to_fine(warp_image(whole, motion.inverse()))
        self.canvas_transform, self._canvas_id = transform, self._canvas_id + 1
        return motion

    def estimate_foreground(
        self, frame: AnalysisFrame, neighbours: Sequence[AnalysisFrame], followed: Sequence[FollowedRegion]
    ) -> FloatImage | None:
        """Update the background and return the foreground probability of a frame.

        Args:
            frame: the frame; frames are given in order.
            neighbours: the nine frames of the median, in order of time.
            followed: the regions in which the background stays what it was.

        Returns:
            For each pixel of the canvas a value from 0 (background) to 1; None where the picture changes as a whole.
        """
        picture = _to_fine(self.align(frame))
        background = self._median(frame, neighbours)
        if self._background is not None:
            # The last three frames of the median show what follows, unless the clip ends and they are close to this frame.
            future = [
                self.align(other)
                for other in (neighbours[-3:] if followed else ())
                if other.time > frame.time + MEDIAN_STEP_SECONDS
            ]
            background = self._update_background(picture, background, followed, future)
        self._background = background
        gain, offset = _match_light(picture, background)
        # Converted first: arithmetic on arrays of two types converts them in small pieces, which takes twice as long.
        difference = background.astype(np.float32)
        difference *= np.float32(-gain)
        difference -= np.float32(FINE_STEPS * offset)
        difference += self.align_smoothed(frame).astype(np.float32)
        np.abs(difference, out=difference)
        # 1.4826 turns a median absolute deviation into a standard deviation; every fourth pixel of a row and column is enough.
        # The cap keeps one frame of a flash from raising the threshold for long.
        deviation = 1.4826 / FINE_STEPS * upper_median(difference[1::4, 1::4])
        self.noise += 0.1 * (min(6.0, deviation) - self.noise)
        probability = foreground_probability(difference, max(MIN_DIFFERENCE, NOISE_MULTIPLE * self.noise), background)
        self.mask_uncovered(probability, (frame, neighbours[0], neighbours[-1]))
        if np.count_nonzero(probability > 0) > GLOBAL_CHANGE_SHARE * probability.size:
            return None
        return probability

    def _median(self, frame: AnalysisFrame, neighbours: Sequence[AnalysisFrame]) -> FineLuma:
        """Return the smoothed median of the neighbours, or that of the frame before if it is recent and of this canvas."""
        state, median = self._median_state, self._last_median
        if median is None or state[0] != self._canvas_id or frame.time - state[1] > MEDIAN_REUSE_SECONDS:
            self._last_median = median = smooth_image(median_of_nine([self.align(other) for other in neighbours]))
            self._median_state = self._canvas_id, frame.time
        return median

    def _update_background(
        self,
        picture: FineLuma,
        median: FineLuma,
        followed: Sequence[FollowedRegion],
        future_frames: Sequence[Luma],
    ) -> FineLuma:
        """Return the background for this frame from the previous one and the median.

        Where the frame still shows the previous background, that one is kept and moves slowly towards the median; elsewhere the
        median replaces it. In a followed region the background is either the previous one or what the future frames show,
        whichever is less like the object, but the future one only where this frame looks like it already: an object that stays
        near a place covers it again in the future frames.
        """
        previous = self._background if self._background is not None else median
        difference = picture - previous
        np.abs(difference, out=difference)
        changed = difference >= math.ceil(FINE_STEPS * (MIN_DIFFERENCE + NOISE_MULTIPLE * self.noise))
        # The median, limited to half a grey level around the previous background.
        updated: FineLuma = np.subtract(previous, UPDATE_STEPS, out=difference)
        np.maximum(updated, median, out=updated)
        np.minimum(updated, previous + UPDATE_STEPS, out=updated)
        # The median where changed, by bits: a copy with a mask takes ten times as long.
        mask = changed.astype(np.int16)
        np.negative(mask, out=mask)
        mask &= updated ^ median
        updated ^= mask
        for region, object_grey in followed:
            before = previous[region]
            if len(future_frames) == 3:
                # The median of three: the object may pass the region again in one of them.
                a, b, c = (future[region] for future in future_frames)
                after = _to_fine(np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c)))
            else:
                after = updated[region]
            now = picture[region]
            # The previous background is the object itself, from when it stood still, and the object has just left.
            grey = np.float32(FINE_STEPS * object_grey)
            object_left = np.abs(after - grey) > np.abs(before - grey) + np.float32(FINE_STEPS * MIN_DIFFERENCE)
            object_left &= np.abs(after - now) < np.abs(before - now)
            updated[region] = np.where(object_left, after, before)
        return updated

    def mask_uncovered(self, probability: FloatImage, frames: Sequence[AnalysisFrame], pixels: int = 1) -> None:
        """Set the borders that any of the frames does not cover to 0, in place. All frames must be aligned to this canvas.

        `pixels` is how many pixels of the frame a pixel of the picture stands for, along both axes.
        """
        height, width = probability.shape
        left, right, top, bottom = (
            max(margins) / pixels for margins in zip(*(frame.uncovered for frame in frames), strict=True)
        )
        # One pixel more than uncovered for the fraction, and one because smoothing mixes the repeated border into it.
        if left > COVERAGE_TOLERANCE_PIXELS:
            probability[:, : int(left) + 2] = 0
        if right > COVERAGE_TOLERANCE_PIXELS:
            probability[:, width - int(right) - 2 :] = 0
        if top > COVERAGE_TOLERANCE_PIXELS:
            probability[: int(top) + 2] = 0
        if bottom > COVERAGE_TOLERANCE_PIXELS:
            probability[height - int(bottom) - 2 :] = 0

    def _uncovered_borders(self, transform: SimilarityTransform) -> tuple[float, float, float, float]:
        """Return how many pixels of the canvas a frame leaves uncovered: left, right, top, bottom; negative where it extends beyond.

        The four edges of the frame are mapped to the canvas; of a rotated edge the corner that reaches farthest in counts.
        """
        to_canvas = self.canvas_transform.compose(transform.inverse())
        if to_canvas.max_displacement(self.shape) < COVERAGE_TOLERANCE_PIXELS:
            return 0.0, 0.0, 0.0, 0.0
        height, width = self.shape
        zoom_x = (to_canvas.scale_rotation.real - 1) * width / 2
        zoom_y = (to_canvas.scale_rotation.real - 1) * height / 2
        tilt_x, tilt_y = abs(to_canvas.scale_rotation.imag) * height / 2, abs(to_canvas.scale_rotation.imag) * width / 2
        x, y = to_canvas.translation.real, to_canvas.translation.imag
        return x - zoom_x + tilt_x, tilt_x - zoom_x - x, y - zoom_y + tilt_y, tilt_y - zoom_y - y


def _to_fine(luma: Luma) -> FineLuma:
    fine = luma.astype(np.int16)
    fine *= np.int16(FINE_STEPS)
    return fine


def foreground_probability(difference: FloatImage, min_difference: float, reference: FineLuma) -> FloatImage:
    """Return how far each difference exceeds its threshold: 0 at the threshold and below, 1 at twice the threshold and above.

    Args:
        difference: absolute differences in steps of `FINE_STEPS`.
        min_difference: the threshold in a flat area, in grey levels.
        reference: the picture whose edges raise the threshold, by the difference that a slight misalignment causes.
    """
    width = difference.shape[1]
    # The sum of the absolute central differences, twice the gradient; the row-wise ones in one pass over the flat array,
    # which is wrong in the first and last column only.
    along_y, along_x, flat = np.empty_like(reference), np.empty_like(reference), reference.ravel()
    np.subtract(reference[2:], reference[:-2], out=along_y[1:-1])
    along_y[0] = along_y[-1] = 0
    np.abs(along_y, out=along_y)
    np.subtract(flat[2:], flat[:-2], out=along_x.ravel()[1:-1])
    along_x[:, :: width - 1] = 0
    np.abs(along_x, out=along_x)
    along_y += along_x
    threshold = along_y.astype(np.float32)
    threshold *= np.float32(0.5 * ALIGNMENT_ERROR_PIXELS)
    threshold += np.float32(FINE_STEPS * min_difference)
    probability = np.divide(difference, threshold, out=threshold)
    probability -= np.float32(1)
    return probability.clip(0, 1, out=probability)


def _match_light(picture: FineLuma, background: FineLuma) -> tuple[float, float]:
    """Return the gain and the offset of the light, so that `gain * background + offset` is the picture where nothing moves.

    A line is fitted by least squares to every fifth pixel of a row and column, twice, without the pixels that are far off: those
    are foreground.
    """
    x, y = (each[2::5, 2::5].ravel() * np.float32(1 / FINE_STEPS) for each in (background, picture))
    terms = np.empty((5, x.size), np.float32)
    terms[0], terms[1], terms[2] = 1, x, y
    np.multiply(x, x, out=terms[3])
    np.multiply(x, y, out=terms[4])
    residuals = y - x
    gain, offset, tolerance = 1.0, upper_median(residuals), INITIAL_LIGHT_TOLERANCE
    residuals -= np.float32(offset)
    for _ in range(2):
        count, sum_x, sum_y, sum_xx, sum_xy = (terms @ (np.abs(residuals) < tolerance)).tolist()
        if count < x.size // 4:
            return 1.0, 0.0  # most of the picture changed: there is no common light
        # The 100 on both sides pulls the gain towards 1 where the background has no contrast to measure it by.
        gain = (sum_xy - sum_x * sum_y / count + 100) / (sum_xx - sum_x * sum_x / count + 100)
        offset = (sum_y - gain * sum_x) / count
        residuals = y - np.float32(gain) * x
        residuals -= np.float32(offset)
        tolerance = FINAL_LIGHT_TOLERANCE
    return gain, offset
