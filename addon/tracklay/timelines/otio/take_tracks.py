"""Takes as OTIO audio tracks: clips of exactly their cues' frames, with provenance, and markers for failed and stale ones.

The first take of each cue is audible. All others are below it on disabled tracks, for comparison. Below these are the stems of
the audible takes, a disabled track for each name: enabled together in place of the take they sound the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from ...version import VERSION
from .text_patch import DIGEST_PLACEHOLDER, METADATA_KEY

if TYPE_CHECKING:
    from ...cue import Failure, Picture, Take
    from ...timing import Span

CUE_KEY = "tracklay_cue"
"""The key in a take clip's metadata of its cue, its take index, and the part of the source that plays above it."""

STEM_KEY = "tracklay_stem"
"""The key in a stem clip's metadata of its cue and its name. Reading a timeline ignores stems: their takes list them."""


@dataclass(frozen=True, slots=True)
class OtioTake:
    """A take on a timeline.

    Attributes:
        start: its first frame, counted from the beginning of the tracks.
        frames: its length.
        file: its audio file.
        entry: its manifest entry.
        cue_metadata: the metadata under `CUE_KEY`.
        audible: False if its clip or track is disabled.
        stale_reason: why it no longer fits its picture; empty if it fits.
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
        """The cue and the model: of the takes with the same key, only one is audible."""
        return str(self.entry.get("cue")), str(self.entry.get("model"))

    @property
    def end(self) -> int:
        """The frame after its last."""
        return self.start + self.frames

    def find_stems(self) -> dict[str, Path]:
        """Return the existing files of its stems, by stem name. It reads the disk."""
        listed = dict(self.entry.get("stems") or {})
        return {name: path for name, file in listed.items() if (path := self.file.with_name(file)).is_file()}


@dataclass(frozen=True, slots=True)
class FailureMarker:
    """A failed cue: its frames, counted like a take's, and its manifest entry."""

    start: int
    frames: int
    entry: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TakeTracks:
    """All takes and failure markers that Tracklay has on a timeline."""

    takes: list[OtioTake] = field(default_factory=list)
    markers: list[FailureMarker] = field(default_factory=list)

    def to_otio_json(self, rate: float, folder: Path) -> list[str]:
        """Return the tracks as OTIO's JSON, the first with a placeholder for the signature.

        Args:
            rate: the frame rate, as the float that the timeline itself writes.
            folder: the timeline's folder, which the paths of takes are relative to.
        """
        audible = _pack_rows([take for take in self.takes if take.audible])
        others = _pack_rows([take for take in self.takes if not take.audible])
        tracks = [
            *(
                _build_track(f"Tracklay{_number_suffix(n)}", _row_clips(row, rate, folder), audible=True)
                for n, row in enumerate(audible, 1)
            ),
            *(
                _build_track(f"Tracklay takes{_number_suffix(n)}", _row_clips(row, rate, folder), audible=False)
                for n, row in enumerate(others, 1)
            ),
            *(
                _build_track(f"Tracklay {name}{_number_suffix(n)}", _stem_clips(row, name, rate, folder), audible=False)
                for name, stems in _group_stems(audible).items()
                for n, row in enumerate(_pack_rows(stems), 1)
            ),
        ]
        first = tracks[0]
        first.metadata[METADATA_KEY]["digest"] = DIGEST_PLACEHOLDER
        first.markers.extend(_build_marker(mark, rate) for mark in self.markers)
        return [track.to_json_string(indent=4) for track in tracks]


def build_take_tracks(
    takes: Sequence[Take], failed: Sequence[Failure], start_frame: int, audible_keys: Sequence[tuple[str, str]] = ()
) -> TakeTracks:
    """Return the takes and failures of a run.

    Args:
        takes: the takes; each cue's first one becomes audible.
        failed: the failures.
        start_frame: the frame that the tracks begin on.
        audible_keys: the group keys of takes that the user has made audible elsewhere: new takes of these are not.
    """
    # The index of each group's last take so far; starting at 0 makes the first new one the second.
    last_index: dict[tuple[str, str], int] = dict.fromkeys(audible_keys, 0)
    laid = []
    heard: set[str] = set()
    for take in takes:
        key = (take.cue.id, take.cue.model)
        index = last_index[key] = last_index.get(key, -1) + 1
        audible = not index and not (take.cue.best and take.cue.id in heard)  # the best of all models, and no other
        heard |= {take.cue.id} if audible else set()
        span = take.cue.sound_span
        metadata = {"cue": take.cue.id, "take": index, **describe_source(take)}
        laid.append(
            OtioTake(
                span.start - start_frame, span.frames, take.file, take.to_manifest_entry(), metadata, audible=audible
            )
        )
    markers = [
        FailureMarker(each.cue.span.start - start_frame, each.cue.span.frames, each.to_manifest_entry())
        for each in failed
    ]
    return TakeTracks(laid, markers)


def describe_source(take: Take) -> dict[str, Any]:
    """Return which part of which source plays above a take: enough to find it again after the timeline was recut.

    Of a joined picture: its pieces, each with its first frame from the cue's start and its length.
    """
    picture, span = take.cue.picture, take.cue.span
    if not picture.pieces:
        return _describe_piece(picture, span)
    return {
        "pieces": [
            {
                "at": each.span.start - span.start,
                "frames": each.span.frames,
                **_describe_piece(each.picture, each.span),
            }
            for each in picture.pieces
        ]
    }


def _describe_piece(picture: Picture, span: Span) -> dict[str, str]:
    # Saved in `.otio` files, and compared with clips that other programs have moved to another rate: so start and speed, in seconds,
    # and not `media.fingerprint.span_fingerprint`.
    begins = picture.time_map.source_seconds(span.start)
    speed = (picture.time_map.source_seconds(span.end) - begins) / span.seconds
    # Only the name: the media may have moved to another folder together with the timeline.
    name = picture.images[0] if picture.images else picture.source.name
    return {"source": name, "begins": str(begins), "speed": str(speed)}


def merge_take_tracks(earlier: TakeTracks, added: TakeTracks) -> TakeTracks:
    """Return earlier and added takes together. A cue's earlier takes become inaudible if an added one is audible."""
    replaced = {take.group_key for take in added.takes if take.audible}
    kept = [replace(take, audible=take.audible and take.group_key not in replaced) for take in earlier.takes]
    # A new result, take or failure, outdates the earlier failure of the same cue and model.
    done = {take.group_key for take in added.takes} | {
        (marker.entry.get("cue"), marker.entry.get("model")) for marker in added.markers
    }
    markers = [marker for marker in earlier.markers if (marker.entry.get("cue"), marker.entry.get("model")) not in done]
    return TakeTracks([*added.takes, *kept], [*markers, *added.markers])


def read_take_tracks(tracks: Sequence[Any], folder: Path) -> TakeTracks:
    """Return the takes and failure markers of OTIO tracks that Tracklay wrote. Takes whose files do not exist are left out.

    Args:
        tracks: OTIO's tracks.
        folder: the folder of the timeline, which the paths of takes are relative to.
    """
    found = TakeTracks()
    for track in tracks:
        # No float arithmetic: our clips and gaps have whole frames, and a position is the sum of those before it.
        rate, start = None, 0
        for child in track:
            if isinstance(child, otio.schema.Transition):
                continue
            frames = round(child.source_range.duration.value)
            rate = child.source_range.duration.rate
            if isinstance(child, otio.schema.Clip) and (take := _read_take(child, start, frames, folder, track)):
                found.takes.append(take)
            start += frames
        for marker in track.markers:
            if METADATA_KEY in marker.metadata and rate:
                span = marker.marked_range
                found.markers.append(
                    FailureMarker(
                        round(span.start_time.value),
                        round(span.duration.value),
                        metadata_to_python(marker.metadata[METADATA_KEY]),
                    )
                )
    return found


def _read_take(clip: Any, start: int, frames: int, folder: Path, track: Any) -> OtioTake | None:
    if METADATA_KEY not in clip.metadata or not isinstance(clip.media_reference, otio.schema.ExternalReference):
        return None
    file = folder / unquote(clip.media_reference.target_url)
    if not file.is_file():
        return None
    entry = metadata_to_python(clip.metadata[METADATA_KEY])
    cue_metadata = metadata_to_python(clip.metadata.get(CUE_KEY, {}))
    return OtioTake(start, frames, file, entry, cue_metadata, audible=clip.enabled and track.enabled)


def metadata_to_python(metadata: Any) -> Any:
    """Return OTIO's own kind of dictionary as Python's."""
    return json.loads(otio.core.serialize_json_to_string(metadata))


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


def _build_track(name: str, clips: Sequence[tuple[int, Any]], *, audible: bool) -> Any:
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


def _row_clips(row: Sequence[OtioTake], rate: float, folder: Path) -> list[tuple[int, Any]]:
    return [(take.start, _build_take_clip(take, rate, folder)) for take in row]


def _group_stems(rows: Sequence[Sequence[OtioTake]]) -> dict[str, list[OtioTake]]:
    """Return the stems of takes by stem name, each as a copy of its take with the stem's file."""
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
    """Return a clip of a take's file, over its whole length."""
    whole = time_range(0, take.frames, rate)
    media = otio.schema.ExternalReference(media_url(take.file, folder), available_range=whole)
    media.name = take.file.name
    return otio.schema.Clip(take.file.stem, media, whole, metadata)


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
