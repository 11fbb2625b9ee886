"""The mix in a copy of an OpenTimelineIO timeline: the mixed sound as a track, its stems below, and gains as effects of the clips."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import opentimelineio as otio

from ...atomic_io import atomic_write
from ...cue import SAMPLE_RATE
from ...mix.gain_curve import db_of_gain, gain_of_db
from ...version import VERSION
from ..otio.copy_text import relative_prefix
from ..otio.text_patch import DIGEST_PLACEHOLDER, METADATA_KEY, add_effects, append_tracks, mute_audio, rebase_urls
from ..otio.track_writer import media_url, time_range

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ...mix.kinds import Kind
    from ...mix.plan import MixPlan, SoundPlan
    from ...timing import Rate
    from ..otio.formats import TimelineText
    from .otio_scene import PlacedClip

MIX_KEY = "tracklay_mix"
"""The key in a clip's or effect's metadata of what the mix did: its measures, a stem's kind, or the plan of one sound."""

GAIN_EFFECT = "volume"
"""The name by which OpenTimelineIO's adapter for Kdenlive knows a gain. OpenTimelineIO 0.18 has no schema for one."""

_LOWEST_KEY_DB = -60.0


def write_mixed_timeline(
    source: TimelineText,
    clips: Mapping[str, PlacedClip],
    rate: Rate,
    plan: MixPlan,
    sound: Path,
    stems: Mapping[Kind, Path],
    target: Path,
) -> None:
    """Write a copy of a timeline that plays the mix: its other audio tracks are disabled.

    The track *Tracklay mix* plays. Below it are the stems on disabled tracks: enabled together in its place they sound the same, before the
    limiter. So do the timeline's own clips, which stay as they are but for one effect each, their gain.

    Args:
        source: the timeline.
        clips: the clip of each sound, by the sound's id.
        rate: the timeline's.
        plan: the mix.
        sound: the mix's file.
        stems: the stems' files.
        target: the copy.
    """
    folder, fps = target.parent, float(rate.fps)
    frames = math.ceil(plan.samples * rate.fps / SAMPLE_RATE)
    whole = plan.to_dict()
    del whole["sounds"]
    tracks = [_build_mix_track("Tracklay mix", sound, frames, fps, folder, {MIX_KEY: whole}, audible=True)]
    for kind, path in stems.items():
        if any(each.kind == kind for each in plan.sounds):
            stem = {MIX_KEY: {"stem": kind}}
            tracks.append(_build_mix_track(f"Tracklay {kind}", path, frames, fps, folder, stem, audible=False))
    tracks[0].metadata[METADATA_KEY]["digest"] = DIGEST_PLACEHOLDER
    effects = {
        clips[each.id].place: _build_gain_effect(each, clips[each.id], plan.master_db).to_json_string(indent=-1)
        for each in plan.sounds
    }
    text = mute_audio(add_effects(source.text, effects), with_takes=True)
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


def _build_gain_effect(sound: SoundPlan, placed: PlacedClip, master_db: float) -> Any:
    """Return the gain of a clip as an effect: the plan of its sound, and keys in decibels, those of the whole included.

    A key is the gain in the middle of a frame, counted as its media counts: so MLT, on which Kdenlive is built, and its adapter have keys.
    """
    clip_range, start = placed.clip.trimmed_range(), round(placed.start * SAMPLE_RATE)
    first, rate = round(clip_range.start_time.value), clip_range.start_time.rate
    last = max(0, math.ceil(clip_range.duration.value) - 1)
    curve = sound.curve.scaled(gain_of_db(master_db))

    def frame_of(sample: int) -> int:
        return int(min(max(0, math.floor((sample - start) * rate / SAMPLE_RATE)), last))

    frames = {0} if curve.is_constant else {frame_of(sample) for sample, _ in curve.points}
    keys = {}
    for frame in sorted(frames):
        middle = start + round((frame + 0.5) * SAMPLE_RATE / rate)
        keys[str(first + frame)] = f"{max(_LOWEST_KEY_DB, db_of_gain(curve.at(middle))):.2f}"
    metadata = {MIX_KEY: {**sound.to_dict(), "master_db": master_db}, "keyframes": keys}
    return otio.schema.Effect("Tracklay gain", GAIN_EFFECT, metadata)
