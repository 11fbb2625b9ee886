"""Who carries a job: each process's own lock file, which the system lets go of when the process ends, however it ends.

A process number alone would not do: numbers are given again, and after a restart the same one may be another program's.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import sys
import time
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..paths import ensure_folder, tracklay_home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
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
"""How often a lock that another process holds is tried again."""

_TOKEN_PATTERN = re.compile(r"(\d+)-[0-9a-f]{8}")


def _lock_folder() -> Path:
    return tracklay_home() / "running"


class ProcessLock:
    """One that carries jobs, for as long as its lock is held. `token` is what the ledger writes beside a job."""

    def __init__(self) -> None:
        """Take a lock of a name that nobody had before.

        Raises:
            OutputError: the folder cannot be written.
        """
        place = ensure_folder(_lock_folder())
        while True:
            self.token = f"{os.getpid()}-{secrets.token_hex(4)}"
            self._path = place / self.token
            self._file: BinaryIO = self._path.open("xb")
            # Whoever clears up after the dead may have taken the new file for a dead one's before it was locked.
            if _try_lock(self._file) and self._path.exists():
                _logger.info("owner %s starts", self.token)
                return
            self._file.close()
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go: what is still this owner's may be taken up by others."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._file.close()
        _logger.info("owner %s ends", self.token)
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)  # Windows lets no open file go


@contextlib.contextmanager
def exclusive_lock(name: str, *, wait: bool) -> Iterator[None]:
    """Hold the lock of something that one process at a time may do, however the others end. `wait`: until it is free.

    Raises:
        BadInput: another one holds it.
    """
    path = ensure_folder(_lock_folder()) / f"{name}.lock"
    with path.open("ab") as file:
        while not _try_lock(file):
            if not wait:
                raise InvalidInput("another process is at work on just this: wait for it to end")
            time.sleep(LOCK_RETRY_SECONDS)
        yield


def is_alive(token: str) -> bool:
    """Whether an owner still holds its lock."""
    try:
        with (_lock_folder() / token).open("rb+") as file:
            return not _try_lock(file)
    except OSError:
        return False


def stale_tokens() -> list[str]:
    """The owners that ended without letting go. `remove_stale` each when its things are cleared away."""
    try:
        names = [path.name for path in _lock_folder().iterdir()]
    except OSError:
        return []
    return [name for name in names if _TOKEN_PATTERN.fullmatch(name) and not is_alive(name)]


def remove_stale(token: str) -> None:
    """Forget a dead owner. Its lock is held meanwhile, so that a file that somebody is just about to lock is not taken for it."""
    path = _lock_folder() / token
    _logger.info("owner %s is dead", token)
    with contextlib.suppress(OSError):
        with path.open("rb+") as file:
            if _try_lock(file) and sys.platform != "win32":
                path.unlink(missing_ok=True)
        if sys.platform == "win32":
            path.unlink(missing_ok=True)


def process_id(token: str) -> str:
    """The process number in an owner's token."""
    return token.partition("-")[0]


def live_process_ids() -> set[str]:
    """The numbers of the processes that carry jobs now."""
    try:
        names = [path.name for path in _lock_folder().iterdir()]
    except OSError:
        return set()
    return {process_id(name) for name in names if _TOKEN_PATTERN.fullmatch(name) and is_alive(name)}
