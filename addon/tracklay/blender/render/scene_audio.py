"""Sound before the render: every cue of a scene that has no fresh take gets one, and it is laid before the first frame is rendered.

Made once by one of many machines (`jobs.claims`), put on record in the takes folder, and laid from there by all the others and by
every later render. The scene is changed in memory alone: whoever renders does not save.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...cue import Failure, Take
from ...errors import BadInput, TracklayError
from ...jobs import Run, checked, within_budget
from ...jobs.shared_claims import Claims
from ...jobs.take_writer import file_hash
from ...media import proxy_cache
from ...media.ffmpeg import Stop
from ...version import VERSION
from ..ops import generate_ops
from ..sequencer import compat, cue_index, placement, scene_cues, selection, staleness
from ..sequencer.strip_source import PICTURES
from ..settings import catalogue, network, preferences
from . import timeline_copy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ...cue import Cue
    from ...jobs import Order
    from ..sequencer.selection import Spot

PLACE = "at-render"
"""The folder, among the takes, of what was made for renders: claims while it is made, records afterwards."""

KEY_LETTERS = 24
"""Of the digest that a record is called by."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wanted of a scene; what is not said is as the scene's own settings have it.

    `only` are names of strips, or patterns (`sh0*`); `selected` means the strips that are selected in the file, and no others.
    """

    model: str = ""
    prompt: str | None = None
    only: Sequence[str] = ()
    selected: bool = False
    max_cost: str | None = None
    folder: Path | None = None


@dataclass(slots=True)
class Outcome:
    """What came of it. `laid` and `made` are names of strips of the picture: made are those whose take did not exist before."""

    laid: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Need:
    """A cue without a fresh take: whose sound it will be, what is ordered for it, and what it is known by on every machine."""

    spot: Spot
    order: Order
    key: str


def needs(scene: Any, wishes: Wishes) -> tuple[list[Need], list[str]]:
    """The cues of a scene that lack a fresh take, and what hinders others. Stale takes are muted: they belong to another picture.

    Raises:
        BadInput: no strip is called so or selected, or there is no such model, or it may not be reached.
    """
    model = catalogue.model(wishes.model or scene.tracklay.model)
    if trouble := network.offline(model):
        raise BadInput(trouble)
    to = wishes.folder or preferences.takes_folder()
    look = staleness.Look()
    level = next(selection.levels(scene), None)
    laid = [] if level is None else [strip for strip in level.strips if cue_index.ENTRY in strip]
    found: list[Need] = []
    errors: list[str] = []
    for each in scene_cues.spots(scene, _meant(scene, wishes)):
        if isinstance(each, scene_cues.Unread):
            errors.append(f"{each.error}")
            continue
        _, picture = selection.find(scene, each)
        if has_fresh(scene, laid, picture, look):
            continue
        given: dict[str, Any] = {"model": model.id} | ({} if wishes.prompt is None else {"prompt": wishes.prompt})
        try:
            cue = generate_ops.cue_for(each, scene.tracklay, **given)
            order = checked(cue, to, each.picture.source.stem, catalogue.MODELS)
            order = replace(order, sample_rate=preferences.sample_rate())
            found.append(Need(each, order, _key(scene, picture, order, look)))
        except TracklayError as error:
            errors.append(f"{each.strip}: {error}")
    return _copied(found, to), list(dict.fromkeys(errors))


def _copied(found: Sequence[Need], to: Path) -> list[Need]:
    """The same; those whose picture Blender must render, and that nobody made yet, know the copy of the timeline that it is rendered from.

    Raises:
        OutputError: there is no room for it.
    """
    records = Claims(to / PLACE)
    unmade = [
        need for need in found if need.order.cue.picture.render and not _takes(records.record(need.key), need.order)
    ]
    written = timeline_copy.written((need.order, need.spot) for need in unmade)
    orders = {order.cue.id: order for order, _ in written}
    return [replace(need, order=orders.get(need.order.cue.id, need.order)) for need in found]


def _meant(scene: Any, wishes: Wishes) -> list[scene_cues.Range]:
    if not wishes.only and not wishes.selected:
        with contextlib.suppress(BadInput):  # where no picture is seen, as in a part of titles, nothing is lacking
            return scene_cues.ranges(scene)
        return []
    level = next(selection.levels(scene), None)
    here = [] if level is None else compat.of_kinds(level.strips, PICTURES)
    names = [strip.name for strip in here if not wishes.selected or strip.select]
    if wishes.only:
        names = [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in wishes.only)]
    if not names:
        told = f"called {', '.join(wishes.only)}" if wishes.only else "selected"
        raise BadInput(f"no strip with picture is {told} in {scene.name}: look at the names in the file")
    return scene_cues.ranges(scene, names)


def has_fresh(scene: Any, takes: Iterable[Any], picture: Any, look: staleness.Look) -> bool:
    """Whether one of the takes was made for what the picture plays on all its frames, whoever chose it. Its stale ones are muted."""
    begin, end, fresh = compat.start(picture), compat.end(picture), False
    for take in takes:
        told = cue_index.asked(str(take.get(cue_index.ASKED, "")))
        named = picture.name in (take.get(placement.PICTURE), told.picture if told else "")
        if told is not None and staleness.fits(scene, take, picture, look):
            first = compat.content_start(
                take
            )  # of the whole take: what a person hid of it by its handles was made all the same
            fresh = fresh or (first <= begin and first + told.frames >= end)
        elif told is None:
            fresh = fresh or (named and compat.start(take) <= begin and compat.end(take) >= end)
        elif named and not staleness.fresh(scene, take, look):
            take.mute = True
    return fresh


def _key(scene: Any, picture: Any, order: Order, look: staleness.Look) -> str:
    """What a cue's take is known by: what plays, wherever it lies, and what is wanted for it.

    Raises:
        BadInput: the picture cannot be read.
    """
    cue = order.cue
    if cue.picture.render is None:
        seen = proxy_cache.contents(cue.picture, cue.span)
        if seen is None:
            raise BadInput(f"{cue.picture.source} cannot be read: choose it again in the strip's Source panel")
        plays = [seen, proxy_cache.plays(cue.picture, cue.span)]
    else:
        plays = _rendered(scene, picture, cue, look)
    model = [order.model.id, order.model.version]
    wanted = [*model, order.sample_rate, cue.prompt, cue.negative, cue.seed, cue.takes, dict(cue.params), cue.square]
    return hashlib.sha256(json.dumps([plays, wanted], sort_keys=True).encode()).hexdigest()[:KEY_LETTERS]


def _rendered(scene: Any, picture: Any, cue: Cue, look: staleness.Look) -> list[Any]:
    """What plays of a picture that Blender renders: how it is made of strips, and what is in their files.

    What has no file (a scene in 3D, a mask) is known by the film's: saved again, it may be another.
    """
    files = sorted(set(_files(picture, staleness.DEEPEST)))
    first = str(cue.span.start - compat.content_start(picture))
    how = [staleness.plays(scene, picture, look), first, cue.span.frames, str(cue.span.rate)]
    return [*how, [[path.name, proxy_cache.sampled(path)] for path in files]]


def _files(strip: Any, deep: int) -> Iterator[Path]:
    """The files that a strip shows, in it and in whatever is in it."""
    within: Sequence[Any] = ()
    match strip.type:
        case "MOVIE":
            yield Path(bpy.path.abspath(strip.filepath))
        case "IMAGE":
            folder = Path(bpy.path.abspath(strip.directory))
            yield from (folder / element.filename for element in strip.elements)
        case "META":
            within = strip.strips
        case "SCENE" if strip.scene and strip.scene_input == "SEQUENCER" and strip.scene.sequence_editor:
            within = strip.scene.sequence_editor.strips
        case "MOVIECLIP" if strip.clip:
            yield Path(bpy.path.abspath(strip.clip.filepath))
        case "SCENE" | "MASK":
            yield Path(bpy.data.filepath)
    for each in within if deep else ():
        yield from _files(each, deep - 1)


class Sound:
    """The takes of a scene's needs: made where nobody made them yet, else brought from where they are.

    `make` touches nothing of Blender's, so that any thread may do it; all else is for the main thread.
    """

    def __init__(self, wanted: Sequence[Need], wishes: Wishes, tell: Callable[[str], None]) -> None:
        self._wishes, self._tell = wishes, tell
        self._waiting: dict[str, list[Need]] = {}
        for need in wanted:
            self._waiting.setdefault(need.key, []).append(need)
        self._ready: list[tuple[Need, list[Take]]] = []
        self._begun: list[Order] = []
        cap, holds = preferences.cap()
        self._cap = cap if holds else None
        """What the person lets the project cost, in Blender's preferences."""
        self.outcome = Outcome()

    def make(self, claims: Claims) -> None:
        """Have every take that is needed, by making it or by waiting for whoever does."""
        told: set[str] = set()
        while self._waiting:
            for key in list(self._waiting):
                if self._brought(claims.record(key), key):
                    continue
                if error := claims.failed(key):
                    self._fail(key, error)
            if mine := [key for key in self._waiting if claims.take(key, partial(self._fits, key))]:
                self._make(claims, mine)
            elif news := self._waiting.keys() - told:
                for key in news:
                    self._tell(f"{self._names(key)}: waiting for {claims.holder(key)}, which makes its sound")
                told |= news
            elif self._waiting:
                claims.rest()

    def _names(self, key: str) -> str:
        return ", ".join(need.spot.strip for need in self._waiting[key])

    def _fail(self, key: str, error: str) -> None:
        self.outcome.errors.append(f"{self._names(key)}: {error}")
        del self._waiting[key]

    def _fits(self, key: str, record: Mapping[str, Any]) -> bool:
        return bool(_takes(record, self._waiting[key][0].order))

    def _brought(self, record: Mapping[str, Any] | None, key: str) -> bool:
        takes = {need.spot.strip: _takes(record, need.order) for need in self._waiting[key]}
        if not all(takes.values()):
            return False
        self._ready += [(need, takes[need.spot.strip]) for need in self._waiting.pop(key)]
        return True

    def _make(self, claims: Claims, keys: Sequence[str]) -> None:
        """Make what we claimed, all at once, and put it on record."""
        orders = {key: self._waiting[key][0].order for key in keys}
        try:
            within_budget([*self._begun, *orders.values()], self._wishes.max_cost)
        except TracklayError as error:
            for key in keys:
                claims.give_up(key, str(error))
                self._fail(key, str(error))
            return
        self._begun += orders.values()
        self._tell(f"making sound for {', '.join(self._names(key) for key in keys)}")
        with Run(lambda _: None) as run:
            run.caps(list(orders.values()), run=self._wishes.max_cost, project=self._cap)
            results = run.orders(list(orders.values()))
            for key, order in orders.items():
                of_cue = [result for result in results if result.cue.id == order.cue.id]
                takes = sorted((each for each in of_cue if isinstance(each, Take)), key=lambda take: take.number)
                errors = dict.fromkeys(str(each.error) for each in of_cue if isinstance(each, Failure))
                if not takes:
                    claims.give_up(key, "; ".join(errors))
                    self._fail(key, "; ".join(errors))
                    continue
                self.outcome.errors += [f"{self._names(key)}: {error}" for error in errors]
                record = {"tracklay": VERSION, "takes": [take.entry() for take in takes]}
                claims.keep(key, record)
                run.laid(takes)  # the record holds them from now on
                self.outcome.made += [need.spot.strip for need in self._waiting[key]]
                self._brought(record, key)

    def lay(self) -> None:
        """Lay what is ready, each cue's first take heard."""
        for need, takes in self._ready:
            try:
                for index, take in enumerate(takes):
                    placement.lay(need.spot, take, index)
            except TracklayError as error:
                self.outcome.errors.append(f"{need.spot.strip}: {error}")
            else:
                self.outcome.laid.append(need.spot.strip)
        self._ready.clear()


def _takes(record: Mapping[str, Any] | None, order: Order) -> list[Take]:
    """The takes of a record as an order's own; none where there is none, or a file is gone or is another by now."""
    found = []
    for entry in (record or {}).get("takes", ()):
        take = Take.of_entry(entry, order.cue, order.folder)
        try:
            if file_hash(take.file, stop=Stop()) != take.sha256:
                return []
        except OSError:
            return []
        found.append(take)
    return found


def sound(scene: Any, wishes: Wishes, tell: Callable[[str], None]) -> Outcome:
    """Make what a scene lacks and lay it: for a script, or a Blender without a window. `tell` is told what is under way.

    Raises:
        TracklayError: no strip is called so or selected, or the takes folder cannot be used.
    """
    wanted, errors = needs(scene, wishes)
    made = Sound(wanted, wishes, tell)
    if wanted:
        with Claims(wanted[0].order.folder / PLACE) as claims:
            made.make(claims)
        made.lay()
    made.outcome.errors[:0] = errors
    return made.outcome
