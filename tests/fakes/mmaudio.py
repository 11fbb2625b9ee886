"""Fake MMAudio: decodes the proxy that it receives, clicks where that flashes, and returns the containers of the real one.

Facts, by `predict.py` of zsxkib/cog-mmaudio: MP4 (AAC mono 44.1 kHz) for a video or an image, FLAC mono 44.1 kHz for text alone; a clip
shorter than `duration` shortens the result.
"""

from __future__ import annotations

import base64
import functools
import re
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from tests.fakes.click_model import click_track, flashes, write

RATE = 44_100
TEXT_CLICK = Fraction(1, 4)
"""Seconds. Where the click is that words alone make."""


def _seconds(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.duration is not None
        assert stream.time_base is not None
        return stream.duration * stream.time_base


@functools.lru_cache
def make(video: bytes | None, duration: float, *, image: bytes | None = None) -> tuple[bytes, str]:
    """The file that the model answers with, and its ending."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        length = Fraction(duration)
        times = [TEXT_CLICK]
        if video is not None:
            proxy = folder / "proxy.mp4"
            proxy.write_bytes(video)
            length = min(length, _seconds(proxy))
            times = [time for time in flashes(proxy) if time < length]
        elif image is not None:
            with av.open(_kept(image, folder / "still.png")) as picture:
                assert next(picture.decode(video=0)).width > 0
        kind = "flac" if video is None and image is None else "mp4"
        return write(click_track(times, length, RATE), RATE, kind, folder).read_bytes(), kind


def _kept(content: bytes, path: Path) -> str:
    path.write_bytes(content)
    return str(path)


PROPERTIES: dict[str, dict[str, Any]] = {
    "prompt": {"type": "string", "title": "Prompt", "default": "", "x-order": 0},
    "negative_prompt": {"type": "string", "title": "Negative Prompt", "default": "music", "x-order": 1},
    "video": {"type": "string", "title": "Video", "format": "uri", "x-order": 2},
    "duration": {"type": "number", "title": "Duration", "default": 8, "minimum": 1, "x-order": 3},
    "num_steps": {"type": "integer", "title": "Num Steps", "default": 25, "x-order": 4},
    "cfg_strength": {"type": "number", "title": "Cfg Strength", "default": 4.5, "minimum": 1, "x-order": 5},
    "seed": {"type": "integer", "title": "Seed", "minimum": -1, "x-order": 6},
    "image": {"type": "string", "title": "Image", "format": "uri", "x-order": 7},
}
"""The model's published input schema, by its page at Replicate."""

_TYPES: dict[str, Any] = {"string": str, "number": (int, float), "integer": int}


@dataclass(frozen=True)
class Problem:
    """What is wrong with an input."""

    field: str
    kind: str
    words: str


def problems(given: dict[str, Any]) -> list[Problem]:
    """Everything in an input that the schema forbids."""
    found = []
    for name, value in given.items():
        rules = PROPERTIES.get(name)
        if rules is None:
            found.append(Problem("", "additional_property_not_allowed", f"Additional property {name} is not allowed"))
        elif isinstance(value, bool) or not isinstance(value, _TYPES[rules["type"]]):
            found.append(Problem(name, "invalid_type", f"Invalid type. Expected: {rules['type']}, given: {value!r}"))
        elif "minimum" in rules and value < rules["minimum"]:
            found.append(Problem(name, "number_gte", f"Must be greater than or equal to {rules['minimum']}"))
        elif rules.get("format") == "uri" and not re.match(r"https?://|data:", value):
            found.append(Problem(name, "format", "Does not match format 'uri'"))
    return found


def from_data_uri(text: str) -> bytes:
    """The bytes of a data URI."""
    head, _, content = text.partition(",")
    assert head.startswith("data:")
    assert head.endswith(";base64")
    return base64.b64decode(content, validate=True)
