"""The fake clicking provider for a Blender whose Python has no PyAV: the interpreter of the tests does the work."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

from driver import FOLDER, extension_module  # type: ignore[import-not-found]

ROOT = Path(__file__).resolve().parents[2]
WORK = """\
import sys
from fractions import Fraction
from pathlib import Path
from tests.fakes.click_model import click_track, flashes, write
proxy, seconds, folder = sys.argv[1:]
print(write(click_track(flashes(Path(proxy)), Fraction(seconds), 44100), 44100, "wav", Path(folder)))
"""


def clicker():
    """Return the provider, built from the types of the installed extension."""
    base, cue = extension_module("providers.base"), extension_module("cue")

    class Clicker(base.Provider):  # type: ignore[name-defined,misc]
        name = "clicker"

        async def prepare(self, request):
            return base.Submission.new(
                self.name, {"proxy": str(request.proxy.path), "seconds": str(request.seconds), "seed": request.seed}
            )

        async def submit(self, submission):
            return base.JobHandle(self.name, submission.id, submission.data)

        async def poll(self, handle):
            if (FOLDER / "hold").exists():
                return base.JobProgress("running", 0.4, "in the queue, second")
            return base.JobProgress("done")

        async def collect(self, handle, folder):
            command = [
                os.environ["TRACKLAY_TEST_PYTHON"],
                "-c",
                WORK,
                handle.data["proxy"],
                handle.data["seconds"],
                str(folder),
            ]
            environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
            made = await asyncio.to_thread(
                subprocess.run, command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
            )
            return base.Output(
                Path(made.stdout.strip()), handle.data["seed"], "1", cue.Cost("0", "USD", estimated=False)
            )

    return Clicker()
