"""What came of a work list: one entry a take, in a file beside the list; and the verdicts that a person gave on them.

The shape of both is a contract (docs/batch.md): the report reads the one and writes the other.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from ..atomic_io import atomic_write, read_json
from ..errors import InvalidInput
from ..version import VERSION
from .worklist import relative_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from ..errors import TracklayError
    from .worklist import WorkList, WorkListRow

ResultState = Literal["laid", "ready", "failed", "unclear", "cancelled", "waiting"]


@dataclass(frozen=True, slots=True)
class ProducedTake:
    """A take of a row that was made, now or before. `entry` is the manifest's; `seconds` how long it was in the making.

    `job` is its row in this machine's ledger, None where it was made by another's.
    """

    entry: Mapping[str, Any]
    job: int | None = None
    seconds: float | None = None
    laid: bool = False
    verdict: str = ""
    note: str = ""


def results_path(worklist: WorkList, shard: tuple[int, int] | None = None) -> Path:
    """Where the results of a list are, or those of one of its shards."""
    part = "" if shard is None else f".{shard[0]}of{shard[1]}"
    return worklist.path.with_name(f"{worklist.stem}{part}.tracklay.results.json")


def _make_entry(worklist: WorkList, row: WorkListRow, state: ResultState, **fields: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "cue": row.cue,
        "picture": row.picture_name,
        "folder": relative_path(row.folder, worklist.path.parent),
        "model": row.model,
        "state": state,
        "error": "",
        "kind": "",
        "code": "",
        "take": None,
        "jobs": [],
        "seconds": None,
        "verdict": "",
        "note": "",
        "digest": row.digest,
        **fields,
    }


def take_entry(
    worklist: WorkList, row: WorkListRow, take: ProducedTake, error: str = "", kind: str = "", code: str = ""
) -> dict[str, Any]:
    """The entry of a take; with an error where it was made and could not be laid."""
    return _make_entry(
        worklist,
        row,
        "laid" if take.laid else "ready",
        take=take.entry,
        jobs=[] if take.job is None else [take.job],
        seconds=None if take.seconds is None else round(take.seconds, 3),
        verdict=take.verdict,
        note=take.note,
        error=error,
        kind=kind,
        code=code,
    )


def failed_entry(
    worklist: WorkList,
    row: WorkListRow,
    error: TracklayError,
    job: int | None,
    describe: Callable[[TracklayError], str] = str,
) -> dict[str, Any]:
    """The entry of a take that did not come to be."""
    state: ResultState = (
        "unclear" if error.kind == "unclear" else "cancelled" if error.kind == "cancelled" else "failed"
    )
    known = {"error": describe(error), "kind": error.kind, "code": error.code}
    return _make_entry(worklist, row, state, **known, jobs=[] if job is None else [job])


def waiting_entry(worklist: WorkList, row: WorkListRow) -> dict[str, Any]:
    """The entry of a row that was not come to."""
    return _make_entry(worklist, row, "waiting")


class ResultSpool:
    """Entries as they come, on disk and not in memory, until they are written in the list's order."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it is this one's for as long as it lives
        self._offsets: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)

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
        self._offsets[entry["id"]].append((self._file.seek(0, 2), len(held)))
        self._file.write(held)

    def entries(self, row: str) -> list[str]:
        """A row's entries, as JSON."""
        found = []
        for place, length in self._offsets.get(row, []):
            self._file.seek(place)
            found.append(self._file.read(length).decode())
        return found


class PriorResults:
    """What result lists of before tell of rows, as text: of a take what the last of them says, for it may have been judged since.

    Raises:
        BadInput: a file is no result list.
    """

    def __init__(self, files: Iterable[Path] = ()) -> None:
        self._takes: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        self._failures: dict[tuple[str, str], list[str]] = {}
        for file in files:
            failures: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
            for entry in read_results(file)["rows"]:
                row, take = (entry["id"], str(entry.get("digest"))), entry.get("take")
                if isinstance(take, dict):
                    self._takes[row][str(take["file"])] = json.dumps(entry, ensure_ascii=False)
                elif entry.get("error"):
                    failures[row].append(json.dumps(entry, ensure_ascii=False))
            self._failures.update(failures)

    def takes(self, row: WorkListRow) -> list[ProducedTake]:
        """The takes of a row as it stands in the list now."""
        held = [json.loads(text) for text in self._takes.get((row.id, row.digest), {}).values()]
        return [
            ProducedTake(
                entry["take"],
                None,
                entry.get("seconds"),
                entry.get("state") == "laid",
                str(entry.get("verdict") or ""),
                str(entry.get("note") or ""),
            )
            for entry in held
        ]

    def failures(self, row: WorkListRow) -> list[dict[str, Any]]:
        """The entries of those of its takes that came to nothing."""
        return [json.loads(text) for text in self._failures.get((row.id, row.digest), ())]

    def entries(self, row: WorkListRow) -> list[str]:
        """All of a row's entries, as JSON."""
        key = row.id, row.digest
        return [*self._takes.get(key, {}).values(), *self._failures.get(key, ())]


def write_results(
    worklist: WorkList, rows: Iterable[WorkListRow], spool: ResultSpool, prior_results: PriorResults, to: Path
) -> None:
    """Write the results: whole, in the rows' order, an entry a line. Of a row that was not come to, what was known of it stays.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_write(to) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'{{"tracklay": {json.dumps(VERSION)}, "rows": [')
        mark = "\n"
        for row in rows:
            for held in (
                spool.entries(row.id)
                or prior_results.entries(row)
                or [json.dumps(waiting_entry(worklist, row), ensure_ascii=False)]
            ):
                file.write(f"{mark}{held}")
                mark = ",\n"
        file.write("\n]}\n")


def read_results(path: Path) -> dict[str, Any]:
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
        raise InvalidInput(f"{path} is no result list of Tracklay's: name another file, or move it away")
    return held


def read_worklist_verdicts(path: Path, worklist: WorkList) -> dict[tuple[str, int], tuple[str, str]]:
    """What a person decided: (row, take) to (verdict, note).

    Raises:
        BadInput: the file is something else, or speaks of rows that the list does not have.
    """
    from ..report import read_verdicts  # noqa: PLC0415 - a run without verdicts needs no page

    known = {row.id for row in worklist.rows}
    found = {}
    for number, each in enumerate(read_verdicts(path), 1):
        if each.row not in known:
            raise InvalidInput(
                f"{path.name}, verdict {number}: {worklist.path.name} has no row {each.row!r}: name the list that the report is of"
            )
        found[each.row, each.take] = each.verdict, each.note
    return found
