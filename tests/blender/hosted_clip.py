"""The clip over which sounds of hosted models are laid, and a fixture that removes the pauses between polls."""

from __future__ import annotations

import importlib
from fractions import Fraction

import pytest
from tracklay.blender.settings.preferences import COG_PROVIDER, HOSTED_PROVIDERS
from tracklay.providers import base

from tests.providers.provider_flow import fast_policy

RATE = Fraction(24000, 1001)
FRAMES = 100
FLASHES = (12, 51, 98)
START = 31
"""The strip's first frame on the timeline."""


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch):
    """Remove the pauses between polls and between retries."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.001))
    monkeypatch.setattr("tracklay.providers.base.DEFAULT_FIND_DELAYS", (0.0, 0.0))
    for name in (*HOSTED_PROVIDERS, COG_PROVIDER):
        made = type(importlib.import_module(f"tracklay.providers.{name}").create_provider())
        monkeypatch.setitem(base._factories, name, lambda made=made: made(fast_policy()))
