"""The rows of the list of cues: each cue of a scene with its strips, its status, its price and its regenerated takes.

Joins `sequencer.cue_index` (which strips a cue has) with `cue_status` (how far its takes are). Rows are rebuilt by a timer, in slices,
when the timeline was scanned again; drawing only shows them. Status is read at drawing time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from ...errors import InvalidInput
from ...untrusted_data import read_amount
from ..sequencer import compat, takes
from ..sequencer.cue_index import (
    EMPTY_REQUEST,
    ENTRY_PROPERTY,
    REQUEST_PROPERTY,
    CueRequest,
    StripRef,
    TakeTag,
    parse_entry,
    parse_request,
    shared_cue_index,
)
from ..settings.redraw import redraw_sequencers
from .cue_status import running_cues

if TYPE_CHECKING:
    from .cue_status import CueStatus

SLICE_SECONDS = 0.001
"""How long rows are built at a time, in seconds."""

SLICE_INTERVAL_SECONDS = 0.01
"""Seconds between two slices, in which Blender draws."""

STATE_PRIORITY = ("unclear", "failed", "stopped", "running", "laid")
"""Of the states of several takes, the first of these is shown."""


@dataclass(frozen=True, slots=True)
class CueRow:
    """One cue of a scene.

    Attributes:
        cue: the cue's id.
        strips: names of its strips in the scene.
        start: first timeline frame.
        frames: length in timeline frames.
        picture: name of the picture strip; of a cue over a range, those of the first and the last.
        model: model id.
        prompt: prompt of the take, or of the request if no take is laid.
        notes: sentences about its takes, each once.
        state: one of `STATE_PRIORITY`.
        message: the stage it is in, or its error.
        fraction: progress from 0 to 1.
        price: `0.40 USD`, with `about` before an estimate, `free`, or empty if unknown.
        is_stale: whether any of its strips is stale, audible or not.
        is_silent: whether one of its strips plays a silent take.
        job_ids: its rows in the ledger, as far as they are known.
        take_tags: one for each of `strips`.
        is_kept: whether its takes were kept.
        pictures: names of its picture strips.
    """

    cue: str
    strips: tuple[str, ...]
    start: int
    frames: int
    picture: str
    model: str
    prompt: str
    notes: tuple[str, ...]
    state: str
    message: str
    fraction: float
    price: str
    is_stale: bool
    is_silent: bool = False
    job_ids: tuple[int, ...] = ()
    take_tags: tuple[TakeTag, ...] = field(default=())
    is_kept: bool = False
    pictures: tuple[str, ...] = ()


def list_cue_rows(scene: Any) -> list[CueRow]:
    """Return the cues of a scene in timeline order. Reads memory only."""
    return sorted(iter_cue_rows(scene.name), key=lambda row: (row.start, row.cue))


def iter_cue_rows(scene_name: str) -> Iterator[CueRow]:
    """Yield the cues of a scene one by one, unordered, so that a caller can stop after a slice of time and continue later.

    It keeps names: an undo between two slices replaces the scene and all its strips.
    """
    for cue, refs in shared_cue_index.snapshot().items():
        strips = [
            (ref, resolved[1]) for ref in refs if ref.scene == scene_name and (resolved := ref.resolve()) is not None
        ]
        if strips:
            yield _make_cue_row(cue, strips, running_cues().get(cue))


def _make_cue_row(cue: str, strips: list[tuple[StripRef, Any]], status: CueStatus | None) -> CueRow:
    request = parse_request(str(strips[0][1].get(REQUEST_PROPERTY, ""))) or EMPTY_REQUEST
    entries = [parse_entry(str(strip.get(ENTRY_PROPERTY, ""))) for _, strip in strips]
    first_entry: Mapping[str, Any] = next(filter(None, entries), {})
    error = next((ref.error for ref, _ in strips if ref.error), "")
    is_laid = all(ref.is_filled for ref, _ in strips)
    # A placeholder whose job is unknown to this session counts as failed until the ledger has been asked.
    state, message, fraction = ("laid", "", 1.0) if is_laid else ("failed", error, 1.0)
    if status is not None and status.error:
        state, message = status.state, status.error
    elif status is not None and status.steps and not is_laid:
        state, message, fraction = "running", status.message, status.fraction
    start = min(compat.strip_start(strip) for _, strip in strips)
    return CueRow(
        cue=cue,
        strips=tuple(ref.strip for ref, _ in strips),
        start=start,
        frames=max(compat.strip_end(strip) for _, strip in strips) - start,
        picture=request.label,
        model=str(first_entry.get("model", request.model)),
        prompt=str(first_entry.get("prompt", request.prompt)),
        notes=tuple(dict.fromkeys(str(note) for entry in entries for note in entry.get("notes", ()))),
        state=state,
        message=message,
        fraction=fraction,
        # Copies of a strip hold the same entry: each take is charged once.
        price=_price_text(request, {str(each["take"]): each for each in entries if "take" in each}.values()),
        is_stale=any(ref.is_stale for ref, _ in strips),
        is_silent=any(ref.is_silent for ref, _ in strips),
        job_ids=status.job_ids if status is not None else (),
        take_tags=tuple(ref.tag for ref, _ in strips),
        is_kept=all(ref.is_kept for ref, _ in strips),
        pictures=tuple(request.picture_names),
    )


def _price_text(request: CueRequest, entries: Iterable[Mapping[str, Any]]) -> str:
    costs = [each.get("cost") or {} for each in entries]
    amounts = [read_amount(cost.get("amount")) for cost in costs]
    if costs and None not in amounts:
        total = sum(filter(None, amounts), Decimal(0))
        about = "about " if any(cost.get("estimated") for cost in costs) else ""
        return f"{about}{total:.2f} {costs[0]['currency']}" if total else "free"
    if request.price is None:
        return ""
    return f"about {Decimal(request.price):.2f} {request.currency}" if Decimal(request.price) else "free"


@dataclass(frozen=True, slots=True)
class CueListRow:
    """A cue together with the cues that were regenerated from it, as of the last scan of the timeline."""

    cue: str
    cues: tuple[CueRow, ...]
    is_stale: bool
    """Whether the picture of the audible take has changed since the take was made."""

    @property
    def first_cue(self) -> CueRow:
        """The original cue, or the first that is left."""
        return self.cues[0]

    @property
    def start(self) -> int:
        """The first timeline frame."""
        return min(part.start for part in self.cues)

    @property
    def end(self) -> int:
        """The first timeline frame after it."""
        return max(part.start + part.frames for part in self.cues)

    @property
    def is_silent(self) -> bool:
        """True if its audible take is silent."""
        return any(part.is_silent for part in self.cues)

    @property
    def is_kept(self) -> bool:
        """True if only a kept take is left, and no other has been generated since."""
        return all(part.is_kept for part in self.cues)

    @property
    def strip_names(self) -> list[str]:
        """The names of all its strips."""
        return [name for part in self.cues for name in part.strips]

    @property
    def take_count(self) -> int:
        """The number of takes, including those that are still running."""
        return len({(tag.cue, tag.take) for part in self.cues for tag in part.take_tags})

    @property
    def price(self) -> str:
        """The prices of its cues, joined; `free` only if all are free."""
        known = list(dict.fromkeys(part.price for part in self.cues if part.price))
        paid = [price for price in known if price != "free"]
        return " + ".join(paid or known)

    def current_status(self) -> tuple[str, str, float, str]:
        """Return state, message, progress (0 to 1) and cue id of the part with the highest `STATE_PRIORITY`, as of now."""
        running, found = running_cues(), []
        for part in self.cues:
            status = running.get(part.cue)
            if status is not None and status.error:
                found.append((status.state, status.error, 1.0, part.cue))
            elif status is not None and status.steps and part.state != "laid":
                found.append(("running", status.message, status.fraction, part.cue))
            elif status is None and part.state == "running":
                # It has finished since the rows were built; the next build shows it as laid.
                found.append(("laid", "", 1.0, part.cue))
            else:
                note = "" if status is None else status.note
                found.append((part.state, part.message or note, part.fraction, part.cue))
        state, message, fraction, cue = min(found, key=lambda each: STATE_PRIORITY.index(each[0]))
        return state, message, fraction, cue


LIST_FILTERS = (
    ("ALL", "All", "All cues"),
    ("RUNNING", "Running", "Cues whose takes are being generated"),
    ("FAILED", "Failed", "Cues that failed, stopped, or are unclear"),
    ("STALE", "Stale", "Cues whose picture has changed since"),
    ("SILENT", "Silent", "Cues in which nothing is heard"),
    ("KEPT", "Kept", "Cues of which one take was kept"),
)
"""The cues that the list shows, as items of an enumeration."""

LIST_ORDERS = (
    ("TIME", "Time", "By the first frame"),
    ("NAME", "Name", "By the name of the picture"),
    ("STATUS", "Status", "What needs attention first"),
)
"""The order of the list, as items of an enumeration."""


class TRACKLAY_PG_cue_row(bpy.types.PropertyGroup):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """One item as Blender's list element needs it: a row, named by its cue's id, or the heading of a shot, named by the shot."""

    __annotations__ = {
        "name": StringProperty(name="Cue"),
        "is_open": BoolProperty(name="Open", description="Show the cues of this shot", default=True),
    }


def _on_grouped_changed(_listed: Any, _context: Any) -> None:
    _publish_rows(list(cue_list_rows))


class TRACKLAY_PG_cue_list(bpy.types.PropertyGroup):  # type: ignore[misc]  # noqa: N801
    """The list as Blender's list element needs it. It belongs to the window manager, so it is neither saved nor undone."""

    __annotations__ = {
        "rows": CollectionProperty(type=TRACKLAY_PG_cue_row, name="Cues"),
        "active": IntProperty(name="Cue", description="The cue that is shown below", default=0, min=0),
        "show": EnumProperty(name="Show", description="Cues that the list shows", items=LIST_FILTERS),
        "order": EnumProperty(name="Sort By", description="Order of the list", items=LIST_ORDERS),
        "search": StringProperty(
            name="Search",
            description="Show cues with this text in picture, prompt or model",
            options={"TEXTEDIT_UPDATE"},
        ),
        "is_grouped": BoolProperty(
            name="Group by Shot", description="Show a heading for each shot", update=_on_grouped_changed
        ),
    }


cue_list_rows: list[CueListRow] = []
"""The rows in timeline order. The list's first items are these; headings of shots follow, which Blender's list sorts in between."""

_built_key: tuple[Any, ...] = ()
"""The `_build_key` of `cue_list_rows`."""

_build_iterator: Iterator[None] | None = None


def _build_key(scene: Any) -> tuple[Any, ...]:
    """Return a key that changes when the rows must be rebuilt: after a scan, and when a cue starts or finishes."""
    return id(shared_cue_index.snapshot()), scene.name, tuple(running_cues())


def rebuild_if_changed(scene: Any) -> None:
    """Start the timer that rebuilds the rows if the timeline was scanned since. Cheap enough to call while drawing."""
    if _build_key(scene) != _built_key and not bpy.app.timers.is_registered(_build_slice):
        bpy.app.timers.register(_build_slice, first_interval=0)


def _build_slice() -> float | None:
    global _build_iterator  # noqa: PLW0603 - Blender has one main thread and one list
    until = time.perf_counter() + SLICE_SECONDS
    if _build_iterator is None:
        scene = compat.active_sequencer_scene(bpy.context)
        _build_iterator = iter(()) if scene is None else _iterate_build(scene.name)
    for _ in _build_iterator:
        if time.perf_counter() > until:
            return SLICE_INTERVAL_SECONDS
    _build_iterator = None
    redraw_sequencers()
    return None


def build_rows(scene: Any) -> list[CueListRow]:
    """Build the rows now and return them."""
    for _ in _iterate_build(scene.name):
        pass
    return cue_list_rows


def _iterate_build(scene_name: str) -> Iterator[None]:
    """Build the rows; each yield is a point where a slice may end, after which the scene is looked up again."""
    global _built_key  # noqa: PLW0603
    scene = bpy.data.scenes[scene_name]
    # Taken first: what changes while slices run makes the key differ, and the rows are built again.
    key = _build_key(scene)
    parts_by_root: dict[str, list[CueRow]] = {}
    for row in iter_cue_rows(scene_name):
        strip = _find_strip(scene_name, row.strips[0])
        parts_by_root.setdefault(takes.root_cue(strip) if strip is not None else row.cue, []).append(row)
        yield
    fresh: list[CueListRow] = []
    for cue, parts in parts_by_root.items():
        # False sorts first: the original cue leads.
        ordered = tuple(sorted(parts, key=lambda part: part.cue != cue))
        if (scene := bpy.data.scenes.get(scene_name)) is None or scene.sequence_editor is None:
            return  # removed since; drawing another scene builds its rows
        fresh.append(CueListRow(cue, ordered, _is_stale(scene, cue, parts)))
        if fresh[-1].is_stale:
            yield  # grouping its takes took longer than the others
    fresh.sort(key=lambda row: (row.start, row.cue))
    yield
    _publish_rows(fresh)
    _built_key = key


def _find_strip(scene_name: str, name: str) -> Any:
    scene = bpy.data.scenes.get(scene_name)
    editor = scene.sequence_editor if scene is not None else None
    return editor.strips_all.get(name) if editor is not None else None


def _publish_rows(fresh: list[CueListRow]) -> None:
    """Show these rows, in Blender's list too. Only changed items are written: writing redraws.

    The active cue stays active, unless one was generated since: then that one is.
    """
    global _followed_cue
    listed = bpy.context.window_manager.tracklay
    active = cue_list_rows[listed.active].cue if listed.active < len(cue_list_rows) else ""
    folded = {item.name for item in listed.rows[len(cue_list_rows) :] if not item.is_open}
    headings = list(dict.fromkeys(row.first_cue.picture for row in fresh)) if listed.is_grouped else []
    names = [*(row.cue for row in fresh), *headings]
    for number, name in enumerate(names):
        if number == len(listed.rows):
            listed.rows.add()
        item, is_open = listed.rows[number], number < len(fresh) or name not in folded
        if item.name != name:
            item.name = name
        if item.is_open != is_open:
            item.is_open = is_open
    while len(listed.rows) > len(names):
        listed.rows.remove(len(listed.rows) - 1)
    cue_list_rows[:] = fresh
    wanted = next((row.cue for row in fresh if any(part.cue == _followed_cue for part in row.cues)), "")
    if wanted:
        active, _followed_cue = wanted, ""
    chosen = next((number for number, row in enumerate(fresh) if row.cue == active), None)
    chosen = min(listed.active, max(0, len(fresh) - 1)) if chosen is None else chosen
    if listed.active != chosen:
        listed.active = chosen


_followed_cue = ""
"""The id of the cue that becomes active in the list as soon as it is there; empty for none."""


def follow_cue(cue: str) -> None:
    """Make a cue that was just generated the active one of the list, as soon as it is there."""
    global _followed_cue  # noqa: PLW0603
    _followed_cue = cue


_followed_selection: tuple[str, ...] = ()
"""The `_selection_key` that the list has followed."""


def _selection_key(scene: Any) -> tuple[str, ...]:
    """Return a key that changes with the active strip; empty without a selected one."""
    strip = scene.sequence_editor.active_strip if scene.sequence_editor is not None else None
    return (scene.name, strip.name) if strip is not None and strip.select else ()


def follow_selection_if_changed(scene: Any) -> None:
    """Start the timer that makes the cue of the active strip active in the list. Cheap enough to call while drawing."""
    if _selection_key(scene) != _followed_selection and not bpy.app.timers.is_registered(_follow_selection):
        bpy.app.timers.register(_follow_selection, first_interval=0)


def _follow_selection() -> None:
    """Make the cue of the selected take active in the list, or the first cue of the selected picture."""
    global _followed_selection  # noqa: PLW0603
    scene = compat.active_sequencer_scene(bpy.context)
    if scene is None:
        return
    _followed_selection = _selection_key(scene)
    if not _followed_selection:
        return
    name, listed = _followed_selection[1], bpy.context.window_manager.tracklay
    found = [n for n, row in enumerate(cue_list_rows) if any(name in part.strips for part in row.cues)]
    found = found or [n for n, row in enumerate(cue_list_rows) if any(name in part.pictures for part in row.cues)]
    if found and listed.active not in found:
        listed.active = found[0]
        redraw_sequencers()


def _is_stale(scene: Any, cue: str, parts: list[CueRow]) -> bool:
    """Return whether a cue is stale: decided by its audible takes, or by its placeholders if no take has arrived."""
    if not any(part.is_stale for part in parts):
        return False
    laid = _laid_strips(scene, [name for part in parts for name in part.strips])
    return not laid or any(group.stale for group in takes.groups_of(cue, laid))


def _laid_strips(scene: Any, names: list[str]) -> list[Any]:
    """Return those of a scene's strips that hold a take."""
    strips = scene.sequence_editor.strips_all
    return [strip for name in names if (strip := strips.get(name)) is not None and ENTRY_PROPERTY in strip]


def active_row() -> CueListRow | None:
    """Return the active row of the list."""
    number = bpy.context.window_manager.tracklay.active
    return cue_list_rows[number] if number < len(cue_list_rows) else None


def row_take_group(scene: Any, row: CueListRow) -> takes.TakeGroup | None:
    """Return the laid takes of a row as one group; None if there are none."""
    laid = _laid_strips(scene, row.strip_names)
    return takes.group_strips(row.cue, laid) if laid else None


def current_rows(scene: Any) -> list[CueListRow]:
    """Return the rows of a scene; they are built now if it was scanned since."""
    return cue_list_rows if cue_list_rows and _build_key(scene) == _built_key else build_rows(scene)


def find_row(scene: Any, cue: str) -> CueListRow:
    """Return the row of a cue, or the active row if `cue` is empty.

    Raises:
        InvalidInput: there is none.
    """
    rows = current_rows(scene)
    found = (
        next((row for row in rows if cue in (row.cue, *(part.cue for part in row.cues))), None) if cue else active_row()
    )
    if found is None:
        raise InvalidInput("cue.not_found", "Cue not found in this scene. Select one in the list.")
    return found


CLASSES = (TRACKLAY_PG_cue_row, TRACKLAY_PG_cue_list)


def register() -> None:
    """Add the list to the window manager."""
    bpy.types.WindowManager.tracklay = PointerProperty(type=TRACKLAY_PG_cue_list)


def unregister() -> None:
    """Stop building and remove the list."""
    global _built_key, _build_iterator
    for function in (_build_slice, _follow_selection):
        if bpy.app.timers.is_registered(function):
            bpy.app.timers.unregister(function)
    _built_key, _build_iterator = (), None
    cue_list_rows.clear()
    del bpy.types.WindowManager.tracklay
