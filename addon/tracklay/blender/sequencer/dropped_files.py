"""Finds the files of takes that Keep Take removed from a timeline and that may be deleted.

The list is stored in the .blend file, which can come from anyone and name any file. So a file is deletable only if it is a regular file
in a takes folder of this project, and its name and SHA-256 are those of a take or a stem in the ledger. Symbolic links are not followed.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...paths import tracklay_home
from ..settings.preferences import takes_folder
from . import cue_index

if TYPE_CHECKING:
    from collections.abc import Iterable

HASH_BLOCK = 1 << 20
"""Bytes read at a time while hashing."""

# O_NOFOLLOW: no symbolic link. O_NONBLOCK: opening a named pipe does not block. Windows has neither, and needs O_BINARY.
OPEN_MODE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def deletable(scene: Any) -> tuple[list[Path], list[Path]]:
    """Return the dropped files that can be deleted, and those that cannot. Files that the open file plays are in neither list.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    files = sorted({Path(row.name) for row in scene.tracklay.dropped} - played_files())
    files = [file for file in files if os.path.lexists(file)]
    folders, hashes = _folders(), _known_hashes(file.name for file in files)
    ours = [file for file in files if file.parent in folders and _hash(file) in hashes.get(file.name, ())]
    return ours, [file for file in files if file not in ours]


def played_files() -> set[Path]:
    """Return the files of all sounds of the open file that anything uses."""
    return {cue_index.sound_file(sound) for sound in bpy.data.sounds if sound.users}


def _folders() -> set[Path]:
    """Return the takes folders of the open file, before and after it was first saved, unless they are symbolic links."""
    paths = (Path(os.path.normpath(folder)) for folder in (takes_folder(), tracklay_home() / "takes"))
    return {folder for folder in paths if folder.is_dir() and not folder.is_symlink()}


def _known_hashes(names: Iterable[str]) -> dict[str, set[str]]:
    """Return the hashes of takes and stems by file name; nothing where there is no ledger."""
    from ...jobs import ledger_schema  # noqa: PLC0415 - imports SQLite
    from ...jobs.ledger import Ledger  # noqa: PLC0415

    if not ledger_schema.ledger_path().exists():
        return {}
    ledger = Ledger()
    try:
        return ledger.hashes_of(names)
    finally:
        ledger.close()


def _hash(file: Path) -> str:
    """Return a regular file's SHA-256; empty for anything else."""
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            return ""
        digest = hashlib.sha256()
        with os.fdopen(os.open(file, OPEN_MODE), "rb") as content:
            while block := content.read(HASH_BLOCK):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()
