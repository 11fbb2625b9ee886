"""Moves the sound of a take inside its strip, in seconds. The strip stays where it is, so its take does not become stale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import placement

if TYPE_CHECKING:
    from collections.abc import Iterable

NUDGE_TOLERANCE_SECONDS = 0.1e-3
"""Smaller offsets count as none: Blender stores the offset as a 32-bit float."""


def nudged_seconds(strip: Any) -> float:
    """Return by how much later than laid the sound of a take is heard, in seconds; negative if it is earlier."""
    seconds = float(strip.sound_offset) + placement.HALF_SAMPLE_SECONDS
    return seconds if abs(seconds) > NUDGE_TOLERANCE_SECONDS else 0.0


def nudge(strips: Iterable[Any], seconds: float) -> None:
    """Move the sound of strips by seconds; a positive number is later."""
    for strip in strips:
        strip.sound_offset += seconds


def reset_position(strips: Iterable[Any]) -> None:
    """Move the sound of strips back to where it was laid."""
    for strip in strips:
        strip.sound_offset = -placement.HALF_SAMPLE_SECONDS
