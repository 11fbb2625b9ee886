"""Where Tracklay keeps its own things, the one way to write a file (whole or not at all), and to read one that a person names."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InvalidInput, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def tracklay_home() -> Path:
    """The folder of the person's models, ledger and caches: `TRACKLAY_HOME`, else the platform's user data folder."""
    if named := os.environ.get("TRACKLAY_HOME"):
        return Path(named).expanduser()
    import platformdirs  # noqa: PLC0415 - not needed, and not looked up, where TRACKLAY_HOME says it

    return platformdirs.user_data_path("tracklay", appauthor=False)


def output_error(error: OSError, path: Path) -> OutputError:
    """The sentence for a place that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"no room left in {path}: free some space or choose another folder with --to")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(f"{path} may not be written to: choose another folder with --to")
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return OutputError(f"{path} is no folder: choose another one with --to")
    return OutputError(f"{path} cannot be written: {error.strerror or error}")


def ensure_folder(path: Path) -> Path:
    """The folder, made where it is missing, and proved to take a file.

    Raises:
        OutputError: it cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise output_error(error, path) from error


def remove_leftovers(folder: Path, process_id: str) -> None:
    """Clear away what a process that has died left half written in a folder."""
    with contextlib.suppress(OSError):
        for left in folder.glob(f".*.{process_id}-*.part*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def fsync_folder(folder: Path) -> None:
    """Have a folder's own entries on disk: what was made or renamed in it stays so whatever happens next."""
    if os.name == "nt":
        return  # Windows opens no folder, and its file systems keep a log of names
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def temp_dir(folder: Path) -> Iterator[Path]:
    """A folder in `ensure_folder` for files of the moment. A process that is killed in it leaves one that `remove_leftovers` finds.

    Raises:
        OutputError: it cannot be made.
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
    return path.with_name(f".{path.stem[:80]}.{os.getpid()}-{secrets.token_hex(3)}.part{path.suffix}")


@contextlib.contextmanager
def _committed_on_exit(temp_path: Path, commit: Callable[[], object]) -> Iterator[None]:
    try:
        yield
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
    """Give a place beside `path` to write to; what was written becomes `path` at the end, synced, or vanishes on an error.

    Raises:
        OutputError: there is no room or no permission.
    """
    beside = _temp_path(path)
    with _committed_on_exit(beside, lambda: beside.replace(path)):
        yield beside


class NumberedFile:
    """A file that takes the first free number above `after` when it is whole. `path` and `number` are known after the block.

    `before_commit` is called when they are, just before the file gets its name.
    """

    def __init__(
        self, folder: Path, name: Callable[[int], str], after: int = 0, before_commit: Callable[[], None] = lambda: None
    ) -> None:
        self._folder, self._name_for, self._before_commit = folder, name, before_commit
        self.number = after
        self.path = folder

    @staticmethod
    def last_number(folder: Path, name: Callable[[int], str]) -> int:
        """The number before the first free one."""
        number = 0
        while (folder / name(number + 1)).exists():
            number += 1
        return number

    @contextlib.contextmanager
    def open_for_writing(self) -> Iterator[Path]:
        """Give a place to write to, as `atomic_write` does. No file that is there already is ever replaced, whoever else writes."""
        beside = _temp_path(self._folder / self._name_for(0))
        with _committed_on_exit(beside, lambda: self._commit(beside)):
            yield beside

    def _commit(self, temp_path: Path) -> None:
        while True:
            self.number += 1
            self.path = self._folder / self._name_for(self.number)
            if self.path.exists():
                continue
            self._before_commit()
            try:
                os.link(temp_path, self.path)
            except FileExistsError:
                continue
            except OSError:
                # No hard links on this file system: claim the name, then put the file there.
                try:
                    self.path.open("xb").close()
                except FileExistsError:
                    continue
                temp_path.replace(self.path)
            return


def read_json(path: Path, encoding: str = "utf-8") -> Any:
    """What a JSON file holds; None where it holds no JSON.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError):
        return None
