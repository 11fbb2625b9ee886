"""Orders takes by their scores, and gives front ends the sentences for the reasons of a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Formatter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..cue import Take

REASON_TEMPLATES: Mapping[str, str] = {
    "contacts": "{met} of {of} contacts met, {milliseconds} ms off",
    "silent_contacts": "silence at {count} contacts",
    "extra_events": "{count} sounds where nothing strikes",
    "speech": "{seconds} s of speech",
    "music": "{seconds} s of music",
    "clipping": "clipped",
    "over": "true peak {decibels} dB over full scale",
    "silent": "silent",
    "digital_silence": "{seconds} s of digital silence",
    "dropouts": "{count} dropouts",
}
"""The sentence of each reason's code, over its figures."""


def order_takes(takes: Sequence[Take]) -> list[Take]:
    """Return takes with the best of each cue first, where the cue asks for it; all others stay in their order.

    A take that could not be scored comes after those that were.
    """
    by_cue: dict[str, list[Take]] = {}
    for take in takes:
        by_cue.setdefault(take.cue.id, []).append(take)
    ordered = []
    for group in by_cue.values():
        # Sorting is stable: of equal takes the first stays first.
        ordered += (
            sorted(group, key=lambda take: -score_value(take.score)) if any(take.cue.best for take in group) else group
        )
    return ordered


def score_value(score: Any) -> float:
    """Return the value of a score as a manifest has it; -1 if there is none, or what another program wrote there is none."""
    value = score.get("value") if isinstance(score, Mapping) else None
    return float(value) if isinstance(value, int | float) and 0 <= value <= 100 else -1.0


def describe_reasons(score: Any, *, most: int = 3) -> list[tuple[str, dict[str, str]]]:
    """Return the sentences of a score's most expensive reasons, each as its template and its values as text.

    What is met in full, and costs nothing, is left out if anything else is known; so is what lacks a figure.
    """
    reasons = score.get("reasons") if isinstance(score, Mapping) else None
    found = []
    for reason in reasons if isinstance(reasons, list) else ():
        template = REASON_TEMPLATES.get(str(reason.get("code"))) if isinstance(reason, Mapping) else None
        if template is None:
            continue
        figures = {name: value for name, value in reason.items() if isinstance(value, int | float) and abs(value) < 1e9}
        points = figures.pop("points", 0)
        if {name for _, name, _, _ in Formatter().parse(template) if name} <= figures.keys():
            found.append((points, template, {name: _number_text(value) for name, value in figures.items()}))
    return [(template, values) for points, template, values in found if points >= 0.5 or len(found) == 1][:most]


def reason_texts(score: Any, *, most: int = 3) -> list[str]:
    """Return the English sentences of a score's most expensive reasons."""
    return [template.format(**values) for template, values in describe_reasons(score, most=most)]


def _number_text(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.1f}"
