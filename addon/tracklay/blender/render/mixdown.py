"""Writes the sound of a timeline with a render: as the audio track of a movie, or as a WAV beside rendered frames."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...atomic_io import atomic_write, temp_dir
from ...cancellation import CancelToken
from ...errors import OutputError
from ...media import ffmpeg
from ...paths import ensure_folder
from ..sequencer import compat, selection, timeline_copy
from ..sequencer.playback_faults import find_playback_faults

if TYPE_CHECKING:
    from ...timing import Rate

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

MAX_LISTED_STRIPS = 5
"""Names of strips that a message lists."""

MIX_SCRIPT = Path(__file__).with_name("mix_scene.py")
"""The script that mixes in a process of its own."""


@dataclass(frozen=True, slots=True)
class MixRequest:
    """A mix of a scene's frames, with everything that its process needs: nothing of it is read from Blender's data later.

    Attributes:
        path: the WAV to write.
        first: first frame.
        frames: length in frames.
        rate: frame rate of the scene.
        sample_rate: Hz.
        channels: Blender's name of the channel layout.
        scene: name of the scene.
        timeline_copy: copy of the scene as it is now.
        program: command that runs a script in a Blender process.
    """

    path: Path
    first: int
    frames: int
    rate: Rate
    sample_rate: int
    channels: str
    scene: str
    timeline_copy: Path
    program: tuple[str, ...]


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


def describe_mix_faults(scene: Any) -> str:
    """Return a message about the sounds that Blender's own mixer writes into a movie at another time or volume; empty if there are none.

    The WAV beside rendered frames is mixed from compressed sound that is decoded as a whole.
    """
    if not is_movie_output(scene) or scene.render.ffmpeg.audio_codec == "NONE":
        return ""
    names = dict.fromkeys(fault.strip for fault in find_playback_faults(scene, opens_files=False))
    if not names:
        return ""
    shown = ", ".join(list(names)[:MAX_LISTED_STRIPS]) + (", …" if len(names) > MAX_LISTED_STRIPS else "")
    return (
        f"Blender mixes {shown} of {scene.name} into the movie at another time or volume than the timeline says: "
        "run tracklay doctor on the film to see how, and what helps."
    )


def mixdown_path(scene: Any, first: int, last: int) -> Path:
    """Return the path of the WAV for rendered frames: their name with first and last frame, as Blender names movies.

    The folder and name are those of Blender's own path of a frame: since 4.5 the output can hold variables, such as `{scene_name}`.

    Raises:
        OutputError: Blender does not know a variable of the output path.
    """
    render = scene.render
    try:
        frame = Path(render.frame_path(frame=first))
    except RuntimeError as error:
        raise OutputError(
            "blender.output_path_invalid",
            "Invalid output path of {scene}: {path}. Set another in Output Properties.",
            scene=scene.name,
            path=render.filepath,
        ) from error
    stem = frame.name.removesuffix(render.file_extension) if render.use_file_extension else frame.name
    # The number has as many digits as the path has hashes at its end; without any, four.
    digits = len(render.filepath) - len(render.filepath.rstrip("#")) or 4
    name = stem.removesuffix(f"{first:0{digits}}") or Path(bpy.data.filepath).stem or "sound"
    name += "" if name.endswith(("_", "-", ".")) else "_"
    return frame.parent / f"{name}{first:04}-{last:04}.wav"


def prepare_mixdown(scene: Any, first: int, last: int) -> MixRequest:
    """Return the request to mix a scene's frames to the WAV beside them. Writes a copy of the scene: the only work on the main thread.

    Raises:
        OutputError: the copy, or the folder of the WAV, cannot be written, or the output path is invalid.
    """
    path, settings = mixdown_path(scene, first, last), scene.render.ffmpeg
    ensure_folder(path.parent)
    return MixRequest(
        path,
        first,
        last - first + 1,
        selection.scene_rate(scene),
        settings.audio_mixrate,
        settings.audio_channels,
        scene.name,
        timeline_copy.write_scene_copy(scene.name),
        compat.blender_script_command(),
    )


def write_mixdown(mix: MixRequest, *, cancel_token: CancelToken | None = None) -> Path:
    """Mix a range of frames to a 24-bit Broadcast Wave of exactly its samples, and return the path. Can run in any thread.

    The file stores its position on the timeline (`time_reference`, in samples). Blender mixes whole blocks, so its mix is longer and is
    cut to length.

    Raises:
        MediaError: Blender cannot mix it.
        OutputError: the file cannot be written.
        Cancelled: the token was cancelled.
    """
    from ...media.editor_render import run_editor_script  # noqa: PLC0415 - loads what enabling the extension must not

    samples = mix.rate.samples(mix.frames, mix.sample_rate)
    begin = mix.rate.samples(max(0, mix.first), mix.sample_rate)
    with temp_dir(mix.path.parent) as work, atomic_write(mix.path) as exact:
        whole = work / "mix.wav"
        request = {
            "copy": str(mix.timeline_copy),
            "scene": mix.scene,
            "first": mix.first,
            "last": mix.first + mix.frames - 1,
            "mixrate": mix.sample_rate,
            "channels": mix.channels,
            "min_bytes": (samples - 1) * CHANNEL_COUNTS.get(mix.channels, 2) * BYTES_PER_SAMPLE,
            "output_path": str(whole),
        }
        log = mix.timeline_copy.with_name("mix.txt")  # stays if it fails
        token = cancel_token or CancelToken()
        run_editor_script(mix.program, MIX_SCRIPT, request, log, whole, mix.path.name, cancel_token=token)
        cut = ffmpeg.input_stream(whole).audio.filter("apad", whole_len=samples).filter("atrim", end_sample=samples)
        written = {"acodec": "pcm_s24le", "write_bext": 1, "metadata": f"time_reference={begin}"}
        ffmpeg.run_ffmpeg(
            cut.output(ffmpeg.output_url(exact), **written), f"Could not mix {mix.path.name}", cancel_token=token
        )
    shutil.rmtree(mix.timeline_copy.parent, ignore_errors=True)
    return mix.path
