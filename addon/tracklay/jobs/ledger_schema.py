"""The ledger's file: how it is made, opened, brought up from an older version, and what is said where that cannot be.

A ledger that cannot be used is left as it is: it may be all that is known of what was paid for.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from typing import TYPE_CHECKING

from ..errors import LedgerError
from ..paths import ensure_folder, tracklay_home
from .states import TRANSITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION_ID = 0x54724C79
"""SQLite's application id of our ledgers: `TrLy`."""

BUSY_SECONDS = 20.0
"""How long another writer is waited for: one of ours is done within milliseconds."""

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
)
"""What brings a ledger from version n to n + 1; version 0 is an empty file. A step is never changed once it was released."""

TRANSITION_TRIGGERS = """
    CREATE TEMP TABLE moves (before TEXT, after TEXT, PRIMARY KEY (before, after)) WITHOUT ROWID;
    CREATE TEMP TRIGGER guard BEFORE UPDATE OF state ON main.jobs
    WHEN NOT EXISTS (SELECT 1 FROM temp.moves WHERE before = OLD.state AND after = NEW.state)
    BEGIN SELECT RAISE(ABORT, 'a job may not move so'); END;
    CREATE TEMP TRIGGER birth BEFORE INSERT ON main.jobs WHEN NEW.state != 'planned'
    BEGIN SELECT RAISE(ABORT, 'a job begins as planned'); END;
"""
"""What refuses every move that is not in the table, in each connection that could make one."""


def ledger_path() -> Path:
    """Where the ledger is."""
    return tracklay_home() / "ledger.sqlite3"


@contextlib.contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Say what SQLite's complaints mean for a person.

    Raises:
        LedgerTrouble: with the sentence.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise LedgerError(_error_message(path, error)) from error


def _error_message(path: Path, error: sqlite3.DatabaseError) -> str:
    said = str(error)
    if "locked" in said or "busy" in said:
        return f"the ledger {path} is held by another program: end that one, or wait, and try again"
    if "readonly" in said or "read-only" in said or "unable to open" in said:
        return f"the ledger {path} may not be written to: free its folder, or name another one with TRACKLAY_HOME"
    if "full" in said:
        return f"no room left for the ledger {path}: free some space and run the same command again"
    if "disk I/O" in said:
        return f"the disk of the ledger {path} does not work ({said}): look at it, and try again"
    if isinstance(error, sqlite3.IntegrityError):
        return f"a fault in Tracklay itself, which the ledger refused: {said}"
    return (
        f"the ledger {path} is damaged ({said}): move it away and a new one is begun; it is kept as it is, "
        "for it says what was paid for"
    )


def connect_ledger(path: Path | None = None) -> sqlite3.Connection:
    """The ledger, made where there is none and brought up to this version.

    Raises:
        LedgerTrouble: it is damaged, from a newer version, held by another program, or may not be written to.
        OutputError: its folder cannot be made.
    """
    path = path or ledger_path()
    if not path.exists():
        _create(path)
    if path.stat().st_size == 0:
        raise LedgerError(
            f"the ledger {path} is empty, which none of ours ever is: put it back from a backup, or move it away to begin anew"
        )
    with translated_errors(path):
        connection = _open_verified(path)
        try:
            _upgrade(connection, path)
            connection.executescript(TRANSITION_TRIGGERS)
            connection.executemany("INSERT INTO temp.moves VALUES (?, ?)", [move[:2] for move in TRANSITIONS])
        except BaseException:
            connection.close()
            raise
        return connection


def _open_verified(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        # Asked before anything is written: somebody else's file, or a newer one, must stay as it is.
        mark = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        _check_header(path, mark, version)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_header(path: Path, application_id: int, version: int) -> None:
    if application_id != APPLICATION_ID:
        raise LedgerError(f"{path} is no ledger of Tracklay's: move it away, or name another folder with TRACKLAY_HOME")
    if version > len(MIGRATIONS):
        raise LedgerError(
            f"the ledger {path} was written by a newer Tracklay (its version is {version}, this one knows {len(MIGRATIONS)}): "
            "use that one, or name another folder with TRACKLAY_HOME"
        )


def _create(path: Path) -> None:
    """Make the ledger beside and link it into place: there is never half of one, whoever else makes one now."""
    ensure_folder(path.parent)
    beside = path.with_name(f".{path.stem}.{os.getpid()}-{secrets.token_hex(3)}.part{path.suffix}")
    try:
        with translated_errors(path), contextlib.closing(sqlite3.connect(beside, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            _run_migrations(connection, 0)
        try:
            os.link(beside, path)
        except FileExistsError:
            return
        except OSError:
            if not path.exists():  # no hard links on this file system
                beside.rename(path)
    finally:
        beside.unlink(missing_ok=True)


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == len(MIGRATIONS):
        return
    kept = path.with_name(f"{path.stem}.version{version}{path.suffix}")
    with contextlib.closing(sqlite3.connect(kept)) as copy:
        connection.backup(copy)
    _run_migrations(connection, version)


def _run_migrations(connection: sqlite3.Connection, version: int) -> None:
    """All steps from a version on as one: a step that fails leaves the ledger as it was."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]  # another process may have done it meanwhile
        for step in MIGRATIONS[version:]:
            for statement in filter(str.strip, step.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
