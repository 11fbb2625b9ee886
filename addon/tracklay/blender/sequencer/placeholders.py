"""Placeholders: silent sound strips of exactly a cue's length, and how a take comes into them.

A placeholder has a sound of its own. When its take comes, that sound is pointed at the take's file: so every copy of the strip, moved,
trimmed, slipped, split or in another scene, has it at once, with all that was done to it.
"""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...atomic_io import output_error
from ...paths import tracklay_home
from . import cue_index

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from .cue_index import StripRef

SAMPLE_RATE = 8_000
"""Of silence; Blender counts a strip's frames by it, and this is far finer than a frame."""

SAMPLE_BYTES = 2
"""A sample: with two, silence is zeros, which a file system need not write."""

MAX_NAME_LENGTH = 80


def placeholder_folder() -> Path:
    """Where the silence of placeholders lies."""
    return tracklay_home() / "placeholders"


def write_silence(cue: str, take: int, seconds: Fraction) -> Path:
    """A silent WAV for a take that is still to come. It takes no time and hardly any room: what is not written is silent.

    Raises:
        OutputError: it cannot be written.
    """
    data = round(seconds * SAMPLE_RATE) * SAMPLE_BYTES
    name = f"{re.sub(r'[^A-Za-z0-9._-]', '_', cue)[-MAX_NAME_LENGTH:]}.{take + 1}.wav"
    path = placeholder_folder() / name
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + data, b"WAVE", b"fmt ", 16, 1, 1, *_wav_format_fields())
    try:
        placeholder_folder().mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(head + struct.pack("<4sI", b"data", data))
            file.truncate(file.tell() + data)
    except OSError as error:
        raise output_error(error, placeholder_folder()) from error
    return path


def _wav_format_fields() -> tuple[int, int, int, int]:
    return SAMPLE_RATE, SAMPLE_RATE * SAMPLE_BYTES, SAMPLE_BYTES, SAMPLE_BYTES * 8


def fill_placeholders(refs: Iterable[StripRef], file: Path, entry: str) -> list[str]:
    """Let a take come into all strips of it, wherever they lie now; the scenes that were changed.

    A strip that the person has given another sound meanwhile keeps that.
    """
    changed = []
    for place in refs:
        found = place.resolve()
        if found is None:
            continue
        scene, strip = found
        if strip.get(cue_index.ENTRY_PROPERTY) == entry or not _accepts_take(strip, file):
            continue
        _set_sound_file(strip.sound, file)
        strip.show_waveform = not strip.mute
        strip[cue_index.ENTRY_PROPERTY] = entry
        if cue_index.ERROR_PROPERTY in strip:
            del strip[cue_index.ERROR_PROPERTY]
        changed.append(scene.name)
    return changed


def _accepts_take(strip: Any, file: Path) -> bool:
    if strip.type != "SOUND" or strip.sound is None or strip.sound.library is not None:
        return False
    now = cue_index.sound_file(strip.sound)
    return now == file or now.parent == Path(os.path.normpath(placeholder_folder()))


def _set_sound_file(sound: Any, file: Path) -> None:
    """Have a sound, and all strips that play it, play a file."""
    wanted = preferred_path(file)
    if sound.filepath != wanted:
        sound.name = file.name
        sound.filepath = wanted


def preferred_path(file: Path) -> str:
    """The path as the person wants theirs: relative to a saved file, where their preference says so."""
    if bpy.data.filepath and bpy.context.preferences.filepaths.use_relative_paths:
        try:
            return str(bpy.path.relpath(str(file)))
        except ValueError:
            pass  # another drive than the file's: there is no relative path
    return str(file)


def set_error(refs: Iterable[StripRef], message: str) -> None:
    """Have the placeholders of a take that does not come say why. They stay: where a sound was wanted is worth knowing."""
    for place in refs:
        found = place.resolve()
        if (
            found is not None
            and cue_index.ENTRY_PROPERTY not in found[1]
            and found[1].get(cue_index.ERROR_PROPERTY) != message
        ):
            found[1][cue_index.ERROR_PROPERTY] = message


def clear_error(refs: Iterable[StripRef]) -> None:
    """Have placeholders of a take that may come after all complain no more."""
    for place in refs:
        found = place.resolve()
        if found is not None and cue_index.ERROR_PROPERTY in found[1]:
            del found[1][cue_index.ERROR_PROPERTY]


def remove_placeholders(refs: Iterable[StripRef]) -> list[str]:
    """Take placeholders away that nothing comes into any more; the scenes that they were in."""
    changed = []
    for place in refs:
        found = place.resolve()
        if found is not None and cue_index.ENTRY_PROPERTY not in found[1]:
            scene, strip = found
            owner = strip.parent_meta() or scene.sequence_editor
            owner.strips.remove(strip)
            changed.append(scene.name)
    return changed
