"""fal (facts/apis.md, section 2): its queue, its storage, the history of an endpoint and the price list; no idempotency key.

A lost submission is found in the history. A failed request is COMPLETED there like any other, and its result is the model's own error.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from ..cue import Cost
from ..errors import KeyRefused, ModelFailed, NotThere, ProviderTrouble, ResultGone, TracklayError
from . import credentials
from .base import Intent, Output, Progress, Provider, Request, Ticket, priced
from .client import PATIENCE, Patience
from .fal_responses import explained, kinds_of, meaning, sounds, unit_price
from .http import Api, Piece, base_url, origin
from .replicate_output import steps
from .request_body import body, files, from_data_uri, mime_type, seed_for, suffix
from .response import tidy, words_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

KEY = "FAL_KEY"

START_SECONDS = 1800
"""A request that has not begun by then is given up by fal itself: nobody waits for it any more, and nobody pays."""

UPLOAD_SECONDS = 2 * 3600
"""For so long an upload lies at a public address: until the request has begun, and its run."""

OUTPUT_SECONDS = 24 * 3600
"""For so long a result does: an interrupted run can be taken up the next day."""

FRESH = timedelta(seconds=60)
"""For so long after it was made a request may be unknown to the queue."""

CLOCKS_APART = timedelta(minutes=5)
"""By so much fal's clock may differ from ours when a lost request is looked for."""

LISTED, MOST_PAGES = 100, 10
"""Requests on a page of the history, and pages that are looked through."""

NAMESPACES = ("workflows", "comfy")
"""First words of an endpoint that make its application three words long, not two."""

HOSTS = ("fal.media", "*.fal.media", "rest.fal.ai", "storage.googleapis.com")
"""Where files go to and come from, without the key. The last is where fal's older storage lies."""

KEY_CHECK_APP = "fal-ai/mmaudio-v2"
"""Asked for a request that cannot exist: 404 for a good key, 401 for a bad one."""


class Fal(Provider):
    """One instance for each take; what they share is in `pool`."""

    name = "fal"
    offers: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset(
        {"cancel", "find", "check_key", "estimate"}
    )
    looks = (1.0, 4.0, 15.0, 30.0, 60.0, 90.0, 120.0)
    """The history may list a request only when it has ended (facts/apis.md, section 11, item 7)."""

    def __init__(self, patience: Patience = PATIENCE) -> None:
        self.queue = base_url("TRACKLAY_FAL_QUEUE_URL", "https://queue.fal.run")
        self.rest = base_url("TRACKLAY_FAL_REST_URL", "https://rest.fal.ai")
        self.platform = base_url("TRACKLAY_FAL_API_URL", "https://api.fal.ai").removesuffix("/v1") + "/v1"
        self.api = Api(
            "fal",
            (self.queue, self.rest, self.platform),
            key=lambda: {"Authorization": f"Key {credentials.key(KEY, 'fal')}"},
            key_names=KEY,
            hosts=HOSTS,
            explain=explained,
            jobs="https://fal.ai/dashboard/requests",
            patience=patience,
        )

    def ready(self) -> None:
        """The key is set."""
        credentials.key(KEY, "fal")

    async def prepare(self, request: Request) -> Intent:
        """Upload the files, always through the storage: fal takes a data URI of a few KB only.

        An upload's own address tells two submissions apart when one has to be found again.
        """
        urls = {name: await self._upload(path) for name, path in files(request).items()}
        data = {
            "endpoint": request.model.endpoint,
            "input": body(request, urls),
            "seed": seed_for(request.model, request.seed) if request.model.role("seed") else None,
            "cost": asdict(priced(request)),
        }
        return Intent.new(self.name, data)

    async def _upload(self, path: Path) -> str:
        kind = mime_type(path)
        lifecycle = _lifecycle(UPLOAD_SECONDS)
        told = (
            await self.api.call(
                "POST",
                f"{self.rest}/storage/upload/initiate",
                "upload",
                json={"content_type": kind, "file_name": path.name},
                query={"storage_type": "fal-cdn-v3"},
                headers={"X-Fal-Object-Lifecycle": lifecycle, "X-Fal-Object-Lifecycle-Preference": lifecycle},
            )
        ).table
        to, address = told.get("upload_url"), told.get("file_url")
        if not (isinstance(to, str) and isinstance(address, str)):
            raise ProviderTrouble("fal does not say where a file is to be put; try again later")
        try:
            await self.api.call(
                "PUT", to, "upload", content=Piece(path), headers={"Content-Type": kind}, key=False, expect_json=False
            )
        except KeyRefused as error:
            # No key went there: it is the address that is refused.
            raise ProviderTrouble(
                "fal's storage does not take the file at the address that fal gave; try again later"
            ) from error
        return address

    async def submit(self, intent: Intent) -> Ticket:
        """Put it into the queue."""
        headers = {
            "X-Fal-Request-Start-Timeout": str(START_SECONDS),
            "X-Fal-Object-Lifecycle-Preference": _lifecycle(OUTPUT_SECONDS),
        }
        endpoint = intent.data["endpoint"]
        told = (await self.api.call("POST", f"/{endpoint}", "submit", json=intent.data["input"], headers=headers)).table
        if not isinstance(told.get("request_id"), str) or not told["request_id"]:
            raise self.api.unclear("its answer names no request")
        return _ticket(intent, told)

    async def find(self, intent: Intent, known: Collection[str] = ()) -> Ticket | None:
        """The one request in the endpoint's history that has these inputs and was sent since."""
        since = datetime.fromisoformat(intent.made) - CLOCKS_APART
        fitting = {
            str(entry["request_id"]): entry
            for entry in await self._history(intent.data["endpoint"], start=_moment(since))
            if entry.get("request_id") not in (None, *known) and _holds(entry.get("json_input"), intent.data["input"])
        }
        return _ticket(intent, next(iter(fitting.values()))) if len(fitting) == 1 else None

    async def _history(self, endpoint: str, **wanted: str) -> list[dict[str, Any]]:
        """Requests of an endpoint with what went in and came out."""
        query: dict[str, str | int] = {"endpoint_id": endpoint, "limit": LISTED, "expand": "payloads", **wanted}
        found: list[dict[str, Any]] = []
        for _ in range(MOST_PAGES):
            page = (
                await self.api.call("GET", f"{self.platform}/models/requests/by-endpoint", "read", query=query)
            ).table
            found += [entry for entry in page.get("items") or () if isinstance(entry, dict)]
            if not page.get("has_more") or not page.get("next_cursor"):
                break
            query["cursor"] = str(page["next_cursor"])
        return found

    async def poll(self, ticket: Ticket) -> Progress:
        """Its status. One that was made just now may not be there yet."""
        try:
            told = (await self.api.call("GET", self._address(ticket, "status"), "read", query={"logs": 1})).table
        except NotThere:
            if datetime.now(UTC) - datetime.fromisoformat(ticket.data["made"]) <= FRESH:
                return Progress("waiting", words="not listed yet")
            if await self._kept(ticket) is None:
                raise
            return Progress("done", 1.0)
        match told.get("status"):
            case "IN_QUEUE":
                place = told.get("queue_position")
                return Progress("waiting", words=f"{place} before it in the queue" if isinstance(place, int) else "")
            case "IN_PROGRESS":
                lines = _lines(told)
                fraction, words = steps("\n".join(lines))
                return Progress("running", fraction, words or (tidy(lines[-1]) if lines else ""))
            case "COMPLETED" if told.get("error") or told.get("error_type"):
                raise await self._failure(ticket, told)
            case "COMPLETED":
                return Progress("done", 1.0)
            case other:
                raise ProviderTrouble(f"fal gives a status that is not known, {tidy(other)!r}; look at {self.api.jobs}")

    async def _failure(self, ticket: Ticket, told: dict[str, Any]) -> TracklayError:
        """What a COMPLETED request with an error means: its result is the model's own answer, and says which input it was."""
        said, kind = tidy(words_of(told.get("error")) or told.get("error_type")), str(told.get("error_type") or "")
        try:
            answer = await self.api.call(
                "GET", self._address(ticket, "result"), "read", accept=range(400, 600), expect_json=False
            )
        except TracklayError:
            return meaning([kind], said)
        if answer.status in (401, 403):
            return self.api.refused(answer)
        kinds = [*kinds_of(answer), kind]
        if answer.good or not isinstance(answer.data, dict):
            return meaning(kinds, said)
        said = said if answer.words in said else tidy(f"{said}: {answer.words}")
        return meaning(kinds, said, answer)

    async def collect(self, ticket: Ticket, folder: Path) -> Output:
        """Fetch what it made at once: the result is kept for an hour, or for six minutes; afterwards the history may have it."""
        try:
            result = await self._result(ticket)
        except NotThere as error:
            kept = await self._kept(ticket)
            if kept is None:
                raise self._gone(ticket) from error
            result = kept
        made = sounds(result)
        if not made:
            raise ModelFailed(f"fal's model gave no sound: {tidy(json.dumps(result))}; try again, or another model")
        outputs = [
            await self._fetch(ticket, address, folder / f"output{number}{suffix(address)}")
            for number, address in enumerate(made)
        ]
        seed = result.get("seed")
        return Output(
            outputs[0],
            ticket.data["seed"] if not isinstance(seed, int) else seed,
            ticket.data["endpoint"],
            Cost(**ticket.data["cost"]),
            understood={name: result[name] for name in ("prompt", "metadata") if result.get(name)},
            others=tuple(outputs[1:]),
        )

    async def _result(self, ticket: Ticket) -> dict[str, Any]:
        address = self._address(ticket, "result")
        answer = await self.api.call("GET", address, "read", accept=range(500, 600))
        if not answer.good and not kinds_of(answer):
            # Passing trouble on the way, not the model's own last word.
            answer = await self.api.call("GET", address, "read")
        if not answer.good:
            raise self.api.refused(answer)
        return answer.table

    async def _kept(self, ticket: Ticket) -> dict[str, Any] | None:
        """The result as the history has it, when the queue has forgotten it."""
        since = datetime.fromisoformat(ticket.data["made"]) - CLOCKS_APART
        listed = await self._history(ticket.data["endpoint"], start=_moment(since), request_id=ticket.request)
        kept = [entry.get("json_output") for entry in listed if entry.get("request_id") == ticket.request]
        return kept[0] if kept and isinstance(kept[0], dict) else None

    async def _fetch(self, ticket: Ticket, address: str, to: Path) -> Path:
        if address.startswith("data:"):
            return from_data_uri(address, to)
        try:
            return await self.api.download(address, to)
        except (NotThere, KeyRefused) as error:
            raise self._gone(ticket) from error

    @staticmethod
    def _gone(ticket: Ticket) -> ResultGone:
        return ResultGone(f"fal has deleted what {ticket.request} made; make it again")

    def _address(self, ticket: Ticket, what: Literal["status", "result", "cancel"]) -> str:
        """As the queue named it, where that is on the queue's own host; else made from the request's id."""
        named = ticket.data["urls"].get(what)
        try:
            if isinstance(named, str) and origin(named) == origin(self.queue):
                return named
        except ValueError:
            pass
        words = ticket.data["endpoint"].split("/")
        app = "/".join(words[: 3 if words[0] in NAMESPACES else 2])
        return f"/{app}/requests/{quote(ticket.request, safe='')}" + ("" if what == "result" else f"/{what}")

    async def cancel(self, ticket: Ticket) -> bool:
        """Ask it to stop. One that runs already may go on, and whether it is charged then is not known."""
        answer = await self.api.call(
            "PUT", self._address(ticket, "cancel"), "cancel", accept=(400, 404), expect_json=False
        )
        return answer.good and answer.table.get("success") is not False

    async def check_key(self) -> str:
        """Nothing to tell but whether it is good."""
        await self.api.call("GET", f"/{KEY_CHECK_APP}/requests/{uuid.uuid4()}/status", "read", accept=(404,))
        return ""

    async def estimate(self, request: Request) -> Cost | None:
        """By fal's price list where it tells a price for a second or a request; else as the catalogue has it."""
        model = request.model
        try:
            told = await self.api.call(
                "GET", f"{self.platform}/models/pricing", "read", query={"endpoint_id": model.endpoint}
            )
        except TracklayError:
            return priced(request)
        for entry in told.table.get("prices") or ():
            if isinstance(entry, dict) and entry.get("endpoint_id") == model.endpoint and (known := unit_price(entry)):
                amount, per = known
                price = replace(
                    model.price, amount=amount, per=per, currency=str(entry.get("currency") or "USD").upper()
                )
                return priced(replace(request, model=replace(model, price=price)))
        return priced(request)


def _holds(listed: Any, sent: dict[str, Any]) -> bool:
    """Whether a listed input is the one that was sent; it may show the model's defaults beside."""
    return isinstance(listed, dict) and all(name in listed and listed[name] == value for name, value in sent.items())


def _moment(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _lifecycle(seconds: int) -> str:
    return json.dumps({"expiration_duration_seconds": seconds})


def _ticket(intent: Intent, told: dict[str, Any]) -> Ticket:
    data = intent.data
    kept = {
        "endpoint": data["endpoint"],
        "seed": data["seed"],
        "cost": data["cost"],
        "made": datetime.now(UTC).isoformat(),
        "urls": {
            "status": told.get("status_url"),
            "result": told.get("response_url"),
            "cancel": told.get("cancel_url"),
        },
    }
    return Ticket("fal", str(told["request_id"]), kept)


def _lines(told: dict[str, Any]) -> list[str]:
    """The messages of a status's logs."""
    logs = told.get("logs")
    listed = logs if isinstance(logs, list) else ()
    return [str(entry["message"]) for entry in listed if isinstance(entry, dict) and entry.get("message")]


def make() -> Provider:
    """The provider."""
    return Fal()
