"""Verdicts: what a person decided about takes on the page, as the file that the page saves and `tracklay batch --verdicts` takes up."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ..errors import BadInput

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
    try:
        content = json.loads(path.read_text("utf-8"))
        _ = content["tracklay"]
        found = [
            Verdict(str(each["row"]), int(each["take"]), str(each["verdict"]), str(each.get("note", "")))
            for each in content["verdicts"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} holds no verdicts: name the file that a report's Save button wrote") from error
    for each in found:
        if each.verdict not in (KEEP, REJECT, ""):
            raise BadInput(f"{path}: the verdict on {each.row} is {each.verdict!r}: it must be keep, reject, or empty")
    return found


def judged(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> list[Row]:
    """The rows with these verdicts on them. One on another take of a row says nothing of the one that is there now."""
    by_take = {(each.row, each.take): each for each in verdicts}
    found = []
    for row in rows:
        each = by_take.get((row.id, row.number))
        found.append(replace(row, verdict=each.verdict, note=each.note) if each and row.take else row)
    return found
