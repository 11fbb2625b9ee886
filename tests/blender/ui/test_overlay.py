"""What is drawn on strips: the colour, the bar and the words of each state. Whether Blender draws it is another suite's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tracklay.blender.sequencer import cue_index
from tracklay.blender.ui import overlay
from tracklay.errors import ModelFailed

from ..conftest import laid
from ..helpers import Gate, generate, until

pytestmark = pytest.mark.usefixtures("let_go")
WIDE, HIGH = 10, 40
"""Pixels of a frame and of a channel."""


def seen(scene, first: int = 0, width: int = 2000) -> list[overlay.StripOverlay]:
    """What is drawn in a region that shows the timeline from a frame on."""
    view = SimpleNamespace(view_to_region=lambda x, y, *, clip: ((x - first) * WIDE, y * HIGH))
    return list(overlay.strip_overlays(scene, SimpleNamespace(view2d=view, width=width, height=1000)))


def test_a_bar_grows_with_words_and_is_gone_when_the_take_is_there(scene, strip, clicker):
    """It lies over just the strip's frames, as far as they are in view; nothing is drawn of a strip that is not."""
    gate = Gate(clicker)
    generate(scene)
    until(lambda: any("second" in sight.text for sight in seen(scene)))
    (sight,) = seen(scene)
    assert sight.text == "Generating: in the queue, second"
    assert sight.fraction == pytest.approx(0.15 + 0.75 * 0.5)
    assert (sight.colour, sight.box.left, sight.box.right) == (overlay.DONE_COLOUR, 11 * WIDE, 71 * WIDE)
    assert seen(scene, first=31)[0].box.left == 0
    assert seen(scene, first=80) == []
    gate.is_open = True
    until(lambda: len(laid(scene)) == 1)
    assert seen(scene) == []


def test_a_failure_is_red_and_says_what_went_wrong(scene, strip, clicker):
    """Without the picture's name: that lies below."""

    async def fail(intent):
        raise ModelFailed("the model found no picture")

    clicker.submit = fail
    generate(scene)
    until(lambda: any(sight.fraction is None for sight in seen(scene)))
    (sight,) = seen(scene)
    assert (sight.colour, sight.text) == (overlay.FAILED_COLOUR, "the model found no picture")


def test_a_stale_take_is_orange(scene, strip, clicker):
    """As long as it is."""
    generate(scene)
    until(lambda: len(laid(scene)) == 1)
    laid(scene)[0][cue_index.STALE_PROPERTY] = True
    cue_index.shared_cue_index.refresh()
    (sight,) = seen(scene)
    assert (sight.colour, sight.text) == (overlay.STALE_COLOUR, "Stale: the picture has changed")


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_a_bar_is_as_thick_as_the_scale_wants(scale):
    """What is done and what is left lie side by side along the strip's lower edge, and together are the strip."""
    sight = overlay.StripOverlay(overlay.RegionBox(100, 40, 300, 140), overlay.DONE_COLOUR, 0.25, "")
    parts = dict(overlay._overlay_boxes(sight, scale))
    done, left = parts[overlay.DONE_COLOUR], parts[overlay.PENDING_COLOUR]
    assert (done.left, done.right, left.left, left.right) == (100, 150, 150, 300)
    assert {part.top - part.bottom for part in (done, left)} == {overlay.BAR_HEIGHT * scale}
