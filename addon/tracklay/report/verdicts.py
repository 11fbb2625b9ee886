"""Verdicts: the user's decisions about takes, in the file that the page saves and `tracklay batch --verdicts` reads."""

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
    """The verdict on a take of a row: `keep`, `reject`, or empty with only a note."""

    row: str
    take: int
    verdict: str
    note: str


def read_verdicts(path: Path) -> list[Verdict]:
    """Return the verdicts of a file.

    Raises:
        InvalidInput: the file is not one that the page saved.
    """
    content = read_json(path, "utf-8-sig")  # an editor may have added a byte order mark
    items = content.get("verdicts") if isinstance(content, dict) else None
    if not isinstance(items, list):
        raise InvalidInput("verdicts.none", "{path} has no verdicts. Use a file that the report page saved.", path=path)
    return [_parse_verdict(item, f"{path.name}, verdict {number}") for number, item in enumerate(items, 1)]


def _parse_verdict(item: object, location: str) -> Verdict:
    if not isinstance(item, dict) or not isinstance(item.get("row"), str) or type(item.get("take")) is not int:
        error = InvalidInput("verdicts.incomplete", "A verdict must have a row and the number of a take.")
        raise error.prefix_with(location)
    verdict, note = item.get("verdict", ""), item.get("note", "")
    if verdict not in (KEEP, REJECT, "") or not isinstance(note, str):
        error = InvalidInput("verdicts.invalid", "A verdict must be keep, reject or empty, and a note must be text.")
        raise error.prefix_with(f"{location} (row {item['row']!r})")
    return Verdict(item["row"], item["take"], verdict, note)


def apply_verdicts(rows: Sequence[ReportRow], verdicts: Sequence[Verdict]) -> list[ReportRow]:
    """Return the rows with their verdicts. A verdict counts only for the take that it was given for."""
    by_take = {(verdict.row, verdict.take): verdict for verdict in verdicts}
    found = []
    for row in rows:
        verdict = by_take.get((row.id, row.number))
        found.append(replace(row, verdict=verdict.verdict, note=verdict.note) if verdict and row.take else row)
    return found
