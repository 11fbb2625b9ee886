"""Measures joins of music on a downbeat: parts of pieces of the sketch engine, as a model would make them that cannot continue music.

    python benchmarks/music_parts.py [--pieces 12] [--seconds 24]

Of each piece two stretches are cut that begin anywhere, at other levels, and are joined as parts of `--seconds` that overlap by 8 s (less
in short parts). The piece's score says whether the bars go on. Columns:

    tempo      of the score, beats per minute
    join       how they were joined
    beat       distance in ms by which the second stretch's beats miss those of the first
    bar        beats by which its bars miss them; 0 if the bars go on
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

import numpy as np
from tracklay.joining.music_join import MusicPart, join_music
from tracklay.media.bwf import plain_bwf_writer
from tracklay.sketch.music.composer import compose_music
from tracklay.sketch.music.styles import STYLES

if TYPE_CHECKING:
    from tracklay.listening.spectrum import Samples

RATE = 48_000
OVERLAP_SECONDS = 8


@dataclass(frozen=True)
class Measured:
    """A join: how it was made, and by how many ms the beats and by how many beats the bars miss each other."""

    tempo: float
    join: str
    beat_ms: float
    bar_beats: int


def write(path: Path, sound: Samples) -> None:
    """Write a sound as a WAV."""
    with path.open("wb") as file:
        writer = plain_bwf_writer(file, sound.shape[1], RATE)
        writer.write(sound)
        writer.close()


def measure(folder: Path, number: int, seconds: int) -> Measured:
    """Join two stretches of one piece and compare their bars with the score."""
    chance = random.Random(number)  # noqa: S311 - the same stretches each time
    style = sorted(STYLES)[number % len(STYLES)]
    piece = compose_music("", 2 * seconds * RATE, seed=number, params={"style": style})
    mix = np.concatenate([np.sum(list(block.values()), axis=0) for block in piece.render()]).astype(np.float32)
    starts = [round(chance.uniform(first, first + 4) * RATE) for first in (0, seconds - 8)]
    parts = []
    for index, start in enumerate(starts):
        path = folder / f"{number}-{index}.wav"
        write(path, mix[start : start + seconds * RATE] * np.float32((1.0, 0.7)[index]))
        parts.append(MusicPart(path, index + 1, index * OVERLAP_SECONDS * RATE))
    joined = join_music(parts, folder / "joined.wav", RATE, 0, 2)
    form, (seam,) = piece.form, joined.seams
    if seam["join"] != "downbeat":
        return Measured(form.tempo, seam["join"], 0.0, 0)
    beats = [
        (seam["downbeat"] - part[1] + start) * form.tempo / 60 / RATE
        for part, start in zip(joined.parts, starts, strict=True)
    ]
    missed = beats[1] - beats[0]
    bar = round(missed) % form.beats_per_bar
    return Measured(form.tempo, "downbeat", (missed - round(missed)) * 60_000 / form.tempo, bar)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=12)
    parser.add_argument("--seconds", type=int, default=24)
    options = parser.parse_args()
    print(f"{'style':16} {'tempo':>6} {'join':>10} {'beat ms':>8} {'bar':>4}")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for number in range(options.pieces):
            row = measure(Path(name), number, options.seconds)
            rows.append(row)
            style = sorted(STYLES)[number % len(STYLES)]
            print(f"{style:16} {row.tempo:6.1f} {row.join:>10} {row.beat_ms:8.1f} {row.bar_beats:4}", flush=True)
    on_beat = [row for row in rows if row.join == "downbeat"]
    within = sum(abs(row.beat_ms) <= 20 for row in on_beat)
    bars = sum(abs(row.beat_ms) <= 20 and row.bar_beats == 0 for row in on_beat)
    print(f"on a downbeat {len(on_beat)} of {len(rows)}: beats within 20 ms in {within}, and bars go on in {bars}")


if __name__ == "__main__":
    main()
