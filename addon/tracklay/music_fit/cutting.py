"""From runs of music to pieces: crossfades at joins, fades before pauses and at the end, corrections of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..listening.spectrum import padded
from .pieces import MusicPiece
from .time_change import FADE_SECONDS, plan_corrections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..listening.spectrum import ReadSamples
    from .assembly import Run
    from .pieces import Shape

JOIN_SECONDS = 0.02
"""Length of a join's crossfade."""

LEAD_SECONDS = 0.003
"""A join's crossfade ends this long before the beat, so that the attack is whole."""

ALIKE = 0.5
"""Correlation from which a join is faded with equal gain: with equal power, alike sounds would swell by 3 dB."""

STOP_SECONDS = 0.06
"""Length of the fade before a pause."""

END_SECONDS = 0.01
"""Length of the fade at the end of music that has died away."""


def cut_pieces(
    runs: Sequence[Run], read: ReadSamples, length: int, rate: int, *, bar: int, end_fade: int
) -> tuple[MusicPiece, ...]:
    """Return the pieces of runs of music.

    Args:
        runs: in order.
        read: reads a stretch of the music, (samples, channels).
        length: samples of the music.
        rate: Hz.
        bar: samples of a bar: the length of a fade where no good join exists.
        end_fade: samples of the fade at the end.
    """
    lead = round(LEAD_SECONDS * rate)
    pieces: list[MusicPiece] = []
    for index, run in enumerate(runs):
        following = runs[index + 1] if index + 1 < len(runs) else None
        shape_out: Shape
        fade_in, shape_in = _fade_before(run, index, read, length, rate)
        if following is None:
            fade_out, shape_out, tail = max(end_fade, round(END_SECONDS * rate)), "gain", 0
        elif following.join is None:
            fade_out, shape_out, tail = 0, "power", 0
        else:
            fade_out, shape_out = _fade_before(following, index + 1, read, length, rate)
            tail = -lead
            if following.at - run.stop > lead:
                fade_out, shape_out = round(STOP_SECONDS * rate), "gain"
            elif following.join.kind == "fade":
                fade_out, shape_out = min(bar, (run.stop - run.at) // 2), "gain"
        begin = run.join is not None and index > 0
        if not index and run.source > 0:
            fade_in = round(JOIN_SECONDS * rate)  # music that begins in its middle
        pieces += _cut_run(
            run,
            read,
            length,
            rate,
            head=lead + fade_in if begin else 0,
            tail=tail,
            fades=(fade_in, fade_out),
            shapes=(shape_in, shape_out),
        )
    return tuple(sorted(pieces, key=lambda piece: piece.at))


def _fade_before(run: Run, index: int, read: ReadSamples, length: int, rate: int) -> tuple[int, Shape]:
    """Return length and shape of the crossfade at the beginning of a run: by the correlation of what is faded."""
    fade, lead = round(JOIN_SECONDS * rate), round(LEAD_SECONDS * rate)
    if run.join is None or not index:
        return 0, "power"
    stop_from, stop_to = run.join.source_from - lead, run.source - lead
    old = padded(read, stop_from - fade, stop_from, length).mean(axis=1).astype(np.float64)
    new = padded(read, stop_to - fade, stop_to, length).mean(axis=1).astype(np.float64)
    scale = np.sqrt(float(old @ old) * float(new @ new))
    return fade, "gain" if scale > 1e-12 and float(old @ new) / scale > ALIKE else "power"


def _cut_run(
    run: Run,
    read: ReadSamples,
    length: int,
    rate: int,
    *,
    head: int,
    tail: int,
    fades: tuple[int, int],
    shapes: tuple[Shape, Shape],
) -> list[MusicPiece]:
    """Return the pieces of a run, `head` samples longer at its beginning and `tail` at its end."""
    beats = np.array(run.beats)
    corrections = plan_corrections(read, length, rate, beats, run.source_stop, -run.stretch)
    fade = round(FADE_SECONDS * rate)
    pieces: list[MusicPiece] = []
    source, at = run.source - head, run.at - head
    fade_in, shape_in = fades[0], shapes[0]
    for correction in corrections:
        pieces.append(MusicPiece(source, at, correction.source - source, fade_in, fade, shape_in, "gain"))
        at += correction.source - source - fade
        source = correction.source + correction.lag - fade
        fade_in, shape_in = fade, "gain"
    samples = run.stop + tail - at
    pieces.append(
        MusicPiece(source, at, samples, fade_in, min(fades[1], max(0, samples - fade_in)), shape_in, shapes[1])
    )
    return [piece for piece in pieces if piece.samples > 0]
