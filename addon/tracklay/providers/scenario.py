"""Scenario (facts/apis.md, section 3): custom models by id, files by upload, results as assets behind signed addresses.

Most custom jobs cannot be cancelled there: giving one up means to wait no longer, and its creative units are spent.
A lost submission is found in the list of jobs. What a request costs is told by a dry run.
"""

from __future__ import annotations

import base64
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from ..cue import Cost
from ..errors import (
    Cancelled,
    KeyRefused,
    ModelFailed,
    NoCredit,
    NotThere,
    ProviderTrouble,
    RefusedContent,
    RefusedInput,
    ResultGone,
    TimedOut,
    TracklayError,
)
from ..models import is_url
from . import credentials
from .base import Intent, Output, Progress, Provider, Request, Ticket, priced
from .client import PATIENCE, Patience
from .http import Api, Piece, base_url
from .request_body import body, files, mime_type, suffix
from .response import Answer, tidy, unwanted
from .signed_url import fetch

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

KEY, SECRET = "SCENARIO_SDK_API_KEY", "SCENARIO_SDK_API_SECRET"

CURRENCY = "CU"
"""Creative units: what Scenario counts in."""
UNITS = ("credit", "creative unit", "compute unit")
"""What it calls them where it refuses for want of them."""

PART_SIZE = 32 << 20
"""Bytes of a part of an upload: the official plug-in's (facts/apis.md, section 3.5)."""

IMPORT_SECONDS = 600.0
IMPORT_PAUSE = 4.0
"""How long Scenario may take to make an asset of an upload, and the longest pause between two looks at it."""

DRY_RUN = 269
"""The status of an answer that tells a cost and has begun nothing."""

CLOCKS_APART = timedelta(minutes=5)
"""By so much Scenario's clock may differ from ours when a lost job is looked for."""

PAGE_SIZE = 100
MOST_PAGES = 50
"""Pages of the list that are looked through: they may be short, or empty, and still not be the last."""

WAITING = {"pending": "pending", "queued": "queued", "warming-up": "warming up"}
RUNNING = {"in-progress": "", "processing": "", "finalizing": "finalizing"}
IMPORTING = frozenset({"pending", "complete", "validating", "validated"})
CANNOT = (400, 404, 409, 422)
"""Statuses of an answer to an action that says: not with this one, or not any more."""

Kind = Literal["video", "audio", "image"]


class Scenario(Provider):
    """One instance for each take; what they share is in `pool`."""

    name = "scenario"
    offers: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset(
        {"cancel", "find", "check_key", "estimate"}
    )

    def __init__(self, patience: Patience = PATIENCE) -> None:
        self.api = Api(
            "Scenario",
            (base_url("TRACKLAY_SCENARIO_URL", "https://api.cloud.scenario.com/v1"),),
            key=_authorization,
            key_names=f"{KEY} and {SECRET}",
            # Its CDN is cdn.cloud.scenario.com or cdn.scenario.com; where the parts of an upload go is not published: S3 it seems.
            hosts=("*.scenario.com", "*.amazonaws.com"),
            explain=_explained,
            jobs="https://app.scenario.com",
            patience=patience,
        )

    def ready(self) -> None:
        """Key and secret are set."""
        _authorization()

    async def prepare(self, request: Request) -> Intent:
        """Upload the files."""
        data = {
            "model": request.model.endpoint,
            "input": await self._input(request),
            "seed": request.seed if request.model.role("seed") else None,
            "cost": asdict(priced(request)),
        }
        return Intent.new(self.name, data)

    async def _input(self, request: Request) -> dict[str, Any]:
        assets = {name: await self._upload(path) for name, path in files(request).items()}
        for parameter in request.model.parameters:
            value = request.params.get(parameter.name)
            if parameter.type == "file" and isinstance(value, str) and is_url(value):
                assets[parameter.name] = await self._imported(
                    {"url": value, "kind": _kind(mime_type(Path(urlsplit(value).path)))}
                )
        return body(request, assets)

    async def _upload(self, path: Path) -> str:
        """The asset that a file becomes."""
        size, mime = Piece(path).length, mime_type(path)
        parts = max(1, -(-size // PART_SIZE))
        asked = {"fileName": path.name, "fileSize": size, "contentType": mime, "kind": _kind(mime), "parts": parts}
        return await self._imported(asked, path)

    async def _imported(self, asked: Mapping[str, Any], path: Path | None = None) -> str:
        """The asset that an upload becomes; without a path Scenario fetches the file itself."""
        upload = _upload(await self.api.call("POST", "/uploads", "upload", json=asked))
        refused = None if path is None else await self._send(upload, path, asked)
        patience, tried = self.api.patience, 0
        end = patience.clock() + IMPORT_SECONDS
        while patience.clock() < end:
            upload = _upload(await self.api.call("GET", f"/uploads/{upload['id']}", "read"))
            if asset := _asset_made(upload):
                return asset
            if refused and upload["status"] == "pending":
                raise self.api.refused(refused)
            tried += 1
            await patience.sleep(min(IMPORT_PAUSE, patience.pause(tried)))
        raise TimedOut("Scenario does not come to an end with taking the file in; try again later")

    async def _send(self, upload: Mapping[str, Any], path: Path, asked: Mapping[str, Any]) -> Answer | None:
        """Send the parts and say that they are all; the answer, where that is refused: a lost one may have done it already."""
        parts = upload.get("parts")
        urls = {part.get("number"): part.get("url") for part in parts or () if isinstance(part, dict)}
        for number in range(1, asked["parts"] + 1):
            url = urls.get(number)
            if not isinstance(url, str):
                raise ProviderTrouble(f"Scenario does not say where part {number} of the file goes; try again later")
            piece = Piece(path, (number - 1) * PART_SIZE, PART_SIZE)
            headers = {"Content-Type": asked["contentType"]}
            try:
                await self.api.call("PUT", url, "upload", content=piece, headers=headers, key=False, expect_json=False)
            except (KeyRefused, NotThere) as error:
                raise ProviderTrouble("Scenario's storage refuses the file at its own address; try again") from error
        for action in ("complete", "upload-complete"):  # its own client sends the one and documents the other
            done = await self.api.call(
                "POST", f"/uploads/{upload['id']}/action", "upload", json={"action": action}, accept=CANNOT
            )
            if done.good:
                return None
        return done

    async def submit(self, intent: Intent) -> Ticket:
        """Begin the job."""
        told = (
            await self.api.call("POST", f"/generate/custom/{intent.data['model']}", "submit", json=intent.data["input"])
        ).table
        job = told.get("job")
        if not isinstance(job, dict) or not isinstance(job.get("jobId"), str):
            raise self.api.unclear("its answer names no job")
        return _ticket(intent, job, told)

    async def find(self, intent: Intent, known: Collection[str] = ()) -> Ticket | None:
        """The one job in the list that has these inputs and was made since."""
        since = datetime.fromisoformat(intent.made) - CLOCKS_APART
        query: dict[str, str | int] = {"createdAfter": since.isoformat().replace("+00:00", "Z"), "pageSize": PAGE_SIZE}
        fitting = []
        for _ in range(MOST_PAGES):
            page = (await self.api.call("GET", "/jobs", "read", query=query)).table
            listed = [job for job in page.get("jobs") or () if isinstance(job, dict)]
            fitting += [job for job in listed if job.get("jobId") not in known and _fits(job, intent)]
            token = page.get("nextPaginationToken")
            if not token:
                return _ticket(intent, fitting[0], {}) if len(fitting) == 1 else None
            query = {**query, "paginationToken": str(token)}
        return None  # there are more than can be looked at: one that fits may not be the only one

    async def poll(self, ticket: Ticket) -> Progress:
        """Its job's status."""
        return _progress(await self._job(ticket))

    async def _job(self, ticket: Ticket) -> dict[str, Any]:
        job = (await self.api.call("GET", f"/jobs/{ticket.request}", "read")).table.get("job")
        if not isinstance(job, dict):
            raise ProviderTrouble("Scenario answers without the job that was asked for; try again later")
        return job

    async def collect(self, ticket: Ticket, folder: Path) -> Output:
        """Fetch the assets that the job made: its sounds, or else its videos."""
        job = await self._job(ticket)
        if _progress(job).state != "done":
            raise ProviderTrouble(
                f"Scenario says that {ticket.request} is done, and then that it is not; collect it again later"
            )
        made = [await self._asset(str(name)) for name in _metadata(job).get("assetIds") or ()]
        sounds = [asset for asset in made if _kind_of(asset) == "audio"] or [
            asset for asset in made if _kind_of(asset) == "video"
        ]
        if not sounds:
            said = tidy(_metadata(job).get("output") or "nothing")
            raise ModelFailed(f"Scenario's model gave no sound: {said}; try again, or another model")
        kept = [await self._fetch(asset, folder / f"output{number}") for number, asset in enumerate(sounds)]
        cost = _billed(job) or Cost(**ticket.data["cost"])
        return Output(kept[0], ticket.data["seed"], ticket.data["model"], cost, others=tuple(kept[1:]))

    async def _asset(self, name: str) -> dict[str, Any]:
        try:
            told = await self.api.call("GET", f"/assets/{name}", "read", query={"originalAssets": "true"})
        except NotThere as error:
            raise ResultGone(f"Scenario has the asset {name} no more; make it again") from error
        asset = told.table.get("asset")
        if not isinstance(asset, dict) or not isinstance(asset.get("url"), str):
            raise ProviderTrouble(f"Scenario does not say where the asset {name} is; collect it again later")
        return {**asset, "id": name}

    async def _fetch(self, asset: Mapping[str, Any], to: Path) -> Path:
        name, mime = asset["id"], str(asset.get("mimeType") or "")
        ending = suffix(f"data:{mime}") if mime else suffix(asset["url"])

        async def renewed() -> str:
            return str((await self._asset(name))["url"])

        gone = f"Scenario does not give the asset {name} at the address that it names itself; collect it again later"
        return await fetch(self.api, asset["url"], renewed, to.with_suffix(ending), gone)

    async def cancel(self, ticket: Ticket) -> bool:
        """Ask it to stop. Scenario refuses that for most custom jobs: then they go on, and cost what they cost."""
        told = await self.api.call(
            "POST", f"/jobs/{ticket.request}/action", "cancel", json={"action": "cancel"}, accept=CANNOT
        )
        job = told.table.get("job")
        return told.good and isinstance(job, dict) and job.get("status") in ("canceled", "cancelled")

    async def check_key(self) -> str:
        """Nothing, when it is good: Scenario does not say whose it is."""
        await self.api.call("GET", "/jobs", "read", query={"pageSize": 1})
        return ""

    async def estimate(self, request: Request) -> Cost | None:
        """What a dry run tells. It wants the files there, so they are uploaded; nothing is made and nothing spent.

        Raises:
            ProviderTrouble: the answer is not one to a dry run.
        """
        sent = await self._input(request)
        answer = await self.api.call(
            "POST", f"/generate/custom/{request.model.endpoint}", "read", json=sent, query={"dryRun": "true"}
        )
        if answer.status != DRY_RUN and answer.table.get("job"):
            raise ProviderTrouble(f"Scenario began a job where a dry run was asked for; look at {self.api.jobs}")
        return _units(answer.table.get("creativeUnitsCost"), estimated=True) or priced(request)


def _authorization() -> dict[str, str]:
    """HTTP Basic.

    Raises:
        KeyMissing, KeyRefused: key or secret is not set, or cannot be one.
    """
    pair = f"{credentials.key(KEY, 'Scenario')}:{credentials.key(SECRET, 'Scenario')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _kind(mime: str) -> Kind:
    """What Scenario calls such a file; a sound where its name does not say."""
    match mime.partition("/")[0]:
        case "video":
            return "video"
        case "image":
            return "image"
        case _:
            return "audio"


def _upload(answer: Answer) -> dict[str, Any]:
    upload = answer.table.get("upload")
    if not isinstance(upload, dict) or not isinstance(upload.get("id"), str):
        raise ProviderTrouble("Scenario answers without the upload that was asked for; try again later")
    return upload


def _asset_made(upload: Mapping[str, Any]) -> str:
    """An upload's asset, empty as long as it is on its way."""
    status = upload.get("status")
    if status == "imported" and isinstance(upload.get("entityId"), str):
        return str(upload["entityId"])
    if status == "failed":
        said = tidy(upload.get("errorMessage") or "it does not say why")
        raise RefusedInput(f"Scenario does not take the file: {said}; choose another span or file")
    if status not in IMPORTING:
        raise ProviderTrouble(f"Scenario gives an upload a status that is not known, {tidy(status)!r}; try again later")
    return ""


def _ticket(intent: Intent, job: Mapping[str, Any], told: Mapping[str, Any]) -> Ticket:
    cost = _units(told.get("creativeUnitsCost")) or _billed(job)
    kept = {key: intent.data[key] for key in ("model", "seed", "cost")}
    if cost:
        kept["cost"] = asdict(cost)
    return Ticket("scenario", str(job["jobId"]), kept)


def _metadata(job: Mapping[str, Any]) -> dict[str, Any]:
    metadata = job.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _fits(job: Mapping[str, Any], intent: Intent) -> bool:
    """Whether a job was begun by this request: what we sent is in it, perhaps beside defaults that were filled in."""
    given = _metadata(job).get("input")
    if not isinstance(given, dict) or not isinstance(job.get("jobId"), str):
        return False
    if given.get("modelId", intent.data["model"]) != intent.data["model"]:
        return False
    return all(name in given and given[name] == value for name, value in intent.data["input"].items())


def _units(amount: Any, *, estimated: bool = False) -> Cost | None:
    told = isinstance(amount, int | float) and not isinstance(amount, bool)
    return Cost(f"{amount:.10g}", CURRENCY, estimated=estimated) if told else None


def _billed(job: Mapping[str, Any]) -> Cost | None:
    billing = job.get("billing")
    return _units(billing.get("cuCost")) if isinstance(billing, dict) else None


def _kind_of(asset: Mapping[str, Any]) -> str:
    return str(asset.get("kind") or str(asset.get("mimeType") or "").partition("/")[0])


def _progress(job: Mapping[str, Any]) -> Progress:
    """A job's status; one that is not known is trouble, not success."""
    status = str(job.get("status"))
    if status in WAITING:
        return Progress("waiting", words=WAITING[status])
    if status in RUNNING:
        done = job.get("progress")
        fraction = min(1.0, max(0.0, float(done))) if isinstance(done, int | float) else None
        return Progress("running", fraction, RUNNING[status])
    match status:
        case "success":
            return Progress("done", 1.0)
        case "failure" | "failed":
            raise _failure(job)
        case "canceled" | "cancelled":
            raise Cancelled("it was cancelled at Scenario")
        case _:
            raise ProviderTrouble(
                f"Scenario gives a status that is not known, {tidy(status)!r}; look at https://app.scenario.com"
            )


def _failure(job: Mapping[str, Any]) -> TracklayError:
    """Why a job failed, what Scenario advises, and whether its units come back."""
    told = _metadata(job)
    said = "; ".join(tidy(told[part]) for part in ("error", "hint") if told.get(part)) or "it does not say why"
    billing = job.get("billing")
    kept = isinstance(billing, dict) and billing.get("disableRefund")
    tail = ", and its units are not given back" if kept else ""
    if unwanted(said):
        return RefusedContent(f"Scenario's model refuses the content{tail}: {said}; change the prompt or the span")
    return ModelFailed(f"Scenario's model failed{tail}: {said}; try again, with other parameters, or another model")


def _explained(answer: Answer) -> TracklayError | None:
    """A refusal for want of units: its shape is not confirmed, so it is known by its words."""
    said = answer.words
    if answer.status in (400, 403) and any(word in said.lower() for word in UNITS):
        return NoCredit(f"the Scenario account has no creative units left: {said}; add some and try again")
    return None


def make() -> Provider:
    """The provider."""
    return Scenario()
