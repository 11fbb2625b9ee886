"""Responses of a server, read leniently (JSON, half of it, an HTML page, nothing), and the errors that they mean.

Providers and the proxies in front of them answer errors in every format, so nothing here assumes one.
"""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ..errors import (
    InsufficientCredit,
    KeyRefused,
    NotFound,
    ProviderUnavailable,
    RefusedContent,
    RefusedInput,
    TracklayError,
)
from ..untrusted_data import parse_json, printable_text
from .credentials import redact
from .retry import TOO_MANY_REQUESTS, is_retryable

if TYPE_CHECKING:
    import httpx

MAX_MESSAGE_CHARS = 300
"""The most characters of a server's message that one of ours quotes."""

MAX_ERROR_BODY_BYTES = 20_000
"""The most bytes of an error's body that are read."""

MAX_PAGE_BYTES = 4096
"""The most bytes of an HTML page or text in which a message is searched: the patterns take quadratic time."""

ACCEPT_ENCODING = "gzip"
"""The one compression that is asked for and read."""

DECODED_CHUNK_BYTES = 1 << 16
"""The most bytes that are decompressed at a time: a compressed byte may become a thousand."""

# In the order of their worth: a title ("Bad Request") says less than the others.
_MESSAGE_KEYS = ("detail", "message", "reason", "error", "msg", "description", "title")
# Replicate's throttling message: docs/api-notes/replicate.md.
_RESET_PATTERN = re.compile(r"resets in ~?(\d+) ?s")
_CONTENT_POLICY_PATTERN = re.compile(
    r"content[ _-]?polic|\bnsfw\b|moderation|safety (?:filter|check|system)|content_policy", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """True for any 2xx status: fal answers 202 to a poll, Replicate 201 to a creation, Scenario 269 to a dry run."""
        return 200 <= self.status < 300

    @property
    def data(self) -> Any:
        """The body parsed as JSON, checked as `parse_json` does, or None if it is not JSON."""
        try:
            return parse_json(self.body)
        except ValueError:
            return None

    @property
    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object, or an empty one if it is anything else."""
        data = self.data
        return data if isinstance(data, dict) else {}

    @property
    def message(self) -> str:
        """The server's message as one short line without API keys: from the JSON, the HTML title or the text."""
        message = find_error_message(self.data)
        if not message:
            text = self.body[:MAX_PAGE_BYTES].decode("utf-8", "replace")
            title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
            text = (
                title[1]
                if title
                else re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", text, flags=re.IGNORECASE | re.DOTALL)
            )
            message = html.unescape(text)
        return sanitize_message(message)

    @property
    def retry_after(self) -> float | None:
        """The seconds that the server asks to wait, or None: a number, a date (RFC 9110, section 10.2.3), or in the body."""
        header = self.headers.get("retry-after", "").strip()
        if not header:
            return self._retry_after_from_body() if self.status == TOO_MANY_REQUESTS else None
        try:
            return max(0.0, float(header)) if header[0].isdigit() else _seconds_until(parsedate_to_datetime(header))
        except (ValueError, TypeError, OverflowError):
            return None

    def _retry_after_from_body(self) -> float | None:
        """Return the wait that a throttled response names: Scenario's `remainingSeconds`, or Replicate's sentence."""
        for table in (self.json_object, self.json_object.get("details")):
            seconds = table.get("remainingSeconds") if isinstance(table, dict) else None
            if isinstance(seconds, int | float):
                return max(0.0, float(seconds))
        resets = _RESET_PATTERN.search(self.message)
        return float(resets[1]) if resets else None


class UnreadableEncoding(Exception):
    """A response is compressed in a way that was not asked for, or its compressed data is damaged."""


async def read_chunks(response: httpx.Response) -> AsyncGenerator[bytes]:
    """Yield a response's body, decompressed, in chunks of at most `DECODED_CHUNK_BYTES` bytes or as they come.

    httpx would decompress each chunk at once, however large it becomes, and one encoding within another.

    Raises:
        UnreadableEncoding: see there.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        async for chunk in response.aiter_raw():
            yield chunk
        return
    if encoding not in ("gzip", "x-gzip"):
        raise UnreadableEncoding(encoding)
    decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        async for chunk in response.aiter_raw():
            rest = chunk
            while rest and not decoder.eof:
                yield decoder.decompress(rest, DECODED_CHUNK_BYTES)
                rest = decoder.unconsumed_tail
        if not decoder.eof:
            raise UnreadableEncoding(f"{encoding}, cut short")
    except zlib.error as error:
        raise UnreadableEncoding(f"{encoding}: {error}") from error


def _seconds_until(time: datetime) -> float:
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def as_list(value: Any) -> list[Any]:
    """Return a value of a response if it is a list, else an empty list."""
    return value if isinstance(value, list) else []


def sanitize_message(text: object) -> str:
    """Return text of a server as it may appear in a message: one line, short, printable, without API keys."""
    # Control characters could move a terminal's cursor or change its colours.
    words = " ".join(str(text).split())[:MAX_ERROR_BODY_BYTES]
    line = redact(printable_text(words))
    return line if len(line) <= MAX_MESSAGE_CHARS else line[: MAX_MESSAGE_CHARS - 1] + "…"


def find_error_message(data: Any) -> str:
    """Return the message in an error's JSON of any shape, or an empty string."""
    if isinstance(data, str):
        return data
    if isinstance(data, list):
        return "; ".join(filter(None, map(find_error_message, data)))
    if isinstance(data, dict):
        for key in _MESSAGE_KEYS:
            if message := find_error_message(data.get(key)):
                return message
    return ""


def find_error_field(data: Any) -> str:
    """Return the name of the input that an error is about, or an empty string.

    FastAPI puts it into `loc` (fal, Cog), Replicate into `invalid_fields`.
    """
    if not isinstance(data, dict):
        return ""
    for entry in as_list(data.get("invalid_fields")):
        if isinstance(entry, dict):
            return str(entry.get("field") or "").removeprefix("input.")
    for entry in as_list(data.get("detail")):
        if isinstance(entry, dict) and isinstance(entry.get("loc"), list) and entry["loc"]:
            return ".".join(str(part) for part in entry["loc"] if part not in ("body", "input")) or str(
                entry["loc"][-1]
            )
    return ""


def is_content_refusal(message: str) -> bool:
    """Return whether an error's message is about the provider's content policy."""
    return bool(_CONTENT_POLICY_PATTERN.search(message))


def message_suffix(message: str) -> str:
    """Return a server's message as the end of a sentence that adds its own full stop: `: message`, or nothing."""
    return f": {message.rstrip('.')}" if message else ""


def error_from_response(response: Response, provider: str, key_variables: str) -> TracklayError:
    """Return the error that a response means at any provider."""
    status, message = response.status, message_suffix(response.message)
    error: TracklayError
    # Without an API key in the request, 403 is about something else (a signed URL that has expired, say).
    if status == 401 or (status == 403 and key_variables):
        error = KeyRefused(
            "provider.key_refused",
            "{provider} refuses the API key in {variable}{message}. Check the key and its permissions.",
            provider=provider,
            variable=key_variables,
            message=message,
        )
    elif status == 402:
        error = InsufficientCredit(
            "provider.no_credit",
            "The {provider} account has no credit left{message}. Add credit and wait a few minutes.",
            provider=provider,
            message=message,
        )
    elif status in (404, 410):
        error = NotFound(
            "provider.not_found",
            "{provider} has no such model or job{message}. Check the model's endpoint.",
            provider=provider,
            message=message,
        )
    elif status == 413:
        error = RefusedInput(
            "provider.file_refused_size",
            "{provider} refuses a file of this size{message}. Choose a shorter span.",
            provider=provider,
            message=message,
            field="",
        )
    elif status == TOO_MANY_REQUESTS:
        error = ProviderUnavailable(
            "provider.throttled",
            "{provider} is throttling requests{message}. Try again later.",
            provider=provider,
            message=message,
        )
    elif is_retryable(status):
        error = ProviderUnavailable(
            "provider.server_error",
            "{provider} responded with status {status}{message}. Try again later.",
            provider=provider,
            status=status,
            message=message,
        )
    elif is_content_refusal(response.body[:MAX_ERROR_BODY_BYTES].decode("utf-8", "replace")):
        error = content_refused(provider, response.message)
    else:
        error = input_refused(provider, find_error_field(response.data), response.message)
    return error


def content_refused(provider: str, message: str) -> RefusedContent:
    """Return the error of a request that the provider's content policy rejects."""
    return RefusedContent(
        "provider.content_refused",
        "{provider} refuses the content{message}. Change the prompt or the span.",
        provider=provider,
        message=message_suffix(message),
    )


def input_refused(provider: str, field: str, message: str) -> RefusedInput:
    """Return the error of an input that the provider rejects; `field` is the provider's name of it, or empty."""
    if field:
        return RefusedInput(
            "provider.field_refused",
            "{provider} refuses the input {field}{message}.",
            provider=provider,
            field=field,
            message=message_suffix(message),
        )
    return RefusedInput(
        "provider.input_refused",
        "{provider} refuses the input{message}.",
        provider=provider,
        field=field,
        message=message_suffix(message),
    )
