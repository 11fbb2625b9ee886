"""Computes which strips are visible where strips cover each other. Pure arithmetic, O(n log n) in the number of strips."""

from __future__ import annotations

from bisect import bisect_right
from heapq import heappop, heappush
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class StripExtent(NamedTuple):
    """First frame of a strip, first frame after it, and its channel. An opaque strip hides everything below it."""

    start: int
    end: int
    channel: int
    is_opaque: bool = True


def topmost_spans(strips: Sequence[StripExtent], first: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the topmost strip from frame `first` to before `end`: its index, first frame, and first frame after the part.

    A sweep over the timeline; a heap holds the strips that have begun, by channel.
    """
    by_start = sorted(range(len(strips)), key=lambda index: strips[index].start)
    begun, at, now = 0, first, -1
    open_strips: list[tuple[int, int]] = []  # a heap of (-channel, index): the highest channel is first
    since = first
    while at < end:
        while begun < len(by_start) and strips[by_start[begun]].start <= at:
            heappush(open_strips, (-strips[by_start[begun]].channel, by_start[begun]))
            begun += 1
        while open_strips and strips[open_strips[0][1]].end <= at:
            heappop(open_strips)
        top = open_strips[0][1] if open_strips else -1
        if top != now:
            if now >= 0:
                yield now, since, at
            now, since = top, at
        coming = strips[by_start[begun]].start if begun < len(by_start) else end
        at = min(end, coming, strips[top].end if top >= 0 else end)
    if now >= 0:
        yield now, since, end


def visible_indices(strips: Sequence[StripExtent], first: int, end: int) -> list[int]:
    """Return the indices of the strips that are visible anywhere from frame `first` to before `end`.

    Channels are visited from the top down, with the union of the opaque spans above.
    """
    found: list[int] = []
    covered: list[tuple[int, int]] = []
    by_channel = sorted(range(len(strips)), key=lambda index: -strips[index].channel)
    for _, level in groupby(by_channel, key=lambda index: strips[index].channel):
        here = list(level)
        for index in here:
            left, right = max(first, strips[index].start), min(end, strips[index].end)
            over = bisect_right(covered, left, key=itemgetter(0)) - 1
            if left < right and not (over >= 0 and covered[over][1] >= right):
                found.append(index)
        covered = _merge_spans([*covered, *(strips[index][:2] for index in here if strips[index].is_opaque)])
    return sorted(found)


def _merge_spans(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merge spans that overlap or touch, and sort them."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found
