"""Places the own sound of a file whose clock is set back (recordings that were joined) by the picture of each recording.

ffmpeg's clock, which runs on, is not enough: a recording's sound and picture differ in length, and it lets the next one begin after
whichever of them it reads first. In each recording the sound keeps its distance from the picture; the pictures follow each other.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import MediaError
from .. import ffmpeg
from ..packets import MAX_CLOCK_STEP_SECONDS, decoded_times, read_log

if TYPE_CHECKING:
    from pathlib import Path

    from ...cancellation import CancelToken
    from ..probe import AudioStream, VideoStream

TICKS = 1_000_000
"""Ticks of a second in which times are printed."""

SET_BACK_SECONDS = Fraction(1, 2)
"""Seconds by which a time falls where another recording begins."""

GAP_SECONDS = Fraction(1, 50)
"""Seconds by which sound may be off its own clock: that is jitter. More is a gap, after which it is placed again."""

MAX_PIECES = 200
"""Pieces of sound that are placed each by itself. Each is a term of an expression that ffmpeg evaluates."""

_FRAME = re.compile(r"_a?showinfo.*? pts: *(-?\d+) .*?(?:nb_samples:(\d+)|$)")


class JoinedSound(NamedTuple):
    """Pieces of an audio stream: (number of its first sample, samples to add to that number for its place in the film)."""

    pieces: tuple[tuple[int, int], ...]
    sample_rate: int

    def place(self, stream: Any) -> Any:
        """Return an ffmpeg-python stream of decoded sound, each piece at its place; gaps are silent, and what overlaps is cut."""
        before = 0
        terms = []
        for begin, shift in self.pieces:
            terms.append(f"gte(N,{begin})*({shift - before})")
            before = shift
        placed = stream.filter("asettb", f"1/{self.sample_rate}").filter("asetpts", f"N+{'+'.join(terms)}")
        return placed.filter("aresample", **{"async": 1, "min_hard_comp": 0.002, "first_pts": 0})


def place_joined_sound(
    path: Path, video: VideoStream, audio: AudioStream, *, cancel_token: CancelToken | None = None
) -> JoinedSound:
    """Return the places of an audio stream's pieces in the film of a file whose clock is set back. Decodes picture and sound.

    Raises:
        MediaError: it cannot be decoded, or a recording has picture without sound, or sound without picture.
        Cancelled: the token was cancelled.
    """
    frames = [time for time, _ in _decoded(path, "V:0", "showinfo", cancel_token)]
    step = video.rate.seconds(1)
    if video.is_counted:
        shown = [number * step for number in range(len(frames))]
    else:
        times = decoded_times(path, step, runs_on=True, cancel_token=cancel_token)
        shown = [time - video.start for time in times]
    begins = _recordings(frames)
    sound = _decoded(path, str(audio.index), "ashowinfo", cancel_token)
    heard = [time for time, _ in sound]
    recordings = _recordings(heard)
    if len(shown) != len(frames) or len(begins) != len(recordings):
        raise MediaError(
            "film.joined_sound",
            "Could not match the sound of {name} with its picture: {pictures} recordings with picture, {sounds} with sound.",
            name=path.name,
            pictures=len(begins),
            sounds=len(recordings),
        )
    pieces: list[tuple[int, int]] = []
    number, recording = 0, -1
    expected = Fraction(0)
    for index, (time, samples) in enumerate(sound):
        is_first = recording + 1 < len(recordings) and index == recordings[recording + 1]
        recording += is_first
        if is_first or (abs(time - expected) > GAP_SECONDS and len(pieces) < MAX_PIECES):
            at = shown[begins[recording]] + time - frames[begins[recording]]
            pieces.append((number, round(at * audio.sample_rate) - number))
            expected = time
        number += samples
        expected += Fraction(samples, audio.sample_rate)
    return JoinedSound(tuple(pieces), audio.sample_rate)


def _recordings(times: list[Fraction]) -> list[int]:
    """Return the index of the first frame of each recording."""
    return [
        index
        for index, time in enumerate(times)
        if index == 0 or not -SET_BACK_SECONDS < time - times[index - 1] < MAX_CLOCK_STEP_SECONDS
    ]


def _decoded(path: Path, specifier: str, show: str, cancel_token: CancelToken | None) -> list[tuple[Fraction, int]]:
    """Return each decoded frame's time in seconds on the file's own clock, as it is set back, and its number of samples."""
    found: list[tuple[Fraction, int]] = []

    def parse_line(line: str | None) -> bool:
        if line is None or "showinfo" not in line:
            return False
        if frame := _FRAME.search(line):
            found.append((Fraction(int(frame[1]), TICKS), int(frame[2] or 0)))
        return True

    stream = ffmpeg.input_stream(path, copyts=None)[specifier]
    stream = stream.filter("settb" if show == "showinfo" else "asettb", f"1/{TICKS}")
    stream = stream.filter(show, **({"checksum": 0} if show == "showinfo" else {}))
    stream = stream.output("pipe:", format="null", progress="pipe:1")
    read_log(stream, path, parse_line, cancel_token)
    return found
