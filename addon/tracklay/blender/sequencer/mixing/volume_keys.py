"""The volume curves of strips: which keys are ours and which the user's, and what stays of a curve where the user has keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import bpy

from ....mix.notes import MixNote
from .. import compat

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    Key = tuple[float, float]

FOREVER: Final = 1e9
"""A frame after every other; with a minus, before."""

CURVES_PER_STEP: Final = 200
"""Curves that are noted in one step."""

LEVEL_TOLERANCE: Final = 1e-5
"""Difference of volumes that are the same."""

SPAN_STEPS: Final = 200
"""Places at which a curve is read between two of its keys."""

OWN_KEY: Final = {
    "interpolation": "LINEAR",
    "type": "GENERATED",
    "handle_left_type": "AUTO_CLAMPED",
    "handle_right_type": "AUTO_CLAMPED",
}
"""Properties of our keys. Blender has the type for keys that a tool has set (since 4.3); the handles are for a user who changes one."""


def volume_path(strip: Any) -> str:
    """Return the data path of a strip's volume from its scene."""
    return str(strip.path_from_id("volume"))


@dataclass(slots=True)
class VolumeCurves:
    """Finds the volume curves of a scene's strips by their numbers. A number that no longer fits is looked up again."""

    places: dict[str, int] = field(default_factory=dict)
    drivers: frozenset[str] = frozenset()

    @classmethod
    def steps_of_scene(cls, scene_name: str) -> Generator[None, None, VolumeCurves]:
        """Note where the curves of a scene are now, a few at a time, and return that."""
        places: dict[str, int] = {}
        first = 0
        while (scene := bpy.data.scenes.get(scene_name)) is not None:
            if not (curves := (compat.scene_curves(scene) or ())[first : first + CURVES_PER_STEP]):
                return cls(places, cls.driven_paths(scene))
            places |= {curve.data_path: number for number, curve in enumerate(curves, first)}
            first += CURVES_PER_STEP
            yield
        return cls(places)

    @staticmethod
    def driven_paths(scene: Any) -> frozenset[str]:
        """Return the data paths of a scene's drivers."""
        drivers = scene.animation_data.drivers if scene.animation_data else ()
        return frozenset(driver.data_path for driver in drivers)

    def find(self, scene: Any, strip: Any) -> Any:
        """Return the F-curve of a strip's volume; None if it has none. Valid until the next change of the file."""
        curves, path = compat.scene_curves(scene), volume_path(strip)
        if curves is None:
            return None
        place = self.places.get(path, len(curves))
        if place < len(curves) and curves[place].data_path == path:
            return curves[place]
        return curves.find(path)

    def foreign_reason(self, strip: Any, curve: Any) -> MixNote | None:
        """Return why a strip's volume is the user's own to set; None if Mix may write keys."""
        if volume_path(strip) in self.drivers:
            return MixNote("mix.note_driver", "Its volume has a driver. It stays as it is.")
        if curve is not None and len(curve.modifiers):
            return MixNote("mix.note_modifiers", "Its volume curve has modifiers. It stays as it is.")
        return None


def read_keys(curve: Any) -> list[Key]:
    """Return (frame, value) of each key of a curve."""
    return list(_numbers(curve, "co"))


def curve_bytes(curve: Any) -> bytes:
    """Return what the keys of a curve are: places, values and interpolations."""
    import numpy as np  # noqa: PLC0415 - a panel imports this module

    points = curve.keyframe_points
    places, kinds = np.zeros(2 * len(points), np.float32), np.zeros(len(points), np.int32)
    points.foreach_get("co", places)
    points.foreach_get("interpolation", kinds)
    return places.tobytes() + kinds.tobytes()


def own_flags(curve: Any, ours: Sequence[Key]) -> list[bool]:
    """Return for each key of a curve whether it is ours and as we left it."""
    known = set(ours)
    points = curve.keyframe_points
    kinds = [0] * len(points)
    points.foreach_get("interpolation", kinds)
    straight = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items["LINEAR"].value
    return [key in known and kind == straight for key, kind in zip(_numbers(curve, "co"), kinds, strict=True)]


def has_other_keys(curve: Any, ours: Sequence[Key]) -> bool:
    """Return whether a curve has keys that are not ours."""
    return not all(own_flags(curve, ours))


def pinned_stretches(curve: Any, ours: Sequence[Key]) -> list[tuple[float, float, list[Key]]]:
    """Return the stretches in which the user's keys are: the nearest keys of ours before and after, and the user's between.

    Where none of ours is before or after, the stretch has no end: the user's key holds there.
    """
    stretches: list[tuple[float, float, list[Key]]] = []
    before, theirs = -FOREVER, []
    for key, is_own in zip(read_keys(curve), own_flags(curve, ours), strict=True):
        if not is_own:
            theirs.append(key)
            continue
        if theirs:
            stretches.append((before, key[0], theirs))
            theirs = []
        before = key[0]
    return [*stretches, (before, FOREVER, theirs)] if theirs else stretches


def level_stretches(curve: Any, ours: Sequence[Key], least: float) -> list[tuple[float, float, float]]:
    """Return (first frame, last frame, value) of the stretches between the user's keys in which they hold one value.

    Keys of ours in them do not count. A curve holds its value before its first key and after its last one, too.

    Args:
        curve: the curve.
        ours: our keys.
        least: length of a stretch in frames.
    """
    theirs = [point for point, is_own in zip(curve.keyframe_points, own_flags(curve, ours), strict=True) if not is_own]
    if not theirs:
        return []
    found = [(left.co[0], right.co[0], left.co[1]) for left, right in pairwise(theirs) if _is_level(left, right)]
    if curve.extrapolation == "CONSTANT":
        found = [(-FOREVER, *theirs[0].co), *found, (theirs[-1].co[0], FOREVER, theirs[-1].co[1])]
    return [(first, last, value) for first, last, value in found if last - first >= least]


def _is_level(left: Any, right: Any) -> bool:
    """Return whether a curve stays at the value of two keys between them."""
    values = {left.co[1], right.co[1]}
    if left.interpolation == "BEZIER":
        values |= {left.handle_right[1], right.handle_left[1]}
    return bool(max(values) - min(values) <= LEVEL_TOLERANCE)


def sample_curve(curve: Any, first: int, stop: int) -> list[tuple[int, float]]:
    """Return (frame, value) of a curve from `first` to `stop`, both included, between which straight lines are close to it."""
    inner = {round(frame) for frame, _ in read_keys(curve)}
    ends = sorted({first, stop, *(frame for frame in inner if first < frame < stop)})
    frames = {ends[0]}
    for start, end in pairwise(ends):
        frames.update(range(start, end, max(1, (end - start) // SPAN_STEPS)))
        frames.add(end)
    return [(frame, max(0.0, float(curve.evaluate(frame)))) for frame in sorted(frames)]


def write_keys(curve: Any, keys: Sequence[Key], old: Iterable[Key]) -> list[Key]:
    """Replace our keys in a curve, and return the new ones as Blender holds them. Keys of the user's stay as they are."""
    points = curve.keyframe_points
    flags = own_flags(curve, list(old))
    if all(flags):
        points.clear()
        points.add(len(keys))
        points.foreach_set("co", [number for key in keys for number in key])
        for name, value in OWN_KEY.items():
            number = bpy.types.Keyframe.bl_rna.properties[name].enum_items[value].value
            points.foreach_set(name, [number] * len(points))
        curve.update()
        return read_keys(curve)
    for number in reversed([number for number, is_own in enumerate(flags) if is_own]):
        points.remove(points[number], fast=True)
    taken = {round(frame) for frame, _ in read_keys(curve)}
    written = [key for key in keys if key[0] not in taken]
    for frame, volume in written:
        point = points.insert(frame, volume, options={"FAST"})
        for name, value in OWN_KEY.items():
            setattr(point, name, value)
    curve.update()
    frames = {frame for frame, _ in written}
    return [key for key in read_keys(curve) if key[0] in frames]


def _numbers(curve: Any, name: str) -> Iterable[Key]:
    points = curve.keyframe_points
    flat = [0.0] * (2 * len(points))
    points.foreach_get(name, flat)
    return zip(flat[::2], flat[1::2], strict=True)
