"""The result list of a work list, one entry for each take, in a file beside the list; and the verdicts on the takes.

The format of both is a contract (docs/batch.md): the report reads the one and writes the other.
"""

from __future__ import annotations

import glob
import json
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
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
    """A take of a row, from this run or an earlier one.

    Attributes:
        entry: its manifest entry.
        job: id of its job in this machine's ledger, None if another machine generated it.
        seconds: time from the start of generation to the finished take.
        mix: the mix that its picture was laid with, as a manifest has it; empty if there is none.
    """

    entry: Mapping[str, Any]
    job: int | None = None
    seconds: float | None = None
    laid: bool = False
    verdict: str = ""
    note: str = ""
    mix: Mapping[str, Any] = field(default_factory=dict)


def results_path(worklist: WorkList, shard: tuple[int, int] | None = None) -> Path:
    """Return the path of a list's results, or of one of its shards'."""
    part = "" if shard is None else f".{shard[0]}of{shard[1]}"
    return worklist.path.with_name(f"{worklist.stem}{part}.tracklay.results.json")


def shard_results(worklist: WorkList) -> list[Path]:
    """Return the results of shards beside a list."""
    return sorted(worklist.path.parent.glob(f"{glob.escape(worklist.stem)}.*of*.tracklay.results.json"))


def existing_results(worklist: WorkList) -> list[Path]:
    """Return the results beside a list: the whole list's, if there are any, then those of shards."""
    whole = results_path(worklist)
    return [*([whole] if whole.exists() else []), *shard_results(worklist)]


def _make_entry(worklist: WorkList, row: WorkListRow, state: ResultState, **fields: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "cue": row.cue,
        "picture": row.picture_name,
        "folder": relative_path(row.folder, worklist.path.parent),
        "model": row.model,
        "state": state,
        "error": "",
        "code": "",
        "kind": "",
        "take": None,
        "jobs": [],
        "seconds": None,
        "verdict": "",
        "note": "",
        "digest": row.digest,
        "mix": None,
        **fields,
    }


def take_entry(
    worklist: WorkList, row: WorkListRow, take: ProducedTake, error: str = "", kind: str = "", code: str = ""
) -> dict[str, Any]:
    """Return the entry of a take; with an error if it was generated and could not be laid."""
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
        mix=dict(take.mix) or None,
    )


def failed_entry(
    worklist: WorkList,
    row: WorkListRow,
    error: TracklayError,
    job: int | None,
    describe: Callable[[TracklayError], str] = str,
) -> dict[str, Any]:
    """Return the entry of a take that was not generated."""
    state: ResultState = (
        "unclear" if error.kind == "unclear" else "cancelled" if error.kind == "cancelled" else "failed"
    )
    known = {"error": describe(error), "kind": error.kind, "code": error.code}
    return _make_entry(worklist, row, state, **known, jobs=[] if job is None else [job])


def waiting_entry(worklist: WorkList, row: WorkListRow) -> dict[str, Any]:
    """Return the entry of a row that was not started."""
    return _make_entry(worklist, row, "waiting")


class ResultSpool:
    """Holds entries in a temporary file until they are written in the list's order: a long list does not fit into memory."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._offsets: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, entry: Mapping[str, Any]) -> None:
        """Append an entry."""
        data = json.dumps(entry, ensure_ascii=False).encode()
        self._offsets[entry["id"]].append((self._file.seek(0, 2), len(data)))
        self._file.write(data)

    def entries(self, row: str) -> list[str]:
        """Return a row's entries as JSON."""
        found = []
        for place, length in self._offsets.get(row, []):
            self._file.seek(place)
            found.append(self._file.read(length).decode())
        return found


class PriorResults:
    """Entries of earlier result lists, kept as JSON text. Of a take in several lists the last entry counts: it has the newest verdict.

    Raises:
        InvalidInput: a file is not a result list.
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
        """Return the takes of a row with its present digest."""
        found = [json.loads(text) for text in self._takes.get((row.id, row.digest), {}).values()]
        return [
            ProducedTake(
                entry["take"],
                None,
                entry.get("seconds"),
                entry.get("state") == "laid",
                str(entry.get("verdict") or ""),
                str(entry.get("note") or ""),
                mix if isinstance(mix := entry.get("mix"), dict) else {},
            )
            for entry in found
        ]

    def failures(self, row: WorkListRow) -> list[dict[str, Any]]:
        """Return a row's entries of failed takes."""
        return [json.loads(text) for text in self._failures.get((row.id, row.digest), ())]

    def entries(self, row: WorkListRow) -> list[str]:
        """Return all of a row's entries as JSON."""
        key = row.id, row.digest
        return [*self._takes.get(key, {}).values(), *self._failures.get(key, ())]


def write_results(
    worklist: WorkList, rows: Iterable[WorkListRow], spool: ResultSpool, prior_results: PriorResults, to: Path
) -> None:
    """Write the results in the rows' order, one entry on each line. A row that was not started keeps its earlier entries.

    Raises:
        OutputError: the file cannot be written.
    """
    lines = (
        entry
        for row in rows
        for entry in (
            spool.entries(row.id)
            or prior_results.entries(row)
            or [json.dumps(waiting_entry(worklist, row), ensure_ascii=False)]
        )
    )
    _write_lines(lines, to)


def update_results(worklist: WorkList, rows: Iterable[WorkListRow], spool: ResultSpool) -> Path:
    """Replace the entries of some rows in the result list beside a work list, or in that of their shard, and return its path.

    All other entries stay as they are.

    Raises:
        InvalidInput: the file is something else.
        OutputError: it cannot be written.
    """
    rows = list(rows)
    known = {row.id for row in rows}
    for path in existing_results(worklist):
        entries = read_results(path)["rows"]
        if known.isdisjoint(entry["id"] for entry in entries):
            continue
        pending = {row.id: spool.entries(row.id) for row in rows}
        lines: list[str] = []
        for entry in entries:
            if entry["id"] not in known:
                lines.append(json.dumps(entry, ensure_ascii=False))
            else:
                lines += pending.pop(entry["id"], ())
        _write_lines(lines, path)
        return path
    path = results_path(worklist)
    write_results(worklist, rows, spool, PriorResults(), path)
    return path


def _write_lines(lines: Iterable[str], to: Path) -> None:
    """Write a result list, one entry on each line."""
    with atomic_write(to) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'{{"tracklay": {json.dumps(VERSION)}, "rows": [')
        separator = "\n"
        for line in lines:
            file.write(f"{separator}{line}")
            separator = ",\n"
        file.write("\n]}\n")


def read_results(path: Path) -> dict[str, Any]:
    """Return the content of a result list.

    Raises:
        InvalidInput: the file is something else.
    """
    content = read_json(path)
    rows = content.get("rows") if isinstance(content, dict) else None
    if (
        not isinstance(content, dict)
        or "tracklay" not in content
        or not isinstance(rows, list)
        or not all(isinstance(row, dict) and isinstance(row.get("id"), str) for row in rows)
    ):
        raise InvalidInput(
            "results.invalid", "Not a result list of Tracklay: {path}. Name another file, or move it away.", path=path
        )
    return content


def read_worklist_verdicts(path: Path, worklist: WorkList) -> dict[tuple[str, int], tuple[str, str]]:
    """Return the verdicts of a file: (row, take) to (verdict, note).

    Raises:
        InvalidInput: the file is something else, or has rows that the list does not have.
    """
    from ..report import read_verdicts  # noqa: PLC0415 - slow to import, and needed only with verdicts

    known = {row.id for row in worklist.rows}
    found = {}
    for number, verdict in enumerate(read_verdicts(path), 1):
        if verdict.row not in known:
            error = InvalidInput(
                "verdicts.unknown_row",
                "{worklist} has no row {row!r}. The verdicts belong to another list.",
                worklist=worklist.path.name,
                row=verdict.row,
            )
            raise error.prefix_with(f"{path.name}, verdict {number}")
        found[verdict.row, verdict.take] = verdict.verdict, verdict.note
    return found
