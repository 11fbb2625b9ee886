"""How often a running submission is looked at: seldom while it cannot be done, closely when it should be."""

from __future__ import annotations

MAX_LATENESS = 0.05
"""A look comes late by this share of what has gone by, at most: three seconds after a minute, a tenth after two seconds."""

FIRST_POLL_AT = 0.9
"""Of a model's typical time: before that it is looked at only so that its progress can be told."""

SMOOTHING_FACTOR = 0.3
"""How much the latest run counts for what is typical."""


class PollSchedule:
    """What each model's runs took in this process, and when the next look is worth it. All in seconds."""

    def __init__(self) -> None:
        self._typical_seconds: dict[str, float] = {}

    def next_delay(self, model: str, elapsed_seconds: float, min_delay: float, max_delay: float) -> float:
        """How long to wait before the next look at a run that began `elapsed_seconds` ago."""
        typical = self._typical_seconds.get(model, 0.0)
        wanted = (
            typical * FIRST_POLL_AT - elapsed_seconds
            if elapsed_seconds < typical * FIRST_POLL_AT
            else elapsed_seconds * MAX_LATENESS
        )
        return min(max_delay, max(min_delay, wanted))

    def record(self, model: str, seconds: float) -> None:
        """A run took so long."""
        known = self._typical_seconds.get(model, seconds)
        self._typical_seconds[model] = known + (seconds - known) * SMOOTHING_FACTOR
