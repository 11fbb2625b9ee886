"""Speed of the eye and of landing on film-like scenes: seconds of picture per second of processor time, on one core.

    python benchmarks/eye_and_landing.py [--seconds 20] [--runs 3]

Scenes of `tests/sketch/film_scenes.py`, hands with tools and a crowd, are rendered at each frame rate, encoded as proxies and
repeated. The eye decodes and analyses the proxy; landing then moves the events of a made take, a burst of noise up to a fifth of a second
from each contact. Processor time is user and system time of the process and of its ffmpeg. The baseline of the same run is decoding
alone, at the size that the eye looks at; the process is kept on one core where the system can do that. The best of the runs counts.
The last lines compare the memory of the eye on a long and on a short clip.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
from tracklay.cue import SAMPLE_RATE
from tracklay.landing.land import plan_landing
from tracklay.landing.matching import Contact
from tracklay.media import ffmpeg_program
from tracklay.media.extract import Proxy, read_luma_frames
from tracklay.media.probe import list_frames
from tracklay.sketch.engine import analyze_proxy_motion
from tracklay.sketch.vision.analyzer import LUMA_WIDTH, choose_frame_step
from tracklay.sketch.vision.events import MotionAnalysis, select_events

from tests.sketch import film_scenes, scene_bodies, synthetic_scenes

RATES = (24, 25, 30, 50, 60)
FAMILIES: tuple[film_scenes.FilmFamily, ...] = ("chop", "drumstick", "punch", "crowd")
SEED = 700
SCENE_SECONDS = 3.6
SHORT, LONG = 10, 200
"""Seconds of the clips whose peak memory is compared."""


def make_proxy(path: Path, rate: int) -> Path:
    """Encode one scene of each family, one after the other, as proxies are encoded."""
    size = f"{scene_bodies.WIDTH}x{scene_bodies.HEIGHT}"
    raw = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", size, "-r", str(rate), "-i", "pipe:0"]
    codec = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p"]
    scenes = [film_scenes.make_film_scene(family, SEED, Fraction(rate), SCENE_SECONDS) for family in FAMILIES]
    frames = b"".join(frame.tobytes() for scene in scenes for frame in synthetic_scenes.render_frames(scene))
    command = [ffmpeg_program.find_ffmpeg(), "-v", "error", "-y", *raw, *codec, str(path)]
    subprocess.run(command, input=frames, check=True)
    return path


def repeat_proxy(proxy: Path, path: Path, seconds: int) -> Path:
    """Repeat a proxy without encoding it again."""
    arguments = ["-stream_loop", "-1", "-i", str(proxy), "-t", str(seconds), "-c", "copy", str(path)]
    subprocess.run([ffmpeg_program.find_ffmpeg(), "-v", "error", "-y", *arguments], check=True)
    return path


def processor_seconds(action: Callable[[], object]) -> float:
    """Return the processor seconds of an action in this process and in the child processes that it ends."""

    def used() -> float:
        usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(each.ru_utime + each.ru_stime for each in usages)

    start = used()
    action()
    return used() - start


def decode(proxy: Path) -> None:
    """Read the frames of a proxy as the eye does, and drop them."""
    times, (width, height), *_ = list_frames(proxy)
    luma_height, step = round(height * LUMA_WIDTH / width / 2) * 2, choose_frame_step(times)
    for _ in read_luma_frames(Proxy(proxy, times, times[-1]), LUMA_WIDTH, luma_height, step=step):
        pass


def land(analysis: MotionAnalysis) -> None:
    """Land a made take on the contacts of an analysis."""
    impacts = [event for event in select_events(analysis, "stop").events if event.kind == "impact"]
    rng = np.random.default_rng(1)
    samples = int(analysis.times[-1] * SAMPLE_RATE)
    take = (0.003 * rng.standard_normal((samples, 2))).astype(np.float32)
    decay = np.exp(-np.arange(SAMPLE_RATE // 10) / 900)[:, None]
    for event in impacts:
        start = int((float(event.time) + rng.uniform(-0.2, 0.2)) * SAMPLE_RATE)
        if 0 <= start < samples - len(decay):
            take[start : start + len(decay)] += (0.4 * rng.standard_normal((len(decay), 2)) * decay).astype(np.float32)
    contacts = [Contact(event.time, event.confidence) for event in impacts]
    plan = plan_landing(lambda start, stop: take[start:stop], samples, SAMPLE_RATE, contacts, Fraction(1, 25))
    for _ in plan.blocks():
        pass


def measure_rate(proxy: Path, rate: int, seconds: int, runs: int) -> None:
    """Print the speeds at one frame rate."""
    analysis = analyze_proxy_motion(proxy)
    decoding, eye, landing = (
        min(processor_seconds(action) for _ in range(runs))
        for action in (lambda: decode(proxy), lambda: analyze_proxy_motion(proxy), lambda: land(analysis))
    )
    print(
        f"{rate} fps: eye and landing {seconds / (eye + landing):5.1f} x real time"
        f" (eye {seconds / eye:.1f}, of which decoding alone {seconds / decoding:.1f}; landing {seconds / landing:.1f});"
        f" {eye / (rate * seconds) * 1000:.2f} ms of the eye for each frame, {eye / decoding:.1f} times decoding",
        flush=True,
    )


def peak_megabytes(proxy: Path) -> float:
    """Return the peak memory of a process that analyses a proxy."""
    code = (
        "import resource, sys; from pathlib import Path; from tracklay.sketch.engine import analyze_proxy_motion;"
        " analyze_proxy_motion(Path(sys.argv[1])); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "addon")}
    command = [sys.executable, "-c", code, str(proxy)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)


def main() -> None:
    """Measure and print all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20, help="length of each clip (default: 20)")
    parser.add_argument("--runs", type=int, default=3, help="runs of which the best counts (default: 3)")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for rate in RATES:
            scenes = make_proxy(work / f"{rate}.scenes.mp4", rate)
            proxy = repeat_proxy(scenes, work / f"{rate}.mp4", options.seconds)
            measure_rate(proxy, rate, options.seconds, options.runs)
        short, long = (
            peak_megabytes(repeat_proxy(work / "25.scenes.mp4", work / f"{seconds}s.mp4", seconds))
            for seconds in (SHORT, LONG)
        )
        print(f"peak memory of the eye: {short:.0f} MB for {SHORT} s, {long:.0f} MB for {LONG} s: {long / short:.2f} x")


if __name__ == "__main__":
    main()
