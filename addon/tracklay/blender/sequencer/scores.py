"""Scores of takes on the timeline: which take of a cue is best, and what the panel says of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...scoring.ranking import describe_reasons, score_value
from ..settings.i18n.translate import translate_ui
from . import cue_index

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .takes import TakeGroup, TakeStrips


def strip_score(strip: Any) -> Mapping[str, Any]:
    """Return the score in a strip's manifest entry; empty if its take was not scored."""
    if strip is None or cue_index.ENTRY_PROPERTY not in strip:
        return {}
    score = cue_index.parse_entry(str(strip[cue_index.ENTRY_PROPERTY])).get("score")
    return score if isinstance(score, dict) else {}


def best_take_index(group: TakeGroup) -> int:
    """Return the index of the take with the highest score; -1 if none was scored or the user has marked a favourite."""
    if any(take.is_favourite for take in group.takes):
        return -1
    values = [score_value(strip_score(take.full_mix)) for take in group.takes]
    best = max(range(len(values)), key=values.__getitem__)
    return best if values[best] >= 0 else -1


def heard_text(take: TakeStrips) -> str:
    """Return a take's loudness and number of events for the panel; empty for a take of an earlier version."""
    heard = cue_index.heard_figures(take.strips[0])
    lufs, events = heard.get("lufs"), heard.get("events")
    if not isinstance(lufs, int | float) or not isinstance(events, int):
        return ""
    if heard.get("silent"):
        return translate_ui("Silent: nothing is heard")
    return translate_ui("{} LUFS, events: {}", f"{lufs:.1f}", events)


def score_lines(take: TakeStrips) -> list[str]:
    """Return a take's score and its reasons as lines for the panel; none if it was not scored."""
    score = strip_score(take.full_mix)
    if not score:
        return []
    reasons = [translate_ui(template).format(**values) for template, values in describe_reasons(score)]
    return [translate_ui("Score {}", round(score_value(score))), *reasons]
