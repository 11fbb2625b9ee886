"""The first steps of a new user: what works without a key, and once what a placeholder is."""

from __future__ import annotations

from ...providers import credentials
from . import preferences

_is_explaining = False
"""Whether the Cues panel explains placeholders now."""


def has_any_key() -> bool:
    """Return whether the key of any provider is set. Reads memory only: the panel calls it."""
    return any(credentials.get_key(name) for _, names in preferences.HOSTED_PROVIDERS.values() for name in names)


def explain_placeholders_once() -> None:
    """Have the Cues panel explain placeholders, unless it has done so in this or an earlier session."""
    global _is_explaining  # noqa: PLW0603 - Blender has one main thread and one panel
    if preferences.note_explanation():
        _is_explaining = True


def is_explaining() -> bool:
    """Return whether the Cues panel explains placeholders now."""
    return _is_explaining


def hide_explanation() -> None:
    """Hide the explanation. It does not come back."""
    global _is_explaining  # noqa: PLW0603
    _is_explaining = False
