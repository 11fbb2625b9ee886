"""One file from a provider to the disk: streamed, resumed, measured against what the server said, whole or not there at all."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, BinaryIO

from ..atomic_io import atomic_write
from ..errors import ProviderTimeout, ProviderUnavailable, TracklayError
from .client import get_client, get_limiter
from .response import MAX_ERROR_BODY_BYTES, Response

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from .http import Api

MAX_REDIRECTS = 3
"""Redirects followed for one file, each to a host of the provider's own."""

PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416


class Download:
    """The way of one file. `have` bytes are on disk; `mark` is the server's name for this very content."""

    def __init__(self, api: Api, url: str, to: Path, *, send_key: bool, max_bytes: int) -> None:
        self._api, self._url, self._to, self._send_key, self._max_bytes = api, url, to, send_key, max_bytes
        self._received_bytes = 0
        self._validator = ""

    async def run(self) -> Path:
        """Fetch it; see `Api.download`."""
        api, patience = self._api, self._api.retry_policy
        url, self._send_key = api.resolve_redirect(self._url, self._url, send_key=self._send_key)
        with atomic_write(self._to) as beside, beside.open("wb") as file:
            # A TimeoutError is an OSError too: it must not reach `whole`, for which that is a full disk.
            try:
                async with asyncio.timeout(patience.attempt_seconds["download"]):
                    await self._download_with_retries(url, file)
            except TimeoutError as error:
                raise ProviderTimeout(
                    f"the file from {api.name} comes too slowly; look at your network, or collect it later"
                ) from error
        return self._to

    async def _download_with_retries(self, url: str, file: BinaryIO) -> None:
        api, patience = self._api, self._api.retry_policy
        passage = get_limiter(api.name, "download", api.max_concurrent, 0.0, patience)
        tried = 0
        while True:
            tried += 1
            async with passage:
                trouble, asked = await self._follow_redirects(url, file)
            if trouble is None:
                return
            if tried >= patience.max_attempts["download"]:
                raise trouble
            await patience.sleep(patience.next_delay(tried, asked))

    async def _follow_redirects(self, url: str, file: BinaryIO) -> tuple[TracklayError | None, float | None]:
        """Follow the address to the file; what went wrong in a way that may go right the next time, and the wait asked for."""
        api, key = self._api, self._send_key
        for _ in range(MAX_REDIRECTS + 1):
            headers = {"Accept-Encoding": "identity", **self._range_headers(), **(api.auth_headers() if key else {})}
            try:
                async with get_client().stream(
                    "GET", url, headers=headers, timeout=api.httpx_timeout(None)
                ) as response:
                    if response.is_redirect:
                        url, key = api.resolve_redirect(url, response.headers.get("location", ""), send_key=key)
                        continue
                    if response.is_success:
                        return await self._write_response(response, file), None
                    answer = await _read_error_response(response)
            except Exception as error:
                trouble = api.network_error(error)
                if trouble is None:
                    raise
                return trouble, None
            if answer.status == RANGE_NOT_SATISFIABLE and self._received_bytes:
                self._received_bytes, self._validator = 0, ""
                return api.response_error(answer), None
            if answer.status < 500 and answer.status not in (408, 429):
                raise api.response_error(answer)
            return api.response_error(answer), answer.retry_after
        raise ProviderUnavailable(f"{api.name} redirects its file in circles; try again later")

    def _range_headers(self) -> dict[str, str]:
        return (
            {"Range": f"bytes={self._received_bytes}-", "If-Range": self._validator}
            if self._received_bytes and self._validator
            else {}
        )

    async def _write_response(self, response: httpx.Response, file: BinaryIO) -> TracklayError | None:
        """Write what comes. A whole answer begins the file anew; a part goes on where it is."""
        name = self._api.name
        part = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("content-range", "").strip())
        if response.status_code == PARTIAL_CONTENT:
            if part is None or int(part[1]) != self._received_bytes:
                self._received_bytes, self._validator = 0, ""
                return ProviderUnavailable(f"{name} sends another part of the file than was asked for; try again later")
        else:
            self._received_bytes = 0
        file.seek(self._received_bytes)
        file.truncate()
        etag = response.headers.get("etag", "")
        self._validator = etag if etag and not etag.startswith("W/") else response.headers.get("last-modified", "")
        length = response.headers.get("content-length", "")
        total = self._received_bytes + int(length) if length.isdigit() else None
        if total is not None and total > self._max_bytes:
            raise self._too_large_error()
        async for chunk in response.aiter_raw():
            self._received_bytes += len(chunk)
            if self._received_bytes > self._max_bytes:
                raise self._too_large_error()
            file.write(chunk)
        if not self._received_bytes:
            return ProviderUnavailable(f"{name} sends an empty file; try again later")
        if total is not None and self._received_bytes != total:
            return ProviderUnavailable(
                f"{name} sends {self._received_bytes} bytes of a file of {total}; try again later"
            )
        return None

    def _too_large_error(self) -> ProviderUnavailable:
        return ProviderUnavailable(
            f"{self._api.name} sends a file of more than {self._max_bytes >> 20} MiB; it was not kept"
        )


async def _read_error_response(response: httpx.Response) -> Response:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_ERROR_BODY_BYTES:
            break
    return Response(response.status_code, response.headers, body)
