"""Files behind signed addresses: the address ends after a while, and whoever signed it gives a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import KeyRefused, NotThere, RefusedInput, ResultGone

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from .http import Api


async def fetch(api: Api, address: str, renewed: Callable[[], Awaitable[str]], to: Path, gone: str) -> Path:
    """The file, without the key: a signature is all that its host wants, and some hosts refuse both together.

    Args:
        api: whose file it is.
        address: as it was named.
        renewed: asks for the address once more, when that one is refused.
        to: the file.
        gone: says what to do when the new one is refused too.

    Raises:
        ResultGone: it is refused twice.
        ProviderTrouble, TimedOut, OutputError: as `Api.download`.
    """
    refused = (KeyRefused, NotThere, RefusedInput)
    try:
        return await api.download(address, to)
    except refused:
        again = await renewed()
    try:
        return await api.download(again, to)
    except refused as error:
        raise ResultGone(gone) from error
