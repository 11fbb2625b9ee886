"""Decodes a plan: the frames of a source that are on screen in a span, each at its own time."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from ...errors import MediaError
from ..decoder import DecodedFrame, VideoSource
from ..frame_plan import decode_runs, reorder_windows
from ..frame_timing.frame_rate import TIME_TOLERANCE_SECONDS
from ..packets import stream_ends

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from ...cancellation import CancelToken
    from ..decoder import FrameSource, ScaleOptions
    from ..frame_plan import DecodeRun, PlannedFrame

END_TOLERANCE_SECONDS = Fraction(1, 2)
"""Seconds that a source may end early, with its last frame held: containers often announce a frame or two too many."""

TimedFrame = tuple[Fraction, DecodedFrame]
"""When a frame comes on screen, in seconds from the start of the span, and the frame."""


def decode_plan(
    source: FrameSource, planned: Sequence[PlannedFrame], scaling: ScaleOptions, cancel_token: CancelToken | None
) -> Generator[TimedFrame]:
    """Decode the frames of a plan; times are seconds from its start.

    Raises:
        MediaError: the source cannot be decoded there, or ends before the span.
        Cancelled: the token was cancelled.
    """
    for run in decode_runs(planned):
        for at, frame in _decode_run(source, run, scaling, cancel_token):
            # A picture that changes its size is scaled to that of the first frame.
            scaling = replace(scaling, exact_size=frame.size) if scaling.exact_size is None else scaling
            yield at, frame


def _decode_run(
    source: FrameSource, run: DecodeRun, scaling: ScaleOptions, cancel_token: CancelToken | None
) -> Iterator[TimedFrame]:
    """Decode the frames of a run."""
    if run.ordered:
        yield from _decode_ascending(source, run.planned, scaling, cancel_token)
        return
    times = [shown.source_seconds for shown in run.planned]
    keys = source.key_frame_times(min(times), max(times), cancel_token=cancel_token) if len(times) > 1 else []
    for part in reorder_windows(run, keys):
        ascending = sorted(part, key=lambda shown: shown.source_seconds)
        frames = sorted(_decode_ascending(source, ascending, scaling, cancel_token), key=lambda pair: pair[0])
        scaling = replace(scaling, exact_size=frames[0][1].size)
        yield from frames


def _decode_ascending(
    source: FrameSource, planned: Sequence[PlannedFrame], scaling: ScaleOptions, cancel_token: CancelToken | None
) -> Iterator[TimedFrame]:
    """Decode planned frames that are in the source's order, in one pass. On screen is the last frame that has begun."""
    end = max(shown.source_end_seconds for shown in planned)
    decoding = source.frames(planned[0].source_seconds, end, scaling, cancel_token=cancel_token)
    now = next(decoding, None)
    if now is None:
        raise MediaError(
            "extract.no_frame",
            "Could not extract {name}: no frame can be decoded at {seconds} s. The file may be truncated.",
            name=source.name,
            seconds=f"{float(planned[0].source_seconds):.2f}",
        )
    held_until: Fraction | None = None
    coming = next(decoding, None)  # one frame ahead: a frame is on screen until the next begins
    for shown in planned:
        while coming is not None and coming.time <= shown.source_seconds + TIME_TOLERANCE_SECONDS:
            now, coming = coming, next(decoding, None)
        yield shown.at_seconds, now
        if shown.pass_through is not None:
            while coming is not None and coming.time < shown.pass_through.end - TIME_TOLERANCE_SECONDS:
                now, coming = coming, next(decoding, None)
                yield shown.at_seconds + (now.time - shown.pass_through.begin) / shown.pass_through.speed, now
        if coming is None and shown.source_end_seconds > now.time + source.rate.seconds(1) + END_TOLERANCE_SECONDS:
            held_until = _hold_limit(source, now.time, cancel_token) if held_until is None else held_until
            if shown.source_end_seconds > held_until + END_TOLERANCE_SECONDS:
                raise MediaError(
                    "extract.source_too_short",
                    "Could not extract {name}: it ends at {end} s, and the span needs it until {needed} s. The file may be truncated.",
                    name=source.name,
                    end=f"{float(now.time + source.rate.seconds(1)):.2f}",
                    needed=f"{float(shown.source_end_seconds):.2f}",
                )
            # One long last frame would look like a cut to a model, which ignores how long each lasts.
            if shown.pass_through is not None:
                step, speed = source.rate.seconds(1), shown.pass_through.speed
                for held in range(1, math.ceil((shown.pass_through.end - now.time) / step)):
                    yield shown.at_seconds + (now.time + held * step - shown.pass_through.begin) / speed, now


def _hold_limit(source: FrameSource, last: Fraction, cancel_token: CancelToken | None) -> Fraction:
    """Return the time in seconds until which the last frame, at `last`, is on screen: the end of the file's longest stream.

    Editors hold the last frame while the sound goes on. A picture that has packets beyond its last frame is damaged: nothing is held.
    """
    end = last + source.rate.seconds(1)
    if not isinstance(source, VideoSource):
        return end
    runs_on, start = source.header.runs_on, source.header.start
    picture, longest = (time - start for time in stream_ends(source.path, runs_on=runs_on, cancel_token=cancel_token))
    return longest if picture <= end + END_TOLERANCE_SECONDS else end
