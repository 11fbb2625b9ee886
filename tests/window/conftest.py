"""One display and one installed Blender for all tests."""

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
    """The display's name."""
    with xvfb_blender.display() as name:
        yield name


@pytest.fixture(scope="session")
def _installed(display, tmp_path_factory) -> xvfb_blender.Blender:
    return xvfb_blender.installed(display, tmp_path_factory.mktemp("blender"))


@pytest.fixture
def blender(_installed):
    """The Blender; what a test starts ends with it."""
    yield _installed
    _installed.end()


@pytest.fixture
def fresh_blender(_installed, tmp_path_factory):
    """One with a profile of its own: a test that installs something else leaves it to nobody."""
    made = _installed.copied(tmp_path_factory.mktemp("fresh"))
    yield made
    made.end()


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """A clip with flashes."""
    return flash_clip(tmp_path_factory.mktemp("clip") / "flashes.mp4", Fraction(25), FRAMES, FLASHES)


@pytest.fixture
def folder(tmp_path, clip):
    """A scenario's folder: the clip, and a home with the clicking model."""
    models = tmp_path / "home" / "models"
    models.mkdir(parents=True)
    (models / "clicker.toml").write_text(MODEL)
    (tmp_path / "flashes.mp4").symlink_to(clip)
    return tmp_path
