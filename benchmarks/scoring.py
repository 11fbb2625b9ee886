"""Agreement of take scores with known faults, precision and recall of speech and music, and speed.

    python benchmarks/scoring.py [--scenes 60] [--first 5000] [--jobs 2] [--recordings FOLDER]

Takes are made by `tests/scoring/made_takes.py`. Of each scene's takes, every pair is compared in which one take has all faults of the
other and is worse in at least one; the score agrees if the better take has the higher one. The picture's contacts have the misses, false
alarms and errors of an eye. For speech and music, takes have a bed of rain, wind, engines, crowds, horns, calls or metal with hits, and
voices or music at 10 to -6 dB against the bed, or neither. The tests use scenes below 1000.

With --recordings, a folder with the subfolders `speech`, `music` and `things` of WAV files of 48 kHz is classified too, each file as it is.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # the processes are the parallel part

import numpy as np
from tracklay.scoring.bleed import find_bleed
from tracklay.scoring.score import score_take
from tracklay.scoring.spectra import analyse_spectra

from tests.scoring import made_takes

LADDERS = 3
"""Chains of takes in a scene, each beginning with the take without faults and becoming worse step by step."""

STEPS = 4
KINDS = ("speech", "music")


def score_scene(seed: int) -> tuple[int, int, Counter[str], float, float]:
    """Return the pairs of a scene, those that agree, the faults of those that do not, its seconds of sound, and those of work."""
    scene = made_takes.MadeScene(np.random.default_rng(seed))
    pairs = agreed = 0
    wrong: Counter[str] = Counter()
    sound = work = 0.0
    for _ in range(LADDERS):
        faults = made_takes.Faults()
        chain: list[tuple[made_takes.Faults, float]] = []
        for _ in range(STEPS):
            take = scene.make_take(faults)
            begun = time.process_time()
            value = score_take(take, made_takes.RATE, scene.contacts).value
            work += time.process_time() - begun
            sound += scene.seconds
            for better, before in chain:
                pairs += 1
                agreed += before > value
                if before <= value:
                    changed = {name for name in made_takes.LEVELS if getattr(better, name) != getattr(faults, name)}
                    wrong.update(changed)
            chain.append((faults, value))
            faults = made_takes.worse_faults(scene.rng, faults)
    return pairs, agreed, wrong, sound, work


def classify_take(seed: int) -> tuple[str, str, float, set[str]]:
    """Return the bed of a made take, its kind, the level of the voice or music against the bed in dB, and what was found in it."""
    rng = np.random.default_rng(seed)
    scene = made_takes.MadeScene(rng)
    kind = str(rng.choice(["nothing", "speech", "music"]))
    name, bed = made_takes.make_bed(rng, scene.seconds)
    take = bed * 10 ** (rng.uniform(-40, -20) / 20) + scene.make_take(made_takes.Faults())[:, 0] * rng.choice(
        [0, 0.3, 1]
    )
    level = float(rng.choice([10, 6, 3, 0, -3, -6]))
    if kind != "nothing":
        spoken = made_takes.spoken_sentences()
        count = round(rng.uniform(2.5, scene.seconds) * made_takes.RATE)
        if kind == "music":
            sound = made_takes.make_music(rng, count / made_takes.RATE)
        elif spoken and rng.random() < 0.6:
            sound = np.resize(spoken[rng.integers(len(spoken))], count)
        else:
            sound = made_takes.make_speech(rng, count / made_takes.RATE)
        first = rng.integers(0, len(take) - count + 1)
        around = np.sqrt(np.mean(np.square(take[first : first + count]))) + 1e-4
        take[first : first + count] += sound[:count] * around * 10 ** (level / 20)
    take = (take * min(1, 0.9 / np.abs(take).max())).astype(np.float32)
    return name, kind, level, _found(take, made_takes.RATE)


def classify_file(path: Path) -> tuple[str, set[str]]:
    """Return the name of a recording, and what was found in it."""
    from tracklay.media.wav_reader import WavReader

    with WavReader(path) as wav:
        samples = wav.read(0, wav.format.samples)
        return path.stem, _found(samples.mean(axis=1), wav.format.sample_rate)


def _found(samples: np.ndarray, rate: int) -> set[str]:
    bleed = find_bleed(analyse_spectra(samples, rate))
    return {kind for kind in KINDS if getattr(bleed, kind)}


def print_figures(kind: str, results: list[tuple[str, set[str]]]) -> None:
    """Print the precision and recall of one kind, from pairs of what is there and what was found."""
    hits = sum(kind == truth and kind in found for truth, found in results)
    reported = sum(kind in found for _, found in results)
    there = sum(kind == truth for truth, _ in results)
    print(
        f"{kind:>8}: precision {hits / max(1, reported):.3f} ({hits} of {reported}), recall {hits / max(1, there):.3f} (of {there})"
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--first", type=int, default=5000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--recordings", type=Path)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.scenes)
    with ProcessPoolExecutor(options.jobs) as pool:
        scored = list(pool.map(score_scene, seeds))
        classified = list(pool.map(classify_take, range(options.first, options.first + 5 * options.scenes)))
        recorded: list[tuple[str, set[str]]] = []
        if options.recordings:
            for kind in (*KINDS, "things"):
                files = sorted((options.recordings / kind).glob("*.wav"))
                recorded += [(kind, found) for _, found in pool.map(classify_file, files)]
    pairs, agreed = sum(result[0] for result in scored), sum(result[1] for result in scored)
    print(f"pairs: {agreed} of {pairs} agree ({agreed / pairs:.1%})")
    wrong = sum((result[2] for result in scored), Counter[str]())
    print(
        "  differences in pairs that do not agree:", ", ".join(f"{name} {count}" for name, count in wrong.most_common())
    )
    print(
        f"speed: {sum(result[3] for result in scored) / sum(result[4] for result in scored):.0f} times real time on one core"
    )
    print(f"made takes: {len(classified)}")
    for kind in KINDS:
        print_figures(kind, [(truth, found) for _, truth, _, found in classified])
    for name, truth, level, found in classified:
        if found - {truth}:
            print(f"  false: {', '.join(found - {truth})} in {truth} over {name} at {level:g} dB")
    for kind in KINDS if recorded else ():
        print_figures(f"{kind}", recorded)


if __name__ == "__main__":
    main()
