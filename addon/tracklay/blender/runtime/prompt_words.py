"""The words of a prompt that the sketch engine does not know, for the panel.

The first look at a prompt reads the tables of words, so it happens in a thread: drawing only reads what is already known.
"""

from __future__ import annotations

import threading

import bpy

from ..settings.redraw import redraw_sequencers

MODEL = "sketch/foley"
"""The model that knows words by a table."""

POLL_SECONDS = 0.05
"""Seconds between two looks at the thread."""

_MAX_PROMPTS = 64

_UnknownWords = tuple[tuple[str, str], ...]
_found: dict[tuple[str, str], _UnknownWords] = {}
_threads: list[threading.Thread] = []


def known_unknown_words(prompt: str, negative: str) -> _UnknownWords | None:
    """Return the unknown words of a prompt, each with the word that replaces it or an empty string.

    Returns None while they are being looked up; the sequencers are redrawn when that is done.
    """
    key = prompt, negative
    if key not in _found and not any(thread.is_alive() for thread in _threads):
        start_lookup(prompt, negative)
    return _found.get(key)


def start_lookup(prompt: str, negative: str) -> threading.Thread:
    """Look a prompt up in a thread, and return the thread."""
    thread = threading.Thread(target=_look_up, args=(prompt, negative), daemon=True)
    _threads[:] = [thread]
    thread.start()
    if not bpy.app.background and not bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.register(_on_timer, first_interval=POLL_SECONDS)
    return thread


def _look_up(prompt: str, negative: str) -> None:
    while len(_found) >= _MAX_PROMPTS:
        _found.pop(next(iter(_found)))
    # Enabling the extension must not load the tables.
    from ...sketch.foley.interpretation import interpret_prompt  # noqa: PLC0415

    words: _UnknownWords = ()
    try:
        meaning = interpret_prompt(prompt, negative)
        words = tuple((word, meaning.heard_as.get(word, "")) for word in meaning.unknown)
    finally:
        _found[prompt, negative] = words  # also after an error: otherwise every redraw would look again


def _on_timer() -> float | None:
    if any(thread.is_alive() for thread in _threads):
        return POLL_SECONDS
    redraw_sequencers()
    return None


def stop_timer() -> None:
    """Stop waiting for a lookup. Blender calls this through `unregister`."""
    if bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.unregister(_on_timer)
