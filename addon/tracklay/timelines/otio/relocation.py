"""Earlier takes on a timeline that was recut: each is moved to where the picture it was generated for plays now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ...timing import parse_fraction

if TYPE_CHECKING:
    from .take_tracks import OtioTake


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """The source seconds that a cue's frames show. Frames count from the beginning of the tracks."""

    cue_id: str
    first_frame: int
    end_frame: int
    source_start: Fraction
    seconds_per_frame: Fraction

    def find_frame(self, source_seconds: Fraction, frames: int) -> int | None:
        """Return the frame from which `frames` frames show the source from a second on; None if the cue does not contain them."""
        # A freeze shows the same second on all of its frames.
        if not self.seconds_per_frame:
            return (
                self.first_frame
                if self.source_start == source_seconds and self.end_frame - self.first_frame >= frames
                else None
            )
        start = self.first_frame + (source_seconds - self.source_start) / self.seconds_per_frame
        # A start between two frames does not count: the cut moved by a part of a frame, and the take would be out of sync.
        return (
            int(start)
            if start.denominator == 1 and self.first_frame <= start and start + frames <= self.end_frame
            else None
        )


def relocate_take(take: OtioTake, mappings: Mapping[tuple[str, str], Sequence[SourceMapping]]) -> OtioTake:
    """Return a take at the place of its picture: below its own cue, else below the nearest that shows the same."""
    metadata = take.cue_metadata
    stale = replace(take, stale_reason=f"The picture that {take.file.name} was generated for is no longer visible.")
    if "pieces" in metadata:
        at = _find_joined(metadata["pieces"], take.start, mappings)
        return stale if at is None else replace(take, start=at)
    try:
        begins, candidates = (
            parse_fraction(str(metadata["begins"])),
            mappings.get((metadata["source"], metadata["speed"]), ()),
        )
    except (KeyError, ValueError, TypeError):
        return stale  # another version wrote it, or the user edited it
    frames = take.frames - int(take.entry.get("tail", 0))  # music may end after its picture
    own = (each for each in candidates if each.cue_id == metadata.get("cue"))
    start = next((at for each in own if (at := each.find_frame(begins, frames)) is not None), None)
    if start is None:
        found = [at for each in candidates if (at := each.find_frame(begins, frames)) is not None]
        start = min(found, key=lambda at: abs(at - take.start), default=None)
    return stale if start is None else replace(take, start=start)


def _find_joined(pieces: Any, start: int, mappings: Mapping[tuple[str, str], Sequence[SourceMapping]]) -> int | None:
    """Return the frame nearest to `start` from which all pieces of a joined picture play as they did; None if there is none."""
    found: set[int] | None = None
    try:
        for piece in pieces:
            begins, frames, at = parse_fraction(str(piece["begins"])), int(piece["frames"]), int(piece["at"])
            shown = (each.find_frame(begins, frames) for each in mappings.get((piece["source"], piece["speed"]), ()))
            starts = {frame - at for frame in shown if frame is not None}
            found = starts if found is None else found & starts
    except (KeyError, ValueError, TypeError):
        return None  # another version wrote it, or the user edited it
    return min(found or (), key=lambda frame: abs(frame - start), default=None)
