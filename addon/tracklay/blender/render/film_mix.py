"""Mixes the scene of an open file for the command: writes the keys, and measures what Blender's mixdown makes of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import bpy
import numpy as np

from ...cue import SAMPLE_RATE
from ...errors import InvalidInput, MediaError
from ...listening.loudness import SILENCE_LUFS, LoudnessMeter, highest_true_peak
from ...media.wav_reader import WavReader
from ...mix.gain_curve import db_of_gain
from ..runtime.mixing.mix_job import MixJob, MixSettings
from ..sequencer import compat, selection
from ..sequencer.mixing.records import read_record, read_scene_record
from ..settings.mix_properties import LEAVE_ALONE

LEFT_OUT: Final = "off"
"""In place of a kind: the strip stays as it is."""

WRITER_SECONDS: Final = 60.0
"""Seconds without a new byte after which a mixdown counts as failed."""

POLL_SECONDS: Final = 0.05


def mix_scene_of_film(
    scene: Any,
    sound: Path,
    preset: str,
    target_lufs: float | None,
    true_peak_db: float | None,
    kinds: Mapping[str, str],
) -> dict[str, Any]:
    """Mix a scene and write its mixdown. See `headless.mix_film`."""
    strips = {strip.name: strip for strip in scene.sequence_editor.strips_all if strip.type == "SOUND"}
    for name, kind in kinds.items():
        if name not in strips:
            raise InvalidInput(
                "mix.unknown_sound",
                "No sound has this name: {name}. The sounds are {sounds}.",
                name=name,
                sounds=", ".join(strips) or "none",
            )
        strips[name].tracklay_mix_kind = LEAVE_ALONE if kind == LEFT_OUT else kind
    MixJob(scene, MixSettings(preset, target_lufs, true_peak_db)).run_to_end()
    record = read_scene_record(scene)
    assert record is not None  # noqa: S101 - the job has written it
    lufs, true_peak = _mix_down(scene, sound)
    sounds = [
        {"id": strip.name, "kind": kept.kind, "kind_from": kept.kind_from, "keys": kept.keys}
        for strip in strips.values()
        if (kept := read_record(strip)) is not None
    ]
    return {
        "rate": str(selection.scene_rate(scene)),
        "first": scene.frame_start,
        "samples": _samples(scene),
        "preset": record.preset,
        "lufs": lufs,
        "true_peak": true_peak,
        "dialogue_over_music": record.dialogue_over_music,
        "limiting_db": record.limiting_db,
        "notes": [str(note) for note in record.notes],
        "sounds": sounds,
    }


def _samples(scene: Any) -> int:
    return selection.scene_rate(scene).samples(scene.frame_end - scene.frame_start + 1, SAMPLE_RATE)


def _mix_down(scene: Any, path: Path) -> tuple[float | None, float]:
    """Write a scene's mixdown, and return its integrated loudness and its true peak in dBTP."""
    with compat.sequencer_context(scene):
        bpy.ops.sound.mixdown(
            filepath=str(path), check_existing=False, container="WAV", codec="PCM", format="S24", mixrate=SAMPLE_RATE
        )
    _wait_for_writer(path)
    with WavReader(path) as wav:
        sound = wav.read(0, min(wav.format.samples, _samples(scene)))
    meter = LoudnessMeter(sound.shape[1])
    meter.add(np.ascontiguousarray(sound.T))
    lufs = meter.integrated_lufs()
    return None if lufs <= SILENCE_LUFS else lufs, db_of_gain(highest_true_peak(sound))


def _wait_for_writer(path: Path) -> None:
    """Wait until a mixdown stops growing: Blender 5.2 returns before its writer ends.

    Raises:
        MediaError: it wrote nothing.
    """
    size, since = -1, time.monotonic()
    while time.monotonic() - since < (1.0 if size > 0 else WRITER_SECONDS):
        now = path.stat().st_size if path.exists() else -1
        if now != size:
            size, since = now, time.monotonic()
        time.sleep(POLL_SECONDS)
    if size <= 0:
        raise MediaError("mix.no_mixdown", "Blender wrote no mixdown: {path}.", path=path)
