"""Runs a scenario inside Blender: a generator that yields each condition it waits for. A timer checks the condition.

The scenario writes its results as JSON lines to `results.jsonl`, which the test reads. Started as
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
# After the standard library: a file here may have the name of one of its modules.
sys.path += [str(HERE), str(HERE / "mixing")]
PACKAGE = "bl_ext.user_default.tracklay"
DEADLINE = float(os.environ.get("TRACKLAY_TEST_SECONDS", "120"))
"""Longest time of a scenario in seconds."""

CHECK_INTERVAL = 0.05
"""Seconds between two checks of a condition."""

FOLDER = Path(sys.argv[-1])


def report(**values) -> None:
    """Add a line to the results that the test reads."""
    with (FOLDER / "results.jsonl").open("a") as file:
        file.write(json.dumps(values) + "\n")


def extension_module(name: str):
    """Import a module of the installed extension."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def run(scenario) -> None:
    """Run a scenario to its end or its first error, and quit Blender."""
    began = time.monotonic()
    steps = scenario()
    condition = [lambda: True]

    def check():
        try:
            assert time.monotonic() - began < DEADLINE, f"still waiting for {condition[0].__name__}"
            if condition[0]():
                condition[0] = next(steps)
        except StopIteration:
            report(end="done")
        except Exception:  # noqa: BLE001 - the test shows any error
            report(end=traceback.format_exc())
        else:
            return CHECK_INTERVAL
        bpy.context.preferences.use_preferences_save = (
            False  # a scenario may disable the extension: the next one needs it
        )
        bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(check, first_interval=0.5, persistent=True)


def main() -> None:
    """Start the scenario named on the command line."""
    warnings.simplefilter("error", DeprecationWarning)
    os.environ.setdefault("TRACKLAY_HOME", str(FOLDER / "home"))
    modules = (
        "scenarios",
        "placeholder_scenarios",
        "interaction_scenarios",
        "mix_scenarios",
        "panel_scenarios",
        "pointer_scenarios",
        "screenshots",
    )
    files = [importlib.import_module(name) for name in modules]
    run(next(getattr(file, sys.argv[-2]) for file in files if hasattr(file, sys.argv[-2])))


if __name__ == "__main__":
    sys.modules["driver"] = sys.modules["__main__"]
    main()
