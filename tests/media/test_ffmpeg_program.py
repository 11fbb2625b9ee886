"""The choice of the ffmpeg program, and its copy out of a read-only folder."""

from __future__ import annotations

import stat
from pathlib import Path

import imageio_ffmpeg
import pytest
from tracklay.errors import OutputError
from tracklay.media import ffmpeg_program


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    """Start without a choice of the user's."""
    monkeypatch.delenv("TRACKLAY_FFMPEG", raising=False)
    ffmpeg_program.find_ffmpeg.cache_clear()
    yield
    ffmpeg_program.find_ffmpeg.cache_clear()


def test_ours_is_preferred_to_the_one_on_path(tmp_path, monkeypatch):
    """The one on PATH may be of any age. The variable overrides both."""
    other = tmp_path / "ffmpeg"
    other.write_text("#!/bin/sh\necho ffmpeg version 5.1.6-0+deb12u1 Copyright\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ffmpeg_program.find_ffmpeg() == imageio_ffmpeg.get_ffmpeg_exe()
    monkeypatch.setenv("TRACKLAY_FFMPEG", "ffmpeg")
    ffmpeg_program.find_ffmpeg.cache_clear()
    assert ffmpeg_program.find_ffmpeg() == str(other)
    assert (ffmpeg_program.ffmpeg_version(), ffmpeg_program.major_version()) == ("version 5.1.6-0+deb12u1", 5)


@pytest.mark.parametrize("planted", ["file", "link", "nothing"])
def test_a_copy_is_never_another_users_file(tmp_path, planted):
    """What lies under the copy's name is replaced if its content differs, and never written through."""
    program = tmp_path / "ffmpeg-real"
    program.write_bytes(b"#!/bin/sh\necho right\n")
    folder, elsewhere = tmp_path / "bin", tmp_path / "elsewhere"
    elsewhere.write_bytes(b"keep")
    folder.mkdir()
    if planted == "file":
        (folder / program.name).write_bytes(b"#!/bin/sh\necho wrong\n")  # of the same size
    elif planted == "link":
        (folder / program.name).symlink_to(elsewhere)
    copy = ffmpeg_program.executable_copy(program, folder)
    assert copy.read_bytes() == program.read_bytes()
    assert not copy.is_symlink()
    assert elsewhere.read_bytes() == b"keep"
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(copy.stat().st_mode) == 0o700
    made = copy.stat().st_ino
    assert ffmpeg_program.executable_copy(program, folder).stat().st_ino == made, "an equal copy is used again"


def test_a_folder_that_is_a_link_is_refused(tmp_path):
    """Another user could have made it."""
    (tmp_path / "bin").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="Not a folder of this user"):
        ffmpeg_program.executable_copy(Path(imageio_ffmpeg.get_ffmpeg_exe()), tmp_path / "bin")
