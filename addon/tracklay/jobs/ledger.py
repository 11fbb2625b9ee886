"""The ledger: one row for each job, which outlives the process, and every operation on it. It runs nothing.

Calls are short and blocking; several calls inside `transaction` take effect together or not at all. A submission and a job handle
hold no API keys, so the ledger never does.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3  # noqa: TC003 - the type of a row
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, LedgerError
from ..untrusted_data import clean_json, clean_text
from . import ledger_schema
from .states import FINAL_STATES

if TYPE_CHECKING:
    from .states import JobState

_logger = logging.getLogger("tracklay.jobs")

JSON_COLUMNS = frozenset({"plan", "submission", "job_handle", "output", "takes", "error"})
"""Columns that hold JSON text."""

BOOLEAN_COLUMNS = ("cancel_requested", "hidden", "cost_confirmed")
"""Columns that hold 0 or 1."""

UPDATABLE_COLUMNS = JSON_COLUMNS | {
    "source",
    "proxy_key",
    "content_key",
    "request",
    "currency",
    "estimate",
    "cost",
    "cost_confirmed",
    "compute_seconds",
    "kind",
    "message",
    "submitted_at",
    "run",
    "owner",
    "cancel_requested",
    "hidden",
    "cue",
    "take_index",
    "target",
}
"""Columns that `transition` and `update` may set. The names of their keyword arguments go into the SQL text, so only these pass."""

MAX_SQL_VARIABLES = 500
"""Values bound in one statement; older SQLite builds allow 999."""

OPEN_JOBS_SQL = "state NOT IN ('laid', 'failed', 'cancelled')"
"""Condition for jobs that are not finished. It matches the partial index `jobs_open`, literally, so that SQLite uses it."""


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the ledger. The fields are the columns.

    Attributes:
        run: ID of the scheduler run that the job belongs to; `owner`: lock token of the process that runs it, None if no process does.
        cancel_requested: another process wants the job cancelled; `hidden`: the user discarded it, `tracklay jobs` does not list it.
        project: folder of the takes, which costs are summed by; `cue`: ID of the cue; `take_index`: counts the cue's takes from 0.
        plan: the job spec as `JobSpec.to_dict` returns it, and `after_number`: the takes of this job get higher numbers.
        request_key: hash of the request and where its takes go; it finds an interrupted job when the user asks again.
        content_key: hash of everything that determines the sound (picture content, model, parameters, prompt, seed).
        proxy_key: name of the proxy in the artifact store; `source`: SHA-256 of the source; `target`: file that laying writes.
        submission, job_handle: what is sent to the provider, and what it answered, as `to_dict` returns them.
        request: the provider's ID of the request; `output`: metadata of the stored output; `takes`: one claim for each take.
        currency, estimate, cost: decimal text. `cost_confirmed`: the provider reported the cost. `compute_seconds`: what it charged for, of
            a model that is billed by them.
        kind, message, error: the error's `kind`, its English text, and the error as `TracklayError.to_dict` returns it.
        created_at, submitted_at, updated_at: UTC, ISO 8601.
        parent: of a part of a longer cue, the number of the job that joins it; None for every other job.
    """

    id: int
    state: JobState
    run: str
    owner: str | None
    cancel_requested: bool
    hidden: bool
    project: str
    cue: str
    take_index: int
    model: str
    provider: str
    seed: int
    plan: Mapping[str, Any]
    request_key: str
    source: str | None
    proxy_key: str | None
    content_key: str | None
    submission: Mapping[str, Any] | None
    job_handle: Mapping[str, Any] | None
    request: str | None
    output: Mapping[str, Any] | None
    takes: Sequence[Mapping[str, Any]]
    target: str | None
    currency: str | None
    estimate: str | None
    cost: str | None
    cost_confirmed: bool
    compute_seconds: float | None
    kind: str
    message: str
    created_at: str
    submitted_at: str | None
    updated_at: str
    error: Mapping[str, Any] | None
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class NewJob:
    """The columns that a new job is inserted with."""

    run: str
    project: str
    cue: str
    take_index: int
    model: str
    provider: str
    seed: int
    plan: Mapping[str, Any]
    request_key: str
    parent: int | None = None


def utc_timestamp() -> str:
    """Return the current time as the ledger stores it. It is for display only: clocks jump, so no decision depends on one."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Ledger:
    """An open ledger. Only one thread at a time may use it."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the ledger; raises as `ledger_schema.connect_ledger`."""
        self.path = path or ledger_schema.ledger_path()
        self._connection = ledger_schema.connect_ledger(self.path)

    def close(self) -> None:
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything in the block together, or nothing of it. Other processes wait to write until it ends.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        with ledger_schema.translated_errors(self.path):
            # IMMEDIATE takes the write lock now. A transaction that starts by reading and then writes could find that
            # another process has written in between, and SQLite would refuse it.
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo only this block of a transaction if it fails."""
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO part")
                self._connection.execute("RELEASE part")
            raise
        self._connection.execute("RELEASE part")

    def raise_if_rolled_back(self, error: Exception) -> None:
        """Raise an error again if SQLite has rolled back the whole transaction because of it, as it does on a full disk."""
        if not self._connection.in_transaction:
            raise error

    def _select_jobs(self, sql: str, *values: Any) -> list[Job]:
        with ledger_schema.translated_errors(self.path):
            return [job_from_row(row, self.path) for row in self._connection.execute(sql, values)]

    def select_values(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Return the rows of a query that only reads."""
        with ledger_schema.translated_errors(self.path):
            return self._connection.execute(sql, values).fetchall()

    def _execute(self, sql: str, *values: Any) -> int:
        with ledger_schema.translated_errors(self.path):
            return self._connection.execute(sql, values).rowcount

    def get_job(self, job_id: int) -> Job:
        """Return a job.

        Raises:
            InvalidInput: no job has that number.
        """
        found = self._select_jobs("SELECT * FROM jobs WHERE id = ?", job_id)
        if not found:
            raise InvalidInput("job.not_found", "No such job: {job}.", job=job_id)
        return found[0]

    def add_jobs(self, new_jobs: Iterable[NewJob], owner: str) -> list[int]:
        """Insert new jobs in the state `planned` and return their numbers."""
        numbers = []
        for new_job in new_jobs:
            values = {name: getattr(new_job, name) for name in NewJob.__slots__}
            moment = utc_timestamp()
            row = {
                **values,
                "plan": _to_json(new_job.plan),
                "state": "planned",
                "owner": owner,
                "created_at": moment,
                "updated_at": moment,
            }
            with ledger_schema.translated_errors(self.path):
                done = self._connection.execute(
                    f"INSERT INTO jobs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608 - our own names
                    list(row.values()),
                )
            numbers.append(int(done.lastrowid or 0))
        return numbers

    def transition(self, job: Job, new_state: JobState, /, **fields: Any) -> Job:
        """Move a job to another state, set columns with it, and return the new row. A finished job has no owner.

        Raises:
            LedgerError: the job has changed since `job` was read, or the table has no such transition.
        """
        if new_state in FINAL_STATES:
            fields["owner"] = None
        # Compare and swap: the condition holds only if the row still is as the caller read it.
        moved = self._update_columns(
            job.id, {**fields, "state": new_state}, "AND state = ? AND owner IS ?", job.state, job.owner
        )
        if not moved:
            raise LedgerError("job.taken_over", "Another process is running job {job}.", job=job.id)
        _logger.info("job %d: %s -> %s", job.id, job.state, new_state)
        return self.get_job(job.id)

    def update(self, job: Job, /, **fields: Any) -> Job:
        """Set columns of a job, keep its state, and return the new row."""
        # No compare-and-swap on the owner, unlike `transition`: another process may request a cancellation, and an owner's own writes
        # never race with each other.
        self._update_columns(job.id, fields, "")
        return self.get_job(job.id)

    def _update_columns(self, job_id: int, fields: Mapping[str, Any], condition: str, *condition_values: Any) -> int:
        unknown = fields.keys() - UPDATABLE_COLUMNS - {"state"}
        if unknown:
            raise ValueError(f"no such columns: {unknown}")
        values = {
            name: _to_json(value)
            if name in JSON_COLUMNS and value is not None
            else clean_text(value)
            if isinstance(value, str)
            else value
            for name, value in fields.items()
        }
        values["updated_at"] = utc_timestamp()
        names = ", ".join(f"{name} = ?" for name in values)
        sql = f"UPDATE jobs SET {names} WHERE id = ? {condition}"  # noqa: S608 - the names are checked above
        return self._execute(sql, *values.values(), job_id, *condition_values)

    def find_by_request_key(self, request_key: str, excluded_owner: str) -> list[Job]:
        """Return the open jobs of the same request, except those of one owner, by take index."""
        condition = f"request_key = ? AND owner IS NOT ? AND {OPEN_JOBS_SQL}"
        sql = f"SELECT * FROM jobs WHERE {condition} ORDER BY take_index, id"  # noqa: S608
        return self._select_jobs(sql, request_key, excluded_owner)

    def open_job_ids(self, job_ids: Sequence[int] = ()) -> list[int]:
        """Return the numbers of all open jobs but parts, or of those among `job_ids` if any are given: a part's stands for its parent's."""
        wanted = {self.joining_job(job_id) for job_id in job_ids}
        rows = self.select_values(f"SELECT id FROM jobs WHERE {OPEN_JOBS_SQL} AND parent IS NULL ORDER BY +id")  # noqa: S608
        return [row[0] for row in rows if not wanted or row[0] in wanted]

    def parts_of(self, job_id: int) -> list[Job]:
        """Return the jobs of a cue's parts, hidden ones too, in the order in which they were added."""
        return self._select_jobs("SELECT * FROM jobs WHERE parent = ? ORDER BY id", job_id)

    def joining_job(self, job_id: int) -> int:
        """Return the number of the job that joins a part; of any other job its own."""
        rows = self.select_values("SELECT parent FROM jobs WHERE id = ? AND parent IS NOT NULL", job_id)
        return int(rows[0][0]) if rows else job_id

    def find_by_content_key(self, content_key: str) -> list[Job]:
        """Return the jobs with a stored output of this content key, the latest first."""
        return self._select_jobs(
            "SELECT * FROM jobs WHERE content_key = ? AND output IS NOT NULL AND NOT hidden ORDER BY id DESC",
            content_key,
        )

    def is_proxy_needed(self, proxy_key: str) -> bool:
        """Return whether an open job uses a proxy."""
        return self._has_open("proxy_key = ?", proxy_key)

    def is_timeline_copy_needed(self, copy: Path) -> bool:
        """Return whether an open job may still render from a copy of a timeline."""
        return self._has_open("plan -> 'cue' -> 'render' ->> 'copy' = ?", str(copy))

    def _has_open(self, condition: str, value: str) -> bool:
        """Return whether an open job meets a condition with one value."""
        with ledger_schema.translated_errors(self.path):
            sql = f"SELECT 1 FROM jobs WHERE {condition} AND {OPEN_JOBS_SQL} LIMIT 1"  # noqa: S608 - our own conditions
            return self._connection.execute(sql, (value,)).fetchone() is not None

    def collectable_outputs(self) -> list[Job]:
        """Return the laid jobs whose output can be made again at no cost, so that it need not be kept."""
        return self._select_jobs(f"SELECT * FROM jobs WHERE state = 'laid' AND {ledger_schema.KEEP_OUTPUT_SQL} = 0")  # noqa: S608

    def request_ids(self, provider: str) -> set[str]:
        """Return the IDs of all requests at a provider that belong to jobs."""
        sql = "SELECT request FROM jobs WHERE provider = ? AND request IS NOT NULL"
        return {row[0] for row in self.select_values(sql, provider)}

    def owner_projects(self) -> list[tuple[str, str]]:
        """Return (owner, takes folder) for each owner in the ledger, alive or not."""
        rows = self.select_values("SELECT DISTINCT owner, project FROM jobs WHERE owner IS NOT NULL")
        return [(row[0], row[1]) for row in rows]

    def jobs_of_cues(self, cues: Iterable[str]) -> list[Job]:
        """Return all jobs of cues, of every owner and in every state, except hidden ones and parts."""
        names = list(cues)
        found: list[Job] = []
        for start in range(0, len(names), MAX_SQL_VARIABLES):
            some = names[start : start + MAX_SQL_VARIABLES]
            sql = f"SELECT * FROM jobs WHERE cue IN ({', '.join('?' * len(some))}) AND NOT hidden AND parent IS NULL ORDER BY id"  # noqa: S608
            found += self._select_jobs(sql, *some)
        return found

    def hashes_of(self, names: Iterable[str]) -> dict[str, set[str]]:
        """Return the SHA-256 of every take and stem that was made with one of these file names, by file name."""
        found: dict[str, set[str]] = {name: set() for name in names}
        with ledger_schema.translated_errors(self.path):
            rows = self._connection.execute(
                "SELECT made.value ->> 'file', made.value ->> 'sha256' FROM jobs, json_each(jobs.takes) AS made "
                "UNION SELECT stem.key, stem.value FROM jobs, json_each(jobs.takes) AS made, "
                "json_each(made.value, '$.stem_hashes') AS stem"
            )
            for name, sha256 in rows:
                if name in found and sha256:
                    found[name].add(sha256)
        return found

    def has_open_target(self, target: str) -> bool:
        """Return whether an open job has this file recorded as its target."""
        return self._has_open("target = ?", target)

    def laid_jobs(self, run: str) -> list[Job]:
        """Return the laid jobs of a run."""
        return self._select_jobs(
            "SELECT * FROM jobs WHERE run = ? AND state = 'laid' AND parent IS NULL ORDER BY id", run
        )

    def owned_worklist_rows(self, run: str) -> list[tuple[str, str]]:
        """Return (row ID, owner) of the work list rows that have an owner; runs as in `finished_worklist_rows`."""
        sql = (
            "SELECT DISTINCT plan ->> '$.laying.row', owner FROM jobs "
            "WHERE owner IS NOT NULL AND run >= ? AND run < ? AND parent IS NULL"
        )
        return [(row[0], row[1]) for row in self.select_values(sql, run, run + "~")]

    def finished_worklist_rows(self, run: str) -> list[tuple[str, str, int, str]]:
        """Return (row ID, row digest, job number, state) of each `ready` or `laid` job of a work list, oldest first.

        All runs whose names start with `run` count: each shard of a list is a run of its own.
        """
        sql = (
            "SELECT plan ->> '$.laying.row', plan ->> '$.laying.digest', id, state FROM jobs "
            "WHERE run >= ? AND run < ? AND state IN ('ready', 'laid') AND NOT hidden AND parent IS NULL ORDER BY +id"
        )
        return [(row[0], row[1], row[2], row[3]) for row in self.select_values(sql, run, run + "~")]

    def job_of_take(self, project: str, file: str) -> Job | None:
        """Return the latest job that made a take of this name in a takes folder; None if there is none."""
        sql = "SELECT jobs.* FROM jobs, json_each(jobs.takes) AS made WHERE project = ? AND made.value ->> 'file' = ?"
        return next(iter(self._select_jobs(f"{sql} ORDER BY jobs.id DESC LIMIT 1", project, file)), None)

    def durations(self, model: str, limit: int) -> list[float]:
        """Return the seconds from submission to take of a model's latest jobs."""
        seconds = "(julianday(takes ->> '$[0].created') - julianday(submitted_at)) * 86400"
        condition = "model = ? AND submitted_at IS NOT NULL AND takes != '[]' ORDER BY id DESC LIMIT ?"
        rows = self.select_values(f"SELECT {seconds} FROM jobs WHERE {condition}", model, limit)  # noqa: S608
        return [max(0.0, row[0]) for row in rows if row[0] is not None]

    def claim_job(self, job_id: int, owner: str, previous_owner: str | None, **fields: Any) -> Job | None:
        """Make `owner` the owner of an open job; return None if another process claimed it first."""
        claimed = self._update_columns(
            job_id, {**fields, "owner": owner}, f"AND owner IS ? AND {OPEN_JOBS_SQL}", previous_owner
        )
        _logger.info("job %d: %s by %s", job_id, "claimed" if claimed else "already claimed, not taken", owner)
        return self.get_job(job_id) if claimed else None

    def release_jobs(self, owner: str, *job_ids: int) -> None:
        """Remove the owner from its jobs, or from some of them, so that another process can resume them."""
        condition = f" AND id IN ({', '.join('?' * len(job_ids))})" if job_ids else ""
        self._execute(f"UPDATE jobs SET owner = NULL WHERE owner = ?{condition}", owner, *job_ids)  # noqa: S608

    def cancel_requests(self, owner: str) -> list[int]:
        """Return the numbers of an owner's open jobs that another process wants cancelled."""
        sql = f"SELECT id FROM jobs WHERE owner = ? AND cancel_requested AND {OPEN_JOBS_SQL}"  # noqa: S608
        return [row[0] for row in self.select_values(sql, owner)]

    def list_jobs(self, *, limit: int) -> list[Job]:
        """Return all open jobs and the latest `limit` finished ones; hidden finished ones are left out.

        Of parts only those are among the open ones that need a decision of the user.
        """
        whole = "(parent IS NULL OR state = 'unclear')"
        latest = f"SELECT id FROM jobs WHERE NOT ({OPEN_JOBS_SQL}) AND NOT hidden AND {whole} ORDER BY id DESC LIMIT ?"  # noqa: S608
        wanted = f"SELECT id FROM jobs WHERE {OPEN_JOBS_SQL} AND {whole} UNION ALL SELECT * FROM ({latest})"  # noqa: S608
        return self._select_jobs(f"SELECT * FROM jobs WHERE id IN ({wanted}) ORDER BY id", limit)  # noqa: S608

    def page_of_jobs(self, before: int | None, limit: int) -> list[Job]:
        """Return the latest jobs, of those with a number below `before`, in every state but hidden, by number."""
        page = "SELECT * FROM jobs WHERE NOT hidden AND id < ifnull(?, 9e18) ORDER BY id DESC LIMIT ?"
        return self._select_jobs(f"SELECT * FROM ({page}) ORDER BY id", before, limit)  # noqa: S608

    def is_output_needed(self, folder: str) -> bool:
        """Return whether a job that is not hidden has its output in a folder of the artifact store."""
        condition = f"output IS NOT NULL AND {ledger_schema.OUTPUT_FOLDER_SQL} = ? AND NOT hidden"
        sql = f"SELECT 1 FROM jobs WHERE {condition} LIMIT 1"  # noqa: S608
        return bool(self.select_values(sql, folder))

    def all_jobs(self) -> list[Job]:
        """Return every job, hidden ones too."""
        return self._select_jobs("SELECT * FROM jobs ORDER BY id")

    def get_cap(self, scope: str) -> str | None:
        """Return the budget cap of a run (`run:…`) or a project (`project:…`), as decimal text."""
        with ledger_schema.translated_errors(self.path):
            row = self._connection.execute("SELECT amount FROM caps WHERE scope = ?", (scope,)).fetchone()
        return row[0] if row else None

    def set_cap(self, scope: str, amount: str | None) -> None:
        """Set or remove a budget cap."""
        if amount is None:
            self._execute("DELETE FROM caps WHERE scope = ?", scope)
            return
        self._execute(
            "INSERT INTO caps VALUES (?, ?) ON CONFLICT DO UPDATE SET amount = excluded.amount", scope, amount
        )

    def remove_cap(self, scope: str, amount: str) -> None:
        """Remove a budget cap if it still is this amount: another amount was set by another process."""
        self._execute("DELETE FROM caps WHERE scope = ? AND amount = ?", scope, amount)

    def get_file_hash(self, path: Path) -> str | None:
        """Return a file's stored SHA-256, or None if its size or modification time has changed since."""
        with ledger_schema.translated_errors(self.path):
            row = self._connection.execute("SELECT * FROM hashes WHERE path = ?", (str(path),)).fetchone()
        stat = path.stat()
        return row["sha256"] if row and (row["size"], row["mtime"]) == (stat.st_size, stat.st_mtime_ns) else None

    def save_file_hash(self, path: Path, size: int, mtime: int, sha256: str) -> None:
        """Store a file's SHA-256 with its size in bytes and mtime in nanoseconds, both taken before it was read."""
        self._execute("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)", str(path), size, mtime, sha256)

    def is_intact(self) -> bool:
        """Return whether SQLite's integrity check passes, and the counts of costs are those of the jobs."""
        is_sound = self.select_values("PRAGMA integrity_check")[0][0] == "ok"
        return is_sound and not self.select_values(ledger_schema.MISCOUNTED_COSTS_SQL)


def _to_json(value: Any) -> str:
    """Return a value as JSON that SQLite and `json.loads` can read again, whatever came from outside."""
    return json.dumps(clean_json(value), ensure_ascii=False, allow_nan=False)


def job_from_row(row: sqlite3.Row, path: Path) -> Job:
    """Return the job of a row.

    Raises:
        LedgerError: the row is damaged.
    """
    values = dict(row)
    try:
        for name in JSON_COLUMNS:
            values[name] = None if values[name] is None else json.loads(values[name])
        for name in BOOLEAN_COLUMNS:
            values[name] = bool(values[name])
        ledger_schema.check_row(values)
        return Job(**values)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        reason = f"job {values.get('id')}: {error}"
        raise ledger_schema.damaged_ledger(path, reason) from error
