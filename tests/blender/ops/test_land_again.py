"""Land Again: after a re-cut the untouched take is landed on the picture as it is now, without a model, as a new take that is heard."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from tracklay import demo
from tracklay.blender.sequencer import compat
from tracklay.blender.settings.preferences import takes_folder
from tracklay.cue import Cost
from tracklay.listening.onsets import detect_onsets
from tracklay.media.wav_reader import WavReader
from tracklay.providers.base import Output

from tests.landing.made_takes import RATE, strike, write_wav

from ..conftest import add, laid, set_handles, set_rate

pytestmark = pytest.mark.lands

IMPACTS = (0.70, 1.71, 2.43, 2.95, *demo.STRIKE_TIMES)
"""The demo's visible impacts, in seconds; the ball's later and smaller ones are left out."""

SLIPPED, TRIMMED = 6, 12
"""Frames by which the picture's content moves to the left, and that its start loses."""


@pytest.fixture
def asked(clicker):
    """Let the model strike up to 0.2 s beside the demo's impacts, and return the lengths that it was asked for."""
    lengths: list[Fraction] = []

    async def collect(handle: Any, folder: Path) -> Output:
        rng = np.random.default_rng(4)
        lengths.append(Fraction(handle.data["seconds"]))
        sound = rng.standard_normal((round(lengths[-1] * RATE), 2)) * 0.002
        for number, time in enumerate(IMPACTS):
            start = round((time + (0.15, -0.12, 0.2, -0.18)[number % 4]) * RATE)
            hit = strike("wood", rng)[: len(sound) - start] * 0.3
            sound[start : start + len(hit)] += hit[:, None]
        write_wav(folder / "strikes.wav", [sound.astype(np.float32)])
        return Output(folder / "strikes.wav", handle.data["seed"], "1", Cost("0", "USD", estimated=False))

    clicker.collect = collect
    return lengths


def hear(name: str) -> np.ndarray:
    """Return the samples of a file in the takes folder."""
    with WavReader(takes_folder() / name) as wav:
        return wav.read(0, wav.format.samples)


def test_a_take_lands_again_after_a_recut(scene, asked, tmp_path, monkeypatch):
    """The model is not asked, offline or not; the new take is the untouched one from the trim on, with its sounds on the new contacts."""
    set_rate(scene, Fraction(demo.FPS))
    picture = add(scene, demo.make_clip(tmp_path / "demo.mp4"), 11)
    end = compat.strip_end(picture)
    bpy.ops.tracklay.generate(seed=3, wait=True)
    (take,) = laid(scene)
    old = json.loads(take["tracklay"])
    picture.frame_start -= SLIPPED
    set_handles(picture, 11 + TRIMMED, end - SLIPPED)
    monkeypatch.setattr("tracklay.blender.runtime.requests.offline_error", RuntimeError)
    bpy.ops.tracklay.land_again(wait=True)
    assert len(asked) == 1
    (_, heard) = sorted(laid(scene), key=lambda strip: json.loads(strip["tracklay"])["take"])
    new = json.loads(heard["tracklay"])
    assert [strip.mute for strip in laid(scene)] == [True, False]
    assert (compat.strip_start(heard), compat.strip_end(heard)) == (11 + TRIMMED, end - SLIPPED)
    assert (new["cost"]["amount"], new["seed"], old["landing"]["mode"]) == ("0", 3, new["landing"]["mode"])
    skipped = TRIMMED * RATE // demo.FPS
    untouched = hear(old["landing"]["untouched"])[skipped : skipped + new["samples"]]
    within = slice(RATE // 50, -RATE // 50)  # both ends are faded, as those of any sound that is cut
    assert np.array_equal(hear(new["landing"]["untouched"])[within], untouched[within])
    onsets = np.array([onset.sample / RATE for onset in detect_onsets(hear(new["file"]), RATE)])
    contacts = np.array(IMPACTS) - (SLIPPED + TRIMMED) / demo.FPS
    moved = [float(Fraction(move["to"])) for move in new["landing"]["moves"]]
    assert sum(np.abs(contacts - to).min() < 2 / demo.FPS for to in moved) >= 6
    assert all(np.abs(onsets - to).min() < 0.002 for to in moved)


def test_a_take_that_was_never_landed_is_refused_in_a_sentence(scene, strip):
    """The built-in engine's sounds are on the contacts already: they are generated again instead."""
    bpy.ops.tracklay.generate(model="sketch/foley", wait=True)
    with pytest.raises(RuntimeError, match="No take that was landed"):
        bpy.ops.tracklay.land_again(wait=True)
