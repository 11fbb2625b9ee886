"""Builds the cue that generates a part of a take, or the preview range, again, and the one that asks for more of a take's music."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...cue import Patch
from ...errors import InvalidInput
from ...parts.redo import check_part, check_stretch, lengthen_stretch, part_frames
from ..sequencer import cue_index, takes
from ..settings import catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...cue import Cue
    from ..sequencer.selection import StripLevel


def part_count(group: takes.TakeGroup) -> int:
    """Return the number of parts that the chosen take of a cue was made in; 0 if it was made whole. Reads no file."""
    return len(_parts_of(group, _entry(group.chosen)))


def _entry(take: takes.TakeStrips) -> Mapping[str, Any]:
    """Return the manifest entry of a take."""
    return cue_index.parse_entry(str(take.strips[0].get(cue_index.ENTRY_PROPERTY, "")))


def _parts_of(group: takes.TakeGroup, entry: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the parts of a take, or of the take that it was redone from."""
    by_file = {str(each.get("file", "")): each for each in map(_entry, group.takes)}
    for _ in group.takes:
        if not (replaced := entry.get("replaced")):
            break
        entry = by_file.get(str(replaced.get("take", "")), {})
    parts = entry.get("parts")
    return parts if isinstance(parts, list) else ()


def _is_music(parts: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether parts are music without a place of their own on the span."""
    return bool(parts) and "start" not in parts[0]


def redone_cue(
    scene: Any, level: StripLevel, group: takes.TakeGroup, part: int, *, prompt: str, seed: int | None
) -> tuple[Cue, Any]:
    """Return the cue that generates a part of a cue's chosen take again, and its spot.

    Args:
        scene: the scene.
        level: the level of the take's strips.
        group: the takes of the cue.
        part: number of the part, from 1; 0 for the preview range.
        prompt: the sounds to make there; empty for the take's own prompt.
        seed: the seed; None for a new one.

    Raises:
        InvalidInput: the take has no such part, was trimmed, or its file is missing; there is no preview range inside the take; no job of
            this machine made a take of music whose part is made; or as `takes.regenerated_cue`.
    """
    entry, strip = _entry(group.chosen), group.chosen.strips[0]
    cue, spot = takes.regenerated_cue(scene, level, group, same_seed=False, count=1)
    span, file = cue.span, cue_index.take_file(strip)
    if file is None or not file.is_file():
        raise InvalidInput("redo.take_missing", "The file of the take is missing: {strip}.", strip=strip.name)
    if span.frames != entry.get("frames"):
        raise InvalidInput(
            "redo.take_trimmed",
            "{strip} no longer has the length of its take. Generate the cue again.",
            strip=strip.name,
        )
    if part and entry.get("fit") and _is_music(parts := _parts_of(group, entry)):
        from ...jobs.parted.made_takes import find_made_take  # noqa: PLC0415 - both load SQLite and numpy
        from ...jobs.parted.music_again import redo_music_part  # noqa: PLC0415

        check_part(file.name, parts, part)
        # Its parts are those of the ledger: they were joined on bars and fitted, and have no place on the span.
        music = redo_music_part(find_made_take(file, catalogue.MODELS), part, prompt or None, seed)
        return replace(music, id=cue.id, span=span, picture=cue.picture), spot
    if part:
        start = int((entry.get("start") or {}).get("frame", 0))
        first, end = part_frames(file.name, _parts_of(group, entry), start, part)
    elif scene.use_preview_range:
        first, end = scene.frame_preview_start - span.start, scene.frame_preview_end + 1 - span.start
    else:
        raise InvalidInput("redo.no_range", "No part is chosen. Name its number, or set a preview range.")
    check_stretch(first, end, span)
    first, end = lengthen_stretch(first, end, span, catalogue.get_model(cue.model))
    patch = Patch(file, span.start + first, end - first)
    return replace(cue, prompt=prompt or cue.prompt, seed=seed, patch=patch, best=False), spot


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
