"""A work list that is killed, or told to end, at any moment: the same command again makes nothing twice and misses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tracklay.cli.main import main

from tests.batch.test_executor import LIST, hosted, takes_in

ROOT = Path(__file__).resolve().parents[2]
ROWS = 12
PATIENCE_SECONDS = 120.0

SOON = """
import sys
from tracklay.cli.main import main
from tracklay.providers import base
base.FIND_PAUSES = (0.2, 0.2)
sys.exit(main())
"""
"""The command, which looks for a lost submission without long waits: the stand-in's list shows it at once."""


def begun(path, replicate):
    """The command in a process of its own."""
    line = [sys.executable, "-c", SOON, "batch", str(path), "--no-report", "--json"]
    return subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def wait_until(run, happened):
    """Wait for something while the command runs."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < patience
        assert run.poll() is None, run.communicate()
        time.sleep(0.02)


@pytest.mark.parametrize("after", [1, 6])
def test_killed_and_run_again_nothing_is_made_twice(replicate, clips, listed, tmp_path, after):
    """Killed with all that it started, when so many submissions have arrived; rows draw their seeds. What nobody can know is told so."""
    names = [f"s{number}" for number in range(ROWS)]
    clips(*names)
    path = listed(hosted(*names))
    run = begun(path, replicate)
    wait_until(run, lambda: len(replicate.app.predictions) >= after)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    run = begun(path, replicate)
    out, said = run.communicate(timeout=PATIENCE_SECONDS)
    told = json.loads(out)
    unclear = [row for row in told["rows"] if row["state"] == "unclear"]
    assert run.returncode == (1 if unclear else 0), said
    assert [row["id"] for row in told["rows"]] == names
    assert {row["state"] for row in told["rows"]} <= {"laid", "unclear"}
    # An unclear one left no answer: it may have arrived, or been killed on its way.
    assert ROWS - len(unclear) <= len(replicate.app.predictions) <= ROWS
    assert len(takes_in(tmp_path / "sound")) == ROWS - len(unclear)
    assert len({row["take"]["request"] for row in told["rows"] if row["take"]}) == ROWS - len(unclear)


def test_a_farms_manager_may_have_it_end(replicate, clips, listed, tmp_path):
    """Told to end, it lets go, writes what came of it so far, and says 130; the same again goes on."""
    names = [f"s{number}" for number in range(ROWS)]
    clips(*names)
    path = listed(hosted(*names))
    replicate.app.steps = ("processing",) * 40
    run = begun(path, replicate)
    wait_until(run, lambda: replicate.app.predictions)
    run.send_signal(signal.SIGTERM)
    _, said = run.communicate(timeout=PATIENCE_SECONDS)
    assert run.returncode == 130
    assert b"Interrupted. Run the same command again" in said
    told = json.loads((tmp_path / "work.tracklay.results.json").read_text())
    assert "waiting" in {row["state"] for row in told["rows"]}
    replicate.app.steps = ("processing",)
    out, said = begun(path, replicate).communicate(timeout=PATIENCE_SECONDS)
    assert {row["state"] for row in json.loads(out)["rows"]} == {"laid"}
    assert len(replicate.app.predictions) == ROWS


def test_two_processes_never_make_the_same_rows(replicate, clips, listed, tmp_path, capsys):
    """The same list again, or a shard of it, is refused while another process has it in hand, and nothing more is asked for."""
    names = [f"s{number}" for number in range(4)]
    clips(*names)
    path = listed(hosted(*names))
    replicate.app.steps = ("processing",) * 100_000
    run = begun(path, replicate)
    wait_until(run, lambda: len(replicate.app.predictions) == len(names))
    assert main(["batch", str(path)]) == 2
    assert "another process is at work on just this" in capsys.readouterr().err
    assert main(["batch", str(path), "--shard", "1/1"]) == 2
    assert "row 's0' (line 7): another process is at work on it" in capsys.readouterr().err
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert len(replicate.app.predictions) == len(names)


def test_a_run_that_cannot_begin_leaves_the_results_as_they_were(clips, listed, batch, clicking, home, capsys):
    """What is known of takes, and what a person said of them, is not lost with a ledger."""
    clips("a", "b")
    path = listed(LIST)
    _, told = batch(path)
    for name in ("ledger.sqlite3", "ledger.sqlite3-wal"):
        (home / name).unlink(missing_ok=True)
    (home / "ledger.sqlite3").write_bytes(b"no ledger at all" * 300)
    assert main(["batch", str(path)]) == 1
    assert "ledger" in capsys.readouterr().err
    assert json.loads(path.with_name("work.tracklay.results.json").read_text()) == told
