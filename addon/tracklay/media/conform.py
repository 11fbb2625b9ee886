"""Conforms a model's sound to a take: a 24-bit Broadcast Wave with exactly the samples of the span, in sync with its first frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..cue import SAMPLE_RATE
from ..errors import ModelFailed
from . import ffmpeg
from .input_formats import ANSWER_FORMATS
from .probe import probe_audio

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

DEFAULT_PRIMING_SAMPLES = {"aac": 1024, "mp3": 1105}
"""Samples of encoder priming before the sound, by codec, for containers that do not give a number: an AAC encoder's first block (measured
in files of MMAudio's own writer), and for MP3 576 of LAME and 529 of the decoder."""

LENGTH_TOLERANCE_SECONDS = 0.005
"""Seconds. A smaller difference in length is a codec's block or a resampler's rounding, inaudible and not worth a note."""

CEILING_PEAK = 10 ** (-0.1 / 20)
"""-0.1 dBFS: the peak to which sound over full scale is turned down."""


@dataclass(frozen=True, slots=True)
class ConformResult:
    """A take that was written, and what was changed for it.

    Attributes:
        path: the WAV.
        rate: Hz.
        channels: 1 or 2.
        samples: length, that of the span.
        source_samples: length of the model's sound, at the take's rate.
        priming_samples: samples removed at the start.
        gain_db: change of level, 0 or negative.
    """

    path: Path
    rate: int
    channels: int
    samples: int
    source_samples: int
    priming_samples: int
    gain_db: float

    @property
    def notes(self) -> tuple[str, ...]:
        """Changes worth knowing, in sentences."""
        notes = []
        missing = (self.samples - self.source_samples) / self.rate
        if missing > LENGTH_TOLERANCE_SECONDS:
            notes.append(f"{missing:.3f} s of silence added: the model's sound was short")
        if -missing > LENGTH_TOLERANCE_SECONDS:
            notes.append(f"{-missing:.3f} s cut at the span's end")
        if self.priming_samples:
            notes.append(f"{self.priming_samples} samples of encoder priming removed")
        if self.gain_db:
            notes.append(f"turned down by {-self.gain_db:.1f} dB: its peaks were over full scale")
        return tuple(notes)


def conform_audio(
    output: Path,
    samples: int,
    to: Path,
    make_writer: Callable[[BinaryIO, int], BwfWriter],
    *,
    rate: int = SAMPLE_RATE,
    cancel_token: CancelToken | None = None,
) -> ConformResult:
    """Write a take from a model's output.

    Args:
        output: a file with sound; of a video the first audio stream is used.
        samples: length of the span, in samples at `rate`.
        to: the WAV to write; after an error the caller deletes it.
        make_writer: returns the writer for an open file and a number of channels: 1, or 2 for stereo and wider.
        rate: Hz, of the take.
        cancel_token: cancels the work.

    Raises:
        ModelFailed: the file has no audio stream, or one without samples.
        InvalidInput, MediaError: the file cannot be decoded.
        OSError: the take cannot be written.
        Cancelled: the token was cancelled.
    """
    audio, first = probe_audio(output, cancel_token=cancel_token)
    if first is None:
        raise ModelFailed(
            "output.no_audio",
            "The model's file {name} has no sound. Try again, or use another model.",
            name=output.name,
        )
    channels = 1 if audio[0].layout in ("mono", "1 channels") else 2
    priming = 0 if first.has_skip_samples else DEFAULT_PRIMING_SAMPLES.get(audio[0].codec, 0)
    gain = 1.0
    # Once, or a second time with less gain: the peak is known only when all is decoded, and the sound may not fit into memory.
    while True:
        with to.open("wb") as file:
            writer = make_writer(file, channels)
            tally = _DecodeStats()
            for block in _fit_to_length(
                _decode_blocks(output, audio[0], (rate, channels), priming, tally, cancel_token),
                samples,
                (rate, channels),
            ):
                writer.write(block * np.float32(gain))
            if not tally.samples:
                raise ModelFailed(
                    "output.no_samples",
                    "The sound of the model's file {name} is empty. Try again, or use another model.",
                    name=output.name,
                )
            writer.close()
            if tally.peak * gain <= 1:
                break
            gain = CEILING_PEAK / tally.peak
    gain_db = 20 * float(np.log10(gain))
    return ConformResult(to, rate, channels, samples, tally.samples, priming, gain_db)


class _DecodeStats:
    """Number of samples and peak level of all decoded blocks."""

    samples = 0
    peak = 0.0


def _decode_blocks(
    output: Path,
    audio: AudioStream,
    output_format: tuple[int, int],
    priming_samples: int,
    stats: _DecodeStats,
    cancel_token: CancelToken | None,
) -> Iterator[AudioBlock]:
    """Yield the sound as float blocks of shape (samples, channels). `output_format` is the wanted rate in Hz and number of channels."""
    rate, channels = output_format
    stream = ffmpeg.input_stream(output, formats=ANSWER_FORMATS)["a:0"]
    if priming_samples:
        stream = stream.filter("atrim", start_sample=priming_samples).filter("asetpts", "PTS-STARTPTS")
    if audio.sample_rate != rate:
        # A steep filter, computed in 64-bit float. ffmpeg removes the filter's delay itself.
        stream = stream.filter("aresample", rate, filter_size=64, phase_shift=10, cutoff=0.97)
    stream = stream.output("pipe:", format="f32le", acodec="pcm_f32le", ac=channels, ar=rate)
    action = f"Could not decode the model's file {output.name}"
    for data in ffmpeg.read_stdout(stream, action, BLOCK_SAMPLES * channels * 4, cancel_token=cancel_token):
        # Models do return NaN and infinity: one such sample would spoil all that follows in a mixer's filters.
        block = np.nan_to_num(
            np.frombuffer(data[: len(data) // (channels * 4) * channels * 4], "<f4"), posinf=0, neginf=0
        )
        block = block.reshape(-1, channels)
        stats.samples += len(block)
        if len(block):
            stats.peak = max(stats.peak, float(np.abs(block).max()))
        yield block


def _fit_to_length(blocks: Iterator[AudioBlock], samples: int, output_format: tuple[int, int]) -> Iterator[AudioBlock]:
    """Yield exactly `samples` samples: cut or padded with silence, without a click at either end.

    Blocks past the end are still read: the result reports the length and the peak of all.
    """
    rate, channels = output_format
    fade = round(FADE_OUT_SECONDS * rate)
    held = np.zeros((0, channels), np.float32)  # the last samples, held back: the end is known only afterwards
    begun, written = False, 0
    for block in blocks:
        fresh = block[: max(0, samples - written - len(held))]
        if not len(fresh):
            continue
        if not begun:
            fresh, begun = _fade_in(fresh, rate), True
        held = np.concatenate([held, fresh])
        if len(held) > fade:
            yield held[:-fade]
            written += len(held) - fade
            held = held[-fade:]
    if len(held):
        yield _fade_out(held)
        written += len(held)
    while written < samples:
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
