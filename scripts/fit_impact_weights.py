"""Fit the weights of `tracklay.sketch.vision.motion_losses` to made scenes, and print them.

    python scripts/fit_impact_weights.py [--cache FOLDER]

The scenes are those of `tests/sketch/film_scenes.py`, of all kinds but `recoil`, with the seeds of `SEEDS` and `MORE_SEEDS`; nothing else
is used. Each is rendered, compressed as a proxy and analysed; every loss of motion that is examined becomes a row, which is a contact if
it is the nearest within a frame of one. Logistic regression (L2) over the standardised features. Losses in scenes without contacts count
`QUIET_WEIGHT` times: a hit where nothing strikes is worse than a missed one. The seeds of `benchmarks/impact_detection.py` are held out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tracklay.sketch.vision import analyzer, motion_losses

from tests.sketch import film_scenes, synthetic_scenes

SEEDS = (*range(8), *range(100, 110), *range(300, 303), *range(400, 403))
MORE_SEEDS = tuple(range(110, 116))
MORE_FAMILIES = ("drumstick", "hammer_close", "windup", "talk", "leave", "water")
"""Kinds of which there are more scenes, as contacts and other losses look alike there."""
QUIET_WEIGHT = 2.5
L2 = 1.0
MIN_TOLERANCE_SECONDS = 0.04
"""A candidate within a frame, or within this time, of a contact is that contact."""

Array = npt.NDArray[np.float64]


def analyse(luma: npt.NDArray[np.uint8], scene: synthetic_scenes.Scene) -> list[tuple[float, list[float]]]:
    """Return the time and the features of every loss of motion in a scene, sure or not."""
    found: list[tuple[float, list[float]]] = []

    class Recorder(motion_losses.LossDetector):
        """A detector that records its candidates and finds nothing."""

        def finish(self) -> list[motion_losses.MotionLoss]:
            found.extend((each.time, list(features)) for each, features in self.weigh_candidates())
            return []

    recording = mock.patch.object(analyzer, "LossDetector", Recorder)
    with recording, mock.patch.object(motion_losses, "MIN_CONFIDENCE", 0.0):
        analyzer.analyze_motion(luma, scene.times)
    return found


def label(scene: synthetic_scenes.Scene, times: list[float]) -> list[bool]:
    """Return which of the times are contacts: for each contact the nearest one."""
    tolerance = max(1.01 / float(scene.fps), MIN_TOLERANCE_SECONDS)
    is_contact = [False] * len(times)
    for contact in scene.contacts:
        near = [
            (abs(time - contact.time), k)
            for k, time in enumerate(times)
            if abs(time - contact.time) < tolerance and not is_contact[k]
        ]
        if near:
            is_contact[min(near)[1]] = True
    return is_contact


def fit(features: Array, is_contact: npt.NDArray[np.bool_], weights: Array) -> tuple[Array, float]:
    """Return the weights of the features and the bias, by Newton's method."""
    mean, scale = features.mean(0), features.std(0) + 1e-6
    rows = np.column_stack([(features - mean) / scale, np.ones(len(features))])
    penalty = np.diag([L2] * features.shape[1] + [1e-6])
    found = np.zeros(rows.shape[1])
    for _ in range(50):
        probability = 1 / (1 + np.exp(-np.clip(rows @ found, -30, 30)))
        gradient = rows.T @ (weights * (probability - is_contact)) + penalty @ found
        curvature = (rows * (weights * probability * (1 - probability))[:, None]).T @ rows + penalty
        step = np.linalg.solve(curvature, gradient)
        found -= step
        if np.abs(step).max() < 1e-8:
            break
    return found[:-1] / scale, float(found[-1] - (found[:-1] * mean / scale).sum())


def main() -> None:
    """Render, analyse, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, help="folder in which the rendered scenes are kept")
    cache: Path | None = parser.parse_args().cache
    rows: list[list[float]] = []
    contacts: list[bool] = []
    weights: list[float] = []
    for family in (*film_scenes.STRIKES, *film_scenes.WITHOUT_CONTACT):
        for seed in (*SEEDS, *MORE_SEEDS) if family in MORE_FAMILIES else SEEDS:
            scene = film_scenes.make_film_scene(family, seed)
            stored = cache / f"{family}-{seed}.npy" if cache else None
            if stored is not None and stored.exists():
                luma = np.load(stored)
            else:
                luma = synthetic_scenes.encode_and_decode(scene, analyzer.LUMA_WIDTH)
                if stored is not None:
                    np.save(stored, luma)
            found = analyse(luma, scene)
            rows += [features for _, features in found]
            contacts += label(scene, [time for time, _ in found])
            weights += [QUIET_WEIGHT if family in film_scenes.WITHOUT_CONTACT else 1.0] * len(found)
        print(f"{family}: {len(rows)} losses of motion so far, {sum(contacts)} of them contacts", file=sys.stderr)
    found_weights, bias = fit(np.array(rows), np.array(contacts), np.array(weights))
    print("WEIGHTS =", tuple(round(float(weight), 2) for weight in found_weights))
    print("BIAS =", round(bias, 2))


if __name__ == "__main__":
    main()
