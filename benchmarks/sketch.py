"""Cost of the sketch models: seconds of sound per second of processor time, and memory of a long span against a short one.

    python benchmarks/sketch.py [--seconds 20]

Each measurement is a process of its own and runs the whole engine as `tracklay lay` does: decode the proxy, analyse it, synthesize
and write the sound. Processor time is user and system time of the process and of its ffmpeg: the time that one idle core
would need. On a machine with shared cores it grows all the same, so a plain sum in Python is timed before and after as a reference.
The clip is the demo's, with grain, repeated: rendered at each frame rate, with a hand-held pan, and as 24 fps film on a 60 fps
timeline. The baseline for speed is real time, that for memory a span of 10 seconds.
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
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tracklay import demo
from tracklay.cue import SAMPLE_RATE
from tracklay.media import ffmpeg_program

GRAIN = "noise=alls=6:allf=t"
WHOLE = f"{GRAIN},scale=342:192"
PAN = f"{GRAIN},scale=400:-2,crop=342:192:29+28*sin(0.7*t):16+2*sin(5*t)"
PICTURES = {
    **{f"{rate} fps": (rate, WHOLE) for rate in (24, 25, 30, 50, 60)},
    "30 fps, panned": (30, PAN),
    "24 fps on 60": (24, f"fps=60,{WHOLE}"),
}
"""Name of each clip to the frame rate at which the demo is rendered, and the ffmpeg filters that are applied."""
LONG, SHORT = 600, 10
"""Seconds of the spans whose peak memory is compared."""
PROMPTS = {"foley": "hammer on wood, rain", "music": "epic orchestral, 120 bpm"}


def run_ffmpeg(arguments: Sequence[str]) -> None:
    """Run ffmpeg, overwriting its output."""
    subprocess.run([ffmpeg_program.find_ffmpeg(), "-v", "error", "-y", *arguments], check=True)


def make_proxy(path: Path, rate: int, picture: str, seconds: int) -> Path:
    """Encode the demo clip, repeated, as proxies are encoded."""
    codec = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p"]
    source = ["-stream_loop", "-1", "-i", str(demo.make_clip(path.with_suffix(".clip.mp4"), rate))]
    run_ffmpeg([*source, "-t", str(seconds), "-an", "-vf", picture, *codec, str(path)])
    return path


def sum_seconds() -> float:
    """Return the processor seconds of a plain sum of five million numbers: the speed of a core at the moment."""
    start = time.process_time()
    total = 0
    for number in range(5_000_000):
        total += number
    return time.process_time() - start


def repeat_proxy(proxy: Path, path: Path, seconds: int) -> Path:
    """Repeat a proxy without encoding it again."""
    run_ffmpeg(["-stream_loop", "-1", "-i", str(proxy), "-t", str(seconds), "-c", "copy", str(path)])
    return path


def processor_seconds() -> float:
    """Return the processor seconds of this process and of its finished child processes."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def run_child(endpoint: str, proxy: str, seconds: int) -> None:
    """Generate one sound and print its cost as JSON."""
    from tracklay.sketch import engine

    start = processor_seconds()
    with tempfile.TemporaryDirectory() as folder:
        engine.generate_audio(
            endpoint=endpoint,
            proxy=proxy,
            samples=seconds * SAMPLE_RATE,
            prompt=PROMPTS[endpoint],
            negative="",
            seed=1,
            params={},
            folder=folder,
        )
    cost = processor_seconds() - start
    ffmpeg_used = resource.getrusage(resource.RUSAGE_CHILDREN)
    reading = (ffmpeg_used.ru_utime + ffmpeg_used.ru_stime) / cost
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": cost, "reading": reading, "mb": peak}))


def measure(endpoint: str, proxy: Path, seconds: int) -> dict[str, float]:
    """Run `run_child` in a process of its own and return its result."""
    command = [sys.executable, __file__, "--child", endpoint, str(proxy), str(seconds)]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    output = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **one_thread}
    ).stdout
    result: dict[str, float] = json.loads(output.splitlines()[-1])
    return result


def main() -> None:
    """Measure and print all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20, help="length of each clip (default: 20)")
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
            label = f"{name:15} (reading {cost['reading']:.0%})" if endpoint == "foley" else ""
            print(f"sketch/{endpoint} {label:29} {options.seconds / cost['seconds']:6.1f} x real time")
        print(f"a plain sum of 5 million takes {sum_seconds():.2f} s")
        spans = {length: repeat_proxy(proxies["25 fps"], work / f"{length}s.mp4", length) for length in (SHORT, LONG)}
        for endpoint in PROMPTS:
            short, long = (measure(endpoint, proxy, length)["mb"] for length, proxy in spans.items())
            comparison = f"{short:.0f} MB for {SHORT} s, {long:.0f} MB for {LONG} s: {long / short:.2f} x"
            print(f"sketch/{endpoint} peak memory {comparison}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run_child(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
