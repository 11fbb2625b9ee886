"""What the sketch engine costs: seconds of sound for a second of processor time, and memory of a long span against a short one.

    python benchmarks/sketch.py [--seconds 20]

Each measurement is a process of its own, over the whole engine as `lay` calls it: reading the proxy, seeing, sounding, writing.
Processor time is that of the process and of the ffmpeg it starts, user and system: what one core would need if it did nothing else. On
a machine whose cores are shared it still grows, so a plain sum in Python, timed before and after, tells how fast a core was meanwhile.
The picture is the demo's clip under grain, over and over: the same scene drawn at each rate, under a hand-held pan, and as a film of
24 frames a second lies on a timeline of 60. Real time is the baseline for speed, the 10-second span for memory.
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
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tracklay import demo
from tracklay.media import ffmpeg

if TYPE_CHECKING:
    from collections.abc import Sequence

GRAIN = "noise=alls=6:allf=t"
WHOLE = f"{GRAIN},scale=342:192"
PAN = f"{GRAIN},scale=400:-2,crop=342:192:29+28*sin(0.7*t):16+2*sin(5*t)"
PICTURES = {
    **{f"{rate} fps": (rate, WHOLE) for rate in (24, 25, 30, 50, 60)},
    "30 fps, panned": (30, PAN),
    "24 fps on 60": (24, f"fps=60,{WHOLE}"),
}
"""What is looked at: how many of the clip's frames are shown a second, and what is done to them."""
LONG, SHORT = 600, 10
PROMPTS = {"foley": "hammer on wood, rain", "music": "epic orchestral, 120 bpm"}


def run_ffmpeg(arguments: Sequence[str]) -> None:
    """Run ffmpeg."""
    subprocess.run([ffmpeg.find_ffmpeg(), "-v", "error", "-y", *arguments], check=True)


def make_proxy(path: Path, rate: int, picture: str, seconds: int) -> Path:
    """The clip, repeated, as a proxy is encoded."""
    codec = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p"]
    source = ["-stream_loop", "-1", "-i", str(demo.make_clip(path.with_suffix(".clip.mp4"), rate))]
    run_ffmpeg([*source, "-t", str(seconds), "-an", "-vf", picture, *codec, str(path)])
    return path


def sum_seconds() -> float:
    """Processor seconds of a plain sum of five million numbers: how fast a core is at the moment."""
    begun = time.process_time()
    total = 0
    for number in range(5_000_000):
        total += number
    return time.process_time() - begun


def repeat(proxy: Path, path: Path, seconds: int) -> Path:
    """A proxy over and over, without encoding it again."""
    run_ffmpeg(["-stream_loop", "-1", "-i", str(proxy), "-t", str(seconds), "-c", "copy", str(path)])
    return path


def processor_seconds() -> float:
    """What this process and those it waited for have used."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def child(endpoint: str, proxy: str, seconds: int) -> None:
    """Make one sound and tell what it cost."""
    from tracklay.sketch import engine

    begun = processor_seconds()
    with tempfile.TemporaryDirectory() as folder:
        engine.generate_audio(
            endpoint=endpoint,
            proxy=proxy,
            samples=seconds * engine.SAMPLE_RATE,
            prompt=PROMPTS[endpoint],
            negative="",
            seed=1,
            params={},
            folder=folder,
        )
    cost = processor_seconds() - begun
    ffmpeg_used = resource.getrusage(resource.RUSAGE_CHILDREN)
    reading = (ffmpeg_used.ru_utime + ffmpeg_used.ru_stime) / cost
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": cost, "reading": reading, "mb": peak}))


def measure(endpoint: str, proxy: Path, seconds: int) -> dict[str, float]:
    """Run `child` in a process of its own."""
    command = [sys.executable, __file__, "--child", endpoint, str(proxy), str(seconds)]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    told = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **one_thread}).stdout
    result: dict[str, float] = json.loads(told.splitlines()[-1])
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        proxies = {
            name: make_proxy(work / f"{number}.mp4", rate, picture, options.seconds)
            for number, (name, (rate, picture)) in enumerate(PICTURES.items())
        }
        print(f"{options.seconds} s of sound, by processor time; a plain sum of 5 million takes {sum_seconds():.2f} s")
        for endpoint, name in (*(("foley", name) for name in PICTURES), ("music", next(iter(PICTURES)))):
            costs = [measure(endpoint, proxies[name], options.seconds) for _ in range(3)]
            cost = sorted(costs, key=lambda each: each["seconds"])[1]
            told = f"{name:15} (reading {cost['reading']:.0%})" if endpoint == "foley" else ""
            print(f"sketch/{endpoint} {told:29} {options.seconds / cost['seconds']:6.1f} x real time")
        print(f"a plain sum of 5 million takes {sum_seconds():.2f} s")
        spans = {length: repeat(proxies["25 fps"], work / f"{length}s.mp4", length) for length in (SHORT, LONG)}
        for endpoint in PROMPTS:
            short, long = (measure(endpoint, proxy, length)["mb"] for length, proxy in spans.items())
            told = f"{short:.0f} MB for {SHORT} s, {long:.0f} MB for {LONG} s: {long / short:.2f} x"
            print(f"sketch/{endpoint} peak memory {told}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
