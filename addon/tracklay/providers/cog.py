"""The person's own Cog container (facts/apis.md, section 5): the models that Replicate runs, on their own GPU, with no key and no price.

Cog has no call that gives a finished result: one PUT under our own id asks for the work and brings it, so the ticket is made
before anything is sent, and `collect` sends. A connection that breaks ends the work there, and nothing is lost but time.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from ..cue import Cost
from ..errors import Cancelled, ModelFailed, ProviderTrouble, ResultGone, Unclear
from .base import Intent, Output, Progress, Provider, Request, Ticket, priced
from .client import MIB, PATIENCE, Patience
from .http import Api, base_url
from .replicate_output import addresses, seed_used
from .request_body import body, data_uri, files, from_data_uri, suffix
from .response import Answer, tidy

CONTAINER = "your Cog container"

RUN_SECONDS = 30 * 60.0
"""How long one run may think without a byte."""

MOST_ANSWER = 1024 * MIB
"""Bytes of an answer: the file is in it, a third larger than it is."""

BUSY_TRIES = 90
"""How often a place is asked for; with the longest pause between, three quarters of an hour."""

NOT_BEGUN = frozenset({409, 503})
"""Busy, or not ready: nothing was begun, and it may be asked again."""

IN_FLIGHT = 202


class Cog(Provider):
    """One instance for each take."""

    name = "cog"
    offers: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset(
        {"cancel", "check_key", "estimate"}
    )
    patience = 60 * 60.0
    sends_at = "collect"

    def __init__(self, patience: Patience = PATIENCE, run_seconds: float = RUN_SECONDS) -> None:
        base = base_url("TRACKLAY_COG_URL", "http://127.0.0.1:5000")
        self.api = Api(CONTAINER, (base,), jobs="the container's log", patience=patience)
        self._run_seconds = run_seconds

    async def prepare(self, request: Request) -> Intent:
        """Nothing is sent: the files go along with the request, and are named here."""
        wire = {parameter.name: parameter.wire_name for parameter in request.model.parameters}
        data = {
            "input": body(request, {}),
            "files": {wire[name]: str(path) for name, path in files(request).items()},
            "version": request.model.version,
            "seed": request.seed,
            "cost": asdict(priced(request)),
        }
        return Intent.new(self.name, data)

    async def submit(self, intent: Intent) -> Ticket:
        """The ticket; `collect` sends."""
        return Ticket(self.name, intent.id, intent.data)

    async def poll(self, ticket: Ticket) -> Progress:  # noqa: ARG002 - the shape of every provider
        """Whether the container can take it: `done` here means that `collect` may begin."""
        told = (await self.api.call("GET", "/health-check", "read")).table
        status = told.get("status")
        if status == "STARTING":
            return Progress("waiting", words="the container is starting")
        if status == "BUSY":
            return Progress("waiting", words="the container is busy")
        if status == "READY":
            return Progress("done", words="running in the container")
        setup = told.get("setup")
        logs = str(setup.get("logs") or "") if isinstance(setup, dict) else ""
        said = tidy(logs[-200:])
        raise ProviderTrouble(
            f"{CONTAINER} says {tidy(status)}{': ' + said if said else ''}; look at its log and start it again"
        )

    async def check_key(self) -> str:
        """There is no key: nothing where the container answers. It is asked once, for most people run none."""
        try:
            await self.api.call("GET", "/health-check", "read", tries=1)
        except ProviderTrouble as error:
            raise ProviderTrouble(
                f"nothing that is a Cog container answers at {self.api.bases[0]}: start it, or name its address with TRACKLAY_COG_URL"
            ) from error
        return ""

    async def collect(self, ticket: Ticket, folder: Path) -> Output:
        """Ask for the work and wait for what comes."""
        told = (await self._run(ticket)).table
        status = told.get("status")
        if status == "canceled":
            raise Cancelled(f"it was cancelled in {CONTAINER}")
        if status != "succeeded":
            said = tidy(told.get("error") or f"its status is {status!r}")
            raise ModelFailed(
                f"the model in {CONTAINER} failed: {said}; try again, with other parameters, or look at its log"
            )
        made = addresses(told.get("output"))
        if not made:
            raise ModelFailed(f"the model in {CONTAINER} gave no file: {tidy(told.get('output'))}; look at its log")
        kept = [
            await self._fetch(address, folder / f"output{number}{suffix(address)}")
            for number, address in enumerate(made)
        ]
        seed = seed_used(told.get("logs"))
        data = ticket.data
        return Output(
            kept[0],
            data["seed"] if seed is None else seed,
            data["version"],
            Cost(**data["cost"]),
            others=tuple(kept[1:]),
        )

    async def _run(self, ticket: Ticket) -> Answer:
        """The answer of the one PUT. A container with no place free began nothing, and is asked again."""
        sent = {"id": ticket.request, "input": {**ticket.data["input"], **self._files(ticket)}}
        patience = self.api.patience
        for tried in range(1, BUSY_TRIES + 1):
            try:
                answer = await self.api.call(
                    "PUT",
                    f"/predictions/{ticket.request}",
                    "submit",
                    json=sent,
                    accept=NOT_BEGUN,
                    silence=self._run_seconds,
                    whole=self._run_seconds,
                    most=MOST_ANSWER,
                )
            except Unclear as error:
                raise ProviderTrouble(
                    f"the connection to {CONTAINER} broke while it worked, which ends the work; nothing was charged, run the same again"
                ) from error
            if answer.status == IN_FLIGHT:
                raise ProviderTrouble(
                    f"{CONTAINER} works on {ticket.request} already; wait until it is done, then run the same again"
                )
            if answer.status not in NOT_BEGUN:
                return answer
            await patience.sleep(patience.pause(tried, answer.retry_after))
        raise ProviderTrouble(f"{CONTAINER} had no place free all the time: {answer.words}; try again later")

    @staticmethod
    def _files(ticket: Ticket) -> dict[str, Any]:
        try:
            return {name: data_uri(Path(path)) for name, path in ticket.data["files"].items()}
        except FileNotFoundError as error:
            raise ResultGone(
                "the run ended with the program that began it, and its proxy is gone; run the same again, it costs nothing"
            ) from error

    async def _fetch(self, address: str, to: Path) -> Path:
        if address.startswith("data:"):
            return from_data_uri(address, to)
        return await self.api.download(address, to)

    async def cancel(self, ticket: Ticket) -> bool:
        """Stop it; False where it does not run (any more)."""
        answer = await self.api.call(
            "POST", f"/predictions/{ticket.request}/cancel", "cancel", accept=(404,), expect_json=False
        )
        return answer.good


def make() -> Provider:
    """The provider."""
    return Cog()
