"""The vocabulary of a score: notes, chord spans, the arrangement, and the performer that times the notes.

`arranger` and `melody` decide which notes there are.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ...cue import SAMPLE_RATE
from .form import STEPS_PER_BEAT, Form, Section
from .grooves import FULL, THIN, USUAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .harmony import Chord
    from .styles import Style

STEM_NAMES = ("bass", "chords", "melody", "percussion")

_DURATION_GRID_SAMPLES = SAMPLE_RATE // 50  # note lengths are rounded to 20 ms, so that similar notes share one sound
# Intensities below which a style's thin patterns play, and from which its full ones do. With the sections' intensities
# (`form`), a piece of medium energy has thin intros and breaks, usual A parts and full B parts.
_THIN_BELOW, _FULL_FROM = 0.42, 0.82
_ARC_ENTRIES = {"percussion": 0.35, "melody": 0.2}  # intensity from which a part plays in a rise or fall
_LOWEST_SHIFT, _HIGHEST_SHIFT = -8, 12  # semitones: lower chords would be muddy, higher ones thin
_REPETITION_SHIFTS = (0, 5, -4, 7, 2)  # semitones by which the chords of a part lie higher at each return
_MAX_TIMING_SPREAD = (
    2.0  # standard deviations at which timing errors are cut off: an outlier would sound like a mistake
)


class Note(NamedTuple):
    """A note, or a stroke on a drum.

    `sound` is an instrument and "", or a kit and a drum. `pitch` is a MIDI number, or the variant of a drum's sound.
    `start` and `duration` are in samples. `velocity` ranges from 0 to 1.
    """

    stem: str
    sound: tuple[str, str]
    pitch: int
    start: int
    duration: int
    velocity: float


class ChordSpan(NamedTuple):
    """A chord from step `start` to step `end`."""

    start: int
    end: int
    chord: Chord


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The decisions that precede the notes: form, style, key and instruments.

    Attributes:
        key: tonic as a pitch class, semitones from C.
        instruments: instrument for each of the roles bass, comp, pad and lead; a missing role is silent.
        percussion: drums play.
        energy: 0 to 1.
        sparse: the prompt asks for few notes.
    """

    form: Form
    style: Style
    key: int
    mode: str
    instruments: Mapping[str, str]
    percussion: bool
    energy: float
    seed: int
    sparse: bool = False

    def part_rng(self, part: str) -> random.Random:
        """Return the random numbers of one part. Each part has its own, so that omitting one does not change the others."""
        return random.Random(f"{self.seed}/{part}")  # noqa: S311  not used for security

    def section_intensity(self, section: Section) -> float:
        """Return the intensity of a section, adjusted by the piece's energy: about 0 to 1.2."""
        # In an arc the energy counts less: an epic piece too has to begin low to have somewhere to rise.
        return section.intensity + (self.energy - 0.5) * (0.5 if self.form.arc == "steady" else 0.2)

    def pattern_index(self, section: Section) -> int:
        """Return the index of the style's pattern for a section: 0 thin, 1 usual, 2 full."""
        intensity = self.section_intensity(section)
        index = THIN if intensity < _THIN_BELOW else USUAL if intensity < _FULL_FROM else FULL
        return max(THIN, index - 1) if self.sparse else index

    def repetition(self, section: Section) -> int:
        """Return how often the section's part has been heard before it."""
        return sum(each.name == section.name and each.first_bar < section.first_bar for each in self.form.sections)

    def register_shift(self, section: Section) -> int:
        """Return the semitones by which chords lie higher: by the seed, the form, and differently at each repetition."""
        own = self.part_rng("register").choice((-5, -2, 0, 2, 4))
        again = _REPETITION_SHIFTS[self.repetition(section) % len(_REPETITION_SHIFTS)]
        return max(_LOWEST_SHIFT, min(_HIGHEST_SHIFT, own + section.register + again))

    def pattern_for(self, section: Section, part: str, patterns: Sequence[str]) -> str:
        """Return the pattern of a part in a section: the style's, as the seed varies it, and varied where a part returns."""
        index = self.pattern_index(section)
        # Thin chords leave long holes: only intros, breaks and arcs, which have somewhere to go, may be so empty.
        if not self.sparse and self.form.arc == "steady" and section.name not in ("intro", "C"):
            index = max(USUAL, index)
        pattern = patterns[index]
        pattern = vary_halves(pattern, self.part_rng(f"{part}/pattern"))
        if repetition := self.repetition(section):
            pattern = vary_halves(pattern, self.part_rng(f"{part}/{section.name}/{repetition}"))
        return pattern

    def part_plays(self, part: str, section: Section) -> bool:
        """Return whether a part plays in a section. An arc builds up, or thins out, part by part."""
        return self.form.arc == "steady" or section.intensity >= _ARC_ENTRIES[part]

    def bars(self) -> Iterator[tuple[Section, int, int]]:
        """Yield each bar as its section, its index in the section, and its first step."""
        for section in self.form.sections:
            for index in range(section.bars):
                yield section, index, (section.first_bar + index) * self.form.steps_per_bar


class Performer:
    """Creates the notes of one instrument with swing, human timing and varied velocities."""

    def __init__(self, arrangement: Arrangement, part: str, stem: str, sound: tuple[str, str]) -> None:
        self._arrangement = arrangement
        self._rng = arrangement.part_rng(f"{part}/playing")
        self._stem = stem
        self._sound = sound

    def note(self, pitch: int, step: int, end: int, velocity: float, *, delay_seconds: float = 0.0) -> Note:
        """Return a note from `step` to `end`, both in steps. A note of the final chord rings to the end of the piece.

        The first and the final chord, and what is on a hit point, are exactly in time, apart from `delay_seconds`, which
        strumming uses.
        """
        form = self._arrangement.form
        start = self._swung_sample(step)
        held = (form.samples if step >= form.final_step else self._swung_sample(min(end, form.final_step))) - start
        if 0 < step < form.final_step and step not in form.hit_steps:
            spread = (
                max(-_MAX_TIMING_SPREAD, min(_MAX_TIMING_SPREAD, self._rng.gauss(0, 1)))
                * self._arrangement.style.timing_spread_seconds
            )
            start = max(0, start + round(spread * SAMPLE_RATE))
        start += round(delay_seconds * SAMPLE_RATE)
        # A standard deviation of 6 % is audible as human, not as a change of dynamics.
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
        """Return a stroke on a drum; the performer's `sound` names the kit."""
        return self.note(variant, step, step + 1, velocity)._replace(sound=(self._sound[0], drum), duration=1)

    def _swung_sample(self, step: int) -> int:
        """Return the sample of a step with the style's swing.

        `swing` moves the second eighth of a beat, `swing16` the second sixteenth of each eighth.
        """
        beat, within = divmod(step, STEPS_PER_BEAT)
        style = self._arrangement.style
        second = style.swing + (1 - style.swing) * style.swing16
        position = (0.0, style.swing * style.swing16, style.swing, second)[within]
        return self._arrangement.form.sample_at((beat + position) * STEPS_PER_BEAT)


class ChordCursor:
    """Finds the chord of a step, for steps in ascending order."""

    def __init__(self, spans: tuple[ChordSpan, ...]) -> None:
        self._spans = spans
        self._position = 0

    def index(self, step: int) -> int:
        """Return the index of the chord that sounds at `step`."""
        while self._position + 1 < len(self._spans) and self._spans[self._position + 1].start <= step:
            self._position += 1
        return self._position


def vary_halves(pattern: str, rng: random.Random) -> str:
    """Return a pattern with its halves exchanged or one of them twice, or as it is.

    Of a broken chord the order of the voices changes too. Halves move as a whole, so the rhythm stays one of the style.
    """
    half = len(pattern) // 2
    first, second = pattern[:half], pattern[half:]
    variants = [pattern, pattern, first + first]
    # A bass needs the root on the first beat; a half that begins by holding a note can't come first.
    if second[0] not in "-." and not (first[0] == "r" and second[0] != "r"):
        variants += [second + first, second + second]
    chosen = rng.choice(variants) if len(pattern) % 8 == 0 else pattern
    if not any(mark in "012" for mark in pattern) or any(mark in "rxX" for mark in pattern):
        return chosen
    order = rng.choice(("0123", "0123", "3210", "1230", "0213", "2130"))
    return "".join(order[int(mark)] if mark.isdigit() else mark for mark in chosen)


def parse_pattern(pattern: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield the strokes of a pattern as (step, steps held, mark); `.` is a rest and `-` holds the stroke before it."""
    for step, mark in enumerate(pattern):
        if mark not in ".-":
            held = 1
            while step + held < len(pattern) and pattern[step + held] == "-":
                held += 1
            yield step, held, mark
