"""The ending of a piece: from where on it belongs together, and where it has died away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .beats import peaks_at

if TYPE_CHECKING:
    import numpy.typing as npt

    from .beats import Strength
    from .features import MusicFeatures

SILENT_DB = 60.0
"""A level this far below the piece's loudest is silence."""

FAINT_DB = 36.0
"""A level this far below the piece's loudest is still heard, but no event: a decay may end here."""

CUT_SECONDS, CUT_DB = 0.12, 18.0
"""A piece whose last sound of this length is less than this far below its usual level is cut off: it has no ending."""

LAST_RISE_SHARE, STRONG_PERCENTILE, LEAST_RISE = 0.35, 75, 2.0
"""The final onset has at least this share of a strong beat's strength, of the percentile of all beats, and this strength: a chord that
rings rises by up to 2 where its tones beat."""

CADENCE_BARS = 1
"""Bars before the final onset that belong to the ending: the chord that leads to the last."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The ending of a piece.

    Attributes:
        first_beat: index of the beat on which the ending begins: nothing is cut from there on.
        final: sample of the last strong onset: the final chord.
        faint: sample from which its decay is faint.
        end: sample after which is silence.
        is_own: the piece ends by itself; otherwise it is cut off.
    """

    first_beat: int
    final: int
    faint: int
    end: int
    is_own: bool


def find_ending(
    features: MusicFeatures, strength: Strength, beats: npt.NDArray[np.int64], places: npt.NDArray[np.int64], meter: int
) -> Ending:
    """Return the ending of a piece whose beats are at samples `beats`, with places in the bar."""
    hop, samples = features.hop, features.samples
    level = _level_db(features)
    loudest = float(level.max(initial=-120.0))
    heard = np.flatnonzero(level > loudest - SILENT_DB)
    if not len(heard) or not len(beats):
        return Ending(0, 0, samples, samples, is_own=False)
    end = min(samples, (int(heard[-1]) + 1) * hop)
    loud = np.flatnonzero(level > loudest - FAINT_DB)
    faint = min(end, (int(loud[-1]) + 1) * hop)
    usual = float(np.median(level[heard]))
    # The frame at the very end is mirrored by the spectrum: the last that lie within the sound count.
    last = level[max(0, end // hop - max(2, round(CUT_SECONDS * features.frame_rate))) : max(1, end // hop - 1)]
    is_own = bool(last.size and last.mean() < usual - CUT_DB) or samples - end > 0.05 * features.rate
    strong = float(np.percentile(peaks_at(strength, beats / hop), STRONG_PERCENTILE)) if len(strength) else 0.0
    threshold = max(LAST_RISE_SHARE * strong, LEAST_RISE)
    peaks = np.flatnonzero((strength > threshold) & (np.arange(len(strength)) * hop < end))
    final = int(peaks[-1]) * hop if len(peaks) else int(beats[-1])
    # A fade-out is one event: it begins where the level was last usual.
    usual_until = np.flatnonzero(level > usual - 10)
    final = min(final, int(usual_until[-1]) * hop)
    nearest = int(np.argmin(np.abs(beats - final)))
    final_bar = nearest - int(places[nearest])
    if places[nearest] == meter - 1 and nearest + 1 < len(beats) and final > (beats[nearest] + beats[nearest + 1]) / 2:
        final_bar = nearest + 1
    return Ending(max(0, final_bar - CADENCE_BARS * meter), final, max(faint, min(final, end)), end, is_own)


def _level_db(features: MusicFeatures) -> Strength:
    """Return the level over 50 ms around each frame, dB of full scale."""
    width = max(1, round(0.05 * features.frame_rate))
    power = np.convolve(features.power, np.full(width, 1 / width), mode="same")
    level: Strength = 10 * np.log10(power + 1e-12)
    return level
