"""A damaged ledger: one sentence from every command, and a repair that saves what can be read."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from fractions import Fraction

import pytest
from tracklay.cli.main import main
from tracklay.jobs import ledger_schema
from tracklay.jobs.ledger import Ledger, NewJob

from tests.clips import flash_clip

COMMANDS = (
    ["jobs"],
    ["jobs", "--all"],
    ["jobs", "resume"],
    ["jobs", "collect"],
    ["jobs", "cancel", "3"],
    ["jobs", "discard", "2"],
)


@pytest.fixture
def clip(tmp_path):
    """Return a second of picture."""
    return flash_clip(tmp_path / "clip.mp4", Fraction(25), 25, (5,))


LEDGER: list[bytes] = []
"""The ledger of the first test, for all."""


@pytest.fixture
def ledger(home, clip, clicking, monkeypatch):
    """Fill a ledger with three laid jobs, and forty that are planned for a model that does not exist."""
    monkeypatch.setattr(ledger_schema, "BUSY_SECONDS", 0.1)
    if LEDGER:
        ledger_schema.ledger_path().write_bytes(LEDGER[0])
        return ledger_schema.ledger_path()
    for seed in ("1", "2", "3"):
        assert main(["lay", str(clip), "--model", "clicker/clicks", "--seed", seed, "--json"]) == 0
    path = ledger_schema.ledger_path()
    opened = Ledger()
    plan = opened.get_job(1).plan
    numbers = opened.add_jobs(
        (NewJob("r", str(clip.parent), str(n), 0, "gone/model", "gone", n, plan, "k") for n in range(40)), "me"
    )
    opened.release_jobs("me", *numbers)
    opened.set_cap("run:r", "5")
    opened.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    LEDGER.append(path.read_bytes())
    return path


def change(path, sql, *values):
    """Change the ledger as another program would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


def assert_one_sentence(capsys, command) -> int:
    """Run a command and return its status. It prints one line that starts as ours, or works."""
    capsys.readouterr()
    status = main(command)
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    if status:
        assert all(line.startswith("tracklay: ") for line in shown.err.splitlines()), shown.err
    return status


def test_a_ledger_that_was_cut_off_is_saved_as_far_as_it_goes(ledger, capsys):
    """SQLite refuses a file that is shorter than its header says, though most of it can be read."""
    whole = ledger.read_bytes()
    ledger.write_bytes(whole[: len(whole) - 4096])
    assert assert_one_sentence(capsys, ["jobs"]) == 1
    assert main(["jobs", "repair"]) == 0
    assert "Saved" in capsys.readouterr().err
    assert assert_one_sentence(capsys, ["jobs", "--all"]) == 0


def test_a_ledger_of_which_nothing_is_left_is_not_sent_back_to_the_repair(ledger, capsys):
    """The repair says what else to do."""
    ledger.write_bytes(bytes(8192))
    assert main(["jobs", "repair"]) == 1
    output = capsys.readouterr().err
    assert "No job can be read" in output
    assert "jobs repair" not in output


RATE = "1/0"

DAMAGED_ROWS = {
    "an unknown state": ("state", "sleeping"),
    "a plan that is no JSON": ("plan", "{"),
    "a plan without a cue": ("plan", "{}"),
    "a plan of another type": ("plan", "[1]"),
    "a plan with another rate": ("plan", RATE),
    "takes that are no list": ("takes", "{}"),
    "takes of another type": ("takes", '[{"file": 3}]'),
    "an output that is no JSON": ("output", "\x00"),
    "an output of another type": ("output", '{"folder": 1}'),
    "a handle without its data": ("job_handle", '{"request": 7}'),
    "a submission of another type": ("submission", "7"),
    "an error that is no JSON": ("error", "NaN,"),
    "a state without its column": ("job_handle", None),
}


@pytest.mark.parametrize("name", DAMAGED_ROWS)
def test_a_damaged_row_is_one_sentence_and_can_be_repaired(ledger, clip, capsys, name):
    """Every other job is saved as it is; the damaged one as far as it can be read, and what is lost is listed."""
    column, value = DAMAGED_ROWS[name]
    if value == RATE:
        opened = Ledger()
        plan = json.loads(json.dumps(dict(opened.get_job(2).plan)))
        opened.close()
        plan["cue"]["span"][2] = RATE
        value = json.dumps(plan)
    if name == "a state without its column":
        change(ledger, "UPDATE jobs SET state = 'fetching' WHERE id = 2")
    change(ledger, f"UPDATE jobs SET {column} = ? WHERE id = 2", value)  # noqa: S608
    for command in COMMANDS[:1] + COMMANDS[2:5]:
        assert_one_sentence(capsys, command)
    before = ledger.read_bytes()
    status = main(["jobs", "repair"])
    shown = capsys.readouterr().err
    is_lost = column == "plan"
    assert status == int(is_lost), shown
    repaired = Ledger()
    jobs = {job.id: job for job in repaired.all_jobs()}
    assert repaired.get_cap("run:r") == "5"
    repaired.close()
    assert f"Saved {43 - is_lost} jobs" in shown
    assert (2 not in jobs) is is_lost
    assert all(jobs[number].state == "laid" for number in (1, 3))
    if "state" in name:
        assert jobs[2].state == "unclear"
    (kept,) = ledger.parent.glob("ledger.damaged-*.sqlite3")
    assert kept.read_bytes() == before
    if is_lost:
        (lost,) = json.loads(kept.with_suffix(".lost.json").read_text("utf-8"))
        assert lost["id"] == 2
    assert main(["jobs", "--all"]) == 0


def test_an_intact_ledger_is_left_alone(ledger, capsys):
    """Repair says so, and changes nothing."""
    before = ledger.read_bytes()
    assert main(["jobs", "repair"]) == 0
    assert "intact: 43 jobs" in capsys.readouterr().err
    assert ledger.read_bytes() == before
    assert not list(ledger.parent.glob("ledger.damaged-*"))


@pytest.mark.parametrize("seed", range(8))
def test_damaged_bytes_are_one_sentence_and_most_jobs_are_saved(ledger, capsys, seed):
    """Pages are overwritten at random, none of the first two: no command fails in another way, and a repair ends well."""
    chance = random.Random(seed)  # noqa: S311 - the same damage in every run
    data = bytearray(ledger.read_bytes())
    for _ in range(1 + seed % 3):
        at = chance.randrange(2 * 4096, len(data))
        length = chance.choice((1, 16, 4096))
        data[at : at + length] = chance.randbytes(len(data[at : at + length]))
    ledger.write_bytes(data)
    for command in COMMANDS:
        assert_one_sentence(capsys, command)
    if assert_one_sentence(capsys, ["jobs", "--all"]):
        assert_one_sentence(capsys, ["jobs", "repair"])
        assert main(["jobs", "--all"]) == 0
        repaired = Ledger()
        assert len(repaired.all_jobs()) >= 5
        repaired.close()


@pytest.mark.parametrize("content", [b"", b"my notes\n" * 100, bytes(9000)])
def test_where_nothing_can_be_read_nothing_is_replaced(home, capsys, content):
    """The file may be the user's own: it stays as it is."""
    path = ledger_schema.ledger_path()
    path.write_bytes(content)
    assert main(["jobs", "repair"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert path.read_bytes() == content
    assert [each.name for each in path.parent.glob("ledger*")] == [path.name]
