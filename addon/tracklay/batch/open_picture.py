"""A row's picture, opened: the timeline that it is, and the cue that the row means in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..timelines import open_timeline as open_timeline
from ..timelines.media_file import MediaFile

if TYPE_CHECKING:
    from pathlib import Path

    from ..cue import Cue
    from .worklist import WorkListRow

TIMELINE_SUFFIXES = (".otio", ".blend")
"""What ends the names of timelines that have cues of their own; any other picture has those that rows name."""


class OpenPicture:
    """A picture that was looked at."""

    def __init__(self, picture: Path) -> None:
        """Look at it.

        Raises:
            BadInput, MediaError: it cannot be read.
        """
        self.timeline = open_timeline(picture)
        self._cues: dict[tuple[str | None, str | None], list[Cue]] = {}

    @property
    def stem(self) -> str:
        """What the names of files made of it begin with."""
        return self.timeline.stem

    def cues(self, in_point: str | None, out_point: str | None) -> list[Cue]:
        """All that is seen between two points, found once: a film is not cheap to read.

        Raises:
            BadInput: a point lies outside the picture, or nothing is seen.
        """
        points = in_point, out_point
        if points not in self._cues:
            self._cues[points] = self.timeline.cues(in_point, out_point, model="")
        return self._cues[points]

    def cue(self, row: WorkListRow) -> Cue:
        """A row's cue, with one take and no seed.

        Raises:
            BadInput: its points lie outside the picture, or the timeline has no such cue any more.
        """
        cues = self.cues(row.in_point, row.out_point)
        if isinstance(self.timeline, MediaFile):
            found: Cue | None = replace(cues[0], id=row.cue)
        else:
            found = next((cue for cue in cues if cue.id == row.cue), None)
        if found is None:
            raise InvalidInput(f"{row.picture.name} has no cue {row.cue!r} any more: make the list anew")
        return replace(found, model=row.model, prompt=row.prompt, negative=row.negative, params=row.params)
