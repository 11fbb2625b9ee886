"""Conform: whatever a model sent becomes a take: a 24-bit BWF of exactly the span's samples, beginning on its first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..cue import SAMPLE_RATE
from ..errors import ModelFailed
from . import ffmpeg
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
"""Samples handled at a time."""

FADE_OUT_SECONDS = 0.005
"""The fade at a cut: short enough to keep a hit on the last frame, long enough not to click."""

FADE_IN_SECONDS = 0.001
"""The fade of a sound that was cut into at its start."""

SILENCE_PEAK = 10 ** (-70 / 20)
"""-70 dBFS: a sound that ends below it needs no fade."""

DEFAULT_PRIMING_SAMPLES = {"aac": 1024, "mp3": 1105}
"""Samples that come before the sound where the container does not say so: an AAC encoder's first block (what MMAudio's own
writer makes, measured), and LAME's 576 with a decoder's 529."""

LENGTH_TOLERANCE_SECONDS = 0.005
"""A length that is off by less is a codec's block or a resampler's rounding: nobody hears or needs to know it."""

CEILING_PEAK = 10 ** (-0.1 / 20)
"""-0.1 dBFS: the peak of a sound whose samples went over full scale on the way, turned down until they fit."""


@dataclass(frozen=True, slots=True)
class ConformResult:
    """What conforming did. `source_samples` is how many samples the model's sound had at the take's rate, `gain_db` how far it was turned down."""

    path: Path
    rate: int
    channels: int
    samples: int
    source_samples: int
    priming_samples: int
    gain_db: float

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about it, in sentences."""
        said = []
        missing = (self.samples - self.source_samples) / self.rate
        if missing > LENGTH_TOLERANCE_SECONDS:
            said.append(f"{missing:.3f} s of silence added: the model's sound was short")
        if -missing > LENGTH_TOLERANCE_SECONDS:
            said.append(f"{-missing:.3f} s cut at the span's end")
        if self.priming_samples:
            said.append(f"{self.priming_samples} samples of encoder priming removed")
        if self.gain_db:
            said.append(f"turned down by {-self.gain_db:.1f} dB: its peaks were over full scale")
        return tuple(said)


def conform_audio(
    output: Path,
    samples: int,
    to: Path,
    make_writer: Callable[[BinaryIO, int], BwfWriter],
    *,
    rate: int = SAMPLE_RATE,
    cancel_token: CancelToken | None = None,
) -> ConformResult:
    """Write the take.

    Args:
        output: any file with sound in it; of a video the first sound stream is taken.
        samples: how many the span has.
        to: the WAV to write; whoever asks sees to it that a half-written one vanishes.
        make_writer: makes the writer from an open file and a number of channels (1, or 2 for anything wider).
        rate: the take's samples a second.
        cancel_token: the person's wish to stop.

    Raises:
        ModelFailed: there is no sound in the file.
        OSError: the take cannot be written.
        Cancelled: it was stopped.
    """
    audio, first = probe_audio(output, cancel_token=cancel_token)
    if first is None:
        raise ModelFailed(f"the model's file {output.name} has no sound in it: try again, or another model")
    channels = 1 if audio[0].layout in ("mono", "1 channels") else 2
    priming = 0 if first.has_skip_samples else DEFAULT_PRIMING_SAMPLES.get(audio[0].codec, 0)
    gain = 1.0
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
                raise ModelFailed(f"the model's file {output.name} holds no samples: try again, or another model")
            writer.close()
            if tally.peak * gain <= 1:
                break
            gain = CEILING_PEAK / tally.peak
    gain_db = 20 * float(np.log10(gain))
    return ConformResult(to, rate, channels, samples, tally.samples, priming, gain_db)


class _DecodeStats:
    """What went by while decoding."""

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
    """The sound as float blocks, with the rate and the channels of `output_format`.

    Resampled in 64-bit float: its filter's delay is taken out by ffmpeg itself.
    """
    rate, channels = output_format
    stream = ffmpeg.input_stream(output)["a:0"]
    if priming_samples:
        stream = stream.filter("atrim", start_sample=priming_samples).filter("asetpts", "PTS-STARTPTS")
    if audio.sample_rate != rate:
        stream = stream.filter("aresample", rate, filter_size=64, phase_shift=10, cutoff=0.97)
    stream = stream.output("pipe:", format="f32le", acodec="pcm_f32le", ac=channels, ar=rate)
    what = f"the model's file {output.name} cannot be decoded"
    for data in ffmpeg.read_stdout(stream, what, BLOCK_SAMPLES * channels * 4, cancel_token=cancel_token):
        block = np.nan_to_num(
            np.frombuffer(data[: len(data) // (channels * 4) * channels * 4], "<f4"), posinf=0, neginf=0
        )
        block = block.reshape(-1, channels)
        stats.samples += len(block)
        if len(block):
            stats.peak = max(stats.peak, float(np.abs(block).max()))
        yield block


def _fit_to_length(blocks: Iterator[AudioBlock], samples: int, output_format: tuple[int, int]) -> Iterator[AudioBlock]:
    """Exactly `samples` samples: cut or padded, with no click at either end. What is past the end is still read, to be told."""
    rate, channels = output_format
    fade = round(FADE_OUT_SECONDS * rate)
    held = np.zeros((0, channels), np.float32)  # the last samples so far: the end is known only when it is past
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
    """Fade in only what was cut into: a hit on the first sample is louder than what follows it, and stays."""
    fade = round(FADE_IN_SECONDS * rate)
    if len(block) < 20 * fade or float(np.abs(block[0]).max()) < SILENCE_PEAK:
        return block
    if float(np.abs(block[:fade]).max()) > 2 * float(np.abs(block[fade : 20 * fade]).max()):
        return block
    faded = block.copy()
    faded[:fade] *= np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)[:, None]
    return faded


def _fade_out(block: AudioBlock) -> AudioBlock:
    """Fade out what does not end in silence by itself."""
    if float(np.abs(block[-1]).max()) < SILENCE_PEAK:
        return block
    return block * np.linspace(1, 0, len(block), dtype=np.float32)[:, None]
