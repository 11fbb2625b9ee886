"""The trash: a file moved there has a record by which a file manager restores it, and nothing in it is replaced."""

from __future__ import annotations

import configparser
import errno
import os
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from tracklay import trash


@pytest.fixture
def bin_folder(tmp_path, monkeypatch):
    """Return the user's trash, which does not exist yet."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "Trash"


def read_record(path: Path) -> dict[str, str]:
    """Return the record of a file in the trash."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(path.parents[1] / "info" / f"{path.name}.trashinfo", "ascii")
    return dict(parser["Trash Info"])


@pytest.mark.parametrize("name", ["take.wav", "a b%20c [x].wav", "säge.wav", "-rf.wav", "x" * 240 + ".wav"])
def test_a_file_is_moved_with_its_record(bin_folder, tmp_path, name):
    """Its name and content stay as they are, and the record has its path, quoted."""
    path = tmp_path / "takes" / name
    path.parent.mkdir()
    path.write_bytes(b"sound")
    moved = trash.move_to_trash(path)
    assert not path.exists()
    assert (moved.read_bytes(), moved.parent) == (b"sound", bin_folder / "files")
    record = read_record(moved)
    assert unquote(record["path"]) == str(path)
    assert len(record["deletiondate"]) == len("2026-01-31T12:00:00")
    assert bin_folder.stat().st_mode & 0o777 in (0o700, 0o755)


def test_two_files_of_one_name_get_two(bin_folder, tmp_path):
    """An orphan without a record is not replaced, either."""
    (bin_folder / "files").mkdir(parents=True)
    (bin_folder / "files" / "take.wav").write_bytes(b"orphan")
    found = []
    for number in range(3):
        path = tmp_path / str(number) / "take.wav"
        path.parent.mkdir()
        path.write_bytes(b"%d" % number)
        found.append(trash.move_to_trash(path))
    assert [path.read_bytes() for path in found] == [b"0", b"1", b"2"]
    assert (bin_folder / "files" / "take.wav").read_bytes() == b"orphan"
    assert len(list((bin_folder / "info").iterdir())) == 3


def test_on_another_file_system_its_own_trash_is_used(bin_folder, tmp_path, monkeypatch):
    """The record's path is relative to that file system's root."""
    monkeypatch.setattr(trash, "_device_of", lambda folder: -1)
    shared = Path("/dev/shm") if Path("/dev/shm").is_dir() and os.access("/dev/shm", os.W_OK) else None  # noqa: S108
    if shared is None:
        pytest.fail("this test needs /dev/shm")
    path = shared / f"tracklay-test-{os.getpid()}.wav"
    path.write_bytes(b"x")
    moved = trash.move_to_trash(path)
    try:
        assert moved.parents[1] == shared / f".Trash-{os.getuid()}"
        assert unquote(read_record(moved)["path"]) == path.name
    finally:
        (moved.parents[1] / "info" / f"{moved.name}.trashinfo").unlink()
        moved.unlink()


def test_a_file_that_cannot_be_moved_leaves_no_record(bin_folder, tmp_path):
    """It is still there, or was never there."""
    with pytest.raises(OSError, match="missing"):
        trash.move_to_trash(tmp_path / "missing.wav")
    assert list((bin_folder / "info").iterdir()) == []


def substitute(path: Path, body: str) -> Path:
    """Write a program in place of one of another system."""
    path.parent.mkdir(parents=True)
    path.write_text(f"#!{sys.executable}\nimport base64, os, pathlib, sys\n{body}\n", "utf-8")
    path.chmod(0o700)
    return path


NAMES = ("take.wav", "a 'b' $(c) `d`;e.wav", "säge 鋸.wav")

RECYCLING = """
script = base64.b64decode(sys.argv[sys.argv.index('-EncodedCommand') + 1]).decode('utf-16-le')
assert "'OnlyErrorDialogs', 'SendToRecycleBin'" in script
for line in sys.stdin:
    path = pathlib.Path(base64.b64decode(line).decode())
    if path.name != 'held.wav':
        path.rename(pathlib.Path(os.environ['SYSTEMROOT'], 'bin', path.name))
"""


@pytest.fixture
def takes(tmp_path) -> list[Path]:
    """Return files with names that a shell would change."""
    paths = [tmp_path / "takes" / name for name in NAMES]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_bytes(b"sound")
    return paths


def test_windows_recycles_all_files_in_one_run(tmp_path, takes, monkeypatch):
    """Names are data, not part of a script. A file that is still there afterwards is reported."""
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path / "windows"))
    substitute(tmp_path / "windows" / "System32" / "WindowsPowerShell" / "v1.0" / "powershell.exe", RECYCLING)
    (tmp_path / "windows" / "bin").mkdir()
    held = tmp_path / "takes" / "held.wav"
    held.write_bytes(b"sound")
    assert trash.trash_files([*takes, held], system="win32") == {held: trash.NO_TRASH}
    assert sorted(path.name for path in (tmp_path / "windows" / "bin").iterdir()) == sorted(NAMES)


def test_windows_without_powershell_deletes_nothing(tmp_path, takes, monkeypatch):
    """Each file stays, with the reason."""
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path / "windows"))
    failed = trash.trash_files(takes, system="win32")
    assert list(failed) == takes
    assert all(path.exists() and "cannot start" in failed[path] for path in takes)


def test_macos_has_a_program_for_it(tmp_path, takes, monkeypatch):
    """A file that the program leaves is reported with the program's last line."""
    body = "path = pathlib.Path(sys.argv[1])\nif path.name == 'take.wav': sys.exit('not permitted')\npath.unlink()"
    monkeypatch.setattr(trash, "MAC_TRASH_PROGRAM", substitute(tmp_path / "bin" / "trash", body))
    assert trash.trash_files(takes, system="darwin") == {takes[0]: "not permitted"}
    assert [path.exists() for path in takes] == [True, False, False]


def test_older_macos_has_the_folder_alone(tmp_path, takes, monkeypatch):
    """Nothing in it is replaced."""
    monkeypatch.setattr(trash, "MAC_TRASH_PROGRAM", tmp_path / "none")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / ".Trash"
    assert len(trash.trash_files(takes, system="darwin")) == len(takes)
    folder.mkdir(parents=True)
    (folder / "take.wav").write_bytes(b"older")
    assert trash.trash_files(takes, system="darwin") == {}
    assert sorted(path.name for path in folder.iterdir()) == sorted([*NAMES, "take 2.wav"])
    assert (folder / "take.wav").read_bytes() == b"older"


def test_on_linux_files_go_to_the_specified_trash(bin_folder, takes):
    """One that is gone is reported; the others are moved."""
    takes[0].unlink()
    assert list(trash.trash_files(takes, system="linux")) == [takes[0]]
    assert len(list((bin_folder / "files").iterdir())) == 2


def test_a_file_on_another_mount_of_the_same_file_system_is_copied(bin_folder, tmp_path, monkeypatch):
    """The system refuses to rename over mounts, although both are one device: nothing is left behind, nothing is lost."""
    path = tmp_path / "take.wav"
    path.write_bytes(b"sound")

    def refuse(self, target):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(Path, "rename", refuse)
    moved = trash.move_to_trash(path)
    assert (moved.read_bytes(), path.exists()) == (b"sound", False)
