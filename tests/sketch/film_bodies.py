"""Bodies that move as they do on film: hands with tools that rebound, leave the picture or fill it, and what has no contact.

Lengths are in frame widths, times in seconds, y points down. A hand is guided: it speeds up and slows down smoothly, except where
it strikes something.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tests.sketch.scene_bodies import ASPECT, Body, Contact, Pose

Curve = Callable[[float], float]
Point = Callable[[float], complex]


@dataclass(frozen=True)
class Blow:
    """One blow: down from `start` within `fall` seconds, contact, rebound at a share of the speed, and up again."""

    start: float
    fall: float
    rebound: float
    rest: float
    lift: float
    depth: float = 1.0
    """Share of the whole way that is travelled: not every blow is raised equally high."""

    @property
    def contact(self) -> float:
        """Instant of the contact."""
        return self.start + self.fall

    def height(self, t: float) -> float:
        """Return the height above the contact, 0 to about 1, at an instant after `start`."""
        if t < self.contact:
            share = (t - self.start) / self.fall
            return self.depth * (1 - share**2 * (1.35 - 0.35 * share))
        since = t - self.contact
        if not self.rebound:
            since -= self.rest
        if since <= 0:
            return 0.0
        u = min(1.0, since / self.lift)
        # A cubic from the rebound's speed to standstill at the top.
        speed = self.rebound * self.depth * 1.65 / self.fall * self.lift
        return (u**3 - 2 * u**2 + u) * speed + u * u * (3 - 2 * u)


def blows(
    rng: np.random.Generator,
    seconds: float,
    frame: float,
    rebound: float,
    rate: tuple[float, float],
    fall_range: tuple[float, float] = (0.09, 0.2),
) -> list[Blow]:
    """Return blows that follow each other at intervals between the two of `rate`, each a little different.

    At a low frame rate (`frame` seconds for each) they are slower: eight frames for each blow, two for the way down.
    """
    made: list[Blow] = []
    t = float(rng.uniform(0.25, 0.7))
    interval = max(float(rng.uniform(*rate)), 9 * frame)
    while True:
        length = interval * float(rng.uniform(0.9, 1.1))
        fall = max(float(rng.uniform(*fall_range)) * min(1.0, length / 0.5), 2 * frame)
        rest = 0.0 if rebound else float(rng.uniform(0.1, 0.3)) * length
        lift = float(rng.uniform(0.45, 0.6)) * length
        if t + fall + 0.25 > seconds:
            return made
        made.append(Blow(t, fall, rebound * float(rng.uniform(0.8, 1.2)), rest, lift))
        t += max(length, fall + rest + lift)


def height_of(made: Sequence[Blow]) -> Curve:
    """Return the height of a tool that makes these blows."""

    def height(t: float) -> float:
        for blow in reversed(made):
            if t >= blow.start:
                return blow.height(t)
        return 1.0

    return height


def contacts_of(made: Sequence[Blow], travel: float) -> list[Contact]:
    """Return the contacts of blows over a distance."""
    return [Contact(blow.contact, 1.65 * travel * blow.depth / blow.fall * (1 + blow.rebound)) for blow in made]


def smooth_moves(rng: np.random.Generator, seconds: float, pace: tuple[float, float], reach: float) -> Point:
    """Return a path of smooth moves (least jerk) between random points within `reach` of 0, with pauses: a hand that gestures."""
    times, points = [0.0], [0j]
    while times[-1] < seconds:
        times += [times[-1] + float(rng.uniform(0.0, 0.5))]
        times += [times[-1] + float(rng.uniform(*pace))]
        points += [points[-1], complex(*rng.uniform(-reach, reach, 2))]

    def point(t: float) -> complex:
        k = min(max(int(np.searchsorted(times, t, side="right")) - 1, 0), len(times) - 2)
        u = min(1.0, max(0.0, (t - times[k]) / max(times[k + 1] - times[k], 1e-6)))
        return points[k] + (points[k + 1] - points[k]) * u**3 * (10 - 15 * u + 6 * u * u)

    return point


def tremor(rng: np.random.Generator, size: float) -> Point:
    """Return the slow drift and the tremor of something held in a hand."""
    waves = [(float(rng.uniform(0.3, 5)), complex(*rng.normal(size=2)), float(rng.uniform(0, 6.3))) for _ in range(5)]
    return lambda t: sum((size * a / (1 + hz) * math.sin(2 * math.pi * hz * t + phase) for hz, a, phase in waves), 0j)


def fixed(point: complex) -> Point:
    """Return the path of a point that stays."""
    return lambda _: point


def _skin(rng: np.random.Generator) -> tuple[float, float]:
    """Return a grey level for skin, cloth or a tool, and that of a stripe on it: a crease, a reflection."""
    grey = float(rng.uniform(25, 85)) if rng.random() < 0.5 else float(rng.uniform(165, 225))
    return grey, float(rng.uniform(-30, 30))


def limb(
    start: Point, end: Point, thick: float, grey: float, stripe: float = 0.0, *, over: float = 0.0, opacity: float = 1.0
) -> Body:
    """Return a bar from one moving point to another; `over` is by how much it is longer than their first distance."""
    half = abs(end(0.0) - start(0.0)) / 2 + over

    def pose(t: float) -> Pose:
        a, b = start(t), end(t)
        middle, direction = (a + b) / 2, (b - a) / max(abs(b - a), 1e-6)
        # The end with the hand is exact; the other one is outside the picture.
        centre = b - direction * half if over else middle
        return Pose(centre.real, centre.imag, cmath.phase(direction))

    return Body("bar", (half, thick), grey, stripe, pose, opacity)


def disk(at: Point, radius: float, grey: float, *, opacity: float = 1.0) -> Body:
    """Return a disk that follows a point."""
    return Body("disk", (radius, radius), grey, 0.0, lambda t: Pose(at(t).real, at(t).imag, 0.0), opacity)


def _arm_with_tool(
    rng: np.random.Generator, hand: Point, tip: Point, tool: float, *, table: float | None = None, fist: float = 0.05
) -> list[Body]:
    """Return a forearm from the border, a hand and a tool, and their shadow on a table at height `table`."""
    skin, crease = _skin(rng)
    grey, shine = _skin(rng)
    shoulder = complex(-0.25 if hand(0).real < tip(0).real else 1.25, float(rng.uniform(-0.1, 0.5)))
    bodies: list[Body] = []
    if table is not None:
        lean = complex(float(rng.uniform(-0.08, 0.08)), 0.02)

        def on_table(point: Point) -> Point:
            return lambda t: complex(point(t).real, table) + lean * (0.15 + 4 * max(0.0, table - point(t).imag))

        bodies.append(limb(on_table(hand), on_table(tip), tool * 1.4, 30.0, opacity=0.35))
    return [
        *bodies,
        limb(lambda _: shoulder, hand, fist * 0.75, skin, crease, over=0.3),
        limb(hand, tip, tool, grey, shine),
        disk(hand, fist, skin),
    ]


def chop(rng: np.random.Generator, seconds: float, frame: float) -> tuple[list[Body], list[Contact]]:
    """Return a hand with a knife that chops on a board and a second hand that moves along: no rebound, or a small one."""
    made = blows(rng, seconds, frame, float(rng.choice([0.0, 0.0, rng.uniform(0.1, 0.35)])), (0.35, 0.8))
    height, shake = height_of(made), tremor(rng, 0.006)
    travel, side = float(rng.uniform(0.07, 0.2)), float(rng.choice([-1, 1]))
    board = float(rng.uniform(0.38, 0.5))
    middle, blade = 0.5 - side * float(rng.uniform(0.0, 0.15)), float(rng.uniform(0.2, 0.34))
    tilt = float(rng.uniform(0.0, 0.5))

    def hand(t: float) -> complex:
        return complex(middle - side * blade / 2, board - 0.04 - travel * height(t)) + shake(t)

    def tip(t: float) -> complex:
        return hand(t) + blade * complex(side, tilt * (0.4 - 0.8 * height(t)))

    other = tremor(rng, 0.012)
    skin, crease = _skin(rng)
    helper = complex(middle + side * float(rng.uniform(0.1, 0.2)), board - 0.1)
    holding = [
        limb(lambda _: complex(0.5 + side * 0.75, -0.1), lambda t: helper + other(t), 0.045, skin, crease, over=0.2),
        disk(lambda t: helper + other(t), 0.06, skin),
    ]
    return [*holding, *_arm_with_tool(rng, hand, tip, float(rng.uniform(0.014, 0.035)), table=board)], contacts_of(
        made, travel
    )


def drumstick(rng: np.random.Generator, seconds: float, frame: float) -> tuple[list[Body], list[Contact]]:
    """Return a stick that rebounds from a table in a hand that may be outside the picture, with its shadow."""
    made = blows(rng, seconds, frame, float(rng.uniform(0.25, 0.6)), (0.3, 0.8))
    height = height_of(made)
    side, length = float(rng.choice([-1, 1])), float(rng.uniform(0.35, 0.6))
    table = float(rng.uniform(0.3, 0.5))
    grip = complex(0.5 + side * float(rng.uniform(0.3, 0.6)), table - float(rng.uniform(0.02, 0.1)))
    swing = float(rng.uniform(0.35, 0.8))
    down = math.asin(min(0.6, (table - grip.imag) / length))

    def hand(t: float) -> complex:
        return grip - 0.06j * height(t)

    def tip(t: float) -> complex:
        angle = down - swing * height(t)
        return hand(t) + length * complex(-side * math.cos(angle), math.sin(angle))

    bodies = _arm_with_tool(rng, hand, tip, float(rng.uniform(0.006, 0.014)), table=table, fist=0.04)
    return bodies, contacts_of(made, swing * length * 0.7)


def hammer_close(rng: np.random.Generator, seconds: float, frame: float) -> tuple[list[Body], list[Contact]]:
    """Return a hammer in close-up: large in the picture, out of it at the top of each blow."""
    made = blows(rng, seconds, frame, float(rng.choice([0.0, rng.uniform(0.15, 0.4)])), (0.5, 1.0), (0.16, 0.28))
    height = height_of(made)
    side, travel = float(rng.choice([-1, 1])), float(rng.uniform(0.4, 0.75))
    anvil, x = float(rng.uniform(0.38, 0.5)), float(rng.uniform(0.4, 0.6))
    half, thick = float(rng.uniform(0.06, 0.12)), float(rng.uniform(0.04, 0.09))
    grey, shine = _skin(rng)
    handle, skin = _skin(rng)[0], _skin(rng)[0]

    def head(t: float) -> complex:
        return complex(x + side * 0.15 * height(t), anvil - half - travel * height(t))

    def grip(t: float) -> complex:
        return head(t) + complex(side * 0.42, 0.06 - 0.1 * height(t))

    nail = limb(lambda _: complex(x, anvil), lambda _: complex(x, anvil + 0.12), 0.012, _skin(rng)[0])
    shadow = disk(lambda t: complex(x - side * 0.3 * height(t), anvil + 0.02), thick * 1.5, 20.0, opacity=0.4)
    return [
        nail,
        shadow,
        limb(grip, head, 0.02, handle),
        Body("bar", (half, thick), grey, shine, lambda t: Pose(head(t).real, head(t).imag, math.pi / 2)),
        limb(lambda t: grip(t) + complex(side * 0.4, 0.1), grip, 0.06, skin, over=0.2),
    ], contacts_of(made, travel)


def punch(rng: np.random.Generator, seconds: float, frame: float) -> tuple[list[Body], list[Contact]]:
    """Return a fist that strikes a hanging bag from the side: it bounces back, and the bag swings away slowly."""
    made = blows(rng, seconds, frame, float(rng.uniform(0.1, 0.35)), (0.55, 1.1))
    height = height_of(made)
    side, travel, y = float(rng.choice([-1, 1])), float(rng.uniform(0.18, 0.3)), float(rng.uniform(0.2, 0.38))
    bag_x, fist = 0.5 + side * float(rng.uniform(0.08, 0.2)), float(rng.uniform(0.03, 0.055))
    grey, seam = _skin(rng)

    def sway(t: float) -> float:
        return sum(0.02 * math.exp(-1.5 * dt) * math.sin(5 * dt) for blow in made if (dt := t - blow.contact) > 0)

    def hand(t: float) -> complex:
        return complex(bag_x - side * (0.07 + fist + travel * height(t)) + side * 0.3 * sway(t), y + 0.05 * height(t))

    def bag(t: float) -> Pose:
        return Pose(bag_x + side * sway(t), y, math.pi / 2 + side * 0.3 * sway(t))

    arm = _arm_with_tool(rng, hand, lambda t: hand(t) + side * 0.02, fist * 0.8, fist=fist)
    return [Body("bar", (0.22, 0.07), grey, seam, bag), *arm], contacts_of(made, travel)


def dribble(rng: np.random.Generator, seconds: float, _frame: float) -> tuple[list[Body], list[Contact]]:
    """Return a ball that a hand dribbles: free flight under gravity, contact with the floor, then caught softly by the hand."""
    floor, radius = float(rng.uniform(0.42, 0.52)), float(rng.uniform(0.03, 0.06))
    height, period = float(rng.uniform(0.18, 0.3)), float(rng.uniform(0.5, 0.8))
    x, drift, start = float(rng.uniform(0.3, 0.7)), float(rng.uniform(-0.04, 0.04)), float(rng.uniform(0.1, 0.4))

    def ball(t: float) -> complex:
        u = ((t - start) / period) % 1.0
        # Up and down mirrored about the contact at u = 0.5; at the top the hand takes it along softly.
        share = abs(2 * u - 1)
        return complex(x + drift * t, floor - radius - height * share * (2 - share))

    def hand(t: float) -> complex:
        follow = 0.15 * height * (1 - math.cos(2 * math.pi * (t - start) / period))
        return complex(x + drift * t, floor - 2 * radius - 0.05 - height + follow)

    grey, _ = _skin(rng)
    skin, crease = _skin(rng)
    side = float(rng.choice([-1, 1]))
    contacts = [
        Contact(at, 8 * height / period)
        for k in range(int(seconds / period) + 1)
        if (at := start + (k + 0.5) * period) < seconds
    ]
    shadow = disk(
        lambda t: complex(ball(t).real + 0.3 * (floor - radius - ball(t).imag), floor), radius, 25.0, opacity=0.3
    )
    return [
        shadow,
        disk(ball, radius, grey),
        limb(lambda _: complex(0.5 + side * 0.7, -0.2), hand, 0.04, skin, crease, over=0.3),
        disk(hand, 0.05, skin),
    ], contacts


def recoil(rng: np.random.Generator, seconds: float, _frame: float) -> tuple[list[Body], list[Contact]]:
    """Return an arm with a gun that is held still and jumps at once at each shot, then sinks back; the contacts are its starts."""
    shots, t = [], float(rng.uniform(0.6, 1.1))
    while t < seconds - 0.3:
        shots.append(t)
        t += float(rng.uniform(0.8, 1.3))
    kick, settle = float(rng.uniform(0.12, 0.3)), float(rng.uniform(0.12, 0.22))
    side, y = float(rng.choice([-1, 1])), float(rng.uniform(0.2, 0.4))
    shake = tremor(rng, 0.004)

    def jump(t: float) -> float:
        return sum(dt / 0.05 * math.exp(1 - dt / 0.05) * 0.6 + (1 - math.exp(-dt / 0.05)) * math.exp(-dt / settle)
                   for at in shots if (dt := t - at) > 0)  # fmt: skip

    def hand(t: float) -> complex:
        return complex(0.5 - side * 0.1 - side * 0.1 * kick * jump(t), y - 0.15 * kick * jump(t)) + shake(t)

    def muzzle(t: float) -> complex:
        return hand(t) + 0.22 * side * cmath.exp(-1j * side * kick * jump(t)) - 0.02j

    return _arm_with_tool(rng, hand, muzzle, float(rng.uniform(0.015, 0.03))), [Contact(at, kick * 4) for at in shots]


def windup(rng: np.random.Generator, seconds: float) -> list[Body]:
    """Return an arm with a racket that draws back, pauses and swings through without meeting anything."""
    moves = smooth_moves(rng, seconds, (0.4, 0.9), 0.6)
    shoulder = complex(float(rng.uniform(0.4, 0.6)), float(rng.uniform(0.25, 0.4)))
    length, skin = float(rng.uniform(0.18, 0.26)), _skin(rng)
    turn = tremor(rng, 0.01)

    def hand(t: float) -> complex:
        return shoulder + turn(t) + length * cmath.exp(1j * (2.2 * moves(t).real - 0.8))

    def racket(t: float) -> complex:
        return hand(t) + 0.18 * cmath.exp(1j * (2.8 * moves(t).real - 0.5))

    body = limb(lambda _: shoulder, lambda _: shoulder + 0.3j, 0.09, _skin(rng)[0], 15.0)
    return [body, limb(lambda t: shoulder + turn(t), hand, 0.03, *skin), limb(hand, racket, 0.02, _skin(rng)[0])]


def talk(rng: np.random.Generator, seconds: float) -> list[Body]:
    """Return someone who talks to the camera: a head that nods, a mouth, blinking eyes and hands that gesture."""
    nod, sway = smooth_moves(rng, seconds, (0.2, 0.6), 0.012), tremor(rng, 0.01)
    skin, cloth = float(rng.uniform(120, 210)), float(rng.uniform(30, 200))
    centre, radius = complex(float(rng.uniform(0.4, 0.6)), 0.2), float(rng.uniform(0.07, 0.11))
    phases = rng.uniform(0, 6.3, 3)
    blinks = [float(b) for b in np.cumsum(rng.uniform(0.6, 2.0, 8))]

    def head(t: float) -> complex:
        return centre + nod(t) + sway(t)

    def opening(t: float) -> float:
        return 0.012 * abs(math.sin(7 * t + phases[0]) * math.sin(3.1 * t + phases[1])) + 0.004

    def eye(side: int) -> Body:
        def pose(t: float) -> Pose:
            closed = any(b < t < b + 0.12 for b in blinks)
            at = head(t) + complex(side * radius * 0.4, -radius * 0.2 + (2.0 if closed else 0.0))
            return Pose(at.real, at.imag)

        return Body("bar", (0.016, 0.006), 30.0, 0.0, pose)

    hands = []
    for side in (-1, 1):
        gesture = smooth_moves(rng, seconds, (0.25, 0.7), 0.07)
        rest = centre + complex(side * 0.16, 0.27)

        def at(t: float, gesture: Point = gesture, rest: complex = rest) -> complex:
            return rest + gesture(t)

        hands += [limb(fixed(centre + complex(side * 0.25, 0.5)), at, 0.03, cloth, 10.0), disk(at, 0.03, skin)]

    def lip(side: int, x: float) -> Point:
        return lambda t: head(t) + complex(x, radius * 0.5 + side * opening(t))

    lips = [limb(lip(side, -0.02), lip(side, 0.02), 0.005, 60.0) for side in (-1, 1)]
    torso = limb(lambda t: centre + 0.14j + sway(t), lambda t: centre + 0.5j + sway(t), 0.15, cloth, 20.0)
    return [torso, disk(head, radius, skin), eye(-1), eye(1), *lips, *hands]


def leave(rng: np.random.Generator, seconds: float) -> list[Body]:
    """Return a hand with a tool that comes in and goes out again, fast, several times, at any border, without contact."""
    times, points, t = [0.0], [1.5 + 0.3j], 0.0
    while t < seconds:
        inside = complex(float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.2, 0.4)))
        outside = inside + complex(0.9 * float(rng.choice([-1, 1])), float(rng.uniform(-0.5, 0.5)))
        if rng.random() < 0.5:
            outside = inside + complex(float(rng.uniform(-0.3, 0.3)), 0.7 * float(rng.choice([-1, 1])))
        for point, length in (
            (inside, rng.uniform(0.4, 0.8)),
            (inside, rng.uniform(0, 0.3)),
            (outside, rng.uniform(0.3, 0.6)),
        ):
            t += float(length)
            times.append(t)
            points.append(point)

    def hand(at: float) -> complex:
        k = min(max(int(np.searchsorted(times, at, side="right")) - 1, 0), len(times) - 2)
        u = min(1.0, max(0.0, (at - times[k]) / max(times[k + 1] - times[k], 1e-6)))
        return points[k] + (points[k + 1] - points[k]) * u**3 * (10 - 15 * u + 6 * u * u)

    side = float(rng.choice([-1, 1]))
    return _arm_with_tool(rng, hand, lambda t: hand(t) + complex(side * 0.2, 0.03), float(rng.uniform(0.012, 0.03)))


def crowd(rng: np.random.Generator) -> list[Body]:
    """Return many people who walk through the picture and bob."""
    bodies = []
    for _ in range(int(rng.integers(10, 18))):
        y, size = float(rng.uniform(0.15, 0.5)), float(rng.uniform(0.02, 0.04))
        speed, x = float(rng.uniform(0.03, 0.12)) * float(rng.choice([-1, 1])), float(rng.uniform(0, 1))
        hz, phase, skin, cloth = float(rng.uniform(1.6, 2.4)), float(rng.uniform(0, 6.3)), _skin(rng), _skin(rng)

        def at(t: float, x: float = x, y: float = y, v: float = speed, hz: float = hz, phase: float = phase) -> complex:
            return complex((x + v * t + 0.2) % 1.4 - 0.2, y + 0.005 * math.sin(2 * math.pi * hz * t + phase))

        def below(t: float, at: Point = at, size: float = size) -> complex:
            return at(t) + 4j * size

        bodies += [limb(at, below, size * 1.3, *cloth), disk(at, size, skin[0])]
    return bodies


def leaves(rng: np.random.Generator) -> list[Body]:
    """Return leaves and twigs that sway in gusts."""
    bodies = []
    gust = [(float(rng.uniform(0.2, 1.2)), float(rng.uniform(0, 6.3))) for _ in range(3)]
    for _ in range(40):
        base, length = complex(*rng.uniform([0, 0], [1, ASPECT])), float(rng.uniform(0.02, 0.06))
        angle, hz, phase = float(rng.uniform(0, 6.3)), float(rng.uniform(1, 4)), float(rng.uniform(0, 6.3))

        def tip(
            t: float,
            base: complex = base,
            length: float = length,
            angle: float = angle,
            hz: float = hz,
            phase: float = phase,
        ) -> complex:
            wind = sum(max(0.0, math.sin(2 * math.pi * f * t + p + 3 * base.real)) for f, p in gust) / 2
            turned = angle + wind * (0.25 + 0.25 * math.sin(2 * math.pi * hz * t + phase))
            return base + length * cmath.exp(1j * turned)

        bodies.append(limb(fixed(base), tip, float(rng.uniform(0.006, 0.016)), *_skin(rng)))
    return bodies
