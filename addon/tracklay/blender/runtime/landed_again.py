"""Builds the cue that lands a take again on its picture as it is now, from the untouched take: no model is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...cue import EarlierTake
from ...errors import InvalidInput
from ...jobs.job_spec import can_land
from ..sequencer import compat, landing, takes
from ..settings import catalogue

if TYPE_CHECKING:
    from ...cue import Cue
    from ..sequencer.selection import StripLevel


def landed_again_cue(scene: Any, level: StripLevel, group: takes.TakeGroup) -> tuple[Cue, Any]:
    """Return the cue that lands a cue's chosen take again, for the part of its picture that it still plays over, and its spot.

    Raises:
        InvalidInput: the take is no sound that can be landed, or its file is missing; or as `takes.regenerated_cue`.
    """
    strip = group.chosen.full_mix
    if strip is None or not landing.was_landed(strip):
        name = group.chosen.strips[0].name
        raise InvalidInput("landing.not_landed", "No take that was landed: {strip}. Regenerate it.", strip=name)
    alone = replace(group, start=compat.strip_start(strip), end=compat.strip_end(strip))
    cue, spot = takes.regenerated_cue(scene, level, alone, same_seed=True, count=1)
    if not can_land(catalogue.get_model(cue.model), cue.params):
        raise InvalidInput("landing.not_landed", "No take that was landed: {strip}. Regenerate it.", strip=strip.name)
    file = landing.sound_files(strip)[0]
    if not file.is_file():
        raise InvalidInput("landing.file_missing", "Sound file not found: {file}.", file=file)
    # The take's first sample is on the frame where its content begins, which a trim hides.
    skipped = cue.span.start - round(compat.content_start(strip))
    # A score is for one picture: compared with those of the earlier takes, it would say nothing.
    return replace(cue, reland=EarlierTake(file, skipped), land="auto", best=False), spot
