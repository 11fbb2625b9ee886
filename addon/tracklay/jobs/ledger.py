"""The ledger: every job as a row that outlives the process, and all that may be done to it. What runs a job is elsewhere.

Calls are short and blocking; each is whole or nothing when it is made within `transaction`. Keys are never in it: an intent or a
ticket holds none.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3  # noqa: TC003 - rows are what `cost_rows` gives
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, LedgerError
from . import ledger_schema
from .states import FINAL_STATES, IN_FLIGHT_STATES, UNSENT_STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from .states import JobState

_logger = logging.getLogger("tracklay.jobs")

JSON_COLUMNS = frozenset({"plan", "intent", "ticket", "output", "takes"})
"""Columns that hold JSON."""

UPDATABLE_COLUMNS = JSON_COLUMNS | {
    "source",
    "picture",
    "work",
    "request",
    "currency",
    "estimate",
    "cost",
    "exact",
    "kind",
    "words",
    "sent",
    "run",
    "owner",
    "stop",
    "forgotten",
    "cue",
    "place",
    "target",
}
"""Columns that a move or a note may set."""

MAX_SQL_VARIABLES = 500
"""In one question: SQLite takes no more than 999."""

OPEN_JOBS_SQL = "state NOT IN ('laid', 'failed', 'cancelled')"


@dataclass(frozen=True, slots=True)
class Job:
    """A row.

    `ledger_path` counts the takes of its cue from 0. `plan` is the order as plain data; `request_key` names what was asked for and where it goes;
    `content_key` names what makes the sound (picture content, model, parameters, prompt, seed); `proxy_key` the proxy. `source` is the
    source's SHA-256, `target` the file that laying it writes. Money is decimal text; `exact` says that the provider told it.
    """

    id: int
    state: JobState
    run: str
    owner: str | None
    stop: bool
    forgotten: bool
    project: str
    cue: str
    place: int
    model: str
    provider: str
    seed: int
    plan: Mapping[str, Any]
    wish: str
    source: str | None
    picture: str | None
    work: str | None
    intent: Mapping[str, Any] | None
    ticket: Mapping[str, Any] | None
    request: str | None
    output: Mapping[str, Any] | None
    takes: Sequence[Mapping[str, Any]]
    target: str | None
    currency: str | None
    estimate: str | None
    cost: str | None
    exact: bool
    kind: str
    words: str
    made: str
    sent: str | None
    changed: str


@dataclass(frozen=True, slots=True)
class NewJob:
    """What a new job begins with."""

    run: str
    project: str
    cue: str
    place: int
    model: str
    provider: str
    seed: int
    plan: Mapping[str, Any]
    wish: str


def utc_timestamp() -> str:
    """The moment as the ledger writes it. It is for people alone: no decision hangs on a clock, for clocks jump."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Ledger:
    """The ledger, open. One thread at a time uses it."""

    def __init__(self, path: Path | None = None) -> None:
        """Open it, as `schema.connect_ledger` does."""
        self.path = path or ledger_schema.ledger_path()
        self._connection = ledger_schema.connect_ledger(self.path)

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done within is on disk when the block ends, or none of it. Nobody else writes meanwhile.

        Raises:
            LedgerTrouble: it cannot be written.
        """
        with ledger_schema.translated_errors(self.path):
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
        """A part of a transaction that may fail by itself."""
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
        """Raise an error again that has undone the whole transaction, as a full disk does."""
        if not self._connection.in_transaction:
            raise error

    def _select_jobs(self, sql: str, *values: Any) -> list[Job]:
        with ledger_schema.translated_errors(self.path):
            return [_job_from_row(row) for row in self._connection.execute(sql, values)]

    def _execute(self, sql: str, *values: Any) -> int:
        with ledger_schema.translated_errors(self.path):
            return self._connection.execute(sql, values).rowcount

    def get_job(self, job_id: int) -> Job:
        """A job.

        Raises:
            BadInput: there is none of that number.
        """
        found = self._select_jobs("SELECT * FROM jobs WHERE id = ?", job_id)
        if not found:
            raise InvalidInput(f"there is no job {job_id}: `tracklay jobs` lists them")
        return found[0]

    def add_jobs(self, new_jobs: Iterable[NewJob], owner: str) -> list[int]:
        """New jobs, planned; their numbers."""
        numbers = []
        for plan in new_jobs:
            values = {
                name: getattr(plan, name)
                for name in ("run", "project", "cue", "place", "model", "provider", "seed", "wish")
            }
            moment = utc_timestamp()
            row = {
                **values,
                "plan": _to_json(plan.plan),
                "state": "planned",
                "owner": owner,
                "made": moment,
                "changed": moment,
            }
            with ledger_schema.translated_errors(self.path):
                done = self._connection.execute(
                    f"INSERT INTO jobs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608 - our own names
                    list(row.values()),
                )
            numbers.append(int(done.lastrowid or 0))
        return numbers

    def transition(self, job: Job, new_state: JobState, /, **fields: Any) -> Job:
        """Move a job, and set what is known by it. One that is over is nobody's any more.

        Raises:
            LedgerTrouble: it is no longer where it was, or the table has no such move.
        """
        if new_state in FINAL_STATES:
            fields["owner"] = None
        moved = self._update_columns(
            job.id, {**fields, "state": new_state}, "AND state = ? AND owner IS ?", job.state, job.owner
        )
        if not moved:
            raise LedgerError(f"job {job.id} is carried by another process now: look at `tracklay jobs`")
        _logger.info("job %d: %s -> %s", job.id, job.state, new_state)
        return self.get_job(job.id)

    def update(self, job: Job, /, **fields: Any) -> Job:
        """Set what is known of a job without moving it."""
        self._update_columns(job.id, fields, "")
        return self.get_job(job.id)

    def _update_columns(self, job_id: int, fields: Mapping[str, Any], condition: str, *condition_values: Any) -> int:
        unknown = fields.keys() - UPDATABLE_COLUMNS - {"state"}
        if unknown:
            raise ValueError(f"no such columns: {unknown}")
        values = {
            name: _to_json(value) if name in JSON_COLUMNS and value is not None else value
            for name, value in fields.items()
        }
        values["changed"] = utc_timestamp()
        names = ", ".join(f"{name} = ?" for name in values)
        return self._execute(
            f"UPDATE jobs SET {names} WHERE id = ? {condition}", *values.values(), job_id, *condition_values
        )

    def find_by_request_key(self, request_key: str, excluded_owner: str) -> list[Job]:
        """Jobs that are not over and were asked for in just these words, for just this place; not those of the owner `excluded_owner`."""
        condition = f"wish = ? AND owner IS NOT ? AND {OPEN_JOBS_SQL}"
        return self._select_jobs(
            f"SELECT * FROM jobs WHERE {condition} ORDER BY place, id", request_key, excluded_owner
        )

    def open_job_ids(self, job_ids: Sequence[int] = ()) -> list[int]:
        """The numbers of jobs that are not over; only those of `job_ids`, where any are named."""
        with ledger_schema.translated_errors(self.path):
            rows = self._connection.execute(f"SELECT id FROM jobs WHERE {OPEN_JOBS_SQL} ORDER BY id").fetchall()  # noqa: S608
        return [row[0] for row in rows if not job_ids or row[0] in job_ids]

    def find_by_content_key(self, content_key: str) -> list[Job]:
        """The jobs whose output is kept and was made by just this, the latest first."""
        return self._select_jobs(
            "SELECT * FROM jobs WHERE work = ? AND output IS NOT NULL AND NOT forgotten ORDER BY id DESC", content_key
        )

    def is_proxy_needed(self, proxy_key: str) -> bool:
        """Whether a job that is not over may still need a proxy."""
        with ledger_schema.translated_errors(self.path):
            sql = f"SELECT 1 FROM jobs WHERE picture = ? AND {OPEN_JOBS_SQL} LIMIT 1"  # noqa: S608
            return self._connection.execute(sql, (proxy_key,)).fetchone() is not None

    def is_timeline_copy_needed(self, copy: Path) -> bool:
        """Whether a job that is not over may still have to render from a copy of a timeline."""
        with ledger_schema.translated_errors(self.path):
            sql = f"SELECT 1 FROM jobs WHERE plan -> 'cue' -> 'render' ->> 'copy' = ? AND {OPEN_JOBS_SQL} LIMIT 1"  # noqa: S608
            return self._connection.execute(sql, (str(copy),)).fetchone() is not None

    def collectable_outputs(self) -> list[Job]:
        """Jobs that are laid, and whose output is not worth keeping."""
        return self._select_jobs("SELECT * FROM jobs WHERE state = 'laid' AND output ->> 'keep' = 0")

    def request_ids(self, provider: str) -> set[str]:
        """The requests at a provider that belong to jobs."""
        with ledger_schema.translated_errors(self.path):
            rows = self._connection.execute(
                "SELECT request FROM jobs WHERE provider = ? AND request IS NOT NULL", (provider,)
            )
            return {row[0] for row in rows}

    def owner_projects(self) -> list[tuple[str, str]]:
        """Each that carries jobs, by the ledger's word, with each folder that its takes go to."""
        with ledger_schema.translated_errors(self.path):
            rows = self._connection.execute("SELECT DISTINCT owner, project FROM jobs WHERE owner IS NOT NULL")
            return [(row[0], row[1]) for row in rows]

    def job_ids_of_cue(self, owner: str, cue: str) -> list[int]:
        """The jobs of a cue that an owner carries."""
        with ledger_schema.translated_errors(self.path):
            rows = self._connection.execute(
                f"SELECT id FROM jobs WHERE owner = ? AND cue = ? AND {OPEN_JOBS_SQL}", (owner, cue)
            )
            return [row[0] for row in rows]

    def jobs_of_cues(self, cues: Iterable[str]) -> list[Job]:
        """All jobs of cues, whoever carries them and however they ended; those that were given up and forgotten are not told."""
        names = list(cues)
        found: list[Job] = []
        for start in range(0, len(names), MAX_SQL_VARIABLES):
            some = names[start : start + MAX_SQL_VARIABLES]
            sql = f"SELECT * FROM jobs WHERE cue IN ({', '.join('?' * len(some))}) AND NOT forgotten ORDER BY id"  # noqa: S608
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
        """Whether a job that is not over was about to write a file by being laid."""
        with ledger_schema.translated_errors(self.path):
            sql = f"SELECT 1 FROM jobs WHERE target = ? AND {OPEN_JOBS_SQL} LIMIT 1"  # noqa: S608
            return self._connection.execute(sql, (target,)).fetchone() is not None

    def laid_jobs(self, run: str) -> list[Job]:
        """The jobs of a run that are laid."""
        return self._select_jobs("SELECT * FROM jobs WHERE run = ? AND state = 'laid' ORDER BY id", run)

    def owned_worklist_rows(self, run: str) -> list[tuple[str, str]]:
        """The rows of a work list that somebody carries, and who; runs as in `finished_worklist_rows`."""
        with ledger_schema.translated_errors(self.path):
            rows = self._connection.execute(
                "SELECT DISTINCT plan ->> '$.laying.row', owner FROM jobs WHERE owner IS NOT NULL AND run >= ? AND run < ?",
                (run, run + "~"),
            )
            return [(row[0], row[1]) for row in rows]

    def finished_worklist_rows(self, run: str) -> list[tuple[str, str, int, str]]:
        """What a work list has made: row, what it said, job, and state of each job that is `ready` or `laid`, oldest first.

        All runs whose names begin with `run` count: a list's shards are runs of their own.
        """
        with ledger_schema.translated_errors(self.path):
            rows = self._connection.execute(
                "SELECT plan ->> '$.laying.row', plan ->> '$.laying.digest', id, state FROM jobs "
                "WHERE run >= ? AND run < ? AND state IN ('ready', 'laid') AND NOT forgotten ORDER BY id",
                (run, run + "~"),
            )
            return [(row[0], row[1], row[2], row[3]) for row in rows]

    def durations(self, model: str, limit: int) -> list[float]:
        """How long the latest takes of a model were in the making, from request to take, in seconds."""
        spent = "(julianday(takes ->> '$[0].created') - julianday(sent)) * 86400"
        with ledger_schema.translated_errors(self.path):
            rows = self._connection.execute(
                f"SELECT {spent} FROM jobs WHERE model = ? AND sent IS NOT NULL AND takes != '[]' "  # noqa: S608
                "ORDER BY id DESC LIMIT ?",
                (model, limit),
            )
            return [max(0.0, row[0]) for row in rows if row[0] is not None]

    def claim_job(self, job_id: int, owner: str, previous_owner: str | None, **fields: Any) -> Job | None:
        """Carry a job from now on; None where somebody was faster."""
        taken = self._update_columns(
            job_id, {**fields, "owner": owner}, f"AND owner IS ? AND {OPEN_JOBS_SQL}", previous_owner
        )
        _logger.info("job %d: %s by %s", job_id, "claimed" if taken else "already claimed, not taken", owner)
        return self.get_job(job_id) if taken else None

    def release_jobs(self, owner: str, *job_ids: int) -> None:
        """Let jobs go, all of an owner's where none are named: whoever takes them up next goes on with them."""
        condition = f" AND id IN ({', '.join('?' * len(job_ids))})" if job_ids else ""
        self._execute(f"UPDATE jobs SET owner = NULL WHERE owner = ?{condition}", owner, *job_ids)  # noqa: S608

    def cancel_requests(self, owner: str) -> list[int]:
        """Jobs of an owner that a person wishes stopped."""
        with ledger_schema.translated_errors(self.path):
            rows = self._connection.execute(
                f"SELECT id FROM jobs WHERE owner = ? AND stop AND {OPEN_JOBS_SQL}", (owner,)
            )
            return [row[0] for row in rows]

    def list_jobs(self, *, include_finished: bool, limit: int) -> list[Job]:
        """For people: all that is not over, and the latest that are."""
        if include_finished:
            return self._select_jobs("SELECT * FROM jobs WHERE NOT forgotten ORDER BY id")
        latest = f"SELECT id FROM jobs WHERE NOT ({OPEN_JOBS_SQL}) AND NOT forgotten ORDER BY id DESC LIMIT ?"  # noqa: S608
        return self._select_jobs(f"SELECT * FROM jobs WHERE {OPEN_JOBS_SQL} OR id IN ({latest}) ORDER BY id", limit)  # noqa: S608

    def cost_rows(self, **filters: str) -> list[sqlite3.Row]:
        """What was or will be charged: provider, project, day, currency, estimate, cost, exact, state, one row a job."""
        condition = "".join(f" AND {name} = ?" for name in filters)
        with ledger_schema.translated_errors(self.path):
            return self._connection.execute(
                "SELECT provider, project, substr(sent, 1, 10) AS day, currency, estimate, cost, exact, state FROM jobs "  # noqa: S608
                f"WHERE sent IS NOT NULL AND currency IS NOT NULL{condition}",
                tuple(filters.values()),
            ).fetchall()

    def get_cap(self, scope: str) -> str | None:
        """The most that a run (`run:…`) or a project (`project:…`) may cost."""
        with ledger_schema.translated_errors(self.path):
            row = self._connection.execute("SELECT amount FROM caps WHERE scope = ?", (scope,)).fetchone()
        return row[0] if row else None

    def set_cap(self, scope: str, amount: str | None) -> None:
        """Set it; None: there is none any more."""
        if amount is None:
            self._execute("DELETE FROM caps WHERE scope = ?", scope)
            return
        self._execute(
            "INSERT INTO caps VALUES (?, ?) ON CONFLICT DO UPDATE SET amount = excluded.amount", scope, amount
        )

    def remove_cap(self, scope: str, amount: str) -> None:
        """Take a cap away, if it is still that one: another was set by somebody else."""
        self._execute("DELETE FROM caps WHERE scope = ? AND amount = ?", scope, amount)

    def get_file_hash(self, path: Path) -> str | None:
        """A file's SHA-256 as it was when it was last read, unless it was changed since."""
        with ledger_schema.translated_errors(self.path):
            row = self._connection.execute("SELECT * FROM hashes WHERE path = ?", (str(path),)).fetchone()
        seen = path.stat()
        return row["sha256"] if row and (row["size"], row["mtime"]) == (seen.st_size, seen.st_mtime_ns) else None

    def save_file_hash(self, path: Path, size: int, mtime: int, sha256: str) -> None:
        """Remember a file's SHA-256: size in bytes, mtime in nanoseconds, as they were before it was read."""
        self._execute("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)", str(path), size, mtime, sha256)

    def is_intact(self) -> bool:
        """Whether SQLite finds nothing wrong with the file."""
        with ledger_schema.translated_errors(self.path):
            return bool(self._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _job_from_row(row: sqlite3.Row) -> Job:
    values = dict(row)
    for name in JSON_COLUMNS:
        values[name] = None if values[name] is None else json.loads(values[name])
    for name in ("stop", "forgotten", "exact"):
        values[name] = bool(values[name])
    return Job(**values)


__all__ = ["FINAL_STATES", "IN_FLIGHT_STATES", "UNSENT_STATES", "Job", "Ledger", "NewJob", "utc_timestamp"]
