"""Asks each hosted provider whether it would answer, and whether it knows the key. It costs nothing."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from ..errors import KeyMissing, TracklayError
from .base import get_provider
from .http import close_client

CHECKED_PROVIDERS = ("replicate", "fal", "scenario", "beatoven", "cog")
CHECK_TIMEOUT_SECONDS = 10


class HealthCheck(NamedTuple):
    """What a provider said, in words; `is_healthy` where it would answer."""

    provider: str
    message: str
    is_healthy: bool = False


async def check_all() -> list[HealthCheck]:
    """All of them, asked side by side: those whose key is set, and the person's own container."""
    try:
        return list(await asyncio.gather(*(_check_provider(name) for name in CHECKED_PROVIDERS)))
    finally:
        await close_client()


async def _check_provider(name: str) -> HealthCheck:
    try:
        maker = get_provider(name)
        maker.check_ready()
        if "check_key" not in maker.capabilities:
            return HealthCheck(name, "has no call that tells whether it would answer")
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            whose = await maker.check_key()
    except KeyMissing:
        return HealthCheck(name, "not asked: no key")
    except TimeoutError:
        return HealthCheck(name, f"no answer within {CHECK_TIMEOUT_SECONDS} s")
    except TracklayError as error:
        return HealthCheck(name, str(error))
    return HealthCheck(name, f"answers{f', the key is {whose}' if whose else ''}", is_healthy=True)
