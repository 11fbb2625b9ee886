"""The opened picture of a row, and the row's cue in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..timelines import open_timeline
from ..timelines.handles import add_handles
from ..timelines.hit_points import add_hits, tail_frames
from ..timelines.media_file import MediaFile

if TYPE_CHECKING:
    from ..cue import Cue
    from .worklist import WorkListRow


class OpenPicture:
    """A picture as a timeline. Its cues are found once for each pair of in and out points.

    Raises:
        InvalidInput, MediaError: the picture cannot be read.
    """

    def __init__(self, picture: Path) -> None:
        self.timeline = open_timeline(picture)
        self._cues: dict[tuple[str | None, str | None, bool], list[Cue]] = {}

    @property
    def stem(self) -> str:
        """Prefix of the names of its output files."""
        return self.timeline.stem

    def cues(self, in_point: str | None, out_point: str | None, *, as_one: bool = False) -> list[Cue]:
        """Return all cues between two points, or with `as_one` a single one over all of them.

        The result is cached: a long timeline takes seconds to read.

        Raises:
            InvalidInput: a point is outside the picture, or nothing is visible there.
        """
        key = in_point, out_point, as_one
        if key not in self._cues:
            timeline, points = self.timeline, (in_point, out_point)
            self._cues[key] = [timeline.joined_cue(*points, model="")] if as_one else timeline.cues(*points, model="")
        return self._cues[key]

    def cue(self, row: WorkListRow) -> Cue:
        """Return a row's cue, with one take and no seed.

        Raises:
            InvalidInput: its points are outside the picture, or the timeline no longer has the cue.
        """
        cues = self.cues(row.in_point, row.out_point, as_one=row.as_one)
        if isinstance(self.timeline, MediaFile):
            found: Cue | None = replace(cues[0], id=row.cue)
        else:
            found = next((cue for cue in cues if cue.id == row.cue), None)
        if found is None:
            raise InvalidInput(
                "batch.cue_removed",
                "{picture} no longer has the cue {cue!r}. Create the list again.",
                picture=row.picture.name,
                cue=row.cue,
            )
        cue = replace(
            found,
            model=row.model,
            prompt=row.prompt,
            negative=row.negative,
            params=row.params,
            land=row.land,
            best=row.best,
            fit=row.fit,
            parts=row.parts,
        )
        if row.tail:
            cue = replace(cue, tail=tail_frames(row.tail, cue.span.rate))
        if row.handles:
            (cue,) = add_handles([cue], row.handles)
        return add_hits(self.timeline, [cue], row.hits)[0] if row.hits else cue
