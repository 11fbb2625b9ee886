"""Verdicts: what a person decided about takes on the page, as the file that the page saves and `tracklay batch --verdicts` takes up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ..atomic_io import read_json
from ..errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .rows import ReportRow

KEEP: Literal["keep"] = "keep"
REJECT: Literal["reject"] = "reject"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about a row's take: `keep`, `reject`, or nothing but a note."""

    row: str
    take: int
    verdict: str
    note: str


def read_verdicts(path: Path) -> list[Verdict]:
    """The verdicts of a file.

    Raises:
        BadInput: it is none that the page saved.
    """
    held = read_json(path, "utf-8-sig")
    given = held.get("verdicts") if isinstance(held, dict) else None
    if not isinstance(given, list):
        raise InvalidInput(f"{path} holds no verdicts: save them from the report")
    return [_parse_verdict(each, f"{path.name}, verdict {number}") for number, each in enumerate(given, 1)]


def _parse_verdict(item: object, location: str) -> Verdict:
    if not isinstance(item, dict) or not isinstance(item.get("row"), str) or type(item.get("take")) is not int:
        raise InvalidInput(f"{location}: it must name a row and the number of a take")
    verdict, note = item.get("verdict", ""), item.get("note", "")
    if verdict not in (KEEP, REJECT, "") or not isinstance(note, str):
        raise InvalidInput(
            f"{location} (row {item['row']!r}): a verdict is keep, reject or nothing, and a note is text"
        )
    return Verdict(item["row"], item["take"], verdict, note)


def apply_verdicts(rows: Sequence[ReportRow], verdicts: Sequence[Verdict]) -> list[ReportRow]:
    """The rows with these verdicts on them. One on another take of a row says nothing of the one that is there now."""
    by_take = {(each.row, each.take): each for each in verdicts}
    found = []
    for row in rows:
        each = by_take.get((row.id, row.number))
        found.append(replace(row, verdict=each.verdict, note=each.note) if each and row.take else row)
    return found
