"""Placeholders: silent sound strips of exactly a cue's length, which are filled when their take arrives.

Each placeholder has a sound datablock of its own. Filling points that datablock at the take's file, so every copy of the strip (moved,
trimmed, slipped, split or in another scene) plays the take at once and keeps its edits.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...atomic_io import output_error
from ...media import bwf
from ...paths import tracklay_home
from . import cue_index

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from .cue_index import StripRef

SAMPLE_RATE = 8_000
"""Sample rate of the silence in Hz. Blender derives the strip's length in frames from the file: this is far finer than a frame."""

_NOT_IN_FILE_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f]+')
"""Characters that Windows does not allow in the name of a file."""


def placeholder_folder() -> Path:
    """Return the folder of the silent files."""
    return tracklay_home() / "placeholders"


def write_silence(seconds: Fraction, name: str) -> Path:
    """Write a silent WAV for takes that have not arrived, if there is none yet, and return its path.

    Only the header is written and the file extended: it takes neither time nor disk space. Strips of one name and length share the file,
    each with a sound datablock of its own.

    Args:
        seconds: length of the takes.
        name: what is heard. Blender's outliner shows the file's name, and still does so after the take has arrived.

    Raises:
        OutputError: it cannot be written.
    """
    samples = round(seconds * SAMPLE_RATE)
    folder = placeholder_folder() / str(samples)
    path = folder / f"{_NOT_IN_FILE_NAMES.sub(' ', name).strip() or 'take'}.wav"
    try:
        if path.is_file() and path.stat().st_size >= samples:
            return path
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            bwf.write_silence(file, samples, SAMPLE_RATE)
    except OSError as error:
        raise output_error(error, folder) from error
    return path


def prepare_placeholder(strip: Any) -> None:
    """Make a strip of silence ready for its own take.

    Blender 5.2 gives strips of one file one sound, and a take is put into a strip by its sound's path.
    """
    if strip.sound.users > 1:
        strip.sound = strip.sound.copy()
    # Silence has no waveform, and Blender would keep drawing that one after the take has arrived.
    strip.show_waveform = False


def fill_placeholders(refs: Iterable[StripRef], file: Path, entry: str) -> list[str]:
    """Put a take into all its strips and return the names of the scenes that changed, once for each strip.

    A strip whose sound the user has replaced keeps that sound.
    """
    changed = []
    for ref in refs:
        found = ref.resolve()
        if found is None:
            continue
        scene, strip = found
        if strip.get(cue_index.ENTRY_PROPERTY) == entry or not _accepts_take(strip, file):
            continue
        set_sound_file(strip.sound, file)
        strip.show_waveform = not strip.mute
        cue_index.set_entry(strip, entry)
        if cue_index.ERROR_PROPERTY in strip:
            del strip[cue_index.ERROR_PROPERTY]
        changed.append(scene.name)
    return changed


def _accepts_take(strip: Any, file: Path) -> bool:
    if strip.type != "SOUND" or strip.sound is None or strip.sound.library is not None:
        return False
    now, silence = cue_index.sound_file(strip.sound), Path(os.path.normpath(placeholder_folder()))
    # Earlier versions had all silent files in the folder itself.
    return now == file or silence in (now.parent, now.parent.parent)


def set_sound_file(sound: Any, file: Path) -> None:
    """Point a sound datablock, and so all strips that play it, at a file."""
    wanted = preferred_path(file)
    if sound.filepath != wanted:
        sound.name = file.name
        sound.filepath = wanted


def preferred_path(file: Path) -> str:
    """Return the path relative to the saved file if Blender's preferences ask for it, else absolute."""
    if bpy.data.filepath and bpy.context.preferences.filepaths.use_relative_paths:
        try:
            return str(bpy.path.relpath(str(file)))
        except ValueError:
            pass  # the file is on another drive: there is no relative path
    return str(file)


def set_error(refs: Iterable[StripRef], message: str) -> None:
    """Store an error in the placeholders of a failed take. They stay, because they show where a sound was requested."""
    for ref in refs:
        found = ref.resolve()
        if (
            found is not None
            and cue_index.ENTRY_PROPERTY not in found[1]
            and found[1].get(cue_index.ERROR_PROPERTY) != message
        ):
            found[1][cue_index.ERROR_PROPERTY] = message


def clear_error(refs: Iterable[StripRef]) -> None:
    """Remove the error from placeholders whose take is generated again."""
    for ref in refs:
        found = ref.resolve()
        if found is not None and cue_index.ERROR_PROPERTY in found[1]:
            del found[1][cue_index.ERROR_PROPERTY]


def remove_placeholders(refs: Iterable[StripRef]) -> list[str]:
    """Remove empty placeholders and return the names of their scenes, once for each strip."""
    changed = []
    for ref in refs:
        found = ref.resolve()
        if found is not None and cue_index.ENTRY_PROPERTY not in found[1]:
            scene, strip = found
            owner = strip.parent_meta() or scene.sequence_editor
            owner.strips.remove(strip)
            changed.append(scene.name)
    return changed
