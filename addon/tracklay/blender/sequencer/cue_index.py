"""The custom properties that connect strips to cues, and the index of the strips of each cue.

A strip stores its cue in custom properties, so every copy of the strip has them too. The index is the only code that scans timelines
for them. Nothing here knows about running jobs; `runtime.cue_rows` joins the two.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from ...errors import InvalidInput
from ...manifest import wrong_field
from ...timing import parse_fraction
from ...untrusted_data import clean_json, read_amount

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CUE_PROPERTY = "tracklay_cue"
"""Custom property of a placeholder or a laid strip: JSON `{"cue": id, "take": index from 0}`, with `"stem": name` for a stem."""

ENTRY_PROPERTY = "tracklay"
"""Custom property of a laid strip: the manifest entry of its take as JSON. A placeholder has none."""

REQUEST_PROPERTY = "tracklay_asked"
"""Custom property with the request: JSON with the fields of `CueRequest`."""

STALE_PROPERTY = "tracklay_stale"
"""Custom property of a strip whose picture has changed since: true; absent otherwise."""

SILENT_PROPERTY = "tracklay_silent"
"""Custom property of a strip whose take is silent: true; absent otherwise. It has a colour tag too, unless the user has given it one."""

KEPT_PROPERTY = "tracklay_kept"
"""Custom property of a take that was kept, when the cue's other takes were removed: true; absent otherwise."""

SILENT_TAG, NO_TAG = "COLOR_09", "NONE"
"""Blender's colour tags: grey, and none."""

ERROR_PROPERTY = "tracklay_trouble"
"""Custom property of a placeholder whose take failed: the error message."""

JOINS_PROPERTY = "tracklay_joins"
"""Custom property of a regenerated take: the id of the cue that it belongs to."""

PARSE_CACHE_SIZE = 8192
"""Parsed properties that are cached: each is read many times and rarely changes."""


class TakeTag(NamedTuple):
    """The take that a strip belongs to; `stem` is empty for the full mix."""

    cue: str
    take: int
    stem: str = ""


@dataclass(frozen=True, slots=True)
class CueRequest:
    """The request of a cue, as its strips store it.

    The field names are JSON keys in saved .blend files and must not change.

    Attributes:
        model: model id.
        prompt: the prompt.
        picture: name of the picture strip.
        kind: type of the picture strip.
        offset: frames from the start of the picture's content to the cue's start, as a fraction in text.
        frames: length of the cue in frames.
        seen: first frame and end of the part of the cue in which the picture was visible, in frames from the cue's start.
        plays: fingerprint of how the picture played (`staleness.strip_fingerprint`).
        price: estimated price of the cue as decimal text; None if unknown.
        currency: currency of `price`.
        under: the pieces that play under a cue over a range (`joined.played.PlayedPiece`); then `picture` is the first of their strips.
            Empty for the cue of one strip.
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
    under: tuple[Any, ...] = ()

    def to_json(self) -> str:
        """Return the request as a strip stores it."""
        held = {name: getattr(self, name) for name in self.__slots__ if name != "under" or self.under}
        return json.dumps(held, ensure_ascii=False)

    @property
    def picture_names(self) -> list[str]:
        """The names of the picture strips, in timeline order, each once."""
        pieces = [str(piece[0]) for piece in self.under if isinstance(piece, list | tuple) and piece]
        return list(dict.fromkeys(pieces)) or [self.picture]

    @property
    def label(self) -> str:
        """The name of its picture strip, or of the first and the last of several."""
        names = self.picture_names
        return names[0] if len(names) == 1 else f"{names[0]} - {names[-1]}"


BUILT_IN_MUSIC = "sketch/music"
"""The model that composes music to its span: for another span it composes the same piece again."""

EMPTY_REQUEST = CueRequest("", "", "", "", "0", 0)


@lru_cache(PARSE_CACHE_SIZE)
def _parse_take_tag(text: str) -> TakeTag | None:
    try:
        held = json.loads(text)
        return TakeTag(str(held["cue"]), int(held["take"]), str(held.get("stem", "")))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None  # written by another extension, or edited by hand


@lru_cache(PARSE_CACHE_SIZE)
def parse_request(text: str) -> CueRequest | None:
    """Parse a stored request; return None if it is missing or invalid."""
    try:
        request = CueRequest(**json.loads(text))
        parse_fraction(request.offset)
    except (ValueError, TypeError, RecursionError, ZeroDivisionError):
        return None
    # A .blend file comes from anywhere: `1e999999999` would be written out in full where the panel draws it.
    if not isinstance(request.under, list | tuple):
        request = replace(request, under=())
    return request if request.price is None or read_amount(request.price) is not None else replace(request, price=None)


@lru_cache(PARSE_CACHE_SIZE)
def parse_entry(text: str) -> Mapping[str, Any]:
    """Parse the manifest entry of a laid strip; return an empty mapping if it is missing or invalid: a .blend file comes from anywhere."""
    try:
        held = clean_json(json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return {}
    return held if isinstance(held, dict) and not wrong_field(held) else {}


def set_entry(strip: Any, entry: str) -> None:
    """Store the manifest entry of the take that a strip plays, and mark a silent one."""
    strip[ENTRY_PROPERTY] = entry
    if heard_figures(strip).get("silent"):
        strip[SILENT_PROPERTY] = True
        if strip.color_tag == NO_TAG:
            strip.color_tag = SILENT_TAG


def heard_figures(strip: Any) -> Mapping[str, Any]:
    """Return what is heard in a strip's take, as its entry has it: `lufs`, `events`, `silent`. Empty for a take of an earlier version."""
    heard = parse_entry(str(strip.get(ENTRY_PROPERTY, ""))).get("measured")
    return heard if isinstance(heard, dict) else {}


def can_refit(strip: Any) -> bool:
    """Return whether a strip is a take of music that can be fitted to its picture again."""
    entry = parse_entry(str(strip.get(ENTRY_PROPERTY, "")))
    return entry.get("model") == BUILT_IN_MUSIC or bool((entry.get("fit") or {}).get("unfitted"))


def fitted_file(strip: Any) -> Path | None:
    """Return the file of a take whose music is fitted again; None for the built-in composer's.

    Raises:
        InvalidInput: the take is no music that was fitted.
    """
    entry, file = parse_entry(str(strip.get(ENTRY_PROPERTY, ""))), take_file(strip)
    if not can_refit(strip) or file is None:
        raise InvalidInput(
            "refit.not_fitted", "Not music that was fitted to its picture: {strip}. Regenerate it.", strip=strip.name
        )
    return None if entry.get("model") == BUILT_IN_MUSIC else file.with_name(Path(str(entry.get("file", ""))).name)


def get_take_tag(strip: Any) -> TakeTag | None:
    """Return the take that a strip belongs to; None for the user's own strips."""
    text = strip.get(CUE_PROPERTY)
    return _parse_take_tag(text) if isinstance(text, str) else None


def set_take_tag(strip: Any, tag: TakeTag) -> None:
    """Store the take that a strip belongs to."""
    held = {"cue": tag.cue, "take": tag.take} | ({"stem": tag.stem} if tag.stem else {})
    strip[CUE_PROPERTY] = json.dumps(held, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class StripRef:
    """A strip of a cue, by the names of its scene and itself.

    It stays valid across undo, which replaces all of Blender's data and makes every pointer invalid.
    """

    scene: str
    strip: str
    tag: TakeTag
    is_filled: bool
    """Whether it holds its take."""
    is_stale: bool
    error: str
    is_silent: bool = False
    """Whether it plays a silent take. A muted strip does not."""
    is_kept: bool = False
    """Whether it was kept when the cue's other takes were removed."""

    def resolve(self) -> tuple[Any, Any] | None:
        """Return the scene and the strip as they are now; None if the strip no longer exists or has another cue."""
        scene = bpy.data.scenes.get(self.scene)
        editor = scene.sequence_editor if scene else None
        strip = editor.strips_all.get(self.strip) if editor else None
        return (scene, strip) if strip is not None and get_take_tag(strip) == self.tag else None

    def read_request(self) -> CueRequest | None:
        """Return the request that the strip stores."""
        found = self.resolve()
        return parse_request(str(found[1].get(REQUEST_PROPERTY, ""))) if found else None


def editable_scenes() -> Iterator[Any]:
    """Yield the scenes whose timelines can be changed: not those linked from another file."""
    return (scene for scene in bpy.data.scenes if scene.library is None and scene.sequence_editor is not None)


class CueIndex:
    """The strips of each cue, as of the last scan. A new scan is needed when something has changed."""

    def __init__(self) -> None:
        self.is_dirty = True
        """Whether the timeline may have changed since the last scan."""
        self.strips_by_cue: dict[str, list[StripRef]] = {}
        """The strips of each cue, as of the last scan."""

    def refresh(self) -> dict[str, list[StripRef]]:
        """Scan all timelines now and return the strips of each cue."""
        for _ in self.refresh_steps():
            pass
        return self.strips_by_cue

    def refresh_steps(self) -> Iterator[None]:
        """Scan strip by strip, so that a caller can stop after a slice of time and continue later.

        Changes made meanwhile set `is_dirty` again.
        """
        self.is_dirty = False  # first: a change during the scan must not be missed
        found: dict[str, list[StripRef]] = {}
        # Names, not scenes or strips: between two steps an undo or a new file can free any of them.
        for scene in [scene.name for scene in editable_scenes()]:
            for strip in _tagged_strip_names(scene):
                if ref := _make_strip_ref(scene, strip):
                    found.setdefault(ref.tag.cue, []).append(ref)
                yield
            yield
        self.strips_by_cue = found

    def cue_strips(self, cue: str) -> list[StripRef]:
        """Return the strips of one cue as of the last scan; if there were none and something has changed, scan now."""
        found = self.snapshot().get(cue, [])
        return found if found or not self.is_dirty else self.refresh().get(cue, [])

    def take_strips(self, cue: str, take_index: int) -> list[StripRef]:
        """Return the strips of one take, without its stems. Strips that were copied since the last scan are found by the next."""
        return [ref for ref in self.cue_strips(cue) if ref.tag.take == take_index and not ref.tag.stem]

    def refreshed(self) -> dict[str, list[StripRef]]:
        """Return the strips of each cue, scanned again if needed. In background mode no timer scans, so it is done here every time."""
        return self.refresh() if self.is_dirty or bpy.app.background else self.strips_by_cue

    def snapshot(self) -> dict[str, list[StripRef]]:
        """Return the strips of each cue without scanning in a window: drawing shows what the timer found last."""
        return self.refreshed() if bpy.app.background else self.strips_by_cue


def _tagged_strip_names(scene_name: str) -> list[str]:
    """Return the names of a scene's strips that have a cue."""
    scene = bpy.data.scenes.get(scene_name)
    editor = scene.sequence_editor if scene else None
    return [strip.name for strip in editor.strips_all if CUE_PROPERTY in strip] if editor else []


def _make_strip_ref(scene_name: str, name: str) -> StripRef | None:
    scene = bpy.data.scenes.get(scene_name)
    editor = scene.sequence_editor if scene else None
    strip = editor.strips_all.get(name) if editor else None
    if strip is None or (tag := get_take_tag(strip)) is None:
        return None
    return StripRef(
        scene_name,
        name,
        tag,
        ENTRY_PROPERTY in strip,
        bool(strip.get(STALE_PROPERTY)),
        str(strip.get(ERROR_PROPERTY, "")),
        bool(strip.get(SILENT_PROPERTY)) and not strip.mute,
        bool(strip.get(KEPT_PROPERTY)),
    )


shared_cue_index = CueIndex()


def take_file(strip: Any) -> Path | None:
    """Return the file of a laid strip's take; None for a placeholder, and for a strip that is no sound."""
    sound = getattr(strip, "sound", None)
    return None if sound is None or ENTRY_PROPERTY not in strip else sound_file(sound)


def sound_file(sound: Any) -> Path:
    """Return the file of a sound. Blender writes relative paths with each `..` in them, so the path is normalised."""
    return Path(os.path.normpath(bpy.path.abspath(sound.filepath)))
