"""A work list that is killed or terminated at any moment: the next run generates nothing twice and leaves nothing out."""

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
ROWS = 8
PATIENCE_SECONDS = 120.0

SOON = """
import sys
from tracklay.cli.main import main
from tracklay.providers import base
base.FIND_PAUSES = (0.2, 0.2)
sys.exit(main())
"""
"""The command with short waits for a lost submission: the fake server lists it at once."""


def begun(path, replicate):
    """Start the command in a new process."""
    line = [sys.executable, "-c", SOON, "batch", str(path), "--no-report", "--json"]
    return subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def wait_until(run, happened):
    """Wait for something while the command runs."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < patience
        assert run.poll() is None, run.communicate()
        time.sleep(0.02)


@pytest.mark.parametrize("after", [1, 5])
def test_a_killed_run_is_resumed_without_double_submissions(replicate, clips, listed, tmp_path, after):
    """Killed with its child processes after a number of submissions; rows have random seeds. An unknown submission is unclear."""
    names = [f"s{number}" for number in range(ROWS)]
    clips(*names)
    path = listed(hosted(*names))
    run = begun(path, replicate)
    wait_until(run, lambda: len(replicate.app.predictions) >= after)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    run = begun(path, replicate)
    out, stderr = run.communicate(timeout=PATIENCE_SECONDS)
    content = json.loads(out)
    unclear = [row for row in content["rows"] if row["state"] == "unclear"]
    assert run.returncode == (1 if unclear else 0), stderr
    assert [row["id"] for row in content["rows"]] == names
    assert {row["state"] for row in content["rows"]} <= {"laid", "unclear"}
    # An unclear one left no answer: it may have arrived, or been killed on its way.
    assert ROWS - len(unclear) <= len(replicate.app.predictions) <= ROWS
    assert len(takes_in(tmp_path / "sound")) == ROWS - len(unclear)
    assert len({row["take"]["request"] for row in content["rows"] if row["take"]}) == ROWS - len(unclear)


def test_a_terminated_run_can_be_resumed(replicate, clips, listed, tmp_path):
    """On SIGTERM it writes the results so far and exits with 130; the next run resumes it."""
    names = [f"s{number}" for number in range(ROWS)]
    clips(*names)
    path = listed(hosted(*names))
    replicate.app.steps = ("processing",) * 40
    run = begun(path, replicate)
    wait_until(run, lambda: replicate.app.predictions)
    run.send_signal(signal.SIGTERM)
    _, stderr = run.communicate(timeout=PATIENCE_SECONDS)
    assert run.returncode == 130
    assert b"Interrupted. Run the same command again to continue." in stderr
    content = json.loads((tmp_path / "work.tracklay.results.json").read_text())
    assert "waiting" in {row["state"] for row in content["rows"]}
    replicate.app.steps = ("processing",)
    out, stderr = begun(path, replicate).communicate(timeout=PATIENCE_SECONDS)
    assert {row["state"] for row in json.loads(out)["rows"]} == {"laid"}
    assert len(replicate.app.predictions) == ROWS


def test_two_processes_never_run_the_same_rows(replicate, clips, listed, tmp_path, capsys):
    """The same list or a shard of it is rejected while another process runs it, and nothing more is submitted."""
    names = [f"s{number}" for number in range(4)]
    clips(*names)
    path = listed(hosted(*names))
    replicate.app.steps = ("processing",) * 100_000
    run = begun(path, replicate)
    wait_until(run, lambda: len(replicate.app.predictions) == len(names))
    assert main(["batch", str(path)]) == 2
    assert "Another process is running the same task" in capsys.readouterr().err
    assert main(["batch", str(path), "--shard", "1/1"]) == 2
    assert "row 's0' (line 7): Another process is running this row." in capsys.readouterr().err
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert len(replicate.app.predictions) == len(names)


def test_a_run_that_cannot_start_keeps_the_results(clips, listed, batch, clicking, home, capsys):
    """Takes and verdicts are not lost with the ledger."""
    clips("a", "b")
    path = listed(LIST)
    _, content = batch(path)
    for name in ("ledger.sqlite3", "ledger.sqlite3-wal"):
        (home / name).unlink(missing_ok=True)
    (home / "ledger.sqlite3").write_bytes(b"no ledger at all" * 300)
    assert main(["batch", str(path)]) == 1
    assert "ledger" in capsys.readouterr().err
    assert json.loads(path.with_name("work.tracklay.results.json").read_text()) == content
