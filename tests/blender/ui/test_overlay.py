"""Overlays on strips: the colour, the bar and the text of each state. Tests that they are drawn are in tests/window."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tracklay.blender.sequencer import cue_index
from tracklay.blender.ui import overlay
from tracklay.blender.ui.text_fit import fit_text
from tracklay.errors import ModelFailed

from ..conftest import laid
from ..helpers import Gate, generate, until

pytestmark = pytest.mark.usefixtures("let_go")
WIDE, HIGH = 10, 40
"""Width of a frame and height of a channel in pixels."""


def find_overlays(scene, first: int = 0, width: int = 2000) -> list[overlay.StripOverlay]:
    """Return the overlays in a region that shows the timeline from a frame."""
    view = SimpleNamespace(view_to_region=lambda x, y, *, clip: ((x - first) * WIDE, y * HIGH))
    return list(overlay.strip_overlays(scene, SimpleNamespace(view2d=view, width=width, height=1000)))


def test_a_bar_shows_progress_until_the_take_arrives(scene, strip, clicker):
    """It covers the visible part of the strip; a strip outside the view has none."""
    gate = Gate(clicker)
    generate(scene)
    until(lambda: any("second" in strip_overlay.text for strip_overlay in find_overlays(scene)))
    (strip_overlay,) = find_overlays(scene)
    assert strip_overlay.text == "Generating: in the queue, second"
    assert strip_overlay.fraction == pytest.approx(0.15 + 0.75 * 0.5)
    assert (strip_overlay.colour, strip_overlay.box.left, strip_overlay.box.right) == (
        overlay.DONE_COLOUR,
        11 * WIDE,
        71 * WIDE,
    )
    assert find_overlays(scene, first=31)[0].box.left == 0
    assert find_overlays(scene, first=80) == []
    gate.is_open = True
    until(lambda: len(laid(scene)) == 1)
    assert find_overlays(scene) == []


def test_a_failure_is_red_and_shows_the_error(scene, strip, clicker):
    """The text leaves out the picture's name, which the strip below shows."""

    async def fail(intent):
        raise ModelFailed("the model found no picture")

    clicker.submit = fail
    generate(scene)
    until(lambda: any(strip_overlay.fraction is None for strip_overlay in find_overlays(scene)))
    (strip_overlay,) = find_overlays(scene)
    assert (strip_overlay.colour, strip_overlay.text) == (overlay.FAILED_COLOUR, "the model found no picture")


def test_a_stale_take_is_orange(scene, strip, clicker):
    """Its text names the reason."""
    generate(scene)
    until(lambda: len(laid(scene)) == 1)
    laid(scene)[0][cue_index.STALE_PROPERTY] = True
    cue_index.shared_cue_index.refresh()
    (strip_overlay,) = find_overlays(scene)
    assert (strip_overlay.colour, strip_overlay.text) == (overlay.STALE_COLOUR, "Stale: the picture has changed")


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_the_height_of_a_bar_follows_the_interface_scale(scale):
    """The done and the pending part are side by side at the strip's lower edge, and fill its width."""
    strip_overlay = overlay.StripOverlay(overlay.RegionBox(100, 40, 300, 140), overlay.DONE_COLOUR, 0.25, "")
    parts = dict(overlay._overlay_boxes(strip_overlay, scale))
    done, left = parts[overlay.DONE_COLOUR], parts[overlay.PENDING_COLOUR]
    assert (done.left, done.right, left.left, left.right) == (100, 150, 150, 300)
    assert {part.top - part.bottom for part in (done, left)} == {overlay.BAR_HEIGHT * scale}


def test_a_message_on_a_narrow_strip_is_shortened_to_what_can_be_read(scene, strip, clicker):
    """Whole, cut with an ellipsis after at least a dozen characters, one word, or nothing; what needs attention has a mark for the rest."""
    error = "The model refuses the prompt."

    async def fail(intent):
        raise ModelFailed(error)

    clicker.submit = fail
    generate(scene)
    until(lambda: any(each.fraction is None for each in find_overlays(scene)))
    (failed,) = find_overlays(scene)
    assert (failed.text, failed.short, failed.mark) == (error, "Failed", "!")

    def fitted(width: float) -> str:
        return fit_text(failed.text, failed.short, width, lambda text: 7.0 * len(text))

    assert [fitted(7.0 * characters) for characters in (29, 28, 15, 14, 12, 6, 5)] == [
        error,
        "The model refuses the promp…",
        "The model refu…",
        "The model ref…",
        "Failed",
        "Failed",
        "",
    ]


def test_a_narrow_strip_shows_its_progress_as_a_figure(scene, strip, clicker):
    """The bar says the rest."""
    gate = Gate(clicker)
    generate(scene)
    until(lambda: any("second" in each.text for each in find_overlays(scene)))
    (running,) = find_overlays(scene)
    assert (running.short, running.mark) == ("52%", "")
    gate.is_open = True
    until(lambda: len(laid(scene)) == 1)
