"""A media file as a timeline of one clip, for editors that get an `.otio`: the clip counts from the file's own timecode, as they do."""

from __future__ import annotations

from pathlib import Path

import opentimelineio as otio

from ...media.frame_timing.file_timecode import first_timecode_frame
from ...media.probe import probe_video
from .formats import TimelineText
from .track_writer import time_range


def wrap_media_file(path: Path) -> TimelineText:
    """Return a timeline that plays a media file from its first frame to its last.

    Raises:
        InvalidInput: the file has no picture, or cannot be read.
    """
    _, video = probe_video(path)
    first = round(first_timecode_frame(path, video, video.rate) or 0) if video.timecode else 0
    whole = time_range(first, video.frames, float(video.rate.fps))
    media = otio.schema.ExternalReference(str(path.absolute()), available_range=whole)
    timeline = otio.schema.Timeline(path.stem)
    clip = otio.schema.Clip(path.name, media, whole)
    timeline.tracks.append(otio.schema.Track("V1", [clip], kind=otio.schema.TrackKind.Video))
    return TimelineText(timeline.to_json_string(indent=4), timeline, path.absolute().parent)
