"""Frame accuracy in the Blender program: the cases of `tests/blender/sequencer/test_frame_accuracy.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from . import xvfb_blender

SCRIPT = Path(__file__).parent / "frame_numbers.py"
TIMEOUT = 5400 if {"TRACKLAY_ALL_NUMBERS", "TRACKLAY_EVERY_RATE"} & os.environ.keys() else 200
"""Seconds."""


@pytest.mark.timeout(TIMEOUT + 60)
def test_proxies_have_the_frames_that_blender_shows(tmp_path):
    """Both ways of extraction are covered, without deprecated API. The environment variables select the whole matrix."""
    command = [xvfb_blender.program(), "--background", "--factory-startup", "--python-exit-code", "1"]
    command += ["--python", str(SCRIPT), "--", sysconfig.get_path("purelib"), str(tmp_path)]
    environment = os.environ | {"TRACKLAY_HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    log = tmp_path / "log.txt"
    with log.open("w") as file:
        subprocess.run(command, env=environment, stdout=file, stderr=file, timeout=TIMEOUT, check=False)
    assert (tmp_path / "results.json").exists(), log.read_text()[-4000:]
    results = json.loads((tmp_path / "results.json").read_text())
    assert not results["faults"], "\n".join(results["faults"])
    assert "DeprecationWarning" not in log.read_text()
    ways = [way.partition(":")[0] for way in results["ways"].values()]
    assert (ways.count("source") > 20, ways.count("render") > 1) == (True, True)
