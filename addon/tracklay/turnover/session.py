"""The session that is handed over: clips on a timeline in samples, with gains, fades, other takes, markers and regions.

Positions and lengths are samples at `SAMPLE_RATE`, from the session's first frame. Every reader builds this, every format writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

from ..cue import SAMPLE_RATE
from ..mix.gain_curve import UNITY, GainCurve
from ..timing import Rate

Role = Literal["Dialogue", "Foley", "Effects", "Music", "Ambience"]
"""What a sound is in the mixing room: the name of its track."""

ROLES: tuple[Role, ...] = get_args(Role)
"""In the order of their tracks."""

ROLE_OF_TASK: Mapping[str, Role] = {"foley": "Foley", "effect": "Effects", "music": "Music"}
"""The role of a take by its model's task."""

ROLE_OF_KIND: Mapping[str, Role] = {
    "dialogue": "Dialogue",
    "effects": "Effects",
    "music": "Music",
    "ambience": "Ambience",
}
"""The role of a sound by its kind in a mix."""


@dataclass(frozen=True, slots=True)
class OtherTake:
    """A take that could play in place of a clip: the same cue and model, another seed. `source_in` is its first sample in its file."""

    name: str
    file: Path
    source_in: int = 0


@dataclass(frozen=True, slots=True)
class SessionClip:
    """A sound on the timeline.

    Attributes:
        name: what it is called.
        role: the kind of its track.
        file: its file.
        start: its first sample on the timeline.
        samples: its length.
        source_in: the sample of the file at which it begins.
        stream: number of the audio stream among all streams of the file; None: the first audio stream.
        zero: time of the file's sample 0 on its own clock, in seconds; None: of its first picture, 0 without one.
        gain: its gain over its samples, counted from its start, without the fades.
        fade_in: length of the fade at its start, in which the gain rises in a straight line from 0.
        fade_out: the same for its end.
        takes: what could play in its place.
        comment: a line about it: model, prompt.
        is_whole: hand over its whole file and not a part of it: what its model made beyond the clip are its handles.
    """

    name: str
    role: Role
    file: Path
    start: int
    samples: int
    source_in: int = 0
    stream: int | None = None
    zero: Fraction | None = Fraction(0)
    gain: GainCurve = UNITY
    fade_in: int = 0
    fade_out: int = 0
    takes: tuple[OtherTake, ...] = ()
    comment: str = ""
    is_whole: bool = False

    @property
    def stop(self) -> int:
        """The first sample after it."""
        return self.start + self.samples


@dataclass(frozen=True, slots=True)
class SessionMark:
    """A marker, or with a length a region."""

    name: str
    start: int
    samples: int = 0
    comment: str = ""


@dataclass(frozen=True, slots=True)
class UsedTake:
    """A take that plays: its first sample and its length on the timeline, and its manifest entry."""

    start: int
    samples: int
    entry: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TurnoverSession:
    """The sounds of one timeline.

    Attributes:
        name: its name, the first part of the names of all files.
        rate: frame rate.
        start_frame: the frame of its first sample, counted from timecode zero.
        drop_frame: True if its timecode is drop-frame.
        clips: the sounds, in any order.
        marks: markers and regions.
        notes: what the user should know.
        takes: the takes that play, for a cue sheet; empty where the report writes it from the manifest.
    """

    name: str
    rate: Rate
    start_frame: int
    clips: tuple[SessionClip, ...]
    drop_frame: bool = False
    marks: tuple[SessionMark, ...] = ()
    notes: tuple[str, ...] = field(default=())
    takes: tuple[UsedTake, ...] = ()

    @property
    def start_sample(self) -> int:
        """Its first sample, counted from timecode zero."""
        return self.rate.samples(self.start_frame, SAMPLE_RATE)

    def to_dict(self) -> dict[str, Any]:
        """Return the session as JSON holds it: Blender replies with it."""
        return {
            "name": self.name,
            "rate": str(self.rate),
            "start_frame": self.start_frame,
            "drop_frame": self.drop_frame,
            "clips": [_clip_to_dict(clip) for clip in self.clips],
            "marks": [[mark.name, mark.start, mark.samples, mark.comment] for mark in self.marks],
            "notes": list(self.notes),
            "takes": [[used.start, used.samples, dict(used.entry)] for used in self.takes],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TurnoverSession:
        """Rebuild the session from `to_dict`."""
        return cls(
            data["name"],
            Rate.from_value(data["rate"]),
            data["start_frame"],
            tuple(_clip_from_dict(each) for each in data["clips"]),
            data["drop_frame"],
            tuple(SessionMark(*each) for each in data["marks"]),
            tuple(data["notes"]),
            tuple(UsedTake(*each) for each in data["takes"]),
        )


def _clip_to_dict(clip: SessionClip) -> dict[str, Any]:
    names = (
        "name", "role", "start", "samples", "source_in", "stream", "fade_in", "fade_out", "comment", "is_whole",
    )  # fmt: skip
    return {name: getattr(clip, name) for name in names} | {
        "file": str(clip.file),
        "zero": None if clip.zero is None else str(clip.zero),
        "gain": clip.gain.to_list(),
        "takes": [[take.name, str(take.file), take.source_in] for take in clip.takes],
    }


def _clip_from_dict(data: Mapping[str, Any]) -> SessionClip:
    return SessionClip(
        **{
            **data,
            "file": Path(data["file"]),
            "zero": None if data["zero"] is None else Fraction(data["zero"]),
            "gain": GainCurve.from_list(data["gain"]),
            "takes": tuple(OtherTake(name, Path(file), source_in) for name, file, source_in in data["takes"]),
        }
    )


def with_gain(clip: SessionClip, curve: GainCurve) -> SessionClip:
    """Return a clip with a gain curve, given in samples from its start: straight rises from silence at its ends become its fades.

    Together they are the same gain at each sample: a fade is a straight line from 0, so the curve without it keeps the level that the
    line reaches.
    """
    points = list(curve.within(0, clip.samples).points)
    fade_in = fade_out = 0
    if len(points) > 1 and points[0][1] == 0 < points[1][1]:
        fade_in = points[1][0] - points[0][0]
        points[0] = (points[0][0], points[1][1])
    if len(points) > 1 and points[-1][1] == 0 < points[-2][1]:
        fade_out = points[-1][0] - points[-2][0]
        points[-1] = (points[-1][0], points[-2][1])
    gain = GainCurve(tuple(points)).simplified()
    return replace(clip, gain=gain, fade_in=fade_in, fade_out=fade_out)


def pack_rows(clips: Sequence[SessionClip]) -> list[list[SessionClip]]:
    """Distribute clips over as few rows as possible, so that none overlaps another in its row."""
    rows: list[list[SessionClip]] = []
    for clip in sorted(clips, key=lambda each: (each.start, each.stop)):
        row = next((row for row in rows if row[-1].stop <= clip.start), None)
        if row is None:
            rows.append(row := [])
        row.append(clip)
    return rows
