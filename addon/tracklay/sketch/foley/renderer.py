"""Renders foley from a motion analysis and a prompt: a sound on the exact sample of each event, in a room with its tone.

`interpretation` decides what an event sounds like, `sound_classes` makes that sound, `noise` the whooshes, `ambience`
the background, `room` the space. This module places every sound in time and in the stereo image and sums them in blocks.
It does no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ...cue import SAMPLE_RATE
from ...listening.limiter import limit_peaks
from .. import parameters, prompt_matcher
from ..dsp import db_to_gain, pan_angle
from ..vision.events import select_events
from . import ambience, noise
from .ambience_presets import AMBIENCE_PRESETS, AmbiencePreset
from .interpretation import SoundLayer, interpret_prompt, layers_of_word
from .room import ROOMS, RoomReverb, Stereo, pan_sound, stereo_silence
from .room_tones import room_tone_for
from .sound_classes import SOUND_CLASSES, render_sound
from .vocabulary import LAYER_SPELLINGS, load_vocabulary

if TYPE_CHECKING:
    from ..vision.events import Event, MotionAnalysis
    from .interpretation import Interpretation
    from .noise import Mono
    from .vocabulary import Trigger

Params = Mapping[str, float | str | bool]

MODEL: Final = "sketch/foley"
DEFAULT_PARAMS: Final[Params] = {
    "impacts": 0.0,  # dB
    "whooshes": 0.0,  # dB
    "bed": 0.0,  # dB
    "material": "auto",
    "ambience": "auto",
    "room": "auto",
    "spread": 0.7,
}
AUTO: Final = "auto"
NONE: Final = "none"
_MATERIAL_WORDS = (
    "plain",
    "wood",
    "metal",
    "glass",
    "shatter",
    "water",
    "stone",
    "cloth",
    "drum",
    "rubber",
    "plastic",
    "step",
    "gravel",
)
"""Words of the vocabulary that are choices of `material` beside the names of the classes."""
MATERIAL_CHOICES: Final = (AUTO, *_MATERIAL_WORDS, *(name for name in SOUND_CLASSES if name not in _MATERIAL_WORDS))
AMBIENCE_CHOICES: Final = (AUTO, NONE, *AMBIENCE_PRESETS)
ROOM_CHOICES: Final = (AUTO, NONE, *ROOMS)

_DYNAMIC_GAIN_DB: Final[Mapping[str, float]] = {"quiet": -8.0, "loud": 4.0}
"""Gain of a word about loudness, dB. See `_layer_gains_db` for the layers it applies to."""
_SIZE_FACTORS: Final[Mapping[str, float]] = {"small": 0.5, "large": 2.0}
"""Factor of a word about size on the size measured in the picture."""

_FADE_SAMPLES = 240
"""Fade at the start of the ambience and at the end of the sound, 5 ms: no click, and no audible delay."""
_WHOOSH_CHUNK_FRAMES = 512
"""Control frames of a whoosh rendered at a time, about 5.5 s: memory does not grow with its length."""
_MAX_LEAD_SAMPLES = SAMPLE_RATE // 4
"""Longest sound before an attack that is heard, 0.25 s: an impact is rendered that much before its sample."""
_REPEAT_SECONDS = 2.0
"""A hit that follows sooner damps what still rings."""
_CONTACT_SAMPLES = 1440
"""Part of a tool's sound that is heard in what it strikes, 30 ms: the contact, not its ringing."""
_MOVEMENT_CLASSES = frozenset({"scrape", "roll", "squeak", "zipper", "engine"})
"""Classes that sound as long as something moves: they take the place of the whoosh of fast movement, and of the hits in it."""
_MOVEMENT_MARGIN_SECONDS = Fraction(1, 10)
"""A hit this soon after a movement belongs to it."""
_STEP_SECONDS = (0.07, 0.105)
"""Time from the contact of the heel to that of the ball of the foot, in seconds, from the shortest to the longest."""
_MIX_RANGE_DB = 12.0
"""Difference between the softest and the hardest hit in a take, dB. In reality it is 20 dB and more; in a mix under dialogue
the soft end would be lost."""
_STEP_DB = -9.0
"""Level of the second contact of a step, dB."""

_IMPACT_STREAM, _WHOOSH_STREAM, _BED_STREAM = 1, 2, 3  # random streams: no layer's sound depends on another layer


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

    The attack of an impact is on sample `round(event.time * 48000)`. `params` are those of DEFAULT_PARAMS, whose values
    apply where one is missing: gains in dB, `material` one of MATERIAL_CHOICES, `ambience` one of AMBIENCE_CHOICES, `room`
    one of ROOM_CHOICES, `spread` the stereo width, 0 (mono) to 1. The same arguments give the same samples; a sound depends
    on no other event, apart from the next hit, which damps what rings. Memory does not grow with `samples`.

    Raises:
        InvalidInput: a parameter is unknown or has an invalid value.
    """
    return FoleyRenderer.from_prompt(prompt, negative, seed, params).render_foley(analysis, samples)


NO_CONTACT_AMBIENCE: Final = "No contact was seen: the take holds only the ambience."
NO_CONTACT_WHOOSH: Final = "No contact was seen: the take holds only fast movement."
NO_CONTACT_TONE: Final = "No contact was seen: the take holds only room tone."
NO_CONTACT_SILENCE: Final = "No contact was seen, and room tone is off: the take is silent."
NO_CONTACT_NOTES: Final = (NO_CONTACT_AMBIENCE, NO_CONTACT_WHOOSH, NO_CONTACT_TONE, NO_CONTACT_SILENCE)
"""The notes about takes in which nothing strikes."""


@dataclass(frozen=True, slots=True)
class _RenderedPart:
    """A rendered sound: its first sample's number in the take, its stereo samples, and what the room gets of it."""

    start_sample: int
    stereo: Stereo
    send: Mono | None = None


@dataclass(frozen=True, slots=True)
class _ScheduledSound:
    """A sound that starts at `start_sample` or later; it is rendered when the mix reaches it."""

    start_sample: int
    render: Callable[[], _RenderedPart]


@dataclass(frozen=True, slots=True)
class FoleyRenderer:
    """The settings that follow from a prompt and its parameters. Gains are linear, 0 where a layer is off."""

    layers: tuple[SoundLayer, ...]
    names_sound: bool
    ambiences: tuple[AmbiencePreset, ...]
    tone: AmbiencePreset | None
    """Room tone where there is no ambience."""
    room: str
    """Name of the room, or NONE."""
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
        meaning = interpret_prompt(prompt, negative)
        material = _choice_param(params, "material", MATERIAL_CHOICES)
        preset = _choice_param(params, "ambience", AMBIENCE_CHOICES)
        room = _choice_param(params, "room", ROOM_CHOICES)
        presets = meaning.ambience if preset == AUTO else [preset] if preset != NONE else []
        prompt_db = _layer_gains_db(prompt)
        gains = {
            name: db_to_gain(_number_param(params, name) + prompt_db[name]) * (name not in meaning.off)
            for name in LAYER_SPELLINGS
        }
        return cls(
            layers=meaning.layers if material == AUTO else layers_of_word(material),
            names_sound=meaning.names_sound or material != AUTO,
            ambiences=tuple(AMBIENCE_PRESETS[name] for name in presets),
            tone=None if NONE in (preset, room) else room_tone_for(_tone_place(meaning, room)),
            room=meaning.room if room == AUTO else room,
            impact_gain=gains["impacts"],
            whoosh_gain=gains["whooshes"],
            bed_gain=gains["bed"],
            stereo_width=min(max(_number_param(params, "spread"), 0.0), 1.0),
            size_factor=float(np.prod([_SIZE_FACTORS[word] for word in meaning.size])),
            seed=seed % 2**64,  # numpy accepts no negative seeds
        )

    def render_foley(self, analysis: MotionAnalysis, samples: int) -> Iterator[Stereo]:
        """Yield the sound of an analysis, as the function `render_foley` does."""
        sounds = self.schedule_sounds(analysis, samples)
        return _trim_with_fade(limit_peaks(_mix_blocks(sounds, self.render_bed(), self.room, samples)), samples)

    def silence_notes(self, analysis: MotionAnalysis) -> list[str]:
        """Return the note about a take in which nothing strikes; none when that is no surprise."""
        heard = self.choose_events(analysis).events
        if not self.impact_gain or any(event.kind == "impact" for event in heard):
            return []
        if self.ambiences and self.bed_gain:
            return [NO_CONTACT_AMBIENCE] if self.names_sound and not heard else []
        if heard and self._moves:
            return []
        if heard and self.whoosh_gain:
            return [NO_CONTACT_WHOOSH]
        return [NO_CONTACT_TONE if self.tone is not None and self.bed_gain else NO_CONTACT_SILENCE]

    def render_bed(self) -> Iterator[Stereo] | None:
        """Return the ambience, or else the room tone, in blocks and faded in; None when there is neither."""
        presets = self.ambiences or ((self.tone,) if self.tone is not None else ())
        if not presets or not self.bed_gain:
            return None
        rng = np.random.default_rng([self.seed, _BED_STREAM])
        return self._fade_in(ambience.render_ambience(presets, rng, stereo_width=self.stereo_width))

    def _fade_in(self, bed: Iterator[Stereo]) -> Iterator[Stereo]:
        first = next(bed) * np.float32(self.bed_gain)
        first[:_FADE_SAMPLES] *= np.linspace(0, 1, _FADE_SAMPLES, dtype=np.float32)[:, None]
        yield first
        for block in bed:
            yield block * np.float32(self.bed_gain)

    @property
    def trigger(self) -> Trigger:
        """The change in the picture that the sounds belong to."""
        triggers = {layer.trigger for layer in self.layers if layer.part == "body"}
        return triggers.pop() if len(triggers) == 1 else "both"

    def choose_events(self, analysis: MotionAnalysis) -> MotionAnalysis:
        """Return the analysis with the events that these sounds belong to."""
        return select_events(analysis, self.trigger)

    def schedule_sounds(self, analysis: MotionAnalysis, samples: int) -> list[_ScheduledSound]:
        """Return every impact and every part of a whoosh that starts within `samples`, in order."""
        scheduled: list[_ScheduledSound] = []
        times = np.array([float(time) for time in analysis.times])
        ordinals: dict[tuple[str, int], int] = {}
        events = self._merge_movements(self.choose_events(analysis).events)
        impact_times = sorted({event.time for event in events if event.kind == "impact"})
        gaps = {time: float(later - time) for time, later in pairwise(impact_times)}
        for event in events:
            start = round(event.time * SAMPLE_RATE)
            # Seeded by its own position, not by the number of events before it: an edit elsewhere in the picture does not
            # change this sound. The ordinal separates events on the same sample.
            ordinal = ordinals[event.kind, start] = ordinals.get((event.kind, start), -1) + 1
            if not 0 <= start < samples:
                continue
            if event.kind == "impact" and self.impact_gain:
                key = (self.seed, _IMPACT_STREAM, start, ordinal)
                gap = gaps.get(event.time, _REPEAT_SECONDS)
                until_next = gap if gap < _REPEAT_SECONDS else None
                scheduled.append(
                    _ScheduledSound(
                        start - _MAX_LEAD_SAMPLES, partial(self._render_impact, event, start, key, until_next)
                    )
                )
            elif event.kind == "whoosh" and self.impact_gain and self._moves:
                key = (self.seed, _WHOOSH_STREAM, start, ordinal)
                scheduled.append(_ScheduledSound(start, partial(self._render_movement, event, start, key)))
            elif event.kind == "whoosh" and self.whoosh_gain:
                scheduled += self._schedule_whoosh(event, start, ordinal, analysis, times)
        return sorted(scheduled, key=lambda sound: sound.start_sample)

    @property
    def _moves(self) -> bool:
        """The leading sound lasts as long as a movement."""
        return self.layers[0].sound_class in _MOVEMENT_CLASSES

    def _merge_movements(self, events: Sequence[Event]) -> list[Event]:
        """Return the events without the impacts inside a movement that sounds itself."""
        spans = [
            (event.time, event.time + event.duration + _MOVEMENT_MARGIN_SECONDS)
            for event in events
            if event.kind == "whoosh" and self._moves
        ]
        return [
            event
            for event in events
            if event.kind == "whoosh" or not any(start <= event.time <= end for start, end in spans)
        ]

    def _render_movement(self, event: Event, start_sample: int, rng_key: Sequence[int]) -> _RenderedPart:
        """Return the sound of something that moves, as long as it does."""
        layer = self.layers[0]
        sound = render_sound(
            layer.sound_class,
            strength=event.strength,
            size=event.size * self.size_factor * layer.size,
            rng=np.random.default_rng(rng_key),
            duration=float(event.duration),
        )
        samples = sound.samples[sound.attack :] * np.float32(self.impact_gain)
        return _RenderedPart(start_sample, pan_sound(samples, _clamp_unit(event.x) * self.stereo_width), samples)

    def _render_impact(
        self, event: Event, start_sample: int, rng_key: Sequence[int], until_next: float | None
    ) -> _RenderedPart:
        """Return one hit: its layers, struck together."""
        rng = np.random.default_rng(rng_key)
        fitting = [layer for layer in self.layers if layer.trigger in (event.trigger, "both")] or self.layers
        contacts = [contact for layer in fitting for contact in self._render_contacts(layer, event, rng, until_next)]
        lead = min(max(-at for at, _ in contacts), _MAX_LEAD_SAMPLES, start_sample)
        hit = np.zeros(lead + max(at + len(sound) for at, sound in contacts), np.float32)
        for at, sound in contacts:
            first = lead + at  # negative where sound before the attack does not fit
            hit[max(first, 0) : first + len(sound)] += sound[max(-first, 0) :]
        hit *= np.float32(self.impact_gain)
        return _RenderedPart(start_sample - lead, pan_sound(hit, _clamp_unit(event.x) * self.stereo_width), hit)

    def _render_contacts(
        self, layer: SoundLayer, event: Event, rng: np.random.Generator, until_next: float | None
    ) -> Iterator[tuple[int, Mono]]:
        """Yield the sounds of one layer, each with its first sample relative to the event."""
        size = event.size * self.size_factor * layer.size
        contact = partial(render_sound, layer.sound_class, size=size, rng=rng, until_next=until_next)
        sound = contact(strength=event.strength)
        raised_db = (SOUND_CLASSES[layer.sound_class].dynamic_range - _MIX_RANGE_DB) * (1 - _clamp_unit(event.strength))
        gain = np.float32(db_to_gain(layer.gain_db + raised_db))
        if layer.part == "attack":
            samples = sound.samples[sound.attack : sound.attack + _CONTACT_SAMPLES] * gain
            samples *= np.linspace(1, 0, len(samples), dtype=np.float32) ** 2
            yield 0, samples
        else:
            yield -sound.attack, sound.samples * gain
        if layer.gesture:
            after = round(rng.uniform(*_STEP_SECONDS) * SAMPLE_RATE)
            second = contact(strength=0.7 * event.strength)
            level = np.float32(db_to_gain(_STEP_DB + rng.uniform(-3, 2)))
            yield after, second.samples[second.attack :] * level * gain

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
        frames = max(round(event.duration * SAMPLE_RATE / noise.WHOOSH_HOP_SAMPLES), 4)
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
        # Larger and slower objects shed larger eddies, which sound lower. 0.15 is the size of a thing at its own pitch.
        lowering = (0.15 / min(max(event.size, 0.03), 1.0)) ** 0.3
        centres = np.clip(260 * (1 + 3 * speed) ** 0.9 * lowering, 110, 7000)
        angles = pan_angle(np.clip(x, -1, 1) * self.stereo_width)

        def chunk_from(first: int) -> _ScheduledSound:
            part = slice(first, first + _WHOOSH_CHUNK_FRAMES)
            key = (self.seed, _WHOOSH_STREAM, start_sample, ordinal, first)
            curves = (levels[part] * self.whoosh_gain, centres[part], angles[part])
            start = start_sample + first * noise.WHOOSH_HOP_SAMPLES
            return _ScheduledSound(
                start, lambda: _RenderedPart(start, noise.render_whoosh(*curves, np.random.default_rng(key)))
            )

        return [chunk_from(first) for first in range(0, frames, _WHOOSH_CHUNK_FRAMES)]


def _mix_blocks(
    sounds: Sequence[_ScheduledSound], bed: Iterator[Stereo] | None, room: str, samples: int
) -> Iterator[Stereo]:
    """Yield the sum of ambience, sounds and room in blocks of `ambience.BLOCK_SAMPLES` that cover `samples`."""
    # `pending` holds what sounds already rendered add to this block and to later ones; `send` the same for the room.
    pending, send = stereo_silence(0), np.zeros(0, np.float32)
    reverb = RoomReverb(room) if room != NONE else None
    coming = iter(sounds)
    sound = next(coming, None)
    for at in range(0, samples, ambience.BLOCK_SAMPLES):
        while sound is not None and sound.start_sample < at + ambience.BLOCK_SAMPLES:
            part = sound.render()
            offset = part.start_sample - at
            end = offset + len(part.stereo)
            if end > len(pending):
                pending = np.concatenate([pending.T, np.zeros((2, end - len(pending)), np.float32)], axis=1).T
                send = np.concatenate([send, np.zeros(end - len(send), np.float32)])
            pending[offset:end] += part.stereo
            if part.send is not None:
                send[offset : offset + len(part.send)] += part.send
            sound = next(coming, None)
        block = next(bed) if bed is not None else stereo_silence(ambience.BLOCK_SAMPLES)
        block[: len(pending)] += pending[: ambience.BLOCK_SAMPLES]
        if reverb is not None:
            due = send[: ambience.BLOCK_SAMPLES]
            reverb.add_to(block, np.concatenate([due, np.zeros(ambience.BLOCK_SAMPLES - len(due), np.float32)]))
        pending, send = pending[ambience.BLOCK_SAMPLES :], send[ambience.BLOCK_SAMPLES :]
        yield block


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

    A word applies to what its own clause names, so that "hammer, quiet rain" makes only the rain quiet. It counts once for a layer:
    "quiet steps, quiet keys" are not quieter than quiet.
    """
    words: dict[str, set[str]] = {layer: set() for layer in LAYER_SPELLINGS}
    vocabulary = load_vocabulary()
    for clause in prompt_matcher.split_clauses(prompt):
        named = prompt_matcher.match_prompt(clause, vocabulary.matchable).matched
        names_thing = any(vocabulary.words[word].role != "place" for word in named.get("word", ()))
        layers = ("bed",) if "ambience" in named and not names_thing else ("impacts", "whooshes")
        for word in named.get("dynamic", ()):
            for layer in layers:
                words[layer].add(word)
    return {layer: sum(_DYNAMIC_GAIN_DB[word] for word in found) for layer, found in words.items()}


def _tone_place(meaning: Interpretation, room: str) -> str:
    """Return the text whose tone a take gets: the place that the prompt names, or the room's own tone."""
    if room == AUTO:
        return meaning.place or ROOMS[meaning.room].tone
    return ROOMS[room].tone


def _clamp_unit(value: float) -> float:
    return min(max(value, -1.0), 1.0)


def _number_param(params: Params, name: str) -> float:
    value = params.get(name, DEFAULT_PARAMS[name])
    if isinstance(value, str) or not np.isfinite(value):
        raise parameters.not_a_number(MODEL, name, value)
    return float(value)


def _choice_param(params: Params, name: str, choices: Sequence[str]) -> str:
    return parameters.check_choice(MODEL, name, params.get(name, DEFAULT_PARAMS[name]), choices)
