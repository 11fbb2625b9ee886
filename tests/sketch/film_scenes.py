"""Made scenes that resemble film: hands and tools in front of a camera that is held, in little light, at any rate, compressed.

`synthetic_scenes` renders and scores them. Each seed draws its own frame rate, camera, light, shutter, noise and compression.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Literal

import numpy as np
from scipy import ndimage

from tests.sketch import film_bodies, synthetic_scenes
from tests.sketch.scene_bodies import HEIGHT, WIDTH, Array, Body, Contact
from tests.sketch.synthetic_scenes import Scene

FilmFamily = Literal[
    "chop", "drumstick", "hammer_close", "punch", "dribble", "recoil",
    "windup", "talk", "leave", "crowd", "leaves", "water", "handheld",
]  # fmt: skip
STRIKES: tuple[FilmFamily, ...] = ("chop", "drumstick", "hammer_close", "punch", "dribble")
SHOTS: tuple[FilmFamily, ...] = ("recoil",)
"""Families whose contacts are sudden starts."""
WITHOUT_CONTACT: tuple[FilmFamily, ...] = ("windup", "talk", "leave", "crowd", "leaves", "water", "handheld")
RATES = tuple(map(Fraction, ("15", "24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60")))

MIN_CONTRAST = 30.0
"""Grey levels by which a thing differs from the mean of its background at least, before the light: what cannot be seen has no contact
that could be found."""

_STRIKING = {
    "chop": film_bodies.chop,
    "drumstick": film_bodies.drumstick,
    "hammer_close": film_bodies.hammer_close,
    "punch": film_bodies.punch,
    "dribble": film_bodies.dribble,
    "recoil": film_bodies.recoil,
}
_QUIET: dict[str, Callable[[np.random.Generator, float], list[Body]]] = {
    "windup": film_bodies.windup,
    "talk": film_bodies.talk,
    "leave": film_bodies.leave,
    "crowd": lambda rng, _: film_bodies.crowd(rng),
    "leaves": lambda rng, _: film_bodies.leaves(rng),
}


def make_film_scene(family: FilmFamily, seed: int, fps: Fraction | None = None, seconds: float = 3.6) -> Scene:
    """Return a scene of a family; everything that is not given is random by the seed."""
    rng = np.random.default_rng((seed, sum(map(ord, family)), 77))
    fps = fps or RATES[int(rng.integers(len(RATES)))]
    background = synthetic_scenes.texture(rng, HEIGHT + 150, WIDTH + 200, float(rng.uniform(0.3, 1.0)))
    low_light = rng.random() < 0.25
    bodies: list[Body] = []
    contacts: list[Contact] = []
    overlay: Callable[[float, Array], Array] | None = None
    if family in _STRIKING:
        bodies, contacts = _STRIKING[family](rng, seconds, 1 / float(fps))
    elif family in _QUIET:
        bodies = _QUIET[family](rng, seconds)
    elif family == "water":
        overlay = _water(rng)
    if contacts:
        bodies = [_visible(body, float(background.mean())) for body in bodies]
    name = f"{family}-{seed}-{float(fps):.3f}"
    camera = (
        _handheld(rng, 1.0 if family != "handheld" else 4.0) if family == "handheld" or rng.random() < 0.4 else None
    )
    gain = float(rng.uniform(0.35, 0.5)) if low_light else 1.0
    scene = Scene(
        name, fps, seconds, background, tuple(bodies), tuple(contacts),
        overlay=overlay,
        light=lambda _: (gain, 4.0 * (gain < 1)),
        noise=float(rng.uniform(3.0, 5.0) if low_light else rng.uniform(1.0, 3.0)),
        shutter=float(rng.uniform(0.3, 0.9)),
        crf=int(rng.choice([20, 23, 23, 28, 32])),
        blur_samples=9,
        seed=seed,
    )  # fmt: skip
    return scene if camera is None else replace(scene, camera=camera)


def _visible(body: Body, background: float) -> Body:
    """Return the body, brighter or darker if it has less than `MIN_CONTRAST` against the background; a shadow as it is."""
    contrast = body.grey - background
    if body.opacity < 1 or abs(contrast) >= MIN_CONTRAST:
        return body
    return replace(body, grey=background + math.copysign(MIN_CONTRAST, contrast))


def _handheld(rng: np.random.Generator, size: float) -> Callable[[float], tuple[float, float, float, float]]:
    """Return the path of a camera that is held by hand: a drift, a sway and a tremor, with some roll."""
    shift, turn = film_bodies.tremor(rng, 0.006 * size), film_bodies.tremor(rng, 0.003 * size)
    pan = complex(*rng.uniform(-0.02, 0.02, 2)) * size
    return lambda t: (
        shift(t).real + pan.real * (t - 1.8),
        shift(t).imag + pan.imag * (t - 1.8),
        1.0 + 0.2 * turn(t).real,
        turn(t).imag,
    )


def _water(rng: np.random.Generator) -> Callable[[float, Array], Array]:
    """Return the overlay of falling or flowing water: sheets of noise that move at different speeds, over a part of the picture."""
    sheets = [
        ndimage.gaussian_filter(rng.standard_normal((256, WIDTH + 64)).astype(np.float32), size) for size in (1.5, 3)
    ]
    sheets = [sheet * np.float32(22 / sheet.std()) for sheet in sheets]
    falling = bool(rng.random() < 0.6)
    speeds = [float(speed) for speed in rng.uniform(40, 260, 2)]
    middle, width = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.15, 0.4))
    x, y = np.arange(WIDTH) / WIDTH, np.arange(HEIGHT)[:, None] / HEIGHT
    mask = np.clip(1.3 - np.abs(((x + 0 * y) if falling else (y + 0 * x)) - middle) / width, 0, 1).astype(np.float32)

    def overlay(t: float, picture: Array) -> Array:
        total = np.zeros((HEIGHT, WIDTH), np.float32)
        for sheet, speed in zip(sheets, speeds, strict=True):
            offset = speed * t
            if falling:
                rolled = np.roll(sheet, int(offset), 0)[:HEIGHT, :WIDTH]
            else:
                wobble = int(8 * math.sin(speed * t / 40))
                rolled = np.roll(sheet, (wobble, int(offset / 4)), (0, 1))[:HEIGHT, :WIDTH]
            total += rolled
        watery: Array = (picture * (1 - 0.5 * mask) + mask * (70 + total)).astype(np.float32)
        return watery

    return overlay
