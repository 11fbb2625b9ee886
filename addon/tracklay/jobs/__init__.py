"""Carries cues through extract, generate and conform: the ledger that holds every job, its way, and the runner that keeps many on it."""

from typing import TYPE_CHECKING

from ..later import names_from
from .cost import estimate, within_budget
from .job_spec import Order, Step, checked

if TYPE_CHECKING:
    from .runner import Ended, Going, Looked, Run, Runner
else:  # asyncio, SQLite and all that is done with media come along, and are needed when something is sent
    __getattr__ = names_from(__name__, {"runner": ("Ended", "Going", "Looked", "Run", "Runner")})

__all__ = ["Ended", "Going", "Looked", "Order", "Run", "Runner", "Step", "checked", "estimate", "within_budget"]
