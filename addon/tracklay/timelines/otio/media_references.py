"""OTIO's media references as picture sources: the files they name, and which second of a file a clip's own clock means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import opentimelineio as otio

from ...errors import InvalidInput, TracklayError
from ...media.frame_timing.file_timecode import first_timecode_frame
from ...media.probe import VideoHeader, probe_video, read_video_header
from ...timing import Rate
from .exact_numbers import rate_from_fps, to_seconds

if TYPE_CHECKING:
    from .visibility import VisibleShot

NTSC_FACTOR = Fraction(1001, 1000)
"""The ratio of 24 to 24000/1001: programs write one of these rates for the other."""

MIN_TIMECODE_FPS = 5
"""Frames per second below which a clip's clock counts in seconds."""

_SCHEME_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""The start of a URL. At least two letters: one letter and a colon is a Windows drive."""


@dataclass(frozen=True, slots=True)
class MediaSource:
    """The picture source of a clip.

    Attributes:
        path: the file, or the folder of the images.
        first_frame_time: the time of the file's first frame on the clip's own clock, in seconds.
        clock_ratio: seconds of the file per second of that clock: 1, unless a file of 24000/1001 is counted at 24.
        images: the names of the images, one for each frame; empty for a file.
        rate: the frame rate of the images.
        error: why it cannot be read; empty if it can.
    """

    path: Path
    first_frame_time: Fraction = Fraction(0)
    clock_ratio: Fraction = Fraction(1)
    images: tuple[str, ...] = ()
    rate: Rate | None = None
    error: str = ""


def resolve_media_path(url: str, folder: Path) -> Path:
    """Return the file that a reference's `target_url` names: a `file:` URL, or a path, relative to the timeline's folder or absolute.

    Raises:
        InvalidInput: it is the URL of something that is not a file.
    """
    if _SCHEME_PATTERN.match(url):
        parts = urlsplit(url)
        if parts.scheme.lower() != "file":
            raise InvalidInput(
                "otio.media_not_a_file", "Media is not a file: {url}. Download it, and relink the clip.", url=url
            )
        # A host is a Windows share. '?' and '#' separate nothing in a file's name: programs write them unescaped.
        host = "" if parts.netloc in ("", "localhost") else f"//{parts.netloc}"
        named = (
            f"{host}{parts.path}"
            + (f"?{parts.query}" if parts.query else "")
            + (f"#{parts.fragment}" if parts.fragment else "")
        )
        unescaped, literal = Path(url2pathname(named)), Path(named)
    else:
        unescaped, literal = Path(unquote(url)), Path(url)
    # Programs write plain paths where OTIO asks for URLs, so "100%25.mov" may be either. The name as written wins if there is
    # such a file.
    candidates = (folder / literal, folder / unescaped)
    return next((path for path in candidates if path.exists()), candidates[1])


class MediaResolver:
    """Finds the sources of a timeline's clips. Each file's header is read once."""

    def __init__(self) -> None:
        self._heads: dict[Path, VideoHeader | str] = {}

    def read_head(self, path: Path) -> VideoHeader | str:
        """Return a file's video header, or the message of the error that reading it raised."""
        if path not in self._heads:
            try:
                self._heads[path] = read_video_header(path)
            except TracklayError as error:
                self._heads[path] = str(error)
        return self._heads[path]

    def video_rate(self, path: Path) -> Rate | None:
        """Return the frame rate of a media file; None if it cannot be read."""
        head = self.read_head(path)
        return None if isinstance(head, str) else head.rate

    def media_duration(self, reference: Any, folder: Path) -> Fraction | None:
        """Return the length of a media file in seconds; None if it cannot be read."""
        try:
            if isinstance(reference, otio.schema.ExternalReference):
                _, video = probe_video(resolve_media_path(reference.target_url, folder))
                return video.end - video.start
        except TracklayError:
            pass
        return None

    def resolve_source(self, shot: VisibleShot) -> MediaSource:
        """Return a shot's source. An error, of this shot only, is in the source: the other shots of the timeline can be laid."""
        name = shot.clip.name or "a clip"
        if shot.error:
            return MediaSource(shot.folder / name, error=shot.error)
        try:
            return self._resolve_reference(shot, name)
        except InvalidInput as error:
            return MediaSource(shot.folder / name, error=f"{name}: {error}")

    def _resolve_reference(self, shot: VisibleShot, name: str) -> MediaSource:
        reference = shot.clip.media_reference
        if isinstance(reference, otio.schema.ImageSequenceReference):
            return self._image_sequence_source(reference, shot)
        if isinstance(reference, otio.schema.ExternalReference):
            return self._file_source(reference, shot, name)
        if isinstance(reference, otio.schema.MissingReference):
            raise InvalidInput("otio.media_offline", "Media is offline. Relink it, and export the timeline again.")
        raise InvalidInput("otio.unknown_media", "Unknown kind of media. Relink it, and export the timeline again.")

    def _file_source(self, reference: Any, shot: VisibleShot, name: str) -> MediaSource:
        path = resolve_media_path(reference.target_url, shot.folder)
        head = self.read_head(path)
        if isinstance(head, str):
            return MediaSource(path, error=f"{name}: {head}")
        clip_rate = _clip_rate(shot.clip)
        # A clip counted at 24 from a file at 24000/1001 (as EDLs do) counts the file's frames: by its own clock it would be 14
        # frames off after ten minutes. Any other difference is a conform in real time: the clocks agree.
        clock_ratio = clip_rate.fps / head.rate.fps
        if clip_rate == head.rate or clock_ratio not in (NTSC_FACTOR, 1 / NTSC_FACTOR):
            clock_ratio = Fraction(1)
        return MediaSource(path, self._first_frame_time(shot, path, head, clip_rate), clock_ratio)

    def _first_frame_time(self, shot: VisibleShot, path: Path, head: VideoHeader, clip_rate: Rate) -> Fraction:
        """Return the time of a file's first frame on the clip's clock, in seconds.

        It is the start of the available range, else the file's own timecode, else 0. Some programs write no range and count by the
        timecode in the file; some write a range from 0 and count by that timecode all the same, so that the clip lies outside
        its range: a range counts only if it contains the clip's start, a timecode only if the clip starts after it. A range that
        is too short counts if the file itself is long enough: Kdenlive writes the length in frames of the project at the rate of
        the media (`src/otio/otioexport.cpp`).
        """
        available = shot.clip.media_reference.available_range
        # Backwards, the shot's earliest time on the clip's clock is the one at its end.
        begins = min(shot.clip_time, shot.clip_time + (shot.end - shot.start) * shot.speed)
        if available is not None:
            start, length = to_seconds(available.start_time), to_seconds(available.duration)
            if start <= begins and (begins < start + length or not length):
                return start
        timecode = _timecode_seconds(path, head, clip_rate)
        counts_by_timecode = timecode is not None and timecode <= begins
        if available is None:
            return timecode if timecode is not None and counts_by_timecode else Fraction(0)
        if timecode is None or not counts_by_timecode:
            return start
        file_length = self.media_duration(shot.clip.media_reference, shot.folder)
        is_in_file = start <= begins and file_length is not None and begins < start + file_length
        return start if is_in_file else timecode

    def _image_sequence_source(self, reference: Any, shot: VisibleShot) -> MediaSource:
        if reference.available_range is None:
            raise InvalidInput("otio.images_without_range", "Image sequence has no range. Export the timeline again.")
        folder = resolve_media_path(reference.target_url_base or ".", shot.folder)
        # A step of 2 names every second number, and shows each image twice as long.
        step = max(1, reference.frame_step)
        rate = Rate(rate_from_fps(reference.rate).fps / step)
        count = rate.frames(to_seconds(reference.available_range.duration))
        pad = reference.frame_zero_padding
        names = [
            f"{reference.name_prefix}{number:0{pad}d}{reference.name_suffix}"
            for number in range(reference.start_frame, reference.start_frame + count * step, step)
        ]
        # Only images that the shot shows must exist: an unfinished render does not stop shots of its finished part.
        available_start = to_seconds(reference.available_range.start_time)
        ends = sorted((shot.clip_time, shot.clip_time + (shot.end - shot.start) * shot.speed))
        first = min(max(0, int((ends[0] - available_start) * rate.fps)), max(0, count - 1))
        # -(-x // 1) rounds up: the last image is the one before the end.
        last = min(max(first, -int(-(ends[1] - available_start) * rate.fps // 1) - 1), max(0, count - 1))
        hold = reference.missing_frame_policy == otio.schema.ImageSequenceReference.MissingFramePolicy.hold
        for index in range(first, last + 1):
            if not (folder / names[index]).is_file():
                if not hold or index == 0:
                    raise InvalidInput(
                        "otio.image_missing",
                        "Image does not exist: {path}. Render it, or relink the clip.",
                        path=folder / names[index],
                    )
                names[index] = names[index - 1]
        return MediaSource(folder, available_start, Fraction(1), tuple(names), rate)


def _clip_rate(clip: Any) -> Rate:
    """Return the rate that a clip's own clock counts at."""
    if clip.source_range is not None:
        return rate_from_fps(clip.source_range.start_time.rate)
    return rate_from_fps(clip.media_reference.available_range.start_time.rate)


def _timecode_seconds(path: Path, head: VideoHeader, clip_rate: Rate) -> Fraction | None:
    """Return a file's timecode on a clip's clock, in seconds; None if it has none."""
    if clip_rate.nominal_fps < MIN_TIMECODE_FPS:
        clip_rate = head.rate  # the clip's clock counts seconds, not frames
    frames = first_timecode_frame(path, head, clip_rate)
    return None if frames is None else clip_rate.seconds(frames)
