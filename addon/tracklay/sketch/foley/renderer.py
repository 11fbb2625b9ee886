"""Renders foley from a motion analysis and a prompt: a sound on the exact sample of each event, over an ambience.

`modal_synth` makes the impacts and whooshes, `ambience` the background. This module interprets the prompt, places every
sound in time and in the stereo image, and limits the sum. It does no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ...cue import SAMPLE_RATE
from .. import parameters, prompt_matcher
from ..dsp import db_to_gain, pan_angle, pan_gains
from . import ambience, modal_synth
from .ambience_presets import AMBIENCE_PRESETS, AmbiencePreset
from .materials import DEFAULT_MATERIAL, MATERIALS, Material

if TYPE_CHECKING:
    from ..vision.events import Event, MotionAnalysis

Stereo = npt.NDArray[np.float32]
Params = Mapping[str, float | str | bool]

MODEL: Final = "sketch/foley"
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
MATERIAL_CHOICES: Final = (AUTO, *MATERIALS)
AMBIENCE_CHOICES: Final = (AUTO, NONE, *AMBIENCE_PRESETS)

PEAK_CEILING: Final = db_to_gain(-1.05)
"""Highest sample, linear. 0.05 dB below -1 dBFS, so that rounding never exceeds -1 dBFS."""

_MAX_MATERIALS = 3
"""Materials that sound together when a prompt names several ("glass bottle on a wooden table")."""
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
"""Gain of a word about loudness, dB. See `_layer_gains_db` for the layers it applies to."""
_SIZE_FACTORS: Final[Mapping[str, float]] = {"small": 0.5, "large": 2.0}
"""Factor of a word about size on the size measured in the picture."""
VOCABULARY: Final[prompt_matcher.Vocabulary] = {
    "material": {name: material.spellings for name, material in MATERIALS.items()},
    "ambience": {name: preset.spellings for name, preset in AMBIENCE_PRESETS.items()},
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

_FADE_SAMPLES = 240
"""Fade at the start of the ambience and at the end of the sound, 5 ms: no click, and no audible delay."""
_INTERAURAL_DELAY_SAMPLES = 12
"""Delay of the far ear for a sound at the picture's edge, 0.25 ms: that of a source about 30 degrees to the side."""
_WHOOSH_CHUNK_FRAMES = 512
"""Control frames of a whoosh rendered at a time, about 5.5 s: memory does not grow with its length."""
_LIMITER_LOOKAHEAD_SAMPLES = 240
"""Look-ahead of the limiter to either side, 5 ms; its gain is smoothed over as much again."""

_IMPACT_STREAM, _WHOOSH_STREAM, _BED_STREAM = 1, 2, 3  # random streams: no layer's sound depends on another layer


def interpret_prompt(prompt: str, negative: str = "") -> dict[str, list[str]]:
    """Return the interpretation of a prompt, for the manifest.

    `material` and `ambience` are used when those parameters are "auto"; `dynamic` and `size` are words about loudness and
    size; `off` holds the layers and words that the prompt negates or the negative prompt names; `unknown` the words that
    have no meaning here.
    """
    positive = prompt_matcher.match_prompt(prompt, VOCABULARY)
    refusal = prompt_matcher.match_prompt(negative, VOCABULARY)
    off = {
        category: {
            *positive.negated.get(category, ()),
            *refusal.matched.get(category, ()),
            *refusal.negated.get(category, ()),  # "no rain" in a negative prompt still means no rain
        }
        for category in VOCABULARY
    }
    material = [word for word in positive.matched.get("material", ()) if word not in off["material"]]
    return {
        "material": material[:_MAX_MATERIALS] or [DEFAULT_MATERIAL],
        "ambience": [word for word in positive.matched.get("ambience", ()) if word not in off["ambience"]],
        "dynamic": list(positive.matched.get("dynamic", ())),
        "size": list(positive.matched.get("size", ())),
        "off": [word for category in VOCABULARY for word in VOCABULARY[category] if word in off[category]],
        "unknown": list(dict.fromkeys((*positive.unknown, *refusal.unknown))),
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
    """Yield the sound of `analysis`: consecutive (n, 2) blocks at 48 kHz, `samples` in all, peaks below -1 dBFS.

    The first sample of an impact is `round(event.time * 48000)`. `params` are those of DEFAULT_PARAMS, whose values apply
    where one is missing: gains in dB, `material` one of MATERIAL_CHOICES, `ambience` one of AMBIENCE_CHOICES, `spread`
    the stereo width, 0 (mono) to 1. The same arguments give the same samples, independent of later events in the
    picture. Memory does not grow with `samples`.

    Raises:
        InvalidInput: a parameter is unknown or has an invalid value.
    """
    mix = FoleyRenderer.from_prompt(prompt, negative, seed, params)
    sounds = mix.schedule_sounds(analysis, samples)
    bed = mix.render_bed()
    return _trim_with_fade(_limit_peaks(_mix_blocks(sounds, bed, samples)), samples)


@dataclass(frozen=True, slots=True)
class _ScheduledSound:
    """A sound that starts at `start_sample`; it is rendered when the mix reaches it."""

    start_sample: int
    render: Callable[[], Stereo]


@dataclass(frozen=True, slots=True)
class FoleyRenderer:
    """The settings that follow from a prompt and its parameters. Gains are linear, 0 where a layer is off."""

    materials: tuple[Material, ...]
    ambiences: tuple[AmbiencePreset, ...]
    impact_gain: float
    whoosh_gain: float
    bed_gain: float
    stereo_width: float
    size_factor: float
    """Factor on the size of every event."""
    seed: int

    @classmethod
    def from_prompt(cls, prompt: str, negative: str, seed: int, params: Params) -> FoleyRenderer:
        """Return the settings for a prompt.

        Raises:
            InvalidInput: a parameter is unknown or has an invalid value.
        """
        for name in params:
            parameters.check_known(MODEL, name, DEFAULT_PARAMS)
        interpretation = interpret_prompt(prompt, negative)
        material = _choice_param(params, "material", MATERIAL_CHOICES)
        preset = _choice_param(params, "ambience", AMBIENCE_CHOICES)
        materials = interpretation["material"] if material == AUTO else [material]
        presets = interpretation["ambience"] if preset == AUTO else [preset] if preset != NONE else []
        prompt_db = _layer_gains_db(prompt)
        gains = {
            name: db_to_gain(_number_param(params, name) + prompt_db[name]) * (name not in interpretation["off"])
            for name in _LAYER_SPELLINGS
        }
        return cls(
            materials=tuple(MATERIALS[name] for name in materials),
            ambiences=tuple(AMBIENCE_PRESETS[name] for name in presets),
            impact_gain=gains["impacts"],
            whoosh_gain=gains["whooshes"],
            bed_gain=gains["bed"],
            stereo_width=min(max(_number_param(params, "spread"), 0.0), 1.0),
            size_factor=float(np.prod([_SIZE_FACTORS[word] for word in interpretation["size"]])),
            seed=seed % 2**64,  # numpy accepts no negative seeds
        )

    def render_bed(self) -> Iterator[Stereo] | None:
        """Return the ambience in blocks, faded in, or None when there is none."""
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
        """Return every impact and every part of a whoosh that starts within `samples`, in order."""
        scheduled: list[_ScheduledSound] = []
        times = np.array([float(time) for time in analysis.times])
        ordinals: dict[tuple[str, int], int] = {}
        for event in analysis.events:
            start = round(event.time * SAMPLE_RATE)
            # Seeded by its own position, not by the number of events before it: an edit elsewhere in the picture does not
            # change this sound. The ordinal separates events on the same sample.
            ordinal = ordinals[event.kind, start] = ordinals.get((event.kind, start), -1) + 1
            if not 0 <= start < samples:
                continue
            if event.kind == "impact" and self.impact_gain:
                key = (self.seed, _IMPACT_STREAM, start, ordinal)
                scheduled.append(_ScheduledSound(start, partial(self._render_impact, event, key)))
            elif event.kind == "whoosh" and self.whoosh_gain:
                scheduled += self._schedule_whoosh(event, start, ordinal, analysis, times)
        return sorted(scheduled, key=lambda sound: sound.start_sample)

    def _render_impact(self, event: Event, rng_key: Sequence[int]) -> Stereo:
        """Return one hit in stereo: its materials, struck together."""
        rng = np.random.default_rng(rng_key)
        struck = [
            modal_synth.render_impact(material, strength=event.strength, size=event.size * self.size_factor, rng=rng)
            for material in self.materials
        ]
        hit = np.zeros(max(map(len, struck)), np.float32)
        for part in struck:
            hit[: len(part)] += part
        # The parts are uncorrelated: dividing by the root of their number keeps the loudness.
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
        """Return a whoosh in parts. Its level and pitch follow the measured speed, its pan the object's position."""
        # At least four frames: a shorter one would be all fade.
        frames = max(round(event.duration * SAMPLE_RATE / modal_synth.WHOOSH_HOP_SAMPLES), 4)
        progress = (np.arange(frames) + 0.5) / frames
        when = float(event.time) + progress * float(event.duration)
        bell = np.sin(np.pi * progress) ** 2
        speed = (
            np.interp(when, frame_seconds, np.maximum(analysis.speed, 0)) if len(frame_seconds) else np.zeros(frames)
        )
        fastest = float(speed.max())
        if not fastest > 0:  # the event has no measured speed: assume a movement of medium speed
            speed, fastest = bell, 1.0
        x = np.interp(when, frame_seconds, analysis.x) if len(frame_seconds) else np.full(frames, event.x)
        strength = _clamp_unit(event.strength)
        # Turbulence grows much faster than speed; the power of 1.5 is what fits the dynamic range of small loudspeakers.
        # The bell, four times its height and cut off at 1, only fades the ends: the speed may not be zero there.
        levels = (speed / fastest) ** 1.5 * np.minimum(1, 4 * bell) * db_to_gain(-21 - 24 * (1 - strength))
        # Larger and slower objects shed larger eddies, which sound lower. 0.15 is the size of `modal_synth`'s materials.
        lowering = (0.15 / min(max(event.size, 0.03), 1.0)) ** 0.3
        centres = np.clip(260 * (1 + 3 * speed) ** 0.9 * lowering, 110, 7000)
        angles = pan_angle(np.clip(x, -1, 1) * self.stereo_width)

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
"""Delay of the first reflection, 4 ms: the nearest wall is 70 cm away."""
_ROOM_IMPULSE_SAMPLES = 12_288
_ROOM_INPUT_SAMPLES = 16_384
"""Samples of a hit that the room responds to, 0.34 s. A sound that rings longer masks the room."""
_ROOM_FFT_SAMPLES = 28_800
"""Size of the transform: both lengths together fit, and 28,800 has small prime factors, which makes it fast."""


@cache
def _room_impulse_spectrum() -> npt.NDArray[np.complex64]:
    """Return the spectrum of a room's impulse response, (2, bins).

    A small furnished room: reverberation time (60 dB) 0.28 s, energy 20 dB below the direct sound.
    """
    rng = np.random.default_rng(48_000)
    shape = ((120, -12), (300, 0), (1500, 0), (4000, -5), (10000, -14), (20000, -26))
    response = np.stack([modal_synth.shaped_noise(shape, _ROOM_IMPULSE_SAMPLES, rng) for _ in range(2)])
    seconds = np.arange(_ROOM_IMPULSE_SAMPLES) / SAMPLE_RATE
    response *= np.exp(-6.9078 / 0.28 * seconds).astype(np.float32)  # 6.9078 nepers are 60 dB
    for _ in range(9):  # early reflections within 35 ms, which the ear hears as the shape of the room
        response[rng.integers(2), rng.integers(0, 1700)] += np.float32(rng.choice((-1, 1)) * rng.uniform(1.5, 4))
    response *= np.float32(db_to_gain(-20)) / np.sqrt((response**2).sum(axis=1, keepdims=True))
    return np.fft.rfft(response, _ROOM_FFT_SAMPLES, axis=1).astype(np.complex64)


def _spatialize(mono: modal_synth.Mono, x: float) -> Stereo:
    """Return `mono` panned to `x` (-1 to 1) at equal power, slightly later in the far ear, with the room's response."""
    room_input = mono[:_ROOM_INPUT_SAMPLES].copy()
    if len(mono) > _ROOM_INPUT_SAMPLES:
        room_input[-4096:] *= np.linspace(1, 0, 4096, dtype=np.float32)  # a cut-off would click in the reverberation
    length = len(room_input) + _ROOM_IMPULSE_SAMPLES - 1
    far_ear_delay = round(abs(x) * _INTERAURAL_DELAY_SAMPLES)
    left, right = pan_gains(x)
    stereo = _stereo_silence(max(len(mono) + far_ear_delay, _ROOM_DELAY_SAMPLES + length))
    for channel, (gain, delay) in enumerate(((left, far_ear_delay * (x > 0)), (right, far_ear_delay * (x < 0)))):
        np.multiply(mono, np.float32(gain), out=stereo[delay : delay + len(mono), channel])
    spectrum = np.fft.rfft(room_input, _ROOM_FFT_SAMPLES) * _room_impulse_spectrum()
    response = np.fft.irfft(spectrum, _ROOM_FFT_SAMPLES, axis=1)
    stereo[_ROOM_DELAY_SAMPLES : _ROOM_DELAY_SAMPLES + length] += response.T[:length].astype(np.float32, copy=False)
    return stereo


def _stereo_silence(samples: int) -> Stereo:
    """Return (samples, 2) zeros in column order: with each channel contiguous, adding a sound is three times faster."""
    return np.zeros((2, samples), np.float32).T


def _mix_blocks(sounds: Sequence[_ScheduledSound], bed: Iterator[Stereo] | None, samples: int) -> Iterator[Stereo]:
    """Yield the sum of ambience and sounds in blocks of `ambience.BLOCK_SAMPLES` that cover `samples`."""
    # `pending` holds what sounds already rendered add to this block and to later ones.
    pending = _stereo_silence(0)
    coming = iter(sounds)
    sound = next(coming, None)
    for at in range(0, samples, ambience.BLOCK_SAMPLES):
        while sound is not None and sound.start_sample < at + ambience.BLOCK_SAMPLES:
            rendered, offset = sound.render(), sound.start_sample - at
            if offset + len(rendered) > len(pending):
                longer = _stereo_silence(offset + len(rendered))
                longer[: len(pending)] = pending
                pending = longer
            pending[offset : offset + len(rendered)] += rendered
            sound = next(coming, None)
        block = next(bed) if bed is not None else _stereo_silence(ambience.BLOCK_SAMPLES)
        block[: len(pending)] += pending[: ambience.BLOCK_SAMPLES]
        pending = pending[ambience.BLOCK_SAMPLES :]
        yield block


def _limit_peaks(blocks: Iterator[Stereo]) -> Iterator[Stereo]:
    """Yield the same blocks with every peak limited to PEAK_CEILING, by a look-ahead gain that moves over 10 ms."""
    reach = 2 * _LIMITER_LOOKAHEAD_SAMPLES
    before = np.zeros((reach, 2), np.float32)
    block = next(blocks, None)
    while block is not None:
        after = next(blocks, None)
        context = np.concatenate([before, block, np.zeros((reach, 2), np.float32) if after is None else after[:reach]])
        before = block[-reach:]
        # Most blocks have no peak above the ceiling, in themselves or within reach: they stay bit for bit as they are.
        if max(float(context.max()), -float(context.min())) > PEAK_CEILING:
            block = block * _limiter_gain(np.maximum(np.abs(context[:, 0]), np.abs(context[:, 1])))[:, None]
        yield block
        block = after


def _limiter_gain(peaks: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the limiter's gain; `peaks` has 2 * _LIMITER_LOOKAHEAD_SAMPLES more samples on each side.

    The gain that each sample needs is first held at its minimum over the look-ahead on either side, then averaged over
    as much. Every value in an average is at most what the sample in its middle needs, so the average is too.
    """
    needed = np.minimum(PEAK_CEILING / np.maximum(peaks.astype(np.float64), PEAK_CEILING), 1.0)
    width = 2 * _LIMITER_LOOKAHEAD_SAMPLES + 1
    # A sliding minimum over `width` samples in log2(width) passes: each doubles the span.
    lowest, span = needed, 1
    while span < width:
        step = min(span, width - span)
        lowest = np.minimum(lowest[:-step], lowest[step:])
        span += step
    # A sliding mean by differences of a cumulative sum. Summing 1 - gain, which is mostly 0, keeps rounding errors small.
    missing = np.concatenate([[0.0], np.cumsum(1 - lowest)])
    gain: npt.NDArray[np.float64] = 1 - np.maximum(missing[width:] - missing[:-width], 0) / width
    return gain.astype(np.float32)


def _trim_with_fade(blocks: Iterator[Stereo], samples: int) -> Iterator[Stereo]:
    """Yield the first `samples` samples of `blocks`, the last 5 ms of them faded out to zero."""
    fade = min(_FADE_SAMPLES, samples)
    at = 0
    for block in blocks:
        kept = block[: samples - at]
        remaining = samples - at - np.arange(len(kept))  # samples to the end: 1 at the last
        if remaining[-1] <= fade:
            kept = kept * np.minimum((remaining - 1) / fade, 1).astype(np.float32)[:, None]
        yield kept
        at += len(kept)


def _layer_gains_db(prompt: str) -> dict[str, float]:
    """Return the gain of each layer that the prompt's words about loudness ask for, dB.

    A word applies to what its own clause names, so that "hammer, quiet rain" makes only the rain quiet.
    """
    gains_db = dict.fromkeys(_LAYER_SPELLINGS, 0.0)
    for clause in prompt_matcher.split_clauses(prompt):
        named = prompt_matcher.match_prompt(clause, VOCABULARY).matched
        layers = ("bed",) if "ambience" in named and "material" not in named else ("impacts", "whooshes")
        for word in named.get("dynamic", ()):
            gains_db.update({layer: gains_db[layer] + _DYNAMIC_GAIN_DB[word] for layer in layers})
    return gains_db


def _clamp_unit(value: float) -> float:
    return min(max(value, -1.0), 1.0)


def _number_param(params: Params, name: str) -> float:
    value = params.get(name, DEFAULT_PARAMS[name])
    if isinstance(value, str) or not np.isfinite(value):
        raise parameters.not_a_number(MODEL, name, value)
    return float(value)


def _choice_param(params: Params, name: str, choices: Sequence[str]) -> str:
    return parameters.check_choice(MODEL, name, params.get(name, DEFAULT_PARAMS[name]), choices)
