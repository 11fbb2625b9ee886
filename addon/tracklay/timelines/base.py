"""What every kind of timeline is: its cues, and takes laid beside a manifest with nothing of the person's overwritten."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from ..cue import Cue, Failure, Take, build_manifest, read_manifest, write_manifest
from ..errors import InvalidInput, TracklayError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ..cue import ParamValue
    from ..media.ffmpeg import CancelToken
    from ..timing import Rate


class Timeline(ABC):
    """A timeline that was looked at. `timelines.open` gives the right kind for a path; nobody else asks which it is."""

    __slots__ = ()

    path: Path
    """What the person named."""

    self_identifying: ClassVar[bool] = False
    """Whether what it writes is known for Tracklay's own by itself, whatever manifest or ledger say."""

    @property
    @abstractmethod
    def stem(self) -> str:
        """What the names of files made of it begin with."""

    @property
    @abstractmethod
    def rate(self) -> Rate:
        """Its frames a second."""

    @property
    def folder(self) -> Path:
        """Where what is made of it goes, if the person says nothing."""
        return self.path.parent / "tracklay"

    @abstractmethod
    def cues(
        self, in_point: str | None = None, out_point: str | None = None, *, only: Sequence[str] = (), **cue_fields: Any
    ) -> list[Cue]:
        """The cues of its picture, in its order. Their ids are the same at every look, as long as it is not edited.

        A clip that cannot be read gives a cue too: its picture says what is the matter, and its order is refused with that.

        Args:
            in_point: where they begin, as a person writes it: what lies before is left out or cut off. None: at the start.
            out_point: where they end: the first frame that is not in them. None: at the end.
            only: names of clips or of markers; then only these, or what lies under them.
            **cue_fields: the Cue's own fields, for each: model, prompt, negative, seed, takes, params.

        Raises:
            BadInput: a point is no time or outside, a name is unknown, or nothing with picture is left.
        """

    @abstractmethod
    def laid_path(self, folder: Path) -> Path:
        """The file with sound that a run writes."""

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
        """Write `target`: it, with these takes (one at least); those that have no place in it. Raises any TracklayError."""

    def manifest_path(self, folder: Path) -> Path:
        """The manifest that a run writes."""
        return folder / f"{self.stem}.tracklay.json"

    def check_folder(self, folder: Path) -> None:
        """Refuse to begin where a person's own file has a name that a run would write.

        Raises:
            BadInput: so it is.
        """
        kept, laid = self.manifest_path(folder), self.laid_path(folder)
        ours: Mapping[str, ParamValue] = read_manifest(kept) if kept.exists() else {}
        if laid.exists() and ours.get("laid") != laid.name:
            raise InvalidInput(
                f"{laid} is there already and was not made by Tracklay: move it away or choose another folder with --to"
            )

    def lay(
        self,
        takes: Sequence[Take],
        failed: Sequence[Failure],
        folder: Path,
        *,
        drop_original: bool,
        cancel_token: CancelToken | None = None,
        describe: Callable[[TracklayError], str] = str,
    ) -> dict[str, Any]:
        """Lay each cue's first take and write the manifest, which is given back.

        Takes are kept and listed when the laid file or the manifest can't be written: that is a failure of its own.
        """
        laid, failures = None, list(failed)
        if takes:
            laid = self.laid_path(folder)
            try:
                failures += (
                    self._write(takes, failed, laid, drop_original=drop_original, cancel_token=cancel_token) or ()
                )
            except TracklayError as error:
                failures.append(Failure(takes[0].cue, error))
                laid = None
        made = build_manifest(self.path.name, self.rate, takes, failures, laid, describe)
        if takes:
            try:
                write_manifest(self.manifest_path(folder), made)
            except TracklayError as error:
                made["failed"].append(Failure(takes[0].cue, error).to_manifest_entry(describe))
        return made
