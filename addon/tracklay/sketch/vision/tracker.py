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
    from .background import Kept
    from .camera_motion import Luma, Matrix, Picture, View

SURE = 0.3
"""A pixel this surely not ground belongs to a thing."""
SMALLEST = 6.0
"""Pixels: less than this is grain or a block of the codec."""
MOST_RUNS = 500
"""Rows' runs of pixels: more of them is no set of things but a change of the whole picture."""
MOST_THINGS = 10
GONE_SECONDS = 0.1
"""A thing not seen for this long has left."""
REST_SECONDS = 0.3
"""A thing that stays in place this long is at rest and is ground from then on."""
REST_PIXELS = 0.6
SURPRISE = 0.8
"""Widths a second by which a thing may be faster or slower than it was."""
FIRST_SPEED = 2.5
"""Widths a second that a thing may have when it is first seen."""
TURN_BACK = 1.9
"""Share of the last step that a thing may be off where it was going: it may have bounced back."""
LEAST_MOVE = 2.0
"""Pixels: a patch that has gone no farther may be what is left where something stood."""
ROOM = 6
"""Pixels about a thing within which the ground is kept."""
SPLIT_ROUNDS = 4
GROWN = 1.5
"""Times its area at which a thing's patch is taken for two things."""


Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(slots=True)
class Blob:
    """One connected patch of what is not ground: for each pixel its place (from the picture's centre), how surely it belongs, its grey."""

    pixels: Matrix
    """(4, n)"""
    area: float = field(init=False)
    centre: complex = field(init=False)
    grey: float = field(init=False)
    box: Box = field(init=False)

    def __post_init__(self) -> None:
        """Sum up."""
        x, y, _, grey = (self.pixels @ self.sure).tolist()
        self.area = float(self.sure.sum())
        self.centre = complex(x, y) / self.area
        self.grey = grey / self.area
        (left, top), (right, bottom) = self.pixels[:2].min(1).tolist(), self.pixels[:2].max(1).tolist()
        self.box = (left, top, right, bottom)

    @property
    def sure(self) -> Matrix:
        """How surely each pixel belongs to it."""
        sure: Matrix = self.pixels[2]
        return sure

    @property
    def places(self) -> npt.NDArray[np.complex128]:
        """Where each pixel is."""
        places: npt.NDArray[np.complex128] = self.pixels[0] + 1j * self.pixels[1]
        return places

    def joined(self, other: Blob) -> Blob:
        """Both as one."""
        return Blob(np.concatenate([self.pixels, other.pixels], 1))

    def part(self, mine: npt.NDArray[np.bool_]) -> Blob:
        """The pixels chosen."""
        return Blob(self.pixels[:, mine])


@dataclass(slots=True, eq=False)
class Track:
    """A thing and where it has been: for each frame it was seen on, the frame's number and time, world place, frame place, size."""

    frames: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    world: list[complex] = field(default_factory=list)
    """Pixels from the picture's centre, camera taken out."""
    seen: list[complex] = field(default_factory=list)
    """Pixels from the picture's centre, as in the frame."""
    areas: list[float] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    """The longer side of its box, in pixels."""
    clipped: list[bool] = field(default_factory=list)
    """The thing touched the border: its centre is not all of it."""
    centre: complex = 0j
    velocity: complex = 0j
    half: complex = 0j
    """Half its width and height in pixels, slowly following."""
    grey: float = 0.0
    crowd: list[int] = field(default_factory=list)
    """How many patches the picture had."""
    apart: bool = False
    """It was told from another by size: it is a thing though it has not gone far."""
    travel: float = 0.0
    """Pixels from where it was first seen, at most."""

    def heading(self, time: float) -> complex:
        """Where on the canvas it should be."""
        return self.centre + self.velocity * (time - self.times[-1])

    def has_moved(self, share: float) -> bool:
        """Whether it has gone that share of its own size, and `LEAST_MOVE` at least."""
        return self.travel > max(LEAST_MOVE, share * abs(self.half))

    def rests(self) -> bool:
        """Whether it has stayed in place for `REST_SECONDS`."""
        if self.times[-1] - self.times[0] < REST_SECONDS:
            return False
        last = self.world[-1]
        for time, place in zip(reversed(self.times), reversed(self.world), strict=True):
            if abs(place - last) > REST_PIXELS:
                return False
            if self.times[-1] - time >= REST_SECONDS:
                return True
        return False


def blobs(sure: Picture, luma: Luma) -> list[Blob] | None:
    """The connected patches, largest first; None where there are too many pieces for things."""
    height, width = sure.shape
    solid = sure > SURE
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
    if starts.size > MOST_RUNS:
        return None
    root = _join(starts, ends, stride)
    wide = np.zeros((height, stride), sure.dtype)
    wide[:, 1:-1] = sure
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
        for k in np.argsort(-areas)[: 2 * MOST_THINGS]
        if areas[k] >= SMALLEST
    ]


def _join(starts: npt.NDArray[np.intp], ends: npt.NDArray[np.intp], stride: int) -> npt.NDArray[np.intp]:
    """The label of each run of pixels: runs of neighbouring rows that overlap share one."""
    # In the row above each run overlaps those from `first` up to `last`, as they are in order.
    first = np.searchsorted(ends, starts - stride, side="right")
    last = np.searchsorted(starts, ends - stride, side="left")
    root = np.where(last > first, first, np.arange(starts.size))
    for _ in range(int(starts[-1] // stride).bit_length()):  # each time twice as far up, at last over all rows
        root = root[root]
    joined: dict[int, int] = {}

    def top(k: int) -> int:
        while k in joined:
            k = joined[k]
        return k

    several = np.flatnonzero(last > first + 1)
    for begin, end in zip(first[several].tolist(), last[several].tolist(), strict=True):
        one = top(int(root[begin]))
        for other in root[begin + 1 : end].tolist():
            if (another := top(other)) != one:
                joined[another] = one
    for k in joined:
        root[root == k] = top(k)
    return root


class Things:
    """All things of a shot that are being followed."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.tracks: list[Track] = []

    def recanvas(self, way: View) -> None:
        """The canvas was laid anew: places on it move along."""
        for track in self.tracks:
            track.centre = way.at(track.centre)
            track.velocity *= way.turn

    def regions(self, time: float) -> list[Kept]:
        """Where things are or should be: the ground is not to take them up there."""
        height, width = self.shape
        middle = complex((width - 1) / 2, (height - 1) / 2)
        found = []
        for track in self.tracks:
            if track.travel <= LEAST_MOVE:
                continue
            now, then = track.centre + middle, track.heading(time) + middle
            left, right = sorted((now.real, then.real))
            top, bottom = sorted((now.imag, then.imag))
            wide, tall = track.half.real + ROOM, track.half.imag + ROOM
            rows = slice(max(0, int(top - tall)), max(0, int(bottom + tall) + 2))
            cols = slice(max(0, int(left - wide)), max(0, int(right + wide) + 2))
            found.append(((rows, cols), track.grey))
        return found

    def add(self, number: int, time: float, sure: Picture | None, luma: Luma, canvas: View, view: View) -> list[Track]:
        """Follow everything one frame on; gives the tracks that ended."""
        patches = blobs(sure, luma) if sure is not None else None
        if patches is None:
            ended, self.tracks = self.tracks, []
            return ended
        claims = self._claims(patches, time)
        got, struck = self._divided(patches, claims, time)
        free = self._gathered(patches, sorted(set(range(len(patches))) - set(claims.values())), got)
        for k, blob in got.items():
            self._note(self.tracks[k], blob, number, time, canvas, view)
        new = [(patches[b], False) for b in free] + [(blob, True) for blob in struck]
        for blob, apart in new[: max(0, MOST_THINGS - len(self.tracks))]:
            self.tracks.append(Track(apart=apart))
            self._note(self.tracks[-1], blob, number, time, canvas, view)
        for track in self.tracks:
            if track.frames[-1] == number:
                track.crowd.append(len(patches))
        ended = [t for t in self.tracks if time - t.times[-1] > GONE_SECONDS or t.rests()]
        self.tracks = [t for t in self.tracks if t not in ended]
        return ended

    def _divided(self, patches: list[Blob], claims: dict[int, int], time: float) -> tuple[dict[int, Blob], list[Blob]]:
        """What each track gets of the patch it claims, and what was set moving by one of them."""
        owners: dict[int, list[int]] = {}
        for k, b in claims.items():
            owners.setdefault(b, []).append(k)
        got: dict[int, Blob] = {}
        for b, owning in owners.items():
            got.update(self._shares(patches[b], owning, time))
        struck = []
        for k, blob in list(got.items()):
            parts = self._struck(self.tracks[k], blob, time)
            if parts is not None:
                got[k] = parts[0]
                struck.append(parts[1])
        return got, struck

    def _gathered(self, patches: list[Blob], free: list[int], got: dict[int, Blob]) -> list[int]:
        """Add to each thing the unclaimed patches that are pieces of it; gives what is left."""
        for k, blob in list(got.items()):
            mine = blob
            for b in list(free):
                if len(self.tracks[k].times) > 2 and _fits(mine.box, patches[b].box, self.tracks[k].half):
                    got[k] = mine = mine.joined(patches[b])
                    free.remove(b)
        return free

    def _claims(self, patches: list[Blob], time: float) -> dict[int, int]:
        """Which patch each track takes: the nearest to where it was going, of about its size; two may take one where they meet."""
        width = self.shape[1]
        costs = []
        for k, track in enumerate(self.tracks):
            dt = time - track.times[-1]
            aim = track.heading(time)
            size = abs(track.half)
            surprise = (FIRST_SPEED if len(track.times) < 2 else SURPRISE) * width
            gate = 3 + 0.5 * size + (TURN_BACK * abs(track.velocity) + surprise) * dt
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
            aim = track.heading(time)
            for b in set(taken.values()):
                left, top, right, bottom = patches[b].box
                if left - 1 <= aim.real <= right + 1 and top - 1 <= aim.imag <= bottom + 1 and len(track.times) > 2:
                    taken[k] = b
                    break
        return taken

    def _shares(self, blob: Blob, owning: list[int], time: float) -> dict[int, Blob]:
        """A patch divided among the things in it, each pixel to the thing whose rim it is nearest to.

        What has not gone its own size on its own is no thing but a piece of the one that has gone farthest.
        """
        if len(owning) == 1:
            return {owning[0]: blob}
        farthest = max(owning, key=lambda k: self.tracks[k].travel)
        owning = [k for k in owning if k == farthest or self.tracks[k].apart or self.tracks[k].has_moved(1.5)]
        if len(owning) == 1:
            return {owning[0]: blob}
        tracks = [self.tracks[k] for k in owning]
        centres = np.array([t.heading(time) for t in tracks])
        squares = np.array([median(t.areas[-5:]) / math.pi for t in tracks])
        places = blob.places
        weighted = places * blob.sure
        nearest = np.zeros(places.size, np.intp)
        for _ in range(SPLIT_ROUNDS):
            off = places - centres[:, None]
            before, nearest = nearest, (off.real**2 + off.imag**2 - squares[:, None]).argmin(0)
            if np.array_equal(before, nearest):
                break
            for j in range(len(owning)):
                mine = nearest == j
                if weight := float(blob.sure @ mine):
                    centres[j] = complex(weighted @ mine) / weight
        parts = {k: nearest == j for j, k in enumerate(owning)}
        return {k: blob.part(mine) for k, mine in parts.items() if blob.sure[mine].sum() >= SMALLEST}

    def _struck(self, track: Track, blob: Blob, time: float) -> tuple[Blob, Blob] | None:
        """A patch that has grown too large for a thing on the move, as that thing and another that it set moving."""
        if len(track.areas) < 5 or not track.has_moved(1.5):
            return None
        area = median(track.areas[-5:])
        if blob.area < GROWN * area:
            return None
        radius = math.sqrt(area / math.pi)
        places = blob.places
        weighted = places * blob.sure
        whole, total = complex(weighted.sum()), blob.area
        mine = np.abs(places - track.heading(time)) <= radius
        for _ in range(SPLIT_ROUNDS):
            if not mine.any() or mine.all():
                return None
            part, weight = complex(weighted @ mine), float(blob.sure @ mine)
            centre, other = part / weight, (whole - part) / (total - weight)
            # Nearer to the one centre than to the other.
            across = other - centre
            mine = (places * across.conjugate()).real < ((centre + other) / 2 * across.conjugate()).real
        own, rest = blob.part(mine), blob.part(~mine)
        alike = abs(math.log(own.area / area)) < 0.5 and rest.area > 0.4 * area
        return (own, rest) if alike and abs(own.centre - rest.centre) > 1.2 * radius else None

    def _note(self, track: Track, blob: Blob, number: int, time: float, canvas: View, view: View) -> None:
        """Write down where the thing is now."""
        height, width = self.shape
        left, top, right, bottom = blob.box
        half = complex(right - left + 1, bottom - top + 1) / 2
        if track.times:
            dt = time - track.times[-1]
            track.velocity = (blob.centre - track.centre) / dt
            track.half += 0.3 * (half - track.half)
            track.grey += 0.2 * (blob.grey - track.grey)
        else:
            track.half, track.grey = half, blob.grey
        world = canvas.back().at(blob.centre)
        seen = view.at(world)
        reach_x, reach_y = (width - 1) / 2 - 1, (height - 1) / 2 - 1
        shift = seen - blob.centre
        track.clipped.append(
            left + shift.real < -reach_x
            or right + shift.real > reach_x
            or top + shift.imag < -reach_y
            or bottom + shift.imag > reach_y
        )
        track.centre = blob.centre
        track.frames.append(number)
        track.times.append(time)
        track.world.append(world)
        track.travel = max(track.travel, abs(world - track.world[0]))
        track.seen.append(seen)
        track.areas.append(blob.area)
        track.lengths.append(2 * max(half.real, half.imag))


def _fits(mine: Box, other: Box, half: complex) -> bool:
    """Whether a patch with a piece added is no larger than the thing was."""
    wide = max(mine[2], other[2]) - min(mine[0], other[0])
    tall = max(mine[3], other[3]) - min(mine[1], other[1])
    return (wide + 1) / 2 <= 1.2 * half.real + 1 and (tall + 1) / 2 <= 1.2 * half.imag + 1
