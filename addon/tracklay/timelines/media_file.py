"""One media file, or a sequence of images, as a timeline: its picture from its first frame on, at its own rate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..cue import Cue, Picture
from ..errors import BadInput
from ..media import image_sequence
from ..media.mux import container, join
from ..media.probe import Media, Video, picture
from ..paths import scratch
from ..timing import Span, TimeMap, parse_time, timecode
from .base import Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..cue import Failure, Take
    from ..media.ffmpeg import Stop
    from ..timing import Rate


@dataclass(frozen=True, slots=True)
class MediaFile(Timeline):
    """A media file, or the images of a folder or a pattern, that was looked at."""

    path: Path
    media: Media
    video: Video
    images: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: Path) -> MediaFile:
        """Look at a file, a folder of images or a pattern (`shot.%04d.png`, `shot.####.exr`); images play at 24 a second.

        Raises:
            BadInput: it is none of these, has no picture, or an image is missing.
        """
        if path.is_dir() or image_sequence.is_pattern(path):
            return cls._sequence(path)
        media, video = picture(path)
        if video.frames < 1:
            raise BadInput(f"{path} has no picture: its video stream holds no frames")
        return cls(path, media, video)

    @classmethod
    def _sequence(cls, path: Path) -> MediaFile:
        folder, names = image_sequence.find(path)
        rate = image_sequence.DEFAULT_RATE
        video = Video(
            "h264",  # what they become where they are laid under
            (0, 0),
            rate,
            rate.seconds(1),
            Fraction(0),
            alpha=True,
            progressive=True,
            still=len(names) == 1,
            indexed=True,
            timecode="",
            end=rate.seconds(len(names)),
        )
        return cls(path, Media(folder, "images", video, ()), video, names)

    @property
    def stem(self) -> str:
        """What the names of files made of it begin with."""
        return image_sequence.stem(self.path) if self.images else self.path.stem

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
                raise BadInput(f"{option} {error}") from None
            if points[-1] > frames:
                raise BadInput(
                    f"{option} {text} lies past the end of {self.path.name}, which has {frames} frames "
                    f"({float(rate.seconds(frames)):.2f} s): choose an earlier point"
                )
        start, end = points
        if end <= start:
            raise BadInput(
                f"nothing lies between --in {timecode(start, rate)} and --out {timecode(end, rate)}: --out must be later"
            )
        return Span(start, end - start, rate)

    def spot(self, cue_id: str, span: Span, **wanted: Any) -> Cue:
        """A cue under a span. `wanted` are the Cue's own fields: model, prompt, negative, seed, takes, params."""
        plays = TimeMap.straight(span, span.start_seconds)
        seen = (
            Picture(self.media.path, plays, self.images, self.video.rate) if self.images else Picture(self.path, plays)
        )
        return Cue(cue_id, span, seen, **wanted)

    def cues(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **wanted: Any
    ) -> list[Cue]:
        """One cue, under the span between the points."""
        if only:
            raise BadInput(f"{self.path.name} is one clip: leave --only out, and say which part with --in and --out")
        return [self.spot("1", self.span(in_point, out_point), **wanted)]

    def laid_path(self, folder: Path) -> Path:
        """The picture with sound that a run writes."""
        return folder / f"{self.stem}.tracklay.{container(self.video)}"

    def _put(
        self,
        takes: Sequence[Take],
        failed: Sequence[Failure],  # noqa: ARG002 - a movie has no place for what failed
        laid: Path,
        *,
        drop_original: bool,
        stop: Stop | None,
    ) -> None:
        firsts = {take.cue.id: take for take in reversed(takes)}
        placed = [(take.file, take.cue.span.start_seconds) for take in firsts.values()]
        if not self.images:
            join(self.media, self.video, placed, laid, drop_original=drop_original, stop=stop)
            return
        with scratch(laid.parent) as work:
            movie = work / "movie.mp4"
            image_sequence.film(self.media.path, self.images, self.video.rate, movie, work, stop=stop)
            join(*picture(movie, stop=stop), placed, laid, stop=stop)
