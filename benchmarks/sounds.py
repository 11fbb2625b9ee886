"""Cost of one sound of each class of the sketch engine, against a pair of transforms as long as the sound.

    python benchmarks/sounds.py [--sounds 40]

Processor time, one thread. The baseline is a transform of white noise of the sound's length and its inverse, measured in the
same run: the least that one layer of filtered noise costs.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

import numpy as np
from tracklay.cue import SAMPLE_RATE
from tracklay.sketch.foley.sound_classes import SOUND_CLASSES, render_sound
from tracklay.sketch.foley.sounds.layers import transform_size

if TYPE_CHECKING:
    from tracklay.sketch.foley.noise import Mono


def processor_seconds(render: Callable[[int], object], times: int) -> float:
    """Return the processor seconds of one call, the mean of several after one that fills caches."""
    render(0)
    start = time.process_time()
    for number in range(times):
        render(number)
    return (time.process_time() - start) / times


def render_class(name: str, seed: int) -> Mono:
    """Return one sound of a class."""
    return render_sound(name, strength=0.8, size=0.15, rng=np.random.default_rng(seed)).samples


def transform_twice(noise: Mono, _: int) -> Mono:
    """Return the noise after a transform and its inverse."""
    return np.fft.irfft(np.fft.rfft(noise), len(noise)).astype(np.float32)


def main() -> None:
    """Measure and print all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sounds", type=int, default=40, help="sounds of each class (default: 40)")
    options = parser.parse_args()
    costs = []
    for name in SOUND_CLASSES:
        samples = int(np.mean([len(render_class(name, seed)) for seed in range(options.sounds)]))
        cost = processor_seconds(partial(render_class, name), options.sounds)
        noise = np.random.default_rng(0).standard_normal(transform_size(samples), dtype=np.float32)
        baseline = processor_seconds(partial(transform_twice, noise), options.sounds)
        costs.append(cost * SAMPLE_RATE / samples)
        print(
            f"{name:14} {cost * 1e3:6.2f} ms for {samples / SAMPLE_RATE:5.2f} s of sound, "
            f"{costs[-1] * 500:5.2f} ms for half a second, {cost / baseline:5.1f} x the transforms"
        )
    print(f"median {np.median(costs) * 500:.2f} ms for half a second")


if __name__ == "__main__":
    main()
