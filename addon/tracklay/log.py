"""Logging: loggers named `tracklay.…`, one file in TRACKLAY_HOME for all processes, and stderr on request.

Modules log through `logging.getLogger("tracklay.…")`. A front end calls `configure` once; without it nothing is written. Prompts are
never logged, and every record passes `RedactionFilter` before it is written.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .paths import PRIVATE_FILE_MODE, create_home, tracklay_home
from .untrusted_data import printable_text

if TYPE_CHECKING:
    from .cue import Cue

MAX_LOG_BYTES = 1 << 20
"""Size at which the log is renamed to `log.old.txt`. Each of the two files holds about 10,000 lines."""

AUTHORIZATION = re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:(?:bearer|basic|key|token)\s+)?)[^\s'\",;}]+")
"""An Authorization header in any notation: its scheme stays, its value goes."""

REDACTED = "[key]"

_logger = logging.getLogger("tracklay")
_picture_logger = logging.getLogger("tracklay.picture")

# A library must stay silent until a front end attaches handlers: without this one, Python prints warnings to stderr.
_logger.addHandler(logging.NullHandler())


def log_path() -> Path:
    """Return the log's path."""
    return tracklay_home() / "log.txt"


class RedactionFilter(logging.Filter):
    """Removes API keys and the values of Authorization headers from records.

    Args:
        redact: removes the values of all known keys from a text.
    """

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's message and traceback by redacted text. No record is dropped."""
        # The message is formatted here: a key may come from an argument as well as from the text.
        record.msg, record.args = self.clean(record.getMessage()), None
        if record.exc_info:
            record.exc_text = self.clean(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True

    def clean(self, text: str) -> str:
        """Return a text without keys."""
        return AUTHORIZATION.sub(rf"\g<1>{REDACTED}", self._redact(text))


class LineFormatter(logging.Formatter):
    """Formats a record as one line: `2026-01-31T12:00:00Z PROCESS LEVEL logger: message`. Times are UTC."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, tracebacks and line breaks included."""
        return printable_text(" ".join(super().format(record).split()))


class AppendHandler(logging.Handler):
    """Appends each record to the log with a single write, so that lines of several processes never mix.

    A log that cannot be written is not an error: the work goes on without it.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Append one line. The file is opened each time, because another process may have renamed it."""
        with contextlib.suppress(OSError):
            path = log_path()
            if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
                path.replace(path.with_name("log.old.txt"))
            create_home()
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, PRIVATE_FILE_MODE)
            try:
                os.write(descriptor, f"{self.format(record)}\n".encode("utf-8", "replace"))
            finally:
                os.close(descriptor)


class StderrHandler(logging.Handler):
    """Prints records to whatever `sys.stderr` is at the moment: a live table replaces it to keep its lines apart."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        with contextlib.suppress(OSError, ValueError):  # stderr may be closed
            sys.stderr.write(f"{self.format(record)}\n")


def configure(redact: Callable[[str], str], verbosity: int = 0) -> None:
    """Attach the handlers. A second call replaces those of the first.

    Args:
        redact: removes the values of all known keys from a text.
        verbosity: 0 logs to the file alone, from INFO up; 1 prints the same to stderr; 2 adds DEBUG to both.
    """
    for handler in list(_logger.handlers):
        if isinstance(handler, AppendHandler | StderrHandler):
            _logger.removeHandler(handler)
    handlers: list[logging.Handler] = [AppendHandler()]
    if verbosity > 0:
        handlers.append(StderrHandler())
    for handler in handlers:
        handler.setFormatter(LineFormatter())
        handler.addFilter(RedactionFilter(redact))
        _logger.addHandler(handler)
    _logger.setLevel(logging.DEBUG if verbosity > 1 else logging.INFO)


def log_picture_source(cue: Cue) -> None:
    """Log how a cue's picture is produced (read from its file or rendered by Blender), and the reason."""
    picture, span = cue.picture, cue.span
    files = ", ".join(dict.fromkeys(str(piece.picture.source) for piece in picture.pieces)) or picture.source
    way = f"Blender renders {picture.render.strip}" if picture.render else f"read from {files}"
    reason = f", because {picture.reason}" if picture.reason else ""
    _picture_logger.info("cue %s, frames %d to %d: %s%s", cue.id, span.start, span.end - 1, way, reason)
