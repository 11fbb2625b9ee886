"""The form of a piece: the tempo at which whole bars and a final chord fill the span, and the sections in between.

Musical time is counted in steps, four per beat; `Form.sample_at` converts a step to a sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...cue import SAMPLE_RATE

STEPS_PER_BEAT = 4
"""Steps (sixteenth notes) in a beat."""
BARS_PER_PHRASE = 4
"""Bars in a phrase; sections consist of whole phrases."""

_STING_SECONDS = 1.2  # a span shorter than one bar and this ring-out has no bars: it is a sting, one or two chords
_SECTION_NAMES = {"i": "intro", "o": "outro"}
_SECTION_INTENSITIES = {"i": 0.35, "A": 0.6, "B": 0.9, "C": 0.4, "o": 0.5}
_TEMPO_TRIALS = 41  # tempos tried within the tolerance; at 6 % they are 0.3 % apart, which is inaudible


@dataclass(frozen=True, slots=True)
class Section:
    """`bars` bars from bar `first_bar` on. `intensity` (0 to 1) sets how many layers play and how loud."""

    name: str
    first_bar: int
    bars: int
    intensity: float


@dataclass(frozen=True, slots=True)
class Form:
    """The time frame of a piece.

    Bars start at sample 0. The final chord starts at step `final_step` and rings to the end of the span.

    Attributes:
        samples: length of the span at 48 kHz.
        tempo: beats per minute.
    """

    samples: int
    tempo: float
    beats_per_bar: int
    final_step: int
    sections: tuple[Section, ...]

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
        return round(step * SAMPLE_RATE * 60 / (self.tempo * STEPS_PER_BEAT))


def fit_form(samples: int, tempo: float, beats_per_bar: int, tolerance: float) -> Form:
    """Return the form that fills exactly `samples` samples at `tempo` beats per minute, give or take the share `tolerance`.

    The best form has whole phrases, a final chord that rings for about a bar, and the requested tempo.
    """
    seconds = samples / SAMPLE_RATE
    bar = beats_per_bar * 60 / tempo
    if seconds < bar + _STING_SECONDS:
        # A sting: an upbeat of some eighths, about 40 % of the span and never more than 60 %, then the final chord.
        eighths = max(1, round(0.4 * seconds / (30 / tempo))) if seconds >= 0.5 else 0
        while eighths * 30 / tempo > 0.6 * seconds:
            eighths -= 1
        return Form(samples, tempo, beats_per_bar, eighths * STEPS_PER_BEAT // 2, ())
    # The ideal length of the final chord, in seconds: a bar and a quarter, within 2.5 to 5 s and 40 % of the span.
    ring = min(max(1.25 * bar, 2.5), 5.0, 0.4 * seconds)
    best = (math.inf, tempo, 1)
    for trial in range(_TEMPO_TRIALS):
        deviation = 2 * trial / (_TEMPO_TRIALS - 1) - 1  # -1 to 1: the share of the tolerance that is used
        length = bar / (1 + tolerance * deviation)
        most = int((seconds - 0.5 * ring) / length)  # at least half the ideal ring-out must remain
        for bars in range(max(1, most - BARS_PER_PHRASE), most + 1):
            remaining = seconds - bars * length
            # An incomplete phrase sounds cut off; two bars less so than one or three.
            odd = 0.0 if bars % BARS_PER_PHRASE == 0 or bars < BARS_PER_PHRASE else (0.4 if bars % 2 == 0 else 0.8)
            # The logarithm makes half the ideal ring-out as bad as twice of it.
            cost = abs(deviation) * 0.5 + odd + 2.0 * math.log(remaining / ring) ** 2
            best = min(best, (cost, beats_per_bar * 60 / length, bars))
    _, chosen, bars = best
    return Form(samples, chosen, beats_per_bar, bars * beats_per_bar * STEPS_PER_BEAT, _build_sections(bars))


def _build_sections(bars: int) -> tuple[Section, ...]:
    """Return intro, A and B parts, a break in long pieces, and outro: whole phrases, the odd bars as the intro."""
    phrases, over = divmod(bars, BARS_PER_PHRASE)
    if phrases < 2:
        return (Section("A", 0, bars, 0.7),)
    plan = _phrase_order(phrases)
    out: list[Section] = []
    first = 0
    if over:  # the odd bars are the intro, so the planned one becomes an A part
        plan = plan.replace("i", "A")
        out.append(Section(_SECTION_NAMES["i"], 0, over, _SECTION_INTENSITIES["i"]))
        first = over
    for at, part in enumerate(plan):
        # A and B parts grow by up to 0.1 towards the end of the piece.
        rise = 0.1 * at / (len(plan) - 1) if part in "AB" else 0.0
        out.append(
            Section(_SECTION_NAMES.get(part, part), first, BARS_PER_PHRASE, min(1.0, _SECTION_INTENSITIES[part] + rise))
        )
        first += BARS_PER_PHRASE
    return tuple(out)


def _phrase_order(count: int) -> str:
    """Return the order of the parts, one letter per phrase: i(ntro), A, B, C (a break), o(utro)."""
    short = {2: "AB", 3: "AAB", 4: "iABA", 5: "iAABA", 6: "iAABBo", 7: "iAABABo"}
    if count in short:
        return short[count]
    cycle = "AABBAACCBB"
    body = count - 4
    return "i" + (cycle * (body // len(cycle) + 1))[:body] + "BBo"
