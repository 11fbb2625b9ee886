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
    InsufficientCredit,
    KeyRefused,
    ModelFailed,
    NotFound,
    ProviderTimeout,
    ProviderUnavailable,
    RefusedContent,
    RefusedInput,
    ResultExpired,
    TracklayError,
)
from ..models import is_url
from . import credentials
from .base import JobHandle, JobProgress, Output, Provider, Request, Submission, catalogue_cost
from .client import DEFAULT_RETRY_POLICY, RetryPolicy
from .http import Api, FileBody, base_url
from .request_body import build_request_body, find_input_files, mime_type, suffix_from_url
from .response import Response, is_content_refusal, sanitize_message
from .signed_url import download_signed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

KEY_VARIABLE, SECRET_VARIABLE = "SCENARIO_SDK_API_KEY", "SCENARIO_SDK_API_SECRET"

CURRENCY = "CU"
"""Creative units: what Scenario counts in."""
UNIT_NAMES = ("credit", "creative unit", "compute unit")
"""What it calls them where it refuses for want of them."""

PART_SIZE = 32 << 20
"""Bytes of a part of an upload: the official plug-in's (facts/apis.md, section 3.5)."""

IMPORT_TIMEOUT_SECONDS = 600.0
MAX_IMPORT_DELAY_SECONDS = 4.0
"""How long Scenario may take to make an asset of an upload, and the longest pause between two looks at it."""

DRY_RUN_STATUS = 269
"""The status of an answer that tells a cost and has begun nothing."""

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""By so much Scenario's clock may differ from ours when a lost job is looked for."""

PAGE_SIZE = 100
MAX_PAGES = 50
"""Pages of the list that are looked through: they may be short, or empty, and still not be the last."""

WAITING_STATUSES = {"pending": "pending", "queued": "queued", "warming-up": "warming up"}
RUNNING_STATUSES = {"in-progress": "", "processing": "", "finalizing": "finalizing"}
IMPORTING_STATUSES = frozenset({"pending", "complete", "validating", "validated"})
REJECTED_STATUSES = (400, 404, 409, 422)
"""Statuses of an answer to an action that says: not with this one, or not any more."""

AssetKind = Literal["video", "audio", "image"]


class Scenario(Provider):
    """One instance for each take; what they share is in `pool`."""

    name = "scenario"
    capabilities: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset(
        {"cancel", "find", "check_key", "estimate"}
    )

    def __init__(self, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> None:
        self.api = Api(
            "Scenario",
            (base_url("TRACKLAY_SCENARIO_URL", "https://api.cloud.scenario.com/v1"),),
            auth_headers=_auth_headers,
            key_variables=f"{KEY_VARIABLE} and {SECRET_VARIABLE}",
            # Its CDN is cdn.cloud.scenario.com or cdn.scenario.com; where the parts of an upload go is not published: S3 it seems.
            keyless_hosts=("*.scenario.com", "*.amazonaws.com"),
            explain_error=_explain_error,
            dashboard="https://app.scenario.com",
            retry_policy=retry_policy,
        )

    def check_ready(self) -> None:
        """Key and secret are set."""
        _auth_headers()

    async def prepare(self, request: Request) -> Submission:
        """Upload the files."""
        data = {
            "model": request.model.endpoint,
            "input": await self._build_input(request),
            "seed": request.seed if request.model.parameter_for_role("seed") else None,
            "cost": asdict(catalogue_cost(request)),
        }
        return Submission.new(self.name, data)

    async def _build_input(self, request: Request) -> dict[str, Any]:
        assets = {name: await self._upload(path) for name, path in find_input_files(request).items()}
        for parameter in request.model.parameters:
            value = request.params.get(parameter.name)
            if parameter.type == "file" and isinstance(value, str) and is_url(value):
                assets[parameter.name] = await self._import_asset(
                    {"url": value, "kind": _kind_of_mime_type(mime_type(Path(urlsplit(value).path)))}
                )
        return build_request_body(request, assets)

    async def _upload(self, path: Path) -> str:
        """The asset that a file becomes."""
        size, mime = FileBody(path).length, mime_type(path)
        parts = max(1, -(-size // PART_SIZE))
        asked = {
            "fileName": path.name,
            "fileSize": size,
            "contentType": mime,
            "kind": _kind_of_mime_type(mime),
            "parts": parts,
        }
        return await self._import_asset(asked, path)

    async def _import_asset(self, upload_request: Mapping[str, Any], path: Path | None = None) -> str:
        """The asset that an upload becomes; without a path Scenario fetches the file itself."""
        upload = _parse_upload(await self.api.request("POST", "/uploads", "upload", json=upload_request))
        refused = None if path is None else await self._send_parts(upload, path, upload_request)
        patience, tried = self.api.retry_policy, 0
        end = patience.clock() + IMPORT_TIMEOUT_SECONDS
        while patience.clock() < end:
            upload = _parse_upload(await self.api.request("GET", f"/uploads/{upload['id']}", "read"))
            if asset := _imported_asset_id(upload):
                return asset
            if refused and upload["status"] == "pending":
                raise self.api.response_error(refused)
            tried += 1
            await patience.sleep(min(MAX_IMPORT_DELAY_SECONDS, patience.next_delay(tried)))
        raise ProviderTimeout("Scenario does not come to an end with taking the file in; try again later")

    async def _send_parts(
        self, upload: Mapping[str, Any], path: Path, upload_request: Mapping[str, Any]
    ) -> Response | None:
        """Send the parts and say that they are all; the answer, where that is refused: a lost one may have done it already."""
        parts = upload.get("parts")
        urls = {part.get("number"): part.get("url") for part in parts or () if isinstance(part, dict)}
        for number in range(1, upload_request["parts"] + 1):
            url = urls.get(number)
            if not isinstance(url, str):
                raise ProviderUnavailable(
                    f"Scenario does not say where part {number} of the file goes; try again later"
                )
            piece = FileBody(path, (number - 1) * PART_SIZE, PART_SIZE)
            headers = {"Content-Type": upload_request["contentType"]}
            try:
                await self.api.request(
                    "PUT", url, "upload", content=piece, headers=headers, send_key=False, expect_json=False
                )
            except (KeyRefused, NotFound) as error:
                raise ProviderUnavailable(
                    "Scenario's storage refuses the file at its own address; try again"
                ) from error
        for action in ("complete", "upload-complete"):  # its own client sends the one and documents the other
            done = await self.api.request(
                "POST",
                f"/uploads/{upload['id']}/action",
                "upload",
                json={"action": action},
                accept_statuses=REJECTED_STATUSES,
            )
            if done.is_success:
                return None
        return done

    async def submit(self, submission: Submission) -> JobHandle:
        """Begin the job."""
        told = (
            await self.api.request(
                "POST", f"/generate/custom/{submission.data['model']}", "submit", json=submission.data["input"]
            )
        ).json_object
        job = told.get("job")
        if not isinstance(job, dict) or not isinstance(job.get("jobId"), str):
            raise self.api.submission_unknown("its answer names no job")
        return _job_handle(submission, job, told)

    async def find(self, submission: Submission, known_requests: Collection[str] = ()) -> JobHandle | None:
        """The one job in the list that has these inputs and was made since."""
        since = datetime.fromisoformat(submission.made) - MAX_CLOCK_SKEW
        query: dict[str, str | int] = {"createdAfter": since.isoformat().replace("+00:00", "Z"), "pageSize": PAGE_SIZE}
        fitting = []
        for _ in range(MAX_PAGES):
            page = (await self.api.request("GET", "/jobs", "read", query=query)).json_object
            listed = [job for job in page.get("jobs") or () if isinstance(job, dict)]
            fitting += [
                job for job in listed if job.get("jobId") not in known_requests and _matches_submission(job, submission)
            ]
            token = page.get("nextPaginationToken")
            if not token:
                return _job_handle(submission, fitting[0], {}) if len(fitting) == 1 else None
            query = {**query, "paginationToken": str(token)}
        return None  # there are more than can be looked at: one that fits may not be the only one

    async def poll(self, handle: JobHandle) -> JobProgress:
        """Its job's status."""
        return _parse_status(await self._get_job(handle))

    async def _get_job(self, handle: JobHandle) -> dict[str, Any]:
        job = (await self.api.request("GET", f"/jobs/{handle.request}", "read")).json_object.get("job")
        if not isinstance(job, dict):
            raise ProviderUnavailable("Scenario answers without the job that was asked for; try again later")
        return job

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Fetch the assets that the job made: its sounds, or else its videos."""
        job = await self._get_job(handle)
        if _parse_status(job).state != "done":
            raise ProviderUnavailable(
                f"Scenario says that {handle.request} is done, and then that it is not; collect it again later"
            )
        made = [await self._get_asset(str(name)) for name in _metadata(job).get("assetIds") or ()]
        sounds = [asset for asset in made if _kind_of_asset(asset) == "audio"] or [
            asset for asset in made if _kind_of_asset(asset) == "video"
        ]
        if not sounds:
            said = sanitize_message(_metadata(job).get("output") or "nothing")
            raise ModelFailed(f"Scenario's model gave no sound: {said}; try again, or another model")
        kept = [await self._download_asset(asset, folder / f"output{number}") for number, asset in enumerate(sounds)]
        cost = _billed_cost(job) or Cost(**handle.data["cost"])
        return Output(kept[0], handle.data["seed"], handle.data["model"], cost, extra_files=tuple(kept[1:]))

    async def _get_asset(self, asset_id: str) -> dict[str, Any]:
        try:
            told = await self.api.request("GET", f"/assets/{asset_id}", "read", query={"originalAssets": "true"})
        except NotFound as error:
            raise ResultExpired(f"Scenario has the asset {asset_id} no more; make it again") from error
        asset = told.json_object.get("asset")
        if not isinstance(asset, dict) or not isinstance(asset.get("url"), str):
            raise ProviderUnavailable(f"Scenario does not say where the asset {asset_id} is; collect it again later")
        return {**asset, "id": asset_id}

    async def _download_asset(self, asset: Mapping[str, Any], to: Path) -> Path:
        name, mime = asset["id"], str(asset.get("mimeType") or "")
        ending = suffix_from_url(f"data:{mime}") if mime else suffix_from_url(asset["url"])

        async def renew_url() -> str:
            return str((await self._get_asset(name))["url"])

        gone = f"Scenario does not give the asset {name} at the address that it names itself; collect it again later"
        return await download_signed(self.api, asset["url"], renew_url, to.with_suffix(ending), gone)

    async def cancel(self, handle: JobHandle) -> bool:
        """Ask it to stop. Scenario refuses that for most custom jobs: then they go on, and cost what they cost."""
        told = await self.api.request(
            "POST",
            f"/jobs/{handle.request}/action",
            "cancel",
            json={"action": "cancel"},
            accept_statuses=REJECTED_STATUSES,
        )
        job = told.json_object.get("job")
        return told.is_success and isinstance(job, dict) and job.get("status") in ("canceled", "cancelled")

    async def check_key(self) -> str:
        """Nothing, when it is good: Scenario does not say whose it is."""
        await self.api.request("GET", "/jobs", "read", query={"pageSize": 1})
        return ""

    async def estimate(self, request: Request) -> Cost | None:
        """What a dry run tells. It wants the files there, so they are uploaded; nothing is made and nothing spent.

        Raises:
            ProviderTrouble: the answer is not one to a dry run.
        """
        sent = await self._build_input(request)
        answer = await self.api.request(
            "POST", f"/generate/custom/{request.model.endpoint}", "read", json=sent, query={"dryRun": "true"}
        )
        if answer.status != DRY_RUN_STATUS and answer.json_object.get("job"):
            raise ProviderUnavailable(
                f"Scenario began a job where a dry run was asked for; look at {self.api.dashboard}"
            )
        return _cost_in_units(answer.json_object.get("creativeUnitsCost"), estimated=True) or catalogue_cost(request)


def _auth_headers() -> dict[str, str]:
    """HTTP Basic.

    Raises:
        KeyMissing, KeyRefused: key or secret is not set, or cannot be one.
    """
    pair = f"{credentials.require_key(KEY_VARIABLE, 'Scenario')}:{credentials.require_key(SECRET_VARIABLE, 'Scenario')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _kind_of_mime_type(mime: str) -> AssetKind:
    """What Scenario calls such a file; a sound where its name does not say."""
    match mime.partition("/")[0]:
        case "video":
            return "video"
        case "image":
            return "image"
        case _:
            return "audio"


def _parse_upload(response: Response) -> dict[str, Any]:
    upload = response.json_object.get("upload")
    if not isinstance(upload, dict) or not isinstance(upload.get("id"), str):
        raise ProviderUnavailable("Scenario answers without the upload that was asked for; try again later")
    return upload


def _imported_asset_id(upload: Mapping[str, Any]) -> str:
    """An upload's asset, empty as long as it is on its way."""
    status = upload.get("status")
    if status == "imported" and isinstance(upload.get("entityId"), str):
        return str(upload["entityId"])
    if status == "failed":
        said = sanitize_message(upload.get("errorMessage") or "it does not say why")
        raise RefusedInput(f"Scenario does not take the file: {said}; choose another span or file")
    if status not in IMPORTING_STATUSES:
        raise ProviderUnavailable(
            f"Scenario gives an upload a status that is not known, {sanitize_message(status)!r}; try again later"
        )
    return ""


def _job_handle(submission: Submission, job: Mapping[str, Any], payload: Mapping[str, Any]) -> JobHandle:
    cost = _cost_in_units(payload.get("creativeUnitsCost")) or _billed_cost(job)
    kept = {key: submission.data[key] for key in ("model", "seed", "cost")}
    if cost:
        kept["cost"] = asdict(cost)
    return JobHandle("scenario", str(job["jobId"]), kept)


def _metadata(job: Mapping[str, Any]) -> dict[str, Any]:
    metadata = job.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _matches_submission(job: Mapping[str, Any], submission: Submission) -> bool:
    """Whether a job was begun by this request: what we sent is in it, perhaps beside defaults that were filled in."""
    given = _metadata(job).get("input")
    if not isinstance(given, dict) or not isinstance(job.get("jobId"), str):
        return False
    if given.get("modelId", submission.data["model"]) != submission.data["model"]:
        return False
    return all(name in given and given[name] == value for name, value in submission.data["input"].items())


def _cost_in_units(amount: Any, *, estimated: bool = False) -> Cost | None:
    told = isinstance(amount, int | float) and not isinstance(amount, bool)
    return Cost(f"{amount:.10g}", CURRENCY, estimated=estimated) if told else None


def _billed_cost(job: Mapping[str, Any]) -> Cost | None:
    billing = job.get("billing")
    return _cost_in_units(billing.get("cuCost")) if isinstance(billing, dict) else None


def _kind_of_asset(asset: Mapping[str, Any]) -> str:
    return str(asset.get("kind") or str(asset.get("mimeType") or "").partition("/")[0])


def _parse_status(job: Mapping[str, Any]) -> JobProgress:
    """A job's status; one that is not known is trouble, not success."""
    status = str(job.get("status"))
    if status in WAITING_STATUSES:
        return JobProgress("waiting", message=WAITING_STATUSES[status])
    if status in RUNNING_STATUSES:
        done = job.get("progress")
        fraction = min(1.0, max(0.0, float(done))) if isinstance(done, int | float) else None
        return JobProgress("running", fraction, RUNNING_STATUSES[status])
    match status:
        case "success":
            return JobProgress("done", 1.0)
        case "failure" | "failed":
            raise _job_error(job)
        case "canceled" | "cancelled":
            raise Cancelled("it was cancelled at Scenario")
        case _:
            raise ProviderUnavailable(
                f"Scenario gives a status that is not known, {sanitize_message(status)!r}; look at https://app.scenario.com"
            )


def _job_error(job: Mapping[str, Any]) -> TracklayError:
    """Why a job failed, what Scenario advises, and whether its units come back."""
    told = _metadata(job)
    said = (
        "; ".join(sanitize_message(told[part]) for part in ("error", "hint") if told.get(part)) or "it does not say why"
    )
    billing = job.get("billing")
    kept = isinstance(billing, dict) and billing.get("disableRefund")
    tail = ", and its units are not given back" if kept else ""
    if is_content_refusal(said):
        return RefusedContent(f"Scenario's model refuses the content{tail}: {said}; change the prompt or the span")
    return ModelFailed(f"Scenario's model failed{tail}: {said}; try again, with other parameters, or another model")


def _explain_error(response: Response) -> TracklayError | None:
    """A refusal for want of units: its shape is not confirmed, so it is known by its words."""
    said = response.message
    if response.status in (400, 403) and any(word in said.lower() for word in UNIT_NAMES):
        return InsufficientCredit(f"the Scenario account has no creative units left: {said}; add some and try again")
    return None


def create_provider() -> Provider:
    """The provider."""
    return Scenario()
