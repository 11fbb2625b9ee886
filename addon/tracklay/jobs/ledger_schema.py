"""The ledger's file: its schema and migrations, how it is opened, and the errors that SQLite reports about it.

A ledger that cannot be used is never changed or replaced: it may be the only record of paid requests.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import settings
from ..errors import LedgerError
from ..paths import PRIVATE_FILE_MODE, ensure_folder, tracklay_home
from .states import STATE_DESCRIPTIONS, TRANSITIONS

APPLICATION_ID = 0x54724C79
"""SQLite's application id of our ledgers: `TrLy`."""

MAX_CHECKED_BYTES = 64 << 20
"""Size up to which the whole file is checked when it is opened: 0.1 s at most. Damage to a larger
one is found when it is read."""

BUSY_SECONDS = 20.0
"""Seconds to wait for another writer's lock. A transaction of ours lasts milliseconds."""

COUNTED_COSTS_SQL = """SELECT run, project, provider, model, substr(submitted_at, 1, 10), currency, state, cost_confirmed,
    ifnull(cost, ''), ifnull(estimate, ''), count(*) FROM jobs WHERE submitted_at IS NOT NULL AND currency IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"""
"""The rows that the table `cost_groups` must hold."""

MISCOUNTED_COSTS_SQL = (
    f"SELECT 1 FROM (SELECT * FROM ({COUNTED_COSTS_SQL}) EXCEPT SELECT * FROM cost_groups) UNION ALL "  # noqa: S608
    f"SELECT 1 FROM (SELECT * FROM cost_groups EXCEPT {COUNTED_COSTS_SQL}) LIMIT 1"
)
"""Finds a row if it holds anything else."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        state TEXT NOT NULL,
        run TEXT NOT NULL,
        owner TEXT,
        stop INTEGER NOT NULL DEFAULT 0,
        forgotten INTEGER NOT NULL DEFAULT 0,
        project TEXT NOT NULL,
        cue TEXT NOT NULL,
        place INTEGER NOT NULL,
        model TEXT NOT NULL,
        provider TEXT NOT NULL,
        seed INTEGER NOT NULL,
        plan TEXT NOT NULL,
        wish TEXT NOT NULL,
        source TEXT,
        picture TEXT,
        work TEXT,
        intent TEXT,
        ticket TEXT,
        request TEXT,
        output TEXT,
        takes TEXT NOT NULL DEFAULT '[]',
        target TEXT,
        currency TEXT,
        estimate TEXT,
        cost TEXT,
        exact INTEGER NOT NULL DEFAULT 0,
        kind TEXT NOT NULL DEFAULT '',
        words TEXT NOT NULL DEFAULT '',
        made TEXT NOT NULL,
        sent TEXT,
        changed TEXT NOT NULL
    ) STRICT;
    CREATE INDEX jobs_open ON jobs (state, provider) WHERE state NOT IN ('laid', 'failed', 'cancelled');
    CREATE INDEX jobs_owner ON jobs (owner) WHERE owner IS NOT NULL;
    CREATE INDEX jobs_run ON jobs (run);
    CREATE INDEX jobs_project ON jobs (project);
    CREATE INDEX jobs_wish ON jobs (wish);
    CREATE INDEX jobs_work ON jobs (work);
    CREATE INDEX jobs_picture ON jobs (picture);
    CREATE INDEX jobs_target ON jobs (target) WHERE target IS NOT NULL;
    CREATE INDEX jobs_request ON jobs (provider, request);
    CREATE TABLE caps (scope TEXT PRIMARY KEY, amount TEXT NOT NULL) STRICT;
    CREATE TABLE hashes (
        path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime INTEGER NOT NULL, sha256 TEXT NOT NULL
    ) STRICT;
    """,
    # The columns get the names that the code uses, and an error is stored as data beside its text. SQLite renames a column in
    # the indexes too; the indexes named after a column are made again under the new name.
    """
    ALTER TABLE jobs RENAME COLUMN stop TO cancel_requested;
    ALTER TABLE jobs RENAME COLUMN forgotten TO hidden;
    ALTER TABLE jobs RENAME COLUMN place TO take_index;
    ALTER TABLE jobs RENAME COLUMN wish TO request_key;
    ALTER TABLE jobs RENAME COLUMN picture TO proxy_key;
    ALTER TABLE jobs RENAME COLUMN work TO content_key;
    ALTER TABLE jobs RENAME COLUMN intent TO submission;
    ALTER TABLE jobs RENAME COLUMN ticket TO job_handle;
    ALTER TABLE jobs RENAME COLUMN exact TO cost_confirmed;
    ALTER TABLE jobs RENAME COLUMN words TO message;
    ALTER TABLE jobs RENAME COLUMN made TO created_at;
    ALTER TABLE jobs RENAME COLUMN sent TO submitted_at;
    ALTER TABLE jobs RENAME COLUMN changed TO updated_at;
    ALTER TABLE jobs ADD COLUMN error TEXT;
    DROP INDEX jobs_wish;
    DROP INDEX jobs_work;
    DROP INDEX jobs_picture;
    CREATE INDEX jobs_request_key ON jobs (request_key);
    CREATE INDEX jobs_content_key ON jobs (content_key);
    CREATE INDEX jobs_proxy_key ON jobs (proxy_key)
    """,
    # The parts of a cue that is longer than its model are jobs of their own.
    """
    ALTER TABLE jobs ADD COLUMN parent INTEGER;
    CREATE INDEX jobs_parent ON jobs (parent) WHERE parent IS NOT NULL
    """,
    # What a model that is billed by computing time was charged for.
    """
    ALTER TABLE jobs ADD COLUMN compute_seconds REAL
    """,
    # What jobs cost, counted for equal amounts: sums and caps read a few rows, however many jobs there are, and no amount is rounded.
    # Triggers of each connection keep the counts. An unknown amount is an empty text.
    f"""
    CREATE TABLE cost_groups (
        run TEXT NOT NULL,
        project TEXT NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        day TEXT NOT NULL,
        currency TEXT NOT NULL,
        state TEXT NOT NULL,
        cost_confirmed INTEGER NOT NULL,
        cost TEXT NOT NULL,
        estimate TEXT NOT NULL,
        jobs INTEGER NOT NULL,
        PRIMARY KEY (run, project, provider, model, day, currency, state, cost_confirmed, cost, estimate)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX cost_groups_project ON cost_groups (project);
    INSERT INTO cost_groups {COUNTED_COSTS_SQL};
    CREATE INDEX jobs_collectable ON jobs (id) WHERE state = 'laid' AND CASE WHEN json_valid(output) THEN output ->> 'keep' END = 0;
    CREATE INDEX jobs_output ON jobs (CASE WHEN json_valid(output) THEN output ->> 'folder' END) WHERE output IS NOT NULL;
    CREATE INDEX jobs_model ON jobs (model)
    """,
)

"""Scripts that upgrade a ledger from version n to n + 1; version 0 is an empty file. A released script is never edited.

Scripts are split at each semicolon, so no statement may contain one.
"""

OUTPUT_FOLDER_SQL = "CASE WHEN json_valid(output) THEN output ->> 'folder' END"
KEEP_OUTPUT_SQL = "CASE WHEN json_valid(output) THEN output ->> 'keep' END"
"""Expressions as the indexes have them, literally, so that SQLite uses these. A damaged row must not stop an upgrade."""

STATE_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "submitting": ("submission",),
    "unclear": ("submission",),
    "running": ("job_handle",),
    "fetching": ("job_handle",),
    "conforming": ("output",),
}
"""Columns without which a job in a state cannot go on."""

TRANSITION_TRIGGERS = """
    CREATE TEMP TABLE transitions (before TEXT, after TEXT, PRIMARY KEY (before, after)) WITHOUT ROWID;
    CREATE TEMP TRIGGER enforce_transition BEFORE UPDATE OF state ON main.jobs
    WHEN NOT EXISTS (SELECT 1 FROM temp.transitions WHERE before = OLD.state AND after = NEW.state)
    BEGIN SELECT RAISE(ABORT, 'transition not allowed'); END;
    CREATE TEMP TRIGGER enforce_initial_state BEFORE INSERT ON main.jobs WHEN NEW.state != 'planned'
    BEGIN SELECT RAISE(ABORT, 'a new job must be planned'); END;
"""
"""Triggers that refuse every transition outside the table.

They are temporary, so each connection makes its own from the table of the running version: a stored trigger would have to be
migrated whenever the table changes, and an older version would enforce the newer table.
"""


COST_TRIGGERS = """
    CREATE TEMP TRIGGER cost_added AFTER INSERT ON main.jobs WHEN NEW.submitted_at IS NOT NULL AND NEW.currency IS NOT NULL
    BEGIN
        INSERT INTO cost_groups VALUES (NEW.run, NEW.project, NEW.provider, NEW.model, substr(NEW.submitted_at, 1, 10), NEW.currency,
            NEW.state, NEW.cost_confirmed, ifnull(NEW.cost, ''), ifnull(NEW.estimate, ''), 1)
            ON CONFLICT DO UPDATE SET jobs = jobs + 1;
    END;
    CREATE TEMP TRIGGER cost_changed AFTER UPDATE OF run, project, provider, model, submitted_at, currency, state, cost_confirmed, cost,
        estimate ON main.jobs WHEN OLD.submitted_at IS NOT NULL OR NEW.submitted_at IS NOT NULL
    BEGIN
        UPDATE cost_groups SET jobs = jobs - 1 WHERE run = OLD.run AND project = OLD.project AND provider = OLD.provider
            AND model = OLD.model AND day = substr(OLD.submitted_at, 1, 10) AND currency = OLD.currency AND state = OLD.state
            AND cost_confirmed = OLD.cost_confirmed AND cost = ifnull(OLD.cost, '') AND estimate = ifnull(OLD.estimate, '');
        DELETE FROM cost_groups WHERE jobs = 0 AND run = OLD.run AND project = OLD.project AND provider = OLD.provider
            AND model = OLD.model AND day = substr(OLD.submitted_at, 1, 10) AND currency = OLD.currency AND state = OLD.state
            AND cost_confirmed = OLD.cost_confirmed AND cost = ifnull(OLD.cost, '') AND estimate = ifnull(OLD.estimate, '');
        INSERT INTO cost_groups SELECT NEW.run, NEW.project, NEW.provider, NEW.model, substr(NEW.submitted_at, 1, 10), NEW.currency,
            NEW.state, NEW.cost_confirmed, ifnull(NEW.cost, ''), ifnull(NEW.estimate, ''), 1
            WHERE NEW.submitted_at IS NOT NULL AND NEW.currency IS NOT NULL
            ON CONFLICT DO UPDATE SET jobs = jobs + 1;
    END;
"""
"""Triggers that keep the counts of `cost_groups`. Temporary too: each text of the schema is one more that damage can hit."""


def ledger_path() -> Path:
    """Return the path of the ledger: `TRACKLAY_HOME/ledger.sqlite3`."""
    return tracklay_home() / "ledger.sqlite3"


@contextlib.contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into errors that users can act on.

    Raises:
        LedgerError: SQLite reports an error.
    """
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _ledger_error(path, error) from error


def _ledger_error(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> LedgerError:
    # SQLite's Python module has one class for most of these; only the text differs.
    reason = str(error)
    if "locked" in reason or "busy" in reason:
        return LedgerError("ledger.locked", "The job ledger is locked by another program: {path}.", path=path)
    if "readonly" in reason or "read-only" in reason or "unable to open" in reason:
        return LedgerError(
            "ledger.read_only",
            "The job ledger cannot be written: {path}. Check the folder's permissions, or set TRACKLAY_HOME to another folder.",
            path=path,
        )
    if "full" in reason:
        return LedgerError("ledger.disk_full", "No space left for the job ledger: {path}. Free some space.", path=path)
    if "disk I/O" in reason:
        return LedgerError(
            "ledger.disk_error", "Disk error in the job ledger {path}: {reason}.", path=path, reason=reason
        )
    if isinstance(error, sqlite3.IntegrityError):
        return LedgerError(
            "ledger.refused", "Internal error: the job ledger refused a change ({reason}).", reason=reason
        )
    return damaged_ledger(path, reason)


def damaged_ledger(path: Path, reason: str) -> LedgerError:
    """Return the error of a ledger that cannot be read, or can be read in part only."""
    return LedgerError(
        "ledger.damaged",
        "The job ledger is damaged: {path} ({reason}). Repair it, or move it away to start a new one; it records paid requests.",
        path=path,
        reason=reason,
    )


def check_row(row: Mapping[str, Any]) -> None:
    """Check a job's row, its JSON parsed, as far as every command relies on it.

    Raises:
        ValueError, TypeError, KeyError: it is damaged.
    """
    if row["state"] not in STATE_DESCRIPTIONS:
        raise ValueError(f"unknown state {str(row['state'])[:20]!r}")
    if missing := [name for name in STATE_COLUMNS.get(row["state"], ()) if row[name] is None]:
        raise ValueError(f"{row['state']} without {', '.join(missing)}")
    if not isinstance(row["takes"], list):
        raise TypeError("takes")
    for name in ("plan", "submission", "job_handle", "output", "error"):
        if not isinstance(row[name], dict | None):
            raise TypeError(name)
    plan, cue = row["plan"], row["plan"]["cue"]
    texts = [cue["source"], cue["prompt"], plan.get("folder", ""), plan.get("laying", {}).get("kind", "")]
    if submission := row["submission"]:
        texts += [submission["id"], *submission["data"]]
    if handle := row["job_handle"]:
        texts += [handle["request"], *handle["data"]]
    if output := row["output"]:
        texts += [output["folder"], output["file"], output["cost"]["currency"], *output["stems"], *output["others"]]
    texts += [claim["file"] for claim in row["takes"]]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("text expected")


def connect_ledger(path: Path | None = None) -> sqlite3.Connection:
    """Open the ledger. Create it if it does not exist, and upgrade an older version.

    Raises:
        LedgerError: it is damaged, from a newer version, locked by another program, or cannot be written.
        OutputError: its folder cannot be created.
    """
    path = path or ledger_path()
    if not path.exists():
        _create(path)
    if path.stat().st_size == 0:
        raise LedgerError(
            "ledger.empty",
            "The job ledger is an empty file: {path}. Restore it from a backup, or move it away to start a new one.",
            path=path,
        )
    with translated_errors(path):
        connection = _open_verified(path)
        try:
            _upgrade(connection, path)
            connection.executescript(TRANSITION_TRIGGERS + COST_TRIGGERS)
            connection.executemany("INSERT INTO temp.transitions VALUES (?, ?)", [each[:2] for each in TRANSITIONS])
        except BaseException:
            connection.close()
            raise
        return connection


def _open_verified(path: Path) -> sqlite3.Connection:
    # Autocommit (`isolation_level=None`): transactions are begun explicitly, by `Ledger.transaction`. One connection serves the
    # thread that opens it and the writer thread, one after the other.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        # Read before the first write: a file of another program, or of a newer version, must stay as it is.
        application_id = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        check_header(path, application_id, version)
        if path.stat().st_size <= MAX_CHECKED_BYTES:
            _check_pages(connection, path)
        # Write-ahead log: readers (`tracklay jobs`, a second Blender) never block the writer.
        connection.execute("PRAGMA journal_mode = WAL")
        # In WAL mode the default (NORMAL) syncs only at checkpoints: a power cut could lose the last commits. Each commit here
        # must be on disk before a paid request leaves. The writer batches operations to share the cost of the sync.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if found != "ok":
        raise damaged_ledger(path, found.strip().rpartition("\n")[2])


def check_header(path: Path, application_id: int, version: int) -> None:
    """Check that a file is a ledger, of this version or an older one.

    Raises:
        LedgerError: it is not.
    """
    if application_id != APPLICATION_ID:
        raise LedgerError(
            "ledger.foreign_file",
            "Not a job ledger of Tracklay: {path}. Move it away, or set TRACKLAY_HOME to another folder.",
            path=path,
        )
    if version > len(MIGRATIONS):
        raise LedgerError(
            "ledger.newer_version",
            "The job ledger was written by a newer version of Tracklay: {path} (version {version}, supported: {supported})."
            " Update Tracklay, or set TRACKLAY_HOME to another folder.",
            path=path,
            version=version,
            supported=len(MIGRATIONS),
        )


def _create(path: Path) -> None:
    """Create the ledger under a temporary name and link it into place: no process ever sees half of it.

    Two processes may do this at the same time. A hard link fails if the name exists, so one of them wins and both use its file.
    """
    ensure_folder(path.parent)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}-{secrets.token_hex(3)}.part{path.suffix}")
    try:
        if not settings.current().is_home_shared:
            # SQLite gives its other files (`-wal`, `-shm`) the same permissions.
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE_MODE))
        with (
            translated_errors(path),
            contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as connection,
        ):
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            run_migrations(connection, 0)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
        except OSError:
            if not path.exists():  # no hard links on this file system
                temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == len(MIGRATIONS):
        return
    backup = path.with_name(f"{path.stem}.version{version}{path.suffix}")
    with contextlib.closing(sqlite3.connect(backup)) as copy:
        connection.backup(copy)
    run_migrations(connection, version)


def run_migrations(connection: sqlite3.Connection, version: int) -> None:
    """Run all migrations from a version on in one transaction: if one fails, the ledger stays unchanged."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again under the write lock: another process may have upgraded the file in the meantime.
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for script in MIGRATIONS[version:]:
            for statement in filter(str.strip, script.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
