"""Reads prompts and hit points from the timeline: names of markers, and text strips that editors use for notes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ...hits import hits_in_span, marker_hit_name
from ..settings.shot_prompt import shot_prompt
from . import compat, selection

if TYPE_CHECKING:
    from ...hits import Hit
    from ...timing import Span
    from .selection import CueSource

SOUND_MARKER_PATTERN = re.compile(r"\s*(?:sfx|foley|music)\s*:\s*(.*?)\s*(?:\.\d{3})?", re.IGNORECASE)
"""A marker that names a sound: `sfx: door slam`. Blender appends a number to a name that exists already, which is left out."""

DEFAULT_MARKER_PATTERN = re.compile(r"(?:F_\d+|Marker)?(?:\.\d{3})?")
"""Blender's default names of markers."""


def marker_prompt(name: str) -> str:
    """Return the prompt in a marker's name: the text after `sfx:`, else the whole name; empty for a default name."""
    if match := SOUND_MARKER_PATTERN.fullmatch(name):
        return match[1]
    return "" if DEFAULT_MARKER_PATTERN.fullmatch(name) else name.strip()


def is_sound_marker(name: str) -> bool:
    """Return whether a marker's name begins with `sfx:`, `foley:` or `music:`."""
    return SOUND_MARKER_PATTERN.fullmatch(name) is not None


def timeline_prompt(scene: Any, span: Span, source: str) -> str:
    """Return the prompt from text strips (`TEXT`) or markers (`MARKERS`) within a span, in timeline order; empty for any other source."""
    if source == "TEXT":
        level = selection.active_level(scene)
        strips = () if level is None else level.strips
        notes = sorted(
            (compat.strip_start(strip), strip.text)
            for strip in strips
            if strip.type == "TEXT" and compat.strip_start(strip) < span.end and compat.strip_end(strip) > span.start
        )
        return ", ".join(" ".join(text.split()) for _, text in notes if text.strip())
    if source == "MARKERS":
        marks = sorted(
            (mark.frame, mark.name) for mark in scene.timeline_markers if span.start <= mark.frame < span.end
        )
        named = [name for _, name in marks if marker_hit_name(name) is None]  # a hit point describes no sound
        return ", ".join(prompt for name in named if (prompt := marker_prompt(name)))
    return ""


def spot_prompt(scene: Any, spot: CueSource, panel_prompt: str) -> str:
    """Return the prompt of a spot without the timeline's: its shot's own, else the panel's.

    One cue over a range has the panel's, and without it those of its shots.
    """
    strips = scene.sequence_editor.strips_all
    if spot.is_joined:
        level = selection.active_level(scene)
        shots = () if level is None else selection.topmost_ranges(level, spot.span.start, spot.span.end)
        own = dict.fromkeys(prompt for strip, _, _ in shots if (prompt := shot_prompt(strip)))
        return panel_prompt if panel_prompt.strip() else ", ".join(own)
    strip = strips.get(spot.strip_name)
    return (shot_prompt(strip) if strip is not None else "") or panel_prompt


def find_hits(scene: Any, span: Span) -> tuple[Hit, ...]:
    """Return the hit points of a span: the scene's markers that are named `hit` or `hit: …`."""
    named = ((mark.frame, marker_hit_name(mark.name)) for mark in scene.timeline_markers)
    return hits_in_span(((frame, name) for frame, name in named if name is not None), span)


def join_prompts(panel_prompt: str, timeline_text: str) -> str:
    """Join the panel's prompt and the timeline's."""
    return ", ".join(part for part in (panel_prompt.strip(), timeline_text) if part) if timeline_text else panel_prompt
