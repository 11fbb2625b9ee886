"""The cues of the timeline, in plain data: which strips each has, how far its takes are, what it cost, whether it is stale.

Strips say what they belong to in custom properties, which every copy of them has. They are looked through here, and nowhere else.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from . import compat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..runtime.cue_status import Line

CUE = "tracklay_cue"
"""The custom property of a placeholder or a laid strip: JSON, `{"cue": id, "take": index from 0}`, of a stem `"stem": its name` too."""

ENTRY = "tracklay"
"""The custom property of a laid strip: its take's manifest entry as JSON. A placeholder has none yet."""

ASKED = "tracklay_asked"
"""The custom property that says what was asked for: JSON, as `Asked`."""

STALE = "tracklay_stale"
"""The custom property of a strip whose picture was changed since: there, and true, while it is."""

TROUBLE = "tracklay_trouble"
"""The custom property of a placeholder whose take did not come: why, in a sentence."""

KEPT = 8192
"""Properties that are kept read: they are looked at again and again, and hardly ever change."""


class Mark(NamedTuple):
    """Which take of which cue a strip is; `stem` is empty for the whole of it."""

    cue: str
    take: int
    stem: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
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

    def text(self) -> str:
        """As a strip keeps it."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, ensure_ascii=False)


NOTHING = Asked("", "", "", "", "0", 0)


@lru_cache(KEPT)
def _mark(text: str) -> Mark | None:
    try:
        held = json.loads(text)
        return Mark(str(held["cue"]), int(held["take"]), str(held.get("stem", "")))
    except (ValueError, TypeError, KeyError):
        return None  # somebody else's, or edited by hand


@lru_cache(KEPT)
def asked(text: str) -> Asked | None:
    """What a strip says was asked for; None where it says nothing that can be read."""
    try:
        return Asked(**json.loads(text))
    except (ValueError, TypeError):
        return None


@lru_cache(KEPT)
def entry(text: str) -> Mapping[str, Any]:
    """A laid strip's manifest entry; empty where it cannot be read."""
    try:
        held = json.loads(text)
    except (ValueError, TypeError):
        return {}
    return held if isinstance(held, dict) else {}


def mark(strip: Any) -> Mark | None:
    """Which take a strip is; None for the person's own."""
    text = strip.get(CUE)
    return _mark(text) if isinstance(text, str) else None


def put_mark(strip: Any, which: Mark) -> None:
    """Say which take a strip is."""
    held = {"cue": which.cue, "take": which.take} | ({"stem": which.stem} if which.stem else {})
    strip[CUE] = json.dumps(held, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A strip of a cue, by its scene's and its own name: outlives undo."""

    scene: str
    strip: str
    mark: Mark
    filled: bool
    """Whether its take lies in it."""
    stale: bool
    trouble: str

    def find(self) -> tuple[Any, Any] | None:
        """Its scene and strip now; None where it is gone."""
        scene = bpy.data.scenes.get(self.scene)
        editor = scene.sequence_editor if scene else None
        strip = editor.strips_all.get(self.strip) if editor else None
        return (scene, strip) if strip is not None and mark(strip) == self.mark else None

    def asked(self) -> Asked | None:
        """What it says was asked for."""
        found = self.find()
        return asked(str(found[1].get(ASKED, ""))) if found else None


def scenes() -> Iterator[Any]:
    """The scenes whose timelines are the person's to change: not those linked from another file."""
    return (scene for scene in bpy.data.scenes if scene.library is None and scene.sequence_editor is not None)


class Index:
    """Which strips there are of which cues. It is looked up once, and again when something was changed."""

    def __init__(self) -> None:
        self.changed = True
        """Whether the timeline may be another than when it was looked through."""
        self.found: dict[str, list[Place]] = {}
        """The strips of each cue, when it was looked through last."""

    def look(self) -> dict[str, list[Place]]:
        """Look through all timelines now: the strips of each cue."""
        for _ in self.looking():
            pass
        return self.found

    def looking(self) -> Iterator[None]:
        """The same strip by strip: who has little time takes a few and goes on later. What changes meanwhile makes it `changed` again."""
        self.changed = False
        found: dict[str, list[Place]] = {}
        for scene in [scene.name for scene in scenes()]:
            for strip in _ours(scene):
                if place := _place(scene, strip):
                    found.setdefault(place.mark.cue, []).append(place)
                yield
            yield
        self.found = found

    def of(self, cue: str) -> list[Place]:
        """The strips of one cue: those that were found last, or where there are none and something was changed, found now."""
        found = self.known().get(cue, [])
        return found if found or not self.changed else self.look().get(cue, [])

    def places(self) -> dict[str, list[Place]]:
        """The same as it was last known. In a window a timer looks through soon after a change; elsewhere it is done here."""
        return self.look() if self.changed or bpy.app.background else self.found

    def known(self) -> dict[str, list[Place]]:
        """The same without ever looking in a window: what is drawn shows what the timer saw last."""
        return self.places() if bpy.app.background else self.found


def _ours(scene_name: str) -> list[str]:
    """The names of a scene's strips that have a cue."""
    scene = bpy.data.scenes.get(scene_name)
    editor = scene.sequence_editor if scene else None
    return [strip.name for strip in editor.strips_all if CUE in strip] if editor else []


def _place(scene_name: str, name: str) -> Place | None:
    scene = bpy.data.scenes.get(scene_name)
    editor = scene.sequence_editor if scene else None
    strip = editor.strips_all.get(name) if editor else None
    if strip is None or (which := mark(strip)) is None:
        return None
    return Place(scene_name, name, which, ENTRY in strip, bool(strip.get(STALE)), str(strip.get(TROUBLE, "")))


index = Index()


@dataclass(frozen=True, slots=True)
class Shown:
    """A cue as a list of cues shows it. Its strips are names in its scene; times are the timeline's frames.

    `state` is "running", "unclear", "failed" or "laid": the first of them that a take of it is in. `words` are what it does, or its
    error, for a person; `fraction` goes from 0 to 1. `stale` is true where any of its strips is stale, heard or not. `price` is what it
    cost or is thought to: `0.40 USD`, with `about` before an estimate, empty where nobody knows. `jobs` are the ledger's numbers, as
    far as they are known.
    """

    cue: str
    strips: tuple[str, ...]
    start: int
    frames: int
    picture: str
    model: str
    prompt: str
    state: str
    words: str
    fraction: float
    price: str
    stale: bool
    jobs: tuple[int, ...] = ()
    takes: tuple[Mark, ...] = field(default=())
    """One for each of `strips`."""


def of(scene: Any) -> list[Shown]:
    """The cues of a scene, by their places on the timeline. Reads memory only."""
    return sorted(each(scene), key=lambda shown: (shown.start, shown.cue))


def each(scene: Any) -> Iterator[Shown]:
    """The same one by one, in no order: whoever has little time takes a few and goes on later."""
    from ..runtime.dispatcher import lines  # noqa: PLC0415 - it lays what these find

    for cue, places in index.known().items():
        here = [place for place in places if place.scene == scene.name]
        strips = [(place, found[1]) for place in here if (found := place.find())]
        if strips:
            yield _shown(cue, strips, lines().get(cue))


def _shown(cue: str, strips: list[tuple[Place, Any]], line: Line | None) -> Shown:
    first = strips[0][1]
    told = asked(str(first.get(ASKED, ""))) or NOTHING
    made = [entry(str(strip.get(ENTRY, ""))) for _, strip in strips]
    known: Mapping[str, Any] = next(filter(None, made), {})
    trouble = next((place.trouble for place, _ in strips if place.trouble), "")
    laid = all(place.filled for place, _ in strips)
    state, words, fraction = ("laid", "", 1.0) if laid else ("failed", trouble, 1.0)
    if line is not None and line.error:
        state, words = line.state, line.error
    elif line is not None and line.steps and not laid:
        state, words, fraction = "running", line.words, line.fraction
    return Shown(
        cue,
        tuple(place.strip for place, _ in strips),
        min(compat.start(strip) for _, strip in strips),
        max(compat.end(strip) for _, strip in strips) - min(compat.start(strip) for _, strip in strips),
        told.picture,
        str(known.get("model", told.model)),
        str(known.get("prompt", told.prompt)),
        state,
        words,
        fraction,
        _price(told, {str(each["take"]): each for each in made if "take" in each}.values()),
        any(place.stale for place, _ in strips),
        line.jobs if line is not None else (),
        tuple(place.mark for place, _ in strips),
    )


def _price(told: Asked, made: Iterable[Mapping[str, Any]]) -> str:
    from decimal import Decimal  # noqa: PLC0415

    costs = [each.get("cost") or {} for each in made]
    if costs and all(cost.get("amount") is not None for cost in costs):
        total = sum(Decimal(cost["amount"]) for cost in costs)
        about = "about " if any(cost.get("estimated") for cost in costs) else ""
        return f"{about}{total:.2f} {costs[0]['currency']}" if total else "free"
    if told.price is None:
        return ""
    return f"about {Decimal(told.price):.2f} {told.currency}" if Decimal(told.price) else "free"


def take_file(strip: Any) -> Path | None:
    """The file of a laid strip's take; None of a placeholder."""
    if ENTRY not in strip or strip.sound is None:
        return None
    return file_of(strip.sound)


def file_of(sound: Any) -> Path:
    """A sound's file. A saved file names it from where itself is, with every step up spelled out."""
    return Path(os.path.normpath(bpy.path.abspath(sound.filepath)))
