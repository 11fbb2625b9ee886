"""The handles that a model is asked for: sound before and after the span, as far as its limits allow."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from .sizes import part_sizes

if TYPE_CHECKING:
    from ..cue import Cue
    from ..models import Model


def limit_handles(cue: Cue, model: Model) -> tuple[int, int]:
    """Return the handles of a cue that a model is asked for, in frames.

    There are none where nothing is generated, for a stretch of a take, and for music that no picture shapes: it is kept whole, or
    composed to the span. Sound of a model that sees no moving picture begins where its request does, so it has none before the span.
    Handles do not make two requests of one: they are shortened to what the model makes at once.
    """
    picture = model.picture_input(cue.params)
    is_composed = model.task == "music" and (picture is None or model.provider == "sketch")
    if not cue.generates or cue.patch is not None or is_composed:
        return 0, 0
    before, after = cue.handles if picture == "video" else (0, cue.handles[1])
    frames = cue.span.frames

    def is_too_long(more: int) -> bool:
        if part_sizes(model, frames + more, cue.span.rate, cue.parts) is not None:
            return True
        try:
            model.check_span(cue.span.rate.seconds(frames + more))
        except InvalidInput:
            return True
        return False

    if is_too_long(0):  # made in parts, or refused
        return before, after
    room = bisect.bisect_left(range(before + after + 1), x=True, key=is_too_long) - 1
    kept = min(after, max(room - before, (room + 1) // 2))
    return min(before, room - kept), kept
