"""An .otio as a timeline, through OpenTimelineIO: every clip that is seen is a cue, and takes come back as audio tracks of a copy.

Which picture is seen when is `shots`', what a clip's media is `references`', how takes lie `otio_takes`'. docs/otio.md says how each
thing that a timeline may hold is understood.
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

import opentimelineio as otio

from ...cue import Cue, Picture, read_manifest
from ...errors import BadInput
from ...paths import whole
from ...timing import Rate, Span, TimeMap, parse_time, timecode
from ..base import Timeline
from . import take_tracks
from .media_references import Media, Source, located
from .text_patch import OURS, moved, muted, parsed, signed, with_tracks, without_tracks
from .visibility import Seen, Shot, rate_of, recorded, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ...cue import Failure, Take
    from ...media.ffmpeg import Stop
    from .take_tracks import Laid, Layer

SLOWEST, FASTEST = 5, 1000
"""Frames a second. What a time is counted by outside of these is no frame rate: seconds, milliseconds, samples."""

USUAL = Rate(Fraction(24))
"""Where no time in a timeline has a frame rate: OTIO's own default."""

LOOKED_AT_ONCE = 8
"""Media files whose beginnings are read at the same time."""

NAMES_TOLD = 12
"""How many names are told to a person who gave one that there is not."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What `--only` may name: a clip, or a range in seconds from the beginning, or a point (of no length) in it."""

    name: str
    start: Fraction
    end: Fraction
    clip: Any = None


class OtioFile(Timeline):
    """A timeline that was read. Its frames count from time code zero: a timeline that starts at an hour has its first frame there."""

    signs: ClassVar[bool] = True

    def __init__(self, path: Path, text: str, timeline: Any) -> None:
        self.path = path
        self._text, self._timeline = text, timeline
        self._media = Media()
        self._nested: dict[Path, Any] = {}
        self._ours = signed(text)
        self._own = self._ours and path.name.endswith(f".{OURS}.otio")

    @classmethod
    def open(cls, path: Path) -> OtioFile:
        """Read a timeline.

        Raises:
            BadInput: it is none, or cannot be understood.
        """
        return cls(path, *_read(path))

    @cached_property
    def stem(self) -> str:
        """Its name without suffix; of a timeline that Tracklay wrote, that of the one it was made from."""
        return self.path.name.removesuffix(f".{OURS}.otio") if self._own else self.path.stem

    @property
    def folder(self) -> Path:
        """Beside it; what Tracklay wrote gets more in its own folder."""
        return self.path.parent if self._own else super().folder

    @cached_property
    def _written_rate(self) -> float:
        """The rate as the timeline itself writes it: its start's, else what most clips are counted by."""
        start = self._timeline.global_start_time
        told = [] if start is None else [start.rate]
        counts: Counter[float] = Counter()
        for track in self._timeline.tracks:
            for item in _within(track):
                if item.source_range is not None:
                    counts[item.source_range.duration.rate] += 1
                elif (media := getattr(item, "media_reference", None)) and media.available_range is not None:
                    counts[media.available_range.duration.rate] += 1
        told += [rate for rate, _ in counts.most_common()]
        return next((rate for rate in told if SLOWEST <= rate <= FASTEST), float(USUAL.fps))

    @cached_property
    def rate(self) -> Rate:
        """Its frames a second."""
        return rate_of(self._written_rate)

    @cached_property
    def _zero(self) -> int:
        """The frame that it starts on."""
        start = self._timeline.global_start_time
        if start is not None:
            return self.rate.frames(seconds(start))
        taped = [begin for track in self._timeline.tracks if (begin := recorded(track))]
        return self.rate.frames(min(taped, default=Fraction(0)))

    @cached_property
    def _shots(self) -> list[tuple[str, Shot]]:
        """What is seen, with the cues' ids: the clip's name, counted where there are more of it."""
        try:
            seen = Seen(self._opened, self._media.length).shots(self._timeline.tracks, self.path.parent)
        except BadInput as error:
            raise BadInput(f"{self.path}: {error}") from error
        found, used = [], set[str]()
        for shot in seen:
            if not shot.heard or self.rate.frames(shot.end) <= self.rate.frames(shot.start):
                continue
            name = shot.clip.name or _media_name(shot.clip) or "clip"
            cue_id, count = name, 1
            while cue_id in used:
                count += 1
                cue_id = f"{name} {count}"
            used.add(cue_id)
            found.append((cue_id, shot))
        return found

    def _opened(self, reference: Any, folder: Path) -> tuple[Any, Path] | None:
        """The timeline that a clip's media is, where it is one."""
        if not isinstance(reference, otio.schema.ExternalReference):
            return None
        if not reference.target_url.lower().endswith(".otio"):
            return None
        path = located(reference.target_url, folder)
        if path not in self._nested:
            self._nested[path] = _read(path)[1]
        return self._nested[path], path.parent

    def cues(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **wanted: Any
    ) -> list[Cue]:
        """A cue for each clip that is seen, from where it is seen to where it is not; twice, where another covers its middle."""
        first, end = self._between(in_point, out_point)
        parts = list(self._parts(only))
        self._look_at([shot for _, shot in parts])
        made = []
        for cue_id, shot in parts:
            begins = max(self.rate.frames(shot.start) + self._zero, first)
            ends = min(self.rate.frames(shot.end) + self._zero, end)
            if begins < ends:
                span = Span(begins, ends - begins, self.rate)
                made.append(Cue(cue_id, span, self._picture(shot, span), **wanted))
        if not made:
            where = "" if in_point is None and out_point is None else " between --in and --out"
            raise BadInput(f"{self.path} has no picture{where}: no video clip of it is seen there")
        return made

    def _between(self, in_point: str | None, out_point: str | None) -> tuple[int, int]:
        """The frames between two points as a person writes them: time code as the timeline shows it, all else from its start."""
        length = max((self.rate.frames(shot.end) for _, shot in self._shots), default=0)
        points = []
        for option, text, default in (("--in", in_point, self._zero), ("--out", out_point, self._zero + length)):
            if text is None:
                points.append(default)
                continue
            try:
                at = parse_time(text, self.rate)
            except ValueError as error:
                raise BadInput(f"{option} {error}") from None
            at = at if ":" in text else at + self._zero
            if not self._zero <= at <= self._zero + length:
                shown = [timecode(frame, self.rate) for frame in (self._zero, self._zero + length)]
                raise BadInput(
                    f"{option} {text} lies outside of {self.path.name}, which runs from {shown[0]} to {shown[1]}"
                )
            points.append(at)
        if length and points[1] <= points[0]:
            shown = [timecode(frame, self.rate) for frame in points]
            raise BadInput(f"nothing lies between --in {shown[0]} and --out {shown[1]}: --out must be later")
        return points[0], points[1]

    def _parts(self, only: Sequence[str]) -> Iterator[tuple[str, Shot]]:
        """The shots that are meant: all, or those of a name, and what lies under a marker of that name."""
        if not only:
            yield from self._shots
            return
        marked = list(self._marked())
        known = [*dict.fromkeys([*(cue_id for cue_id, _ in self._shots), *(each.name for each in marked)])]
        for name in only:
            if name not in known and not any(shot.clip.name == name for _, shot in self._shots):
                some = ", ".join(known[:NAMES_TOLD]) + (" …" if len(known) > NAMES_TOLD else "")
                raise BadInput(f"no clip or marker of {self.path.name} is called {name!r}: there are {some}")
        chosen = [each for each in marked if each.name in only]
        for cue_id, shot in self._shots:
            if cue_id in only or shot.clip.name in only or any(_points_at(each, shot) for each in chosen):
                yield cue_id, shot
                continue
            ranges = sorted((each.start, each.end) for each in chosen if each.clip is None and each.end > each.start)
            for number, (start, end) in enumerate(_joined(ranges, shot.start, shot.end), 1):
                yield (cue_id if number == 1 else f"{cue_id}/{number}"), shot.cut(start, end)

    def _marked(self) -> Iterator[Marked]:
        """The markers of the timeline, its tracks and its clips."""
        stack = self._timeline.tracks
        begins = Fraction(0) if stack.source_range is None else seconds(stack.source_range.start_time)
        for item in (stack, *stack):
            for marker in getattr(item, "markers", ()):
                if OURS not in marker.metadata:
                    start = seconds(marker.marked_range.start_time) - begins
                    yield Marked(marker.name, start, start + self._longer(marker))
        for _, shot in self._shots:
            for marker in shot.clip.markers:
                yield Marked(marker.name, shot.start, shot.start, shot.clip)

    def _longer(self, marker: Any) -> Fraction:
        """How long a marker is; one of a frame or none is a point."""
        length = seconds(marker.marked_range.duration)
        return length if self.rate.frames(length) > 1 else Fraction(0)

    def _look_at(self, shots: Sequence[Shot]) -> None:
        """Read the beginnings of all media files, side by side."""
        with ThreadPoolExecutor(LOOKED_AT_ONCE) as pool:
            paths = {path for shot in shots if (path := _file(shot)) is not None}
            list(pool.map(self._media.head, paths))

    def _picture(self, shot: Shot, span: Span) -> Picture:
        source = self._media.source(shot)
        return Picture(source.path, self._map(shot, span, source), source.images, source.rate, source.trouble)

    def _map(self, shot: Shot, span: Span, source: Source) -> TimeMap:
        """Where the source is on each frame. Backwards, a frame shows what its end would: the first frame the last of the range."""
        slope = shot.slope * source.pace
        begin = span.rate.seconds(span.start - self._zero) - shot.start
        at = (shot.at - source.zero) * source.pace + begin * slope
        if slope < 0:
            at += span.rate.seconds(1) * slope
        return TimeMap.straight(span, at, slope)

    # Laying

    def laid_path(self, folder: Path) -> Path:
        """The copy with audio tracks that a run writes."""
        return folder / f"{self.stem}.{OURS}.otio"

    def check_folder(self, folder: Path) -> None:
        """Refuse to begin where a person's own file has a name that a run would write: also one of ours that they have changed."""
        kept, laid = self.manifest_path(folder), self.laid_path(folder)
        if kept.exists():
            read_manifest(kept)
        if laid.exists() and not _signed(laid):
            raise BadInput(
                f"{laid} was not made by Tracklay, or was changed since: it is yours; give it another name, or choose another "
                "folder with --to"
            )

    def _put(
        self,
        takes: Sequence[Take],
        failed: Sequence[Failure],
        laid: Path,
        *,
        drop_original: bool,
        stop: Stop | None,  # noqa: ARG002 - it takes no time
    ) -> None:
        self.check_folder(laid.parent)
        text = without_tracks(self._text, self._ours)
        if drop_original:
            text = muted(text)
        text = moved(text, _prefix(self.path.parent, laid.parent))
        before = take_tracks.Layer()
        if laid.exists() or self._ours:
            before = self._earlier(laid if laid.exists() else self.path)
        now = take_tracks.fresh(takes, failed, self._zero, self._heard_already())
        layer = take_tracks.together(self._followed(before), now)
        text = with_tracks(text, layer.tracks(self._written_rate, laid.parent))
        with whole(laid) as beside:
            beside.write_bytes(text.encode())

    def _earlier(self, path: Path) -> Layer:
        """What Tracklay laid before, in a file that it wrote."""
        text, timeline = _read(path)
        return take_tracks.read([timeline.tracks[index] for index in signed(text)], path.parent)

    def _heard_already(self) -> list[tuple[str, str]]:
        """Takes that the person has in this timeline, taken over from an earlier one."""
        theirs = [track for index, track in enumerate(self._timeline.tracks) if index not in self._ours]
        layer = take_tracks.read([track for track in theirs if OURS in track.metadata], self.path.parent)
        return [take.key for take in layer.takes if take.heard]

    def _followed(self, layer: Layer) -> Layer:
        """Earlier takes where their picture is now; those whose picture is no longer seen stay, and say so."""
        if not layer.takes:
            return layer
        self._look_at([shot for _, shot in self._shots])
        now: dict[tuple[str, str], list[_Plays]] = {}
        for cue_id, shot in self._shots:
            source = self._media.source(shot)
            first, end = self.rate.frames(shot.start), self.rate.frames(shot.end)
            shows = self._map(shot, Span(first + self._zero, end - first, self.rate), source)
            speed = shot.slope * source.pace
            name = source.images[0] if source.images else source.path.name
            plays = _Plays(cue_id, first, end, shows.source(first + self._zero), speed * self.rate.seconds(1))
            now.setdefault((name, str(speed)), []).append(plays)
        return replace(layer, takes=[_follow(take, now) for take in layer.takes])


@dataclass(frozen=True, slots=True)
class _Plays:
    """What a cue's frames show: its source's second at the first of them, and how much later it is at each next one."""

    cue: str
    first: int
    end: int
    at: Fraction
    step: Fraction

    def where(self, begins: Fraction, frames: int) -> int | None:
        """The frame from which it shows, for so many, what begins at a source's second."""
        if not self.step:
            return self.first if self.at == begins and self.end - self.first >= frames else None
        start = self.first + (begins - self.at) / self.step
        return int(start) if start.denominator == 1 and self.first <= start and start + frames <= self.end else None


def _follow(take: Laid, now: Mapping[tuple[str, str], Sequence[_Plays]]) -> Laid:
    """A take where its picture is: under its own cue, else under the nearest that shows the same."""
    note = take.note
    stale = replace(take, stale=f"the picture that {take.file.name} was made for is no longer seen")
    try:
        begins, candidates = Fraction(note["begins"]), now.get((note["source"], note["speed"]), ())
    except (KeyError, ValueError, TypeError):
        return stale
    own = (each for each in candidates if each.cue == note.get("cue"))
    start = next((at for each in own if (at := each.where(begins, take.frames)) is not None), None)
    if start is None:
        found = [at for each in candidates if (at := each.where(begins, take.frames)) is not None]
        start = min(found, key=lambda at: abs(at - take.start), default=None)
    return stale if start is None else replace(take, start=start)


def _read(path: Path) -> tuple[str, Any]:
    """A timeline's text, and OTIO's object of it."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise BadInput(f"{path} is no .otio: it is not text in UTF-8; export it again") from None
    parsed(text, str(path))
    try:
        return text, otio.core.deserialize_json_from_string(text)
    except otio.exceptions.UnsupportedSchemaError:
        raise BadInput(
            f"{path} was written for a newer OpenTimelineIO than {otio.__version__}: install a newer one, or export it for this"
        ) from None
    except (otio.exceptions.OTIOError, ValueError, KeyError, TypeError) as error:
        told = str(error.args[0] if error.args else error).rstrip(".")
        raise BadInput(f"{path} is no timeline that OpenTimelineIO can read ({told}): export it again") from error


def _signed(path: Path) -> bool:
    try:
        return bool(signed(path.read_bytes().decode("utf-8-sig")))
    except (OSError, UnicodeDecodeError, ValueError):
        return False


def _prefix(folder: Path, target: Path) -> str:
    """What leads from one folder to another, before a relative path; nothing where they are the same, or on two drives."""
    try:
        led = os.path.relpath(folder.absolute(), target.absolute()).replace(os.sep, "/")
    except ValueError:
        return ""
    return "" if led == "." else f"{led}/"


def _within(item: Any, deep: int = 0) -> Iterator[Any]:
    """The items of a composition, at all depths that are followed, without transitions."""
    if isinstance(item, otio.schema.Track | otio.schema.Stack):
        if deep < 8 and getattr(item, "kind", "Video") == otio.schema.TrackKind.Video:
            for child in item:
                yield from _within(child, deep + 1)
    elif isinstance(item, otio.core.Item) and not isinstance(item, otio.schema.Gap):
        yield item


def _file(shot: Shot) -> Path | None:
    reference = shot.clip.media_reference
    if not isinstance(reference, otio.schema.ExternalReference):
        return None
    try:
        return located(reference.target_url, shot.folder)
    except BadInput:
        return None


def _media_name(clip: Any) -> str:
    reference = clip.media_reference
    if isinstance(reference, otio.schema.ExternalReference):
        return PurePosixPath(unquote(reference.target_url)).stem
    return str(reference.name) if reference is not None else ""


def _points_at(marked: Marked, shot: Shot) -> bool:
    """Whether a marker is a point that a shot lies under, or the shot's clip's own."""
    if marked.clip is not None:
        return marked.clip is shot.clip
    return marked.start == marked.end and shot.start <= marked.start < shot.end


def _joined(
    ranges: Sequence[tuple[Fraction, Fraction]], first: Fraction, end: Fraction
) -> Iterator[tuple[Fraction, Fraction]]:
    """Ranges as far as they lie between two times, those that touch as one."""
    at: tuple[Fraction, Fraction] | None = None
    for start, stop in ranges:
        part = max(start, first), min(stop, end)
        if part[0] >= part[1]:
            continue
        if at is not None and part[0] <= at[1]:
            at = at[0], max(at[1], part[1])
            continue
        if at is not None:
            yield at
        at = part
    if at is not None:
        yield at
