"""Locations of Tracklay's own files."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

from . import settings
from .atomic_io import output_error
from .errors import OutputError

PRIVATE_FOLDER_MODE, PRIVATE_FILE_MODE = 0o700, 0o600
"""Permissions of what only this user may read."""


def tracklay_home() -> Path:
    """Return the folder of the ledger, the caches, the log and the user's own models.

    It is `TRACKLAY_HOME`, or the platform's user data folder where that is unset.
    """
    return settings.current().home


def ensure_folder(path: Path) -> Path:
    """Create a folder if it is missing, and return it.

    Raises:
        OutputError: it cannot be created or written to.
    """
    try:
        if path.is_relative_to(tracklay_home()):
            create_home()
        path.mkdir(parents=True, exist_ok=True)
        # Permission bits are no proof on network shares and read-only mounts. Only writing a file is.
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise (_home_error(path, error) or output_error(error, path)) from error


def create_home() -> None:
    """Create the home if it is missing, so that no other user can read it: prompts, costs and proxies are in there.

    One that exists keeps its permissions: its owner may share it on purpose.

    Raises:
        OSError: it cannot be created.
    """
    home = tracklay_home()
    home.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        home.mkdir(mode=0o777 if settings.current().is_home_shared else PRIVATE_FOLDER_MODE)


def ensure_private_folder(path: Path) -> Path:
    """Create a folder for this user alone if it is missing, and return it.

    Raises:
        OutputError: it cannot be created, is a link, or belongs to another user.
    """
    ensure_folder(path.parent)
    try:
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=PRIVATE_FOLDER_MODE)
        status = path.lstat()
        if not path.is_dir() or path.is_symlink() or (hasattr(os, "getuid") and status.st_uid != os.getuid()):
            raise OutputError("path.not_own_folder", "Not a folder of this user: {path}. Remove it.", path=path)
        path.chmod(PRIVATE_FOLDER_MODE)
    except OSError as error:
        raise output_error(error, path) from error
    return path


def _home_error(path: Path, error: OSError) -> OutputError | None:
    """Return the error for a folder in the home, None for another. Its remedy is not that of a folder which the user chose."""
    if not path.is_relative_to(tracklay_home()):
        return None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            "home.no_space", "No space left in Tracklay's own folder: {path}. Free some space.", path=path
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(
            "home.not_writable",
            "Tracklay's own folder is not writable: {path}. Check its permissions, or set TRACKLAY_HOME to another folder.",
            path=path,
        )
    return None
