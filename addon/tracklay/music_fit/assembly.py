"""From the path through the beats to runs of music: places, joins, pauses, cuts and changes of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from .anchors import close_difference
from .joins import GOOD_SIMILARITY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..music_analysis.analyzer import MusicAnalysis
    from .joins import JoinTable
    from .path_search import Leg, SearchGrid

    Kind = Literal["crossfade", "fade", "hit"]


@dataclass(frozen=True, slots=True)
class MusicJoin:
    """A place where the music goes on elsewhere.

    Attributes:
        at: sample in the result: the beat.
        source_from: sample of the music that would have followed: a beat.
        source_to: sample of the music that follows: a beat.
        similarity: 0 to 1.
        kind: `crossfade`; `fade` where no good join exists and a bar is faded out; `hit` where an accent covers it.
        pause: samples of silence before it; negative cuts the beat before.
    """

    at: int
    source_from: int
    source_to: int
    similarity: float
    kind: Kind
    pause: int = 0


@dataclass(slots=True)
class Run:
    """Music that plays through, from one beat to another.

    Attributes:
        source: first sample in the music.
        source_stop: its end there.
        at: first sample in the result.
        stop: its end in the result.
        beats: its beats, samples in the music.
        join: the join at its beginning; None where it goes on from the run before, and at the start.
    """

    source: int
    source_stop: int
    at: int
    stop: int
    beats: list[int]
    join: MusicJoin | None = None

    @property
    def stretch(self) -> int:
        """Samples by which it is longer than in the music."""
        return (self.stop - self.at) - (self.source_stop - self.source)


@dataclass(frozen=True, slots=True)
class Layout:
    """Runs in order, with the music's end.

    Attributes:
        runs: in order; the last is the ending.
        trim: samples by which the final decay is shortened.
        missed: for each anchor after the first, samples by which the music is too short (positive) or too long for it.
    """

    runs: tuple[Run, ...]
    trim: int
    missed: tuple[int, ...]


def lay_out(
    analysis: MusicAnalysis, grid: SearchGrid, legs: Sequence[Leg], anchors: Sequence[int], stop: int
) -> Layout:
    """Return where each run of music plays.

    Args:
        analysis: of the music.
        grid: of the search.
        legs: path from anchor to anchor.
        anchors: samples of the span: of the first beat, of the beats on the hits, and of the ending's first beat.
        stop: sample of the span at which the music ends.
    """
    beats = analysis.beats
    ends = np.append(beats[1:], analysis.samples)
    runs: list[Run] = []
    missed: list[int] = []
    expected = -1
    pause = trim = 0
    for index, leg in enumerate(legs):
        is_last = index == len(legs) - 1
        begin, end = anchors[index], anchors[index + 1]
        closing = close_difference(
            end - begin - leg.samples,
            leg.samples,
            grid.beat,
            may_pause=not is_last or grid.is_tight,
            max_trim=grid.max_trim if is_last else 0,
        )
        trim = closing.trim
        here: list[Run] = []
        for order, beat in enumerate(leg.played):
            if order and beat == expected:
                here[-1].source_stop = int(ends[beat])
                here[-1].beats.append(int(beats[beat]))
            else:
                join = _describe_join(analysis, grid.joins, expected, beat, is_hit=order == 0, pause=pause)
                here.append(Run(int(beats[beat]), int(ends[beat]), 0, 0, [int(beats[beat])], join))
                pause = 0
            expected = beat + 1
        _place(here, begin, closing.stretch)
        runs.extend(here)
        if not leg.played and index == 0:
            expected = leg.arrived
        pause = closing.pause + closing.missed
        if pause < 0:
            _cut(runs, end + trim)
        missed.append(closing.missed)
    first = legs[-1].arrived
    join = _describe_join(
        analysis, grid.joins, expected, first, is_hit=len(legs) > 1 and not legs[-1].played, pause=pause
    )
    at = anchors[-1] + trim
    source_stop = int(beats[first]) + max(1, stop - at)
    runs.append(
        Run(int(beats[first]), source_stop, at, stop, [int(beat) for beat in beats[first:] if beat < source_stop], join)
    )
    _lead_in(runs)
    for run in runs:
        if run.join is not None:
            run.join = MusicJoin(run.at, *_join_fields(run.join))
    return Layout(tuple(runs), max(0, analysis.ending.end - source_stop), tuple(missed))


def _join_fields(join: MusicJoin) -> tuple[int, int, float, Kind, int]:
    return join.source_from, join.source_to, join.similarity, join.kind, join.pause


def _describe_join(
    analysis: MusicAnalysis, joins: JoinTable, expected: int, beat: int, *, is_hit: bool, pause: int
) -> MusicJoin | None:
    """Return the join at which `beat` plays where `expected` would have followed, or None where the music goes on."""
    if expected < 0 or (expected == beat and not pause):
        return None
    count = len(analysis.beats)
    similarity = float(joins.similarity[expected, beat]) if expected < count else 0.0
    kind: Kind = "hit" if is_hit else "crossfade" if similarity >= GOOD_SIMILARITY else "fade"
    source_from = int(analysis.beats[expected]) if expected < count else analysis.samples
    return MusicJoin(0, source_from, int(analysis.beats[beat]), similarity, kind, pause)


def _place(runs: list[Run], begin: int, stretch: int) -> None:
    """Set the places of runs that follow each other from `begin`; each takes its share of the change of time."""
    total = sum(run.source_stop - run.source for run in runs)
    done, at = 0, begin
    for run in runs:
        done += run.source_stop - run.source
        run.at = at
        run.stop = at = begin + done + round(stretch * done / max(1, total))


def _cut(runs: list[Run], stop: int) -> None:
    """End the music at `stop`: runs after it go, the run that plays there is cut."""
    while len(runs) > 1 and runs[-1].at >= stop:
        runs.pop()
    run = runs[-1]
    if run.stop > stop:
        share = (stop - run.at) / max(1, run.stop - run.at)
        run.source_stop = run.source + max(0, round(share * (run.source_stop - run.source)))
        run.stop = max(run.at, stop)
        run.beats = [beat for beat in run.beats if beat < run.source_stop] or [run.source]


def _lead_in(runs: list[Run]) -> None:
    """Let the first run begin with what is before the first beat."""
    first = runs[0]
    lead = min(first.source, first.at)
    first.source -= lead
    first.at -= lead
