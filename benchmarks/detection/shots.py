"""Compares Tracklay's shot detection with PySceneDetect: the cuts that each finds in a made film, and the time that each needs.

    python benchmarks/detection/shots.py --theirs PYTHON [--seconds 90] [--size 1280x720] [--rounds 3]

PYTHON is that of an environment with `pip install scenedetect opencv-python-headless`. The film has hard cuts, also between similar
shots, dissolves, fades through black, flashes, which are no cuts, fast pans and shaking cameras, and noise like film grain. A cut is found
if it is within two frames; a dissolve or fade if anything is found in it. Everything else that is found is false. Printed are F1 with
precision and recall, processor time of all processes, and time on the clock, medians, and both again without the decoding alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

import numpy as np
import numpy.typing as npt
from tracklay.media.ffmpeg_program import find_ffmpeg

RATE = 25
NEAR_FRAMES = 2
"""Frames by which a cut may be found beside its place."""

SHOT_FRAMES = (30, 75)
"""Shortest and longest shot."""

JOINS = ("cut", "cut", "cut", "dissolve", "cut", "fade")
"""What is between two shots, in turn."""

FLASH_SHARE = 0.3
"""Part of the shots that have a flash of one to three frames."""

OURS = """
import json, sys, tempfile
from pathlib import Path
from tracklay.media.shot_detection import find_cuts
from tracklay.timelines.media_file import MediaFile
film = MediaFile.open(Path(sys.argv[1]))
cue = film.cues(model="sketch/foley")[0]
with tempfile.TemporaryDirectory() as work:
    print(json.dumps(list(find_cuts(cue.picture, cue.span, Path(work)))))
"""

THEIRS = """
import json, sys
from scenedetect import AdaptiveDetector, ContentDetector, detect
scenes = detect(sys.argv[1], {"content": ContentDetector, "adaptive": AdaptiveDetector}[sys.argv[2]]())
print(json.dumps([start.frame_num for start, _ in scenes[1:]]))
"""

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Join:
    """A change from one shot to the next: the first and the last frame at which it may be found."""

    first: int
    last: int


class Shot:
    """A textured picture under a moving camera, with something that moves in it."""

    def __init__(self, random: np.random.Generator, size: tuple[int, int], base: Image | None) -> None:
        width, height = size
        self.image = _texture(random, width * 3 // 2, height * 3 // 2) if base is None else _variation(random, base)
        self._size = size
        self._kind = random.choice(["still", "pan", "fast", "shake"])
        self._direction, self._random = random.choice([-1, 1]), random
        self._box = random.integers(0, 256, 3)

    def frame(self, number: int) -> Image:
        width, height = self._size
        free_x, free_y = self.image.shape[1] - width, self.image.shape[0] - height
        x, y = free_x // 2, free_y // 2
        if self._kind in ("pan", "fast"):
            x += self._direction * number * (3 if self._kind == "pan" else 10)
        elif self._kind == "shake":
            x, y = x + int(self._random.integers(-6, 7)), y + int(self._random.integers(-6, 7))
        x, y = abs((x % (2 * free_x)) - free_x), min(max(y, 0), free_y)
        frame = self.image[y : y + height, x : x + width].copy()
        side, at = height // 4, (number * 9) % (width - height // 4)
        frame[height // 2 : height // 2 + side, at : at + side] = self._box
        return frame


def _texture(random: np.random.Generator, width: int, height: int) -> Image:
    """Return a picture of colours in several scales, as a scene has large areas and small things."""
    picture = np.zeros((height, width, 3), np.float32) + random.uniform(40, 170, 3).astype(np.float32)
    for cells, strength in ((3, 45), (12, 25), (60, 14)):
        small = random.normal(0, strength, (cells, cells * 2, 3)).astype(np.float32)
        rows = np.linspace(0, cells - 1, height).astype(int)
        columns = np.linspace(0, cells * 2 - 1, width).astype(int)
        picture += small[rows][:, columns]
    return np.clip(picture, 0, 255).astype(np.uint8)


def _variation(random: np.random.Generator, base: Image) -> Image:
    """Return another view of the same scene: its colours, mirrored and moved."""
    moved = np.roll(base[:, ::-1], int(random.integers(100, 400)), 1)
    return np.clip(moved.astype(np.int16) + int(random.integers(-12, 13)), 0, 255).astype(np.uint8)


def make_film(path: Path, seconds: int, size: tuple[int, int], seed: int = 5) -> list[Join]:
    """Write the film, and return its joins."""
    random = np.random.default_rng(seed)
    command = [find_ffmpeg(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}"]
    command += [
        "-r",
        str(RATE),
        "-i",
        "pipe:",
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-pix_fmt",
        "yuv420p",
        str(path),
    ]
    joins: list[Join] = []
    total, written = seconds * RATE, 0
    noise = random.normal(0, 4, (8, size[1], size[0], 1)).astype(np.int8)
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin  # noqa: S101 - it was asked for
        before: tuple[Shot, int] | None = None
        while written < total:
            base = before[0].image if before and random.random() < 0.25 else None
            shot, length = Shot(random, size, base), int(random.integers(*SHOT_FRAMES))
            kind = JOINS[len(joins) % len(JOINS)] if before else "start"
            blend = {"dissolve": int(random.integers(12, 26)), "fade": int(random.integers(20, 36))}.get(kind, 0)
            flash = (
                int(random.integers(blend + 8, length - 5))
                if length > blend + 15 and random.random() < FLASH_SHARE
                else -9
            )
            bright = int(random.integers(1, 4))
            if before:
                joins.append(Join(written - (NEAR_FRAMES if not blend else 0), written + max(blend, NEAR_FRAMES)))
            for number in range(min(length, total - written)):
                frame = shot.frame(number).astype(np.float32)
                if number < blend and before:
                    part = (number + 1) / (blend + 1)
                    old = before[0].frame(before[1] + number).astype(np.float32)
                    if kind == "dissolve":
                        frame = old * (1 - part) + frame * part
                    else:
                        frame = old * (1 - 2 * part) if part < 0.5 else frame * (2 * part - 1)
                if flash <= number < flash + bright:
                    frame = frame * 0.3 + 178
                grain = noise[written % 8].astype(np.float32)
                process.stdin.write(np.clip(frame + grain, 0, 255).astype(np.uint8).tobytes())
                written += 1
            before = shot, length
        process.stdin.close()
    return [join for join in joins if join.last < total - 1]


def rate(found: list[int], joins: list[Join]) -> tuple[float, float, float]:
    """Return F1, precision and recall."""
    left, hits = list(found), 0
    for join in joins:
        inside = [frame for frame in left if join.first <= frame <= join.last]
        if inside:
            hits += 1
            left.remove(inside[0])
    precision, recall = hits / max(1, len(found)), hits / len(joins)
    return 2 * precision * recall / max(1e-9, precision + recall), precision, recall


def run(python: str, script: str, *arguments: str, theirs: bool) -> tuple[list[int], float, float]:
    """Run a detector: what it finds, seconds of processor time, and seconds on the clock."""
    path = os.pathsep.join((str(ROOT), str(ROOT / "addon")))
    environment = {**os.environ, **({} if theirs else {"PYTHONPATH": path})}
    if theirs:
        environment.pop("PYTHONPATH", None)
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            [python, "-c", script, *arguments], stdout=out, stderr=subprocess.DEVNULL, env=environment
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        if process.returncode:
            sys.exit(f"{arguments} failed")
        out.seek(0)
        found: list[int] = json.loads(out.read().strip().splitlines()[-1])
    return found, used.ru_utime + used.ru_stime, wall


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--theirs", required=True, help="Python with scenedetect")
    parser.add_argument("--seconds", type=int, default=90)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--film", type=Path, help="keep the film here, with its joins, and use it if it is there")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        film = options.film or Path(folder) / "film.mp4"
        notes = film.with_suffix(".json")
        if options.film and notes.exists():
            joins = [Join(*pair) for pair in json.loads(notes.read_text())]
        else:
            joins = make_film(film, options.seconds, (width, height))
            notes.write_text(json.dumps([[join.first, join.last] for join in joins]))
        works = {
            "Tracklay": (sys.executable, OURS, (str(film),), False),
            "content": (options.theirs, THEIRS, (str(film), "content"), True),
            "adaptive": (options.theirs, THEIRS, (str(film), "adaptive"), True),
        }
        results: dict[str, list[tuple[list[int], float, float]]] = {name: [] for name in works}
        for _ in range(options.rounds):
            for name, (python, script, arguments, theirs) in works.items():
                results[name].append(run(python, script, *arguments, theirs=theirs))
    print(f"{options.seconds} s of {options.size}, {len(joins)} joins")
    print("| detector | F1 | precision | recall | processor | clock | times as fast as Tracklay |")
    print("|---|---|---|---|---|---|---|")
    own = statistics.median(cost for _, cost, _ in results["Tracklay"])
    for name, runs in results.items():
        processor = statistics.median(each[1] for each in runs)
        clock = statistics.median(each[2] for each in runs)
        scores = " | ".join(f"{score:.3f}" for score in rate(runs[0][0], joins))
        print(f"| {name} | {scores} | {processor:.2f} s | {clock:.2f} s | {own / processor:.2f} |")


if __name__ == "__main__":
    main()
