"""Blender is killed, and the saved file opened again by another: nothing is lost, nothing sent twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.clips import flash_clip
from tests.fakes.click_model import MODEL

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 120.0
"""Seconds."""


@pytest.fixture
def folder(tmp_path):
    """A clip, and a home with the clicking model."""
    (tmp_path / "home" / "models").mkdir(parents=True)
    (tmp_path / "home" / "models" / "clicker.toml").write_text(MODEL)
    flash_clip(tmp_path / "clip.mp4", Fraction(25), 60, (20, 45))
    return tmp_path


def blender(what: str, folder: Path, point: str) -> subprocess.Popen[bytes]:
    """A Blender of its own."""
    command = [sys.executable, "-m", "tests.blender.runtime.crash", what, str(folder), point]
    environment = {key: value for key, value in os.environ.items() if key != "TRACKLAY_HOME"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def killed_at(point: str, folder: Path) -> dict[str, Any]:
    """What a second Blender finds, when the first was killed there."""
    first = blender("begin", folder, point)
    end = time.monotonic() + PATIENCE
    while not (folder / "kill").exists():
        assert first.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)  # there is nothing to wait on but the file
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert blender("again", folder, point).wait(PATIENCE) == 0
    told: dict[str, Any] = json.loads((folder / "told.json").read_text())
    return told


@pytest.mark.parametrize("point", ["rendering", "running", "ready", "laid"])
def test_a_killed_blenders_takes_are_in_its_file_when_it_is_opened_again(point, folder):
    """While another renders the picture or the model works, before the takes were laid, after they were and the file was not saved."""
    told = killed_at(point, folder)
    assert (told["laid"], told["strips"]) == ([0, 1], 2)
    assert told["states"] == ["laid", "laid"]
    assert told["sent"] == 2


def test_a_submission_that_the_crash_cut_off_is_never_sent_again_by_itself(folder):
    """It cannot be found: the placeholders stay, and a person decides."""
    told = killed_at("submitting", folder)
    assert (told["laid"], told["strips"], told["sent"]) == ([], 2, 2)
    assert list(told["lines"]) == ["unclear"]
    assert told["states"] == ["unclear", "unclear"]
