"""Asks each hosted provider whether it would answer, and whether it knows the key. It costs nothing."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from ..errors import KeyMissing, TracklayError
from .base import provider
from .http import close

HOSTED = ("replicate", "fal", "scenario", "beatoven", "cog")
ANSWER_SECONDS = 10


class Answering(NamedTuple):
    """What a provider said, in words; `good` where it would answer."""

    provider: str
    words: str
    good: bool = False


async def answers() -> list[Answering]:
    """All of them, asked side by side: those whose key is set, and the person's own container."""
    try:
        return list(await asyncio.gather(*(_answer(name) for name in HOSTED)))
    finally:
        await close()


async def _answer(name: str) -> Answering:
    try:
        maker = provider(name)
        maker.ready()
        if "check_key" not in maker.offers:
            return Answering(name, "has no call that tells whether it would answer")
        async with asyncio.timeout(ANSWER_SECONDS):
            whose = await maker.check_key()
    except KeyMissing:
        return Answering(name, "not asked: no key")
    except TimeoutError:
        return Answering(name, f"no answer within {ANSWER_SECONDS} s")
    except TracklayError as error:
        return Answering(name, str(error))
    return Answering(name, f"answers{f', the key is {whose}' if whose else ''}", good=True)
