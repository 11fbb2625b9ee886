"""The interval between two polls of a running submission: long while it cannot be done, short when it should be."""

from __future__ import annotations

MAX_LATENESS = 0.05
"""Share of the elapsed time by which a poll may be late: three seconds after a minute, a tenth of a second after two seconds."""

FIRST_POLL_AT = 0.9
"""Share of a model's typical duration before which a poll only serves to show progress."""

SMOOTHING_FACTOR = 0.3
"""Weight of the latest run in a model's typical duration (exponential moving average)."""


class PollSchedule:
    """The poll intervals, learned from the durations of each model's runs in this process. All times are in seconds."""

    def __init__(self) -> None:
        self._typical_seconds: dict[str, float] = {}

    def next_delay(self, model: str, elapsed_seconds: float, min_delay: float, max_delay: float) -> float:
        """Return the seconds until the next poll of a run that started `elapsed_seconds` ago."""
        typical = self._typical_seconds.get(model, 0.0)
        # Before the typical end, sleep until just before it. After it (or when nothing is known), the delay grows with the
        # elapsed time, so that a long run costs few polls and a short one is noticed at once.
        delay = (
            typical * FIRST_POLL_AT - elapsed_seconds
            if elapsed_seconds < typical * FIRST_POLL_AT
            else elapsed_seconds * MAX_LATENESS
        )
        return min(max_delay, max(min_delay, delay))

    def record(self, model: str, seconds: float) -> None:
        """Update a model's typical duration with a finished run's."""
        known = self._typical_seconds.get(model, seconds)
        self._typical_seconds[model] = known + (seconds - known) * SMOOTHING_FACTOR
