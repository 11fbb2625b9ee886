"""Looks something up in a thread, for panels: drawing only reads what is already known."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

import bpy

from ...settings.redraw import redraw_sequencers

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Key = TypeVar("Key", bound="Hashable")
Answer = TypeVar("Answer")

POLL_SECONDS = 0.05
"""Seconds between two looks at the thread."""

MAX_ANSWERS = 64
"""Answers that are kept: the oldest is dropped."""


class BackgroundLookup(Generic[Key, Answer]):
    """Answers by key, each found by a thread. One thread runs at a time; the sequencers are redrawn when it ends.

    Args:
        find: finds the answer to a key. It runs in the thread.
        after_error: the answer where `find` has failed, so that not every redraw looks again.
    """

    def __init__(self, find: Callable[[Key], Answer], after_error: Answer) -> None:
        self._find, self._after_error = find, after_error
        self.answers: dict[Key, Answer] = {}
        self._thread: threading.Thread | None = None
        self._timer = self._poll  # Blender knows a timer by its object, and each access to a method makes another

    def get(self, key: Key) -> Answer | None:
        """Return the answer to a key. None if it is not known yet: then a thread looks it up."""
        if key not in self.answers and not self._is_running():
            self.start(key)
        return self.answers.get(key)

    def start(self, key: Key) -> threading.Thread:
        """Look a key up in a thread, and return the thread."""
        self._thread = threading.Thread(target=self._run, args=(key,), daemon=True)
        self._thread.start()
        if not bpy.app.background and not bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.register(self._timer, first_interval=POLL_SECONDS)
        return self._thread

    def stop(self) -> None:
        """Stop waiting for the thread. Blender calls this through `unregister`."""
        if bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.unregister(self._timer)

    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _run(self, key: Key) -> None:
        while len(self.answers) >= MAX_ANSWERS:
            self.answers.pop(next(iter(self.answers)))
        answer = self._after_error
        try:
            answer = self._find(key)
        finally:
            self.answers[key] = answer

    def _poll(self) -> float | None:
        if self._is_running():
            return POLL_SECONDS
        redraw_sequencers()
        return None
