"""Writes the melody: a motif of two bars, stated, answered, said again and closed, and varied when its part returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .form import PHRASE, STEPS, Section
from .harmony import Chord, nearest, playable, scale
from .instruments import INSTRUMENTS
from .score import Band, Changes, Note, Pen, Span
from .styles import RHYTHMS

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

_HIGHEST_LEAP = 9  # semitones
_LONGEST = 10 * STEPS  # steps a note is held at most
_LIFT = 4  # semitones that B parts lie higher


class _Tune(NamedTuple):
    """One bar of a motif: where its notes begin, in steps, and where each lies, in scale steps from the anchor."""

    steps: tuple[int, ...]
    contour: tuple[int, ...]


class _Singer:
    """Chooses pitches: chord tones where they count, in the voice's range, no great leaps, no note over and over."""

    def __init__(self, band: Band, player: str) -> None:
        instrument = INSTRUMENTS[player]
        self._band = band
        self.centre = max(instrument.low + 9, min(72, instrument.high - 12))
        self._low = max(instrument.low, self.centre - 10)
        self._high = min(instrument.high, self.centre + 13)
        self._before = self._last = self.centre
        self.ladder = [pitch for pitch in range(128) if pitch % 12 in scale(band.key, band.mode)]

    def pitch(self, target: int, chord: Chord, *, strong: bool) -> int:
        """The pitch to sing near `target`; a strong note is one of the chord's."""
        allowed = frozenset(chord.tones) if strong else playable(chord, self._band.key, self._band.mode)
        pitch = nearest(target, allowed)
        while pitch - self._last > _HIGHEST_LEAP:
            pitch -= 12
        while self._last - pitch > _HIGHEST_LEAP:
            pitch += 12
        if pitch == self._last == self._before:
            pitch = nearest(pitch + (3 if pitch <= self.centre else -3), allowed)
        while pitch > self._high:
            pitch -= 12
        while pitch < self._low:
            pitch += 12
        self._before, self._last = self._last, pitch
        return pitch

    def home(self, chord: Chord) -> int:
        """Where the last note lies: the tonic when it is near, else the third."""
        tonic = nearest(self._last, (chord.root,))
        near = abs(tonic - self._last) <= _LIFT and self._low <= tonic <= self._high
        return tonic if near else nearest(self._last, (chord.root, chord.third))


def melody(band: Band, spans: tuple[Span, ...]) -> Iterator[Note]:
    """All notes of the lead; none when the band has no lead."""
    player = band.players.get("lead")
    if player is None:
        return
    form = band.form
    singer = _Singer(band, player)
    pen = Pen(band, "lead", "melody", (player, ""))
    motifs = _motifs(band)
    changes = Changes(spans)
    times: dict[str, int] = {}
    sung = [section for section in form.sections if section.name != "intro"]
    for section in sung:
        name = section.name if section.name in motifs else "A"
        count = times[name] = times.get(name, -1) + 1
        velocity = 0.55 + 0.35 * band.push(section)
        opening = spans[changes.index(section.first * form.bar)].chord
        anchor = nearest(singer.centre + (_LIFT if name == "B" else 0), opening.tones)
        place = min(range(len(singer.ladder)), key=lambda at, anchor=anchor: abs(singer.ladder[at] - anchor))  # type: ignore[misc]
        for step, end, offset in _lines(band, section, motifs[name], count):
            strong = step % (2 * STEPS) == 0 or end - step >= STEPS
            target = singer.ladder[max(0, min(len(singer.ladder) - 1, place + offset))]
            pitch = singer.pitch(target, spans[changes.index(step)].chord, strong=strong)
            yield pen.note(pitch, step, min(end, step + _LONGEST), velocity * (1.0 if strong else 0.88))
    if sung or not form.sections:
        yield pen.note(singer.home(spans[-1].chord), form.final, form.final + 1, 0.5 + 0.3 * band.energy)


def _motifs(band: Band) -> dict[str, tuple[_Tune, _Tune]]:
    """Statement and answer of the parts A, B and C."""
    rhythms = RHYTHMS["waltz"] if band.form.beats == 3 else RHYTHMS[band.style.melody]
    motifs: dict[str, tuple[_Tune, _Tune]] = {}
    for name in "ABC":
        chance = band.chance(f"melody/{name}")
        first, second = chance.sample(rhythms, 2)
        motifs[name] = (_tune(first, chance, 0), _tune(second, chance, chance.choice((0, 1, 2))))
    return motifs


def _tune(pattern: str, chance: random.Random, start: int) -> _Tune:
    """A rhythm with a line: mostly by step, a leap now and then, answered by a step back."""
    steps = tuple(step for step, mark in enumerate(pattern) if mark == "x")
    line: list[int] = []
    at, lean, leapt = start, chance.choice((-1, 1)), 0
    for _ in steps:
        line.append(at)
        if leapt:
            at -= leapt // abs(leapt)
            leapt = 0
        elif chance.random() < 0.22:
            leapt = chance.choice((-3, -2, 2, 3, 4))
            at += leapt
        else:
            at += lean
        if chance.random() < 0.3 or abs(at) > 4:
            lean = -1 if at > 0 else 1
    return _Tune(steps, tuple(line))


def _varied(tune: _Tune, chance: random.Random) -> _Tune:
    """The same bar said again: upside down, or with its last note moved."""
    if chance.random() < 0.4:
        return _Tune(tune.steps, tuple(2 * tune.contour[0] - place for place in tune.contour))
    return _Tune(tune.steps, (*tune.contour[:-1], tune.contour[-1] + chance.choice((-2, 1, 2))))


def _lines(band: Band, section: Section, motif: tuple[_Tune, _Tune], count: int) -> Iterator[tuple[int, int, int]]:
    """The notes of a section as (step, end, scale steps from the anchor).

    `count` says how often its part has been heard before.
    """
    form = band.form
    name = section.name
    chance = band.chance(f"melody/{name}/{count}")
    statement, answer = motif
    if count:
        answer = _varied(answer, chance)
    tunes = (statement, answer, _varied(statement, chance) if name == "B" else statement)
    half = form.bar // 2 if form.beats % 2 == 0 else STEPS
    for index in range(section.bars):
        bar = (section.first + index) * form.bar
        closing = section.bars > 1 and (index % PHRASE == PHRASE - 1 or index == section.bars - 1)
        if name in ("outro", "C") and index % 2 == 1 and not closing:
            continue
        if closing:
            early = [note for note in zip(statement.steps, statement.contour, strict=True) if note[0] < half]
            line = [*early[:2], (half, 0 if section is form.sections[-1] else chance.choice((0, 1, 2)))]
        else:
            tune = tunes[index % PHRASE % len(tunes)]
            line = list(zip(tune.steps, tune.contour, strict=True))
        breath = STEPS // 2 if closing else 0
        ends = [*(step for step, _ in line[1:]), form.bar - breath]
        for (step, offset), end in zip(line, ends, strict=True):
            yield bar + step, bar + end, offset
