"""How Tracklay's panels draw what Blender has no element for: sentences that are longer than a panel is wide, and lengths."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from ...timing import format_timecode

if TYPE_CHECKING:
    from ...timing import Rate

DEFAULT_WIDTH_PIXELS = 300.0
"""Pixels, where there is no window."""

PIXELS_PER_LETTER = 6.5
"""About, at 100 % resolution scale: where a sentence is broken."""


def draw_duration(layout: Any, frames: int, rate: Rate) -> None:
    """So many frames, as timecode and in seconds."""
    row = layout.row()
    row.alignment = "RIGHT"
    row.label(text=f"{format_timecode(frames, rate)}   {float(rate.seconds(frames)):.2f} s", translate=False)


def draw_error_box(context: Any, layout: Any, text: str, operator: str, icon: str, **operator_properties: str) -> None:
    """A sentence over as many lines as the sidebar is narrow, with a button that answers it."""
    row = layout.box().row()
    draw_wrapped_text(context, row.column(align=True), text, "ERROR")
    if operator:
        pressed = row.operator(operator, text="", icon=icon, emboss=False)
        for name, value in operator_properties.items():
            setattr(pressed, name, value)


def draw_wrapped_text(context: Any, column: Any, text: str, icon: str) -> None:
    """A text over as many lines as the sidebar is narrow."""
    letters = max(20, int((sidebar_width(context) - 90) / PIXELS_PER_LETTER))
    for number, line in enumerate(textwrap.wrap(text, letters, break_on_hyphens=False)):
        column.label(text=line, icon="BLANK1" if number else icon, translate=False)


def sidebar_width(context: Any) -> float:
    """How wide the sidebar is, in pixels at 100 %."""
    return float(context.region.width / context.preferences.system.ui_scale) if context.region else DEFAULT_WIDTH_PIXELS
