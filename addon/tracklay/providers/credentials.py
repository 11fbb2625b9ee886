"""Keys: from the environment, or given by Blender's preferences. Nothing else reads them, and `redact` takes them out of any text."""

from __future__ import annotations

import base64
import os
from urllib.parse import quote

from ..errors import KeyMissing, KeyRefused
from ..settings import KEY_VARIABLES

REDACTED = "[key]"

MIN_REDACTED_CHARS = 6
"""Characters. Anything shorter is no key, and taking it out of a text would only garble it."""

_stored_keys: dict[str, str] = {}


def set_key(name: str, value: str) -> None:
    """Set a key by its variable's name, as Blender's preferences do. The environment stands before it; empty takes it away."""
    _stored_keys[name] = value


def get_key(name: str) -> str:
    """A key's value, empty where there is none."""
    return (os.environ.get(name) or _stored_keys.get(name) or "").strip()


def require_key(name: str, provider: str) -> str:
    """A key that a request needs.

    Raises:
        KeyMissing: it is not set.
        KeyRefused: it cannot be one.
    """
    value = get_key(name)
    if not value:
        raise KeyMissing(f"{provider} wants a key: set {name} in the environment or in Tracklay's preferences")
    if not all("!" <= character <= "~" for character in value):
        raise KeyRefused(f"{name} holds characters that no key has: copy the key again from {provider}")
    return value


def redact(text: str) -> str:
    """The text without any key: as it is, in its halves, as HTTP Basic writes it, or quoted for a URL."""
    values = [
        value
        for name in KEY_VARIABLES
        for value in {os.environ.get(name, "").strip(), _stored_keys.get(name, "").strip()}
        if value
    ]
    pairs = [f"{left}:{right}" for left in values for right in values if left != right]
    secrets = {
        form
        for value in [*values, *pairs]
        for form in (value, value.partition(":")[2], quote(value, safe=""), base64.b64encode(value.encode()).decode())
        if len(form) >= MIN_REDACTED_CHARS
    }
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text
