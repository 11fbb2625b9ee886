"""Seams between parts of a long sound: loudness steps, spectral flux, clicks, events, speed and memory.

    python benchmarks/seams.py [--seconds 240] [--seeds 3] [--memory-minutes 1 60]

The parts are made by `tests/joining/made_parts.py`: 8 s each with 0.75 s of overlap, each with other noise, at a random level
(plus or minus 10 dB) and colour (plus or minus 3 dB per octave). In every second row each part begins 120 ms before a picture cut. Columns:

    seams       seams of all runs
    step        highest difference of momentary loudness (400 ms before and after) near a seam, dB: median, and 95th percentile
    in          the 95th percentile of the same measure inside the parts as they were made, over stretches as long as the seams' median
    over        share of seams above that of stretches of their own length: 0.05 is what a sound without seams has
    flux, in, over    the same for spectral flux, dB
    click, in, over   the same for the highest sample above 6 kHz against the 0.2 s around, dB
    lost, twice events that both parts have and the joined sound has not, or has twice
    exact       events at the very sample
    times       seconds of sound per second of processor time, one core
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
from tracklay.joining.join import Join, PartSound, plan_join
from tracklay.joining.levels import weighted_powers
from tracklay.listening.spectrum import measure_bands, spectral_flux

from tests.joining.made_parts import RATE, Kind, MadePart, Sound, make_parts, strike_sound

if TYPE_CHECKING:
    from tracklay.listening.spectrum import ReadSamples

Measured = Callable[[Sound], "tuple[np.ndarray, float]"]
"""A measure: a curve over time, and its values per second."""

MARGIN_SECONDS = 0.25
"""Seconds around a crossfade that count to a seam."""

CLICK_FLOOR = 1e-4
"""What is this quiet above 6 kHz, -80 dB of full scale, is not heard beside the sound that it is in."""

LEAST_CLICK_DB = 1.0
"""A lower one is not heard, and none: tones have nothing above 6 kHz that it could be compared with."""

WIDTH_STEP = 4
"""Values of a curve to which the lengths of stretches are rounded."""


@dataclass
class Measure:
    """One measure: its highest values near seams, each with the length of its stretch, and the curves inside the parts."""

    seams: list[tuple[float, int]] = field(default_factory=list)
    inside: list[np.ndarray] = field(default_factory=list)
    least: float = 0.0

    def add(self, measure: Measured, sound: Sound, parts: list[MadePart], stretches: list[tuple[float, float]]) -> None:
        """Measure one run: the joined sound at the stretches of its seams, in seconds, and the parts as they were made."""
        curve, per_second = measure(sound)
        for first, last in stretches:
            values = curve[max(0, round(first * per_second)) : round(last * per_second) + 1]
            self.seams.append((float(values.max()), round(len(values) / WIDTH_STEP) * WIDTH_STEP))
        edge = round(0.8 * per_second)
        self.inside += [measure(part.samples)[0][edge:-edge] for part in parts]

    def limit(self, width: int) -> float:
        """Return the 95th percentile of the highest values inside the parts over stretches of a length."""
        windows = [np.lib.stride_tricks.sliding_window_view(each, width) for each in self.inside if len(each) >= width]
        return max(self.least, float(np.percentile(np.concatenate([each.max(axis=1) for each in windows]), 95)))

    def columns(self) -> str:
        """Return the measure's columns."""
        values, widths = (np.array(each) for each in zip(*self.seams, strict=True))
        limits = {int(width): self.limit(int(width)) for width in np.unique(widths)}
        over = np.mean([value > limits[width] for value, width in self.seams])
        limit = self.limit(int(np.median(widths)))
        return f"{np.median(values):7.2f}{np.percentile(values, 95):7.2f}{limit:7.2f}{over:6.2f}"


def momentary_steps(sound: Sound) -> tuple[np.ndarray, float]:
    """Return the change of momentary loudness from the 400 ms before to the 400 ms after each instant, dB, and values per second."""
    powers = weighted_powers(sound, RATE)
    per_second = 1 / 0.025
    width = round(0.4 * per_second)
    means = 10 * np.log10(np.convolve(powers, np.ones(width) / width, mode="valid") + 1e-9)
    steps = np.abs(means[width:] - means[:-width])
    return np.pad(steps, (width, width)), per_second


def flux_curve(sound: Sound) -> tuple[np.ndarray, float]:
    """Return the spectral flux, dB, and values per second."""
    bands = measure_bands(sound, RATE)
    return spectral_flux(bands.levels_db), RATE / bands.hop


def click_curve(sound: Sound) -> tuple[np.ndarray, float]:
    """Return for each 5 ms how far its highest sample above 6 kHz is over the median of the 0.2 s around, dB."""
    step = round(0.005 * RATE)
    # A tone at 660 Hz is 90 dB lower in what is left: a swell of it is no click.
    taps = np.sinc(np.arange(-128, 129) / 4) / 4 * np.blackman(257)
    mono = sound.mean(axis=1).astype(np.float64)
    high = np.abs(mono - np.convolve(mono, taps, mode="same"))
    peaks = 20 * np.log10(high[: len(high) // step * step].reshape(-1, step).max(axis=1) + CLICK_FLOOR)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(peaks, 20, mode="reflect"), 41)
    return peaks - np.median(around, axis=1), 1 / 0.005


@dataclass
class Row:
    """Figures of one kind of sound."""

    steps: Measure = field(default_factory=Measure)
    flux: Measure = field(default_factory=Measure)
    clicks: Measure = field(default_factory=lambda: Measure(least=LEAST_CLICK_DB))
    shared: int = 0
    lost: int = 0
    doubled: int = 0
    exact: int = 0
    found: int = 0
    sound_seconds: float = 0.0
    processor_seconds: float = 0.0
    highest_db: float = 0.0

    def text(self, title: str) -> str:
        """Return the row."""
        events = f"{self.shared:7}{self.lost:5}{self.doubled:6}{self.exact:7}" if self.shared else " " * 25
        return (
            f"{title:24}{len(self.steps.seams):6}{self.steps.columns()}{self.flux.columns()}{self.clicks.columns()}{events}"
            f"{self.highest_db:6.1f}{self.sound_seconds / self.processor_seconds:6.0f}"
        )


def reader(part: MadePart) -> ReadSamples:
    """Return a function that reads a made part."""
    return lambda start, stop: part.samples[start:stop]


def join_made(parts: list[MadePart], length: int) -> tuple[Join, Sound]:
    """Return the join of made parts and its sound."""
    ends = [None, *(part.start + len(part.samples) for part in parts[:-1])]
    sounds = [
        PartSound(reader(part), part.start, len(part.samples), part.hard_cut, end if part.hard_cut else None)
        for part, end in zip(parts, ends, strict=True)
    ]
    join = plan_join(sounds, RATE, length, 2)
    return join, np.concatenate(list(join.blocks()))


def count_events(kind: Kind, parts: list[MadePart], sound: Sound, seed: int, row: Row) -> None:
    """Add how often each event that two parts have is in the joined sound, by its likeness to each part's own."""
    for number, (left, right) in enumerate(pairwise(parts)):
        for event in left.events.keys() & right.events.keys():
            if (
                kind != "clicks"
                and max(left.events[event], right.events[event]) > left.start + len(left.samples) - 2400
            ):
                continue  # too little of it to be recognised
            row.shared += 1
            if kind == "clicks":
                at = left.events[event]
                around = np.abs(sound[max(0, at - 2400) : at + 2400]).max(axis=1)
                clicks = np.flatnonzero(around > 0.05)
                row.lost += not len(clicks)
                row.doubled += len(clicks) > 1
                row.exact += list(clicks + max(0, at - 2400)) == [at]
            else:
                gains = heard_gains(event, (left, right), (seed * 10_000 + number, seed * 10_000 + number + 1), sound)
                row.lost += max(gains) < 0.5
                row.doubled += min(gains) > 0.5
                row.exact += max(gains) >= 0.5 >= min(gains)


def heard_gains(event: int, parts: tuple[MadePart, MadePart], takes: tuple[int, int], sound: Sound) -> list[float]:
    """Return how much of an event's sound of each part is in the joined sound: both are fitted together."""
    first = min(part.events[event] for part in parts)
    count = 3000
    shapes = np.zeros((count, 2))
    for column, (part, take) in enumerate(zip(parts, takes, strict=True)):
        at = part.events[event] - first
        hit = strike_sound(event, take)[: count - at]
        shapes[at : at + len(hit), column] = hit
    gains = []
    for column, part in enumerate(parts):
        start = first - part.start
        here = sound[first : first + count].mean(axis=1)
        own = part.samples[max(0, start) : start + count].mean(axis=1)
        lead = max(0, -start)
        length = min(len(here) - lead, len(own))
        fitted = np.linalg.lstsq(shapes[lead : lead + length], here[lead : lead + length], rcond=None)[0]
        known = np.dot(own[:length], shapes[lead : lead + length, column])
        known /= np.dot(shapes[lead : lead + length, column], shapes[lead : lead + length, column])
        gains.append(float(fitted[column] / known))
    return gains


def run_kind(kind: Kind, seconds: float, seeds: int, **options: Any) -> Row:
    """Join several sounds of one kind and return what is measured."""
    row = Row()
    for seed in range(seeds):
        parts = make_parts(kind, seconds, seed, **options)
        length = round(seconds * RATE)
        begun = time.process_time()
        join, sound = join_made(parts, length)
        row.processor_seconds += time.process_time() - begun
        row.sound_seconds += seconds
        if sound.shape != (length, 2):
            raise SystemExit("the joined sound has another length")
        gains = [abs(gain) for seam in join.seams for gain in (seam.left_db, seam.right_db)]
        row.highest_db = max(row.highest_db, *gains, *(abs(level) for level in join.levels_db))
        stretches = [
            (seam.position / RATE - MARGIN_SECONDS, (seam.position + seam.length) / RATE + MARGIN_SECONDS)
            for seam in join.seams
        ]
        if kind != "clicks":
            for measure, function in ((row.steps, momentary_steps), (row.flux, flux_curve), (row.clicks, click_curve)):
                measure.add(function, sound, parts, stretches)
        count_events(kind, parts, sound, seed, row)
    return row


def write_parts(folder: Path, minutes: float) -> None:
    """Write the parts of a long sound, each of 8 s, from one that is made."""
    (part, *_) = make_parts("rain", 8.0, 1)
    data = (part.samples * 32767).astype("<i2").tobytes()
    for number in range(round(minutes * 60 / 7.25)):
        with wave.open(str(folder / f"{number:04}.wav"), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(data)


MEASURE_MEMORY = """
import resource, sys
from pathlib import Path
from tracklay.joining.join_files import PartFile, join_files
folder = Path(sys.argv[1])
files = sorted(folder.glob("0*.wav"))
parts = [PartFile(path, number * 348_000) for number, path in enumerate(files)]
join_files(parts, folder / "joined.wav", 48_000, (len(parts) - 1) * 348_000 + 384_000, 2)
used = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss: Linux starts it at the parent's.
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak) // 1024, used.ru_utime + used.ru_stime, len(parts))
"""


def print_memory(minutes: float) -> None:
    """Join files in a process of its own and print its peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        write_parts(Path(folder), minutes)
        command = [sys.executable, "-c", MEASURE_MEMORY, folder]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[:2])}
        ran = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        memory, seconds, parts = ran.stdout.split()
        times = minutes * 60 / float(seconds)
        print(f"files of {minutes:4.0f} min, {parts:>4} parts: {memory} MiB, {times:.0f} times real time")


def main() -> None:
    """Measure and print all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=240, help="length of each sound (default: 240)")
    parser.add_argument("--seeds", type=int, default=3, help="sounds of each kind (default: 3)")
    parser.add_argument("--memory-minutes", type=float, nargs="*", default=[1, 60])
    options = parser.parse_args()
    measure = f"{'med':>7}{'p95':>7}{'in':>7}{'over':>6}"
    print(f"{'':30}{'step':^27}{'flux':^27}{'click':^27}")
    print(f"{'':24}{'seams':>6}{measure * 3}{'events':>7}{'lost':>5}{'twice':>6}{'exact':>7}{'gain':>6}{'times':>6}")
    kinds: tuple[Kind, ...] = ("noise", "tones", "rain", "foley")
    for kind in kinds:
        for hard_cuts in (False, True):
            jitter = 0.015 if kind == "foley" else 0.0
            row = run_kind(kind, options.seconds, options.seeds, jitter_seconds=jitter, hard_cuts=hard_cuts)
            print(row.text(f"{kind}{', cuts' if hard_cuts else ''}"), flush=True)
    for hard_cuts in (False, True):
        row = run_kind("clicks", options.seconds, options.seeds, hard_cuts=hard_cuts)
        print(
            f"clicks{', cuts' if hard_cuts else ''}: {row.shared} in overlaps, {row.lost} lost, {row.doubled} doubled, "
            f"{row.exact} at the very sample"
        )
    for minutes in options.memory_minutes:
        print_memory(minutes)


if __name__ == "__main__":
    main()
