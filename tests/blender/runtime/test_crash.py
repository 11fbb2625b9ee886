"""Blender is killed, and a second one opens the saved file: no take is lost and none is submitted twice."""

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
"""Seconds until a test fails."""


@pytest.fixture
def folder(tmp_path):
    """A folder with a clip, and a Tracklay home with the clicking model."""
    (tmp_path / "home" / "models").mkdir(parents=True)
    (tmp_path / "home" / "models" / "clicker.toml").write_text(MODEL)
    flash_clip(tmp_path / "clip.mp4", Fraction(25), 60, (20, 45))
    return tmp_path


def blender(what: str, folder: Path, point: str) -> subprocess.Popen[bytes]:
    """Start a Blender that runs `crash.py`."""
    command = [sys.executable, "-m", "tests.blender.runtime.crash", what, str(folder), point]
    environment = {key: value for key, value in os.environ.items() if key != "TRACKLAY_HOME"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def kill_and_reopen(point: str, folder: Path) -> dict[str, Any]:
    """Kill the first Blender at a point, and return the result of the second one."""
    first = blender("begin", folder, point)
    end = time.monotonic() + PATIENCE
    while not (folder / "kill").exists():
        assert first.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)  # the file is the only signal
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert blender("again", folder, point).wait(PATIENCE) == 0
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


@pytest.mark.parametrize("point", ["rendering", "running", "ready", "laid"])
def test_takes_of_a_killed_blender_are_laid_when_its_file_is_opened_again(point, folder):
    """It was killed during the render, while the model ran, before laying, or after laying but before saving."""
    result = kill_and_reopen(point, folder)
    assert (result["laid"], result["strips"]) == ([0, 1], 2)
    assert result["states"] == ["laid", "laid"]
    assert result["sent"] == 2


def test_a_submission_interrupted_by_a_crash_is_not_resent_automatically(folder):
    """The job cannot be found: the placeholders stay, and the user decides."""
    result = kill_and_reopen("submitting", folder)
    assert (result["laid"], result["strips"], result["sent"]) == ([], 2, 2)
    assert list(result["lines"]) == ["unclear"]
    assert result["states"] == ["unclear", "unclear"]
