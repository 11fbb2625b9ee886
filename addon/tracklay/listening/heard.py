"""Two figures of what is heard in a take: its loudness, and how many sounds begin in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..cue import SAMPLE_RATE
from ..media.wav_reader import WavReader
from .loudness import OFFSET_LUFS, SILENCE_LUFS, LoudnessMeter, gated_loudness

if TYPE_CHECKING:
    from pathlib import Path

    from .loudness import Curve

SILENT_LUFS = -45.0
"""Level that some tenth of a second of a take has to reach, or it counts as silent: under dialogue at -23 LUFS nothing of it is heard.

The built-in room tones stay below -47 for a minute, the quietest ambience reaches -41.
"""

EVENT_RISE_DB = 6.0
"""Rise of the level within a tenth of a second at which a sound begins."""

EVENT_LUFS = -50.0
"""Level of a tenth of a second below which no sound begins."""

_BEFORE_PARTS = 3
"""Tenths of a second before a rise that it is compared with: between the strokes of a fast walk the sound has died down."""

_BLOCK_SAMPLES = 1 << 16


def measure_heard(take: Path) -> dict[str, Any]:
    """Return what is heard in a take as its manifest entry has it: `lufs`, `events`, and `silent` if nothing is.

    Events are counted in the loudness of each tenth of a second: sounds that are nearer than that count as one.

    Raises:
        MediaError: the file cannot be read.
    """
    with WavReader(take) as wav:
        meter = LoudnessMeter(min(2, wav.format.channels))
        # The meter's filter is for 48 kHz: of a take at twice that rate, every second pair is one sample.
        step = max(1, round(wav.format.sample_rate / SAMPLE_RATE))
        for first in range(0, wav.format.samples, _BLOCK_SAMPLES):
            block = wav.read(first, min(wav.format.samples, first + _BLOCK_SAMPLES))
            whole = len(block) - len(block) % step
            thinned = block[:whole].reshape(-1, step, block.shape[1]).mean(axis=1)
            meter.add(thinned[:, :2].T.astype(np.float32))
    powers = meter.part_powers()
    loudest = np.max(_levels(powers), initial=SILENCE_LUFS)
    return {
        "lufs": round(gated_loudness(powers), 1),
        "events": count_events(powers),
        **({"silent": True} if loudest < SILENT_LUFS else {}),
    }


def count_events(powers: Curve) -> int:
    """Return how many sounds begin in a sound, from the K-weighted powers of its tenths of a second."""
    levels = _levels(powers)
    # The take begins out of silence: a sound that is there from the first sample counts.
    before = np.concatenate((np.full(_BEFORE_PARTS, 10 * np.log10(1e-12)), levels))
    quietest = np.lib.stride_tricks.sliding_window_view(before, _BEFORE_PARTS)[: len(levels)].min(axis=1)
    rises = (levels > EVENT_LUFS) & (levels - quietest >= EVENT_RISE_DB)
    # A rise over several tenths of a second is one event: it begins with the first.
    peaks = rises & (levels >= np.concatenate((levels[1:], [-np.inf])))
    return int(np.count_nonzero(peaks & (levels > np.concatenate(([-np.inf], levels[:-1])))))


def _levels(powers: Curve) -> Curve:
    """Return K-weighted powers in LUFS."""
    return 10 * np.log10(np.maximum(powers, 1e-12)) + OFFSET_LUFS
