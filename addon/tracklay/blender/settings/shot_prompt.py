"""The prompt of a shot: a property of its picture strip, which copies of the strip and saved files keep."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import StringProperty

SHOT_PROMPT = "tracklay_prompt"
"""Name of the property of a strip."""


def shot_prompt(strip: Any) -> str:
    """Return the prompt of a picture strip; empty if the scene's prompt is used."""
    return str(getattr(strip, SHOT_PROMPT, "")).strip()


def register() -> None:
    """Add the property to strips."""
    setattr(
        bpy.types.Strip,
        SHOT_PROMPT,
        StringProperty(name="Shot Prompt", description="Prompt of this shot, used instead of the panel's"),
    )


def unregister() -> None:
    """Remove it. Blender keeps the values that files hold."""
    delattr(bpy.types.Strip, SHOT_PROMPT)
