"""The spotting list: the cues of the scene as a person reads them, and what can be done with each.

Its rows are made by a timer, a slice at a time, when the timeline was looked through anew: drawing only shows them. How far a cue
is on its way is read as it is drawn.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import CollectionProperty, IntProperty, PointerProperty, StringProperty

from ...errors import BadInput, TracklayError
from ...timing import timecode
from ..ops.generate_ops import ONCE
from ..runtime.dispatcher import lines, redraw
from ..sequencer import compat, cue_index, selection, takes
from ..settings import catalogue
from ..settings.error_text import of_panel
from ..settings.i18n.translate import said
from . import layout_helpers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from ..sequencer.cue_index import Shown

SLICE_SECONDS = 0.001
"""How long rows are made at a time."""

SOON_SECONDS = 0.01
"""Between two slices: the window is drawn between."""

ROWS = 8
"""Of the list, before it scrolls."""

MODEL_WIDTH, OUT_WIDTH, PRICE_WIDTH = 330, 500, 600
"""Pixels at 100 %: how wide the sidebar must be to show the model, the out point and the price in each row."""

ICONS = {"running": "TIME", "unclear": "QUESTION", "failed": "ERROR", "stopped": "PAUSE", "laid": "CHECKMARK"}

CHOICES = (
    ("tracklay.look_again", "Look for It Again"),
    ("tracklay.send_again", "Send Again (May Be Charged Twice)"),
    ("tracklay.forget", "Give It Up (May Have Been Charged)"),
)
"""What can be done about work of which nobody knows whether it reached the provider: operators, and what they are called here."""

STATES = ("unclear", "failed", "stopped", "running", "laid")
"""Of several takes' states the one that a person should see first."""


@dataclass(frozen=True, slots=True)
class Row:
    """A cue with all that was made anew for it: what each was when the timeline was looked through."""

    cue: str
    parts: tuple[Shown, ...]
    stale: bool
    """Whether the picture of the take that is heard was changed since."""

    @property
    def first(self) -> Shown:
        """The cue itself, or the first that is left of it."""
        return self.parts[0]

    @property
    def start(self) -> int:
        """Its first frame."""
        return min(part.start for part in self.parts)

    @property
    def end(self) -> int:
        """The first frame after it."""
        return max(part.start + part.frames for part in self.parts)

    @property
    def strips(self) -> list[str]:
        """The names of its strips."""
        return [name for part in self.parts for name in part.strips]

    @property
    def takes(self) -> int:
        """How many takes it has, with those that are still to come."""
        return len({(mark.cue, mark.take) for part in self.parts for mark in part.takes})

    @property
    def price(self) -> str:
        """What it cost, or is thought to."""
        known = list(dict.fromkeys(part.price for part in self.parts if part.price))
        paid = [price for price in known if price != "free"]
        return " + ".join(paid or known)

    def now(self) -> tuple[str, str, float, str]:
        """State, words and fraction at this moment, and the cue that they are of: the first that a person should see."""
        running, found = lines(), []
        for part in self.parts:
            line = running.get(part.cue)
            if line is not None and line.error:
                found.append((line.state, line.error, 1.0, part.cue))
            elif line is not None and line.steps and part.state != "laid":
                found.append(("running", line.words, line.fraction, part.cue))
            elif line is None and part.state == "running":
                found.append(("laid", "", 1.0, part.cue))
            else:
                note = "" if line is None else line.note
                found.append((part.state, part.words or note, part.fraction, part.cue))
        state, words, fraction, cue = min(found, key=lambda each: STATES.index(each[0]))
        return state, of_panel(words), fraction, cue


class TRACKLAY_PG_row(bpy.types.PropertyGroup):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """A row of the list; its name is its cue's."""

    __annotations__ = {"name": StringProperty(name="Cue")}


class TRACKLAY_PG_list(bpy.types.PropertyGroup):  # type: ignore[misc]  # noqa: N801
    """The list as Blender's list element wants it. It is the window manager's: no file keeps it and no undo brings it back."""

    __annotations__ = {
        "rows": CollectionProperty(type=TRACKLAY_PG_row, name="Cues"),
        "active": IntProperty(name="Cue", description="The cue that is shown below", default=0, min=0),
    }


rows: list[Row] = []
"""What is shown, in the timeline's order."""

_seen: tuple[Any, ...] = ()
"""Of what the rows were made."""

_making: Iterator[None] | None = None


def _key(scene: Any) -> tuple[Any, ...]:
    """What the rows hang on: the same while nothing was looked through, begun or ended."""
    return id(cue_index.index.known()), scene.name, tuple(lines())


def freshen(scene: Any) -> None:
    """Have the rows made anew soon, where they are of another state than the timeline. Costs nothing where they are not."""
    if _key(scene) != _seen and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=0)


def _tick() -> float | None:
    global _making  # noqa: PLW0603 - one list, one maker
    until = time.perf_counter() + SLICE_SECONDS
    if _making is None:
        _making = _made(compat.timeline(bpy.context))
    for _ in _making:
        if time.perf_counter() > until:
            return SOON_SECONDS
    _making = None
    redraw()
    return None


def make(scene: Any) -> list[Row]:
    """Make the rows now."""
    for _ in _made(scene):
        pass
    return rows


def _made(scene: Any) -> Iterator[None]:
    """Make the rows, pausing after each."""
    global _seen  # noqa: PLW0603
    if scene is None:
        return
    key = _key(scene)
    found: dict[str, list[Shown]] = {}
    editor = scene.sequence_editor
    for shown in cue_index.each(scene):
        strip = editor.strips_all.get(shown.strips[0])
        found.setdefault(takes.root(strip) if strip is not None else shown.cue, []).append(shown)
        yield
    fresh: list[Row] = []
    for cue, parts in found.items():
        fresh.append(Row(cue, tuple(sorted(parts, key=lambda part: part.cue != cue)), _is_stale(scene, cue, parts)))
        if fresh[-1].stale:
            yield
    fresh.sort(key=lambda row: (row.start, row.cue))
    yield
    listed = bpy.context.window_manager.tracklay
    active = rows[listed.active].cue if listed.active < len(rows) else ""
    for number, row in enumerate(fresh):
        if number == len(listed.rows):
            listed.rows.add()
        if listed.rows[number].name != row.cue:
            listed.rows[number].name = row.cue
    while len(listed.rows) > len(fresh):
        listed.rows.remove(len(listed.rows) - 1)
    rows[:] = fresh
    listed.active = next(
        (number for number, row in enumerate(fresh) if row.cue == active), min(listed.active, max(0, len(fresh) - 1))
    )
    _seen = key


def _is_stale(scene: Any, cue: str, parts: list[Shown]) -> bool:
    """Return whether a cue is stale: its takes that are heard decide, and its placeholders where no take has come."""
    if not any(part.stale for part in parts):
        return False
    laid = _laid(scene, [name for part in parts for name in part.strips])
    return not laid or any(group.stale for group in takes.groups_of(cue, laid))


def _laid(scene: Any, names: list[str]) -> list[Any]:
    """Return those of a scene's strips that hold a take."""
    every = scene.sequence_editor.strips_all
    return [strip for name in names if (strip := every.get(name)) is not None and cue_index.ENTRY in strip]


def shown() -> Row | None:
    """The row that is active."""
    number = bpy.context.window_manager.tracklay.active
    return rows[number] if number < len(rows) else None


class TRACKLAY_UL_cues(bpy.types.UIList):  # type: ignore[misc]  # noqa: N801
    """The cues, a row each: picture, in, out, and as much more as the sidebar is wide."""

    def draw_item(
        self, context: Any, layout: Any, _data: Any, _item: Any, _icon: int, _active: Any, _name: str, index: int = 0
    ) -> None:
        """Draw one."""
        if index >= len(rows):
            return
        row, scene = rows[index], compat.timeline(context)
        state, _, _, _ = row.now()
        width, rate = layout_helpers.width(context), selection.rate(scene)
        icon = "FILE_REFRESH" if row.stale else ICONS[state]
        texts = [_times(row, rate, full=width > OUT_WIDTH)]
        texts += [title(row.first.model)] if width > MODEL_WIDTH else []
        texts += [_priced(row.price)] if width > PRICE_WIDTH else []
        line = layout.row(align=True)
        # On the ground of the active row the colour of an alert cannot be read.
        line.alert = state in ("failed", "stopped", "unclear") and index != bpy.context.window_manager.tracklay.active
        columns = line.split(factor=1 / (len(texts) + 1), align=True)
        columns.label(text=row.first.picture or row.cue, translate=False, icon=icon)
        for text in texts:
            columns.label(text=text, translate=False)
        end = line.row()
        end.alignment = "RIGHT"
        end.label(text=f"x{row.takes}", translate=False)

    def filter_items(self, _context: Any, _data: Any, _property: str) -> tuple[list[int], list[int]]:
        """By what a person would look for: picture, model, prompt, state."""
        wanted = self.filter_name.lower()
        if not wanted:
            return [], []
        shown_bit = self.bitflag_filter_item
        return [
            shown_bit if any(wanted in text.lower() for part in row.parts for text in _texts(row, part)) else 0
            for row in rows
        ], []


def _texts(row: Row, part: Shown) -> tuple[str, ...]:
    return part.picture, part.model, part.prompt, title(part.model), row.now()[0]


def title(model_id: str) -> str:
    """A model's name for people; its id where the catalogue has it no longer."""
    model = catalogue.MODELS.get(model_id)
    return model.title if model else model_id


def _priced(price: str) -> str:
    """A row's price in the person's language."""
    if price.startswith("about "):
        return said("about {} {}", *price.removeprefix("about ").split(" ", 1))
    return said("free") if price == "free" else price


def _times(row: Row, rate: Any, *, full: bool) -> str:
    first = timecode(max(0, row.start), rate)
    return f"{first} - {timecode(max(0, row.end), rate)}" if full else first


ANSWERS = {
    "running": (("tracklay.cancel", "Cancel"),),
    "stopped": (("tracklay.look_again", "Go On"),),
    "failed": (("tracklay.again", "Try Again"), ("tracklay.dismiss", "Dismiss")),
    "unclear": CHOICES,
    "laid": (),
}
"""What can be done about a cue in each state: operators, and what they are called here."""


class TRACKLAY_MT_cue(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """What can be done with the cue that is active in the list: the panel's buttons, for the keyboard and the search."""

    bl_label = "Active Cue"

    def draw(self, context: Any) -> None:
        """Draw it."""
        layout, row = self.layout, None if compat.timeline(context) is None else shown()
        if row is None:
            layout.label(text="No cues yet")
            return
        layout.operator(TRACKLAY_OT_go_to_cue.bl_idname).cue = row.cue
        layout.operator(TRACKLAY_OT_reveal_take.bl_idname).cue = row.cue
        state, _, _, cue = row.now()
        for operator, text in ANSWERS[state]:
            layout.operator(operator, text=text).cue = cue


class TRACKLAY_PT_cues(bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """The cues of the scene, and of the one that is active all there is to say and do."""

    bl_label = "Cues"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Tracklay"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Where there is a timeline."""
        return compat.timeline(context) is not None

    def draw_header_preset(self, _context: Any) -> None:
        """How many are on their way, in words, where any are."""
        count = sum(not line.error for line in lines().values())
        if count:
            self.layout.label(
                text=said("{} on their way", count) if count > 1 else said("1 on its way"), translate=False
            )

    def draw(self, context: Any) -> None:
        """Draw it."""
        layout, scene = self.layout, compat.timeline(context)
        freshen(scene)
        listed = context.window_manager.tracklay
        if not rows:
            layout.label(text="No cues yet", icon="INFO")
        else:
            layout.template_list(
                TRACKLAY_UL_cues.__name__, "", listed, "rows", listed, "active", rows=min(ROWS, max(3, len(rows)))
            )
            if listed.active < len(rows):
                _draw_row(context, layout, scene, rows[listed.active])
        _draw_elsewhere(context, layout, scene)


def _draw_row(context: Any, layout: Any, scene: Any, row: Row) -> None:
    """What there is to say of a cue and to do with it."""
    state, words, fraction, cue = row.now()
    rate = selection.rate(scene)
    box = layout.box()
    head = box.row(align=True)
    head.label(text=title(row.first.model), translate=False)
    for operator, icon in (
        (TRACKLAY_OT_go_to_cue, "VIEWZOOM"),
        (TRACKLAY_OT_reveal_take, "FILE_FOLDER"),
    ):
        head.operator(operator.bl_idname, text="", icon=icon).cue = row.cue
    about = box.column(align=True)
    line = about.row()
    line.label(text=_times(row, rate, full=True), translate=False, icon="TIME")
    if row.price:
        end = line.row()
        end.alignment = "RIGHT"
        end.label(text=_priced(row.price), translate=False)
    if row.first.prompt:
        layout_helpers.wrapped(context, about, row.first.prompt, "TEXT")
    if state == "running":
        line = box.row(align=True)
        line.progress(factor=fraction, text=words)
        line.operator("tracklay.cancel", text="", icon="X").cue = cue
    elif state == "stopped":
        layout_helpers.sentence(context, box, words, "", "")
        box.operator("tracklay.look_again", text="Go On", icon="PLAY").cue = cue
    elif state == "failed":
        layout_helpers.sentence(context, box, words or said("No take came"), "", "")
        answers = box.row(align=True)
        answers.operator("tracklay.again", icon="FILE_REFRESH").cue = cue
        answers.operator("tracklay.dismiss", icon="X").cue = cue
    elif state == "unclear":
        layout_helpers.sentence(context, box, words, "", "")
        answers = box.column(align=True)
        for choice, text in CHOICES:
            answers.operator(choice, text=text).cue = cue
    _draw_takes(box, scene, row)


def _draw_takes(box: Any, scene: Any, row: Row) -> None:
    """The takes that have come: which is heard, and what can be done with them."""
    group = heard_of(scene, row)
    if group is None:
        return
    if row.stale and row.now()[0] != "running":
        again = box.row(align=True)
        again.alert = True
        pressed = again.operator(
            takes.TRACKLAY_OT_regenerate.bl_idname, text="Picture Changed: Make Anew", icon="FILE_REFRESH"
        )
        pressed.cue, pressed.same_seed = row.cue, True
    version = group.versions[max(0, group.heard)]
    line = box.row(align=True)
    back = line.operator(takes.TRACKLAY_OT_switch_take.bl_idname, text="", icon="TRIA_LEFT")
    back.cue, back.direction = row.cue, "PREVIOUS"
    line.label(
        text=said("Take {} of {}", group.heard + 1, len(group.versions)) if group.heard >= 0 else said("Muted"),
        translate=False,
    )
    onward = line.operator(takes.TRACKLAY_OT_switch_take.bl_idname, text="", icon="TRIA_RIGHT")
    onward.cue, onward.direction = row.cue, "NEXT"
    star = "SOLO_ON" if version.favourite else "SOLO_OFF"
    line.operator(takes.TRACKLAY_OT_favourite_take.bl_idname, text="", icon=star).cue = row.cue
    more = line.row(align=True)
    more.enabled = len(group.versions) > 1
    more.operator(takes.TRACKLAY_OT_compare_takes.bl_idname, text="A/B").cue = row.cue
    more.operator(takes.TRACKLAY_OT_keep_take.bl_idname, text="Keep").cue = row.cue
    line = box.row(align=True)
    line.operator(takes.TRACKLAY_OT_regenerate.bl_idname, text="New Seed", icon="FILE_REFRESH").cue = row.cue
    if not version.stems and takes.has_stems(version):
        line.operator(takes.TRACKLAY_OT_lay_stems.bl_idname, text="Stems", icon="RENDERLAYERS").cue = row.cue


def heard_of(scene: Any, row: Row) -> takes.Group | None:
    """The takes of a row that have come, as one group; None where none has."""
    found = _laid(scene, row.strips)
    return takes.group_of(row.cue, found) if found else None


def _draw_elsewhere(context: Any, layout: Any, scene: Any) -> None:
    """What went wrong with cues that have no strip in any scene: nothing else would say it."""
    told_of = {cue: line.error or ("" if line.steps else line.note) for cue, line in lines().items()}
    if not any(told_of.values()):
        return
    listed = {part.cue for row in rows for part in row.parts}
    others = {each.name for each in bpy.data.scenes} - {scene.name}
    for cue, told in told_of.items():
        line = lines()[cue]
        if told and cue not in listed and line.scene not in others:
            layout_helpers.sentence(
                context, layout, f"{line.strip}: {of_panel(told)}", "tracklay.dismiss", "X", cue=cue
            )


def row_of(scene: Any, cue: str) -> Row:
    """The row of a cue; of the active one where none is named.

    Raises:
        BadInput: there is none.
    """
    made = rows if rows and _key(scene) == _seen else make(scene)
    found = next((row for row in made if cue in (row.cue, *(part.cue for part in row.parts))), None) if cue else shown()
    if found is None:
        raise BadInput("there is no such cue in this scene: choose one in the list")
    return found


class _OnCue:
    """An operator on one cue: `act` does it, and an error of ours is told."""

    bl_options = {"REGISTER"}
    CUE = StringProperty(name="Cue", description="Which; empty for the one that is active in the list", options=ONCE)

    report: Any

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Where there is a timeline."""
        return compat.timeline(context) is not None

    def execute(self, context: Any) -> AbstractSet[str]:
        """Do it."""
        scene = compat.timeline(context)
        try:
            self.act(context, scene, row_of(scene, self.cue))  # type: ignore[attr-defined]
        except TracklayError as error:
            self.report({"ERROR"}, of_panel(error))
            return {"CANCELLED"}
        redraw()
        return {"FINISHED"}

    def act(self, context: Any, scene: Any, row: Row) -> None:
        """Do it to a cue."""
        raise NotImplementedError


class TRACKLAY_OT_go_to_cue(_OnCue, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Go to a cue."""

    bl_idname = "tracklay.go_to_cue"
    bl_description = "Put the playhead on the cue's first frame, select its strips and bring them into view"
    bl_label = "Go to Cue"
    bl_options = {"REGISTER", "UNDO"}
    __annotations__ = {"cue": _OnCue.CUE}

    def act(self, context: Any, scene: Any, row: Row) -> None:
        """Select its strips, which the view then goes to."""
        names = set(row.strips)
        for strip in scene.sequence_editor.strips_all:
            strip.select = strip.name in names
        scene.frame_current = row.start
        if context.area and context.area.type == "SEQUENCE_EDITOR" and bpy.ops.sequencer.view_selected.poll():
            bpy.ops.sequencer.view_selected()


class TRACKLAY_OT_reveal_take(_OnCue, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Show the folder of a cue's take in the system's file browser."""

    bl_idname = "tracklay.reveal_take"
    bl_description = "Show the folder that the cue's takes are in, in the system's file browser"
    bl_label = "Reveal File"
    __annotations__ = {"cue": _OnCue.CUE}

    def act(self, context: Any, scene: Any, row: Row) -> None:  # noqa: ARG002 - the shape of all of them
        """Open it."""
        group = heard_of(scene, row)
        file = None if group is None else cue_index.take_file(group.versions[max(0, group.heard)].strips[0])
        if file is None:
            raise BadInput("no take has come yet: there is no file to show")
        if not file.parent.is_dir():
            raise BadInput(f"the folder {file.parent} is not there: is it on a drive that is not connected?")
        bpy.ops.wm.path_open(filepath=str(file.parent))


CLASSES = (
    TRACKLAY_PG_row,
    TRACKLAY_PG_list,
    TRACKLAY_UL_cues,
    TRACKLAY_OT_go_to_cue,
    TRACKLAY_OT_reveal_take,
    TRACKLAY_MT_cue,
)
PANELS = (TRACKLAY_PT_cues,)
"""Registered after the panel that they stand below."""


def register() -> None:
    """Give the window manager its list."""
    bpy.types.WindowManager.tracklay = PointerProperty(type=TRACKLAY_PG_list)


def unregister() -> None:
    """Take it away."""
    global _seen, _making
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    _seen, _making = (), None
    rows.clear()
    del bpy.types.WindowManager.tracklay
