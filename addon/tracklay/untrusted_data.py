"""Values from outside, made safe at the border: JSON with finite numbers, valid Unicode and bounded depth; text that can be printed.

Python reads more than JSON allows: `NaN`, numbers that become infinite, halves of surrogate pairs. Such a value could be stored, and
then neither SQLite nor a strict reader would read the record again.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal, InvalidOperation
from typing import Any

MAX_DEPTH = 64
"""Levels of nesting. What lies deeper becomes None: APIs nest a handful of levels."""

MAX_VALUES = 1_000_000
"""Values in one text. Each takes some hundred bytes of memory, whatever its length in the text."""

MAX_INTEGER = (1 << 63) - 1
"""The largest integer that SQLite and other readers of JSON keep exactly."""

MAX_INTEGER_DIGITS = len(f"-{MAX_INTEGER}")

MAX_AMOUNT = Decimal("1e9")
"""A larger sum of money is no cost."""

MAX_AMOUNT_CHARS = 40
"""Characters of a sum of money that are read."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def parse_json(text: bytes) -> Any:
    """Return the value of a JSON text, as `clean_json` returns it.

    Raises:
        ValueError: it is not JSON, or has too many values or levels.
    """
    # Every value but the first follows one of these. They occur within strings too, so the number is an upper limit.
    if text.count(b",") + text.count(b"[") + text.count(b"{") > MAX_VALUES:
        raise ValueError("too many values")
    try:
        try:
            value = json.loads(text, parse_int=_parse_integer)
        except UnicodeDecodeError:
            # One byte in a log must not make the whole reply unreadable.
            value = json.loads(text.decode("utf-8", "replace"), parse_int=_parse_integer)
        return clean_json(value)
    except RecursionError:
        raise ValueError("too many levels") from None


def _parse_integer(digits: str) -> int | None:
    # Python refuses to convert thousands of digits, with an error for the whole text.
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else None


def clean_json(value: Any, depth: int = 0) -> Any:
    """Return a JSON value that every reader accepts: numbers that are not finite or too large become None, text valid Unicode."""
    match value:
        case str():
            clean: Any = clean_text(value)
        case float():
            clean = value if math.isfinite(value) else None
        case int():
            clean = value if abs(value) <= MAX_INTEGER else None
        case dict() | list() | tuple() if depth >= MAX_DEPTH:
            clean = None
        case dict():
            clean = {clean_text(str(name)): clean_json(each, depth + 1) for name, each in value.items()}
        case list() | tuple():
            clean = [clean_json(each, depth + 1) for each in value]
        case _:
            clean = value
    return clean


def clean_text(text: str) -> str:
    """Return text as valid Unicode: a half of a surrogate pair becomes the replacement character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(REPLACEMENT if "\ud800" <= character <= "\udfff" else character for character in text)
    return text


def is_plain_name(name: object) -> bool:
    """Return True if a value names a file in a folder that is known, and cannot lead out of it."""
    return isinstance(name, str) and name not in ("", ".", "..") and not any(mark in name for mark in "/\\\0")


def printable_text(text: str) -> str:
    """Return text without characters that control a terminal: escape sequences, cursor movement, direction overrides. Lines stay."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\u200d" else REPLACEMENT for character in text
    )


def read_amount(text: object) -> Decimal | None:
    """Return a stored cost as a number; None for text that is none: a sum must not fail, nor a negative cost raise what a cap allows."""
    try:
        amount = Decimal(str(text)[:MAX_AMOUNT_CHARS])
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= MAX_AMOUNT else None
