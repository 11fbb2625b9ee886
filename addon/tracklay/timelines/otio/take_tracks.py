"""Takes as OTIO audio tracks: clips of exactly their cues' frames, with provenance, and markers for failed and stale ones.

`track_writer` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import opentimelineio as otio

from .text_patch import METADATA_KEY

if TYPE_CHECKING:
    from ...cue import Failure, Picture, Take
    from ...timing import Span

CUE_KEY = "tracklay_cue"
"""The key in a take clip's metadata of its cue, its take index, and the part of the source that plays above it."""


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
