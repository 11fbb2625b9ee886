"""Beatoven's Composition API (facts/apis.md, section 4): music from words alone, with four stems.

It has no field for a length, a seed or what is unwanted: all of that is said in the prompt. It has no way to cancel a task, to
list tasks, to check a key or to tell a price: what left is paid for, and a submission that was lost stays unclear.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..cue import Cost
from ..errors import ModelFailed, NotThere, ProviderTrouble, RefusedContent, ResultGone, TracklayError
from . import credentials
from .base import Intent, Output, Progress, Provider, Request, Ticket, priced
from .client import PATIENCE, Patience
from .http import Api, base_url
from .request_body import body, suffix
from .response import tidy, unwanted, words_of
from .signed_url import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction
    from pathlib import Path

KEY = "BEATOVEN_API_KEY"

STEMS = ("bass", "chords", "melody", "percussion")

COMPOSE = "/api/v1/tracks/compose"
TASKS = "/api/v1/tasks"

_LENGTH = re.compile(r"\b\d+(?:[.,:]\d+)?[ -]?(?:s|secs?|seconds?|m|mins?|minutes?)\b", re.IGNORECASE)
"""A length that the prompt names already: 30 seconds, 2-minute, 90s."""


class Beatoven(Provider):
    """One instance for each take; what they share is in `pool`. `cancel` gives False: Beatoven has no such call."""

    name = "beatoven"
    patience = 30 * 60.0

    def __init__(self, patience: Patience = PATIENCE) -> None:
        self.api = Api(
            "Beatoven",
            (base_url("TRACKLAY_BEATOVEN_URL", "https://public-api.beatoven.ai"),),
            key=lambda: {"Authorization": f"Bearer {credentials.key(KEY, 'Beatoven')}"},
            key_names=KEY,
            # Where its files lie is not published; its documents call the addresses signed ones of S3.
            hosts=("*.beatoven.ai", "*.amazonaws.com", "*.cloudfront.net", "storage.googleapis.com"),
            jobs="https://sync.beatoven.ai",
            patience=patience,
        )

    def ready(self) -> None:
        """The key is set."""
        credentials.key(KEY, "Beatoven")

    async def prepare(self, request: Request) -> Intent:
        """Say in words what has no field of its own."""
        sent = body(request, {})
        sent["prompt"]["text"] = in_words(request.prompt, request.negative, request.seconds)
        return Intent.new(self.name, {"body": sent, "cost": asdict(priced(request))})

    async def submit(self, intent: Intent) -> Ticket:
        """Begin the task."""
        told = (await self.api.call("POST", COMPOSE, "submit", json=intent.data["body"])).table
        task = told.get("task_id")
        if not isinstance(task, str) or not task:
            raise self.api.unclear("its answer names no task")
        return Ticket(self.name, task, {"asked": intent.data["body"]["prompt"]["text"], "cost": intent.data["cost"]})

    async def poll(self, ticket: Ticket) -> Progress:
        """Its task's status."""
        return _progress(await self._task(ticket))

    async def _task(self, ticket: Ticket) -> dict[str, Any]:
        return (await self.api.call("GET", f"{TASKS}/{ticket.request}", "read")).table

    async def collect(self, ticket: Ticket, folder: Path) -> Output:
        """Fetch the track and what there is of its stems. A stem that cannot be had costs nobody the track."""
        task = await self._task(ticket)
        if _progress(task).state != "done":
            raise ProviderTrouble(
                f"Beatoven says that {ticket.request} is composed, and then that it is not; collect it again later"
            )
        track = await self._fetch(ticket, task, "track", folder)
        stems, missing = {}, []
        for name in STEMS:
            try:
                stems[name] = await self._fetch(ticket, task, name, folder)
            except (NotThere, ProviderTrouble, ResultGone):
                missing.append(name)
        understood = {"asked": ticket.data["asked"], **({"stems missing": missing} if missing else {})}
        return Output(track, None, "", Cost(**ticket.data["cost"]), stems, understood)

    async def _fetch(self, ticket: Ticket, task: Mapping[str, Any], part: str, folder: Path) -> Path:
        address = _address(task, part)

        async def renewed() -> str:
            return _address(await self._task(ticket), part)

        gone = f"Beatoven does not give the {part} of {ticket.request} any more; make it again"
        return await fetch(self.api, address, renewed, folder / f"{part}{suffix(address)}", gone)


def in_words(prompt: str, negative: str, seconds: Fraction) -> str:
    """A prompt that says what Beatoven has no field for: the length before it, as its own examples do, and what is unwanted.

    Beatoven keeps to a length about: what comes is cut to the span, so whole seconds, rounded up, are exact enough.
    """
    text = prompt.strip()
    if not _LENGTH.search(text):
        whole = math.ceil(seconds)
        text = f"{whole} second{'' if whole == 1 else 's'} {text}"
    return f"{text}, without {negative.strip()}" if negative.strip() else text


def _address(task: Mapping[str, Any], part: str) -> str:
    """Where the track is, or one of its stems.

    Raises:
        ProviderTrouble: the task does not say where the track is.
        NotThere: it has no such stem.
    """
    meta = task.get("meta")
    table = meta if isinstance(meta, dict) else {}
    stems = table.get("stems_url")
    address = table.get("track_url") if part == "track" else stems.get(part) if isinstance(stems, dict) else None
    if isinstance(address, str) and address:
        return address
    if part == "track":
        raise ProviderTrouble("Beatoven has composed the track and does not say where it is; collect it again later")
    raise NotThere(f"Beatoven made no {part} stem")


def _progress(task: Mapping[str, Any]) -> Progress:
    """A task's status; one that is not known is trouble, not success."""
    status = str(task.get("status"))
    match status:
        case "started" | "composing":
            return Progress("waiting", words="in Beatoven's queue")
        case "running":
            return Progress("running", words="composing")
        case "composed":
            return Progress("done", 1.0)
        case "failed" | "failure" | "error":
            raise _failure(task)
        case _:
            raise ProviderTrouble(
                f"Beatoven gives a status that is not known, {tidy(status)!r}; look at https://sync.beatoven.ai"
            )


def _failure(task: Mapping[str, Any]) -> TracklayError:
    said = tidy(words_of({**task, "title": words_of(task.get("meta"))}) or "it does not say why")
    if unwanted(said):
        return RefusedContent(f"Beatoven refuses the content: {said}; change the prompt")
    return ModelFailed(f"Beatoven could not compose it: {said}; try again, or with another prompt")


def make() -> Provider:
    """The provider."""
    return Beatoven()
