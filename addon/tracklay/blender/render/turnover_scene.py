"""The sounds of a scene as a turnover: what is heard, with its volume, its other takes, its kind, and the markers."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...cue import SAMPLE_RATE
from ...errors import InvalidInput
from ...manifest import take_with_handles, wrong_field
from ...mix.gain_curve import GainCurve
from ...mix.kinds import kind_of_name
from ...turnover.session import (
    ROLE_OF_KIND,
    ROLE_OF_TASK,
    OtherTake,
    SessionClip,
    SessionMark,
    TurnoverSession,
    UsedTake,
    with_gain,
)
from ..sequencer import compat, selection
from ..sequencer.channels.by_kind import channel_kind
from ..sequencer.cue_index import CUE_PROPERTY, ENTRY_PROPERTY
from ..settings import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...timing import Rate
    from ...turnover.session import Role


VOLUME_STEP = 1e-5
"""Differences of a volume that count as none: Blender's curves are 32-bit floats."""


@dataclass(frozen=True, slots=True)
class PlacedSound:
    """A sound strip, the frames on which it is heard (a meta strip may hide some), and the name of its channel."""

    strip: Any
    start: int
    end: int
    channel: str
    is_muted: bool


def read_turnover_scene(scene: Any, name: str) -> TurnoverSession:
    """Return the session of a scene's sounds. It begins at the scene's first frame, or at the first sound if that is earlier.

    Sounds that Blender retimes, that are packed into the file or not finished yet are left out with a note.
    """
    rate = selection.scene_rate(scene)
    sounds = list(_iter_sounds(scene.sequence_editor)) if scene.sequence_editor else []
    heard = [sound for sound in sounds if not sound.is_muted]
    first = min([scene.frame_start, *(sound.start for sound in heard)])
    reader = _SoundReader(scene, rate, first, sounds)
    clips = [clip for sound in heard if (clip := reader.read(sound))]
    marks = [SessionMark(mark.name, reader.place(mark.frame)) for mark in scene.timeline_markers if mark.frame >= first]
    return TurnoverSession(
        name,
        rate,
        max(0, first),
        tuple(clips),
        rate.has_drop_frame,
        (*marks, *dict.fromkeys(reader.regions)),
        tuple(reader.notes),
        tuple(reader.takes),
    )


def _iter_sounds(
    owner: Any, first: int | None = None, end: int | None = None, *, is_muted: bool = False
) -> Iterator[PlacedSound]:
    """Yield the sound strips of a level and of the meta strips in it."""
    muted = {index for index, channel in enumerate(owner.channels) if channel.mute}
    for strip in owner.strips:
        start, stop = compat.strip_start(strip), compat.strip_end(strip)
        start, stop = max(start, start if first is None else first), min(stop, stop if end is None else end)
        hidden = is_muted or strip.mute or strip.channel in muted
        if start >= stop:
            continue
        if strip.type == "SOUND":
            yield PlacedSound(strip, start, stop, owner.channels[strip.channel].name, hidden)
        elif strip.type == "META":
            yield from _iter_sounds(strip, start, stop, is_muted=hidden)


class _SoundReader:
    """Turns the sound strips of one scene into clips, and collects notes and regions."""

    def __init__(self, scene: Any, rate: Rate, first: int, sounds: list[PlacedSound]) -> None:
        self._rate, self._first, self._sounds = rate, first, sounds
        self._volumes = _find_volume_curves(scene)
        self.notes: list[str] = []
        self.regions: list[SessionMark] = []
        self.takes: list[UsedTake] = []

    def place(self, frame: int) -> int:
        """Return the sample of a timeline frame, from the session's start."""
        offset = self._rate.samples(self._first, SAMPLE_RATE) if self._first > 0 else 0
        return self._rate.samples(frame if self._first > 0 else frame - self._first, SAMPLE_RATE) - offset

    def read(self, sound: PlacedSound) -> SessionClip | None:
        """Return the clip of a strip; None, with a note, if it cannot be handed over."""
        strip = sound.strip
        entry = _read_json(strip, ENTRY_PROPERTY)
        if reason := _left_out_reason(strip, entry):
            self.notes.append(f"left out: {strip.name} {reason}")
            return None
        start, samples = self.place(sound.start), self.place(sound.end) - self.place(sound.start)
        file, before = _with_handles(strip, entry)
        clip = SessionClip(
            strip.name,
            _find_role(sound, entry),
            file,
            start,
            samples,
            self._source_in(sound) + before,
            zero=None,
            takes=self._other_takes(sound) if entry else (),
            comment=", ".join(str(entry[key]) for key in ("model", "prompt") if entry.get(key)),
            is_whole=bool(entry),
        )
        if entry:
            prompt = str(entry.get("prompt") or "")
            self.regions.append(SessionMark(str(entry.get("cue") or strip.name), start, samples, prompt))
            if not wrong_field(entry):
                self.takes.append(UsedTake(start, samples, entry))
        return with_gain(clip, self._gain(sound))

    def _source_in(self, sound: PlacedSound) -> int:
        into = (sound.start - compat.content_start(sound.strip)) / self._rate.fps
        return max(0, round(into * SAMPLE_RATE))

    def _other_takes(self, sound: PlacedSound) -> tuple[OtherTake, ...]:
        """Return the muted takes of the same cue on the same frames."""
        tag = _read_json(sound.strip, CUE_PROPERTY)
        found = []
        for other in self._sounds:
            theirs = _read_json(other.strip, CUE_PROPERTY)
            is_same = theirs.get("cue") == tag.get("cue") and theirs.get("take") != tag.get("take")
            if not is_same or theirs.get("stem") or not _read_json(other.strip, ENTRY_PROPERTY):
                continue
            if other.strip.sound is None or (other.start, other.end) != (sound.start, sound.end):
                continue
            path, before = _with_handles(other.strip, _read_json(other.strip, ENTRY_PROPERTY))
            if path.is_file():
                found.append(OtherTake(other.strip.name, path, self._source_in(other) + before))
        return tuple(found)

    def _gain(self, sound: PlacedSound) -> GainCurve:
        """Return the strip's volume in samples from its start: one point a frame where it is animated."""
        curve = self._volumes.get(sound.strip.name)
        if curve is None:
            return GainCurve(((0, float(sound.strip.volume)),))
        begin = self.place(sound.start)
        points = [
            (self.place(frame) - begin, max(0.0, float(curve.evaluate(frame))))
            for frame in range(sound.start, sound.end + 1)
        ]
        return GainCurve(tuple(_without_straight(points)))


def _with_handles(strip: Any, entry: Mapping[str, Any]) -> tuple[Path, int]:
    """Return the file of a sound strip, of a take the one with its handles, and the sample at which the strip's own begins in it."""
    path = Path(bpy.path.abspath(strip.sound.filepath)).resolve()
    return (
        take_with_handles(entry, path.parent) if entry.get("handles") and entry.get("file") == path.name else (path, 0)
    )


def _without_straight(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return points without those that lie on the line between their neighbours, as nearly as a 32-bit float says it."""
    kept = points[:1]
    for point, (end, high) in itertools.pairwise(points[1:]):
        begin, low = kept[-1]
        line = low + (high - low) * (point[0] - begin) / (end - begin)
        if abs(line - point[1]) > VOLUME_STEP:
            kept.append(point)
    return [*kept, *points[-1:]] if len(points) > 1 else kept


def _find_volume_curves(scene: Any) -> dict[str, Any]:
    """Return the animation curve of the volume of each strip that has one, by the strip's name."""
    animation = scene.animation_data
    if animation is None or animation.action is None or scene.sequence_editor is None:
        return {}
    curves = {curve.data_path: curve for curve in compat.action_fcurves(animation.action)}
    found = {}
    for strip in scene.sequence_editor.strips_all:
        if strip.type == "SOUND" and (curve := curves.get(f"{strip.path_from_id()}.volume")):
            found[strip.name] = curve
    return found


def _left_out_reason(strip: Any, entry: Mapping[str, Any]) -> str:
    """Return why a strip cannot be handed over, as the end of a sentence; empty if it can."""
    if strip.sound is None:
        return "has no sound."
    if CUE_PROPERTY in strip and not entry:
        return "is not finished yet."
    if strip.sound.packed_file is not None:
        return "is packed into the .blend file. Unpack it."
    if len(getattr(strip, "retiming_keys", ())):
        return "is retimed. Render it to a file at its own speed."
    return ""


def _find_role(sound: PlacedSound, entry: Mapping[str, Any]) -> Role:
    """Return the role of a sound: by the name of its channel, its model, its names. What nothing says a role of is production sound."""
    kind = channel_kind(sound.channel)
    roles: dict[str, Role] = {"Foley": "Foley", "Effects": "Effects", "Music": "Music", "Ambience": "Ambience"}
    if kind in roles:
        return roles[kind]
    if entry:
        try:
            return ROLE_OF_TASK.get(catalogue.get_model(str(entry.get("model"))).task, "Effects")
        except InvalidInput:
            return "Effects"
    named = kind_of_name(sound.channel) or kind_of_name(sound.strip.name)
    return ROLE_OF_KIND[named] if named else "Dialogue"


def _read_json(strip: Any, name: str) -> dict[str, Any]:
    try:
        value = json.loads(str(strip.get(name) or "{}"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
