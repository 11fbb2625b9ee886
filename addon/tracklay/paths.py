"""Locations of Tracklay's own files."""

from __future__ import annotations

import tempfile
from pathlib import Path

from . import settings
from .atomic_io import output_error


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
        raise output_error(error, path) from error
