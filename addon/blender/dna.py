"""What Blender knows of a strip and shows to no script: whether it follows the scene's rate, and how long its file is.

It is read from the strip's own bytes, by the description of them that Blender writes into every file: it is that Blender's own, so it
fits whatever the version. A script's only other way is to copy the scene, which takes seconds where the timeline is long.
"""

from __future__ import annotations

import ctypes
import re
import struct
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import bpy

FOLLOWS_RATE = 1 << 17
"""Of a strip's `flag`: it plays in its own seconds whatever the scene's rate (DNA_sequence_types.h, SEQ_AUTO_PLAYBACK_RATE)."""

WIDTH = {"int": "i", "float": "f"}
POINTER_BYTES = 8

WANTED = ("flag", "len", "start", "anim_startofs", "media_playback_rate", "retiming_handle_num")
"""The fields that are read, as files name them."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What a strip says of itself in its bytes.

    `frames` is how long its content is in frames of its own; `own_rate` frames a second, 0 where it has none to follow. `retimed`
    says that keys change how it plays.
    """

    frames: int
    own_rate: float
    retimed: bool


@dataclass(frozen=True, slots=True)
class _Layout:
    """How many bytes a strip has, where its name is, and of each wanted field where it is and what."""

    size: int
    name: int
    fields: dict[str, tuple[int, str]]


def hidden(strip: Any, content_start: float, trimmed: int) -> Hidden | None:
    """What Blender hides of a strip; None where its bytes don't say what its properties say, and cannot be trusted."""
    layout = _layout()
    if layout is None:
        return None
    raw = ctypes.string_at(strip.as_pointer(), layout.size)
    told = {name: struct.unpack_from(f"<{kind}", raw, at)[0] for name, (at, kind) in layout.fields.items()}
    named = raw[layout.name + 2 : raw.index(0, layout.name)]  # two letters come first, which say what is named
    if (named, told["start"], told["anim_startofs"]) != (strip.name.encode(), content_start, trimmed):
        return None
    follows = told["flag"] & FOLLOWS_RATE
    return Hidden(told["len"], told["media_playback_rate"] if follows else 0.0, told["retiming_handle_num"] > 1)


@cache
def _layout() -> _Layout | None:
    """A strip's layout, from a file with nothing in it but the description."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.blend"
        bpy.data.libraries.write(str(path), set())
        return layout(path.read_bytes())


def layout(blend: bytes) -> _Layout | None:
    """A strip's layout by an uncompressed .blend file's `SDNA`; None where it is not as expected.

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
        for _ in range(part(b"STRC")):
            kind, count = shorts(2)
            pairs = shorts(2 * count)
            if types[kind] == "Sequence":  # what files call a strip, as they always did
                fields = [(types[a], names[b]) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
                return _placed(fields, lengths, lengths[types[kind]])
    except (ValueError, IndexError, KeyError, struct.error, UnicodeDecodeError):
        return None
    return None


def _placed(fields: list[tuple[str, str]], lengths: dict[str, int], size: int) -> _Layout | None:
    at, name, found = 0, 0, {}
    for kind, called in fields:
        each = POINTER_BYTES if called.startswith(("*", "(*")) else lengths[kind]
        if called in WANTED:
            found[called] = (at, WIDTH[kind])
        elif called.startswith("name["):
            name = at
        for times in re.findall(r"\[(\d+)\]", called):
            each *= int(times)
        at += each
    return _Layout(size, name, found) if at == size and name and len(found) == len(WANTED) else None
