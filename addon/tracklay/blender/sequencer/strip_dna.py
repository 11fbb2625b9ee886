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

from .retiming import Key

FOLLOWS_RATE = 1 << 17
"""Of a strip's `flag`: it plays in its own seconds whatever the scene's rate (DNA_sequence_types.h, SEQ_AUTO_PLAYBACK_RATE)."""

EASES_IN = 1 << 0
"""Of a retiming key's `flag`: a transition to another speed begins at it (DNA_sequence_types.h, SEQ_SPEED_TRANSITION_IN)."""

WIDTH = {"int": "i", "float": "f", "double": "d"}
POINTER_BYTES = 8

STRIP, KEY = "Sequence", "SeqRetimingHandle"
"""What files call a strip and a retiming key, as they always did."""

WANTED = {
    STRIP: (
        "name",
        "flag",
        "len",
        "start",
        "anim_startofs",
        "media_playback_rate",
        "retiming_handle_num",
        "*retiming_handles",
    ),
    KEY: ("strip_frame_index", "flag", "retiming_factor"),
}
"""The fields that are read, as files name them."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What a strip says of itself in its bytes.

    `frames` is how long its content is in frames of its own; `own_rate` frames a second, 0 where it has none to follow. `keys`
    change how it plays; there are none, or two at least.
    """

    frames: int
    own_rate: float
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class _Layout:
    """How many bytes a thing of Blender's has, and of each wanted field where it is and what."""

    size: int
    fields: dict[str, tuple[int, str]]

    def read(self, raw: bytes, at: int = 0) -> dict[str, Any]:
        """The wanted fields of the one that begins at `at`."""
        return {name: struct.unpack_from(f"<{kind}", raw, at + place)[0] for name, (place, kind) in self.fields.items()}


def hidden(strip: Any, content_start: float, trimmed: int) -> Hidden | None:
    """What Blender hides of a strip; None where its bytes don't say what its properties say, and cannot be trusted."""
    layouts = _layouts()
    if layouts is None:
        return None
    told = layouts[STRIP].read(ctypes.string_at(strip.as_pointer(), layouts[STRIP].size))
    named = told["name"].partition(b"\0")[0][2:]  # two letters come first, which say what is named
    if (named, told["start"], told["anim_startofs"]) != (strip.name.encode(), content_start, trimmed):
        return None
    keys: tuple[Key, ...] = ()
    if (count := told["retiming_handle_num"]) > 1:
        keys = _keys(layouts[KEY], told["*retiming_handles"], count)
        if len(getattr(strip, "retiming_keys", keys)) != count or not _are_keys(keys):  # images and metas show none
            return None
    follows = told["flag"] & FOLLOWS_RATE
    return Hidden(told["len"], told["media_playback_rate"] if follows else 0.0, keys)


def _keys(layout: _Layout, pointer: int, count: int) -> tuple[Key, ...]:
    if not pointer:
        return ()
    raw = ctypes.string_at(pointer, layout.size * count)
    each = [layout.read(raw, number * layout.size) for number in range(count)]
    return tuple(
        Key(told["strip_frame_index"], told["retiming_factor"], eases=bool(told["flag"] & EASES_IN)) for told in each
    )


def _are_keys(keys: tuple[Key, ...]) -> bool:
    """Whether they can be what they should: the first on the content's first frame, the others after it, all within the content."""
    rise = all(b.frame > a.frame for a, b in pairwise(keys))
    return bool(keys) and keys[0].frame == 0 and rise and all(0 <= key.place <= 1 for key in keys)


@cache
def _layouts() -> dict[str, _Layout] | None:
    """The layouts of what is read, from a file with nothing in it but the description."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.blend"
        bpy.data.libraries.write(str(path), set())
        return layouts(path.read_bytes())


def layouts(blend: bytes) -> dict[str, _Layout] | None:
    """The layouts of what is read by an uncompressed .blend file's `SDNA`; None where it is not as expected.

    Source: Blender's doc/blender_file_format: names, types, their lengths, and of each structure its type and its fields.
    """
    begin = blend.rfind(b"SDNANAME")
    if begin < 0:
        return None
    at = begin + 4

    def part(tag: bytes) -> int:
        """Go to a part; how many things are in it."""
        nonlocal at
        at = begin + -(-(at - begin) // 4) * 4
        if blend[at : at + 4] != tag:
            raise ValueError(f"no {tag.decode()} where it should be")
        (count,) = struct.unpack_from("<I", blend, at + 4)
        at += 8 if tag != b"TLEN" else 4
        return int(count)

    def words(count: int) -> list[str]:
        nonlocal at
        found = []
        for _ in range(count):
            end = blend.index(0, at)
            found.append(blend[at:end].decode())
            at = end + 1
        return found

    def shorts(count: int) -> tuple[int, ...]:
        nonlocal at
        found = struct.unpack_from(f"<{count}H", blend, at)
        at += 2 * count
        return found

    try:
        names = words(part(b"NAME"))
        types = words(part(b"TYPE"))
        part(b"TLEN")
        lengths = dict(zip(types, shorts(len(types)), strict=True))
        found = {}
        for _ in range(part(b"STRC")):
            kind, count = shorts(2)
            pairs = shorts(2 * count)
            if types[kind] in WANTED:
                fields = [(types[a], names[b]) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
                found[types[kind]] = _placed(fields, lengths, types[kind])
    except (ValueError, IndexError, KeyError, struct.error, UnicodeDecodeError):
        return None
    return found if found.keys() == WANTED.keys() else None


def _placed(fields: list[tuple[str, str]], lengths: dict[str, int], thing: str) -> _Layout:
    """Raises ValueError where a field is missing, or they don't fill it."""
    at, found = 0, {}
    for kind, called in fields:
        pointer = called.startswith(("*", "(*"))
        times = math.prod(map(int, re.findall(r"\[(\d+)\]", called)))
        if (name := called.partition("[")[0]) in WANTED[thing]:
            found[name] = at, "Q" if pointer else f"{times}s" if kind == "char" else WIDTH[kind]
        at += (POINTER_BYTES if pointer else lengths[kind]) * times
    if at != lengths[thing] or len(found) != len(WANTED[thing]):
        raise ValueError(f"{thing} is not as it was")
    return _Layout(at, found)
