"""Reads the sounds that are heard in a scene, as plain data: what a mix in another process needs, and what stays as it is.

`SceneScan` reads one strip at a time, so that a timer can read 2,000 strips without holding Blender. Between two of them the file may
change: strips are known by their names, and nothing of Blender's is kept.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ....cue import SAMPLE_RATE
from ....mix.frame_source import FramedSource
from ....mix.kinds import KINDS, kind_of_task
from ....mix.notes import MixNote
from ....mix.sources import MixSource
from ...settings import catalogue
from ...settings.mix_properties import LEAVE_ALONE
from .. import compat, selection
from ..channels.by_kind import is_unnamed
from ..cue_index import ENTRY_PROPERTY
from .fingerprint import timeline_steps
from .records import read_record
from .volume_keys import VolumeCurves, has_other_keys, level_stretches, pinned_stretches, sample_curve

if TYPE_CHECKING:
    from ....mix.kinds import Kind, KindOrigin
    from .records import StripRecord

LATE_BEFORE_VERSION = (5, 1)
"""Blenders before this one read a volume between two frames from the frame before (measured in 4.5.15, 5.0.1 and 5.2.2)."""

MAX_NESTING = 16

LEVEL_SECONDS = 2
"""Seconds for which keys of the user's have to hold one value for a duck between them."""


STRIPS_PER_STEP = 50
"""Strips whose names are read in one step."""


@dataclass(frozen=True, slots=True)
class LevelSounds:
    """The sounds of the timeline, or of a meta strip.

    Attributes:
        names: names of its sound strips that are not muted.
        first: first frame on which they are heard.
        stop: first frame after it.
        gain: volume of the meta strips around them.
        label: prefix of their tracks, so that the channels of two levels differ.
    """

    names: tuple[str, ...]
    first: int
    stop: int
    gain: float
    label: str


@dataclass(slots=True)
class SceneScan:
    """The sounds of a scene's frame range.

    Attributes:
        scene: its name.
        first: first frame of the mix.
        frames: its length.
        rate: frames per second.
        lines: `FramedSource` of each sound as JSON text.
        strip_notes: a note on each strip that stays as it is, or keeps its level.
        fingerprint: the timeline as it was read.
    """

    scene: str
    first: int
    frames: int
    rate: Fraction
    lines: list[str] = field(default_factory=list)
    strip_notes: dict[str, MixNote] = field(default_factory=dict)
    fingerprint: str = ""

    @classmethod
    def of_scene(cls, scene: Any) -> SceneScan:
        """Return the empty scan of a scene."""
        frames = max(1, scene.frame_end - scene.frame_start + 1)
        return cls(scene.name, scene.frame_start, frames, selection.scene_rate(scene).fps)

    def read(self) -> Iterator[None]:
        """Read the scene, one strip at a time."""
        self.fingerprint = yield from timeline_steps(self.scene)
        if (scene := bpy.data.scenes.get(self.scene)) is None:
            return
        levels: list[LevelSounds] = []
        for found in _heard_levels(scene, self.first, self.first + self.frames):
            levels += found
            yield
        curves = yield from VolumeCurves.steps_of_scene(self.scene)
        for level in levels:
            for name in level.names:
                scene = bpy.data.scenes.get(self.scene)
                strip = scene and scene.sequence_editor and scene.sequence_editor.strips_all.get(name)
                if strip:
                    self._read_strip(scene, level, strip, curves)
                yield

    def _read_strip(self, scene: Any, level: LevelSounds, strip: Any, curves: VolumeCurves) -> None:
        begin, end = compat.strip_start(strip), compat.strip_end(strip)
        first, stop = max(begin, level.first), min(end, level.stop)
        if stop <= first:
            return
        if reason := _unreadable_reason(strip):
            self.strip_notes[strip.name] = reason
            return
        record = read_record(strip)
        curve = curves.find(scene, strip)
        volumes = self._read_volumes(strip, curve, record, (first, stop), curves.foreign_reason(strip, curve))
        kind, origin = _known_kind(strip)
        rate = self.rate
        place = round((first - self.first) * SAMPLE_RATE / rate)
        into = Fraction(first) - compat.content_start(strip) + compat.content_trim_start(strip)
        source = MixSource(
            strip.name,
            strip.name,
            Path(bpy.path.abspath(strip.sound.filepath)),
            place,
            round((stop - self.first) * SAMPLE_RATE / rate) - place,
            offset=round(into / rate * SAMPLE_RATE - Fraction(strip.sound_offset) * SAMPLE_RATE),
            kind=kind,
            kind_from=origin,
            track=f"{level.label}{_channel_name(scene, strip)}",
        )
        placed = FramedSource(
            source,
            first - self.first,
            stop - self.first,
            (first == begin, stop == end),
            tuple(volumes.base),
            level.gain * scene.audio_volume,
            is_mono=bool(strip.sound.use_mono),
            is_fixed=volumes.is_fixed,
            pinned=tuple(volumes.pinned),
            ducked=tuple(volumes.ducked),
        )
        self.lines.append(json.dumps(placed.to_dict()))

    def _read_volumes(
        self, strip: Any, curve: Any, record: StripRecord | None, span: tuple[int, int], reason: MixNote | None
    ) -> _StripVolumes:
        """Return the volumes of a strip in frames of the mix, and note why they stay as they are."""
        first, stop = span
        is_left = strip.tracklay_mix_kind == LEAVE_ALONE
        own = strip.volume if record is None or curve is None else record.volume
        found = _StripVolumes([(0, own)], is_fixed=bool(is_left or reason))
        if curve is None:
            pass
        elif reason or (is_left and record is None):
            found.base = sample_curve(curve, first, stop)
        elif record is None or (record.has_own_curve and has_other_keys(curve, record.keys)):
            ours = () if record is None else record.keys
            found.ducked = [
                (max(first, math.ceil(begins)), min(stop, math.floor(ends)), value)
                for begins, ends, value in level_stretches(curve, ours, round(LEVEL_SECONDS * self.rate))
                if begins < stop and ends > first
            ]
            found.base = _with_levels(sample_curve(curve, first, stop), found.ducked)
            found.is_fixed |= not found.ducked
            reason = _own_keys_note(stays=found.is_fixed)
        elif not is_left:
            found.pinned = [(a, b, tuple(keys)) for a, b, keys in pinned_stretches(curve, record.keys)]
        if reason:
            self.strip_notes[strip.name] = reason
        return found.shifted(-self.first)


@dataclass(slots=True)
class _StripVolumes:
    """The volumes of a strip as `FramedSource` has them."""

    base: list[tuple[int, float]]
    pinned: list[tuple[float, float, tuple[tuple[float, float], ...]]] = field(default_factory=list)
    ducked: list[tuple[int, int, float]] = field(default_factory=list)
    is_fixed: bool = False

    def shifted(self, by: int) -> _StripVolumes:
        """Return them some frames later."""
        return _StripVolumes(
            [(frame + by, volume) for frame, volume in self.base],
            [(a + by, b + by, tuple((frame + by, volume) for frame, volume in keys)) for a, b, keys in self.pinned],
            [(a + by, b + by, volume) for a, b, volume in self.ducked],
            self.is_fixed,
        )


def _own_keys_note(*, stays: bool) -> MixNote:
    if stays:
        return MixNote("mix.note_own_keys", "Its volume has keyframes of yours. It stays as it is.")
    return MixNote(
        "mix.note_keeps_level",
        "Its volume has keyframes of yours. It keeps its level, and is only ducked, where they hold one volume for 2 s.",
    )


def _with_levels(samples: list[tuple[int, float]], levels: list[tuple[int, int, float]]) -> list[tuple[int, float]]:
    """Return samples of a curve as the user's keys alone make them: with one value in each stretch, whatever keys of ours are there."""
    kept = {frame: value for frame, value in samples if not any(first <= frame <= last for first, last, _ in levels)}
    for first, last, value in levels:
        kept |= {first: value, last: value}
    return sorted(kept.items())


def _heard_levels(scene: Any, first: int, stop: int) -> Iterator[list[LevelSounds]]:
    """Yield the sounds that are heard, a few strips at a time, with the frames on which their level is.

    Meta strips are found by their names again: the caller lets Blender run between two steps.
    """
    name = scene.name
    waiting = [("", first, stop, 1.0, "", 0)] if scene.sequence_editor else []
    while waiting:
        meta_name, first, stop, gain, label, depth = waiting.pop()
        place = 0
        while (owner := compat.sequencer_level(name, meta_name)) is not None and place < len(owner.strips):
            muted = [channel.mute for channel in owner.channels]
            names = []
            for strip in owner.strips[place : place + STRIPS_PER_STEP]:
                if strip.type not in {"SOUND", "META"} or strip.mute or muted[strip.channel]:
                    continue
                if strip.type == "SOUND":
                    names.append(strip.name)
                elif depth < MAX_NESTING and (inner := gain * getattr(strip, "volume", 1.0)):
                    begin, end = max(first, compat.strip_start(strip)), min(stop, compat.strip_end(strip))
                    waiting.append((strip.name, begin, end, inner, f"{label}{strip.name}/", depth + 1))
            yield [LevelSounds(tuple(names), first, stop, gain, label)]
            place += STRIPS_PER_STEP


def _channel_name(scene: Any, strip: Any) -> str:
    """Return the name of a strip's channel that says something: the user's, or its number."""
    parent = strip.parent_meta()
    channels = (parent or scene.sequence_editor).channels
    return str(strip.channel) if is_unnamed(channels, strip.channel) else str(channels[strip.channel].name)


def _unreadable_reason(strip: Any) -> MixNote | None:
    """Return why the sound of a strip cannot be mixed; None if it can."""
    if strip.sound is None:
        return MixNote("mix.note_no_sound", "It has no sound.")
    if strip.sound.packed_file is not None:
        return MixNote("mix.note_packed", "Its sound is packed into the .blend file. Unpack it to mix it.")
    if any(True for _ in getattr(strip, "retiming_keys", ())):
        return MixNote("mix.note_retimed", "It is retimed. Render it to a file to mix it.")
    return None


def _known_kind(strip: Any) -> tuple[Kind | None, KindOrigin]:
    """Return the kind that the user set or that of the model of a take; None if it is found by its names or by listening."""
    if strip.tracklay_mix_kind in KINDS:
        return strip.tracklay_mix_kind, "set"
    try:
        model = catalogue.MODELS.get(json.loads(str(strip[ENTRY_PROPERTY]))["model"])
    except (KeyError, ValueError, TypeError, RecursionError):
        return None, "set"
    return (kind_of_task(model.task) if model else None), "model"
