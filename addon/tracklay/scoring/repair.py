"""Plans repairs: for the best take of each cue, a cue that generates only the stretch that scores worst again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..cue import Patch
from ..models import find_model, load_catalogue
from .ranking import order_takes, score_value
from .stretch_file import find_worst_stretch_of_file

if TYPE_CHECKING:
    from ..cue import Cue, Take

GOOD_ENOUGH = 95.0
"""Score from which a take is left as it is."""


def plan_repairs(takes: Sequence[Take]) -> list[Cue]:
    """Return a cue for each take that is worth a repair: the best of its cue, if a stretch of it scores badly.

    The cue has the take's span, prompt and model, and a new seed.

    Raises:
        MediaError: a take cannot be read.
        InvalidInput: a model is not in the catalogue any more.
    """
    catalogue = load_catalogue()
    best: dict[str, Take] = {}
    for take in order_takes(takes):
        best.setdefault(take.cue.id, take)
    repairs = []
    for take in best.values():
        if not 0 <= score_value(take.score) < GOOD_ENOUGH:
            continue
        seconds = find_model(take.cue.model, catalogue).seconds
        stretch = find_worst_stretch_of_file(take.file, take.score, seconds.least, seconds.most)
        if stretch is not None:
            repairs.append(replace(take.cue, takes=1, seed=None, patch=_patch_for(take, *stretch)))
    return repairs


def _patch_for(take: Take, first: int, end: int) -> Patch:
    """Return the patch of whole frames that covers samples of a take."""
    span = take.cue.span
    frames_per_sample = span.rate.fps / take.sample_rate
    start = span.start + math.floor(first * frames_per_sample)
    stop = min(span.end, span.start + math.ceil(end * frames_per_sample))
    return Patch(take.file, start, stop - start)
