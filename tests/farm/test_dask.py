"""A work list on a real Dask cluster: scheduler and workers are processes of their own, and one is lost in mid-run."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest
from tracklay.batch.worklist import shard_of

from tests.clips import flash_clip
from tests.fakes import replicate as replicate_standin
from tests.fakes.replicate import Replicate
from tests.fakes.server import Server
from tests.farm.dask_cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
SHARDS, EACH, WORKERS = 4, 3, 2
ROWS = [
    row
    for shard in range(1, SHARDS + 1)
    for row in itertools.islice((f"s{n}" for n in itertools.count() if shard_of(f"s{n}", SHARDS) == shard), EACH)
]
"""Rows by their ids, as many in each shard: then it is known how many are begun when every worker has a shard."""
PATIENCE_SECONDS = 200.0


@pytest.fixture
def work(tmp_path):
    """A list of a dozen clips of a second for Replicate's stand-in."""
    (tmp_path / "plates").mkdir()
    first = flash_clip(tmp_path / "plates" / "first.mp4", Fraction(25), 25, (5,))
    text = "id,picture,folder,model,prompt,params.mode\n"
    for row in ROWS:
        os.link(first, tmp_path / "plates" / f"{row}.mp4")
        text += f"{row},plates/{row}.mp4,sound,replicate/mmaudio,rain,text\n"
    (tmp_path / "work.csv").write_text(text)
    return tmp_path / "work.csv"


def begun(work, address):
    """`tracklay batch --on` in a process of its own."""
    line = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "tracklay.cli.main",
        "batch",
        str(work),
        "--on",
        address,
        "--shards",
        str(SHARDS),
    ]
    return subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_list_is_made_although_a_worker_is_lost(work):
    """What it had begun is gone on with by the other: nothing is asked for twice, nothing is missing, and it is told as laid.

    It is lost while all that it began is known to be running there. A submission that a machine's end cuts short may be one that
    nobody knows of, and is a person's to decide: tests/jobs/test_kills.py has those.
    """
    with Server(Replicate()) as server:
        environment = {
            **os.environ,
            "TRACKLAY_REPLICATE_URL": server.url + "/v1",
            "REPLICATE_API_TOKEN": replicate_standin.TOKEN,
        }
        short, server.app.steps = server.app.steps, ("processing",) * 10**6  # nothing is done before the worker is lost
        with Cluster(WORKERS, environment) as cluster:
            run = begun(work, cluster.address)
            patience = time.monotonic() + PATIENCE_SECONDS
            while list(server.app.looks.values()).count(0) or len(server.app.looks) < WORKERS * EACH:
                assert time.monotonic() < patience, server.app.looks
                assert run.poll() is None, run.communicate()
                time.sleep(0.05)
            cluster.lose(0)
            server.app.steps = short
            out, said = run.communicate(timeout=PATIENCE_SECONDS)
        assert run.returncode == 0, out + said
        assert len(server.app.predictions) == len(ROWS)
    told = json.loads(work.with_name("work.tracklay.results.json").read_text())
    assert [(row["id"], row["state"]) for row in told["rows"]] == [(row, "laid") for row in ROWS]
    assert len(list(work.with_name("sound").glob("*.wav"))) == len(ROWS)
    assert len({row["take"]["request"] for row in told["rows"]}) == len(ROWS)
    assert f"{SHARDS} of {SHARDS} shards" in said


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("dask://127.0.0.1:1", "No Dask scheduler answers at 127.0.0.1:1"),
        ("http://127.0.0.1:1", "Not the address of a Dask scheduler: .http://127.0.0.1:1.. Use dask://HOST:PORT"),
    ],
)
def test_a_cluster_that_is_not_there_is_told(work, address, told, monkeypatch):
    """In one sentence, and nothing is begun."""
    monkeypatch.setattr("tracklay.batch.dask_cluster.CONNECT_TIMEOUT_SECONDS", 1)
    from tracklay.batch import dask_cluster
    from tracklay.errors import InvalidInput

    with pytest.raises(InvalidInput, match=told):
        list(dask_cluster.run_shards(address, ["batch", str(work)], None, len(ROWS)))
