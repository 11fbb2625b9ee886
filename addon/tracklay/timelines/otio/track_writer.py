"""Writes takes as OTIO audio tracks.

The first take of each cue is audible. All others are below it on disabled tracks, for comparison. Below these are the stems of
the audible takes, a disabled track for each name: enabled together in place of the take they sound the same.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from ...jobs.delivery import USUAL_STYLE, CopyStyle
from ...models import load_catalogue
from ...models.model import TASK_TITLES
from ...version import VERSION
from .take_tracks import CUE_KEY
from .text_patch import DIGEST_PLACEHOLDER, METADATA_KEY

if TYPE_CHECKING:
    from .take_tracks import FailureMarker, OtioTake, TakeTracks

STEM_KEY = "tracklay_stem"
"""The key in a stem clip's metadata of its cue and its name. Reading a timeline ignores stems: their takes list them."""

OWN_SOUND_KEY = "tracklay_original"
"""The key in the metadata of a clip of the timeline's own sound. Reading a timeline ignores it: the next copy gets new ones."""


@dataclass(frozen=True, slots=True)
class TrackWriter:
    """Writes the tracks of takes into a timeline's copy.

    Attributes:
        rate: the frame rate, as the float that the timeline itself writes.
        folder: the timeline's folder, which relative paths of takes start from.
        start_frame: the frame that the tracks begin on, from timecode zero.
        style: how the copy is written.
    """

    rate: float
    folder: Path
    start_frame: int = 0
    style: CopyStyle = USUAL_STYLE

    def tracks_to_json(self, tracks: TakeTracks, own_sounds: Sequence[OtioTake] = ()) -> list[str]:
        """Return tracks as OTIO's JSON, the first with a placeholder for the signature; last those of the timeline's own sound."""
        audible = [take for take in tracks.takes if take.audible]
        others = [take for take in tracks.takes if not take.audible]
        built = [
            *self._build_rows(audible, "", audible=True),
            *self._build_rows(others, " takes", audible=False),
            *(
                self._build_track(f"Tracklay {name}{_number_suffix(n)}", self._stem_clips(row, name), audible=False)
                for name, stems in _group_stems(_pack_rows(audible)).items()
                for n, row in enumerate(_pack_rows(stems), 1)
            ),
            *(
                self._build_track(
                    f"Tracklay original{_number_suffix(n)}",
                    [(each.start, self._sound_clip(each, {OWN_SOUND_KEY: True})) for each in row],
                    audible=True,
                )
                for n, row in enumerate(_pack_rows(own_sounds), 1)
            ),
        ]
        first = built[0]
        first.metadata[METADATA_KEY]["digest"] = DIGEST_PLACEHOLDER
        first.markers.extend(_build_marker(mark, self.rate) for mark in tracks.markers)
        return [track.to_json_string(indent=4) for track in built]

    def _build_rows(self, takes: Sequence[OtioTake], suffix: str, *, audible: bool) -> list[Any]:
        """Return tracks of takes that overlap on none of them; with `task_tracks` those of each task apart."""
        groups: dict[str, list[OtioTake]] = {}
        for take in takes:
            groups.setdefault(f"Tracklay{self._task_word(take)}{suffix}", []).append(take)
        return [
            self._build_track(
                f"{name}{_number_suffix(n)}", [(each.start, self._take_clip(each)) for each in row], audible=audible
            )
            for name, group in groups.items()
            for n, row in enumerate(_pack_rows(group), 1)
        ]

    def _task_word(self, take: OtioTake) -> str:
        model = load_catalogue().get(str(take.entry.get("model"))) if self.style.task_tracks else None
        return f" {TASK_TITLES[model.task]}" if model else ""

    def _build_track(self, name: str, clips: Sequence[tuple[int, Any]], *, audible: bool) -> Any:
        """Return a track of clips, given with their first frames and sorted by these. Gaps fill the space between."""
        track = otio.schema.Track(name, kind=otio.schema.TrackKind.Audio, metadata={METADATA_KEY: {"version": VERSION}})
        track.enabled = audible
        end = 0
        for start, clip in clips:
            duration = clip.source_range.duration
            if start > end:
                track.append(otio.schema.Gap(source_range=time_range(0, start - end, duration.rate)))
            track.append(clip)
            end = start + round(duration.value)
        return track

    def _stem_clips(self, row: Sequence[OtioTake], name: str) -> list[tuple[int, Any]]:
        return [
            (stem.start, self._sound_clip(stem, {STEM_KEY: {"cue": stem.entry.get("cue"), "stem": name}}))
            for stem in row
        ]

    def _sound_clip(self, take: OtioTake, metadata: dict[str, Any]) -> Any:
        """Return a clip of a take's file, over its whole length."""
        # The time stamp in a take's file is its place on the timeline that it was made for.
        made_at = dict(take.entry.get("start") or {}).get("frame", take.start + self.start_frame)
        first = int(made_at) if self.style.media_timecode else 0
        whole = time_range(first, take.frames, self.rate)
        url = os.path.normpath(take.file.absolute()) if self.style.absolute_paths else media_url(take.file, self.folder)
        media = otio.schema.ExternalReference(url, available_range=whole)
        media.name = take.file.name
        return otio.schema.Clip(take.file.stem, media, whole, metadata)

    def _take_clip(self, take: OtioTake) -> Any:
        clip = self._sound_clip(take, {METADATA_KEY: dict(take.entry), CUE_KEY: dict(take.cue_metadata)})
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


def _pack_rows(takes: Sequence[OtioTake]) -> list[list[OtioTake]]:
    """Distribute takes over as few tracks as possible: each goes on the first where it overlaps no other, in the order given."""
    rows: list[list[OtioTake]] = []
    for take in takes:
        row = next((row for row in rows if all(take.end <= a.start or take.start >= a.end for a in row)), None)
        if row is None:
            rows.append(row := [])
        row.append(take)
    return [sorted(row, key=lambda take: take.start) for row in rows]


def _number_suffix(number: int) -> str:
    return "" if number == 1 else f" {number}"


def time_range(start: int, frames: int, rate: float) -> Any:
    """Return OTIO's range of frames."""
    return TimeRange(RationalTime(start, rate), RationalTime(frames, rate))


def _group_stems(rows: Sequence[Sequence[OtioTake]]) -> dict[str, list[OtioTake]]:
    """Return the stems of takes by stem name, each as a copy of its take with the stem's file."""
    found: dict[str, list[OtioTake]] = {}
    for take in (take for row in rows for take in row):
        for name, file in take.find_stems().items():
            found.setdefault(name, []).append(replace(take, file=file))
    return found


def media_url(file: Path, folder: Path) -> str:
    """Return a file as OTIO's reference from a timeline in a folder: relative, if both are on one drive."""
    try:
        return quote(Path(os.path.relpath(file, folder)).as_posix())
    except ValueError:  # another drive
        return file.as_uri()


def _build_marker(marker: FailureMarker, rate: float) -> Any:
    return otio.schema.Marker(
        f"{marker.entry.get('cue')}: failed",
        time_range(marker.start, marker.frames, rate),
        otio.schema.MarkerColor.RED,
        {METADATA_KEY: dict(marker.entry)},
        comment=str(marker.entry.get("error", "")),
    )
