"""The takes of a cue: one heard, the others muted; going from one to the next, keeping one, comparing two, laying stems.

Blender's sequencer folds no channels. What takes that are not heard can do is be quiet and plain: they are muted, show no waveform,
and lie on the channels right above the one that is heard.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ...cue import Cue
from ...errors import InvalidInput, TracklayError
from ...jobs.job_spec import MAX_TAKES
from ..ops.generate_ops import SKIP_SAVE, submit_cues
from ..settings import catalogue
from ..settings.error_text import panel_error_text
from ..settings.i18n.translate import translate_report
from ..settings.properties import STEM_MODES
from . import compat, cue_index, placement, selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from .selection import StripLevel

JOINS_PROPERTY = "tracklay_joins"
"""The custom property of a take that was made anew for an earlier cue: that cue's id."""

ARRIVING_PROPERTY = "tracklay_arriving"
"""The custom property of a take that is to be the one that is heard as soon as it comes."""

FAVOURITE_PROPERTY = "tracklay_favourite"
"""The custom property of a take that the person likes; its colour in the timeline says it too."""

FAVOURITE_TAG, NO_TAG = "COLOR_03", "NONE"
"""Blender's colour tags: yellow, and none."""

FULL_MIX_MODES = STEM_MODES[1:]
"""What becomes of the whole take when its stems are laid, as an enumeration's items."""

STEMS_NOT_LAID = STEM_MODES[0][0]


@dataclass(slots=True)
class TakeStrips:
    """One take on the timeline: its strip (none, where stems lie instead of it), and the strips of its stems."""

    full_mix: Any = None
    stems: list[Any] = field(default_factory=list)

    @property
    def strips(self) -> list[Any]:
        """All of it."""
        return [*([] if self.full_mix is None else [self.full_mix]), *self.stems]

    @property
    def is_audible(self) -> bool:
        """Whether any of it sounds."""
        return any(not strip.mute for strip in self.strips)

    @property
    def is_favourite(self) -> bool:
        """Whether the person likes it."""
        return any(strip.get(FAVOURITE_PROPERTY) for strip in self.strips)

    @property
    def stale(self) -> bool:
        """Whether the picture of any of it was changed since."""
        return any(strip.get(cue_index.STALE_PROPERTY) for strip in self.strips)

    @property
    def sort_key(self) -> tuple[str, int, str]:
        """Where it stands among the others: as the cue counts them, and what was made anew after them, as it was made."""
        first = self.strips[0]
        which, held = cue_index.get_take_tag(first), cue_index.parse_entry(str(first.get(cue_index.ENTRY_PROPERTY, "")))
        made = str(held.get("created", "")) if JOINS_PROPERTY in first else ""
        return made, 0 if which is None else which.take, first.name

    def set_audible(self, *, on: bool) -> None:
        """Let it be heard, by its stems where there are any, or mute it. What is muted shows no waveform."""
        for strip in self.stems:
            strip.mute, strip.show_waveform = not on, on
        if self.full_mix is not None:
            self.full_mix.mute = bool(self.stems) or not on
            self.full_mix.show_waveform = not self.full_mix.mute


@dataclass(slots=True)
class TakeGroup:
    """The takes of a cue that begin on the same frame: a cue that was split has one for each part."""

    cue: str
    start: int
    end: int
    takes: list[TakeStrips]

    @property
    def audible_index(self) -> int:
        """Which one is heard, from 0; -1 where none is."""
        return next((number for number, version in enumerate(self.takes) if version.is_audible), -1)

    @property
    def stale(self) -> bool:
        """Whether the take that is heard is stale; where none is heard, whether all are."""
        heard = [version for version in self.takes if version.is_audible]
        return all(version.stale for version in heard or self.takes)

    def solo(self, index: int) -> TakeStrips:
        """Let one be heard and mute the others; that one."""
        chosen = self.takes[index]
        if (before := self.audible_index) not in (-1, index):
            _previously_audible[self.cue] = self.takes[before].sort_key
        for version in self.takes:
            version.set_audible(on=version is chosen)
        return chosen


_previously_audible: dict[str, tuple[str, int, str]] = {}
"""By cue, the take that was heard before the one that is heard now: what Compare goes back to."""


def root_cue(strip: Any) -> str:
    """The cue that a strip is a take of, the first one where it was made anew; empty for the person's own strips."""
    which = cue_index.get_take_tag(strip)
    return "" if which is None else str(strip.get(JOINS_PROPERTY) or which.cue)


def find_take_groups(level: StripLevel) -> list[TakeGroup]:
    """The cues' takes on a level, by where they begin: those of a cue that lie over each other. Placeholders are not among them."""
    of_cue: dict[str, list[Any]] = {}
    for strip in level.strips:
        if cue_index.CUE_PROPERTY in strip and cue_index.ENTRY_PROPERTY in strip and (cue := root_cue(strip)):
            of_cue.setdefault(cue, []).append(strip)
    found = [group for cue, strips in of_cue.items() for group in groups_of(cue, strips)]
    return sorted(found, key=lambda group: (group.start, group.cue))


def groups_of(cue: str, strips: list[Any]) -> list[TakeGroup]:
    """Return the laid strips of a cue as groups: one, or one for each part where the cue was split."""
    return [group_strips(cue, part) for part in _split_overlapping(strips)]


def _split_overlapping(strips: list[Any]) -> Iterator[list[Any]]:
    """Strips in parts that share frames: a cue that was split has one for each half."""
    part: list[Any] = []
    end = 0
    for strip in sorted(strips, key=compat.strip_start):
        if part and compat.strip_start(strip) >= end:
            yield part
            part = []
        end = max(end, compat.strip_end(strip)) if part else compat.strip_end(strip)
        part.append(strip)
    yield part


def group_strips(cue: str, strips: list[Any]) -> TakeGroup:
    """Strips of a cue that lie over each other, as takes."""
    versions: dict[tuple[str, int, int], TakeStrips] = {}
    for strip in sorted(strips, key=lambda strip: strip.channel):
        which = cue_index.get_take_tag(strip)
        assert which is not None  # noqa: S101 - they were found by it
        copy = 0  # a strip that was duplicated is a take of its own
        while not which.stem and (held := versions.get((which.cue, which.take, copy))) and held.full_mix is not None:
            copy += 1
        version = versions.setdefault((which.cue, which.take, copy), TakeStrips())
        if which.stem:
            version.stems.append(strip)
        else:
            version.full_mix = strip
    return TakeGroup(
        cue,
        min(compat.strip_start(strip) for strip in strips),
        max(compat.strip_end(strip) for strip in strips),
        sorted(versions.values(), key=lambda version: version.sort_key),
    )


def target_groups(scene: Any, cue: str = "") -> list[TakeGroup]:
    """The groups that the person means: of that cue, else of the selected takes, else of the selected picture, else at the playhead.

    Raises:
        BadInput: there is none.
    """
    level = selection.active_level(scene)
    every = [] if level is None else find_take_groups(level)
    if cue:
        found = [group for group in every if group.cue == cue]
    else:
        chosen = [strip for strip in (() if level is None else level.strips) if strip.select]
        names = {strip.name for strip in chosen}
        found = (
            [group for group in every if names & {strip.name for each in group.takes for strip in each.strips}]
            or [group for group in every if any(_is_over_picture(group, strip) for strip in chosen)]
            or [group for group in every if group.start <= scene.frame_current < group.end]
        )
    if not found:
        raise InvalidInput("there is no take here: select one, or its picture, or put the playhead on it")
    return found


def _is_over_picture(group: TakeGroup, picture: Any) -> bool:
    named = str(group.takes[0].strips[0].get(placement.PICTURE_PROPERTY)) == picture.name
    return named and compat.strip_start(picture) < group.end and compat.strip_end(picture) > group.start


class _TakeGroupOperator:
    """An operator on the takes that are meant. What it does to a cue's is `perform`; where that fails for one, the others are done."""

    bl_options = {"REGISTER", "UNDO"}
    CUE_ARGUMENT = StringProperty(
        name="Cue", description="Of which cue; empty for what is selected, or at the playhead", options=SKIP_SAVE
    )

    report: Any

    def execute(self, context: Any) -> AbstractSet[str]:
        """Do it to each group."""
        scene = compat.active_sequencer_scene(context)
        done, failed = [], []
        try:
            for group in target_groups(scene, self.cue):  # type: ignore[attr-defined]
                try:
                    done.append(self.perform(scene, group))
                except TracklayError as error:
                    failed.append(panel_error_text(error))
        except TracklayError as error:
            failed.append(panel_error_text(error))
        if failed:
            self.report({"WARNING" if done else "ERROR"}, "\n".join(dict.fromkeys(failed)))
            return {"FINISHED"} if done else {"CANCELLED"}
        self.report({"INFO"}, ", ".join(done))
        return {"FINISHED"}

    def perform(self, scene: Any, group: TakeGroup) -> str:
        """Do it to one; what is said of it."""
        raise NotImplementedError


class TRACKLAY_OT_switch_take(_TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Hear another take of the cue."""

    bl_idname = "tracklay.switch_take"
    bl_description = (
        "Hear another take of the selected cue, or of the cues at the playhead, and mute the one that was heard"
    )
    bl_label = "Switch Take"
    __annotations__ = {
        "direction": EnumProperty(
            name="Direction",
            description="Which take is heard",
            items=(("NEXT", "Next", "The next take"), ("PREVIOUS", "Previous", "The take before")),
            default="NEXT",
        ),
        "number": IntProperty(
            name="Take",
            description="Which one, from 1; 0 for the next or the one before",
            default=0,
            min=0,
            options=SKIP_SAVE,
        ),
        "cue": _TakeGroupOperator.CUE_ARGUMENT,
    }

    def perform(self, scene: Any, group: TakeGroup) -> str:  # noqa: ARG002 - the shape of all of them
        """Go on by one, round and round, or to the one that was named."""
        count = len(group.takes)
        if self.number > count:
            raise InvalidInput(f"there are {count} takes, and no take {self.number}")
        step = 1 if self.direction == "NEXT" else -1
        number = (
            self.number - 1 if self.number else (group.audible_index + step) % count if group.audible_index >= 0 else 0
        )
        group.solo(number)
        return translate_report("Take {} of {}", number + 1, count)


class TRACKLAY_OT_compare_takes(_TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Go back and forth between two takes."""

    bl_idname = "tracklay.compare_takes"
    bl_description = "Go back and forth between two takes: the two that are selected, or the one that is heard and the one heard before it"
    bl_label = "Compare Takes"
    __annotations__ = {"cue": _TakeGroupOperator.CUE_ARGUMENT}

    def perform(self, scene: Any, group: TakeGroup) -> str:  # noqa: ARG002
        """Hear the other of the two."""
        if len(group.takes) < 2:
            raise InvalidInput("there is only one take: generate more to compare")
        chosen = [n for n, version in enumerate(group.takes) if any(strip.select for strip in version.strips)]
        now = group.audible_index
        if len(chosen) == 2:
            other = chosen[1] if now == chosen[0] else chosen[0]
        else:
            orders = [version.sort_key for version in group.takes]
            before = _previously_audible.get(group.cue)
            other = orders.index(before) if before in orders else (now + 1) % len(orders)
            if other == now:
                other = (now + 1) % len(orders)
        group.solo(other)
        return translate_report("Take {} of {}", other + 1, len(group.takes))


class TRACKLAY_OT_favourite_take(_TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Mark the take that is heard as a favourite, or no more."""

    bl_idname = "tracklay.favourite_take"
    bl_description = "Mark the take that is heard as a favourite, or no longer; it is coloured in the timeline"
    bl_label = "Favourite Take"
    __annotations__ = {"cue": _TakeGroupOperator.CUE_ARGUMENT}

    def perform(self, scene: Any, group: TakeGroup) -> str:  # noqa: ARG002
        """Turn it about."""
        version = group.takes[max(0, group.audible_index)]
        on = not version.is_favourite
        for strip in version.strips:
            if on:
                strip[FAVOURITE_PROPERTY] = True
                strip.color_tag = FAVOURITE_TAG
            elif FAVOURITE_PROPERTY in strip:
                del strip[FAVOURITE_PROPERTY]
                if strip.color_tag == FAVOURITE_TAG:  # the person may have given it another since
                    strip.color_tag = NO_TAG
        return translate_report(
            "Take {} is a favourite" if on else "Take {} is no favourite", max(0, group.audible_index) + 1
        )


class TRACKLAY_OT_keep_take(_TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Keep the take that is heard and remove the others from the timeline."""

    bl_idname = "tracklay.keep_take"
    bl_description = "Keep the take that is heard and remove the others from the timeline. Their files stay until Delete Dropped Files"
    bl_label = "Keep Take"
    __annotations__ = {"cue": _TakeGroupOperator.CUE_ARGUMENT}

    def perform(self, scene: Any, group: TakeGroup) -> str:
        """Remove the others; what is kept comes down to the lowest of their channels."""
        level = selection.active_level(scene)
        assert level is not None  # noqa: S101 - groups were found on it
        kept = group.takes[max(0, group.audible_index)]
        others = [version for version in group.takes if version is not kept]
        lowest = min(strip.channel for version in group.takes for strip in version.strips)
        for strip in [strip for version in others for strip in version.strips]:
            if (file := cue_index.take_file(strip)) is not None:
                scene.tracklay.dropped.add().name = str(file)
            level.strips.remove(strip)
        if kept.full_mix is not None and others:
            _move_to_lowest_channel(level, kept.full_mix, lowest)
        return translate_report("Kept take {} of {}", group.takes.index(kept) + 1, len(group.takes))


def _move_to_lowest_channel(level: StripLevel, strip: Any, lowest: int) -> None:
    channel = placement.find_free_channel(level, lowest - 1, compat.strip_start(strip), compat.strip_frames(strip))
    if channel is not None and channel < strip.channel:
        strip.channel = channel


def lay_stems(scene: Any, level: StripLevel, take: TakeStrips, full_mix_mode: str) -> list[str]:
    """Lay the stems of a take, each on the channel of its name, connected like the take; the stems' names.

    Raises:
        BadInput: it has none, they lie there already, or their files are gone.
    """
    whole = take.full_mix
    held = {} if whole is None else cue_index.parse_entry(str(whole.get(cue_index.ENTRY_PROPERTY, "")))
    names, file = dict(held.get("stems") or {}), None if whole is None else cue_index.take_file(whole)
    if take.stems:
        raise InvalidInput("the stems of this take lie there already")
    if not names or file is None:
        raise InvalidInput("this take has no stems: choose a model that makes them, and switch its Stems on")
    missing = [name for name in names.values() if not (file.parent / name).is_file()]
    if missing:
        raise InvalidInput(f"the stem {file.parent / missing[0]} is not there: generate the take again")
    first, length, heard = compat.strip_start(whole), compat.strip_frames(whole), take.is_audible
    hidden = first - round(compat.content_start(whole))
    for name, stem_file in names.items():
        title = name.replace("_", " ").capitalize()
        channel = _stem_channel(level, title, whole.channel, first, length)
        if channel is None:
            raise InvalidInput(f"no channel above {whole.name} is free for its stems: make room or unlock one")
        strip = placement.add_sound_strip(level, file.parent / stem_file, channel, first, length, hidden_frames=hidden)
        strip.select = whole.select
        for kept in (
            cue_index.ENTRY_PROPERTY,
            placement.PICTURE_PROPERTY,
            cue_index.REQUEST_PROPERTY,
            JOINS_PROPERTY,
            FAVOURITE_PROPERTY,
        ):
            if kept in whole:
                strip[kept] = whole[kept]
        which = cue_index.get_take_tag(whole)
        assert which is not None  # noqa: S101 - it is a take
        cue_index.set_take_tag(strip, which._replace(stem=name))
        take.stems.append(strip)
    with contextlib.suppress(InvalidInput):  # a take may outlive its picture
        placement.connect_sounds(scene, level, find_picture(level, whole), take.stems)
    take.set_audible(on=heard)
    if full_mix_mode == "INSTEAD":
        level.strips.remove(whole)
        take.full_mix = None
    return list(names)


def _stem_channel(level: StripLevel, title: str, start_channel: int, first: int, length: int) -> int | None:
    """The channel of that name where it is free there; else the next free one that nobody has named, which gets the name."""
    for named in range(1, placement.MAX_CHANNELS + 1):
        if (
            level.channels[named].name == title
            and placement.find_free_channel(level, named - 1, first, length) == named
        ):
            return named
    channel: int | None = start_channel
    while channel is not None and (channel := placement.find_free_channel(level, channel, first, length)) is not None:
        if level.channels[channel].name == f"Channel {channel}":
            level.channels[channel].name = title
            return channel
    return None


class TRACKLAY_OT_lay_stems(_TakeGroupOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Lay the stems of the take that is heard, each on a channel of its own name."""

    bl_idname = "tracklay.lay_stems"
    bl_description = (
        "Lay the stems of the take that is heard, each on a channel of its own name, connected to the picture"
    )
    bl_label = "Lay Stems"
    __annotations__ = {
        "master": EnumProperty(
            name="Whole Take", description="What becomes of the whole take", items=FULL_MIX_MODES, default="MUTED"
        ),
        "cue": _TakeGroupOperator.CUE_ARGUMENT,
    }

    def perform(self, scene: Any, group: TakeGroup) -> str:
        """Lay them."""
        level = selection.active_level(scene)
        assert level is not None  # noqa: S101 - groups were found on it
        names = lay_stems(scene, level, group.takes[max(0, group.audible_index)], self.master)
        return translate_report("Laid the stems {}", ", ".join(names))


def regenerated_cue(scene: Any, level: StripLevel, group: TakeGroup, *, same_seed: bool, count: int) -> tuple[Cue, Any]:
    """The cue of the take that is heard, once more, for its picture as it is now; and its spot.

    Raises:
        BadInput: the picture is gone or cannot be read, or the model is no longer in the catalogue.
    """
    version = group.takes[max(0, group.audible_index)]
    held = cue_index.parse_entry(str(version.strips[0].get(cue_index.ENTRY_PROPERTY, "")))
    picture = find_picture(level, version.strips[0])
    first = max(group.start, compat.strip_start(picture))
    end = min(group.end, compat.strip_end(picture))
    if end <= first:
        raise InvalidInput(f"{picture.name} no longer lies under the take: move it back, or generate for where it is")
    (spot,) = selection.spot_ranges(scene, [(picture, first, end - first)])
    model = catalogue.get_model(str(held.get("model", "")))
    known = {parameter.name for parameter in model.settable_by_name}
    cue = Cue(
        id=f"{spot.strip_name} {secrets.token_hex(3)}",
        span=spot.span,
        picture=spot.picture,
        model=model.id,
        prompt=str(held.get("prompt", "")),
        negative=str(held.get("negative", "")),
        seed=held.get("seed") if same_seed else None,
        takes=count,
        params={name: value for name, value in (held.get("params") or {}).items() if name in known or name[:1] == "+"},
    )
    return cue, spot


def find_picture(level: StripLevel, strip: Any) -> Any:
    """The picture that a take was made for: the one of its name, else what is seen where it begins.

    Raises:
        BadInput: there is none.
    """
    named = level.strips.get(str(strip.get(placement.PICTURE_PROPERTY, "")))
    if named is not None and named.type != "SOUND":
        return named
    start = compat.strip_start(strip)
    seen = list(selection.topmost_ranges(level, start, start + 1))
    if not seen:
        raise InvalidInput(f"the picture of {strip.name} is gone: select another and generate for that")
    return seen[0][0]


class TRACKLAY_OT_regenerate(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Make the take that is heard once more: another take of the same cue."""

    bl_idname = "tracklay.regenerate"
    bl_description = (
        "Make another take of the cue with the settings of the one that is heard, for its picture as it is now: "
        "with a new seed, or with the same one where the picture was changed"
    )
    bl_label = "Regenerate"
    bl_options = {"REGISTER"}
    __annotations__ = {
        "same_seed": BoolProperty(
            name="Same Seed", description="Keep the seed: only the picture's change is heard", options=SKIP_SAVE
        ),
        "takes": IntProperty(name="Takes", description="How many", default=1, min=1, max=MAX_TAKES, options=SKIP_SAVE),
        "cue": _TakeGroupOperator.CUE_ARGUMENT,
        "wait": BoolProperty(name="Wait", description="Block until every take is laid: for scripts", options=SKIP_SAVE),
    }

    def execute(self, context: Any) -> AbstractSet[str]:
        """Send it on its way; what comes of it joins the cue's takes and is heard."""
        scene = compat.active_sequencer_scene(context)
        try:
            level, found = selection.active_level(scene), target_groups(scene, self.cue)
            assert level is not None  # noqa: S101 - groups were found on it
            asked = [
                regenerated_cue(scene, level, group, same_seed=self.same_seed, count=self.takes) for group in found
            ]
            joins = {cue.id: group.cue for (cue, _), group in zip(asked, found, strict=True)}
            return submit_cues(self, asked, wait=self.wait, on_placed=lambda: join_takes(level, joins))
        except TracklayError as error:
            self.report({"ERROR"}, panel_error_text(error))
            return {"CANCELLED"}


def join_takes(level: StripLevel, joins: dict[str, str]) -> None:
    """Make what was asked for with new cues takes of earlier ones; it is heard when it has come."""
    for strip in level.strips:
        which = cue_index.get_take_tag(strip) if cue_index.CUE_PROPERTY in strip else None
        if which is not None and which.cue in joins:
            strip[JOINS_PROPERTY], strip[ARRIVING_PROPERTY] = joins[which.cue], True
    solo_arrived(level)


def solo_arrived(level: StripLevel) -> bool:
    """Let takes be heard that were made anew and have come, the first of each cue; whether there were any."""
    come = [strip for strip in level.strips if ARRIVING_PROPERTY in strip and cue_index.ENTRY_PROPERTY in strip]
    if not come:
        return False
    names = {strip.name for strip in come}
    for strip in come:
        del strip[ARRIVING_PROPERTY]
    for group in find_take_groups(level):
        fresh = [n for n, each in enumerate(group.takes) if names & {strip.name for strip in each.strips}]
        if fresh:
            group.solo(fresh[0])
    return True


def on_takes_filled(scene: Any, strip_names: Iterable[str]) -> None:
    """Takes have come into strips of these names: what was made anew is heard, and stems are laid where the scene wishes it."""
    come, master = set(strip_names), scene.tracklay.stems
    strips = filter(None, map(scene.sequence_editor.strips_all.get, come))
    if master == STEMS_NOT_LAID and not any(ARRIVING_PROPERTY in strip for strip in strips):
        return  # most takes: a look through two thousand strips costs more than all else in laying one
    for level in selection.iter_levels(scene):
        solo_arrived(level)
        if master == STEMS_NOT_LAID:
            continue
        for version in (version for group in find_take_groups(level) for version in group.takes):
            if (
                version.full_mix is not None
                and version.full_mix.name in come
                and not version.stems
                and has_stems(version)
            ):
                with contextlib.suppress(TracklayError):  # no room for them: the whole take lies there
                    lay_stems(scene, level, version, master)


def has_stems(take: TakeStrips) -> bool:
    """Whether a take's model gave stems."""
    return take.full_mix is not None and bool(
        cue_index.parse_entry(str(take.full_mix.get(cue_index.ENTRY_PROPERTY, ""))).get("stems")
    )


CLASSES = (
    TRACKLAY_OT_switch_take,
    TRACKLAY_OT_compare_takes,
    TRACKLAY_OT_favourite_take,
    TRACKLAY_OT_keep_take,
    TRACKLAY_OT_lay_stems,
    TRACKLAY_OT_regenerate,
)
