"""Takes that have arrived and wait to be put into their placeholders. Plain data: no strip, no scene, no bpy."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...jobs.job_spec import MAX_TAKES

if TYPE_CHECKING:
    from ...cue import Take
    from .cue_status import TakeKey

MAX_SEPARATE_UNDO_STEPS = 4
"""Up to this many waiting takes get an undo step each. More are filled as one step, because Blender's undo history is short."""

EXTRA_TAKE_STRIDE = MAX_TAKES + 1
"""Distance between the indices of the takes of one job, above every index that a cue gives to its own takes."""


def extra_take_index(take_index: int, position: int) -> int:
    """Return the index of the `position`-th sound (from 0) of a job that returned several. The first keeps the job's own index."""
    return take_index + position * EXTRA_TAKE_STRIDE


def is_extra_take(take_index: int) -> bool:
    """Return whether this is a further sound of a job, which has no placeholder of its own."""
    return take_index >= EXTRA_TAKE_STRIDE


def job_take_index(take_index: int) -> int:
    """Return the index of the take whose job returned this one."""
    return take_index % EXTRA_TAKE_STRIDE


@dataclass(frozen=True, slots=True)
class ReceivedTake:
    """A take and its manifest entry as JSON, which its strips store."""

    take: Take
    entry_json: str


class TakeInbox:
    """Takes that have arrived, final errors of those that never will, and the order in which strips are filled."""

    def __init__(self) -> None:
        self.received: dict[TakeKey, ReceivedTake] = {}
        """Kept for the whole session: undo, redo, paste and opening a file can restore a placeholder at any time."""
        self.final_errors: dict[TakeKey, str] = {}
        """Messages for placeholders whose take will never arrive, kept for the same reason."""
        self.fill_queue: deque[TakeKey] = deque()
        """Takes that have just arrived."""
        self.refill_queue: deque[TakeKey] = deque()
        """Takes whose placeholders have reappeared empty."""
        self._is_bulk = False

    def receive(self, key: TakeKey, takes: Iterable[Take]) -> list[tuple[TakeKey, Take]]:
        """Store the takes of one job, in the order of their numbers, and return each with its key."""
        cue_id, take_index = key
        keyed = [
            ((cue_id, extra_take_index(take_index, position)), take)
            for position, take in enumerate(sorted(takes, key=lambda take: take.number))
        ]
        for each, take in keyed:
            entry_json = json.dumps(take.to_manifest_entry(), ensure_ascii=False)
            self.received[each] = ReceivedTake(take, entry_json)
        return keyed

    def has_waiting(self, cue_id: str) -> bool:
        """Return whether a take of this cue waits in the fill queue."""
        return any(cue == cue_id for cue, _ in self.fill_queue)

    def next_to_fill(self) -> TakeKey:
        """Remove and return the first take of the fill queue.

        It is removed before it is filled: whatever fails then, no take is laid twice.

        Raises:
            IndexError: the queue is empty.
        """
        self._is_bulk = self._is_bulk or len(self.fill_queue) > MAX_SEPARATE_UNDO_STEPS
        return self.fill_queue.popleft()

    def ends_undo_step(self, *, has_changed: bool) -> bool:
        """Return whether an undo step ends after the fill just made: after each, or after the last of many.

        Args:
            has_changed: whether the fill changed any strip.
        """
        if not has_changed or (self._is_bulk and self.fill_queue):
            return False
        self._is_bulk = False
        return True

    def queue_refills(self, empty: Iterable[TakeKey]) -> list[TakeKey]:
        """Queue the takes of empty placeholders for refilling, and return the keys of those with a final error.

        Args:
            empty: the takes that have empty placeholders now; replaces what an earlier scan has queued.
        """
        self.refill_queue.clear()
        failed = []
        for key in empty:
            if key in self.received and key not in self.fill_queue:
                self.refill_queue.append(key)
            elif key in self.final_errors:
                failed.append(key)
        return failed
