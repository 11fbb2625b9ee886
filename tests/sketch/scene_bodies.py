"""Bodies of the synthetic scenes and their paths: balls, hammers, arms, pendulums, each with its contacts.

Lengths are in frame widths, times in seconds, y points down.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 342, 192
"""Pixels of a 16:9 proxy as the sketch models request it: 192 lines on the short side."""
ASPECT = HEIGHT / WIDTH

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pose:
    """Position of a body at an instant: centre, and angle in radians."""

    x: float
    y: float
    angle: float = 0.0


@dataclass(frozen=True)
class Body:
    """A disk or a bar of one grey level with a stripe on it, and its path."""

    shape: Literal["disk", "bar"]
    half: tuple[float, float]
    """Half length and half height in widths; of a disk the radius twice."""
    grey: float
    stripe: float
    """Grey level of the stripe relative to the body."""
    path: Callable[[float], Pose]
    opacity: float = 1.0
    """Below 1 the body is a shadow or smoke: what is behind it shows through."""

    def draw(
        self, pose: Pose, project: Callable[[float, float], tuple[float, float, float]]
    ) -> tuple[slice, slice, Array, Array]:
        """Return rows, columns, coverage (0 to 1) and grey levels of the body in the picture, with edges smoothed over one pixel."""
        px, py, scale = project(pose.x, pose.y)
        c, s = np.cos(pose.angle), np.sin(pose.angle)
        across, down = np.abs([[c, s], [s, c]]) @ self.half if self.shape == "bar" else self.half
        reach_x, reach_y = float(across) * scale + 2, float(down) * scale + 2
        rows = slice(min(HEIGHT, max(0, int(py - reach_y))), max(0, min(HEIGHT, int(py + reach_y) + 2)))
        cols = slice(min(WIDTH, max(0, int(px - reach_x))), max(0, min(WIDTH, int(px + reach_x) + 2)))
        y, x = np.arange(rows.start, rows.stop)[:, None], np.arange(cols.start, cols.stop)
        u = (c * (x - px) + s * (y - py)).astype(np.float32)
        v = (-s * (x - px) + c * (y - py)).astype(np.float32)
        a, b = self.half[0] * scale, self.half[1] * scale
        if self.shape == "disk":
            coverage = np.clip(a - np.hypot(u, v) + 0.5, 0, 1)
            shade: npt.NDArray[np.floating] | float = 1 - 0.25 * ((x - px + y - py) / (2 * a))
        else:
            coverage = np.clip(np.minimum(a - np.abs(u), b - np.abs(v)) + 0.5, 0, 1)
            shade = 1.0
        grey = self.grey * shade + self.stripe * (np.abs(v) < 0.3 * b)
        coverage *= self.opacity
        return rows, cols, coverage.astype(np.float32), grey.astype(np.float32)


@dataclass(frozen=True)
class Contact:
    """The instant at which two bodies touch, and the change of velocity (widths per second)."""

    time: float
    velocity_change: float


@dataclass(frozen=True)
class Piecewise:
    """A path of parabolas between contacts: at `starts[k]` the body is at `positions[k]` with `velocities[k]`."""

    starts: list[float] = field(default_factory=list)
    positions: list[tuple[float, float]] = field(default_factory=list)
    velocities: list[tuple[float, float]] = field(default_factory=list)
    accelerations: list[tuple[float, float]] = field(default_factory=list)
    radius: float = 1.0

    def add(
        self,
        start: float,
        position: tuple[float, float],
        velocity: tuple[float, float],
        acceleration: tuple[float, float],
    ) -> None:
        """Append the piece that begins at `start`."""
        self.starts.append(start)
        self.positions.append(position)
        self.velocities.append(velocity)
        self.accelerations.append(acceleration)

    def __call__(self, t: float) -> Pose:
        """Return the pose at an instant; before the first piece the body waits at its start."""
        k = max(0, int(np.searchsorted(self.starts, t, side="right")) - 1)
        dt = max(0.0, t - self.starts[k])
        (x, y), (vx, vy), (ax, ay) = self.positions[k], self.velocities[k], self.accelerations[k]
        px = x + vx * dt + ax * dt * dt / 2
        return Pose(px, y + vy * dt + ay * dt * dt / 2, px / self.radius)


def _grey_on(rng: np.random.Generator, contrast: float = 60) -> tuple[float, float]:
    """Return a grey level that differs from the background's (about 125) by the contrast, and that of a stripe on it."""
    grey = rng.uniform(125 + contrast, 225) if rng.random() < 0.5 else rng.uniform(20, 125 - contrast)
    return float(grey), float(rng.uniform(-25, 25))


def _bounces(rng: np.random.Generator, seconds: float, left: float, right: float) -> tuple[Body, list[Contact]]:
    """Return a ball that drops on a floor and bounces to rest, and its contacts."""
    radius = float(rng.uniform(0.016, 0.05))
    floor = float(rng.uniform(0.42, 0.53)) - radius
    height = float(rng.uniform(0.15, floor - radius))
    gravity = float(rng.uniform(2.0, 6.0))
    keep = float(rng.uniform(0.55, 0.85))
    x = float(rng.uniform(left + radius, right - radius))
    drift = float(rng.uniform(-0.1, 0.1)) * (right - left)
    path = Piecewise(radius=radius)
    t = float(rng.uniform(0.3, 0.8))
    path.add(t, (x, floor - height), (drift, 0.0), (0.0, gravity))
    t += float(np.sqrt(2 * height / gravity))
    x += drift * float(np.sqrt(2 * height / gravity))
    speed = float(np.sqrt(2 * height * gravity))
    contacts = []
    while t < seconds:
        contacts.append(Contact(t, speed * (1 + keep)))
        speed *= keep
        if speed < 0.06:
            path.add(t, (x, floor), (drift, 0.0), (0.0, 0.0))
            break
        path.add(t, (x, floor), (drift, -speed), (0.0, gravity))
        t += 2 * speed / gravity
        x += drift * 2 * speed / gravity
    return Body("disk", (radius, radius), *_grey_on(rng), path), contacts


def bounce(rng: np.random.Generator, seconds: float) -> tuple[list[Body], list[Contact]]:
    """Return one or two balls that drop and bounce to rest, and their contacts."""
    if rng.random() < 0.5:
        body, contacts = _bounces(rng, seconds, 0.1, 0.9)
        return [body], contacts
    one, first = _bounces(rng, seconds, 0.08, 0.42)
    two, second = _bounces(rng, seconds, 0.58, 0.92)
    return [one, two], sorted(first + second, key=lambda c: c.time)


def collide(rng: np.random.Generator, seconds: float) -> tuple[list[Body], list[Contact]]:
    """Return a ball that rolls against a wall, or two that collide, and the contact; rolling itself is none."""
    radius = float(rng.uniform(0.02, 0.055))
    floor = float(rng.uniform(0.3, 0.5)) - radius
    speed = float(rng.uniform(0.35, 1.1))
    keep = float(rng.uniform(0.3, 0.8))
    t = float(rng.uniform(0.2, 0.5))
    path = Piecewise(radius=radius)
    if rng.random() < 0.5:
        wall = float(rng.uniform(0.6, 0.9))
        begin = -radius - 0.02
        path.add(t, (begin, floor), (speed, 0.0), (0.0, 0.0))
        hit = t + (wall - radius - begin) / speed
        path.add(hit, (wall - radius, floor), (-keep * speed, 0.0), (0.0, 0.0))
        wall_body = Body("bar", (0.06, 0.12), *_grey_on(rng), lambda _: Pose(wall + 0.06, floor - 0.05))
        contacts = [Contact(hit, speed * (1 + keep))]
        return [wall_body, Body("disk", (radius, radius), *_grey_on(rng), path)], [
            c for c in contacts if c.time < seconds - 0.1
        ]
    other = float(rng.choice([0.0, 0.5])) * speed
    place = float(rng.uniform(0.45, 0.75))
    begin = -radius - 0.02
    hit = t + (place - 2 * radius - begin) / (speed + 0.0)
    path.add(t, (begin, floor), (speed, 0.0), (0.0, 0.0))
    away = (other * 1.0, 0.0)
    second = Piecewise(radius=radius)
    second.add(t if other else 0.0, (place + other * (hit - t), floor), (-away[0], 0.0), (0.0, 0.0))
    closing = speed + other
    push = closing * (1 + keep) / 2
    path.add(hit, (place - 2 * radius, floor), (speed - push, 0.0), (0.0, 0.0))
    second.add(hit, (place, floor), (-other + push, 0.0), (0.0, 0.0))
    balls = [
        Body("disk", (radius, radius), *_grey_on(rng), path),
        Body("disk", (radius, radius), *_grey_on(rng), second),
    ]
    return balls, [Contact(hit, push)] if hit < seconds - 0.1 else []


@dataclass(frozen=True)
class Strike:
    """One strike: raised until `start`, down within `fall` seconds at increasing speed, then rebound, hold and slow lift."""

    start: float
    fall: float
    rebound: float
    hold: float
    lift: float


def _strike_position(strikes: list[Strike], t: float) -> float:
    """Return the position of a striking object: 0 raised, 1 on the anvil."""
    for strike in reversed(strikes):
        dt = t - strike.start
        if dt < 0:
            continue
        if dt < strike.fall:
            return (dt / strike.fall) ** 2
        dt -= strike.fall
        speed = 2 / strike.fall * strike.rebound
        back = 0.12
        if dt < back:
            return 1 - speed * dt * (1 - dt / back) if strike.rebound else 1.0
        dt -= back
        if dt < strike.hold:
            return 1.0
        share = min(1.0, (dt - strike.hold) / strike.lift)
        return 1 - share * share * (3 - 2 * share)
    return 0.0


def hammer(rng: np.random.Generator, seconds: float) -> tuple[list[Body], list[Contact]]:
    """Return a swung hammer or a dropped block that stops on an anvil, holds or rebounds, and lifts slowly."""
    strikes, contacts = [], []
    t = float(rng.uniform(0.3, 0.6))
    arm = rng.random() < 0.5
    reach = float(rng.uniform(0.16, 0.3)) if arm else float(rng.uniform(0.12, 0.25))
    sweep = float(rng.uniform(0.7, 1.2))
    travel = sweep * reach * 0.75 if arm else reach
    rebound = float(rng.choice([0.0, rng.uniform(0.1, 0.3)]))
    while True:
        strike = Strike(
            t, float(rng.uniform(0.12, 0.3)), rebound, float(rng.uniform(0.05, 0.4)), float(rng.uniform(0.5, 0.9))
        )
        hit = strike.start + strike.fall
        if hit + 0.3 > seconds:
            break
        strikes.append(strike)
        contacts.append(Contact(hit, 2 * travel / strike.fall * (1 + rebound)))
        if rebound:
            contacts.append(Contact(hit + 0.12, 2 * travel / strike.fall * rebound))
        t = hit + 0.12 + strike.hold + strike.lift + float(rng.uniform(0.1, 0.5))
    x = float(rng.uniform(0.35, 0.65))
    base = float(rng.uniform(0.4, 0.5))
    anvil = Body("bar", (0.08, 0.04), *_grey_on(rng), lambda _: Pose(x, base + 0.04))
    grey, stripe = _grey_on(rng)
    if not arm:
        half = (float(rng.uniform(0.03, 0.07)), float(rng.uniform(0.03, 0.06)))
        block = Body(
            "bar", half, grey, stripe, lambda s: Pose(x, base - half[1] - reach * (1 - _strike_position(strikes, s)))
        )
        return [anvil, block], contacts
    head = (0.05, float(rng.uniform(0.025, 0.04)))
    pivot = (x - reach, base - head[0])

    def angle(s: float) -> float:
        return -sweep * (1 - _strike_position(strikes, s))

    def handle(s: float) -> Pose:
        a = angle(s)
        return Pose(pivot[0] + reach / 2 * float(np.cos(a)), pivot[1] + reach / 2 * float(np.sin(a)), a)

    def top(s: float) -> Pose:
        a = angle(s)
        return Pose(pivot[0] + reach * float(np.cos(a)), pivot[1] + reach * float(np.sin(a)), a + float(np.pi / 2))

    return [anvil, Body("bar", (reach / 2, 0.012), grey, 0.0, handle), Body("bar", head, grey, stripe, top)], contacts


def swing(rng: np.random.Generator) -> list[Body]:
    """Return a pendulum: smooth motion that slows down and reverses all the time, without any contact."""
    period = float(rng.uniform(0.9, 2.0))
    length = float(rng.uniform(0.2, 0.35))
    width = float(rng.uniform(0.3, 0.8))
    radius = float(rng.uniform(0.025, 0.05))
    x = float(rng.uniform(0.4, 0.6))
    phase = float(rng.uniform(0, 6))

    def path(t: float) -> Pose:
        a = width * float(np.sin(2 * np.pi * t / period + phase))
        return Pose(x + length * float(np.sin(a)), 0.1 + length * float(np.cos(a)), a)

    return [Body("disk", (radius, radius), *_grey_on(rng), path)]


def _limbs(rng: np.random.Generator, elbow: Callable[[float], Pose], lower: Callable[[float], float]) -> list[Body]:
    """Return an upper arm from the border to the elbow, a forearm at an angle (0 points left), and a hand at its end."""
    grey, _ = _grey_on(rng)
    reach, thick = float(rng.uniform(0.16, 0.3)), float(rng.uniform(0.014, 0.028))
    shoulder = (float(rng.uniform(0.75, 1.0)), float(rng.uniform(0.45, 0.6)))

    def upper(t: float) -> Pose:
        at = elbow(t)
        return Pose(
            (at.x + shoulder[0]) / 2, (at.y + shoulder[1]) / 2, math.atan2(shoulder[1] - at.y, shoulder[0] - at.x)
        )

    def along(share: float) -> Callable[[float], Pose]:
        def pose(t: float) -> Pose:
            at, angle = elbow(t), lower(t)
            return Pose(at.x - share * reach * math.cos(angle), at.y - share * reach * math.sin(angle), angle)

        return pose

    length = math.hypot(shoulder[0] - elbow(0).x, shoulder[1] - elbow(0).y) / 2
    fist = thick * float(rng.uniform(1.3, 2.0))
    return [
        Body("bar", (length, thick * 1.2), grey, 0.0, upper),
        Body("bar", (reach / 2, thick), grey, 0.0, along(0.5)),
        Body("disk", (fist, fist), grey, 0.0, along(1.0)),
    ]


def arm(rng: np.random.Generator, seconds: float) -> tuple[list[Body], list[Contact]]:
    """Return a jointed arm that strikes a table, rests on it for a moment and lifts slowly."""
    strikes, contacts = [], []
    t, sweep = float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.8, 1.3))
    place = Pose(float(rng.uniform(0.55, 0.7)), float(rng.uniform(0.38, 0.45)))
    while True:
        strike = Strike(
            t, float(rng.uniform(0.14, 0.25)), 0.0, float(rng.uniform(0.1, 0.4)), float(rng.uniform(0.4, 0.8))
        )
        if strike.start + strike.fall + 0.3 > seconds:
            break
        strikes.append(strike)
        contacts.append(Contact(strike.start + strike.fall, 2 * sweep * 0.17 / strike.fall))
        t = strike.start + strike.fall + 0.12 + strike.hold + strike.lift + float(rng.uniform(0.1, 0.5))
    return _limbs(rng, lambda _: place, lambda t: sweep * (1 - _strike_position(strikes, t))), contacts


def wave(rng: np.random.Generator) -> list[Body]:
    """Return a jointed arm that waves quickly, without any contact."""
    period, width, lean = float(rng.uniform(0.6, 1.5)), float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.8, 1.8))
    sway, phase = float(rng.uniform(0.0, 0.015)), float(rng.uniform(0, 6))
    x, y = float(rng.uniform(0.5, 0.65)), float(rng.uniform(0.35, 0.45))

    def turn(t: float) -> float:
        return math.sin(2 * math.pi * t / period + phase)

    return _limbs(rng, lambda t: Pose(x + sway * turn(t), y), lambda t: lean + width * turn(t))


def roll(rng: np.random.Generator) -> list[Body]:
    """Return a ball that rolls across the picture and out of it, or slows down to a stop, without any contact."""
    radius = float(rng.uniform(0.02, 0.055))
    floor, start = float(rng.uniform(0.3, 0.5)) - radius, float(rng.uniform(0.2, 0.5))
    speed = float(rng.uniform(0.3, 1.0))
    path = Piecewise(radius=radius)
    path.add(start, (-radius - 0.02, floor), (speed, 0.0), (0.0, 0.0))
    if rng.random() < 0.5:
        slowing = float(rng.uniform(0.25, 0.6))
        begin = start + 0.4 / speed
        path.add(begin, (0.38 - radius, floor), (speed, 0.0), (-slowing, 0.0))
        path.add(begin + speed / slowing, (0.38 - radius + speed**2 / slowing / 2, floor), (0.0, 0.0), (0.0, 0.0))
    return [Body("disk", (radius, radius), *_grey_on(rng), path)]


def sweep(rng: np.random.Generator, seconds: float) -> tuple[list[Body], list[tuple[float, float]]]:
    """Return a bar that sweeps over the frame once, fast and smoothly, and the begin and end of the sweep."""
    length = float(rng.uniform(0.4, 0.65))
    half = (float(rng.uniform(0.03, 0.07)), float(rng.uniform(0.015, 0.03)))
    y = float(rng.uniform(0.15, 0.4))
    begin, end = 0.15, 0.85
    start = float(rng.uniform(0.4, seconds - length - 0.5))

    def path(t: float) -> Pose:
        u = min(1.0, max(0.0, (t - start) / length))
        eased = u * u * u * (10 - 15 * u + 6 * u * u)
        return Pose(begin + (end - begin) * eased, y - 0.1 * float(np.sin(np.pi * eased)), 0.4 * eased)

    return [Body("bar", half, *_grey_on(rng), path)], [(start, start + length)]
