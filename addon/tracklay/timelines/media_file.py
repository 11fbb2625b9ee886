"""One media file, or a sequence of images, as a timeline: its picture from its first frame on, at its own rate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..atomic_io import temp_dir
from ..cue import Cue, Picture
from ..errors import InvalidInput
from ..media import image_sequence
from ..media.mux import choose_container, mux_takes
from ..media.probe import MediaInfo, VideoStream, probe_video
from ..timing import Span, TimeMap, format_timecode, parse_time
from .base import Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..cue import Failure, Take
    from ..media.ffmpeg import CancelToken
    from ..timing import Rate


@dataclass(frozen=True, slots=True)
class MediaFile(Timeline):
    """A media file, or the images of a folder or a pattern, that was looked at."""

    path: Path
    media: MediaInfo
    video: VideoStream
    images: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: Path) -> MediaFile:
        """Look at a file, a folder of images or a pattern (`shot.%04d.png`, `shot.####.exr`); images play at 24 a second.

        Raises:
            BadInput: it is none of these, has no picture, or an image is missing.
        """
        if path.is_dir() or image_sequence.is_sequence_pattern(path):
            return cls._open_image_sequence(path)
        media, video = probe_video(path)
        if video.frames < 1:
            raise InvalidInput(f"{path} has no picture: its video stream holds no frames")
        return cls(path, media, video)

    @classmethod
    def _open_image_sequence(cls, path: Path) -> MediaFile:
        folder, names = image_sequence.find_sequence(path)
        rate = image_sequence.DEFAULT_SEQUENCE_RATE
        video = VideoStream(
            "h264",  # what they become where they are laid under
            (0, 0),
            rate,
            rate.seconds(1),
            Fraction(0),
            has_alpha=True,
            is_progressive=True,
            is_still=len(names) == 1,
            has_index=True,
            timecode="",
            end=rate.seconds(len(names)),
        )
        return cls(path, MediaInfo(folder, "images", video, ()), video, names)

    @property
    def stem(self) -> str:
        """What the names of files made of it begin with."""
        return image_sequence.sequence_stem(self.path) if self.images else self.path.stem

    @property
    def rate(self) -> Rate:
        """The picture's frames a second; 24 of images."""
        return self.video.rate

    def span(self, in_point: str | None, out_point: str | None) -> Span:
        """The span between two points as a person writes them; all of it by default.

        Raises:
            BadInput: a point is no time, lies outside the picture, or nothing is between them.
        """
        rate, frames = self.video.rate, self.video.frames
        points = []
        for option, text, default in (("--in", in_point, 0), ("--out", out_point, frames)):
            try:
                points.append(default if text is None else parse_time(text, rate))
            except ValueError as error:
                raise InvalidInput(f"{option} {error}") from None
            if points[-1] > frames:
                raise InvalidInput(
                    f"{option} {text} lies past the end of {self.path.name}, which has {frames} frames "
                    f"({float(rate.seconds(frames)):.2f} s): choose an earlier point"
                )
        start, end = points
        if end <= start:
            raise InvalidInput(
                f"nothing lies between --in {format_timecode(start, rate)} and --out {format_timecode(end, rate)}: --out must be later"
            )
        return Span(start, end - start, rate)

    def spot(self, cue_id: str, span: Span, **cue_fields: Any) -> Cue:
        """A cue under a span. `cue_fields` are the Cue's own fields: model, prompt, negative, seed, takes, params."""
        plays = TimeMap.linear(span, span.start_seconds)
        seen = (
            Picture(self.media.path, plays, self.images, self.video.rate) if self.images else Picture(self.path, plays)
        )
        return Cue(cue_id, span, seen, **cue_fields)

    def cues(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **cue_fields: Any
    ) -> list[Cue]:
        """One cue, under the span between the points."""
        if only:
            raise InvalidInput(
                f"{self.path.name} is one clip: leave --only out, and say which part with --in and --out"
            )
        return [self.spot("1", self.span(in_point, out_point), **cue_fields)]

    def laid_path(self, folder: Path) -> Path:
        """The picture with sound that a run writes."""
        return folder / f"{self.stem}.tracklay.{choose_container(self.video)}"

    def _write(
        self,
        takes: Sequence[Take],
        failed: Sequence[Failure],  # noqa: ARG002 - a movie has no place for what failed
        target: Path,
        *,
        drop_original: bool,
        cancel_token: CancelToken | None,
    ) -> None:
        firsts = {take.cue.id: take for take in reversed(takes)}
        placed = [(take.file, take.cue.span.start_seconds) for take in firsts.values()]
        if not self.images:
            mux_takes(self.media, self.video, placed, target, drop_original=drop_original, cancel_token=cancel_token)
            return
        with temp_dir(target.parent) as work:
            movie = work / "movie.mp4"
            image_sequence.encode_sequence(
                self.media.path, self.images, self.video.rate, movie, work, cancel_token=cancel_token
            )
            mux_takes(*probe_video(movie, cancel_token=cancel_token), placed, target, cancel_token=cancel_token)
