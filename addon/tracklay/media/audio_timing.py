"""The place of an answer's first sample: its own start time, and the encoder's priming that nothing has removed yet.

An encoder puts some samples of its own before the sound (its priming). Whether they are still there after decoding depends on the codec,
the container, the program that wrote the file and the ffmpeg that reads it: MP4 has an edit list, Ogg a pre-skip, Matroska a codec delay
that ffmpeg 9 applies and 7 does not, MPEG-TS nothing. So the place is not looked up but measured, with the ffmpeg that decodes the file:
timestamps of the first packet and of the first decoded sample, against the picture's first frame.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from . import ffmpeg
from .input_formats import ANSWER_FORMATS
from .probe import check_file, parse_audio_streams, read_video_header

if TYPE_CHECKING:
    from pathlib import Path

    from ..cancellation import CancelToken
    from .probe import AudioStream

PRIMING_SAMPLES = {
    "aac": 1024,
    "aac_latm": 1024,
    "mp3": 1105,
    "ac3": 256,
    "eac3": 256,
    "mp2": 481,
    "opus": 312,
    "wmav1": 2048,
    "wmav2": 2048,
    "dts": 512,
}
"""Samples of priming of the usual encoders: AAC one block (measured in files of MMAudio's own writer), MP3 576 of LAME and 529 of the
decoder, the others as ffmpeg 5.1, 7.0 and 9.0 write them. Another encoder's may differ: nothing in such a file says so."""

TIME_TOLERANCE = Fraction(3, 2000)
"""Seconds within which two times are equal: Matroska and FLV round to milliseconds. The smallest priming is 5.3 ms."""

FIRST_FRAMES = 3
"""Decoded frames that are read: the first may have no data."""

FIRST_PACKETS = 40
"""Packets that are read: more than any decoder needs for its first frames. ffmpeg 9 ends with the first stream that has its number."""

MAX_SKIP_SECONDS = Fraction(3, 20)
"""Seconds between the first packet and the first decoded sample, at most, that are priming or a decoder's delay: WMA has 85 ms."""

UNCOUNTED_PRIMING_CODECS = frozenset({"dts"})
"""Codecs whose usual encoder does not count its priming in the packets' timestamps: a sound that begins late has it, too."""

FFMPEG_TS_START = Fraction(7, 5)
"""Seconds on the clock of a transport stream that ffmpeg writes at which its time zero is: two mux delays of 0.7 s."""

CLOCK_CONTAINERS = ("mpegts", "mpegtsraw", "mpeg")
"""Containers whose clock begins anywhere: without a picture, only the sound itself is a reference.

ffmpeg writes transport streams from `FFMPEG_TS_START` on, and its name into them, so that there a late start can be seen. In its program
streams a sound that begins up to 0.5 s late is at 0.5 s, a later one at its own time, and nothing names the writer: a stream that was
cut from a longer one looks the same (measured with ffmpeg 5.1 and 9.0).
"""

_CONTAINER = re.compile(r"Input #0, (\S+), from")
_DURATION = re.compile(r"  Duration: (\d{1,4}):(\d\d):(\d\d\.\d+)")
_FFMPEG_TS = re.compile(r"^ *service_provider *: FFmpeg$")
_PICTURE = re.compile(r"  Stream #0:\d+[^ ]{0,40}: Video: (?!.*\(attached pic\))")


@dataclass(frozen=True, slots=True)
class AudioStart:
    """The place of a file's first decoded sample.

    Attributes:
        delay: seconds from the time zero of the take to the first sample that belongs to the sound; negative: the seconds before time zero.
        priming_samples: samples of priming among those that are decoded, at the source's rate. They are counted in `delay`.
        declared_seconds: length that the file's header states; None if it states none, or ffmpeg only estimates it.
    """

    delay: Fraction
    priming_samples: int
    declared_seconds: float | None


class AudioHead(NamedTuple):
    """The beginning of a file's first audio stream.

    Attributes:
        stream: the stream; None if the file has no sound.
        has_skip_samples: the first packet has side data, perhaps a number of samples to skip.
        packet: time of the first packet with sound, in seconds on the file's own clock; None without a time.
        sample: time of the first decoded sample, likewise.
        log_lines: ffmpeg's log about the file.
    """

    stream: AudioStream | None
    has_skip_samples: bool
    packet: Fraction | None
    sample: Fraction | None
    log_lines: tuple[str, ...]


def read_audio_head(path: Path, *, cancel_token: CancelToken | None = None) -> AudioHead:
    """Return the beginning of a model's file, in one run of ffmpeg: its first audio stream is copied and decoded side by side.

    Raises:
        InvalidInput: the file is missing or empty.
        MediaError: it cannot be read, or is of a format that no model answers in.
        Cancelled: the token was cancelled.
    """
    import ffmpeg as builder  # noqa: PLC0415 - ffmpeg-python, slow to import

    check_file(path)
    sound = ffmpeg.input_stream(path, formats=ANSWER_FORMATS, copyts=None)["a:0"]
    options = {"c:a:0": "copy", "frames:a:0": FIRST_PACKETS, "frames:a:1": FIRST_FRAMES, "format": "framecrc"}
    stream = builder.output(sound, sound, "pipe:", **options)
    action = f"Could not read the model's file {path.name}"
    try:
        text, log_lines = ffmpeg.capture_stdout(stream, action, cancel_token=cancel_token)
    except ffmpeg.StreamNotFound:
        return AudioHead(None, has_skip_samples=False, packet=None, sample=None, log_lines=())
    lines = [line.replace(" ", "") for line in text.splitlines()]
    rows = [line.split(",") for line in lines if not line.startswith("#")]
    bases = dict(line.removeprefix("#tb").split(":") for line in lines if line.startswith("#tb"))
    packets = [row for row in rows if row[0] == "0"]
    return AudioHead(
        next(iter(parse_audio_streams(log_lines)), None) if packets else None,
        any(part.startswith("S=") for part in next(iter(packets), [])),
        _first_time(packets, Fraction(bases.get("0", 1))),
        _first_time([row for row in rows if row[0] == "1"], Fraction(bases.get("1", 1))),
        log_lines,
    )


def _first_time(rows: list[list[str]], time_base: Fraction) -> Fraction | None:
    """Return the time of the first of `framecrc`'s rows with data. A packet without is a header's: it has a time, and no sound (FLV)."""
    first = next((row for row in rows if row[4] != "0"), None)
    if first is None or not first[2].lstrip("-").isdigit() or abs(int(first[2])) >= 1 << 62:
        return None
    return int(first[2]) * time_base


def measure_audio_start(path: Path, head: AudioHead, *, cancel_token: CancelToken | None = None) -> AudioStart:
    """Return the place of the first decoded sample of a file's first audio stream.

    Args:
        path: the file.
        head: its beginning, with a stream.
        cancel_token: cancels the work.

    Raises:
        InvalidInput: its picture cannot be read.
        Cancelled: the token was cancelled.
    """
    assert head.stream  # noqa: S101 - as documented
    codec, sample_rate = head.stream.codec, head.stream.sample_rate
    packet, sample = head.packet, head.sample
    described = [line[: ffmpeg.MAX_LINE_CHARS] for line in _about_input(head.log_lines)]
    estimated = any("Estimating duration from bitrate" in line for line in described)
    declared = next((_seconds(found) for line in described if (found := _DURATION.match(line))), None)
    declared = None if estimated else declared
    if sample is None:
        return AudioStart(Fraction(0), 0, declared)
    if packet is None or sample - packet > MAX_SKIP_SECONDS:
        packet = sample  # a header of the codec, and no sound
    container = next((found[1] for line in described if (found := _CONTAINER.match(line))), "")
    if any(_PICTURE.match(line) for line in described):
        zero = read_video_header(path, cancel_token=cancel_token).start
    elif container in CLOCK_CONTAINERS:
        zero = min(packet, sample)
        if any(_FFMPEG_TS.match(line) for line in described):
            zero = min(zero, FFMPEG_TS_START)
    else:
        zero = Fraction(0)
    usual = PRIMING_SAMPLES.get(codec, 0)
    priming = 0
    if abs(packet - zero) <= TIME_TOLERANCE or codec in UNCOUNTED_PRIMING_CODECS:
        # The first packet begins at zero, so its timestamp does not count the priming in it: the samples come late by that.
        skipped = round((sample - packet) * sample_rate)
        priming = skipped if head.has_skip_samples and skipped > 0 else usual
    delay = sample - zero - Fraction(priming, sample_rate)
    usual_seconds = Fraction(usual, sample_rate)
    if usual and max(abs(zero - usual_seconds), abs(packet + usual_seconds), abs(sample)) <= TIME_TOLERANCE:
        # ffmpeg 5.1 writes the codec delay of Opus into Matroska and moves the picture by it, too: that is twice.
        delay = sample
    # A timestamp in whole milliseconds that means the priming is made exact.
    if delay < 0 and abs(delay + usual_seconds) <= TIME_TOLERANCE:
        delay = -usual_seconds
    return AudioStart(delay, priming, declared)


def _about_input(log_lines: tuple[str, ...]) -> list[str]:
    end = next((number for number, line in enumerate(log_lines) if line.startswith("Output #0")), len(log_lines))
    return list(log_lines[:end])


def _seconds(found: re.Match[str]) -> float:
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
