"""What was done and why, a line each, for whoever asks afterwards: `log.txt` in TRACKLAY_HOME. No key and no prompt is ever in it.

Several processes write to one file: a line is one write at its end. A log that cannot be written is no error.
"""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .paths import tracklay_home

if TYPE_CHECKING:
    from pathlib import Path

    from .cue import Cue

MAX_LOG_BYTES = 1 << 20
"""A longer log becomes `log.old.txt`, and a new one begins: some ten thousand lines of each are kept."""


def log_path() -> Path:
    """The log."""
    return tracklay_home() / "log.txt"


def append_line(message: str) -> None:
    """Add a line, with the time (UTC) and the process before it."""
    line = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {os.getpid()} {' '.join(message.split())}\n"
    with contextlib.suppress(OSError):
        if log_path().exists() and log_path().stat().st_size > MAX_LOG_BYTES:
            log_path().replace(log_path().with_name("log.old.txt"))
        log_path().parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(log_path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode("utf-8", "replace"))
        finally:
            os.close(descriptor)


def log_picture_source(cue: Cue) -> None:
    """Note how a cue's picture is made, and why so."""
    seen, span = cue.picture, cue.span
    way = f"Blender renders {seen.render.strip}" if seen.render else f"read from {seen.source}"
    append_line(
        f"cue {cue.id}, frames {span.start} to {span.end - 1}: {way}, for {seen.reason or 'it is all there is'}"
    )
