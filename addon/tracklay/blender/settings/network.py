"""The check of Blender's own switch for internet access. Models that need no network pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import bpy

from ...errors import InvalidInput
from .i18n.translate import translate_ui
from .preferences import HOSTED_PROVIDERS

if TYPE_CHECKING:
    from ...jobs.ledger import Job
    from ...models import Model


def online_access_allowed() -> bool:
    """Return whether Blender allows internet access. The bpy module has no such switch, so it allows it."""
    return bool(bpy.app.online_access or bpy.app.module)


def offline_error(model: Model) -> InvalidInput | None:
    """Return why a model cannot be reached, or None if it needs no internet access or Blender allows it."""
    if model.provider not in HOSTED_PROVIDERS or online_access_allowed():
        return None
    return online_access_denied(model.id)


def online_access_denied(name: str) -> InvalidInput:
    """Return the error of something that needs internet access while Blender does not allow it."""
    return InvalidInput("network.offline", "{name} needs internet access, which is turned off in Blender.", name=name)


def make_blocked_reason() -> Callable[[Job], str]:
    """Return a function that returns why a job must wait, or an empty string.

    The function is called in another thread, where Blender must not be used: everything it needs is read here.
    """
    blocked = not online_access_allowed()
    reason = translate_ui("Turn on Allow Online Access in Preferences > System > Network")

    def blocked_reason(job: Job) -> str:
        return reason if blocked and job.provider in HOSTED_PROVIDERS else ""

    return blocked_reason
