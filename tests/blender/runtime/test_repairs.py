"""Repair in Blender: when the takes of a cue are laid, the worst stretch of the best one is generated again as a further take."""

from __future__ import annotations

import importlib
import json
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from tracklay.blender.runtime import dispatcher
from tracklay.blender.runtime.cue_status import running_cues
from tracklay.blender.runtime.repairs import REPAIR_INDEX, UNDO_REPAIR
from tracklay.blender.sequencer import compat, cue_index, placement
from tracklay.cue import Cost
from tracklay.errors import RefusedInput
from tracklay.jobs.ledger import Ledger
from tracklay.media.wav_reader import WavReader
from tracklay.providers.base import Output

from tests.fakes.click_model import write

from ..conftest import laid
from ..helpers import cue_strips, generate, until

pytestmark = pytest.mark.usefixtures("let_go")

RATE = 48_000

BAD_SEED, GAP = 1, (0.9, 1.5)
"""With this seed the model is silent between these seconds."""


@pytest.fixture(autouse=True)
def hissing(clicker):
    """Let the model hiss, with a gap of digital silence with one seed, and return the seconds that it was asked for."""
    asked: list[Fraction] = []

    async def collect(handle: Any, folder: Path) -> Output:
        seed, seconds = handle.data["seed"], Fraction(handle.data["seconds"])
        asked.append(seconds)
        track = (np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * 0.05).astype(np.float32)
        if seed == BAD_SEED:
            track[round(GAP[0] * RATE) : round(GAP[1] * RATE)] = 0
        return Output(write(track, RATE, "wav", folder), seed, "1", Cost("0", "USD", estimated=False))

    clicker.collect = collect
    return asked


class SameProcess:
    """A worker that runs its function in this process: the second and further tests need no process of their own."""

    def __init__(self, function: str, arguments: dict[str, Any]) -> None:
        module, _, name = function.partition(":")
        self._call = partial(getattr(importlib.import_module(f"tracklay.{module}"), name), **arguments)

    def result(self) -> Any:
        """Return what the function returns, as plain data."""
        return json.loads(json.dumps(self._call()))

    def kill(self) -> None:
        """Do nothing: there is no process."""


@pytest.fixture
def quick(monkeypatch):
    """Score and splice without processes."""
    monkeypatch.setattr("tracklay.jobs.take_writer.WorkerProcess", SameProcess)


def entry_of(strip: Any) -> dict[str, Any]:
    """Return the manifest entry of a laid strip."""
    entry: dict[str, Any] = json.loads(strip[cue_index.ENTRY_PROPERTY])
    return entry


def hear(strip: Any) -> np.ndarray:
    """Return the samples of a laid strip's file."""
    file = cue_index.take_file(strip)
    assert file is not None
    with WavReader(file) as wav:
        return wav.read(0, wav.format.samples)


def test_a_bad_stretch_is_generated_again(scene, strip, hissing):
    """The gap alone is asked for; the repaired take is the old one to the bit elsewhere, joins its cue and is the one that is heard."""
    bpy.ops.tracklay.generate(seed=BAD_SEED, repair=True, land="OFF", wait=True)
    old, new = sorted(laid(scene), key=lambda take: entry_of(take)["take"])
    assert [old.mute, new.mute] == [True, False]
    replaced = entry_of(new)["replaced"]
    assert replaced["take"] == entry_of(old)["file"]
    assert entry_of(new)["score"]["value"] > entry_of(old)["score"]["value"]
    assert len(hissing) == 2
    assert hissing[1] < hissing[0]
    first, end = replaced["samples"]
    before, after = hear(old), hear(new)
    assert first <= GAP[0] * RATE < GAP[1] * RATE <= end
    assert np.array_equal(before[:first], after[:first])
    assert np.array_equal(before[end:], after[end:])
    assert np.abs(after[round(1.2 * RATE) : round(1.3 * RATE)]).max() > 0.01
    assert (compat.strip_start(new), compat.strip_frames(new)) == (11, 60)
    assert cue_index.get_take_tag(new) == cue_index.TakeTag(entry_of(old)["cue"], REPAIR_INDEX)


def test_a_good_take_is_left_as_it_is(scene, strip, hissing, quick):
    """Nothing more is asked for where no stretch scores badly; without Repair, nothing of a bad take either."""
    scene.tracklay.repair = True
    bpy.ops.tracklay.generate(seed=BAD_SEED + 1, land="OFF", wait=True)
    assert "score" in entry_of(*laid(scene))
    bpy.ops.tracklay.generate(seed=BAD_SEED, repair=False, prompt="once", land="OFF", wait=True)
    assert [bool(entry_of(take).get("score")) for take in laid(scene)] == [True, False]
    assert len(hissing) == 2


def test_in_a_window_the_repair_has_a_placeholder(scene, strip, quick, monkeypatch):
    """The take is laid at once; the repair's placeholder follows above it, and the whole repair is one undo step."""
    undo_steps: list[str] = []
    monkeypatch.setattr(placement, "push_undo", lambda scene, message="": undo_steps.append(message))
    cue = generate(scene, repair=True, best=True, seed=BAD_SEED, land="off")
    until(lambda: len(cue_strips()) == 2)
    old, placeholder = cue_strips()
    assert cue_index.ENTRY_PROPERTY in old
    assert placeholder.channel == old.channel + 1
    assert running_cues()[cue].is_running
    until(lambda: not running_cues())
    assert [strip.mute for strip in cue_strips()] == [True, False]
    assert entry_of(placeholder)["replaced"]["take"] == entry_of(old)["file"]
    assert undo_steps == [placement.UNDO_GENERATE, placement.UNDO_LAY, UNDO_REPAIR]
    dispatcher.get_dispatcher().runner.wait_for_laid()
    ledger = Ledger()
    assert {job.state for job in ledger.jobs_of_cues(frozenset({cue}))} == {"laid"}
    ledger.close()


def test_a_repair_that_fails_is_a_note(scene, strip, clicker, quick):
    """A provider that refuses the stretch costs the take nothing: it stays, the placeholder goes, and the list says why."""
    submit, sent = clicker.submit, []

    async def refuse_the_second(submission):
        sent.append(submission)
        if len(sent) > 1:
            raise RefusedInput("test.refused", "Too short.")
        return await submit(submission)

    clicker.submit = refuse_the_second
    cue = generate(scene, repair=True, best=True, seed=BAD_SEED, land="off")
    until(lambda: running_cues()[cue].note)
    assert running_cues()[cue].note == "Not repaired: Too short."
    assert not running_cues()[cue].error
    (left,) = cue_strips()
    assert not left.mute
    assert len(sent) == 2


def test_a_cue_that_was_cancelled_is_not_repaired(scene, strip, hissing, quick):
    """Cancelling a cue while its take is made, or while the repair is planned, starts no repair."""
    cue = generate(scene, repair=True, best=True, seed=BAD_SEED, land="off")
    until(lambda: cue in running_cues() and REPAIR_INDEX in running_cues()[cue].steps)
    dispatcher.get_dispatcher().cancel(cue)
    until(lambda: not running_cues())
    assert (len(cue_strips()), len(hissing)) == (1, 1)


def test_an_undo_during_a_repair_does_not_lose_it(scene, strip, clicker, gate, quick):
    """The undo takes the placeholder away, which has no step of its own: the repaired take is laid beside the take, audible."""
    submit, sent = clicker.submit, []

    async def hold_the_second(submission):
        sent.append(submission)
        gate.is_open = len(sent) == 1
        return await submit(submission)

    clicker.submit = hold_the_second
    bpy.ops.ed.undo_push(message="before")
    gate.is_open = True
    cue = generate(scene, repair=True, best=True, seed=BAD_SEED, land="off")
    until(lambda: len(sent) == 2 and len(cue_strips()) == 2)
    bpy.ops.ed.undo()
    assert len(cue_strips()) == 1
    gate.is_open = True
    until(lambda: not running_cues())
    until(lambda: len(cue_strips()) == 2)
    old, new = cue_strips()
    assert entry_of(new)["replaced"]["take"] == entry_of(old)["file"]
    assert [strip.mute for strip in (old, new)] == [True, False]
    assert cue_index.get_take_tag(new) == cue_index.TakeTag(cue, REPAIR_INDEX)
