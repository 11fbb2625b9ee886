"""Which ranges of a level's channels are free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....errors import TracklayError
from .. import compat

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from ..selection import StripLevel

MAX_CHANNELS = 128
"""Number of channels in Blender's sequencer (`SEQ_MAX_CHANNELS`)."""


def find_free_channel(level: StripLevel, above: int, first: int, frames: int) -> int | None:
    """Return the first channel above `above` that is free in this range and neither locked nor muted; None if there is none."""
    return ChannelMap(level).find_free(above, first, frames)


class ChannelMap:
    """The occupied ranges of each channel of a level. Strips with the names `without` count as absent."""

    def __init__(self, level: StripLevel, without: AbstractSet[str] = frozenset()) -> None:
        self._channels = level.channels
        self._occupied: dict[int, list[tuple[int, int]]] = {}
        for strip in level.strips:
            if strip.name in without:
                continue
            self._occupied.setdefault(strip.channel, []).append((compat.strip_start(strip), compat.strip_end(strip)))

    def find_free(self, above: int, first: int, frames: int) -> int | None:
        """Return the first channel above `above` that is free in this range and neither locked nor muted; None if there is none."""
        for number in range(above + 1, MAX_CHANNELS + 1):
            free = all(end <= first or start >= first + frames for start, end in self._occupied.get(number, ()))
            if free and not self._channels[number].lock and not self._channels[number].mute:
                return number
        return None

    def release(self, channel: int, first: int, frames: int) -> None:
        """Mark a range of a channel that was occupied as free."""
        self._occupied[channel].remove((first, first + frames))

    def reserve(self, channel: int, first: int, frames: int) -> None:
        """Mark a range of a channel as occupied."""
        self._occupied.setdefault(channel, []).append((first, first + frames))


def no_free_channel(strip: Any) -> TracklayError:
    """Return the error for a strip without a free channel above it."""
    return TracklayError(
        "blender.no_free_channel", "No free channel above {strip}. Unlock or clear one.", strip=strip.name
    )


def stem_channel(level: StripLevel, title: str, start_channel: int, first: int, length: int) -> int | None:
    """Return the channel of that name if it is free there, else the next free channel without a name, which gets the name."""
    for number in range(1, MAX_CHANNELS + 1):
        if level.channels[number].name == title and find_free_channel(level, number - 1, first, length) == number:
            return number
    channel: int | None = start_channel
    while channel is not None and (channel := find_free_channel(level, channel, first, length)) is not None:
        if level.channels[channel].name == f"Channel {channel}":  # Blender's default name
            level.channels[channel].name = title
            return channel
    return None
