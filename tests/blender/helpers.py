"""Helpers shared by tests in several folders: cues that run without blocking, and a model that answers on demand."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Any

import bpy
from tracklay.blender.runtime import dispatcher, requests
from tracklay.blender.runtime.cue_status import running_cues
from tracklay.blender.sequencer import compat, cue_index, selection
from tracklay.blender.settings import catalogue
from tracklay.blender.settings.preferences import takes_folder
from tracklay.jobs import create_job_spec
from tracklay.providers.base import JobProgress

from .strips import laid

PATIENCE = 20.0
"""Seconds after which `until` fails."""


class Gate:
    """A gate before the clicking model: until it is open, each poll returns "running"."""

    def __init__(self, clicker: Any) -> None:
        self.is_open = False
        self.cancelled: list[str] = []
        clicker.poll, clicker.cancel = self._poll, self._cancel

    async def _poll(self, ticket: Any) -> JobProgress:
        await asyncio.sleep(0)
        return JobProgress("done") if self.is_open else JobProgress("running", 0.5, "in the queue, second")

    async def _cancel(self, ticket: Any) -> bool:
        self.cancelled.append(ticket.request)
        return True


def until(condition: Callable[[], object]) -> None:
    """Process the dispatcher's events, as its timer does in a window, until the condition is true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, (running_cues(), vars(dispatcher.get_dispatcher()))
        if not dispatcher.get_dispatcher().process():
            time.sleep(0.01)  # the timer's own pause


def generate(scene: Any, *, repair: bool = False, **options: Any) -> str:
    """Submit the selected strips as Generate does in a window, and return the id of the first cue.

    In background mode the operator itself blocks until the takes are laid and adds no placeholder.
    """
    orders = []
    options.setdefault("prompt", secrets.token_hex(4))  # no two tests request the same sound
    for spot in selection.spot_ranges(scene):
        cue = requests.build_cue(spot, scene.tracklay, **options)
        orders.append((create_job_spec(cue, takes_folder(), "clip", catalogue.MODELS), spot))
    dispatcher.get_dispatcher().submit(orders, repair=repair)
    return str(orders[0][0].cue.id)


def submit_blocking_batch(scene: Any) -> Any:
    """Submit the selected strips as a blocking Generate does, and return the batch without waiting for it."""
    spots = selection.spot_ranges(scene)
    cues = [requests.build_cue(spot, scene.tracklay) for spot in spots]
    orders = [
        (create_job_spec(cue, takes_folder(), "clip", catalogue.MODELS), spot)
        for cue, spot in zip(cues, spots, strict=True)
    ]
    return dispatcher.get_dispatcher().submit(orders, wait=True)


def cue_strips(scene: Any = None) -> list[Any]:
    """Return the strips that have a cue, placeholders included, lowest channel first."""
    strips = (scene or bpy.context.scene).sequence_editor.strips_all
    return sorted((s for s in strips if cue_index.CUE_PROPERTY in s), key=lambda s: (s.channel, compat.strip_start(s)))


def filled(count: int) -> Callable[[], bool]:
    """Return a condition for `until`: the current scene has `count` laid strips."""
    return lambda: len(laid(bpy.context.scene)) == count


def is_model_running() -> bool:
    """Return whether a job waits for the model: the message is that of `Gate`."""
    return any("second" in line.message for line in running_cues().values())
