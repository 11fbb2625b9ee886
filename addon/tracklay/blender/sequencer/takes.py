"""The takes of a cue: one heard, the others muted; going from one to the next, keeping one, comparing two, laying stems.

Blender's sequencer folds no channels. What takes that are not heard can do is be quiet and plain: they are muted, show no waveform,
and lie on the channels right above the one that is heard.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...cue import Cue
from ...errors import InvalidInput, TracklayError
from ..settings import catalogue
from ..settings.properties import STEM_MODES
from . import compat, cue_index, placement, selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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

    @property
    def chosen(self) -> TakeStrips:
        """The take that operators act on: the audible one, else the first."""
        return self.takes[self.chosen_index]

    @property
    def chosen_index(self) -> int:
        """The index of `chosen`."""
        return max(0, self.audible_index)

    def take_index(self, number: int) -> int:
        """Return the index of the take with this number, counted from 1.

        Raises:
            InvalidInput: there is no such take.
        """
        if number > len(self.takes):
            raise InvalidInput(f"there are {len(self.takes)} takes, and no take {number}")
        return number - 1

    def neighbour_index(self, direction: str) -> int:
        """Return the index of the take after (`NEXT`) or before the audible one, wrapping around; 0 if none is audible."""
        if self.audible_index < 0:
            return 0
        return (self.audible_index + (1 if direction == "NEXT" else -1)) % len(self.takes)

    def compare_index(self) -> int:
        """Return the index of the take to compare the audible one with.

        With exactly two takes selected it is the other of the two; otherwise the take that was audible before, else the next.

        Raises:
            InvalidInput: there is only one take.
        """
        if len(self.takes) < 2:
            raise InvalidInput("there is only one take: generate more to compare")
        selected = [n for n, take in enumerate(self.takes) if any(strip.select for strip in take.strips)]
        now = self.audible_index
        if len(selected) == 2:
            return selected[1] if now == selected[0] else selected[0]
        keys = [take.sort_key for take in self.takes]
        before = _previously_audible.get(self.cue)
        other = keys.index(before) if before in keys else now
        return other if other != now else (now + 1) % len(keys)

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


def toggle_favourite(take: TakeStrips) -> bool:
    """Mark a take as a favourite, or remove the mark. Return whether it is a favourite now."""
    is_favourite = not take.is_favourite
    for strip in take.strips:
        if is_favourite:
            strip[FAVOURITE_PROPERTY] = True
            strip.color_tag = FAVOURITE_TAG
        elif FAVOURITE_PROPERTY in strip:
            del strip[FAVOURITE_PROPERTY]
            if strip.color_tag == FAVOURITE_TAG:  # another colour is the user's own and stays
                strip.color_tag = NO_TAG
    return is_favourite


def keep_only(scene: Any, level: StripLevel, group: TakeGroup) -> None:
    """Remove all takes of a group but the chosen one from the timeline, and list their files as dropped (`scene.tracklay.dropped`).

    The kept take moves down to the lowest channel of the group.
    """
    kept = group.chosen
    others = [take for take in group.takes if take is not kept]
    lowest = min(strip.channel for take in group.takes for strip in take.strips)
    for strip in [strip for take in others for strip in take.strips]:
        if (file := cue_index.take_file(strip)) is not None:
            scene.tracklay.dropped.add().name = str(file)
        level.strips.remove(strip)
    if kept.full_mix is not None and others:
        _move_to_lowest_channel(level, kept.full_mix, lowest)


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


def regenerated_cue(scene: Any, level: StripLevel, group: TakeGroup, *, same_seed: bool, count: int) -> tuple[Cue, Any]:
    """The cue of the take that is heard, once more, for its picture as it is now; and its spot.

    Raises:
        BadInput: the picture is gone or cannot be read, or the model is no longer in the catalogue.
    """
    version = group.chosen
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
