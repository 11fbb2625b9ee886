"""The ledger's file: created once, upgraded, refused with one message if it is bad; and the ownership of jobs."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from fractions import Fraction

import pytest
from tracklay.cli.main import main
from tracklay.errors import LedgerError
from tracklay.jobs import ledger_schema, process_lock
from tracklay.jobs.ledger import Ledger, NewJob
from tracklay.jobs.ledger_writer import LedgerWriter
from tracklay.jobs.process_lock import ProcessLock

from tests.clips import flash_clip


def new_job(cue: str = "1", request_key: str = "key") -> NewJob:
    """Return the columns of a new job."""
    return NewJob("run", "project", cue, 0, "a/b", "a", 7, {"cue": {"source": "clip.mp4", "prompt": ""}}, request_key)


@pytest.fixture
def kept(home):
    """Write a ledger with two hundred jobs, and return its path."""
    ledger = Ledger()
    with ledger.transaction():
        ledger.add_jobs([new_job(str(number)) for number in range(200)], "gone")
    ledger.close()
    return ledger_schema.ledger_path()


def text_file(path):
    """Replace the ledger by notes of the user."""
    path.write_text("my notes\n" * 100)


def other_database(path):
    """Replace the ledger by another program's database."""
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (a)")
    connection.commit()
    connection.close()


def newer(path):
    """Mark the ledger as written by a later version."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(ledger_schema.MIGRATIONS) + 1}")
    connection.commit()
    connection.close()


BAD = {
    "cut in half": (lambda path: os.truncate(path, path.stat().st_size // 2), "is damaged"),
    "cut within its first page": (lambda path: os.truncate(path, 1000), "is damaged"),
    "emptied": (lambda path: os.truncate(path, 0), "is an empty file"),
    "overwritten": (lambda path: path.write_bytes(b"\0" * 9000), "is damaged"),
    "a text file": (text_file, "is damaged"),
    "another program's": (other_database, "Not a job ledger of Tracklay"),
    "from a newer version": (newer, "written by a newer version"),
}


@pytest.mark.parametrize("wrong", BAD)
@pytest.mark.parametrize("command", ["jobs", "resume", "lay"])
def test_a_bad_ledger_is_reported_and_kept(kept, tmp_path, capsys, wrong, command):
    """Status 1, one line that names the file, nothing sent or made, and no byte of the file changed."""
    damage, message = BAD[wrong]
    damage(kept)
    before = kept.read_bytes()
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 10, ())
    arguments = {"jobs": ["jobs"], "resume": ["jobs", "resume"], "lay": ["lay", str(clip), "--json"]}[command]
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert message in output.err
    assert str(kept) in output.err
    assert kept.read_bytes() == before


def test_a_ledger_that_another_program_locks_is_reported(kept, capsys, monkeypatch):
    """After the longest time that one of our own transactions could take."""
    monkeypatch.setattr(ledger_schema, "BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(kept, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    assert main(["jobs"]) == 1
    message = capsys.readouterr().err
    assert "locked by another program" in message
    assert message.count("\n") == 1
    holder.close()
    assert main(["jobs"]) == 0


def test_an_older_ledger_is_upgraded_and_a_copy_kept(kept, monkeypatch):
    """Its rows stay; the copy has the old schema."""
    version = len(ledger_schema.MIGRATIONS)
    monkeypatch.setattr(
        ledger_schema,
        "MIGRATIONS",
        (*ledger_schema.MIGRATIONS, "ALTER TABLE jobs ADD COLUMN mood TEXT; UPDATE jobs SET mood = 'calm'"),
    )
    connection = ledger_schema.connect_ledger()
    assert connection.execute("SELECT count(*), min(mood) FROM jobs").fetchone()[:] == (200, "calm")
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(ledger_schema.MIGRATIONS)
    connection.close()
    copy = sqlite3.connect(kept.with_name(f"ledger.version{version}.sqlite3"))
    assert copy.execute("SELECT count(*) FROM jobs").fetchone()[0] == 200
    assert "mood" not in [row[1] for row in copy.execute("PRAGMA table_info(jobs)")]
    copy.close()


def test_a_failed_upgrade_leaves_the_ledger_unchanged(kept, monkeypatch):
    """All migrations are one transaction."""
    migrations = (*ledger_schema.MIGRATIONS, "ALTER TABLE jobs ADD COLUMN mood TEXT", "UPDATE nothing SET x = 1")
    with monkeypatch.context() as patched:
        patched.setattr(ledger_schema, "MIGRATIONS", migrations)
        with pytest.raises(LedgerError):
            ledger_schema.connect_ledger()
    ledger = Ledger()
    assert ledger.is_intact()
    assert len(ledger.open_job_ids()) == 200
    ledger.close()


def test_many_threads_create_the_ledger_at_once(home):
    """There is one ledger, with the rows of all of them."""
    barrier = threading.Barrier(8)
    errors: list[Exception] = []

    def create() -> None:
        barrier.wait()
        try:
            ledger = Ledger()
            with ledger.transaction():
                ledger.add_jobs([new_job()], "me")
            ledger.close()
        except Exception as error:  # noqa: BLE001 - asserted below
            errors.append(error)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    ledger = Ledger()
    assert len(ledger.open_job_ids()) == 8
    ledger.close()
    assert not [path for path in home.iterdir() if ".part" in path.name]


def test_a_job_is_claimed_once(kept):
    """Of two processes that claim it, the second gets nothing."""
    one, other = Ledger(), Ledger()
    assert one.claim_job(5, "one", "gone")
    assert other.claim_job(5, "other", "gone") is None
    assert other.get_job(5).owner == "one"
    one.close()
    other.close()


def test_a_killed_process_is_a_stale_owner(home):
    """It holds its lock while it lives, even if it does nothing, and no longer after it was killed."""
    script = "from tracklay.jobs.process_lock import ProcessLock; owner = ProcessLock(); print(owner.token, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        token = process.stdout.readline().strip()
        assert process_lock.is_alive(token)
        assert process_lock.stale_tokens() == []
        process.kill()
    assert not process_lock.is_alive(token)
    assert process_lock.stale_tokens() == [token]
    process_lock.remove_stale(token)
    assert process_lock.stale_tokens() == []


def test_a_closed_lock_leaves_no_file(home):
    """Its owner is not alive any more."""
    lock = ProcessLock()
    assert process_lock.is_alive(lock.token)
    lock.close()
    assert not process_lock.is_alive(lock.token)
    assert list((home / "running").iterdir()) == []


def test_a_refused_write_affects_no_other_job(home):
    """Of twenty transitions in one batch one is not allowed: nineteen are on disk."""
    import asyncio

    writer = LedgerWriter(Ledger)

    async def write_all():
        await writer(Ledger.add_jobs, [new_job(str(number)) for number in range(20)], "me")
        jobs = [await writer(Ledger.get_job, number) for number in range(1, 21)]
        transitions = (writer(Ledger.transition, job, "laid" if job.id == 7 else "extracting") for job in jobs)
        return await asyncio.gather(*transitions, return_exceptions=True)

    results = asyncio.run(write_all())
    assert [number for number, result in enumerate(results, 1) if isinstance(result, LedgerError)] == [7]
    writer.close()
    ledger = Ledger()
    assert {ledger.get_job(number).state for number in range(1, 21) if number != 7} == {"extracting"}
    assert ledger.get_job(7).state == "planned"
    ledger.close()


def test_a_stored_hash_is_not_used_for_a_changed_file(home, tmp_path):
    """Size and modification time decide."""
    file, ledger = tmp_path / "clip.mp4", Ledger()
    file.write_bytes(b"one")
    stat = file.stat()
    ledger.save_file_hash(file, stat.st_size, stat.st_mtime_ns, "abc")
    assert ledger.get_file_hash(file) == "abc"
    file.write_bytes(b"other")
    assert ledger.get_file_hash(file) is None
    ledger.close()


def test_jobs_are_listed_as_json(kept, capsys):
    """Rows and sums, for scripts."""
    assert main(["jobs", "--json"]) == 0
    listing = json.loads(capsys.readouterr().out)
    assert len(listing["jobs"]) == 200
    assert {"id", "state", "model", "provider", "seed", "cost", "message", "error"} <= listing["jobs"][0].keys()
    assert set(listing["sums"]) == {"provider", "project", "model", "month", "day"}


def test_no_ledger_is_no_jobs(home, capsys):
    """Listing does not create one."""
    assert main(["jobs"]) == 0
    assert "no jobs" in capsys.readouterr().out
    assert list(home.iterdir()) == []
