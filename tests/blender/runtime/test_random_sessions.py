"""Anything at all, in any order, while models work and fail: Blender lives, nothing is paid twice, no take is lost."""

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
"""Another walk, and a longer one: 1000 steps take some minutes."""

SECONDS_A_STEP = 2.0
"""At the very most."""


def test_ledger_and_timeline_agree_after_random_steps(tmp_path):
    """Generate, move, trim, split, delete, undo, redo, save, reopen, new scene, off and on, against a model of many moods."""
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
    told = json.loads((tmp_path / "told.json").read_text())
    print(told)  # noqa: T201 - the figures are what it is for
    assert sum(told["acts"].values()) == int(STEPS)
    assert told["states"]["laid"] > 0
