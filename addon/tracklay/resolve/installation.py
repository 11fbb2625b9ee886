"""Installs the script in Resolve's menu Workspace > Scripts: its folders on three systems, for one user or for all.

The folders are those of Blackmagic's README of 24 July 2026, but for the user's folder on Windows, which has `Roaming` twice there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..atomic_io import atomic_write
from ..errors import InvalidInput, OutputError
from ..paths import ensure_folder

SCRIPT_NAME = "Tracklay.py"
"""The file's name; without its suffix that of the menu's entry."""

SOURCE = Path(__file__).with_name("menu_script.py")

OWN_MARK = '"""Tracklay: '
"""The beginning of a script that we wrote."""

PRODUCT = Path("Blackmagic Design", "DaVinci Resolve")
SCRIPTS = Path("Fusion", "Scripts", "Utility")
"""Scripts of the folder `Utility` are listed on all pages."""


def find_scripts_folder(
    *, all_users: bool, system: str = sys.platform, environment: Mapping[str, str] | None = None
) -> Path:
    """Return the folder of the scripts of one user, or of all."""
    known = os.environ if environment is None else environment
    home = Path(known.get("HOME") or known.get("USERPROFILE") or Path.home())
    if system == "darwin":
        return (Path("/") if all_users else home) / "Library" / "Application Support" / PRODUCT / SCRIPTS
    if system == "win32":
        if all_users:
            return Path(known.get("PROGRAMDATA", r"C:\ProgramData")) / PRODUCT / SCRIPTS
        return Path(known.get("APPDATA") or home / "AppData" / "Roaming") / PRODUCT / "Support" / SCRIPTS
    if not all_users:
        return home / ".local" / "share" / "DaVinciResolve" / SCRIPTS
    # Some packages install Resolve in /home/resolve (README).
    other = Path("/home/resolve")
    return (other if other.is_dir() and not Path("/opt/resolve").is_dir() else Path("/opt/resolve")) / SCRIPTS


@dataclass(frozen=True, slots=True)
class Installation:
    """A place of the script. `python` is the Python that an installed one starts; empty if ours is not there."""

    path: Path
    all_users: bool
    python: str = ""

    @property
    def is_current(self) -> bool:
        """True if the script is the one that this Tracklay would write."""
        return bool(self.python) and self.path.read_text("utf-8") == build_script()


def build_script() -> str:
    """Return the script as it is installed by this Python: it names the Python and the package's folder."""
    text = SOURCE.read_text("utf-8")
    packages = Path(__file__).resolve().parents[2]
    return text.replace('PYTHON = ""', f"PYTHON = {sys.executable!r}", 1).replace(
        'PACKAGES = ""', f"PACKAGES = {str(packages)!r}", 1
    )


def find_installations() -> list[Installation]:
    """Return both places, for one user and for all, with what is there."""
    return [_inspect(find_scripts_folder(all_users=all_users) / SCRIPT_NAME, all_users) for all_users in (False, True)]


def _inspect(path: Path, all_users: bool) -> Installation:  # noqa: FBT001
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return Installation(path, all_users)
    lines = [line for line in text.splitlines() if line.startswith("PYTHON = ")]
    is_own = text.startswith(OWN_MARK) and bool(lines)
    return Installation(
        path, all_users, lines[0].split("=", 1)[1].partition("#")[0].strip().strip("'\"") if is_own else ""
    )


def install_script(*, all_users: bool) -> Path:
    """Write the script and return its path. An earlier one of ours is replaced.

    Raises:
        InvalidInput: a file with its name is not from Tracklay.
        OutputError: the folder cannot be written to.
    """
    path = find_scripts_folder(all_users=all_users) / SCRIPT_NAME
    _check_own(path)
    ensure_folder(path.parent)
    with atomic_write(path) as beside:
        beside.write_text(build_script(), "utf-8")
    return path


def uninstall_script(*, all_users: bool) -> Path | None:
    """Delete the script and return its path; None if there is none.

    Raises:
        InvalidInput: a file with its name is not from Tracklay.
        OutputError: it cannot be deleted.
    """
    path = find_scripts_folder(all_users=all_users) / SCRIPT_NAME
    if not path.exists():
        return None
    _check_own(path)
    try:
        path.unlink()
    except OSError as error:
        raise OutputError(
            "resolve.cannot_delete", "Cannot delete {path}: {reason}.", path=path, reason=error.strerror or error
        ) from error
    return path


def _check_own(path: Path) -> None:
    if path.exists() and not _inspect(path, all_users=False).python:
        raise InvalidInput("resolve.foreign_script", "{path} exists and is not from Tracklay. Move it away.", path=path)
