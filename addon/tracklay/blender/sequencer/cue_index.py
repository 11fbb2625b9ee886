"""The cues of the timeline, in plain data: which strips each has, how far its takes are, what it cost, whether it is stale.

Strips say what they belong to in custom properties, which every copy of them has. They are looked through here, and nowhere else.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CUE_PROPERTY = "tracklay_cue"
"""The custom property of a placeholder or a laid strip: JSON, `{"cue": id, "take": index from 0}`, of a stem `"stem": its name` too."""

ENTRY_PROPERTY = "tracklay"
"""The custom property of a laid strip: its take's manifest entry as JSON. A placeholder has none yet."""

REQUEST_PROPERTY = "tracklay_asked"
"""The custom property that says what was asked for: JSON, as `CueRequest`."""

STALE_PROPERTY = "tracklay_stale"
"""The custom property of a strip whose picture was changed since: there, and true, while it is."""

ERROR_PROPERTY = "tracklay_trouble"
"""The custom property of a placeholder whose take did not come: why, in a sentence."""

PARSE_CACHE_SIZE = 8192
"""Properties that are kept read: they are looked at again and again, and hardly ever change."""


class TakeTag(NamedTuple):
    """Which take of which cue a strip is; `stem` is empty for the whole of it."""

    cue: str
    take: int
    stem: str = ""


@dataclass(frozen=True, slots=True)
class CueRequest:
    """What was asked for with a cue: all that can be said of it before its take comes.

    `picture` is the strip's name, `kind` its type, and `offset` how many frames after its content the cue begins; of the cue's frames the
    picture was seen from `seen[0]` up to `seen[1]`. `plays` names how it played then (`staleness`). `price` is the cue's, decimal text
    in `currency`, an estimate; None where nobody knows.
    """

    model: str
    prompt: str
    picture: str
    kind: str
    offset: str
    frames: int
    seen: tuple[int, int] = (0, 0)
    plays: str = ""
    price: str | None = None
    currency: str = ""

    def to_json(self) -> str:
        """As a strip keeps it."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, ensure_ascii=False)


EMPTY_REQUEST = CueRequest("", "", "", "", "0", 0)


@lru_cache(PARSE_CACHE_SIZE)
def _parse_take_tag(text: str) -> TakeTag | None:
    try:
        held = json.loads(text)
        return TakeTag(str(held["cue"]), int(held["take"]), str(held.get("stem", "")))
    except (ValueError, TypeError, KeyError):
        return None  # somebody else's, or edited by hand


@lru_cache(PARSE_CACHE_SIZE)
def parse_request(text: str) -> CueRequest | None:
    """What a strip says was asked for; None where it says nothing that can be read."""
    try:
        return CueRequest(**json.loads(text))
    except (ValueError, TypeError):
        return None


@lru_cache(PARSE_CACHE_SIZE)
def parse_entry(text: str) -> Mapping[str, Any]:
    """A laid strip's manifest entry; empty where it cannot be read."""
    try:
        held = json.loads(text)
    except (ValueError, TypeError):
        return {}
    return held if isinstance(held, dict) else {}


def get_take_tag(strip: Any) -> TakeTag | None:
    """Which take a strip is; None for the person's own."""
    text = strip.get(CUE_PROPERTY)
    return _parse_take_tag(text) if isinstance(text, str) else None


def set_take_tag(strip: Any, tag: TakeTag) -> None:
    """Say which take a strip is."""
    held = {"cue": tag.cue, "take": tag.take} | ({"stem": tag.stem} if tag.stem else {})
    strip[CUE_PROPERTY] = json.dumps(held, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class StripRef:
    """A strip of a cue, by its scene's and its own name: outlives undo."""

    scene: str
    strip: str
    tag: TakeTag
    is_filled: bool
    """Whether its take lies in it."""
    is_stale: bool
    error: str

    def resolve(self) -> tuple[Any, Any] | None:
        """Its scene and strip now; None where it is gone."""
        scene = bpy.data.scenes.get(self.scene)
        editor = scene.sequence_editor if scene else None
        strip = editor.strips_all.get(self.strip) if editor else None
        return (scene, strip) if strip is not None and get_take_tag(strip) == self.tag else None

    def read_request(self) -> CueRequest | None:
        """What it says was asked for."""
        found = self.resolve()
        return parse_request(str(found[1].get(REQUEST_PROPERTY, ""))) if found else None


def editable_scenes() -> Iterator[Any]:
    """The scenes whose timelines are the person's to change: not those linked from another file."""
    return (scene for scene in bpy.data.scenes if scene.library is None and scene.sequence_editor is not None)


class CueIndex:
    """Which strips there are of which cues. It is looked up once, and again when something was changed."""

    def __init__(self) -> None:
        self.is_dirty = True
        """Whether the timeline may be another than when it was looked through."""
        self.strips_by_cue: dict[str, list[StripRef]] = {}
        """The strips of each cue, when it was looked through last."""

    def refresh(self) -> dict[str, list[StripRef]]:
        """Look through all timelines now: the strips of each cue."""
        for _ in self.refresh_steps():
            pass
        return self.strips_by_cue

    def refresh_steps(self) -> Iterator[None]:
        """The same strip by strip: who has little time takes a few and goes on later. What changes meanwhile makes it `is_dirty` again."""
        self.is_dirty = False
        found: dict[str, list[StripRef]] = {}
        for scene in [scene.name for scene in editable_scenes()]:
            for strip in _tagged_strip_names(scene):
                if place := _make_strip_ref(scene, strip):
                    found.setdefault(place.tag.cue, []).append(place)
                yield
            yield
        self.strips_by_cue = found

    def cue_strips(self, cue: str) -> list[StripRef]:
        """The strips of one cue: those that were found last, or where there are none and something was changed, found now."""
        found = self.snapshot().get(cue, [])
        return found if found or not self.is_dirty else self.refresh().get(cue, [])

    def take_strips(self, cue: str, take_index: int) -> list[StripRef]:
        """Return the strips of one take, without its stems. Strips that were copied since the last scan are found by the next."""
        return [ref for ref in self.cue_strips(cue) if ref.tag.take == take_index and not ref.tag.stem]

    def refreshed(self) -> dict[str, list[StripRef]]:
        """The same as it was last known. In a window a timer looks through soon after a change; elsewhere it is done here."""
        return self.refresh() if self.is_dirty or bpy.app.background else self.strips_by_cue

    def snapshot(self) -> dict[str, list[StripRef]]:
        """The same without ever looking in a window: what is drawn shows what the timer saw last."""
        return self.refreshed() if bpy.app.background else self.strips_by_cue


def _tagged_strip_names(scene_name: str) -> list[str]:
    """The names of a scene's strips that have a cue."""
    scene = bpy.data.scenes.get(scene_name)
    editor = scene.sequence_editor if scene else None
    return [strip.name for strip in editor.strips_all if CUE_PROPERTY in strip] if editor else []


def _make_strip_ref(scene_name: str, name: str) -> StripRef | None:
    scene = bpy.data.scenes.get(scene_name)
    editor = scene.sequence_editor if scene else None
    strip = editor.strips_all.get(name) if editor else None
    if strip is None or (which := get_take_tag(strip)) is None:
        return None
    return StripRef(
        scene_name,
        name,
        which,
        ENTRY_PROPERTY in strip,
        bool(strip.get(STALE_PROPERTY)),
        str(strip.get(ERROR_PROPERTY, "")),
    )


shared_cue_index = CueIndex()


def take_file(strip: Any) -> Path | None:
    """The file of a laid strip's take; None of a placeholder."""
    if ENTRY_PROPERTY not in strip or strip.sound is None:
        return None
    return sound_file(strip.sound)


def sound_file(sound: Any) -> Path:
    """A sound's file. A saved file names it from where itself is, with every step up spelled out."""
    return Path(os.path.normpath(bpy.path.abspath(sound.filepath)))
