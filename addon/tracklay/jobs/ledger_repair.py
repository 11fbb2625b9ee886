"""Saves what can be read of a damaged ledger into a new one. The damaged file is kept beside it."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..atomic_io import temp_dir
from ..errors import InvalidInput, LedgerError
from ..untrusted_data import clean_json, clean_text
from . import ledger_schema
from .job_spec import JobSpec
from .ledger import BOOLEAN_COLUMNS, JSON_COLUMNS, Job, Ledger
from .process_lock import live_process_ids
from .states import STATE_DESCRIPTIONS

SIDE_FILES = ("", "-wal", "-shm")
"""Endings of SQLite's files: the database, its write-ahead log, and the index of that."""

MAX_GAP = 10_000
"""Job numbers in a row without a readable row, after which no further are tried."""

OPTIONAL_COLUMNS = ("submission", "job_handle", "output", "error")
"""JSON columns that a job can do without, if they are damaged."""

RESET_MESSAGE = "Its record in the ledger was damaged. It may have been charged."


@dataclass(frozen=True, slots=True)
class RepairResult:
    """Result of a repair.

    Attributes:
        saved: number of jobs in the new ledger.
        lost: what is known of each job that could not be saved: number, provider, request, cost.
        kept: path of the damaged ledger; None if the ledger is intact and nothing was done.
    """

    saved: int
    lost: tuple[Mapping[str, Any], ...]
    kept: Path | None


def repair_ledger() -> RepairResult:
    """Replace a damaged ledger by a new one with every job that can be read.

    A job whose state is unknown or lacks a column becomes `unclear` if a request may have been sent, else `failed`.

    Raises:
        InvalidInput: there is no ledger, or a process is using it.
        LedgerError: nothing can be read, or the file is not a ledger of this version.
        OutputError: the new ledger cannot be written.
    """
    path = ledger_schema.ledger_path()
    if not path.exists():
        raise InvalidInput("ledger.none", "There is no job ledger: {path}.", path=path)
    if live_process_ids():
        raise InvalidInput("ledger.in_use", "A process of Tracklay is running. Close Blender and other commands first.")
    with contextlib.suppress(LedgerError):
        return RepairResult(_count_intact_jobs(path), (), None)
    with temp_dir(path.parent) as work:
        # A copy: reading may already write to the file, or to its log.
        for ending in SIDE_FILES:
            with contextlib.suppress(OSError):
                shutil.copyfile(f"{path}{ending}", work / f"damaged.sqlite3{ending}")
        try:
            rows, caps = _read_damaged(work / "damaged.sqlite3", path)
        except LedgerError as error:
            if error.code != "ledger.damaged":
                raise
            rows = []
        if not rows:
            raise LedgerError(
                "ledger.nothing_to_save",
                "No job can be read from the ledger {path}. Restore it from a backup, or move it away to start a new one.",
                path=path,
            )
        new = work / "ledger.sqlite3"
        ledger_schema.connect_ledger(new).close()
        saved, lost = _write_jobs(new, rows, caps)
        kept = path.with_name(f"{path.stem}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}{path.suffix}")
        for ending in SIDE_FILES:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{path}{ending}").rename(f"{kept}{ending}")
        new.rename(path)
    if lost:
        kept.with_suffix(".lost.json").write_text(json.dumps(lost, indent=2), "utf-8")
    return RepairResult(saved, tuple(lost), kept)


def _count_intact_jobs(path: Path) -> int:
    """Return the number of jobs; each is read in full.

    Raises:
        LedgerError: something is damaged.
    """
    ledger = Ledger(path)
    try:
        if not ledger.is_intact():
            raise ledger_schema.damaged_ledger(path, "integrity check")
        jobs = ledger.all_jobs()
        for job in jobs:
            JobSpec.cue_from_dict(job.plan)
        return len(jobs)
    finally:
        ledger.close()


def _read_damaged(copy: Path, path: Path) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Return the rows of the jobs that can be read, and the caps."""
    with (
        ledger_schema.translated_errors(path),
        contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as connection,
    ):
        connection.row_factory = sqlite3.Row
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        # Before anything is read: a damaged schema can still hold readable tables, and a file that was cut off is opened only so.
        connection.execute("PRAGMA writable_schema = ON")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        ledger_schema.check_header(path, connection.execute("PRAGMA application_id").fetchone()[0], version)
        if version < len(ledger_schema.MIGRATIONS):
            ledger_schema.run_migrations(connection, version)
        rows = list(_read_rows(connection))
        caps: list[tuple[str, str]] = []
        with contextlib.suppress(sqlite3.Error):
            caps += [(str(row[0]), str(row[1])) for row in connection.execute("SELECT scope, amount FROM caps")]
        return rows, caps


def _read_rows(connection: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """Yield each readable row of the jobs, by number: a damaged page hides its own rows and no others."""
    last = 0
    with contextlib.suppress(sqlite3.Error):
        last = int(connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'").fetchone()[0])
    number, gap = 0, 0
    while number < last or gap < MAX_GAP:
        number += 1
        gap += 1
        try:
            row = connection.execute("SELECT * FROM jobs WHERE id = ?", (number,)).fetchone()
        except sqlite3.Error:
            continue
        if row is not None:
            gap = 0
            yield dict(row)


def _write_jobs(
    new: Path, rows: list[dict[str, Any]], caps: list[tuple[str, str]]
) -> tuple[int, list[Mapping[str, Any]]]:
    """Write rows and caps into a new ledger; return the number of saved jobs, and what is known of the others."""
    saved, lost = 0, list[Mapping[str, Any]]()
    # Not through `Ledger`: its triggers allow new jobs in the state `planned` only.
    with (
        ledger_schema.translated_errors(new),
        contextlib.closing(sqlite3.connect(new, isolation_level=None)) as connection,
    ):
        connection.execute("BEGIN")
        for row in rows:
            try:
                fixed = _fix_row(row)
                marks = ", ".join("?" * len(fixed))
                connection.execute(
                    f"INSERT INTO jobs ({', '.join(fixed)}) VALUES ({marks})",  # noqa: S608 - names of our own columns
                    list(fixed.values()),
                )
                saved += 1
            except (LedgerError, sqlite3.Error, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
                lost.append(_describe_lost(row, error))
        connection.execute(f"INSERT INTO cost_groups {ledger_schema.COUNTED_COSTS_SQL}")
        for scope, amount in caps:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("INSERT INTO caps VALUES (?, ?)", (scope, amount))
        connection.execute("COMMIT")
    return saved, lost


def _fix_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row that every command can read.

    Raises:
        LedgerError, ValueError, TypeError, KeyError, AttributeError, IndexError: its plan cannot be read.
    """
    values = {name: row[name] for name in Job.__slots__ if name in row}
    parsed = dict(values)
    for name in JSON_COLUMNS:
        try:
            parsed[name] = None if values[name] is None else clean_json(json.loads(values[name]))
        except (ValueError, TypeError, RecursionError):
            if name not in (*OPTIONAL_COLUMNS, "takes"):
                raise
            parsed[name] = [] if name == "takes" else None
    for name in (*OPTIONAL_COLUMNS, "takes"):
        try:
            ledger_schema.check_row(
                {**parsed, "state": "planned", **dict.fromkeys(OPTIONAL_COLUMNS), "takes": [], name: parsed[name]}
            )
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            parsed[name] = [] if name == "takes" else None
    JobSpec.cue_from_dict(parsed["plan"])
    may_be_charged = parsed["submission"] is not None or bool(values.get("request"))
    needed = ledger_schema.STATE_COLUMNS.get(parsed["state"], ())
    if parsed["state"] not in STATE_DESCRIPTIONS or any(parsed[name] is None for name in needed):
        parsed |= {
            "state": "unclear" if parsed["submission"] is not None else "failed",
            "kind": "failed",
            "message": RESET_MESSAGE if may_be_charged else "Its record in the ledger was damaged. Generate it again.",
            "error": None,
        }
    parsed["owner"] = None
    ledger_schema.check_row(parsed)
    for name in JSON_COLUMNS:
        parsed[name] = None if parsed[name] is None else json.dumps(parsed[name], ensure_ascii=False)
    for name in BOOLEAN_COLUMNS:
        parsed[name] = int(bool(parsed[name]))
    return {name: clean_text(value) if isinstance(value, str) else value for name, value in parsed.items()}


def _describe_lost(row: Mapping[str, Any], error: Exception) -> dict[str, Any]:
    names = ("id", "state", "provider", "model", "request", "currency", "cost", "estimate", "submitted_at", "project")
    found = {name: row[name] if isinstance(row.get(name), str | int) else None for name in names}
    return {**found, "reason": f"{type(error).__name__}: {error}"}
