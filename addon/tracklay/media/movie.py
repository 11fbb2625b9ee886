"""Encodes a whole source as a movie with exact times: images, and videos whose packets no player's container takes as they are."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from ..atomic_io import atomic_write
from .decoder import ScaleOptions
from .encoder import open_encoder

if TYPE_CHECKING:
    from pathlib import Path

    from ..cancellation import CancelToken
    from .decoder import DecodedFrame, FrameSource

MOVIE_CRF, MOVIE_PRESET = 16, "fast"
"""x264's constant rate factor and preset of a movie that stands for its source: visually lossless."""

MAX_SIDE = 1 << 14
"""Pixels: no source is larger, so that none is scaled."""


def encode_movie(
    source: FrameSource,
    seconds: Fraction,
    to: Path,
    *,
    tick: Fraction | None = None,
    cancel_token: CancelToken | None = None,
) -> tuple[Fraction, ...]:
    """Write a source as an H.264 MP4 of its own size, and return the start of each frame in seconds; the first is 0.

    Args:
        source: the source.
        seconds: its length.
        to: the MP4 to write.
        tick: unit of the times in seconds; None for the length of a frame by the source's rate.
        cancel_token: cancels the work.

    Raises:
        MediaError: the source cannot be decoded.
        OutputError: no space or no permission to write.
        Cancelled: the token was cancelled.
    """
    frames = source.frames(Fraction(0), seconds, ScaleOptions(MAX_SIDE), cancel_token=cancel_token)
    with (
        atomic_write(to) as beside,
        open_encoder(
            beside,
            tick or source.rate.seconds(1),
            f"Could not make a movie of {source.name}",
            crf=MOVIE_CRF,
            preset=MOVIE_PRESET,
        ) as encoder,
    ):
        opening: DecodedFrame | None = None
        for frame in frames:
            # Frames before the first key frame (an open GOP) are decoded in part, and not shown.
            if frame.time <= 0:
                opening = frame
                continue
            if opening is not None:
                encoder.write(Fraction(0), opening)
                opening = None
            encoder.write(frame.time, frame)
        if opening is not None:
            encoder.write(Fraction(0), opening)
    return encoder.times
