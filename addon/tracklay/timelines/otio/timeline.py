"""A timeline that OpenTimelineIO reads: each visible clip is a cue, and takes become audio tracks of a copy.

`visibility` finds the visible clips, `media_references` their media, `take_tracks` builds the audio tracks, `relocation` moves
earlier takes to where their picture is now, and `text_patch` inserts the tracks into the file's text. docs/otio.md lists how
each kind of OTIO object is read.

Two clocks are in use. The frames of cues and manifests count from timecode zero: a timeline that starts at one hour has its
first frame there. Shots and tracks count from the timeline's beginning; `start_frame` is the difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

import opentimelineio as otio

from ...atomic_io import atomic_write
from ...cue import Cue, Picture
from ...errors import InvalidInput
from ...hits import hits_in_span, marker_hit_name
from ...jobs.delivery import USUAL_STYLE
from ...manifest import read_manifest
from ...media.frame_plan import frame_rules_differ
from ...timing import Rate, Span, TimeError, TimeMap, format_timecode, is_timecode, parse_time
from ..base import Timeline, empty_range_error, invalid_point_error
from ..formats import is_otio_readable
from . import take_tracks
from .copy_text import adapt_to_folder, check_schemas
from .exact_numbers import rate_from_fps, to_seconds
from .formats import TimelineText, read_timeline
from .media_references import MediaResolver, MediaSource, resolve_media_path
from .own_sound import write_own_sounds
from .relocation import SourceMapping, relocate_take
from .single_clip import wrap_media_file
from .take_tracks import OtioTake
from .text_patch import (
    METADATA_KEY,
    append_tracks,
    find_signed_tracks,
    has_signed_tracks,
    mute_audio,
    remove_tracks,
)
from .timecode_notation import correct_start_frame, find_drop_frame
from .track_writer import TrackWriter
from .visibility import VisibleShot, VisibleShotFinder, find_record_start

if TYPE_CHECKING:
    from ...cancellation import CancelToken
    from ...cue import Failure, FrameRule, Take
    from ...jobs.delivery import CopyStyle
    from .take_tracks import TakeTracks

MIN_FPS, MAX_FPS = 5, 1000
"""Frames per second. A time with another rate is not counted in frames, but in seconds, milliseconds or samples."""

DEFAULT_RATE = Rate(Fraction(24))
"""The rate of a timeline in which no time has a frame rate: OTIO's own default."""

MAX_RATE_DEPTH = 8
"""Levels of nesting whose clips count for the timeline's own frame rate."""

PROBE_THREADS = 8
"""Media files whose headers are read at the same time: most of that is waiting for a disk or a network."""

MAX_LISTED_NAMES = 12
"""Names that the error for an unknown name lists."""


@dataclass(frozen=True, slots=True)
class MarkedRange:
    """A marker's range, in seconds from the timeline's beginning. A point has no length; a marker on a clip has that `clip`."""

    name: str
    start: Fraction
    end: Fraction
    clip: Any = None


class OtioFile(Timeline):
    """A timeline file that was read."""

    self_identifying: ClassVar[bool] = True

    def __init__(self, path: Path, source: TimelineText, style: CopyStyle | None = None) -> None:
        self.path, self.style = path, style or USUAL_STYLE
        self._text, self._timeline, self._base = source.text, source.timeline, source.base
        self._media = MediaResolver()
        self._nested_timelines: dict[Path, Any] = {}
        self._tracklay_tracks = find_signed_tracks(source.text)
        self._is_tracklay_file = self._tracklay_tracks and path.name.endswith(f".{METADATA_KEY}.otio")

    @classmethod
    def open(cls, path: Path, style: CopyStyle | None = None) -> OtioFile:
        """Read a timeline; `style` is how its copies are written. Raises as `read_timeline`, and for a schema that the style excludes."""
        source = read_timeline(path) if is_otio_readable(path) else wrap_media_file(path)
        if style is not None and style.absolute_paths:
            check_schemas(source.text, path.name)
        return cls(path, source, style)

    @cached_property
    def stem(self) -> str:
        """The file's name without suffix; for a copy that Tracklay wrote, that of the original."""
        return self.path.name.removesuffix(f".{METADATA_KEY}.otio") if self._is_tracklay_file else self.path.stem

    @property
    def folder(self) -> Path:
        """The default folder; for a copy that Tracklay wrote, the folder it is in."""
        return self.path.parent if self._is_tracklay_file else super().folder

    @cached_property
    def _written_rate(self) -> float:
        """The frame rate as the float that the file contains: its start's, else that of most clips.

        OTIO timelines have no rate of their own: each time in them has one.
        """
        start = self._timeline.global_start_time
        rates = [] if start is None else [start.rate]
        counts: Counter[float] = Counter()
        for track in self._timeline.tracks:
            for item in _walk_items(track):
                if item.source_range is not None:
                    counts[item.source_range.duration.rate] += 1
                elif (media := getattr(item, "media_reference", None)) and media.available_range is not None:
                    counts[media.available_range.duration.rate] += 1
        rates += [rate for rate, _ in counts.most_common()]
        return next((rate for rate in rates if MIN_FPS <= rate <= MAX_FPS), float(DEFAULT_RATE.fps))

    @cached_property
    def rate(self) -> Rate:
        """Its frame rate, as an exact fraction."""
        return rate_from_fps(self._written_rate)

    @cached_property
    def start_frame(self) -> int:
        """The frame of its beginning, from timecode zero."""
        start = self._timeline.global_start_time
        if start is not None:
            return correct_start_frame(self._timeline, self.rate.frames(to_seconds(start)), self.rate)
        # OTIO's EDL adapter sets no global start: the first track's record time stands for it.
        record_starts = [begin for track in self._timeline.tracks if (begin := find_record_start(track))]
        return self.rate.frames(min(record_starts, default=Fraction(0)))

    @cached_property
    def drop_frame(self) -> bool | None:
        """True if the timeline counts in drop-frame, False if it does not, None if nothing states it."""
        return find_drop_frame(self._timeline, self.start_frame, self.rate)

    @cached_property
    def _shots(self) -> list[tuple[str, VisibleShot]]:
        """The shots that become cues, with the cues' ids: the clip's name, numbered from the second of that name on.

        Ids are given before anything is selected, so that a clip has the same id whatever part of the timeline is asked for.
        """
        try:
            visible = VisibleShotFinder(self._open_nested, self._media.media_duration).find_shots(
                self._timeline.tracks, self._base
            )
        except InvalidInput as error:
            error.prefix_with(str(self.path))
            raise
        found, used = [], set[str]()
        for shot in visible:
            # Each edge goes to its nearest frame by itself: clips of other rates do not drift, and neighbours still meet. A clip
            # shorter than half a frame may vanish.
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
        """Return the timeline that a clip's media is, with its folder; None if the media is not a timeline."""
        if not isinstance(reference, otio.schema.ExternalReference):
            return None
        if not reference.target_url.lower().endswith(".otio"):
            return None
        path = resolve_media_path(reference.target_url, folder)
        if path not in self._nested_timelines:
            self._nested_timelines[path] = read_timeline(path).timeline
        return self._nested_timelines[path], path.parent

    def cues(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **cue_fields: Any
    ) -> list[Cue]:
        """Return a cue for each visible part of each clip: two for a clip whose middle is covered by another."""
        first, end = self._frame_range(in_point, out_point)
        parts = list(self._select_shots(only))
        self._probe_media([shot for _, shot in parts])
        cues, marks = [], list(self.hit_marks())
        for cue_id, shot in parts:
            begins = max(self.rate.frames(shot.start) + self.start_frame, first)
            ends = min(self.rate.frames(shot.end) + self.start_frame, end)
            if begins < ends:
                span = Span(begins, ends - begins, self.rate)
                hits = hits_in_span(marks, span)
                drop_frame = self.drop_frame if self.rate.has_drop_frame else None
                cues.append(
                    Cue(cue_id, span, self._picture(shot, span), hits=hits, drop_frame=drop_frame, **cue_fields)
                )
        if cues:
            return cues
        if in_point is None and out_point is None:
            raise InvalidInput("otio.no_picture", "No video clip is visible in {path}.", path=self.path)
        raise InvalidInput(
            "otio.no_picture_in_range",
            "No video clip is visible between the in and out points of {path}.",
            path=self.path,
        )

    def frame_of_time(self, text: str) -> int:
        """Return the frame of a time.

        Timecode is the one that the timeline shows, in drop-frame if that counts so, however it is written; seconds, minutes and frames
        count from its beginning.
        """
        if not is_timecode(text):
            return parse_time(text, self.rate) + self.start_frame
        return parse_time(text.replace(":", ";") if self.drop_frame else text, self.rate)

    def _frame_range(self, in_point: str | None, out_point: str | None) -> tuple[int, int]:
        """Return the frames between two points as the user writes them."""
        length = max((self.rate.frames(shot.end) for _, shot in self._shots), default=0)
        points = []
        for name, text, default in (
            ("in", in_point, self.start_frame),
            ("out", out_point, self.start_frame + length),
        ):
            if text is None:
                points.append(default)
                continue
            try:
                at = self.frame_of_time(text)
            except TimeError as error:
                raise invalid_point_error(name, error) from None
            if not self.start_frame <= at <= self.start_frame + length:
                raise InvalidInput(
                    "otio.point_outside",
                    "The {name} point is outside {timeline}: {text}. The timeline runs from {start} to {end}.",
                    name=name,
                    timeline=self.path.name,
                    text=text,
                    start=format_timecode(self.start_frame, self.rate, drop_frame=self.drop_frame),
                    end=format_timecode(self.start_frame + length, self.rate, drop_frame=self.drop_frame),
                )
            points.append(at)
        # Without length there is no picture at all: `cues` reports that.
        if length and points[1] <= points[0]:
            raise empty_range_error(points[0], points[1], self.rate)
        return points[0], points[1]

    def _select_shots(self, only: Sequence[str]) -> Iterator[tuple[str, VisibleShot]]:
        """Yield the selected shots: all, or those with one of the names, or under a marker with one."""
        if not only:
            yield from self._shots
            return
        marked = list(self._marked_ranges())
        known = [*dict.fromkeys([*(cue_id for cue_id, _ in self._shots), *(each.name for each in marked)])]
        for name in only:
            if name not in known and not any(shot.clip.name == name for _, shot in self._shots):
                raise InvalidInput(
                    "otio.unknown_name",
                    "No clip or marker of {timeline} is named {name!r}. It has: {names}.",
                    timeline=self.path.name,
                    name=name,
                    names=", ".join(known[:MAX_LISTED_NAMES]) + (", …" if len(known) > MAX_LISTED_NAMES else ""),
                )
        chosen = [each for each in marked if each.name in only]
        for cue_id, shot in self._shots:
            if cue_id in only or shot.clip.name in only or any(_marks_shot(each, shot) for each in chosen):
                yield cue_id, shot
                continue
            # A range trims the shots under it. Two ranges may leave two parts of one shot: the second gets a numbered id.
            ranges = sorted((each.start, each.end) for each in chosen if each.clip is None and each.end > each.start)
            for number, (start, end) in enumerate(_merge_ranges(ranges, shot.start, shot.end), 1):
                yield (cue_id if number == 1 else f"{cue_id}/{number}"), shot.trim(start, end)

    def _marked_ranges(self) -> Iterator[MarkedRange]:
        """Yield the markers of the timeline, its tracks and its clips, without those that Tracklay wrote."""
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

    def hit_marks(self) -> Iterator[tuple[int, str]]:
        """Yield frame and name of each marker that is a hit point, on the timeline, its tracks, and its clips where they show."""
        ranges = [each for each in self._marked_ranges() if each.clip is None]
        places = [(each.name, each.start) for each in ranges]
        for _, shot in self._shots:
            for marker in shot.clip.markers:
                if shot.speed:
                    into = (to_seconds(marker.marked_range.start_time) - shot.clip_time) / shot.speed
                    if 0 <= into < shot.end - shot.start:
                        places.append((marker.name, shot.start + into))
        for name, at in places:
            if (hit := marker_hit_name(name)) is not None:
                yield self.rate.frames(at) + self.start_frame, hit

    def marks(self) -> Iterator[tuple[str, int, int]]:
        """Yield name, first frame and frames of each marker of the timeline and its tracks, from the timeline's beginning."""
        for each in (mark for mark in self._marked_ranges() if mark.clip is None):
            yield each.name, self.rate.frames(each.start), self.rate.frames(each.end - each.start)

    def _marker_duration(self, marker: Any) -> Fraction:
        """Return the length of a marker in seconds. Editors write a point as a marker of one frame: it has none."""
        length = to_seconds(marker.marked_range.duration)
        return length if self.rate.frames(length) > 1 else Fraction(0)

    def _probe_media(self, shots: Sequence[VisibleShot]) -> None:
        """Read the headers of all media files in parallel: `MediaResolver` keeps them."""
        with ThreadPoolExecutor(PROBE_THREADS) as pool:
            paths = {path for shot in shots if (path := _media_path(shot)) is not None}
            list(pool.map(self._media.read_head, paths))

    def _picture(self, shot: VisibleShot, span: Span) -> Picture:
        source = self._media.resolve_source(shot)
        time_map = self._time_map(shot, span, source)
        # Set only where it shows another frame: what was generated for a picture is found again by all facts of that picture.
        source_rate = source.rate or self._media.video_rate(source.path)
        holds = source_rate is not None and frame_rules_differ(time_map, span, source_rate)
        rule: FrameRule = "hold" if holds else "nearest"
        return Picture(source.path, time_map, source.images, source.rate, source.error, frame_rule=rule)

    def _time_map(self, shot: VisibleShot, span: Span, source: MediaSource) -> TimeMap:
        """Return the map from the timeline's frames to the source's seconds.

        Args:
            shot: the shot.
            span: the frames of the map: the shot's, or a part of them.
            source: the shot's source.
        """
        # Source seconds per second of the timeline.
        slope = shot.speed * source.clock_ratio
        # The span begins on a frame, the shot at an exact time up to half a frame away.
        offset = span.rate.seconds(span.start - self.start_frame) - shot.start
        source_start = (shot.clip_time - source.first_frame_time) * source.clock_ratio + offset * slope
        if slope < 0:
            # Backwards, `clip_time` is the end of the range. A frame that plays backwards begins one frame before it: without
            # this, the first frame of a reversed clip would be the one after the range.
            source_start += span.rate.seconds(1) * slope
        return TimeMap.linear(span, source_start, slope)

    @property
    def earlier_names(self) -> frozenset[str]:
        """The original, and the copy with takes, which is a timeline to lay again."""
        return frozenset({f"{self.stem}.otio", f"{self.stem}.{METADATA_KEY}.otio"})

    def laid_path(self, folder: Path) -> Path:
        """Return the path of the copy with audio tracks."""
        return folder / f"{self.output_stem(folder)}.{METADATA_KEY}.otio"

    def check_folder(self, folder: Path) -> None:
        """Check that a run would overwrite no file of the user's: neither their own, nor a copy that they have changed since.

        Raises:
            InvalidInput: it would.
        """
        manifest, laid = self.manifest_path(folder), self.laid_path(folder)
        if manifest.exists():
            read_manifest(manifest)
        if laid.exists() and not has_signed_tracks(laid):
            raise InvalidInput(
                "otio.output_changed", "File was not written by Tracklay, or was changed since: {path}.", path=laid
            )

    def _write(
        self,
        takes: Sequence[Take],
        failed: Sequence[Failure],
        target: Path,
        *,
        drop_original: bool,
        cancel_token: CancelToken | None,  # noqa: ARG002 - it takes milliseconds
    ) -> Sequence[Failure | str]:
        # Again: generating may have taken hours, in which the user may have edited the copy.
        self.check_folder(target.parent)
        original = text = remove_tracks(self._text, self._tracklay_tracks)
        if drop_original or self.style.own_sound:
            text = mute_audio(text)
        text = adapt_to_folder(text, self._base, target.parent, self.style)
        earlier_tracks = take_tracks.TakeTracks()
        if target.exists() or self._tracklay_tracks:
            earlier_tracks = self._read_earlier_takes(target if target.exists() else self.path)
        new_tracks = take_tracks.build_take_tracks(takes, failed, self.start_frame, self._audible_take_keys())
        tracks = take_tracks.merge_take_tracks(self._relocate_takes(earlier_tracks), new_tracks)
        # Last: the signature covers the whole text, with all other edits in it.
        writer = TrackWriter(self._written_rate, target.parent, self.start_frame, self.style)
        own_sounds, notes = list[OtioTake](), list[str]()
        if self.style.own_sound:
            place = target.parent, self.output_stem(target.parent)
            cues = self.cues(model="")
            own_sounds, notes = write_own_sounds(original, self._base, cues, self.rate, self.start_frame, *place)
        text = append_tracks(text, writer.tracks_to_json(tracks, own_sounds))
        with atomic_write(target) as beside:
            beside.write_bytes(text.encode())
        return notes

    def _read_earlier_takes(self, path: Path) -> TakeTracks:
        """Return the takes in a file that Tracklay wrote."""
        source = read_timeline(path)
        tracks = [source.timeline.tracks[index] for index in find_signed_tracks(source.text)]
        return take_tracks.read_take_tracks(tracks, source.base)

    def _audible_take_keys(self) -> list[tuple[str, str]]:
        """Return the group keys of the audible takes among the user's own tracks, copied from an earlier file of ours."""
        own = [track for index, track in enumerate(self._timeline.tracks) if index not in self._tracklay_tracks]
        copied = take_tracks.read_take_tracks(
            [track for track in own if METADATA_KEY in track.metadata], self.path.parent
        )
        return [take.group_key for take in copied.takes if take.audible]

    def _relocate_takes(self, tracks: TakeTracks) -> TakeTracks:
        """Return earlier takes at the current place of their picture. Where it is no longer visible, they stay, and are stale."""
        if not tracks.takes:
            return tracks
        self._probe_media([shot for _, shot in self._shots])
        # By source and speed: only a shot of the same file at the same speed can show what a take was generated for.
        mappings: dict[tuple[str, str], list[SourceMapping]] = {}
        for cue_id, shot in self._shots:
            source = self._media.resolve_source(shot)
            first, end = self.rate.frames(shot.start), self.rate.frames(shot.end)
            time_map = self._time_map(shot, Span(first + self.start_frame, end - first, self.rate), source)
            speed = shot.speed * source.clock_ratio
            name = source.images[0] if source.images else source.path.name
            source_start = time_map.source_seconds(first + self.start_frame)
            mapping = SourceMapping(cue_id, first, end, source_start, speed * self.rate.seconds(1))
            mappings.setdefault((name, str(speed)), []).append(mapping)
        return replace(tracks, takes=[relocate_take(take, mappings) for take in tracks.takes])


def _walk_items(item: Any, depth: int = 0) -> Iterator[Any]:
    """Yield the clips of a composition's picture, nested ones too, without gaps and transitions."""
    if isinstance(item, otio.schema.Track | otio.schema.Stack):
        if depth < MAX_RATE_DEPTH and getattr(item, "kind", "Video") == otio.schema.TrackKind.Video:
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
    """Return True if a marker is on the shot's clip, or is a point within the shot."""
    if marker.clip is not None:
        return marker.clip is shot.clip
    return marker.start == marker.end and shot.start <= marker.start < shot.end


def _merge_ranges(
    ranges: Sequence[tuple[Fraction, Fraction]], first: Fraction, end: Fraction
) -> Iterator[tuple[Fraction, Fraction]]:
    """Yield the parts of sorted ranges between two times, in seconds. Ranges that touch become one."""
    merged: tuple[Fraction, Fraction] | None = None
    for start, stop in ranges:
        part = max(start, first), min(stop, end)
        if part[0] >= part[1]:
            continue
        if merged is not None and part[0] <= merged[1]:
            merged = merged[0], max(merged[1], part[1])
            continue
        if merged is not None:
            yield merged
        merged = part
    if merged is not None:
        yield merged
