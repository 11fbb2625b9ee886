"""Lines that the command prints: messages on stderr, results on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any


def print_message(message: str) -> None:
    """Print one line on stderr."""
    print(f"tracklay: {' '.join(message.split())}", file=sys.stderr, flush=True)  # noqa: T201 - a command prints


def print_messages(messages: Iterable[str]) -> None:
    """Print each different message once."""
    for message in dict.fromkeys(messages):
        print_message(message)


def print_json(value: Any) -> None:
    """Print a result on stdout as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201
