"""Builds the cue that fits a take's music to its picture as it is now, with more music asked for where it is too short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..sequencer import cue_index, takes
from ..settings import catalogue

if TYPE_CHECKING:
    from ...cue import Cue
    from ..sequencer.selection import StripLevel


def can_extend(strip: Any) -> bool:
    """Return whether more can be asked for of the music of a take. Reads no file."""
    model = cue_index.parse_entry(str(strip.get(cue_index.ENTRY_PROPERTY, ""))).get("model")
    return cue_index.can_refit(strip) and model != cue_index.BUILT_IN_MUSIC and model in catalogue.MODELS


def extended_cue(scene: Any, level: StripLevel, group: takes.TakeGroup) -> tuple[Cue, Any]:
    """Return the cue that fits the music of a cue's chosen take again, and its spot. Only if the music is too short is a model asked.

    Raises:
        InvalidInput: no job of this machine made the take; or as `takes.regenerated_cue`.
        LedgerError: the ledger cannot be read.
    """
    from ...jobs.parted.made_takes import find_made_take  # noqa: PLC0415 - both load SQLite and numpy
    from ...jobs.parted.music_again import extend_music  # noqa: PLC0415

    cue, spot = takes.regenerated_cue(scene, level, group, same_seed=True, count=1, is_refit=True)
    file = cue_index.fitted_file(group.chosen.strips[0])
    # The built-in music is composed to its span.
    return (cue if file is None else extend_music(find_made_take(file, catalogue.MODELS), cue)), spot
