"""Writes the melody: a motif of two bars, stated, answered, said again and closed, and varied when its part returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .form import BARS_PER_PHRASE, STEPS_PER_BEAT, Section
from .harmony import Chord, melody_pitch_classes, nearest_pitch, scale_pitch_classes
from .instruments import INSTRUMENTS
from .score import Arrangement, ChordCursor, ChordSpan, Note, Performer
from .styles import MELODY_RHYTHMS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

_MAX_LEAP_SEMITONES = 9  # semitones
_MAX_NOTE_STEPS = 10 * STEPS_PER_BEAT  # steps a note is held at most
_LIFT_SEMITONES = 4  # semitones that B parts lie higher


class _MotifBar(NamedTuple):
    """One bar of a motif: where its notes begin, in steps, and where each lies, in scale steps from the anchor."""

    steps: tuple[int, ...]
    contour: tuple[int, ...]


class _PitchChooser:
    """Chooses pitches: chord tones where they count, in the voice's range, no great leaps, no note over and over."""

    def __init__(self, arrangement: Arrangement, instrument_name: str) -> None:
        instrument = INSTRUMENTS[instrument_name]
        self._arrangement = arrangement
        self.centre = max(instrument.lowest_pitch + 9, min(72, instrument.highest_pitch - 12))
        self._low = max(instrument.lowest_pitch, self.centre - 10)
        self._high = min(instrument.highest_pitch, self.centre + 13)
        self._second_last = self._last = self.centre
        self.scale_pitches = [
            pitch for pitch in range(128) if pitch % 12 in scale_pitch_classes(arrangement.key, arrangement.mode)
        ]

    def choose_pitch(self, target: int, chord: Chord, *, strong: bool) -> int:
        """The pitch to sing near `target`; a strong note is one of the chord's."""
        allowed = (
            frozenset(chord.tones)
            if strong
            else melody_pitch_classes(chord, self._arrangement.key, self._arrangement.mode)
        )
        pitch = nearest_pitch(target, allowed)
        while pitch - self._last > _MAX_LEAP_SEMITONES:
            pitch -= 12
        while self._last - pitch > _MAX_LEAP_SEMITONES:
            pitch += 12
        if pitch == self._last == self._second_last:
            pitch = nearest_pitch(pitch + (3 if pitch <= self.centre else -3), allowed)
        while pitch > self._high:
            pitch -= 12
        while pitch < self._low:
            pitch += 12
        self._second_last, self._last = self._last, pitch
        return pitch

    def closing_pitch(self, chord: Chord) -> int:
        """Where the last note lies: the tonic when it is near, else the third."""
        tonic = nearest_pitch(self._last, (chord.root,))
        near = abs(tonic - self._last) <= _LIFT_SEMITONES and self._low <= tonic <= self._high
        return tonic if near else nearest_pitch(self._last, (chord.root, chord.third))


def write_melody(arrangement: Arrangement, spans: tuple[ChordSpan, ...]) -> Iterator[Note]:
    """All notes of the lead; none when the band has no lead."""
    player = arrangement.instruments.get("lead")
    if player is None:
        return
    form = arrangement.form
    singer = _PitchChooser(arrangement, player)
    pen = Performer(arrangement, "lead", "melody", (player, ""))
    motifs = _write_motifs(arrangement)
    changes = ChordCursor(spans)
    times: dict[str, int] = {}
    sung = [section for section in form.sections if section.name != "intro"]
    for section in sung:
        name = section.name if section.name in motifs else "A"
        count = times[name] = times.get(name, -1) + 1
        velocity = 0.55 + 0.35 * arrangement.section_intensity(section)
        opening = spans[changes.index(section.first_bar * form.steps_per_bar)].chord
        anchor = nearest_pitch(singer.centre + (_LIFT_SEMITONES if name == "B" else 0), opening.tones)
        place = min(
            range(len(singer.scale_pitches)),
            key=lambda at, anchor=anchor: abs(singer.scale_pitches[at] - anchor),  # type: ignore[misc]
        )
        for step, end, offset in _section_notes(arrangement, section, motifs[name], count):
            strong = step % (2 * STEPS_PER_BEAT) == 0 or end - step >= STEPS_PER_BEAT
            target = singer.scale_pitches[max(0, min(len(singer.scale_pitches) - 1, place + offset))]
            pitch = singer.choose_pitch(target, spans[changes.index(step)].chord, strong=strong)
            yield pen.note(pitch, step, min(end, step + _MAX_NOTE_STEPS), velocity * (1.0 if strong else 0.88))
    if sung or not form.sections:
        yield pen.note(
            singer.closing_pitch(spans[-1].chord), form.final_step, form.final_step + 1, 0.5 + 0.3 * arrangement.energy
        )


def _write_motifs(arrangement: Arrangement) -> dict[str, tuple[_MotifBar, _MotifBar]]:
    """Statement and answer of the parts A, B and C."""
    rhythms = (
        MELODY_RHYTHMS["waltz"]
        if arrangement.form.beats_per_bar == 3
        else MELODY_RHYTHMS[arrangement.style.melody_rhythm]
    )
    motifs: dict[str, tuple[_MotifBar, _MotifBar]] = {}
    for name in "ABC":
        chance = arrangement.part_rng(f"melody/{name}")
        first, second = chance.sample(rhythms, 2)
        motifs[name] = (_write_motif_bar(first, chance, 0), _write_motif_bar(second, chance, chance.choice((0, 1, 2))))
    return motifs


def _write_motif_bar(pattern: str, rng: random.Random, start: int) -> _MotifBar:
    """A rhythm with a line: mostly by step, a leap now and then, answered by a step back."""
    steps = tuple(step for step, mark in enumerate(pattern) if mark == "x")
    line: list[int] = []
    at, lean, leapt = start, rng.choice((-1, 1)), 0
    for _ in steps:
        line.append(at)
        if leapt:
            at -= leapt // abs(leapt)
            leapt = 0
        elif rng.random() < 0.22:
            leapt = rng.choice((-3, -2, 2, 3, 4))
            at += leapt
        else:
            at += lean
        if rng.random() < 0.3 or abs(at) > 4:
            lean = -1 if at > 0 else 1
    return _MotifBar(steps, tuple(line))


def _vary_bar(motif_bar: _MotifBar, rng: random.Random) -> _MotifBar:
    """The same bar said again: upside down, or with its last note moved."""
    if rng.random() < 0.4:
        return _MotifBar(motif_bar.steps, tuple(2 * motif_bar.contour[0] - place for place in motif_bar.contour))
    return _MotifBar(motif_bar.steps, (*motif_bar.contour[:-1], motif_bar.contour[-1] + rng.choice((-2, 1, 2))))


def _section_notes(
    arrangement: Arrangement, section: Section, motif: tuple[_MotifBar, _MotifBar], repetition: int
) -> Iterator[tuple[int, int, int]]:
    """The notes of a section as (step, end, scale steps from the anchor).

    `repetition` says how often its part has been heard before.
    """
    form = arrangement.form
    name = section.name
    chance = arrangement.part_rng(f"melody/{name}/{repetition}")
    statement, answer = motif
    if repetition:
        answer = _vary_bar(answer, chance)
    tunes = (statement, answer, _vary_bar(statement, chance) if name == "B" else statement)
    half = form.steps_per_bar // 2 if form.beats_per_bar % 2 == 0 else STEPS_PER_BEAT
    for index in range(section.bars):
        bar = (section.first_bar + index) * form.steps_per_bar
        closing = section.bars > 1 and (index % BARS_PER_PHRASE == BARS_PER_PHRASE - 1 or index == section.bars - 1)
        if name in ("outro", "C") and index % 2 == 1 and not closing:
            continue
        if closing:
            early = [note for note in zip(statement.steps, statement.contour, strict=True) if note[0] < half]
            line = [*early[:2], (half, 0 if section is form.sections[-1] else chance.choice((0, 1, 2)))]
        else:
            tune = tunes[index % BARS_PER_PHRASE % len(tunes)]
            line = list(zip(tune.steps, tune.contour, strict=True))
        breath = STEPS_PER_BEAT // 2 if closing else 0
        ends = [*(step for step, _ in line[1:]), form.steps_per_bar - breath]
        for (step, offset), end in zip(line, ends, strict=True):
            yield bar + step, bar + end, offset
