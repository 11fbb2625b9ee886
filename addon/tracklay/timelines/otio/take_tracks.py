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
from .text_patch import DIGEST_PLACEHOLDER, METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...cue import Failure, Take

CUE_KEY = "tracklay_cue"
"""The key in a laid clip's metadata of which cue it is a take of, and what of its source plays under it."""

STEM_KEY = "tracklay_stem"
"""The key in a stem's metadata of its cue and its name. It is no take: when a timeline is read again, its take tells of it."""


@dataclass(frozen=True, slots=True)
class OtioTake:
    """A take on a timeline: `start` counts frames from the tracks' beginning.

    `to_manifest_entry` is its manifest entry, `cue_metadata` what `CUE_KEY` holds; `stale_reason` says why it no longer fits its picture.
    """

    start: int
    frames: int
    file: Path
    entry: Mapping[str, Any]
    cue_metadata: Mapping[str, Any]
    audible: bool
    stale_reason: str = ""

    @property
    def group_key(self) -> tuple[str, str]:
        """Takes with the same one are takes of one cue by one model: only one of them is heard."""
        return str(self.entry.get("cue")), str(self.entry.get("model"))

    @property
    def end(self) -> int:
        """The first frame after it."""
        return self.start + self.frames

    def find_stems(self) -> dict[str, Path]:
        """The files of its stems that are there, by their names: the disk is looked at."""
        named = dict(self.entry.get("stems") or {})
        return {name: path for name, file in named.items() if (path := self.file.with_name(file)).is_file()}


@dataclass(frozen=True, slots=True)
class FailureMarker:
    """A cue that failed: where, and why. `to_manifest_entry` is the manifest's."""

    start: int
    frames: int
    entry: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TakeTracks:
    """All of ours on a timeline."""

    takes: list[OtioTake] = field(default_factory=list)
    markers: list[FailureMarker] = field(default_factory=list)

    def to_otio_json(self, rate: float, folder: Path) -> list[str]:
        """As OTIO's tracks, in JSON; the first is ready to be signed. Paths are relative to `folder`.

        Args:
            rate: frames a second as the timeline itself writes it.
            folder: where the timeline lies.
        """
        heard = _pack_rows([take for take in self.takes if take.audible])
        others = _pack_rows([take for take in self.takes if not take.audible])
        made = [
            *(
                _build_track(f"Tracklay{_number_suffix(n)}", _row_clips(row, rate, folder), audible=True)
                for n, row in enumerate(heard, 1)
            ),
            *(
                _build_track(f"Tracklay takes{_number_suffix(n)}", _row_clips(row, rate, folder), audible=False)
                for n, row in enumerate(others, 1)
            ),
            *(
                _build_track(f"Tracklay {name}{_number_suffix(n)}", _stem_clips(row, name, rate, folder), audible=False)
                for name, stems in _group_stems(heard).items()
                for n, row in enumerate(_pack_rows(stems), 1)
            ),
        ]
        first = made[0]
        first.metadata[METADATA_KEY]["digest"] = DIGEST_PLACEHOLDER
        first.markers.extend(_build_marker(mark, rate) for mark in self.markers)
        return [track.to_json_string(indent=4) for track in made]


def build_take_tracks(
    takes: Sequence[Take], failed: Sequence[Failure], start_frame: int, audible_keys: Sequence[tuple[str, str]] = ()
) -> TakeTracks:
    """What a run made. `start_frame` is the frame that the tracks begin on; of a cue in `audible_keys` another take is heard already."""
    seen: dict[tuple[str, str], int] = dict.fromkeys(audible_keys, 0)
    laid = []
    for take in takes:
        key = (take.cue.id, take.cue.model)
        seen[key] = seen.get(key, -1) + 1
        span = take.cue.span
        note = {"cue": take.cue.id, "take": seen[key], **describe_source(take)}
        laid.append(
            OtioTake(
                span.start - start_frame, span.frames, take.file, take.to_manifest_entry(), note, audible=not seen[key]
            )
        )
    marks = [
        FailureMarker(each.cue.span.start - start_frame, each.cue.span.frames, each.to_manifest_entry())
        for each in failed
    ]
    return TakeTracks(laid, marks)


def describe_source(take: Take) -> dict[str, str]:
    """What of its source plays under a take: enough to find it again on a timeline that was cut anew."""
    # Saved in `.otio` files, and compared with clips that other programs have moved to another rate: so start and speed, in seconds,
    # and not `media.fingerprint.span_fingerprint`.
    shown, span = take.cue.picture, take.cue.span
    begins = shown.time_map.source_seconds(span.start)
    speed = (shown.time_map.source_seconds(span.end) - begins) / span.seconds
    name = shown.images[0] if shown.images else shown.source.name
    return {"source": name, "begins": str(begins), "speed": str(speed)}


def merge_take_tracks(earlier: TakeTracks, added: TakeTracks) -> TakeTracks:
    """What lies there already, and what came to it: where a cue has a new take that is heard, its earlier ones are not."""
    new = {take.group_key for take in added.takes if take.audible}
    kept = [replace(take, audible=take.audible and take.group_key not in new) for take in earlier.takes]
    done = {take.group_key for take in added.takes} | {
        (mark.entry.get("cue"), mark.entry.get("model")) for mark in added.markers
    }
    marks = [mark for mark in earlier.markers if (mark.entry.get("cue"), mark.entry.get("model")) not in done]
    return TakeTracks([*added.takes, *kept], [*marks, *added.markers])


def read_take_tracks(tracks: Sequence[Any], folder: Path) -> TakeTracks:
    """What lies on tracks of ours, as OTIO's objects; takes whose files are gone are left out."""
    layer = TakeTracks()
    for track in tracks:
        rate, at = None, 0
        for child in track:
            if isinstance(child, otio.schema.Transition):
                continue
            frames = round(child.source_range.duration.value)
            rate = child.source_range.duration.rate
            if isinstance(child, otio.schema.Clip) and (held := _read_take(child, at, frames, folder, track)):
                layer.takes.append(held)
            at += frames
        for marker in track.markers:
            if METADATA_KEY in marker.metadata and rate:
                span = marker.marked_range
                layer.markers.append(
                    FailureMarker(
                        round(span.start_time.value),
                        round(span.duration.value),
                        metadata_to_python(marker.metadata[METADATA_KEY]),
                    )
                )
    return layer


def _read_take(clip: Any, start: int, frames: int, folder: Path, track: Any) -> OtioTake | None:
    if METADATA_KEY not in clip.metadata or not isinstance(clip.media_reference, otio.schema.ExternalReference):
        return None
    file = folder / unquote(clip.media_reference.target_url)
    if not file.is_file():
        return None
    note = metadata_to_python(clip.metadata.get(CUE_KEY, {}))
    heard = clip.enabled and track.enabled
    return OtioTake(start, frames, file, metadata_to_python(clip.metadata[METADATA_KEY]), note, heard)


def metadata_to_python(metadata: Any) -> Any:
    """OTIO's dictionary as Python's own."""
    return json.loads(otio.core.serialize_json_to_string(metadata))


def _pack_rows(takes: Sequence[OtioTake]) -> list[list[OtioTake]]:
    """Takes on as few tracks as they need: each on the first where there is room, in the order they are given."""
    rows: list[list[OtioTake]] = []
    for take in takes:
        row = next((row for row in rows if all(take.end <= a.start or take.start >= a.end for a in row)), None)
        if row is None:
            rows.append(row := [])
        row.append(take)
    return [sorted(row, key=lambda take: take.start) for row in rows]


def _number_suffix(number: int) -> str:
    return "" if number == 1 else f" {number}"


def _time_range(start: int, frames: int, rate: float) -> Any:
    return TimeRange(RationalTime(start, rate), RationalTime(frames, rate))


def _build_track(name: str, clips: Sequence[tuple[int, Any]], *, audible: bool) -> Any:
    """A track of clips, each with the frame that it begins on, in their order."""
    track = otio.schema.Track(name, kind=otio.schema.TrackKind.Audio, metadata={METADATA_KEY: {"version": VERSION}})
    track.enabled = audible
    at = 0
    for start, clip in clips:
        lasts = clip.source_range.duration
        if start > at:
            track.append(otio.schema.Gap(source_range=_time_range(0, start - at, lasts.rate)))
        track.append(clip)
        at = start + round(lasts.value)
    return track


def _row_clips(row: Sequence[OtioTake], rate: float, folder: Path) -> list[tuple[int, Any]]:
    return [(take.start, _build_take_clip(take, rate, folder)) for take in row]


def _group_stems(rows: Sequence[Sequence[OtioTake]]) -> dict[str, list[OtioTake]]:
    """The stems of takes, each as what lies there in its take's place, by their names."""
    found: dict[str, list[OtioTake]] = {}
    for take in (take for row in rows for take in row):
        for name, file in take.find_stems().items():
            found.setdefault(name, []).append(replace(take, file=file))
    return found


def _stem_clips(row: Sequence[OtioTake], name: str, rate: float, folder: Path) -> list[tuple[int, Any]]:
    return [
        (stem.start, _build_sound_clip(stem, rate, folder, {STEM_KEY: {"cue": stem.entry.get("cue"), "stem": name}}))
        for stem in row
    ]


def _build_sound_clip(take: OtioTake, rate: float, folder: Path, metadata: dict[str, Any]) -> Any:
    """A clip of the file that lies there."""
    lies = _time_range(0, take.frames, rate)
    media = otio.schema.ExternalReference(_media_url(take.file, folder), available_range=lies)
    media.name = take.file.name
    return otio.schema.Clip(take.file.stem, media, lies, metadata)


def _build_take_clip(take: OtioTake, rate: float, folder: Path) -> Any:
    clip = _build_sound_clip(take, rate, folder, {METADATA_KEY: dict(take.entry), CUE_KEY: dict(take.cue_metadata)})
    clip.enabled = take.audible
    if take.stale_reason:
        clip.markers.append(
            otio.schema.Marker(
                f"{take.entry.get('cue')}: stale",
                clip.source_range,
                otio.schema.MarkerColor.ORANGE,
                {METADATA_KEY: {"stale": take.stale_reason}},
                comment=take.stale_reason,
            )
        )
    return clip


def _media_url(file: Path, folder: Path) -> str:
    try:
        return quote(Path(os.path.relpath(file, folder)).as_posix())
    except ValueError:  # another drive
        return file.as_uri()


def _build_marker(marker: FailureMarker, rate: float) -> Any:
    return otio.schema.Marker(
        f"{marker.entry.get('cue')}: failed",
        _time_range(marker.start, marker.frames, rate),
        otio.schema.MarkerColor.RED,
        {METADATA_KEY: dict(marker.entry)},
        comment=str(marker.entry.get("error", "")),
    )
