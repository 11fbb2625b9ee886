"""The user's trash: a file moved there can be restored from the file manager.

- Linux and BSD: the FreeDesktop.org Trash specification 1.0.
- macOS: the system's `trash` program (from macOS 15 on), else the folder `.Trash` of the home.
- Windows: the Recycle Bin, through the PowerShell of the system.

The last two are tested with substitutes of these programs only. None of them replaces a file, and a file that cannot be moved stays
where it is.
"""

from __future__ import annotations

import base64
import errno
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from .processes import kill_process_group, start_process

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_SAME_NAME = 1000
"""Files of one name in the trash that are tried for a free name."""

MAX_STEM_CHARS = 60
"""Characters of a file's name that its name in the trash repeats."""

PROGRAM_TIMEOUT_SECONDS = 30
"""Seconds that a program of the system may take: PowerShell needs one or two to start."""

MAC_TRASH_PROGRAM = Path("/usr/bin/trash")

NO_TRASH = "this system has no trash for it"

# Paths come through standard input, encoded: no name of a file is ever part of a script, nor changed by a code page. A drive that is
# not fixed has no Recycle Bin: there the same call would delete the file permanently.
RECYCLE_SCRIPT = """
$ErrorActionPreference = 'Stop'
Add-Type -AssemblyName Microsoft.VisualBasic
while ($line = [Console]::In.ReadLine()) {
    try {
        $path = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($line))
        if (([IO.DriveInfo][IO.Path]::GetPathRoot($path)).DriveType -eq 'Fixed') {
            [Microsoft.VisualBasic.FileIO.FileSystem]::DeleteFile($path, 'OnlyErrorDialogs', 'SendToRecycleBin')
        }
    } catch { }
}
"""


def trash_files(paths: Sequence[Path], *, system: str = sys.platform) -> dict[Path, str]:
    """Move files into the user's trash. Return the reason for each one that is still there.

    `system` is the name of the system, as `sys.platform`.
    """
    if system == "win32":
        return recycle_files(paths)
    move = move_to_mac_trash if system == "darwin" else move_to_trash
    failed = {}
    for path in paths:
        try:
            move(path)
        except OSError as error:
            failed[path] = error.strerror or str(error)
    return failed


def recycle_files(paths: Sequence[Path]) -> dict[Path, str]:
    """Move files into the Recycle Bin of Windows. Return the reason for each one that is still there."""
    program = Path(
        os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "WindowsPowerShell", "v1.0", "powershell.exe"
    )
    script = base64.b64encode(RECYCLE_SCRIPT.encode("utf-16-le")).decode()
    lines = "".join(base64.b64encode(str(path.absolute()).encode()).decode() + "\n" for path in paths)
    command = [str(program), "-NoLogo", "-NoProfile", "-NonInteractive", "-EncodedCommand", script]
    reason = _run_program(command, lines.encode()) or NO_TRASH
    return {path: reason for path in paths if os.path.lexists(path)}


def move_to_mac_trash(path: Path) -> Path:
    """Move a file into the trash of macOS, and return its path there if it is known, else its former one.

    Raises:
        OSError: it cannot be moved, or lies on another volume than the home.
    """
    path = path.absolute()
    if MAC_TRASH_PROGRAM.exists():
        reason = _run_program([str(MAC_TRASH_PROGRAM), str(path)])
        if os.path.lexists(path):
            raise OSError(reason or NO_TRASH)
        return path
    for number in range(MAX_SAME_NAME):
        to = Path.home() / ".Trash" / f"{path.stem}{f' {number + 1}' if number else ''}{path.suffix}"
        try:
            # A link replaces nothing. The folder cannot be listed without the user's leave.
            os.link(path, to, follow_symlinks=False)
        except FileExistsError:
            continue
        path.unlink()
        return to
    raise OSError("no free name in the trash")


def _run_program(command: list[str], data: bytes = b"") -> str:
    """Run a program of the system. Return the reason if it fails, else an empty text."""
    try:
        process = start_process(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except OSError as error:
        return f"cannot start {command[0]}: {error.strerror or error}"
    try:
        _, errors = process.communicate(data, timeout=PROGRAM_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        kill_process_group(process)
        process.communicate()
        return f"{Path(command[0]).name} does not answer"
    reason = errors.decode("utf-8", "replace").strip().splitlines()
    return (reason[-1] if reason else f"status {process.returncode}") if process.returncode else ""


def move_to_trash(path: Path) -> Path:
    """Move a file into the FreeDesktop.org trash of its file system, and return its path there.

    Raises:
        OSError: it cannot be moved.
    """
    path = path.absolute()
    trash, base = _trash_folder(path)
    for part in ("files", "info"):
        (trash / part).mkdir(parents=True, exist_ok=True, mode=0o700)
    # The home's trash stores whole paths; that of another file system stores them from its root, which may be mounted elsewhere later.
    stored = path if base is None else path.relative_to(base)
    info = f"[Trash Info]\nPath={quote(os.fsencode(stored))}\nDeletionDate={datetime.now().astimezone():%Y-%m-%dT%H:%M:%S}\n"
    for number in range(MAX_SAME_NAME):
        name = f"{path.stem[:MAX_STEM_CHARS]}{f'.{number + 1}' if number else ''}{path.suffix}"
        record = trash / "info" / f"{name}.trashinfo"
        try:
            # The record reserves the name: it is made first, and never replaces one.
            with os.fdopen(os.open(record, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
                file.write(info)
        except FileExistsError:
            continue
        try:
            if os.path.lexists(trash / "files" / name):
                raise FileExistsError(name)  # noqa: TRY301 - an orphan without its record
            _move_file(path, trash / "files" / name)
        except FileExistsError:
            record.unlink(missing_ok=True)
            continue
        except OSError:
            record.unlink(missing_ok=True)
            raise
        return trash / "files" / name
    raise OSError("no free name in the trash")


def _move_file(path: Path, to: Path) -> None:
    """Move a file to a path that does not exist. Two mounts of one file system are one device, and yet need a copy."""
    try:
        path.rename(to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        try:
            shutil.copy2(path, to)
            path.unlink()
        except OSError:
            to.unlink(missing_ok=True)
            raise


def _trash_folder(path: Path) -> tuple[Path, Path | None]:
    """Return the trash for a file, and the root of its file system; None for the trash in the home.

    Raises:
        OSError: the file system has none and none can be made.
    """
    home_data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    device = path.parent.stat().st_dev
    if _device_of(home_data) == device:
        return home_data / "Trash", None
    root = path.parent
    while root != root.parent and root.parent.stat().st_dev == device:
        root = root.parent
    user = str(os.getuid())
    shared = root / ".Trash"
    # A shared trash counts only if no user can replace another user's folder in it.
    if shared.is_dir() and not shared.is_symlink() and shared.stat().st_mode & 0o1000:
        return shared / user, root
    own = root / f".Trash-{user}"
    own.mkdir(exist_ok=True, mode=0o700)
    if own.is_symlink() or own.lstat().st_uid != os.getuid():
        raise PermissionError(f"not this user's trash: {own}")
    return own, root


def _device_of(folder: Path) -> int:
    """Return the file system of a folder that may not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return folder.stat().st_dev
