"""Accuracy of the impact detection: F1 score against known contacts, by frame rate and by disturbance of the picture.

    python benchmarks/impact_detection.py [--seeds 6] [--first 5000] [--jobs 2]

Clips are rendered by `tests/sketch/synthetic_scenes.py`, encoded as proxies are and decoded again: balls that bounce, roll
against a wall and collide, hammers, an arm that strikes a table. An impact is correct within one frame of its contact. The last
column counts the false impacts of clips without contacts (a still frame with grain, a moving camera, cuts, flashes, clouds, a
pendulum, a waving arm, a rolling ball). The tests use seeds below 1000 and a few above 7000; these are others.

A second table is of scenes that resemble film (`tests/sketch/film_scenes.py`): hands with tools that rebound, leave and fill the
picture, at 15 to 60 fps, in little light, with a camera in the hand; `recoil` by its sudden starts. The weights of `motion_losses`
were fitted on seeds below 500, the correction of the time on some up to 805 (`scripts/fit_impact_weights.py`); the second row's were not
used for any decision.

A third table packages each of several film scenes in other codecs, containers and frame rates. It counts the events of the scene as a
proxy (x264), and those that are missing or additional, by more than a frame, in each package.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # the processes are the parallel part

import numpy as np
from tracklay.sketch.vision import analyzer, events

from tests.sketch import film_scenes, synthetic_scenes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tests.sketch.synthetic_scenes import Camera, Family, Score

FILM = Fraction(24)
FILM_FIRST_HELD_OUT = 810
PACKAGED: tuple[tuple[film_scenes.FilmFamily, int], ...] = (
    ("chop", 720), ("drumstick", 721), ("hammer_close", 722), ("punch", 723), ("dribble", 724),
    ("talk", 725), ("leave", 726), ("water", 727),
)  # fmt: skip
"""Scenes of the third table, each at 30 fps."""
PACKAGES: dict[str, tuple[str, ...]] = {
    "x264, fine, mp4": ("-c:v", "libx264", "-preset", "medium", "-crf", "16", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov"),
    "x264, hard, mkv": ("-c:v", "libx264", "-preset", "veryfast", "-crf", "32"),
    "x265, mkv": ("-c:v", "libx265", "-preset", "veryfast", "-crf", "26", "-x265-params", "log-level=none:pools=1:frame-threads=1"),
    "vp9, webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "6", "-crf", "34", "-b:v", "0", "-f", "webm"),
    "mpeg4, avi": ("-c:v", "mpeg4", "-q:v", "4", "-f", "avi"),
    "mpeg2, ts": ("-c:v", "mpeg2video", "-q:v", "4", "-f", "mpegts"),
    "mjpeg, mov": ("-c:v", "mjpeg", "-q:v", "4", "-strict", "unofficial", "-f", "mov", "-movflags", "frag_keyframe+empty_moov"),
    "prores, mov": ("-c:v", "prores_ks", "-profile:v", "1", "-f", "mov", "-movflags", "frag_keyframe+empty_moov"),
}  # fmt: skip
"""Options of ffmpeg by name of the package."""


@dataclass(frozen=True)
class Condition:
    """Frame rate of a clip, and the disturbances of its picture."""

    name: str
    fps: Fraction
    camera: Camera = "locked"
    film: Fraction | None = None
    """Frame rate of the film, whose frames are repeated to fill `fps`."""
    grain: float = 1.0
    """Noise, as a multiple of the usual."""
    crf: int = 23


CONDITIONS = (
    Condition("23.976 fps", Fraction(24000, 1001)),
    Condition("24 fps", Fraction(24)),
    Condition("25 fps", Fraction(25)),
    Condition("29.97 fps", Fraction(30000, 1001)),
    Condition("30 fps", Fraction(30)),
    Condition("50 fps", Fraction(50)),
    Condition("59.94 fps", Fraction(60000, 1001)),
    Condition("60 fps", Fraction(60)),
    Condition("24 fps, heavy grain", Fraction(24), grain=2.5),
    Condition("60 fps, heavy grain", Fraction(60), grain=2.5),
    Condition("25 fps, hard compressed", Fraction(25), crf=35),
    Condition("24 fps, pan", Fraction(24), "pan"),
    Condition("60 fps, pan", Fraction(60), "pan"),
    Condition("25 fps, shake", Fraction(25), "shake"),
    Condition("30 fps, zoom", Fraction(30), "zoom"),
    Condition("24 shown on 25", Fraction(25), film=FILM),
    Condition("24 shown on 30", Fraction(30), film=FILM),
    Condition("24 shown on 60", Fraction(60), film=FILM),
    Condition("25 shown on 50", Fraction(50), film=Fraction(25)),
)
QUIET = synthetic_scenes.QUIET_FAMILIES


def score_scene(job: tuple[Family, int, Condition]) -> Score:
    """Render and analyse one scene, and return its score."""
    family, seed, condition = job
    camera: Camera = condition.camera if family != "camera" or condition.camera != "locked" else "shake"
    scene = synthetic_scenes.make_scene(
        family, seed, condition.fps, camera, film=condition.film, grain=condition.grain, crf=condition.crf
    )
    luma = synthetic_scenes.encode_and_decode(scene, analyzer.LUMA_WIDTH)
    analysis = events.select_events(analyzer.analyze_motion(luma, scene.times), "stop")
    return synthetic_scenes.score(scene, [event.time for event in analysis.events if event.kind == "impact"])


def score_film(job: tuple[film_scenes.FilmFamily, int]) -> Score:
    """Render and analyse one scene that resembles film, and return its score."""
    family, seed = job
    scene = film_scenes.make_film_scene(family, seed)
    luma = synthetic_scenes.encode_and_decode(scene, analyzer.LUMA_WIDTH)
    trigger: events.Trigger = "start" if family in film_scenes.SHOTS else "stop"
    analysis = events.select_events(analyzer.analyze_motion(luma, scene.times), trigger)
    return synthetic_scenes.score(scene, [event.time for event in analysis.events if event.kind == "impact"])


def print_film_table(pool: ProcessPoolExecutor, seeds: int) -> None:
    """Print F1 by family, of the strikes together, and the false impacts of the families without contacts."""
    families = (*film_scenes.STRIKES, *film_scenes.SHOTS, *film_scenes.WITHOUT_CONTACT)
    print(f"\nscenes like film, {seeds} of each kind: F1 of contacts; false impacts")
    print(f"{'':20}" + "".join(f"{family:>13}" for family in (*families, "all strikes")))
    for name, first in (("fitted", 0), ("held out", FILM_FIRST_HELD_OUT)):
        jobs = [(family, seed) for family in families for seed in range(first, first + seeds)]
        row = dict.fromkeys((*families, "all strikes"), synthetic_scenes.Score())
        for (family, _), score in zip(jobs, pool.map(score_film, jobs), strict=True):
            for column in (family, "all strikes") if family in film_scenes.STRIKES else (family,):
                row[column] += score
        cells = (
            f"{score.false:13d}" if column in film_scenes.WITHOUT_CONTACT else f"{score.f1:13.2f}"
            for column, score in row.items()
        )
        print(f"{name:20}" + "".join(cells), flush=True)


def impact_times(luma: npt.NDArray[np.uint8], times: Sequence[Fraction]) -> list[Fraction]:
    """Return the times of the impacts."""
    analysis = events.select_events(analyzer.analyze_motion(luma, times), "stop")
    return [event.time for event in analysis.events if event.kind == "impact"]


def compare_packages(job: tuple[film_scenes.FilmFamily, int]) -> tuple[int, dict[str, int]]:
    """Return the number of events of a scene, and how many differ in each package."""
    family, seed = job
    scene = film_scenes.make_film_scene(family, seed, Fraction(30))
    proxy = synthetic_scenes.encode_and_decode(scene, analyzer.LUMA_WIDTH)
    expected = impact_times(proxy, scene.times)
    found = {
        name: impact_times(synthetic_scenes.encode_and_decode(scene, analyzer.LUMA_WIDTH, codec=codec), scene.times)
        for name, codec in PACKAGES.items()
    }
    doubled = [k * Fraction(1, 60) for k in range(2 * len(proxy))]
    found["60 fps"] = impact_times(np.repeat(proxy, 2, axis=0), doubled)
    found["29.97 fps"] = impact_times(proxy, [time * Fraction(1001, 1000) for time in scene.times])
    return len(expected), {name: count_differences(expected, times, 1 / scene.fps) for name, times in found.items()}


def count_differences(expected: Sequence[Fraction], found: Sequence[Fraction], frame: Fraction) -> int:
    """Return how many times of two lists have no partner within a frame in the other; 29.97 fps moves a time by a thousandth."""
    left = list(found)
    missing = 0
    for time in expected:
        near = [other for other in left if abs(other - time) <= frame + time / 1000]
        if near:
            left.remove(min(near, key=lambda other: abs(other - time)))
        else:
            missing += 1
    return missing + len(left)


def print_package_table(pool: ProcessPoolExecutor) -> None:
    """Print the events of each packaged scene and how many differ by package."""
    print("\nthe same scene in other packages: events, and how many differ")
    columns = (*PACKAGES, "60 fps", "29.97 fps")
    print(f"{'':20}{'events':>8}" + "".join(f"{name:>17}" for name in columns))
    for (family, seed), (count, differences) in zip(PACKAGED, pool.map(compare_packages, PACKAGED), strict=True):
        print(
            f"{family} {seed:<8}".ljust(20) + f"{count:8d}" + "".join(f"{differences[name]:17d}" for name in columns),
            flush=True,
        )


def main() -> None:
    """Score all conditions and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6, help="scenes of each kind (default: 6)")
    parser.add_argument("--first", type=int, default=5000, help="first seed (default: 5000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (default: one per core)")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    families = synthetic_scenes.IMPACT_FAMILIES
    print(
        f"F1 over {options.seeds} scenes of each kind; false impacts in {len(QUIET) * options.seeds} scenes without contacts"
    )
    print(f"{'':26}" + "".join(f"{family:>9}" for family in families) + f"{'all':>9}{'quiet':>9}")
    totals = dict.fromkeys((*families, "all", "quiet"), synthetic_scenes.Score())
    with ProcessPoolExecutor(options.jobs) as pool:
        for condition in CONDITIONS:
            jobs = [(family, seed, condition) for family in (*families, *QUIET) for seed in seeds]
            row = dict.fromkeys(totals, synthetic_scenes.Score())
            for (family, _, _), score in zip(jobs, pool.map(score_scene, jobs), strict=True):
                for column in (family, "all") if family in families else ("quiet",):
                    row[column] += score
            for column, score in row.items():
                totals[column] += score
            print_row(condition.name, row)
    print_row("all", totals)
    with ProcessPoolExecutor(options.jobs) as pool:
        print_film_table(pool, options.seeds)
        print_package_table(pool)


def print_row(name: str, row: dict[str, Score]) -> None:
    """Print one row of the table."""
    cells = "".join(f"{score.f1:9.2f}" for column, score in row.items() if column != "quiet")
    print(f"{name:26}{cells}{row['quiet'].false:9d}", flush=True)


if __name__ == "__main__":
    main()
