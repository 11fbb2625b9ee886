"""Detects stale takes: compares what plays on a take's frames now with what played when it was requested.

It is cheap enough for a list that is being drawn: it opens no file and reads only values of the strip, its picture and the scene.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from ...timing import parse_fraction
from . import compat, cue_index, selection
from .joined import played

MAX_NESTING = 4
"""Levels of nested scenes and meta strips that are compared."""

UNITS_PER_FRAME = 1000
"""Frames are compared in thousandths, because Blender stores some times as 32-bit floats."""

RETIMED_FRAME_LOST = 1
"""Frames that each retimed strip of a film saved by Blender 4.5 loses when 5.0 opens it (bpy 4.5.15 and 5.0.1)."""

CONTAINER_TYPES = frozenset({"META", "SCENE"})


class SpeedEffectCache:
    """The speed effects of each level, and how each strip plays, found once for many takes. Valid for one scan of the timeline."""

    def __init__(self) -> None:
        self._effect_names: dict[tuple[str, str], dict[str, str]] = {}
        self._fingerprints: dict[tuple[str, str, int], str] = {}

    def fingerprint(self, scene: Any, strip: Any, retimed_frames: int = 0) -> str:
        """Return `strip_fingerprint` of a strip, computed once."""
        key = scene.name, strip.name, retimed_frames
        if key not in self._fingerprints:
            self._fingerprints[key] = strip_fingerprint(scene, strip, self, retimed_frames=retimed_frames)
        return self._fingerprints[key]

    def knows(self, scene: Any, name: str) -> bool:
        """Return whether the fingerprint of the strip of a name was computed."""
        return (scene.name, name, 0) in self._fingerprints

    def find_effect(self, scene: Any, strip: Any) -> Any:
        """Return the speed effect over a strip; None if there is none."""
        meta = strip.parent_meta()
        level = scene.name, meta.name if meta else ""
        if level not in self._effect_names:
            strips = (meta or scene.sequence_editor).strips
            found = compat.strips_of_types(strips, {"SPEED"})
            self._effect_names[level] = {effect.input_1.name: effect.name for effect in found if effect.input_1}
        name = self._effect_names[level].get(strip.name)
        effect = scene.sequence_editor.strips_all.get(name) if name else None
        return effect if effect is not None and effect.type == "SPEED" else None


def strip_fingerprint(scene: Any, strip: Any, speed_cache: SpeedEffectCache, *, retimed_frames: int = 0) -> str:
    """Return a fingerprint of how a strip plays. It does not depend on the strip's position or handles.

    It holds the strip's own values and opens no file, unlike `media.fingerprint.span_fingerprint`, because a panel draws with it. It is
    stored in saved .blend files (`CueRequest.plays`): another value for the same strip makes every older take stale.

    Args:
        scene: the scene.
        strip: the strip.
        speed_cache: one for all strips of a call.
        retimed_frames: frames to add to the length of each retimed strip.
    """
    rate = _to_units(selection.scene_rate(scene).fps)
    values = repr((rate, *_playback_values(scene, strip, MAX_NESTING, speed_cache, retimed_frames)))
    return hashlib.sha256(values.encode()).hexdigest()[:16]


def _to_units(value: Any) -> int:
    return round(Fraction(value) * UNITS_PER_FRAME)


def _playback_values(
    scene: Any, strip: Any, depth: int, speed_cache: SpeedEffectCache, retimed_frames: int
) -> tuple[Any, ...]:
    begin = compat.content_start(strip)
    # Relative to the first key: in some cases Blender counts all keys from the start of another strip.
    frames = [key.timeline_frame for key in getattr(strip, "retiming_keys", ())]
    keys = tuple(_to_units(frame - frames[0]) for frame in frames)
    values = [strip.type, compat.content_frames(strip) + (retimed_frames if keys else 0), keys]
    values += [getattr(strip, name, None) for name in ("use_reverse_frames", "strobe", "stream_index")]
    match strip.type:
        case "MOVIE":
            values += [strip.filepath, compat.content_trim_start(strip)]
        case "IMAGE":
            images = strip.elements
            values += [strip.directory, len(images), images[0].filename, images[-1].filename]
        case "SCENE":
            values += [strip.scene.name if strip.scene else "", strip.scene_input]
            if strip.scene and strip.scene_input == "SEQUENCER" and depth and strip.scene.sequence_editor:
                values += _nested_values(
                    strip.scene,
                    strip.scene.sequence_editor.strips,
                    Fraction(0),
                    depth - 1,
                    speed_cache,
                    retimed_frames,
                )
        case "META":
            if depth:
                values += _nested_values(scene, strip.strips, begin, depth - 1, speed_cache, retimed_frames)
        case "MOVIECLIP":
            values.append(strip.clip.filepath if strip.clip else "")
        case "MASK":
            values.append(strip.mask.name if strip.mask else "")
    if strip.type not in CONTAINER_TYPES and (effect := speed_cache.find_effect(scene, strip)) is not None:
        names = ("speed_control", "speed_factor", "speed_frame_number", "speed_length")
        values.append(tuple(getattr(effect, name, None) for name in names))
    return tuple(values)


def _nested_values(
    scene: Any, strips: Any, begin: Fraction, depth: int, speed_cache: SpeedEffectCache, retimed_frames: int
) -> list[tuple[Any, ...]]:
    return [
        (
            _to_units(compat.strip_start(each) - begin),
            compat.strip_frames(each) + (retimed_frames if getattr(each, "retiming_keys", ()) else 0),
            each.channel,
            each.mute,
            *_playback_values(scene, each, depth, speed_cache, retimed_frames),
        )
        for each in strips
        if each.type not in ("SOUND", "SPEED")
    ]


def is_up_to_date(scene: Any, strip: Any, speed_cache: SpeedEffectCache) -> bool:
    """Return whether a take has the picture that it was made for under all its frames. True for any other strip."""
    request = cue_index.parse_request(str(strip.get(cue_index.REQUEST_PROPERTY, "")))
    if request is None or not request.plays:
        return True
    if request.under:
        return played.plays_as_requested(
            selection.find_level(scene, strip),
            strip,
            request,
            lambda picture, lost: speed_cache.fingerprint(scene, picture, lost),
        )
    wanted = _RequiredPicture(scene, strip, request, speed_cache)
    strips = scene.sequence_editor.strips_all
    named = strips.get(request.picture)
    if named is not None and wanted.is_matched_by(named):
        return True
    # The picture may have been split or renamed since: try all strips with the same type and content start.
    return any(
        wanted.is_matched_by(each)
        for each in compat.strips_by_content_start(strips, request.kind, wanted.picture_content_start)
    )


def matches_picture(scene: Any, strip: Any, picture: Any, speed_cache: SpeedEffectCache) -> bool:
    """Return whether a take was made for what this picture plays, also if both have moved together.

    A take over a range was made for all its pictures, as long as all of them play as they did.
    """
    request = cue_index.parse_request(str(strip.get(cue_index.REQUEST_PROPERTY, "")))
    if request is not None and request.under:
        return picture.name in request.picture_names and is_up_to_date(scene, strip, speed_cache)
    return request is not None and _RequiredPicture(scene, strip, request, speed_cache).is_matched_by(picture)


class _RequiredPicture:
    """The picture that a take requires under its frames."""

    def __init__(self, scene: Any, strip: Any, request: cue_index.CueRequest, speed_cache: SpeedEffectCache) -> None:
        self._scene, self._request, self._speed_cache = scene, request, speed_cache
        self._content_start = compat.content_start(strip)
        low, high = request.seen
        self._first_frame = max(compat.strip_start(strip), round(self._content_start) + low)
        self._end_frame = min(compat.strip_end(strip), round(self._content_start) + high)
        self.picture_content_start = self._content_start - parse_fraction(request.offset)
        """The timeline frame on which the picture's content must begin."""

    def is_matched_by(self, picture: Any) -> bool:
        """Return whether a strip plays what played at the time of the request, on all the take's frames."""
        return (
            picture.type == self._request.kind
            and _to_units(compat.content_start(picture)) == _to_units(self.picture_content_start)
            and compat.strip_start(picture) <= self._first_frame
            and (self._plays_as_requested(picture, 0) or self._plays_as_requested(picture, RETIMED_FRAME_LOST))
        )

    def _plays_as_requested(self, picture: Any, lost_frames: int) -> bool:
        """Return whether a strip plays what it did, if opening the film made its retimed strips this much shorter.

        A take of one frame more than its picture is in sync: it is not made, and paid, again.
        """
        end = compat.strip_end(picture) + (lost_frames if getattr(picture, "retiming_keys", ()) else 0)
        plays = strip_fingerprint(self._scene, picture, self._speed_cache, retimed_frames=lost_frames)
        return end >= self._end_frame and plays == self._request.plays


def read_pictures(scene: Any, strip: Any, speed_cache: SpeedEffectCache, has_time: Callable[[], bool]) -> bool:
    """Compute how the pictures under a take over a range play, as long as there is time. Return whether all are known.

    It makes `is_up_to_date` of a range with hundreds of shots short. What was edited meanwhile is found by the next scan.
    """
    request = cue_index.parse_request(str(strip.get(cue_index.REQUEST_PROPERTY, "")))
    for name in request.picture_names if request is not None and request.under else ():
        if speed_cache.knows(scene, name):
            continue
        if not has_time():
            return False
        if (picture := scene.sequence_editor.strips_all.get(name)) is not None:
            speed_cache.fingerprint(scene, picture)
    return True


def update_stale_flag(scene: Any, strip: Any, speed_cache: SpeedEffectCache) -> bool:
    """Update a strip's stale property. Return whether it has changed."""
    stale = not is_up_to_date(scene, strip, speed_cache)
    if stale == bool(strip.get(cue_index.STALE_PROPERTY)):
        return False
    if stale:
        strip[cue_index.STALE_PROPERTY] = True
    else:
        del strip[cue_index.STALE_PROPERTY]
    return True


def find_stale_strips() -> list[str]:
    """Return `scene: strip` of each audible stale strip of the open file, for a check before rendering."""
    speed_cache = SpeedEffectCache()
    return [
        f"{scene.name}: {strip.name}"
        for scene in cue_index.editable_scenes()
        for strip in scene.sequence_editor.strips_all
        if cue_index.CUE_PROPERTY in strip and not strip.mute and not is_up_to_date(scene, strip, speed_cache)
    ]


def picture_request_fields(
    scene: Any, picture: Any, first: int, frames: int, speed_cache: SpeedEffectCache
) -> dict[str, Any]:
    """Return the fields of `CueRequest` that describe the picture of a cue.

    Args:
        scene: the scene.
        picture: the picture strip.
        first: first timeline frame of the cue.
        frames: its length in frames.
        speed_cache: one for all cues of a call.
    """
    seen = [max(0, compat.strip_start(picture) - first), min(frames, compat.strip_end(picture) - first)]
    return {
        "picture": picture.name,
        "kind": picture.type,
        "offset": str(Fraction(first) - compat.content_start(picture)),
        "frames": frames,
        "seen": seen,
        "plays": strip_fingerprint(scene, picture, speed_cache),
    }


def joined_request_fields(
    scene: Any, picture: Any, first: int, frames: int, speed_cache: SpeedEffectCache
) -> dict[str, Any]:
    """Return the fields of `CueRequest` that describe all that plays in a range. `picture` is the first strip in it."""
    under = played.played_pieces(
        selection.find_level(scene, picture),
        Fraction(first),
        range(first, first + frames),
        lambda each: speed_cache.fingerprint(scene, each),
    )
    return {**picture_request_fields(scene, picture, first, frames, speed_cache), "under": tuple(under)}
