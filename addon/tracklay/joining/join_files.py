"""Joins WAV files to one: read and written block by block, so that an hour costs no more memory than a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..atomic_io import atomic_write
from ..errors import InvalidInput
from ..media.bwf import BwfWriter, plain_bwf_writer
from ..media.wav_reader import WavReader
from .join import Join, PartSound, plan_join

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from ..listening.spectrum import Samples


class PartFile(NamedTuple):
    """A WAV file with one part of a joined sound.

    Attributes:
        path: the file, conformed: it has the joined sound's rate.
        start: its first sample in the joined sound.
        hard_cut: it begins at a picture cut.
        boundary: the cut's sample in the joined sound; None for the middle of the overlap with the part before.
        is_fixed: it keeps its level.
        crossfade: first sample and length of the crossfade with the part before, in the joined sound; None to search for the best.
        length: samples of the file, from its first, that are used; None for all.
        gain: factor of all its samples.
    """

    path: Path
    start: int
    hard_cut: bool = False
    boundary: int | None = None
    is_fixed: bool = False
    crossfade: tuple[int, int] | None = None
    length: int | None = None
    gain: float = 1.0


def join_files(
    parts: Sequence[PartFile],
    out: Path,
    sample_rate: int,
    length: int,
    channels: int,
    make_writer: Callable[[BinaryIO, int], BwfWriter] | None = None,
) -> Join:
    """Write the join of WAV files to `out`, atomically, and return it.

    Args:
        parts: in order of their starts; neighbours overlap.
        out: the file to write, a 24-bit Broadcast Wave; an existing one is replaced.
        sample_rate: Hz, of all files.
        length: of the joined sound, in samples.
        channels: of the joined sound, 1 or 2.
        make_writer: returns the writer for an open file and a number of channels; by default one without provenance.

    Raises:
        InvalidInput: a file has another rate, or the parts do not fit together.
        MediaError: a file cannot be read.
        OutputError: `out` cannot be written.
    """
    sounds = [_open_part(part, sample_rate) for part in parts]
    join = plan_join(sounds, sample_rate, length, channels)
    with atomic_write(out) as temp_path, temp_path.open("wb") as file:
        writer = make_writer(file, channels) if make_writer else plain_bwf_writer(file, channels, sample_rate)
        for block in join.blocks():
            writer.write(block)
        writer.close()
    return join


def _open_part(part: PartFile, sample_rate: int) -> PartSound:
    """Return a part that opens its file for each block: an hour has more parts than a process may hold open files."""
    with WavReader(part.path) as wav:
        found, samples = wav.format.sample_rate, wav.format.samples
    if found != sample_rate:
        raise InvalidInput(
            "joining.other_rate",
            "{file} has {found} Hz instead of {wanted} Hz. Convert it to {wanted} Hz.",
            file=part.path.name,
            found=found,
            wanted=sample_rate,
        )

    def read(start: int, stop: int) -> Samples:
        with WavReader(part.path) as wav:
            block = wav.read(start, stop)
        return block if part.gain == 1 else block * np.float32(part.gain)

    length = samples if part.length is None else part.length
    return PartSound(read, part.start, length, part.hard_cut, part.boundary, part.is_fixed, part.crossfade)
