"""The range of a joined cue as its strips lie now, for a take that is generated again or fitted again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....errors import InvalidInput
from .. import compat, cue_index, staleness
from . import played, spotting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..selection import CueSource, StripLevel


def spot_again(scene: Any, level: StripLevel, strip: Any, first: int, end: int, *, is_refit: bool) -> CueSource | None:
    """Return the spot for another take of a joined cue; None for the cue of one strip.

    It is on the take's own frames, as far as they are the cue's; with `is_refit`, on the range that the cue's strips fill now.

    Args:
        scene: the scene.
        level: the level of the take.
        strip: the take.
        first: first timeline frame on which the take is heard.
        end: first frame after it.
        is_refit: follow the strips.

    Raises:
        InvalidInput: its strips were removed, or as `spotting.spot_range`.
    """
    request = cue_index.parse_request(str(strip.get(cue_index.REQUEST_PROPERTY, "")))
    if request is None or not request.under:
        return None
    origin = round(compat.content_start(strip))
    span = max(first, origin), min(end, origin + request.frames)  # music may end after its picture
    if is_refit:
        found = played.requested_span(level, request)
        if found is None:
            raise InvalidInput("takes.picture_missing", "The picture of {strip} was removed.", strip=strip.name)
        span = found
    return spotting.spot_range(scene, level, span[0], span[1] - span[0])


def move_after_shots(scene: Any, level: StripLevel, strips: Sequence[Any]) -> int:
    """Move the takes of a joined cue to where all its shots were moved, and return the distance in frames.

    Raises:
        InvalidInput: the shots were not moved together, or are not as they were.
    """
    request = cue_index.parse_request(str(strips[0].get(cue_index.REQUEST_PROPERTY, "")))
    moved = played.moved_by(level, strips[0], request) if request is not None and request.under else None
    cache = staleness.SpeedEffectCache()
    if (
        request is None
        or not moved
        or not played.plays_as_requested(
            level, strips[0], request, lambda picture, lost: cache.fingerprint(scene, picture, lost), moved
        )
    ):
        raise InvalidInput(
            "takes.not_moved_together",
            "The shots under {strip} were not moved together. Regenerate it.",
            strip=strips[0].name,
        )
    for strip in strips:
        compat.move_strip(strip, moved)
    return moved


def is_joined(strip: Any) -> bool:
    """Return whether a take is one over a range."""
    request = cue_index.parse_request(str(strip.get(cue_index.REQUEST_PROPERTY, "")))
    return request is not None and bool(request.under)


def is_over(strip: Any, picture: Any) -> bool:
    """Return whether a take is one over a range in which a picture strip plays."""
    request = cue_index.parse_request(str(strip.get(cue_index.REQUEST_PROPERTY, "")))
    return request is not None and bool(request.under) and picture.name in request.picture_names
