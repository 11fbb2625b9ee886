"""Whether a take still belongs to its picture: what plays on its frames now against what played when it was asked for.

Cheap enough for a list that is drawn: no file is opened, and nothing is asked but the strip's, its picture's and the scene's own values.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import Any

from . import compat, cue_index, selection

DEEPEST = 4
"""Scenes and metas in each other are looked into so far."""

THOUSANDTHS = 1000
"""Blender keeps some times as 32-bit floats: frames are compared by the thousandth."""

WHERE = frozenset({"META", "SCENE"})


class Look:
    """What many strips are looked at by: the speed effects of each level, looked for once. It lasts for one look through the timeline."""

    def __init__(self) -> None:
        self._sped: dict[tuple[str, str], dict[str, str]] = {}

    def speed(self, scene: Any, strip: Any) -> Any:
        """The speed effect over a strip; None where there is none."""
        meta = strip.parent_meta()
        level = scene.name, meta.name if meta else ""
        if level not in self._sped:
            strips = (meta or scene.sequence_editor).strips
            found = compat.of_kinds(strips, {"SPEED"})
            self._sped[level] = {effect.input_1.name: effect.name for effect in found if effect.input_1}
        name = self._sped[level].get(strip.name)
        effect = scene.sequence_editor.strips_all.get(name) if name else None
        return effect if effect is not None and effect.type == "SPEED" else None


def plays(scene: Any, strip: Any, look: Look) -> str:
    """A name for how a strip plays, wherever on the timeline it lies and however its handles cut it."""
    told = repr((_milli(selection.rate(scene).fps), *_plays(scene, strip, DEEPEST, look)))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _milli(value: Any) -> int:
    return round(Fraction(value) * THOUSANDTHS)


def _plays(scene: Any, strip: Any, deep: int, look: Look) -> tuple[Any, ...]:
    begin = compat.content_start(strip)
    # From the first key on: Blender may tell the frames of all of them from another strip's start.
    frames = [key.timeline_frame for key in getattr(strip, "retiming_keys", ())]
    keys = tuple(_milli(frame - frames[0]) for frame in frames)
    told = [strip.type, compat.content_frames(strip), keys]
    told += [getattr(strip, name, None) for name in ("use_reverse_frames", "strobe", "stream_index")]
    match strip.type:
        case "MOVIE":
            told += [strip.filepath, compat.trimmed(strip)]
        case "IMAGE":
            images = strip.elements
            told += [strip.directory, len(images), images[0].filename, images[-1].filename]
        case "SCENE":
            told += [strip.scene.name if strip.scene else "", strip.scene_input]
            if strip.scene and strip.scene_input == "SEQUENCER" and deep and strip.scene.sequence_editor:
                told += _inside(strip.scene, strip.scene.sequence_editor.strips, Fraction(0), deep - 1, look)
        case "META":
            told += _inside(scene, strip.strips, begin, deep - 1, look) if deep else []
        case "MOVIECLIP":
            told.append(strip.clip.filepath if strip.clip else "")
        case "MASK":
            told.append(strip.mask.name if strip.mask else "")
    if strip.type not in WHERE and (effect := look.speed(scene, strip)) is not None:
        names = ("speed_control", "speed_factor", "speed_frame_number", "speed_length")
        told.append(tuple(getattr(effect, name, None) for name in names))
    return tuple(told)


def _inside(scene: Any, strips: Any, begin: Fraction, deep: int, look: Look) -> list[tuple[Any, ...]]:
    return [
        (
            _milli(compat.start(each) - begin),
            compat.frames(each),
            each.channel,
            each.mute,
            *_plays(scene, each, deep, look),
        )
        for each in strips
        if each.type not in ("SOUND", "SPEED")
    ]


def fresh(scene: Any, strip: Any, look: Look) -> bool:
    """Whether a strip of ours has the picture that it was made for on all its frames; true of any other strip."""
    told = cue_index.asked(str(strip.get(cue_index.ASKED, "")))
    if told is None or not told.plays:
        return True
    wanted = _Wanted(scene, strip, told, look)
    strips = scene.sequence_editor.strips_all
    named = strips.get(told.picture)
    if named is not None and wanted.is_met_by(named):
        return True
    # The picture may have been split or renamed since.
    return any(wanted.is_met_by(each) for each in compat.of_content(strips, told.kind, wanted.begin))


def fits(scene: Any, strip: Any, picture: Any, look: Look) -> bool:
    """Whether a strip of ours was made for just what this picture plays, wherever both have moved together."""
    told = cue_index.asked(str(strip.get(cue_index.ASKED, "")))
    return told is not None and _Wanted(scene, strip, told, look).is_met_by(picture)


class _Wanted:
    """What a take needs under it."""

    def __init__(self, scene: Any, strip: Any, told: cue_index.Asked, look: Look) -> None:
        self._scene, self._told, self._look = scene, told, look
        self._content = compat.content_start(strip)
        low, high = told.seen
        self._first = max(compat.start(strip), round(self._content) + low)
        self._end = min(compat.end(strip), round(self._content) + high)
        self.begin = self._content - Fraction(told.offset)
        """The timeline frame on which its picture's content begins."""

    def is_met_by(self, picture: Any) -> bool:
        """Whether a strip plays just what played then, on all the take's frames."""
        return (
            picture.type == self._told.kind
            and _milli(compat.content_start(picture)) == _milli(self.begin)
            and compat.start(picture) <= self._first
            and compat.end(picture) >= self._end
            and plays(self._scene, picture, self._look) == self._told.plays
        )


def mark(scene: Any, strip: Any, look: Look) -> bool:
    """Have a strip say whether it is stale; whether what it says has changed."""
    stale = not fresh(scene, strip, look)
    if stale == bool(strip.get(cue_index.STALE)):
        return False
    if stale:
        strip[cue_index.STALE] = True
    else:
        del strip[cue_index.STALE]
    return True


def in_file() -> list[str]:
    """Return each stale strip of the open file that is heard, as scene and strip: what a render should not be started with."""
    look = Look()
    return [
        f"{scene.name}: {strip.name}"
        for scene in cue_index.scenes()
        for strip in scene.sequence_editor.strips_all
        if cue_index.CUE in strip and not strip.mute and not fresh(scene, strip, look)
    ]


def asked_for(scene: Any, picture: Any, first: int, frames: int, look: Look) -> dict[str, Any]:
    """What a cue from frame `first` on says of its picture: `Asked`'s own names."""
    seen = [max(0, compat.start(picture) - first), min(frames, compat.end(picture) - first)]
    return {
        "picture": picture.name,
        "kind": picture.type,
        "offset": str(Fraction(first) - compat.content_start(picture)),
        "frames": frames,
        "seen": seen,
        "plays": plays(scene, picture, look),
    }
