"""Fades of a take: keyframes of Blender's own volume, at both ends of its strips."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import compat

if TYPE_CHECKING:
    from collections.abc import Iterator


class FadeFrames(NamedTuple):
    """The lengths of a strip's fades in frames; 0 for none."""

    fade_in: int
    fade_out: int


def read_fades(scene: Any, strip: Any) -> FadeFrames:
    """Return the fades of a strip: the rise of its volume from 0 at its first frame, and its fall to 0 at its last."""
    keys = [(round(key.co[0]), key.co[1]) for key in _volume_keys(scene, strip)]
    first, last = compat.strip_start(strip), compat.strip_end(strip)
    rise = next((after[0] - first for before, after in _pairs(keys) if before == (first, 0.0) and after[1] > 0), 0)
    fall = next((last - before[0] for before, after in _pairs(keys) if after == (last, 0.0) and before[1] > 0), 0)
    return FadeFrames(rise, fall)


def _pairs(keys: list[tuple[int, float]]) -> Iterator[tuple[tuple[int, float], tuple[int, float]]]:
    return pairwise(keys)


def set_fades(scene: Any, strip: Any, fades: FadeFrames) -> None:
    """Set the fades of a strip. Keyframes of its volume between the fades stay.

    The fades of a strip that is shorter than both meet where they are in proportion.
    """
    before = read_fades(scene, strip)
    first, last = compat.strip_start(strip), compat.strip_end(strip)
    length = last - first
    fade_in, fade_out = fades
    if fade_in + fade_out > length:
        fade_in = round(length * fade_in / (fade_in + fade_out))
        fade_out = length - fade_in
    replaced = {first, first + before.fade_in} if before.fade_in else set()
    replaced |= {last, last - before.fade_out} if before.fade_out else set()
    volume = _full_volume(scene, strip, replaced)
    for frame in replaced:
        strip.keyframe_delete("volume", frame=frame)
    strip.volume = volume
    for frame, value in (
        *(((first, 0.0), (first + fade_in, volume)) if fade_in else ()),
        *(((last - fade_out, volume), (last, 0.0)) if fade_out else ()),
    ):
        strip.volume = value
        strip.keyframe_insert("volume", frame=frame)
    strip.volume = volume
    for key in _volume_keys(scene, strip):
        key.interpolation = "LINEAR"


def _full_volume(scene: Any, strip: Any, fade_frames: set[int]) -> float:
    """Return the volume between the fades."""
    values = [key.co[1] for key in _volume_keys(scene, strip) if round(key.co[0]) in fade_frames and key.co[1] > 0]
    return float(values[0]) if values else float(strip.volume)


def _volume_keys(scene: Any, strip: Any) -> list[Any]:
    """Return the keyframes of a strip's volume, in the order of time."""
    animation = scene.animation_data
    if animation is None or animation.action is None:
        return []
    path = strip.path_from_id("volume")
    curves = [curve for curve in compat.action_fcurves(animation.action) if curve.data_path == path]
    return list(curves[0].keyframe_points) if curves else []
