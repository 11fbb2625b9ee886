"""The form of a piece: the tempo at which whole bars and a final chord fill the span, and the sections in between.

Musical time is counted in steps, four per beat; `Form.sample_at` converts a step to a sample. The other modules know the
course of a piece only from the sections: their bars, how intense each is and how high it lies.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ...cue import SAMPLE_RATE

if TYPE_CHECKING:
    import random

    from .hit_form import MusicHit

Arc = Literal["steady", "rising", "falling"]
"""The course of a piece: sections that come and go, or an even rise or fall from the first bar to the last."""

STEPS_PER_BEAT = 4
"""Steps (sixteenth notes) in a beat."""
BARS_PER_PHRASE = 4
"""Bars in a phrase; sections consist of whole phrases."""

_STING_SECONDS = 1.2  # a span shorter than one bar and this ring-out has no bars: it is a sting, one or two chords
LEAST_RING_SECONDS = 0.85  # of the final chord after whole bars, and at least half its ideal length
_SECTION_NAMES = {"i": "intro", "o": "outro"}
SECTION_INTENSITIES = {"i": 0.35, "A": 0.6, "B": 0.9, "C": 0.4, "o": 0.5}
_TEMPO_TRIALS = 41  # tempos tried within the tolerance; at 6 % they are 0.3 % apart, which is inaudible
# Orders of the parts by the number of phrases, one letter a phrase: i(ntro), A, B, C (a break), o(utro). Each has a theme
# that returns, so that the piece holds together.
_ORDERS = {
    2: ("AB", "AA", "iA"),
    3: ("AAB", "iAB", "ABA", "iAA"),
    4: ("iABA", "iAAB", "AABA", "ABAB", "iABB"),
    5: ("iAABA", "iABAB", "AABBA", "iABCA", "ABCAB"),
    6: ("iAABBo", "iABABo", "AABBAo", "iABCAB", "ABACAB", "iAABAB"),
    7: ("iAABABo", "iABACAB", "AABBCAB", "iAABBAo", "ABABCBo", "iABBAAo"),
}
_CYCLES = ("AABBAACCBB", "ABABCABB", "AABACABB", "ABBAACAB")  # bodies of longer pieces
# An arc goes from the first value to the second. 5 dB of gain beside what the density of the parts adds is a crescendo
# from piano to fortissimo; an octave of register is a change of colour that is heard without comparing.
ARC_INTENSITIES: dict[Arc, tuple[float, float]] = {"rising": (0.15, 1.0), "falling": (0.85, 0.15)}
_ARC_LEVELS_DB: dict[Arc, tuple[float, float]] = {"rising": (-4.0, 1.0), "falling": (0.0, -5.0)}
ARC_REGISTERS: dict[Arc, tuple[int, int]] = {"rising": (-7, 9), "falling": (5, -7)}


@dataclass(frozen=True, slots=True)
class Section:
    """`bars` bars from bar `first_bar` on.

    Attributes:
        name: intro, A, B, C or outro; sections of one name share theme and chords.
        intensity: 0 to 1; sets how many layers play, how densely and how loud.
        register: semitones by which melody and chords lie higher than usual.
    """

    name: str
    first_bar: int
    bars: int
    intensity: float
    register: int = 0


@dataclass(frozen=True, slots=True)
class Form:
    """The time frame of a piece.

    Bars start at sample 0. The final chord starts at step `final_step` and rings to the end of the span.

    Attributes:
        samples: length of the span at 48 kHz.
        tempo: beats per minute.
        arc: course of the whole.
        points: (step, sample) between which the tempo is steady; empty if it is steady throughout.
        hits: the hit points that the piece meets.
    """

    samples: int
    tempo: float
    beats_per_bar: int
    final_step: int
    sections: tuple[Section, ...]
    arc: Arc = "steady"
    points: tuple[tuple[int, int], ...] = ()
    hits: tuple[MusicHit, ...] = ()

    @property
    def steps_per_bar(self) -> int:
        """The number of steps in a bar."""
        return self.beats_per_bar * STEPS_PER_BEAT

    @property
    def bar_count(self) -> int:
        """The number of whole bars before the final chord; 0 for a sting."""
        return sum(section.bars for section in self.sections)

    def sample_at(self, step: float) -> int:
        """Return the sample of a step."""
        per_step = SAMPLE_RATE * 60 / (self.tempo * STEPS_PER_BEAT)
        if len(self.points) < 2 or step >= self.points[-1][0]:
            last_step, last_sample = self.points[-1] if self.points else (0, 0)
            return last_sample + round((step - last_step) * per_step)
        at = max(1, bisect_right(self.points, (step, math.inf)))
        (first_step, first), (end_step, end) = self.points[at - 1], self.points[at]
        return round(first + (step - first_step) * (end - first) / (end_step - first_step))

    def step_at(self, sample: int) -> int:
        """Return the last step that begins at a sample or before it."""
        return bisect_right(range(self.final_step + 1), sample, key=self.sample_at) - 1

    @property
    def hit_steps(self) -> frozenset[int]:
        """The steps that are hit points: what is played there is exactly in time."""
        samples = {hit.sample for hit in self.hits}
        return frozenset(step for step, sample in self.points if sample in samples)

    @property
    def level_points(self) -> tuple[tuple[int, float], ...]:
        """Samples and the gain there in dB, straight lines in between: the crescendo or diminuendo of the whole."""
        if self.arc == "steady":
            return ((0, 0.0),)
        first, last = _ARC_LEVELS_DB[self.arc]
        return ((0, first), (self.sample_at(self.final_step), last))


def fit_form(samples: int, tempo: float, beats_per_bar: int, tolerance: float, arc: Arc, rng: random.Random) -> Form:
    """Return the form that fills exactly `samples` samples at `tempo` beats per minute, give or take the share `tolerance`.

    The best form has whole phrases, a final chord that rings for about a bar, and the requested tempo. `rng` decides the
    order of the parts.
    """
    seconds = samples / SAMPLE_RATE
    bar = beats_per_bar * 60 / tempo
    if seconds < bar + _STING_SECONDS:
        # A sting: an upbeat of some eighths, about 40 % of the span and never more than 60 %, then the final chord.
        eighths = max(1, round(0.4 * seconds / (30 / tempo))) if seconds >= 0.5 else 0
        while eighths * 30 / tempo > 0.6 * seconds:
            eighths -= 1
        return Form(samples, tempo, beats_per_bar, eighths * STEPS_PER_BEAT // 2, (), arc)
    ring = ideal_ring_seconds(seconds, bar)
    best = (math.inf, tempo, 1)
    for trial in range(_TEMPO_TRIALS):
        deviation = 2 * trial / (_TEMPO_TRIALS - 1) - 1  # -1 to 1: the share of the tolerance that is used
        length = bar / (1 + tolerance * deviation)
        most = int((seconds - max(0.5 * ring, LEAST_RING_SECONDS)) / length)
        for bars in range(max(1, most - BARS_PER_PHRASE), most + 1):
            remaining = seconds - bars * length
            # An incomplete phrase sounds cut off; two bars less so than one or three.
            odd = 0.0 if bars % BARS_PER_PHRASE == 0 or bars < BARS_PER_PHRASE else (0.4 if bars % 2 == 0 else 0.8)
            # The logarithm makes half the ideal ring-out as bad as twice of it.
            cost = abs(deviation) * 0.5 + odd + 2.0 * math.log(remaining / ring) ** 2
            best = min(best, (cost, beats_per_bar * 60 / length, bars))
    _, chosen, bars = best
    sections = _build_sections(bars, rng) if arc == "steady" else _build_arc(bars, arc, rng)
    return Form(samples, chosen, beats_per_bar, bars * beats_per_bar * STEPS_PER_BEAT, sections, arc)


def ideal_ring_seconds(seconds: float, bar: float) -> float:
    """Return the ideal length of the final chord: a bar and a quarter, within 2.5 to 5 s and 30 % of the span."""
    return min(max(1.25 * bar, 2.5), 5.0, 0.3 * seconds)


def _build_sections(bars: int, rng: random.Random) -> tuple[Section, ...]:
    """Return intro, A and B parts, a break in long pieces, and outro: whole phrases, the odd bars as the intro."""
    phrases, over = divmod(bars, BARS_PER_PHRASE)
    if phrases < 2:
        return (Section("A", 0, bars, 0.7),)
    plan = _phrase_order(phrases, rng)
    out: list[Section] = []
    first = 0
    if over:  # the odd bars are the intro, so the planned one becomes an A part
        plan = plan.replace("i", "A")
        out.append(Section(_SECTION_NAMES["i"], 0, over, SECTION_INTENSITIES["i"]))
        first = over
    for at, part in enumerate(plan):
        # A and B parts grow by up to 0.1 towards the end of the piece.
        rise = 0.1 * at / (len(plan) - 1) if part in "AB" else 0.0
        out.append(
            Section(_SECTION_NAMES.get(part, part), first, BARS_PER_PHRASE, min(1.0, SECTION_INTENSITIES[part] + rise))
        )
        first += BARS_PER_PHRASE
    return tuple(out)


def _build_arc(bars: int, arc: Arc, rng: random.Random) -> tuple[Section, ...]:
    """Return A and B parts of even bars whose intensity and register rise or fall: phrases, in short pieces parts of them."""
    length = BARS_PER_PHRASE if bars >= 3 * BARS_PER_PHRASE else max(1, bars // 4)
    count = max(1, bars // length)
    # Breaks and endings would interrupt the arc.
    plan = _phrase_order(count, rng).translate(str.maketrans("iCo", "ABA")) if count > 1 else "A"
    intensities, registers = ARC_INTENSITIES[arc], ARC_REGISTERS[arc]
    out: list[Section] = []
    first = 0
    for at, part in enumerate(plan):
        share = at / max(1, count - 1)
        size = length + (bars - count * length if at == 0 else 0)  # the odd bars come first
        intensity = intensities[0] + share * (intensities[1] - intensities[0])
        register = round(registers[0] + share * (registers[1] - registers[0]))
        out.append(Section(part, first, size, intensity, register))
        first += size
    return tuple(out)


def _phrase_order(count: int, rng: random.Random) -> str:
    """Return the order of the parts, one letter per phrase."""
    if count in _ORDERS:
        return rng.choice(_ORDERS[count])
    cycle = rng.choice(_CYCLES)
    body = count - 4
    return "i" + (cycle * (body // len(cycle) + 1))[:body] + rng.choice(("BBo", "ABB", "BAo"))
