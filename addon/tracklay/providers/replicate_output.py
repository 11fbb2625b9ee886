"""Parsers for the outputs and logs of models packed with Cog, which Replicate and a local container run."""

from __future__ import annotations

import re
from typing import Any

MAX_LOG_CHARS = 1 << 16
"""The last characters of a run's log that are searched. Logs grow without limit, and the event loop waits meanwhile."""

_TQDM = re.compile(r"^[ \t]*(\d{1,3})%[ \t]*\|[^|\n]+\|[ \t]*(\d{1,9})/(\d{1,9})", re.MULTILINE)
"""A progress line of tqdm, like the pattern of Replicate's own Python client (`prediction.py`), but within one line and without
overlapping repetitions: the time is linear in the length of the log."""

_SEED = re.compile(r"Using seed: (\d{1,19})(?!\d)")
"""The log line of MMAudio (`predict.py` of zsxkib/cog-mmaudio)."""


def parse_log_progress(logs: Any) -> tuple[float | None, str]:
    """Return a run's progress by its logs, from 0 to 1 or None, and its step in words."""
    found = _TQDM.findall(logs[-MAX_LOG_CHARS:]) if isinstance(logs, str) else []
    if not found or not int(found[-1][2]):
        return None, ""
    _, step, steps = found[-1]
    return min(1.0, int(step) / int(steps)), f"step {step} of {steps}"


def parse_log_seed(logs: Any) -> int | None:
    """Return the seed that a model logged, or None."""
    found = _SEED.findall(logs[-MAX_LOG_CHARS:]) if isinstance(logs, str) else []
    return int(found[-1]) if found else None


def find_urls(output: Any) -> list[str]:
    """Return every URL in an output, in order: the output may be a URL, a list, or an object with any keys."""
    if isinstance(output, str):
        return [output] if output.startswith(("https://", "http://", "data:")) else []
    inner = output.values() if isinstance(output, dict) else output if isinstance(output, list) else ()
    return [url for value in inner for url in find_urls(value)]
