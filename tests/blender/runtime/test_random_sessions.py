"""Random sessions while models run and fail: Blender does not crash, nothing is paid twice, no take is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

from tests.clips import flash_clip
from tests.fakes.click_model import MODEL

ROOT = Path(__file__).resolve().parents[3]
SEED, STEPS = os.environ.get("TRACKLAY_SEED", "1"), os.environ.get("TRACKLAY_STEPS", "100")
"""Seed and length of the session: 1000 steps take some minutes."""

SECONDS_A_STEP = 2.0
"""Time limit for each step, in seconds."""


def test_ledger_and_timeline_agree_after_random_steps(tmp_path):
    """The steps edit, undo, save, reopen and re-register, while a model fails at random."""
    (tmp_path / "home" / "models").mkdir(parents=True)
    (tmp_path / "home" / "models" / "clicker.toml").write_text(MODEL)
    flash_clip(tmp_path / "clip.mp4", Fraction(25), 60, (20, 45))
    command = [sys.executable, "-m", "tests.blender.runtime.random_session", SEED, STEPS, str(tmp_path)]
    environment = {key: value for key, value in os.environ.items() if key != "TRACKLAY_HOME"}
    patience = 120 + SECONDS_A_STEP * int(STEPS)
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=patience, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    result = json.loads((tmp_path / "result.json").read_text())
    print(result)  # noqa: T201 - the output has the figures
    assert sum(result["acts"].values()) == int(STEPS)
    assert result["states"]["laid"] > 0
