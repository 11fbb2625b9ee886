"""Checks a film after it was written: its frames, their times, its channels, and that it decodes at both ends.

A container that does not take a codec, or packets without times, give a film with lost or shifted frames, and ffmpeg reports success.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ...errors import MediaError
from .. import ffmpeg
from ..frame_timing.shown_frames import ShownFrameParser, counted_output
from ..packets import read_log
from ..probe import list_frames, probe_audio

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...cancellation import CancelToken
    from ..frame_timing.shown_frames import ShownFrame

TIME_TOLERANCE_SECONDS = Fraction(2, 1000)
"""Seconds by which a frame may be off: two clocks that round to milliseconds."""

END_CHECK_SECONDS = Fraction(1)
"""Seconds before a film's last frame from which on it is decoded."""


class FilmError(MediaError):
    """A film that was written, and is not the picture."""


def check_film(
    path: Path,
    times: Sequence[Fraction],
    channels: Sequence[int],
    *,
    has_fields: bool = False,
    content_hash: str = "",
    cancel_token: CancelToken | None = None,
) -> None:
    """Check a film against what it should show and sound like. Decodes frames at its start and its last second.

    Of a film with the very packets of its picture only the first and the last key frame are decoded: with few key frames a whole
    picture would be decoded for its last frame.

    Args:
        path: the film.
        times: start of each frame in seconds; the first is 0.
        channels: the channels of each audio track, in order; 0 if unknown.
        has_fields: the times may be those of fields, two of which make a frame.
        content_hash: that of the picture's stream (`FrameListing`), if it was copied.
        cancel_token: cancels the check.

    Raises:
        FilmError: it differs.
        MediaError: it cannot be read.
        Cancelled: the token was cancelled.
    """
    found, _, audio, found_hash = list_frames(path, cancel_token=cancel_token)
    is_unchanged = bool(content_hash) and found_hash == content_hash
    shift = found[0] if found and found[0] > TIME_TOLERANCE_SECONDS else Fraction(0)
    if shift and abs(_sound_begins(path, cancel_token) - shift) <= TIME_TOLERANCE_SECONDS:
        # Matroska has no times below 0: where the own sound begins before the picture, all streams are later by that.
        times = [time + shift for time in times]
    if len(found) != len(times):
        raise _error("{found} frames instead of {expected}", found=len(found), expected=len(times))
    for number, (time, expected) in enumerate(zip(found, times, strict=True)):
        if abs(time - expected) > TIME_TOLERANCE_SECONDS:
            raise _error(
                "frame {number} at {found} s instead of {expected} s",
                number=number,
                found=f"{float(time):.3f}",
                expected=f"{float(expected):.3f}",
            )
    kept = [stream.channels for stream in audio]
    if len(kept) != len(channels) or any(a and b and a < b for a, b in zip(kept, channels, strict=True)):
        raise _error("channels {found} instead of {expected}", found=kept, expected=list(channels))
    step = (times[-1] - times[0]) / max(1, len(times) - 1)
    last_second = max(Fraction(0), times[-1] - END_CHECK_SECONDS)
    # A thread for each processor costs more than a few key frames.
    decoding: dict[str, Any] = {"copyts": None, **({"skip_frame": "nokey", "threads": 1} if is_unchanged else {})}
    near_end: dict[str, Any] = {"ss": f"{float(last_second):.6f}", "seek_timestamp": 1, "noaccurate_seek": None}
    first: dict[str, Any] = {"frames:v": 1 if is_unchanged else 2}
    # A run of ffmpeg each: with both and the packets as outputs of one, ffmpeg 9.0 did not end for some films.
    begins = _decode(ffmpeg.input_stream(path, **decoding), path, step, cancel_token, **first)
    ends = _decode(ffmpeg.input_stream(path, **decoding, **near_end), path, step, cancel_token)
    tolerance = TIME_TOLERANCE_SECONDS + (step if has_fields else 0)
    # A key frame is shown at the time of any frame; its packet has been compared.
    last = ends[-1].time if is_unchanged and ends else times[-1]
    for shown, expected in ((begins[:1], times[0]), (ends[-1:], last)):
        if not shown or abs(shown[0].time - expected) > tolerance:
            raise _error("no picture can be decoded at {seconds} s", seconds=f"{float(expected):.3f}")
    if begins[0].size != ends[-1].size:
        raise _error("the size changes from {first} to {last}", first=begins[0].size, last=ends[-1].size)


def _decode(
    source: Any, path: Path, step: Fraction, cancel_token: CancelToken | None, **options: Any
) -> list[ShownFrame]:
    """Return the frames of an input of ffmpeg, without their pictures. `options` are those of the output."""
    parser = ShownFrameParser(step)
    # Progress keeps the pipe talking, so that its time limit finds a stalled drive.
    shown = counted_output(source["V:0"].filter("showinfo", checksum=0), format="null", progress="pipe:1", **options)
    read_log(shown, path, parser.parse_line, cancel_token)
    return parser.frames[: options.get("frames:v")]


def _sound_begins(path: Path, cancel_token: CancelToken | None) -> Fraction:
    """Return the time of the first packet of the first audio track, which is that of the takes."""
    packet = probe_audio(path, cancel_token=cancel_token)[1]
    return packet.time if packet else Fraction(0)


def _error(problem: str, **values: object) -> FilmError:
    return FilmError("film.wrong", "The film differs from the picture: {problem}.", problem=problem.format(**values))
