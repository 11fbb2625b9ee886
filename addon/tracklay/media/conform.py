"""Conforms a model's sound to a take: a 24-bit Broadcast Wave with exactly the samples of the span, in sync with its first frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from ..cue import SAMPLE_RATE
from ..errors import InvalidInput, MediaError, ModelFailed
from . import ffmpeg
from .audio_timing import AudioStart, measure_audio_start, read_audio_head
from .input_formats import ANSWER_FORMATS
from .wav_reader import WavReader, own_wav_format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    import numpy.typing as npt

    from ..cancellation import CancelToken
    from .bwf import BwfWriter
    from .probe import AudioStream

    AudioBlock = npt.NDArray[np.float32]

BLOCK_SAMPLES = 1 << 16
"""Samples processed at a time."""

FADE_OUT_SECONDS = 0.005
"""Seconds of fade where sound is cut off at the end: short enough to keep a hit on the last frame, long enough not to click."""

FADE_IN_SECONDS = 0.001
"""Seconds of fade where sound begins abruptly."""

SILENCE_PEAK = 10 ** (-70 / 20)
"""-70 dBFS. Sound that begins or ends below this needs no fade."""

MAX_EXCESS_SECONDS = 60
"""Seconds decoded past the span's end, to state how much is cut. Hours of sound for a span of seconds are not decoded."""

MISSING_TOLERANCE = (0.25, 0.02)
"""Seconds, and part of the length that a header states, by which a sound may be shorter without counting as damaged."""

LENGTH_TOLERANCE_SECONDS = 0.005
"""Seconds. A smaller difference in length is a codec's block or a resampler's rounding, inaudible and not worth a note."""

MAX_REASON_CHARS = 120
"""Characters of ffmpeg's reason that a message quotes."""

CEILING_PEAK = 10 ** (-0.1 / 20)
"""-0.1 dBFS: the peak to which sound over full scale is turned down."""

SILENT_PEAK = 10 ** (-80 / 20)
"""-80 dBFS: sound below is not heard, and is noted. Dither of 16 bits is at -90."""


@dataclass(frozen=True, slots=True)
class ConformResult:
    """A take that was written, and what was changed for it.

    Attributes:
        path: the WAV.
        rate: Hz.
        channels: 1 or 2.
        samples: length: that of the span, unless it was not padded.
        source_samples: length of the model's sound from the take's first sample on, at the take's rate.
        asked_samples: length from there on that the model was asked for: that of the span, and of the handle after it.
        priming_samples: samples removed at the start.
        gain_db: change of level, 0 or negative.
        start_seconds: seconds of silence before the sound, which begins late inside the model's file.
        damage: description of the damage that was met; empty if there is none.
        is_truncated: the model's sound is longer than `source_samples`: decoding was stopped.
        is_silent: nothing in the span is above `SILENT_PEAK`.
    """

    path: Path
    rate: int
    channels: int
    samples: int
    source_samples: int
    asked_samples: int
    priming_samples: int
    gain_db: float
    start_seconds: float = 0.0
    damage: str = ""
    is_truncated: bool = False
    is_silent: bool = False

    @property
    def excess_samples(self) -> int:
        """Samples of the model's sound after the span."""
        return max(0, self.source_samples + round(self.start_seconds * self.rate) - self.samples)

    @property
    def notes(self) -> tuple[str, ...]:
        """Changes worth knowing, in sentences."""
        notes = []
        missing = (self.samples - self.source_samples) / self.rate - self.start_seconds
        if self.start_seconds > LENGTH_TOLERANCE_SECONDS:
            notes.append(f"{self.start_seconds:.3f} s of silence before the sound, as in the model's file")
        if missing > LENGTH_TOLERANCE_SECONDS:
            notes.append(f"{missing:.3f} s of silence added: the model's sound was short")
        excess = (self.samples - self.asked_samples) / self.rate - missing
        if excess > LENGTH_TOLERANCE_SECONDS:
            notes.append(f"{'more than ' * self.is_truncated}{excess:.3f} s cut at the span's end")
        if self.is_silent:
            notes.append("the model's sound is silent")
        if self.priming_samples:
            notes.append(f"{self.priming_samples} samples of encoder priming removed")
        if self.gain_db:
            notes.append(f"turned down by {-self.gain_db:.1f} dB: its peaks were over full scale")
        if self.damage:
            notes.append(f"the model's file is damaged: {self.damage}")
        return tuple(notes)


def conform_audio(
    output: Path,
    samples: int,
    to: Path,
    make_writer: Callable[[BinaryIO, int], BwfWriter],
    *,
    rate: int = SAMPLE_RATE,
    pad: bool = True,
    fade: bool = True,
    skip: int = 0,
    asked: int | None = None,
    peak_of: tuple[int, int] | None = None,
    accept_damaged: bool = True,
    cancel_token: CancelToken | None = None,
) -> ConformResult:
    """Write a take from a model's output.

    Args:
        output: a file with sound; of a video the first audio stream is used.
        samples: length of the span, in samples at `rate`.
        to: the WAV to write; after an error the caller deletes it.
        make_writer: returns the writer for an open file and a number of channels: 1, or 2 for stereo and wider.
        rate: Hz, of the take.
        pad: fill up with silence to `samples`. Otherwise the sound ends where the file's ends, and there at the latest.
        fade: fade where the sound begins abruptly or is cut off. Music that another sound continues is not faded.
        skip: samples at `rate` before the take's first one: a handle.
        asked: length in samples from there on that the model was asked for; None: `samples`.
        peak_of: first sample, and the one after the last, whose peak sets the level; louder ones elsewhere are clipped. None: all.
        accept_damaged: make a take of what can be decoded. Otherwise damage is an error, so that the file can be downloaded again.
        cancel_token: cancels the work.

    Raises:
        ModelFailed: the file has no audio stream or one without samples, cannot be read, or is damaged.
        MediaError: ffmpeg is missing or stalled.
        OSError: the take cannot be written.
        Cancelled: the token was cancelled.
    """
    audio, channels, start = _find_sound(output, skip + samples, rate, cancel_token)
    asked = samples if asked is None else asked
    gain = 1.0
    # Once, or a second time with less gain: the peak is known only when all is decoded, and the sound may not fit into memory.
    while True:
        with to.open("wb") as file:
            writer = make_writer(file, channels)
            tally = _DecodeStats()
            if audio is None:
                decoded = _read_own_blocks(output, tally, skip + asked + MAX_EXCESS_SECONDS * rate)
            else:
                decoded = _decode_blocks(output, audio, (rate, channels), start, tally, skip + asked, cancel_token)
            blocks = _skip_samples(decoded, skip)
            for block in _fit_to_length(blocks, samples, (rate, channels), tally, peak_of, pad=pad, fade=fade):
                writer.write(block * np.float32(gain))
            if not tally.samples:
                raise ModelFailed(
                    "output.no_samples",
                    "The sound of the model's file {name} is empty. Try again, or use another model.",
                    name=output.name,
                )
            writer.close()
            damage = _describe_damage(tally, start, rate)
            if damage and not accept_damaged:
                raise ModelFailed(
                    "output.damaged", "The model's file {name} is damaged: {reason}.", name=output.name, reason=damage
                )
            if tally.peak * gain <= 1:
                break
            gain = CEILING_PEAK / tally.peak
    gain_db = 20 * float(np.log10(gain))
    silence = round(max(Fraction(0), start.delay) * rate)
    return ConformResult(
        to,
        rate,
        channels,
        samples if pad else min(samples, tally.samples + silence),
        max(0, tally.samples - max(0, skip - silence)),
        asked,
        start.priming_samples,
        gain_db,
        start_seconds=float(max(Fraction(0), start.delay - Fraction(skip, rate))),
        damage=damage,
        is_truncated=tally.is_truncated,
        is_silent=tally.peak <= SILENT_PEAK,
    )


def _find_sound(
    output: Path, samples: int, rate: int, cancel_token: CancelToken | None
) -> tuple[AudioStream | None, int, AudioStart]:
    """Return a file's first audio stream, the channels of its take, and the place of its first sample.

    The stream is None for a WAV of our own at the take's rate (the sketch engine's), which is read without ffmpeg.
    """
    if own := own_wav_format(output, rate):
        return None, own.channels, AudioStart(Fraction(0), 0, None)
    try:
        head = read_audio_head(output, cancel_token=cancel_token)
    except (InvalidInput, MediaError) as error:
        # The file is the model's: its user cannot choose another, but it can be downloaded again.
        raise ModelFailed("output.unreadable", "{error}", error=error) from error
    audio = head.stream
    if audio is None:
        raise ModelFailed(
            "output.no_audio",
            "The model's file {name} has no sound. Try again, or use another model.",
            name=output.name,
        )
    start = measure_audio_start(output, head, cancel_token=cancel_token)
    if start.delay > Fraction(samples, rate):
        # Not meant: a part of a stream keeps the stream's clock. Its own beginning is the time zero.
        start = replace(start, delay=Fraction(0), priming_samples=0)
    return audio, 1 if audio.layout in ("mono", "1 channels") else 2, start


class _DecodeStats:
    """Counts of one decoding: samples, errors of ffmpeg's decoder, and the peak level within the span."""

    def __init__(self) -> None:
        self.samples = 0
        self.errors = 0
        self.first_error = ""
        self.peak = 0.0
        self.is_truncated = False

    def count_error(self, line: str | None) -> bool:
        """Count a line of ffmpeg's log, of which it writes errors only. The line stays in the log."""
        if line:
            self.errors += 1
            self.first_error = self.first_error or line.rpartition("] ")[2].strip().rstrip(".")[:MAX_REASON_CHARS]
        return False


def _describe_damage(tally: _DecodeStats, start: AudioStart, rate: int) -> str:
    """Return what is wrong with a file that was decoded, in a few words; an empty text if nothing is."""
    if tally.errors:
        return f"{tally.errors} decoding error{'s' * (tally.errors > 1)}, first: {tally.first_error}"
    if start.declared_seconds is None or tally.is_truncated:
        return ""
    # A header counts from the file's time zero, perhaps with the silence before the sound.
    missing = start.declared_seconds - float(max(Fraction(0), start.delay)) - tally.samples / rate
    if missing > max(MISSING_TOLERANCE[0], MISSING_TOLERANCE[1] * start.declared_seconds):
        return f"its header states {start.declared_seconds:.1f} s, and {missing:.1f} s of them are missing"
    return ""


def _decode_blocks(
    output: Path,
    audio: AudioStream,
    output_format: tuple[int, int],
    start: AudioStart,
    stats: _DecodeStats,
    samples: int,
    cancel_token: CancelToken | None,
) -> Iterator[AudioBlock]:
    """Yield the sound from the take's time zero on, as float blocks of shape (samples, channels).

    `output_format` is the wanted rate in Hz and number of channels, `samples` the length that was asked for.
    """
    rate, channels = output_format
    silence = round(max(Fraction(0), start.delay) * rate)
    for begin in range(0, silence, BLOCK_SAMPLES):
        yield np.zeros((min(BLOCK_SAMPLES, silence - begin), channels), np.float32)
    cut = round(max(Fraction(0), -start.delay) * audio.sample_rate)
    limit = samples - silence + MAX_EXCESS_SECONDS * rate
    stream = ffmpeg.input_stream(output, formats=ANSWER_FORMATS)["a:0"]
    if cut:
        stream = stream.filter("atrim", start_sample=cut).filter("asetpts", "PTS-STARTPTS")
    if audio.sample_rate != rate:
        # A steep filter, computed in 64-bit float. ffmpeg removes the filter's delay itself.
        stream = stream.filter("aresample", rate, filter_size=64, phase_shift=10, cutoff=0.97)
    stream = stream.output("pipe:", format="f32le", acodec="pcm_f32le", ac=channels, ar=rate)
    action = f"Could not decode the model's file {output.name}"
    with ffmpeg.open_stdout(stream, action, cancel_token=cancel_token, on_stderr_line=stats.count_error) as pipe:
        while data := pipe.read(BLOCK_SAMPLES * channels * 4):
            yield _clean_block(data, channels, stats)
            if stats.samples > limit:
                stats.is_truncated = True
                return


def _skip_samples(blocks: Iterator[AudioBlock], count: int) -> Iterator[AudioBlock]:
    """Yield blocks without their first samples."""
    for block in blocks:
        if count < len(block):
            yield block[count:]
        count = max(0, count - len(block))


def _read_own_blocks(output: Path, stats: _DecodeStats, limit: int) -> Iterator[AudioBlock]:
    """Yield the sound of a WAV of our own, in float blocks of shape (samples, channels), no more than about `limit` samples."""
    with WavReader(output) as wav:
        for begin in range(0, wav.format.samples, BLOCK_SAMPLES):
            block = wav.read(begin, min(begin + BLOCK_SAMPLES, wav.format.samples))
            stats.samples += len(block)
            yield np.maximum(block, -1, out=block)  # the lowest integer is a little lower: that is not over full scale
            if stats.samples > limit:
                stats.is_truncated = True
                return


def _clean_block(data: bytes, channels: int, stats: _DecodeStats) -> AudioBlock:
    """Return decoded bytes as a block without NaN and infinity."""
    # Models do return NaN and infinity: one such sample would spoil all that follows in a mixer's filters.
    block: AudioBlock = np.nan_to_num(
        np.frombuffer(data[: len(data) // (channels * 4) * channels * 4], "<f4"), posinf=0, neginf=0
    ).reshape(-1, channels)
    stats.samples += len(block)
    return block


def _fit_to_length(
    blocks: Iterator[AudioBlock],
    samples: int,
    output_format: tuple[int, int],
    stats: _DecodeStats,
    peak_of: tuple[int, int] | None,
    *,
    pad: bool,
    fade: bool,
) -> Iterator[AudioBlock]:
    """Yield exactly `samples` samples: cut, or padded with silence, without a click at either end. Without `pad` they may be fewer.

    Blocks past the end are still read, for the length. They do not count for the peak: what is cut must not make the rest quieter.
    """
    rate, channels = output_format
    first, stop = peak_of or (0, samples)
    held_samples = round(FADE_OUT_SECONDS * rate)
    held = np.zeros((0, channels), np.float32)  # the last samples, held back: the end is known only afterwards
    begun, written = False, 0
    for block in blocks:
        fresh = block[: max(0, samples - written - len(held))]
        if not len(fresh):
            continue
        at = written + len(held)
        stats.peak = max(stats.peak, float(np.abs(fresh[max(0, first - at) : max(0, stop - at)]).max(initial=0)))
        if not begun:
            fresh, begun = _fade_in(fresh, rate) if fade else fresh, True
        held = np.concatenate([held, fresh])
        if len(held) > held_samples:
            yield held[:-held_samples]
            written += len(held) - held_samples
            held = held[-held_samples:]
    if len(held):
        yield _fade_out(held) if fade else held
        written += len(held)
    while pad and written < samples:
        count = min(BLOCK_SAMPLES, samples - written)
        yield np.zeros((count, channels), np.float32)
        written += count


def _fade_in(block: AudioBlock, rate: int) -> AudioBlock:
    """Return a first block, faded in if it begins abruptly. A hit on the first sample, louder than what follows, is kept."""
    fade = round(FADE_IN_SECONDS * rate)
    if len(block) < 20 * fade or float(np.abs(block[0]).max()) < SILENCE_PEAK:
        return block
    if float(np.abs(block[:fade]).max()) > 2 * float(np.abs(block[fade : 20 * fade]).max()):
        return block
    faded = block.copy()
    faded[:fade] *= np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)[:, None]
    return faded


def _fade_out(block: AudioBlock) -> AudioBlock:
    """Return a last block, faded out unless it ends in silence."""
    if float(np.abs(block[-1]).max()) < SILENCE_PEAK:
        return block
    return block * np.linspace(1, 0, len(block), dtype=np.float32)[:, None]
