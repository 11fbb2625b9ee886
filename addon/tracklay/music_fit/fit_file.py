"""Fits the WAV file of a piece of music, in a process of its own (`tracklay.worker`): reads and writes block by block.

The music is stored once, as the model made it, and stays as it is: the same file can be fitted again to another span or other hits.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..media.bwf import plain_bwf_writer
from ..media.wav_reader import WavReader
from ..music_analysis.analyzer import measure_tempo_of
from .fit import fit_music

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .fit import Fit

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
        `fit`, as a take's manifest entry has it (`Fit.to_manifest`); `notes`, sentences for the user; `samples`, the length; `tempo`,
        beats per minute, None if the music has no beat.

    Raises:
        InvalidInput: a hit is outside the span, there is no span, or it is much longer than the music.
        MediaError: the music cannot be read.
        OutputError: the fitted music is too long for a WAV file.
    """
    with WavReader(Path(music)) as wav:
        fit = _fit(wav, span, hits, tail)
        _render(fit, wav, Path(to))
    return {
        "fit": fit.to_manifest(),
        "notes": list(fit.notes),
        "samples": fit.samples,
        "tempo": round(fit.tempo, 2) if fit.has_beat else None,
    }


def fit_stems(*, music: str, stems: Mapping[str, str], span: int, hits: Sequence[int] = (), tail: int = 0) -> None:
    """Write the stems of a piece of music with the cuts that the music itself gets from the same values.

    Args:
        music: path of the music, a WAV, which decides on the cuts.
        stems: path of each stem, a WAV of the music's sample rate, and where it is written fitted.
        span: samples of the span, at the music's rate.
        hits: samples of the hits from the beginning of the span.
        tail: samples after the span in which the music ends.

    Raises:
        InvalidInput, MediaError, OutputError: as `fit_wav`.
    """
    with WavReader(Path(music)) as wav:
        fit = _fit(wav, span, hits, tail)
    for source, to in stems.items():
        with WavReader(Path(source)) as wav:
            _render(fit, wav, Path(to))


def measure_tempo(*, music: str) -> dict[str, Any]:
    """Return `tempo`, beats per minute, of a WAV; None if it has no beat.

    Raises:
        MediaError: the music cannot be read.
    """
    with WavReader(Path(music)) as wav:
        tempo = measure_tempo_of(wav.read, wav.format.samples, wav.format.sample_rate)
    return {"tempo": None if tempo is None else round(tempo, 2)}


def _fit(wav: WavReader, span: int, hits: Sequence[int], tail: int) -> Fit:
    form = wav.format
    if span > MAX_REPETITION * form.samples:
        raise InvalidInput(
            "music.too_short",
            "The music of {music:.1f} s is too short for a span of {span:.1f} s. Generate it again.",
            music=form.samples / form.sample_rate,
            span=span / form.sample_rate,
        )
    return fit_music(wav.read, form.samples, form.sample_rate, span, hits=hits, tail=tail)


def _render(fit: Fit, wav: WavReader, to: Path) -> None:
    """Write the fit's cuts of a sound of the music's length; where it is shorter, there is silence."""
    form = wav.format
    with to.open("wb") as file:
        writer = plain_bwf_writer(file, form.channels, form.sample_rate, "Tracklay music fit")
        for block in fit.blocks(wav.read, form.samples):
            writer.write(block)
        writer.close()
