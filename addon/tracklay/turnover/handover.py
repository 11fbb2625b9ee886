"""The finished tracks of a turnover, with the media files that were written for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..cue import SAMPLE_RATE
from ..mix.gain_curve import UNITY, GainCurve
from ..timing import format_timecode

if TYPE_CHECKING:
    from .session import Role, SessionMark, TurnoverSession


@dataclass(frozen=True, slots=True)
class TurnoverMedia:
    """A 24-bit WAV at `SAMPLE_RATE` that was written for the turnover.

    Attributes:
        name: its path from the folder of the turnover, with slashes.
        file: where it is now. It is moved to its place with the finished turnover.
        channels: number of channels.
        samples: its length.
        time_reference: its first sample, counted from timecode zero, as its bext chunk has it.
    """

    name: str
    file: Path
    channels: int
    samples: int
    time_reference: int


@dataclass(frozen=True, slots=True)
class HandoverTake:
    """A media file that plays in a clip from `source_in` on."""

    name: str
    media: TurnoverMedia
    source_in: int


@dataclass(frozen=True, slots=True)
class HandoverClip:
    """A clip of a track. Fields as of `SessionClip`; `takes` begins with the one that plays."""

    takes: tuple[HandoverTake, ...]
    start: int
    samples: int
    gain: GainCurve = UNITY
    fade_in: int = 0
    fade_out: int = 0
    comment: str = ""

    @property
    def name(self) -> str:
        """The name of the take that plays."""
        return self.takes[0].name

    @property
    def media(self) -> TurnoverMedia:
        """The file that plays."""
        return self.takes[0].media

    @property
    def source_in(self) -> int:
        """Its first sample in the file."""
        return self.takes[0].source_in

    @property
    def stop(self) -> int:
        """The first sample after it."""
        return self.start + self.samples

    @property
    def whole_gain(self) -> GainCurve:
        """The gain with the fades in it, in samples from the clip's start: for formats without fades."""
        curve = self.gain
        if self.fade_in:
            curve = curve.times(GainCurve(((0, 0.0), (self.fade_in, 1.0))))
        if self.fade_out:
            curve = curve.times(GainCurve(((self.samples - self.fade_out, 1.0), (self.samples, 0.0))))
        return curve.within(0, self.samples)


@dataclass(frozen=True, slots=True)
class HandoverTrack:
    """A track: its name, its role, and its clips in the order of time, none of which overlaps another."""

    name: str
    role: Role
    clips: tuple[HandoverClip, ...]

    @property
    def channels(self) -> int:
        """The most channels of one of its files."""
        return max(clip.media.channels for clip in self.clips)


@dataclass(frozen=True, slots=True)
class Handover:
    """A session with its media, ready to be written.

    Attributes:
        session: the session that it was made from: name, rate, start, marks.
        tracks: its tracks.
        folder: the absolute folder in which everything will be.
        is_absolute: write absolute paths.
        embeds: write the sound into the file, where the format can.
        plain_paths: write paths where the format has URLs, if it allows both.
        notes: what the user should know.
    """

    session: TurnoverSession
    tracks: tuple[HandoverTrack, ...]
    folder: Path
    is_absolute: bool = False
    embeds: bool = False
    plain_paths: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def samples(self) -> int:
        """Its length: to the end of its last sound or region."""
        ends = [clip.stop for track in self.tracks for clip in track.clips]
        return max([*ends, *(mark.start + mark.samples for mark in self.session.marks)])

    @property
    def marks(self) -> tuple[SessionMark, ...]:
        """Its markers and regions in the order of time."""
        return tuple(sorted(self.session.marks, key=lambda mark: mark.start))

    def media_path(self, media: TurnoverMedia) -> str:
        """Return the path of a media file as a session refers to it."""
        return str(self.folder / PurePosixPath(media.name)) if self.is_absolute else media.name

    def media_url(self, media: TurnoverMedia, *, is_absolute: bool | None = None) -> str:
        """Return the URL of a media file; a relative one has no scheme."""
        absolute = self.is_absolute if is_absolute is None else is_absolute
        return (self.folder / PurePosixPath(media.name)).as_uri() if absolute else quote(media.name)

    def frames(self, samples: int) -> int | Fraction:
        """Return samples as frames: a whole number if that frame begins on this sample, else the exact fraction."""
        exact = samples * self.session.rate.fps / SAMPLE_RATE
        nearest = round(exact)
        return nearest if self.session.rate.samples(nearest, SAMPLE_RATE) == samples else exact

    def timecode(self, samples_from_zero: int) -> str:
        """Return the timecode of a sample that is counted from timecode zero, to the nearest frame."""
        frame = round(samples_from_zero * self.session.rate.fps / SAMPLE_RATE)
        return format_timecode(frame, self.session.rate, drop_frame=self.session.drop_frame)

    def timeline_sample(self, sample: int) -> int:
        """Return a sample of the session counted from timecode zero."""
        return self.session.start_sample + sample


def one_line(text: Any) -> str:
    """Return a text as one line without control characters, as all formats can hold it."""
    return " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
