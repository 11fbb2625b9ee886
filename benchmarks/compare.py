"""Compares two checkouts of Tracklay: what a job costs in each, in processor time of all processes and on the clock.

    python benchmarks/compare.py BEFORE AFTER [--only NAME ...] [--rounds 5]

Both run the same work in turn, so that whatever else the machine does meets both, each with a home folder of its own. Medians count. The
commands are those that a user types, with the Python that runs this; providers are the fakes of AFTER's tests, on loopback.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]


import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange
from tracklay.media.ffmpeg_program import find_ffmpeg

from benchmarks import batch

CLIPS = 60
"""Clips of the timeline."""

ROWS = 48
"""Rows of the work list: enough that the start of the command counts little."""

GENERATION_SECONDS = 0.5
"""Seconds that the fake provider takes."""


@dataclass(frozen=True)
class Cost:
    """Seconds of processor time and on the clock."""

    processor: float
    wall: float


@dataclass(frozen=True)
class Work:
    """Work that both checkouts do.

    Attributes:
        name: for `--only`.
        title: what it is, for the table.
        target: the ratio that is aimed at.
        run: does it with a checkout, in an empty folder; `media` has the pictures.
    """

    name: str
    title: str
    target: float
    run: Callable[[Path, Path, Path], Cost]


def environment(checkout: Path, folder: Path) -> dict[str, str]:
    """Return the environment in which a checkout runs, with a home folder of its own."""
    path = os.pathsep.join((str(checkout), str(checkout / "addon")))
    return {**os.environ, "PYTHONPATH": path, "TRACKLAY_HOME": str(folder / "home")}


def measure(arguments: list[str], checkout: Path, folder: Path, extra: dict[str, str] | None = None) -> Cost:
    """Run a command to its end. Processes that it leaves behind are not counted: it has none."""
    began = time.monotonic()
    process = subprocess.Popen(
        arguments,
        cwd=checkout,
        env={**environment(checkout, folder), **(extra or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(arguments[:4])} failed in {checkout}")
    return Cost(used.ru_utime + used.ru_stime, time.monotonic() - began)


def tracklay(checkout: Path, folder: Path, *arguments: str) -> Cost:
    """Run the `tracklay` command of a checkout."""
    return measure([sys.executable, "-m", "tracklay", *arguments], checkout, folder)


def lay_file(checkout: Path, folder: Path, media: Path) -> Cost:
    """Lay sketch foley under 8 s in 1080p."""
    return tracklay(
        checkout, folder, "lay", str(media / "hd.mp4"), "--prompt", "footsteps", "--to", str(folder / "out")
    )


def lay_timeline(checkout: Path, folder: Path, media: Path) -> Cost:
    """Lay sketch foley under a timeline of one-second clips."""
    return tracklay(checkout, folder, "lay", str(media / "film.otio"), "--prompt", "rain", "--to", str(folder / "out"))


def plan_timeline(checkout: Path, folder: Path, media: Path) -> Cost:
    """Do what is done before the first request of that timeline leaves."""
    return tracklay(checkout, folder, "lay", str(media / "film.otio"), "--prompt", "rain", "--dry-run")


def run_rows(checkout: Path, folder: Path, media: Path) -> Cost:  # noqa: ARG001 - it makes its own
    """Run a work list of clips of 8 s against the fake of Replicate."""
    path = batch.write_list(folder, ROWS, picture=True)
    server = batch.FakeServer(GENERATION_SECONDS)
    try:
        command = batch.command("batch", str(path), "--no-report", "--workers", "32")
        return measure(command, checkout, folder, server.environment)
    finally:
        server.end()


def write_report(checkout: Path, folder: Path, media: Path) -> Cost:
    """Write the report of such a list."""
    run_rows(checkout, folder, media)
    return tracklay(
        checkout, folder, "report", str(folder / "work.tracklay.results.json"), "--to", str(folder / "report")
    )


WORKS = (
    Work("row", f"{ROWS} batch rows of 8 s, hosted model, small source", 0.40, run_rows),
    Work("report", f"the report of {ROWS} such rows", 0.25, write_report),
    Work("lay", "`lay` of 8 s in 1080p with sketch foley", 0.55, lay_file),
    Work("timeline", f"`lay` of a timeline of {CLIPS} clips with sketch foley", 0.40, lay_timeline),
    Work("plan", "the same timeline, until the first request leaves", 0.10, plan_timeline),
)


def make_media(folder: Path) -> None:
    """Write the pictures and the timeline."""
    for name, size, seconds in (("hd", "1920x1080", 8), ("film", "320x180", CLIPS)):
        source = f"testsrc2=s={size}:r=25:d={seconds}"
        command = [find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "veryfast"]
        subprocess.run([*command, str(folder / f"{name}.mp4")], check=True)
    timeline, track = otio.schema.Timeline("film"), otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    timeline.tracks.append(track)
    for number in range(CLIPS):
        whole = TimeRange(RationalTime(0, 25), RationalTime(25 * CLIPS, 25))
        span = TimeRange(RationalTime(25 * number, 25), RationalTime(25, 25))
        track.append(otio.schema.Clip(f"clip {number}", otio.schema.ExternalReference("film.mp4", whole), span))
    otio.adapters.write_to_file(timeline, str(folder / "film.otio"))


@contextmanager
def empty_folder() -> Iterator[Path]:
    """Yield a folder that is deleted with all that the work left in it."""
    folder = Path(tempfile.mkdtemp(prefix="tracklay-compare-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compare(work: Work, before: Path, after: Path, media: Path, rounds: int) -> str:
    """Return the row of the table for one work."""
    costs: dict[Path, list[Cost]] = {before: [], after: []}
    for _ in range(rounds):
        for checkout in (before, after):
            with empty_folder() as folder:
                costs[checkout].append(work.run(checkout, folder, media))
    cells = []
    for figure in ("processor", "wall"):
        old, new = (statistics.median(getattr(cost, figure) for cost in costs[path]) for path in (before, after))
        cells.append(f"{old:.2f} s | {new:.2f} s | **{new / old:.2f}**")
    return f"| {work.title} | {' | '.join(cells)} | {work.target:.2f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--only", nargs="+", choices=[work.name for work in WORKS])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print("| work | processor before | after | ratio | clock before | after | ratio | target |")
    print("|---|---|---|---|---|---|---|---|")
    with empty_folder() as media:
        make_media(media)
        for work in WORKS:
            if not options.only or work.name in options.only:
                before, after = options.before.resolve(), options.after.resolve()
                print(compare(work, before, after, media, options.rounds), flush=True)


if __name__ == "__main__":
    main()
