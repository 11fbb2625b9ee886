"""One Blender for all tests, an empty file for each, and a model that clicks where it sees a flash."""

from __future__ import annotations

import contextlib
import os
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path(tempfile.mkdtemp(prefix="tracklay-tests-"))
os.environ["TRACKLAY_HOME"] = str(HOME)

import bpy  # noqa: E402 - the add-on reads its home when it is registered

import addon  # noqa: E402
from addon import providers  # noqa: E402
from addon.blender import compat, cues  # noqa: E402
from tests.pictures import flash_clip  # noqa: E402
from tests.standins.clicker import MODEL, Clicker  # noqa: E402

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
    addon.register()
    yield
    addon.unregister()


@pytest.fixture(autouse=True)
def _home(monkeypatch):
    """The add-on was registered with this home, and keeps it."""
    monkeypatch.setenv("TRACKLAY_HOME", str(HOME))


@pytest.fixture(autouse=True)
def clicker() -> Clicker:
    """The stand-in that answers; a test may change how."""
    made = Clicker()
    providers.register("clicker", lambda: made)
    return made


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


def set_rate(scene: Any, rate: Fraction) -> None:
    """The scene's rate, as a person sets it: 30 over 1.001."""
    scene.render.fps = -(-rate.numerator // rate.denominator)
    scene.render.fps_base = 1.001 if rate.denominator == 1001 else 1.0


def add(scene: Any, clip: Path, start: int, channel: int = 1) -> Any:
    """A movie strip that plays frame for frame, selected."""
    strip = scene.sequence_editor.strips.new_movie(clip.stem, str(clip), channel, start)
    strip.select = True
    return strip


@contextlib.contextmanager
def in_the_sequencer(scene: Any) -> Iterator[None]:
    """A context for the sequencer's operators, as its editor gives them."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    region = next(region for region in area.regions if region.type == "WINDOW")
    if "sequencer_scene" in bpy.types.WorkSpace.bl_rna.properties:
        window.workspace.sequencer_scene = scene
    with bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region):
        yield


def add_as_a_person(scene: Any, clip: Path, start: int, channel: int = 1) -> Any:
    """A movie strip as the Add menu makes it: it plays in real time, whatever the scene's rate."""
    options = {"filepath": str(clip), "frame_start": start, "channel": channel, "sound": False}
    options |= {"use_framerate": False, "adjust_playback_rate": True}
    if "move_strips" in bpy.ops.sequencer.movie_strip_add.get_rna_type().properties:
        options["move_strips"] = False  # else 5.0 begins to drag the strip, and crashes where there is no mouse
    with in_the_sequencer(scene):
        bpy.ops.sequencer.movie_strip_add(**options)
    return scene.sequence_editor.active_strip


def set_handles(strip: Any, first: int, end: int) -> None:
    """Trim a strip to the frames from `first` up to `end`."""
    setattr(strip, compat._name("left_handle", bpy.types.Strip), first)
    compat.set_frames(strip, end - first)


def laid(scene: Any) -> list[Any]:
    """The strips that Tracklay laid, lowest channel first."""
    return sorted(
        (s for s in scene.sequence_editor.strips_all if cues.ENTRY in s), key=lambda s: (compat.start(s), s.channel)
    )
