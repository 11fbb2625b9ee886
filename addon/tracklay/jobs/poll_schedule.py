"""How often a running submission is looked at: seldom while it cannot be done, closely when it should be."""

from __future__ import annotations

SHARE = 0.05
"""A look comes late by this share of what has gone by, at most: three seconds after a minute, a tenth after two seconds."""

EARLY = 0.9
"""Of a model's typical time: before that it is looked at only so that its progress can be told."""

LEARNING = 0.3
"""How much the latest run counts for what is typical."""


class Pace:
    """What each model's runs took in this process, and when the next look is worth it. All in seconds."""

    def __init__(self) -> None:
        self._typical: dict[str, float] = {}

    def pause(self, model: str, elapsed: float, least: float, most: float) -> float:
        """How long to wait before the next look at a run that began `elapsed` ago."""
        typical = self._typical.get(model, 0.0)
        wanted = typical * EARLY - elapsed if elapsed < typical * EARLY else elapsed * SHARE
        return min(most, max(least, wanted))

    def learn(self, model: str, seconds: float) -> None:
        """A run took so long."""
        known = self._typical.get(model, seconds)
        self._typical[model] = known + (seconds - known) * LEARNING
