"""An .otio as a timeline, through OpenTimelineIO: every clip that is seen is a cue, and takes come back as audio tracks of a copy.

Which picture is seen when is `find_shots`', what a clip's media is `references`', how takes lie `otio_takes`'. docs/otio.md says how each
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

from ...atomic_io import atomic_write
from ...cue import Cue, Picture, read_manifest
from ...errors import InvalidInput
from ...timing import Rate, Span, TimeMap, format_timecode, parse_time
from ..base import Timeline
from . import take_tracks
from .media_references import MediaResolver, MediaSource, resolve_media_path
from .text_patch import (
    METADATA_KEY,
    append_tracks,
    find_signed_tracks,
    mute_audio,
    parse_timeline,
    rebase_urls,
    remove_tracks,
)
from .visibility import VisibleShot, VisibleShotFinder, find_record_start, rate_from_fps, to_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ...cue import Failure, Take
    from ...media.ffmpeg import CancelToken
    from .take_tracks import OtioTake, TakeTracks

MIN_FPS, MAX_FPS = 5, 1000
"""Frames a second. What a time is counted by outside of these is no frame rate: seconds, milliseconds, samples."""

DEFAULT_RATE = Rate(Fraction(24))
"""Where no time in a timeline has a frame rate: OTIO's own default."""

PROBE_THREADS = 8
"""Media files whose beginnings are read at the same time."""

MAX_LISTED_NAMES = 12
"""How many names are told to a person who gave one that there is not."""


@dataclass(frozen=True, slots=True)
class MarkedRange:
    """What `--only` may name: a clip, or a range in seconds from the beginning, or a point (of no length) in it."""

    name: str
    start: Fraction
    end: Fraction
    clip: Any = None


class OtioFile(Timeline):
    """A timeline that was read. Its frames count from time code zero: a timeline that starts at an hour has its first frame there."""

    self_identifying: ClassVar[bool] = True

    def __init__(self, path: Path, text: str, timeline: Any) -> None:
        self.path = path
        self._text, self._timeline = text, timeline
        self._media = MediaResolver()
        self._nested_timelines: dict[Path, Any] = {}
        self._tracklay_tracks = find_signed_tracks(text)
        self._is_tracklay_file = self._tracklay_tracks and path.name.endswith(f".{METADATA_KEY}.otio")

    @classmethod
    def open(cls, path: Path) -> OtioFile:
        """Read a timeline.

        Raises:
            BadInput: it is none, or cannot be understood.
        """
        return cls(path, *_read_timeline(path))

    @cached_property
    def stem(self) -> str:
        """Its name without suffix; of a timeline that Tracklay wrote, that of the one it was made from."""
        return self.path.name.removesuffix(f".{METADATA_KEY}.otio") if self._is_tracklay_file else self.path.stem

    @property
    def folder(self) -> Path:
        """Beside it; what Tracklay wrote gets more in its own folder."""
        return self.path.parent if self._is_tracklay_file else super().folder

    @cached_property
    def _written_rate(self) -> float:
        """The rate as the timeline itself writes it: its start's, else what most clips are counted by."""
        start = self._timeline.global_start_time
        told = [] if start is None else [start.rate]
        counts: Counter[float] = Counter()
        for track in self._timeline.tracks:
            for item in _walk_items(track):
                if item.source_range is not None:
                    counts[item.source_range.duration.rate] += 1
                elif (media := getattr(item, "media_reference", None)) and media.available_range is not None:
                    counts[media.available_range.duration.rate] += 1
        told += [rate for rate, _ in counts.most_common()]
        return next((rate for rate in told if MIN_FPS <= rate <= MAX_FPS), float(DEFAULT_RATE.fps))

    @cached_property
    def rate(self) -> Rate:
        """Its frames a second."""
        return rate_from_fps(self._written_rate)

    @cached_property
    def _start_frame(self) -> int:
        """The frame that it starts on."""
        start = self._timeline.global_start_time
        if start is not None:
            return self.rate.frames(to_seconds(start))
        taped = [begin for track in self._timeline.tracks if (begin := find_record_start(track))]
        return self.rate.frames(min(taped, default=Fraction(0)))

    @cached_property
    def _shots(self) -> list[tuple[str, VisibleShot]]:
        """What is seen, with the cues' ids: the clip's name, counted where there are more of it."""
        try:
            seen = VisibleShotFinder(self._open_nested, self._media.media_duration).find_shots(
                self._timeline.tracks, self.path.parent
            )
        except InvalidInput as error:
            raise InvalidInput(f"{self.path}: {error}") from error
        found, used = [], set[str]()
        for shot in seen:
            if not shot.has_sound or self.rate.frames(shot.end) <= self.rate.frames(shot.start):
                continue
            name = shot.clip.name or _media_name(shot.clip) or "clip"
            cue_id, count = name, 1
            while cue_id in used:
                count += 1
                cue_id = f"{name} {count}"
            used.add(cue_id)
            found.append((cue_id, shot))
        return found

    def _open_nested(self, reference: Any, folder: Path) -> tuple[Any, Path] | None:
        """The timeline that a clip's media is, where it is one."""
        if not isinstance(reference, otio.schema.ExternalReference):
            return None
        if not reference.target_url.lower().endswith(".otio"):
            return None
        path = resolve_media_path(reference.target_url, folder)
        if path not in self._nested_timelines:
            self._nested_timelines[path] = _read_timeline(path)[1]
        return self._nested_timelines[path], path.parent

    def cues(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **cue_fields: Any
    ) -> list[Cue]:
        """A cue for each clip that is seen, from where it is seen to where it is not; twice, where another covers its middle."""
        first, end = self._frame_range(in_point, out_point)
        parts = list(self._select_shots(only))
        self._probe_media([shot for _, shot in parts])
        made = []
        for cue_id, shot in parts:
            begins = max(self.rate.frames(shot.start) + self._start_frame, first)
            ends = min(self.rate.frames(shot.end) + self._start_frame, end)
            if begins < ends:
                span = Span(begins, ends - begins, self.rate)
                made.append(Cue(cue_id, span, self._picture(shot, span), **cue_fields))
        if not made:
            where = "" if in_point is None and out_point is None else " between --in and --out"
            raise InvalidInput(f"{self.path} has no picture{where}: no video clip of it is seen there")
        return made

    def _frame_range(self, in_point: str | None, out_point: str | None) -> tuple[int, int]:
        """The frames between two points as a person writes them: time code as the timeline shows it, all else from its start."""
        length = max((self.rate.frames(shot.end) for _, shot in self._shots), default=0)
        points = []
        for option, text, default in (
            ("--in", in_point, self._start_frame),
            ("--out", out_point, self._start_frame + length),
        ):
            if text is None:
                points.append(default)
                continue
            try:
                at = parse_time(text, self.rate)
            except ValueError as error:
                raise InvalidInput(f"{option} {error}") from None
            at = at if ":" in text else at + self._start_frame
            if not self._start_frame <= at <= self._start_frame + length:
                shown = [format_timecode(frame, self.rate) for frame in (self._start_frame, self._start_frame + length)]
                raise InvalidInput(
                    f"{option} {text} lies outside of {self.path.name}, which runs from {shown[0]} to {shown[1]}"
                )
            points.append(at)
        if length and points[1] <= points[0]:
            shown = [format_timecode(frame, self.rate) for frame in points]
            raise InvalidInput(f"nothing lies between --in {shown[0]} and --out {shown[1]}: --out must be later")
        return points[0], points[1]

    def _select_shots(self, only: Sequence[str]) -> Iterator[tuple[str, VisibleShot]]:
        """The shots that are meant: all, or those of a name, and what lies under a marker of that name."""
        if not only:
            yield from self._shots
            return
        marked = list(self._marked_ranges())
        known = [*dict.fromkeys([*(cue_id for cue_id, _ in self._shots), *(each.name for each in marked)])]
        for name in only:
            if name not in known and not any(shot.clip.name == name for _, shot in self._shots):
                some = ", ".join(known[:MAX_LISTED_NAMES]) + (" …" if len(known) > MAX_LISTED_NAMES else "")
                raise InvalidInput(f"no clip or marker of {self.path.name} is called {name!r}: there are {some}")
        chosen = [each for each in marked if each.name in only]
        for cue_id, shot in self._shots:
            if cue_id in only or shot.clip.name in only or any(_marks_shot(each, shot) for each in chosen):
                yield cue_id, shot
                continue
            ranges = sorted((each.start, each.end) for each in chosen if each.clip is None and each.end > each.start)
            for number, (start, end) in enumerate(_merge_ranges(ranges, shot.start, shot.end), 1):
                yield (cue_id if number == 1 else f"{cue_id}/{number}"), shot.trim(start, end)

    def _marked_ranges(self) -> Iterator[MarkedRange]:
        """The markers of the timeline, its tracks and its clips."""
        stack = self._timeline.tracks
        begins = Fraction(0) if stack.source_range is None else to_seconds(stack.source_range.start_time)
        for item in (stack, *stack):
            for marker in getattr(item, "markers", ()):
                if METADATA_KEY not in marker.metadata:
                    start = to_seconds(marker.marked_range.start_time) - begins
                    yield MarkedRange(marker.name, start, start + self._marker_duration(marker))
        for _, shot in self._shots:
            for marker in shot.clip.markers:
                yield MarkedRange(marker.name, shot.start, shot.start, shot.clip)

    def _marker_duration(self, marker: Any) -> Fraction:
        """How long a marker is; one of a frame or none is a point."""
        length = to_seconds(marker.marked_range.duration)
        return length if self.rate.frames(length) > 1 else Fraction(0)

    def _probe_media(self, shots: Sequence[VisibleShot]) -> None:
        """Read the beginnings of all media files, side by side."""
        with ThreadPoolExecutor(PROBE_THREADS) as pool:
            paths = {path for shot in shots if (path := _media_path(shot)) is not None}
            list(pool.map(self._media.read_head, paths))

    def _picture(self, shot: VisibleShot, span: Span) -> Picture:
        source = self._media.resolve_source(shot)
        return Picture(source.path, self._time_map(shot, span, source), source.images, source.rate, source.error)

    def _time_map(self, shot: VisibleShot, span: Span, source: MediaSource) -> TimeMap:
        """Where the source is on each frame. Backwards, a frame shows what its end would: the first frame the last of the range."""
        slope = shot.speed * source.clock_ratio
        begin = span.rate.seconds(span.start - self._start_frame) - shot.start
        at = (shot.clip_time - source.first_frame_time) * source.clock_ratio + begin * slope
        if slope < 0:
            at += span.rate.seconds(1) * slope
        return TimeMap.linear(span, at, slope)

    # Laying

    def laid_path(self, folder: Path) -> Path:
        """The copy with audio tracks that a run writes."""
        return folder / f"{self.stem}.{METADATA_KEY}.otio"

    def check_folder(self, folder: Path) -> None:
        """Refuse to begin where a person's own file has a name that a run would write: also one of ours that they have changed."""
        kept, laid = self.manifest_path(folder), self.laid_path(folder)
        if kept.exists():
            read_manifest(kept)
        if laid.exists() and not _has_signed_tracks(laid):
            raise InvalidInput(
                f"{laid} was not made by Tracklay, or was changed since: it is yours; give it another name, or choose another "
                "folder with --to"
            )

    def _write(
        self,
        takes: Sequence[Take],
        failed: Sequence[Failure],
        target: Path,
        *,
        drop_original: bool,
        cancel_token: CancelToken | None,  # noqa: ARG002 - it takes no time
    ) -> None:
        self.check_folder(target.parent)
        text = remove_tracks(self._text, self._tracklay_tracks)
        if drop_original:
            text = mute_audio(text)
        text = rebase_urls(text, _relative_prefix(self.path.parent, target.parent))
        before = take_tracks.TakeTracks()
        if target.exists() or self._tracklay_tracks:
            before = self._read_earlier_takes(target if target.exists() else self.path)
        now = take_tracks.build_take_tracks(takes, failed, self._start_frame, self._audible_take_keys())
        layer = take_tracks.merge_take_tracks(self._relocate_takes(before), now)
        text = append_tracks(text, layer.to_otio_json(self._written_rate, target.parent))
        with atomic_write(target) as beside:
            beside.write_bytes(text.encode())

    def _read_earlier_takes(self, path: Path) -> TakeTracks:
        """What Tracklay laid before, in a file that it wrote."""
        text, timeline = _read_timeline(path)
        return take_tracks.read_take_tracks([timeline.tracks[index] for index in find_signed_tracks(text)], path.parent)

    def _audible_take_keys(self) -> list[tuple[str, str]]:
        """Takes that the person has in this timeline, taken over from an earlier one."""
        theirs = [track for index, track in enumerate(self._timeline.tracks) if index not in self._tracklay_tracks]
        layer = take_tracks.read_take_tracks(
            [track for track in theirs if METADATA_KEY in track.metadata], self.path.parent
        )
        return [take.group_key for take in layer.takes if take.audible]

    def _relocate_takes(self, tracks: TakeTracks) -> TakeTracks:
        """Earlier takes where their picture is now; those whose picture is no longer seen stay, and say so."""
        if not tracks.takes:
            return tracks
        self._probe_media([shot for _, shot in self._shots])
        now: dict[tuple[str, str], list[_SourceMapping]] = {}
        for cue_id, shot in self._shots:
            source = self._media.resolve_source(shot)
            first, end = self.rate.frames(shot.start), self.rate.frames(shot.end)
            shows = self._time_map(shot, Span(first + self._start_frame, end - first, self.rate), source)
            speed = shot.speed * source.clock_ratio
            name = source.images[0] if source.images else source.path.name
            plays = _SourceMapping(
                cue_id, first, end, shows.source_seconds(first + self._start_frame), speed * self.rate.seconds(1)
            )
            now.setdefault((name, str(speed)), []).append(plays)
        return replace(tracks, takes=[_relocate_take(take, now) for take in tracks.takes])


@dataclass(frozen=True, slots=True)
class _SourceMapping:
    """What a cue's frames show: its source's second at the first of them, and how much later it is at each next one."""

    cue_id: str
    first_frame: int
    end_frame: int
    source_start: Fraction
    seconds_per_frame: Fraction

    def find_frame(self, source_seconds: Fraction, frames: int) -> int | None:
        """The frame from which it shows, for so many, what begins at a source's second."""
        if not self.seconds_per_frame:
            return (
                self.first_frame
                if self.source_start == source_seconds and self.end_frame - self.first_frame >= frames
                else None
            )
        start = self.first_frame + (source_seconds - self.source_start) / self.seconds_per_frame
        return (
            int(start)
            if start.denominator == 1 and self.first_frame <= start and start + frames <= self.end_frame
            else None
        )


def _relocate_take(take: OtioTake, mappings: Mapping[tuple[str, str], Sequence[_SourceMapping]]) -> OtioTake:
    """A take where its picture is: under its own cue, else under the nearest that shows the same."""
    note = take.cue_metadata
    stale = replace(take, stale_reason=f"the picture that {take.file.name} was made for is no longer seen")
    try:
        begins, candidates = Fraction(note["begins"]), mappings.get((note["source"], note["speed"]), ())
    except (KeyError, ValueError, TypeError):
        return stale
    own = (each for each in candidates if each.cue_id == note.get("cue"))
    start = next((at for each in own if (at := each.find_frame(begins, take.frames)) is not None), None)
    if start is None:
        found = [at for each in candidates if (at := each.find_frame(begins, take.frames)) is not None]
        start = min(found, key=lambda at: abs(at - take.start), default=None)
    return stale if start is None else replace(take, start=start)


def _read_timeline(path: Path) -> tuple[str, Any]:
    """A timeline's text, and OTIO's object of it."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is no .otio: it is not text in UTF-8; export it again") from None
    parse_timeline(text, str(path))
    try:
        return text, otio.core.deserialize_json_from_string(text)
    except otio.exceptions.UnsupportedSchemaError:
        raise InvalidInput(
            f"{path} was written for a newer OpenTimelineIO than {otio.__version__}: install a newer one, or export it for this"
        ) from None
    except (otio.exceptions.OTIOError, ValueError, KeyError, TypeError) as error:
        told = str(error.args[0] if error.args else error).rstrip(".")
        raise InvalidInput(f"{path} is no timeline that OpenTimelineIO can read ({told}): export it again") from error


def _has_signed_tracks(path: Path) -> bool:
    try:
        return bool(find_signed_tracks(path.read_bytes().decode("utf-8-sig")))
    except (OSError, UnicodeDecodeError, ValueError):
        return False


def _relative_prefix(folder: Path, target: Path) -> str:
    """What leads from one folder to another, before a relative path; nothing where they are the same, or on two drives."""
    try:
        led = os.path.relpath(folder.absolute(), target.absolute()).replace(os.sep, "/")
    except ValueError:
        return ""
    return "" if led == "." else f"{led}/"


def _walk_items(item: Any, depth: int = 0) -> Iterator[Any]:
    """The items of a composition, at all depths that are followed, without transitions."""
    if isinstance(item, otio.schema.Track | otio.schema.Stack):
        if depth < 8 and getattr(item, "kind", "Video") == otio.schema.TrackKind.Video:
            for child in item:
                yield from _walk_items(child, depth + 1)
    elif isinstance(item, otio.core.Item) and not isinstance(item, otio.schema.Gap):
        yield item


def _media_path(shot: VisibleShot) -> Path | None:
    reference = shot.clip.media_reference
    if not isinstance(reference, otio.schema.ExternalReference):
        return None
    try:
        return resolve_media_path(reference.target_url, shot.folder)
    except InvalidInput:
        return None


def _media_name(clip: Any) -> str:
    reference = clip.media_reference
    if isinstance(reference, otio.schema.ExternalReference):
        return PurePosixPath(unquote(reference.target_url)).stem
    return str(reference.name) if reference is not None else ""


def _marks_shot(marker: MarkedRange, shot: VisibleShot) -> bool:
    """Whether a marker is a point that a shot lies under, or the shot's clip's own."""
    if marker.clip is not None:
        return marker.clip is shot.clip
    return marker.start == marker.end and shot.start <= marker.start < shot.end


def _merge_ranges(
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
