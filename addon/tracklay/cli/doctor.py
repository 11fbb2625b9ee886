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
from ..models import load_catalogue
from ..paths import ensure_folder, tracklay_home
from ..providers.credentials import get_key
from ..providers.health import check_all
from ..settings import KEY_VARIABLES
from ..version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `ok` is None where it is neither good nor bad (a key that is not set)."""

    name: str
    detail: str
    ok: bool | None


def run_checks() -> list[Finding]:
    """Everything, in the order in which a person would mend it."""
    looked = [
        _check("Tracklay", lambda: f"{VERSION}, Python {platform.python_version()}"),
        _check("ffmpeg", _describe_ffmpeg),
        _check("own folder", lambda: f"{ensure_folder(tracklay_home())}, can be written to"),
        Finding("log", str(log.log_path()), ok=None),
        _check("models", lambda: f"{len(load_catalogue())} in the catalogue"),
        Finding("sketch engine", "built in: no key, no network", ok=True),
    ]
    looked.append(_check_blender())
    looked += [
        Finding(key, "set" if get_key(key) else "not set", True if get_key(key) else None) for key in KEY_VARIABLES
    ]
    return looked + [
        Finding(each.provider, each.message, True if each.is_healthy else None) for each in asyncio.run(check_all())
    ]


def _check_blender() -> Finding:
    """What opens .blend files: nothing is bad only where a program is named that is not there."""
    from ..timelines.blend_file import BLENDER_VARIABLE, find_blender_command  # noqa: PLC0415 - it is asked for nothing else

    try:
        command = find_blender_command()
    except TracklayError as error:
        named = bool(os.environ.get(BLENDER_VARIABLE))
        return Finding("Blender", str(error) if named else "none found (only .blend files need it)", not named and None)
    return Finding("Blender", command[0] if command else "the bpy module, which can be imported", ok=True)


def _check(name: str, describe: Callable[[], str]) -> Finding:
    try:
        return Finding(name, describe(), ok=True)
    except TracklayError as error:
        return Finding(name, str(error), ok=False)


def _describe_ffmpeg() -> str:
    """The program, its version, and that it can write what proxies are made of."""
    import ffmpeg as builder  # noqa: PLC0415 - ffmpeg-python

    picture = builder.input("color=s=16x16:d=0.1", format="lavfi")
    ffmpeg.run_ffmpeg(picture.output("pipe:", format="null", vcodec="libx264"), "ffmpeg cannot write H.264")
    return f"{ffmpeg.find_ffmpeg()}, {ffmpeg.ffmpeg_version()}"
