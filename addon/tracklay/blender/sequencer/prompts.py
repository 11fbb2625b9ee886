"""What the timeline itself says should be heard: markers' names, and the text strips that an editor writes notes in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import compat, selection

if TYPE_CHECKING:
    from ...timing import Span

SOUND_MARKER_PATTERN = re.compile(r"\s*(?:sfx|foley|music)\s*:\s*(.*?)\s*(?:\.\d{3})?", re.IGNORECASE)
"""A marker that names a sound: `sfx: door slam`. Blender puts a number behind a name that is there twice."""

DEFAULT_MARKER_PATTERN = re.compile(r"(?:F_\d+|Marker)?(?:\.\d{3})?")
"""What Blender calls a marker that nobody has named."""


def marker_prompt(name: str) -> str:
    """The prompt that a marker's name holds: all of it, or what stands after `sfx:`; nothing where nobody named it."""
    if named := SOUND_MARKER_PATTERN.fullmatch(name):
        return named[1]
    return "" if DEFAULT_MARKER_PATTERN.fullmatch(name) else name.strip()


def is_sound_marker(name: str) -> bool:
    """Whether a marker is called `sfx: …`."""
    return SOUND_MARKER_PATTERN.fullmatch(name) is not None


def timeline_prompt(scene: Any, span: Span, source: str) -> str:
    """What text strips or markers under a span say, in the timeline's order; nothing where the panel alone is asked."""
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
        return ", ".join(said for _, name in marks if (said := marker_prompt(name)))
    return ""


def join_prompts(panel_prompt: str, timeline_text: str) -> str:
    """The panel's prompt and the timeline's as one."""
    return ", ".join(part for part in (panel_prompt.strip(), timeline_text) if part) if timeline_text else panel_prompt
