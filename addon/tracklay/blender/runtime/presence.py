"""Tracks which placeholders are missing from the timeline, and decides when their jobs are cancelled. Plain data, no bpy."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cue_status import TakeKey

DELETION_GRACE_SECONDS = 4.0
"""Seconds a placeholder may be missing before its job is cancelled: long enough to cut and paste, or to undo a deletion."""


class PresenceTracker:
    """Takes whose placeholders are missing, by the reason."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.missing_since: dict[TakeKey, float] = {}
        """Takes whose placeholders were deleted, and when that was seen."""
        self.removed_by_undo: set[TakeKey] = set()
        """Takes whose placeholders an undo removed. A redo can restore them, so they are never cancelled."""
        self.cancelled_by_deletion: set[TakeKey] = set()
        """Takes whose jobs are being cancelled because their placeholders were deleted."""

    def open_file(self) -> None:
        """Forget the missing placeholders of the file that was open before."""
        self.missing_since.clear()
        self.removed_by_undo.clear()

    def keep_cues(self, cue_ids: Container[str]) -> None:
        """Forget missing placeholders of all other cues."""
        self.missing_since = {key: since for key, since in self.missing_since.items() if key[0] in cue_ids}

    def update(
        self, keys: Iterable[TakeKey], present: Container[TakeKey], settled: Container[TakeKey], *, after_undo: bool
    ) -> list[TakeKey]:
        """Compare the takes that should have placeholders with those that do, and return those whose jobs to cancel now.

        Args:
            keys: takes of the open file.
            present: takes that have a strip.
            settled: takes that have arrived or failed: a missing strip needs no action.
            after_undo: the scan follows an undo step, so what is newly missing was undone, not deleted.
        """
        now = self._clock()
        to_cancel = []
        for key in keys:
            if key in present:
                self.removed_by_undo.discard(key)
                self.missing_since.pop(key, None)
            elif key in settled or key in self.removed_by_undo or key in self.cancelled_by_deletion:
                pass
            elif after_undo and key not in self.missing_since:
                self.removed_by_undo.add(key)
            elif now - self.missing_since.setdefault(key, now) > DELETION_GRACE_SECONDS:
                del self.missing_since[key]
                self.cancelled_by_deletion.add(key)
                to_cancel.append(key)
        return to_cancel
