"""Fit the weights of `tracklay.sketch.vision.motion_losses` and of its `contact_timing` to made scenes, and print them.

    python scripts/fit_impact_weights.py [--cache FOLDER]

The scenes are those of `tests/sketch/film_scenes.py`, of all kinds but `recoil`, with the seeds of `SEEDS` and those below; nothing else
is used. Each is rendered, compressed as a proxy and analysed; every loss of motion that is examined becomes a row. A row is a contact
if it is the nearest within a frame of one: logistic regression (L2) over the standardised features. Losses in scenes without contacts
count `QUIET_WEIGHT` times: a hit where nothing strikes is worse than a missed one. The correction of the time is fitted to the rows
that are close to a contact and sure: robust linear regression. The seeds of `benchmarks/impact_detection.py` are held out.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tracklay.sketch.vision import analyzer, contact_timing, motion_losses

from tests.sketch import film_scenes, synthetic_scenes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracklay.sketch.vision.motion_windows import WindowRow

SEEDS = (*range(8), *range(100, 110), *range(300, 303), *range(400, 403))
MORE_SEEDS = tuple(range(110, 116))
MORE_FAMILIES = ("drumstick", "hammer_close", "windup", "talk", "leave", "water")
"""Kinds of which there are more scenes, as contacts and other losses look alike there."""
TIMING_SEEDS = (*range(702, 708), *range(800, 806))
"""More scenes with contacts, for the correction of the time only."""
QUIET_WEIGHT = 2.5
L2 = 1.0
SURE_CONFIDENCE = 0.4
MAX_CORRECTED = 2.2
"""Confidence and distance from a contact, in intervals, of the losses to which the correction of the time is fitted."""
CORRECTION_L2, CORRECTION_SCALE = 10.0, 0.5
"""Its penalty, and the error in intervals from which a loss counts for less than half."""
MIN_TOLERANCE_SECONDS = 0.04
"""A candidate within a frame, or within this time, of a contact is that contact."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Loss:
    """A loss of motion, sure or not."""

    estimate: float
    """Seconds, before the correction."""
    interval: float
    features: Sequence[float]
    correction_features: Sequence[float]
    is_sure: bool
    """By the weights as they are."""


def analyse(luma: npt.NDArray[np.uint8], scene: synthetic_scenes.Scene) -> list[Loss]:
    """Return every loss of motion in a scene."""
    windows: dict[float, contact_timing.LossWindow] = {}
    found: list[Loss] = []

    def estimate(rows: Sequence[WindowRow], window: contact_timing.LossWindow) -> float:
        time = contact_timing.first_estimate(rows, window)
        windows[time] = window
        return time

    class Recorder(motion_losses.LossDetector):
        """A detector that records its candidates and finds nothing."""

        def finish(self) -> list[motion_losses.MotionLoss]:
            for each, features in self.weigh_candidates():
                corrections = contact_timing.correction_features(windows[each.time])
                is_sure = motion_losses.contact_probability(features) >= SURE_CONFIDENCE
                found.append(Loss(each.time, each.interval, features, corrections, is_sure))
            return []

    recording = mock.patch.object(analyzer, "LossDetector", Recorder)
    timing = mock.patch.object(motion_losses, "contact_time", estimate)
    with recording, timing, mock.patch.object(motion_losses, "MIN_CONFIDENCE", 0.0):
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


def fit_correction(losses: Sequence[tuple[Loss, float]]) -> tuple[Array, float]:
    """Return the weights of the correction and their offset, from sure losses with the seconds of their contacts.

    Iteratively reweighted least squares with the weights of the Cauchy distribution: a loss may belong to something else.
    """
    features = np.array([loss.correction_features for loss, _ in losses])
    missing = np.array([(time - loss.estimate) / loss.interval for loss, time in losses])
    mean, scale = features.mean(0), features.std(0) + 1e-6
    rows = np.column_stack([(features - mean) / scale, np.ones(len(features))])
    penalty = np.diag([CORRECTION_L2] * features.shape[1] + [1e-6])
    found, weights = np.zeros(rows.shape[1]), np.ones(len(rows))
    for _ in range(20):
        weighted = rows.T * weights
        found = np.linalg.solve(weighted @ rows + penalty, weighted @ missing)
        weights = 1 / (1 + ((missing - rows @ found) / CORRECTION_SCALE) ** 2)
    return found[:-1] / scale, float(found[-1] - (found[:-1] * mean / scale).sum())


def analyse_scenes(cache: Path | None) -> list[tuple[synthetic_scenes.Scene, list[Loss]]]:
    """Return all scenes, rendered or from the cache, with their losses of motion."""
    scenes = []
    for family in (*film_scenes.STRIKES, *film_scenes.WITHOUT_CONTACT):
        seeds = (*SEEDS, *MORE_SEEDS) if family in MORE_FAMILIES else SEEDS
        for seed in (*seeds, *TIMING_SEEDS) if family in film_scenes.STRIKES else seeds:
            scene = film_scenes.make_film_scene(family, seed)
            stored = cache / f"{family}-{seed}.npy" if cache else None
            if stored is not None and stored.exists():
                luma = np.load(stored)
            else:
                luma = synthetic_scenes.encode_and_decode(scene, analyzer.LUMA_WIDTH)
                if stored is not None:
                    np.save(stored, luma)
            scenes.append((scene, analyse(luma, scene)))
        print(f"{family}: {sum(len(found) for _, found in scenes)} losses of motion so far", file=sys.stderr)
    return scenes


def main() -> None:
    """Render, analyse, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, help="folder in which the rendered scenes are kept")
    scenes = analyse_scenes(parser.parse_args().cache)
    sure = []
    for scene, found in scenes:
        times = [contact.time for contact in scene.contacts]
        for loss in found:
            gap, nearest = min(((abs(time - loss.estimate), time) for time in times), default=(math.inf, 0.0))
            if loss.is_sure and gap <= MAX_CORRECTED * loss.interval:
                sure.append((loss, nearest))
    correction, offset = fit_correction(sure)
    print("CORRECTION_WEIGHTS =", tuple(round(float(weight), 3) for weight in correction))
    print("CORRECTION_BIAS =", round(offset, 3))
    rows, contacts, weights = [], [], []
    for scene, found in scenes:
        if scene.seed in TIMING_SEEDS:
            continue
        rows += [loss.features for loss in found]
        contacts += label(scene, [loss.estimate for loss in found])
        weights += [1.0 if scene.contacts else QUIET_WEIGHT] * len(found)
    found_weights, bias = fit(np.array(rows), np.array(contacts), np.array(weights))
    print("WEIGHTS =", tuple(round(float(weight), 2) for weight in found_weights))
    print("BIAS =", round(bias, 2))


if __name__ == "__main__":
    main()
