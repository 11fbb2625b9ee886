"""Who carries a job: each process's own lock file, which the system lets go of when the process ends, however it ends.

A process number alone would not do: numbers are given again, and after a restart the same one may be another program's.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sys
import time
from typing import TYPE_CHECKING

from ..errors import BadInput
from ..paths import folder, home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


WAIT_SECONDS = 0.5
"""How often a lock that another process holds is tried again."""

_TOKEN = re.compile(r"(\d+)-[0-9a-f]{8}")


def _place() -> Path:
    return home() / "running"


class Owner:
    """One that carries jobs, for as long as its lock is held. `token` is what the ledger writes beside a job."""

    def __init__(self) -> None:
        """Take a lock of a name that nobody had before.

        Raises:
            OutputError: the folder cannot be written.
        """
        place = folder(_place())
        while True:
            self.token = f"{os.getpid()}-{secrets.token_hex(4)}"
            self._path = place / self.token
            self._file: BinaryIO = self._path.open("xb")
            # Whoever clears up after the dead may have taken the new file for a dead one's before it was locked.
            if _lock(self._file) and self._path.exists():
                return
            self._file.close()
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go: what is still this owner's may be taken up by others."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)  # Windows lets no open file go


@contextlib.contextmanager
def alone(name: str, *, wait: bool) -> Iterator[None]:
    """Hold the lock of something that one process at a time may do, however the others end. `wait`: until it is free.

    Raises:
        BadInput: another one holds it.
    """
    path = folder(_place()) / f"{name}.lock"
    with path.open("ab") as file:
        while not _lock(file):
            if not wait:
                raise BadInput("another process is at work on just this: wait for it to end")
            time.sleep(WAIT_SECONDS)
        yield


def alive(token: str) -> bool:
    """Whether an owner still holds its lock."""
    try:
        with (_place() / token).open("rb+") as file:
            return not _lock(file)
    except OSError:
        return False


def dead() -> list[str]:
    """The owners that ended without letting go. `bury` each when its things are cleared away."""
    try:
        names = [path.name for path in _place().iterdir()]
    except OSError:
        return []
    return [name for name in names if _TOKEN.fullmatch(name) and not alive(name)]


def bury(token: str) -> None:
    """Forget a dead owner. Its lock is held meanwhile, so that a file that somebody is just about to lock is not taken for it."""
    path = _place() / token
    with contextlib.suppress(OSError):
        with path.open("rb+") as file:
            if _lock(file) and sys.platform != "win32":
                path.unlink(missing_ok=True)
        if sys.platform == "win32":
            path.unlink(missing_ok=True)


def process(token: str) -> str:
    """The process number in an owner's token."""
    return token.partition("-")[0]


def living_processes() -> set[str]:
    """The numbers of the processes that carry jobs now."""
    try:
        names = [path.name for path in _place().iterdir()]
    except OSError:
        return set()
    return {process(name) for name in names if _TOKEN.fullmatch(name) and alive(name)}
