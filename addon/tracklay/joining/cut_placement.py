"""The crossfade at a picture cut: as short as the sound allows without a step of its spectrum that is larger than its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..listening.spectrum import measure_bands, spectral_flux
from .crossfade import crossfade_sounds
from .placement import CUT_SECONDS, STEP_SECONDS, click_costs, place_crossfade

if TYPE_CHECKING:
    from ..listening.spectrum import Samples
    from .placement import Place, Side

REACH_SECONDS = 0.05
"""Seconds around a crossfade whose flux counts to it."""

WORTH_LENGTH = 0.85
"""Share of the shortest crossfade's flux below which a longer one is worth its length."""

EDGE_FRAMES = 3
"""Spectra at the ends of a stretch that see where it was cut out."""


def place_at_cut(left: Side, right: Side, around: tuple[Samples, Samples], cut: int, sample_rate: int) -> Place:
    """Return the place of the crossfade at a picture cut.

    It is the shortest of `CUT_SECONDS` if its spectral flux is that of the sound around it, else the calmest. Where none is much calmer,
    the two sides are different sounds: then the shortest is right, and the change is heard as the cut is seen.

    Args:
        left: the side that ends.
        right: the side that begins, of the same length, matched in level.
        around: the left sound before the overlap and the right one after it, at the same level.
        cut: its sample from the overlap's first.
        sample_rate: Hz.
    """
    shortest, *longer = (place_crossfade(left, right, sample_rate, cut, seconds) for seconds in CUT_SECONDS)
    # An attack or a click that is faded is calmer, and lost.
    places = [shortest, *(each for each in longer if not _has_event(each, (left, right), sample_rate))]
    own = (np.concatenate([around[0], left.samples]), np.concatenate([right.samples, around[1]]))
    limit = sum(_highest_flux(sound, sample_rate) for sound in own) / 2
    flux = []
    for place in places:
        first, end = place.start, place.start + place.length
        faded = crossfade_sounds(left.samples[first:end], right.samples[first:end])
        joined = np.concatenate([own[0][: len(around[0]) + first], faded, own[1][end:]])
        flux.append(_highest_flux(joined, sample_rate, (len(around[0]) + first, len(around[0]) + end)))
        if flux[0] <= limit:
            return shortest
    calmest = int(np.argmin(flux))
    return places[calmest if flux[calmest] < WORTH_LENGTH * flux[0] else 0]


def _has_event(place: Place, sides: tuple[Side, Side], sample_rate: int) -> bool:
    """Return whether an attack or a click of either side is in a crossfade."""
    step = round(STEP_SECONDS * sample_rate)
    steps = slice(place.start // step, -(-(place.start + place.length) // step))
    attacks = (sample - place.start for side in sides for sample, _ in side.attacks)
    if any(0 <= sample < place.length for sample in attacks):
        return True
    return any(click_costs(side.samples, step)[steps].max(initial=0) > 0 for side in sides)


def _highest_flux(sound: Samples, sample_rate: int, near: tuple[int, int] | None = None) -> float:
    """Return the highest spectral flux of a sound, or near a stretch of it; its ends do not count."""
    bands = measure_bands(sound, sample_rate)
    flux = spectral_flux(bands.levels_db)
    first, last = EDGE_FRAMES, len(flux) - EDGE_FRAMES
    if near is not None:
        reach = REACH_SECONDS * sample_rate
        first = max(first, int((near[0] - reach) // bands.hop))
        last = min(last, int((near[1] + reach) // bands.hop) + 1)
    return float(flux[first:last].max(initial=0.0))
