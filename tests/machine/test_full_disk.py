"""A disk that is really full: needs root, to mount a small file system."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction

import pytest
from tracklay.cli.main import main

from tests.clips import flash_clip


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", str(place)], check=True)


TAKE_AND_LITTLE_MORE = 568
"""KiB: a take of two seconds fits, and not all that comes after it."""


@pytest.mark.parametrize("left", [0, 64, TAKE_AND_LITTLE_MORE], ids=lambda kilobytes: f"{kilobytes} KiB left")
def test_a_full_disk_is_told_in_one_sentence_and_nothing_half_written_is_left(small_disk, tmp_path, capsys, left):
    """Wherever the room runs out: at the start, in the take, in the laid picture."""
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 50, (10,))
    free = shutil.disk_usage(small_disk).free
    (small_disk / "filler").write_bytes(bytes(max(0, free - left * 1024)))
    assert main(["lay", str(clip), "--to", str(small_disk / "out")]) == 1
    told = capsys.readouterr().err
    assert all("No space left" in line for line in told.splitlines())
    assert 1 <= told.count("\n") <= 2  # the laid picture and the manifest fail each for themselves
    kept = {path.name for path in (small_disk / "out").glob("*")}
    assert kept <= {"clip.sketch-foley.take1.wav", "clip.tracklay.json", "clip.tracklay.mp4"}
    assert ("clip.sketch-foley.take1.wav" in kept) == (left == TAKE_AND_LITTLE_MORE)


def test_a_read_only_disk_is_told_in_one_sentence(small_disk, tmp_path, capsys):
    """Nothing can be written there."""
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 50, (10,))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert main(["lay", str(clip), "--to", str(small_disk / "out")]) == 1
    assert "No permission to write" in capsys.readouterr().err
