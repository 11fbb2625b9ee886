"""Fits the WAV file of a piece of music to a span, in a process of its own (`tracklay.worker`): reads and writes block by block."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..media.bwf import BwfWriter
from ..media.wav_reader import WavReader
from .fit import fit_music

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_REPETITION = 4
"""A span of more than this many times the music's length would repeat it until it is a loop: a longer piece is needed."""


def fit_wav(*, music: str, samples: int, hits: Sequence[int], to: str) -> dict[str, Any]:
    """Write a piece of music, fitted to a span, to `to`.

    Args:
        music: path of the music, a 24-bit WAV.
        samples: length of the span.
        hits: samples from the beginning of the span that accents shall fall on.
        to: path of the WAV to write.

    Returns:
        The take's `fit`, as its manifest entry has it, and `notes`.

    Raises:
        InvalidInput: the music is too short for the span.
        MediaError: the music cannot be read.
    """
    with WavReader(Path(music)) as wav:
        form = wav.format
        if samples > MAX_REPETITION * form.samples:
            raise InvalidInput(
                "music.too_short",
                "The music of {music:.1f} s is too short for a span of {span:.1f} s. Generate it again.",
                music=form.samples / form.sample_rate,
                span=samples / form.sample_rate,
            )
        fit = fit_music(wav.read, form.samples, form.sample_rate, samples, hits=hits)
        with Path(to).open("wb") as file:
            writer = BwfWriter(
                file,
                form.channels,
                form.sample_rate,
                description="",
                originator_reference="",
                created_at=datetime.now(UTC),
                time_reference=0,
                coding_history="",
            )
            for block in fit.blocks(wav.read):
                writer.write(block)
            writer.close()
    return {**fit.to_manifest(), "notes": list(fit.notes)}
