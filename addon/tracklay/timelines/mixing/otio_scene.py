"""The sounds of an OpenTimelineIO timeline: the clips of its audio tracks, those that Tracklay laid among them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import opentimelineio as otio

from ...cue import SAMPLE_RATE
from ...errors import InvalidInput
from ...mix.gain_curve import UNITY, GainCurve
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


_Offsets = tuple[Fraction, Fraction]

_FADE_STEPS = 12
"""Straight lines of which the fade of a transition consists: 0.1 dB from the curve."""


@dataclass(frozen=True, slots=True)
class PlacedClip:
    """A clip of an audio track.

    Attributes:
        clip, track: the objects of OpenTimelineIO.
        start: its first second on the timeline; with a transition there, its middle as the editor cut it.
        length: in seconds, without what transitions add.
        place: the numbers of the track and of the clip among the track's children.
        fade_in: the transition at its start: seconds before the cut and after it; (0, 0) without one.
        fade_out: that at its end.
    """

    clip: Any
    track: Any
    start: Fraction
    length: Fraction
    place: tuple[int, int]
    fade_in: _Offsets
    fade_out: _Offsets

    def volume(self) -> GainCurve:
        """Return the gain of its transitions: of equal power, as editing programs cross sounds by default."""
        points = [*_fade_points(self.start, self.fade_in, rising=True)]
        points += _fade_points(self.start + self.length, self.fade_out, rising=False)
        return GainCurve(tuple(points)) if points else UNITY


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
    """Yield the enabled clips of the enabled audio tracks. Transitions have no length: they lie over the cut of two clips."""
    for track_number, track in enumerate(tracks):
        if getattr(track, "kind", None) != otio.schema.TrackKind.Audio or not track.enabled:
            continue
        start = Fraction(0)
        for number, child in enumerate(track):
            if isinstance(child, otio.schema.Transition):
                continue
            length = to_seconds(child.duration())
            if isinstance(child, otio.schema.Clip) and child.enabled and length > 0:
                fades = _offsets(track, number - 1), _offsets(track, number + 1)
                yield PlacedClip(child, track, start, length, (track_number, number), *fades)
            start += length


def _offsets(track: Any, number: int) -> _Offsets:
    """Return the seconds before and after the cut of a transition; (0, 0) if this child of a track is none."""
    child = track[number] if 0 <= number < len(track) else None
    if not isinstance(child, otio.schema.Transition):
        return Fraction(0), Fraction(0)
    return to_seconds(child.in_offset), to_seconds(child.out_offset)


def _fade_points(cut: Fraction, offsets: _Offsets, *, rising: bool) -> list[tuple[int, float]]:
    """Return the points of a fade of equal power around a cut, none without one."""
    first, last = (round((cut + each) * SAMPLE_RATE) for each in (-offsets[0], offsets[1]))
    if last - first < _FADE_STEPS:
        return []
    shares = [step / _FADE_STEPS for step in range(_FADE_STEPS + 1)]
    return [
        (round(first + (last - first) * share), math.sin(math.pi / 2 * (share if rising else 1 - share)))
        for share in shares
    ]


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
    early, late = placed.fade_in[0], placed.fade_out[1]
    start = round((placed.start - early) * SAMPLE_RATE)
    model = _model_of(clip)
    known = catalogue.get(model)
    return MixSource(
        f"A{number}",
        name,
        path,
        start,
        round((placed.start + placed.length + late) * SAMPLE_RATE) - start,
        offset=round((begins - zero - early) * SAMPLE_RATE),
        kind=kind_of_task(known.task) if known else None,
        kind_from="model",
        track=model or placed.track.name,
        volume=placed.volume(),
        has_handles=True,
    )


def _model_of(clip: Any) -> str:
    """Return the model of a take that Tracklay laid; empty for other clips."""
    metadata = clip.metadata.get(METADATA_KEY, {})
    return str(metadata.get("model", "")) if hasattr(metadata, "get") else ""
