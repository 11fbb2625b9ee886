"""The channels of each kind of sound: made or found by name, above the picture, and used again for every take of that kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .. import compat
from .channel_map import MAX_CHANNELS, ChannelMap

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from ..selection import StripLevel

FOLEY, EFFECTS, MUSIC, AMBIENCE = KINDS = ("Foley", "Effects", "Music", "Ambience")
"""The kinds of sounds: names of channels in saved files."""

_KIND_CHANNEL = re.compile(rf"({'|'.join(KINDS)})(?: \d+)?")


def channel_kind(name: str) -> str:
    """Return the kind of sound that a channel is named for, as `Foley` or `Foley 2`; empty for any other channel."""
    found = _KIND_CHANNEL.fullmatch(name)
    return found[1] if found else ""


def is_unnamed(channels: Any, number: int) -> bool:
    """Return whether a channel has the name that Blender gives it."""
    return bool(channels[number].name == f"Channel {number}")


class KindChannels:
    """The channels of each kind on a level. Their strips are read once; `take_channel` notes what it gives away.

    Args:
        level: the level.
        without: names of strips that count as absent, because they are about to move.
    """

    def __init__(self, level: StripLevel, without: AbstractSet[str] = frozenset()) -> None:
        self._level = level
        self._room = ChannelMap(level, without)
        self._used = {strip.channel for strip in level.strips if strip.name not in without}
        pictures = compat.strips_of_types(level.strips, compat.seen_types())
        self._spans = [(strip.channel, first, first + frames) for strip, first, frames in compat.strip_spans(pictures)]
        self._by_kind: dict[str, list[int]] = {kind: [] for kind in KINDS}
        self._named: list[int] = []
        for number in range(1, MAX_CHANNELS + 1):
            if kind := channel_kind(level.channels[number].name):
                self._by_kind[kind].append(number)

    def take_channel(self, kind: str, above: int, first: int, frames: int) -> int | None:
        """Return a channel for a sound of a kind on some frames, above all pictures there, and mark it as occupied.

        It is the lowest channel of that kind that is free there and neither locked nor muted. If there is none, the first empty channel
        without a name becomes one, above all pictures of the level; without an empty one, it is any free channel, as it is named. None
        if no channel is free.

        Args:
            kind: one of `KINDS`.
            above: a channel that it must be above.
            first: first timeline frame.
            frames: number of frames.
        """
        here = [channel for channel, start, end in self._spans if start < first + frames and end > first]
        above = max([above, *here])
        number = next((each for each in self._by_kind[kind] if self._is_free(each, above, first, frames)), None)
        if number is None:
            number = self._new_channel(kind, above, first, frames)
        if number is None:
            number = self._room.find_free(above, first, frames)
        if number is not None:
            self._room.reserve(number, first, frames)
            self._used.add(number)
        return number

    def forget_names(self) -> None:
        """Give the channels that were named here Blender's names again: nothing was placed on them."""
        for number in self._named:
            self._level.channels[number].name = f"Channel {number}"

    def _is_free(self, number: int, above: int, first: int, frames: int) -> bool:
        return number > above and self._room.find_free(number - 1, first, frames) == number

    def _new_channel(self, kind: str, above: int, first: int, frames: int) -> int | None:
        """Name an empty channel for a kind and return it; None if there is none."""
        highest = max((channel for channel, _, _ in self._spans), default=above)
        channels = self._level.channels
        for number in range(max(above, highest) + 1, MAX_CHANNELS + 1):
            if number in self._used or not is_unnamed(channels, number):
                continue
            if self._is_free(number, above, first, frames):
                channels[number].name = self._new_name(kind)
                self._named.append(number)
                self._by_kind[kind].append(number)
                return number
        return None

    def _new_name(self, kind: str) -> str:
        taken = {self._level.channels[number].name for number in self._by_kind[kind]}
        count = 1
        while (name := kind if count == 1 else f"{kind} {count}") in taken:
            count += 1
        return name
