"""Fits a piece of music to a span and its hits; see `fit_music`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidInput
from ..music_analysis.analyzer import analyze_music
from .anchors import MISS_COST
from .assembly import Layout, Run, lay_out
from .cutting import cut_pieces
from .joins import rate_joins
from .path_search import SearchGrid, find_path
from .pieces import render_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..listening.spectrum import ReadSamples, Samples
    from ..music_analysis.analyzer import MusicAnalysis
    from .assembly import MusicJoin
    from .joins import JoinTable
    from .pieces import MusicPiece

BLOCK_SECONDS = 1
"""Length of the blocks in which a fit is rendered."""

MAX_TRIM_SHARE, WHOLE_RING_SECONDS = 0.35, 1.0
"""Largest part of the final decay that is left out, and the length of decay that stays."""

LEAST_HIT_BEATS = 0.3
"""Of hits nearer than this many beats, only the first has an accent."""

CHORD_SECONDS = 0.04
"""The final chord is on a beat if it is this near."""

LEAST_RING_SECONDS = 0.3
"""The final chord rings at least this long when it is moved to a hit."""

LEAST_BARS = 2
"""Music with no more bars than this is not repeated."""

TRIM_FADE_SHARE, TRIM_FADES = 0.6, 3
"""A shortened decay is faded out over this part of it, and over this many times what it is shorter by at most."""


@dataclass(frozen=True, slots=True)
class HitResult:
    """A hit and the accent on it, samples of the span.

    Attributes:
        hit: where the picture's hit is.
        at: where the music's nearest accent is.
        accent: strength of the accent, 0 to 1.
    """

    hit: int
    at: int
    accent: float


@dataclass(frozen=True, slots=True)
class Fit:
    """Music fitted to a span. Everything but the samples, which `blocks` renders.

    Attributes:
        sample_rate: Hz, of the music and of the result.
        samples: length of the result: the span and its tail.
        tempo: beats per minute, measured.
        has_beat: False if no beat was found, and the tempo is that of an even grid.
        meter: beats in a bar.
        runs: stretches of the music in order, with their places.
        hits: the hits in order.
        keeps_ending: the music's own ending ends the result.
        trim: samples by which its final decay is shortened.
        notes: sentences for the user.
        pieces: what is rendered.
        source_samples: length of the music.
    """

    sample_rate: int
    samples: int
    tempo: float
    has_beat: bool
    meter: int
    runs: tuple[Run, ...]
    hits: tuple[HitResult, ...]
    keeps_ending: bool
    trim: int
    notes: tuple[str, ...]
    pieces: tuple[MusicPiece, ...]
    source_samples: int

    @property
    def joins(self) -> tuple[MusicJoin, ...]:
        """The joins in order."""
        return tuple(run.join for run in self.runs if run.join is not None)

    def blocks(self, read: ReadSamples, length: int | None = None) -> Iterator[Samples]:
        """Yield the samples, (n, channels) float32, in blocks of a second.

        Args:
            read: reads the music that was fitted, or a stem of it.
            length: samples of the stem, if it is one.
        """
        block = BLOCK_SECONDS * self.sample_rate
        return render_pieces(self.pieces, read, self.source_samples if length is None else length, self.samples, block)

    def to_manifest(self) -> dict[str, Any]:
        """Return the fit as a manifest has it; samples are exact, milliseconds are rounded."""
        rate = self.sample_rate
        return {
            "tempo": round(self.tempo, 2),
            "meter": self.meter,
            "segments": [
                {
                    "from": run.source,
                    "to": run.source_stop,
                    "at": run.at,
                    "samples": run.stop - run.at,
                    "time_change": round(run.stretch / max(1, run.source_stop - run.source), 5),
                }
                for run in self.runs
            ],
            "joins": [
                {
                    "at": join.at,
                    "from": join.source_from,
                    "to": join.source_to,
                    "similarity": round(join.similarity, 3),
                    "kind": join.kind,
                    "pause_ms": round(1000 * join.pause / rate, 1),
                }
                for join in self.joins
            ],
            "hits": [
                {
                    "at": hit.hit,
                    "accent_at": hit.at,
                    "error_ms": round(1000 * (hit.at - hit.hit) / rate, 2),
                    "accent": round(hit.accent, 3),
                }
                for hit in self.hits
            ],
            "ending": {"kept": self.keeps_ending, "shortened_ms": round(1000 * self.trim / rate, 1)},
        }


def fit_music(
    read: ReadSamples,
    length: int,
    sample_rate: int,
    span: int,
    *,
    hits: Sequence[int] = (),
    tail: int = 0,
    analysis: MusicAnalysis | None = None,
) -> Fit:
    """Return a piece of music fitted to a span: with its own start, its own ending at the end, and accents on the hits.

    Bars are left out or repeated where the music is most alike. What then differs is closed by at most 2 % change of time, by a
    shorter final decay, and before a hit by a pause of less than a beat. The result is exactly `span + tail` samples long.

    Args:
        read: reads a stretch of the music, (samples, channels) float32.
        length: samples of the music.
        sample_rate: Hz.
        span: samples of the span.
        hits: samples of the hits from the beginning of the span.
        tail: samples after the span in which the music ends.
        analysis: of the music, if it is known.

    Raises:
        InvalidInput: a hit is outside the span, or there is no span.
    """
    if span < 1 or tail < 0 or length < 1:
        raise InvalidInput(
            "music.no_span", "Music cannot be fitted to {samples} samples.", samples=min(span, length, tail)
        )
    for hit in hits:
        if not 0 <= hit < span:
            raise InvalidInput(
                "music.hit_outside",
                "The hit at {seconds} s is outside the span of {span} s. Move it into the span.",
                seconds=round(hit / sample_rate, 3),
                span=round(span / sample_rate, 3),
            )
    analysis = analysis or analyze_music(read, length, sample_rate)
    fitter = _Fitter(analysis, span + tail, sorted(set(hits)))
    layout, notes = fitter.plan()
    end_fade = min(TRIM_FADES * layout.trim, round(TRIM_FADE_SHARE * (fitter.ring - layout.trim)))
    if not analysis.ending.is_own:
        end_fade = fitter.bar
        notes.append("The music has no ending of its own: it fades out over its last bar.")
    pieces = cut_pieces(layout.runs, read, length, sample_rate, bar=fitter.bar, end_fade=end_fade)
    return Fit(
        sample_rate=sample_rate,
        samples=span + tail,
        tempo=analysis.tempo,
        has_beat=analysis.tempo_confidence > 0,
        meter=analysis.meter,
        runs=layout.runs,
        hits=fitter.measure_hits(layout),
        keeps_ending=analysis.ending.is_own and layout.runs[-1].stop == span + tail,
        trim=layout.trim,
        notes=tuple(notes),
        pieces=pieces,
        source_samples=length,
    )


class _Fitter:
    """One fit: chooses the ending's anchor and the hits that can be anchors."""

    def __init__(self, analysis: MusicAnalysis, samples: int, hits: list[int]) -> None:
        self._analysis = analysis
        self._samples = samples
        self._hits = hits
        self._joins: JoinTable = rate_joins(analysis)
        ends = np.append(analysis.beats[1:], max(analysis.samples, int(analysis.beats[-1]) + 1))
        self._lengths = np.maximum(1, ends - analysis.beats)
        if len(self._lengths) > 1:
            self._lengths[-1] = min(self._lengths[-1], self._lengths[-2])
        ending = analysis.ending
        beats = analysis.beats
        # The final chord alone begins on the beat before it: from a later one on, its attack would be missing.
        near = ending.final + round(CHORD_SECONDS * analysis.sample_rate)
        self._first_final = max(0, int(np.searchsorted(beats, near, side="right")) - 1)
        self._chord_is_on_beat = ending.final - int(beats[self._first_final]) <= round(
            CHORD_SECONDS * analysis.sample_rate
        )
        self.ring = max(1, ending.end - int(beats[self._first_final]))

    @property
    def bar(self) -> int:
        """Length of a bar, samples."""
        return round(float(np.median(self._lengths)) * self._analysis.meter)

    def plan(self) -> tuple[Layout, list[str]]:
        """Return the layout, and notes about what could not be met."""
        analysis = self._analysis
        if len(analysis.beats) <= LEAST_BARS * analysis.meter and analysis.ending.end < self._samples:
            return self._only_ending(), [
                "The music is too short to be repeated: it plays once, at the end of the span."
            ]
        best: tuple[float, Layout] | None = None
        for is_tight in (False, True):
            found = self._try(is_tight=is_tight)
            if found is not None and (best is None or found[0] < best[0] - 1.0):
                best = found
            if best is not None and best[0] < MISS_COST:
                break
        if best is None or self._samples < self.ring:
            return self._only_ending(), [
                "The span is shorter than the music's start and ending together: only the ending plays."
            ]
        notes = []
        layout = best[1]
        bad = [run.join for run in layout.runs if run.join and run.join.kind == "fade"]
        if bad:
            where = ", ".join(f"{join.at / analysis.sample_rate:.1f} s" for join in bad)
            notes.append(f"No good join exists at {where}: the music fades out over a bar there.")
        return layout, notes

    def _try(self, *, is_tight: bool) -> tuple[float, Layout] | None:
        """Return the cheapest layout with its cost, with the whole ending or with the final chord alone."""
        analysis = self._analysis
        ending = analysis.ending
        beats = analysis.beats
        first = self._first_final if is_tight else ending.first_beat
        end_at = self._samples - (ending.end - int(beats[first]))
        stays = round(WHOLE_RING_SECONDS * analysis.sample_rate)
        max_trim = max(0, min(round(MAX_TRIM_SHARE * self.ring), self.ring - stays))
        lead = int(beats[0])
        last = self._samples - round(LEAST_RING_SECONDS * analysis.sample_rate)
        wanted = [hit for hit in self._anchor_hits() if lead < hit <= last]
        anchors = list(wanted)
        # A last hit in the ring of the final chord: the chord moves to it.
        moves = is_tight and self._chord_is_on_beat and bool(anchors) and anchors[-1] >= end_at
        if moves:
            end_at = anchors.pop()
            max_trim = 0
        anchors = [hit for hit in anchors if hit < end_at]
        if end_at <= lead:
            return None
        grid = SearchGrid(self._joins, self._lengths, analysis.accents, analysis.meter, 0, first, max_trim, is_tight)
        legs, on_hits, cost = find_path(grid, lead, anchors, end_at)
        if not legs:
            return None
        times = [hit - analysis.attack_offset(beat) for hit, beat in zip(anchors, on_hits, strict=True)]
        layout = lay_out(analysis, grid, legs, [lead, *times, end_at], self._samples)
        cost += MISS_COST * (len(wanted) - len(anchors) - moves)
        return cost, layout

    def _anchor_hits(self) -> list[int]:
        """Return the hits that are not too near to the one before: one accent cannot be on both."""
        least = LEAST_HIT_BEATS * float(np.median(self._lengths))
        found: list[int] = []
        for hit in self._hits:
            if not found or hit - found[-1] >= least:
                found.append(hit)
        return found

    def _only_ending(self) -> Layout:
        """Return the layout of a span that is too short for start and ending: the music's last part."""
        ending = self._analysis.ending
        source = max(0, ending.end - self._samples)
        beats = [int(beat) for beat in self._analysis.beats if source <= beat < ending.end]
        at = self._samples - (ending.end - source)
        return Layout((Run(source, ending.end, at, self._samples, beats),), 0, ())

    def measure_hits(self, layout: Layout) -> tuple[HitResult, ...]:
        """Return for each hit the accent that is nearest to it."""
        analysis = self._analysis
        places: list[tuple[int, float]] = []
        accents = {
            int(beat): (analysis.attack_offset(index), float(analysis.accents[index]))
            for index, beat in enumerate(analysis.beats)
        }
        for run in layout.runs:
            length = max(1, run.source_stop - run.source)
            for beat in run.beats:
                offset, accent = accents.get(beat, (0, 0.0))
                share = (beat - run.source) / length
                places.append((round(run.at + share * (run.stop - run.at)) + offset, accent))
        results = []
        for hit in self._hits:
            at, accent = min(places or [(0, 0.0)], key=lambda place: abs(place[0] - hit))
            results.append(HitResult(hit, at, accent))
        return tuple(results)
