"""Downloads from signed URLs, which expire: the provider then issues a new one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NotFound, RefusedInput, ResultExpired
from .download import download

if TYPE_CHECKING:
    from .http import Api

# Storage services answer an expired signature with 400, 401, 403 or 404.
_REFUSALS = (ResultExpired, NotFound, RefusedInput)


async def download_signed(
    api: Api, url: str, renew_url: Callable[[], Awaitable[str]], to: Path, expired_error: ResultExpired
) -> Path:
    """Download a file from a signed URL, without the API key: S3 refuses a request that has both.

    Args:
        api: the provider's API.
        url: the signed URL.
        renew_url: asks the provider for a new one after a refusal.
        to: the file to write.
        expired_error: raised if the new URL is refused too.

    Raises:
        ResultExpired: both URLs are refused.
        ProviderUnavailable, ProviderTimeout, OutputError: see `download`.
    """
    try:
        return await download(api, url, to)
    except _REFUSALS:
        new_url = await renew_url()
    try:
        return await download(api, new_url, to)
    except _REFUSALS as error:
        raise expired_error from error
