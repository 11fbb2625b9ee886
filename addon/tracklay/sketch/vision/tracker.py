"""Tracks the moving objects of a shot from frame to frame, as connected blobs of foreground.

A track is numbers for each frame: position, area, size. No picture of an object is kept. Blobs are assigned to tracks by predicted
position and area. Two objects in one blob are separated by the positions predicted for them; fragments of one object are
joined as long as they fit its size.

Positions are complex numbers in pixels from the picture's centre, y down: on the canvas (see `background`), in the frame, or in
the world (the shot's first frame).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from .blobs import MIN_AREA_PIXELS, Blob, BoundingBox, find_blobs

if TYPE_CHECKING:
    from .background import FollowedRegion
    from .image_ops import FloatImage, Luma, SimilarityTransform

MAX_TRACKS = 10
"""More objects are not tracked: the sound of so busy a picture does not depend on each of them."""
LOST_SECONDS = 0.1
"""A track without a blob for longer than this ends: two or three frames."""
STATIONARY_SECONDS = 0.3
STATIONARY_PIXELS = 0.6
"""An object that stays within this distance for this time is at rest: its track ends and it becomes background."""
MAX_SPEED_CHANGE = 0.8
"""Widths per second by which the speed of an object may change from one frame to the next."""
MAX_INITIAL_SPEED = 2.5
"""Widths per second: largest speed of an object seen once, whose velocity is still unknown."""
BOUNCE_SHARE = 1.9
"""Distance from the predicted position that is allowed because of a bounce, in steps of the object: a full reversal is two."""
MIN_TRAVEL_PIXELS = 2.0
"""An object that has not moved this far may be a ghost: the place that an object left, still different from the background."""
REGION_MARGIN_PIXELS = 6
"""Margin around an object within which the background is kept."""
SPLIT_ITERATIONS = 4
"""Iterations that separate two objects; they converge in two or three."""
SPLIT_AREA_RATIO = 1.5
"""A blob this many times the area of its object is examined for a second object that was hit and moves with it."""
MIN_SPLIT_TRAVEL = 1.5
"""Travel, in half diagonals of the object, from which it is certain to be an object of its own, so that a blob may be divided
for it."""
SOLID_SAMPLES, MIN_SOLID_SAMPLES = 6, 4
MAX_SOLID_AREA_CHANGE, RIM_AREA_CHANGE = 0.075, 0.27
"""The median change of the area (as a logarithm, from sample to sample over the last six) up to which a track may be of a solid object:
one and a half times what `event_detector` allows a whole track. The rim of a small object is a larger share of it: its part is divided by
the square root of the area in pixels."""
MIN_LARGE_AREA = 0.008
"""Share of the picture: a larger thing that does not look solid is an arm, a body or water; a smaller one may be a ball that emerges."""
NOT_SOLID_SAMPLES = 12
"""A smaller thing of which that many samples are known, and which still does not look solid, does not emerge any more."""
AREA_HISTORY_SAMPLES = 5
"""The area of an object is the median of this many last samples."""


@dataclass(slots=True, eq=False)
class Track:
    """One object and its history. The lists have one value for each frame on which it was found."""

    frame_numbers: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """Seconds."""
    world_positions: list[complex] = field(default_factory=list)
    """The centre without the camera's motion."""
    frame_positions: list[complex] = field(default_factory=list)
    """The centre in the frame."""
    areas: list[float] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    """The longer side of the bounding box, in pixels."""
    clipped: list[bool] = field(default_factory=list)
    """The object touched the border of the frame: the centre is only that of its visible part."""
    centre: complex = 0j
    """Last position on the canvas."""
    velocity: complex = 0j
    """Last velocity on the canvas, pixels per second."""
    half_size: complex = 0j
    """Half the width + i half the height in pixels, smoothed over a few frames."""
    grey: float = 0.0
    """Grey level, smoothed over a few frames."""
    busy_frames: int = 0
    """Number of frames on which there were too many patches to find it."""
    was_split: bool = False
    """It was separated from an object that hit it: it is an object of its own, though it has not moved far yet."""
    travel: float = 0.0
    """Largest distance from the first world position, in pixels."""

    def predicted_centre(self, time: float) -> complex:
        """Return the position on the canvas at a time, at constant velocity."""
        return self.centre + self.velocity * (time - self.times[-1])

    def has_moved(self, share: float) -> bool:
        """Return whether the object has moved more than a share of its half diagonal, and more than `MIN_TRAVEL_PIXELS`."""
        return self.travel > max(MIN_TRAVEL_PIXELS, share * abs(self.half_size))

    def looks_solid(self) -> bool:
        """Return whether the last samples have an area as steady as that of a solid object, within the frame."""
        areas = self.areas[-SOLID_SAMPLES:]
        if len(areas) < MIN_SOLID_SAMPLES or sum(self.clipped[-SOLID_SAMPLES:]) * 2 >= len(areas):
            return False
        changes = [abs(math.log(after / before)) for before, after in pairwise(areas)]
        return median(changes) <= MAX_SOLID_AREA_CHANGE + RIM_AREA_CHANGE / math.sqrt(median(areas))

    def is_stationary(self) -> bool:
        """Return whether the object has stayed in place for `STATIONARY_SECONDS`."""
        if self.times[-1] - self.times[0] < STATIONARY_SECONDS:
            return False
        last = self.world_positions[-1]
        for time, position in zip(reversed(self.times), reversed(self.world_positions), strict=True):
            if abs(position - last) > STATIONARY_PIXELS:
                return False
            if self.times[-1] - time >= STATIONARY_SECONDS:
                return True
        return False


class BlobTracker:
    """The objects of one shot that are being tracked.

    Attributes:
        shape: height and width of the pictures.
        tracks: the tracks that have not ended.
        fruitless_frames: number of frames since the last one with a solid object that moves, on which something large or fragmented was.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.tracks: list[Track] = []
        self.fruitless_frames = 0

    def drop_tracks(self) -> None:
        """Forget all tracks: none is of a solid object."""
        self.tracks, self.fruitless_frames = [], 0

    def recenter(self, transform: SimilarityTransform) -> None:
        """Move all canvas positions by the transform from the old canvas to the new one."""
        for track in self.tracks:
            track.centre = transform.apply(track.centre)
            track.velocity *= transform.scale_rotation

    def followed_regions(self, time: float) -> list[FollowedRegion]:
        """Return the regions of the canvas where moving objects are or should be: there the background must not change."""
        height, width = self.shape
        middle = complex((width - 1) / 2, (height - 1) / 2)
        regions = []
        for track in self.tracks:
            if track.travel <= MIN_TRAVEL_PIXELS:
                continue
            # From the last position to the predicted one: the object may have stopped in between.
            last, predicted = track.centre + middle, track.predicted_centre(time) + middle
            left, right = sorted((last.real, predicted.real))
            top, bottom = sorted((last.imag, predicted.imag))
            margin_x, margin_y = (
                track.half_size.real + REGION_MARGIN_PIXELS,
                track.half_size.imag + REGION_MARGIN_PIXELS,
            )
            rows = slice(max(0, int(top - margin_y)), max(0, int(bottom + margin_y) + 2))
            cols = slice(max(0, int(left - margin_x)), max(0, int(right + margin_x) + 2))
            regions.append(((rows, cols), track.grey))
        return regions

    def add(
        self,
        frame_number: int,
        time: float,
        probability: FloatImage | None,
        luma: Luma,
        canvas_transform: SimilarityTransform,
        frame_transform: SimilarityTransform,
    ) -> list[Track]:
        """Track all objects on the next frame.

        Args:
            frame_number: index of the frame in the clip.
            time: seconds.
            probability: foreground probability on the canvas; None where the picture changes as a whole, which ends all tracks.
            luma: the frame on the canvas.
            canvas_transform: from the shot's first frame to the canvas.
            frame_transform: from the shot's first frame to this frame.

        Returns:
            The tracks that ended.
        """
        if probability is None:
            self.fruitless_frames += 1
            ended, self.tracks = self.tracks, []
            return ended
        patches = find_blobs(probability, luma)
        if patches is not None:
            self._track_patches(patches, frame_number, time, canvas_transform, frame_transform)
        else:
            for track in self.tracks:
                track.busy_frames += 1
        self._count_fruitless(is_fragmented=patches is None)
        ended = [t for t in self.tracks if time - t.times[-1] > LOST_SECONDS or t.is_stationary()]
        self.tracks = [t for t in self.tracks if t not in ended]
        return ended

    def _count_fruitless(self, *, is_fragmented: bool) -> None:
        """Update `fruitless_frames`."""
        height, width = self.shape
        moving = [track for track in self.tracks if track.travel > MIN_TRAVEL_PIXELS]
        solid = [track for track in self.tracks if track.looks_solid()]
        if any(track in moving for track in solid):
            self.fruitless_frames = 0
            return
        is_large = any(track.areas[-1] > MIN_LARGE_AREA * height * width for track in self.tracks)
        was_never_solid = any(len(track.times) >= NOT_SOLID_SAMPLES for track in moving)
        if is_fragmented or (is_large and not solid) or was_never_solid:
            self.fruitless_frames += 1

    def _track_patches(
        self,
        patches: list[Blob],
        frame_number: int,
        time: float,
        canvas_transform: SimilarityTransform,
        frame_transform: SimilarityTransform,
    ) -> None:
        """Assign the patches of a frame to the tracks, and begin new tracks."""
        assignments = self._assign(patches, time)
        assigned, hit_blobs = self._divide_patches(patches, assignments, time)
        unassigned = self._merge_fragments(
            patches, sorted(set(range(len(patches))) - set(assignments.values())), assigned
        )
        for k, blob in assigned.items():
            self._record(self.tracks[k], blob, frame_number, time, canvas_transform, frame_transform)
        new_blobs = [(patches[b], False) for b in unassigned] + [(blob, True) for blob in hit_blobs]
        for blob, was_split in new_blobs[: max(0, MAX_TRACKS - len(self.tracks))]:
            self.tracks.append(Track(was_split=was_split))
            self._record(self.tracks[-1], blob, frame_number, time, canvas_transform, frame_transform)

    def _divide_patches(
        self, patches: list[Blob], assignments: dict[int, int], time: float
    ) -> tuple[dict[int, Blob], list[Blob]]:
        """Return the blob of each track index, and the blobs of objects that one of them has hit."""
        owners: dict[int, list[int]] = {}
        for k, b in assignments.items():
            owners.setdefault(b, []).append(k)
        blobs: dict[int, Blob] = {}
        for b, track_indices in owners.items():
            blobs.update(self._split_patch(patches[b], track_indices, time))
        hit_blobs = []
        for k, blob in list(blobs.items()):
            parts = self._split_collision(self.tracks[k], blob, time)
            if parts is not None:
                blobs[k] = parts[0]
                hit_blobs.append(parts[1])
        return blobs, hit_blobs

    def _merge_fragments(self, patches: list[Blob], unassigned: list[int], assigned: dict[int, Blob]) -> list[int]:
        """Add each unassigned patch that fits within an object's size to that object's blob; return the indices left.

        An object of the background's grey in places falls apart into fragments.
        """
        for k, blob in list(assigned.items()):
            merged = blob
            for b in list(unassigned):
                # A track of one or two samples has no reliable size yet.
                if len(self.tracks[k].times) > 2 and _fits_size(merged.box, patches[b].box, self.tracks[k].half_size):
                    assigned[k] = merged = merged.merged_with(patches[b])
                    unassigned.remove(b)
        return unassigned

    def _assign(self, patches: list[Blob], time: float) -> dict[int, int]:
        """Return the patch index of each track index that has one.

        Greedy assignment by lowest cost: the distance from the predicted position over the largest one possible (the gate),
        and the change of the area. For the few objects of a frame the optimal assignment would hardly ever differ. A
        track left without a patch then shares one that covers its predicted position: two objects that touch are one patch.
        """
        width = self.shape[1]
        costs = []
        for k, track in enumerate(self.tracks):
            dt = time - track.times[-1]
            predicted = track.predicted_centre(time)
            size = abs(track.half_size)
            max_speed_change = (MAX_INITIAL_SPEED if len(track.times) < 2 else MAX_SPEED_CHANGE) * width
            gate = 3 + 0.5 * size + (BOUNCE_SHARE * abs(track.velocity) + max_speed_change) * dt
            for b, blob in enumerate(patches):
                # An object may also have stopped: the last position is as good as the predicted one, one pixel apart so
                # that the prediction wins where both fit.
                distance = min(abs(blob.centre - predicted), abs(blob.centre - track.centre) + 1)
                if distance < gate:
                    costs.append((distance / gate + 0.4 * abs(math.log(blob.area / track.areas[-1])), k, b))
        assignments: dict[int, int] = {}
        for _, k, b in sorted(costs):
            if k not in assignments and b not in assignments.values():
                assignments[k] = b
        for k, track in enumerate(self.tracks):
            if k in assignments:
                continue
            predicted = track.predicted_centre(time)
            for b in set(assignments.values()):
                left, top, right, bottom = patches[b].box
                if (
                    left - 1 <= predicted.real <= right + 1
                    and top - 1 <= predicted.imag <= bottom + 1
                    and len(track.times) > 2
                ):
                    assignments[k] = b
                    break
        return assignments

    def _split_patch(self, blob: Blob, track_indices: list[int], time: float) -> dict[int, Blob]:
        """Divide a patch among the tracks that share it; return the blob of each track index.

        Objects are approximated by disks of their area. A pixel belongs to the disk to whose rim it is nearest (the power distance,
        as in a Voronoi diagram with weights), and the disks move to the centres of their pixels, as in k-means.
        """
        if len(track_indices) == 1:
            return {track_indices[0]: blob}
        # A track that has not moved by itself is a fragment of the object that has moved farthest.
        farthest = max(track_indices, key=lambda k: self.tracks[k].travel)
        track_indices = [
            k
            for k in track_indices
            if k == farthest or self.tracks[k].was_split or self.tracks[k].has_moved(MIN_SPLIT_TRAVEL)
        ]
        if len(track_indices) == 1:
            return {track_indices[0]: blob}
        tracks = [self.tracks[k] for k in track_indices]
        centres = np.array([t.predicted_centre(time) for t in tracks])
        squared_radii = np.array([median(t.areas[-AREA_HISTORY_SAMPLES:]) / math.pi for t in tracks])
        positions = blob.positions
        weighted = positions * blob.probabilities
        nearest = np.zeros(positions.size, np.intp)
        for _ in range(SPLIT_ITERATIONS):
            offsets = positions - centres[:, None]
            previous, nearest = nearest, (offsets.real**2 + offsets.imag**2 - squared_radii[:, None]).argmin(0)
            if np.array_equal(previous, nearest):
                break
            for j in range(len(track_indices)):
                mask = nearest == j
                if weight := float(blob.probabilities @ mask):
                    centres[j] = complex(weighted @ mask) / weight
        masks = {k: nearest == j for j, k in enumerate(track_indices)}
        return {k: blob.subset(mask) for k, mask in masks.items() if blob.probabilities[mask].sum() >= MIN_AREA_PIXELS}

    def _split_collision(self, track: Track, blob: Blob, time: float) -> tuple[Blob, Blob] | None:
        """Return the blob of a moving object and that of an object it has hit, if its patch has grown too large for one.

        An object at rest is background and has no track. When it is hit it becomes foreground and touches the first one: as one
        blob the two would move smoothly on, without any break of the path.
        """
        if len(track.areas) < AREA_HISTORY_SAMPLES or not track.has_moved(MIN_SPLIT_TRAVEL):
            return None
        area = median(track.areas[-AREA_HISTORY_SAMPLES:])
        if blob.area < SPLIT_AREA_RATIO * area:
            return None
        radius = math.sqrt(area / math.pi)
        positions = blob.positions
        weighted = positions * blob.probabilities
        whole_sum, whole_weight = complex(weighted.sum()), blob.area
        # Two means: the first one starts at the predicted disk of the moving object, the other is what is left.
        mask = np.abs(positions - track.predicted_centre(time)) <= radius
        for _ in range(SPLIT_ITERATIONS):
            if not mask.any() or mask.all():
                return None
            part_sum, part_weight = complex(weighted @ mask), float(blob.probabilities @ mask)
            centre = part_sum / part_weight
            other_centre = (whole_sum - part_sum) / (whole_weight - part_weight)
            # The pixels nearer to the first centre: on its side of the perpendicular bisector.
            axis = other_centre - centre
            mask = (positions * axis.conjugate()).real < ((centre + other_centre) / 2 * axis.conjugate()).real
        own, other = blob.subset(mask), blob.subset(~mask)
        # Plausible only if the object has kept its area, and the other one is not a mere rim or shadow of it.
        is_plausible = abs(math.log(own.area / area)) < 0.5 and other.area > 0.4 * area
        return (own, other) if is_plausible and abs(own.centre - other.centre) > 1.2 * radius else None

    def _record(
        self,
        track: Track,
        blob: Blob,
        frame_number: int,
        time: float,
        canvas_transform: SimilarityTransform,
        frame_transform: SimilarityTransform,
    ) -> None:
        """Append a blob to a track."""
        height, width = self.shape
        left, top, right, bottom = blob.box
        half_size = complex(right - left + 1, bottom - top + 1) / 2
        if track.times:
            dt = time - track.times[-1]
            track.velocity = (blob.centre - track.centre) / dt
            track.half_size += 0.3 * (half_size - track.half_size)
            track.grey += 0.2 * (blob.grey - track.grey)
        else:
            track.half_size, track.grey = half_size, blob.grey
        world_position = canvas_transform.inverse().apply(blob.centre)
        frame_position = frame_transform.apply(world_position)
        # One pixel inside the border: smoothing leaves the outermost one uncertain.
        limit_x, limit_y = (width - 1) / 2 - 1, (height - 1) / 2 - 1
        shift = frame_position - blob.centre
        track.clipped.append(
            left + shift.real < -limit_x
            or right + shift.real > limit_x
            or top + shift.imag < -limit_y
            or bottom + shift.imag > limit_y
        )
        track.centre = blob.centre
        track.frame_numbers.append(frame_number)
        track.times.append(time)
        track.world_positions.append(world_position)
        track.travel = max(track.travel, abs(world_position - track.world_positions[0]))
        track.frame_positions.append(frame_position)
        track.areas.append(blob.area)
        track.lengths.append(2 * max(half_size.real, half_size.imag))


def _fits_size(box: BoundingBox, other: BoundingBox, half_size: complex) -> bool:
    """Return whether two boxes together are at most a fifth and a pixel larger than the object."""
    width = max(box[2], other[2]) - min(box[0], other[0])
    height = max(box[3], other[3]) - min(box[1], other[1])
    return (width + 1) / 2 <= 1.2 * half_size.real + 1 and (height + 1) / 2 <= 1.2 * half_size.imag + 1
