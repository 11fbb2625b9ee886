"""The sounds of an OpenTimelineIO timeline: the clips of its audio tracks, those that Tracklay laid among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import opentimelineio as otio

from ...cue import SAMPLE_RATE
from ...errors import InvalidInput
from ...mix.kinds import kind_of_task
from ...mix.sources import MixSource
from ...models import load_catalogue
from ..otio.effects import read_speed
from ..otio.exact_numbers import to_seconds
from ..otio.media_references import resolve_media_path
from ..otio.text_patch import METADATA_KEY
from .scene import MixScene, find_origin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ...models import Model
    from ..otio.formats import TimelineText


@dataclass(frozen=True, slots=True)
class PlacedClip:
    """A clip of an audio track: its first second on the timeline, its length in seconds, and the numbers of its track and its own."""

    clip: Any
    track: Any
    start: Fraction
    length: Fraction
    place: tuple[int, int]


def read_otio_scene(source: TimelineText) -> tuple[MixScene, list[str], dict[str, PlacedClip]]:
    """Return the sounds of a timeline's enabled audio tracks, notes on clips that cannot be mixed, and the clip of each sound by its id."""
    catalogue = load_catalogue()
    sources: list[MixSource] = []
    origins = {}
    clips = {}
    notes: list[str] = []
    for placed in _placed_clips(source.timeline.tracks):
        try:
            found = _clip_source(placed, source.base, catalogue, len(sources) + 1)
            sources.append(found)
            clips[found.id] = placed
            if _model_of(placed.clip):
                origins[found.id] = find_origin(placed.clip.metadata[METADATA_KEY])
        except InvalidInput as error:
            notes.append(f"left out: {error}")
    scene = MixScene(tuple(sources), round(to_seconds(source.timeline.duration()) * SAMPLE_RATE), origins)
    return scene, notes, clips


def _placed_clips(tracks: Any) -> Iterator[PlacedClip]:
    """Yield the enabled clips of the enabled audio tracks. Transitions have no length: clips meet in their middle."""
    for track_number, track in enumerate(tracks):
        if getattr(track, "kind", None) != otio.schema.TrackKind.Audio or not track.enabled:
            continue
        start = Fraction(0)
        for number, child in enumerate(track):
            if isinstance(child, otio.schema.Transition):
                continue
            length = to_seconds(child.duration())
            if isinstance(child, otio.schema.Clip) and child.enabled and length > 0:
                yield PlacedClip(child, track, start, length, (track_number, number))
            start += length


def _clip_source(placed: PlacedClip, folder: Path, catalogue: Mapping[str, Model], number: int) -> MixSource:
    """Return a clip as a source of the mix.

    Raises:
        InvalidInput: its media is missing, or it plays at another speed.
    """
    clip = placed.clip
    name = clip.name or "a clip"
    speed, error = read_speed(clip)
    if error or speed != 1:
        raise InvalidInput(
            "mix.clip_speed", "{clip} has another speed. Render it to a file at its own speed.", clip=name
        )
    media = clip.media_reference
    if not isinstance(media, otio.schema.ExternalReference):
        raise InvalidInput(
            "mix.clip_offline", "{clip} has no media. Relink it, and export the timeline again.", clip=name
        )
    path = resolve_media_path(media.target_url, folder)
    if not path.is_file():
        raise InvalidInput("mix.clip_missing", "The media of {clip} is missing: {path}.", clip=name, path=path)
    begins = to_seconds(clip.trimmed_range().start_time)
    # A media's own clock may begin anywhere: its available range says where.
    zero = to_seconds(media.available_range.start_time) if media.available_range is not None else Fraction(0)
    start = round(placed.start * SAMPLE_RATE)
    model = _model_of(clip)
    known = catalogue.get(model)
    return MixSource(
        f"A{number}",
        name,
        path,
        start,
        round((placed.start + placed.length) * SAMPLE_RATE) - start,
        offset=round((begins - zero) * SAMPLE_RATE),
        kind=kind_of_task(known.task) if known else None,
        kind_from="model",
        track=model or placed.track.name,
    )


def _model_of(clip: Any) -> str:
    """Return the model of a take that Tracklay laid; empty for other clips."""
    metadata = clip.metadata.get(METADATA_KEY, {})
    return str(metadata.get("model", "")) if hasattr(metadata, "get") else ""
