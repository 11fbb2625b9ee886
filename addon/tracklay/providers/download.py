"""Download of one file from a provider: streamed to disk, resumed after a break, checked against its length, complete or absent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..atomic_io import atomic_write
from ..errors import ProviderTimeout, ProviderUnavailable, ResultExpired, TracklayError
from .client import get_client, get_limiter
from .http import Api, httpx_timeout
from .response import MAX_ERROR_BODY_BYTES, Response, message_suffix, read_chunks
from .retry import MIB, is_retryable

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger(__name__)

MAX_REDIRECTS = 3
"""Redirects that are followed for one file, each to one of the provider's own hosts."""

MAX_LENGTH_DIGITS = 12
"""Digits of a length that is believed."""

LINK_REFUSALS = (401, 403)
"""Statuses with which a storage service refuses a link, and an API a key."""

PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE = 206, 416


async def download(api: Api, url: str, to: Path, *, send_key: bool = False, max_bytes: int | None = None) -> Path:
    """Download a file that the provider made, and return its path.

    Args:
        api: the provider's API.
        url: the URL that the server named.
        to: the file to write. It is complete or absent, never partial.
        send_key: whether the API key is sent, to those hosts that may receive it.
        max_bytes: the largest accepted size; by default the retry policy's.

    Raises:
        ProviderUnavailable: the file is too large, empty, incomplete after all attempts, or not on the provider's hosts.
        ResultExpired: the server refuses the link.
        NotFound, KeyRefused: it has no such file, or the API refuses the key.
        ProviderTimeout: it did not arrive within the time limit.
        OutputError: it cannot be written.
    """
    limit = api.retry_policy.max_download_bytes if max_bytes is None else max_bytes
    return await _Download(api, url, to, send_key=send_key, max_bytes=limit).run()


class _Download:
    """The state of one download, which outlives its attempts.

    `_received_bytes` are on disk. `_validator` is the ETag or date of that content: the server compares it before it sends the
    rest, so that halves of two different files are never joined (RFC 9110, section 13.1.5).
    """

    def __init__(self, api: Api, url: str, to: Path, *, send_key: bool, max_bytes: int) -> None:
        self._api, self._url, self._to, self._send_key, self._max_bytes = api, url, to, send_key, max_bytes
        self._received_bytes = 0
        self._validator = ""

    async def run(self) -> Path:
        """Download the file; see `download`."""
        api, policy = self._api, self._api.retry_policy
        url, self._send_key = api.resolve_redirect(self._url, self._url, send_key=self._send_key)
        with atomic_write(self._to) as temp_path, temp_path.open("wb") as file:
            # TimeoutError is a subclass of OSError. It must not leave this block: `atomic_write` would report a full disk.
            try:
                async with asyncio.timeout(policy.attempt_seconds["download"]):
                    await self._download_with_retries(url, file)
            except TimeoutError as error:
                raise ProviderTimeout(
                    "provider.download_too_slow",
                    "The download from {provider} is too slow. Check the network.",
                    provider=api.name,
                ) from error
        return self._to

    async def _download_with_retries(self, url: str, file: BinaryIO) -> None:
        api, policy = self._api, self._api.retry_policy
        limiter = get_limiter(api.name, "download", api.max_concurrent, 0.0, policy)
        max_attempts = policy.max_attempts["download"]
        attempt = 0
        while True:
            attempt += 1
            async with limiter:
                error, retry_after = await self._follow_redirects(url, file)
            if error is None:
                return
            if attempt >= max_attempts:
                raise error
            delay = policy.next_delay(attempt, retry_after)
            _log.info(
                "%s: download failed (%s) after %d bytes, attempt %d of %d; retrying in %.1f s",
                *(api.name, error.code, self._received_bytes, attempt, max_attempts, delay),
            )
            await policy.sleep(delay)

    async def _follow_redirects(self, url: str, file: BinaryIO) -> tuple[TracklayError | None, float | None]:
        """Make one attempt. Return its temporary error, or None, and the seconds that the server asked to wait.

        Raises:
            TracklayError: the failure is final.
        """
        api, send_key = self._api, self._send_key
        for _ in range(MAX_REDIRECTS + 1):
            # A compressed transfer has no stable byte ranges, so none is asked for.
            headers = {"Accept-Encoding": "identity", **self._range_headers()}
            headers |= api.auth_headers() if send_key else {}
            try:
                async with get_client().stream(
                    "GET", url, headers=headers, timeout=httpx_timeout(api.retry_policy)
                ) as response:
                    if response.is_redirect:
                        url, send_key = api.resolve_redirect(
                            url, response.headers.get("location", ""), send_key=send_key
                        )
                        continue
                    if response.is_success:
                        return await self._write_response(response, file), None
                    refusal = await _read_error_response(response)
            except Exception as error:
                known = api.network_error(error)
                if known is None:
                    raise
                return known, None
            if refusal.status == RANGE_NOT_SATISFIABLE and self._received_bytes:
                # The file is shorter than what is on disk: it changed. Start again from its first byte.
                self._received_bytes, self._validator = 0, ""
                return api.response_error(refusal), None
            if not is_retryable(refusal.status):
                raise self._refusal_error(url, refusal)
            return api.response_error(refusal), refusal.retry_after
        raise ProviderUnavailable(
            "provider.redirect_loop", "{provider} redirects its file in circles.", provider=api.name
        )

    def _refusal_error(self, url: str, refusal: Response) -> TracklayError:
        """Return the error of a final refusal. Only the API itself judges the key: elsewhere it is the link that is refused."""
        api = self._api
        if refusal.status not in LINK_REFUSALS or any(url.startswith(f"{base}/") for base in api.base_urls):
            return api.response_error(refusal)
        return ResultExpired(
            "provider.link_refused",
            "{provider} refuses the link to its file (status {status}{message}): it has expired, or the file was deleted.",
            provider=api.name,
            status=refusal.status,
            message=message_suffix(refusal.message),
        )

    def _range_headers(self) -> dict[str, str]:
        if not (self._received_bytes and self._validator):
            return {}
        return {"Range": f"bytes={self._received_bytes}-", "If-Range": self._validator}

    async def _write_response(self, response: httpx.Response, file: BinaryIO) -> TracklayError | None:
        """Write a response to the file. Return the error if a further attempt may complete it.

        A partial response continues the file, a full response starts it again.
        """
        provider = self._api.name
        if response.status_code == PARTIAL_CONTENT:
            part = re.fullmatch(
                r"bytes (\d{1,12})-\d{1,12}/(\d{1,12}|\*)", response.headers.get("content-range", "").strip()
            )
            if part is None or int(part[1]) != self._received_bytes:
                self._received_bytes, self._validator = 0, ""
                return ProviderUnavailable(
                    "provider.wrong_range",
                    "{provider} sent another part of the file than requested.",
                    provider=provider,
                )
        else:
            self._received_bytes = 0
        file.seek(self._received_bytes)
        file.truncate()
        # A weak ETag (W/) promises equal meaning, not equal bytes, so it cannot validate a range.
        etag = response.headers.get("etag", "")
        self._validator = etag if etag and not etag.startswith("W/") else response.headers.get("last-modified", "")
        length = response.headers.get("content-length", "")
        # A compressed transfer, which was not asked for, is decompressed and restarted after a break: its length is not the file's.
        is_encoded = response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
        if is_encoded:
            self._validator = ""
        # Twelve digits: Python refuses to convert thousands, and no file is larger.
        is_length = length.isascii() and length.isdigit() and len(length) <= MAX_LENGTH_DIGITS
        total = self._received_bytes + int(length) if is_length and not is_encoded else None
        if total is not None and total > self._max_bytes:
            raise self._too_large_error()
        async with contextlib.aclosing(read_chunks(response)) as chunks:
            async for chunk in chunks:
                self._received_bytes += len(chunk)
                if self._received_bytes > self._max_bytes:
                    raise self._too_large_error()
                file.write(chunk)
        if not self._received_bytes:
            return ProviderUnavailable("provider.file_empty", "{provider} sent an empty file.", provider=provider)
        if total is not None and self._received_bytes != total:
            return ProviderUnavailable(
                "provider.file_incomplete",
                "{provider} sent {received} of a file's {total} bytes.",
                provider=provider,
                received=self._received_bytes,
                total=total,
            )
        return None

    def _too_large_error(self) -> ProviderUnavailable:
        return ProviderUnavailable(
            "provider.file_too_large",
            "{provider} sent a file of more than {limit} MiB. It was not kept.",
            provider=self._api.name,
            limit=self._max_bytes // MIB,
        )


async def _read_error_response(response: httpx.Response) -> Response:
    """Read an error's body, up to `MAX_ERROR_BODY_BYTES`."""
    body = b""
    async with contextlib.aclosing(read_chunks(response)) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > MAX_ERROR_BODY_BYTES:
                break
    return Response(response.status_code, response.headers, body)
