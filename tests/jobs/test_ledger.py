"""The ledger's file: made once, brought up, refused in a sentence when it is bad; and who may carry a job."""

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


def plan(cue: str = "1", wish: str = "wish") -> NewJob:
    """What a job begins with."""
    return NewJob("run", "project", cue, 0, "a/b", "a", 7, {"cue": {"source": "clip.mp4", "prompt": ""}}, wish)


@pytest.fixture
def kept(home):
    """A ledger with two hundred jobs, closed; its path."""
    ledger = Ledger()
    with ledger.transaction():
        ledger.add_jobs([plan(str(number)) for number in range(200)], "nobody")
    ledger.close()
    return ledger_schema.ledger_path()


def text_file(path):
    """Somebody's notes."""
    path.write_text("my notes\n" * 100)


def other_database(path):
    """Another program's database."""
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (a)")
    connection.commit()
    connection.close()


def newer(path):
    """As a later version would write it."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(ledger_schema.MIGRATIONS) + 1}")
    connection.commit()
    connection.close()


BAD = {
    "cut in half": (lambda path: os.truncate(path, path.stat().st_size // 2), "is damaged"),
    "cut within its first page": (lambda path: os.truncate(path, 1000), "is damaged"),
    "emptied": (lambda path: os.truncate(path, 0), "is empty"),
    "overwritten": (lambda path: path.write_bytes(b"\0" * 9000), "is damaged"),
    "a text file": (text_file, "is damaged"),
    "another program's": (other_database, "is no ledger of Tracklay's"),
    "from a newer version": (newer, "written by a newer Tracklay"),
}


@pytest.mark.parametrize("wrong", BAD)
@pytest.mark.parametrize("command", ["jobs", "resume", "lay"])
def test_a_bad_ledger_is_told_in_a_sentence_and_kept(kept, tmp_path, capsys, wrong, command):
    """Status 1, one line that names the file, nothing sent or made, and not a byte of the file changed."""
    spoil, words = BAD[wrong]
    spoil(kept)
    before = kept.read_bytes()
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 10, ())
    arguments = {"jobs": ["jobs"], "resume": ["jobs", "resume"], "lay": ["lay", str(clip), "--json"]}[command]
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert words in told.err
    assert str(kept) in told.err
    assert kept.read_bytes() == before


def test_a_ledger_that_another_program_holds_is_told(kept, capsys, monkeypatch):
    """After the time that one of ours would need."""
    monkeypatch.setattr(ledger_schema, "BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(kept, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    assert main(["jobs"]) == 1
    told = capsys.readouterr().err
    assert "is held by another program" in told
    assert told.count("\n") == 1
    holder.close()
    assert main(["jobs"]) == 0


def test_an_older_ledger_is_brought_up_and_a_copy_kept(kept, monkeypatch):
    """Its rows stay; the copy is what was there before."""
    monkeypatch.setattr(
        ledger_schema,
        "MIGRATIONS",
        (*ledger_schema.MIGRATIONS, "ALTER TABLE jobs ADD COLUMN mood TEXT; UPDATE jobs SET mood = 'calm'"),
    )
    connection = ledger_schema.connect_ledger()
    assert connection.execute("SELECT count(*), min(mood) FROM jobs").fetchone()[:] == (200, "calm")
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(ledger_schema.MIGRATIONS)
    connection.close()
    copy = sqlite3.connect(kept.with_name("ledger.version1.sqlite3"))
    assert copy.execute("SELECT count(*) FROM jobs").fetchone()[0] == 200
    assert "mood" not in [row[1] for row in copy.execute("PRAGMA table_info(jobs)")]
    copy.close()


def test_a_way_up_that_fails_leaves_the_ledger_as_it_was(kept, monkeypatch):
    """All steps are one."""
    steps = (*ledger_schema.MIGRATIONS, "ALTER TABLE jobs ADD COLUMN mood TEXT", "UPDATE nothing SET x = 1")
    with monkeypatch.context() as patched:
        patched.setattr(ledger_schema, "MIGRATIONS", steps)
        with pytest.raises(LedgerError):
            ledger_schema.connect_ledger()
    ledger = Ledger()
    assert ledger.is_intact()
    assert len(ledger.open_job_ids()) == 200
    ledger.close()


def test_many_make_the_ledger_at_once(home):
    """There is one, and everybody's rows are in it."""
    begin = threading.Barrier(8)
    wrong: list[Exception] = []

    def one() -> None:
        begin.wait()
        try:
            ledger = Ledger()
            with ledger.transaction():
                ledger.add_jobs([plan()], "me")
            ledger.close()
        except Exception as error:  # noqa: BLE001 - told below
            wrong.append(error)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    ledger = Ledger()
    assert len(ledger.open_job_ids()) == 8
    ledger.close()
    assert not [path for path in home.iterdir() if ".part" in path.name]


def test_a_job_is_claimed_once(kept):
    """Of two that want it, the second gets nothing."""
    one, other = Ledger(), Ledger()
    assert one.claim_job(5, "one", "nobody")
    assert other.claim_job(5, "other", "nobody") is None
    assert other.get_job(5).owner == "one"
    one.close()
    other.close()


def test_the_living_keep_their_jobs_and_the_dead_do_not(home):
    """A process that was killed holds its lock no longer; one that stopped without dying still does."""
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


def test_an_owner_lets_go_when_it_is_closed(home):
    """Nothing is left of it."""
    mine = ProcessLock()
    assert process_lock.is_alive(mine.token)
    mine.close()
    assert not process_lock.is_alive(mine.token)
    assert list((home / "running").iterdir()) == []


def test_what_is_refused_spoils_no_other_job(home):
    """Twenty write at once, and one of them wrongly: nineteen are on disk."""
    import asyncio

    desk = LedgerWriter(Ledger)

    async def all_of_them():
        await desk(Ledger.add_jobs, [plan(str(number)) for number in range(20)], "me")
        jobs = [await desk(Ledger.get_job, number) for number in range(1, 21)]
        moves = (desk(Ledger.transition, job, "laid" if job.id == 7 else "extracting") for job in jobs)
        return await asyncio.gather(*moves, return_exceptions=True)

    results = asyncio.run(all_of_them())
    assert [number for number, result in enumerate(results, 1) if isinstance(result, LedgerError)] == [7]
    desk.close()
    ledger = Ledger()
    assert {ledger.get_job(number).state for number in range(1, 21) if number != 7} == {"extracting"}
    assert ledger.get_job(7).state == "planned"
    ledger.close()


def test_a_hash_is_read_again_when_the_file_changed(home, tmp_path):
    """Known by size and time of change."""
    file, ledger = tmp_path / "clip.mp4", Ledger()
    file.write_bytes(b"one")
    seen = file.stat()
    ledger.save_file_hash(file, seen.st_size, seen.st_mtime_ns, "abc")
    assert ledger.get_file_hash(file) == "abc"
    file.write_bytes(b"other")
    assert ledger.get_file_hash(file) is None
    ledger.close()


def test_the_jobs_are_told_as_json(kept, capsys):
    """What a script reads: rows and sums."""
    assert main(["jobs", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["jobs"]) == 200
    assert {"id", "state", "model", "provider", "seed", "cost", "words"} <= told["jobs"][0].keys()
    assert set(told["sums"]) == {"provider", "project", "day"}


def test_no_ledger_is_no_jobs(home, capsys):
    """And none is made by looking."""
    assert main(["jobs"]) == 0
    assert "no jobs" in capsys.readouterr().out
    assert list(home.iterdir()) == []
