"""The handles of a take: what its model made before and after the span, in a file beside it with the take between them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ...atomic_io import temp_dir
from ...media.conform import BLOCK_SAMPLES, MAX_EXCESS_SECONDS, conform_audio
from ...media.wav_reader import WavReader
from .claims import bwf_writer_factory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from ...cancellation import CancelToken
    from ...cue import Cue, Take
    from ...media.conform import ConformResult

LEAST_HANDLE_SECONDS = Fraction(1, 25)
"""A shorter rest after the span is no handle: the block of a codec, or less than a frame."""

EDGE_SECONDS = Fraction(1, 50)
"""Seconds in which sound that was landed changes into its handles, inside the span. The take fades at its very ends, if at all."""


def find_handles(cue: Cue, conformed: ConformResult) -> dict[str, Any]:
    """Return the handles of a take as its claim has them, in samples; empty if there are none.

    Args:
        cue: its cue.
        conformed: the take as it was conformed: what the model made after the span is the handle there, asked for or not.
    """
    if cue.patch is not None or not cue.generates:
        return {}
    before = cue.span.rate.samples(cue.handles[0], conformed.rate)
    after = min(conformed.excess_samples, MAX_EXCESS_SECONDS * conformed.rate)
    after = after if after >= LEAST_HANDLE_SECONDS * conformed.rate else 0
    return {"before": before, "after": after, "file": True} if before or after else {}


def place_in_take(output: Mapping[str, Any], before: int) -> dict[str, Any]:
    """Return the parts and seams of a joined output with their samples counted from the take's first, not from the handle's."""
    placed = {}
    if "parts" in output:
        placed["parts"] = [
            {**each, **({"samples": [at - before for at in each["samples"]]} if "samples" in each else {})}
            for each in output["parts"]
        ]
    if "seams" in output:
        placed["seams"] = [
            {**each, **({"position": each["position"] - before} if "position" in each else {})}
            for each in output["seams"]
        ]
    return placed


def write_with_handles(take: Take, output: Path, to: Path, cancel_token: CancelToken) -> None:
    """Write the take with its handles: the model's sound from the first sample of the one to the last of the other.

    At each sample of the span it is the take, but for the fades at its ends. If the take was landed, that goes over into the handles
    within `EDGE_SECONDS`, and the handles are moved by its lag.

    Raises:
        ModelFailed, MediaError, Cancelled: as `conform_audio`.
    """
    before, after = take.handles["before"], take.handles["after"]
    with temp_dir(to.parent) as work:
        made = work / "made.wav" if take.untouched else to
        conform_audio(
            output,
            before + take.samples + after,
            made,
            bwf_writer_factory(take, before),
            rate=take.sample_rate,
            peak_of=(before, before + take.samples),
            cancel_token=cancel_token,
        )
        if take.untouched:
            _insert_landed(take, made, to)


def _insert_landed(take: Take, made: Path, to: Path) -> None:
    """Write the model's sound with the landed take in its place."""
    before, edge = take.handles["before"], float(EDGE_SECONDS * take.sample_rate)
    lag = round(Fraction(take.landing.get("lag", 0)) * take.sample_rate)
    with WavReader(made) as around, WavReader(take.file) as landed, to.open("wb") as file:
        writer = bwf_writer_factory(take, before)(file, landed.format.channels)
        end = around.format.samples
        for first in range(0, end, BLOCK_SAMPLES):
            stop = min(end, first + BLOCK_SAMPLES)
            at = np.arange(first, stop) - before
            share = np.clip(np.minimum(at, take.samples - at) / edge, 0, 1)[:, None]
            sound = _read(around, first + lag, stop + lag) * (1 - share)
            writer.write(sound + _read(landed, first - before, stop - before) * share)
        writer.close()


def _read(wav: WavReader, start: int, stop: int) -> npt.NDArray[np.float32]:
    """Return samples of a file, silence where it has none."""
    first, last = (min(max(at, 0), wav.format.samples) for at in (start, stop))
    if first == last:
        return np.zeros((stop - start, wav.format.channels), np.float32)
    return np.pad(wav.read(first, last), ((first - start, stop - last), (0, 0)))
