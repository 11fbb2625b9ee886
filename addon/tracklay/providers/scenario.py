"""Scenario: custom models by ID, files by upload, results as assets behind signed URLs. Its facts: `docs/api-notes/scenario.md`.

Most custom jobs cannot be cancelled: their creative units are spent. A lost submission is searched for in the list of jobs. A dry
run returns the cost of a request.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from ..cue import Cost
from ..errors import (
    InsufficientCredit,
    KeyRefused,
    NotFound,
    ProviderTimeout,
    ProviderUnavailable,
    RefusedInput,
    ResultExpired,
    TracklayError,
)
from ..models import is_url
from . import credentials
from .base import (
    MIN_OUTPUTS,
    JobHandle,
    JobProgress,
    Output,
    Provider,
    Request,
    Submission,
    catalogue_cost,
    requested_outputs,
)
from .http import Api, FileBody, base_url
from .job_errors import cancelled, missing_value, model_failed, no_output, status_changed, status_unknown
from .request_body import build_request_body, find_input_files, mime_type, suffix_from_url
from .response import Response, as_list, content_refused, is_content_refusal, message_suffix, sanitize_message
from .retry import DEFAULT_RETRY_POLICY, RetryPolicy
from .signed_url import download_signed

DASHBOARD = "https://app.scenario.com"

KEY_VARIABLE, SECRET_VARIABLE = "SCENARIO_SDK_API_KEY", "SCENARIO_SDK_API_SECRET"

CURRENCY = "CU"
"""Creative units, the currency of Scenario."""

UNIT_NAMES = ("credit", "creative unit", "compute unit")
"""Names of the currency in Scenario's messages, by which a refusal for lack of units is recognised."""

PART_SIZE = 32 << 20
"""Bytes of one part of an upload, as in Scenario's own Blender plug-in (docs/SDK_UPLOADS.md in its repository)."""

IMPORT_TIMEOUT_SECONDS = 600.0
MAX_IMPORT_DELAY_SECONDS = 4.0
"""The longest time that Scenario may take to import an upload, and the longest delay between two polls of it."""

DRY_RUN_STATUS = 269
"""The HTTP status of a dry run: it returns a cost and starts nothing."""

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""The assumed largest difference between our clock and Scenario's, when a lost job is searched for."""

MAX_COST = 1e6
"""Creative units. A larger figure is no price."""

PAGE_SIZE = 100
MAX_PAGES = 50
"""Pages of the list that are searched. A page may be short or empty and still not be the last."""

WAITING_STATUSES = {"pending": "pending", "queued": "queued", "warming-up": "warming up"}
RUNNING_STATUSES = {"in-progress": "", "processing": "", "finalizing": "finalizing"}
IMPORTING_STATUSES = frozenset({"pending", "complete", "validating", "validated"})
REJECTED_STATUSES = (400, 404, 409, 422)
"""HTTP statuses that refuse an action because of the state of its job or upload."""

AssetKind = Literal["video", "audio", "image"]


class Scenario(Provider):
    """One instance for each take; connections and rate limits are shared in `client`."""

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
            # Its CDN is cdn.cloud.scenario.com or cdn.scenario.com. The host of upload parts is not documented; it seems to be S3.
            keyless_hosts=("*.scenario.com", "*.amazonaws.com"),
            explain_error=_explain_error,
            dashboard=DASHBOARD,
            retry_policy=retry_policy,
        )

    def check_ready(self) -> None:
        """Check that key and secret are set."""
        _auth_headers()

    async def prepare(self, request: Request) -> Submission:
        """Upload the files."""
        data = {
            "model": request.model.endpoint,
            "input": await self._build_input(request),
            "seed": request.seed if request.model.parameter_for_role("seed") else None,
            "cost": catalogue_cost(request).to_dict(),
            "outputs": requested_outputs(request),
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
        """Upload a file and return the ID of its asset."""
        size, mime = FileBody(path).length, mime_type(path)
        parts = max(1, -(-size // PART_SIZE))
        upload_request = {
            "fileName": path.name,
            "fileSize": size,
            "contentType": mime,
            "kind": _kind_of_mime_type(mime),
            "parts": parts,
        }
        return await self._import_asset(upload_request, path)

    async def _import_asset(self, upload_request: Mapping[str, Any], path: Path | None = None) -> str:
        """Return the ID of an upload's asset, once Scenario has imported it.

        Without a path Scenario fetches the file itself, from the URL in the request.
        """
        upload = _parse_upload(await self.api.request("POST", "/uploads", "upload", json=upload_request))
        refused = None if path is None else await self._send_parts(upload, path, upload_request)
        policy, attempt = self.api.retry_policy, 0
        end = policy.clock() + IMPORT_TIMEOUT_SECONDS
        while policy.clock() < end:
            upload = _parse_upload(await self.api.request("GET", f"/uploads/{upload['id']}", "read"))
            if asset := _imported_asset_id(upload):
                return asset
            # A refused completion counts only if the upload is still pending: an earlier attempt, whose response was lost, may
            # have completed it.
            if refused and upload["status"] == "pending":
                raise self.api.response_error(refused)
            attempt += 1
            await policy.sleep(min(MAX_IMPORT_DELAY_SECONDS, policy.next_delay(attempt)))
        raise ProviderTimeout("scenario.import_timeout", "Scenario did not finish importing the file. Try again later.")

    async def _send_parts(
        self, upload: Mapping[str, Any], path: Path, upload_request: Mapping[str, Any]
    ) -> Response | None:
        """Send the parts and complete the upload. Return the response if the completion is refused, else None."""
        parts = upload.get("parts")
        urls = {part.get("number"): part.get("url") for part in as_list(parts) if isinstance(part, dict)}
        for number in range(1, upload_request["parts"] + 1):
            url = urls.get(number)
            if not isinstance(url, str):
                raise missing_value("Scenario", f"address for part {number} of the upload")
            part_body = FileBody(path, (number - 1) * PART_SIZE, PART_SIZE)
            await self.api.upload_to_signed_url(url, part_body, upload_request["contentType"], (KeyRefused, NotFound))
        # Scenario's SDK sends the first name, its documentation has the second.
        for action in ("complete", "upload-complete"):
            response = await self.api.request(
                "POST",
                f"/uploads/{upload['id']}/action",
                "upload",
                json={"action": action},
                accept_statuses=REJECTED_STATUSES,
            )
            if response.is_success:
                return None
        return response

    async def submit(self, submission: Submission) -> JobHandle:
        """Start the job."""
        payload = (
            await self.api.request(
                "POST", f"/generate/custom/{submission.data['model']}", "submit", json=submission.data["input"]
            )
        ).json_object
        job = payload.get("job")
        if not isinstance(job, dict) or not isinstance(job.get("jobId"), str):
            raise self.api.submission_unknown(missing_value("Scenario", "job ID"))
        return _job_handle(submission, job, payload)

    async def find(self, submission: Submission, known_requests: Collection[str] = ()) -> JobHandle | None:
        """Return the one job in the list with these inputs that was created since the submission."""
        since = datetime.fromisoformat(submission.created_at) - MAX_CLOCK_SKEW
        query: dict[str, str | int] = {"createdAfter": since.isoformat().replace("+00:00", "Z"), "pageSize": PAGE_SIZE}
        matches = []
        for _ in range(MAX_PAGES):
            page = (await self.api.request("GET", "/jobs", "read", query=query)).json_object
            listed = [job for job in as_list(page.get("jobs")) if isinstance(job, dict)]
            matches += [
                job for job in listed if job.get("jobId") not in known_requests and _matches_submission(job, submission)
            ]
            token = page.get("nextPaginationToken")
            if not token:
                return _job_handle(submission, matches[0], {}) if len(matches) == 1 else None
            query = {**query, "paginationToken": str(token)}
        return None  # the list goes on: a job that matches may not be the only one

    async def poll(self, handle: JobHandle) -> JobProgress:
        """Return the job's status."""
        return _parse_status(await self._get_job(handle))

    async def _get_job(self, handle: JobHandle) -> dict[str, Any]:
        job = (await self.api.request("GET", f"/jobs/{quote(handle.request, safe='')}", "read")).json_object.get("job")
        if not isinstance(job, dict):
            raise missing_value("Scenario", "job")
        return job

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Download the job's sounds, or its videos if it made no sounds."""
        job = await self._get_job(handle)
        if _parse_status(job).state != "done":
            raise status_changed("Scenario", handle.request)
        limit = handle.data.get("outputs", MIN_OUTPUTS)
        assets = [await self._get_asset(str(asset_id)) for asset_id in as_list(_metadata(job).get("assetIds"))[:limit]]
        sounds = [asset for asset in assets if _kind_of_asset(asset) == "audio"] or [
            asset for asset in assets if _kind_of_asset(asset) == "video"
        ]
        if not sounds:
            raise no_output("Scenario", _metadata(job).get("output") or "nothing")
        files = [await self._download_asset(asset, folder / f"output{number}") for number, asset in enumerate(sounds)]
        cost = _billed_cost(job) or Cost(**handle.data["cost"])
        return Output(files[0], handle.data["seed"], handle.data["model"], cost, extra_files=tuple(files[1:]))

    async def _get_asset(self, asset_id: str) -> dict[str, Any]:
        try:
            response = await self.api.request(
                "GET", f"/assets/{quote(asset_id, safe='')}", "read", query={"originalAssets": "true"}
            )
        except NotFound as error:
            raise ResultExpired(
                "scenario.asset_deleted",
                "Scenario has deleted the asset {asset}. Generate it again.",
                asset=asset_id,
            ) from error
        asset = response.json_object.get("asset")
        if not isinstance(asset, dict) or not isinstance(asset.get("url"), str):
            raise missing_value("Scenario", f"address of the asset {asset_id}")
        return {**asset, "id": asset_id}

    async def _download_asset(self, asset: Mapping[str, Any], to: Path) -> Path:
        asset_id, mime = asset["id"], str(asset.get("mimeType") or "")
        suffix = suffix_from_url(f"data:{mime}") if mime else suffix_from_url(asset["url"])

        async def renew_url() -> str:
            return str((await self._get_asset(asset_id))["url"])

        expired = ResultExpired(
            "scenario.asset_refused",
            "Scenario refused the asset {asset} twice, each time at its own address. Try again later.",
            asset=asset_id,
        )
        return await download_signed(self.api, asset["url"], renew_url, to.with_suffix(suffix), expired)

    async def cancel(self, handle: JobHandle) -> bool:
        """Cancel the job. Scenario refuses that for most custom jobs, which then run to their end and are charged."""
        response = await self.api.request(
            "POST",
            f"/jobs/{quote(handle.request, safe='')}/action",
            "cancel",
            json={"action": "cancel"},
            accept_statuses=REJECTED_STATUSES,
        )
        job = response.json_object.get("job")
        return response.is_success and isinstance(job, dict) and job.get("status") in ("canceled", "cancelled")

    async def check_key(self) -> str:
        """Check the key; Scenario does not name the account."""
        await self.api.request("GET", "/jobs", "read", query={"pageSize": 1})
        return ""

    async def estimate(self, request: Request) -> Cost | None:
        """Return the cost by a dry run. It needs the files, so they are uploaded; it generates nothing and is free.

        Raises:
            ProviderUnavailable: the response is not one to a dry run.
        """
        body = await self._build_input(request)
        response = await self.api.request(
            "POST", f"/generate/custom/{request.model.endpoint}", "read", json=body, query={"dryRun": "true"}
        )
        if response.status != DRY_RUN_STATUS and response.json_object.get("job"):
            raise ProviderUnavailable(
                "scenario.dry_run_started_job",
                "Scenario started a job instead of a dry run. Check {dashboard}.",
                dashboard=DASHBOARD,
            )
        return _cost_in_units(response.json_object.get("creativeUnitsCost"), estimated=True) or catalogue_cost(request)


def _auth_headers() -> dict[str, str]:
    """Return the header of HTTP Basic authentication.

    Raises:
        KeyMissing, KeyRefused: key or secret is not set or malformed.
    """
    pair = f"{credentials.require_key(KEY_VARIABLE, 'Scenario')}:{credentials.require_key(SECRET_VARIABLE, 'Scenario')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _kind_of_mime_type(mime: str) -> AssetKind:
    """Return Scenario's kind for a MIME type; audio if the type is neither video nor image."""
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
        raise missing_value("Scenario", "upload")
    return upload


def _imported_asset_id(upload: Mapping[str, Any]) -> str:
    """Return the ID of an upload's asset, or an empty string while the import runs."""
    status = upload.get("status")
    if status == "imported" and isinstance(upload.get("entityId"), str):
        return str(upload["entityId"])
    if status == "failed":
        raise RefusedInput(
            "scenario.file_refused",
            "Scenario refuses the file{message}. Choose another span or file.",
            message=message_suffix(sanitize_message(upload.get("errorMessage") or "")),
        )
    if status not in IMPORTING_STATUSES:
        raise status_unknown("Scenario", status, DASHBOARD)
    return ""


def _job_handle(submission: Submission, job: Mapping[str, Any], payload: Mapping[str, Any]) -> JobHandle:
    cost = _cost_in_units(payload.get("creativeUnitsCost")) or _billed_cost(job)
    data = {key: submission.data[key] for key in ("model", "seed", "cost")}
    data["outputs"] = submission.data.get("outputs", MIN_OUTPUTS)
    if cost:
        data["cost"] = cost.to_dict()
    return JobHandle("scenario", str(job["jobId"]), data)


def _metadata(job: Mapping[str, Any]) -> dict[str, Any]:
    metadata = job.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _matches_submission(job: Mapping[str, Any], submission: Submission) -> bool:
    """Return whether a listed job is the submitted one. Scenario may have added defaults to its inputs."""
    listed_input = _metadata(job).get("input")
    if not isinstance(listed_input, dict) or not isinstance(job.get("jobId"), str):
        return False
    if listed_input.get("modelId", submission.data["model"]) != submission.data["model"]:
        return False
    return all(name in listed_input and listed_input[name] == value for name, value in submission.data["input"].items())


def _cost_in_units(amount: Any, *, estimated: bool = False) -> Cost | None:
    # A negative cost would raise what a cap still allows. Numbers that are not finite do not come this far (`untrusted_data`).
    is_number = isinstance(amount, int | float) and not isinstance(amount, bool) and 0 <= amount <= MAX_COST
    return Cost(f"{amount:.10g}", CURRENCY, estimated=estimated) if is_number else None


def _billed_cost(job: Mapping[str, Any]) -> Cost | None:
    billing = job.get("billing")
    return _cost_in_units(billing.get("cuCost")) if isinstance(billing, dict) else None


def _kind_of_asset(asset: Mapping[str, Any]) -> str:
    return str(asset.get("kind") or str(asset.get("mimeType") or "").partition("/")[0])


def _parse_status(job: Mapping[str, Any]) -> JobProgress:
    """Return a job's progress, or raise the error that it ended with."""
    status = str(job.get("status"))
    if status in WAITING_STATUSES:
        return JobProgress("waiting", message=WAITING_STATUSES[status])
    if status in RUNNING_STATUSES:
        progress = job.get("progress")
        fraction = min(1.0, max(0.0, float(progress))) if isinstance(progress, int | float) else None
        return JobProgress("running", fraction, RUNNING_STATUSES[status])
    match status:
        case "success":
            return JobProgress("done", 1.0)
        case "failure" | "failed":
            raise _job_error(job)
        case "canceled" | "cancelled":
            raise cancelled("Scenario")
        case _:
            raise status_unknown("Scenario", status, DASHBOARD)


def _job_error(job: Mapping[str, Any]) -> TracklayError:
    """Return the error of a failed job: Scenario's message and advice, and whether its units are lost."""
    metadata = _metadata(job)
    message = "; ".join(sanitize_message(metadata[part]) for part in ("error", "hint") if metadata.get(part))
    billing = job.get("billing")
    is_charged = isinstance(billing, dict) and bool(billing.get("disableRefund"))
    note = "Its units are not refunded." if is_charged else ""
    if is_content_refusal(message):
        return content_refused("Scenario", f"{message}. {note}" if note else message)
    return model_failed("Scenario", message, note=note)


def _explain_error(response: Response) -> TracklayError | None:
    """Return the error of a refusal for lack of units. Its format is not documented, so its text is searched."""
    message = response.message
    if response.status in (400, 403) and any(name in message.lower() for name in UNIT_NAMES):
        return InsufficientCredit(
            "scenario.no_units",
            "The Scenario account has no creative units left{message}.",
            message=message_suffix(message),
        )
    return None


def create_provider() -> Provider:
    """Return the provider."""
    return Scenario()
