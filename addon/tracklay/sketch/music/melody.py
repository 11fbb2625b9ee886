"""Writes the melody: a two-bar motif of statement and answer, which is repeated, closed, and varied when its section returns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from .form import BARS_PER_PHRASE, STEPS_PER_BEAT, Section
from .harmony import Chord, melody_pitch_classes, nearest_pitch, scale_pitch_classes
from .instruments import INSTRUMENTS
from .score import Arrangement, ChordCursor, ChordSpan, Note, Performer
from .styles import MELODY_RHYTHMS

if TYPE_CHECKING:
    import random

_MAX_LEAP_SEMITONES = 9  # a major sixth: larger leaps are hard to sing
_MAX_NOTE_STEPS = 10 * STEPS_PER_BEAT  # longest note: about as long as a breath
_ORNAMENTED_SHARE = 0.5  # share of the longer notes that get a neighbour when a part comes again
_LIFT_SEMITONES = 4  # B parts are higher than A parts by this much


class _MotifBar(NamedTuple):
    """One bar of a motif: the start of each note in steps, and its pitch in scale steps from the anchor."""

    steps: tuple[int, ...]
    contour: tuple[int, ...]


class _PitchChooser:
    """Chooses pitches: chord tones on strong beats, within the instrument's range, without large leaps or repetitions."""

    def __init__(self, arrangement: Arrangement, instrument_name: str) -> None:
        instrument = INSTRUMENTS[instrument_name]
        self._arrangement = arrangement
        # A centre around C5 where the instrument allows, at least nine semitones above its lowest and an octave below
        # its highest pitch: the line needs space to both sides.
        self._instrument = instrument
        self._usual_centre = 72 + arrangement.part_rng("melody/register").choice((-7, -3, 0, 3, 6))
        self.move_register(0)
        self._second_last = self._last = self.centre
        self.scale_pitches = [
            pitch for pitch in range(128) if pitch % 12 in scale_pitch_classes(arrangement.key, arrangement.mode)
        ]

    def move_register(self, semitones: int) -> None:
        """Centre the line this much above where the seed puts it, as far as the instrument allows."""
        lowest, highest = self._instrument.lowest_pitch, self._instrument.highest_pitch
        self.centre = max(lowest + 9, min(self._usual_centre + semitones, highest - 12))
        self._low, self._high = max(lowest, self.centre - 10), min(highest, self.centre + 13)

    def choose_pitch(self, target: int, chord: Chord, *, strong: bool) -> int:
        """Return the pitch near `target` that comes next; a strong note is a chord tone."""
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
        if pitch == self._last == self._second_last:  # a third time in a row: move a third towards the centre
            pitch = nearest_pitch(pitch + (3 if pitch <= self.centre else -3), allowed)
        while pitch > self._high:
            pitch -= 12
        while pitch < self._low:
            pitch += 12
        self._second_last, self._last = self._last, pitch
        return pitch

    def closing_pitch(self, chord: Chord) -> int:
        """Return the pitch of the final note: the root if it is near, else root or third, whichever is nearer."""
        tonic = nearest_pitch(self._last, (chord.root,))
        near = abs(tonic - self._last) <= _LIFT_SEMITONES and self._low <= tonic <= self._high
        return tonic if near else nearest_pitch(self._last, (chord.root, chord.third))


def write_melody(arrangement: Arrangement, spans: tuple[ChordSpan, ...]) -> Iterator[Note]:
    """Yield all notes of the melody; none when the arrangement has no lead."""
    instrument_name = arrangement.instruments.get("lead")
    if instrument_name is None:
        return
    form = arrangement.form
    chooser = _PitchChooser(arrangement, instrument_name)
    performer = Performer(arrangement, "lead", "melody", (instrument_name, ""))
    motifs = _write_motifs(arrangement)
    cursor = ChordCursor(spans)
    repetitions: dict[str, int] = {}
    sections = [
        section for section in form.sections if section.name != "intro" and arrangement.part_plays("melody", section)
    ]
    for section in sections:
        name = section.name if section.name in motifs else "A"
        count = repetitions[name] = repetitions.get(name, -1) + 1
        velocity = 0.55 + 0.35 * arrangement.section_intensity(section)
        chooser.move_register(section.register)
        opening = spans[cursor.index(section.first_bar * form.steps_per_bar)].chord
        anchor = nearest_pitch(chooser.centre + (_LIFT_SEMITONES if name == "B" else 0), opening.tones)
        anchor_index = min(
            range(len(chooser.scale_pitches)),
            key=lambda at, anchor=anchor: abs(chooser.scale_pitches[at] - anchor),  # type: ignore[misc]
        )
        for step, end, offset in _section_notes(arrangement, section, motifs[name], count):
            # Strong notes are on the first or third beat, or last a beat or longer: a dissonance would be heard there.
            strong = step % (2 * STEPS_PER_BEAT) == 0 or end - step >= STEPS_PER_BEAT
            target = chooser.scale_pitches[max(0, min(len(chooser.scale_pitches) - 1, anchor_index + offset))]
            pitch = chooser.choose_pitch(target, spans[cursor.index(step)].chord, strong=strong)
            yield performer.note(pitch, step, min(end, step + _MAX_NOTE_STEPS), velocity * (1.0 if strong else 0.88))
    if sections or not form.sections:
        yield performer.note(
            chooser.closing_pitch(spans[-1].chord), form.final_step, form.final_step + 1, 0.5 + 0.3 * arrangement.energy
        )


def _write_motifs(arrangement: Arrangement) -> dict[str, tuple[_MotifBar, _MotifBar]]:
    """Return statement and answer of the parts A, B and C."""
    rhythms = (
        MELODY_RHYTHMS["waltz"]
        if arrangement.form.beats_per_bar == 3
        else MELODY_RHYTHMS["sparse" if arrangement.sparse else arrangement.style.melody_rhythm]
    )
    motifs: dict[str, tuple[_MotifBar, _MotifBar]] = {}
    for name in "ABC":
        rng = arrangement.part_rng(f"melody/{name}")
        first, second = rng.sample(rhythms, 2)
        motifs[name] = (_write_motif_bar(first, rng, 0), _write_motif_bar(second, rng, rng.choice((0, 1, 2))))
    return motifs


def _write_motif_bar(pattern: str, rng: random.Random, start: int) -> _MotifBar:
    """Return a rhythm with a contour: mostly steps, and now and then a leap, which a step back follows."""
    steps = tuple(step for step, mark in enumerate(pattern) if mark == "x")
    line: list[int] = []
    at, direction, leap = start, rng.choice((-1, 1)), 0
    for _ in steps:
        line.append(at)
        if leap:
            at -= leap // abs(leap)
            leap = 0
        elif rng.random() < 0.22:
            leap = rng.choice((-3, -2, 2, 3, 4))
            at += leap
        else:
            at += direction
        if rng.random() < 0.3 or abs(at) > 4:
            direction = -1 if at > 0 else 1
    return _MotifBar(steps, tuple(line))


def _vary_bar(motif_bar: _MotifBar, rng: random.Random) -> _MotifBar:
    """Return a variation of a bar: inverted, or with its last note moved."""
    if rng.random() < 0.4:
        return _MotifBar(
            motif_bar.steps, tuple(2 * motif_bar.contour[0] - scale_step for scale_step in motif_bar.contour)
        )
    return _MotifBar(motif_bar.steps, (*motif_bar.contour[:-1], motif_bar.contour[-1] + rng.choice((-2, 1, 2))))


def _ornament(line: list[tuple[int, int]], steps: int, rng: random.Random) -> list[tuple[int, int]]:
    """Return a bar, (step, scale steps from the anchor), with neighbours in the second half of some of its longer notes."""
    ends = [*(step for step, _ in line[1:]), steps]
    ornamented: list[tuple[int, int]] = []
    for (step, offset), end in zip(line, ends, strict=True):
        ornamented.append((step, offset))
        if end - step >= STEPS_PER_BEAT and rng.random() < _ORNAMENTED_SHARE:
            ornamented.append((step + (end - step) // 2, offset + rng.choice((-1, 1))))
    return ornamented


def _section_notes(
    arrangement: Arrangement, section: Section, motif: tuple[_MotifBar, _MotifBar], repetition: int
) -> Iterator[tuple[int, int, int]]:
    """Yield the notes of a section as (step, end, scale steps from the anchor).

    `repetition` is the number of times that its part has been heard before.
    """
    form = arrangement.form
    name = section.name
    rng = arrangement.part_rng(f"melody/{name}/{repetition}")
    statement, answer = motif
    if repetition:
        answer = _vary_bar(answer, rng)
    # Bars of a phrase: statement, answer, statement (varied in B parts), close.
    tunes = (statement, answer, _vary_bar(statement, rng) if name == "B" else statement)
    half = form.steps_per_bar // 2 if form.beats_per_bar % 2 == 0 else STEPS_PER_BEAT
    for index in range(section.bars):
        bar = (section.first_bar + index) * form.steps_per_bar
        closing = section.bars > 1 and (index % BARS_PER_PHRASE == BARS_PER_PHRASE - 1 or index == section.bars - 1)
        # The outro and the break rest in every other bar.
        if name in ("outro", "C") and index % 2 == 1 and not closing:
            continue
        if closing:
            # The first notes of the statement, then one long note; on the anchor at the end of the piece.
            early = [note for note in zip(statement.steps, statement.contour, strict=True) if note[0] < half]
            line = [*early[:2], (half, 0 if section is form.sections[-1] else rng.choice((0, 1, 2)))]
        else:
            tune = tunes[index % BARS_PER_PHRASE % len(tunes)]
            line = list(zip(tune.steps, tune.contour, strict=True))
            # The head of the theme stays as it was; the other bars are ornamented when they come again.
            if repetition and index % BARS_PER_PHRASE and not arrangement.sparse:
                line = _ornament(line, form.steps_per_bar, rng)
        # An eighth of rest after a phrase, as a singer would breathe.
        breath = STEPS_PER_BEAT // 2 if closing else 0
        ends = [*(step for step, _ in line[1:]), form.steps_per_bar - breath]
        for (step, offset), end in zip(line, ends, strict=True):
            yield bar + step, bar + end, offset
