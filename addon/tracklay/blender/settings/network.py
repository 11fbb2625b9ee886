"""The one gate to the internet: Blender's own switch, which the person sets. What needs no network passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from .preferences import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...jobs.ledger import Job
    from ...models import Model

ALLOW_ONLINE = "switch on Allow Online Access in Preferences, System, Network"


def is_open() -> bool:
    """Whether the internet may be used. The module has no such switch."""
    return bool(bpy.app.online_access or bpy.app.module)


def offline(model: Model) -> str:
    """Why a model cannot be reached where the person has not allowed the network in Blender; empty where it can."""
    if model.provider not in PROVIDERS or is_open():
        return ""
    return f"{model.id} is reached over the internet: {ALLOW_ONLINE}"


def hindrance() -> Callable[[Job], str]:
    """Says of a job why it may not go on now; empty where it may. It is asked in another thread, and asks Blender nothing."""
    shut = not is_open()

    def why(job: Job) -> str:
        return ALLOW_ONLINE if shut and job.provider in PROVIDERS else ""

    return why
