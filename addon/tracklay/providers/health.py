"""Free checks of each provider: does it respond, and does it accept the API key."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from ..errors import KeyMissing, TracklayError
from .base import get_provider
from .client import close_client

CHECKED_PROVIDERS = ("replicate", "fal", "scenario", "beatoven", "elevenlabs", "mirelo", "cog", "comfyui")
CHECK_TIMEOUT_SECONDS = 10


class HealthCheck(NamedTuple):
    """A provider's answer in words. `is_healthy` is True if it would accept a request."""

    provider: str
    message: str
    is_healthy: bool = False


async def check_all() -> list[HealthCheck]:
    """Check all providers at the same time: those whose API key is set, and the Cog container."""
    try:
        return list(await asyncio.gather(*(_check_provider(name) for name in CHECKED_PROVIDERS)))
    finally:
        await close_client()


async def _check_provider(name: str) -> HealthCheck:
    try:
        provider = get_provider(name)
        provider.check_ready()
        if "check_key" not in provider.capabilities:
            return HealthCheck(name, "key is set; the API has no request to check it")
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            account = await provider.check_key()
    except KeyMissing:
        return HealthCheck(name, "not checked: no API key")
    except TimeoutError:
        return HealthCheck(name, f"no response within {CHECK_TIMEOUT_SECONDS} s")
    except TracklayError as error:
        return HealthCheck(name, str(error))
    return HealthCheck(name, f"responds{f', account {account}' if account else ''}", is_healthy=True)
