"""Files behind signed addresses: the address ends after a while, and whoever signed it gives a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import KeyRefused, NotFound, RefusedInput, ResultExpired

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from .http import Api


async def download_signed(
    api: Api, url: str, renew_url: Callable[[], Awaitable[str]], to: Path, expired_message: str
) -> Path:
    """The file, without the key: a signature is all that its host wants, and some hosts refuse both together.

    Args:
        api: whose file it is.
        url: as it was named.
        renew_url: asks for the address once more, when that one is refused.
        to: the file.
        expired_message: says what to do when the new one is refused too.

    Raises:
        ResultGone: it is refused twice.
        ProviderTrouble, TimedOut, OutputError: as `Api.download`.
    """
    refused = (KeyRefused, NotFound, RefusedInput)
    try:
        return await api.download(url, to)
    except refused:
        again = await renew_url()
    try:
        return await api.download(again, to)
    except refused as error:
        raise ResultExpired(expired_message) from error
