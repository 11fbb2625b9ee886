"""Draws moving pictures whose contacts are known, encodes them as the product's proxies are, and reads them back as luma.

Lengths are in frame widths, times in seconds, y points down. The truth of a contact is the instant two bodies touch; the frame
that carries it is the one nearest that instant. Every contact that changes a velocity by `FAINT` or more is demanded; a fainter one
neither counts nor accuses.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
from scipy import ndimage

WIDTH, HEIGHT = 342, 192
"""A 16:9 proxy of the size that sketch asks for: 192 lines on the short side."""
ASPECT = HEIGHT / WIDTH
FAINT = 0.4
"""Widths a second: below this change of velocity a contact is not demanded."""
ONE_SOUND_FRAMES = 2.5
"""Contacts closer than this may be found as one; nearer than this to the end of the picture one is not seen at all."""
BLUR_SAMPLES = 5
NOISE_POOL = 4

Array = npt.NDArray[np.float32]
Family = Literal[
    "bounce",
    "collide",
    "hammer",
    "arm",
    "still",
    "camera",
    "cut",
    "fade",
    "flash",
    "clouds",
    "swing",
    "wave",
    "roll",
    "whoosh",
]
Camera = Literal["locked", "pan", "shake", "zoom"]
IMPACT_FAMILIES: tuple[Family, ...] = ("bounce", "collide", "hammer", "arm")
QUIET_FAMILIES: tuple[Family, ...] = ("still", "camera", "cut", "fade", "flash", "clouds", "swing", "wave", "roll")


@dataclass(frozen=True)
class Pose:
    """Where a body is at an instant: centre, turn in radians."""

    x: float
    y: float
    angle: float = 0.0


@dataclass(frozen=True)
class Body:
    """A disk or a bar of one grey with a stripe on it, and the path it takes."""

    shape: Literal["disk", "bar"]
    half: tuple[float, float]
    grey: float
    stripe: float
    path: Callable[[float], Pose]

    def draw(
        self, pose: Pose, place: Callable[[float, float], tuple[float, float, float]]
    ) -> tuple[slice, slice, Array, Array]:
        """Rows, columns, cover (0 to 1) and grey of the body on the picture, with edges smoothed over one pixel."""
        px, py, scale = place(pose.x, pose.y)
        reach = float(np.hypot(*self.half)) * scale + 2
        rows = slice(max(0, int(py - reach)), max(0, min(HEIGHT, int(py + reach) + 2)))
        cols = slice(max(0, int(px - reach)), max(0, min(WIDTH, int(px + reach) + 2)))
        y, x = np.ogrid[rows, cols]
        c, s = np.cos(pose.angle), np.sin(pose.angle)
        u = (c * (x - px) + s * (y - py)).astype(np.float32)
        v = (-s * (x - px) + c * (y - py)).astype(np.float32)
        a, b = self.half[0] * scale, self.half[1] * scale
        if self.shape == "disk":
            cover = np.clip(a - np.hypot(u, v) + 0.5, 0, 1)
            shade: npt.NDArray[np.floating] = 1 - 0.25 * ((x - px + y - py) / (2 * a))
        else:
            cover = np.clip(np.minimum(a - np.abs(u), b - np.abs(v)) + 0.5, 0, 1)
            shade = np.ones_like(u, np.float64)
        grey = self.grey * shade + self.stripe * (np.abs(v) < 0.3 * b)
        return rows, cols, cover.astype(np.float32), grey.astype(np.float32)


@dataclass(frozen=True)
class Contact:
    """The instant two bodies touch, and the change of velocity (widths a second)."""

    time: float
    jump: float


@dataclass(frozen=True)
class Scene:
    """A picture to draw and what is true of it."""

    name: str
    fps: Fraction
    seconds: float
    ground: Array
    bodies: tuple[Body, ...]
    contacts: tuple[Contact, ...]
    swipes: tuple[tuple[float, float], ...] = ()
    """First and last instant of each fast passage that should be heard as a whoosh."""
    camera: Callable[[float], tuple[float, float, float, float]] = lambda _: (0.0, 0.0, 1.0, 0.0)
    """Shift right, shift down (widths), zoom and turn (radians) at an instant."""
    light: Callable[[float], tuple[float, float]] = lambda _: (1.0, 0.0)
    """Gain and lift (of 255) of the whole picture at an instant."""
    overlay: Callable[[float, Array], Array] | None = None
    noise: float = 2.2
    shutter: float = 0.5
    """Share of a frame's time that the shutter is open, about the frame's own time."""
    film: Fraction | None = None
    """Pictures a second that were shot, where they are fewer than the frames: each is shown again until the next is due."""
    crf: int = 23
    """x264's constant rate factor."""
    seed: int = 0

    @property
    def times(self) -> tuple[Fraction, ...]:
        """The frames' own times."""
        return tuple(k / self.fps for k in range(round(self.seconds * self.fps)))

    def shot(self, time: Fraction) -> Fraction:
        """When the picture was shot that is on screen at a time."""
        return time if self.film is None else Fraction(math.floor(time * self.film)) / self.film

    def frame(self, time: float) -> float:
        """Where among the frames an instant is seen, counted in frames: at its own time, or where its picture is first shown."""
        if self.film is None:
            return time * float(self.fps)
        return float(math.ceil(round(time * self.film) / self.film * self.fps))

    @property
    def slack(self) -> int:
        """Frames by which an onset may be off: one, or as many as a picture is shown for."""
        return 1 if self.film is None else max(1, round(self.fps / self.film))


def texture(rng: np.random.Generator, height: int, width: int, contrast: float) -> Array:
    """A ground of soft noise in several sizes with some hard-edged boxes on it, about mid grey."""
    ground = np.zeros((height, width), np.float32)
    for size in (3, 10, 35):
        cells = rng.standard_normal((height // size + 3, width // size + 3)).astype(np.float32)
        ground += ndimage.zoom(cells, size, order=1)[:height, :width]
    ground *= contrast * 9
    for _ in range(int(rng.integers(3, 12))):
        y, x = int(rng.integers(0, height)), int(rng.integers(0, width))
        ground[y : y + int(rng.integers(8, 60)), x : x + int(rng.integers(8, 80))] += contrast * rng.uniform(-40, 40)
    greys: Array = np.clip(ground + rng.uniform(90, 160), 20, 235).astype(np.float32)
    return greys


def _ground_for(scene: Scene, t: float) -> Array:
    """The ground as the camera sees it; it is drawn larger than the frame so that the camera can move over it."""
    shift_x, shift_y, zoom, turn = scene.camera(t)
    tall, wide = scene.ground.shape
    if (shift_x, shift_y, zoom, turn) == (0.0, 0.0, 1.0, 0.0):
        y, x = (tall - HEIGHT) // 2, (wide - WIDTH) // 2
        still: Array = scene.ground[y : y + HEIGHT, x : x + WIDTH].copy()
        return still
    c, s = np.cos(turn) / zoom, np.sin(turn) / zoom
    matrix = np.array([[c, -s], [s, c]])
    centre = np.array([(tall - tall % 2) / 2, (wide - wide % 2) / 2])
    offset = centre + np.array([shift_y, shift_x]) * WIDTH - matrix @ np.array([HEIGHT / 2, WIDTH / 2])
    seen: Array = ndimage.affine_transform(
        scene.ground, matrix, offset, (HEIGHT, WIDTH), np.float32, order=1, mode="nearest"
    )
    return seen


def _place_for(scene: Scene, t: float) -> Callable[[float, float], tuple[float, float, float]]:
    """The way from world to picture: column, row, and pixels a width."""
    shift_x, shift_y, zoom, turn = scene.camera(t)
    c, s = np.cos(turn) * zoom, np.sin(turn) * zoom

    def place(x: float, y: float) -> tuple[float, float, float]:
        u, v = (x - 0.5 - shift_x) * WIDTH, (y - ASPECT / 2 - shift_y) * WIDTH
        return c * u - s * v + WIDTH / 2, s * u + c * v + HEIGHT / 2, WIDTH * zoom

    return place


def frames(scene: Scene) -> Iterator[npt.NDArray[np.uint8]]:
    """The scene's pictures, (HEIGHT, WIDTH) grey."""
    rng = np.random.default_rng(scene.seed + 7919)
    pool = rng.standard_normal((NOISE_POOL, HEIGHT, WIDTH)).astype(np.float32) * scene.noise
    last: Fraction | None = None
    whole = np.zeros((HEIGHT, WIDTH), np.uint8)
    for shown in scene.times:
        if (time := scene.shot(shown)) == last:
            yield whole
            continue
        last, t = time, float(time)
        rate = float(scene.film or scene.fps)
        picture = _ground_for(scene, t)
        for body in scene.bodies:
            cover = np.zeros((HEIGHT, WIDTH), np.float32)
            paint = np.zeros((HEIGHT, WIDTH), np.float32)
            for k in range(BLUR_SAMPLES):
                instant = t + ((k + 0.5) / BLUR_SAMPLES - 0.5) * scene.shutter / rate
                rows, cols, part, grey = body.draw(body.path(instant), _place_for(scene, instant))
                cover[rows, cols] += part / BLUR_SAMPLES
                paint[rows, cols] += part * grey / BLUR_SAMPLES
            picture = picture * (1 - cover) + paint
        if scene.overlay is not None:
            picture = scene.overlay(t, picture)
        gain, lift = scene.light(t)
        grain = np.roll(pool[rng.integers(NOISE_POOL)], rng.integers(0, HEIGHT, 2), (0, 1))
        whole = np.clip(picture * gain + lift + grain + 0.5, 0, 255).astype(np.uint8)
        yield whole


def through_h264(scene: Scene, luma_width: int) -> npt.NDArray[np.uint8]:
    """The scene after a proxy's encoding (libx264, veryfast, 4:2:0) and back, as (frames, height, luma_width) luma."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    quiet = [ffmpeg, "-v", "error", "-threads", "1"]
    raw = ["-f", "rawvideo", "-pix_fmt", "gray"]
    codec = [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-crf",
        str(scene.crf),
        "-pix_fmt",
        "yuv420p",
        "-threads",
        "1",
    ]
    pipe = ["-f", "matroska", "pipe:1"]
    source = [*raw, "-s", f"{WIDTH}x{HEIGHT}", "-r", str(scene.fps), "-i", "pipe:0"]
    pictures = b"".join(picture.tobytes() for picture in frames(scene))
    coded = subprocess.run([*quiet, *source, *codec, *pipe], input=pictures, capture_output=True, check=True).stdout
    height = round(luma_width * ASPECT / 2) * 2
    small = [
        "-i",
        "pipe:0",
        "-vf",
        f"scale={luma_width}:{height}:flags=area",
        "-fps_mode",
        "passthrough",
        *raw,
        "pipe:1",
    ]
    luma = subprocess.run([*quiet, *small], input=coded, capture_output=True, check=True).stdout
    return np.frombuffer(luma, np.uint8).reshape(-1, height, luma_width)


# --- bodies and the paths they take ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Piecewise:
    """A path that is a parabola between contacts: at `starts[k]` the body is at `places[k]` with `speeds[k]`."""

    starts: list[float] = field(default_factory=list)
    places: list[tuple[float, float]] = field(default_factory=list)
    speeds: list[tuple[float, float]] = field(default_factory=list)
    pulls: list[tuple[float, float]] = field(default_factory=list)
    radius: float = 1.0

    def add(
        self, start: float, place: tuple[float, float], speed: tuple[float, float], pull: tuple[float, float]
    ) -> None:
        """From `start` on the body moves so."""
        self.starts.append(start)
        self.places.append(place)
        self.speeds.append(speed)
        self.pulls.append(pull)

    def __call__(self, t: float) -> Pose:
        """The pose at an instant; before the first piece the body waits there."""
        k = max(0, int(np.searchsorted(self.starts, t, side="right")) - 1)
        dt = max(0.0, t - self.starts[k])
        (x, y), (vx, vy), (ax, ay) = self.places[k], self.speeds[k], self.pulls[k]
        px = x + vx * dt + ax * dt * dt / 2
        return Pose(px, y + vy * dt + ay * dt * dt / 2, px / self.radius)


def _grey_on(rng: np.random.Generator, contrast: float = 60) -> tuple[float, float]:
    """A grey well off the ground's (about 125) and a stripe on it."""
    grey = rng.uniform(125 + contrast, 225) if rng.random() < 0.5 else rng.uniform(20, 125 - contrast)
    return float(grey), float(rng.uniform(-25, 25))


def _bounces(rng: np.random.Generator, seconds: float, left: float, right: float) -> tuple[Body, list[Contact]]:
    """A ball dropped on a floor, bouncing to rest."""
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
    """One or two balls that fall and bounce until they rest."""
    if rng.random() < 0.5:
        body, contacts = _bounces(rng, seconds, 0.1, 0.9)
        return [body], contacts
    one, first = _bounces(rng, seconds, 0.08, 0.42)
    two, second = _bounces(rng, seconds, 0.58, 0.92)
    return [one, two], sorted(first + second, key=lambda c: c.time)


def collide(rng: np.random.Generator, seconds: float) -> tuple[list[Body], list[Contact]]:
    """A ball that rolls against a wall, or two that meet; rolling itself is no contact."""
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
        block = Piecewise()
        block.add(0.0, (wall + 0.06, floor - 0.05), (0.0, 0.0), (0.0, 0.0))
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
    """One blow: raised until `start`, down over `fall` seconds with growing speed, rebound, hold, slow lift."""

    start: float
    fall: float
    rebound: float
    hold: float
    lift: float


def _blow(strikes: list[Strike], t: float) -> float:
    """How far down a striking thing is: 0 raised, 1 on the anvil."""
    for blow in reversed(strikes):
        dt = t - blow.start
        if dt < 0:
            continue
        if dt < blow.fall:
            return (dt / blow.fall) ** 2
        dt -= blow.fall
        speed = 2 / blow.fall * blow.rebound
        back = 0.12
        if dt < back:
            return 1 - speed * dt * (1 - dt / back) if blow.rebound else 1.0
        dt -= back
        if dt < blow.hold:
            return 1.0
        share = min(1.0, (dt - blow.hold) / blow.lift)
        return 1 - share * share * (3 - 2 * share)
    return 0.0


def hammer(rng: np.random.Generator, seconds: float) -> tuple[list[Body], list[Contact]]:
    """A swinging arm or a dropping block that stops on an anvil, holds or rebounds, and lifts slowly."""
    strikes, contacts = [], []
    t = float(rng.uniform(0.3, 0.6))
    arm = rng.random() < 0.5
    reach = float(rng.uniform(0.16, 0.3)) if arm else float(rng.uniform(0.12, 0.25))
    sweep = float(rng.uniform(0.7, 1.2))
    travel = sweep * reach * 0.75 if arm else reach
    rebound = float(rng.choice([0.0, rng.uniform(0.1, 0.3)]))
    while True:
        blow = Strike(
            t, float(rng.uniform(0.12, 0.3)), rebound, float(rng.uniform(0.05, 0.4)), float(rng.uniform(0.5, 0.9))
        )
        hit = blow.start + blow.fall
        if hit + 0.3 > seconds:
            break
        strikes.append(blow)
        contacts.append(Contact(hit, 2 * travel / blow.fall * (1 + rebound)))
        if rebound:
            contacts.append(Contact(hit + 0.12, 2 * travel / blow.fall * rebound))
        t = hit + 0.12 + blow.hold + blow.lift + float(rng.uniform(0.1, 0.5))
    x = float(rng.uniform(0.35, 0.65))
    base = float(rng.uniform(0.4, 0.5))
    anvil = Body("bar", (0.08, 0.04), *_grey_on(rng), lambda _: Pose(x, base + 0.04))
    grey, stripe = _grey_on(rng)
    if not arm:
        half = (float(rng.uniform(0.03, 0.07)), float(rng.uniform(0.03, 0.06)))
        block = Body("bar", half, grey, stripe, lambda s: Pose(x, base - half[1] - reach * (1 - _blow(strikes, s))))
        return [anvil, block], contacts
    head = (0.05, float(rng.uniform(0.025, 0.04)))
    pivot = (x - reach, base - head[0])

    def angle(s: float) -> float:
        return -sweep * (1 - _blow(strikes, s))

    def handle(s: float) -> Pose:
        a = angle(s)
        return Pose(pivot[0] + reach / 2 * float(np.cos(a)), pivot[1] + reach / 2 * float(np.sin(a)), a)

    def top(s: float) -> Pose:
        a = angle(s)
        return Pose(pivot[0] + reach * float(np.cos(a)), pivot[1] + reach * float(np.sin(a)), a + float(np.pi / 2))

    return [anvil, Body("bar", (reach / 2, 0.012), grey, 0.0, handle), Body("bar", head, grey, stripe, top)], contacts


def swing(rng: np.random.Generator) -> list[Body]:
    """Smooth motion that slows and turns all the time: a pendulum, or a bar that waves. No contact in it."""
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
    """An upper arm from the border to an elbow, a forearm at an angle from it (0 points right), and a hand at its end."""
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
    """A jointed arm that strikes a table, stays a moment and lifts slowly."""
    strikes, contacts = [], []
    t, sweep = float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.8, 1.3))
    place = Pose(float(rng.uniform(0.55, 0.7)), float(rng.uniform(0.38, 0.45)))
    while True:
        blow = Strike(
            t, float(rng.uniform(0.14, 0.25)), 0.0, float(rng.uniform(0.1, 0.4)), float(rng.uniform(0.4, 0.8))
        )
        if blow.start + blow.fall + 0.3 > seconds:
            break
        strikes.append(blow)
        contacts.append(Contact(blow.start + blow.fall, 2 * sweep * 0.17 / blow.fall))
        t = blow.start + blow.fall + 0.12 + blow.hold + blow.lift + float(rng.uniform(0.1, 0.5))
    return _limbs(rng, lambda _: place, lambda t: sweep * (1 - _blow(strikes, t))), contacts


def wave(rng: np.random.Generator) -> list[Body]:
    """A jointed arm that waves: fast, to and fro, and it strikes nothing."""
    period, width, lean = float(rng.uniform(0.6, 1.5)), float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.8, 1.8))
    sway, phase = float(rng.uniform(0.0, 0.015)), float(rng.uniform(0, 6))
    x, y = float(rng.uniform(0.5, 0.65)), float(rng.uniform(0.35, 0.45))

    def turn(t: float) -> float:
        return math.sin(2 * math.pi * t / period + phase)

    return _limbs(rng, lambda t: Pose(x + sway * turn(t), y), lambda t: lean + width * turn(t))


def roll(rng: np.random.Generator) -> list[Body]:
    """A ball that rolls across the picture and out of it, or to a stop; it meets nothing."""
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


def swipe(rng: np.random.Generator, seconds: float) -> tuple[list[Body], list[tuple[float, float]]]:
    """A bar that sweeps over the frame fast and smoothly, once or twice, waiting off screen or at rest between."""
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


# --- cameras and whole scenes ------------------------------------------------------------------------------------------------


def camera_path(kind: Camera, rng: np.random.Generator) -> Callable[[float], tuple[float, float, float, float]]:
    """A camera's way: locked, a slow pan, a hand-held shake of a few pixels, or a zoom."""
    if kind == "locked":
        return lambda _: (0.0, 0.0, 1.0, 0.0)
    if kind == "pan":
        vx, vy = float(rng.uniform(0.02, 0.06)) * float(rng.choice([-1, 1])), float(rng.uniform(-0.01, 0.01))
        return lambda t: (vx * (t - 1.5), vy * (t - 1.5), 1.0, 0.0)
    if kind == "zoom":
        rate = float(rng.uniform(-0.05, 0.06))
        return lambda t: (0.0, 0.0, 1.0 + rate * t, 0.0)
    tones = [(float(rng.uniform(0.4, 6)), rng.uniform(0, 6.28, 3)) for _ in range(5)]
    sizes = [float(rng.uniform(0.5, 1.5)) / (1 + hz) for hz, _ in tones]

    def shake(t: float) -> tuple[float, float, float, float]:
        sums = sum(size * np.sin(2 * np.pi * hz * t + phase) for size, (hz, phase) in zip(sizes, tones, strict=True))
        x, y, turn = np.asarray(sums) * np.array([2 / WIDTH, 2 / WIDTH, 0.002])
        return float(x), float(y), 1.0, float(turn)

    return shake


def make(
    family: Family,
    seed: int,
    fps: Fraction,
    camera: Camera = "locked",
    seconds: float = 3.2,
    *,
    film: Fraction | None = None,
    grain: float = 1.0,
    crf: int = 23,
) -> Scene:
    """A scene of that family, all its sizes, greys, speeds and textures drawn from `seed`; `grain` is times the usual noise."""
    rng = np.random.default_rng((seed, sum(map(ord, family))))
    ground = texture(rng, HEIGHT + 150, WIDTH + 200, float(rng.uniform(0.3, 1.0)))
    noise, shutter = float(rng.uniform(1.7, 3.3)) * grain, float(rng.choice([0.1, 0.5]))
    bodies: list[Body] = []
    contacts: list[Contact] = []
    swipes: list[tuple[float, float]] = []
    extra: dict[str, Callable[[float], tuple[float, float]]] = {}
    overlay: Callable[[float, Array], Array] | None = None
    if family == "bounce":
        bodies, contacts = bounce(rng, seconds)
    elif family == "collide":
        bodies, contacts = collide(rng, seconds)
    elif family == "hammer":
        bodies, contacts = hammer(rng, seconds)
    elif family == "arm":
        bodies, contacts = arm(rng, seconds)
    elif family == "swing":
        bodies = swing(rng)
    elif family == "wave":
        bodies = wave(rng)
    elif family == "roll":
        bodies = roll(rng)
    elif family == "whoosh":
        bodies, swipes = swipe(rng, seconds)
    elif family == "flash":
        extra = {"light": _flash(rng)}
    elif family in ("cut", "fade"):
        overlay = _change_of_shot(
            rng, texture(rng, HEIGHT, WIDTH, 0.8), 0.0 if family == "cut" else float(rng.uniform(0.4, 1.0))
        )
    elif family == "clouds":
        overlay = _clouds(rng)
    way = camera_path(camera, rng)
    name = f"{family}-{seed}-{float(fps):.3f}-{camera}"
    return Scene(name, fps, seconds, ground, tuple(bodies), tuple(contacts), tuple(swipes), way, overlay=overlay, noise=noise,
                 shutter=shutter, film=film, crf=crf, seed=seed, **extra)  # fmt: skip


def _flash(rng: np.random.Generator) -> Callable[[float], tuple[float, float]]:
    """One photographer's flash, then a lamp that flickers."""
    at, hz, depth = float(rng.uniform(0.6, 1.2)), float(rng.uniform(3, 9)), float(rng.uniform(0.03, 0.12))

    def light(t: float) -> tuple[float, float]:
        lift = 90.0 if at <= t < at + 0.05 else 0.0
        return (1 + depth * float(np.sin(2 * np.pi * hz * t)) if t > 1.8 else 1.0), lift

    return light


def _change_of_shot(rng: np.random.Generator, other: Array, length: float) -> Callable[[float, Array], Array]:
    """A cut (no length) or a dissolve to another still shot."""
    at = float(rng.uniform(0.9, 1.8))

    def overlay(t: float, picture: Array) -> Array:
        share = float(t >= at) if not length else min(1.0, max(0.0, (t - at) / length))
        return (picture * (1 - share) + other * share).astype(np.float32)

    return overlay


def _clouds(rng: np.random.Generator) -> Callable[[float, Array], Array]:
    """Soft veils that drift slowly over the upper half."""
    veil = ndimage.gaussian_filter(rng.standard_normal((HEIGHT, 3 * WIDTH)).astype(np.float32), 12)
    veil *= 45 / veil.std() * np.clip(1.4 - 2 * np.arange(HEIGHT) / HEIGHT, 0, 1)[:, None]
    speed = float(rng.uniform(0.02, 0.06)) * WIDTH

    def overlay(t: float, picture: Array) -> Array:
        drifted = ndimage.shift(veil, (0, -speed * t), order=1)[:, WIDTH : 2 * WIDTH]
        veiled: Array = (picture + drifted).astype(np.float32)
        return veiled

    return overlay


# --- the score ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """Counts over one or more scenes."""

    hits: int = 0
    false: int = 0
    missed: int = 0

    def __add__(self, other: Score) -> Score:
        """The counts of both."""
        return Score(self.hits + other.hits, self.false + other.false, self.missed + other.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where nothing was to be found and nothing was."""
        total = 2 * self.hits + self.false + self.missed
        return 2 * self.hits / total if total else 1.0


def score(scene: Scene, found: list[Fraction]) -> Score:
    """Impact times against the contacts, each within one frame (of those shot) of the frame nearest the contact."""
    left = [round(t * scene.fps) for t in found]
    close = ONE_SOUND_FRAMES * float(scene.fps / (scene.film or scene.fps))
    last = float(scene.times[-1] * scene.fps) - close
    hits, missed_at, hit_at = 0, [], []
    for contact in sorted(scene.contacts, key=lambda c: -c.jump):
        frame = scene.frame(contact.time)
        match = min(
            (f for f in left if abs(f - round(frame)) <= scene.slack), key=lambda f: abs(f - frame), default=None
        )
        if match is not None:
            left.remove(match)
            hit_at.append(frame)
            hits += contact.jump >= FAINT
        elif contact.jump >= FAINT and frame <= last:
            missed_at.append(frame)
    missed = sum(all(abs(frame - hit) >= close for hit in hit_at) for frame in missed_at)
    return Score(hits, len(left), missed)
