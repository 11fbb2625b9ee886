"""Scenes for the mix in Blender, their mixdown, and what is heard in it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tracklay.listening.loudness import LoudnessMeter, true_peaks
from tracklay.media.bwf import plain_bwf_writer
from tracklay.mix.decoded_sound import DecodedSounds
from tracklay.mix.mix_files import mix_wavs
from tracklay.mix.sources import MixSource

RATE = 48_000
FPS = 25
SECONDS = 12.0
SPEECH = ((2.0, 4.5), (8.0, 10.0))
"""When the voice of `make_voice` is heard, in seconds."""

Sound = npt.NDArray[np.float32]


def make_voice(seconds: float = SECONDS) -> Sound:
    """Return syllables of noise where `SPEECH` is, (samples,). Its strip's name says that it is dialogue."""
    times = np.arange(round(seconds * RATE)) / RATE
    is_spoken = np.zeros(len(times), bool)
    for start, stop in SPEECH:
        is_spoken |= (times >= start) & (times < stop)
    syllables = is_spoken * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * times))
    return np.asarray(make_noise(seconds, -20) * syllables, np.float32)


def make_noise(seconds: float, level_db: float, seed: int = 1) -> Sound:
    """Return a room tone, (samples,)."""
    white = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    spectrum = np.fft.rfft(white) / (1 + np.fft.rfftfreq(len(white), 1 / RATE) / 300)
    return _at_level(np.fft.irfft(spectrum, len(white)), level_db)


def make_music(seconds: float, level_db: float = -20.0) -> Sound:
    """Return steady chords, (samples, 2)."""
    times = np.arange(round(seconds * RATE)) / RATE
    sides = [sum(np.sin(2 * np.pi * root * ratio * times) for ratio in (1, 1.25, 1.5)) for root in (220, 221)]
    return _at_level(np.stack(sides, 1), level_db)


def make_hits(seconds: float, level_db: float = -20.0) -> Sound:
    """Return knocks, two a second, (samples,)."""
    times = np.arange(round(seconds * RATE)) / RATE
    noise = np.convolve(np.random.default_rng(4).standard_normal(len(times)), (0.25, 0.5, 0.25), "same")
    return _at_level(noise * np.exp(-12 * (times % 0.5)), level_db)


def _at_level(sound: npt.NDArray[np.float64], level_db: float) -> Sound:
    return np.asarray(sound * 10 ** (level_db / 20) / np.sqrt(np.mean(sound**2)), np.float32)


def write_wav(path: Path, sound: Sound) -> Path:
    """Write a sound, (samples,) or (samples, channels), as a 24-bit WAV."""
    frames = sound.reshape(len(sound), -1)
    with path.open("wb") as file:
        writer = plain_bwf_writer(file, frames.shape[1], RATE)
        writer.write(frames)
        writer.close()
    return path


def write_sounds(folder: Path) -> dict[str, Path]:
    """Write the sounds of a scene of `SECONDS`, by the names of their strips."""
    sounds = {
        "DX 1": make_voice(),
        "Music": make_music(SECONDS),
        "foley": make_hits(SECONDS),
        "room tone": make_noise(SECONDS, -40, 2),
    }
    return {name: write_wav(folder / f"{name}.wav", sound) for name, sound in sounds.items()}


def lay_sounds(scene: Any, sounds: dict[str, Path]) -> dict[str, Any]:
    """Lay each sound from frame 1 on a channel of its own."""
    scene.render.fps, scene.frame_start, scene.frame_end = FPS, 1, round(SECONDS * FPS)
    return {
        name: scene.sequence_editor.strips.new_sound(name, str(path), channel, 1)
        for channel, (name, path) in enumerate(sounds.items(), 1)
    }


def mixdown(scene: Any, path: Path) -> Sound:
    """Return Blender's mixdown of the frame range, (samples, 2)."""
    import bpy

    samples = round((scene.frame_end - scene.frame_start + 1) / FPS * RATE)
    path.unlink(missing_ok=True)
    bpy.ops.sound.mixdown(filepath=str(path), container="WAV", codec="PCM", format="S24", mixrate=RATE)
    deadline = time.monotonic() + 20
    # Blender's writer ends a little after its operator, and at the start of the last frame; in 5.2 it also begins after it.
    least = (samples - RATE // FPS) * 6
    while (path.stat().st_size if path.exists() else 0) < least and time.monotonic() < deadline:
        time.sleep(0.02)
    return read_sound(path, samples)


def mix_by_command(sounds: dict[str, Path], folder: Path, preset: str, target_lufs: float | None = None) -> Sound:
    """Return the mix of the same sounds as the command makes it, (samples, 2)."""
    samples = round(SECONDS * RATE)
    # Blender hears mono sound 3 dB lower, which the levels make good: nothing of it is left in the mix.
    sources = [MixSource(name, name, path, 0, samples).to_dict() for name, path in sounds.items()]
    to = folder / "command.wav"
    mix_wavs(sources=sources, samples=samples, preset=preset, work=str(folder), to=str(to), target_lufs=target_lufs)
    return read_sound(to, samples)


def mix_of_timeline(sounds: dict[str, Path], folder: Path, preset: str, target_lufs: float | None = None) -> Sound:
    """Return the mix of an .otio in which each sound is a clip on a track of its own, (samples, 2)."""
    import opentimelineio as otio
    from tracklay.mix.presets import load_preset
    from tracklay.timelines.mixing.delivery import MixOptions, mix_timeline

    whole = otio.opentime.TimeRange(otio.opentime.RationalTime(0, FPS), otio.opentime.RationalTime(SECONDS * FPS, FPS))
    timeline = otio.schema.Timeline("scene")
    for name, path in sounds.items():
        track = otio.schema.Track(name, kind=otio.schema.TrackKind.Audio)
        track.append(otio.schema.Clip(name, otio.schema.ExternalReference(str(path), whole), whole))
        timeline.tracks.append(track)
    path = folder / "scene.otio"
    otio.adapters.write_to_file(timeline, str(path))
    result = mix_timeline(path, MixOptions(load_preset(preset), target_lufs=target_lufs))
    return read_sound(result.sound, round(SECONDS * RATE))


def read_sound(path: Path, samples: int) -> Sound:
    """Return the first samples of a sound file."""
    with DecodedSounds(path.parent) as decoded:
        return decoded.open(path).read(0, samples)


def lufs(sound: Sound) -> float:
    """Return the integrated loudness of a sound, (samples, channels)."""
    meter = LoudnessMeter(sound.shape[1])
    meter.add(np.ascontiguousarray(sound.T))
    return meter.integrated_lufs()


def momentary(sound: Sound) -> npt.NDArray[np.float64]:
    """Return the loudness of each window of 0.4 s, in steps of 0.1 s."""
    meter = LoudnessMeter(sound.shape[1])
    meter.add(np.ascontiguousarray(sound.T))
    powers = np.convolve(meter.part_powers(), np.full(4, 0.25), "valid")
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(powers, 1e-12)))


def true_peak_db(sound: Sound) -> float:
    """Return the highest true peak in dBTP."""
    padded = np.pad(sound, ((64, 64 + -len(sound) % 64), (0, 0)))
    return float(20 * np.log10(true_peaks(np.ascontiguousarray(padded.T), 64, 0.0).max()))


CURVE_FIELDS = ("data_path", "array_index", "extrapolation", "color_mode", "mute", "lock", "hide", "auto_smoothing")
KEY_FIELDS = ("interpolation", "easing", "type", "handle_left_type", "handle_right_type", "amplitude", "back", "period")


def curves_of(scene: Any) -> list[Any]:
    """Return everything that the F-curves of a scene hold, and the volume of each strip."""
    from tracklay.blender.sequencer import compat

    found: list[Any] = [
        (strip.name, strip.volume) for strip in scene.sequence_editor.strips_all if strip.type == "SOUND"
    ]
    animation = scene.animation_data
    if animation is None or animation.action is None:
        return found
    found.append((animation.action.name, animation.action_slot.identifier))
    for curve in compat.action_fcurves(animation.action):
        points = curve.keyframe_points
        numbers = {}
        for name in ("co", "handle_left", "handle_right"):
            flat = np.zeros(2 * len(points), np.float32)
            points.foreach_get(name, flat)
            numbers[name] = flat.tobytes()
        keys = [tuple(getattr(point, name) for name in KEY_FIELDS) for point in points]
        found.append((*(getattr(curve, name) for name in CURVE_FIELDS), numbers, keys))
    return found
