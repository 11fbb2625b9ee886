"""Asks a provider for what it publishes of a model, and makes the model's file of it: `tracklay models add`.

What a schema means is in `models/published`, what is guessed from it in `models/guess`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..errors import BadInput, NotThere, OutputError, ProviderTrouble
from ..models import files, own_folder, read
from ..paths import folder, whole
from ..providers import credentials
from ..providers.client import PATIENCE, Patience
from ..providers.response import tidy
from .infer import guess, lacks_sound, model_id
from .published import of_fal, of_replicate, of_scenario
from .toml_writer import toml

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from ..models import Model
    from .published import Published

ASKING = replace(PATIENCE, tries={**PATIENCE.tries, "read": 3})
"""Somebody sits before it and waits: whoever is offline learns it in seconds."""

_SHAPES = {
    "replicate": (re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+"), "replicate:owner/name"),
    "fal": (re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+"), "fal:owner/model"),
    "scenario": (re.compile(r"[A-Za-z0-9_.-]+"), "scenario:model_id"),
}
"""How each provider names a model."""


@dataclass(frozen=True, slots=True)
class Added:
    """A model that was added: its file, and what speaks against it in sentences."""

    path: Path
    model: Model
    warnings: tuple[str, ...]


async def add(spec: str, day: str) -> Added:
    """Write the file of a model that a provider publishes into the person's own folder.

    Args:
        spec: `replicate:owner/name`, `fal:endpoint` or `scenario:model_id`.
        day: when, for the file's own first line.

    Raises:
        BadInput: that is no such name, or there is a file of that model already: no file is ever replaced.
        NotThere: the provider knows no such model, or publishes nothing that a file could be made of.
        KeyMissing, KeyRefused, ProviderTrouble, TimedOut: it cannot be asked.
        OutputError: the file cannot be written.
    """
    provider, endpoint = _parsed(spec)
    new_id = model_id(provider, endpoint)
    path = own_folder() / f"{new_id.replace('/', '-')}.toml"
    known = _free(new_id, path, provider, endpoint)
    published = await _ASK[provider](endpoint, ASKING)
    model = guess(published)
    note = (
        f"Made by `tracklay models add {spec}` on {day} from what {provider} publishes. Correct what was guessed wrong."
    )
    _write(model, path, note)
    warnings = [f"the catalogue has the same endpoint as {other}, too" for other in known]
    if lacks_sound(published):
        warnings.append(f"nothing that {provider} publishes says that {model.id} makes sound: a take of it may fail")
    return Added(path, model, tuple(warnings))


def _parsed(spec: str) -> tuple[str, str]:
    provider, _, endpoint = spec.strip().partition(":")
    if provider not in _SHAPES:
        shapes = ", ".join(shape for _, shape in _SHAPES.values())
        raise BadInput(f"{spec!r} names no model that can be added: write one of {shapes}")
    pattern, shape = _SHAPES[provider]
    if not pattern.fullmatch(endpoint) or not re.search(r"\w", model_id(provider, endpoint).partition("/")[2]):
        raise BadInput(f"{spec!r} names no model of {provider}: write {shape}")
    return provider, endpoint


def _free(new_id: str, path: Path, provider: str, endpoint: str) -> list[str]:
    """Other ids of the same endpoint, when neither the id nor the file's name is taken."""
    others = []
    for there, model in files():
        if model.id == new_id:
            raise BadInput(
                f"{new_id} is in the catalogue already, in {there}: it stays as it is; move it away to have it made anew"
            )
        if (model.provider, model.endpoint) == (provider, endpoint):
            others.append(model.id)
    if path.exists():
        raise _taken(path)
    return others


def _taken(path: Path) -> BadInput:
    return BadInput(f"{path} is there already and stays as it is; move it away to have it made anew")


def _write(model: Model, path: Path, note: str) -> None:
    """Write the file, proved to be read back as the same model: a wrong one would stand in the whole catalogue's way."""
    try:
        text = toml(model, note)
        folder(path.parent)
        with whole(path) as beside:
            beside.write_text(text, "utf-8", newline="\n")
            _prove(beside, model)
            if path.exists():
                raise _taken(path)
    except OutputError as error:
        cause = error.__cause__ or error
        raise OutputError(f"{path} cannot be written: {cause}; make room, or set TRACKLAY_HOME") from error
    except ValueError as error:
        raise _unfit(model) from error


def _prove(path: Path, model: Model) -> None:
    try:
        same = read(path) == model
    except BadInput as error:
        raise _unfit(model) from error
    if not same:
        raise _unfit(model)


def _unfit(model: Model) -> ProviderTrouble:
    return ProviderTrouble(
        f"what {model.provider} publishes of {model.endpoint} cannot be made a file of; "
        "write it by hand, as README says under 'Add a model'"
    )


async def _replicate(endpoint: str, patience: Patience) -> Published:
    from ..providers.replicate import Replicate  # noqa: PLC0415 - each provider is loaded when it is asked

    try:
        answer = await Replicate(patience).api.call("GET", f"/models/{endpoint}", "read")
    except NotThere as error:
        raise _unknown("Replicate", endpoint) from error
    return of_replicate(endpoint, answer.table)


async def _fal(endpoint: str, patience: Patience) -> Published:
    """Of the platform's list, which needs no key and counts calls less strictly with one (fal's documents, platform-apis/v1/models)."""
    from ..providers.fal import KEY, Fal  # noqa: PLC0415

    fal = Fal(patience)
    query: dict[str, str | int] = {"endpoint_id": endpoint, "expand": "openapi-3.0"}
    try:
        answer = await fal.api.call(
            "GET", f"{fal.platform}/models", "read", query=query, key=bool(credentials.found(KEY))
        )
    except NotThere as error:
        raise _unknown("fal", endpoint) from error
    listed = answer.table.get("models")
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and entry.get("endpoint_id") == endpoint:
            return of_fal(endpoint, entry)
    raise _unknown("fal", endpoint)


async def _scenario(endpoint: str, patience: Patience) -> Published:
    from ..providers.scenario import Scenario  # noqa: PLC0415

    try:
        answer = await Scenario(patience).api.call("GET", f"/models/{quote(endpoint, safe='')}", "read")
    except NotThere as error:
        raise _unknown("Scenario", endpoint) from error
    return of_scenario(endpoint, answer.table)


def _unknown(provider: str, endpoint: str) -> NotThere:
    return NotThere(f"{provider} knows no model {tidy(endpoint)}, or shows it to its owner alone; correct its name")


_ASK: dict[str, Callable[[str, Patience], Awaitable[Published]]] = {
    "replicate": _replicate,
    "fal": _fal,
    "scenario": _scenario,
}
