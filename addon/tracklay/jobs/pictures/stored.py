"""A cue's picture as plain data, as the job ledger stores it beside the cue's other fields."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...cue import EditorRender, Picture, PicturePiece
from ...timing import Rate, Span, TimeMap

if TYPE_CHECKING:
    from collections.abc import Mapping


def picture_to_dict(picture: Picture) -> dict[str, Any]:
    """Return a picture as plain data. `pop_picture` rebuilds it."""
    return {
        "source": str(picture.source.absolute()),
        "map": [[str(frame), str(seconds)] for frame, seconds in picture.time_map.points],
        "images": list(picture.images),
        "rate": None if picture.rate is None else str(picture.rate),
        "render": _render_to_dict(picture.render),
        "reason": picture.reason,
        # Left out if it is the first rule that existed: this data identifies work that was paid for.
        **({} if picture.frame_rule == "nearest" else {"frame_rule": picture.frame_rule}),
        **({"pieces": [_piece_to_dict(piece) for piece in picture.pieces]} if picture.pieces else {}),
    }


def _piece_to_dict(piece: PicturePiece) -> dict[str, Any]:
    return {"frames": [piece.span.start, piece.span.frames], **picture_to_dict(piece.picture)}


def pop_picture(stored: dict[str, Any], rate: Rate) -> Picture:
    """Remove the fields of a picture from a stored cue and return it. `rate` is the timeline's."""
    points = tuple((Fraction(frame), Fraction(seconds)) for frame, seconds in stored.pop("map"))
    images, stored_rate = tuple(stored.pop("images")), stored.pop("rate")
    # Fields that were added or renamed later: `why` is the name of `reason` in ledgers before version 2.
    render = _render_from_dict(stored.pop("render", None))
    reason = stored.pop("why", "")
    reason = stored.pop("reason", reason)
    return Picture(
        Path(stored.pop("source")),
        TimeMap(points),
        images,
        None if stored_rate is None else Rate(Fraction(stored_rate)),
        render=render,
        reason=reason,
        frame_rule=stored.pop("frame_rule", "nearest"),
        pieces=tuple(_piece_from_dict(piece, rate) for piece in stored.pop("pieces", ())),
    )


def _piece_from_dict(data: Mapping[str, Any], rate: Rate) -> PicturePiece:
    start, frames = data["frames"]
    return PicturePiece(Span(start, frames, rate), pop_picture(dict(data), rate))


def _render_to_dict(render: EditorRender | None) -> dict[str, Any] | None:
    if render is None:
        return None
    timeline_copy = None if render.timeline_copy is None else str(render.timeline_copy)
    script = None if render.script is None else str(render.script)
    return {
        "program": list(render.program),
        "script": script,
        "scene": render.scene,
        "strip": render.strip,
        "copy": timeline_copy,
        **({"whole": True} if render.whole else {}),
    }


def _render_from_dict(data: Mapping[str, Any] | None) -> EditorRender | None:
    if data is None:
        return None
    timeline_copy = None if data["copy"] is None else Path(data["copy"])
    script = Path(data["script"]) if data.get("script") else None
    return EditorRender(
        tuple(data["program"]), data["scene"], data["strip"], timeline_copy, script, data.get("whole", False)
    )
