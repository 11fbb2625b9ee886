"""Per-process lock files that identify the owner of a job. The OS releases the lock when the process exits, even after a crash.

A process number alone is not enough: the system reuses numbers, and after a restart the same one may belong to another program.

An owner is alive exactly while another process fails to lock its file. The file alone proves nothing: after a crash it remains, unlocked.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..paths import ensure_folder, tracklay_home

if TYPE_CHECKING:
    from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: BinaryIO) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


_logger = logging.getLogger("tracklay.jobs")

LOCK_RETRY_SECONDS = 0.5
"""Interval at which a lock that another process holds is tried again."""

_TOKEN_PATTERN = re.compile(r"(\d+)-[0-9a-f]{8}")


def _lock_folder() -> Path:
    return tracklay_home() / "running"


class ProcessLock:
    """The lock file of this process, locked until `close`. The ledger stores `token` as the owner of a job."""

    def __init__(self) -> None:
        """Create and lock a file with a new name.

        Raises:
            OutputError: the folder cannot be written.
        """
        folder = ensure_folder(_lock_folder())
        while True:
            self.token = f"{os.getpid()}-{secrets.token_hex(4)}"
            self._path = folder / self.token
            self._file: BinaryIO = self._path.open("xb")
            # Between creating and locking, a clean-up in another process may lock the new file, take it for a dead owner's and delete
            # it. Then the lock fails, or holds a file without a name: start over with a new one.
            if _try_lock(self._file) and self._path.exists():
                _logger.info("owner %s starts", self.token)
                return
            self._file.close()
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Delete and unlock the file: other processes may now claim this owner's jobs."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._file.close()
        _logger.info("owner %s ends", self.token)
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)  # Windows does not delete open files


@contextlib.contextmanager
def exclusive_lock(name: str, *, wait: bool) -> Iterator[None]:
    """Hold a lock that one process at a time can hold. It is released even if that process crashes.

    Args:
        name: name of the lock.
        wait: wait until it is free.

    Raises:
        InvalidInput: another process holds it, and `wait` is false.
    """
    path = ensure_folder(_lock_folder()) / f"{name}.lock"
    with path.open("ab") as file:
        while not _try_lock(file):
            if not wait:
                raise InvalidInput("lock.held", "Another process is running the same task. Wait until it ends.")
            time.sleep(LOCK_RETRY_SECONDS)
        yield


def is_alive(token: str) -> bool:
    """Return whether an owner still holds its lock."""
    try:
        with (_lock_folder() / token).open("rb+") as file:
            # Locking it here for a moment is harmless: closing the file releases the lock.
            return not _try_lock(file)
    except OSError:
        return False


def stale_tokens() -> list[str]:
    """Return the tokens of owners that ended without closing their lock. Call `remove_stale` after cleaning up for each."""
    try:
        names = [path.name for path in _lock_folder().iterdir()]
    except OSError:
        return []
    return [name for name in names if _TOKEN_PATTERN.fullmatch(name) and not is_alive(name)]


def remove_stale(token: str) -> None:
    """Delete the lock file of a dead owner.

    It is deleted while locked, so that a file that a new process has created and is about to lock is left alone.
    """
    path = _lock_folder() / token
    _logger.info("owner %s is dead", token)
    with contextlib.suppress(OSError):
        with path.open("rb+") as file:
            if _try_lock(file) and sys.platform != "win32":
                path.unlink(missing_ok=True)
        if sys.platform == "win32":  # where a locked file cannot be deleted
            path.unlink(missing_ok=True)


def process_id(token: str) -> str:
    """Return the process number in a token."""
    return token.partition("-")[0]


def live_process_ids() -> set[str]:
    """Return the numbers of the processes that hold a lock now."""
    try:
        names = [path.name for path in _lock_folder().iterdir()]
    except OSError:
        return set()
    return {process_id(name) for name in names if _TOKEN_PATTERN.fullmatch(name) and is_alive(name)}
