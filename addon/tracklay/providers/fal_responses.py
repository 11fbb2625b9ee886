"""Meaning of fal's responses: the files of a result, the class of an error, the unit of a price."""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from ..errors import (
    InsufficientCredit,
    NotFound,
    ProviderTimeout,
    ProviderUnavailable,
    TracklayError,
)
from .job_errors import cancelled, model_failed
from .response import (
    Response,
    as_list,
    content_refused,
    find_error_field,
    input_refused,
    is_content_refusal,
    message_suffix,
)

SOUND_FIELDS = ("audio", "audio_file", "audios", "video", "videos")
"""Keys of a result's files in order of preference: the endpoints name them differently."""

MIN_PRICE, MAX_PRICE = Decimal("1e-12"), Decimal("1e6")
"""US dollars for a unit. A figure outside is no price."""

# fal has no status of its own for this: it answers 403 with a sentence.
_NO_CREDIT_PATTERN = re.compile(r"balance|user is locked|top up", re.IGNORECASE)
_TIMEOUT_TYPES = frozenset({"request_timeout", "startup_timeout", "generation_timeout"})
_CANCEL_TYPES = frozenset({"client_cancelled", "client_disconnected"})
_MODEL_ERROR_TYPES = frozenset({"no_media_generated", "internal_server_error"})


def find_sound_urls(result: dict[str, Any]) -> list[str]:
    """Return the URLs of a result's sounds, of any shape; the URLs of videos if it has no sounds."""
    named = {name: _file_urls(result.get(name)) for name in SOUND_FIELDS}
    # A result with both `audio` and `audios` repeats the first of `audios` in `audio`.
    urls = named["audios"] if named["audio"] and len(named["audios"]) > 1 else next(filter(None, named.values()), [])
    return urls or list(dict.fromkeys(_media_urls(result)))


def _file_urls(value: Any) -> list[str]:
    """Return the URLs in a file object, a list of files, or plain text."""
    if isinstance(value, str):
        return [value] if value.startswith(("https://", "http://", "data:")) else []
    if isinstance(value, list):
        return [url for item in value for url in _file_urls(item)]
    return _file_urls(value.get("url")) if isinstance(value, dict) and isinstance(value.get("url"), str) else []


def _media_urls(value: Any) -> list[str]:
    """Return the URLs of all nested objects with the content type of a sound or a video."""
    if isinstance(value, list):
        return [url for item in value for url in _media_urls(item)]
    if not isinstance(value, dict):
        return []
    if str(value.get("content_type")).startswith(("audio/", "video/")) and _file_urls(value):
        return _file_urls(value)
    return [url for item in value.values() for url in _media_urls(item)]


def find_error_types(response: Response) -> list[str]:
    """Return fal's error types in an error's body and headers (its pages "Errors" and "Request errors")."""
    payload = response.json_object
    named = [entry.get("type") for entry in as_list(payload.get("detail")) if isinstance(entry, dict)]
    return [str(kind) for kind in (*named, payload.get("error_type"), response.headers.get("x-fal-error-type")) if kind]


def error_from_types(error_types: Collection[str], message: str, response: Response | None = None) -> TracklayError:
    """Return the error of a failed request. `response` is its result, if there is one."""
    error: TracklayError
    if "content_policy_violation" in error_types or is_content_refusal(message):
        error = content_refused("fal", message)
    elif _CANCEL_TYPES.intersection(error_types):
        error = cancelled("fal")
    elif _TIMEOUT_TYPES.intersection(error_types):
        error = ProviderTimeout(
            "fal.timeout",
            "fal stopped the job because it took too long{message}. Try again later.",
            message=message_suffix(message),
        )
    elif any(kind.startswith(("runner_", "downstream_service")) or kind == "internal_error" for kind in error_types):
        error = ProviderUnavailable(
            "fal.runner_failed",
            "fal could not run the model{message}. Try again later.",
            message=message_suffix(message),
        )
    elif response is not None and response.status in (400, 422) and not _MODEL_ERROR_TYPES.intersection(error_types):
        error = input_refused("fal", find_error_field(response.data), message)
    else:
        error = model_failed("fal", message)
    return error


def explain_error(response: Response) -> TracklayError | None:
    """Return the error of a response that fal uses in its own way; None for the rest."""
    message = response.message
    if response.status == 403 and _NO_CREDIT_PATTERN.search(message):
        return InsufficientCredit(
            "fal.account_locked",
            "The fal account is locked or has no credit left{message}.",
            message=message_suffix(message),
        )
    # "Application … not found" and not a request that the queue has deleted, which has the status NOT_FOUND.
    if response.status == 404 and response.json_object.get("status") != "NOT_FOUND" and "pplication" in message:
        return NotFound(
            "fal.model_unknown",
            "fal does not run this model{message}. Use another model, or correct the model's file.",
            message=message_suffix(message),
        )
    error_types = find_error_types(response)
    if error_types and response.status not in (401, 403, 404, 408, 429):
        return error_from_types(error_types, message, response)
    return None


def is_compute_unit(entry: dict[str, Any]) -> bool:
    """Return whether a price list entry is for seconds of computing, whose number is known only afterwards."""
    unit = str(entry.get("unit")).lower()
    return "comput" in unit or "gpu" in unit


def parse_unit_amount(entry: dict[str, Any]) -> Decimal | None:
    """Return the amount for one unit of a price list entry; None if it is no plausible amount."""
    try:
        amount = Decimal(str(entry.get("unit_price")))
    except InvalidOperation:
        return None
    # Bounded: a large exponent would be written out in full.
    return amount if amount.is_finite() and (amount == 0 or MIN_PRICE <= amount <= MAX_PRICE) else None


def parse_unit_price(entry: dict[str, Any]) -> tuple[str, Literal["second", "take"]] | None:
    """Return a price list entry as the catalogue's amount and unit; None for other units, such as seconds of computing."""
    unit, amount = str(entry.get("unit")).lower(), parse_unit_amount(entry)
    if amount is None or is_compute_unit(entry):
        return None
    if length := re.fullmatch(r"(?:per |audio |video )*([1-9]\d{0,3} )?(second|minute)s?", unit):
        seconds = int(length[1] or 1) * (60 if length[2] == "minute" else 1)
        return f"{amount / seconds:f}", "second"
    if re.fullmatch(r"(per )?(request|generation|video|audio|sample|track)s?", unit):
        return f"{amount:f}", "take"
    return None
