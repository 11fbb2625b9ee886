"""How a piece fills its span: the tempo at which whole bars and a last ringing chord fit, and the sections in between.

Time in a piece is counted in steps, four to the beat; `Form.sample_at` turns a step into a sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SAMPLE_RATE = 48_000
"""Samples a second of everything the music engine makes."""
STEPS_PER_BEAT = 4
"""Steps (sixteenths) in a beat."""
BARS_PER_PHRASE = 4
"""Bars in a phrase, the brick that sections are laid with."""

_STING_SECONDS = 1.2  # seconds that must be left beside one bar, else the piece is a sting: a chord or two
_SECTION_NAMES = {"i": "intro", "o": "outro"}
_SECTION_INTENSITIES = {"i": 0.35, "A": 0.6, "B": 0.9, "C": 0.4, "o": 0.5}
_TEMPO_TRIALS = 41  # tempos tried between the slowest and the fastest that the tolerance allows


@dataclass(frozen=True, slots=True)
class Section:
    """`bar_count` bars from bar `first_bar` on; `intensity` from 0 to 1 says how many layers play and how hard."""

    name: str
    first_bar: int
    bars: int
    intensity: float


@dataclass(frozen=True, slots=True)
class Form:
    """The frame of a piece.

    Bars run from sample 0; the final chord begins at step `final_step` and rings to the end of the span.
    """

    samples: int
    tempo: float
    beats_per_bar: int
    final_step: int
    sections: tuple[Section, ...]

    @property
    def steps_per_bar(self) -> int:
        """Steps in a bar."""
        return self.beats_per_bar * STEPS_PER_BEAT

    @property
    def bar_count(self) -> int:
        """Whole bars before the final chord; a sting has none."""
        return sum(section.bars for section in self.sections)

    def sample_at(self, step: float) -> int:
        """The sample on which a step falls."""
        return round(step * SAMPLE_RATE * 60 / (self.tempo * STEPS_PER_BEAT))


def fit_form(samples: int, tempo: float, beats_per_bar: int, tolerance: float) -> Form:
    """Fill exactly `samples` samples at about `tempo` beats a minute, off by at most the share `tolerance`.

    Whole phrases are preferred to odd bars, a ring-out of a bar or so to a short or an endless one, and the wanted
    tempo to any other.
    """
    seconds = samples / SAMPLE_RATE
    bar = beats_per_bar * 60 / tempo
    if seconds < bar + _STING_SECONDS:
        eighths = max(1, round(0.4 * seconds / (30 / tempo))) if seconds >= 0.5 else 0
        while eighths * 30 / tempo > 0.6 * seconds:
            eighths -= 1
        return Form(samples, tempo, beats_per_bar, eighths * STEPS_PER_BEAT // 2, ())
    ring = min(max(1.25 * bar, 2.5), 5.0, 0.4 * seconds)
    best = (math.inf, tempo, 1)
    for trial in range(_TEMPO_TRIALS):
        lean = 2 * trial / (_TEMPO_TRIALS - 1) - 1
        length = bar / (1 + tolerance * lean)
        most = int((seconds - 0.5 * ring) / length)
        for bars in range(max(1, most - BARS_PER_PHRASE), most + 1):
            left = seconds - bars * length
            odd = 0.0 if bars % BARS_PER_PHRASE == 0 or bars < BARS_PER_PHRASE else (0.4 if bars % 2 == 0 else 0.8)
            cost = abs(lean) * 0.5 + odd + 2.0 * math.log(left / ring) ** 2
            best = min(best, (cost, beats_per_bar * 60 / length, bars))
    _, chosen, bars = best
    return Form(samples, chosen, beats_per_bar, bars * beats_per_bar * STEPS_PER_BEAT, _build_sections(bars))


def _build_sections(bars: int) -> tuple[Section, ...]:
    """Intro, A and B parts, a break in long pieces, outro: whole phrases, with what is left over as the intro."""
    phrases, over = divmod(bars, BARS_PER_PHRASE)
    if phrases < 2:
        return (Section("A", 0, bars, 0.7),)
    plan = _phrase_order(phrases)
    out: list[Section] = []
    first = 0
    if over:
        plan = plan.replace("i", "A")
        out.append(Section(_SECTION_NAMES["i"], 0, over, _SECTION_INTENSITIES["i"]))
        first = over
    for at, part in enumerate(plan):
        rise = 0.1 * at / (len(plan) - 1) if part in "AB" else 0.0
        out.append(
            Section(_SECTION_NAMES.get(part, part), first, BARS_PER_PHRASE, min(1.0, _SECTION_INTENSITIES[part] + rise))
        )
        first += BARS_PER_PHRASE
    return tuple(out)


def _phrase_order(count: int) -> str:
    """The order of the parts, one letter a phrase: i(ntro), A, B, C (a break), o(utro)."""
    short = {2: "AB", 3: "AAB", 4: "iABA", 5: "iAABA", 6: "iAABBo", 7: "iAABABo"}
    if count in short:
        return short[count]
    cycle = "AABBAACCBB"
    body = count - 4
    return "i" + (cycle * (body // len(cycle) + 1))[:body] + "BBo"
