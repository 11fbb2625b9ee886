"""Decides when the timeline is scanned, and runs a scan in slices across timer ticks. Plain data, no bpy."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

SCAN_INTERVAL_SECONDS = 0.25
"""Minimum seconds between two scans while the timeline is being edited."""

SCAN_OVERDUE_SECONDS = 1.0
"""Seconds after which a scan takes precedence over filling placeholders. Until then takes are filled first, so they appear sooner."""

SLICE_SECONDS = 0.0007
"""Seconds of one tick that a scan, refills or staleness checks may use. Blender draws at 60 Hz: a tick must not be noticed."""

StripName = tuple[str, str]
"""Names of a scene and of a strip in it."""


class TimelineScan:
    """The schedule of scans, the scan in progress, and the strips whose staleness is still to be checked."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, slice_clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._clock, self._slice_clock = clock, slice_clock
        self._finished_at = 0.0
        self._steps: Iterator[bool] | None = None
        self.is_file_new = True
        """Whether a file was opened and has not been scanned since."""
        self.staleness_queue: deque[StripName] = deque()

    @property
    def is_active(self) -> bool:
        """True if a scan has begun and continues with the next tick."""
        return self._steps is not None

    def is_due(self, *, has_changes: bool) -> bool:
        """Return whether the timeline must be scanned: a scan is in progress, a file is new, or there are changes and time has passed.

        Args:
            has_changes: the timeline may have changed since the last scan, or placeholders are missing.
        """
        return self.is_active or self.is_file_new or (has_changes and self._seconds_since() > SCAN_INTERVAL_SECONDS)

    def is_overdue(self) -> bool:
        """Return whether a due scan must run before further takes are filled: many arriving takes would postpone it forever."""
        return self.is_file_new or self._seconds_since() > SCAN_OVERDUE_SECONDS

    def _seconds_since(self) -> float:
        return self._clock() - self._finished_at

    def open_file(self) -> None:
        """Note that a file was opened. A scan of the file before is dropped."""
        self.is_file_new = True
        self._steps = None

    def abort(self) -> bool:
        """Drop the scan in progress, whose findings are about to become wrong. Return whether there was one."""
        was_active, self._steps = self.is_active, None
        return was_active

    def time_slice(self) -> Callable[[], bool]:
        """Begin a slice; return a function that returns whether time is left in it."""
        until = self._slice_clock() + SLICE_SECONDS
        return lambda: self._slice_clock() < until

    def run_slice(self, begin: Callable[[], Iterator[bool]]) -> None:
        """Continue the scan in progress for one slice, or begin one.

        Args:
            begin: returns the steps of a new scan. A step that yields True ends the slice, however short it was.
        """
        has_time = self.time_slice()
        self._steps = self._steps or begin()
        for ends_slice in self._steps:
            if ends_slice or not has_time():
                return
        self._steps = None

    def finish(self, filled: Iterable[StripName]) -> bool:
        """Note the end of a scan. Return whether it was the first of a file.

        Args:
            filled: strips with a take, whose staleness is checked next; replaces what an earlier scan has queued.
        """
        self._finished_at = self._clock()
        self.staleness_queue = deque(dict.fromkeys(filled))
        was_file_new, self.is_file_new = self.is_file_new, False
        return was_file_new
