"""Writes the volume keys of a mix, and clears them, a strip at a time.

All keys are written into a new action that nothing uses yet, and the scene gets it in one step at the end: what is on the timeline
changes once, whatever happens before, and Blender evaluates it once. A timer runs the steps; between two of them nothing of Blender's is
kept. A step yields None, or `OWN_SLICE`.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import bpy

from ....errors import TracklayError
from ...settings.mix_properties import STALE_PROPERTY
from .. import compat
from .fingerprint import timeline_steps, volume_steps
from .records import SCENE_PROPERTY, STRIP_PROPERTY, SceneRecord, StripRecord, read_record, read_scene_record
from .volume_keys import own_flags, volume_path, write_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .scene_sounds import SceneScan

NEW_ACTION = "Tracklay mix (unfinished)"
"""Name of the action while it is written."""

MOST_COPIED_CURVES = 100
"""Curves of an action that is copied at once."""

CURVES_PER_STEP, CURVES_PER_REMOVAL, CURVES_PER_LOOK, STRIPS_PER_STEP = 10, 50, 200, 50
"""Curves that are copied or removed, and curves and strips that are looked at, in one step."""

OWN_SLICE = True
"""What a step yields before one that takes about as long as a whole slice, in place of None."""


def timeline_changed_error() -> TracklayError:
    """Return the error for a timeline that changed while it was mixed."""
    return TracklayError(
        "mix.timeline_changed", "The timeline changed while it was mixed. Nothing was written. Mix again."
    )


class MixWriter:
    """Writes the keys of a mix. `steps` does a little at a time; until its last step the scene is as it was."""

    def __init__(self, scan: SceneScan, lines: Sequence[str], result: Mapping[str, Any]) -> None:
        self._scan, self._lines, self._result = scan, lines, result
        # As text: Python's collector does not look at it, and has nothing to do for a mix of 2,000 strips.
        self._records: dict[str, str] = {}
        self._cleared: dict[str, float] = {}
        self.written = 0
        self.total = 1

    def steps(self) -> Iterator[bool | None]:
        """Write all keys.

        Raises:
            TracklayError: the timeline changed since it was read.
        """
        yield from self._check_timeline()
        self.total = 2 * len(self._lines)
        with _NewAction(self._scan.scene) as action:
            yield from action.fill()
            yield from self._write_curves(action)
            yield from self._store_records()
            yield from self._check_timeline()
            scene = _scene_of(self._scan.scene)
            before = read_scene_record(scene)
            is_first = scene.animation_data is None or scene.animation_data.action is None
            has_action = before.has_action if before is not None else is_first
            record = self._scene_record(has_action=has_action)
            record.write(scene)
            if STALE_PROPERTY in scene:
                del scene[STALE_PROPERTY]
            yield None
            yield from action.install()
        for name, volume in self._cleared.items():
            _reset_volume(self._scan.scene, name, volume)
            yield None
        volumes = yield from volume_steps(self._scan.scene)
        replace(record, volumes=volumes).write(_scene_of(self._scan.scene))

    def _check_timeline(self) -> Iterator[None]:
        if (yield from timeline_steps(self._scan.scene)) != self._scan.fingerprint:
            raise timeline_changed_error()

    def _write_curves(self, action: _NewAction) -> Iterator[None]:
        for line in self._lines:
            planned = json.loads(line)
            scene = _scene_of(self._scan.scene)
            strip = scene.sequence_editor.strips_all.get(planned["id"])
            self.written += 1
            if strip is None:
                raise timeline_changed_error()
            record, keys = read_record(strip), planned["keys"]
            if keys is None:
                if record is not None:  # mixed before, and left alone now
                    _remove_own_keys(action, strip, record)
                    self._cleared[strip.name] = record.volume
                    self._records[strip.name] = ""
            else:
                shifted = [(frame + self._scan.first, volume) for frame, volume in keys]
                path = volume_path(strip)
                curve = action.find(path) or action.new(path)
                own = () if record is None else record.keys
                volume = strip.volume if record is None or not len(curve.keyframe_points) else record.volume
                held = write_keys(curve, shifted, own)
                kept = StripRecord(volume, held, planned["kind"], planned["kind_from"], bool(planned["keeps_level"]))
                self._records[strip.name] = kept.to_text()
            yield

    def _store_records(self) -> Iterator[None]:
        for name, record in self._records.items():
            scene = _scene_of(self._scan.scene)
            if (strip := scene.sequence_editor.strips_all.get(name)) is None:
                raise timeline_changed_error()
            if name in self._cleared:
                del strip[STRIP_PROPERTY]
            else:
                strip[STRIP_PROPERTY] = record
            self.written += 1
            yield

    def _scene_record(self, *, has_action: bool) -> SceneRecord:
        measures = self._result["measures"]
        left_out = {name: TracklayError.from_dict(held) for name, held in self._result["left_out"].items()}
        left = {**self._scan.strip_notes, **left_out}
        for name, note in left.items():
            note.subject = name
        notes = [*map(TracklayError.from_dict, self._result["notes"]), *left.values()]
        return SceneRecord(
            self._result["preset"],
            measures["lufs"],
            measures["true_peak"],
            measures["dialogue_over_music"],
            measures["limiting_db"],
            self._scan.fingerprint,
            tuple(notes),
            has_action,
        )


class MixClearer:
    """Removes the keys of a mix, and gives each strip its own volume back. Keys of the user's stay."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene.name
        self.written, self.total = 0, 1

    def steps(self) -> Iterator[bool | None]:
        """Clear the mix."""
        names: list[str] = []
        for found in _mixed_strips(self._scene):
            names += found
            yield None
        self.total = 2 * len(names)
        volumes = {}
        known = read_scene_record(_scene_of(self._scene))
        with _NewAction(self._scene) as action:
            yield from action.fill()
            for name in names:
                strip = _strip_of(self._scene, name)
                record = None if strip is None else read_record(strip)
                if record is not None and not _remove_own_keys(action, strip, record):
                    volumes[name] = record.volume
                self.written += 1
                yield None
            yield from action.install(may_remove=known is not None and known.has_action)
            scene = _scene_of(self._scene)
            for name_of_scene in (SCENE_PROPERTY, STALE_PROPERTY):
                if name_of_scene in scene:
                    del scene[name_of_scene]
        for name in names:
            if name in volumes:
                _reset_volume(self._scene, name, volumes[name])
            strip = _strip_of(self._scene, name)
            if strip is not None and STRIP_PROPERTY in strip:
                del strip[STRIP_PROPERTY]
            self.written += 1
            yield None


def _mixed_strips(scene: str) -> Iterator[list[str]]:
    """Yield the names of the strips with a record of the mix, a few at a time."""
    place = 0
    while place < len(strips := _scene_of(scene).sequence_editor.strips_all):
        yield [strip.name for strip in strips[place : place + STRIPS_PER_STEP] if STRIP_PROPERTY in strip]
        place += STRIPS_PER_STEP


class _NewAction:
    """The action of a scene with the changes of a mix. It is found by its name: another tool may delete it between two steps."""

    def __init__(self, scene: str) -> None:
        self._scene = scene
        self._title, self._slot, self._name, self._is_kept = "", "", "", False
        self._old: tuple[str, int] | None = None
        self._places: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if (action := bpy.data.actions.get(self._name)) is not None and not action.users:
            bpy.data.actions.remove(action)

    def fill(self) -> Iterator[bool | None]:
        """Create the action as a copy of the scene's: its curves a few at a time where there are many."""
        scene = _scene_of(self._scene)
        animation = scene.animation_data
        old = None if animation is None else animation.action
        if old is None:
            self._create(f"{scene.name}Action", scene.name)
        elif not _is_copied_in_parts(old):
            yield OWN_SLICE
            old = self._copy_whole()
        else:
            self._create(old.name, animation.action_slot.name_display)
            self._is_kept = old.use_fake_user
            yield from self._copy_curves(old.name)
        yield None
        if old is not None:
            self._old = self._title, (yield from _count_keys(self._title))
        first = 0
        while found := [curve.data_path for curve in self.curves[first : first + CURVES_PER_LOOK]]:
            self._places |= {path: first + number for number, path in enumerate(found)}
            first += CURVES_PER_LOOK
            yield None

    def _create(self, title: str, slot_name: str) -> None:
        action = bpy.data.actions.new(NEW_ACTION)
        slot = action.slots.new(id_type="SCENE", name=slot_name)
        action.layers.new("Layer").strips.new(type="KEYFRAME").channelbag(slot, ensure=True)
        self._slot, self._name, self._title = slot.identifier, action.name, title

    def _copy_whole(self) -> Any:
        """Copy the scene's action, and return the scene's."""
        animation = _scene_of(self._scene).animation_data
        if animation is None or (old := animation.action) is None:
            raise timeline_changed_error()
        action = old.copy()
        action.name = NEW_ACTION
        self._slot, self._name, self._title = animation.action_slot.identifier, action.name, old.name
        self._is_kept, action.use_fake_user = action.use_fake_user, False  # what is not installed is not kept
        return old

    def _copy_curves(self, old_name: str) -> Iterator[None]:
        place = 0
        while True:
            if (old := bpy.data.actions.get(old_name)) is None:
                raise timeline_changed_error()
            curves, mine = compat.action_slot_curves(old, old.slots[0]), self.curves
            if place >= len(curves):
                return
            for curve in curves[place : place + CURVES_PER_STEP]:
                mine.new_from_fcurve(curve)
            place += CURVES_PER_STEP
            yield

    @property
    def curves(self) -> Any:
        """The curves of the scene in the new action."""
        action = bpy.data.actions.get(self._name)
        if action is None:
            raise timeline_changed_error()
        slot = action.slots[self._slot]
        found = compat.action_slot_curves(action, slot)
        return action.layers[0].strips[0].channelbag(slot, ensure=True).fcurves if found is None else found

    def find(self, path: str) -> Any:
        """Return the curve of a data path; None if there is none."""
        curves, place = self.curves, self._places.get(path)
        if place is None:
            return None
        # A curve that was removed moves those after it.
        return curves[place] if place < len(curves) and curves[place].data_path == path else curves.find(path)

    def new(self, path: str) -> Any:
        """Return a new curve."""
        return self.curves.new(path)

    def install(self, *, may_remove: bool = False) -> Iterator[bool | None]:
        """Give the scene the action in place of its own, under its name. With `may_remove`, an empty one goes with its slot.

        Raises:
            TracklayError: the scene's action changed meanwhile.
        """
        if self._old is not None and (yield from _count_keys(self._old[0])) != self._old[1]:
            raise timeline_changed_error()
        scene = _scene_of(self._scene)
        animation = scene.animation_data or scene.animation_data_create()
        old, action = animation.action, bpy.data.actions.get(self._name)
        if action is None or (None if old is None else old.name) != (self._old and self._old[0]):
            raise timeline_changed_error()
        if may_remove and not any(compat.action_fcurves(action)):
            animation.action = None
            if not len(animation.drivers) and not len(animation.nla_tracks):
                scene.animation_data_clear()
        else:
            animation.action = action
            animation.action_slot = action.slots[self._slot]
        yield None
        if self._old is not None:
            yield from _remove_unused(self._old[0])
        if (action := bpy.data.actions.get(self._name)) is not None and action.users:
            action.name, action.use_fake_user = self._title, self._is_kept
        yield None


def _is_copied_in_parts(action: Any) -> bool:
    """Return whether an action is copied curve by curve, as 5.0 and later can: it has many, and nothing but curves."""
    is_plain = (
        len(action.slots) == 1
        and len(action.layers) == 1
        and len(action.layers[0].strips) == 1
        and not action.keys()
        and not action.use_frame_range
        and action.asset_data is None
    )
    curves = compat.action_slot_curves(action, action.slots[0]) if is_plain else None
    if curves is None or len(curves) <= MOST_COPIED_CURVES or not hasattr(curves, "new_from_fcurve"):
        return False
    return not len(action.layers[0].strips[0].channelbags[0].groups)


def _remove_own_keys(action: _NewAction, strip: Any, record: StripRecord) -> bool:
    """Remove our keys from a strip's curve, and the curve with its last key. Return whether keys of the user's stay."""
    curve = action.find(volume_path(strip))
    if curve is None:
        return False
    flags = own_flags(curve, list(record.keys))
    if all(flags):
        action.curves.remove(curve)
        return False
    for number in reversed([number for number, is_own in enumerate(flags) if is_own]):
        curve.keyframe_points.remove(curve.keyframe_points[number], fast=True)
    curve.update()
    return True


def _remove_unused(name: str) -> Iterator[bool | None]:
    """Remove an action that nothing uses, its curves a few at a time."""
    while (action := bpy.data.actions.get(name)) is not None and not action.users:
        curves = next((found for place in _bag_places(name) if len(found := _curves_at(name, place))), ())
        if not curves:
            yield OWN_SLICE
            if (action := bpy.data.actions.get(name)) is not None and not action.users:
                bpy.data.actions.remove(action)
            yield OWN_SLICE
            return
        for curve in reversed(curves[-CURVES_PER_REMOVAL:]):
            curves.remove(curve)
        yield None


def _count_keys(name: str) -> Generator[None, None, int]:
    """Return the number of keys of an action, a few curves at a time."""
    count = 0
    for place in list(_bag_places(name)):
        first = 0
        while found := _curves_at(name, place)[first : first + CURVES_PER_LOOK]:
            count += sum(len(curve.keyframe_points) for curve in found)
            first += CURVES_PER_LOOK
            yield
    return count


def _bag_places(name: str) -> Iterator[tuple[int, int, int]]:
    """Yield the numbers of layer, strip and channel bag of each collection of curves of an action."""
    if (action := bpy.data.actions.get(name)) is None:
        raise timeline_changed_error()
    for layer, each in enumerate(action.layers):
        for strip, keyframes in enumerate(each.strips):
            yield from ((layer, strip, bag) for bag in range(len(keyframes.channelbags)))


def _curves_at(name: str, place: tuple[int, int, int]) -> Any:
    if (action := bpy.data.actions.get(name)) is None or place not in list(_bag_places(name)):
        raise timeline_changed_error()
    layer, strip, bag = place
    return action.layers[layer].strips[strip].channelbags[bag].fcurves


def _scene_of(name: str) -> Any:
    scene = bpy.data.scenes.get(name)
    if scene is None or scene.sequence_editor is None:
        raise timeline_changed_error()
    return scene


def _strip_of(scene: str, name: str) -> Any:
    return _scene_of(scene).sequence_editor.strips_all.get(name)


def _reset_volume(scene: str, name: str, volume: float) -> None:
    if (strip := _strip_of(scene, name)) is not None:
        strip.volume = volume
