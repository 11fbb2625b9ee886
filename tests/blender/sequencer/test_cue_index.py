"""The cue index of a timeline, as the cue list shows it."""

from __future__ import annotations

import json
from fractions import Fraction

import bpy
import pytest
from tracklay.blender.runtime import cue_rows
from tracklay.blender.sequencer import cue_index

from ..conftest import add, laid, set_rate

RATE = Fraction(25)


@pytest.fixture
def strip(scene, clips):
    """A clip of 60 frames at 25, from frame 11."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20,)), 11, channel=2)


def test_a_laid_cue_is_listed_with_its_takes(scene, strip):
    """One row for a cue: its frames, model, prompt and price, and the strip of each take."""
    bpy.ops.tracklay.generate(takes=2, prompt="rain", wait=True)
    (shown,) = cue_rows.list_cue_rows(scene)
    takes = laid(scene)
    assert [json.loads(take["tracklay_cue"]) for take in takes] == [{"cue": shown.cue, "take": n} for n in (0, 1)]
    assert dict(zip(shown.strips, (mark.take for mark in shown.take_tags), strict=True)) == {
        take.name: number for number, take in enumerate(takes)
    }
    assert (shown.start, shown.frames, shown.model, shown.prompt) == (11, 60, "clicker/clicks", "rain")
    assert (shown.state, shown.price, shown.is_stale) == ("laid", "free", False)


def test_an_invalid_cue_property_is_ignored(scene, strip):
    """Text that is not the JSON of a cue does not make a cue."""
    for text in ("no JSON", "[]", '{"cue": 3}', '{"cue": "a", "take": 1e999}'):
        strip[cue_index.CUE_PROPERTY] = text
        assert cue_rows.list_cue_rows(scene) == []
