"""Writes the sound of a timeline with a render: as the audio track of a movie, or as a WAV beside rendered frames."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...atomic_io import atomic_write, temp_dir
from ...errors import OutputError
from ...media import ffmpeg
from ...paths import ensure_folder
from ..sequencer import compat, selection

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_AUDIO_CODECS = {
    "QUICKTIME": "PCM",
    "AVI": "PCM",
    "DV": "PCM",
    "MKV": "FLAC",
    "OGG": "VORBIS",
    "WEBM": "OPUS",
    "MPEG1": "MP2",
    "MPEG2": "MP2",
    "FLASH": "MP3",
}
"""Audio codec by container, for a scene without one: lossless if the container allows it. All others get AAC."""

BYTES_PER_SAMPLE = 3
"""Bytes of a 24-bit sample."""

CHANNEL_COUNTS = {"MONO": 1, "STEREO": 2, "SURROUND4": 4, "SURROUND51": 6, "SURROUND71": 8}
"""Number of channels by Blender's name for them."""

STABLE_SECONDS = 1.0
"""Seconds without a change after which a file of the expected size is complete: Blender 5.2 mixes in a thread and reports no end."""

STALLED_SECONDS = 120.0
"""Seconds without growth after which a mix has failed."""

POLL_SECONDS = 0.05
"""Seconds between two checks of the file's size."""


def is_movie_output(scene: Any) -> bool:
    """Return whether the scene renders to a movie, which can have an audio track."""
    return bool(scene.render.is_movie_format)


def ensure_audio_codec(scene: Any) -> str:
    """Set an audio codec if the scene renders to a movie without one, which is Blender's default.

    Return a message; empty if nothing has changed.
    """
    settings = scene.render.ffmpeg
    if not is_movie_output(scene) or settings.audio_codec != "NONE":
        return ""
    settings.audio_codec = DEFAULT_AUDIO_CODECS.get(settings.format, "AAC")
    return f"{scene.name} has no audio codec; rendering with {settings.audio_codec}."


def mixdown_path(scene: Any) -> Path:
    """Return the path of the WAV for rendered frames: their name with first and last frame, as Blender names movies."""
    output = bpy.path.abspath(scene.render.filepath)
    head, tail = os.path.split(output)
    name = tail.rstrip("#") or Path(bpy.data.filepath).stem or "sound"
    name += "" if name.endswith(("_", "-", ".")) else "_"
    return Path(head) / f"{name}{scene.frame_start:04}-{scene.frame_end:04}.wav"


def write_mixdown(scene: Any, path: Path) -> Path:
    """Mix a scene's frame range to a 24-bit Broadcast Wave of exactly its samples, and return the path.

    The file stores its position on the timeline (`time_reference`, in samples). Blender mixes whole blocks, so its mix is longer and is
    cut to length.

    Raises:
        OutputError: the file cannot be written.
    """
    ensure_folder(path.parent)
    settings, rate = scene.render.ffmpeg, selection.scene_rate(scene)
    samples = rate.samples(scene.frame_end - scene.frame_start + 1, settings.audio_mixrate)
    begin = rate.samples(max(0, scene.frame_start), settings.audio_mixrate)
    min_bytes = (samples - 1) * CHANNEL_COUNTS.get(settings.audio_channels, 2) * BYTES_PER_SAMPLE
    with temp_dir(path.parent) as work, atomic_write(path) as exact:
        mix = work / "mix.wav"
        try:
            with compat.sequencer_context(scene):
                bpy.ops.sound.mixdown(
                    filepath=str(mix), check_existing=False, container="WAV", codec="PCM", format="S24"
                )
        except RuntimeError as error:
            raise OutputError(
                "mixdown.failed", "Cannot mix {path}: {error}", path=path, error=str(error).strip()
            ) from error
        _wait_until_stable(mix, min_bytes)
        cut = ffmpeg.input_stream(mix).audio.filter("apad", whole_len=samples).filter("atrim", end_sample=samples)
        written = {"acodec": "pcm_s24le", "write_bext": 1, "metadata": f"time_reference={begin}"}
        ffmpeg.run_ffmpeg(cut.output(ffmpeg.output_url(exact), **written), f"could not mix {path.name}")
    return path


def _wait_until_stable(path: Path, min_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
    """Wait until a file has at least `min_bytes` and has stopped growing.

    Raises:
        OutputError: it stopped growing before.
    """
    seen, since = -1, clock()
    while True:
        size = path.stat().st_size if path.exists() else -1
        if size != seen:
            seen, since = size, clock()
        unchanged = clock() - since
        if size >= min_bytes and unchanged >= STABLE_SECONDS:
            return
        if unchanged >= STALLED_SECONDS:
            raise OutputError(
                "mixdown.incomplete",
                "Blender wrote only {size} bytes of the mix {name}. Is the disk full?",
                size=max(size, 0),
                name=path.name,
            )
        time.sleep(POLL_SECONDS)
