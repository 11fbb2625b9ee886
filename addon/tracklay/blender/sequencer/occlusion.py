"""Which pictures are seen where others lie above them. Pure arithmetic, in about as many steps as there are strips."""

from __future__ import annotations

from bisect import bisect_right
from heapq import heappop, heappush
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class StripExtent(NamedTuple):
    """Where a strip lies: its first frame, the first after it, and its channel. `is_opaque` says that nothing is seen below it."""

    start: int
    end: int
    channel: int
    is_opaque: bool = True


def topmost_spans(strips: Sequence[StripExtent], first: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Of which strip the picture is from frame `first` to `end`: its index, and its part's first frame and the first after it."""
    rising = sorted(range(len(strips)), key=lambda index: strips[index].start)
    begun, at, now = 0, first, -1
    lying: list[tuple[int, int]] = []  # by channel, the highest first
    since = first
    while at < end:
        while begun < len(rising) and strips[rising[begun]].start <= at:
            heappush(lying, (-strips[rising[begun]].channel, rising[begun]))
            begun += 1
        while lying and strips[lying[0][1]].end <= at:
            heappop(lying)
        top = lying[0][1] if lying else -1
        if top != now:
            if now >= 0:
                yield now, since, at
            now, since = top, at
        coming = strips[rising[begun]].start if begun < len(rising) else end
        at = min(end, coming, strips[top].end if top >= 0 else end)
    if now >= 0:
        yield now, since, end


def visible_indices(strips: Sequence[StripExtent], first: int, end: int) -> list[int]:
    """The indices of the strips that are seen anywhere from frame `first` to `end`."""
    found: list[int] = []
    covered: list[tuple[int, int]] = []
    falling = sorted(range(len(strips)), key=lambda index: -strips[index].channel)
    for _, level in groupby(falling, key=lambda index: strips[index].channel):
        here = list(level)
        for index in here:
            left, right = max(first, strips[index].start), min(end, strips[index].end)
            over = bisect_right(covered, left, key=itemgetter(0)) - 1
            if left < right and not (over >= 0 and covered[over][1] >= right):
                found.append(index)
        covered = _merge_spans([*covered, *(strips[index][:2] for index in here if strips[index].is_opaque)])
    return sorted(found)


def _merge_spans(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that meet become one; rising."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found
