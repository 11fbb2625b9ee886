"""What a server said, read leniently: JSON, half of it, an HTML page or nothing; and which error of ours it means."""

from __future__ import annotations

import html
import json
import re
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
from .credentials import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_MESSAGE_CHARS = 300
"""Characters of a server's own words that a message carries."""

MAX_ERROR_BODY_BYTES = 20_000
"""Bytes of an error's body that are looked at."""

_MESSAGE_KEYS = ("detail", "message", "reason", "error", "msg", "description", "title")
_RESET_PATTERN = re.compile(r"resets in ~?(\d+) ?s")
_CONTENT_POLICY_PATTERN = re.compile(
    r"content[ _-]?polic|\bnsfw\b|moderation|safety (?:filter|check|system)|content_policy", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """2xx, not 200 alone (facts/apis.md, section 8, item 7)."""
        return 200 <= self.status < 300

    @property
    def data(self) -> Any:
        """The JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def json_object(self) -> dict[str, Any]:
        """The JSON object; empty where it is anything else."""
        data = self.data
        return data if isinstance(data, dict) else {}

    @property
    def message(self) -> str:
        """The server's own account, in one short line without any key."""
        said = find_error_message(self.data)
        if not said:
            text = self.body[:MAX_ERROR_BODY_BYTES].decode("utf-8", "replace")
            title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
            text = (
                title[1]
                if title
                else re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", text, flags=re.IGNORECASE | re.DOTALL)
            )
            said = html.unescape(text)
        return sanitize_message(said)

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, where the server says so: a number or a date (RFC 9110, section 10.2.3), or in its body."""
        asked = self.headers.get("retry-after", "").strip()
        if not asked:
            return self._retry_after_from_body() if self.status == 429 else None
        try:
            return max(0.0, float(asked)) if asked[0].isdigit() else _seconds_until(parsedate_to_datetime(asked))
        except ValueError:
            return None

    def _retry_after_from_body(self) -> float | None:
        """A throttled answer's own account: Scenario's `remainingSeconds`, or Replicate's sentence."""
        for table in (self.json_object, self.json_object.get("details")):
            seconds = table.get("remainingSeconds") if isinstance(table, dict) else None
            if isinstance(seconds, int | float):
                return max(0.0, float(seconds))
        resets = _RESET_PATTERN.search(self.message)
        return float(resets[1]) if resets else None


def _seconds_until(time: datetime) -> float:
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def sanitize_message(text: object) -> str:
    """A text of somebody else's, fit for a message: one line, short, no key."""
    line = redact(" ".join(str(text).split()))
    return line if len(line) <= MAX_MESSAGE_CHARS else line[: MAX_MESSAGE_CHARS - 1] + "…"


def find_error_message(data: Any) -> str:
    """The sentence in an error's JSON, whatever its shape."""
    if isinstance(data, str):
        return data
    if isinstance(data, list):
        return "; ".join(filter(None, map(find_error_message, data)))
    if isinstance(data, dict):
        for key in _MESSAGE_KEYS:
            if said := find_error_message(data.get(key)):
                return said
    return ""


def find_error_field(data: Any) -> str:
    """The name of the input that an error is about, empty where it does not say (FastAPI's `loc`, Replicate's `invalid_fields`)."""
    if not isinstance(data, dict):
        return ""
    for entry in data.get("invalid_fields") or ():
        if isinstance(entry, dict):
            return str(entry.get("field") or "").removeprefix("input.")
    detail = data.get("detail")
    for entry in detail if isinstance(detail, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("loc"), list) and entry["loc"]:
            return ".".join(str(part) for part in entry["loc"] if part not in ("body", "input")) or str(
                entry["loc"][-1]
            )
    return ""


def is_content_refusal(message: str) -> bool:
    """Whether an error's words are about what may be shown or heard."""
    return bool(_CONTENT_POLICY_PATTERN.search(message))


def error_from_response(response: Response, provider: str, key_variables: str) -> TracklayError:
    """The error that an answer means where the provider itself knows nothing better."""
    said, status = response.message, response.status
    tail = f": {said}" if said else ""
    made: TracklayError
    if status == 401 or (status == 403 and key_variables):
        made = KeyRefused(
            f"{provider} refuses the key in {key_variables}{tail}; check it, and what it is allowed to do"
        )
    elif status == 402:
        made = InsufficientCredit(f"the {provider} account has no credit left{tail}; add some and wait a few minutes")
    elif status in (404, 410):
        made = NotFound(
            f"{provider} knows nothing of it{tail}; check the model's endpoint, or whether the job is too old"
        )
    elif status == 413:
        made = RefusedInput(f"{provider} refuses a file of this size{tail}; choose a shorter span")
    elif status in (408, 429) or status >= 500:
        busy = "is asked too often" if status == 429 else f"answers with {status}"
        made = ProviderUnavailable(f"{provider} {busy}{tail}; try again later")
    elif is_content_refusal(response.body[:MAX_ERROR_BODY_BYTES].decode("utf-8", "replace")):
        made = RefusedContent(f"{provider} refuses the content{tail}; change the prompt or the span")
    else:
        name = find_error_field(response.data)
        where = f" ({name})" if name else ""
        made = RefusedInput(f"{provider} refuses the input{where}{tail}; correct it and try again", field=name)
    return made
