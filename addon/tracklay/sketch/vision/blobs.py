"""Connected foreground patches of a frame: labels the pixels of a foreground probability and measures each patch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .image_ops import FloatImage, Luma, Matrix

MIN_PROBABILITY = 0.3
"""Foreground probability from which a pixel is the core of a blob; weaker pixels beside one belong to its soft rim."""
MIN_AREA_PIXELS = 6.0
"""Smallest area of a blob (a sum of probabilities); less is grain or a block of the codec."""
MAX_RUNS = 200
"""With more runs of pixels in the rows, the foreground is not a few objects but a change of the whole picture."""
MAX_BLOBS = 4
"""With more patches it is not certain which of them belong to an object."""

BoundingBox = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(slots=True)
class Blob:
    """A connected patch of foreground pixels."""

    pixels: Matrix
    """(4, n): x, y (from the picture's centre), foreground probability and grey level of each pixel."""
    area: float = field(init=False)
    """Sum of the probabilities: a rim pixel half covered counts half."""
    centre: complex = field(init=False)
    """Centroid, weighted by probability, so that it has subpixel precision."""
    grey: float = field(init=False)
    """Mean grey level, weighted by probability."""
    box: BoundingBox = field(init=False)

    def __post_init__(self) -> None:
        x, y, _, grey = (self.pixels @ self.probabilities).tolist()
        self.area = float(self.probabilities.sum())
        self.centre = complex(x, y) / self.area
        self.grey = grey / self.area
        positions = self.pixels[:2]
        (left, top), (right, bottom) = (
            np.minimum.reduce(positions, 1).tolist(),
            np.maximum.reduce(positions, 1).tolist(),
        )
        self.box = (left, top, right, bottom)

    @property
    def probabilities(self) -> Matrix:
        """Foreground probability of each pixel."""
        probabilities: Matrix = self.pixels[2]
        return probabilities

    @property
    def positions(self) -> npt.NDArray[np.complex128]:
        """Position of each pixel."""
        positions: npt.NDArray[np.complex128] = self.pixels[0] + 1j * self.pixels[1]
        return positions

    def merged_with(self, other: Blob) -> Blob:
        """Return both as one blob."""
        return Blob(np.concatenate([self.pixels, other.pixels], 1))

    def subset(self, mask: npt.NDArray[np.bool_]) -> Blob:
        """Return the blob of the pixels where the mask is true."""
        return Blob(self.pixels[:, mask])


def find_blobs(probability: FloatImage, luma: Luma) -> list[Blob] | None:
    """Return the connected foreground patches, largest first.

    Args:
        probability: foreground probability of each pixel.
        luma: the picture, of the same shape.

    Returns:
        None where the foreground is too fragmented to be a few objects: more than `MAX_BLOBS` patches.
    """
    height, width = probability.shape
    # The core dilated by one pixel, down, up, then to both sides: it includes the soft rim and closes gaps of two pixels.
    # A free pixel at both ends of each row lets the whole picture be treated as one long row.
    stride = width + 2
    padded = np.zeros((height, stride), bool)
    np.greater(probability, np.float32(MIN_PROBABILITY), out=padded[:, 1:-1])
    core = padded.ravel()
    if not core.any():
        return []
    vertical = core.copy()
    vertical[stride:] |= core[:-stride]
    vertical[:-stride] |= core[stride:]
    mask = vertical.copy()
    mask[1:] |= vertical[:-1]
    mask[:-1] |= vertical[1:]
    mask[::stride] = mask[stride - 1 :: stride] = False
    edges = np.flatnonzero(mask[1:] != mask[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    if starts.size > MAX_RUNS:
        return None
    # The labels and the rows are those of the runs, repeated for each of their pixels.
    lengths = ends - starts
    rows = starts // stride
    of_row = np.repeat(rows, lengths)
    indices = np.flatnonzero(mask)
    # Without the free pixels at the ends of the rows, the index in the picture itself.
    indices -= of_row
    indices -= of_row
    indices -= 1
    strengths = probability.ravel().take(indices)
    labels = np.repeat(_label_runs(starts, ends, stride), lengths)
    areas = np.bincount(labels, strengths)
    large = np.flatnonzero(areas >= MIN_AREA_PIXELS)
    if large.size > MAX_BLOBS:
        return None
    if not large.size:
        return []
    # All pixels at once: a call to numpy costs more than the arithmetic of so few.
    pixels = np.empty((4, indices.size))
    np.subtract(indices, of_row * width, out=pixels[0])
    pixels[0] -= (width - 1) / 2
    np.subtract(of_row, (height - 1) / 2, out=pixels[1])
    pixels[2] = strengths
    pixels[3] = luma.ravel().take(indices)
    # No patch has the label -1.
    labels[strengths <= 0] = -1
    return [Blob(pixels.compress(labels == label, 1)) for label in large[np.argsort(-areas[large])].tolist()]


def _label_runs(starts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp], stride: int) -> npt.NDArray[np.intp]:
    """Return the label of each run of pixels; runs of neighbouring rows that overlap have the same one.

    This is `scipy.ndimage.label`, by runs instead of pixels: Blender has no scipy, and the extension does not ship it.

    Args:
        starts: index of the first pixel of each run in the flat picture, increasing.
        ends: index after the last pixel of each run.
        stride: length of a row.
    """
    # Each run overlaps the runs `first` up to `last` (exclusive) of the row above: both rows are in order.
    first = np.searchsorted(ends, starts - stride, side="right")
    last = np.searchsorted(starts, ends - stride, side="left")
    # Link each run to the first one above it, and follow the links to the top: each round doubles the distance covered.
    root = np.where(last > first, first, np.arange(starts.size))
    for _ in range(int(starts[-1] // stride).bit_length()):
        root = root[root]
    # The few runs that touch several above join the trees of those (union-find).
    parents: dict[int, int] = {}

    def find_root(k: int) -> int:
        while k in parents:
            k = parents[k]
        return k

    branching = np.flatnonzero(last > first + 1)
    for begin, end in zip(first[branching].tolist(), last[branching].tolist(), strict=True):
        kept = find_root(int(root[begin]))
        for label in root[begin + 1 : end].tolist():
            if (other := find_root(label)) != kept:
                parents[other] = kept
    for k in parents:
        root[root == k] = find_root(k)
    return root
