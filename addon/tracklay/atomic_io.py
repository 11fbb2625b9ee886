"""File I/O that survives crashes: a file is written whole or not at all, and never replaces a file of the user's."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .errors import InvalidInput, OutputError
from .untrusted_data import clean_json

MAX_TEMP_STEM_CHARS = 80
"""Characters of a file's name that its temporary file repeats: with the rest it stays below the usual limit of 255 bytes."""


def output_error(error: OSError, path: Path) -> OutputError:
    """Return the error for a path that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError("path.no_space", "No space left in {path}.", path=path)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError("path.not_writable", "No permission to write to {path}.", path=path)
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return OutputError("path.not_a_directory", "Not a directory: {path}.", path=path)
    return OutputError("path.write_failed", "Cannot write {path}: {reason}.", path=path, reason=error.strerror or error)


def remove_leftovers(folder: Path, process_id: str) -> None:
    """Delete temporary files that a dead process left in a folder."""
    with contextlib.suppress(OSError):
        for left in folder.glob(f".*.{process_id}-*.part*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def fsync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, so that files created or renamed in it survive a power failure."""
    if os.name == "nt":
        return  # Windows cannot open a folder; NTFS journals its names
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def temp_dir(folder: Path) -> Iterator[Path]:
    """Create a temporary folder inside `folder`. If the process is killed, `remove_leftovers` finds it later.

    Raises:
        OutputError: it cannot be created.
    """
    work = _temp_path(folder / "work")
    try:
        work.mkdir()
    except OSError as error:
        raise output_error(error, folder) from error
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _temp_path(path: Path) -> Path:
    # Beside the target, for a rename is atomic within one file system only. The process id is what `remove_leftovers` looks for.
    name = f".{path.stem[:MAX_TEMP_STEM_CHARS]}.{os.getpid()}-{secrets.token_hex(3)}.part{path.suffix}"
    return path.with_name(name)


@contextlib.contextmanager
def _committed_on_exit(temp_path: Path, commit: Callable[[], object]) -> Iterator[None]:
    try:
        yield
        # Sync before the rename: otherwise a power failure can leave the final name on an empty file.
        with temp_path.open("rb") as written:
            os.fsync(written.fileno())
        commit()
    except OSError as error:
        raise output_error(error, temp_path.parent) from error
    finally:
        with contextlib.suppress(OSError):
            temp_path.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`. It is synced and renamed to `path` when the block ends, or deleted on an error.

    Raises:
        OutputError: there is no space or no permission.
    """
    temp_path = _temp_path(path)
    with _committed_on_exit(temp_path, lambda: temp_path.replace(path)):
        yield temp_path


class NumberedFile:
    """A file that gets the first free number above `after` once it is complete. `path` and `number` are valid after the block.

    `before_commit` is called when both are known, just before the file gets its name.
    """

    def __init__(
        self, folder: Path, name: Callable[[int], str], after: int = 0, before_commit: Callable[[], None] = lambda: None
    ) -> None:
        self._folder, self._name_for, self._before_commit = folder, name, before_commit
        self.number = after
        self.path = folder

    @staticmethod
    def last_number(folder: Path, name: Callable[[int], str]) -> int:
        """Return the number before the first free one."""
        number = 0
        while (folder / name(number + 1)).exists():
            number += 1
        return number

    @contextlib.contextmanager
    def open_for_writing(self) -> Iterator[Path]:
        """Yield a temporary path, as `atomic_write` does. An existing file is never replaced, even by concurrent writers.

        Raises:
            OutputError: there is no space or no permission.
        """
        temp_path = _temp_path(self._folder / self._name_for(0))
        with _committed_on_exit(temp_path, lambda: self._commit(temp_path)):
            yield temp_path

    def _commit(self, temp_path: Path) -> None:
        while True:
            self.number += 1
            self.path = self._folder / self._name_for(self.number)
            if self.path.exists():
                continue
            self._before_commit()
            # A hard link fails if the name exists. A rename would silently replace another process's take.
            try:
                os.link(temp_path, self.path)
            except FileExistsError:
                continue
            except OSError:
                # No hard links on this file system (exFAT, some shares): claim the name, then rename over the claim.
                try:
                    self.path.open("xb").close()
                except FileExistsError:
                    continue
                temp_path.replace(self.path)
            return


def read_json(path: Path, encoding: str = "utf-8") -> Any:
    """Return the content of a JSON file as `clean_json` returns it, or None if it is not JSON.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        return clean_json(json.loads(path.read_text(encoding)))
    except OSError as error:
        reason = error.strerror or error
        raise InvalidInput("path.read_failed", "Cannot read {path}: {reason}.", path=path, reason=reason) from error
    except (ValueError, RecursionError):
        return None
