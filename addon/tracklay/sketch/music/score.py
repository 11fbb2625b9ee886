"""What every part of a piece is written with: notes, the band that plays them, the pen that puts them at their samples.

Which notes there are is the business of `parts` and `melody`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .form import SAMPLE_RATE, STEPS_PER_BEAT, Form, Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .harmony import Chord
    from .styles import Style

STEM_NAMES = ("bass", "chords", "melody", "percussion")

_DURATION_GRID_SAMPLES = SAMPLE_RATE // 50  # samples a note's length is rounded to, so that like notes are made once
_THIN_BELOW, _FULL_FROM = 0.42, 0.82  # push below which a style's thin patterns play, and above which the full ones
_MAX_TIMING_SPREAD = 2.0  # times a player's usual spread in time


class Note(NamedTuple):
    """A note or a stroke.

    `sound` is an instrument and "", or a kit and a drum; `pitch` is a MIDI number, or the drum's variant; `start` and
    `duration` are in samples; `velocity` runs from 0 to 1.
    """

    stem: str
    sound: tuple[str, str]
    pitch: int
    start: int
    duration: int
    velocity: float


class ChordSpan(NamedTuple):
    """A chord and the steps it holds for."""

    start: int
    end: int
    chord: Chord


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What is to be played and by whom.

    `instruments` maps bass, comp, pad and lead to an instrument; a role that is missing stays silent.
    """

    form: Form
    style: Style
    key: int
    mode: str
    instruments: Mapping[str, str]
    percussion: bool
    energy: float
    seed: int

    def part_rng(self, part: str) -> random.Random:
        """A stream of chances for one part, so that leaving a part out changes none of the others."""
        return random.Random(f"{self.seed}/{part}")  # noqa: S311  music, no secret

    def section_intensity(self, section: Section) -> float:
        """How much is going on in a section, from its intensity and the piece's energy: about 0 to 1.2."""
        return section.intensity + (self.energy - 0.5) * 0.5

    def pattern_index(self, section: Section) -> int:
        """Which of a style's patterns is played: 0 thin, 1 usual, 2 full."""
        push = self.section_intensity(section)
        return 0 if push < _THIN_BELOW else 1 if push < _FULL_FROM else 2

    def bars(self) -> Iterator[tuple[Section, int, int]]:
        """Each bar as its section, its index in the section and its first step."""
        for section in self.form.sections:
            for index in range(section.bars):
                yield section, index, (section.first_bar + index) * self.form.steps_per_bar


class Performer:
    """Puts the notes of one player on paper: swing, the spread in time, velocities."""

    def __init__(self, arrangement: Arrangement, part: str, stem: str, sound: tuple[str, str]) -> None:
        self._arrangement = arrangement
        self._rng = arrangement.part_rng(f"{part}/playing")
        self._stem = stem
        self._sound = sound

    def note(self, pitch: int, step: int, end: int, velocity: float, *, delay_seconds: float = 0.0) -> Note:
        """A note from `step` to `end`, both in steps; one of the last chord rings to the end of the piece.

        The first and the last chord are played exactly in time but for what is `delay_seconds` (s), as strings strummed.
        """
        form = self._arrangement.form
        start = self._swung_sample(step)
        held = (form.samples if step >= form.final_step else self._swung_sample(min(end, form.final_step))) - start
        if 0 < step < form.final_step:
            spread = (
                max(-_MAX_TIMING_SPREAD, min(_MAX_TIMING_SPREAD, self._rng.gauss(0, 1)))
                * self._arrangement.style.timing_spread_seconds
            )
            start = max(0, start + round(spread * SAMPLE_RATE))
        start += round(delay_seconds * SAMPLE_RATE)
        velocity = max(0.1, min(1.0, velocity * (1 + 0.06 * self._rng.gauss(0, 1))))
        return Note(
            self._stem,
            self._sound,
            pitch,
            start,
            max(_DURATION_GRID_SAMPLES, _DURATION_GRID_SAMPLES * round(held / _DURATION_GRID_SAMPLES)),
            velocity,
        )

    def stroke(self, drum: str, variant: int, step: int, velocity: float) -> Note:
        """A drum's stroke on a step; `sound` given to the pen is the kit's."""
        return self.note(variant, step, step + 1, velocity)._replace(sound=(self._sound[0], drum), duration=1)

    def _swung_sample(self, step: int) -> int:
        """The sample of a step as it is swung."""
        beat, within = divmod(step, STEPS_PER_BEAT)
        style = self._arrangement.style
        second = style.swing + (1 - style.swing) * style.swing16
        place = (0.0, style.swing * style.swing16, style.swing, second)[within]
        return self._arrangement.form.sample_at((beat + place) * STEPS_PER_BEAT)


class ChordCursor:
    """Finds the chord of a step; asked in rising order."""

    def __init__(self, spans: tuple[ChordSpan, ...]) -> None:
        self._spans = spans
        self._position = 0

    def index(self, step: int) -> int:
        """Where among the chords the one that holds at `step` stands."""
        while self._position + 1 < len(self._spans) and self._spans[self._position + 1].start <= step:
            self._position += 1
        return self._position


def parse_pattern(pattern: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """The strokes of a pattern as (step, steps held, mark); `.` is none and `-` holds the one before."""
    for step, mark in enumerate(pattern):
        if mark not in ".-":
            held = 1
            while step + held < len(pattern) and pattern[step + held] == "-":
                held += 1
            yield step, held, mark
