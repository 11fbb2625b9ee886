"""What came of a work list: one entry a take, in a file beside the list; and the verdicts that a person gave on them.

The shape of both is a contract (docs/batch.md): the report reads the one and writes the other.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from ..errors import BadInput
from ..paths import read_json, whole
from ..version import VERSION
from .worklist import relative

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from ..errors import TracklayError
    from .worklist import Row, WorkList

State = Literal["laid", "ready", "failed", "unclear", "cancelled", "waiting"]


@dataclass(frozen=True, slots=True)
class Made:
    """A take of a row that was made, now or before. `entry` is the manifest's; `seconds` how long it was in the making.

    `job` is its row in this machine's ledger, None where it was made by another's.
    """

    entry: Mapping[str, Any]
    job: int | None = None
    seconds: float | None = None
    laid: bool = False
    verdict: str = ""
    note: str = ""


def path_of(work: WorkList, shard: tuple[int, int] | None = None) -> Path:
    """Where the results of a list are, or those of one of its shards."""
    part = "" if shard is None else f".{shard[0]}of{shard[1]}"
    return work.path.with_name(f"{work.stem}{part}.tracklay.results.json")


def _entry(work: WorkList, row: Row, state: State, **more: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "cue": row.cue,
        "picture": row.named,
        "folder": relative(row.folder, work.path.parent),
        "model": row.model,
        "state": state,
        "error": "",
        "kind": "",
        "take": None,
        "jobs": [],
        "seconds": None,
        "verdict": "",
        "note": "",
        "digest": row.digest,
        **more,
    }


def entry_of(work: WorkList, row: Row, made: Made, error: str = "", kind: str = "") -> dict[str, Any]:
    """The entry of a take; with an error where it was made and could not be laid."""
    return _entry(
        work,
        row,
        "laid" if made.laid else "ready",
        take=made.entry,
        jobs=[] if made.job is None else [made.job],
        seconds=None if made.seconds is None else round(made.seconds, 3),
        verdict=made.verdict,
        note=made.note,
        error=error,
        kind=kind,
    )


def failed(work: WorkList, row: Row, error: TracklayError, job: int | None) -> dict[str, Any]:
    """The entry of a take that did not come to be."""
    state: State = "unclear" if error.kind == "unclear" else "cancelled" if error.kind == "cancelled" else "failed"
    return _entry(work, row, state, error=str(error), kind=error.kind, jobs=[] if job is None else [job])


def waiting(work: WorkList, row: Row) -> dict[str, Any]:
    """The entry of a row that was not come to."""
    return _entry(work, row, "waiting")


class Spool:
    """Entries as they come, on disk and not in memory, until they are written in the list's order."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it is this one's for as long as it lives
        self._places: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Throw it away."""
        self._file.close()

    def add(self, entry: Mapping[str, Any]) -> None:
        """Take an entry in."""
        held = json.dumps(entry, ensure_ascii=False).encode()
        self._places[entry["id"]].append((self._file.seek(0, 2), len(held)))
        self._file.write(held)

    def of(self, row: str) -> list[str]:
        """A row's entries, as JSON."""
        found = []
        for place, length in self._places.get(row, []):
            self._file.seek(place)
            found.append(self._file.read(length).decode())
        return found


class Known:
    """What result lists of before tell of rows, as text: of a take what the last of them says, for it may have been judged since.

    Raises:
        BadInput: a file is no result list.
    """

    def __init__(self, files: Iterable[Path] = ()) -> None:
        self._takes: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        self._failures: dict[tuple[str, str], list[str]] = {}
        for file in files:
            failures: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
            for entry in read(file)["rows"]:
                row, take = (entry["id"], str(entry.get("digest"))), entry.get("take")
                if isinstance(take, dict):
                    self._takes[row][str(take["file"])] = json.dumps(entry, ensure_ascii=False)
                elif entry.get("error"):
                    failures[row].append(json.dumps(entry, ensure_ascii=False))
            self._failures.update(failures)

    def takes(self, row: Row) -> list[Made]:
        """The takes of a row as it stands in the list now."""
        held = [json.loads(text) for text in self._takes.get((row.id, row.digest), {}).values()]
        return [
            Made(
                entry["take"],
                None,
                entry.get("seconds"),
                entry.get("state") == "laid",
                str(entry.get("verdict") or ""),
                str(entry.get("note") or ""),
            )
            for entry in held
        ]

    def failures(self, row: Row) -> list[dict[str, Any]]:
        """The entries of those of its takes that came to nothing."""
        return [json.loads(text) for text in self._failures.get((row.id, row.digest), ())]

    def entries(self, row: Row) -> list[str]:
        """All of a row's entries, as JSON."""
        key = row.id, row.digest
        return [*self._takes.get(key, {}).values(), *self._failures.get(key, ())]


def write(work: WorkList, rows: Iterable[Row], spool: Spool, known: Known, to: Path) -> None:
    """Write the results: whole, in the rows' order, an entry a line. Of a row that was not come to, what was known of it stays.

    Raises:
        OutputError: it cannot be written.
    """
    with whole(to) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'{{"tracklay": {json.dumps(VERSION)}, "rows": [')
        mark = "\n"
        for row in rows:
            for held in spool.of(row.id) or known.entries(row) or [json.dumps(waiting(work, row), ensure_ascii=False)]:
                file.write(f"{mark}{held}")
                mark = ",\n"
        file.write("\n]}\n")


def read(path: Path) -> dict[str, Any]:
    """Results of ours.

    Raises:
        BadInput: the file is something else.
    """
    held = read_json(path)
    rows = held.get("rows") if isinstance(held, dict) else None
    if (
        not isinstance(held, dict)
        or "tracklay" not in held
        or not isinstance(rows, list)
        or not all(isinstance(row, dict) and isinstance(row.get("id"), str) for row in rows)
    ):
        raise BadInput(f"{path} is no result list of Tracklay's: name another file, or move it away")
    return held


def verdicts(path: Path, work: WorkList) -> dict[tuple[str, int], tuple[str, str]]:
    """What a person decided: (row, take) to (verdict, note).

    Raises:
        BadInput: the file is something else, or speaks of rows that the list does not have.
    """
    from ..report import read_verdicts  # noqa: PLC0415 - a run without verdicts needs no page

    known = {row.id for row in work.rows}
    found = {}
    for number, each in enumerate(read_verdicts(path), 1):
        if each.row not in known:
            raise BadInput(
                f"{path.name}, verdict {number}: {work.path.name} has no row {each.row!r}: name the list that the report is of"
            )
        found[each.row, each.take] = each.verdict, each.note
    return found
