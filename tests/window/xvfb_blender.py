"""A virtual X display (Xvfb), and a Blender on it with the built extension installed in a profile of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).parent / "driver.py"
SCREEN = (1600, 900)
"""Size of the display in pixels."""

PROFILE = "BLENDER_USER_RESOURCES"
"""The environment variable for Blender's profile folder."""


@contextlib.contextmanager
def display(screen: tuple[int, int] = SCREEN) -> Iterator[str]:
    """Start an X display; yield its name."""
    read, write = os.pipe()
    size = f"{screen[0]}x{screen[1]}x24"
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "+extension", "GLX"]
    process = subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise RuntimeError("Xvfb did not start")
        yield f":{number}"
    finally:
        process.terminate()
        process.wait()


def take_screenshot(name: str, to: Path) -> Path:
    """Save a screenshot of a display and return its path."""
    subprocess.run(["import", "-display", name, "-window", "root", str(to)], check=True)
    return to


def program() -> str:
    """Return the Blender to use: the environment variable `BLENDER`, else the one on PATH."""
    path = os.environ.get("BLENDER") or shutil.which("blender")
    if not path:
        raise RuntimeError("Blender is not on PATH. Set BLENDER to the program of Blender 5.2 or later.")
    return path


@dataclass
class Blender:
    """A Blender with the extension, which runs scenarios in a window."""

    program: str
    environment: dict[str, str]
    extension: Path
    screen: tuple[int, int] = SCREEN
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, scenario: str, folder: Path, *options: str) -> subprocess.Popen[str]:
        """Start a scenario. Its files, its `home` and its log are in `folder`."""
        window = ["--window-geometry", "0", "0", *map(str, self.screen)]
        command = [self.program, *options, *window, "--python", str(DRIVER), "--", scenario, str(folder)]
        environment = self.environment | {"TRACKLAY_HOME": str(folder / "home"), "TRACKLAY_TEST_PYTHON": sys.executable}
        with (folder / "log.txt").open("w") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, text=True)
        self.started.append(process)
        return process

    def wait_for_results(self, process: subprocess.Popen[str], folder: Path) -> dict[str, object]:
        """Wait until a scenario ends, and return its results in one dictionary.

        Raises:
            AssertionError: the scenario failed, or the log has a traceback or a deprecation warning.
        """
        process.wait(timeout=float(self.environment.get("TRACKLAY_TEST_SECONDS", "120")) + 120)
        log, lines = (folder / "log.txt").read_text(), folder / "results.jsonl"
        results: dict[str, object] = {}
        for line in lines.read_text().splitlines() if lines.exists() else ():
            results |= json.loads(line)
        assert results.get("end") == "done", f"{results.get('end')}\n{log[-4000:]}"
        assert "Traceback" not in log, log
        assert "DeprecationWarning" not in log, log
        return results

    def copy_with_profile(self, folder: Path) -> Blender:
        """Return a Blender with a copy of this profile: faster than a new installation."""
        profile = folder / "profile"
        shutil.copytree(self.environment[PROFILE], profile, symlinks=True)
        return replace(self, environment=self.environment | {PROFILE: str(profile)}, started=[])

    def stop(self) -> None:
        """Kill the processes that still run."""
        while self.started:
            process = self.started.pop()
            if process.poll() is None:
                process.kill()
            process.wait()


def install_blender(name: str, folder: Path, screen: tuple[int, int] = SCREEN) -> Blender:
    """Build the extension and install it with Blender's own command into a profile in `folder`. `name` is that of the display."""
    build = [sys.executable, "scripts/build_extension.py", "--platform", "linux-x64", "--to", str(folder / "zip")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (extension,) = (folder / "zip").glob("*.zip")
    blender, profile = program(), folder / "profile"
    profile.mkdir()
    environment = os.environ | {PROFILE: str(profile), "DISPLAY": name, "LIBGL_ALWAYS_SOFTWARE": "1"}
    install = ["--command", "extension", "install-file", "-r", "user_default", "--enable", str(extension)]
    no_splash = "import bpy; bpy.context.preferences.view.show_splash = False; bpy.ops.wm.save_userpref()"
    for options in (install, ["--background", "--python-expr", no_splash]):
        subprocess.run([blender, *options], env=environment, check=True, capture_output=True)
    return Blender(blender, environment, extension, screen)
