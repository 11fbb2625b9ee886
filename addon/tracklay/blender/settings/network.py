"""The one gate to the internet: Blender's own switch, which the person sets. What needs no network passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from .preferences import HOSTED_PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...jobs.ledger import Job
    from ...models import Model

ALLOW_ONLINE_HINT = "switch on Allow Online Access in Preferences, System, Network"


def online_access_allowed() -> bool:
    """Whether the internet may be used. The module has no such switch."""
    return bool(bpy.app.online_access or bpy.app.module)


def offline_reason(model: Model) -> str:
    """Why a model cannot be reached where the person has not allowed the network in Blender; empty where it can."""
    if model.provider not in HOSTED_PROVIDERS or online_access_allowed():
        return ""
    return f"{model.id} is reached over the internet: {ALLOW_ONLINE_HINT}"


def make_blocked_reason() -> Callable[[Job], str]:
    """Says of a job why it may not go on now; empty where it may. It is asked in another thread, and asks Blender nothing."""
    shut = not online_access_allowed()

    def blocked_reason(job: Job) -> str:
        return ALLOW_ONLINE_HINT if shut and job.provider in HOSTED_PROVIDERS else ""

    return blocked_reason
