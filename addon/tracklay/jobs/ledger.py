"""The ledger: every job as a row that outlives the process, and all that may be done to it. What runs a job is elsewhere.

Calls are short and blocking; each is whole or nothing when it is made within `transaction`. Keys are never in it: an intent or a
ticket holds none.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3  # noqa: TC003 - rows are what `money` gives
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..errors import BadInput, LedgerTrouble
from . import ledger_schema
from .states import OVER, SENT, UNSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from .states import State

JSON_FIELDS = frozenset({"plan", "intent", "ticket", "output", "takes"})
"""Columns that hold JSON."""

FIELDS = JSON_FIELDS | {
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

NAMES_AT_ONCE = 500
"""In one question: SQLite takes no more than 999."""

OPEN = "state NOT IN ('laid', 'failed', 'cancelled')"


@dataclass(frozen=True, slots=True)
class Job:
    """A row.

    `place` counts the takes of its cue from 0. `plan` is the order as plain data; `wish` names what was asked for and where it goes;
    `work` names what makes the sound (picture content, model, parameters, prompt, seed); `picture` the proxy. `source` is the
    source's SHA-256, `target` the file that laying it writes. Money is decimal text; `exact` says that the provider told it.
    """

    id: int
    state: State
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
class Plan:
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


def now() -> str:
    """The moment as the ledger writes it. It is for people alone: no decision hangs on a clock, for clocks jump."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Ledger:
    """The ledger, open. One thread at a time uses it."""

    def __init__(self, path: Path | None = None) -> None:
        """Open it, as `schema.connect` does."""
        self.path = path or ledger_schema.place()
        self._connection = ledger_schema.connect(self.path)

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done within is on disk when the block ends, or none of it. Nobody else writes meanwhile.

        Raises:
            LedgerTrouble: it cannot be written.
        """
        with ledger_schema.told(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def part(self) -> Iterator[None]:
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

    def check_transaction(self, error: Exception) -> None:
        """Raise an error again that has undone the whole transaction, as a full disk does."""
        if not self._connection.in_transaction:
            raise error

    def _all(self, sql: str, *values: Any) -> list[Job]:
        with ledger_schema.told(self.path):
            return [_job(row) for row in self._connection.execute(sql, values)]

    def _do(self, sql: str, *values: Any) -> int:
        with ledger_schema.told(self.path):
            return self._connection.execute(sql, values).rowcount

    def get(self, number: int) -> Job:
        """A job.

        Raises:
            BadInput: there is none of that number.
        """
        found = self._all("SELECT * FROM jobs WHERE id = ?", number)
        if not found:
            raise BadInput(f"there is no job {number}: `tracklay jobs` lists them")
        return found[0]

    def add(self, plans: Iterable[Plan], owner: str) -> list[int]:
        """New jobs, planned; their numbers."""
        numbers = []
        for plan in plans:
            values = {
                name: getattr(plan, name)
                for name in ("run", "project", "cue", "place", "model", "provider", "seed", "wish")
            }
            moment = now()
            row = {
                **values,
                "plan": _text(plan.plan),
                "state": "planned",
                "owner": owner,
                "made": moment,
                "changed": moment,
            }
            with ledger_schema.told(self.path):
                done = self._connection.execute(
                    f"INSERT INTO jobs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608 - our own names
                    list(row.values()),
                )
            numbers.append(int(done.lastrowid or 0))
        return numbers

    def move(self, job: Job, after: State, /, **fields: Any) -> Job:
        """Move a job, and set what is known by it. One that is over is nobody's any more.

        Raises:
            LedgerTrouble: it is no longer where it was, or the table has no such move.
        """
        if after in OVER:
            fields["owner"] = None
        moved = self._set(job.id, {**fields, "state": after}, "AND state = ? AND owner IS ?", job.state, job.owner)
        if not moved:
            raise LedgerTrouble(f"job {job.id} is carried by another process now: look at `tracklay jobs`")
        return self.get(job.id)

    def note(self, job: Job, /, **fields: Any) -> Job:
        """Set what is known of a job without moving it."""
        self._set(job.id, fields, "")
        return self.get(job.id)

    def _set(self, number: int, fields: Mapping[str, Any], condition: str, *more: Any) -> int:
        unknown = fields.keys() - FIELDS - {"state"}
        if unknown:
            raise ValueError(f"no such columns: {unknown}")
        values = {
            name: _text(value) if name in JSON_FIELDS and value is not None else value for name, value in fields.items()
        }
        values["changed"] = now()
        names = ", ".join(f"{name} = ?" for name in values)
        return self._do(f"UPDATE jobs SET {names} WHERE id = ? {condition}", *values.values(), number, *more)  # noqa: S608

    def wished(self, wish: str, but: str) -> list[Job]:
        """Jobs that are not over and were asked for in just these words, for just this place; not those of the owner `but`."""
        condition = f"wish = ? AND owner IS NOT ? AND {OPEN}"
        return self._all(f"SELECT * FROM jobs WHERE {condition} ORDER BY place, id", wish, but)  # noqa: S608

    def open_jobs(self, numbers: Sequence[int] = ()) -> list[int]:
        """The numbers of jobs that are not over; only those of `numbers`, where any are named."""
        with ledger_schema.told(self.path):
            rows = self._connection.execute(f"SELECT id FROM jobs WHERE {OPEN} ORDER BY id").fetchall()  # noqa: S608
        return [row[0] for row in rows if not numbers or row[0] in numbers]

    def made_before(self, work: str) -> list[Job]:
        """The jobs whose output is kept and was made by just this, the latest first."""
        return self._all(
            "SELECT * FROM jobs WHERE work = ? AND output IS NOT NULL AND NOT forgotten ORDER BY id DESC", work
        )

    def wants_proxy(self, picture: str) -> bool:
        """Whether a job that is not over may still need a proxy."""
        with ledger_schema.told(self.path):
            sql = f"SELECT 1 FROM jobs WHERE picture = ? AND {OPEN} LIMIT 1"  # noqa: S608
            return self._connection.execute(sql, (picture,)).fetchone() is not None

    def wants_copy(self, copy: Path) -> bool:
        """Whether a job that is not over may still have to render from a copy of a timeline."""
        with ledger_schema.told(self.path):
            sql = f"SELECT 1 FROM jobs WHERE plan -> 'cue' -> 'render' ->> 'copy' = ? AND {OPEN} LIMIT 1"  # noqa: S608
            return self._connection.execute(sql, (str(copy),)).fetchone() is not None

    def spent(self) -> list[Job]:
        """Jobs that are laid, and whose output is not worth keeping."""
        return self._all("SELECT * FROM jobs WHERE state = 'laid' AND output ->> 'keep' = 0")

    def requests(self, provider: str) -> set[str]:
        """The requests at a provider that belong to jobs."""
        with ledger_schema.told(self.path):
            rows = self._connection.execute(
                "SELECT request FROM jobs WHERE provider = ? AND request IS NOT NULL", (provider,)
            )
            return {row[0] for row in rows}

    def projects_of_owners(self) -> list[tuple[str, str]]:
        """Each that carries jobs, by the ledger's word, with each folder that its takes go to."""
        with ledger_schema.told(self.path):
            rows = self._connection.execute("SELECT DISTINCT owner, project FROM jobs WHERE owner IS NOT NULL")
            return [(row[0], row[1]) for row in rows]

    def of_cue(self, owner: str, cue: str) -> list[int]:
        """The jobs of a cue that an owner carries."""
        with ledger_schema.told(self.path):
            rows = self._connection.execute(f"SELECT id FROM jobs WHERE owner = ? AND cue = ? AND {OPEN}", (owner, cue))  # noqa: S608
            return [row[0] for row in rows]

    def of_cues(self, cues: Iterable[str]) -> list[Job]:
        """All jobs of cues, whoever carries them and however they ended; those that were given up and forgotten are not told."""
        names = list(cues)
        found: list[Job] = []
        for start in range(0, len(names), NAMES_AT_ONCE):
            some = names[start : start + NAMES_AT_ONCE]
            sql = f"SELECT * FROM jobs WHERE cue IN ({', '.join('?' * len(some))}) AND NOT forgotten ORDER BY id"  # noqa: S608
            found += self._all(sql, *some)
        return found

    def hashes_of(self, names: Iterable[str]) -> dict[str, set[str]]:
        """Return the SHA-256 of every take and stem that was made with one of these file names, by file name."""
        found: dict[str, set[str]] = {name: set() for name in names}
        with ledger_schema.told(self.path):
            rows = self._connection.execute(
                "SELECT made.value ->> 'file', made.value ->> 'sha256' FROM jobs, json_each(jobs.takes) AS made "
                "UNION SELECT stem.key, stem.value FROM jobs, json_each(jobs.takes) AS made, "
                "json_each(made.value, '$.stem_hashes') AS stem"
            )
            for name, sha256 in rows:
                if name in found and sha256:
                    found[name].add(sha256)
        return found

    def lays(self, target: str) -> bool:
        """Whether a job that is not over was about to write a file by being laid."""
        with ledger_schema.told(self.path):
            sql = f"SELECT 1 FROM jobs WHERE target = ? AND {OPEN} LIMIT 1"  # noqa: S608
            return self._connection.execute(sql, (target,)).fetchone() is not None

    def laid_in(self, run: str) -> list[Job]:
        """The jobs of a run that are laid."""
        return self._all("SELECT * FROM jobs WHERE run = ? AND state = 'laid' ORDER BY id", run)

    def carried_rows(self, run: str) -> list[tuple[str, str]]:
        """The rows of a work list that somebody carries, and who; runs as in `of_rows`."""
        with ledger_schema.told(self.path):
            rows = self._connection.execute(
                "SELECT DISTINCT plan ->> '$.laying.row', owner FROM jobs WHERE owner IS NOT NULL AND run >= ? AND run < ?",
                (run, run + "~"),
            )
            return [(row[0], row[1]) for row in rows]

    def of_rows(self, run: str) -> list[tuple[str, str, int, str]]:
        """What a work list has made: row, what it said, job, and state of each job that is `ready` or `laid`, oldest first.

        All runs whose names begin with `run` count: a list's shards are runs of their own.
        """
        with ledger_schema.told(self.path):
            rows = self._connection.execute(
                "SELECT plan ->> '$.laying.row', plan ->> '$.laying.digest', id, state FROM jobs "
                "WHERE run >= ? AND run < ? AND state IN ('ready', 'laid') AND NOT forgotten ORDER BY id",
                (run, run + "~"),
            )
            return [(row[0], row[1], row[2], row[3]) for row in rows]

    def lasted(self, model: str, most: int) -> list[float]:
        """How long the latest takes of a model were in the making, from request to take, in seconds."""
        spent = "(julianday(takes ->> '$[0].created') - julianday(sent)) * 86400"
        with ledger_schema.told(self.path):
            rows = self._connection.execute(
                f"SELECT {spent} FROM jobs WHERE model = ? AND sent IS NOT NULL AND takes != '[]' "  # noqa: S608
                "ORDER BY id DESC LIMIT ?",
                (model, most),
            )
            return [max(0.0, row[0]) for row in rows if row[0] is not None]

    def claim(self, number: int, owner: str, before: str | None, **fields: Any) -> Job | None:
        """Carry a job from now on; None where somebody was faster."""
        taken = self._set(number, {**fields, "owner": owner}, f"AND owner IS ? AND {OPEN}", before)
        return self.get(number) if taken else None

    def release(self, owner: str, *numbers: int) -> None:
        """Let jobs go, all of an owner's where none are named: whoever takes them up next goes on with them."""
        condition = f" AND id IN ({', '.join('?' * len(numbers))})" if numbers else ""
        self._do(f"UPDATE jobs SET owner = NULL WHERE owner = ?{condition}", owner, *numbers)  # noqa: S608

    def stops(self, owner: str) -> list[int]:
        """Jobs of an owner that a person wishes stopped."""
        with ledger_schema.told(self.path):
            rows = self._connection.execute(f"SELECT id FROM jobs WHERE owner = ? AND stop AND {OPEN}", (owner,))  # noqa: S608
            return [row[0] for row in rows]

    def listed(self, *, everything: bool, most: int) -> list[Job]:
        """For people: all that is not over, and the latest that are."""
        if everything:
            return self._all("SELECT * FROM jobs WHERE NOT forgotten ORDER BY id")
        latest = f"SELECT id FROM jobs WHERE NOT ({OPEN}) AND NOT forgotten ORDER BY id DESC LIMIT ?"  # noqa: S608
        return self._all(f"SELECT * FROM jobs WHERE {OPEN} OR id IN ({latest}) ORDER BY id", most)  # noqa: S608

    def money(self, **which: str) -> list[sqlite3.Row]:
        """What was or will be charged: provider, project, day, currency, estimate, cost, exact, state, one row a job."""
        condition = "".join(f" AND {name} = ?" for name in which)
        with ledger_schema.told(self.path):
            return self._connection.execute(
                "SELECT provider, project, substr(sent, 1, 10) AS day, currency, estimate, cost, exact, state FROM jobs "  # noqa: S608
                f"WHERE sent IS NOT NULL AND currency IS NOT NULL{condition}",
                tuple(which.values()),
            ).fetchall()

    def cap(self, scope: str) -> str | None:
        """The most that a run (`run:…`) or a project (`project:…`) may cost."""
        with ledger_schema.told(self.path):
            row = self._connection.execute("SELECT amount FROM caps WHERE scope = ?", (scope,)).fetchone()
        return row[0] if row else None

    def set_cap(self, scope: str, amount: str | None) -> None:
        """Set it; None: there is none any more."""
        if amount is None:
            self._do("DELETE FROM caps WHERE scope = ?", scope)
            return
        self._do("INSERT INTO caps VALUES (?, ?) ON CONFLICT DO UPDATE SET amount = excluded.amount", scope, amount)

    def lift_cap(self, scope: str, amount: str) -> None:
        """Take a cap away, if it is still that one: another was set by somebody else."""
        self._do("DELETE FROM caps WHERE scope = ? AND amount = ?", scope, amount)

    def known_hash(self, path: Path) -> str | None:
        """A file's SHA-256 as it was when it was last read, unless it was changed since."""
        with ledger_schema.told(self.path):
            row = self._connection.execute("SELECT * FROM hashes WHERE path = ?", (str(path),)).fetchone()
        seen = path.stat()
        return row["sha256"] if row and (row["size"], row["mtime"]) == (seen.st_size, seen.st_mtime_ns) else None

    def keep_hash(self, path: Path, size: int, mtime: int, sha256: str) -> None:
        """Remember a file's SHA-256: size in bytes, mtime in nanoseconds, as they were before it was read."""
        self._do("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)", str(path), size, mtime, sha256)

    def whole(self) -> bool:
        """Whether SQLite finds nothing wrong with the file."""
        with ledger_schema.told(self.path):
            return bool(self._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    for name in JSON_FIELDS:
        values[name] = None if values[name] is None else json.loads(values[name])
    for name in ("stop", "forgotten", "exact"):
        values[name] = bool(values[name])
    return Job(**values)


__all__ = ["OVER", "SENT", "UNSENT", "Job", "Ledger", "Plan", "now"]
