"""The real Blender shows the numbers that are in the proxies: `tests/blender/sequencer/test_frame_accuracy.py` in a Blender that is no module."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from . import xvfb_blender

SCRIPT = Path(__file__).parent / "frame_numbers.py"
PATIENCE = 5400 if {"TRACKLAY_ALL_NUMBERS", "TRACKLAY_EVERY_RATE"} & os.environ.keys() else 200
"""Seconds."""


@pytest.mark.timeout(PATIENCE + 60)
def test_proxies_show_the_numbers_that_blender_shows(tmp_path):
    """Strips that are read from their files and some that are rendered; nothing old is used. On demand the whole matrix."""
    command = [xvfb_blender.program(), "--background", "--factory-startup", "--python-exit-code", "1"]
    command += ["--python", str(SCRIPT), "--", sysconfig.get_path("purelib"), str(tmp_path)]
    environment = os.environ | {"TRACKLAY_HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    log = tmp_path / "log.txt"
    with log.open("w") as said:
        subprocess.run(command, env=environment, stdout=said, stderr=said, timeout=PATIENCE, check=False)
    assert (tmp_path / "told.json").exists(), log.read_text()[-4000:]
    told = json.loads((tmp_path / "told.json").read_text())
    assert not told["faults"], "\n".join(told["faults"])
    assert "DeprecationWarning" not in log.read_text()
    ways = [way.partition(":")[0] for way in told["ways"].values()]
    assert (ways.count("source") > 20, ways.count("render") > 1) == (True, True)
