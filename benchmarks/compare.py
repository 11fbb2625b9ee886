"""Compares two checkouts of Tracklay: what a job costs in each, in processor time of all processes and on the clock.

    python benchmarks/compare.py BEFORE AFTER [--only NAME ...] [--rounds 5]

Both run the same work in turn, so that whatever else the machine does meets both, each with a home folder of its own. Medians count. The
commands are those that a user types, with the Python that runs this; providers are the fakes of AFTER's tests, on loopback. Both checkouts
are compiled first, as an installer does. The last column is the processor time of AFTER in the time of decoding the pictures once.
"""

from __future__ import annotations

import argparse
import compileall
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
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

PLANNED_CLIPS = 200
"""Clips of the timeline that is only planned."""

SMALL_CLIPS = 50
"""Small files of two seconds."""

FILM_CUES = 10
"""Cues of the film, of six seconds each."""

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
        make: writes the pictures.
        pictures: pattern of the pictures that it decodes, for the last column; empty for none.
    """

    name: str
    title: str
    target: float
    run: Callable[[Path, Path, Path], Cost]
    make: Callable[[Path], None]
    pictures: str = ""


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


PLAN = """
import os
from tracklay.cli import main
from tracklay.media import extract

extract.ProxyExtractor.prepare = extract.open_source = lambda *_, **__: os._exit(0)
main.main()
"""


def plan_timeline(checkout: Path, folder: Path, media: Path) -> Cost:
    """Do what is done before the first picture of a timeline of many clips is read for a request."""
    arguments = ["lay", str(media / "plan.otio"), "--prompt", "rain", "--to", str(folder / "out")]
    return measure([sys.executable, "-c", PLAN, *arguments], checkout, folder)


def run_rows(checkout: Path, folder: Path, media: Path) -> Cost:  # noqa: ARG001 - it makes its own
    """Run a work list of clips of 8 s against the fake of Replicate."""
    path = batch.write_list(folder, ROWS, picture=True)
    server = batch.FakeServer(GENERATION_SECONDS)
    try:
        command = batch.command("batch", str(path), "--no-report", "--workers", "32")
        return measure(command, checkout, folder, server.environment)
    finally:
        server.end()


EXTRACT = """
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from tracklay.cue import Picture
from tracklay.media.extract import extract_proxy
from tracklay.media.probe import probe_video
from tracklay.timing import Span, TimeMap

def extract(file):
    video = probe_video(file)[1]
    span = Span(0, video.frames, video.rate)
    picture = Picture(file, TimeMap.linear(span, Fraction(0), Fraction(1)))
    extract_proxy(picture, span, Path(sys.argv[2]) / file.name)

with ThreadPoolExecutor(2) as pool:
    list(pool.map(extract, sorted(Path(sys.argv[1]).glob("clip*.mp4"))))
"""


def extract_clips(checkout: Path, folder: Path, media: Path) -> Cost:
    """Extract the proxies of small files, two at a time."""
    return measure([sys.executable, "-c", EXTRACT, str(media), str(folder)], checkout, folder)


def lay_film(checkout: Path, folder: Path, media: Path) -> Cost:
    """Lay sketch foley under a film in 1080p, a cue for each clip."""
    return tracklay(checkout, folder, "lay", str(media / "long.otio"), "--prompt", "steps", "--to", str(folder / "out"))


def write_report(checkout: Path, folder: Path, media: Path) -> Cost:
    """Write the report of such a list."""
    run_rows(checkout, folder, media)
    return tracklay(
        checkout, folder, "report", str(folder / "work.tracklay.results.json"), "--to", str(folder / "report")
    )


def make_file(media: Path) -> None:
    """Write the file in 1080p."""
    write_picture(media / "hd.mp4", "1920x1080", 8)


def make_clips(media: Path) -> None:
    """Write the small files."""
    write_picture(media / "clip0.mp4", "480x270", 2)
    for number in range(1, SMALL_CLIPS):
        shutil.copy(media / "clip0.mp4", media / f"clip{number}.mp4")


def make_timeline(media: Path) -> None:
    """Write the timeline of one-second clips of a small film."""
    write_timeline(media, "film", "320x180", CLIPS, 25)


def make_plan(media: Path) -> None:
    """Write the timeline of many clips."""
    write_timeline(media, "plan", "320x180", PLANNED_CLIPS, 12)


def make_film(media: Path) -> None:
    """Write the film in 1080p and its timeline."""
    write_timeline(media, "long", "1920x1080", FILM_CUES, 150)


def make_nothing(media: Path) -> None:
    """The work makes its own."""


def write_picture(path: Path, size: str, seconds: int) -> None:
    """Write a moving test picture at 25 frames per second."""
    source = f"testsrc2=s={size}:r=25:d={seconds}"
    command = [find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "veryfast"]
    subprocess.run([*command, str(path)], check=True)


def write_timeline(folder: Path, name: str, size: str, clips: int, frames: int) -> None:
    """Write `name`.mp4, and the timeline `name`.otio of clips that follow each other in it, each of a number of frames."""
    write_picture(folder / f"{name}.mp4", size, -(-clips * frames // 25))
    timeline, track = otio.schema.Timeline(name), otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    timeline.tracks.append(track)
    for number in range(clips):
        whole = TimeRange(RationalTime(0, 25), RationalTime(frames * clips, 25))
        span = TimeRange(RationalTime(frames * number, 25), RationalTime(frames, 25))
        track.append(otio.schema.Clip(f"clip {number}", otio.schema.ExternalReference(f"{name}.mp4", whole), span))
    otio.adapters.write_to_file(timeline, str(folder / f"{name}.otio"))


WORKS = (
    Work("row", f"{ROWS} batch rows of 8 s, hosted model, small source", 0.40, run_rows, make_nothing),
    Work("report", f"the report of {ROWS} such rows", 0.25, write_report, make_nothing),
    Work("lay", "`lay` of 8 s in 1080p with sketch foley", 0.55, lay_file, make_file, "hd.mp4"),
    Work("timeline", f"`lay` of a timeline of {CLIPS} clips with sketch foley", 0.40, lay_timeline, make_timeline),
    Work(
        "plan",
        f"`lay` of a timeline of {PLANNED_CLIPS} clips, until the first cue is extracted",
        0.10,
        plan_timeline,
        make_plan,
    ),
    Work("clips", f"{SMALL_CLIPS} files of 2 s in 480x270 extracted", 0.50, extract_clips, make_clips, "clip*.mp4"),
    Work(
        "film", f"a film of 1 min in 1080p: {FILM_CUES} cues, sketch foley, laid", 0.55, lay_film, make_film, "long.mp4"
    ),
)


def decode_cost(files: Sequence[Path], folder: Path) -> Cost:
    """Decode files to nothing, one after the other."""
    costs = [
        measure([find_ffmpeg(), "-v", "error", "-i", str(file), "-f", "null", "-"], ROOT, folder) for file in files
    ]
    return Cost(sum(cost.processor for cost in costs), sum(cost.wall for cost in costs))


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
    decodes: list[float] = []
    for _ in range(rounds):
        for checkout in (before, after):
            with empty_folder() as folder:
                costs[checkout].append(work.run(checkout, folder, media))
        if work.pictures:
            decodes.append(decode_cost(sorted(media.glob(work.pictures)), media).processor)
    cells = []
    for figure in ("processor", "wall"):
        old, new = (statistics.median(getattr(cost, figure) for cost in costs[path]) for path in (before, after))
        cells.append(f"{old:.2f} s | {new:.2f} s | **{new / old:.2f}**")
    used = statistics.median(cost.processor for cost in costs[after])
    share = f"{used / statistics.median(decodes):.2f}" if decodes else ""
    return f"| {work.title} | {' | '.join(cells)} | {work.target:.2f} | {share} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--only", nargs="+", choices=[work.name for work in WORKS])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print("| work | processor before | after | ratio | clock before | after | ratio | target | of decoding |")
    print("|---|---|---|---|---|---|---|---|---|")
    before, after = options.before.resolve(), options.after.resolve()
    for checkout in (before, after):
        compileall.compile_dir(checkout / "addon" / "tracklay", quiet=2)
    with empty_folder() as media:
        for work in WORKS:
            if not options.only or work.name in options.only:
                work.make(media)
                print(compare(work, before, after, media, options.rounds), flush=True)


if __name__ == "__main__":
    main()
