"""Parsers for the outputs and logs of models packed with Cog, which Replicate and a local container run."""

from __future__ import annotations

import re
from typing import Any

_TQDM = re.compile(r"^\s*(\d+)%\s*\|.+?\|\s*(\d+)/(\d+)", re.MULTILINE)
"""A progress line of tqdm, by the pattern of Replicate's own Python client (`prediction.py`)."""

_SEED = re.compile(r"Using seed: (\d+)")
"""The log line of MMAudio (`predict.py` of zsxkib/cog-mmaudio)."""


def parse_log_progress(logs: Any) -> tuple[float | None, str]:
    """Return a run's progress by its logs, from 0 to 1 or None, and its step in words."""
    found = _TQDM.findall(logs) if isinstance(logs, str) else []
    if not found or not int(found[-1][2]):
        return None, ""
    _, step, steps = found[-1]
    return min(1.0, int(step) / int(steps)), f"step {step} of {steps}"


def parse_log_seed(logs: Any) -> int | None:
    """Return the seed that a model logged, or None."""
    found = _SEED.findall(logs) if isinstance(logs, str) else []
    return int(found[-1]) if found else None


def find_urls(output: Any) -> list[str]:
    """Return every URL in an output, in order: the output may be a URL, a list, or an object with any keys."""
    if isinstance(output, str):
        return [output] if output.startswith(("https://", "http://", "data:")) else []
    inner = output.values() if isinstance(output, dict) else output if isinstance(output, list) else ()
    return [url for value in inner for url in find_urls(value)]
