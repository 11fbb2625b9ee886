"""Follows the moving things of a shot from frame to frame, as the centres of what differs from the ground.

A thing's track is per-frame numbers only. Things that touch are told apart by where each was going; pieces of one thing are held
together by its size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .background import FollowedRegion
    from .image_ops import FloatImage, Luma, Matrix, SimilarityTransform

MIN_PROBABILITY = 0.3
"""A pixel this surely not ground belongs to a thing."""
MIN_AREA_PIXELS = 6.0
"""Pixels: less than this is grain or a block of the codec."""
MAX_RUNS = 500
"""Rows' runs of pixels: more of them is no set of things but a change of the whole picture."""
MAX_TRACKS = 10
LOST_SECONDS = 0.1
"""A thing not seen for this long has left."""
STATIONARY_SECONDS = 0.3
"""A thing that stays in place this long is at rest and is ground from then on."""
STATIONARY_PIXELS = 0.6
MAX_SPEED_CHANGE = 0.8
"""Widths a second by which a thing may be faster or slower than it was."""
MAX_INITIAL_SPEED = 2.5
"""Widths a second that a thing may have when it is first seen."""
BOUNCE_SHARE = 1.9
"""Share of the last step that a thing may be off where it was going: it may have bounced back."""
MIN_TRAVEL_PIXELS = 2.0
"""Pixels: a patch that has gone no farther may be what is left where something stood."""
REGION_MARGIN_PIXELS = 6
"""Pixels about a thing within which the ground is kept."""
SPLIT_ITERATIONS = 4
SPLIT_AREA_RATIO = 1.5
"""Times its area at which a thing's patch is taken for two things."""


BoundingBox = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(slots=True)
class Blob:
    """One connected patch of what is not ground: for each pixel its place (from the picture's centre), how surely it belongs, its grey."""

    pixels: Matrix
    """(4, n)"""
    area: float = field(init=False)
    centre: complex = field(init=False)
    grey: float = field(init=False)
    box: BoundingBox = field(init=False)

    def __post_init__(self) -> None:
        """Sum up."""
        x, y, _, grey = (self.pixels @ self.probabilities).tolist()
        self.area = float(self.probabilities.sum())
        self.centre = complex(x, y) / self.area
        self.grey = grey / self.area
        (left, top), (right, bottom) = self.pixels[:2].min(1).tolist(), self.pixels[:2].max(1).tolist()
        self.box = (left, top, right, bottom)

    @property
    def probabilities(self) -> Matrix:
        """How surely each pixel belongs to it."""
        sure: Matrix = self.pixels[2]
        return sure

    @property
    def positions(self) -> npt.NDArray[np.complex128]:
        """Where each pixel is."""
        places: npt.NDArray[np.complex128] = self.pixels[0] + 1j * self.pixels[1]
        return places

    def merged_with(self, other: Blob) -> Blob:
        """Both as one."""
        return Blob(np.concatenate([self.pixels, other.pixels], 1))

    def subset(self, mask: npt.NDArray[np.bool_]) -> Blob:
        """The pixels chosen."""
        return Blob(self.pixels[:, mask])


@dataclass(slots=True, eq=False)
class Track:
    """A thing and where it has been: for each frame it was seen on, the frame's number and time, world place, frame place, size."""

    frame_numbers: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    world_positions: list[complex] = field(default_factory=list)
    """Pixels from the picture's centre, camera taken out."""
    frame_positions: list[complex] = field(default_factory=list)
    """Pixels from the picture's centre, as in the frame."""
    areas: list[float] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    """The longer side of its box, in pixels."""
    clipped: list[bool] = field(default_factory=list)
    """The thing touched the border: its centre is not all of it."""
    centre: complex = 0j
    velocity: complex = 0j
    half_size: complex = 0j
    """Half its width and height in pixels, slowly following."""
    grey: float = 0.0
    patch_counts: list[int] = field(default_factory=list)
    """How many patches the picture had."""
    was_split: bool = False
    """It was told from another by size: it is a thing though it has not gone far."""
    travel: float = 0.0
    """Pixels from where it was first seen, at most."""

    def predicted_centre(self, time: float) -> complex:
        """Where on the canvas it should be."""
        return self.centre + self.velocity * (time - self.times[-1])

    def has_moved(self, share: float) -> bool:
        """Whether it has gone that share of its own size, and `MIN_TRAVEL_PIXELS` at least."""
        return self.travel > max(MIN_TRAVEL_PIXELS, share * abs(self.half_size))

    def is_stationary(self) -> bool:
        """Whether it has stayed in place for `STATIONARY_SECONDS`."""
        if self.times[-1] - self.times[0] < STATIONARY_SECONDS:
            return False
        last = self.world_positions[-1]
        for time, place in zip(reversed(self.times), reversed(self.world_positions), strict=True):
            if abs(place - last) > STATIONARY_PIXELS:
                return False
            if self.times[-1] - time >= STATIONARY_SECONDS:
                return True
        return False


def find_blobs(probability: FloatImage, luma: Luma) -> list[Blob] | None:
    """The connected patches, largest first; None where there are too many pieces for things."""
    height, width = probability.shape
    solid = probability > MIN_PROBABILITY
    if not solid.any():
        return []
    stride = width + 2  # a free pixel at both ends of each row keeps the rows apart
    tall = np.zeros((height, stride), bool)
    core = tall[:, 1:-1]
    core |= solid
    core[1:] |= solid[:-1]
    core[:-1] |= solid[1:]
    narrow = tall.ravel()
    flat = narrow.copy()
    flat[1:] |= narrow[:-1]
    flat[:-1] |= narrow[1:]
    flat[::stride] = flat[stride - 1 :: stride] = False
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts, ends = turns[::2], turns[1::2]
    if starts.size > MAX_RUNS:
        return None
    root = _label_runs(starts, ends, stride)
    wide = np.zeros((height, stride), probability.dtype)
    wide[:, 1:-1] = probability
    at = np.flatnonzero(flat & (wide.ravel() > 0))
    y, x = np.divmod(at, stride)
    x -= 1
    pixels = np.empty((4, at.size))
    np.subtract(x, (width - 1) / 2, out=pixels[0])
    np.subtract(y, (height - 1) / 2, out=pixels[1])
    pixels[2] = wide.ravel().take(at)
    y *= width
    y += x
    pixels[3] = luma.ravel().take(y)
    label = root.take(np.searchsorted(starts, at, side="right") - 1)
    areas = np.bincount(label, pixels[2])
    return [
        Blob(pixels.take(np.flatnonzero(label == k), 1))
        for k in np.argsort(-areas)[: 2 * MAX_TRACKS]
        if areas[k] >= MIN_AREA_PIXELS
    ]


def _label_runs(starts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp], stride: int) -> npt.NDArray[np.intp]:
    """The label of each run of pixels: runs of neighbouring rows that overlap share one."""
    # In the row above each run overlaps those from `first` up to `last`, as they are in order.
    first = np.searchsorted(ends, starts - stride, side="right")
    last = np.searchsorted(starts, ends - stride, side="left")
    root = np.where(last > first, first, np.arange(starts.size))
    for _ in range(int(starts[-1] // stride).bit_length()):  # each time twice as far up, at last over all rows
        root = root[root]
    joined: dict[int, int] = {}

    def find_root(k: int) -> int:
        while k in joined:
            k = joined[k]
        return k

    several = np.flatnonzero(last > first + 1)
    for begin, end in zip(first[several].tolist(), last[several].tolist(), strict=True):
        one = find_root(int(root[begin]))
        for other in root[begin + 1 : end].tolist():
            if (another := find_root(other)) != one:
                joined[another] = one
    for k in joined:
        root[root == k] = find_root(k)
    return root


class BlobTracker:
    """All things of a shot that are being followed."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.tracks: list[Track] = []

    def recenter(self, transform: SimilarityTransform) -> None:
        """The canvas was laid anew: places on it move along."""
        for track in self.tracks:
            track.centre = transform.apply(track.centre)
            track.velocity *= transform.scale_rotation

    def followed_regions(self, time: float) -> list[FollowedRegion]:
        """Where things are or should be: the ground is not to take them up there."""
        height, width = self.shape
        middle = complex((width - 1) / 2, (height - 1) / 2)
        found = []
        for track in self.tracks:
            if track.travel <= MIN_TRAVEL_PIXELS:
                continue
            now, then = track.centre + middle, track.predicted_centre(time) + middle
            left, right = sorted((now.real, then.real))
            top, bottom = sorted((now.imag, then.imag))
            wide, tall = track.half_size.real + REGION_MARGIN_PIXELS, track.half_size.imag + REGION_MARGIN_PIXELS
            rows = slice(max(0, int(top - tall)), max(0, int(bottom + tall) + 2))
            cols = slice(max(0, int(left - wide)), max(0, int(right + wide) + 2))
            found.append(((rows, cols), track.grey))
        return found

    def add(
        self,
        frame_number: int,
        time: float,
        probability: FloatImage | None,
        luma: Luma,
        canvas_transform: SimilarityTransform,
        frame_transform: SimilarityTransform,
    ) -> list[Track]:
        """Follow everything one frame on; gives the tracks that ended."""
        patches = find_blobs(probability, luma) if probability is not None else None
        if patches is None:
            ended, self.tracks = self.tracks, []
            return ended
        claims = self._assign(patches, time)
        got, struck = self._divide_patches(patches, claims, time)
        free = self._merge_fragments(patches, sorted(set(range(len(patches))) - set(claims.values())), got)
        for k, blob in got.items():
            self._record(self.tracks[k], blob, frame_number, time, canvas_transform, frame_transform)
        new = [(patches[b], False) for b in free] + [(blob, True) for blob in struck]
        for blob, apart in new[: max(0, MAX_TRACKS - len(self.tracks))]:
            self.tracks.append(Track(was_split=apart))
            self._record(self.tracks[-1], blob, frame_number, time, canvas_transform, frame_transform)
        for track in self.tracks:
            if track.frame_numbers[-1] == frame_number:
                track.patch_counts.append(len(patches))
        ended = [t for t in self.tracks if time - t.times[-1] > LOST_SECONDS or t.is_stationary()]
        self.tracks = [t for t in self.tracks if t not in ended]
        return ended

    def _divide_patches(
        self, patches: list[Blob], assignments: dict[int, int], time: float
    ) -> tuple[dict[int, Blob], list[Blob]]:
        """What each track gets of the patch it claims, and what was set moving by one of them."""
        owners: dict[int, list[int]] = {}
        for k, b in assignments.items():
            owners.setdefault(b, []).append(k)
        got: dict[int, Blob] = {}
        for b, owning in owners.items():
            got.update(self._split_patch(patches[b], owning, time))
        struck = []
        for k, blob in list(got.items()):
            parts = self._split_collision(self.tracks[k], blob, time)
            if parts is not None:
                got[k] = parts[0]
                struck.append(parts[1])
        return got, struck

    def _merge_fragments(self, patches: list[Blob], unassigned: list[int], assigned: dict[int, Blob]) -> list[int]:
        """Add to each thing the unclaimed patches that are pieces of it; gives what is left."""
        for k, blob in list(assigned.items()):
            mine = blob
            for b in list(unassigned):
                if len(self.tracks[k].times) > 2 and _fits_size(mine.box, patches[b].box, self.tracks[k].half_size):
                    assigned[k] = mine = mine.merged_with(patches[b])
                    unassigned.remove(b)
        return unassigned

    def _assign(self, patches: list[Blob], time: float) -> dict[int, int]:
        """Which patch each track takes: the nearest to where it was going, of about its size; two may take one where they meet."""
        width = self.shape[1]
        costs = []
        for k, track in enumerate(self.tracks):
            dt = time - track.times[-1]
            aim = track.predicted_centre(time)
            size = abs(track.half_size)
            surprise = (MAX_INITIAL_SPEED if len(track.times) < 2 else MAX_SPEED_CHANGE) * width
            gate = 3 + 0.5 * size + (BOUNCE_SHARE * abs(track.velocity) + surprise) * dt
            for b, blob in enumerate(patches):
                off = min(abs(blob.centre - aim), abs(blob.centre - track.centre) + 1)
                if off < gate:
                    costs.append((off / gate + 0.4 * abs(math.log(blob.area / track.areas[-1])), k, b))
        taken: dict[int, int] = {}
        for _, k, b in sorted(costs):
            if k not in taken and b not in taken.values():
                taken[k] = b
        for k, track in enumerate(self.tracks):
            if k in taken:
                continue
            aim = track.predicted_centre(time)
            for b in set(taken.values()):
                left, top, right, bottom = patches[b].box
                if left - 1 <= aim.real <= right + 1 and top - 1 <= aim.imag <= bottom + 1 and len(track.times) > 2:
                    taken[k] = b
                    break
        return taken

    def _split_patch(self, blob: Blob, track_indices: list[int], time: float) -> dict[int, Blob]:
        """A patch divided among the things in it, each pixel to the thing whose rim it is nearest to.

        What has not gone its own size on its own is no thing but a piece of the one that has gone farthest.
        """
        if len(track_indices) == 1:
            return {track_indices[0]: blob}
        farthest = max(track_indices, key=lambda k: self.tracks[k].travel)
        track_indices = [
            k for k in track_indices if k == farthest or self.tracks[k].was_split or self.tracks[k].has_moved(1.5)
        ]
        if len(track_indices) == 1:
            return {track_indices[0]: blob}
        tracks = [self.tracks[k] for k in track_indices]
        centres = np.array([t.predicted_centre(time) for t in tracks])
        squares = np.array([median(t.areas[-5:]) / math.pi for t in tracks])
        places = blob.positions
        weighted = places * blob.probabilities
        nearest = np.zeros(places.size, np.intp)
        for _ in range(SPLIT_ITERATIONS):
            off = places - centres[:, None]
            before, nearest = nearest, (off.real**2 + off.imag**2 - squares[:, None]).argmin(0)
            if np.array_equal(before, nearest):
                break
            for j in range(len(track_indices)):
                mine = nearest == j
                if weight := float(blob.probabilities @ mine):
                    centres[j] = complex(weighted @ mine) / weight
        parts = {k: nearest == j for j, k in enumerate(track_indices)}
        return {k: blob.subset(mine) for k, mine in parts.items() if blob.probabilities[mine].sum() >= MIN_AREA_PIXELS}

    def _split_collision(self, track: Track, blob: Blob, time: float) -> tuple[Blob, Blob] | None:
        """A patch that has grown too large for a thing on the move, as that thing and another that it set moving."""
        if len(track.areas) < 5 or not track.has_moved(1.5):
            return None
        area = median(track.areas[-5:])
        if blob.area < SPLIT_AREA_RATIO * area:
            return None
        radius = math.sqrt(area / math.pi)
        places = blob.positions
        weighted = places * blob.probabilities
        whole, total = complex(weighted.sum()), blob.area
        mine = np.abs(places - track.predicted_centre(time)) <= radius
        for _ in range(SPLIT_ITERATIONS):
            if not mine.any() or mine.all():
                return None
            part, weight = complex(weighted @ mine), float(blob.probabilities @ mine)
            centre, other = part / weight, (whole - part) / (total - weight)
            # Nearer to the one centre than to the other.
            across = other - centre
            mine = (places * across.conjugate()).real < ((centre + other) / 2 * across.conjugate()).real
        own, rest = blob.subset(mine), blob.subset(~mine)
        alike = abs(math.log(own.area / area)) < 0.5 and rest.area > 0.4 * area
        return (own, rest) if alike and abs(own.centre - rest.centre) > 1.2 * radius else None

    def _record(
        self,
        track: Track,
        blob: Blob,
        frame_number: int,
        time: float,
        canvas_transform: SimilarityTransform,
        frame_transform: SimilarityTransform,
    ) -> None:
        """Write down where the thing is now."""
        height, width = self.shape
        left, top, right, bottom = blob.box
        half = complex(right - left + 1, bottom - top + 1) / 2
        if track.times:
            dt = time - track.times[-1]
            track.velocity = (blob.centre - track.centre) / dt
            track.half_size += 0.3 * (half - track.half_size)
            track.grey += 0.2 * (blob.grey - track.grey)
        else:
            track.half_size, track.grey = half, blob.grey
        world = canvas_transform.inverse().apply(blob.centre)
        seen = frame_transform.apply(world)
        reach_x, reach_y = (width - 1) / 2 - 1, (height - 1) / 2 - 1
        shift = seen - blob.centre
        track.clipped.append(
            left + shift.real < -reach_x
            or right + shift.real > reach_x
            or top + shift.imag < -reach_y
            or bottom + shift.imag > reach_y
        )
        track.centre = blob.centre
        track.frame_numbers.append(frame_number)
        track.times.append(time)
        track.world_positions.append(world)
        track.travel = max(track.travel, abs(world - track.world_positions[0]))
        track.frame_positions.append(seen)
        track.areas.append(blob.area)
        track.lengths.append(2 * max(half.real, half.imag))


def _fits_size(box: BoundingBox, other: BoundingBox, half_size: complex) -> bool:
    """Whether a patch with a piece added is no larger than the thing was."""
    wide = max(box[2], other[2]) - min(box[0], other[0])
    tall = max(box[3], other[3]) - min(box[1], other[1])
    return (wide + 1) / 2 <= 1.2 * half_size.real + 1 and (tall + 1) / 2 <= 1.2 * half_size.imag + 1
