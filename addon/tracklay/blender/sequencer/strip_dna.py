"""What Blender knows of a strip and shows to no script: whether it follows the scene's rate, how long its file is, its retiming.

It is read from the strip's own bytes, by the description of them that Blender writes into every file: it is that Blender's own, so it
fits whatever the version. A script's only other way is to copy the scene, which takes seconds where the timeline is long.
"""

from __future__ import annotations

import ctypes
import math
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
"""Of a strip's `flag`: it plays in its own seconds whatever the scene's rate (DNA_sequence_types.h, SEQ_AUTO_PLAYBACK_RATE)."""

SPEED_TRANSITION_FLAG = 1 << 0
"""Of a retiming key's `flag`: a transition to another speed begins at it (DNA_sequence_types.h, SEQ_SPEED_TRANSITION_IN)."""

STRUCT_FORMATS = {"int": "i", "float": "f", "double": "d"}
POINTER_BYTES = 8

STRIP_STRUCT, RETIMING_KEY_STRUCT = "Sequence", "SeqRetimingHandle"
"""What files call a strip and a retiming key, as they always did."""

FIELDS_BY_STRUCT = {
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
"""The fields that are read, as files name them."""


@dataclass(frozen=True, slots=True)
class StripDna:
    """What a strip says of itself in its bytes.

    `content_frames` is how long its content is in frames of its own; `own_rate` frames a second, 0 where it has none to follow. `retiming_keys`
    change how it plays; there are none, or two at least.
    """

    content_frames: int
    own_rate: float
    retiming_keys: tuple[RetimingKey, ...] = ()


@dataclass(frozen=True, slots=True)
class _StructLayout:
    """How many bytes a thing of Blender's has, and of each wanted field where it is and what."""

    size: int
    fields: dict[str, tuple[int, str]]

    def unpack(self, raw: bytes, start: int = 0) -> dict[str, Any]:
        """The wanted fields of the one that begins at `start`."""
        return {
            name: struct.unpack_from(f"<{kind}", raw, start + place)[0] for name, (place, kind) in self.fields.items()
        }


def read_strip_dna(strip: Any, content_start: float, trim_start: int) -> StripDna | None:
    """What Blender hides of a strip; None where its bytes don't say what its properties say, and cannot be trusted."""
    layouts = _load_layouts()
    if layouts is None:
        return None
    told = layouts[STRIP_STRUCT].unpack(ctypes.string_at(strip.as_pointer(), layouts[STRIP_STRUCT].size))
    named = told["name"].partition(b"\0")[0][2:]  # two letters come first, which say what is named
    if (named, told["start"], told["anim_startofs"]) != (strip.name.encode(), content_start, trim_start):
        return None
    keys: tuple[RetimingKey, ...] = ()
    if (count := told["retiming_handle_num"]) > 1:
        keys = _read_retiming_keys(layouts[RETIMING_KEY_STRUCT], told["*retiming_handles"], count)
        if len(getattr(strip, "retiming_keys", keys)) != count or not _are_valid_keys(
            keys
        ):  # images and metas show none
            return None
    follows = told["flag"] & AUTO_PLAYBACK_RATE_FLAG
    return StripDna(told["len"], told["media_playback_rate"] if follows else 0.0, keys)


def _read_retiming_keys(layout: _StructLayout, pointer: int, count: int) -> tuple[RetimingKey, ...]:
    if not pointer:
        return ()
    raw = ctypes.string_at(pointer, layout.size * count)
    each = [layout.unpack(raw, number * layout.size) for number in range(count)]
    return tuple(
        RetimingKey(
            told["strip_frame_index"], told["retiming_factor"], is_transition=bool(told["flag"] & SPEED_TRANSITION_FLAG)
        )
        for told in each
    )


def _are_valid_keys(keys: tuple[RetimingKey, ...]) -> bool:
    """Whether they can be what they should: the first on the content's first frame, the others after it, all within the content."""
    rise = all(b.frame > a.frame for a, b in pairwise(keys))
    return bool(keys) and keys[0].frame == 0 and rise and all(0 <= key.position <= 1 for key in keys)


@cache
def _load_layouts() -> dict[str, _StructLayout] | None:
    """The layouts of what is read, from a file with nothing in it but the description."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.blend"
        bpy.data.libraries.write(str(path), set())
        return parse_layouts(path.read_bytes())


def parse_layouts(blend: bytes) -> dict[str, _StructLayout] | None:
    """The layouts of what is read by an uncompressed .blend file's `SDNA`; None where it is not as expected.

    Source: Blender's doc/blender_file_format: names, types, their lengths, and of each structure its type and its fields.
    """
    begin = blend.rfind(b"SDNANAME")
    if begin < 0:
        return None
    at = begin + 4

    def enter_block(tag: bytes) -> int:
        """Go to a part; how many things are in it."""
        nonlocal at
        at = begin + -(-(at - begin) // 4) * 4
        if blend[at : at + 4] != tag:
            raise ValueError(f"no {tag.decode()} where it should be")
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
            if types[kind] in FIELDS_BY_STRUCT:
                fields = [(types[a], names[b]) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
                found[types[kind]] = _build_layout(fields, lengths, types[kind])
    except (ValueError, IndexError, KeyError, struct.error, UnicodeDecodeError):
        return None
    return found if found.keys() == FIELDS_BY_STRUCT.keys() else None


def _build_layout(fields: list[tuple[str, str]], lengths: dict[str, int], struct_name: str) -> _StructLayout:
    """Raises ValueError where a field is missing, or they don't fill it."""
    at, found = 0, {}
    for kind, called in fields:
        pointer = called.startswith(("*", "(*"))
        times = math.prod(map(int, re.findall(r"\[(\d+)\]", called)))
        if (name := called.partition("[")[0]) in FIELDS_BY_STRUCT[struct_name]:
            found[name] = at, "Q" if pointer else f"{times}s" if kind == "char" else STRUCT_FORMATS[kind]
        at += (POINTER_BYTES if pointer else lengths[kind]) * times
    if at != lengths[struct_name] or len(found) != len(FIELDS_BY_STRUCT[struct_name]):
        raise ValueError(f"{struct_name} is not as it was")
    return _StructLayout(at, found)
