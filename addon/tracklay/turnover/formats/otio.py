"""OpenTimelineIO timelines, of stock schemas alone.

They are written as the JSON that the format is: OpenTimelineIO has no wheel that runs under every Python of Blender. OTIO has no gain: it
is in the metadata of a clip, under `tracklay_turnover`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...cue import SAMPLE_RATE
from ..handover import one_line

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from ..handover import Handover, HandoverClip, HandoverTrack

METADATA_KEY = "tracklay_turnover"
"""The key of what OTIO has no field for: gain as points [sample, linear gain] from the clip's start, fades in samples, comment."""


def write_file(handover: Handover, path: Path) -> None:
    """Write the timeline. A clip's other takes are on disabled tracks of its own role."""
    session = handover.session
    tracks = [_build_track(handover, track) for track in handover.tracks]
    tracks += [_build_track(handover, track, number) for track in handover.tracks for number in _other_takes(track)]
    if tracks and session.marks:
        tracks[0]["markers"] = [_build_marker(handover, mark) for mark in handover.marks]
    timeline = {
        "OTIO_SCHEMA": "Timeline.1",
        "metadata": {},
        "name": session.name,
        "global_start_time": _time(handover, 0, session.start_frame),
        "tracks": {
            **_composition("Stack.1", "tracks"),
            "children": tracks,
        },
    }
    path.write_text(json.dumps(timeline, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _other_takes(track: HandoverTrack) -> range:
    return range(1, max(len(clip.takes) for clip in track.clips))


def _build_track(handover: Handover, track: HandoverTrack, take: int = 0) -> dict[str, Any]:
    children: list[dict[str, Any]] = []
    # The sum of what is written, so that the rounding of one clip moves none after it.
    end: Fraction | int = 0
    clips = [clip for clip in track.clips if take < len(clip.takes)]
    for index, clip in enumerate(clips):
        start = handover.frames(clip.start)
        if (start - end) * SAMPLE_RATE >= handover.session.rate.fps:
            children.append(_build_gap(handover, start - end))
            end = start
        # Editors count in frames: a shorter fade stays in the metadata.
        if _has_frame(handover, clip.fade_in):
            children.append(_build_fade(handover, "fade in", before=0, after=clip.fade_in))
        children.append(_build_clip(handover, clip, take))
        meets = index + 1 < len(clips) and clips[index + 1].start == clip.stop
        if _has_frame(handover, clip.fade_out) and not meets:
            children.append(_build_fade(handover, "fade out", before=clip.fade_out, after=0))
        end += handover.frames(clip.takes[take].source_in + clip.samples) - handover.frames(clip.takes[take].source_in)
    name = track.name if not take else f"{track.name} take {take + 1}"
    return {**_composition("Track.1", name), "enabled": not take, "children": children, "kind": "Audio"}


def _build_clip(handover: Handover, clip: HandoverClip, number: int) -> dict[str, Any]:
    take = clip.takes[number]
    metadata = {
        "gain": clip.gain.to_list(),
        "fade_in": clip.fade_in,
        "fade_out": clip.fade_out,
        "comment": one_line(clip.comment),
    }
    media = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "metadata": {},
        "name": take.media.name.rpartition("/")[2],
        "available_range": _range(handover, 0, take.media.samples),
        "available_image_bounds": None,
        "target_url": handover.media_path(take.media) if handover.plain_paths else handover.media_url(take.media),
    }
    return {
        **_item("Clip.2", one_line(take.name), {METADATA_KEY: metadata}),
        "source_range": _range(handover, take.source_in, take.source_in + clip.samples),
        "media_references": {"DEFAULT_MEDIA": media},
        "active_media_reference_key": "DEFAULT_MEDIA",
    }


def _build_gap(handover: Handover, frames: Fraction | int) -> dict[str, Any]:
    return {
        **_item("Gap.1", ""),
        "source_range": {
            "OTIO_SCHEMA": "TimeRange.1",
            "start_time": _time(handover, 0),
            "duration": _time(handover, 0, float(frames)),
        },
    }


def _build_fade(handover: Handover, name: str, *, before: int, after: int) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "Transition.1",
        "metadata": {},
        "name": name,
        "in_offset": _time(handover, before),
        "out_offset": _time(handover, after),
        "transition_type": "SMPTE_Dissolve",
    }


def _build_marker(handover: Handover, mark: Any) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": "Marker.2",
        "metadata": {},
        "name": one_line(mark.name),
        "color": "CYAN" if mark.samples else "GREEN",
        "marked_range": _range(handover, mark.start, mark.start + mark.samples),
        "comment": one_line(mark.comment),
    }


def _item(schema: str, name: str, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "OTIO_SCHEMA": schema,
        "metadata": metadata or {},
        "name": name,
        "source_range": None,
        "effects": [],
        "markers": [],
        "enabled": True,
        "color": None,
    }


def _composition(schema: str, name: str) -> dict[str, Any]:
    return {**_item(schema, name), "children": []}


def _has_frame(handover: Handover, samples: int) -> bool:
    return handover.frames(samples) >= 1


def _time(handover: Handover, samples: int, frames: float | None = None) -> dict[str, Any]:
    """Return a time in frames: whole ones where a frame begins on this very sample, else with decimals."""
    value = float(handover.frames(samples) if frames is None else frames)
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": float(handover.session.rate.fps), "value": value}


def _range(handover: Handover, start: int, stop: int) -> dict[str, Any]:
    length = handover.frames(stop) - handover.frames(start)
    return {
        "OTIO_SCHEMA": "TimeRange.1",
        "start_time": _time(handover, start),
        "duration": _time(handover, 0, float(length)),
    }
