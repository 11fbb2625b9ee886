"""The mix in a copy of an OpenTimelineIO timeline: the mixed sound as a track, its stems below, the curves as markers' metadata."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import opentimelineio as otio

from ...atomic_io import atomic_write
from ...cue import SAMPLE_RATE
from ...version import VERSION
from ..otio.copy_text import relative_prefix
from ..otio.text_patch import DIGEST_PLACEHOLDER, METADATA_KEY, append_tracks, mute_audio, rebase_urls
from ..otio.track_writer import media_url, time_range

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ...mix.kinds import Kind
    from ...mix.plan import MixPlan, SoundPlan
    from ...timing import Rate
    from ..otio.formats import TimelineText

MIX_KEY = "tracklay_mix"
"""The key in a clip's or marker's metadata of what the mix did: its measures, a stem's kind, or the plan of one sound."""


def write_mixed_timeline(
    source: TimelineText, rate: Rate, plan: MixPlan, sound: Path, stems: Mapping[Kind, Path], target: Path
) -> None:
    """Write a copy of a timeline that plays the mix: its other audio tracks are disabled and stay as they are.

    The track *Tracklay mix* plays. Below it are the stems on disabled tracks: enabled together in its place they sound the same, before the
    limiter. Each stem has a marker for each of its sounds, over its span, with the gain curve in its metadata.
    """
    folder, fps = target.parent, float(rate.fps)
    frames = math.ceil(plan.samples * rate.fps / SAMPLE_RATE)
    whole = plan.to_dict()
    del whole["sounds"]
    tracks = [_build_mix_track("Tracklay mix", sound, frames, fps, folder, {MIX_KEY: whole}, audible=True)]
    for kind, path in stems.items():
        sounds = [each for each in plan.sounds if each.kind == kind]
        if not sounds:
            continue
        track = _build_mix_track(
            f"Tracklay {kind}", path, frames, fps, folder, {MIX_KEY: {"stem": kind}}, audible=False
        )
        track[0].markers.extend(_build_gain_marker(each, fps) for each in sounds)
        tracks.append(track)
    tracks[0].metadata[METADATA_KEY]["digest"] = DIGEST_PLACEHOLDER
    text = mute_audio(source.text, with_takes=True)
    text = rebase_urls(text, relative_prefix(source.base, folder))
    with atomic_write(target) as beside:
        beside.write_bytes(append_tracks(text, [track.to_json_string(indent=4) for track in tracks]).encode())


def _build_mix_track(
    name: str, file: Path, frames: int, fps: float, folder: Path, metadata: dict[str, Any], *, audible: bool
) -> Any:
    whole = time_range(0, frames, fps)
    media = otio.schema.ExternalReference(media_url(file, folder), available_range=whole)
    media.name = file.name
    track = otio.schema.Track(name, kind=otio.schema.TrackKind.Audio, metadata={METADATA_KEY: {"version": VERSION}})
    track.enabled = audible
    track.append(otio.schema.Clip(file.stem, media, whole, metadata))
    return track


def _build_gain_marker(sound: SoundPlan, fps: float) -> Any:
    first, end = (round(sample * fps / SAMPLE_RATE) for sample in (sound.start, sound.start + sound.samples))
    return otio.schema.Marker(
        f"{sound.id} {sound.name}: {sound.level_db:+.1f} dB",
        time_range(first, max(1, end - first), fps),
        otio.schema.MarkerColor.CYAN,
        {MIX_KEY: sound.to_dict()},
    )
