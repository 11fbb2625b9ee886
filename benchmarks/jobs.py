"""Runs a thousand jobs against a fake of Replicate, one second each, twenty at a time.

    python benchmarks/jobs.py [--jobs 1000] [--at-once 20] [--seconds 1]

Prints wall time against the ideal, CPU time for each job (ours, ffmpeg's, and the fake's separately), and the growth of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

MODEL = "replicate/mmaudio"


def serve_fake(seconds: float) -> None:
    """Run the fake provider: predictions end after `seconds`, and all return the same file."""
    from tests.fakes import mmaudio
    from tests.fakes.replicate import Replicate
    from tests.fakes.server import Reply, Server

    class Timed(Replicate):
        def __init__(self) -> None:
            super().__init__()
            self.begun: dict[str, float] = {}

        def _get(self, seen: Any, name: str) -> Reply:
            left = self.begun[name] + seconds - time.monotonic()
            if left > 0:
                return Reply(200, {**self.predictions[name], "status": "processing"})
            self.steps = ()  # type: ignore[assignment]
            return super()._get(seen, name)

        def _create(self, seen: Any) -> Reply:
            reply = super()._create(seen)
            self.begun[reply.body["id"]] = time.monotonic()
            return reply

    mmaudio.make(None, 1.0)
    site = Timed()
    with Server(site) as server:
        print(server.url, flush=True)
        sys.stdin.readline()
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({"made": len(site.predictions), "cpu": used.ru_utime + used.ru_stime}), flush=True)


def memory() -> float:
    """Return the resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def processor() -> tuple[float, float]:
    """Return the seconds of CPU time of this process and of its children."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--fake", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fake:
        serve_fake(options.seconds)
        return
    command = [sys.executable, __file__, "--fake", "--seconds", str(options.seconds)]
    with (
        tempfile.TemporaryDirectory() as name,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
    ):
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("the fake has no pipes")
        from tests.fakes.replicate import TOKEN

        os.environ.update(
            TRACKLAY_REPLICATE_URL=server.stdout.readline().strip() + "/v1",
            REPLICATE_API_TOKEN=TOKEN,
            TRACKLAY_HOME=f"{name}/home",
        )
        measure(Path(name), options.jobs, options.at_once, options.seconds)
        server.stdin.write("\n")
        server.stdin.flush()
        totals = json.loads(server.stdout.readline())
        print(f"submissions             {totals['made']} for {options.jobs} jobs")
        print(f"CPU of the fake         {totals['cpu'] / options.jobs * 1000:.1f} ms a job")


def measure(folder: Path, jobs: int, at_once: int, seconds: float) -> None:
    """Run the jobs and print the measurements."""
    from tracklay.cue import Take
    from tracklay.jobs import create_job_spec
    from tracklay.jobs.runner import BlockingRunner
    from tracklay.providers import base
    from tracklay.providers.replicate import Replicate
    from tracklay.timelines.media_file import MediaFile

    from tests.clips import flash_clip

    def unpaced() -> Replicate:
        """Return a client without Replicate's limit of ten submissions a second, which would dominate the measurement."""
        maker = Replicate()
        maker.api = replace(maker.api, min_intervals={}, max_concurrent=at_once * 2)
        return maker

    base.register("replicate", unpaced)
    timeline = MediaFile.open(flash_clip(folder / "clip.mp4", Fraction(25), 25, (5,)))
    span = timeline.span(None, None)
    to = folder / "takes"
    to.mkdir()
    orders = []
    for number in range(jobs):
        cue = timeline.spot(str(number), span, model=MODEL, prompt="rain", params={"mode": "text"}, seed=number)
        orders.append(create_job_spec(cue, to, f"clip{number}"))
    before, cpu, peak = memory(), processor(), 0.0

    def step(_: object) -> None:
        nonlocal peak
        peak = max(peak, memory())

    with BlockingRunner(step, {"replicate": at_once}) as run:
        run.run_jobs(orders[:1])  # what is loaded once does not count
        before, cpu, began = memory(), processor(), time.monotonic()
        results = run.run_jobs(orders[1:])
        wall = time.monotonic() - began
        takes = sum(isinstance(result, Take) for result in results)
    own, children = (now - then for now, then in zip(processor(), cpu, strict=True))
    ideal = (jobs - 1) * seconds / at_once
    print(f"takes                   {takes} of {jobs}")
    print(f"wall                    {wall:.1f} s, {wall / ideal - 1:+.1%} of the ideal {ideal:.1f} s")
    print(f"memory                  {peak - before:+.1f} MB at most, from {before:.0f} MB")
    print(
        f"CPU                     {own / jobs * 1000:.1f} ms a job in our process, {children / jobs * 1000:.1f} ms in ffmpeg"
    )


if __name__ == "__main__":
    main()
