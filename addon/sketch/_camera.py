"""Takes the camera out: how each luma frame lies to the first one, and where one shot ends.

A frame is laid on a recent one (the anchor) by Gauss-Newton on its textured points, for shift, zoom and turn together with the
light's gain and lift, each point weighed down as it disagrees, so that what moves in the picture does not move the camera. Phase
correlation finds the way where the step is too large for that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]
Luma = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]

TILE = 4
"""Pixels: the strongest gradient of each square tile is one point."""
EDGE = 3
"""Pixels at the border that carry no point."""
ROUNDS = 6
"""Gauss-Newton rounds at most; two or three do."""
STILL = 0.03
"""Pixels: a smaller correction is the last; what it leaves is far less."""
SAME_LIGHT = 0.5
"""Grey levels: where the light changed no more than this the first round may be the last."""
LOCKED = 0.06
"""Pixels: a smaller move of the picture's corners is the noise of a camera that stands."""
MOVED = 30.0
"""How unlikely a camera's move must be to come of noise alone, as its square over the variance: less, and it stands. Were points
independent, four such numbers would stay below it but for once in a hundred thousand; those of a block of the codec are not."""
ANCHOR_SECONDS = 0.12
STANDING_SECONDS = 0.5
ANCHOR_REACH = 4.0
"""A new anchor is set after that time, or a longer one while the camera stands, and past this move in pixels."""
SLACK = 0.3
"""Pixels of misplacement that a point is allowed before its gradient counts against it."""
LOST = 3.0
"""Points that miss by more than this many times the usual say that the way was not found."""
CUT_LIKENESS = 0.5
CUT_SHARE = 0.25
"""A cut: the points correlate less than that and more than this share of them changed."""
MEDIAN_SQUARE = 0.455
"""The median of the square of noise, beside its variance."""
ONE = 256
"""A pixel in the whole numbers that `warp` counts places in."""
PAIR = np.uint32(0x00FF00FF)
"""Two of four packed bytes."""


@dataclass(frozen=True, slots=True)
class View:
    """Where a world point is in a frame: `turn * z + shift`, z complex in pixels from the picture's centre (y down)."""

    turn: complex = 1 + 0j
    shift: complex = 0j

    def of(self, other: View) -> View:
        """This view of another's pixels: first `other`, then this."""
        return View(self.turn * other.turn, self.turn * other.shift + self.shift)

    def back(self) -> View:
        """The way back: from the frame to the world."""
        return View(1 / self.turn, -self.shift / self.turn)

    def at(self, z: complex) -> complex:
        """Where the world point `z` is."""
        return self.turn * z + self.shift

    def reach(self, shape: tuple[int, int]) -> float:
        """The farthest that a corner of the picture moves, in pixels."""
        return abs(self.shift) + abs(self.turn - 1) * math.hypot(*shape) / 2


def smooth(picture: Luma) -> Picture:
    """The picture under a 3 by 3 binomial (1 2 1); the outermost pixels stay."""
    width = picture.shape[1]
    # Sums of whole sixteenths: exact in 16 bits, and half the memory of floats.
    source = picture.astype(np.uint16)
    rows = source << 2
    inner = rows[1:-1]
    np.add(source[1:-1], source[1:-1], out=inner)
    inner += source[:-2]
    inner += source[2:]
    flat = rows.ravel()
    both = flat << 2
    inner = both[1:-1]
    np.add(flat[1:-1], flat[1:-1], out=inner)
    inner += flat[:-2]
    inner += flat[2:]
    whole = both.reshape(-1, width)
    np.left_shift(rows[:, :: width - 1], 2, out=whole[:, :: width - 1])
    out: Picture = whole * np.float32(1 / 16)
    return out


def middle(values: npt.NDArray[np.floating]) -> float:
    """The median; the upper of the two in the middle where their count is even."""
    flat = values.flatten()
    at = flat.size // 2
    flat.partition(at)
    return float(flat[at])


def warp(picture: Luma, view: View) -> Luma:
    """The picture resampled so that its pixel `z` shows what it had at `view.at(z)`; the border is repeated."""
    height, width = picture.shape
    if view.reach((height, width)) < LOCKED:
        return picture
    if abs(view.turn - 1) * math.hypot(height, width) / 2 < LOCKED:
        return _slide(picture.astype(np.float32), view.shift)
    # In whole 1/256 of a pixel: four neighbours are packed into one number, fetched at once and mixed two at a time.
    x = np.arange(width) - (width - 1) / 2
    y = np.arange(height)[:, None] - (height - 1) / 2
    turned, lifted = view.turn * ONE, view.shift * ONE
    px = _whole(turned.real * x + (lifted.real + (width - 1) / 2 * ONE)) - _whole(turned.imag * y)
    py = _whole(turned.imag * x) + _whole(turned.real * y + (lifted.imag + (height - 1) / 2 * ONE))
    for place, size in ((px, width), (py, height)):
        np.maximum(place, 0, out=place)
        np.minimum(place, (size - 1) * ONE - 1, out=place)
    packed = picture.astype(np.uint32).ravel()
    packed[:-1] |= packed[1:] << 8
    packed[:-width] |= packed[width:] << 16
    found = packed.take((py >> 8) * width + (px >> 8))
    right, down = (px & 255).view(np.uint32), (py & 255).view(np.uint32)
    left = found & PAIR
    found >>= 8
    found &= PAIR
    found *= right
    found += left * (ONE - right)
    lower = found >> 16
    found &= 0xFFFF
    found *= ONE - down
    found += lower * down
    found += 0x8000
    found >>= 16
    moved: Luma = found.astype(np.uint8)
    return moved


def _whole(values: Points) -> npt.NDArray[np.int32]:
    rounded: npt.NDArray[np.int32] = np.rint(values).astype(np.int32)
    return rounded


def _slide(source: Picture, shift: complex) -> Luma:
    """`warp` where nothing but a shift is left: whole rows and columns are taken at once."""
    height, width = source.shape
    down, right = math.floor(shift.imag), math.floor(shift.real)
    rows = source.take(np.arange(down, down + height + 1).clip(0, height - 1), 0)
    mixed = rows[1:] - rows[:-1]
    mixed *= np.float32(shift.imag - down)
    mixed += rows[:-1]
    wide = np.empty((height, width + 1), np.float32)
    at = min(max(right, -width), width - 1)
    left, end = max(0, -at), min(width + 1, width - at)
    wide[:, left:end] = mixed[:, left + at : end + at]
    wide[:, :left], wide[:, end:] = mixed[:, :1], mixed[:, -1:]
    out = wide[:, 1:] - wide[:, :-1]
    out *= np.float32(shift.real - right)
    out += wide[:, :-1]
    out += np.float32(0.5)
    return out.astype(np.uint8)


class _Anchor:
    """A frame that others are laid on: its textured points and how each answers to shift, zoom, turn, gain and lift."""

    def __init__(self, picture: Picture, view: View, time: float) -> None:
        self.picture, self.view, self.time = picture, view, time
        height, width = picture.shape
        gy, gx = np.zeros_like(picture), np.zeros_like(picture)
        np.subtract(picture[2:], picture[:-2], out=gy[1:-1])
        flat = picture.ravel()
        np.subtract(flat[2:], flat[:-2], out=gx.ravel()[1:-1])  # wrong at the border, where no point is
        power = gx * gx
        power += gy * gy
        rows, cols = (height - 2 * EDGE) // TILE, (width - 2 * EDGE) // TILE
        tiles = power[EDGE : EDGE + rows * TILE, EDGE : EDGE + cols * TILE]
        tiles = tiles.reshape(rows, TILE, cols, TILE).transpose(0, 2, 1, 3).reshape(rows, cols, TILE * TILE)
        best = tiles.argmax(2)
        py = (EDGE + np.arange(rows)[:, None] * TILE + best // TILE).ravel()
        px = (EDGE + np.arange(cols)[None, :] * TILE + best % TILE).ravel()
        self.value = picture[py, px].astype(np.float64)
        dx, dy = gx[py, px].astype(np.float64) / 2, gy[py, px].astype(np.float64) / 2
        self.steep = dx * dx + dy * dy
        self.unit = unit = width / 2
        self.place = np.stack([px - (width - 1) / 2, py - (height - 1) / 2, np.ones(px.size)])
        x, y = self.place[:2] / unit
        self.mean = self.value.mean()
        self.bright = self.value - self.mean
        self.answer = np.stack([dx, dy, dx * x + dy * y, dy * x - dx * y, self.bright / -50, -np.ones(px.size)])

    def lay(self, picture: Picture, start: View, noise: float, *, stands: bool = False) -> tuple[View, Points, float]:
        """The view of `picture` seen from this anchor, its value at each of the anchor's points, and how far off they are.

        The last is the median of what is left over what noise and `SLACK` allow. A camera that `stands` is left where it is unless it
        has surely moved.
        """
        height, width = picture.shape
        view, gain, lift = start, 1.0, 0.0
        allowed = noise * noise + SLACK * SLACK * self.steep
        last = np.array([[width - 1.001], [height - 1.001]])
        neighbours = np.array([[0], [1], [width], [width + 1]])
        flat = picture.ravel()
        found, usual = self.value, 0.0
        for lap in range(ROUNDS + 1):
            turn, shift = view.turn, view.shift
            places = (
                np.array(
                    [
                        [turn.real, -turn.imag, shift.real + (width - 1) / 2],
                        [turn.imag, turn.real, shift.imag + (height - 1) / 2],
                    ]
                )
                @ self.place
            )
            within = np.minimum(np.maximum(places, 0), last)
            corner = within.astype(np.intp)
            right, down = within - corner
            near = flat.take(corner[1] * width + corner[0] + neighbours)
            upper = near[0] + right * (near[1] - near[0])
            found = near[2] + right * (near[3] - near[2])
            found -= upper
            found *= down
            found += upper
            left = found - gain * self.bright - (self.mean + lift)
            off = left * left / allowed
            usual = middle(off)
            if lap == ROUNDS:
                break
            off *= 1 / (8 * max(0.5, usual))
            off += 1
            off *= off
            off *= allowed
            weight = (places == within).all(0) / off
            weighted = self.answer * weight
            matrix = weighted @ self.answer.T
            matrix.flat[::7] += 1e-3 * noise + 1e-3
            spread = np.linalg.inv(matrix)
            found_step = -(spread @ (weighted @ left))
            if (
                stands
                and lap == 0
                and _distance(found_step[:4], spread[:4, :4]) < MOVED * max(1.0, usual / MEDIAN_SQUARE)
            ):
                break
            step = found_step.tolist()
            view = View(turn + complex(step[2], step[3]) / self.unit, shift + complex(step[0], step[1]))
            gain += step[4] / 50
            lift += step[5]
            if max(map(abs, step[:4])) < STILL and (lap > 0 or max(map(abs, step[4:])) < SAME_LIGHT):
                break
        return view, found, usual


def _distance(step: Points, spread: Points) -> float:
    """The square of a step, measured in its spread."""
    return float(step @ np.linalg.solve(spread, step))


class Steadier:
    """Lays each frame of a stream on the first; one frame is held."""

    def __init__(self) -> None:
        self._anchor: _Anchor | None = None
        self._step = View()
        self._last = View()
        self._spectrum: npt.NDArray[np.complex128] | None = None
        self.noise = 1.5

    def add(self, picture: Picture, time: float) -> tuple[View, bool]:
        """The view of a frame (under `smooth`), and whether it begins a new shot (its view then starts anew)."""
        anchor = self._anchor
        if anchor is None:
            self._reset(picture, time)
            return View(), False
        start = View(self._last.turn, self._last.shift + self._step.shift)
        view, found, off = anchor.lay(picture, start, self.noise, stands=start == self._last)
        if off > LOST:
            jump = View(1 + 0j, _phase_shift(anchor.picture, picture))
            again = anchor.lay(picture, jump, self.noise)
            if again[2] < off:
                view, found, off = again
        if self._is_cut(anchor, found):
            self._reset(picture, time)
            return View(), True
        if view.of(self._last.back()).reach((picture.shape[0], picture.shape[1])) < LOCKED:
            view = self._last
        if view.reach((picture.shape[0], picture.shape[1])) < LOCKED:
            view = View()
        self._step = View(1 + 0j, view.shift - self._last.shift)
        self._last = view
        seen = view.of(anchor.view)
        patience = STANDING_SECONDS if view == View() else ANCHOR_SECONDS
        if time - anchor.time >= patience or view.reach((picture.shape[0], picture.shape[1])) > ANCHOR_REACH:
            self._anchor = _Anchor(picture, seen, time)
            self._last = View()
        return seen, False

    def _reset(self, picture: Picture, time: float) -> None:
        self._anchor = _Anchor(picture, View(), time)
        self._step = self._last = View()

    def _is_cut(self, anchor: _Anchor, found: Points) -> bool:
        before = anchor.value
        change = found - before
        changed = float(np.mean(np.abs(change - middle(change)) > 3 + 3 * self.noise))
        if changed < CUT_SHARE:
            return False
        return not before.std() or not found.std() or float(np.corrcoef(found, before)[0, 1]) < CUT_LIKENESS


def _phase_shift(first: Picture, second: Picture) -> complex:
    """The whole-pixel shift of `second` against `first` by phase correlation."""
    height, width = first.shape
    window = np.hanning(height)[:, None] * np.hanning(width)
    cross = np.fft.rfft2((second - second.mean()) * window) * np.conj(np.fft.rfft2((first - first.mean()) * window))
    peak = np.fft.irfft2(cross / (np.abs(cross) + 1e-6), first.shape)
    y, x = np.unravel_index(int(peak.argmax()), peak.shape)
    return complex((x + width // 2) % width - width // 2, (y + height // 2) % height - height // 2)
