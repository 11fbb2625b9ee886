"""Plans the refitting of music: a cue that generates nothing and fits the music of a take to another span and other hits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..hits import Hit
from ..jobs.job_spec import can_fit
from .hit_points import add_hits, tail_frames
from .media_file import MediaFile

if TYPE_CHECKING:
    from ..cue import Cue
    from ..jobs.parted.made_takes import MadeTake
    from ..timing import Span
    from .base import Timeline


def refit_cue(
    made: MadeTake,
    timeline: Timeline,
    *,
    in_point: str | None = None,
    out_point: str | None = None,
    hits: str | None = None,
    tail: str | None = None,
) -> Cue:
    """Return the cue that fits a take's music again.

    Args:
        made: the take.
        timeline: its picture, as it is now.
        in_point: start of the new span, as the user writes a time; None: of the cue as it is now.
        out_point: its end.
        hits: new hits, as `add_hits` takes them; None: those of the timeline's markers now, and the take's that still lie in the span.
        tail: new tail; None: the take's.

    Raises:
        InvalidInput: the take is no music that was fitted; the timeline no longer has its cue; a time is not one, or lies outside.
    """
    earlier = made.spec.cue
    check_fitted(made)
    now = _find_cue(timeline, earlier, in_point, out_point)
    cue = replace(
        earlier,
        span=now.span,
        picture=now.picture,
        timecode_start=now.timecode_start,
        drop_frame=now.drop_frame,
        tail=earlier.tail if tail is None else tail_frames(tail, now.span.rate),
        hits=now.hits,
    )
    cue = with_music_of(made, cue)
    if hits is not None:
        return add_hits(timeline, [cue], hits)[0]
    return replace(cue, hits=_merge_hits(now.hits, earlier, now.span))


def with_music_of(made: MadeTake, cue: Cue) -> Cue:
    """Return a cue that fits the music of a take; the built-in composer writes it again from the same seed."""
    refit = None if made.spec.model.provider == "sketch" else made.take.file
    return replace(cue, takes=1, seed=made.take.seed, refit=refit, best=False, extends=0, part_recipes=())


def check_fitted(made: MadeTake) -> None:
    """Check that a take is music that can be fitted again.

    Raises:
        InvalidInput: it is no music, or was not fitted.
    """
    if not (made.spec.model.provider == "sketch" and made.spec.model.task == "music") and not made.take.fit:
        if can_fit(made.spec.model):
            raise InvalidInput(
                "refit.cut_music",
                "{take} cannot be fitted again: it was generated without fitting. Generate it again with tracklay lay.",
                take=made.take.file.name,
            )
        raise InvalidInput(
            "refit.no_music_take",
            "{take} cannot be fitted again: it is no music. Move its sounds to a new cut with tracklay land.",
            take=made.take.file.name,
        )


def _find_cue(timeline: Timeline, earlier: Cue, in_point: str | None, out_point: str | None) -> Cue:
    """Return the cue of a take as the timeline has it now; of a media file, by default with the take's own span.

    One cue over a range keeps its range, and its id, unless points are given: the picture there may be cut otherwise now.
    """
    if earlier.picture.is_joined:
        first, end = earlier.span.start, earlier.span.end
        points = in_point or timeline.point_text(first), out_point or timeline.point_text(end)
        return replace(timeline.joined_cue(*points, model=earlier.model), id=earlier.id)
    cues = timeline.cues(in_point, out_point, model=earlier.model)
    found = next((cue for cue in cues if cue.id == earlier.id), None)
    if found is None:
        raise InvalidInput(
            "refit.cue_removed",
            "{picture} no longer has the cue {cue!r}. Lay music for the cues that it has.",
            picture=timeline.path.name,
            cue=earlier.id,
        )
    is_same = earlier.picture.source == found.picture.source and _is_part_of(earlier.span, found.span)
    if isinstance(timeline, MediaFile) and in_point is None and out_point is None and is_same:
        return replace(found, span=earlier.span, picture=earlier.picture)
    return found


def _is_part_of(span: Span, whole: Span) -> bool:
    return span.rate == whole.rate and whole.start <= span.start and span.end <= whole.end


def _merge_hits(marked: tuple[Hit, ...], earlier: Cue, span: Span) -> tuple[Hit, ...]:
    """Return the markers' hits, and those of the earlier cue at the same place of the timeline, as far as they lie in the span."""
    moved = earlier.span.start_seconds - span.start_seconds
    kept = (Hit(hit.seconds + moved, hit.name) for hit in earlier.hits)
    length = span.seconds
    inside = {hit.seconds: hit for hit in (*kept, *marked) if 0 <= hit.seconds < length}
    return tuple(sorted(inside.values()))
