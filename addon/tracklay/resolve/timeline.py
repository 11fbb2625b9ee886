"""The timeline that Resolve shows, as every other timeline of Tracklay: its cues, and takes laid in it.

Frames count from timecode zero, as Resolve's own do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cue import Cue, Failure, Picture
from ..errors import InvalidInput, TracklayError
from ..hits import hits_in_span, marker_hit_name
from ..media import image_sequence
from ..media.frame_plan import frame_rules_differ
from ..media.probe import VideoHeader, read_video_header
from ..timelines.base import LayResult, Timeline
from ..timing import Rate, Span, TimeMap, is_timecode, parse_time
from .calls import OpenTimeline, find_open_timeline
from .laying import lay_take
from .selection import select_parts
from .timeline_clock import TimelineClock, read_clock
from .visible_parts import VisiblePart, find_visible_parts

if TYPE_CHECKING:
    from fusionscript import Resolve

    from ..cancellation import CancelToken
    from ..cue import Take
    from .clips import ResolveClip
    from .selection import Scope

SEQUENCE_PATTERN = re.compile(r"(.*)\[(\d+)-(\d+)\](\.\w+)")
"""How Resolve names the file of an image sequence: `shot.[001-100].dpx`."""

UNSAFE_CHARS = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')
"""Characters that a file's name cannot have on some system."""


class ResolveTimeline(Timeline):
    """The open timeline.

    Attributes:
        scope: how clips are chosen; None for the first way that finds any. `cues` sets it to the way that was used.
        to_render: why the picture of a cue must be rendered by Resolve, by the cue's id. `cues` fills it.
    """

    def __init__(self, opened: OpenTimeline, scope: Scope | None = None, to: Path | None = None) -> None:
        self.opened, self.scope = opened, scope
        self.clock: TimelineClock = read_clock(opened.timeline)
        self.to_render: dict[str, str] = {}
        self._to, self._headers = to, dict[Path, VideoHeader]()
        name = UNSAFE_CHARS.sub("_", str(opened.timeline.GetName())).strip(" .") or "timeline"
        # There is no file: the takes of a timeline belong beside its media.
        self.path = (to.parent if to else self._media_folder()) / name

    @classmethod
    def open(cls, resolve: Resolve, scope: Scope | None = None, to: Path | None = None) -> ResolveTimeline:
        """Return the timeline that Resolve shows. `to` is the folder of its takes; None for `tracklay` beside its first media file.

        Raises:
            InvalidInput: none is open, or its settings contradict each other.
        """
        return cls(find_open_timeline(resolve), scope, to)

    def _media_folder(self) -> Path:
        for part in find_visible_parts(self.opened.timeline, self.clock):
            if part.clip.file is not None and part.clip.file.parent.is_dir():
                return part.clip.file.parent
        return Path.home()

    @property
    def stem(self) -> str:
        """The timeline's name, as far as files can have it."""
        return self.path.name

    @property
    def rate(self) -> Rate:
        """Its frame rate."""
        return self.clock.rate

    @property
    def folder(self) -> Path:
        """The folder of its takes."""
        return self._to or self.path.parent / "tracklay"

    def cues(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **cue_fields: Any
    ) -> list[Cue]:
        """Return a cue for each visible part of each chosen clip.

        A picture that only Resolve can show has an error that says so, and is in `to_render`.
        """
        parts = find_visible_parts(self.opened.timeline, self.clock)
        if only or in_point is not None or out_point is not None:
            chosen = self._parts_between(parts, in_point, out_point, only)
        else:
            self.scope, chosen = select_parts(self.opened.timeline, self.clock, parts, self.scope)
        marks = list(self.hit_marks())
        self.to_render = {}
        cues = []
        for part in chosen:
            first, end = round(part.start), round(part.end)
            if first < end:
                span = Span(first, end - first, self.rate)
                hits = hits_in_span(marks, span)
                picture = self._picture(part, span)
                cues.append(Cue(part.cue_id, span, picture, hits=hits, drop_frame=self.clock.drop_frame, **cue_fields))
        if not cues:
            raise InvalidInput(
                "resolve.no_picture", "No clip with picture is chosen in {timeline}. Select some.", timeline=self.stem
            )
        return cues

    def _parts_between(
        self, parts: Sequence[VisiblePart], in_point: str | None, out_point: str | None, only: Sequence[str]
    ) -> list[VisiblePart]:
        first = self.clock.start if in_point is None else self.frame_of_time(in_point)
        end = self.opened.timeline.GetEndFrame() if out_point is None else self.frame_of_time(out_point)
        named = [part for part in parts if not only or part.cue_id in only or part.clip.name in only]
        return [trimmed for part in named if not part.clip.is_overlay and (trimmed := part.trim(first, end))]

    def frame_of_time(self, text: str) -> int:
        """Return the frame of a time: timecode as the timeline shows it; seconds and frames count from its start."""
        if not is_timecode(text):
            return parse_time(text, self.rate) + self.clock.start
        return parse_time(text.replace(":", ";") if self.clock.drop_frame else text, self.rate)

    def hit_marks(self) -> Iterator[tuple[int, str]]:
        """Yield frame and name of each timeline marker that is a hit point."""
        for frame, marker in (self.opened.timeline.GetMarkers() or {}).items():
            if (hit := marker_hit_name(str(marker.get("name", "")))) is not None:
                yield self.clock.start + round(float(frame)), hit

    def _picture(self, part: VisiblePart, span: Span) -> Picture:
        clip = part.clip
        source = clip.file or Path(clip.name)
        try:
            if clip.is_offline:
                raise InvalidInput(
                    "resolve.offline", "Its media is offline: {path}. Relink it in Resolve.", path=source
                )
            if clip.unreadable or clip.file is None:
                self.to_render[part.cue_id] = clip.unreadable
                raise unreadable_error(clip.unreadable)
            return self._file_picture(clip, clip.file, span)
        except TracklayError as error:
            return Picture(source, TimeMap.linear(span, Fraction(0)), error=f"{clip.name}: {error}")

    def _file_picture(self, clip: ResolveClip, file: Path, span: Span) -> Picture:
        assumed = Rate.from_value(clip.source_rate) if clip.source_rate else None
        images: tuple[str, ...] = ()
        rate = assumed
        if match := SEQUENCE_PATTERN.fullmatch(file.name):
            prefix, first, last, suffix = match.groups()
            numbers = range(int(first), int(last) + 1)
            images = tuple(f"{prefix}{number:0{len(first)}d}{suffix}" for number in numbers)
            image_sequence.check_images(file.parent, images)
            source, own = file.parent, assumed or self.rate
        else:
            if file not in self._headers:
                self._headers[file] = read_video_header(file)
            source, own, rate = file, self._headers[file].rate, None
        # Resolve counts source frames; a clip that it is set to play at another rate than the file's plays them faster or slower.
        slope = clip.speed * (assumed.fps / own.fps if assumed else 1)
        offset = span.rate.seconds(span.start - clip.start)
        time_map = TimeMap.linear(span, own.seconds(clip.source_start) + offset * slope, slope)
        holds = frame_rules_differ(time_map, span, own)
        return Picture(source, time_map, images, rate, frame_rule="hold" if holds else "nearest")

    def laid_path(self, folder: Path) -> Path:
        """Return the path that a laid copy would have. There is none: takes are laid in the open timeline."""
        return folder / f"{self.output_stem(folder)}.tracklay.resolve"

    def lay(
        self,
        takes: Sequence[Take],
        failed: Sequence[Failure],
        folder: Path,
        *,
        drop_original: bool = False,  # noqa: ARG002 - the timeline's own sound is the editor's
        describe: Callable[[TracklayError], str] = str,
        cancel_token: CancelToken | None = None,  # noqa: ARG002 - a call into Resolve cannot be stopped
    ) -> LayResult:
        """Lay takes in the open timeline, each on a free part of a track of ours, and write the manifest."""
        failures, notes = [], []
        for take in takes:
            try:
                notes += lay_take(self.opened, self.clock, take, bin_name=self.stem)
            except TracklayError as error:
                failures.append(Failure(take.cue, error))
        return self._record(takes, failed, failures, notes, folder, laid=None, describe=describe)

    def _write(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError  # `lay` writes no copy


def unreadable_error(reason: str) -> InvalidInput:
    """Return the error for a clip whose file does not show what plays."""
    return InvalidInput(
        "resolve.must_render",
        "Its file does not show what plays: {reason}. Let Resolve render it, or use Render in Place on the clip.",
        reason=reason,
    )


def with_rendered_picture(cue: Cue, file: Path) -> Cue:
    """Return a cue with the picture that Resolve has rendered of its span: the file begins on the span's first frame."""
    picture = Picture(file, TimeMap.linear(cue.span, Fraction(0)), reason="rendered by Resolve")
    return replace(cue, picture=picture)
