"""Lands the WAV file of a take, in a process of its own (`tracklay.worker`): reads and writes block by block."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from ..media.bwf import FULL_SCALE
from ..media.wav_reader import WavReader
from .contacts import find_contacts
from .land import Landing, plan_landing


def land_wav(*, take: str, proxy: str, prompt: str, to: str) -> dict[str, Any]:
    """Write the landed copy of a take to `to`, unless nothing moves. The header is the take's own.

    Args:
        take: path of the take, a 24-bit WAV.
        proxy: path of the picture's proxy, which begins with the take.
        prompt: the sounds that the take was generated for.
        to: path of the landed take.

    Returns:
        The take's `landing`, as its manifest entry has it, and `changed`: whether `to` was written.

    Raises:
        MediaError: the take or the proxy cannot be read.
    """
    contacts, tolerance = find_contacts(Path(proxy), prompt)
    with WavReader(Path(take)) as wav:
        form = wav.format
        landing = plan_landing(wav.read, form.samples, form.sample_rate, contacts, tolerance)
        if landing.changes_anything:
            _write_samples(wav, landing, Path(to))
    return {**landing_to_dict(landing), "contacts": len(contacts), "changed": landing.changes_anything}


def landing_to_dict(landing: Landing) -> dict[str, Any]:
    """Return a landing as plain data, its times as exact fractions of a second."""
    return {
        "lag": f"{landing.lag.numerator}/{landing.lag.denominator}",
        "moves": [
            {
                "from": f"{move.start.numerator}/{move.start.denominator}",
                "to": f"{move.to.numerator}/{move.to.denominator}",
                "confidence": round(move.confidence, 3),
                "contact_confidence": round(move.contact_confidence, 3),
                "strength": round(move.strength, 3),
            }
            for move in landing.moves
        ],
    }


def _write_samples(wav: WavReader, landing: Landing, to: Path) -> None:
    """Write a copy of a WAV with other samples: all of its chunks stay."""
    shutil.copyfile(wav.path, to)
    with to.open("r+b") as file:
        file.seek(wav.format.data_offset)
        for block in landing.blocks():
            whole = np.clip(np.rint(block.astype(np.float64) * FULL_SCALE), -FULL_SCALE - 1, FULL_SCALE)
            file.write(whole.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
