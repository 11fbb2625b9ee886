"""The bed: rain, wind, room, sea and the like as endless stereo textures, the places as data and one generator for all.

A bed is noise whose spectrum drifts (overlapping frames made straight in the frequency domain) with small sounds strewn
over it. It never repeats, and needs the same memory for an hour as for a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from .modal_synth import SAMPLE_RATE, Mono, Shape, amplitudes, chirp, noise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Stereo = npt.NDArray[np.float32]

BLOCK: Final = 8192
"""Samples in a block; a frame is two of them, so the texture can change its colour about six times a second."""
_FRAME = 2 * BLOCK
_BLOCK_SECONDS = BLOCK / SAMPLE_RATE
_WINDOW = np.sin(np.pi * (np.arange(_FRAME) + 0.5) / _FRAME).astype(np.float32)
"""Its squares add to one at half a frame's hop: independent noise keeps its power through the overlap."""


@dataclass(frozen=True, slots=True)
class Swell:
    """Something that comes and goes: a wave on the shore, a car. One begins every `every` seconds or so."""

    every: float
    rise: float
    fall: float
    passing: bool = False
    """It crosses the stereo picture as it goes by."""


@dataclass(frozen=True, slots=True)
class Wash:
    """Noise between two spectra: `low` when it is at rest, `high` at its fullest; `level` is that fullest, in dBFS RMS.

    It drifts between them over about `drift` seconds or follows a `swell`. A `whistle` lets a band wander between two
    frequencies, lifted by so much (Hz, Hz, dB).
    """

    level: float
    low: Shape
    high: Shape
    drift: float = 6.0
    swell: Swell | None = None
    whistle: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Sprinkle:
    """Small sounds over the wash: `rate` a second on average, each peaking around `level` dBFS."""

    kind: Literal["drop", "patter", "bubble", "bird", "crackle", "cricket"]
    rate: float
    level: float


@dataclass(frozen=True, slots=True)
class Place:
    """One bed: the words that ask for it and what it is made of."""

    spellings: tuple[str, ...]
    washes: tuple[Wash, ...]
    sprinkles: tuple[Sprinkle, ...] = ()


def _rain(level: float, density: float, *, heavy: float = 0.0) -> tuple[tuple[Wash, ...], tuple[Sprinkle, ...]]:
    """Drops too many to tell apart are the wash; the nearest ones are heard one by one."""
    shape = ((120, -30 + heavy), (400, -20 + heavy), (1200, -9), (3000, -3), (6000, 0), (11000, -3), (19000, -14))
    light = tuple((hertz, decibels - 2.5) for hertz, decibels in shape)
    ground = ((60, -6), (150, 0), (350, -3), (900, -12), (3000, -34))
    return (
        (Wash(level, light, shape, drift=5.0), Wash(level - 11 + heavy, ground, ground, drift=3.0)),
        (Sprinkle("drop", 26 * density, level + 9), Sprinkle("patter", 70 * density, level + 5)),
    )


_CALM_AIR = ((40, 0), (90, 0), (200, -7), (500, -17), (1500, -32), (6000, -54))
_FULL_AIR = ((40, 1), (90, 4), (200, 2), (500, -2), (1200, -8), (3000, -19), (9000, -36))
_LEAVES = ((300, -24), (900, -10), (2500, -3), (5000, 0), (9000, -4), (18000, -18))
_LEAVES_STILL = ((300, -32), (900, -20), (2500, -13), (5000, -12), (9000, -18), (18000, -34))

PLACES: Final[Mapping[str, Place]] = {
    "rain": Place(("rainy", "raining", "rainfall", "raindrops", "shower"), *_rain(-33.5, 1.0)),
    "drizzle": Place(("light rain", "gentle rain", "soft rain", "drizzling"), *_rain(-40.0, 0.45)),
    "downpour": Place(
        ("heavy rain", "pouring rain", "hard rain", "rainstorm", "rain storm", "thunderstorm", "storm", "monsoon"),
        *_rain(-29.5, 1.8, heavy=5.0),
    ),
    "wind": Place(
        ("windy", "blustery", "gust", "draught", "draft", "desert", "mountain", "snowstorm", "blizzard"),
        (
            Wash(-32.0, _CALM_AIR, _FULL_AIR, drift=3.5, whistle=(280, 780, 9.0)),
            Wash(-42.0, _LEAVES_STILL, ((500, -12), (1500, 0), (4000, -5), (12000, -24)), drift=2.2),
        ),
    ),
    "breeze": Place(
        ("light wind", "gentle wind", "soft wind", "cold wind", "field", "meadow", "outdoors"),
        (Wash(-36.5, _CALM_AIR, _FULL_AIR, drift=5.0), Wash(-46.0, _LEAVES_STILL, _LEAVES, drift=4.0)),
    ),
    "gale": Place(
        ("strong wind", "heavy wind", "howling wind", "hurricane", "storm", "tempest"),
        (
            Wash(-28.5, _CALM_AIR, _FULL_AIR, drift=2.0, whistle=(320, 1100, 12.0)),
            Wash(-36.0, _LEAVES_STILL, ((500, -10), (1500, 0), (4000, -3), (12000, -20)), drift=1.6),
        ),
    ),
    "room": Place(
        (
            "indoors",
            "interior",
            "room tone",
            "office",
            "kitchen",
            "hall",
            "corridor",
            "apartment",
            "house",
            "bedroom",
            "living room",
            "bathroom",
            "lobby",
            "gym",
            "library",
            "museum",
            "workshop",
            "garage",
            "studio",
            "classroom",
            "school",
            "shop",
            "church",
            "castle",
            "basement",
        ),
        (
            Wash(
                -43.5,
                ((35, -3), (70, 0), (140, -5), (300, -12), (800, -20), (2500, -31), (8000, -46)),
                ((35, -2), (70, 0), (140, -3), (300, -9), (800, -17), (2500, -28), (8000, -43)),
                drift=9.0,
            ),
        ),
    ),
    "sea": Place(
        (
            "ocean",
            "beach",
            "surf",
            "waves",
            "shore",
            "seaside",
            "coast",
            "tide",
            "seashore",
            "waves crashing",
            "crashing waves",
            "harbour",
            "harbor",
        ),
        (
            Wash(-38.0, _CALM_AIR, ((50, 0), (150, -1), (500, -8), (2000, -18), (8000, -34)), drift=7.0),
            Wash(  # breaking
                -27.0,
                ((60, -22), (200, -24), (700, -27), (2500, -33), (8000, -46)),
                ((60, -5), (200, 0), (700, -3), (2000, -7), (5000, -14), (12000, -26)),
                swell=Swell(every=7.5, rise=2.0, fall=3.6),
            ),
            Wash(  # foam running back
                -34.0,
                ((500, -36), (2500, -24), (6000, -22), (14000, -30)),
                ((500, -16), (2500, -3), (6000, 0), (14000, -9)),
                swell=Swell(every=7.5, rise=2.8, fall=5.0),
            ),
        ),
    ),
    "stream": Place(
        ("river", "brook", "creek", "waterfall", "running water", "fountain"),
        (
            Wash(
                -36.0,
                ((150, -16), (500, -4), (1200, -1), (3000, -6), (9000, -20)),
                ((150, -12), (500, -1), (1200, 0), (3000, -3), (9000, -15)),
                drift=1.5,
            ),
        ),
        (Sprinkle("bubble", 60, -37),),
    ),
    "traffic": Place(
        ("street", "city", "road", "cars", "urban", "highway", "motorway", "downtown", "avenue"),
        (
            Wash(
                -36.0,
                ((40, -6), (80, 0), (180, -3), (500, -11), (1000, -15), (3000, -30), (9000, -50)),
                ((40, -3), (80, 0), (180, -1), (500, -7), (1000, -10), (3000, -24), (9000, -44)),
                drift=8.0,
            ),
            Wash(  # a car: engine below, tyres around 1 kHz
                -32.0,
                ((50, -40), (120, -40), (900, -44), (4000, -60)),
                ((50, -6), (120, 0), (300, -5), (900, -4), (1600, -8), (4000, -20), (10000, -36)),
                swell=Swell(every=5.5, rise=2.2, fall=2.8, passing=True),
            ),
            Wash(
                -35.0,
                ((50, -40), (120, -40), (900, -44), (4000, -60)),
                ((50, -2), (90, 0), (250, -6), (800, -6), (1300, -9), (4000, -24), (10000, -40)),
                swell=Swell(every=8.0, rise=3.2, fall=3.6, passing=True),
            ),
        ),
    ),
    "forest": Place(
        (
            "woods",
            "woodland",
            "jungle",
            "birds",
            "birdsong",
            "bird song",
            "chirping",
            "birds chirping",
            "dawn",
            "nature",
            "park",
            "garden",
            "trees",
            "countryside",
        ),
        (Wash(-39.5, _LEAVES_STILL, _LEAVES, drift=4.0), Wash(-42.0, _CALM_AIR, _CALM_AIR, drift=6.0)),
        (Sprinkle("bird", 0.5, -29.0),),
    ),
    "night": Place(
        ("crickets", "cicadas", "night time", "nighttime", "dusk", "evening"),
        (Wash(-43.0, _LEAVES_STILL, _LEAVES, drift=6.0), Wash(-42.0, _CALM_AIR, _CALM_AIR, drift=6.0)),
        (Sprinkle("cricket", 1.6, -37.0),),
    ),
    "hum": Place(
        (
            "airplane",
            "aeroplane",
            "plane",
            "cabin",
            "spaceship",
            "engine room",
            "server room",
            "drone",
            "ventilation",
            "air conditioner",
            "air conditioning",
            "fridge",
            "submarine",
        ),
        (
            Wash(
                -36.0,
                ((45, -6), (90, 0), (110, -9), (180, -3), (220, -12), (500, -16), (1500, -26), (6000, -44)),
                ((45, -4), (90, 1), (110, -8), (180, -1), (220, -10), (500, -13), (1500, -22), (6000, -40)),
                drift=9.0,
            ),
        ),
    ),
    "fire": Place(
        ("campfire", "fireplace", "bonfire", "flames", "burning", "crackling fire", "crackling", "crackling campfire"),
        (
            Wash(
                -38.0,
                ((40, -4), (120, 0), (400, -6), (1500, -14), (6000, -24)),
                ((40, 0), (120, 2), (400, -1), (1500, -8), (6000, -16)),
                drift=0.9,
            ),
        ),
        (Sprinkle("crackle", 11, -22),),
    ),
}


@cache
def _phasors() -> npt.NDArray[np.complex64]:
    """Many of random phase: a piece of these from anywhere on is noise, and sooner had than as many random numbers."""
    turns = np.random.default_rng(8192).random(1 << 17)
    phasors: npt.NDArray[np.complex64] = np.exp(2j * np.pi * turns).astype(np.complex64)
    return phasors


def blocks(places: Sequence[Place], rng: np.random.Generator, *, width: float = 1.0) -> Iterator[Stereo]:
    """The sum of `places`, as endless (BLOCK, 2) blocks at SAMPLE_RATE. `width` 0 is mono, 1 wide.

    Everything is drawn from `rng`: the same state gives the same sound. It begins at full level, without a fade.
    """
    washes = []
    for place in places:
        timetable = int(rng.integers(2**32))  # what swells in one place with the same period swells together
        washes += [_WashState(wash, rng, timetable) for wash in place.washes]
    sprinkles = [_SprinkleState(sprinkle, rng) for place in places for sprinkle in place.sprinkles]
    # Two channels of independent noise mixed towards each other: `side` of each in the other, power kept.
    turn = np.pi / 4 * (1 - 0.85 * width)
    near, far = np.float32(np.cos(turn)), np.float32(np.sin(turn))  # a double would make the whole bed of doubles
    tail = np.zeros((2, BLOCK), np.float32)
    first = True
    ahead = np.zeros((0, 2), np.float32)
    while True:  # the first frame is only half heard, so nothing is given before the second
        power = np.zeros((2, BLOCK + 1), np.float32)
        for wash in washes:
            wash.add_to(power, width)
        one, other = (_phasors()[at : at + BLOCK + 1] for at in rng.integers(0, len(_phasors()) - BLOCK, 2).tolist())
        phasors = np.stack([near * one, far * one])
        phasors[0] += far * other
        phasors[1] += near * other
        phasors *= np.sqrt(power, out=power)
        frame = np.fft.irfft(phasors, _FRAME, axis=1).astype(np.float32, copy=False)
        frame *= _WINDOW
        bed = tail + frame[:, :BLOCK]
        tail = frame[:, BLOCK:]
        if first:
            first = False
            continue
        for sprinkle in sprinkles:
            ahead = sprinkle.add_to(ahead, width)
        block = bed.T
        block[: len(ahead)] += ahead[:BLOCK]
        ahead = ahead[BLOCK:]
        yield block


class _WashState:
    """One wash as it moves."""

    def __init__(self, wash: Wash, rng: np.random.Generator, timetable: int) -> None:
        self._wash = wash
        self._rng = rng
        fullest = amplitudes(wash.high, _FRAME) ** 2
        # A random-phase frame of power p in each bin has mean square 2 * sum(p) / N**2.
        gain = 10 ** (wash.level / 10) * _FRAME**2 / (2 * fullest.sum())
        self._high = (fullest * gain).astype(np.float32)
        self._low = (amplitudes(wash.low, _FRAME) ** 2 * gain).astype(np.float32)
        self._drift = self._smooth = rng.standard_normal()
        self._wander = rng.random()
        self._swells: list[tuple[float, float, float]] = []
        self._now = 0.0
        self._next = 0.0
        if wash.swell is not None:  # long enough ago that the first is already passing
            self._timetable = np.random.default_rng([timetable, int(1000 * wash.swell.every)])
            self._next = -4 * wash.swell.every * (1 + self._timetable.random())

    def add_to(self, power: npt.NDArray[np.float32], width: float) -> None:
        """Add this frame's power spectrum to both rows of `power` and move on by a block."""
        wash = self._wash
        if wash.swell is None:
            keep = np.exp(-_BLOCK_SECONDS / wash.drift)
            self._drift = keep * self._drift + np.sqrt(1 - keep * keep) * self._rng.standard_normal()
            self._smooth += (1 - keep**4) * (self._drift - self._smooth)  # a gust has no corners
            parts = [(1 / (1 + np.exp(-1.8 * self._smooth)), 0.0)]
        else:
            parts = self._swelling(wash.swell)
        power += self._low * max(1 - max((fullness for fullness, _ in parts), default=0.0), 0.0)
        for fullness, place in parts:
            spectrum = self._high * np.float32(fullness)
            if wash.whistle is not None:
                spectrum *= self._whistling(wash.whistle, fullness)
            angle = np.pi / 4 * (1 + place * width)
            power[0] += spectrum * np.float32(2 * np.cos(angle) ** 2)
            power[1] += spectrum * np.float32(2 * np.sin(angle) ** 2)

    def _swelling(self, swell: Swell) -> list[tuple[float, float]]:
        """How full each present swell is (0 to 1), and where (-1 to 1)."""
        while self._next <= self._now:
            strength = self._timetable.uniform(0.25, 1.0)
            direction = self._timetable.choice((-1.0, 1.0)) if swell.passing else 0.0
            self._swells.append((self._next, strength, float(direction)))
            self._next += swell.every * self._timetable.uniform(0.55, 1.45)
        self._swells = [each for each in self._swells if self._now < each[0] + 2 * swell.rise + 5 * swell.fall]
        parts = []
        for start, strength, direction in self._swells:
            age = (self._now - start) - 2 * swell.rise
            scale = swell.rise if age < 0 else swell.fall
            # A bell on either side of the crest, steeper before it than after.
            fullness = (
                strength * np.exp(-((1.6 * age / scale) ** 2))
                if swell.passing or age < 0
                else strength * np.exp(-1.8 * age / scale)
            )
            parts.append((float(fullness), direction * float(np.tanh(age / swell.rise)) * 0.8))
        self._now += _BLOCK_SECONDS
        return parts

    def _whistling(self, whistle: tuple[float, float, float], fullness: float) -> npt.NDArray[np.float32]:
        """A wandering resonance, higher as the gust rises: the gain by which it lifts each bin's power."""
        low, high, decibels = whistle
        self._wander = min(max(self._wander + 0.10 * self._rng.standard_normal(), 0.0), 1.0)
        centre = low * (high / low) ** (0.55 * fullness + 0.45 * self._wander)
        octaves = np.log2(_HERTZ / np.float32(centre))
        lift: npt.NDArray[np.float32] = np.exp(-np.square(octaves / np.float32(_WHISTLE_OCTAVES)))
        return 1 + np.float32(10 ** (decibels / 10) * fullness) * lift


_WHISTLE_OCTAVES = 0.16
"""How wide a whistle is, to where it has fallen to 1/e on either side."""
_HERTZ = (np.arange(BLOCK + 1) * (SAMPLE_RATE / _FRAME) + 1.0).astype(np.float32)


class _SprinkleState:
    """One kind of small sound as it falls."""

    _DROPS = 96
    """Different drops kept ready; pitch, place and level differ from use to use by their mix."""

    def __init__(self, sprinkle: Sprinkle, rng: np.random.Generator) -> None:
        self._sprinkle = sprinkle
        self._rng = rng
        makers = {"drop": _drop, "patter": _patter, "bubble": _bubble, "crackle": _crackle, "cricket": _cricket}
        self._kept = [makers[sprinkle.kind](rng) for _ in range(self._DROPS)] if sprinkle.kind in makers else []

    def add_to(self, ahead: Stereo, width: float) -> Stereo:
        """`ahead` with what begins in the coming block added, grown to hold its tails."""
        rng = self._rng
        count = int(rng.poisson(self._sprinkle.rate * _BLOCK_SECONDS))
        starts = rng.integers(0, BLOCK, count)
        # Distances differ: few are near and loud, most far and soft.
        levels = 10 ** ((self._sprinkle.level + np.minimum(rng.normal(-4, 5, count), 7)) / 20)
        angles = np.pi / 4 * (1 + width * rng.uniform(-0.95, 0.95, count))
        gains = np.stack([levels * np.cos(angles), levels * np.sin(angles)], axis=1).astype(np.float32)
        for start, gain in zip(starts, gains, strict=True):
            sound = self._kept[int(rng.integers(len(self._kept)))] if self._kept else _bird(rng)
            end = int(start) + len(sound)
            if end > len(ahead):
                ahead = np.concatenate([ahead, np.zeros((end - len(ahead), 2), np.float32)])
            ahead[start:end] += sound[:, None] * gain
        return ahead


def _drop(rng: np.random.Generator) -> Mono:
    """A drop that strikes something: a tick, and for some the bubble it leaves."""
    tick = _patter(rng)
    hertz = 900 * 2 ** rng.uniform(0, 2.3)
    bubble = chirp(hertz, rng.uniform(0.008, 0.03), rng.uniform(0, 0.3), rng) * np.float32(rng.uniform(0.05, 0.6))
    sound = np.zeros(max(len(tick), len(bubble)), np.float32)
    sound[: len(tick)] += tick
    sound[: len(bubble)] += bubble
    return sound


def _patter(rng: np.random.Generator) -> Mono:
    """A tick of high noise, 2 to 6 ms."""
    samples = int(rng.uniform(0.002, 0.006) * SAMPLE_RATE) // 2 * 2
    centre = 2500 * 2 ** rng.uniform(0, 1.8)
    tick = noise(((centre / 4, -24), (centre, 0), (centre * 2, -8), (23000, -26)), samples, rng)
    tick *= np.exp(-6.0 * np.arange(samples) / samples).astype(np.float32)
    tick[:4] *= np.array([0.2, 0.4, 0.6, 0.8], np.float32)
    return tick * np.float32(0.5)


def _bubble(rng: np.random.Generator) -> Mono:
    """A bubble rising in running water; see `voices` for the physics."""
    hertz = 500 * 2 ** rng.uniform(0, 2.4)
    return chirp(hertz, 26 / hertz * rng.uniform(0.7, 1.4), rng.uniform(0.1, 0.4), rng)


def _crackle(rng: np.random.Generator) -> Mono:
    """A snap of burning wood, 2 to 12 ms."""
    samples = int(rng.uniform(0.002, 0.012) * SAMPLE_RATE) // 2 * 2
    snap = noise(((300, -14), (1500, -2), (4000, 0), (12000, -8), (20000, -20)), samples, rng)
    return snap * np.exp(-7.0 * np.arange(samples) / samples).astype(np.float32) * np.float32(0.5)


def _cricket(rng: np.random.Generator) -> Mono:
    """One insect's song: a few seconds of chirps, each of three or four pulses of one high tone."""
    hertz, rate, pulses = rng.uniform(3800, 5400), rng.uniform(1.6, 2.6), int(rng.integers(3, 5))
    time = np.arange(int(rng.uniform(1.5, 4.0) * SAMPLE_RATE)) / SAMPLE_RATE
    beat = (time * rate) % 1 / rate * 40  # in pulses of 25 ms since the chirp began
    wave = np.sin(2 * np.pi * hertz * time) * np.sin(np.pi * (beat % 1)) ** 2 * (beat < pulses)
    wave *= np.minimum(1, np.minimum(time, time[-1] - time) / 0.4)
    return np.asarray(wave, np.float32)


def _bird(rng: np.random.Generator) -> Mono:
    """One call: a few syllables, each a short sweep, of one of many birds, with the wood's echo behind it."""
    base = 2300 * 2 ** rng.uniform(0, 1.25)
    syllables = int(rng.integers(1, 8))
    gap, length = rng.uniform(0.07, 0.26), rng.uniform(0.03, 0.14)
    sweep, wobble, rate = rng.uniform(-0.3, 0.3), rng.uniform(0, 0.05), rng.uniform(15, 45)
    step = rng.uniform(-0.05, 0.04)
    samples = int((syllables * max(gap, 1.15 * length) + length + 0.5) * SAMPLE_RATE)
    call = np.zeros(samples, np.float32)
    for syllable in range(syllables):
        time = np.arange(int(length * rng.uniform(0.8, 1.2) * SAMPLE_RATE)) / SAMPLE_RATE
        done = time / (time[-1] + 1e-9)
        hertz = base * (1 + step * syllable) * (1 + sweep * (done - 0.5) + wobble * np.sin(2 * np.pi * rate * time))
        wave = np.sin(2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE) * np.sin(np.pi * done) ** 1.5
        wave += 0.12 * np.sin(4 * np.pi * np.cumsum(hertz) / SAMPLE_RATE) * np.sin(np.pi * done) ** 3
        at = int(syllable * max(gap, 1.15 * length) * SAMPLE_RATE)
        call[at : at + len(wave)] += wave.astype(np.float32)
    for delay, level in ((0.031, 0.2), (0.057, 0.16), (0.093, 0.13), (0.147, 0.09), (0.211, 0.06), (0.304, 0.04)):
        shift = int(delay * rng.uniform(0.85, 1.15) * SAMPLE_RATE)
        call[shift:] += np.float32(level) * call[:-shift].copy()
    return call
