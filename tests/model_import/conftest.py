"""The models' tests ask the same stand-ins as the providers' do."""

from __future__ import annotations

from tests.providers.conftest import elsewhere, fal, replicate, scenario

__all__ = ["elsewhere", "fal", "replicate", "scenario"]
