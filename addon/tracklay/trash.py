"""The user's trash on Linux and BSD, by the FreeDesktop.org Trash specification 1.0, which file managers read.

macOS and Windows have their own, which Python's standard library does not reach: there files are deleted.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

HAS_TRASH = sys.platform not in ("win32", "darwin")
"""Whether this system's trash can be used."""

MAX_SAME_NAME = 1000
"""Files of one name in the trash that are tried for a free name."""

MAX_STEM_CHARS = 60
"""Characters of a file's name that its name in the trash repeats."""


def move_to_trash(path: Path) -> Path:
    """Move a file into the trash of its file system, and return its path there. It can be restored from the file manager.

    Raises:
        OSError: it cannot be moved, or this system has no trash that can be used.
    """
    if not HAS_TRASH:
        raise OSError("no trash")
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
