"""The interface of all timelines: their cues, and a copy with takes and a manifest that overwrites no file of the user's."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..cue import Cue, Failure, Take
from ..errors import Cancelled, InvalidInput, TracklayError
from ..jobs.delivery import USUAL_STYLE, CopyStyle
from ..manifest import build_manifest, read_manifest, write_manifest
from ..timing import Span, format_timecode
from .joined_cue import join_cues

if TYPE_CHECKING:
    from ..cancellation import CancelToken
    from ..cue import ParamValue
    from ..timing import Rate, TimeError


@dataclass(frozen=True, slots=True)
class LayResult:
    """The result of laying takes.

    Attributes:
        manifest: the run's manifest, as it was written.
        failures: what laying could not do; empty if every take was laid. The manifest's `failed` ends with them.
        notes: what the user should know about the laid file, as the manifest's `notes`.
    """

    manifest: dict[str, Any]
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()


class Timeline(ABC):
    """A timeline that was opened. `timelines.open_timeline` chooses the class; its callers do not ask which one they have."""

    __slots__ = ()

    path: Path
    """The path that the user gave."""

    style: CopyStyle = USUAL_STYLE
    """How its copies are written."""

    self_identifying: ClassVar[bool] = False
    """True if the file it writes proves by itself that Tracklay wrote it, whatever manifest and ledger contain."""

    @property
    @abstractmethod
    def stem(self) -> str:
        """The first part of the names of all files made for it."""

    @property
    @abstractmethod
    def rate(self) -> Rate:
        """Its frame rate."""

    @property
    def folder(self) -> Path:
        """The default folder for everything made for it."""
        return self.path.parent / "tracklay"

    @abstractmethod
    def cues(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **cue_fields: Any
    ) -> list[Cue]:
        """Return the cues of its picture, in timeline order. Their ids stay the same until the timeline is edited.

        A clip that cannot be read gets a cue too, whose `picture.error` says why: creating its job spec raises that error.

        Args:
            in_point: the first frame, as the user writes a time: earlier cues are left out or trimmed. None: from the start.
            out_point: the first frame after the last cue. None: to the end.
            only: names of clips or of markers: only these clips, or the clips under these markers.
            **cue_fields: fields of every Cue: model, prompt, negative, seed, takes, params.

        Raises:
            InvalidInput: a point is not a time or lies outside, a name is unknown, or no picture is left.
        """

    def joined_cue(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **cue_fields: Any
    ) -> Cue:
        """Return one cue over all that plays between two points, across all cuts; without them, over all of the timeline.

        With `only`, over the range from the first to the last that is named. Parameters as of `cues`. Its id names the range: takes
        for two scenes of a film are not takes of one cue.

        Raises:
            InvalidInput: as `cues`.
        """
        cues = self.cues(in_point, out_point, only=only, **cue_fields)
        first = cues[0].span.start if in_point is None else self.frame_of_time(in_point)
        end = max(cue.span.end for cue in cues) if out_point is None else self.frame_of_time(out_point)
        if only:  # names choose the range: in it plays whatever is between them
            first, end = cues[0].span.start, max(cue.span.end for cue in cues)
            cues = self.cues(self.point_text(first), self.point_text(end), **cue_fields)
        span = Span(first, end - first, cues[0].span.rate)
        is_whole = in_point is None and out_point is None and not only
        return join_cues(cues, span, self._joined_cue_id(span, is_whole=is_whole), self.hit_marks())

    def _joined_cue_id(self, span: Span, *, is_whole: bool) -> str:
        times = "" if is_whole else f" {format_timecode(span.start, span.rate)}-{format_timecode(span.end, span.rate)}"
        return self.stem + times

    def hit_marks(self) -> Iterable[tuple[int, str]]:
        """Return frame and name of each hit point that the timeline's markers are."""
        return ()

    def point_text(self, frame: int) -> str:
        """Return a frame on the scale of the cues' spans as the user writes a point."""
        return f"{frame - self.frame_of_time('0f')}f"

    @abstractmethod
    def frame_of_time(self, text: str) -> int:
        """Return the frame of a time as the user writes it, on the scale of the cues' spans.

        Raises:
            TimeError: it is not a time.
        """

    @abstractmethod
    def laid_path(self, folder: Path) -> Path:
        """Return the path of the file with sound that a run writes."""

    @abstractmethod
    def _write(
        self,
        takes: Sequence[Take],
        failed: Sequence[Failure],
        target: Path,
        *,
        drop_original: bool,
        cancel_token: CancelToken | None,
    ) -> Sequence[Failure | str] | None:
        """Write a copy with takes (at least one) to `target`. Return the takes that it could not place, and notes about the file.

        Raises:
            TracklayError: nothing was written.
        """

    def output_stem(self, folder: Path) -> str:
        """Return the first part of the names of the files that a run writes to a folder.

        It is `stem`, or, where a manifest of that name is that of another picture (shot.mov beside shot.mp4), the full file name.
        """
        numbered = (f"{self.path.name}-{number}" for number in count(2))
        return next(
            stem
            for stem in chain((self.stem, self.path.name), numbered)
            if not (manifest := _manifest_path(folder, stem)).exists() or self._owns(manifest)
        )

    def _owns(self, manifest: Path) -> bool:
        """Return True if a manifest is that of this picture, or nothing that a run may write."""
        try:
            written = read_manifest(manifest)
        except InvalidInput:
            return True
        if written.get("picture") != self.path.name:
            return written.get("picture") in self.earlier_names
        return written.get("source") in (None, relative_path(self.path, manifest.parent))

    @property
    def earlier_names(self) -> frozenset[str]:
        """Other file names under which this picture may have been laid before."""
        return frozenset()

    def manifest_path(self, folder: Path) -> Path:
        """Return the path of the manifest that a run writes."""
        return _manifest_path(folder, self.output_stem(folder))

    def check_folder(self, folder: Path) -> None:
        """Check that a run would overwrite no file of the user's.

        Raises:
            InvalidInput: it would.
        """
        manifest, laid = self.manifest_path(folder), self.laid_path(folder)
        written: Mapping[str, ParamValue] = read_manifest(manifest) if manifest.exists() else {}
        if laid.exists() and written.get("laid") != laid.name:
            raise InvalidInput(
                "timeline.output_exists", "File already exists and was not written by Tracklay: {path}.", path=laid
            )

    def lay(
        self,
        takes: Sequence[Take],
        failed: Sequence[Failure],
        folder: Path,
        *,
        drop_original: bool,
        describe: Callable[[TracklayError], str] = str,
        cancel_token: CancelToken | None = None,
    ) -> LayResult:
        """Lay each cue's first take, and write the manifest.

        Takes stay listed if the laid file or the manifest cannot be written: that is a failure of its own in the result.
        `describe` words the errors of the manifest, as the front end does.

        Raises:
            Cancelled: `cancel_token` was cancelled. No manifest is written: the ledger still holds the takes as not laid.
        """
        laid: Path | None = None
        failures: list[Failure] = []
        notes: list[str] = []
        if takes:
            laid = self.laid_path(folder)
            try:
                for each in (
                    self._write(takes, failed, laid, drop_original=drop_original, cancel_token=cancel_token) or ()
                ):
                    if isinstance(each, Failure):
                        failures.append(each)
                    else:
                        notes.append(each)
            except Cancelled:
                raise
            except TracklayError as error:
                failures.append(Failure(takes[0].cue, error))
                laid = None
        return self._record(takes, failed, failures, notes, folder, laid=laid, describe=describe)

    def _record(
        self,
        takes: Sequence[Take],
        failed: Sequence[Failure],
        failures: list[Failure],
        notes: Sequence[str],
        folder: Path,
        *,
        laid: Path | None,
        describe: Callable[[TracklayError], str],
    ) -> LayResult:
        """Write the manifest of what was laid, and return the result. A manifest that cannot be written is one of its failures."""
        manifest = {"source": relative_path(self.path, folder)} | build_manifest(
            self.path.name, self.rate, takes, [*failed, *failures], laid, describe
        )
        if notes:
            manifest["notes"] = list(notes)
        if takes:
            try:
                write_manifest(self.manifest_path(folder), manifest)
            except TracklayError as error:
                failures.append(Failure(takes[0].cue, error))
                manifest["failed"].append(failures[-1].to_manifest_entry(describe))
        return LayResult(manifest, tuple(failures), tuple(notes))


def _manifest_path(folder: Path, stem: str) -> Path:
    return folder / f"{stem}.tracklay.json"


def relative_path(path: Path, folder: Path) -> str:
    """Return a path relative to a folder, with slashes; an absolute one if they are on different drives."""
    try:
        return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
    except ValueError:
        return path.absolute().as_posix()


def invalid_point_error(name: str, error: TimeError) -> InvalidInput:
    """Return the error for a point ("in" or "out") that `parse_time` rejected."""
    return InvalidInput("timeline.invalid_point", "Invalid {name} point. {error}", name=name, error=error)


def empty_range_error(in_frame: int, out_frame: int, rate: Rate) -> InvalidInput:
    """Return the error for an out point that is not after the in point."""
    return InvalidInput(
        "timeline.empty_range",
        "Nothing between the in point {in_point} and the out point {out_point}. The out point must be later.",
        in_point=format_timecode(in_frame, rate),
        out_point=format_timecode(out_frame, rate),
    )
