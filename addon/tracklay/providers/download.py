"""One file from a provider to the disk: streamed, resumed, measured against what the server said, whole or not there at all."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, BinaryIO

from ..errors import ProviderTrouble, TimedOut, TracklayError
from ..paths import whole
from .client import client, lane
from .response import MOST_READ, Answer

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from .http import Api

MOST_HOPS = 3
"""Redirects followed for one file, each to a host of the provider's own."""

PARTIAL, OUT_OF_RANGE = 206, 416


class Download:
    """The way of one file. `have` bytes are on disk; `mark` is the server's name for this very content."""

    def __init__(self, api: Api, url: str, to: Path, *, key: bool, most: int) -> None:
        self._api, self._url, self._to, self._key, self._most = api, url, to, key, most
        self._have = 0
        self._mark = ""

    async def run(self) -> Path:
        """Fetch it; see `Api.download`."""
        api, patience = self._api, self._api.patience
        url, self._key = api.next_hop(self._url, self._url, key=self._key)
        with whole(self._to) as beside, beside.open("wb") as file:
            # A TimeoutError is an OSError too: it must not reach `whole`, for which that is a full disk.
            try:
                async with asyncio.timeout(patience.whole["download"]):
                    await self._tries(url, file)
            except TimeoutError as error:
                raise TimedOut(
                    f"the file from {api.name} comes too slowly; look at your network, or collect it later"
                ) from error
        return self._to

    async def _tries(self, url: str, file: BinaryIO) -> None:
        api, patience = self._api, self._api.patience
        passage = lane(api.name, "download", api.at_once, 0.0, patience)
        tried = 0
        while True:
            tried += 1
            async with passage:
                trouble, asked = await self._hops(url, file)
            if trouble is None:
                return
            if tried >= patience.tries["download"]:
                raise trouble
            await patience.sleep(patience.pause(tried, asked))

    async def _hops(self, url: str, file: BinaryIO) -> tuple[TracklayError | None, float | None]:
        """Follow the address to the file; what went wrong in a way that may go right the next time, and the wait asked for."""
        api, key = self._api, self._key
        for _ in range(MOST_HOPS + 1):
            headers = {"Accept-Encoding": "identity", **self._range(), **(api.key() if key else {})}
            try:
                async with client().stream("GET", url, headers=headers, timeout=api._timeout(None)) as response:  # noqa: SLF001
                    if response.is_redirect:
                        url, key = api.next_hop(url, response.headers.get("location", ""), key=key)
                        continue
                    if response.is_success:
                        return await self._take(response, file), None
                    answer = await _answer(response)
            except Exception as error:
                trouble = api._trouble(error)  # noqa: SLF001
                if trouble is None:
                    raise
                return trouble, None
            if answer.status == OUT_OF_RANGE and self._have:
                self._have, self._mark = 0, ""
                return api.refused(answer), None
            if answer.status < 500 and answer.status not in (408, 429):
                raise api.refused(answer)
            return api.refused(answer), answer.retry_after
        raise ProviderTrouble(f"{api.name} redirects its file in circles; try again later")

    def _range(self) -> dict[str, str]:
        return {"Range": f"bytes={self._have}-", "If-Range": self._mark} if self._have and self._mark else {}

    async def _take(self, response: httpx.Response, file: BinaryIO) -> TracklayError | None:
        """Write what comes. A whole answer begins the file anew; a part goes on where it is."""
        name = self._api.name
        part = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("content-range", "").strip())
        if response.status_code == PARTIAL:
            if part is None or int(part[1]) != self._have:
                self._have, self._mark = 0, ""
                return ProviderTrouble(f"{name} sends another part of the file than was asked for; try again later")
        else:
            self._have = 0
        file.seek(self._have)
        file.truncate()
        etag = response.headers.get("etag", "")
        self._mark = etag if etag and not etag.startswith("W/") else response.headers.get("last-modified", "")
        length = response.headers.get("content-length", "")
        total = self._have + int(length) if length.isdigit() else None
        if total is not None and total > self._most:
            raise self._too_large()
        async for chunk in response.aiter_raw():
            self._have += len(chunk)
            if self._have > self._most:
                raise self._too_large()
            file.write(chunk)
        if not self._have:
            return ProviderTrouble(f"{name} sends an empty file; try again later")
        if total is not None and self._have != total:
            return ProviderTrouble(f"{name} sends {self._have} bytes of a file of {total}; try again later")
        return None

    def _too_large(self) -> ProviderTrouble:
        return ProviderTrouble(f"{self._api.name} sends a file of more than {self._most >> 20} MiB; it was not kept")


async def _answer(response: httpx.Response) -> Answer:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MOST_READ:
            break
    return Answer(response.status_code, response.headers, body)
