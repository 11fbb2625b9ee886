"""The fake servers of the providers' tests, used here too."""

from __future__ import annotations

from tests.providers.conftest import elsewhere, fal, replicate, scenario

__all__ = ["elsewhere", "fal", "replicate", "scenario"]
