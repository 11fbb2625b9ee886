"""Plans a mix from what was heard: levels by kind, ducks under speech, fades at edges that click. Only numbers: no sound is read here."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..cue import SAMPLE_RATE
from ..listening.loudness import PART_SAMPLES, SILENCE_LUFS, gated_loudness, lufs_of_power, power_of_lufs
from .ducking import Stretch, duck_curve, merge_stretches
from .gain_curve import FADE_SAMPLES, GainCurve, db_of_gain, gain_of_db
from .notes import MixNote
from .plan import MixPlan, SoundPlan

if TYPE_CHECKING:
    import numpy.typing as npt

    from .analysis import SoundAnalysis
    from .kinds import Kind
    from .presets import Duck, Preset
    from .sources import MixSource

    Powers = npt.NDArray[np.float64]

ANCHOR_LUFS = -23.0
"""Level of dialogue before the gain of the whole."""

GAIN_RANGE_DB = (-40.0, 24.0)
"""Limits of the gain of a sound to the level of its kind: more would raise its noise only."""

EFFECTS_CREST_DB = 16.0
"""Decibels by which the highest peak of effects may exceed the loudness of dialogue: single hits have next to no loudness to go by."""

_ACTIVE_LU = 10.0  # dialogue in which no speech is found is heard where it is at most this much below its loudness
_MIN_PART_LUFS = -60.0


@dataclass(frozen=True, slots=True)
class HeardSound:
    """A sound of the scene with what was heard in it."""

    source: MixSource
    analysis: SoundAnalysis

    @property
    def first_part(self) -> int:
        """The 100 ms of the mix's timeline in which it begins, to the nearest."""
        return round(self.source.start / PART_SAMPLES)


def plan_mix(
    sounds: Sequence[HeardSound],
    samples: int,
    preset: Preset,
    *,
    target_lufs: float | None = None,
    true_peak_db: float | None = None,
) -> MixPlan:
    """Return the plan of a mix. Its `master_db` is what the powers let expect; the render measures it.

    Args:
        sounds: the sounds of the scene.
        samples: length of the mix.
        preset: levels and ducks.
        target_lufs: integrated loudness; None: the preset's.
        true_peak_db: highest true peak; None: the preset's.
    """
    parts = -(-samples // PART_SAMPLES)
    speech = {sound.source.id: speech_of(sound) for sound in sounds if sound.analysis.kind == "dialogue"}
    loudness = {sound.source.id: _loudness(sound, speech.get(sound.source.id, ())) for sound in sounds}
    levels = _levels(sounds, loudness, preset)
    spoken = merge_stretches([stretch for stretches in speech.values() for stretch in stretches], 0)
    dialogue = np.zeros(parts)
    for sound in sounds:
        if sound.analysis.kind == "dialogue":
            _add_powers(dialogue, sound, GainCurve(((0, gain_of_db(levels[sound.source.id])),)))
    plans = []
    for sound in sounds:
        source, kind = sound.source, sound.analysis.kind
        level = GainCurve(((source.start, gain_of_db(levels[source.id])),))
        curve = level.times(_fades(sound))
        if (duck := preset.ducks.get(kind)) and spoken:
            powers = np.zeros(parts)
            _add_powers(powers, sound, level)
            curve = curve.times(_plan_duck(duck, spoken, dialogue, powers, source).within(source.start, source.stop))
        plans.append(
            SoundPlan(
                source.id,
                source.name,
                kind,
                sound.analysis.kind_from,
                source.start,
                source.samples,
                loudness[source.id],
                levels[source.id],
                curve,
                tuple(speech.get(source.id, ())),
                _heard_handles(sound),
            )
        )
    target = preset.target_lufs if target_lufs is None else target_lufs
    expected = gated_loudness(mix_powers(sounds, plans, parts))
    return MixPlan(
        preset.name,
        target,
        preset.true_peak_db if true_peak_db is None else true_peak_db,
        samples,
        tuple(plans),
        0.0 if expected <= SILENCE_LUFS else target - expected,
        notes=tuple(_notes(sounds, samples, spoken)),
    )


def mix_powers(
    sounds: Sequence[HeardSound], plans: Sequence[SoundPlan], parts: int, kind: Kind | None = None
) -> Powers:
    """Return the K-weighted power of each 100 ms of the mix, or of one kind in it, as if no two sounds were alike."""
    powers = np.zeros(parts)
    for sound, plan in zip(sounds, plans, strict=True):
        if kind is None or plan.kind == kind:
            _add_powers(powers, sound, plan.curve)
    return powers


def dialogue_over_music(sounds: Sequence[HeardSound], plan: MixPlan) -> float | None:
    """Return the LU between dialogue and music while someone speaks; None if there is no music, or no speech."""
    parts = -(-plan.samples // PART_SAMPLES)
    spoken = [stretch for sound in plan.sounds for stretch in sound.speech]
    is_spoken = np.zeros(parts, bool)
    for start, stop in spoken:
        is_spoken[-(-start // PART_SAMPLES) : stop // PART_SAMPLES] = True
    dialogue = mix_powers(sounds, plan.sounds, parts, "dialogue")[is_spoken]
    music = mix_powers(sounds, plan.sounds, parts, "music")[is_spoken]
    playing = music > power_of_lufs(SILENCE_LUFS)
    if not playing.any():
        return None
    return gated_loudness(dialogue[playing]) - lufs_of_power(float(music[playing].mean()))


def speech_of(sound: HeardSound) -> tuple[tuple[int, int], ...]:
    """Return the stretches of speech of a dialogue sound: where it is audible, if the user calls it dialogue and none was found."""
    if sound.analysis.speech:
        return sound.analysis.speech
    powers, source = sound.analysis.powers, sound.source
    loudness = gated_loudness(powers)
    if loudness <= SILENCE_LUFS:
        return ()
    heard = np.flatnonzero(powers > power_of_lufs(loudness - _ACTIVE_LU))
    stretches = [
        (source.start + int(part) * PART_SAMPLES, source.start + (int(part) + 1) * PART_SAMPLES) for part in heard
    ]
    return tuple((start, min(stop, source.stop)) for start, stop in merge_stretches(stretches, SAMPLE_RATE // 2))


def _loudness(sound: HeardSound, speech: Sequence[tuple[int, int]]) -> float:
    """Return the loudness of a sound; of dialogue, that of its speech."""
    powers = sound.analysis.powers
    if speech:
        start = sound.source.start
        spoken = [powers[(a - start) // PART_SAMPLES : -(-(b - start) // PART_SAMPLES)] for a, b in speech]
        powers = np.concatenate(spoken)
    return gated_loudness(powers)


def _levels(sounds: Sequence[HeardSound], loudness: dict[str, float], preset: Preset) -> dict[str, float]:
    """Return the gain of each sound in decibels, to the level of its kind. Silence stays as it is."""
    groups: dict[str, list[HeardSound]] = {}
    for sound in sounds:
        is_grouped = sound.analysis.kind == "effects" and sound.source.track
        groups.setdefault(f"track {sound.source.track}" if is_grouped else f"sound {sound.source.id}", []).append(sound)
    levels = {}
    for group in groups.values():
        measured = loudness[group[0].source.id]
        if len(group) > 1:
            measured = gated_loudness(np.concatenate([sound.analysis.powers for sound in group]))
        kind = group[0].analysis.kind
        wanted = ANCHOR_LUFS + preset.levels.get(kind, 0.0) - measured
        if kind == "effects":
            wanted = min(
                wanted, ANCHOR_LUFS + EFFECTS_CREST_DB - db_of_gain(max(sound.analysis.peak for sound in group))
            )
        level = 0.0 if measured <= SILENCE_LUFS else min(max(wanted, GAIN_RANGE_DB[0]), GAIN_RANGE_DB[1])
        levels.update({sound.source.id: level for sound in group})
    return levels


def _plan_duck(
    duck: Duck, spoken: Sequence[tuple[int, int]], dialogue: Powers, powers: Powers, source: MixSource
) -> GainCurve:
    """Return the duck of one sound under the speech near it, as deep as its loudness there needs."""
    close = max(duck.gap, duck.look_ahead + duck.hold + duck.recovery)
    reach = round((close + duck.rise) * SAMPLE_RATE)
    first, last = (bisect_left(spoken, (time, time)) for time in (source.start - reach, source.stop + reach))
    # One stretch earlier: it may last until the sound begins.
    near = spoken[max(0, first - 1) : last]
    depths = [_depth_under(duck, dialogue[part], powers[part]) for part in map(_parts_of, near)]
    stretches = []
    at = 0
    for start, stop in merge_stretches(near, round(close * SAMPLE_RATE)):
        count = bisect_left(near, (stop, stop), at) - at
        stretches.append(Stretch(start, stop, min(max(depths[at : at + count]), duck.deepest)))
        at += count
    return duck_curve(stretches, duck)


def _parts_of(stretch: tuple[int, int]) -> slice:
    first = stretch[0] // PART_SAMPLES
    return slice(first, max(first + 1, stretch[1] // PART_SAMPLES))


def _depth_under(duck: Duck, dialogue: Powers, powers: Powers) -> float:
    """Return the depth under one stretch of speech: the duck's own, or more if the sound is too loud there."""
    over = _over(dialogue, powers)
    return duck.depth if over is None else max(duck.depth, duck.dialogue_over - over)


def _over(dialogue: Powers, powers: Powers) -> float | None:
    """Return the LU between dialogue and another sound in the same parts; None if one of them is silent."""
    floor = power_of_lufs(_MIN_PART_LUFS)
    if not len(powers) or powers.mean() <= floor or dialogue.mean() <= floor:
        return None
    return lufs_of_power(float(dialogue.mean())) - lufs_of_power(float(powers.mean()))


def _fades(sound: HeardSound) -> GainCurve:
    """Return the short fades at the edges of a sound that would click: half beyond them where the file goes on, else inside.

    Two clips that meet fade into each other in a straight line: where the file goes on from one to the other, nothing is heard.
    """
    source, (begins, ends) = sound.source, sound.analysis.fades
    fade = min(FADE_SAMPLES, source.samples // 2)
    before, after = sound.analysis.handles
    first, last = source.start - before, source.stop + after
    points = [(first, 0.0), (first + fade, 1.0)] if begins else [(source.start, 1.0)]
    points += [(last - fade, 1.0), (last, 0.0)] if ends else [(source.stop, 1.0)]
    return GainCurve(tuple(points)).simplified()


def _heard_handles(sound: HeardSound) -> tuple[int, int]:
    """Return the samples that a sound plays beyond its edges: none where it does not fade."""
    (begins, ends), (before, after) = sound.analysis.fades, sound.analysis.handles
    return before * begins, after * ends


def _add_powers(powers: Powers, sound: HeardSound, curve: GainCurve) -> None:
    """Add the powers of a sound after its gains to those of the timeline."""
    own = sound.analysis.powers
    first = sound.first_part
    count = min(len(own), len(powers) - first)
    if count <= 0:
        return
    middles = (np.arange(count) + 0.5) * PART_SAMPLES + sound.source.start
    powers[first : first + count] += own[:count] * curve.at_samples(middles) ** 2


def _notes(sounds: Sequence[HeardSound], samples: int, spoken: Sequence[tuple[int, int]]) -> list[MixNote]:
    """Return the sentences about a scene that its user should read."""
    notes = []
    if not any(sound.analysis.powers.max(initial=0) > power_of_lufs(SILENCE_LUFS) for sound in sounds):
        return [MixNote("mix.note_silent", "All sounds are silent: they have no loudness.")]
    if not spoken:
        notes.append(
            MixNote(
                "mix.note_no_dialogue",
                "No dialogue was found: nothing is ducked, and the loudness target holds for the sounds that there are.",
            )
        )
    for sound in sounds:
        name, analysis = sound.source.name, sound.analysis
        if analysis.invalid:
            notes.append(
                MixNote(
                    "mix.note_invalid",
                    "{name}: {count} samples are no numbers and play as silence.",
                    name=name,
                    count=analysis.invalid,
                )
            )
        if analysis.clipped:
            notes.append(
                MixNote(
                    "mix.note_clipped",
                    "{name}: clipped in {count} places. The mix cannot restore what was cut off.",
                    name=name,
                    count=analysis.clipped,
                )
            )
    seconds = samples / SAMPLE_RATE
    if seconds < _SHORT_SECONDS:
        notes.append(
            MixNote(
                "mix.note_short",
                "The scene has {seconds:.1f} s: its loudness is measured over {blocks} blocks of 0.4 s; BS.1770 has no short-term"
                " loudness and no loudness range for less than a few windows of 3 s.",
                seconds=seconds,
                blocks=max(0, round(seconds * 10) - 3),
            )
        )
    return notes


_SHORT_SECONDS = 10
