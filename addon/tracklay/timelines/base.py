"""The interface of all timelines: their cues, and a copy with takes and a manifest that overwrites no file of the user's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..cue import Cue, Failure, Take
from ..errors import Cancelled, InvalidInput, TracklayError
from ..manifest import build_manifest, read_manifest, write_manifest
from ..timing import format_timecode

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
    """

    manifest: dict[str, Any]
    failures: tuple[Failure, ...] = ()


class Timeline(ABC):
    """A timeline that was opened. `timelines.open_timeline` chooses the class; its callers do not ask which one they have."""

    __slots__ = ()

    path: Path
    """The path that the user gave."""

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
    ) -> Sequence[Failure] | None:
        """Write a copy with takes (at least one) to `target`, and return the takes that it could not place.

        Raises:
            TracklayError: nothing was written.
        """

    def manifest_path(self, folder: Path) -> Path:
        """Return the path of the manifest that a run writes."""
        return folder / f"{self.stem}.tracklay.json"

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
        if takes:
            laid = self.laid_path(folder)
            try:
                failures += (
                    self._write(takes, failed, laid, drop_original=drop_original, cancel_token=cancel_token) or ()
                )
            except Cancelled:
                raise
            except TracklayError as error:
                failures.append(Failure(takes[0].cue, error))
                laid = None
        manifest = build_manifest(self.path.name, self.rate, takes, [*failed, *failures], laid, describe)
        if takes:
            try:
                write_manifest(self.manifest_path(folder), manifest)
            except TracklayError as error:
                failures.append(Failure(takes[0].cue, error))
                manifest["failed"].append(failures[-1].to_manifest_entry(describe))
        return LayResult(manifest, tuple(failures))


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
