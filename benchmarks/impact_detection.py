"""How well the sketch engine sees what strikes: F1 of its impacts against known contacts, by rate and by what disturbs the picture.

    python benchmarks/impact_detection.py [--seeds 6] [--first 5000] [--jobs 2]

Clips are drawn by `tests/sketch/synthetic_scenes.py`, encoded as proxies are and decoded again: balls that bounce, roll against a wall and
meet, hammers, a jointed arm that strikes. An impact counts when it is within one frame of its contact. Of pictures in which nothing strikes
(a still frame under grain, a moving camera, cuts, flashes, clouds, a pendulum, a waving arm, a rolling ball) the impacts are told
that were heard all the same. The tests use seeds below 1000; these are others.
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

from tracklay.sketch.vision import analyzer

from tests.sketch import synthetic_scenes

if TYPE_CHECKING:
    from tests.sketch.synthetic_scenes import Camera, Family, Score

FILM = Fraction(24)


@dataclass(frozen=True)
class Way:
    """How a scene is shown: its rate and what disturbs it."""

    name: str
    fps: Fraction
    camera: Camera = "locked"
    film: Fraction | None = None
    grain: float = 1.0
    crf: int = 23


WAYS = (
    Way("23.976 fps", Fraction(24000, 1001)),
    Way("24 fps", Fraction(24)),
    Way("25 fps", Fraction(25)),
    Way("29.97 fps", Fraction(30000, 1001)),
    Way("30 fps", Fraction(30)),
    Way("50 fps", Fraction(50)),
    Way("59.94 fps", Fraction(60000, 1001)),
    Way("60 fps", Fraction(60)),
    Way("24 fps, heavy grain", Fraction(24), grain=2.5),
    Way("60 fps, heavy grain", Fraction(60), grain=2.5),
    Way("25 fps, hard compressed", Fraction(25), crf=35),
    Way("24 fps, pan", Fraction(24), "pan"),
    Way("60 fps, pan", Fraction(60), "pan"),
    Way("25 fps, shake", Fraction(25), "shake"),
    Way("30 fps, zoom", Fraction(30), "zoom"),
    Way("24 shown on 25", Fraction(25), film=FILM),
    Way("24 shown on 30", Fraction(30), film=FILM),
    Way("24 shown on 60", Fraction(60), film=FILM),
    Way("25 shown on 50", Fraction(50), film=Fraction(25)),
)
QUIET: tuple[Family, ...] = ("still", "camera", "cut", "fade", "flash", "clouds", "swing", "wave", "roll")


def judged(job: tuple[Family, int, Way]) -> Score:
    """The score of one scene."""
    family, seed, way = job
    camera: Camera = way.camera if family != "camera" or way.camera != "locked" else "shake"
    scene = synthetic_scenes.make(family, seed, way.fps, camera, film=way.film, grain=way.grain, crf=way.crf)
    sight = analyzer.analyze_motion(synthetic_scenes.through_h264(scene, analyzer.LUMA_WIDTH), scene.times)
    return synthetic_scenes.score(scene, [event.time for event in sight.events if event.kind == "impact"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6, help="scenes of each kind")
    parser.add_argument("--first", type=int, default=5000, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    families = synthetic_scenes.IMPACT_FAMILIES
    print(
        f"F1 over {options.seeds} scenes of each kind; false impacts in {len(QUIET) * options.seeds} scenes where nothing strikes"
    )
    print(f"{'':26}" + "".join(f"{family:>9}" for family in families) + f"{'all':>9}{'quiet':>9}")
    totals = dict.fromkeys((*families, "all", "quiet"), synthetic_scenes.Score())
    with ProcessPoolExecutor(options.jobs) as pool:
        for way in WAYS:
            jobs = [(family, seed, way) for family in (*families, *QUIET) for seed in seeds]
            row = dict.fromkeys(totals, synthetic_scenes.Score())
            for (family, _, _), score in zip(jobs, pool.map(judged, jobs), strict=True):
                for column in (family, "all") if family in families else ("quiet",):
                    row[column] += score
            for column, score in row.items():
                totals[column] += score
            told(way.name, row)
    told("all", totals)


def told(name: str, row: dict[str, Score]) -> None:
    """Print one row."""
    cells = "".join(f"{score.f1:9.2f}" for column, score in row.items() if column != "quiet")
    print(f"{name:26}{cells}{row['quiet'].false:9d}", flush=True)


if __name__ == "__main__":
    main()
