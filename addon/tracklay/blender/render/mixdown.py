"""How the sound of a timeline leaves Blender: in the movie that is rendered, or in a WAV beside frames."""

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
"""What goes into a container where the scene says nothing: no loss where the container allows it. AAC into all others."""

BYTES_PER_SAMPLE = 3
"""24 bits."""

CHANNEL_COUNTS = {"MONO": 1, "STEREO": 2, "SURROUND4": 4, "SURROUND51": 6, "SURROUND71": 8}

STABLE_SECONDS = 1.0
"""A file that is as long as it will be, and has not changed for so long, is whole: Blender 5.2 mixes in a thread and tells nobody."""

STALLED_SECONDS = 120.0
"""A mix that has not grown for so long does not go on."""

POLL_SECONDS = 0.05


def is_movie_output(scene: Any) -> bool:
    """Whether a render of the scene writes a movie, which has room for sound."""
    return bool(scene.render.is_movie_format)


def ensure_audio_codec(scene: Any) -> str:
    """Give a movie an audio codec where it has none, as Blender's own default is; in words, what was changed."""
    made = scene.render.ffmpeg
    if not is_movie_output(scene) or made.audio_codec != "NONE":
        return ""
    made.audio_codec = DEFAULT_AUDIO_CODECS.get(made.format, "AAC")
    return f"the output of {scene.name} has no audio codec: rendered with {made.audio_codec}"


def mixdown_path(scene: Any) -> Path:
    """The WAV that belongs to a scene's frames: called as they are, with its first and last frame, as Blender calls movies."""
    output = bpy.path.abspath(scene.render.filepath)
    head, tail = os.path.split(output)
    name = tail.rstrip("#") or Path(bpy.data.filepath).stem or "sound"
    name += "" if name.endswith(("_", "-", ".")) else "_"
    return Path(head) / f"{name}{scene.frame_start:04}-{scene.frame_end:04}.wav"


def write_mixdown(scene: Any, path: Path) -> Path:
    """Mix what is heard in a scene's range to a 24-bit Broadcast Wave of exactly its samples; it knows where on the timeline it begins.

    Blender itself mixes whole blocks, which is more.

    Raises:
        OutputError: it cannot be written.
    """
    ensure_folder(path.parent)
    made, rate = scene.render.ffmpeg, selection.scene_rate(scene)
    samples = rate.samples(scene.frame_end - scene.frame_start + 1, made.audio_mixrate)
    begin = rate.samples(max(0, scene.frame_start), made.audio_mixrate)
    least = (samples - 1) * CHANNEL_COUNTS.get(made.audio_channels, 2) * BYTES_PER_SAMPLE
    with temp_dir(path.parent) as work, atomic_write(path) as exact:
        mix = work / "mix.wav"
        try:
            with compat.sequencer_context(scene):
                bpy.ops.sound.mixdown(
                    filepath=str(mix), check_existing=False, container="WAV", codec="PCM", format="S24"
                )
        except RuntimeError as error:
            raise OutputError(f"{path} cannot be mixed: {error}") from error
        _wait_until_stable(mix, least)
        cut = ffmpeg.input_stream(mix).audio.filter("apad", whole_len=samples).filter("atrim", end_sample=samples)
        written = {"acodec": "pcm_s24le", "write_bext": 1, "metadata": f"time_reference={begin}"}
        ffmpeg.run_ffmpeg(cut.output(ffmpeg.output_url(exact), **written), f"could not mix {path.name}")
    return path


def _wait_until_stable(path: Path, min_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
    """Wait until a file is whole.

    Raises:
        OutputError: it does not come to be.
    """
    seen, since = -1, clock()
    while True:
        size = path.stat().st_size if path.exists() else -1
        if size != seen:
            seen, since = size, clock()
        rested = clock() - since
        if size >= min_bytes and rested >= STABLE_SECONDS:
            return
        if rested >= STALLED_SECONDS:
            raise OutputError(f"Blender wrote only {max(size, 0)} bytes of the mix {path.name}: is there room left?")
        time.sleep(POLL_SECONDS)
