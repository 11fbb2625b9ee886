"""Lines that the command prints: messages on stderr, results on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from ..untrusted_data import printable_text


def print_message(message: str) -> None:
    """Print one line on stderr."""
    print(f"tracklay: {printable_text(' '.join(message.split()))}", file=sys.stderr, flush=True)  # noqa: T201 - a command prints


def print_messages(messages: Iterable[str]) -> None:
    """Print each different message once."""
    for message in dict.fromkeys(messages):
        print_message(message)


def print_json(value: Any) -> None:
    """Print a result on stdout as JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # Outside of strings everything is ASCII, so what cannot be printed is in a string and may be escaped there.
    print("".join(each if each.isprintable() or each == "\n" else _escape(each) for each in text))  # noqa: T201


def print_text(text: str) -> None:
    """Print a result on stdout as it is."""
    print(text, end="")  # noqa: T201


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1]
