"""The ffmpeg that is run: which program it is, and its version."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import stat
import subprocess
from functools import cache
from pathlib import Path

from .. import settings
from ..errors import MediaError, OutputError
from ..paths import ensure_private_folder, tracklay_home
from ..processes import find_program, start_process

OLDEST_RELIABLE_VERSION = 6
"""The first major version whose decoders and demuxers we rely on everywhere: 5.1 places sound late in files in which 6 and later do not."""

COPY_CHUNK_BYTES = 1 << 20


@cache
def find_ffmpeg(override: str | None = None) -> str:
    """Return the absolute path of the ffmpeg to use: `TRACKLAY_FFMPEG`, else imageio-ffmpeg's, else the one on `PATH`.

    Ours comes before the one on `PATH`, which may be of any age: the same file gives the same take on every machine.

    Raises:
        MediaError: there is none, or the variable names none.
    """
    override = override or settings.current().ffmpeg
    if override:
        if found := find_program(override):
            return found
        raise MediaError(
            "ffmpeg.not_executable",
            "TRACKLAY_FFMPEG is not an executable: {path}. Fix the path or unset the variable.",
            path=override,
        )
    found = _bundled_ffmpeg() or find_program("ffmpeg")
    if found is None:
        raise MediaError("ffmpeg.not_found", "No ffmpeg found. Install ffmpeg, or set TRACKLAY_FFMPEG to its path.")
    return found


def _bundled_ffmpeg() -> str | None:
    """Return imageio-ffmpeg's program, made executable: Blender unpacks wheels without the executable bit (seen in 5.2.2)."""
    try:
        import imageio_ffmpeg  # noqa: PLC0415 - only needed where the user names no other ffmpeg
    except ImportError:
        return None
    binaries = Path(imageio_ffmpeg.__file__).absolute().parent / "binaries"
    for path in sorted(binaries.glob("ffmpeg-*")):
        if os.access(path, os.X_OK):
            return str(path)
        with contextlib.suppress(OSError):
            path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
            return str(path)
        with contextlib.suppress(OSError, OutputError):
            return str(executable_copy(path, tracklay_home() / "bin"))
    return None


def executable_copy(program: Path, folder: Path) -> Path:
    """Return an executable copy of a program in a read-only folder. A copy with the same content is reused: it has 70 MB.

    The folder belongs to this user alone. In a shared temporary folder another user could put a program, or a link, under the copy's
    name.

    Raises:
        OSError, OutputError: the copy cannot be made.
    """
    copy = ensure_private_folder(folder) / program.name
    if not copy.is_symlink() and copy.is_file() and _file_sha256(copy) == _file_sha256(program):
        copy.chmod(0o700)
        return copy
    beside = copy.with_name(f".{copy.name}.{secrets.token_hex(4)}.part")
    try:
        # O_EXCL follows no link and opens no file that is already there.
        with (
            program.open("rb") as source,
            os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700), "wb") as target,
        ):
            shutil.copyfileobj(source, target, COPY_CHUNK_BYTES)
        beside.replace(copy)
    finally:
        beside.unlink(missing_ok=True)
    return copy


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _version_line(program: str) -> str:
    try:
        process = start_process(
            [program, "-version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError as error:
        raise MediaError(
            "ffmpeg.cannot_start",
            "Could not start {program}: {reason}.",
            program=program,
            reason=error.strerror or str(error),
        ) from error
    return process.communicate()[0].decode("utf-8", "replace").partition("\n")[0]


def ffmpeg_version() -> str:
    """Return ffmpeg's own version, as in `version 7.1`.

    Raises:
        MediaError: there is no ffmpeg.
    """
    return " ".join(_version_line(find_ffmpeg()).split()[1:3]) or "version unknown"


def major_version() -> int | None:
    """Return ffmpeg's major version; None for a build from between two releases, which has none.

    Raises:
        MediaError: there is no ffmpeg.
    """
    found = re.match(r"version n?(\d+)\.", ffmpeg_version())
    return int(found[1]) if found else None
