"""Locations of Tracklay's own files."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

from . import settings
from .atomic_io import output_error
from .errors import OutputError


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
        path.mkdir(parents=True, exist_ok=True)
        # Permission bits are no proof on network shares and read-only mounts. Only writing a file is.
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise (_home_error(path, error) or output_error(error, path)) from error


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
