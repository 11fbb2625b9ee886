"""Reads stretches of the sound of any file at 48 kHz: WAV files as they are, all others decoded once to raw samples on disk."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from ..cue import SAMPLE_RATE
from ..errors import MediaError
from ..media import ffmpeg
from ..media.wav_reader import WavReader

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ..cancellation import CancelToken

    Samples = npt.NDArray[np.float32]

BYTES_PER_SAMPLE = 4


class SoundReader(Protocol):
    """The sound of a file at `SAMPLE_RATE`, of any length."""

    channels: int
    samples: int

    def read(self, start: int, stop: int) -> Samples:
        """Return the samples from `start` to `stop`, (samples, channels); silence where the file has none."""
        ...


class DecodedSounds:
    """The sounds of files that are read more than once. Each is decoded once, into a folder that the caller deletes."""

    def __init__(self, folder: Path, cancel_token: CancelToken | None = None) -> None:
        self._folder, self._cancel_token = folder, cancel_token
        self._readers: dict[tuple[Path, int | None], SoundReader] = {}
        self._open_files = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open_files.close()

    def open(self, path: Path, stream: int | None = None, zero: Fraction = Fraction(0)) -> SoundReader:
        """Return the sound of a file.

        Args:
            path: the file.
            stream: number of the audio stream among all streams of the file; None: the first audio stream.
            zero: time on the file's clock of the first sample that is returned.

        Raises:
            MediaError: it cannot be decoded.
        """
        key = path, stream
        if key not in self._readers:
            self._readers[key] = self._open_wav(path) or self._decode(path, stream, zero)
        return self._readers[key]

    def _open_wav(self, path: Path) -> SoundReader | None:
        """Return the reader of a WAV file that needs no decoding; None for others."""
        if path.suffix.lower() != ".wav":
            return None
        try:
            wav = WavReader(path)
        except MediaError:
            return None  # a WAV with float samples, or none: ffmpeg reads the one and says what the other is
        self._open_files.enter_context(wav)
        return _WavSound(wav) if wav.format.sample_rate == SAMPLE_RATE and wav.format.channels <= 8 else None

    def _decode(self, path: Path, stream: int | None, zero: Fraction) -> SoundReader:
        source = ffmpeg.input_stream(path, itsoffset=f"{float(-zero):.6f}")["a:0" if stream is None else str(stream)]
        # Gaps of the clock become silence, and what is before its zero is left out: the picture's time holds.
        placed = source.filter("aresample", SAMPLE_RATE, **{"async": 1, "min_hard_comp": 0.002, "first_pts": 0})
        return self.decode_stream(path, placed)

    def decode_stream(self, path: Path, stream: Any, channels: int | None = None) -> SoundReader:
        """Return the sound of an ffmpeg-python stream of decoded sound at `SAMPLE_RATE`.

        Args:
            path: its file, for the error.
            stream: the stream.
            channels: their number; None: as many as it has.

        Raises:
            MediaError: it cannot be decoded.
        """
        raw = self._folder / f"sound{len(list(self._folder.glob('sound*.caf')))}.caf"
        options: dict[str, Any] = {"ac": channels} if channels else {}
        out = stream.output(ffmpeg.output_url(raw), format="caf", acodec="pcm_f32le", ar=SAMPLE_RATE, **options)
        ffmpeg.run_ffmpeg(out, f"Could not decode {path.name}", cancel_token=self._cancel_token)
        return self._open_files.enter_context(_RawSound(raw))


class _WavSound:
    def __init__(self, wav: WavReader) -> None:
        self._wav, self.channels, self.samples = wav, wav.format.channels, wav.format.samples

    def read(self, start: int, stop: int) -> Samples:
        first, last = min(max(0, start), self.samples), min(max(0, stop), self.samples)
        return _pad(self._wav.read(first, max(first, last)), first - start, stop - start)


class _RawSound:
    """A Core Audio file as ffmpeg writes it: a header that says the number of channels, and raw samples of any length."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.channels, self._offset, size = _read_caf_header(self._file.read(4096))
        end = path.stat().st_size if size < 0 else self._offset + size
        self.samples = (end - self._offset) // (BYTES_PER_SAMPLE * self.channels)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, start: int, stop: int) -> Samples:
        first, last = min(max(0, start), self.samples), min(max(0, stop), self.samples)
        self._file.seek(self._offset + first * BYTES_PER_SAMPLE * self.channels)
        data = self._file.read(max(0, last - first) * BYTES_PER_SAMPLE * self.channels)
        return _pad(np.frombuffer(data, "<f4").reshape(-1, self.channels), first - start, stop - start)


def _read_caf_header(head: bytes) -> tuple[int, int, int]:
    """Return the number of channels, the offset of the samples, and their bytes (-1 if unknown) of a Core Audio file."""
    channels, position = 0, 8
    while position + 12 <= len(head):
        kind, size = (
            head[position : position + 4],
            int.from_bytes(head[position + 4 : position + 12], "big", signed=True),
        )
        position += 12
        if kind == b"desc":
            channels = int.from_bytes(head[position + 24 : position + 28], "big")
        if kind == b"data":
            return channels, position + 4, size - 4 if size >= 0 else -1  # an edit count precedes the samples
        position += size
    raise MediaError("sound.not_decoded", "ffmpeg wrote a sound file without samples.")


def _pad(samples: Samples, before: int, count: int) -> Samples:
    """Return samples with silence around them: `before` samples of it at the start, `count` samples in all."""
    before = min(max(0, before), count)
    if not before and len(samples) == count:
        return samples
    return np.pad(samples, ((before, count - before - len(samples)), (0, 0)))
