"""Sync: in Blender's own mix, the click for a flash is on the flash's frame, to the sample."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import bpy
import pytest
from tracklay.blender.sequencer import compat

from ..conftest import add, add_from_menu, laid, set_handles, set_rate
from ..render.mix import mixed_clicks, sample, worst

pytestmark = pytest.mark.lands

RATES = [Fraction(text) for text in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60")]
TOLERANCE = 1
"""Samples."""

SECOND = 48_000
"""Samples."""


@pytest.mark.parametrize(
    ("rate", "first_frame"),
    [(rate, first) for number, rate in enumerate(RATES) for first in (0, 1) if rate == 25 or first == number % 2],
    ids=str,
)
def test_clicks_fall_on_their_flashes_at_every_rate(rate, first_frame, scene, clips, tmp_path):
    """Each click of a trimmed clip is within a sample of its flash's frame, also on the last frame.

    The first frame is left dark: Blender's mixer may leave out the first sample of any sound, at 59.94 its first frame.
    """
    set_rate(scene, rate)
    strip = add(scene, clips(rate, 150, (3, 12, 14, 61, 97, 120, 121, 140)), 47)
    set_handles(strip, 47 + 13, 47 + 121)
    bpy.ops.tracklay.generate(wait=True)
    found = mixed_clicks(scene, tmp_path, 260, first_frame)
    error = worst(found, [sample(47 + flash, rate, first_frame) for flash in (14, 61, 97, 120)])
    print(f"{rate} frames a second, mixed from frame {first_frame}: {error} samples at most")  # noqa: T201
    assert error <= TOLERANCE
    (take,) = laid(scene)
    assert (compat.strip_start(take), compat.strip_frames(take)) == (60, 108)


@pytest.mark.parametrize(("kind", "rate"), [("wav", 44_100), ("mp3", 44_100), ("flac", 48_000), ("mp4", 44_100)])
def test_clicks_fall_on_their_flashes_in_every_format(kind, rate, scene, clips, clicker, tmp_path):
    """Resampling and encoder delay do not shift the clicks."""
    clicker.kind, clicker.rate = kind, rate
    set_rate(scene, Fraction(24000, 1001))
    add(scene, clips(Fraction(24000, 1001), 100, (20, 61)), 8)
    bpy.ops.tracklay.generate(wait=True)
    expected = [sample(8 + flash, Fraction(24000, 1001)) for flash in (20, 61)]
    assert worst(mixed_clicks(scene, tmp_path, 150), expected) <= TOLERANCE


def test_one_call_lays_takes_of_several_strips(scene, clips, tmp_path):
    """Each selected strip gets a take on its own frames, above all pictures; takes that overlap in time are on different channels."""
    set_rate(scene, Fraction(25))
    for start, channel in ((1, 1), (80, 2), (100, 1)):
        add(scene, clips(Fraction(25), 60, (10,)), start, channel)
    bpy.ops.tracklay.generate(wait=True)
    assert [(compat.strip_start(take), take.channel) for take in laid(scene)] == [(1, 3), (80, 3), (100, 4)]
    expected = [sample(start + 10, Fraction(25)) for start in (1, 80, 100)]
    assert worst(mixed_clicks(scene, tmp_path, 200), expected) <= TOLERANCE


def test_clicks_follow_a_strip_that_plays_frame_for_frame_at_another_rate(scene, clips, tmp_path):
    """A 25 fps clip plays frame for frame at 30 fps: clicks follow the visible frames, not the file's timestamps."""
    set_rate(scene, Fraction(30))
    add(scene, clips(Fraction(25), 150, (20, 61, 140)), 10)
    bpy.ops.tracklay.generate(wait=True)
    expected = [sample(10 + flash, Fraction(30)) for flash in (20, 61, 140)]
    assert worst(mixed_clicks(scene, tmp_path, 200), expected) <= TOLERANCE


@pytest.mark.parametrize(
    ("file_rate", "scene_rate"), [(Fraction(25), Fraction(30)), (Fraction(24000, 1001), Fraction(24))], ids=str
)
def test_clicks_follow_a_strip_that_plays_in_real_time_at_another_rate(file_rate, scene_rate, scene, clips, tmp_path):
    """A clip added from the Add menu keeps its own speed, also if its length in frames does not show that.

    Each click is within one source frame of the flash. If the source has the lower rate, Blender 5.0 and later show some frames
    twice and skip others, because of their frame cache.
    """
    set_rate(scene, scene_rate)
    clip = clips(file_rate, 150, (20, 61, 140))
    add_from_menu(scene, clip, 10)
    assert scene.render.fps == scene_rate
    bpy.ops.tracklay.generate(wait=True)
    heard = mixed_clicks(scene, tmp_path, 220)
    firsts = [at for before, at in pairwise([-SECOND, *heard]) if at - before > SECOND // 8]
    expected = [sample(10, scene_rate) + round(flash / file_rate * SECOND) for flash in (20, 61, 140)]
    assert worst(firsts, expected) <= SECOND / file_rate
    assert len(bpy.data.scenes) == 1
