"""Runs inside Blender, from its timers: a scenario is a generator that yields the condition it waits for.

What it finds goes to a file of JSON lines, which the test reads. Started as
`blender … --python driver.py -- SCENARIO FOLDER`.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
import warnings
from pathlib import Path

import bpy

HERE = Path(__file__).parent
sys.path.append(str(HERE))  # behind Python's own: a file here may be called like one of those
PACKAGE = "bl_ext.user_default.tracklay"
DEADLINE = float(os.environ.get("TRACKLAY_TEST_SECONDS", "120"))
"""Seconds that a whole scenario may take."""

LOOK = 0.05
"""Seconds between two looks at a condition."""

FOLDER = Path(sys.argv[-1])


def tell(**found) -> None:
    """Add a line to what the test reads."""
    with (FOLDER / "told.jsonl").open("a") as file:
        file.write(json.dumps(found) + "\n")


def part(name: str):
    """A module of the installed extension."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def run(scenario) -> None:
    """Carry a scenario through, whatever happens, and end Blender."""
    began = time.monotonic()
    steps = scenario()
    condition = [lambda: True]

    def look():
        try:
            assert time.monotonic() - began < DEADLINE, f"still waiting for {condition[0].__name__}"
            if condition[0]():
                condition[0] = next(steps)
        except StopIteration:
            tell(end="done")
        except Exception:  # noqa: BLE001 - whatever it was, the test must read it
            tell(end=traceback.format_exc())
        else:
            return LOOK
        bpy.context.preferences.use_preferences_save = False  # what a scenario switched off is on for the next
        bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(look, first_interval=0.5, persistent=True)


def main() -> None:
    """Begin the scenario that was named."""
    warnings.simplefilter("error", DeprecationWarning)
    os.environ.setdefault("TRACKLAY_HOME", str(FOLDER / "home"))
    modules = ("scenarios", "placeholder_scenarios", "interaction_scenarios", "screenshots")
    files = [importlib.import_module(name) for name in modules]
    run(next(getattr(file, sys.argv[-2]) for file in files if hasattr(file, sys.argv[-2])))


if __name__ == "__main__":
    sys.modules["driver"] = sys.modules["__main__"]
    main()
