"""Carries cues through extract, generate and conform: the ledger that holds every job, its way, and the runner that keeps many on it."""

from .cost import estimate, within_budget
from .order import Order, Step, checked
from .runner import Ended, Going, Looked, Run, Runner

__all__ = ["Ended", "Going", "Looked", "Order", "Run", "Runner", "Step", "checked", "estimate", "within_budget"]
