"""Pieces of a fit: which part of the music is heard at which sample, and the fades between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..listening.spectrum import padded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from ..listening.spectrum import ReadSamples, Samples

Shape = Literal["power", "gain"]
"""Fades whose powers, or whose gains, add up to 1: for sounds that differ, and for sounds that are alike."""


@dataclass(frozen=True, slots=True)
class MusicPiece:
    """A stretch of the music and its place.

    Attributes:
        source: first sample in the music. Outside of it is silence.
        at: first sample in the result.
        samples: length.
        fade_in: samples over which it rises.
        fade_out: samples over which it falls.
        shape_in: shape of the rise.
        shape_out: shape of the fall.
    """

    source: int
    at: int
    samples: int
    fade_in: int = 0
    fade_out: int = 0
    shape_in: Shape = "power"
    shape_out: Shape = "power"


def render_pieces(
    pieces: Sequence[MusicPiece], read: ReadSamples, length: int, samples: int, block: int
) -> Iterator[Samples]:
    """Yield the result in blocks of `block` samples: the sum of the pieces, `samples` long, float32.

    Args:
        pieces: in the order of their places.
        read: reads a stretch of the music, (samples, channels).
        length: samples of the music.
        samples: length of the result.
        block: samples of a block.
    """
    channels = read(0, 0).shape[1]
    first = 0
    for start in range(0, samples, block):
        stop = min(samples, start + block)
        out = np.zeros((stop - start, channels), np.float32)
        while first < len(pieces) and pieces[first].at + pieces[first].samples <= start:
            first += 1
        for piece in pieces[first:]:
            if piece.at >= stop:
                break
            begin, end = max(start, piece.at), min(stop, piece.at + piece.samples)
            if begin < end:
                offset = piece.source - piece.at
                part = padded(read, begin + offset, end + offset, length)
                gain = _gain(piece, begin - piece.at, end - piece.at)
                out[begin - start : end - start] += part if gain is None else part * gain[:, None]
        yield out


def _gain(piece: MusicPiece, start: int, stop: int) -> npt.NDArray[np.float32] | None:
    """Return the gain of a part of a piece, or None where it is 1."""
    fall = piece.samples - piece.fade_out
    if start >= piece.fade_in and stop <= fall:
        return None
    index = np.arange(start, stop) + 0.5
    gain = np.ones(stop - start)
    if piece.fade_in:
        gain *= _shaped(np.clip(index / piece.fade_in, 0, 1), piece.shape_in)
    if piece.fade_out:
        gain *= _shaped(np.clip((piece.samples - index) / piece.fade_out, 0, 1), piece.shape_out)
    return gain.astype(np.float32)


def _shaped(share: npt.NDArray[np.float64], shape: Shape) -> npt.NDArray[np.float64]:
    return np.sin(share * np.pi / 2) if shape == "power" else np.sin(share * np.pi / 2) ** 2
