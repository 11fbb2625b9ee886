"""Jobs on a disk that fills up, and on a read-only one. Needs root, to mount a small file system."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction

import pytest
from tracklay.cli.main import main
from tracklay.jobs.ledger import Ledger

from tests.clips import flash_clip
from tests.jobs.kill_harness import kind


@pytest.fixture
def small_home(tmp_path, monkeypatch):
    """Mount a home of 2 MiB."""
    place = tmp_path / "home"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], check=True)
    monkeypatch.setenv("TRACKLAY_HOME", str(place))
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def replicate(monkeypatch):
    """Start the fake of Replicate, with the environment pointing at it."""
    with kind("replicate") as fake:
        for name, value in fake.environment.items():
            monkeypatch.setenv(name, value)
        yield fake.server


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Poll and retry without pauses."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.01))
    monkeypatch.setattr("tracklay.jobs.submission.LEDGER_RETRY_DELAYS", (0.0, 0.0))
    monkeypatch.setattr("tracklay.providers.base.DEFAULT_FIND_DELAYS", (0.0, 0.0))


@pytest.mark.parametrize("left", [0, 24, 64, 128, 160, 200], ids=lambda kilobytes: f"{kilobytes} KiB left")
def test_a_home_that_fills_up_loses_no_take_and_pays_once(small_home, replicate, tmp_path, left):
    """At any point: when space is freed, the same command ends with one submission and one take."""
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 25, (5,))
    command = ["lay", str(clip), "--model", "replicate/mmaudio"]
    Ledger().close()
    free = shutil.disk_usage(small_home).free
    filler = small_home / "filler"
    filler.write_bytes(bytes(max(0, free - left * 1024)))
    first = main(command)
    filler.unlink()
    if first:
        assert main(command) == 0
    assert len(replicate.calls("POST /v1/predictions")) == 1
    assert len(list((tmp_path / "tracklay").glob("*.wav"))) == 1
    ledger = Ledger()
    assert ledger.is_intact()
    assert {job.state for job in ledger.all_jobs()} <= {"laid", "failed"}
    ledger.close()


def test_a_read_only_home_is_reported(small_home, tmp_path, capsys):
    """Nothing is sent, and the ledger stays as it is."""
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 25, (5,))
    Ledger().close()
    before = (small_home / "ledger.sqlite3").read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", str(small_home)], check=True)
    assert main(["lay", str(clip)]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "Tracklay's own folder is not writable: " in message
    assert "--to" not in message
    assert main(["jobs"]) == 1
    assert "job ledger cannot be written" in capsys.readouterr().err
    assert (small_home / "ledger.sqlite3").read_bytes() == before


def test_takes_without_disk_space_are_laid_when_there_is_some(tmp_path, replicate):
    """The takes folder is full, the home is not: the paid output is kept, and laid by the next run."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], check=True)
    try:
        clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 25, (5,))
        command = ["lay", str(clip), "--model", "replicate/mmaudio", "--to", str(place / "out")]
        (place / "filler").write_bytes(bytes(200 * 1024))
        assert main(command) == 1
        (place / "filler").unlink()
        assert main(command) == 0
        assert len(replicate.app.predictions) == 1
    finally:
        subprocess.run(["umount", str(place)], check=True)
