"""Fixtures: one Blender for all tests, an empty file for each, and a model that returns a click for each flash."""

from __future__ import annotations

import os
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

HOME = Path(tempfile.mkdtemp(prefix="tracklay-tests-"))
os.environ["TRACKLAY_HOME"] = str(HOME)

import bpy  # noqa: E402 - the add-on reads its home when it is registered
import tracklay  # noqa: E402
from tracklay.blender.runtime import dispatcher  # noqa: E402
from tracklay.providers import base  # noqa: E402

from tests.clips import flash_clip  # noqa: E402
from tests.fakes.click_model import MODEL, Clicker  # noqa: E402

from .helpers import Gate  # noqa: E402
from .strips import add, add_from_menu, in_the_sequencer, laid, set_handles, set_rate  # noqa: E402

__all__ = ["add", "add_from_menu", "in_the_sequencer", "laid", "set_handles", "set_rate"]

_status = 0


def pytest_sessionfinish(exitstatus):
    """Store the exit status."""
    global _status  # noqa: PLW0603
    _status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    """End the process here, because bpy's own exit can wait forever for a decoder thread."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_status)


MODELS = HOME / "models"
MODELS.mkdir()
(MODELS / "clicker.toml").write_text(
    MODEL
    + """
[parameters.seed]
type = "integer"
role = "seed"
help = "Seed."
minimum = 0
maximum = 1000000

[parameters.material]
type = "choice"
choices = ["wood", "metal"]
default = "wood"
help = "Material."

[parameters.gain]
type = "number"
default = 0.1
minimum = -6
maximum = 6
help = "Level."
unit = "dB"

[parameters.steps]
type = "integer"
help = "Steps; by default the model decides."
minimum = 1
maximum = 50
"""
)


@pytest.fixture(scope="session", autouse=True)
def _registered():
    tracklay.register()
    yield
    tracklay.unregister()


@pytest.fixture(autouse=True)
def _home(monkeypatch):
    """Set the home with which the add-on was registered."""
    monkeypatch.setenv("TRACKLAY_HOME", str(HOME))


@pytest.fixture(autouse=True)
def clicker() -> Clicker:
    """The fake provider of the clicking model; a test may replace its methods."""
    provider = Clicker()
    base.register("clicker", lambda: provider)
    return provider


@pytest.fixture
def gate(clicker) -> Gate:
    """A gate before the clicking model, closed."""
    return Gate(clicker)


@pytest.fixture
def scene() -> Any:
    """The scene of an empty file, with a sequence editor and the clicking model."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    empty = bpy.context.scene
    empty.sequence_editor_create()
    empty.tracklay.model = "clicker/clicks"
    return empty


class Clips:
    """Flash clips, each written once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, rate: Fraction, frames: int, flashes: tuple[int, ...]) -> Path:
        name = f"clip-{rate.numerator}-{rate.denominator}-{frames}-{'-'.join(map(str, flashes))}.mp4"
        path = self._folder / name
        return path if path.exists() else flash_clip(path, rate, frames, flashes)


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Clips:
    """Writer of flash clips."""
    return Clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def strip(scene, clips):
    """A clip of 60 frames at 25 fps, on channel 1 from frame 11; a test module may override it."""
    set_rate(scene, Fraction(25))
    return add(scene, clips(Fraction(25), 60, (20,)), 11)


@pytest.fixture
def let_go():
    """Close the dispatcher after the test, with the jobs that still run."""
    yield
    dispatcher.close_dispatcher()
