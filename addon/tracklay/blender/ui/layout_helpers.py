"""Elements of panels that Blender does not have: wrapped text, error boxes and durations."""

from __future__ import annotations

import textwrap
from typing import Any

from ...timing import Rate, format_timecode

DEFAULT_WIDTH_PIXELS = 300.0
"""Assumed width of the sidebar in background mode, in pixels."""

PIXELS_PER_CHARACTER = 6.5
"""Mean width of a character at 100 % resolution scale, in pixels. Measured with Blender's default font."""


def draw_duration(layout: Any, frames: int, rate: Rate) -> None:
    """Draw a number of frames as timecode and in seconds, aligned to the right."""
    row = layout.row()
    row.alignment = "RIGHT"
    row.label(text=f"{format_timecode(frames, rate)}   {float(rate.seconds(frames)):.2f} s", translate=False)


def draw_help_button(layout: Any, page: str) -> None:
    """Draw the button in a panel's header that opens its help page."""
    layout.operator("tracklay.open_help", text="", icon="HELP", emboss=False).page = page


def draw_error_box(
    context: Any, layout: Any, text: str, operator: str = "", icon: str = "NONE", **operator_properties: str
) -> None:
    """Draw a message in a box, wrapped to the sidebar's width.

    Args:
        context: Blender's context.
        layout: the layout to draw in.
        text: the message, already translated.
        operator: the ID of an operator for a button beside the message; empty for no button.
        icon: the button's icon.
        operator_properties: the button's arguments.
    """
    row = layout.box().row()
    draw_wrapped_text(context, row.column(align=True), text, "ERROR")
    if operator:
        button = row.operator(operator, text="", icon=icon, emboss=False)
        for name, value in operator_properties.items():
            setattr(button, name, value)


def draw_wrapped_text(context: Any, column: Any, text: str, icon: str) -> None:
    """Draw a text over as many lines as it needs, with an icon before the first."""
    # The panel's margins, a box and an icon take about 90 pixels.
    characters = max(20, int((sidebar_width(context) - 90) / PIXELS_PER_CHARACTER))
    for number, line in enumerate(textwrap.wrap(text, characters, break_on_hyphens=False)):
        column.label(text=line, icon="BLANK1" if number else icon, translate=False)


def sidebar_width(context: Any) -> float:
    """Return the width of the sidebar in pixels at 100 % resolution scale."""
    return float(context.region.width / context.preferences.system.ui_scale) if context.region else DEFAULT_WIDTH_PIXELS
