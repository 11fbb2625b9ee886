"""One X display and one Blender with the extension for all window tests."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.clips import flash_clip
from tests.fakes.click_model import MODEL

from . import xvfb_blender

FLASHES = (1, 20, 61, 97)
FRAMES = 100


@pytest.fixture(scope="session")
def display():
    """The name of the X display."""
    with xvfb_blender.display() as name:
        yield name


@pytest.fixture(scope="session")
def _installed(display, tmp_path_factory) -> xvfb_blender.Blender:
    return xvfb_blender.install_blender(display, tmp_path_factory.mktemp("blender"))


@pytest.fixture
def blender(_installed):
    """The shared Blender. Processes that a test starts are stopped after it."""
    yield _installed
    _installed.stop()


@pytest.fixture
def fresh_blender(_installed, tmp_path_factory):
    """A Blender with a profile of its own, for a test that installs something else."""
    copy = _installed.copy_with_profile(tmp_path_factory.mktemp("fresh"))
    yield copy
    copy.stop()


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """A clip of white flashes."""
    return flash_clip(tmp_path_factory.mktemp("clip") / "flashes.mp4", Fraction(25), FRAMES, FLASHES)


@pytest.fixture
def folder(tmp_path, clip):
    """The folder of a scenario: the clip, and a home with the clicking model."""
    models = tmp_path / "home" / "models"
    models.mkdir(parents=True)
    (models / "clicker.toml").write_text(MODEL)
    (tmp_path / "flashes.mp4").symlink_to(clip)
    return tmp_path
