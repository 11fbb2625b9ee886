"""The takes of a cue: one is audible, the others are muted. Switching, comparing, keeping and regenerating takes, and laying stems.

Blender's sequencer cannot collapse channels. So that inactive takes do not distract, they are muted, show no waveform, and are on the
channels directly above the audible one.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import bpy

from ...cue import Cue
from ...errors import InvalidInput, TracklayError
from ...jobs.job_spec import can_fit
from ..settings import catalogue
from ..settings.properties import STEM_MODES
from . import compat, cue_index, landing, placement, prompts, scores, selection
from .channels import channel_map
from .joined import following

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .cue_index import StripRef
    from .selection import StripLevel

ARRIVING_PROPERTY = "tracklay_arriving"
"""Custom property of a regenerated take that becomes audible as soon as it arrives."""

FAVOURITE_PROPERTY = "tracklay_favourite"
"""Custom property of a favourite take, which also has a colour tag."""

FAVOURITE_TAG, NO_TAG = "COLOR_03", "NONE"
"""Blender's colour tags: yellow, and none."""

FULL_MIX_MODES = STEM_MODES[1:]
"""Enumeration items: treatments of the full mix when its stems are laid."""

STEMS_NOT_LAID = STEM_MODES[0][0]


@dataclass(slots=True)
class TakeStrips:
    """One take on the timeline: the strip of its full mix (None if stems replace it), and the strips of its stems."""

    full_mix: Any = None
    stems: list[Any] = field(default_factory=list)

    @property
    def strips(self) -> list[Any]:
        """All its strips, the full mix first."""
        return [*([] if self.full_mix is None else [self.full_mix]), *self.stems]

    @property
    def is_audible(self) -> bool:
        """True if any of its strips is unmuted."""
        return any(not strip.mute for strip in self.strips)

    @property
    def is_favourite(self) -> bool:
        """True if the user has marked it."""
        return any(strip.get(FAVOURITE_PROPERTY) for strip in self.strips)

    @property
    def stale(self) -> bool:
        """True if the picture under any of its strips has changed since."""
        return any(strip.get(cue_index.STALE_PROPERTY) for strip in self.strips)

    @property
    def sort_key(self) -> tuple[str, int, str]:
        """Its position among the takes: those of the cue by index, then regenerated ones by creation time."""
        first = self.strips[0]
        tag, entry = cue_index.get_take_tag(first), cue_index.parse_entry(str(first.get(cue_index.ENTRY_PROPERTY, "")))
        created = str(entry.get("created", "")) if cue_index.JOINS_PROPERTY in first else ""
        return created, 0 if tag is None else tag.take, first.name

    def set_audible(self, *, on: bool) -> None:
        """Unmute the take, through its stems if it has any, or mute it. Muted strips show no waveform."""
        for strip in self.stems:
            strip.mute, strip.show_waveform = not on, on
        if self.full_mix is not None:
            self.full_mix.mute = bool(self.stems) or not on
            self.full_mix.show_waveform = not self.full_mix.mute


@dataclass(slots=True)
class TakeGroup:
    """The takes of a cue whose strips overlap. A cue that was split has one group for each part."""

    cue: str
    start: int
    end: int
    takes: list[TakeStrips]

    @property
    def audible_index(self) -> int:
        """The index of the audible take; -1 if all are muted."""
        return next((number for number, version in enumerate(self.takes) if version.is_audible), -1)

    @property
    def stale(self) -> bool:
        """True if the audible take is stale or, with no audible take, if all are."""
        audible = [take for take in self.takes if take.is_audible]
        return all(take.stale for take in audible or self.takes)

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
            raise InvalidInput(
                "takes.no_such_number", "No take {number}; the cue has {count}.", number=number, count=len(self.takes)
            )
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
            raise InvalidInput("takes.only_one", "The cue has only one take.")
        selected = [n for n, take in enumerate(self.takes) if any(strip.select for strip in take.strips)]
        now = self.audible_index
        if len(selected) == 2:
            return selected[1] if now == selected[0] else selected[0]
        keys = [take.sort_key for take in self.takes]
        before = _previously_audible.get(self.cue)
        other = keys.index(before) if before in keys else now
        return other if other != now else (now + 1) % len(keys)

    def solo(self, index: int) -> TakeStrips:
        """Unmute one take, mute the others, and return it."""
        chosen = self.takes[index]
        if (before := self.audible_index) not in (-1, index):
            _previously_audible[self.cue] = self.takes[before].sort_key
        for take in self.takes:
            take.set_audible(on=take is chosen)
        return chosen


_previously_audible: dict[str, tuple[str, int, str]] = {}
"""By cue id, the sort key of the take that was audible before the current one. Compare Takes returns to it."""


def root_cue(strip: Any) -> str:
    """Return the id of a strip's cue, of the original cue for a regenerated take; empty for the user's own strips."""
    tag = cue_index.get_take_tag(strip)
    return "" if tag is None else str(strip.get(cue_index.JOINS_PROPERTY) or tag.cue)


def find_take_groups(level: StripLevel) -> list[TakeGroup]:
    """Return the groups of laid takes on a level in timeline order. Placeholders are left out."""
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
    """Yield strips in parts that overlap: a cue that was split has one for each half."""
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
    """Return overlapping strips of a cue as takes."""
    versions: dict[tuple[str, int, int], TakeStrips] = {}
    for strip in sorted(strips, key=lambda strip: strip.channel):
        tag = cue_index.get_take_tag(strip)
        assert tag is not None  # noqa: S101 - they were found by it
        copy = 0  # a duplicated strip has the same tag, and is a take of its own
        while not tag.stem and (other := versions.get((tag.cue, tag.take, copy))) and other.full_mix is not None:
            copy += 1
        version = versions.setdefault((tag.cue, tag.take, copy), TakeStrips())
        if tag.stem:
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
    """Return the groups that an operator acts on.

    They are those of the cue; without a cue, of the selected takes, else of the selected pictures, else at the playhead.

    Raises:
        InvalidInput: there is none.
    """
    level = selection.active_level(scene)
    groups = [] if level is None else find_take_groups(level)
    if cue:
        found = [group for group in groups if group.cue == cue]
    else:
        chosen = [strip for strip in (() if level is None else level.strips) if strip.select]
        names = {strip.name for strip in chosen}
        found = (
            [group for group in groups if names & {strip.name for each in group.takes for strip in each.strips}]
            or [group for group in groups if any(_is_over_picture(group, strip) for strip in chosen)]
            or [group for group in groups if group.start <= scene.frame_current < group.end]
        )
    if not found:
        raise InvalidInput(
            "takes.none_here", "No take is selected. Select one or its picture, or move the playhead to it."
        )
    return found


def _is_over_picture(group: TakeGroup, picture: Any) -> bool:
    strip = group.takes[0].strips[0]
    is_its_own = str(strip.get(placement.PICTURE_PROPERTY)) == picture.name or following.is_over(strip, picture)
    return is_its_own and compat.strip_start(picture) < group.end and compat.strip_end(picture) > group.start


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
    for strip in kept.strips:
        strip[cue_index.KEPT_PROPERTY] = True
    lowest = min(strip.channel for take in group.takes for strip in take.strips)
    for strip in [strip for take in others for strip in take.strips]:
        for file in landing.sound_files(strip):
            scene.tracklay.dropped.add().name = str(file)
        level.strips.remove(strip)
    if kept.full_mix is not None and others:
        _move_to_lowest_channel(level, kept.full_mix, lowest)


def _move_to_lowest_channel(level: StripLevel, strip: Any, lowest: int) -> None:
    channel = channel_map.find_free_channel(level, lowest - 1, compat.strip_start(strip), compat.strip_frames(strip))
    if channel is not None and channel < strip.channel:
        strip.channel = channel


def lay_stems(scene: Any, level: StripLevel, take: TakeStrips, full_mix_mode: str) -> list[str]:
    """Lay the stems of a take, each on the channel of its name, connected like the take.

    Args:
        scene: the scene.
        level: the level of the take.
        take: the take.
        full_mix_mode: `INSTEAD` removes the full mix; otherwise it is muted.

    Returns the names of the stems.

    Raises:
        InvalidInput: it has none, they are laid already, their files are missing, or no channel is free.
    """
    whole = take.full_mix
    entry = {} if whole is None else cue_index.parse_entry(str(whole.get(cue_index.ENTRY_PROPERTY, "")))
    files, folder_file = dict(entry.get("stems") or {}), None if whole is None else cue_index.take_file(whole)
    if take.stems:
        raise InvalidInput("stems.already_laid", "The stems of this take are laid already.")
    if not files or folder_file is None:
        raise InvalidInput("stems.none", "This take has no stems. Generate with a model that makes them.")
    folder = folder_file.parent
    missing = [name for name in files.values() if not (folder / name).is_file()]
    if missing:
        raise InvalidInput("stems.file_missing", "Stem not found: {file}.", file=folder / missing[0])
    first, length, was_audible = compat.strip_start(whole), compat.strip_frames(whole), take.is_audible
    # The full mix may be trimmed: the stems get the same trim.
    hidden = first - round(compat.content_start(whole))
    for name, file_name in files.items():
        title = name.replace("_", " ").capitalize()
        channel = channel_map.stem_channel(level, title, whole.channel, first, length)
        if channel is None:
            raise channel_map.no_free_channel(whole)
        strip = placement.add_sound_strip(level, folder / file_name, channel, first, length, hidden_frames=hidden)
        strip.select = whole.select
        for name_to_copy in (
            cue_index.ENTRY_PROPERTY,
            placement.PICTURE_PROPERTY,
            cue_index.REQUEST_PROPERTY,
            cue_index.JOINS_PROPERTY,
            FAVOURITE_PROPERTY,
        ):
            if name_to_copy in whole:
                strip[name_to_copy] = whole[name_to_copy]
        tag = cue_index.get_take_tag(whole)
        assert tag is not None  # noqa: S101 - it is a take
        cue_index.set_take_tag(strip, tag._replace(stem=name))
        take.stems.append(strip)
    with contextlib.suppress(InvalidInput):  # the picture may have been removed
        main = whole if following.is_joined(whole) else find_picture(level, whole)
        placement.connect_sounds(scene, level, main, take.stems)
    take.set_audible(on=was_audible)
    if full_mix_mode == "INSTEAD":
        level.strips.remove(whole)
        take.full_mix = None
    return list(files)


def regenerated_cue(
    scene: Any, level: StripLevel, group: TakeGroup, *, same_seed: bool, count: int, is_refit: bool = False
) -> tuple[Cue, Any]:
    """Return a new cue with the settings of the chosen take, for its picture as it is now, and its spot.

    With `is_refit` it is the chosen take's own music for all that the picture shows now; nothing is generated.

    Raises:
        InvalidInput: the picture was removed or cannot be read, or the model is no longer in the catalogue.
    """
    version = group.chosen
    entry = cue_index.parse_entry(str(version.strips[0].get(cue_index.ENTRY_PROPERTY, "")))
    spot = following.spot_again(scene, level, version.strips[0], group.start, group.end, is_refit=is_refit)
    spot = spot or _spot_picture_again(scene, level, group, is_refit=is_refit)
    model = catalogue.get_model(str(entry.get("model", "")))
    # The model file may have changed since: parameters it no longer has are dropped, extra ones (`+name`) stay.
    known = {parameter.name for parameter in model.settable_by_name}
    cue = Cue(
        hits=prompts.find_hits(scene, spot.span),
        tail=int(entry.get("tail", 0)),
        fit="off" if can_fit(model) and not entry.get("fit") else "auto",
        refit=cue_index.fitted_file(version.strips[0]) if is_refit else None,
        id=f"{spot.strip_name} {secrets.token_hex(3)}",
        span=spot.span,
        picture=spot.picture,
        model=model.id,
        prompt=str(entry.get("prompt", "")),
        negative=str(entry.get("negative", "")),
        seed=entry.get("seed") if same_seed else None,
        takes=count,
        params={name: value for name, value in (entry.get("params") or {}).items() if name in known or name[:1] == "+"},
        land="off" if (entry.get("landing") or {}).get("mode") == "off" else "auto",
        best=bool(entry.get("score")),
    )
    return cue, spot


def _spot_picture_again(scene: Any, level: StripLevel, group: TakeGroup, *, is_refit: bool) -> selection.CueSource:
    """Return the spot of a cue's picture strip as it is now: where the take is heard, or with `is_refit` all that it shows."""
    picture = find_picture(level, group.chosen.strips[0])
    first, end = compat.strip_start(picture), compat.strip_end(picture)
    if not is_refit:
        first, end = max(group.start, first), min(group.end, end)
    if end <= first:
        raise InvalidInput(
            "takes.picture_moved", "{picture} is no longer under the take. Move it back.", picture=picture.name
        )
    (spot,) = selection.spot_ranges(scene, [(picture, first, end - first)])
    return spot


def find_picture(level: StripLevel, strip: Any) -> Any:
    """Return the picture of a take: the strip of its name, else the visible one at the take's first frame.

    Raises:
        InvalidInput: there is none.
    """
    named = level.strips.get(str(strip.get(placement.PICTURE_PROPERTY, "")))
    if named is not None and named.type != "SOUND":
        return named
    start = compat.strip_start(strip)
    seen = list(selection.topmost_ranges(level, start, start + 1))
    if not seen:
        raise InvalidInput("takes.picture_missing", "The picture of {strip} was removed.", strip=strip.name)
    return seen[0][0]


def join_takes(level: StripLevel, joins: dict[str, str]) -> None:
    """Make the strips of new cues takes of earlier ones. They become audible when they arrive.

    Args:
        level: the level of the strips.
        joins: the earlier cue's id by the new cue's id.
    """
    for strip in level.strips:
        tag = cue_index.get_take_tag(strip) if cue_index.CUE_PROPERTY in strip else None
        if tag is not None and tag.cue in joins:
            strip[cue_index.JOINS_PROPERTY], strip[ARRIVING_PROPERTY] = joins[tag.cue], True
    solo_arrived(level)


def solo_arrived(level: StripLevel) -> bool:
    """Make regenerated takes that have arrived audible, the first of each cue. Return whether there were any."""
    arrived = [strip for strip in level.strips if ARRIVING_PROPERTY in strip and cue_index.ENTRY_PROPERTY in strip]
    if not arrived:
        return False
    names = {strip.name for strip in arrived}
    for strip in arrived:
        del strip[ARRIVING_PROPERTY]
    for group in find_take_groups(level):
        fresh = [n for n, each in enumerate(group.takes) if names & {strip.name for strip in each.strips}]
        if fresh:
            group.solo(fresh[0])
    return True


def on_placeholders_filled(refs: Iterable[StripRef]) -> None:
    """Apply the scene's settings to takes that have just arrived: which one is audible, and whether stems are laid."""
    names: dict[str, list[str]] = {}
    for ref in refs:
        names.setdefault(ref.scene, []).append(ref.strip)
    for name, strips in names.items():
        if (scene := bpy.data.scenes.get(name)) is not None:
            on_takes_filled(scene, strips)


def on_takes_filled(scene: Any, strip_names: Iterable[str]) -> None:
    """Update takes that have just been put into strips: regenerated ones become audible, and stems are laid if the scene is set to."""
    filled, full_mix_mode = set(strip_names), scene.tracklay.stems
    strips = list(filter(None, map(scene.sequence_editor.strips_all.get, filled)))
    are_scored = any(scores.strip_score(strip) for strip in strips)
    if full_mix_mode == STEMS_NOT_LAID and not are_scored and not any(ARRIVING_PROPERTY in strip for strip in strips):
        return  # the usual case: scanning 2,000 strips costs more than everything else in filling one
    for level in selection.iter_levels(scene):
        solo_arrived(level)
        for group in find_take_groups(level) if are_scored else ():
            is_new = any(strip.name in filled for take in group.takes for strip in take.strips)
            if is_new and (best := scores.best_take_index(group)) >= 0:
                group.solo(best)
        if full_mix_mode == STEMS_NOT_LAID:
            continue
        for version in (version for group in find_take_groups(level) for version in group.takes):
            if (
                version.full_mix is not None
                and version.full_mix.name in filled
                and not version.stems
                and has_stems(version)
            ):
                with contextlib.suppress(TracklayError):  # no channel is free for them: the full mix is laid
                    lay_stems(scene, level, version, full_mix_mode)


def has_stems(take: TakeStrips) -> bool:
    """Return whether a take has stems."""
    return take.full_mix is not None and bool(
        cue_index.parse_entry(str(take.full_mix.get(cue_index.ENTRY_PROPERTY, ""))).get("stems")
    )
