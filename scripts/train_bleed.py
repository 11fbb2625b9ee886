"""Grows the forests that find speech and music in takes (`tracklay/scoring/bleed_trees.json`) from a folder of recordings.

    python scripts/train_bleed.py --recordings FOLDER [--takes 4000] [--jobs 2] [--to FILE]

FOLDER has the subfolders `speech`, `music`, `ambience` and `hits` of WAV files, 48 kHz, 16 to 32-bit, one channel or more. Needs
scikit-learn, which nothing else does. Each take of 8 s is a bed (an ambience, hits over a quiet one, or a synthetic bed of
`tests/scoring/made_takes.py`), in half of the takes with speech or music at 30 to -6 dB against the bed, filtered and levelled at random.
Windows with 0.9 s of it at -4 dB or more are examples, windows without any are counter-examples, all others are left out.

`docs/choosing.md` says which recordings the shipped forests were grown from, and how they do on recordings that were held out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # the processes are the parallel part

import numpy as np
import numpy.typing as npt
from tracklay.media.wav_reader import WavReader
from tracklay.scoring.bleed import DEPTH, TREES
from tracklay.scoring.features import NAMES, window_features
from tracklay.scoring.spectra import HOP_SECONDS, analyse_spectra

from tests.scoring.made_takes import RATE, make_bed

KINDS = ("speech", "music")
SECONDS = 8.0
SHORTEST_SECONDS = 2.0
LEVELS_DB = (30, 15, 10, 6, 3, 0, -3, -6)
MIN_COVERED, MIN_LEVEL_DB = 0.9, -4.0
ABSENT_SECONDS = 0.05
TREE_COUNT = 100
COUNTER_WEIGHT = 1.5
"""Weight of counter-examples: a thing that is taken for a voice is worse than a voice that is missed."""

Sound = npt.NDArray[np.float32]


@cache
def load(path: Path) -> Sound:
    """Return a recording as one channel."""
    with WavReader(path) as wav:
        samples = wav.read(0, min(wav.format.samples, 24 * RATE))
    return np.asarray(samples.mean(axis=1), np.float32)


def make_example(recordings: Path, seed: int) -> tuple[npt.NDArray[np.float64], dict[str, npt.NDArray[np.int_]]]:
    """Return the features of a made take's windows, and for speech and music 1, 0 or, if it is unclear, -1 for each."""
    rng = np.random.default_rng(seed)
    files = {kind: sorted((recordings / kind).glob("*.wav")) for kind in (*KINDS, "ambience", "hits")}
    length = round(SECONDS * RATE)

    def pick(kind: str, count: int) -> Sound:
        sound = load(files[kind][rng.integers(len(files[kind]))])
        sound = np.tile(sound, -(-count // len(sound)))
        first = int(rng.integers(0, len(sound) - count + 1))
        return level(sound[first : first + count], 0)

    bed_kind = rng.choice(["ambience", "hits", "made"], p=[0.3, 0.35, 0.35])
    if bed_kind == "made":
        bed = level(make_bed(rng, SECONDS)[1].astype(np.float32), rng.uniform(-38, -16))
    else:
        bed = level(
            pick("ambience", length), rng.uniform(-38, -16) if bed_kind == "ambience" else rng.uniform(-65, -38)
        )
        for time in np.sort(rng.uniform(0, SECONDS - 0.2, rng.integers(2, 16))) if bed_kind == "hits" else ():
            hit = load(files["hits"][rng.integers(len(files["hits"]))])[: length - round(time * RATE)]
            first = round(time * RATE)
            bed[first : first + len(hit)] += hit / (np.abs(hit).max() + 1e-9) * rng.uniform(0.15, 0.7)
    added = np.zeros(length, np.float32)
    kind = str(rng.choice(["", *KINDS], p=[0.45, 0.29, 0.26]))
    if kind:
        count = length if rng.random() < 0.4 else round(rng.uniform(SHORTEST_SECONDS, 6.5) * RATE)
        first = int(rng.integers(0, length - count + 1))
        around = 10 * np.log10(np.mean(np.square(bed[first : first + count])) + 1e-10)
        fade = np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / 2400)
        added[first : first + count] = level(
            pick(kind, count) * fade.astype(np.float32), around + rng.choice(LEVELS_DB)
        )
    take = low_pass(bed + added, rng.uniform(4000, 12_000)) if rng.random() < 0.3 else bed + added
    take *= min(10 ** (rng.uniform(-12, 12) / 20), 0.95 / (float(np.abs(take).max()) + 1e-9))
    windows = window_features(analyse_spectra(take.astype(np.float32), RATE))
    labels = {name: np.zeros(len(windows.starts), np.int_) for name in KINDS}
    for index, (start, end) in enumerate(zip(windows.starts, windows.ends, strict=True)) if kind else ():
        part = slice(round(start * HOP_SECONDS * RATE), round(end * HOP_SECONDS * RATE))
        covered = (np.abs(added[part]) > 0.05 * np.abs(added).max()).reshape(-1, 48).any(axis=1).sum() * 0.001
        ratio = 10 * np.log10((np.square(added[part]).sum() + 1e-12) / (np.square(bed[part]).sum() + 1e-12))
        is_example = covered >= MIN_COVERED and ratio >= MIN_LEVEL_DB
        labels[kind][index] = 1 if is_example else 0 if covered < ABSENT_SECONDS else -1
    return windows.values, labels


def level(sound: Sound, decibels: float) -> Sound:
    """Return a sound at an RMS level in dBFS."""
    return np.asarray(sound * 10 ** (decibels / 20) / (np.sqrt(np.mean(np.square(sound))) + 1e-9), np.float32)


def low_pass(sound: Sound, hertz: float) -> Sound:
    """Return a sound without what is above a frequency."""
    spectrum = np.fft.rfft(sound) / (1 + (np.fft.rfftfreq(len(sound), 1 / RATE) / hertz) ** 4)
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)


def grow_forest(values: npt.NDArray[np.float64], labels: npt.NDArray[np.int_]) -> dict[str, Any]:
    """Return a forest as the file has it."""
    from sklearn.ensemble import GradientBoostingClassifier  # noqa: PLC0415 - the message without it is Python's own

    booster = GradientBoostingClassifier(
        n_estimators=TREE_COUNT,
        max_depth=DEPTH,
        learning_rate=0.12,
        subsample=0.5,
        min_samples_leaf=25,
        max_features=12,
        random_state=1,
    )
    booster.fit(values, labels, sample_weight=np.where(labels == 1, 1.0, COUNTER_WEIGHT))
    share = float(booster.init_.class_prior_[1])
    trees = [full_tree(estimator.tree_, booster.learning_rate) for estimator in booster.estimators_[:, 0]]
    return {"bias": round(float(np.log(share / (1 - share))), 4), "trees": trees}


def full_tree(tree: Any, rate: float) -> dict[str, list[Any]]:
    """Return a tree of equal depth: a leaf above it is repeated below."""
    inner = 2**DEPTH - 1
    names, limits, leaves = [NAMES[0]] * inner, [1e9] * inner, [0.0] * (inner + 1)
    waiting = [(0, 0)]
    while waiting:
        node, place = waiting.pop()
        if place >= inner:
            leaves[place - inner] = round(float(tree.value[node][0][0]) * rate, 4)
            continue
        is_leaf = tree.children_left[node] == -1
        if not is_leaf:
            names[place], limits[place] = NAMES[tree.feature[node]], float(f"{tree.threshold[node]:.5g}")
        left, right = (node, node) if is_leaf else (tree.children_left[node], tree.children_right[node])
        waiting += [(left, 2 * place + 1), (right, 2 * place + 2)]
    return {"features": names, "limits": limits, "leaves": leaves}


def main() -> None:
    """Make takes, grow both forests, and write them."""
    parser = argparse.ArgumentParser(description="Grow the forests that find speech and music in takes.")
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--takes", type=int, default=4000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--to", type=Path, default=ROOT / "addon" / "tracklay" / "scoring" / TREES)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs) as pool:
        made = list(pool.map(partial(make_example, options.recordings), range(options.takes), chunksize=16))
    values = np.concatenate([example[0] for example in made])
    forests = {}
    for kind in KINDS:
        labels = np.concatenate([example[1][kind] for example in made])
        forests[kind] = grow_forest(values[labels >= 0], labels[labels >= 0])
    lines = [
        f'"{kind}": {{"bias": {forest["bias"]}, "trees": [\n'
        + ",\n".join(json.dumps(tree) for tree in forest["trees"])
        + "\n]}"
        for kind, forest in forests.items()
    ]
    options.to.write_text('{"forests": {\n' + ",\n".join(lines) + "\n}}\n", "utf-8")
    print(f"{options.to}: {len(values)} windows of {len(made)} takes")


if __name__ == "__main__":
    main()
