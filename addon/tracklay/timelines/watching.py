"""Finds the files that arrive in a folder, once they are complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import InvalidInput

FileState = tuple[int, int]
"""Time of the last change in nanoseconds, and size in bytes: while another program writes a file, one of both changes."""


class FolderWatcher:
    """Polls a folder. A file is complete when two polls find it with the same time and size.

    Args:
        folder: the folder; what is below its folders does not count.
        is_wanted: whether a file is of interest.
        is_done: whether a file that is complete has been handled already, also by an earlier process.

    Raises:
        InvalidInput: it is no folder, or cannot be read.
    """

    def __init__(self, folder: Path, is_wanted: Callable[[Path], bool], is_done: Callable[[Path], bool]) -> None:
        self.folder, self._is_wanted, self._is_done = folder, is_wanted, is_done
        self._seen: dict[Path, FileState] = {}
        self._handled: dict[Path, FileState] = {}
        if not folder.is_dir():
            raise InvalidInput("watch.no_folder", "Not a folder: {path}. Create it, or watch another.", path=folder)

    def find_complete(self) -> list[Path]:
        """Return the files that are complete since the last call, or have changed and are complete again, by name."""
        found = dict(sorted(self._list_states()))
        complete = [path for path, state in found.items() if self._seen.get(path) == state != self._handled.get(path)]
        self._seen = found
        self._handled |= {path: found[path] for path in complete}
        return [path for path in complete if not self._is_done(path)]

    def _list_states(self) -> Iterator[tuple[Path, FileState]]:
        try:
            paths = list(self.folder.iterdir())
        except OSError as error:
            raise InvalidInput(
                "watch.unreadable", "Cannot read {path}: {reason}.", path=self.folder, reason=error.strerror or error
            ) from error
        for path in paths:
            try:
                status = path.stat()
            except OSError:  # moved away meanwhile
                continue
            if not path.name.startswith(".") and status.st_size and self._is_wanted(path):
                yield path, (status.st_mtime_ns, status.st_size)
