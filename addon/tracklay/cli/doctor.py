"""Looks at this machine for what Tracklay needs: programs, folders, keys (never their value), providers."""

from __future__ import annotations

import asyncio
import os
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import log
from ..errors import TracklayError
from ..media import ffmpeg
from ..models import load
from ..paths import folder, home
from ..providers.credentials import NAMES, found
from ..providers.health import answers
from ..version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `good` is None where it is neither good nor bad (a key that is not set)."""

    what: str
    found: str
    good: bool | None


def findings() -> list[Finding]:
    """Everything, in the order in which a person would mend it."""
    looked = [
        _look("Tracklay", lambda: f"{VERSION}, Python {platform.python_version()}"),
        _look("ffmpeg", _ffmpeg),
        _look("own folder", lambda: f"{folder(home())}, can be written to"),
        Finding("log", str(log.path()), good=None),
        _look("models", lambda: f"{len(load())} in the catalogue"),
        Finding("sketch engine", "built in: no key, no network", good=True),
    ]
    looked.append(_blender())
    looked += [Finding(key, "set" if found(key) else "not set", True if found(key) else None) for key in NAMES]
    return looked + [Finding(each.provider, each.words, True if each.good else None) for each in asyncio.run(answers())]


def _blender() -> Finding:
    """What opens .blend files: nothing is bad only where a program is named that is not there."""
    from ..timelines.blend_file import BLENDER, program  # noqa: PLC0415 - it is asked for nothing else

    try:
        command = program()
    except TracklayError as error:
        named = bool(os.environ.get(BLENDER))
        return Finding("Blender", str(error) if named else "none found (only .blend files need it)", not named and None)
    return Finding("Blender", command[0] if command else "the bpy module, which can be imported", good=True)


def _look(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, look(), good=True)
    except TracklayError as error:
        return Finding(what, str(error), good=False)


def _ffmpeg() -> str:
    """The program, its version, and that it can write what proxies are made of."""
    import ffmpeg as builder  # noqa: PLC0415 - ffmpeg-python

    picture = builder.input("color=s=16x16:d=0.1", format="lavfi")
    ffmpeg.run(picture.output("pipe:", format="null", vcodec="libx264"), "ffmpeg cannot write H.264")
    return f"{ffmpeg.program()}, {ffmpeg.version()}"
