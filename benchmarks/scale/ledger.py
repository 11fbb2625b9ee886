"""Measures a ledger of a million jobs: opening, listing, sums, and what a run asks it.

    python benchmarks/scale/ledger.py [--rows 1000000] [--home FOLDER]

The rows are written by SQL, as a work list of Replicate's MMAudio leaves them: all laid but fifty that are ready, with plans of the usual
length. Times are those of the commands as a user types them, with the start of Python; peak memory beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUN = "benchmark"
OPEN_JOBS = 50
PROJECTS = 20
SQL_BATCH = 10_000
ROUNDS = 20


def plan(number: int) -> str:
    """Return a plan of about the usual length, as JSON."""
    cue = {
        "id": f"clip{number}",
        "source": f"/film/plates/clip{number}.mp4",
        "prompt": "rain on a tin roof, distant thunder",
        "notes": "x" * 900,
    }
    laying = {"kind": "batch", "row": f"clip{number}", "digest": f"{number:064x}", "list": "/film/work.toml"}
    return json.dumps({"cue": cue, "folder": "/film/sound", "laying": laying})


def rows(count: int) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the ledger."""
    for number in range(count):
        state = "ready" if number >= count - OPEN_JOBS else "laid"
        day = f"2026-{1 + number * 12 // count:02}-{1 + number * 336 // count % 28:02}T10:00:00.000Z"
        take = {"file": f"clip{number}.replicate-mmaudio.take1.wav", "sha256": f"{number:064x}", "created": day}
        output: dict[str, object] = {"folder": str(number), "file": "output.mp4", "keep": 1, "stems": {}, "others": []}
        output["cost"] = {"amount": "0.005", "currency": "USD", "estimated": True}
        cost = "0.0048" if number % 3 else f"0.00{number % 7 + 40}"
        yield (
            *(
                state,
                f"{RUN}-{number * 100 // count}",
                f"/film/{number * 100 // count % PROJECTS}",
                f"clip{number}",
                0,
                "replicate/mmaudio",
            ),
            *(
                "replicate",
                number,
                plan(number),
                f"{number:064x}",
                f"{number:064x}",
                f"r{number:026}",
                json.dumps(output),
            ),
            *(json.dumps([take]), "USD", "0.005", cost, 1, day, day, day),
        )


COLUMNS = (  # noqa: SIM905 - shorter so
    "state run project cue take_index model provider seed plan request_key content_key request output takes currency estimate cost "
    "cost_confirmed created_at submitted_at updated_at"
).split()


def write_ledger(home: Path, count: int) -> Path:
    """Write a ledger."""
    os.environ["TRACKLAY_HOME"] = str(home)
    from tracklay.jobs.ledger_schema import COUNTED_COSTS_SQL, connect_ledger, ledger_path

    home.mkdir(exist_ok=True)
    connect_ledger().close()
    with sqlite3.connect(ledger_path()) as connection:
        for setting in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -400000"):
            connection.execute(f"PRAGMA {setting}")
        marks = ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO jobs ({', '.join(COLUMNS)}) VALUES ({marks})", rows(count))  # noqa: S608
        connection.execute(f"INSERT INTO cost_groups {COUNTED_COSTS_SQL}")
    return ledger_path()


def command(*arguments: str) -> tuple[float, float, float]:
    """Run the command: seconds on the clock, seconds of processor time, and peak memory in MB."""
    path = os.pathsep.join((str(ROOT), str(ROOT / "addon")))
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "tracklay", *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def measure_queries() -> None:
    """Print the time of what a run asks the ledger."""
    from tracklay.cue import Cost
    from tracklay.jobs import costs
    from tracklay.jobs.ledger import Ledger

    ledger = Ledger()
    job = ledger.page_of_jobs(None, 1)[0]
    ledger.set_cap(f"run:{job.run}", "1000000")
    ledger.set_cap(f"project:{job.project}", "1000000")

    def check_submission() -> None:
        costs.enforce_caps(ledger, job, Cost("0.005", "USD", estimated=True))
        costs.enforce_max_overrun(ledger, job)

    parts: dict[str, Callable[[], object]] = {
        "caps and overrun of a submission": check_submission,
        "open jobs": ledger.open_job_ids,
        "outputs to delete": ledger.collectable_outputs,
        "durations of a model": lambda: ledger.durations(job.model, 50),
        "jobs of the same sound": lambda: ledger.find_by_content_key(str(job.content_key)),
    }
    for name, act in parts.items():
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            act()
            times.append(time.perf_counter() - began)
        print(f"  {name:40} {statistics.median(times) * 1000:9.2f} ms")
    began = time.perf_counter()
    found = len(ledger.finished_worklist_rows(f"{RUN}-7"))
    print(f"  {'finished rows of a work list':40} {(time.perf_counter() - began) * 1000:9.2f} ms for {found:,}")
    ledger.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="keep the ledger here, and use it if it is there")
    parser.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write_ledger(options.home, options.rows)
        return
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or Path(folder) / "home"
        os.environ["TRACKLAY_HOME"] = str(home)
        path = home / "ledger.sqlite3"
        if not path.exists():
            began = time.monotonic()
            # In a process of its own: the peak memory of the commands begins with that of the process that starts them.
            subprocess.run(
                [sys.executable, __file__, "--write", "--home", str(home), "--rows", str(options.rows)], check=True
            )
            print(f"written in {time.monotonic() - began:.0f} s")
        print(f"{options.rows:,} jobs, {path.stat().st_size / 1e6:.0f} MB")
        for arguments in (("jobs",), ("jobs", "--costs"), ("jobs", "--all", "--json"), ("doctor",)):
            wall, processor, memory = command(*arguments)
            print(
                f"  {'tracklay ' + ' '.join(arguments):40} {wall:6.2f} s, {processor:.2f} s of processor, {memory:.0f} MB"
            )
        measure_queries()


if __name__ == "__main__":
    main()
