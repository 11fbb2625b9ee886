"""Reads prompts from the timeline: names of markers, and text strips that editors use for notes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import compat, selection

if TYPE_CHECKING:
    from ...timing import Span

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
        return ", ".join(prompt for _, name in marks if (prompt := marker_prompt(name)))
    return ""


def join_prompts(panel_prompt: str, timeline_text: str) -> str:
    """Join the panel's prompt and the timeline's."""
    return ", ".join(part for part in (panel_prompt.strip(), timeline_text) if part) if timeline_text else panel_prompt
