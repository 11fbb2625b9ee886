"""Runs `tracklay doctor`: checks programs, folders, API keys (never showing their values) and providers, or the strips of a film."""

from __future__ import annotations

import argparse
import asyncio
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .. import log, settings
from ..errors import InvalidInput, TracklayError
from ..media import ffmpeg, ffmpeg_program
from ..media.ffmpeg_program import OLDEST_RELIABLE_VERSION
from ..models import load_catalogue
from ..paths import ensure_folder, tracklay_home
from ..providers.credentials import get_key
from ..providers.health import check_all
from ..settings import KEY_VARIABLES
from ..version import VERSION
from .exit_status import EXIT_DONE, EXIT_FAILED
from .tables import show_findings


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check. `ok` is None if it is neither good nor bad, such as a key that is not set."""

    name: str
    detail: str
    ok: bool | None


def run_doctor(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    if options.film is not None:
        return EXIT_DONE if show_findings(check_film(options.film), bad_mark="check") else EXIT_FAILED
    return EXIT_DONE if show_findings(run_checks(options.describe)) else EXIT_FAILED


def check_film(film: Path) -> list[Finding]:
    """Return a finding for each strip of a .blend file that Blender plays at another time or volume than its timeline says.

    Raises:
        InvalidInput: it is no .blend file, or cannot be opened.
        MediaError: Blender ended without a result.
    """
    from ..timelines.blend_file import BlendFile  # noqa: PLC0415 - no other check needs timelines
    from ..timelines.formats import BLEND_SUFFIX  # noqa: PLC0415

    if film.suffix.lower() != BLEND_SUFFIX:
        raise InvalidInput("doctor.not_a_film", "Not a .blend file: {path}.", path=film)
    faults = BlendFile.open(film).find_playback_faults()
    return [Finding(strip, detail, ok=False) for strip, detail in faults] or [
        Finding(film.name, "Blender plays every strip where the timeline has it.", ok=True)
    ]


def run_checks(describe: Callable[[TracklayError], str] = str) -> list[Finding]:
    """Return the result of every check, in the order in which the user should fix problems."""
    check = partial(_check, describe=describe)
    findings = [
        check("Tracklay", lambda: f"{VERSION}, Python {platform.python_version()}"),
        _check_ffmpeg_age(check("ffmpeg", _describe_ffmpeg)),
        check("home folder", lambda: f"{ensure_folder(tracklay_home())}, writable"),
        Finding("log", str(log.log_path()), ok=None),
        check("models", lambda: f"{len(load_catalogue())} in the catalogue"),
        Finding("sketch engine", "built in, needs no key and no network", ok=True),
        _check_blender(describe),
    ]
    findings += [
        Finding(key, "set" if get_key(key) else "not set", True if get_key(key) else None) for key in KEY_VARIABLES
    ]
    providers = asyncio.run(check_all())
    return findings + [
        Finding(check.provider, check.message, True if check.is_healthy else None) for check in providers
    ]


def _check_blender(describe: Callable[[TracklayError], str] = str) -> Finding:
    """Check the Blender that opens .blend files. Its absence is a problem only if one is named explicitly."""
    from ..timelines.blend_file import find_blender_command  # noqa: PLC0415 - no other check needs timelines

    try:
        command = find_blender_command()
    except TracklayError as error:
        if settings.current().blender:
            return Finding("Blender", describe(error), ok=False)
        return Finding("Blender", "not found (only .blend files need it)", ok=None)
    return Finding("Blender", command[0] if command else "the bpy module", ok=True)


def _check(name: str, detail: Callable[[], str], describe: Callable[[TracklayError], str]) -> Finding:
    try:
        return Finding(name, detail(), ok=True)
    except TracklayError as error:
        return Finding(name, describe(error), ok=False)


def _check_ffmpeg_age(finding: Finding) -> Finding:
    """Add a warning to the finding about an ffmpeg that works and is old."""
    if not finding.ok or (ffmpeg_program.major_version() or OLDEST_RELIABLE_VERSION) >= OLDEST_RELIABLE_VERSION:
        return finding
    warning = f"older than {OLDEST_RELIABLE_VERSION}, which places some sound late: use the one of the package"
    return Finding(finding.name, f"{finding.detail} ({warning})", ok=None)


def _describe_ffmpeg() -> str:
    """Return ffmpeg's path and version, after checking that it can write H.264, which proxies use."""
    import ffmpeg as builder  # noqa: PLC0415 - ffmpeg-python, under another name than our own module

    picture = builder.input("color=s=16x16:d=0.1", format="lavfi")
    ffmpeg.run_ffmpeg(picture.output("pipe:", format="null", vcodec="libx264"), "ffmpeg cannot write H.264")
    return f"{ffmpeg_program.find_ffmpeg()}, {ffmpeg_program.ffmpeg_version()}"
