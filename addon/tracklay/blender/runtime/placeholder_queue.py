"""Places the placeholders of a Generate over several ticks, so that none is long. Its jobs start when all of them exist."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...errors import TracklayError
from ..sequencer import placeholders, placement
from ..sequencer.cue_index import shared_cue_index
from .cue_status import CueStatus, running_cues
from .job_start import with_delivery

if TYPE_CHECKING:
    from ...jobs import JobSpec
    from ..sequencer.cue_index import CueRequest
    from ..sequencer.selection import CueSource

    Order = tuple[JobSpec, CueSource, CueRequest]

STRIPS_PER_TICK = 8
"""Placeholders that are placed at once: Blender takes about a millisecond for each sound, and as long again to connect them."""


@dataclass(slots=True)
class _Placing:
    """A Generate whose placeholders are being placed: all its orders, and those that are left."""

    orders: list[Order]
    repair: bool
    left: deque[Order] = field(init=False)

    def __post_init__(self) -> None:
        self.left = deque(self.orders)

    def next_orders(self) -> list[Order]:
        """Remove and return the next orders: of `STRIPS_PER_TICK` placeholders together, or one."""
        chunk = [self.left.popleft()]
        while self.left and sum(spec.cue.takes for spec, _, _ in (*chunk, self.left[0])) <= STRIPS_PER_TICK:
            chunk.append(self.left.popleft())
        return chunk


class PlaceholderQueue:
    """The orders whose placeholders are being placed.

    Args:
        start_job: starts a job. None is started before all placeholders of its Generate exist: what cannot be laid costs nothing.
    """

    def __init__(self, start_job: Callable[[JobSpec], None]) -> None:
        self._start_job = start_job
        self._queue: deque[_Placing] = deque()

    @property
    def is_active(self) -> bool:
        """True if placeholders are left to place."""
        return bool(self._queue)

    def add(self, orders: Sequence[Order], *, repair: bool, on_placed: Callable[[], None] | None) -> None:
        """Place the first placeholders, and queue the others; up to `STRIPS_PER_TICK`, and all with `on_placed`, are placed now.

        Raises:
            TracklayError: no channel is free above one of the pictures; nothing was placed.
        """
        placing = _Placing(list(orders), repair)
        strips = sum(spec.cue.takes for spec, _, _ in orders)
        if strips <= STRIPS_PER_TICK or on_placed is not None:
            placement.place_placeholders(orders)
            if on_placed is not None:
                on_placed()
            self._finish(placing)
            return
        placement.check_free_channels([(spec, spot) for spec, spot, _ in orders])
        placement.place_placeholders(placing.next_orders())
        shared_cue_index.is_dirty = True
        self._queue.append(placing)

    def place_next(self) -> None:
        """Place the next placeholders. After the last ones the undo step of the Generate is pushed, and its jobs start.

        If one cannot be placed any more, all are removed, and its cue has the error: nothing was sent.
        """
        placing = self._queue[0]
        chunk = placing.next_orders()
        try:
            placement.place_placeholders(chunk)
        except TracklayError as error:
            self._queue.popleft()
            self._remove_placed(placing)
            spec = chunk[0][0]
            running_cues()[spec.cue.id] = CueStatus(spec.cue, spec.delivery, {}, errors={0: error})
            return
        shared_cue_index.is_dirty = True
        if not placing.left:
            self._queue.popleft()
            self._finish(placing)

    def abort(self) -> None:
        """Forget what is left: the user has undone or redone something, or opened another file. Nothing was sent."""
        self._queue.clear()

    def _finish(self, placing: _Placing) -> None:
        shared_cue_index.is_dirty = True
        placement.push_undo(placement.find_scene(placing.orders[0][1]), placement.UNDO_GENERATE)
        for spec, spot, _ in placing.orders:
            self._start_job(with_delivery(spec, spot, repair=placing.repair))

    def _remove_placed(self, placing: _Placing) -> None:
        shared_cue_index.refresh()
        for spec, _, _ in placing.orders:
            placeholders.remove_placeholders(shared_cue_index.cue_strips(spec.cue.id))
        shared_cue_index.is_dirty = True
