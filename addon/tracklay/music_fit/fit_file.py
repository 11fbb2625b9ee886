"""Fits the WAV file of a piece of music, in a process of its own (`tracklay.worker`): reads and writes block by block.

The music is stored once, as the model made it, and stays as it is: the same file can be fitted again to another span or other hits.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..media.bwf import plain_bwf_writer
from ..media.wav_reader import WavReader
from .fit import fit_music

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_REPETITION = 4
"""A span of more than this many times the music's length would repeat it until it is a loop: a longer piece is needed."""


def fit_wav(*, music: str, to: str, span: int, hits: Sequence[int] = (), tail: int = 0) -> dict[str, Any]:
    """Write a piece of music, fitted to a span, to `to`; it has the music's sample rate and channels.

    Args:
        music: path of the music, a WAV.
        to: path of the fitted music, a 24-bit Broadcast Wave.
        span: samples of the span, at the music's rate.
        hits: samples of the hits from the beginning of the span.
        tail: samples after the span in which the music ends.

    Returns:
        `fit`, as a take's manifest entry has it (`Fit.to_manifest`); `notes`, sentences for the user; `samples`, the length.

    Raises:
        InvalidInput: a hit is outside the span, there is no span, or it is much longer than the music.
        MediaError: the music cannot be read.
        OutputError: the fitted music is too long for a WAV file.
    """
    with WavReader(Path(music)) as wav:
        form = wav.format
        if span > MAX_REPETITION * form.samples:
            raise InvalidInput(
                "music.too_short",
                "The music of {music:.1f} s is too short for a span of {span:.1f} s. Generate it again.",
                music=form.samples / form.sample_rate,
                span=span / form.sample_rate,
            )
        fit = fit_music(wav.read, form.samples, form.sample_rate, span, hits=hits, tail=tail)
        with Path(to).open("wb") as file:
            writer = plain_bwf_writer(file, form.channels, form.sample_rate, "Tracklay music fit")
            for block in fit.blocks(wav.read):
                writer.write(block)
            writer.close()
    return {"fit": fit.to_manifest(), "notes": list(fit.notes), "samples": fit.samples}
