"""One Blender for all tests, an empty file for each, and a model that clicks where it sees a flash."""

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
from .strips import add, add_as_a_person, in_the_sequencer, laid, set_handles, set_rate  # noqa: E402

__all__ = ["add", "add_as_a_person", "in_the_sequencer", "laid", "set_handles", "set_rate"]

_status = 0


def pytest_sessionfinish(exitstatus):
    """Keep how it went."""
    global _status  # noqa: PLW0603
    _status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    """End the process here: the bpy module's own end destroys what a decoder's thread may still wait for, and then waits for ever."""
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
maximum = 1000

[parameters.material]
type = "choice"
choices = ["wood", "metal"]
default = "wood"
help = "What it is made of."

[parameters.gain]
type = "number"
default = 0.1
minimum = -6
maximum = 6
help = "Level."
unit = "dB"

[parameters.steps]
type = "integer"
help = "No default: the model's own."
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
    """The add-on was registered with this home, and keeps it."""
    monkeypatch.setenv("TRACKLAY_HOME", str(HOME))


@pytest.fixture(autouse=True)
def clicker() -> Clicker:
    """The stand-in that answers; a test may change how."""
    made = Clicker()
    base.register("clicker", lambda: made)
    return made


@pytest.fixture
def gate(clicker) -> Gate:
    """A gate before the clicking model, closed."""
    return Gate(clicker)


@pytest.fixture
def scene() -> Any:
    """An empty file's scene, with an empty sequence and the clicking model chosen."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    made = bpy.context.scene
    made.sequence_editor_create()
    made.tracklay.model = "clicker/clicks"
    return made


class Clips:
    """Flash clips, each made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, rate: Fraction, frames: int, flashes: tuple[int, ...]) -> Path:
        name = f"clip-{rate.numerator}-{rate.denominator}-{frames}-{'-'.join(map(str, flashes))}.mp4"
        path = self._folder / name
        return path if path.exists() else flash_clip(path, rate, frames, flashes)


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Clips:
    """Makes flash clips."""
    return Clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def strip(scene, clips):
    """A clip of 60 frames at 25, on channel 1 from frame 11; a file whose tests want another has its own."""
    set_rate(scene, Fraction(25))
    return add(scene, clips(Fraction(25), 60, (20,)), 11)


@pytest.fixture
def let_go():
    """What a test left under way is let go of."""
    yield
    dispatcher.close_dispatcher()
