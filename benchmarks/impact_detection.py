"""Accuracy of the impact detection: F1 score against known contacts, by frame rate and by disturbance of the picture.

    python benchmarks/impact_detection.py [--seeds 6] [--first 5000] [--jobs 2]

Clips are rendered by `tests/sketch/synthetic_scenes.py`, encoded as proxies are and decoded again: balls that bounce, roll
against a wall and collide, hammers, an arm that strikes a table. An impact is correct within one frame of its contact. The last
column counts the false impacts of clips without contacts (a still frame with grain, a moving camera, cuts, flashes, clouds, a
pendulum, a waving arm, a rolling ball). The tests use seeds below 1000 and a few above 7000; these are others.

A second table is of scenes that resemble film (`tests/sketch/film_scenes.py`): hands with tools that rebound, leave and fill the
picture, at 15 to 60 fps, in little light, with a camera in the hand; `recoil` by its sudden starts. The weights of `motion_losses`
were fitted on seeds 0 to 4, of the strikes, `windup` and `leave` also at 15, 24 and 30 fps; the second row's were not used.
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

from tracklay.sketch.vision import analyzer, events

from tests.sketch import film_scenes, synthetic_scenes

if TYPE_CHECKING:
    from tests.sketch.synthetic_scenes import Camera, Family, Score

FILM = Fraction(24)
FILM_FIRST_HELD_OUT = 300


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


def print_row(name: str, row: dict[str, Score]) -> None:
    """Print one row of the table."""
    cells = "".join(f"{score.f1:9.2f}" for column, score in row.items() if column != "quiet")
    print(f"{name:26}{cells}{row['quiet'].false:9d}", flush=True)


if __name__ == "__main__":
    main()
