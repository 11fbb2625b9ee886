"""Renders synthetic clips with known contacts, encodes them as proxies are encoded, and decodes them to luma.

Lengths are in frame widths, times in seconds, y points down. A contact is the instant at which two bodies touch; its frame is the
one nearest to that instant. Contacts that change a velocity by `FAINT` or more must be found; finding a fainter one is
neither a hit nor an error.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tests.sketch import scene_bodies
from tests.sketch.scene_bodies import ASPECT, HEIGHT, WIDTH, Array, Body, Contact

FAINT = 0.4
"""Widths per second: contacts with a smaller change of velocity need not be found."""
ONE_SOUND_FRAMES = 2.5
"""Contacts closer than this may be found as one; those closer than this to the clip's end need not be found."""
NOISE_POOL = 4
"""Noise pictures, which are shifted at random for each frame: to draw new noise for each takes longer than all else."""

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
class Scene:
    """A clip to render and its ground truth."""

    name: str
    fps: Fraction
    seconds: float
    background: Array
    """Grey levels, larger than the frame so that the camera can move."""
    bodies: tuple[Body, ...]
    contacts: tuple[Contact, ...]
    sweeps: tuple[tuple[float, float], ...] = ()
    """Begin and end of each fast sweep that is a whoosh."""
    camera: Callable[[float], tuple[float, float, float, float]] = lambda _: (0.0, 0.0, 1.0, 0.0)
    """Shift right, shift down (widths), zoom and rotation (radians) at an instant."""
    light: Callable[[float], tuple[float, float]] = lambda _: (1.0, 0.0)
    """Gain and offset (grey levels) of the finished picture at an instant."""
    overlay: Callable[[float, Array], Array] | None = None
    """Changes the picture of an instant: a cut, a dissolve, clouds."""
    noise: float = 2.2
    """Standard deviation in grey levels."""
    shutter: float = 0.5
    """Share of the frame interval for which the shutter is open, centred on the frame's time."""
    film: Fraction | None = None
    """Frame rate of the film, if lower than `fps`: each film frame is repeated until the next is due."""
    crf: int = 23
    """x264's constant rate factor."""
    blur_samples: int = 5
    """Instants averaged for the motion blur of a frame."""
    seed: int = 0

    @property
    def times(self) -> tuple[Fraction, ...]:
        """Times of the frames."""
        return tuple(k / self.fps for k in range(round(self.seconds * self.fps)))

    def exposure_time(self, time: Fraction) -> Fraction:
        """Return the time at which the film frame on screen was shot."""
        return time if self.film is None else Fraction(math.floor(time * self.film)) / self.film

    def frame(self, time: float) -> float:
        """Return the (fractional) frame that shows an instant; of film the first frame that shows its film frame."""
        if self.film is None:
            return time * float(self.fps)
        return float(math.ceil(round(time * self.film) / self.film * self.fps))

    @property
    def slack(self) -> int:
        """Tolerance of an impact in frames: one, or as many as a film frame lasts."""
        return 1 if self.film is None else max(1, round(self.fps / self.film))


def texture(rng: np.random.Generator, height: int, width: int, contrast: float) -> Array:
    """Return a background of soft noise in several sizes with some hard-edged boxes on it, around mid grey."""
    background = np.zeros((height, width), np.float32)
    for size in (3, 10, 35):
        cells = rng.standard_normal((height // size + 3, width // size + 3)).astype(np.float32)
        background += ndimage.zoom(cells, size, order=1)[:height, :width]
    background *= contrast * 9
    for _ in range(int(rng.integers(3, 12))):
        y, x = int(rng.integers(0, height)), int(rng.integers(0, width))
        background[y : y + int(rng.integers(8, 60)), x : x + int(rng.integers(8, 80))] += contrast * rng.uniform(
            -40, 40
        )
    greys: Array = np.clip(background + rng.uniform(90, 160), 20, 235).astype(np.float32)
    return greys


def _render_background(scene: Scene, t: float) -> Array:
    """Return the background as the camera sees it."""
    shift_x, shift_y, zoom, rotation = scene.camera(t)
    height, width = scene.background.shape
    if (shift_x, shift_y, zoom, rotation) == (0.0, 0.0, 1.0, 0.0):
        y, x = (height - HEIGHT) // 2, (width - WIDTH) // 2
        static: Array = scene.background[y : y + HEIGHT, x : x + WIDTH].copy()
        return static
    c, s = np.cos(rotation) / zoom, np.sin(rotation) / zoom
    matrix = np.array([[c, -s], [s, c]])
    centre = np.array([(height - height % 2) / 2, (width - width % 2) / 2])
    offset = centre + np.array([shift_y, shift_x]) * WIDTH - matrix @ np.array([HEIGHT / 2, WIDTH / 2])
    moved: Array = ndimage.affine_transform(
        scene.background, matrix, offset, (HEIGHT, WIDTH), np.float32, order=1, mode="nearest"
    )
    return moved


def _projection(scene: Scene, t: float) -> Callable[[float, float], tuple[float, float, float]]:
    """Return the projection of a world point to the picture: column, row and pixels per width."""
    shift_x, shift_y, zoom, rotation = scene.camera(t)
    c, s = np.cos(rotation) * zoom, np.sin(rotation) * zoom

    def project(x: float, y: float) -> tuple[float, float, float]:
        u, v = (x - 0.5 - shift_x) * WIDTH, (y - ASPECT / 2 - shift_y) * WIDTH
        return c * u - s * v + WIDTH / 2, s * u + c * v + HEIGHT / 2, WIDTH * zoom

    return project


def render_frames(scene: Scene) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the scene's frames, (HEIGHT, WIDTH) grey levels."""
    rng = np.random.default_rng(scene.seed + 7919)
    pool = rng.standard_normal((NOISE_POOL, HEIGHT, WIDTH)).astype(np.float32) * scene.noise
    last_exposure: Fraction | None = None
    finished = np.zeros((HEIGHT, WIDTH), np.uint8)
    for frame_time in scene.times:
        if (time := scene.exposure_time(frame_time)) == last_exposure:
            yield finished
            continue
        last_exposure, t = time, float(time)
        rate = float(scene.film or scene.fps)
        picture = _render_background(scene, t)
        for body in scene.bodies:
            drawn = []
            for k in range(scene.blur_samples):
                instant = t + ((k + 0.5) / scene.blur_samples - 0.5) * scene.shutter / rate
                drawn.append(body.draw(body.path(instant), _projection(scene, instant)))
            _paint(picture, drawn)
        if scene.overlay is not None:
            picture = scene.overlay(t, picture)
        gain, offset = scene.light(t)
        grain = np.roll(pool[rng.integers(NOISE_POOL)], rng.integers(0, HEIGHT, 2), (0, 1))
        finished = np.clip(picture * gain + offset + grain + 0.5, 0, 255).astype(np.uint8)
        yield finished


def _paint(picture: Array, instants: Sequence[tuple[slice, slice, Array, Array]]) -> None:
    """Paint the mean of a body's pictures at several instants over a picture; only where the body is."""
    drawn = [each for each in instants if each[2].size]
    if not drawn:
        return
    top, left = min(rows.start for rows, *_ in drawn), min(cols.start for _, cols, *_ in drawn)
    bottom, right = max(rows.stop for rows, *_ in drawn), max(cols.stop for _, cols, *_ in drawn)
    total_coverage, weighted_grey = np.zeros((2, bottom - top, right - left), np.float32)
    for rows, cols, coverage, grey in drawn:
        within = (slice(rows.start - top, rows.stop - top), slice(cols.start - left, cols.stop - left))
        total_coverage[within] += coverage / len(instants)
        weighted_grey[within] += coverage * grey / len(instants)
    picture[top:bottom, left:right] *= 1 - total_coverage
    picture[top:bottom, left:right] += weighted_grey


def encode_and_decode(
    scene: Scene, luma_width: int, *, program: str | None = None, codec: Sequence[str] | None = None
) -> npt.NDArray[np.uint8]:
    """Return the scene as luma (frames, height, luma_width), after a proxy's encoding (libx264, veryfast, 4:2:0).

    Args:
        scene: the scene.
        luma_width: width of the luma pictures.
        program: path of an ffmpeg; imageio-ffmpeg's if not given.
        codec: options of another encoder; with `-f` also of another container than Matroska.
    """
    ffmpeg = program or imageio_ffmpeg.get_ffmpeg_exe()
    quiet = [ffmpeg, "-v", "error", "-threads", "1"]
    raw = ["-f", "rawvideo", "-pix_fmt", "gray"]
    codec = codec or ["-c:v", "libx264", "-preset", "veryfast", "-crf", str(scene.crf)]
    pipe = ["pipe:1"] if "-f" in codec else ["-f", "matroska", "pipe:1"]
    source = [*raw, "-s", f"{WIDTH}x{HEIGHT}", "-r", str(scene.fps), "-i", "pipe:0"]
    raw_frames = b"".join(frame.tobytes() for frame in render_frames(scene))
    encoding = [*quiet, *source, *codec, "-pix_fmt", "yuv420p", "-threads", "1", *pipe]
    encoded = subprocess.run(encoding, input=raw_frames, capture_output=True, check=True).stdout
    height = round(luma_width * ASPECT / 2) * 2
    scaled = [
        "-i",
        "pipe:0",
        "-vf",
        f"scale={luma_width}:{height}:flags=area",
        "-fps_mode",
        "passthrough",
        *raw,
        "pipe:1",
    ]
    luma = subprocess.run([*quiet, *scaled], input=encoded, capture_output=True, check=True).stdout
    return np.frombuffer(luma, np.uint8).reshape(-1, height, luma_width)


# --- cameras and finished scenes ------------------------------------------------------------------------------------------------


def camera_path(kind: Camera, rng: np.random.Generator) -> Callable[[float], tuple[float, float, float, float]]:
    """Return a camera's motion: locked, a slow pan, a hand-held shake of a few pixels, or a zoom."""
    if kind == "locked":
        return lambda _: (0.0, 0.0, 1.0, 0.0)
    if kind == "pan":
        vx, vy = float(rng.uniform(0.02, 0.06)) * float(rng.choice([-1, 1])), float(rng.uniform(-0.01, 0.01))
        return lambda t: (vx * (t - 1.5), vy * (t - 1.5), 1.0, 0.0)
    if kind == "zoom":
        rate = float(rng.uniform(-0.05, 0.06))
        return lambda t: (0.0, 0.0, 1.0 + rate * t, 0.0)
    oscillations = [(float(rng.uniform(0.4, 6)), rng.uniform(0, 6.28, 3)) for _ in range(5)]
    sizes = [float(rng.uniform(0.5, 1.5)) / (1 + hz) for hz, _ in oscillations]

    def shake(t: float) -> tuple[float, float, float, float]:
        sums = sum(
            size * np.sin(2 * np.pi * hz * t + phase) for size, (hz, phase) in zip(sizes, oscillations, strict=True)
        )
        x, y, rotation = np.asarray(sums) * np.array([2 / WIDTH, 2 / WIDTH, 0.002])
        return float(x), float(y), 1.0, float(rotation)

    return shake


def make_scene(
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
    """Return a scene of a family. All sizes, grey levels, speeds and textures are random by `seed`; `grain` multiplies the noise."""
    rng = np.random.default_rng((seed, sum(map(ord, family))))
    background = texture(rng, HEIGHT + 150, WIDTH + 200, float(rng.uniform(0.3, 1.0)))
    noise, shutter = float(rng.uniform(1.7, 3.3)) * grain, float(rng.choice([0.1, 0.5]))
    bodies: list[Body] = []
    contacts: list[Contact] = []
    sweeps: list[tuple[float, float]] = []
    light: Callable[[float], tuple[float, float]] = _steady_light
    overlay: Callable[[float, Array], Array] | None = None
    if family == "bounce":
        bodies, contacts = scene_bodies.bounce(rng, seconds)
    elif family == "collide":
        bodies, contacts = scene_bodies.collide(rng, seconds)
    elif family == "hammer":
        bodies, contacts = scene_bodies.hammer(rng, seconds)
    elif family == "arm":
        bodies, contacts = scene_bodies.arm(rng, seconds)
    elif family == "swing":
        bodies = scene_bodies.swing(rng)
    elif family == "wave":
        bodies = scene_bodies.wave(rng)
    elif family == "roll":
        bodies = scene_bodies.roll(rng)
    elif family == "whoosh":
        bodies, sweeps = scene_bodies.sweep(rng, seconds)
    elif family == "flash":
        light = _flash(rng)
    elif family in ("cut", "fade"):
        overlay = _change_of_shot(
            rng, texture(rng, HEIGHT, WIDTH, 0.8), 0.0 if family == "cut" else float(rng.uniform(0.4, 1.0))
        )
    elif family == "clouds":
        overlay = _clouds(rng)
    motion = camera_path(camera, rng)
    name = f"{family}-{seed}-{float(fps):.3f}-{camera}"
    return Scene(name, fps, seconds, background, tuple(bodies), tuple(contacts), tuple(sweeps), motion, overlay=overlay, noise=noise,
                 shutter=shutter, film=film, crf=crf, seed=seed, light=light)  # fmt: skip


def _steady_light(_: float) -> tuple[float, float]:
    return 1.0, 0.0


def _flash(rng: np.random.Generator) -> Callable[[float], tuple[float, float]]:
    """Return the light of a camera flash followed by a flickering lamp."""
    at, hz, depth = float(rng.uniform(0.6, 1.2)), float(rng.uniform(3, 9)), float(rng.uniform(0.03, 0.12))

    def light(t: float) -> tuple[float, float]:
        offset = 90.0 if at <= t < at + 0.05 else 0.0
        return (1 + depth * float(np.sin(2 * np.pi * hz * t)) if t > 1.8 else 1.0), offset

    return light


def _change_of_shot(rng: np.random.Generator, other: Array, length: float) -> Callable[[float, Array], Array]:
    """Return the overlay of a cut (length 0) or a dissolve to another still shot."""
    at = float(rng.uniform(0.9, 1.8))

    def overlay(t: float, picture: Array) -> Array:
        share = float(t >= at) if not length else min(1.0, max(0.0, (t - at) / length))
        return (picture * (1 - share) + other * share).astype(np.float32)

    return overlay


def _clouds(rng: np.random.Generator) -> Callable[[float, Array], Array]:
    """Return the overlay of soft clouds that drift slowly over the upper half."""
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
        return Score(self.hits + other.hits, self.false + other.false, self.missed + other.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there was nothing to find and nothing was found."""
        total = 2 * self.hits + self.false + self.missed
        return 2 * self.hits / total if total else 1.0


def score(scene: Scene, found: list[Fraction]) -> Score:
    """Compare impact times with the contacts of a scene, each within `Scene.slack` frames of the contact's frame."""
    unmatched = [round(t * scene.fps) for t in found]
    close = ONE_SOUND_FRAMES * float(scene.fps / (scene.film or scene.fps))
    last = float(scene.times[-1] * scene.fps) - close
    hits, missed_at, hit_at = 0, [], []
    # Strongest first: of two close contacts, the one impact that was found belongs to the louder.
    for contact in sorted(scene.contacts, key=lambda c: -c.velocity_change):
        frame = scene.frame(contact.time)
        match = min(
            (f for f in unmatched if abs(f - round(frame)) <= scene.slack), key=lambda f: abs(f - frame), default=None
        )
        if match is not None:
            unmatched.remove(match)
            hit_at.append(frame)
            hits += contact.velocity_change >= FAINT
        elif contact.velocity_change >= FAINT and frame <= last:
            missed_at.append(frame)
    missed = sum(all(abs(frame - hit) >= close for hit in hit_at) for frame in missed_at)
    return Score(hits, len(unmatched), missed)
