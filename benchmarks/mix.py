"""Measures the mix on twelve made scenes: speech found, balance, loudness beside ffmpeg's ebur128 and pyloudnorm, speed and memory.

    python benchmarks/mix.py [--music FOLDER] [--minutes 60] [--scenes 12] [--only speech|mixes|targets|speed]

The scenes have speech by eSpeak NG in eight languages, music by the sketch engine (and real pieces from a folder of WAV files at 48 kHz, as
from Debian's supertux-data), foley and room tone. Speed is processor time of one thread. Needs espeakng-loader and pyloudnorm.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tracklay.media.bwf import plain_bwf_writer
from tracklay.media.ffmpeg_program import find_ffmpeg
from tracklay.media.wav_reader import WavReader
from tracklay.mix.analysis import analyse_sound
from tracklay.mix.decoded_sound import DecodedSounds
from tracklay.mix.kinds import KINDS
from tracklay.mix.layouts import LAYOUTS
from tracklay.mix.mix_files import mix_sources
from tracklay.mix.presets import PRESET_NAMES, Duck, load_preset
from tracklay.mix.sources import MixSource, SourceReader
from tracklay.mix.speech import SpeechDetector
from tracklay.sketch.music.composer import compose_music
from tracklay.worker import WorkerProcess

from tests.mix.made_scenes import make_hits, make_noise, wav_source
from tests.mix.spoken import RATE, SENTENCES, speak

if TYPE_CHECKING:
    from tracklay.mix.gain_curve import GainCurve

Sound = npt.NDArray[np.float32]

SECONDS = 30.0
PROMPTS = ("epic rising orchestra", "calm piano", "house 124 bpm", "tense dark strings")
VOICES = ("", "+f2", "+m3", "+f4", "+m7", "+f2", "+m1", "+f5", "+f3", "+m2", "+croak", "+f1")
TARGETS = (-14, -16, -23, -24)
LONG_TARGETS = (-16,)
GAPS = (0.6, 1.2, 2.5, 4.0)


@dataclass(frozen=True)
class BenchmarkScene:
    """A scene: its bed and the speech for it, both at an RMS level of 0 dBFS, and the spans of the speech in samples."""

    name: str
    bed: Sound
    speech: Sound
    spans: list[tuple[int, int]]


def unit_level(sound: Sound, where: npt.NDArray[np.bool_] | None = None) -> Sound:
    """Return a sound at an RMS level of 0 dBFS, measured at some samples."""
    heard = sound if where is None else sound[where]
    return np.asarray(sound / np.sqrt(np.mean(np.square(heard, dtype=np.float64))), np.float32)


def sketch_music(prompt: str, seed: int) -> Sound:
    """Return a piece of the sketch engine, one channel."""
    piece = compose_music(prompt, round(SECONDS * RATE), seed=seed)
    blocks = [np.asarray(sum(stems.values())) for stems in piece.render()]
    return np.asarray(np.concatenate(blocks).mean(axis=1), np.float32)


def real_music(path: Path) -> Sound:
    """Return 30 s of a WAV file from its tenth second on, one channel."""
    with WavReader(path) as wav:
        end = min(wav.format.samples, round((10 + SECONDS) * RATE))
        sound = wav.read(end - round(SECONDS * RATE), end).mean(axis=1)
    return np.asarray(sound, np.float32)


def make_scenes(music: Path | None) -> Iterator[BenchmarkScene]:
    """Yield the twelve scenes."""
    pieces = sorted(music.glob("*.wav"))[:4] if music else []
    beds: list[tuple[str, Callable[[], Sound]]] = [
        (prompt, partial(sketch_music, prompt, seed)) for seed, prompt in enumerate(PROMPTS)
    ]
    beds += [(piece.stem, partial(real_music, piece)) for piece in pieces]
    beds += [(f"sketch {seed}", partial(sketch_music, PROMPTS[seed % 4], seed)) for seed in range(10, 14 - len(pieces))]
    beds += [(f"foley {seed}", partial(make_hits, SECONDS, seed=seed)) for seed in (5, 11, 23)]
    beds.append(("room tone", partial(make_noise, SECONDS, -40)))
    languages = list(SENTENCES)
    for number, (name, make_bed) in enumerate(beds):
        rng = np.random.default_rng(100 + number)
        language = languages[number % len(languages)]
        speech, spans = np.zeros(round(SECONDS * RATE), np.float32), []
        first = round(rng.uniform(0.5, 2) * RATE)
        for count in range(1000):
            spoken = speak(
                SENTENCES[language][count % 3],
                language + VOICES[number],
                speed=int(rng.integers(140, 185)),
                pitch=int(rng.integers(35, 65)),
            )
            if first + len(spoken) > len(speech) - RATE // 2:
                break
            speech[first : first + len(spoken)] += spoken
            spans.append((first, first + len(spoken)))
            first += len(spoken) + round(rng.choice(GAPS) * RATE)
        is_spoken = np.zeros(len(speech), bool)
        for begin, end in spans:
            is_spoken[begin:end] = True
        yield BenchmarkScene(
            f"{name}, {language}{VOICES[number]}", unit_level(make_bed()), unit_level(speech, is_spoken), spans
        )


def find_speech(sound: Sound) -> npt.NDArray[np.bool_]:
    """Return which 10 ms are speech."""
    detector = SpeechDetector()
    for start in range(0, len(sound), 1 << 16):
        detector.add(sound[start : start + (1 << 16)])
    return as_frames(detector.spans(), len(sound))


def as_frames(spans: list[tuple[int, int]], samples: int) -> npt.NDArray[np.bool_]:
    """Return spans of samples as a flag for each 10 ms."""
    flags = np.zeros(samples // 480, bool)
    for begin, end in spans:
        flags[round(begin / 480) : round(end / 480)] = True
    return flags


def measure_speech(scenes: list[BenchmarkScene]) -> None:
    """Print F1 at 20 and 6 dB over the bed, and what is called speech in the bed alone."""
    print("\nspeech: F1 at 20 dB, at 6 dB, and share of the bed alone that is called speech")
    rows = []
    for scene in scenes:
        row = []
        for over in (20, 6):
            found = find_speech(0.1 * scene.speech + np.float32(0.1 * 10 ** (-over / 20)) * scene.bed)
            truth = as_frames(scene.spans, len(scene.speech))
            row.append(2 * (found & truth).sum() / (found.sum() + truth.sum()))
        row.append(find_speech(np.float32(0.05) * scene.bed).mean())
        rows.append(row)
        print(f"  {scene.name:36} {row[0]:.3f}  {row[1]:.3f}  {row[2]:.3f}")
    mean, worst = np.mean(rows, axis=0), np.min(rows, axis=0)
    print(
        f"  mean {mean[0]:.3f} {mean[1]:.3f} {mean[2]:.3f}; worst {worst[0]:.3f} {worst[1]:.3f} {max(row[2] for row in rows):.3f}"
    )


def measure_mixes(scenes: list[BenchmarkScene], folder: Path) -> None:
    """Print the measures of each scene's mix beside ffmpeg's and pyloudnorm's."""
    import pyloudnorm

    print(
        "\nmixes: preset, LUFS here, ffmpeg ebur128, pyloudnorm, target; true peak here, ffmpeg; dialogue over music; gaps"
    )
    for number, scene in enumerate(scenes):
        preset = load_preset(PRESET_NAMES[number % len(PRESET_NAMES)])
        samples = len(scene.speech)
        sources = [
            wav_source(folder, "own", 0.05 * scene.speech + make_noise(SECONDS, -75)),
            wav_source(folder, "score", 0.1 * scene.bed, kind="music"),
            wav_source(folder, "steps", make_hits(SECONDS, -30, seed=number), kind="effects"),
        ]
        path, stems = folder / "mix.wav", {kind: folder / f"{kind}.stem.wav" for kind in KINDS}
        plan = mix_sources(sources, samples, preset, folder, to=path, stems=stems)
        with WavReader(path) as wav:
            mixed = wav.read(0, samples)
        theirs = pyloudnorm.Meter(RATE).integrated_loudness(mixed.astype(np.float64))
        their_lufs, their_peak = read_ebur128(path)
        print(
            f"  {scene.name:36} {preset.name:12} {plan.measures.lufs:7.2f} {their_lufs:7.1f} {theirs:7.2f} {plan.target_lufs:5.0f}"
            f"   {plan.measures.true_peak:6.2f} {their_peak:6.1f}   {plan.measures.dialogue_over_music or 0:5.1f} LU"
            f"   {gap_level(plan.sounds[1].curve, scene.spans, preset.ducks['music'])}"
        )


def read_ebur128(path: Path) -> tuple[float, float]:
    """Return the integrated loudness and the true peak of a file as ffmpeg measures them."""
    command = [find_ffmpeg(), "-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"]
    log = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    found = re.findall(r"^    (?:I|Peak): +(-?[\d.]+)", log, re.MULTILINE)
    return float(found[-2]), float(found[-1])


def measure_targets(scene: BenchmarkScene, folder: Path, minutes: int) -> None:
    """Print the loudness and the true peak of scenes of all lengths and layouts at each target, beside ffmpeg's."""
    print(
        "\ntargets: worst of -14, -16, -23, -24 LUFS (long mono, 5.1: -16): LU off here, ffmpeg; dB under the ceiling here, ffmpeg; limited"
    )
    for name, seconds, silence in (
        ("3 s", 3, 0),
        ("30 s", 30, 0),
        ("30 s, 4.5 min silent", 30, 270),
        (f"{minutes} min", 60 * minutes, 0),
    ):
        for layout, channels in LAYOUTS.items():
            if not seconds:
                continue
            sources = write_layout_scene(scene, folder, seconds, channels)
            rows = []
            for target in TARGETS if seconds < 600 or layout == "stereo" else LONG_TARGETS:
                path = folder / "target.wav"
                samples = round((seconds + silence) * RATE)
                plan = mix_sources(
                    sources, samples, load_preset("film"), folder, target_lufs=target, to=path, channels=channels
                )
                lufs, peak = read_ebur128(path)
                measured = plan.measures
                off = abs((measured.lufs or 0) - target), abs(lufs - target)
                rows.append(
                    (*off, plan.true_peak_db - measured.true_peak, plan.true_peak_db - peak, measured.limiting_db)
                )
            worst = [
                max(column) if number in (0, 1, 4) else min(column)
                for number, column in enumerate(zip(*rows, strict=True))
            ]
            print(
                f"  {name:22} {layout:7} {worst[0]:.2f} {worst[1]:.1f} LU   {worst[2]:.2f} {worst[3]:.1f} dB   {worst[4]:4.1f} dB",
                flush=True,
            )


def write_layout_scene(scene: BenchmarkScene, folder: Path, seconds: int, channels: int) -> list[MixSource]:
    """Return own sound, music and foley of a length in a layout: speech in the centre, music around, foley to one side."""
    centre = 2 if channels == 6 else slice(None)
    gains = {1: [1], 2: [1, 0.7], 6: [1, 0.9, 0.3, 0.5, 0.6, 0.5]}[channels]
    voice = np.zeros((len(scene.speech), channels), np.float32)
    voice[:, centre] = 0.05 * scene.speech[:, None] if channels != 6 else 0.05 * scene.speech
    bed = 0.1 * scene.bed[:, None] * np.array(gains, np.float32)
    foley = np.zeros_like(voice)
    foley[:, -1] = make_hits(SECONDS, -30, seed=3)
    sources = []
    for name, sound, kind in (("own", voice, "dialogue"), ("score", bed, "music"), ("steps", foley, "effects")):
        path = folder / f"{seconds} s {channels} {name}.wav"
        with path.open("wb") as file:
            writer = plain_bwf_writer(file, channels, RATE)
            for start in range(0, seconds, round(SECONDS)):
                writer.write(sound[: (seconds - start) * RATE])
            writer.close()
        sources.append(MixSource(name, name, path, 0, seconds * RATE, kind=kind))  # type: ignore[arg-type]
    return sources


def gap_level(curve: GainCurve, spans: list[tuple[int, int]], duck: Duck) -> str:
    """Return how far the music is from its level in the middle of gaps that are long enough, in decibels."""
    levels = []
    for (_, end), (begin, _) in pairwise(spans):
        up = end + round((duck.hold + duck.recovery) * RATE)
        down = begin - round(duck.look_ahead * RATE)
        if (begin - end) / RATE > duck.gap + 0.3 and up < down:
            levels.append(20 * np.log10(curve.at((up + down) // 2) / max(gain for _, gain in curve.points)))
    return f"{min(levels):+.2f} dB in {len(levels)} gaps" if levels else "no long gap"


def measure_speed(scene: BenchmarkScene, folder: Path, minutes: int) -> None:
    """Print how much faster than real time a long scene is analysed and mixed, and the memory that it takes in a worker process."""
    print(f"\nspeed: {minutes} min, stereo; times real time in processor time of one thread")
    short, long = (write_long_scene(scene, folder, length) for length in (max(1, minutes // 10), minutes))
    with DecodedSounds(folder) as sounds:
        for source in long:
            begun = time.process_time()
            analyse_sound(SourceReader(source, sounds.open(source.file), 2), 2)
            print(f"  analysis of {source.name:6} {minutes * 60 / (time.process_time() - begun):6.0f}")
    for sources in (short, long):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        worker = WorkerProcess(
            "mix.mix_files:mix_wavs",
            {
                "sources": [source.to_dict() for source in sources],
                "samples": sources[0].samples,
                "preset": "film",
                "work": str(folder),
                "to": str(folder / "long mix.wav"),
            },
        )
        lufs = worker.result()["measures"]["lufs"]
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
        length = sources[0].samples / RATE
        print(
            f"  {length / 60:.0f} min: analysis of both, mix, limiter {length / seconds:6.0f};"
            f" at most {after.ru_maxrss // 1024} MB; {lufs:.2f} LUFS"
        )


def write_long_scene(scene: BenchmarkScene, folder: Path, minutes: int) -> list[MixSource]:
    """Return own sound and music of a length, the scene again and again. They are written piece by piece."""
    sources = []
    for name, sound, kind in (("own", 0.05 * scene.speech, None), ("score", 0.1 * scene.bed, "music")):
        path = folder / f"{minutes} min {name}.wav"
        piece = np.repeat(sound[:, None], 2, axis=1)
        with path.open("wb") as file:
            writer = plain_bwf_writer(file, 2, RATE)
            for _ in range(round(minutes * 60 / SECONDS)):
                writer.write(piece)
            writer.close()
        sources.append(MixSource(name, name, path, 0, round(minutes * 60 * RATE), kind=kind))  # type: ignore[arg-type]
    return sources


def main() -> None:
    """Run what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, help="folder of WAV files of music")
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--minutes", type=int, default=60, help="length of the scene for speed; 0 leaves it out")
    parser.add_argument(
        "--long", type=int, default=30, help="minutes of the longest scene for the targets; 0 leaves it out"
    )
    parser.add_argument("--only", choices=("speech", "mixes", "targets", "speed"), help="measure this alone")
    options = parser.parse_args()
    scenes = list(make_scenes(options.music))[: options.scenes]
    with tempfile.TemporaryDirectory() as folder:
        if options.only in (None, "speech"):
            measure_speech(scenes)
        if options.only in (None, "mixes"):
            measure_mixes(scenes, Path(folder))
        if options.only in (None, "targets"):
            measure_targets(scenes[0], Path(folder), options.long)
        if options.only in (None, "speed") and options.minutes:
            measure_speed(scenes[0], Path(folder), options.minutes)


if __name__ == "__main__":
    main()
