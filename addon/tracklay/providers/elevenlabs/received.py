"""Sounds that came as the answer to the request itself: kept under `TRACKLAY_HOME`, because their provider does not keep them.

A sound is on disk before its job handle is in the ledger: a process that dies between the two finds it by the submission's ID.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

from ...atomic_io import atomic_write, output_error
from ...paths import ensure_private_folder, tracklay_home

MAX_AGE_SECONDS = 30 * 86_400
"""Age from which a received sound is deleted. Its take and the stored output of its job are made long before."""


def _received_folder() -> Path:
    return tracklay_home() / "received"


def store_sound(submission_id: str, sound: bytes, suffix: str) -> Path:
    """Write a sound and return its path. Old ones are deleted.

    Raises:
        OutputError: it cannot be written.
    """
    folder = ensure_private_folder(_received_folder())
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if time.time() - path.stat().st_mtime > MAX_AGE_SECONDS:
                path.unlink()
    to = folder / f"{submission_id}{suffix}"
    with atomic_write(to) as temporary, temporary.open("wb") as file:
        file.write(sound)
        file.flush()
        os.fsync(file.fileno())
    return to


def find_sound(submission_id: str) -> Path | None:
    """Return the sound of a submission, or None."""
    return next(iter(sorted(_received_folder().glob(f"{submission_id}.*"))), None)


def copy_sound(submission_id: str, folder: Path) -> Path | None:
    """Copy the sound of a submission into a folder and return the copy, or None if there is none.

    Raises:
        OutputError: it cannot be copied.
    """
    path = find_sound(submission_id)
    if path is None:
        return None
    to = folder / f"output{path.suffix}"
    try:
        shutil.copyfile(path, to)
    except OSError as error:
        raise output_error(error, to) from error
    return to
