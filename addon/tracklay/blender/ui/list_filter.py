"""Which items of the cue list are shown, and in which order: filter, search, sorting, and groups of the cues of a shot. No bpy.

The list's items are its rows, followed by the headings of shots if it is grouped. An item is known by its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..runtime.cue_rows import STATE_PRIORITY
from ..settings import catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from ..runtime.cue_rows import CueListRow

FAILED_STATES = frozenset({"failed", "stopped", "unclear"})


@dataclass(frozen=True, slots=True)
class ListView:
    """The user's choice of what the list shows.

    Attributes:
        show: an identifier of `cue_rows.LIST_FILTERS`.
        order: an identifier of `cue_rows.LIST_ORDERS`.
        search: text in picture, model, prompt or state.
        folded: shots whose cues are hidden.
    """

    show: str = "ALL"
    order: str = "TIME"
    search: str = ""
    folded: AbstractSet[str] = frozenset()


def arrange_items(rows: Sequence[CueListRow], headings: Sequence[str], view: ListView) -> tuple[list[bool], list[int]]:
    """Return for each item whether it is shown, and its place; two empty lists for all rows in their own order.

    Args:
        rows: the rows in timeline order.
        headings: the names of shots in timeline order; empty if the list is not grouped.
        view: what to show.
    """
    query = view.search.strip().lower()
    if view == ListView(search=view.search) and not query and not headings:
        return [], []
    states = [row.current_status()[0] for row in rows]
    is_found = [_is_shown(row, state, view.show, query) for row, state in zip(rows, states, strict=True)]
    ordered = sorted(range(len(rows)), key=lambda number: _sort_key(rows[number], states[number], view.order))
    if not headings:
        return is_found, _places(ordered)
    of_shot: dict[str, list[int]] = {name: [] for name in headings}
    for number in ordered:
        of_shot.setdefault(rows[number].first_cue.picture, []).append(number)
    sequence: list[int] = []
    shows_heading = []
    for heading, name in enumerate(headings):
        sequence += [len(rows) + heading, *of_shot[name]]
        shows_heading.append(any(is_found[number] for number in of_shot[name]))
    known = set(headings)
    missing = [number for number in ordered if rows[number].first_cue.picture not in known]  # until the next build
    is_open = [found and row.first_cue.picture not in view.folded for row, found in zip(rows, is_found, strict=True)]
    return [*is_open, *shows_heading], _places(sequence + missing)


def _places(sequence: Sequence[int]) -> list[int]:
    """Return the place of each item of a sequence of item numbers."""
    places = [0] * len(sequence)
    for place, number in enumerate(sequence):
        places[number] = place
    return places


def _is_shown(row: CueListRow, state: str, show: str, query: str) -> bool:
    match show:
        case "RUNNING":
            fits = state == "running"
        case "FAILED":
            fits = state in FAILED_STATES
        case "STALE":
            fits = row.is_stale
        case "SILENT":
            fits = row.is_silent
        case "KEPT":
            fits = row.is_kept
        case _:
            fits = True
    return fits and (not query or any(query in text.lower() for text in _search_texts(row, state)))


def _search_texts(row: CueListRow, state: str) -> list[str]:
    parts = (
        text
        for cue in row.cues
        for text in (cue.picture, cue.model, cue.prompt, catalogue.model_title(cue.model), *cue.strips)
    )
    return [state, *parts]


def _sort_key(row: CueListRow, state: str, order: str) -> tuple[object, ...]:
    at = row.start, row.cue
    if order == "NAME":
        return row.first_cue.picture.lower(), *at
    if order == "STATUS":
        return STATE_PRIORITY.index(state), not row.is_stale, not row.is_silent, *at
    return at
