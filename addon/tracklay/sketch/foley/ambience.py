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

from .modal_synth import SAMPLE_RATE, Mono, SpectrumShape, render_chirp, shaped_noise, spectrum_amplitudes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Stereo = npt.NDArray[np.float32]

BLOCK_SAMPLES: Final = 8192
"""Samples in a block; a frame is two of them, so the texture can change its colour about six times a second."""
_FRAME_SAMPLES = 2 * BLOCK_SAMPLES
_BLOCK_SECONDS = BLOCK_SAMPLES / SAMPLE_RATE
_WINDOW = np.sin(np.pi * (np.arange(_FRAME_SAMPLES) + 0.5) / _FRAME_SAMPLES).astype(np.float32)
"""Its squares add to one at half a frame's hop: independent noise keeps its power through the overlap."""


@dataclass(frozen=True, slots=True)
class Swell:
    """Something that comes and goes: a wave on the shore, a car. One begins every `period_seconds` seconds or so."""

    period_seconds: float
    rise_seconds: float
    fall_seconds: float
    is_passing: bool = False
    """It crosses the stereo picture as it goes by."""


@dataclass(frozen=True, slots=True)
class NoiseLayer:
    """Noise between two spectra: `rest_spectrum` when it is at rest, `full_spectrum` at its fullest; `level_db` is that fullest, in dBFS RMS.

    It drifts between them over about `drift_seconds` seconds or follows a `swell`. A `whistle` lets a band wander between two
    frequencies, lifted by so much (Hz, Hz, dB).
    """

    level_db: float
    rest_spectrum: SpectrumShape
    full_spectrum: SpectrumShape
    drift_seconds: float = 6.0
    swell: Swell | None = None
    whistle: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class GrainLayer:
    """Small sounds over the wash: `rate_per_second` a second on average, each peaking around `level_db` dBFS."""

    kind: Literal["drop", "patter", "bubble", "bird", "crackle", "cricket"]
    rate_per_second: float
    level_db: float


@dataclass(frozen=True, slots=True)
class AmbiencePreset:
    """One bed: the words that ask for it and what it is made of."""

    spellings: tuple[str, ...]
    noise_layers: tuple[NoiseLayer, ...]
    grain_layers: tuple[GrainLayer, ...] = ()


def _rain_layers(
    level_db: float, density: float, *, low_boost_db: float = 0.0
) -> tuple[tuple[NoiseLayer, ...], tuple[GrainLayer, ...]]:
    """Drops too many to tell apart are the wash; the nearest ones are heard one by one."""
    shape = (
        (120, -30 + low_boost_db),
        (400, -20 + low_boost_db),
        (1200, -9),
        (3000, -3),
        (6000, 0),
        (11000, -3),
        (19000, -14),
    )
    light = tuple((hertz, decibels - 2.5) for hertz, decibels in shape)
    ground = ((60, -6), (150, 0), (350, -3), (900, -12), (3000, -34))
    return (
        (
            NoiseLayer(level_db, light, shape, drift_seconds=5.0),
            NoiseLayer(level_db - 11 + low_boost_db, ground, ground, drift_seconds=3.0),
        ),
        (GrainLayer("drop", 26 * density, level_db + 9), GrainLayer("patter", 70 * density, level_db + 5)),
    )


_CALM_AIR = ((40, 0), (90, 0), (200, -7), (500, -17), (1500, -32), (6000, -54))
_FULL_AIR = ((40, 1), (90, 4), (200, 2), (500, -2), (1200, -8), (3000, -19), (9000, -36))
_MOVING_LEAVES = ((300, -24), (900, -10), (2500, -3), (5000, 0), (9000, -4), (18000, -18))
_STILL_LEAVES = ((300, -32), (900, -20), (2500, -13), (5000, -12), (9000, -18), (18000, -34))

AMBIENCE_PRESETS: Final[Mapping[str, AmbiencePreset]] = {
    "rain": AmbiencePreset(("rainy", "raining", "rainfall", "raindrops", "shower"), *_rain_layers(-33.5, 1.0)),
    "drizzle": AmbiencePreset(("light rain", "gentle rain", "soft rain", "drizzling"), *_rain_layers(-40.0, 0.45)),
    "downpour": AmbiencePreset(
        ("heavy rain", "pouring rain", "hard rain", "rainstorm", "rain storm", "thunderstorm", "storm", "monsoon"),
        *_rain_layers(-29.5, 1.8, low_boost_db=5.0),
    ),
    "wind": AmbiencePreset(
        ("windy", "blustery", "gust", "draught", "draft", "desert", "mountain", "snowstorm", "blizzard"),
        (
            NoiseLayer(-32.0, _CALM_AIR, _FULL_AIR, drift_seconds=3.5, whistle=(280, 780, 9.0)),
            NoiseLayer(-42.0, _STILL_LEAVES, ((500, -12), (1500, 0), (4000, -5), (12000, -24)), drift_seconds=2.2),
        ),
    ),
    "breeze": AmbiencePreset(
        ("light wind", "gentle wind", "soft wind", "cold wind", "field", "meadow", "outdoors"),
        (
            NoiseLayer(-36.5, _CALM_AIR, _FULL_AIR, drift_seconds=5.0),
            NoiseLayer(-46.0, _STILL_LEAVES, _MOVING_LEAVES, drift_seconds=4.0),
        ),
    ),
    "gale": AmbiencePreset(
        ("strong wind", "heavy wind", "howling wind", "hurricane", "storm", "tempest"),
        (
            NoiseLayer(-28.5, _CALM_AIR, _FULL_AIR, drift_seconds=2.0, whistle=(320, 1100, 12.0)),
            NoiseLayer(-36.0, _STILL_LEAVES, ((500, -10), (1500, 0), (4000, -3), (12000, -20)), drift_seconds=1.6),
        ),
    ),
    "room": AmbiencePreset(
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
            NoiseLayer(
                -43.5,
                ((35, -3), (70, 0), (140, -5), (300, -12), (800, -20), (2500, -31), (8000, -46)),
                ((35, -2), (70, 0), (140, -3), (300, -9), (800, -17), (2500, -28), (8000, -43)),
                drift_seconds=9.0,
            ),
        ),
    ),
    "sea": AmbiencePreset(
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
            NoiseLayer(-38.0, _CALM_AIR, ((50, 0), (150, -1), (500, -8), (2000, -18), (8000, -34)), drift_seconds=7.0),
            NoiseLayer(  # breaking
                -27.0,
                ((60, -22), (200, -24), (700, -27), (2500, -33), (8000, -46)),
                ((60, -5), (200, 0), (700, -3), (2000, -7), (5000, -14), (12000, -26)),
                swell=Swell(period_seconds=7.5, rise_seconds=2.0, fall_seconds=3.6),
            ),
            NoiseLayer(  # foam running back
                -34.0,
                ((500, -36), (2500, -24), (6000, -22), (14000, -30)),
                ((500, -16), (2500, -3), (6000, 0), (14000, -9)),
                swell=Swell(period_seconds=7.5, rise_seconds=2.8, fall_seconds=5.0),
            ),
        ),
    ),
    "stream": AmbiencePreset(
        ("river", "brook", "creek", "waterfall", "running water", "fountain"),
        (
            NoiseLayer(
                -36.0,
                ((150, -16), (500, -4), (1200, -1), (3000, -6), (9000, -20)),
                ((150, -12), (500, -1), (1200, 0), (3000, -3), (9000, -15)),
                drift_seconds=1.5,
            ),
        ),
        (GrainLayer("bubble", 60, -37),),
    ),
    "traffic": AmbiencePreset(
        ("street", "city", "road", "cars", "urban", "highway", "motorway", "downtown", "avenue"),
        (
            NoiseLayer(
                -36.0,
                ((40, -6), (80, 0), (180, -3), (500, -11), (1000, -15), (3000, -30), (9000, -50)),
                ((40, -3), (80, 0), (180, -1), (500, -7), (1000, -10), (3000, -24), (9000, -44)),
                drift_seconds=8.0,
            ),
            NoiseLayer(  # a car: engine below, tyres around 1 kHz
                -32.0,
                ((50, -40), (120, -40), (900, -44), (4000, -60)),
                ((50, -6), (120, 0), (300, -5), (900, -4), (1600, -8), (4000, -20), (10000, -36)),
                swell=Swell(period_seconds=5.5, rise_seconds=2.2, fall_seconds=2.8, is_passing=True),
            ),
            NoiseLayer(
                -35.0,
                ((50, -40), (120, -40), (900, -44), (4000, -60)),
                ((50, -2), (90, 0), (250, -6), (800, -6), (1300, -9), (4000, -24), (10000, -40)),
                swell=Swell(period_seconds=8.0, rise_seconds=3.2, fall_seconds=3.6, is_passing=True),
            ),
        ),
    ),
    "forest": AmbiencePreset(
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
        (
            NoiseLayer(-39.5, _STILL_LEAVES, _MOVING_LEAVES, drift_seconds=4.0),
            NoiseLayer(-42.0, _CALM_AIR, _CALM_AIR, drift_seconds=6.0),
        ),
        (GrainLayer("bird", 0.5, -29.0),),
    ),
    "night": AmbiencePreset(
        ("crickets", "cicadas", "night time", "nighttime", "dusk", "evening"),
        (
            NoiseLayer(-43.0, _STILL_LEAVES, _MOVING_LEAVES, drift_seconds=6.0),
            NoiseLayer(-42.0, _CALM_AIR, _CALM_AIR, drift_seconds=6.0),
        ),
        (GrainLayer("cricket", 1.6, -37.0),),
    ),
    "hum": AmbiencePreset(
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
            NoiseLayer(
                -36.0,
                ((45, -6), (90, 0), (110, -9), (180, -3), (220, -12), (500, -16), (1500, -26), (6000, -44)),
                ((45, -4), (90, 1), (110, -8), (180, -1), (220, -10), (500, -13), (1500, -22), (6000, -40)),
                drift_seconds=9.0,
            ),
        ),
    ),
    "fire": AmbiencePreset(
        ("campfire", "fireplace", "bonfire", "flames", "burning", "crackling fire", "crackling", "crackling campfire"),
        (
            NoiseLayer(
                -38.0,
                ((40, -4), (120, 0), (400, -6), (1500, -14), (6000, -24)),
                ((40, 0), (120, 2), (400, -1), (1500, -8), (6000, -16)),
                drift_seconds=0.9,
            ),
        ),
        (GrainLayer("crackle", 11, -22),),
    ),
}


@cache
def _random_phasors() -> npt.NDArray[np.complex64]:
    """Many of random phase: a piece of these from anywhere on is noise, and sooner had than as many random numbers."""
    turns = np.random.default_rng(8192).random(1 << 17)
    phasors: npt.NDArray[np.complex64] = np.exp(2j * np.pi * turns).astype(np.complex64)
    return phasors


def render_ambience(
    presets: Sequence[AmbiencePreset], rng: np.random.Generator, *, stereo_width: float = 1.0
) -> Iterator[Stereo]:
    """The sum of `presets`, as endless (BLOCK, 2) blocks at SAMPLE_RATE. `stereo_width` 0 is mono, 1 wide.

    Everything is drawn from `rng`: the same state gives the same sound. It begins at full level, without a fade.
    """
    washes = []
    for place in presets:
        timetable = int(rng.integers(2**32))  # what swells in one place with the same period swells together
        washes += [_NoiseLayerState(wash, rng, timetable) for wash in place.noise_layers]
    sprinkles = [_GrainLayerState(sprinkle, rng) for place in presets for sprinkle in place.grain_layers]
    # Two channels of independent noise mixed towards each other: `side` of each in the other, power kept.
    turn = np.pi / 4 * (1 - 0.85 * stereo_width)
    near, far = np.float32(np.cos(turn)), np.float32(np.sin(turn))  # a double would make the whole bed of doubles
    tail = np.zeros((2, BLOCK_SAMPLES), np.float32)
    first = True
    ahead = np.zeros((0, 2), np.float32)
    while True:  # the first frame is only half heard, so nothing is given before the second
        power = np.zeros((2, BLOCK_SAMPLES + 1), np.float32)
        for wash in washes:
            wash.add_to(power, stereo_width)
        one, other = (
            _random_phasors()[at : at + BLOCK_SAMPLES + 1]
            for at in rng.integers(0, len(_random_phasors()) - BLOCK_SAMPLES, 2).tolist()
        )
        phasors = np.stack([near * one, far * one])
        phasors[0] += far * other
        phasors[1] += near * other
        phasors *= np.sqrt(power, out=power)
        frame = np.fft.irfft(phasors, _FRAME_SAMPLES, axis=1).astype(np.float32, copy=False)
        frame *= _WINDOW
        bed = tail + frame[:, :BLOCK_SAMPLES]
        tail = frame[:, BLOCK_SAMPLES:]
        if first:
            first = False
            continue
        for sprinkle in sprinkles:
            ahead = sprinkle.add_to(ahead, stereo_width)
        block = bed.T
        block[: len(ahead)] += ahead[:BLOCK_SAMPLES]
        ahead = ahead[BLOCK_SAMPLES:]
        yield block


class _NoiseLayerState:
    """One wash as it moves."""

    def __init__(self, layer: NoiseLayer, rng: np.random.Generator, swell_seed: int) -> None:
        self._layer = layer
        self._rng = rng
        fullest = spectrum_amplitudes(layer.full_spectrum, _FRAME_SAMPLES) ** 2
        # A random-phase frame of power p in each bin has mean square 2 * sum(p) / N**2.
        gain = 10 ** (layer.level_db / 10) * _FRAME_SAMPLES**2 / (2 * fullest.sum())
        self._full_power = (fullest * gain).astype(np.float32)
        self._rest_power = (spectrum_amplitudes(layer.rest_spectrum, _FRAME_SAMPLES) ** 2 * gain).astype(np.float32)
        self._drift = self._smoothed_drift = rng.standard_normal()
        self._whistle_position = rng.random()
        self._active_swells: list[tuple[float, float, float]] = []
        self._time_seconds = 0.0
        self._next_swell_seconds = 0.0
        if layer.swell is not None:  # long enough ago that the first is already passing
            self._swell_rng = np.random.default_rng([swell_seed, int(1000 * layer.swell.period_seconds)])
            self._next_swell_seconds = -4 * layer.swell.period_seconds * (1 + self._swell_rng.random())

    def add_to(self, power: npt.NDArray[np.float32], stereo_width: float) -> None:
        """Add this frame's power spectrum to both rows of `power` and move on by a block."""
        wash = self._layer
        if wash.swell is None:
            keep = np.exp(-_BLOCK_SECONDS / wash.drift_seconds)
            self._drift = keep * self._drift + np.sqrt(1 - keep * keep) * self._rng.standard_normal()
            self._smoothed_drift += (1 - keep**4) * (self._drift - self._smoothed_drift)  # a gust has no corners
            parts = [(1 / (1 + np.exp(-1.8 * self._smoothed_drift)), 0.0)]
        else:
            parts = self._swell_levels(wash.swell)
        power += self._rest_power * max(1 - max((fullness for fullness, _ in parts), default=0.0), 0.0)
        for fullness, place in parts:
            spectrum = self._full_power * np.float32(fullness)
            if wash.whistle is not None:
                spectrum *= self._whistle_gain(wash.whistle, fullness)
            angle = np.pi / 4 * (1 + place * stereo_width)
            power[0] += spectrum * np.float32(2 * np.cos(angle) ** 2)
            power[1] += spectrum * np.float32(2 * np.sin(angle) ** 2)

    def _swell_levels(self, swell: Swell) -> list[tuple[float, float]]:
        """How full each present swell is (0 to 1), and where (-1 to 1)."""
        while self._next_swell_seconds <= self._time_seconds:
            strength = self._swell_rng.uniform(0.25, 1.0)
            direction = self._swell_rng.choice((-1.0, 1.0)) if swell.is_passing else 0.0
            self._active_swells.append((self._next_swell_seconds, strength, float(direction)))
            self._next_swell_seconds += swell.period_seconds * self._swell_rng.uniform(0.55, 1.45)
        self._active_swells = [
            each
            for each in self._active_swells
            if self._time_seconds < each[0] + 2 * swell.rise_seconds + 5 * swell.fall_seconds
        ]
        parts = []
        for start, strength, direction in self._active_swells:
            age = (self._time_seconds - start) - 2 * swell.rise_seconds
            scale = swell.rise_seconds if age < 0 else swell.fall_seconds
            # A bell on either side of the crest, steeper before it than after.
            fullness = (
                strength * np.exp(-((1.6 * age / scale) ** 2))
                if swell.is_passing or age < 0
                else strength * np.exp(-1.8 * age / scale)
            )
            parts.append((float(fullness), direction * float(np.tanh(age / swell.rise_seconds)) * 0.8))
        self._time_seconds += _BLOCK_SECONDS
        return parts

    def _whistle_gain(self, whistle: tuple[float, float, float], fullness: float) -> npt.NDArray[np.float32]:
        """A wandering resonance, higher as the gust rises: the gain by which it lifts each bin's power."""
        low, high, decibels = whistle
        self._whistle_position = min(max(self._whistle_position + 0.10 * self._rng.standard_normal(), 0.0), 1.0)
        centre = low * (high / low) ** (0.55 * fullness + 0.45 * self._whistle_position)
        octaves = np.log2(_BIN_HZ / np.float32(centre))
        lift: npt.NDArray[np.float32] = np.exp(-np.square(octaves / np.float32(_WHISTLE_OCTAVES)))
        return 1 + np.float32(10 ** (decibels / 10) * fullness) * lift


_WHISTLE_OCTAVES = 0.16
"""How wide a whistle is, to where it has fallen to 1/e on either side."""
_BIN_HZ = (np.arange(BLOCK_SAMPLES + 1) * (SAMPLE_RATE / _FRAME_SAMPLES) + 1.0).astype(np.float32)


class _GrainLayerState:
    """One kind of small sound as it falls."""

    _VARIANT_COUNT = 96
    """Different drops kept ready; pitch, place and level differ from use to use by their mix."""

    def __init__(self, layer: GrainLayer, rng: np.random.Generator) -> None:
        self._layer = layer
        self._rng = rng
        makers = {
            "drop": _render_drop,
            "patter": _render_patter,
            "bubble": _render_bubble,
            "crackle": _render_crackle,
            "cricket": _render_cricket,
        }
        self._variants = [makers[layer.kind](rng) for _ in range(self._VARIANT_COUNT)] if layer.kind in makers else []

    def add_to(self, pending: Stereo, stereo_width: float) -> Stereo:
        """`pending` with what begins in the coming block added, grown to hold its tails."""
        rng = self._rng
        count = int(rng.poisson(self._layer.rate_per_second * _BLOCK_SECONDS))
        starts = rng.integers(0, BLOCK_SAMPLES, count)
        # Distances differ: few are near and loud, most far and soft.
        levels = 10 ** ((self._layer.level_db + np.minimum(rng.normal(-4, 5, count), 7)) / 20)
        angles = np.pi / 4 * (1 + stereo_width * rng.uniform(-0.95, 0.95, count))
        gains = np.stack([levels * np.cos(angles), levels * np.sin(angles)], axis=1).astype(np.float32)
        for start, gain in zip(starts, gains, strict=True):
            sound = self._variants[int(rng.integers(len(self._variants)))] if self._variants else _render_bird(rng)
            end = int(start) + len(sound)
            if end > len(pending):
                pending = np.concatenate([pending, np.zeros((end - len(pending), 2), np.float32)])
            pending[start:end] += sound[:, None] * gain
        return pending


def _render_drop(rng: np.random.Generator) -> Mono:
    """A drop that strikes something: a tick, and for some the bubble it leaves."""
    tick = _render_patter(rng)
    hertz = 900 * 2 ** rng.uniform(0, 2.3)
    bubble = render_chirp(hertz, rng.uniform(0.008, 0.03), rng.uniform(0, 0.3), rng) * np.float32(
        rng.uniform(0.05, 0.6)
    )
    sound = np.zeros(max(len(tick), len(bubble)), np.float32)
    sound[: len(tick)] += tick
    sound[: len(bubble)] += bubble
    return sound


def _render_patter(rng: np.random.Generator) -> Mono:
    """A tick of high noise, 2 to 6 ms."""
    samples = int(rng.uniform(0.002, 0.006) * SAMPLE_RATE) // 2 * 2
    centre = 2500 * 2 ** rng.uniform(0, 1.8)
    tick = shaped_noise(((centre / 4, -24), (centre, 0), (centre * 2, -8), (23000, -26)), samples, rng)
    tick *= np.exp(-6.0 * np.arange(samples) / samples).astype(np.float32)
    tick[:4] *= np.array([0.2, 0.4, 0.6, 0.8], np.float32)
    return tick * np.float32(0.5)


def _render_bubble(rng: np.random.Generator) -> Mono:
    """A bubble rising in running water; see `voices` for the physics."""
    hertz = 500 * 2 ** rng.uniform(0, 2.4)
    return render_chirp(hertz, 26 / hertz * rng.uniform(0.7, 1.4), rng.uniform(0.1, 0.4), rng)


def _render_crackle(rng: np.random.Generator) -> Mono:
    """A snap of burning wood, 2 to 12 ms."""
    samples = int(rng.uniform(0.002, 0.012) * SAMPLE_RATE) // 2 * 2
    snap = shaped_noise(((300, -14), (1500, -2), (4000, 0), (12000, -8), (20000, -20)), samples, rng)
    return snap * np.exp(-7.0 * np.arange(samples) / samples).astype(np.float32) * np.float32(0.5)


def _render_cricket(rng: np.random.Generator) -> Mono:
    """One insect's song: a few seconds of chirps, each of three or four pulses of one high tone."""
    hertz, rate, pulses = rng.uniform(3800, 5400), rng.uniform(1.6, 2.6), int(rng.integers(3, 5))
    time = np.arange(int(rng.uniform(1.5, 4.0) * SAMPLE_RATE)) / SAMPLE_RATE
    beat = (time * rate) % 1 / rate * 40  # in pulses of 25 ms since the chirp began
    wave = np.sin(2 * np.pi * hertz * time) * np.sin(np.pi * (beat % 1)) ** 2 * (beat < pulses)
    wave *= np.minimum(1, np.minimum(time, time[-1] - time) / 0.4)
    return np.asarray(wave, np.float32)


def _render_bird(rng: np.random.Generator) -> Mono:
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
