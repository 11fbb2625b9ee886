"""Measures takes in parts: a fake of MMAudio that clicks where it sees a flash, over spans far longer than its eight seconds.

    python benchmarks/parts.py [--spans 61.3 600 3600] [--rates 24000/1001 25 30000/1001 60] [--formats wav flac mp3 mp4 | mixed]
                               [--blind]

Each flash of the picture must be one click of the joined take, on its sample. Prints for each span, rate and format of the model's files
(`mixed`: each part has another one) the parts, the largest error in samples, lost and doubled clicks, seams at cuts, and times. Flashes
are cuts to the detector, so all seams are at cuts; with `--blind` the parts are planned without the picture, and seams fall anywhere.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

FORMATS = {"wav": 44_100, "flac": 48_000, "mp3": 44_100, "mp4": 44_100}
"""Kinds of the model's files (`mp4` holds AAC), and their rates in Hz."""

SAMPLE_RATE = 48_000
BLOCK_SECONDS = 30
THRESHOLD = 0.25
APART = 400
"""Samples. Louder samples that are closer belong to one click."""

MEAN_GAP_SECONDS, LEAST_GAP_SECONDS = 1.2, 0.4
"""Between two flashes."""


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", nargs="+", default=["61.3", "600", "3600"])
    parser.add_argument("--rates", nargs="+", default=["24000/1001", "25", "30000/1001", "60"])
    parser.add_argument("--formats", nargs="+", default=["mixed"])
    parser.add_argument("--blind", action="store_true")
    options = parser.parse_args()
    if options.blind:
        _plan_blindly()
    print(
        f"{'span':>8} {'rate':>11} {'format':>6} {'parts':>6} {'clicks':>7} {'error':>6} {'lost':>5} {'more':>5} {'at cuts':>8}"
    )
    with tempfile.TemporaryDirectory() as name:
        os.environ["TRACKLAY_HOME"] = f"{name}/home"
        _register_model(Path(name) / "home")
        for span in options.spans:
            for rate in options.rates:
                _measure(Path(name), Fraction(span), Fraction(rate), options.formats)


def _register_model(home: Path) -> None:
    """Add the fake to the catalogue of a home."""
    from tests.fakes import click_model

    (home / "models").mkdir(parents=True)
    limits = "seconds = { least = 1, most = 30, native = 8 }\n"
    (home / "models" / "clicker.toml").write_text(click_model.MODEL + limits)


def _plan_blindly() -> None:
    """Plan parts as for a model that sees no picture."""
    from tracklay.jobs.parted.parted_pipeline import PartedPipeline

    async def see_nothing(*_: Any) -> None:
        return None

    PartedPipeline._observe_picture = see_nothing  # type: ignore[method-assign,assignment]  # noqa: SLF001


def _provider(formats: list[str]) -> Any:
    """Return the fake that answers with each format in turn."""
    from tracklay.cue import Cost
    from tracklay.providers.base import JobHandle, Output

    from tests.fakes import click_model

    class TurningClicker(click_model.Clicker):
        turn = 0

        async def collect(self, handle: JobHandle, folder: Path) -> Output:
            kind = formats[TurningClicker.turn % len(formats)]
            TurningClicker.turn += 1
            times = click_model.flashes(Path(handle.data["proxy"]))
            track = click_model.click_track(times, Fraction(handle.data["seconds"]), FORMATS[kind])
            file = click_model.write(track, FORMATS[kind], kind, folder)
            return Output(file, handle.data["seed"], "1", Cost("0", "USD", estimated=False))

    return TurningClicker


def _flashes(frames: int, rate: Fraction) -> list[int]:
    """Return the frames that flash, irregularly."""
    chance, at, found = random.Random(str(rate)), Fraction(1, 2), []  # noqa: S311 - the same flashes each time
    while (frame := round(at * rate)) < frames - 2:
        found.append(frame)
        at += Fraction(max(LEAST_GAP_SECONDS, chance.expovariate(1 / MEAN_GAP_SECONDS)))
    return found


def _measure(folder: Path, seconds: Fraction, rate: Fraction, formats: list[str]) -> None:
    """Make the takes of one picture and print what was found."""
    from tracklay.cue import Take
    from tracklay.jobs import create_job_spec
    from tracklay.jobs.runner import BlockingRunner
    from tracklay.providers import base
    from tracklay.timelines.media_file import MediaFile

    from tests.clips import flash_clip

    frames = round(seconds * rate)
    flashes = _flashes(frames, rate)
    clip = flash_clip(folder / f"{frames}.mp4", rate, frames, flashes, size=(64, 36))
    timeline = MediaFile.open(clip)
    to = folder / "takes"
    to.mkdir(exist_ok=True)
    wanted = [round(flash / rate * SAMPLE_RATE) for flash in flashes]
    for kind in formats:
        provider = _provider(list(FORMATS) if kind == "mixed" else [kind])
        base.register("clicker", provider)
        (cue,) = timeline.cues(model="clicker/clicks", seed=1, prompt=kind, land="off")
        began = time.monotonic()
        with BlockingRunner(lambda _: None) as runner:
            (take,) = runner.run_jobs([create_job_spec(cue, to, f"{frames}")])
        if not isinstance(take, Take):
            raise take.error
        found = _clicks(take.file)
        nearest = [min((abs(sample - click), sample) for sample in wanted) for click in found]
        errors, near = [error for error, _ in nearest], {sample for _, sample in nearest}
        cuts = sum(seam["hard_cut"] for seam in take.seams)
        print(
            f"{float(seconds):8.1f} {rate!s:>11} {kind:>6} {len(take.parts):6} {len(wanted):7} {max(errors):6} "
            f"{len(set(wanted) - near):5} {len(found) - len(near):5} {cuts:8}   {time.monotonic() - began:.0f} s",
            flush=True,
        )
        take.file.unlink()
    clip.unlink()


def _clicks(path: Path) -> list[int]:
    """Return the samples at which a take clicks, read block by block."""
    import numpy as np
    from tracklay.media.wav_reader import WavReader

    loud: list[tuple[int, float]] = []
    with WavReader(path) as wav:
        size, samples = BLOCK_SECONDS * wav.format.sample_rate, wav.format.samples
        for first in range(0, samples, size):
            level = np.abs(wav.read(first, min(samples, first + size))).max(axis=1)
            loud += [(first + int(index), float(level[index])) for index in np.flatnonzero(level > THRESHOLD * 0.9)]
    groups: list[list[tuple[int, float]]] = []
    for sample, level in loud:
        if groups and sample - groups[-1][-1][0] <= APART:
            groups[-1].append((sample, level))
        else:
            groups.append([(sample, level)])
    return [max(group, key=lambda each: each[1])[0] for group in groups]


if __name__ == "__main__":
    main()
