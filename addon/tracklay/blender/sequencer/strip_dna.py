"""Reads strip data that Blender does not expose to Python, straight from the memory of the running process.

**This module dereferences raw pointers with ctypes.** A wrong offset would read unrelated memory or crash Blender. It needs three values
that the Python API hides: whether the strip follows its file's own frame rate, the length of its content, and its retiming keys
(image and meta strips expose none); and of a sound the seconds that Blender skips. The only other way is to copy the scene, which takes
seconds on a long timeline.

What guards it:

1. The layout of the structs is not hard-coded. It comes from the SDNA block that the running Blender writes into every .blend file, so it
   fits that version. `parse_layouts` returns None if a field is missing, has another type, or if the fields do not add up to the
   struct's size.
2. Before any value is used, three fields with a public counterpart (name, start and trim) must equal what the Python API returns for the
   same strip. If they differ, nothing is read.
3. Pointers are followed only to the retiming keys, only after check 2, and their number must equal what the API returns, where it does.
   The keys must begin at frame 0, ascend, and stay within the content.
4. Nothing is ever written. A strip is read and left within one call on the main thread, so it cannot be freed in between.

If any check fails, the caller falls back to Blender's own render (`strip_source.read_picture_from_file`).
"""

from __future__ import annotations

import ctypes
import math
import os
import re
import struct
import tempfile
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import bpy

from .retiming import RetimingKey

AUTO_PLAYBACK_RATE_FLAG = 1 << 17
"""Bit of a strip's `flag`: it plays at its file's rate, whatever the scene's (DNA_sequence_types.h, SEQ_AUTO_PLAYBACK_RATE)."""

SPEED_TRANSITION_FLAG = 1 << 0
"""Bit of a retiming key's `flag`: a transition to another speed begins at it (DNA_sequence_types.h, SEQ_SPEED_TRANSITION_IN)."""

STRUCT_FORMATS = {"int": "i", "float": "f", "double": "d"}
"""Formats of Python's `struct` module for the C types of the fields that are read."""

POINTER_BYTES = 8
"""Size of a pointer. Blender runs on 64-bit systems only."""

STRIP_STRUCT, RETIMING_KEY_STRUCT = "Sequence", "SeqRetimingHandle"
"""Names of the structs in files. Blender renamed them in its source, but files keep the old names for compatibility."""

FIELDS_BY_STRUCT: dict[str, tuple[str, ...]] = {
    STRIP_STRUCT: (
        "name",
        "flag",
        "len",
        "start",
        "anim_startofs",
        "media_playback_rate",
        "retiming_handle_num",
        "*retiming_handles",
    ),
    RETIMING_KEY_STRUCT: ("strip_frame_index", "flag", "retiming_factor"),
}
"""Fields that are read, by their names in files. A star marks a pointer."""

SOUND_STRUCT = "bSound"
"""Name of the struct of a sound, in the source and in files."""

SOUND_FIELDS_BY_STRUCT: dict[str, tuple[str, ...]] = {SOUND_STRUCT: ("name", "offset_time")}
"""Fields of a sound that are read. In a layout of their own: should one go, strips can still be read."""


@dataclass(frozen=True, slots=True)
class StripDna:
    """Values of a strip that the Python API hides.

    Attributes:
        content_frames: length of the content in frames of the source.
        own_rate: frame rate of the source in frames per second, if the strip follows it; otherwise 0.
        retiming_keys: none, or at least two.
    """

    content_frames: int
    own_rate: float
    retiming_keys: tuple[RetimingKey, ...] = ()


@dataclass(frozen=True, slots=True)
class _StructLayout:
    """Size of a struct in bytes, and offset and format of each field that is read."""

    size: int
    fields: dict[str, tuple[int, str]]

    def unpack(self, raw: bytes, start: int = 0) -> dict[str, Any]:
        """Return the fields of the struct that begins at offset `start`."""
        return {
            name: struct.unpack_from(f"<{kind}", raw, start + offset)[0] for name, (offset, kind) in self.fields.items()
        }


def preload() -> None:
    """Learn this Blender's structs now, so that the first Generate need not."""
    _load_layouts()


def read_strip_dna(strip: Any, content_start: float, trim_start: int) -> StripDna | None:
    """Return a strip's hidden values; None if its memory does not match its public properties and cannot be trusted.

    Args:
        strip: the strip.
        content_start: timeline frame on which its content begins, from the Python API.
        trim_start: frames of the source before its content, from the Python API.
    """
    layouts = _load_layouts()
    if layouts is None:
        return None
    fields = layouts[STRIP_STRUCT].unpack(ctypes.string_at(strip.as_pointer(), layouts[STRIP_STRUCT].size))
    name = fields["name"].partition(b"\0")[0][2:]  # after the two letters of the ID type, "SQ"
    # Guard 2: three values that are known must be found where the layout expects them.
    if (name, fields["start"], fields["anim_startofs"]) != (strip.name.encode(), content_start, trim_start):
        return None
    keys: tuple[RetimingKey, ...] = ()
    if (count := fields["retiming_handle_num"]) > 1:
        keys = _read_retiming_keys(layouts[RETIMING_KEY_STRUCT], fields["*retiming_handles"], count)
        # Guard 3. Image and meta strips expose no keys, so there is nothing to compare their number with.
        if len(getattr(strip, "retiming_keys", keys)) != count or not _are_valid_keys(keys):
            return None
    follows_own_rate = fields["flag"] & AUTO_PLAYBACK_RATE_FLAG
    return StripDna(fields["len"], fields["media_playback_rate"] if follows_own_rate else 0.0, keys)


def read_sound_offset(sound: Any) -> float | None:
    """Return the seconds that Blender skips at the start of a sound; None if its memory does not match its public path.

    Blender sets it where it adds a movie whose sound starts late: the part of the delay that is less than a frame.
    """
    layouts = _load_layouts_of(SOUND_STRUCT)
    if layouts is None:
        return None
    fields = layouts[SOUND_STRUCT].unpack(ctypes.string_at(sound.as_pointer(), layouts[SOUND_STRUCT].size))
    # Guard 2: the path must be found where the layout expects it.
    if fields["name"].partition(b"\0")[0] != os.fsencode(sound.filepath) or not math.isfinite(fields["offset_time"]):
        return None
    return float(fields["offset_time"])


def _read_retiming_keys(layout: _StructLayout, pointer: int, count: int) -> tuple[RetimingKey, ...]:
    if not pointer:
        return ()
    raw = ctypes.string_at(pointer, layout.size * count)
    unpacked = [layout.unpack(raw, number * layout.size) for number in range(count)]
    return tuple(
        RetimingKey(
            fields["strip_frame_index"],
            fields["retiming_factor"],
            is_transition=bool(fields["flag"] & SPEED_TRANSITION_FLAG),
        )
        for fields in unpacked
    )


def _are_valid_keys(keys: tuple[RetimingKey, ...]) -> bool:
    """Return whether these are plausible keys: the first at frame 0, the others ascending, all positions within the content."""
    is_ascending = all(b.frame > a.frame for a, b in pairwise(keys))
    return bool(keys) and keys[0].frame == 0 and is_ascending and all(0 <= key.position <= 1 for key in keys)


@cache
def _load_layouts_of(struct_name: str) -> dict[str, _StructLayout] | None:
    """Return the layouts of this Blender's structs for strips or for sounds, from an empty file that it writes."""
    fields_by_struct = SOUND_FIELDS_BY_STRUCT if struct_name == SOUND_STRUCT else FIELDS_BY_STRUCT
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.blend"
        bpy.data.libraries.write(str(path), set())
        return parse_layouts(path.read_bytes(), fields_by_struct)


def _load_layouts() -> dict[str, _StructLayout] | None:
    return _load_layouts_of(STRIP_STRUCT)


def parse_layouts(
    blend: bytes, fields_by_struct: dict[str, tuple[str, ...]] = FIELDS_BY_STRUCT
) -> dict[str, _StructLayout] | None:
    """Return the struct layouts from the SDNA block of an uncompressed .blend file; None if they are not as expected.

    The block holds field names, type names, type sizes, and for each struct its type and fields (Blender's doc/blender_file_format).
    """
    begin = blend.rfind(b"SDNANAME")
    if begin < 0:
        return None
    at = begin + 4

    def enter_block(tag: bytes) -> int:
        """Go to the next part, aligned to 4 bytes, and return its number of entries. The part with type sizes has none."""
        nonlocal at
        at = begin + -(-(at - begin) // 4) * 4
        if blend[at : at + 4] != tag:
            raise ValueError(f"SDNA part {tag.decode()} expected")
        (count,) = struct.unpack_from("<I", blend, at + 4)
        at += 8 if tag != b"TLEN" else 4
        return int(count)

    def read_strings(count: int) -> list[str]:
        nonlocal at
        found = []
        for _ in range(count):
            end = blend.index(0, at)
            found.append(blend[at:end].decode())
            at = end + 1
        return found

    def read_shorts(count: int) -> tuple[int, ...]:
        nonlocal at
        found = struct.unpack_from(f"<{count}H", blend, at)
        at += 2 * count
        return found

    try:
        names = read_strings(enter_block(b"NAME"))
        types = read_strings(enter_block(b"TYPE"))
        enter_block(b"TLEN")
        lengths = dict(zip(types, read_shorts(len(types)), strict=True))
        found = {}
        for _ in range(enter_block(b"STRC")):
            kind, count = read_shorts(2)
            pairs = read_shorts(2 * count)
            if types[kind] in fields_by_struct:
                fields = [(types[a], names[b]) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
                found[types[kind]] = _build_layout(fields, lengths, types[kind], fields_by_struct[types[kind]])
    except (ValueError, IndexError, KeyError, struct.error, UnicodeDecodeError):
        return None
    return found if found.keys() == fields_by_struct.keys() else None


def _build_layout(
    fields: list[tuple[str, str]], lengths: dict[str, int], struct_name: str, wanted: tuple[str, ...]
) -> _StructLayout:
    """Return the layout of the wanted fields of one struct.

    Raises:
        ValueError: a field is missing, or the fields do not add up to the struct's size (guard 1).
    """
    at, found = 0, {}
    for kind, declared in fields:
        pointer = declared.startswith(("*", "(*"))
        times = math.prod(map(int, re.findall(r"\[(\d+)\]", declared)))  # `name[66]` is an array
        if (name := declared.partition("[")[0]) in wanted:
            found[name] = at, "Q" if pointer else f"{times}s" if kind == "char" else STRUCT_FORMATS[kind]
        at += (POINTER_BYTES if pointer else lengths[kind]) * times
    if at != lengths[struct_name] or len(found) != len(wanted):
        raise ValueError(f"unexpected layout of {struct_name}")
    return _StructLayout(at, found)
