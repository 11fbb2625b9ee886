"""Replicate (facts/apis.md, section 1): predictions of any public model, files through its Files API, no idempotency key.

A lost submission is found in the list of predictions. Inputs and results are deleted after an hour.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from ..cue import Cost
from ..errors import (
    Cancelled,
    ModelFailed,
    NotThere,
    ProviderTrouble,
    RefusedContent,
    ResultGone,
    TimedOut,
    TracklayError,
)
from . import credentials
from .base import Intent, Output, Progress, Provider, Request, Ticket, priced
from .client import PATIENCE, Patience
from .http import Api, base_url
from .replicate_output import addresses, seed_used, steps
from .request_body import body, files, from_data_uri, mime_type, suffix
from .response import Answer, tidy, unwanted

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from ..models import Model

TOKEN = "REPLICATE_API_TOKEN"  # noqa: S105 - the variable's name

FRESH = timedelta(seconds=60)
"""For so long after it was made a prediction may be unknown to its own server (facts/apis.md, section 8, item 14)."""

CLOCKS_APART = timedelta(minutes=5)
"""By so much Replicate's clock may differ from ours when a lost prediction is looked for."""

AT_ONCE = 5.0
"""Seconds for a question whose answer nobody should wait for."""

MOST_PAGES = 10
"""Pages of a hundred predictions that are looked through."""

CREATES_GAP, READS_GAP = 60 / 600, 60 / 3000
"""Seconds between calls: 600 submissions and 3000 other calls a minute (facts/apis.md, section 1.8)."""


class Replicate(Provider):
    """One instance for each take; what they share is in `pool`."""

    name = "replicate"
    offers: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset({"cancel", "find", "check_key"})
    patience = 45 * 60.0
    """Replicate stops a run after 30 minutes; the rest is for its queue."""

    def __init__(self, patience: Patience = PATIENCE) -> None:
        self.api = Api(
            "Replicate",
            (base_url("TRACKLAY_REPLICATE_URL", "https://api.replicate.com/v1"),),
            key=lambda: {"Authorization": f"Bearer {credentials.key(TOKEN, 'Replicate')}"},
            key_names=TOKEN,
            key_hosts=("api.replicate.com", "replicate.delivery", "*.replicate.delivery"),
            explain=_explained,
            gaps={"submit": CREATES_GAP, "read": READS_GAP},
            jobs="https://replicate.com/predictions",
            patience=patience,
        )

    def ready(self) -> None:
        """The key is set."""
        credentials.key(TOKEN, "Replicate")

    async def prepare(self, request: Request) -> Intent:
        """Look up the newest version, upload the files.

        They always go through the Files API: a data URI is refused from 256 kB on, and an upload's own address tells two
        submissions apart when one has to be found again.
        """
        version = await self._version(request.model)
        urls = {name: await self._upload(path) for name, path in files(request).items()}
        data = {"version": version, "input": body(request, urls), "seed": request.seed, "cost": asdict(priced(request))}
        return Intent.new(self.name, data)

    async def _version(self, model: Model) -> str:
        """The newest version, or the one that the model's file names where Replicate does not say."""
        try:
            return await self.version(model)
        except (ProviderTrouble, TimedOut, NotThere):
            if model.version:
                return model.version
            raise

    async def version(self, model: Model, *, at_once: bool = False) -> str:
        """The model's newest version; an official model has none, and its name stands for it."""
        bounds: dict[str, Any] = {"tries": 1, "whole": AT_ONCE} if at_once else {}
        told = (await self.api.call("GET", f"/models/{model.endpoint}", "read", **bounds)).table
        if told.get("is_official"):
            return model.endpoint
        latest = told.get("latest_version")
        version = str(latest.get("id") or "") if isinstance(latest, dict) else ""
        if not version:
            raise NotThere(f"Replicate has no version of {model.endpoint} that can be run; choose another model")
        return version

    async def _upload(self, path: Path) -> str:
        answer = await self.api.call("POST", "/files", "upload", form={"content": (path.name, path, mime_type(path))})
        urls = answer.table.get("urls")
        address = urls.get("get") if isinstance(urls, dict) else None
        if not isinstance(address, str):
            raise ProviderTrouble("Replicate took the file and does not say where it is; try again later")
        return self.api.url(address, key=True)

    async def submit(self, intent: Intent) -> Ticket:
        """Create the prediction."""
        sent = {"version": intent.data["version"], "input": intent.data["input"]}
        told = (await self.api.call("POST", "/predictions", "submit", json=sent)).table
        if not isinstance(told.get("id"), str):
            raise self.api.unclear("its answer names no prediction")
        return _ticket(intent, told)

    async def find(self, intent: Intent, known: Collection[str] = ()) -> Ticket | None:
        """The one prediction in the list that has this version and these inputs and was made since."""
        since = datetime.fromisoformat(intent.made) - CLOCKS_APART
        path, fitting = "/predictions", []
        for _ in range(MOST_PAGES):
            page = (await self.api.call("GET", path, "read")).table
            listed = [entry for entry in page.get("results") or () if isinstance(entry, dict)]
            fitting += [entry for entry in listed if entry.get("id") not in known and _fits(entry, intent, since)]
            path = str(page.get("next") or "")
            if not path or any(_made(entry) < since for entry in listed):
                break
        return _ticket(intent, fitting[0]) if len(fitting) == 1 else None

    async def poll(self, ticket: Ticket) -> Progress:
        """Its status. One that was made just now may not be there yet."""
        try:
            return _progress(await self._prediction(ticket))
        except NotThere:
            if datetime.now(UTC) - datetime.fromisoformat(ticket.data["made"]) > FRESH:
                raise
            return Progress("waiting", words="not listed yet")

    async def _prediction(self, ticket: Ticket) -> dict[str, Any]:
        return (await self.api.call("GET", f"/predictions/{ticket.request}", "read")).table

    async def collect(self, ticket: Ticket, folder: Path) -> Output:
        """Fetch what it made at once: an hour later it is deleted."""
        told = await self._prediction(ticket)
        if _progress(told).state != "done":
            raise ProviderTrouble(
                f"Replicate says that {ticket.request} is done, and then that it is not; collect it again later"
            )
        made = addresses(told.get("output"))
        if not made and (told.get("data_removed") or told.get("output") is None):
            raise self._gone(ticket)
        if not made:
            raise ModelFailed(
                f"Replicate's model gave no file: {tidy(told.get('output'))}; try again, or another model"
            )
        kept = [
            await self._fetch(ticket, address, folder / f"output{number}{suffix(address)}")
            for number, address in enumerate(made)
        ]
        seed = seed_used(told.get("logs"))
        return Output(
            kept[0],
            ticket.data["seed"] if seed is None else seed,
            ticket.data["version"],
            Cost(**ticket.data["cost"]),
            others=tuple(kept[1:]),
        )

    async def _fetch(self, ticket: Ticket, address: str, to: Path) -> Path:
        if address.startswith("data:"):
            return from_data_uri(address, to)
        try:
            return await self.api.download(address, to, key=True)
        except NotThere as error:
            raise self._gone(ticket) from error

    @staticmethod
    def _gone(ticket: Ticket) -> ResultGone:
        return ResultGone(f"Replicate has deleted what {ticket.request} made, as it does after an hour; make it again")

    async def cancel(self, ticket: Ticket) -> bool:
        """Ask it to stop. What ran until then is charged."""
        told = (await self.api.call("POST", f"/predictions/{ticket.request}/cancel", "cancel")).table
        return told.get("status") not in ("succeeded", "failed")

    async def check_key(self) -> str:
        """The account's name."""
        return str((await self.api.call("GET", "/account", "read")).table.get("username") or "")


def _ticket(intent: Intent, told: dict[str, Any]) -> Ticket:
    data = intent.data
    kept = {
        "version": data["version"],
        "seed": data["seed"],
        "cost": data["cost"],
        "made": datetime.now(UTC).isoformat(),
    }
    return Ticket("replicate", str(told["id"]), kept)


def _made(entry: dict[str, Any]) -> datetime:
    """When a prediction was made; the end of time where it does not say, so that nothing is left out for it."""
    try:
        made = datetime.fromisoformat(str(entry.get("created_at")))
    except ValueError:
        made = datetime.max.replace(tzinfo=UTC)
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def _fits(entry: dict[str, Any], intent: Intent, since: datetime) -> bool:
    """Whether a listed prediction is what the intent sent; defaults that were filled in there don't matter."""
    version, theirs = intent.data["version"], entry.get("input")
    if (
        version not in (entry.get("version"), entry.get("model"))
        or not isinstance(theirs, dict)
        or _made(entry) < since
    ):
        return False
    return all(name in theirs and theirs[name] == value for name, value in intent.data["input"].items())


def _progress(told: dict[str, Any]) -> Progress:
    """A prediction's status; one that is not known is trouble, not success."""
    status = told.get("status")
    match status:
        case "starting":
            return Progress("waiting", words="starting")
        case "processing":
            return Progress("running", *steps(told.get("logs")))
        case "succeeded":
            return Progress("done", 1.0)
        case "failed":
            said = tidy(told.get("error") or "it does not say why")
            if unwanted(said):
                raise RefusedContent(f"Replicate's model refuses the content: {said}; change the prompt or the span")
            raise ModelFailed(f"Replicate's model failed: {said}; try again, with other parameters, or another model")
        case "canceled":
            raise Cancelled("it was cancelled at Replicate")
        case "aborted":
            raise TimedOut("Replicate gave it up before it began and charges nothing; try again later")
        case _:
            raise ProviderTrouble(
                f"Replicate gives a status that is not known, {tidy(status)!r}; look at https://replicate.com/predictions"
            )


def _explained(answer: Answer) -> TracklayError | None:
    if answer.status == 422 and "version" in str(answer.table.get("title", "")).lower():
        return NotThere(
            f"Replicate has no such version, or does not let you run it: {answer.words}; correct the model's file"
        )
    return None


def make() -> Provider:
    """The provider."""
    return Replicate()
