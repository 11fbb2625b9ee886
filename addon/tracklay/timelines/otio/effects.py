"""Reads what effects and metadata say about an OTIO item: its speed, and whether it is a title or another generator.

OTIO itself stores a constant speed only. What its adapters and other programs keep in the metadata is read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import opentimelineio as otio

from .exact_numbers import to_fraction

OPAQUE_GENERATORS = ("black", "solid", "colo", "bars", "matte")
"""Parts of the names of generators that cover the whole frame ("colo" for colour and color); all others cover nothing.

"slug" is left out: Premiere writes every generator as a Slug in XML, titles too.
"""

RETIME_EFFECT_ID = "timeremap"
"""The effect id of Final Cut Pro 7's Time Remap. OTIO's adapter keeps the effect and drops its speeds."""

SPEED_TOLERANCE = 1e-3
"""Relative difference up to which two speeds are the same: AAF stores them as ratios of whole frames."""

_TITLE_PATTERN = re.compile(
    r"\b(text|title|subtitle|caption|scroll|lower third|generator|solid colou?r|fusion composition|adjustment (clip|layer))\b",
    re.IGNORECASE,
)
"""Names of effects that make a picture themselves. DaVinci Resolve writes `Text+`, `Text`, `Scroll`, `Solid Color`, …"""


def is_opaque_generator(name: str) -> bool:
    """Return True if a generator of this name covers the whole frame."""
    return any(word in name.lower() for word in OPAQUE_GENERATORS)


def find_title_name(clip: Any) -> str:
    """Return the name of the title or generator that a clip without media is; empty if it is none.

    DaVinci Resolve writes a title as a clip with a missing reference and an effect whose metadata, `Resolve_OTIO`, name the
    title. An offline clip has effects too, such as *Transform*: those make no picture.
    """
    for effect in clip.effects:
        metadata = effect.metadata.get("Resolve_OTIO", {})
        name = str(metadata.get("Effect Name", "")) if hasattr(metadata, "get") else ""
        if name and (name == clip.name or _TITLE_PATTERN.search(name)):
            return name
    return ""


def read_speed(item: Any) -> tuple[Fraction, str]:
    """Return the speed of an item by all its effects together, and an error if one of them changes it in an unknown way.

    OTIO stores a speed as the `time_scalar` of a LinearTimeWarp (FreezeFrame is one of 0), and several multiply. Its other
    time effects are names without numbers: assuming a speed of 1 for them would put the sound next to the wrong picture.
    """
    speed = Fraction(1)
    for effect in item.effects:
        if not getattr(effect, "enabled", True):
            continue
        if isinstance(effect, otio.schema.LinearTimeWarp):
            speed *= to_fraction(effect.time_scalar)
        if _is_variable_speed(effect):
            kind = effect.effect_name or effect.name or effect.schema_name()
            return speed, (
                f"{item.name or 'a clip'}: Unknown speed: OTIO stores no speeds of the effect {kind}. "
                "Render the clip to a movie, or give it a constant speed."
            )
    return speed, ""


def _is_variable_speed(effect: Any) -> bool:
    """Return True if an effect changes the speed in a way that OTIO does not store."""
    if isinstance(effect, otio.schema.LinearTimeWarp):
        return _has_speed_ramp(effect)
    if isinstance(effect, otio.schema.TimeEffect):
        return True
    metadata = getattr(effect, "metadata", {}).get("fcp_xml", {})
    return hasattr(metadata, "get") and metadata.get("effectid") == RETIME_EFFECT_ID


def _has_speed_ramp(effect: Any) -> bool:
    """Return True if the AAF that an effect comes from holds a speed that varies.

    The AAF adapter makes it a constant speed, often of 1, and keeps Avid's key frames in the metadata: a map of speeds
    (`PARAM_SPEED_MAP_U`), and a map of positions (`PARAM_OFFSET_MAP_U`, `PARAM_SPEED_OFFSET_MAP_U`), as pairs of time and value.
    Seen in otio-aaf-adapter 2.0, `tests/sample_data/misc_speed_effects.aaf`, whose last clip is a ramp.
    """
    metadata = effect.metadata.get("AAF", {})
    parameters = metadata.get("Parameters", {}) if hasattr(metadata, "get") else {}
    for name, parameter in parameters.items() if hasattr(parameters, "items") else ():
        points = list(_key_frames(parameter))
        if name.startswith("PARAM_SPEED_MAP"):
            values = [value for _, value in points]
        elif "OFFSET_MAP" in name:
            values = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(points) if b[0] != a[0]]
        else:
            continue
        if values and max(values) - min(values) > SPEED_TOLERANCE * max(1.0, *map(abs, values)):
            return True
    return False


def _key_frames(parameter: Any) -> Iterator[tuple[float, float]]:
    """Yield the key frames of an AAF parameter as (time, value); none if it has none."""
    pairs = parameter.get("keyframe_values") if hasattr(parameter, "get") else None
    for pair in pairs or ():
        try:
            yield float(pair[0]), float(pair[1])
        except (TypeError, ValueError, IndexError):
            continue
