"""Gathers takes that lie scattered on the channels of their kind. Nothing of the user's own is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import compat, cue_index
from . import strip_names
from .by_kind import KindChannels
from .channel_map import MAX_CHANNELS, ChannelMap

if TYPE_CHECKING:
    from ..selection import StripLevel


def tidy_channels(level: StripLevel) -> int:
    """Move the takes and placeholders of a level to the channels of their kind, audible takes lowest. Return how many were moved.

    A take that is locked, or lies on a locked or muted channel, stays: it would become editable, or be heard. Stems stay on the channels
    of their names.
    """
    strips = [strip for strip in level.strips if _is_movable(level, strip)]
    channels = KindChannels(level, {strip.name for strip in strips})
    wanted: list[tuple[Any, int]] = []
    for strip in sorted(strips, key=_order):
        request = cue_index.parse_request(str(strip.get(cue_index.REQUEST_PROPERTY, ""))) or cue_index.EMPTY_REQUEST
        first, frames = compat.strip_start(strip), compat.strip_frames(strip)
        number = channels.take_channel(strip_names.kind_of(request), 0, first, frames)
        wanted.append((strip, strip.channel if number is None else number))
    moves = [(strip, number) for strip, number in wanted if number != strip.channel]
    _move(level, moves)
    return len(moves)


def _is_movable(level: StripLevel, strip: Any) -> bool:
    if cue_index.CUE_PROPERTY not in strip:
        return False
    tag, channel = cue_index.get_take_tag(strip), level.channels[strip.channel]
    return tag is not None and not (tag.stem or strip.lock or channel.lock or channel.mute)


def _order(strip: Any) -> tuple[bool, int, int]:
    """Return the position of a take in the order in which channels are given out: audible takes first."""
    tag = cue_index.get_take_tag(strip)
    return bool(strip.mute), 0 if tag is None else tag.take, compat.strip_start(strip)


def _move(level: StripLevel, moves: list[tuple[Any, int]]) -> None:
    """Move strips to their channels. Blender moves a strip elsewhere if its channel is occupied, so each waits for its place."""
    room, waiting = ChannelMap(level), list(moves)
    aside: set[str] = set()
    while waiting:
        blocked = [(strip, number) for strip, number in waiting if not _move_if_free(room, strip, number)]
        if len(blocked) == len(waiting):
            # Takes want each other's places: one of them steps aside, each once.
            first = next((strip for strip, _ in blocked if strip.name not in aside), None)
            if first is None or not _step_aside(room, first):
                return
            aside.add(first.name)
        waiting = blocked


def _move_if_free(room: ChannelMap, strip: Any, number: int) -> bool:
    first, frames = compat.strip_start(strip), compat.strip_frames(strip)
    if room.find_free(number - 1, first, frames) != number:
        return False
    room.release(strip.channel, first, frames)
    strip.channel = number
    room.reserve(number, first, frames)
    return True


def _step_aside(room: ChannelMap, strip: Any) -> bool:
    """Move a strip to any free channel, the highest ones first, so that another can have its place."""
    others = (number for number in range(MAX_CHANNELS, 0, -1) if number != strip.channel)
    return any(_move_if_free(room, strip, number) for number in others)
