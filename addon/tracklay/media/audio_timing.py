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
    "dts": 512,
    "adpcm_g722": 22,
    "g723_1": 60,
    "nellymoser": 128,
    "amr_nb": 50,
}
"""Samples of priming of the usual encoders: AAC one block (measured in files of MMAudio's own writer), MP3 576 of LAME and 529 of the
decoder, the others as ffmpeg 5.1, 7.0 and 9.0 write them. Another encoder's may differ: nothing in such a file says so."""

SPEEX_PRIMING_SAMPLES = {8000: 40, 16000: 143, 32000: 349}
"""Samples that an encoder of Speex looks ahead, by the sample rate (`SPEEX_GET_LOOKAHEAD` of libspeex)."""

DECODER_SECONDS = {"speex": Fraction(1, 200), "amr_nb": Fraction(30, 8000)}
"""Seconds by which a decoder is late beside the encoder's priming, and that no container counts: Speex a subframe of its narrow band,
AMR as measured."""

WMA_CODECS = ("wmav1", "wmav2")

WMA_BLOCKS = {"wmav1": ((16_000, 512), (32_000, 1024)), "wmav2": ((16_000, 512), (22_050, 1024))}
"""Samples of a block of WMA, by the highest sample rate that has it, and of any higher rate.

An encoder's priming is one block, and a decoder is one late."""

WMA_LONGEST_BLOCK = 2048

HALVED_OPUS_DELAYS = {1: 52, 2: 104, 3: 156}
"""Samples at 48 kHz of priming that ffmpeg up to 5.1 states in Matroska for Opus of 8, 16 and 24 kHz, by milliseconds. It has 312."""

TIME_TOLERANCE = Fraction(3, 2000)
"""Seconds within which two times are equal, at most: Matroska and FLV round to milliseconds."""

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
_OLD_FFMPEG = re.compile(r"^ *encoder *: Lavf5\d\.", re.IGNORECASE)
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


class _Times(NamedTuple):
    """Times on a file's own clock, in seconds: the take's time zero, the first packet, and the first decoded sample."""

    zero: Fraction
    packet: Fraction
    sample: Fraction


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
    times = _Times(zero, packet, sample)
    if codec in WMA_CODECS:
        # Times of whole blocks, rounded to milliseconds.
        block = Fraction(_usual_priming(codec, sample_rate), sample_rate)
        times = _Times(*(_snap_to_blocks(time, block) for time in times))
    is_old = any(_OLD_FFMPEG.match(line) for line in described)
    priming = _uncounted_priming(head, times)
    return AudioStart(_first_sound(codec, sample_rate, times, priming, is_old=is_old), priming, declared)


def _uncounted_priming(head: AudioHead, times: _Times) -> int:
    """Return the samples of priming that the packets' timestamps do not count: the sound comes late by them."""
    assert head.stream  # noqa: S101 - as documented
    codec, sample_rate = head.stream.codec, head.stream.sample_rate
    usual = _usual_priming(codec, sample_rate)
    if abs(times.packet - times.zero) > _tolerance(usual, sample_rate) and codec not in UNCOUNTED_PRIMING_CODECS:
        return 0
    skipped = round((times.sample - times.packet) * sample_rate)
    if codec == "vorbis":
        return skipped  # the first block of its decoder is empty, and ffmpeg 5.1 counts it in Matroska
    return skipped if head.has_skip_samples and skipped > 0 else usual


def _first_sound(codec: str, sample_rate: int, times: _Times, priming: int, *, is_old: bool) -> Fraction:
    """Return the time of the first sample that belongs to the sound, from time zero; negative: the seconds of priming before it.

    `is_old`: the file was written by an ffmpeg before 6.
    """
    zero, packet, sample = times
    usual = _usual_priming(codec, sample_rate)
    usual_seconds, tolerance = Fraction(usual, sample_rate), _tolerance(usual, sample_rate)
    delay = sample - zero - Fraction(priming, sample_rate)
    if usual and max(abs(zero - usual_seconds), abs(packet + usual_seconds), abs(sample)) <= tolerance:
        # ffmpeg 5.1 writes the codec delay of Opus into Matroska and moves the picture by it, too: that is twice.
        delay = sample
    elif codec == "opus" and packet < zero - tolerance and abs(sample - packet - usual_seconds) <= tolerance:
        # Its priming is removed, and the sound begins at time zero, whatever part of it the container states.
        delay = Fraction(0)
    elif codec == "opus" and is_old and abs(sample) <= tolerance:
        removed = HALVED_OPUS_DELAYS.get(round((sample - packet) * 1000), usual)
        delay = Fraction(removed - usual, sample_rate)
    # A timestamp in whole milliseconds that means the priming is made exact.
    if delay < 0 and abs(delay + usual_seconds) <= tolerance:
        delay = -usual_seconds
    return delay - DECODER_SECONDS.get(codec, 0)


def _tolerance(usual: int, sample_rate: int) -> Fraction:
    """Return the seconds within which two times are equal: half of the priming separates with from without."""
    return min(TIME_TOLERANCE, Fraction(usual, 2 * sample_rate)) if usual else TIME_TOLERANCE


def _snap_to_blocks(time: Fraction, block: Fraction) -> Fraction:
    """Return a time near the beginning as a whole number of blocks, if it is one that was rounded to milliseconds."""
    count = round(time / block)
    return count * block if abs(count) <= 2 and abs(time - count * block) <= TIME_TOLERANCE else time


def _usual_priming(codec: str, sample_rate: int) -> int:
    """Return the samples of priming of a codec's usual encoder, at the source's rate."""
    if codec in WMA_CODECS:
        return next((block for highest, block in WMA_BLOCKS[codec] if sample_rate <= highest), WMA_LONGEST_BLOCK)
    if codec == "speex":
        return SPEEX_PRIMING_SAMPLES.get(sample_rate, 0)
    return PRIMING_SAMPLES.get(codec, 0)


def _about_input(log_lines: tuple[str, ...]) -> list[str]:
    end = next((number for number, line in enumerate(log_lines) if line.startswith("Output #0")), len(log_lines))
    return list(log_lines[:end])


def _seconds(found: re.Match[str]) -> float:
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
