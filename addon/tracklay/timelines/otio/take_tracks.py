"""Takes as OTIO's audio tracks: clips of exactly their cues' frames, with their provenance, and marks where something is wrong.

The first take of a cue is heard; all others lie under it on tracks that are switched off, to be compared. Under those lie the stems of
what is heard, a track for each name, switched off too: together they are the take once more.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from ...version import VERSION
from .text_patch import OURS, UNSIGNED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...cue import Failure, Take

CUE = "tracklay_cue"
"""The key in a laid clip's metadata of which cue it is a take of, and what of its source plays under it."""

STEM = "tracklay_stem"
"""The key in a stem's metadata of its cue and its name. It is no take: when a timeline is read again, its take tells of it."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A take on a timeline: `start` counts frames from the tracks' beginning.

    `entry` is its manifest entry, `note` what `CUE` holds; `stale` says why it no longer fits its picture.
    """

    start: int
    frames: int
    file: Path
    entry: Mapping[str, Any]
    note: Mapping[str, Any]
    heard: bool
    stale: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Takes with the same one are takes of one cue by one model: only one of them is heard."""
        return str(self.entry.get("cue")), str(self.entry.get("model"))

    @property
    def end(self) -> int:
        """The first frame after it."""
        return self.start + self.frames

    def stems(self) -> dict[str, Path]:
        """The files of its stems that are there, by their names: the disk is looked at."""
        named = dict(self.entry.get("stems") or {})
        return {name: path for name, file in named.items() if (path := self.file.with_name(file)).is_file()}


@dataclass(frozen=True, slots=True)
class Mark:
    """A cue that failed: where, and why. `entry` is the manifest's."""

    start: int
    frames: int
    entry: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Layer:
    """All of ours on a timeline."""

    takes: list[Laid] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def tracks(self, rate: float, folder: Path) -> list[str]:
        """As OTIO's tracks, in JSON; the first is ready to be signed. Paths are relative to `folder`.

        Args:
            rate: frames a second as the timeline itself writes it.
            folder: where the timeline lies.
        """
        heard = _rows([take for take in self.takes if take.heard])
        others = _rows([take for take in self.takes if not take.heard])
        made = [
            *(_track(f"Tracklay{_nth(n)}", _clips(row, rate, folder), heard=True) for n, row in enumerate(heard, 1)),
            *(
                _track(f"Tracklay takes{_nth(n)}", _clips(row, rate, folder), heard=False)
                for n, row in enumerate(others, 1)
            ),
            *(
                _track(f"Tracklay {name}{_nth(n)}", _stems(row, name, rate, folder), heard=False)
                for name, stems in _by_name(heard).items()
                for n, row in enumerate(_rows(stems), 1)
            ),
        ]
        first = made[0]
        first.metadata[OURS]["digest"] = UNSIGNED
        first.markers.extend(_marker(mark, rate) for mark in self.marks)
        return [track.to_json_string(indent=4) for track in made]


def fresh(takes: Sequence[Take], failed: Sequence[Failure], zero: int, taken: Sequence[tuple[str, str]] = ()) -> Layer:
    """What a run made. `zero` is the frame that the tracks begin on; of a cue in `taken` another take is heard already."""
    seen: dict[tuple[str, str], int] = dict.fromkeys(taken, 0)
    laid = []
    for take in takes:
        key = (take.cue.id, take.cue.model)
        seen[key] = seen.get(key, -1) + 1
        span = take.cue.span
        note = {"cue": take.cue.id, "take": seen[key], **plays(take)}
        laid.append(Laid(span.start - zero, span.frames, take.file, take.entry(), note, heard=not seen[key]))
    marks = [Mark(each.cue.span.start - zero, each.cue.span.frames, each.entry()) for each in failed]
    return Layer(laid, marks)


def plays(take: Take) -> dict[str, str]:
    """What of its source plays under a take: enough to find it again on a timeline that was cut anew."""
    shown, span = take.cue.picture, take.cue.span
    begins = shown.map.source(span.start)
    speed = (shown.map.source(span.end) - begins) / span.seconds
    name = shown.images[0] if shown.images else shown.source.name
    return {"source": name, "begins": str(begins), "speed": str(speed)}


def together(earlier: Layer, now: Layer) -> Layer:
    """What lies there already, and what came to it: where a cue has a new take that is heard, its earlier ones are not."""
    new = {take.key for take in now.takes if take.heard}
    kept = [replace(take, heard=take.heard and take.key not in new) for take in earlier.takes]
    done = {take.key for take in now.takes} | {(mark.entry.get("cue"), mark.entry.get("model")) for mark in now.marks}
    marks = [mark for mark in earlier.marks if (mark.entry.get("cue"), mark.entry.get("model")) not in done]
    return Layer([*now.takes, *kept], [*marks, *now.marks])


def read(tracks: Sequence[Any], folder: Path) -> Layer:
    """What lies on tracks of ours, as OTIO's objects; takes whose files are gone are left out."""
    layer = Layer()
    for track in tracks:
        rate, at = None, 0
        for child in track:
            if isinstance(child, otio.schema.Transition):
                continue
            frames = round(child.source_range.duration.value)
            rate = child.source_range.duration.rate
            if isinstance(child, otio.schema.Clip) and (held := _laid(child, at, frames, folder, track)):
                layer.takes.append(held)
            at += frames
        for marker in track.markers:
            if OURS in marker.metadata and rate:
                span = marker.marked_range
                layer.marks.append(
                    Mark(round(span.start_time.value), round(span.duration.value), plain(marker.metadata[OURS]))
                )
    return layer


def _laid(clip: Any, start: int, frames: int, folder: Path, track: Any) -> Laid | None:
    if OURS not in clip.metadata or not isinstance(clip.media_reference, otio.schema.ExternalReference):
        return None
    file = folder / unquote(clip.media_reference.target_url)
    if not file.is_file():
        return None
    note = plain(clip.metadata.get(CUE, {}))
    heard = clip.enabled and track.enabled
    return Laid(start, frames, file, plain(clip.metadata[OURS]), note, heard)


def plain(held: Any) -> Any:
    """OTIO's dictionary as Python's own."""
    return json.loads(otio.core.serialize_json_to_string(held))


def _rows(takes: Sequence[Laid]) -> list[list[Laid]]:
    """Takes on as few tracks as they need: each on the first where there is room, in the order they are given."""
    rows: list[list[Laid]] = []
    for take in takes:
        row = next((row for row in rows if all(take.end <= a.start or take.start >= a.end for a in row)), None)
        if row is None:
            rows.append(row := [])
        row.append(take)
    return [sorted(row, key=lambda take: take.start) for row in rows]


def _nth(number: int) -> str:
    return "" if number == 1 else f" {number}"


def _range(start: int, frames: int, rate: float) -> Any:
    return TimeRange(RationalTime(start, rate), RationalTime(frames, rate))


def _track(name: str, clips: Sequence[tuple[int, Any]], *, heard: bool) -> Any:
    """A track of clips, each with the frame that it begins on, in their order."""
    track = otio.schema.Track(name, kind=otio.schema.TrackKind.Audio, metadata={OURS: {"version": VERSION}})
    track.enabled = heard
    at = 0
    for start, clip in clips:
        lasts = clip.source_range.duration
        if start > at:
            track.append(otio.schema.Gap(source_range=_range(0, start - at, lasts.rate)))
        track.append(clip)
        at = start + round(lasts.value)
    return track


def _clips(row: Sequence[Laid], rate: float, folder: Path) -> list[tuple[int, Any]]:
    return [(take.start, _clip(take, rate, folder)) for take in row]


def _by_name(rows: Sequence[Sequence[Laid]]) -> dict[str, list[Laid]]:
    """The stems of takes, each as what lies there in its take's place, by their names."""
    found: dict[str, list[Laid]] = {}
    for take in (take for row in rows for take in row):
        for name, file in take.stems().items():
            found.setdefault(name, []).append(replace(take, file=file))
    return found


def _stems(row: Sequence[Laid], name: str, rate: float, folder: Path) -> list[tuple[int, Any]]:
    return [
        (stem.start, _sound(stem, rate, folder, {STEM: {"cue": stem.entry.get("cue"), "stem": name}})) for stem in row
    ]


def _sound(take: Laid, rate: float, folder: Path, told: dict[str, Any]) -> Any:
    """A clip of the file that lies there."""
    lies = _range(0, take.frames, rate)
    media = otio.schema.ExternalReference(_url(take.file, folder), available_range=lies)
    media.name = take.file.name
    return otio.schema.Clip(take.file.stem, media, lies, told)


def _clip(take: Laid, rate: float, folder: Path) -> Any:
    clip = _sound(take, rate, folder, {OURS: dict(take.entry), CUE: dict(take.note)})
    clip.enabled = take.heard
    if take.stale:
        clip.markers.append(
            otio.schema.Marker(
                f"{take.entry.get('cue')}: stale",
                clip.source_range,
                otio.schema.MarkerColor.ORANGE,
                {OURS: {"stale": take.stale}},
                comment=take.stale,
            )
        )
    return clip


def _url(file: Path, folder: Path) -> str:
    try:
        return quote(Path(os.path.relpath(file, folder)).as_posix())
    except ValueError:  # another drive
        return file.as_uri()


def _marker(mark: Mark, rate: float) -> Any:
    return otio.schema.Marker(
        f"{mark.entry.get('cue')}: failed",
        _range(mark.start, mark.frames, rate),
        otio.schema.MarkerColor.RED,
        {OURS: dict(mark.entry)},
        comment=str(mark.entry.get("error", "")),
    )
