"""Takes the camera out: how each luma frame lies to the first one, and where one shot ends.

A frame is laid on a recent one (the anchor) by Gauss-Newton on its textured points, for shift, zoom and turn together with the
light's gain and lift, each point weighed down as it disagrees, so that what moves in the picture does not move the camera. The
least motion that explains what is seen is taken: a camera stands, or is shifted only, until it surely does more. Phase correlation
finds the way where the step is too large for that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]
Luma = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

TILE = 4
"""Pixels: the strongest gradient of each square tile is one point."""
EDGE = 3
"""Pixels at the border that carry no point."""
ROUNDS = 6
"""Gauss-Newton rounds at most; two or three do."""
STILL = 0.25
"""Pixels: a smaller correction is the last; what it leaves is far less."""
SAME_LIGHT = 0.5
"""Grey levels: where the light changed no more than this the first round may be the last."""
LOCKED = 0.06
"""Pixels: a smaller move of the picture's corners is the noise of a camera that stands."""
MOVED = 30.0
"""How unlikely a camera's move must be to come of noise alone, as its square over the variance: less, and it stands. Were points
independent, four such numbers would stay below it but for once in a hundred thousand; those of a block of the codec are not."""
MAY_HAVE_MOVED = 8.0
"""The same: less, and it isn't even tried whether it has."""
TURNED = 15.0
"""The same of its zoom and turn: less, and it is only shifted. What is missed of a slow one adds up until it is found."""
FADE = 0.8
"""Share of what was known of the camera's turn that still counts when the next anchor is set."""
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
NOISE = 1.5
"""Grey levels of noise that a point is allowed."""
MEDIAN_SQUARE = 0.455
"""The median of the square of noise, beside its variance."""
STRAIGHT = 0.25
"""Pixels: a picture whose corners turn and zoom no more than this is only shifted."""
ONE = 256
"""A pixel in the whole numbers that `warp` counts places in."""
FINE = 16
"""A pixel in the whole numbers of `_slide`: twice that many bits and those of a grey level are sixteen."""
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
    out: Picture = whole.astype(np.float32)
    out *= np.float32(1 / 16)
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
    if abs(view.turn - 1) * math.hypot(height, width) / 2 < STRAIGHT:
        return _slide(picture, view.shift)
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


def _whole(values: Matrix) -> npt.NDArray[np.int32]:
    rounded: npt.NDArray[np.int32] = np.rint(values).astype(np.int32)
    return rounded


def _slide(source: Luma, shift: complex) -> Luma:
    """`warp` where nothing but a shift is left: whole rows and columns are taken at once, and mixed in sixteenths of a pixel."""
    height, width = source.shape
    across, along = round(shift.real * FINE), round(shift.imag * FINE)
    down, right = along // FINE, across // FINE
    rows = source.take(np.arange(down, down + height + 1).clip(0, height - 1), 0).astype(np.uint16)
    mixed = rows[1:] * np.uint16(along % FINE)
    rows *= np.uint16(FINE - along % FINE)
    mixed += rows[:-1]
    wide = np.empty((height, width + 1), np.uint16)
    at = min(max(right, -width), width - 1)
    left, end = max(0, -at), min(width + 1, width - at)
    wide[:, left:end] = mixed[:, left + at : end + at]
    wide[:, :left], wide[:, end:] = mixed[:, :1], mixed[:, -1:]
    flat = wide.ravel()
    out = flat * np.uint16(FINE - across % FINE)
    flat *= np.uint16(across % FINE)
    out[:-1] += flat[1:]
    out += np.uint16(FINE * FINE // 2)
    out >>= 8
    moved: Luma = out.reshape(height, width + 1)[:, :-1].astype(np.uint8)
    return moved


@dataclass(frozen=True, slots=True)
class _Turn:
    """What points tell of how a camera zooms (the real part) and turns (the other), in pixels at half the picture's width.

    `sure` is the inverse variance, a symmetrical matrix of 2 by 2 (zoom, both, turn), and `pull` is that times what they most likely are.
    """

    pull: complex = 0j
    sure: tuple[float, float, float] = (1.0, 0.0, 1.0)

    @classmethod
    def seen(cls, amount: complex, sure: tuple[float, float, float], doubt: float) -> _Turn:
        """What one picture tells, the variance being so many times what was allowed."""
        a, b, d = sure
        return cls(_times(sure, amount) / doubt, (a / doubt, b / doubt, d / doubt))

    def is_noise(self) -> bool:
        """Whether it may all come of noise."""
        (a, b, d), x, y = self.sure, self.pull.real, self.pull.imag
        return d * x * x - 2 * b * x * y + a * y * y < TURNED * (a * d - b * b)

    def then(self, later: _Turn) -> _Turn:
        """With what was found later, what was known before having faded."""
        (a, b, d), (a2, b2, d2) = self.sure, later.sure
        return _Turn(FADE * self.pull + later.pull, (FADE * a + a2, FADE * b + b2, FADE * d + d2))


def _times(matrix: tuple[float, float, float], z: complex) -> complex:
    a, b, d = matrix
    return complex(a * z.real + b * z.imag, b * z.real + d * z.imag)


@dataclass(frozen=True, slots=True)
class _Laid:
    """A picture as it lies on an anchor: its view, value at each point, how far off points usually are, what they tell of its turn."""

    view: View
    found: Points
    off: float
    turn: _Turn


@dataclass(frozen=True, slots=True)
class _Fit:
    """What a view and a light leave at an anchor's points.

    The picture's value at each, whether it is within the picture, by how much that is too bright, the square of this over what is
    allowed, and the median of the squares.
    """

    found: Points
    within: Points | float
    left: Points
    off: Points
    usual: float


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
        self.at = py * width + px
        self.value = picture.ravel().take(self.at)
        dx, dy = gx[py, px] / 2, gy[py, px] / 2
        self.allowed = NOISE * NOISE + SLACK * SLACK * (dx * dx + dy * dy)
        self.unit = unit = width / 2
        x, y = px - np.float32((width - 1) / 2), py - np.float32((height - 1) / 2)
        one = np.ones_like(self.value)
        self.place = np.stack([x, y, one])
        x, y = x / np.float32(unit), y / np.float32(unit)
        self.mean = float(self.value.mean())
        self.bright = self.value - np.float32(self.mean)
        self.answer = np.stack([dx, dy, dx * x + dy * y, dy * x - dx * y, self.bright / -50, -one])

    def lay(self, picture: Picture, start: View, *, turns: bool = True, stands: bool = False) -> _Laid:
        """How `picture` is seen from this anchor.

        A camera that `stands` is left where it is unless it has surely moved; one that does not turn is only shifted.
        """
        view, gain, lift, turn = start, 1.0, 0.0, _Turn()
        fit = self._fit(picture, view, gain, lift)
        for lap in range(ROUNDS):
            matrix, wanted = self._equations(fit)
            spread = np.linalg.inv(matrix)
            best = spread @ -wanted
            if stands and lap == 0 and not self._moves(picture, view, fit, matrix, wanted, best):
                break
            (a, b), (_, d) = spread[2:4, 2:4].tolist()
            determinant = max(a * d - b * b, 1e-9 * a * d)  # where all points lie in line it is lost in rounding
            sure = d / determinant, -b / determinant, a / determinant
            more = complex(*best[2:4].tolist())
            turn = _Turn.seen((view.turn - 1) * self.unit + more, sure, _doubt(fit.usual))
            if not turns:  # the best of the steps that leave the turn as it is
                pull = _times(sure, more)
                best -= spread[:, 2] * pull.real + spread[:, 3] * pull.imag
            view, gain, lift = self._stepped(view, gain, lift, best)
            *move, brighter, higher = map(abs, best.tolist())
            if max(move) < STILL and (lap > 0 or max(brighter, higher) < SAME_LIGHT):
                break
            fit = self._fit(picture, view, gain, lift)
        return _Laid(view, fit.found, fit.usual, turn)

    def _fit(self, picture: Picture, view: View, gain: float, lift: float) -> _Fit:
        found, within = self._found(picture, view)
        left = found - np.float32(gain) * self.bright
        left -= np.float32(self.mean + lift)
        off = left * left
        off /= self.allowed
        return _Fit(found, within, left, off, middle(off))

    def _equations(self, fit: _Fit) -> tuple[Matrix, Matrix]:
        """Those of the next step, whose solution is the wanted one's opposite: shift (2), zoom and turn, gain, lift."""
        weight = fit.off * np.float32(1 / (8 * max(0.5, fit.usual)))
        weight += np.float32(1)
        weight *= weight
        weight *= self.allowed
        weighted = self.answer * (fit.within / weight)
        matrix = (weighted @ self.answer.T).astype(np.float64)
        matrix.flat[::7] += 1e-3 * NOISE + 1e-3
        return matrix, (weighted @ fit.left).astype(np.float64)

    def _stepped(self, view: View, gain: float, lift: float, step: Matrix) -> tuple[View, float, float]:
        x, y, zoom, turn, brighter, higher = step.tolist()
        stepped = View(view.turn + complex(zoom, turn) / self.unit, view.shift + complex(x, y))
        return stepped, gain + brighter / 50, lift + higher

    def _moves(self, picture: Picture, view: View, fit: _Fit, matrix: Matrix, wanted: Matrix, best: Matrix) -> bool:
        """Whether a camera that stood has moved: the best step is tried, for points that saw a move disagree and count for little."""
        doubt = _doubt(fit.usual)
        if _is_noise(matrix, best, MAY_HAVE_MOVED * doubt):
            return False
        light = np.linalg.solve(matrix[4:, 4:], -wanted[4:]).astype(np.float32)
        lit = fit.left + light @ self.answer[4:]
        tried = self._fit(picture, *self._stepped(view, 1.0, 0.0, best))
        return _cost(lit * lit / self.allowed, fit.usual) - _cost(tried.off, fit.usual) >= MOVED * doubt

    def _found(self, picture: Picture, view: View) -> tuple[Points, Points | float]:
        """The picture's value at each point under a view, and 1 for each that is within it, 0 for the others."""
        height, width = picture.shape
        flat = picture.ravel()
        if view == View():
            return flat.take(self.at), 1.0
        turn, shift = view.turn, view.shift
        way = [
            [turn.real, -turn.imag, shift.real + (width - 1) / 2],
            [turn.imag, turn.real, shift.imag + (height - 1) / 2],
        ]
        places = np.array(way, np.float32) @ self.place
        within = np.maximum(places, np.float32(0))
        np.minimum(within, np.array([[width - 1.001], [height - 1.001]], np.float32), out=within)
        corner = within.astype(np.intp)
        right, down = within - corner.astype(np.float32)
        at = corner[1] * width
        at += corner[0]
        near = flat.take(at + np.array([[0], [1], [width], [width + 1]]))
        upper = near[0] + right * (near[1] - near[0])
        found = near[2] + right * (near[3] - near[2])
        found -= upper
        found *= down
        found += upper
        return found, (places == within).all(0).astype(np.float32)


def _doubt(usual: float) -> float:
    """How many times the variance is what was allowed, where points are usually that far off."""
    return max(1.0, usual / MEDIAN_SQUARE)


def _cost(off: Points, usual: float) -> float:
    """What points cost that are off by this much: the less for more as one disagrees (Geman and McClure)."""
    return float((off / (off * np.float32(1 / (8 * max(0.5, usual))) + np.float32(1))).sum())


def _is_noise(matrix: Matrix, best: Matrix, sure: float) -> bool:
    """Whether a move of the camera is not `sure`, whatever the light did: the light's part is taken out (Schur's complement)."""
    move = best[:4]
    (a, b), (_, d) = matrix[4:, 4:].tolist()
    x, y = (matrix[4:, :4] @ move).tolist()
    moved: float = float(move @ matrix[:4, :4] @ move) - (d * x * x - 2 * b * x * y + a * y * y) / (a * d - b * b)
    return moved < sure


class Steadier:
    """Lays each frame of a stream on the first; one frame is held."""

    def __init__(self) -> None:
        self._anchor: _Anchor | None = None
        self._step = self._last = View()
        self._turn, self._turns = _Turn(), False

    def add(self, picture: Picture, time: float) -> tuple[View, bool]:
        """The view of a frame (under `smooth`), and whether it begins a new shot (its view then starts anew)."""
        anchor = self._anchor
        if anchor is None:
            self._reset(picture, time)
            return View(), False
        start = View(self._last.turn, self._last.shift + self._step.shift)
        laid = anchor.lay(picture, start, turns=self._turns, stands=start == self._last)
        if laid.off > LOST:
            jump = View(1 + 0j, _phase_shift(anchor.picture, picture))
            again = anchor.lay(picture, jump, turns=self._turns)
            if again.off < laid.off:
                laid = again
        if not self._turns and not self._turn.then(laid.turn).is_noise():
            self._turns = True
            laid = anchor.lay(picture, laid.view)
        view = laid.view
        if self._is_cut(anchor, laid.found):
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
            self._turn = self._turn.then(laid.turn)
            self._turns = not self._turn.is_noise()
        return seen, False

    def _reset(self, picture: Picture, time: float) -> None:
        self._anchor = _Anchor(picture, View(), time)
        self._step = self._last = View()
        self._turn, self._turns = _Turn(), False

    def _is_cut(self, anchor: _Anchor, found: Points) -> bool:
        before = anchor.value
        change = found - before
        change -= np.float32(middle(change))
        if np.count_nonzero(np.abs(change) > 3 + 3 * NOISE) < CUT_SHARE * change.size:
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
