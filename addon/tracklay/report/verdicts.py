"""Verdicts: what a person decided about takes on the page, as the file that the page saves and `tracklay batch --verdicts` takes up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ..errors import BadInput
from ..paths import read_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .rows import Row

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
        raise BadInput(f"{path} holds no verdicts: save them from the report")
    return [_read(each, f"{path.name}, verdict {number}") for number, each in enumerate(given, 1)]


def _read(each: object, where: str) -> Verdict:
    if not isinstance(each, dict) or not isinstance(each.get("row"), str) or type(each.get("take")) is not int:
        raise BadInput(f"{where}: it must name a row and the number of a take")
    verdict, note = each.get("verdict", ""), each.get("note", "")
    if verdict not in (KEEP, REJECT, "") or not isinstance(note, str):
        raise BadInput(f"{where} (row {each['row']!r}): a verdict is keep, reject or nothing, and a note is text")
    return Verdict(each["row"], each["take"], verdict, note)


def judged(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> list[Row]:
    """The rows with these verdicts on them. One on another take of a row says nothing of the one that is there now."""
    by_take = {(each.row, each.take): each for each in verdicts}
    found = []
    for row in rows:
        each = by_take.get((row.id, row.number))
        found.append(replace(row, verdict=each.verdict, note=each.note) if each and row.take else row)
    return found
