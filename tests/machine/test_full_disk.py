"""A really full disk. Needs root, to mount a small file system."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction

import pytest
from tracklay.cli.main import main

from tests.clips import flash_clip


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of 1 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", str(place)], check=True)


TAKE_AND_LITTLE_MORE = 568
"""KiB: a take of two seconds fits, and not everything after it."""


@pytest.mark.parametrize("left", [0, 64, TAKE_AND_LITTLE_MORE], ids=lambda kilobytes: f"{kilobytes} KiB left")
def test_a_full_disk_is_reported_and_no_partial_file_is_left(small_disk, tmp_path, capsys, left):
    """At the start, in the take, and in the laid picture."""
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 50, (10,))
    free = shutil.disk_usage(small_disk).free
    (small_disk / "filler").write_bytes(bytes(max(0, free - left * 1024)))
    assert main(["lay", str(clip), "--to", str(small_disk / "out")]) == 1
    message = capsys.readouterr().err
    assert all("no space left" in line.lower() for line in message.splitlines())
    assert 1 <= message.count("\n") <= 2  # the laid picture and the manifest fail separately
    kept = {path.name for path in (small_disk / "out").glob("*")}
    assert kept <= {"clip.sketch-foley.take1.wav", "clip.tracklay.json", "clip.tracklay.mp4"}
    assert ("clip.sketch-foley.take1.wav" in kept) == (left == TAKE_AND_LITTLE_MORE)


def test_a_read_only_disk_is_reported(small_disk, tmp_path, capsys):
    """Nothing can be written there."""
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 50, (10,))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert main(["lay", str(clip), "--to", str(small_disk / "out")]) == 1
    assert "No permission to write to" in capsys.readouterr().err
