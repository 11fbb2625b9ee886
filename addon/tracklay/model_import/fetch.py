"""Asks a provider for what it publishes of a model, and makes the model's file of it: `tracklay models add`.

What a schema means is in `models/published`, what is guessed from it in `models/guess`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..atomic_io import atomic_write
from ..errors import InvalidInput, NotFound, OutputError, ProviderUnavailable
from ..models import iter_model_files, load_model_file, user_model_dir
from ..paths import ensure_folder
from ..providers import credentials
from ..providers.client import DEFAULT_RETRY_POLICY, RetryPolicy
from ..providers.response import sanitize_message
from .infer import infer_model, lacks_sound, make_model_id
from .published import parse_fal_model, parse_replicate_model, parse_scenario_model
from .toml_writer import model_to_toml

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from ..models import Model
    from .published import PublishedModel

INTERACTIVE_RETRY_POLICY = replace(DEFAULT_RETRY_POLICY, max_attempts={**DEFAULT_RETRY_POLICY.max_attempts, "read": 3})
"""Somebody sits before it and waits: whoever is offline learns it in seconds."""

_SPEC_FORMATS = {
    "replicate": (re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+"), "replicate:owner/name"),
    "fal": (re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+"), "fal:owner/model"),
    "scenario": (re.compile(r"[A-Za-z0-9_.-]+"), "scenario:model_id"),
}
"""How each provider names a model."""


@dataclass(frozen=True, slots=True)
class AddedModel:
    """A model that was added: its file, and what speaks against it in sentences."""

    path: Path
    model: Model
    warnings: tuple[str, ...]


async def add_model(spec: str, date: str) -> AddedModel:
    """Write the file of a model that a provider publishes into the person's own folder.

    Args:
        spec: `replicate:owner/name`, `fal:endpoint` or `scenario:model_id`.
        date: when, for the file's own first line.

    Raises:
        BadInput: that is no such name, or there is a file of that model already: no file is ever replaced.
        NotThere: the provider knows no such model, or publishes nothing that a file could be made of.
        KeyMissing, KeyRefused, ProviderTrouble, TimedOut: it cannot be asked.
        OutputError: the file cannot be written.
    """
    provider, endpoint = _parse_spec(spec)
    new_id = make_model_id(provider, endpoint)
    path = user_model_dir() / f"{new_id.replace('/', '-')}.toml"
    known = _check_unused(new_id, path, provider, endpoint)
    published = await _FETCHERS[provider](endpoint, INTERACTIVE_RETRY_POLICY)
    model = infer_model(published)
    note = f"Made by `tracklay models add {spec}` on {date} from what {provider} publishes. Correct what was guessed wrong."
    _write_model_file(model, path, note)
    warnings = [f"the catalogue has the same endpoint as {other}, too" for other in known]
    if lacks_sound(published):
        warnings.append(f"nothing that {provider} publishes says that {model.id} makes sound: a take of it may fail")
    return AddedModel(path, model, tuple(warnings))


def _parse_spec(spec: str) -> tuple[str, str]:
    provider, _, endpoint = spec.strip().partition(":")
    if provider not in _SPEC_FORMATS:
        shapes = ", ".join(shape for _, shape in _SPEC_FORMATS.values())
        raise InvalidInput(f"{spec!r} names no model that can be added: write one of {shapes}")
    pattern, shape = _SPEC_FORMATS[provider]
    if not pattern.fullmatch(endpoint) or not re.search(r"\w", make_model_id(provider, endpoint).partition("/")[2]):
        raise InvalidInput(f"{spec!r} names no model of {provider}: write {shape}")
    return provider, endpoint


def _check_unused(new_id: str, path: Path, provider: str, endpoint: str) -> list[str]:
    """Other ids of the same endpoint, when neither the id nor the file's name is taken."""
    others = []
    for there, model in iter_model_files():
        if model.id == new_id:
            raise InvalidInput(
                f"{new_id} is in the catalogue already, in {there}: it stays as it is; move it away to have it made anew"
            )
        if (model.provider, model.endpoint) == (provider, endpoint):
            others.append(model.id)
    if path.exists():
        raise _file_exists_error(path)
    return others


def _file_exists_error(path: Path) -> InvalidInput:
    return InvalidInput(f"{path} is there already and stays as it is; move it away to have it made anew")


def _write_model_file(model: Model, path: Path, note: str) -> None:
    """Write the file, proved to be read back as the same model: a wrong one would stand in the whole catalogue's way."""
    try:
        text = model_to_toml(model, note)
        ensure_folder(path.parent)
        with atomic_write(path) as beside:
            beside.write_text(text, "utf-8", newline="\n")
            _verify_model_file(beside, model)
            if path.exists():
                raise _file_exists_error(path)
    except OutputError as error:
        cause = error.__cause__ or error
        raise OutputError(f"{path} cannot be written: {cause}; make room, or set TRACKLAY_HOME") from error
    except ValueError as error:
        raise _unsupported_schema_error(model) from error


def _verify_model_file(path: Path, model: Model) -> None:
    try:
        same = load_model_file(path) == model
    except InvalidInput as error:
        raise _unsupported_schema_error(model) from error
    if not same:
        raise _unsupported_schema_error(model)


def _unsupported_schema_error(model: Model) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"what {model.provider} publishes of {model.endpoint} cannot be made a file of; "
        "write it by hand, as README says under 'Add a model'"
    )


async def _fetch_replicate(endpoint: str, retry_policy: RetryPolicy) -> PublishedModel:
    from ..providers.replicate import Replicate  # noqa: PLC0415 - each provider is loaded when it is asked

    try:
        answer = await Replicate(retry_policy).api.request("GET", f"/models/{endpoint}", "read")
    except NotFound as error:
        raise _unknown_model_error("Replicate", endpoint) from error
    return parse_replicate_model(endpoint, answer.json_object)


async def _fetch_fal(endpoint: str, retry_policy: RetryPolicy) -> PublishedModel:
    """Of the platform's list, which needs no key and counts calls less strictly with one (fal's documents, platform-apis/v1/models)."""
    from ..providers.fal import KEY_VARIABLE, Fal  # noqa: PLC0415

    fal = Fal(retry_policy)
    query: dict[str, str | int] = {"endpoint_id": endpoint, "expand": "openapi-3.0"}
    try:
        answer = await fal.api.request(
            "GET", f"{fal.platform_url}/models", "read", query=query, send_key=bool(credentials.get_key(KEY_VARIABLE))
        )
    except NotFound as error:
        raise _unknown_model_error("fal", endpoint) from error
    listed = answer.json_object.get("models")
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and entry.get("endpoint_id") == endpoint:
            return parse_fal_model(endpoint, entry)
    raise _unknown_model_error("fal", endpoint)


async def _fetch_scenario(endpoint: str, retry_policy: RetryPolicy) -> PublishedModel:
    from ..providers.scenario import Scenario  # noqa: PLC0415

    try:
        answer = await Scenario(retry_policy).api.request("GET", f"/models/{quote(endpoint, safe='')}", "read")
    except NotFound as error:
        raise _unknown_model_error("Scenario", endpoint) from error
    return parse_scenario_model(endpoint, answer.json_object)


def _unknown_model_error(provider: str, endpoint: str) -> NotFound:
    return NotFound(
        f"{provider} knows no model {sanitize_message(endpoint)}, or shows it to its owner alone; correct its name"
    )


_FETCHERS: dict[str, Callable[[str, RetryPolicy], Awaitable[PublishedModel]]] = {
    "replicate": _fetch_replicate,
    "fal": _fetch_fal,
    "scenario": _fetch_scenario,
}
