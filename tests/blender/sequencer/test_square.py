"""The square crop: chosen in the panel, applied to the proxy, and shown in the preview by dimming the rest."""

from __future__ import annotations

from fractions import Fraction

import bpy
import pytest
from tracklay.blender.settings import properties
from tracklay.blender.ui import overlay
from tracklay.media.probe import read_video_header

from ..conftest import add, set_rate


@pytest.mark.parametrize(
    ("chosen", "square"),
    [("WHOLE", ""), ("CENTRE", "centre"), ("LEFT", "left"), ("HAND", "0.250"), ("MOTION", "motion")],
)
def test_a_choice_in_the_panel_is_the_square_of_the_cue(chosen, square, scene):
    """Each choice maps to a value of `Cue.square`."""
    scene.tracklay.square, scene.tracklay.square_at = chosen, 0.25
    assert properties.square_setting(scene.tracklay) == square


def test_a_model_gets_the_square(scene, clips, clicker, monkeypatch):
    """The proxy has the whole picture, or a square of its height."""
    set_rate(scene, Fraction(25))
    strip = add(scene, clips(Fraction(25), 20, (5,)), 11)
    sizes, prepare = [], clicker.prepare

    async def seen(request):
        sizes.append(read_video_header(request.proxy.path).size)
        return await prepare(request)

    monkeypatch.setattr(clicker, "prepare", seen)
    for chosen in ("WHOLE", "LEFT"):
        strip.select = True
        scene.tracklay.square = chosen
        bpy.ops.tracklay.generate(wait=True)
    assert sizes == [(192, 108), (108, 108)]


class View:
    """A preview at 50% zoom with its centre at (200, 100)."""

    def view_to_region(self, x: float, y: float, *, clip: bool) -> tuple[float, float]:
        assert not clip
        return 200 + x / 2, 100 + y / 2


@pytest.mark.parametrize(
    ("size", "at", "dimmed"),
    [
        ((400, 200), 0.0, [(100, 50, 100, 150), (200, 50, 300, 150)]),
        ((400, 200), 0.5, [(100, 50, 150, 150), (250, 50, 300, 150)]),
        ((200, 400), 0.0, [(150, 200, 250, 200), (150, 0, 250, 100)]),
        ((200, 400), 1.0, [(150, 100, 250, 200), (150, 0, 250, 0)]),
    ],
)
def test_the_preview_dims_the_parts_outside_the_square(size, at, dimmed):
    """These are left and right of the square, or above and below it."""
    assert overlay.crop_mask_boxes(View(), size, at) == dimmed
