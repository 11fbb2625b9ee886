"""A media file, or a sequence of images, as a timeline: one cue, from its first frame on, at its own frame rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic_io import temp_dir
from ..cue import Cue, Picture
from ..errors import InvalidInput
from ..media import image_sequence
from ..media.decoder import ImageSequenceSource
from ..media.encoder import encode_movie
from ..media.film.mux import choose_container, mux_takes
from ..media.frame_timing.file_timecode import first_timecode_frame, is_drop_frame, timecode_rate
from ..media.marks import mark_of_film
from ..media.marks.credentials import has_credentials
from ..media.probe import MediaInfo, VideoStream, probe_video
from ..timing import Span, TimeError, TimeMap, is_timecode, parse_time
from .base import Timeline, empty_range_error, invalid_point_error

if TYPE_CHECKING:
    from ..cancellation import CancelToken
    from ..cue import Failure, Take
    from ..media.marks import XmpMark
    from ..timing import Rate


PICTURE_CREDENTIALS_NOTE = (
    "{} has Content Credentials, the copy has none: set a certificate to keep them as an ingredient"
)
"""Note of a film that is written from a signed picture without a certificate."""
TAIL_NOTE = "the copy ends with its picture: the last {:.2f} s of the music are only in {}"
"""Note of a copy whose music ends after its picture."""


@dataclass(frozen=True, slots=True)
class MediaFile(Timeline):
    """A media file, or the images of a folder or a pattern, that was probed. `images` are the file names; empty for a media file."""

    path: Path
    media: MediaInfo
    video: VideoStream
    images: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: Path) -> MediaFile:
        """Open a file, a folder of images or a pattern (`shot.%04d.png`, `shot.####.exr`); images play at 24 frames per second.

        Raises:
            InvalidInput: the path is none of these, or has no picture.
        """
        if path.is_dir() or image_sequence.is_sequence_pattern(path):
            return cls._open_image_sequence(path)
        media, video = probe_video(path)
        if video.frames < 1:
            raise InvalidInput("timeline.no_frames", "Video stream has no frames: {path}.", path=path)
        return cls(path, media, video)

    @classmethod
    def _open_image_sequence(cls, path: Path) -> MediaFile:
        folder, names = image_sequence.find_sequence(path)
        rate = image_sequence.DEFAULT_SEQUENCE_RATE
        video = VideoStream(
            "h264",  # the codec that `_write` encodes them with: it decides on the container
            (0, 0),
            rate,
            rate.seconds(1),
            Fraction(0),
            has_alpha=True,
            is_progressive=True,
            is_still=len(names) == 1,
            has_index=True,
            can_seek=True,
            has_pts=True,
            is_counted=False,
            runs_on=False,
            timecode="",
            end=rate.seconds(len(names)),
            is_variable=False,
        )
        return cls(path, MediaInfo(folder, "images", video, ()), video, names)

    @property
    def stem(self) -> str:
        """The file's name without suffix; of images, the name that their numbers follow."""
        return image_sequence.sequence_stem(self.path) if self.images else self.path.stem

    @property
    def rate(self) -> Rate:
        """The frame rate of the picture; 24 for images."""
        return self.video.rate

    def span(self, in_point: str | None, out_point: str | None) -> Span:
        """Return the span between two points as the user writes them; all of the file by default.

        Raises:
            InvalidInput: a point is not a time or is past the end, or nothing is between them.
        """
        rate, frames = self.video.rate, self.video.frames
        points = []
        for name, text, default in (("in", in_point, 0), ("out", out_point, frames)):
            try:
                points.append(default if text is None else self.frame_of_time(text))
            except TimeError as error:
                raise invalid_point_error(name, error) from None
            if points[-1] > frames:
                raise InvalidInput(
                    "timeline.point_past_end",
                    "The {name} point is past the end of {picture}: {text}. It has {frames} frames ({seconds:.2f} s).",
                    name=name,
                    picture=self.path.name,
                    text=text,
                    frames=frames,
                    seconds=float(rate.seconds(frames)),
                )
        start, end = points
        if end <= start:
            raise empty_range_error(start, end, rate)
        return Span(start, end - start, rate)

    @property
    def timecode_start(self) -> int:
        """The file's own timecode of its first frame, in frames; 0 if it has none."""
        return round(first_timecode_frame(self.path, self.video, self.rate) or 0) if self.video.timecode else 0

    @property
    def drop_frame(self) -> bool | None:
        """True if the file's own timecode counts in drop-frame, False if it does not, None if it has none or its rate has none."""
        has_timecode = bool(self.video.timecode) and self.rate.has_drop_frame
        return is_drop_frame(self.video.timecode) if has_timecode else None

    def frame_of_time(self, text: str) -> int:
        """Return the frame of a time, counted from the file's first frame.

        A timecode is read at the rate that the file's own timecode counts at: 30 frames a second in many files at 59.94. It counts from
        the first frame, unless only the file's own timecode makes it lie within the file. Then it skips numbers as the file does
        (drop-frame), however it is written.
        """
        if not is_timecode(text):
            return parse_time(text, self.rate)
        counting = timecode_rate(self.path, self.video) if self.video.timecode else self.rate
        frame = self._picture_frame(parse_time(text, counting), counting)
        if frame <= self.video.frames:
            return frame
        if counting.has_drop_frame and is_drop_frame(self.video.timecode):
            text = text.replace(":", ";")
        from_own_timecode = self._picture_frame(parse_time(text, counting), counting) - self.timecode_start
        return from_own_timecode if 0 <= from_own_timecode <= self.video.frames else frame

    def _picture_frame(self, timecode_frames: int, counting: Rate) -> int:
        """Return the frame of the picture that a number of timecode frames reaches."""
        return round(Fraction(timecode_frames * self.rate.nominal_fps, counting.nominal_fps))

    def spot(self, cue_id: str, span: Span, **cue_fields: Any) -> Cue:
        """Return a cue for a span. `cue_fields` are fields of Cue: model, prompt, negative, seed, takes, params.

        Raises:
            InvalidInput: an image of the span is missing.
        """
        image_sequence.check_images(self.media.path, self.images[span.start : span.end])
        time_map = TimeMap.linear(span, span.start_seconds)
        # Of frames that are not equally far apart the start of the file has another rate than the whole.
        rate = self.video.rate if self.images or self.video.is_variable else None
        source = self.media.path if self.images else self.path
        picture = Picture(source, time_map, self.images, rate)
        return Cue(cue_id, span, picture, timecode_start=self.timecode_start, drop_frame=self.drop_frame, **cue_fields)

    def cues(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **cue_fields: Any
    ) -> list[Cue]:
        """Return one cue, for the span between the points."""
        if only:
            raise InvalidInput(
                "timeline.no_named_clips", "Only a timeline has clips to choose by name: {path}.", path=self.path
            )
        return [self.spot("1", self.span(in_point, out_point), **cue_fields)]

    def joined_cue(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **cue_fields: Any
    ) -> Cue:
        """Return the cue for the span between the points: there are no cuts that the timeline knows of."""
        return self.cues(in_point, out_point, only=only, **cue_fields)[0]

    def laid_path(self, folder: Path) -> Path:
        """Return the path of the copy with sound, in a container that its video codec allows."""
        return folder / f"{self.output_stem(folder)}.tracklay.{choose_container(self.media, self.video)}"

    def _write(
        self,
        takes: Sequence[Take],
        failed: Sequence[Failure],  # noqa: ARG002 - a movie cannot hold them
        target: Path,
        *,
        drop_original: bool,
        cancel_token: CancelToken | None,
    ) -> Sequence[Failure | str]:
        # Reversed, so that the first take of each cue is the one that remains.
        firsts = {take.cue.id: take for take in reversed(takes)}
        placed = [(take.file, take.cue.span.start_seconds) for take in firsts.values()]
        mark = mark_of_film((take.source_type, take.cue.model) for take in firsts.values())
        past_end = [note for take in firsts.values() if (note := self._past_end_note(take))]
        notes = self.write_film(placed, target, mark=mark, drop_original=drop_original, cancel_token=cancel_token)
        signed = [self.media.path] if has_credentials(self.media.path) and not has_credentials(target) else []
        return [*notes, *(PICTURE_CREDENTIALS_NOTE.format(path.name) for path in signed), *past_end]

    def write_film(
        self,
        placed: Sequence[tuple[Path, Fraction]],
        target: Path,
        *,
        mark: XmpMark | None = None,
        drop_original: bool = False,
        layout: str = "stereo",
        cancel_token: CancelToken | None = None,
    ) -> tuple[str, ...]:
        """Write the picture with sounds under it, each at its start in seconds, and return notes. Raises as `mux_takes`."""
        if not self.images:
            return mux_takes(
                self.media,
                self.video,
                placed,
                target,
                mark=mark,
                drop_original=drop_original,
                layout=layout,
                cancel_token=cancel_token,
            )
        # Images have no stream to copy: they are encoded once, to a movie that then takes the sound like any other.
        with temp_dir(target.parent) as work:
            movie = work / "movie.mp4"
            source = ImageSequenceSource(self.media.path, self.images, self.video.rate, work / "images.txt")
            encode_movie(source, self.video.end, movie, cancel_token=cancel_token)
            film = probe_video(movie, cancel_token=cancel_token)
            notes = mux_takes(*film, placed, target, mark=mark, layout=layout, cancel_token=cancel_token)
            return (*notes, *image_sequence.held_images_notes(source.held_images))

    def _past_end_note(self, take: Take) -> str:
        """Return a note about music that ends after the picture; empty if it does not. The copy keeps the picture's length."""
        frames = take.cue.sound_span.end - self.video.frames
        if not take.cue.tail or frames <= 0:
            return ""
        return TAIL_NOTE.format(float(self.rate.seconds(frames)), take.file.name)
