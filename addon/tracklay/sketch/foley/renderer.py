"""Foley from a Sight and a prompt: each event sounded on its own sample, a bed under it where the prompt asks for one.

What is struck is in `voices`, what lies under it in `ambience`; this file reads the prompt, places every sound in time
and in the stereo picture, and keeps the sum below full scale. It decodes no picture and writes no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ...errors import InvalidInput
from .. import prompt_matcher
from . import ambience, modal_synth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..vision.events import Event, MotionAnalysis

Stereo = npt.NDArray[np.float32]
Params = Mapping[str, float | str | bool]

DEFAULT_PARAMS: Final[Params] = {
    "impacts": 0.0,  # dB
    "whooshes": 0.0,  # dB
    "bed": 0.0,  # dB
    "material": "auto",
    "ambience": "auto",
    "spread": 0.7,
}
AUTO: Final = "auto"
NONE: Final = "none"
MATERIAL_CHOICES: Final = (AUTO, *modal_synth.MATERIALS)
AMBIENCE_CHOICES: Final = (AUTO, NONE, *ambience.AMBIENCE_PRESETS)

PEAK_CEILING: Final = 10 ** (-1.05 / 20)
"""Highest sample, linear: a hair below -1 dBFS, so that rounding never reaches it."""

_MAX_MATERIALS = 3
"""How many materials sound together when a prompt names several ("glass bottle on a wooden table")."""
_LAYER_SPELLINGS = {
    "impacts": (
        "impact",
        "hit",
        "bang",
        "crash",
        "strike",
        "struck",
        "slam",
        "drop",
        "fall",
        "land",
        "kick",
        "tap",
        "clash",
        "collide",
        "collision",
        "chop",
        "cut",
        "shut",
        "close",
        "place",
        "put down",
        "throw",
        "fight",
        "martial arts",
    ),
    "whooshes": ("whoosh", "swoosh", "swish", "woosh", "movement", "swing", "rush", "fly by", "pass", "fast"),
    "bed": ("ambience", "ambiance", "ambient", "background", "background noise", "atmosphere"),
}
_DYNAMIC_GAIN_DB: Final[Mapping[str, float]] = {"quiet": -8.0, "loud": 4.0}
"""dB by which a word about loudness moves what is named beside it: the bed, where that is all, else what is struck and rushes past."""
_SIZE_FACTORS: Final[Mapping[str, float]] = {"small": 0.5, "large": 2.0}
"""Times its size as seen that a thing sounds."""
VOCABULARY: Final[prompt_matcher.Vocabulary] = {
    "material": {name: material.spellings for name, material in modal_synth.MATERIALS.items()},
    "ambience": {name: place.spellings for name, place in ambience.AMBIENCE_PRESETS.items()},
    "layer": _LAYER_SPELLINGS,
    "dynamic": {
        "quiet": ("soft", "softly", "gentle", "gently", "quietly", "silent", "subtle", "faint", "distant", "delicate", "calm"),
        "loud": ("loudly", "hard", "strong", "violent", "powerful", "intense", "busy"),
    },
    "size": {
        "small": ("tiny", "little", "thin", "short"),
        "large": ("big", "huge", "heavy", "giant", "massive", "deep", "low", "thick", "boom"),
    },
}  # fmt: skip

_SAMPLE_RATE = modal_synth.SAMPLE_RATE
_FADE_SAMPLES = 240  # samples: 5 ms
_INTERAURAL_DELAY_SAMPLES = 12
"""Samples (a quarter of a millisecond) by which the far ear hears a sound at the picture's edge later."""
_WHOOSH_CHUNK_FRAMES = 512
"""Frames of a whoosh rendered at a time, about 5.5 seconds: a long one does not need long memory."""
_LIMITER_LOOKAHEAD_SAMPLES = 240
"""Samples (5 ms) on either side over which the limiter looks for peaks, and again over which its gain moves."""

_IMPACT_STREAM, _WHOOSH_STREAM, _BED_STREAM = 1, 2, 3


def interpret_prompt(prompt: str, negative: str = "") -> dict[str, list[str]]:
    """What the engine makes of a prompt, for the manifest.

    `material` and `ambience` are what will sound when those parameters are "auto", `dynamic` and `size` how, `off` the layers
    and words that the prompt refuses or the negative prompt names, `unknown` the words that mean nothing here.
    """
    wish = prompt_matcher.match_prompt(prompt, VOCABULARY)
    refusal = prompt_matcher.match_prompt(negative, VOCABULARY)
    off = {
        category: {
            *wish.negated.get(category, ()),
            *refusal.matched.get(category, ()),
            *refusal.negated.get(category, ()),  # "no rain" as a negative prompt means what it says
        }
        for category in VOCABULARY
    }
    material = [word for word in wish.matched.get("material", ()) if word not in off["material"]]
    return {
        "material": material[:_MAX_MATERIALS] or [modal_synth.DEFAULT_MATERIAL],
        "ambience": [word for word in wish.matched.get("ambience", ()) if word not in off["ambience"]],
        "dynamic": list(wish.matched.get("dynamic", ())),
        "size": list(wish.matched.get("size", ())),
        "off": [word for category in VOCABULARY for word in VOCABULARY[category] if word in off[category]],
        "unknown": list(dict.fromkeys((*wish.unknown, *refusal.unknown))),
    }


def render_foley(
    analysis: MotionAnalysis,
    samples: int,
    *,
    prompt: str = "",
    negative: str = "",
    seed: int = 0,
    params: Params = DEFAULT_PARAMS,
) -> Iterator[Stereo]:
    """Sound for `analysis`: consecutive (n, 2) blocks at 48 kHz, `samples` in all, peaks never above -1 dBFS.

    The first sample of an impact is `round(event.time * 48000)`. `params` are those of DEFAULTS, which stand in where
    one is missing: gains in dB, `material` one of MATERIALS, `ambience` one of AMBIENCES, `stereo_width` the stereo width,
    0 (mono) to 1. The same arguments give the same samples, whatever comes after in the picture; memory does not
    grow with `samples`.

    Raises:
        BadInput: a parameter is unknown or has a value it cannot have.
    """
    mix = FoleyRenderer.from_prompt(prompt, negative, seed, params)
    sounds = mix.schedule_sounds(analysis, samples)
    bed = mix.render_bed()
    return _trim_with_fade(_limit_peaks(_mix_blocks(sounds, bed, samples)), samples)


@dataclass(frozen=True, slots=True)
class _ScheduledSound:
    """Something to be heard from sample `start_sample` on, made when its time comes."""

    start_sample: int
    render: Callable[[], Stereo]


@dataclass(frozen=True, slots=True)
class FoleyRenderer:
    """The choices a prompt and its parameters come down to; gains are linear, 0 where a layer is off."""

    materials: tuple[modal_synth.Material, ...]
    ambiences: tuple[ambience.AmbiencePreset, ...]
    impact_gain: float
    whoosh_gain: float
    bed_gain: float
    stereo_width: float
    size_factor: float
    """Times its size as seen that a thing sounds."""
    seed: int

    @classmethod
    def from_prompt(cls, prompt: str, negative: str, seed: int, params: Params) -> FoleyRenderer:
        for name in params:
            if name not in DEFAULT_PARAMS:
                raise InvalidInput(f"sketch/foley has no parameter {name!r}; it has {', '.join(DEFAULT_PARAMS)}")
        said = interpret_prompt(prompt, negative)
        material = _choice_param(params, "material", MATERIAL_CHOICES)
        place = _choice_param(params, "ambience", AMBIENCE_CHOICES)
        materials = said["material"] if material == AUTO else [material]
        places = said["ambience"] if place == AUTO else [place] if place != NONE else []
        louder = _layer_gains_db(prompt)
        gains = {
            name: 10 ** ((_number_param(params, name) + louder[name]) / 20) * (name not in said["off"])
            for name in _LAYER_SPELLINGS
        }
        return cls(
            materials=tuple(modal_synth.MATERIALS[name] for name in materials),
            ambiences=tuple(ambience.AMBIENCE_PRESETS[name] for name in places),
            impact_gain=gains["impacts"],
            whoosh_gain=gains["whooshes"],
            bed_gain=gains["bed"],
            stereo_width=min(max(_number_param(params, "spread"), 0.0), 1.0),
            size_factor=float(np.prod([_SIZE_FACTORS[word] for word in said["size"]])),
            seed=seed % 2**64,
        )

    def render_bed(self) -> Iterator[Stereo] | None:
        """The bed in blocks, faded in; None where there is none."""
        if not self.ambiences or not self.bed_gain:
            return None
        return self._fade_in(
            ambience.render_ambience(
                self.ambiences, np.random.default_rng([self.seed, _BED_STREAM]), stereo_width=self.stereo_width
            )
        )

    def _fade_in(self, bed: Iterator[Stereo]) -> Iterator[Stereo]:
        first = next(bed) * np.float32(self.bed_gain)
        first[:_FADE_SAMPLES] *= np.linspace(0, 1, _FADE_SAMPLES, dtype=np.float32)[:, None]
        yield first
        for block in bed:
            yield block * np.float32(self.bed_gain)

    def schedule_sounds(self, analysis: MotionAnalysis, samples: int) -> list[_ScheduledSound]:
        """Every impact and every stretch of whoosh that begins within `samples`, in order."""
        found: list[_ScheduledSound] = []
        times = np.array([float(time) for time in analysis.times])
        seen: dict[tuple[str, int], int] = {}
        for event in analysis.events:
            start = round(event.time * _SAMPLE_RATE)
            # Its own random numbers by where it is, not by how many came before: an edit elsewhere leaves it alone.
            ordinal = seen[event.kind, start] = seen.get((event.kind, start), -1) + 1
            if not 0 <= start < samples:
                continue
            if event.kind == "impact" and self.impact_gain:
                key = (self.seed, _IMPACT_STREAM, start, ordinal)
                found.append(_ScheduledSound(start, partial(self._render_impact, event, key)))
            elif event.kind == "whoosh" and self.whoosh_gain:
                found += self._schedule_whoosh(event, start, ordinal, analysis, times)
        return sorted(found, key=lambda sound: sound.start_sample)

    def _render_impact(self, event: Event, rng_key: Sequence[int]) -> Stereo:
        """One hit, placed: the materials it is made of, struck together."""
        rng = np.random.default_rng(rng_key)
        struck = [
            modal_synth.render_impact(material, strength=event.strength, size=event.size * self.size_factor, rng=rng)
            for material in self.materials
        ]
        hit = np.zeros(max(map(len, struck)), np.float32)
        for one in struck:
            hit[: len(one)] += one
        hit *= np.float32(self.impact_gain / np.sqrt(len(struck)))
        return _spatialize(hit, _clamp_unit(event.x) * self.stereo_width)

    def _schedule_whoosh(
        self,
        event: Event,
        start_sample: int,
        ordinal: int,
        analysis: MotionAnalysis,
        frame_seconds: npt.NDArray[np.float64],
    ) -> list[_ScheduledSound]:
        """A whoosh in stretches, its level and colour following the speed seen and its place where it moves."""
        frames = max(round(event.duration * _SAMPLE_RATE / modal_synth.WHOOSH_HOP_SAMPLES), 4)
        progress = (np.arange(frames) + 0.5) / frames
        when = float(event.time) + progress * float(event.duration)
        bell = np.sin(np.pi * progress) ** 2
        speed = (
            np.interp(when, frame_seconds, np.maximum(analysis.speed, 0)) if len(frame_seconds) else np.zeros(frames)
        )
        fastest = float(speed.max())
        if not fastest > 0:  # seen as a movement, though its speed was not measured: a movement of middling speed
            speed, fastest = bell, 1.0
        x = np.interp(when, frame_seconds, analysis.x) if len(frame_seconds) else np.full(frames, event.x)
        strength = _clamp_unit(event.strength)
        # Turbulence grows far faster than speed; the 1.5 power is as much of it as a small loudspeaker can follow.
        levels = (speed / fastest) ** 1.5 * np.minimum(1, 4 * bell) * 10 ** ((-21 - 24 * (1 - strength)) / 20)
        lowering = (0.15 / min(max(event.size, 0.03), 1.0)) ** 0.3
        centres = np.clip(260 * (1 + 3 * speed) ** 0.9 * lowering, 110, 7000)
        angles = np.pi / 4 * (1 + np.clip(x, -1, 1) * self.stereo_width)

        def chunk_from(first: int) -> _ScheduledSound:
            part = slice(first, first + _WHOOSH_CHUNK_FRAMES)
            key = (self.seed, _WHOOSH_STREAM, start_sample, ordinal, first)
            curves = (levels[part] * self.whoosh_gain, centres[part], angles[part])
            return _ScheduledSound(
                start_sample + first * modal_synth.WHOOSH_HOP_SAMPLES,
                lambda: modal_synth.render_whoosh(*curves, np.random.default_rng(key)),
            )

        return [chunk_from(first) for first in range(0, frames, _WHOOSH_CHUNK_FRAMES)]


_ROOM_DELAY_SAMPLES = 190
"""Samples (4 ms) before the first reflection: nobody stands nearer to a wall than 70 cm."""
_ROOM_IMPULSE_SAMPLES = 12_288
_ROOM_INPUT_SAMPLES = 16_384
"""Samples of a hit that the room answers; what still rings after a third of a second has its own space."""
_ROOM_FFT_SAMPLES = 28_800
"""As many as both together have at least, and quick to transform."""


@cache
def _room_impulse_spectrum() -> npt.NDArray[np.complex64]:
    """A small furnished room, 60 dB down in 0.28 s, its energy 20 dB below the direct sound: (2, bins)."""
    rng = np.random.default_rng(48_000)
    shape = ((120, -12), (300, 0), (1500, 0), (4000, -5), (10000, -14), (20000, -26))
    response = np.stack([modal_synth.shaped_noise(shape, _ROOM_IMPULSE_SAMPLES, rng) for _ in range(2)])
    seconds = np.arange(_ROOM_IMPULSE_SAMPLES) / _SAMPLE_RATE
    response *= np.exp(-6.9078 / 0.28 * seconds).astype(np.float32)
    for _ in range(9):  # the first walls, one by one
        response[rng.integers(2), rng.integers(0, 1700)] += np.float32(rng.choice((-1, 1)) * rng.uniform(1.5, 4))
    response *= np.float32(10 ** (-20 / 20)) / np.sqrt((response**2).sum(axis=1, keepdims=True))
    return np.fft.rfft(response, _ROOM_FFT_SAMPLES, axis=1).astype(np.complex64)


def _spatialize(mono: modal_synth.Mono, x: float) -> Stereo:
    """`mono` at `x` from -1 to 1, with the room's answer: panned at equal power, a little later in the far ear."""
    heard = mono[:_ROOM_INPUT_SAMPLES].copy()
    if len(mono) > _ROOM_INPUT_SAMPLES:
        heard[-4096:] *= np.linspace(1, 0, 4096, dtype=np.float32)
    length = len(heard) + _ROOM_IMPULSE_SAMPLES - 1
    late = round(abs(x) * _INTERAURAL_DELAY_SAMPLES)
    angle = np.pi / 4 * (1 + x)
    stereo = _stereo_silence(max(len(mono) + late, _ROOM_DELAY_SAMPLES + length))
    for channel, (gain, delay) in enumerate(((np.cos(angle), late * (x > 0)), (np.sin(angle), late * (x < 0)))):
        np.multiply(mono, np.float32(gain), out=stereo[delay : delay + len(mono), channel])
    answer = np.fft.irfft(np.fft.rfft(heard, _ROOM_FFT_SAMPLES) * _room_impulse_spectrum(), _ROOM_FFT_SAMPLES, axis=1)
    stereo[_ROOM_DELAY_SAMPLES : _ROOM_DELAY_SAMPLES + length] += answer.T[:length].astype(np.float32, copy=False)
    return stereo


def _stereo_silence(samples: int) -> Stereo:
    """(samples, 2) zeros, each channel in one piece: sounds are added channel by channel three times as fast."""
    return np.zeros((2, samples), np.float32).T


def _mix_blocks(sounds: Sequence[_ScheduledSound], bed: Iterator[Stereo] | None, samples: int) -> Iterator[Stereo]:
    """Bed and sounds added up, in blocks of ambience.BLOCK that cover `samples`."""
    pending = _stereo_silence(0)
    coming = iter(sounds)
    sound = next(coming, None)
    for at in range(0, samples, ambience.BLOCK_SAMPLES):
        while sound is not None and sound.start_sample < at + ambience.BLOCK_SAMPLES:
            made, offset = sound.render(), sound.start_sample - at
            if offset + len(made) > len(pending):
                longer = _stereo_silence(offset + len(made))
                longer[: len(pending)] = pending
                pending = longer
            pending[offset : offset + len(made)] += made
            sound = next(coming, None)
        block = next(bed) if bed is not None else _stereo_silence(ambience.BLOCK_SAMPLES)
        block[: len(pending)] += pending[: ambience.BLOCK_SAMPLES]
        pending = pending[ambience.BLOCK_SAMPLES :]
        yield block


def _limit_peaks(blocks: Iterator[Stereo]) -> Iterator[Stereo]:
    """The same blocks with every peak held at CEILING, by a gain that moves over 10 ms and sees peaks coming."""
    reach = 2 * _LIMITER_LOOKAHEAD_SAMPLES
    before = np.zeros((reach, 2), np.float32)
    block = next(blocks, None)
    while block is not None:
        after = next(blocks, None)
        context = np.concatenate([before, block, np.zeros((reach, 2), np.float32) if after is None else after[:reach]])
        before = block[-reach:]
        if max(float(context.max()), -float(context.min())) > PEAK_CEILING:
            block = block * _limiter_gain(np.maximum(np.abs(context[:, 0]), np.abs(context[:, 1])))[:, None]
        yield block
        block = after


def _limiter_gain(peaks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The limiter's gain where `peaks` has 2 * _REACH samples of context on each side, which the gain does not have.

    Held at the least over _REACH on either side, then averaged over as much: never above what any sample needs.
    """
    needed = np.minimum(PEAK_CEILING / np.maximum(peaks.astype(np.float64), PEAK_CEILING), 1.0)
    width = 2 * _LIMITER_LOOKAHEAD_SAMPLES + 1
    least, span = needed, 1
    while span < width:  # the least over `span` samples, doubled until it is over `stereo_width`
        step = min(span, width - span)
        least = np.minimum(least[:-step], least[step:])
        span += step
    missing = np.concatenate([[0.0], np.cumsum(1 - least)])
    gain: npt.NDArray[np.float64] = 1 - np.maximum(missing[width:] - missing[:-width], 0) / width
    return gain.astype(np.float32)


def _trim_with_fade(blocks: Iterator[Stereo], samples: int) -> Iterator[Stereo]:
    """The first `samples` of `render_ambience`, the last 5 ms of them faded out."""
    fade = min(_FADE_SAMPLES, samples)
    at = 0
    for block in blocks:
        kept = block[: samples - at]
        left = samples - at - np.arange(len(kept))  # samples from here to the end: 1 at the last
        if left[-1] <= fade:
            kept = kept * np.minimum((left - 1) / fade, 1).astype(np.float32)[:, None]
        yield kept
        at += len(kept)


def _layer_gains_db(prompt: str) -> dict[str, float]:
    """dB by which each layer is to be louder: a word counts for what its clause names ("hammer, quiet rain")."""
    louder = dict.fromkeys(_LAYER_SPELLINGS, 0.0)
    for clause in prompt_matcher.split_clauses(prompt):
        named = prompt_matcher.match_prompt(clause, VOCABULARY).matched
        layers = ("bed",) if "ambience" in named and "material" not in named else ("impacts", "whooshes")
        for word in named.get("dynamic", ()):
            louder.update({layer: louder[layer] + _DYNAMIC_GAIN_DB[word] for layer in layers})
    return louder


def _clamp_unit(value: float) -> float:
    return min(max(value, -1.0), 1.0)


def _number_param(params: Params, name: str) -> float:
    value = params.get(name, DEFAULT_PARAMS[name])
    if isinstance(value, str) or not np.isfinite(value):
        raise InvalidInput(f"sketch/foley's {name!r} must be a number, not {value!r}")
    return float(value)


def _choice_param(params: Params, name: str, choices: Sequence[str]) -> str:
    value = params.get(name, DEFAULT_PARAMS[name])
    if value not in choices:
        raise InvalidInput(f"sketch/foley's {name!r} must be one of {', '.join(choices)}, not {value!r}")
    return str(value)
