"""A work list on a real Dask cluster: scheduler and workers are separate processes, and one is killed during the run."""

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
from tests.fakes import replicate as fake_replicate
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
"""Row ids, the same number in each shard: the number of jobs that start when every worker has a shard is then known."""
TIMEOUT_SECONDS = 200.0


@pytest.fixture
def work(tmp_path):
    """Write a list of twelve one-second clips for the fake Replicate server."""
    (tmp_path / "plates").mkdir()
    first = flash_clip(tmp_path / "plates" / "first.mp4", Fraction(25), 25, (5,))
    text = "id,picture,folder,model,prompt,params.mode\n"
    for row in ROWS:
        os.link(first, tmp_path / "plates" / f"{row}.mp4")
        text += f"{row},plates/{row}.mp4,sound,replicate/mmaudio,rain,text\n"
    (tmp_path / "work.csv").write_text(text)
    return tmp_path / "work.csv"


def start_batch(work, address):
    """Start `tracklay batch --on` in a separate process."""
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


def test_a_list_is_completed_although_a_worker_is_lost(work):
    """The other worker continues its jobs: none is submitted twice, none is missing, and all are reported as laid.

    The worker is killed while all its submitted jobs are running at the provider. Interrupted submissions, whose status is
    unknown and left to the user, are tested in tests/jobs/test_kills.py.
    """
    with Server(Replicate()) as server:
        environment = {
            **os.environ,
            "TRACKLAY_REPLICATE_URL": server.url + "/v1",
            "REPLICATE_API_TOKEN": fake_replicate.TOKEN,
        }
        short, server.app.steps = (
            server.app.steps,
            ("processing",) * 10**6,
        )  # no job finishes before the worker is killed
        with Cluster(WORKERS, environment) as cluster:
            run = start_batch(work, cluster.address)
            deadline = time.monotonic() + TIMEOUT_SECONDS
            while list(server.app.looks.values()).count(0) or len(server.app.looks) < WORKERS * EACH:
                assert time.monotonic() < deadline, server.app.looks
                assert run.poll() is None, run.communicate()
                time.sleep(0.05)
            cluster.lose(0)
            server.app.steps = short
            out, err = run.communicate(timeout=TIMEOUT_SECONDS)
        assert run.returncode == 0, out + err
        assert len(server.app.predictions) == len(ROWS)
    written = json.loads(work.with_name("work.tracklay.results.json").read_text())
    assert [(row["id"], row["state"]) for row in written["rows"]] == [(row, "laid") for row in ROWS]
    assert len(list(work.with_name("sound").glob("*.wav"))) == len(ROWS)
    assert len({row["take"]["request"] for row in written["rows"]}) == len(ROWS)
    assert f"{SHARDS} of {SHARDS} shards" in err


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("dask://127.0.0.1:1", "No Dask scheduler answers at 127.0.0.1:1"),
        ("http://127.0.0.1:1", "Not the address of a Dask scheduler: .http://127.0.0.1:1.. Use dask://HOST:PORT"),
    ],
)
def test_an_unreachable_cluster_is_reported(work, address, message, monkeypatch):
    """In one line, and no job starts."""
    monkeypatch.setattr("tracklay.batch.dask_cluster.CONNECT_TIMEOUT_SECONDS", 1)
    from tracklay.batch import dask_cluster
    from tracklay.errors import InvalidInput

    with pytest.raises(InvalidInput, match=message):
        list(dask_cluster.run_shards(address, ["batch", str(work)], None, len(ROWS)))
