"""What Replicate and Cog have in common (one made the other): progress and seeds in logs, outputs of any shape."""

from __future__ import annotations

import re
from typing import Any

_TQDM = re.compile(r"^\s*(\d+)%\s*\|.+?\|\s*(\d+)/(\d+)", re.MULTILINE)
"""tqdm's line, as the official client reads it (facts/apis.md, section 1.3)."""

_SEED = re.compile(r"Using seed: (\d+)")
"""MMAudio's own word in its logs (facts/apis.md, section 1.10)."""


def parse_log_progress(logs: Any) -> tuple[float | None, str]:
    """How far a run is by its logs: from 0 to 1, and in words; None where they don't say."""
    found = _TQDM.findall(logs) if isinstance(logs, str) else []
    if not found or not int(found[-1][2]):
        return None, ""
    _, done, all_of_them = found[-1]
    return min(1.0, int(done) / int(all_of_them)), f"step {done} of {all_of_them}"


def parse_log_seed(logs: Any) -> int | None:
    """The seed that a model says it used."""
    found = _SEED.findall(logs) if isinstance(logs, str) else []
    return int(found[-1]) if found else None


def find_urls(output: Any) -> list[str]:
    """Every address in an output, in order: it may be one, a list, or an object with any names."""
    if isinstance(output, str):
        return [output] if output.startswith(("https://", "http://", "data:")) else []
    inner = output.values() if isinstance(output, dict) else output if isinstance(output, list) else ()
    return [address for each in inner for address in find_urls(each)]
