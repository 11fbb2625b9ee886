"""A Dask cluster on this machine: a scheduler and workers, each a separate process, as on separate machines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0


class Cluster:
    """`with Cluster(2, environment) as cluster:` gives its address to `tracklay batch --on`."""

    def __init__(self, workers: int, environment: dict[str, str]) -> None:
        self._count = workers
        self._environment = {**environment, "PYTHONPATH": f"{ROOT}:{ROOT / 'addon'}"}
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name) / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._scheduler = self._run("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        deadline = time.monotonic() + START_SECONDS
        while not self._file.exists():
            if time.monotonic() > deadline:
                raise TimeoutError("The scheduler does not start")
            time.sleep(0.1)
        self.address = "dask://" + json.loads(self._file.read_text())["address"].removeprefix("tcp://")
        for _ in range(self._count):
            self.workers.append(self._run("dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"))
        self._wait_for_workers()
        return self

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        line = [sys.executable, "-m", f"distributed.cli.{program}", "--scheduler-file", str(self._file), *arguments]
        # A separate session, so that a whole machine can be killed with all its processes.
        return subprocess.Popen(
            line,
            cwd=self._folder.name,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _wait_for_workers(self) -> None:
        script = (
            "import sys; from distributed import Client\n"
            "with Client(sys.argv[1], timeout=60) as client: client.wait_for_workers(int(sys.argv[2]), timeout=60)"
        )
        address = self.address.replace("dask://", "tcp://")
        subprocess.run([sys.executable, "-c", script, address, str(self._count)], check=True, stderr=subprocess.DEVNULL)

    def lose(self, number: int) -> None:
        """Kill a worker and everything that it started, as when a machine loses its power."""
        worker = self.workers.pop(number)
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def __exit__(self, *exc_info: object) -> None:
        for process in (*self.workers, self._scheduler):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._folder.cleanup()
