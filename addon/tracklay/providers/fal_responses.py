"""What fal's answers mean: which files a result holds, which error an error is, what a price is for."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal

from ..errors import (
    Cancelled,
    InsufficientCredit,
    ModelFailed,
    NotFound,
    ProviderTimeout,
    ProviderUnavailable,
    RefusedContent,
    RefusedInput,
    TracklayError,
)
from .response import Response, find_error_field, is_content_refusal

if TYPE_CHECKING:
    from collections.abc import Collection

SOUND_FIELDS = ("audio", "audio_file", "audios", "video", "videos")
"""Names of a result's files, the first that is there counts (facts/apis.md, section 7.2)."""

_NO_CREDIT_PATTERN = re.compile(r"balance|user is locked|top up", re.IGNORECASE)
_TIMEOUT_TYPES = frozenset({"request_timeout", "startup_timeout", "generation_timeout"})
_CANCEL_TYPES = frozenset({"client_cancelled", "client_disconnected"})
_MODEL_ERROR_TYPES = frozenset({"no_media_generated", "internal_server_error"})


def find_sound_urls(result: dict[str, Any]) -> list[str]:
    """The addresses of a result's sounds, whatever its shape; a video's sound counts where there is no other."""
    named = {name: _file_urls(result.get(name)) for name in SOUND_FIELDS}
    # Where one and all are named, the one is among all.
    found = named["audios"] if named["audio"] and len(named["audios"]) > 1 else next(filter(None, named.values()), [])
    return found or list(dict.fromkeys(_media_urls(result)))


def _file_urls(value: Any) -> list[str]:
    """The addresses in a file, a list of files, or plain text."""
    if isinstance(value, str):
        return [value] if value.startswith(("https://", "http://", "data:")) else []
    if isinstance(value, list):
        return [address for each in value for address in _file_urls(each)]
    return _file_urls(value.get("url")) if isinstance(value, dict) and isinstance(value.get("url"), str) else []


def _media_urls(value: Any) -> list[str]:
    """Any address that says that it is sound or a video, however deep."""
    if isinstance(value, list):
        return [address for each in value for address in _media_urls(each)]
    if not isinstance(value, dict):
        return []
    if str(value.get("content_type")).startswith(("audio/", "video/")) and _file_urls(value):
        return _file_urls(value)
    return [address for each in value.values() for address in _media_urls(each)]


def find_error_types(response: Response) -> list[str]:
    """fal's own names for what went wrong, in an error's body and headers (facts/apis.md, section 2.7)."""
    told = response.json_object
    detail = told.get("detail")
    entries = detail if isinstance(detail, list) else ()
    named = [entry.get("type") for entry in entries if isinstance(entry, dict)]
    return [str(kind) for kind in (*named, told.get("error_type"), response.headers.get("x-fal-error-type")) if kind]


def error_from_types(error_types: Collection[str], message: str, response: Response | None = None) -> TracklayError:
    """The error of a request that ended badly."""
    made: TracklayError
    if "content_policy_violation" in error_types or is_content_refusal(message):
        made = RefusedContent(f"fal's model refuses the content: {message}; change the prompt or the span")
    elif _CANCEL_TYPES.intersection(error_types):
        made = Cancelled("it was cancelled at fal")
    elif _TIMEOUT_TYPES.intersection(error_types):
        made = ProviderTimeout(f"fal gave it up, for it took too long: {message}; try again later")
    elif any(kind.startswith(("runner_", "downstream_service")) or kind == "internal_error" for kind in error_types):
        made = ProviderUnavailable(f"fal could not run the model: {message}; try again later")
    elif response is not None and response.status in (400, 422) and not _MODEL_ERROR_TYPES.intersection(error_types):
        name = find_error_field(response.data)
        made = RefusedInput(
            f"fal's model refuses the input{f' ({name})' if name else ''}: {message}; correct it and try again",
            field=name,
        )
    else:
        made = ModelFailed(f"fal's model failed: {message}; try again, with other parameters, or another model")
    return made


def explain_error(response: Response) -> TracklayError | None:
    """fal's own meanings; None for what all APIs have in common."""
    said = response.message
    if response.status == 403 and _NO_CREDIT_PATTERN.search(said):
        return InsufficientCredit(f"the fal account is locked or has no credit left: {said}")
    if response.status == 404 and response.json_object.get("status") != "NOT_FOUND" and "pplication" in said:
        return NotFound(
            f"fal does not run this model any more, or never did: {said}; choose another model, or correct the model's file"
        )
    kinds = find_error_types(response)
    if kinds and response.status not in (401, 403, 404, 408, 429):
        return error_from_types(kinds, said, response)
    return None


def parse_unit_price(entry: dict[str, Any]) -> tuple[str, Literal["second", "take"]] | None:
    """An entry of the price list as the catalogue holds prices; None where its unit is another one (seconds of computing, say)."""
    unit = str(entry.get("unit")).lower()
    try:
        amount = Decimal(str(entry.get("unit_price")))
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount < 0 or "comput" in unit or "gpu" in unit:
        return None
    if re.fullmatch(r"(per |audio |video )*(second|minute)s?", unit):
        return f"{amount / 60 if 'minute' in unit else amount:f}", "second"
    if re.fullmatch(r"(per )?(request|generation|video|audio|sample|track)s?", unit):
        return f"{amount:f}", "take"
    return None
