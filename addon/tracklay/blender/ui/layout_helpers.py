"""How Tracklay's panels draw what Blender has no element for: sentences that are longer than a panel is wide, and lengths."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from ...timing import timecode

if TYPE_CHECKING:
    from ...timing import Rate

WIDTH = 300.0
"""Pixels, where there is no window."""

PIXELS_A_LETTER = 6.5
"""About, at 100 % resolution scale: where a sentence is broken."""


def length(layout: Any, frames: int, rate: Rate) -> None:
    """So many frames, as timecode and in seconds."""
    row = layout.row()
    row.alignment = "RIGHT"
    row.label(text=f"{timecode(frames, rate)}   {float(rate.seconds(frames)):.2f} s", translate=False)


def sentence(context: Any, layout: Any, text: str, operator: str, icon: str, **properties_: str) -> None:
    """A sentence over as many lines as the sidebar is narrow, with a button that answers it."""
    row = layout.box().row()
    wrapped(context, row.column(align=True), text, "ERROR")
    if operator:
        pressed = row.operator(operator, text="", icon=icon, emboss=False)
        for name, value in properties_.items():
            setattr(pressed, name, value)


def wrapped(context: Any, column: Any, text: str, icon: str) -> None:
    """A text over as many lines as the sidebar is narrow."""
    letters = max(20, int((width(context) - 90) / PIXELS_A_LETTER))
    for number, line in enumerate(textwrap.wrap(text, letters, break_on_hyphens=False)):
        column.label(text=line, icon="BLANK1" if number else icon, translate=False)


def width(context: Any) -> float:
    """How wide the sidebar is, in pixels at 100 %."""
    return float(context.region.width / context.preferences.system.ui_scale) if context.region else WIDTH
