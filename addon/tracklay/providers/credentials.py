"""API keys, from the environment or set by Blender's preferences, and their removal from text.

No other module reads them.
"""

from __future__ import annotations

import base64
import os
from urllib.parse import quote

from ..errors import KeyMissing, KeyRefused
from ..settings import SECRET_VARIABLES

COMFYUI_HEADER = "TRACKLAY_COMFYUI_HEADER"
"""The variable of the login header in front of a ComfyUI server."""

REDACTED = "[key]"

MIN_REDACTED_CHARS = 6
"""Shorter values are not keys, and replacing them would garble the text."""

_stored_keys: dict[str, str] = {}


def set_key(name: str, value: str) -> None:
    """Set a key by the name of its variable; an empty value removes it. The environment takes precedence."""
    _stored_keys[name] = value


def get_key(name: str) -> str:
    """Return a key's value, or an empty string."""
    return (os.environ.get(name) or _stored_keys.get(name) or "").strip()


def require_key(name: str, provider: str) -> str:
    """Return a key that a request needs.

    Raises:
        KeyMissing: it is not set.
        KeyRefused: it has characters that no key has.
    """
    value = get_key(name)
    if not value:
        raise KeyMissing(
            "provider.key_missing",
            "{provider} needs an API key: {variable} is not set.",
            provider=provider,
            variable=name,
        )
    # A line break or a space, from a careless copy, would make an invalid header.
    if not all("!" <= character <= "~" for character in value):
        raise KeyRefused(
            "provider.key_malformed",
            "{variable} has characters that no API key has. Copy the key again from {provider}.",
            provider=provider,
            variable=name,
        )
    return value


def redact(text: str) -> str:
    """Return the text with each API key replaced by `[key]`.

    Finds a key as it is, the part after its colon (fal, the value of a header), as HTTP Basic encodes it, alone and with each other
    key (Scenario), and quoted for a URL.
    """
    values = [
        value
        for name in SECRET_VARIABLES
        for value in {os.environ.get(name, "").strip(), _stored_keys.get(name, "").strip()}
        if value
    ]
    pairs = [f"{left}:{right}" for left in values for right in values if left != right]
    secrets = {
        form
        for value in [*values, *pairs]
        for form in (
            value,
            value.partition(":")[2].strip(),
            quote(value, safe=""),
            base64.b64encode(value.encode()).decode(),
        )
        if len(form) >= MIN_REDACTED_CHARS
    }
    # The longest first: a key may be a part of another form.
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text
