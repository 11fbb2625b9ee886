"""Charges of a model's takes so far, for the panel: of models that are billed by computing time nothing else is known before.

Reading the ledger takes a file and a query, so it happens in a thread: drawing only reads what is already known.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import bpy

from ..settings.redraw import redraw_sequencers

if TYPE_CHECKING:
    from ...jobs.costs import BilledRange

POLL_SECONDS = 0.05
"""Seconds between two looks at the thread."""

_found: dict[str, BilledRange | None] = {}
_threads: list[threading.Thread] = []


def known_bills(model_id: str) -> BilledRange | None:
    """Return what takes of a model were charged; None if that is not known, or not yet read. Without a window nothing is read."""
    if model_id not in _found and not bpy.app.background and not any(thread.is_alive() for thread in _threads):
        start_reading(model_id)
    return _found.get(model_id)


def start_reading(model_id: str) -> threading.Thread:
    """Read the charges of a model in a thread, and return the thread."""
    thread = threading.Thread(target=_read, args=(model_id,), daemon=True)
    _threads[:] = [thread]
    thread.start()
    if not bpy.app.background and not bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.register(_on_timer, first_interval=POLL_SECONDS)
    return thread


def forget_bills() -> None:
    """Read the charges again when they are needed next: a job has ended."""
    _found.clear()


def _read(model_id: str) -> None:
    # Enabling the extension must not load SQLite.
    from ...errors import TracklayError  # noqa: PLC0415
    from ...jobs.admin import model_bills  # noqa: PLC0415

    bills = None
    try:
        bills = model_bills(model_id)
    except TracklayError:
        pass  # the ledger cannot be read: the next job says so
    finally:
        _found[model_id] = bills


def _on_timer() -> float | None:
    if any(thread.is_alive() for thread in _threads):
        return POLL_SECONDS
    redraw_sequencers()
    return None


def stop_timer() -> None:
    """Stop waiting for the thread. Blender calls this through `unregister`."""
    if bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.unregister(_on_timer)
