"""OTIO's media references as pictures: where the files are, and which of their seconds is meant by a clip's own clock."""

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
from ...media.probe import VideoHeader, probe_video, read_video_header
from ...timing import Rate, parse_time
from .visibility import rate_from_fps, to_seconds

if TYPE_CHECKING:
    from .visibility import VisibleShot

NTSC_FACTOR = Fraction(1001, 1000)
"""How far 24000/1001 is from 24: programs count one by the other's name."""

_SCHEME_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""A URL's beginning; one letter and a colon is a drive."""


@dataclass(frozen=True, slots=True)
class MediaSource:
    """What a clip's media is.

    `first_frame_time` is the time on the clip's own clock that the first frame has, `clock_ratio` how many seconds of the file are one of that clock
    (1, unless a file of 24000/1001 is counted by 24). `error` says why it cannot be read.
    """

    path: Path
    first_frame_time: Fraction = Fraction(0)
    clock_ratio: Fraction = Fraction(1)
    images: tuple[str, ...] = ()
    rate: Rate | None = None
    error: str = ""


def resolve_media_path(url: str, folder: Path) -> Path:
    """The file that a reference's `target_url` names: a `file:` URL, a path, or either of them relative to the timeline's folder.

    Programs write paths where URLs should be: a per cent sign is an escape where no file has it in its name.

    Raises:
        BadInput: it is the URL of something that is no file.
    """
    if _SCHEME_PATTERN.match(url):
        parts = urlsplit(url)
        if parts.scheme.lower() != "file":
            raise InvalidInput(f"{url} is no file: fetch it, and relink the clip")
        host = "" if parts.netloc in ("", "localhost") else f"//{parts.netloc}"
        named = (
            f"{host}{parts.path}"
            + (f"?{parts.query}" if parts.query else "")
            + (f"#{parts.fragment}" if parts.fragment else "")
        )
        plain, escaped = Path(url2pathname(named)), Path(named)
    else:
        plain, escaped = Path(unquote(url)), Path(url)
    found = (folder / escaped, folder / plain)
    return next((path for path in found if path.exists()), found[1])


class MediaResolver:
    """The media of a timeline's clips; each file is looked at once."""

    def __init__(self) -> None:
        self._heads: dict[Path, VideoHeader | str] = {}

    def read_head(self, path: Path) -> VideoHeader | str:
        """What a file's beginning says, or why it cannot be read."""
        if path not in self._heads:
            try:
                self._heads[path] = read_video_header(path)
            except TracklayError as error:
                self._heads[path] = str(error)
        return self._heads[path]

    def media_duration(self, reference: Any, folder: Path) -> Fraction | None:
        """How many seconds a media file lasts; None where it cannot be read."""
        try:
            if isinstance(reference, otio.schema.ExternalReference):
                _, video = probe_video(resolve_media_path(reference.target_url, folder))
                return video.end - video.start
        except TracklayError:
            pass
        return None

    def resolve_source(self, shot: VisibleShot) -> MediaSource:
        """A shot's source."""
        reference, name = shot.clip.media_reference, shot.clip.name or "a clip"
        if shot.error:
            return MediaSource(shot.folder / name, error=shot.error)
        try:
            if isinstance(reference, otio.schema.ImageSequenceReference):
                return self._image_sequence_source(reference, shot)
            if isinstance(reference, otio.schema.ExternalReference):
                return self._file_source(reference, shot, name)
        except InvalidInput as error:
            return MediaSource(shot.folder / name, error=f"{name}: {error}")
        what = "is offline" if isinstance(reference, otio.schema.MissingReference) else "has media of an unknown kind"
        return MediaSource(
            shot.folder / name, error=f"{name} {what}: relink it in your editor, and export the timeline again"
        )

    def _file_source(self, reference: Any, shot: VisibleShot, name: str) -> MediaSource:
        path = resolve_media_path(reference.target_url, shot.folder)
        told = self.read_head(path)
        if isinstance(told, str):
            return MediaSource(path, error=f"{name}: {told}")
        counted = _clip_rate(shot.clip)
        pace = counted.fps / told.rate.fps
        if counted == told.rate or pace not in (NTSC_FACTOR, 1 / NTSC_FACTOR):
            pace = Fraction(1)
        return MediaSource(path, _first_frame_time(shot, told, counted), pace)

    def _image_sequence_source(self, reference: Any, shot: VisibleShot) -> MediaSource:
        if reference.available_range is None:
            raise InvalidInput("its images have no range: export the timeline again")
        folder = resolve_media_path(reference.target_url_base or ".", shot.folder)
        step = max(1, reference.frame_step)
        rate = Rate(rate_from_fps(reference.rate).fps / step)
        count = rate.frames(to_seconds(reference.available_range.duration))
        pad = reference.frame_zero_padding
        names = [
            f"{reference.name_prefix}{number:0{pad}d}{reference.name_suffix}"
            for number in range(reference.start_frame, reference.start_frame + count * step, step)
        ]
        zero = to_seconds(reference.available_range.start_time)
        ends = sorted((shot.clip_time, shot.clip_time + (shot.end - shot.start) * shot.speed))
        first = min(max(0, int((ends[0] - zero) * rate.fps)), max(0, count - 1))
        last = min(max(first, -int(-(ends[1] - zero) * rate.fps // 1) - 1), max(0, count - 1))
        hold = reference.missing_frame_policy == otio.schema.ImageSequenceReference.MissingFramePolicy.hold
        for index in range(first, last + 1):
            if not (folder / names[index]).is_file():
                if not hold or index == 0:
                    raise InvalidInput(f"{folder / names[index]} does not exist: render it, or relink the clip")
                names[index] = names[index - 1]
        return MediaSource(folder, zero, Fraction(1), tuple(names), rate)


def _clip_rate(clip: Any) -> Rate:
    """The rate that a clip's own clock is counted by."""
    if clip.source_range is not None:
        return rate_from_fps(clip.source_range.start_time.rate)
    return rate_from_fps(clip.media_reference.available_range.start_time.rate)


def _first_frame_time(shot: VisibleShot, file_head: VideoHeader, clip_rate: Rate) -> Fraction:
    """The time of a file's first frame on the clip's clock: as its available range says, or the file's own time code, or 0.

    Some programs write neither range nor start, and count by the time code that the file carries; some write a range from 0 and
    count by the time code all the same.
    """
    has = shot.clip.media_reference.available_range
    begins = min(shot.clip_time, shot.clip_time + (shot.end - shot.start) * shot.speed)
    if has is not None:
        start, length = to_seconds(has.start_time), to_seconds(has.duration)
        if start <= begins and (begins < start + length or not length):
            return start
    if file_head.timecode:
        try:
            stamped = clip_rate.seconds(parse_time(file_head.timecode.replace(".", ";"), file_head.rate))
        except ValueError:
            stamped = Fraction(-1)
        if 0 <= stamped <= begins:
            return stamped
    return Fraction(0) if has is None else to_seconds(has.start_time)
