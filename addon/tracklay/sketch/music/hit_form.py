"""The form of a piece that meets hit points: a map from beats to samples on which every hit is a beat, if possible a bar line.

Between two hits the tempo is steady, and differs from the tempo of the whole by so little that it is not heard as a change.
Which beat a hit falls on is found by dynamic programming over the hits, for each of many tempos.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from ...cue import SAMPLE_RATE
from .form import (
    ARC_INTENSITIES,
    ARC_REGISTERS,
    BARS_PER_PHRASE,
    LEAST_RING_SECONDS,
    SECTION_INTENSITIES,
    STEPS_PER_BEAT,
    Form,
    Section,
    ideal_ring_seconds,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from .form import Arc

HitKind = Literal["accent", "build", "stop"]
"""The music's answer to a hit: it strikes and begins a section; the same after a build-up; or strikes and is silent for a bar."""

LOWEST_TEMPO, HIGHEST_TEMPO = 60.0, 180.0
"""Tempos that are tried for hits, in beats per minute: slower ones have few beats to hit with, faster ones are heard as half."""

_TEMPO_TRIALS = 81
_UNUSUAL_TEMPO = 1.5  # cost of a tempo that is 1.25 times what the style usually has
_OFF_BAR, _OFF_HALF_BAR = 0.6, 1.2  # cost of a hit on the middle of a bar, and on another beat
_LEAST_SEGMENT_BEATS = 0.75  # hits closer than this to the one before get a stroke, and no beat of their own


class MusicHit(NamedTuple):
    """A hit point: its sample in the piece, and what the music does there."""

    sample: int
    kind: HitKind = "accent"


def hit_kind(name: str) -> HitKind:
    """Return what a hit of this name asks for: `build` or `stop` if the word is in it, else an accent."""
    words = name.lower().split()
    return "stop" if "stop" in words else "build" if "build" in words else "accent"


@dataclass(frozen=True, slots=True)
class _Plan:
    """Beats at which the hits fall, with the number of beats up to the final chord, and what is wrong with them, as a cost."""

    cost: float
    tempo: float
    beats: tuple[int, ...]
    final_beat: int


def fit_form_to_hits(
    samples: int,
    tempo: float,
    tempo_range: tuple[float, float],
    beats_per_bar: int,
    tolerance: float,
    arc: Arc,
    hits: Sequence[MusicHit],
    rng: random.Random,
) -> Form:
    """Return the form of `samples` samples whose beats fall on the hits, exactly.

    Args:
        samples: length at 48 kHz.
        tempo: the usual tempo of the piece, in beats per minute.
        tempo_range: lowest and highest tempo that may be chosen for the hits.
        beats_per_bar: beats in a bar.
        tolerance: share by which the tempo between two hits may deviate without a cost that matters.
        arc: course of the piece.
        hits: in order, each within the piece.
        rng: decides the order of the parts.
    """
    on_grid = tuple(_hits_with_beats(hits, 60 / tempo * SAMPLE_RATE))
    plan = min(
        (
            _place_hits(samples, trial, tempo, beats_per_bar, tolerance, [hit.sample for hit in on_grid])
            for trial in _trial_tempos(*tempo_range)
        ),
        key=lambda each: each.cost,
    )
    points = [(0, 0), *((beat * STEPS_PER_BEAT, hit.sample) for beat, hit in zip(plan.beats, on_grid, strict=True))]
    final_step = plan.final_beat * STEPS_PER_BEAT
    last_step, last_sample = points[-1]
    if final_step > last_step:
        rest = round((final_step - last_step) * 60 * SAMPLE_RATE / (plan.tempo * STEPS_PER_BEAT))
        points.append((final_step, last_sample + rest))
    bars = plan.final_beat // beats_per_bar
    borders = sorted({beat // beats_per_bar for beat in plan.beats if beat % beats_per_bar == 0} - {0, bars})
    sections = tuple(_sections_between([0, *borders, bars], arc, rng))
    return replace(
        Form(samples, plan.tempo, beats_per_bar, final_step, sections, arc),
        points=tuple(points),
        hits=tuple(hits),
    )


def _hits_with_beats(hits: Sequence[MusicHit], beat: float) -> Iterator[MusicHit]:
    """Yield the hits that get a beat of their own: those far enough from the start and from the hit before."""
    last = 0
    for hit in hits:
        if hit.sample - last >= _LEAST_SEGMENT_BEATS * beat:
            yield hit
            last = hit.sample


def _trial_tempos(lowest: float, highest: float) -> Iterator[float]:
    for trial in range(_TEMPO_TRIALS):
        yield lowest * (highest / lowest) ** (trial / (_TEMPO_TRIALS - 1))


def _place_hits(
    samples: int, tempo: float, usual: float, beats_per_bar: int, tolerance: float, hits: Sequence[int]
) -> _Plan:
    """Return the cheapest beats for the hits at one tempo."""
    beat = 60 / tempo * SAMPLE_RATE
    paths: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}  # by the beat of the last hit
    last = 0
    for hit in hits:
        length = (hit - last) / beat
        following: dict[int, tuple[float, tuple[int, ...]]] = {}
        for at, (cost, beats) in paths.items():
            for count in range(max(1, math.floor(length) - 1), math.ceil(length) + 2):
                total = cost + (math.log(count / length) / tolerance) ** 2 + _bar_cost(at + count, beats_per_bar)
                if at + count not in following or total < following[at + count][0]:
                    following[at + count] = (total, (*beats, at + count))
        paths, last = following, hit
    best = _Plan(math.inf, tempo, (), beats_per_bar)
    for at, (cost, beats) in paths.items():
        for final, ring_cost in _endings(samples - last, at, beat, beats_per_bar):
            if cost + ring_cost < best.cost:
                best = _Plan(cost + ring_cost, tempo, beats, final)
    return replace(best, cost=best.cost + _UNUSUAL_TEMPO * abs(math.log(tempo / usual)) / math.log(1.25))


def _bar_cost(beat: int, beats_per_bar: int) -> float:
    within = beat % beats_per_bar
    if within == 0:
        return 0.0
    return _OFF_BAR if 2 * within == beats_per_bar else _OFF_HALF_BAR


def _endings(rest: int, at: int, beat: float, beats_per_bar: int) -> Iterator[tuple[int, float]]:
    """Yield the bar lines on which the final chord may start, with what speaks against each: it should ring for about a bar.

    `rest` is the number of samples after the last hit, which is on beat `at`. The last hit itself may be the final chord.
    """
    first = max(beats_per_bar, -(-at // beats_per_bar) * beats_per_bar)
    ideal = ideal_ring_seconds(rest / SAMPLE_RATE, beats_per_bar * beat / SAMPLE_RATE)
    for final in range(first, max(first, at + int(rest / beat)) + 1, beats_per_bar):
        ring = (rest - (final - at) * beat) / SAMPLE_RATE
        if ring >= min(LEAST_RING_SECONDS, 0.5 * ideal) or final == at:
            yield final, 2.0 * math.log(ring / ideal) ** 2


def _sections_between(borders: Sequence[int], arc: Arc, rng: random.Random) -> Iterator[Section]:
    """Yield the sections of a piece whose parts change at some bars: whole phrases, the odd bars of each part first."""
    stretches = [(first, end) for first, end in itertools.pairwise(borders) if end > first]
    names = _part_names(len(stretches), rng)
    for (first, end), part in zip(stretches, names, strict=True):
        at = first
        while at < end:
            size = (end - at) % BARS_PER_PHRASE or BARS_PER_PHRASE
            # In a long part every third phrase is another one, so that it does not stand still.
            phrase = (at - first + BARS_PER_PHRASE - 1) // BARS_PER_PHRASE
            name = part if phrase % 3 < 2 else "A" if part == "B" else "B"
            intensity, register = SECTION_INTENSITIES[name], 0
            if arc != "steady":
                share = at / max(1, borders[-1] - 1)
                intensities, registers = ARC_INTENSITIES[arc], ARC_REGISTERS[arc]
                intensity = intensities[0] + share * (intensities[1] - intensities[0])
                register = round(registers[0] + share * (registers[1] - registers[0]))
            label = "intro" if name == "i" and arc == "steady" else "A" if name == "i" else name
            yield Section(label, at, size, intensity, register)
            at += size


def _part_names(count: int, rng: random.Random) -> str:
    """Return a letter for each stretch between hits; neighbours differ, so that each hit is heard as a change."""
    if count == 1:
        return "A"
    cycle = rng.choice(("iABAB", "ABACB", "iABCB", "AB"))
    body = cycle + "".join(rng.choice(("AB", "AC")) for _ in range(count))
    out = ""
    for letter in body:
        if not out or letter != out[-1]:
            out += letter
    return out[:count]
