"""Runs work lists with the command against a fake server of Replicate: clips of 8 s, 2 s of generation each, 32 at a time.

    python benchmarks/batch.py [--rows 20 200 2000] [--workers 32] [--seconds 2] [--kill] [--shards 8] [--dask 2] [--no-picture]
                               [--report FOLDER]

Prints for each number of rows the wall time against the ideal (rows x seconds / workers), processor time a row (the command's with its
ffmpegs, and the fake server's), and the command's peak memory; then whether a list that was killed half-way and run again, or split, made
anything twice or lost anything. With `--report`, Debian's Chromium opens the report and the cue sheet of the largest run, and what the
folder gets are pictures of both. The clips are links to eight files, so that their proxies are made eight times and found after that:
what is measured is the running, the laying and what each row costs, and not what ffmpeg needs to read two thousand pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

FILES = 8
CLIP_SECONDS = 8


def command(*arguments: str) -> list[str]:
    """A `tracklay` command line. Replicate allows ten submissions a second, which would be what is measured: here it allows all."""
    unpaced = (
        "import sys; from tracklay.providers import replicate; replicate.SUBMIT_INTERVAL_SECONDS = replicate.READ_INTERVAL_SECONDS = 0.0; "
        "from tracklay.cli.main import main; sys.exit(main())"
    )
    return [sys.executable, "-c", unpaced, *arguments]


class Measured:
    """A process whose peak memory and processor time are known when it has ended."""

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.peak = 0.0

    def look(self) -> bool:
        """Note its memory; whether it still runs."""
        if self.process.poll() is not None:
            return False
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return False
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self.peak = max(self.peak, int(line.split()[1]) / 1000)
        return True

    def wait(self) -> float:
        """Seconds until it ended."""
        while self.look():
            time.sleep(0.05)
        return time.monotonic() - self.began


def processor() -> float:
    """Seconds of processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write_list(folder: Path, rows: int, *, picture: bool) -> Path:
    """Clips, most of them links, and a list of them."""
    from tests.clips import flash_clip

    plates = folder / "plates"
    plates.mkdir(parents=True)
    files = []
    for number in range(min(FILES, rows)):
        lit = tuple(range(5 + number, CLIP_SECONDS * 24, 30))
        files.append(flash_clip(plates / f"source{number}.mp4", Fraction(24), CLIP_SECONDS * 24, lit))
    params = "" if picture else 'params = { mode = "text" }\n'
    text = f'[defaults]\nmodel = "replicate/mmaudio"\nprompt = "rain"\nfolder = "sound"\n{params}'
    for number in range(rows):
        os.link(files[number % len(files)], plates / f"clip{number}.mp4")
        text += f'[[rows]]\nid = "clip{number}"\npicture = "plates/clip{number}.mp4"\nseed = {number}\n'
    path = folder / "work.toml"
    path.write_text(text)
    return path


class FakeServer:
    """The fake server of `benchmarks/jobs.py`, in its own process."""

    def __init__(self, seconds: float) -> None:
        from tests.fakes.replicate import TOKEN

        line = [sys.executable, str(ROOT / "benchmarks" / "jobs.py"), "--fake", "--seconds", str(seconds)]
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout  # noqa: S101 - it was asked for
        url = self.process.stdout.readline().strip()
        self.environment = {"TRACKLAY_REPLICATE_URL": url + "/v1", "REPLICATE_API_TOKEN": TOKEN}

    def end(self) -> dict[str, Any]:
        """Stop it and return its submissions and its processor time."""
        out, _ = self.process.communicate("\n")
        result: dict[str, Any] = json.loads(out)
        return result


def outcome(path: Path) -> str:
    """Return a summary of a list's results, and check that no take is missing or double."""
    rows = json.loads(path.with_name("work.tracklay.results.json").read_text())["rows"]
    states = Counter(row["state"] for row in rows)
    takes = len(list(path.with_name("sound").glob("*.wav")))
    laid = len(list(path.with_name("sound").glob("*.tracklay.mp4")))
    errors = Counter(row["error"].partition(" (job ")[0] for row in rows if row["error"])
    result = "".join(f"\n               {count} x {error}" for error, count in errors.most_common(3))
    return f"{dict(states)}, {takes} takes and {laid} pictures with sound on disk{result}"


def one(rows: int, options: argparse.Namespace, how: str) -> None:
    """Run a list and print what it took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write_list(folder, rows, picture=options.picture)
        server = FakeServer(options.seconds)
        environment = {**server.environment, "TRACKLAY_HOME": str(folder / "home")}
        base = ["batch", str(path), "--no-report", "--workers", str(options.workers)]
        before, began = processor(), time.monotonic()
        peak = {"": one_whole, "killed": killed, "shards": shards, "dask": dask}[how](base, environment, path, options)
        wall, cpu = time.monotonic() - began, processor() - before
        result = server.end()
        ideal = rows * options.seconds / options.workers
        words = {"": "", "killed": ", killed half-way", "shards": f", {options.shards} shards", "dask": ", on Dask"}[
            how
        ]
        print(f"{rows} rows{words}")
        print(f"  wall         {wall:.1f} s; the ideal is {ideal:.1f} s: {ideal / wall:.0%} of it")
        print(
            f"  processor    {cpu / rows * 1000:.0f} ms a row with ffmpeg, and {result['cpu'] / rows * 1000:.0f} ms in the fake server"
        )
        print(f"  peak memory  {peak:.0f} MB")
        print(f"  submissions  {result['made']}")
        print(f"  outcome      {outcome(path)}", flush=True)
        if options.report and not how and rows == max(options.rows):
            reported(path, environment, options.report)


def reported(path: Path, environment: dict[str, str], to: Path) -> None:
    """Make the report of a run, and look at it."""
    from tests.browser.chromium import browser, complaints

    results = path.with_name("work.tracklay.results.json")
    run = Measured(command("report", str(results), "--to", str(path.with_name("report"))), environment)
    print(f"  report       written in {run.wait():.0f} s, {run.peak:.0f} MB at most")
    to.mkdir(parents=True, exist_ok=True)
    with browser(path.with_name("profile"), to) as driver:
        for page in ("report", "cue-sheet"):
            began = time.monotonic()
            driver.get(path.with_name("report").joinpath(f"{page}.html").as_uri())
            opened = time.monotonic() - began
            driver.save_screenshot(str(to / f"{page}.png"))
            messages = complaints(driver)
            print(f"  {page:<12} opened in {opened:.1f} s; console: {messages or 'empty'}", flush=True)


def one_whole(base: list[str], environment: dict[str, str], path: Path, options: argparse.Namespace) -> float:  # noqa: ARG001
    """All of it at once; the peak memory in MB."""
    run = Measured(command(*base), environment)
    run.wait()
    return run.peak


def killed(base: list[str], environment: dict[str, str], path: Path, options: argparse.Namespace) -> float:  # noqa: ARG001
    """Killed, with all that it began, when half of the takes are there; then run again."""
    rows = path.read_text().count("[[rows]]")
    run = Measured(command(*base), environment)
    while run.look() and len(list(path.with_name("sound").glob("*.wav"))) < rows // 2:
        time.sleep(0.1)
    os.killpg(run.process.pid, signal.SIGKILL)
    run.process.wait()
    again = Measured(command(*base), environment)
    again.wait()
    return max(run.peak, again.peak)


def shards(base: list[str], environment: dict[str, str], path: Path, options: argparse.Namespace) -> float:  # noqa: ARG001
    """Each shard in a process of its own with a ledger of its own, all at the same time; then joined."""
    count = options.shards
    runs = []
    for shard in range(1, count + 1):
        home = {**environment, "TRACKLAY_HOME": f"{environment['TRACKLAY_HOME']}{shard}"}
        runs.append(Measured(command(*base, "--shard", f"{shard}/{count}"), home))
    while any([run.look() for run in runs]):  # noqa: C419 - each is looked at
        time.sleep(0.05)
    Measured(command(*base[:3], "--merge"), environment).wait()
    return max(run.peak for run in runs)


def dask(base: list[str], environment: dict[str, str], path: Path, options: argparse.Namespace) -> float:  # noqa: ARG001
    """On a scheduler and workers of Dask, as processes of this machine."""
    from tests.farm.dask_cluster import Cluster

    with Cluster(options.dask, {**os.environ, **environment}) as cluster:
        run = Measured(command(*base, "--on", cluster.address), environment)
        run.wait()
    return run.peak


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[20, 200, 2000])
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--kill", action="store_true", help="also kill the largest half-way and run it again")
    parser.add_argument("--shards", type=int, default=0, help="also split the largest into N shards")
    parser.add_argument("--dask", type=int, default=0, help="also run the largest on Dask with N workers")
    parser.add_argument("--report", type=Path, help="where pictures of the largest run's report go")
    parser.add_argument("--no-picture", dest="picture", action="store_false", help="by words alone: nothing to extract")
    options = parser.parse_args()
    for rows in options.rows:
        one(rows, options, "")
    most = max(options.rows, default=0)
    for how, wanted in (("killed", options.kill), ("shards", options.shards), ("dask", options.dask)):
        if wanted:
            one(most, options, how)


if __name__ == "__main__":
    main()
