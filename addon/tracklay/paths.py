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

from .errors import BadInput, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def home() -> Path:
    """The folder of the person's models, ledger and caches: `TRACKLAY_HOME`, else the platform's user data folder."""
    if named := os.environ.get("TRACKLAY_HOME"):
        return Path(named).expanduser()
    import platformdirs  # noqa: PLC0415 - not needed, and not looked up, where TRACKLAY_HOME says it

    return platformdirs.user_data_path("tracklay", appauthor=False)


def trouble(error: OSError, where: Path) -> OutputError:
    """The sentence for a place that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"no room left in {where}: free some space or choose another folder with --to")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(f"{where} may not be written to: choose another folder with --to")
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return OutputError(f"{where} is no folder: choose another one with --to")
    return OutputError(f"{where} cannot be written: {error.strerror or error}")


def folder(path: Path) -> Path:
    """The folder, made where it is missing, and proved to take a file.

    Raises:
        OutputError: it cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise trouble(error, path) from error


def sweep(folder: Path, process: str) -> None:
    """Clear away what a process that has died left half written in a folder."""
    with contextlib.suppress(OSError):
        for left in folder.glob(f".*.{process}-*.part*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Have a folder's own entries on disk: what was made or renamed in it stays so whatever happens next."""
    if os.name == "nt":
        return  # Windows opens no folder, and its file systems keep a log of names
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A folder in `folder` for files of the moment. A process that is killed in it leaves one that `sweep` finds.

    Raises:
        OutputError: it cannot be made.
    """
    work = _beside(folder / "work")
    try:
        work.mkdir()
    except OSError as error:
        raise trouble(error, folder) from error
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.stem[:80]}.{os.getpid()}-{secrets.token_hex(3)}.part{path.suffix}")


@contextlib.contextmanager
def _written(beside: Path, settle: Callable[[], object]) -> Iterator[None]:
    try:
        yield
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        settle()
    except OSError as error:
        raise trouble(error, beside.parent) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a place beside `path` to write to; what was written becomes `path` at the end, synced, or vanishes on an error.

    Raises:
        OutputError: there is no room or no permission.
    """
    beside = _beside(path)
    with _written(beside, lambda: beside.replace(path)):
        yield beside


class Numbered:
    """A file that takes the first free number above `after` when it is whole. `path` and `number` are known after the block.

    `claim` is called when they are, just before the file gets its name.
    """

    def __init__(
        self, folder: Path, name: Callable[[int], str], after: int = 0, claim: Callable[[], None] = lambda: None
    ) -> None:
        self._folder, self._name, self._claim = folder, name, claim
        self.number = after
        self.path = folder

    @staticmethod
    def last(folder: Path, name: Callable[[int], str]) -> int:
        """The number before the first free one."""
        number = 0
        while (folder / name(number + 1)).exists():
            number += 1
        return number

    @contextlib.contextmanager
    def writing(self) -> Iterator[Path]:
        """Give a place to write to, as `whole` does. No file that is there already is ever replaced, whoever else writes."""
        beside = _beside(self._folder / self._name(0))
        with _written(beside, lambda: self._settle(beside)):
            yield beside

    def _settle(self, beside: Path) -> None:
        while True:
            self.number += 1
            self.path = self._folder / self._name(self.number)
            if self.path.exists():
                continue
            self._claim()
            try:
                os.link(beside, self.path)
            except FileExistsError:
                continue
            except OSError:
                # No hard links on this file system: claim the name, then put the file there.
                try:
                    self.path.open("xb").close()
                except FileExistsError:
                    continue
                beside.replace(self.path)
            return


def read_json(path: Path, encoding: str = "utf-8") -> Any:
    """What a JSON file holds; None where it holds no JSON.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError):
        return None
