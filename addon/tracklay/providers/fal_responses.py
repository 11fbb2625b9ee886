"""What fal's answers mean: which files a result holds, which error an error is, what a price is for."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal

from ..errors import (
    Cancelled,
    ModelFailed,
    NoCredit,
    NotThere,
    ProviderTrouble,
    RefusedContent,
    RefusedInput,
    TimedOut,
    TracklayError,
)
from .response import Answer, field_of, unwanted

if TYPE_CHECKING:
    from collections.abc import Collection

SOUNDS = ("audio", "audio_file", "audios", "video", "videos")
"""Names of a result's files, the first that is there counts (facts/apis.md, section 7.2)."""

_NO_CREDIT = re.compile(r"balance|user is locked|top up", re.IGNORECASE)
_TIMEOUTS = frozenset({"request_timeout", "startup_timeout", "generation_timeout"})
_CANCELS = frozenset({"client_cancelled", "client_disconnected"})
_MODEL_FAULTS = frozenset({"no_media_generated", "internal_server_error"})


def sounds(result: dict[str, Any]) -> list[str]:
    """The addresses of a result's sounds, whatever its shape; a video's sound counts where there is no other."""
    named = {name: _files(result.get(name)) for name in SOUNDS}
    # Where one and all are named, the one is among all.
    found = named["audios"] if named["audio"] and len(named["audios"]) > 1 else next(filter(None, named.values()), [])
    return found or list(dict.fromkeys(_media(result)))


def _files(value: Any) -> list[str]:
    """The addresses in a file, a list of files, or plain text."""
    if isinstance(value, str):
        return [value] if value.startswith(("https://", "http://", "data:")) else []
    if isinstance(value, list):
        return [address for each in value for address in _files(each)]
    return _files(value.get("url")) if isinstance(value, dict) and isinstance(value.get("url"), str) else []


def _media(value: Any) -> list[str]:
    """Any address that says that it is sound or a video, however deep."""
    if isinstance(value, list):
        return [address for each in value for address in _media(each)]
    if not isinstance(value, dict):
        return []
    if str(value.get("content_type")).startswith(("audio/", "video/")) and _files(value):
        return _files(value)
    return [address for each in value.values() for address in _media(each)]


def kinds_of(answer: Answer) -> list[str]:
    """fal's own names for what went wrong, in an error's body and headers (facts/apis.md, section 2.7)."""
    told = answer.table
    detail = told.get("detail")
    entries = detail if isinstance(detail, list) else ()
    named = [entry.get("type") for entry in entries if isinstance(entry, dict)]
    return [str(kind) for kind in (*named, told.get("error_type"), answer.headers.get("x-fal-error-type")) if kind]


def meaning(kinds: Collection[str], said: str, answer: Answer | None = None) -> TracklayError:
    """The error of a request that ended badly."""
    made: TracklayError
    if "content_policy_violation" in kinds or unwanted(said):
        made = RefusedContent(f"fal's model refuses the content: {said}; change the prompt or the span")
    elif _CANCELS.intersection(kinds):
        made = Cancelled("it was cancelled at fal")
    elif _TIMEOUTS.intersection(kinds):
        made = TimedOut(f"fal gave it up, for it took too long: {said}; try again later")
    elif any(kind.startswith(("runner_", "downstream_service")) or kind == "internal_error" for kind in kinds):
        made = ProviderTrouble(f"fal could not run the model: {said}; try again later")
    elif answer is not None and answer.status in (400, 422) and not _MODEL_FAULTS.intersection(kinds):
        name = field_of(answer.data)
        made = RefusedInput(
            f"fal's model refuses the input{f' ({name})' if name else ''}: {said}; correct it and try again", name
        )
    else:
        made = ModelFailed(f"fal's model failed: {said}; try again, with other parameters, or another model")
    return made


def explained(answer: Answer) -> TracklayError | None:
    """fal's own meanings; None for what all APIs have in common."""
    said = answer.words
    if answer.status == 403 and _NO_CREDIT.search(said):
        return NoCredit(f"the fal account is locked or has no credit left: {said}")
    if answer.status == 404 and answer.table.get("status") != "NOT_FOUND" and "pplication" in said:
        return NotThere(
            f"fal does not run this model any more, or never did: {said}; choose another model, or correct the model's file"
        )
    kinds = kinds_of(answer)
    if kinds and answer.status not in (401, 403, 404, 408, 429):
        return meaning(kinds, said, answer)
    return None


def unit_price(entry: dict[str, Any]) -> tuple[str, Literal["second", "take"]] | None:
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
