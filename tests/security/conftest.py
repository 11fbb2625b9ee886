"""Fixtures of the providers' tests: the fake servers."""

from tests.providers.conftest import fal, site

__all__ = ["fal", "site"]
