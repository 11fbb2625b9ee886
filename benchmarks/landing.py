"""Landing of made takes: distance from contact before and after, audible faults at cuts, loudness, speed and memory.

    python benchmarks/landing.py [--seeds 4] [--seconds 30] [--first 9000]

The takes are made by `tests/landing/made_takes.py`: struck wood, ringing metal and dry clicks, dry or in a room, over silence, rain or
music, each 0.05 to 0.5 s off its contact. The tests use seeds below 1000; these are others. Columns:

    events      events with a contact, of all takes
    before      median distance from the contact in the untouched take, ms
    after       the same in the landed take
    on it       share of events within 25 ms of their contact
    worse       share of events at least 5 ms farther away than before
    lost        share of events without an onset where they must be in the landed take; of these some are not found before either
    cuts        cuts of all takes
    flux        share of cuts, away from attacks, whose flux is above the highest in the untouched take away from attacks
    LU          largest change of integrated loudness (BS.1770)
    times       seconds of sound per second of processor time, one core

The last lines land takes that are right already, take a constant lag out, and measure memory: a file of ten minutes against one of one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
from tracklay.landing.land import Landing, plan_landing
from tracklay.landing.matching import Contact
from tracklay.listening.loudness import LoudnessMeter
from tracklay.listening.onsets import detect_onsets
from tracklay.listening.spectrum import measure_bands, spectral_flux
from tracklay.media.wav_reader import WavReader

from tests.landing.made_takes import RATE, Bed, MadeTake, Sound, make_take, write_wav

AUDIBLE_DB = -75.0
"""Band level below which a change of flux is not heard."""

NEAR_ONSET = 0.035
"""Seconds around an onset in which a cut's flux is the attack's."""


@dataclass
class Totals:
    """Sums over the takes of one row."""

    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    lost: int = 0
    missed_before: int = 0
    cuts: int = 0
    loud_cuts: int = 0
    loudness: float = 0.0
    sound_seconds: float = 0.0
    processor_seconds: float = 0.0

    def add(self, other: Totals) -> None:
        """Add another row's sums."""
        loudness = max(self.loudness, other.loudness)
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)
        self.loudness = loudness

    def row(self, title: str) -> str:
        """Return the row as text."""
        before, after = np.array(self.before), np.array(self.after)
        return (
            f"{title:34}{len(before):7}{np.median(before) * 1e3:8.0f}{np.median(after) * 1e3:7.1f}"
            f"{np.mean(after < 0.025):8.2f}{np.mean(after > before + 0.005):7.3f}"
            f"{self.lost / len(before):7.3f}{self.missed_before / len(before):7.3f}{self.cuts:6}"
            f"{self.loud_cuts / max(1, self.cuts):7.3f}{self.loudness:7.2f}{self.sound_seconds / self.processor_seconds:7.0f}"
        )


COLUMNS = {
    "events": 7,
    "before": 8,
    "after": 7,
    "on it": 8,
    "worse": 7,
    "lost": 7,
    "(bef.)": 7,
    "cuts": 6,
    "flux": 7,
    "LU": 7,
    "times": 7,
}
HEADER = " " * 34 + "".join(f"{name:>{width}}" for name, width in COLUMNS.items())


def contacts_of(take: MadeTake, *, false_share: float, seed: int) -> list[Contact]:
    """Return a take's contacts, with false ones of low confidence among them."""
    rng = np.random.default_rng(seed)
    found = [Contact(Fraction(round(time * RATE), RATE), float(rng.uniform(0.7, 1.0))) for time in take.contacts]
    length = len(take.samples)
    found += [
        Contact(Fraction(int(rng.integers(length)), RATE), float(rng.uniform(0.1, 0.5)))
        for _ in range(round(false_share * len(found)))
    ]
    return sorted(found, key=lambda contact: contact.time)


def land(take: MadeTake, contacts: list[Contact], totals: Totals) -> tuple[Sound, Landing]:
    """Land a take, timed."""
    begun = time.process_time()
    landing = plan_landing(lambda start, stop: take.samples[start:stop], len(take.samples), RATE, contacts)
    landed = np.concatenate(list(landing.blocks())) if landing.changes_anything else take.samples
    totals.processor_seconds += time.process_time() - begun
    totals.sound_seconds += len(take.samples) / RATE
    if landed.shape != take.samples.shape:
        raise SystemExit("the landed take has another length")
    return landed, landing


def measure(take: MadeTake, contacts: list[Contact], totals: Totals) -> Landing:
    """Land a take and add what is measured."""
    landed, landing = land(take, contacts, totals)
    onsets = seconds_of_onsets(landed)
    onsets_before = seconds_of_onsets(take.samples)
    moves = [(float(move.start), float(move.to)) for move in landing.moves]
    for contact, sound in zip(take.contacts, take.sounds, strict=True):
        if sound is None:
            continue
        moved = [to for start, to in moves if abs(start - sound) < 0.004]
        place = moved[0] if moved else sound - float(landing.lag)
        totals.before.append(abs(sound - contact))
        totals.after.append(abs(place - contact))
        totals.lost += bool(np.abs(onsets - place).min(initial=1) > 0.005)
        totals.missed_before += bool(np.abs(onsets_before - sound).min(initial=1) > 0.005)
    cuts = [cut for cut in landing.cuts if np.abs(onsets - cut / RATE).min(initial=1) > NEAR_ONSET]
    totals.cuts += len(cuts)
    own, _ = flux_away(take.samples, onsets_before)
    _, flux = flux_away(landed, onsets)
    hop = measure_bands(landed[:RATE], RATE).hop
    around = [flux[max(0, cut // hop - 1) : cut // hop + 3].max(initial=0) for cut in cuts]
    totals.loud_cuts += sum(value > own for value in around)
    totals.loudness = max(totals.loudness, abs(loudness(landed) - loudness(take.samples)))
    return landing


def seconds_of_onsets(samples: Sound) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the times of a sound's onsets."""
    return np.array([onset.sample / RATE for onset in detect_onsets(samples, RATE)])


def flux_away(
    samples: Sound, onsets: np.ndarray[Any, np.dtype[np.float64]]
) -> tuple[float, np.ndarray[Any, np.dtype[np.float32]]]:
    """Return the highest flux away from onsets, and the flux of each frame."""
    bands = measure_bands(samples, RATE)
    flux = spectral_flux(np.maximum(bands.levels_db, np.float32(AUDIBLE_DB)))
    times = np.arange(len(flux)) * bands.hop / RATE
    # The frames at both ends see the edge of the sound.
    away = (np.abs(times[:, None] - onsets).min(axis=1, initial=1) > NEAR_ONSET) & (times > 0.05)
    return float(flux[away].max(initial=0)), flux


def loudness(samples: Sound) -> float:
    """Return the integrated loudness in LUFS."""
    meter = LoudnessMeter()
    meter.add(samples.T)
    return meter.integrated_lufs()


def measure_memory(seconds: int, seed: int) -> float:
    """Return the most memory in MiB of a process that lands a WAV of this length."""
    with tempfile.TemporaryDirectory() as folder:
        part = make_take(seed, seconds=30, bed="rain")
        path = Path(folder) / "take.wav"
        count = seconds // 30
        write_wav(path, (part.samples for _ in range(count)))
        times = [time + 30 * turn for turn in range(count) for time in part.contacts]
        result = subprocess.run(
            [sys.executable, __file__, "--memory", str(path), *map(str, times)],
            check=True,
            capture_output=True,
            text=True,
        )
    return float(result.stdout)


def land_for_memory(path: Path, times: list[float]) -> None:
    """Land a WAV block by block, and print the process's highest memory in MiB."""
    contacts = [Contact(Fraction(round(time * RATE), RATE)) for time in times]
    with WavReader(path) as wav:
        landing = plan_landing(wav.read, wav.format.samples, RATE, contacts)
        for _ in landing.blocks():
            pass
    # Not `ru_maxrss`: a new process inherits its parent's.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(int(status["VmHWM"].split()[0]) / 1024)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--first", type=int, default=9000)
    parser.add_argument("--memory", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        land_for_memory(Path(options.memory[0]), [float(text) for text in options.memory[1:]])
        return
    beds: tuple[Bed, ...] = ("silence", "rain", "music")
    print(HEADER)
    everything = Totals()
    for bed in beds:
        for reverb in (False, True):
            for faults in (0.0, 0.1):
                totals = Totals()
                for seed in range(options.first, options.first + options.seeds):
                    take = make_take(
                        seed, seconds=options.seconds, bed=bed, reverb=reverb, dropped=faults, doubled=faults
                    )
                    measure(take, contacts_of(take, false_share=faults, seed=seed), totals)
                title = f"{bed}{', room' if reverb else ''}{', dropped, doubled, false' if faults else ''}"
                print(totals.row(title), flush=True)
                everything.add(totals)
    print(everything.row("all"))
    for title, lag, jitter in (("right already", 0.0, (0.0, 0.015)), ("a lag of 0.3 s", 0.3, (0.0, 0.015))):
        totals, moved, left = Totals(), 0.0, 0.0
        for seed in range(options.first, options.first + options.seeds):
            for bed in beds:
                take = make_take(
                    seed, seconds=options.seconds, bed=bed, reverb=True, jitter=jitter, lag=lag, doubled=0.1
                )
                landing = measure(take, contacts_of(take, false_share=0, seed=seed), totals)
                moved = max([moved, *(abs(float(move.to - move.start)) for move in landing.moves)])
                left = max(left, abs(float(landing.lag) - lag))
        print(totals.row(title))
        print(f"    farthest move {moved * 1e3:.1f} ms, largest error of the lag {left * 1e3:.1f} ms")
    print(
        f"memory: {measure_memory(60, options.first):.0f} MiB for one minute, {measure_memory(600, options.first):.0f} for ten"
    )


if __name__ == "__main__":
    main()
