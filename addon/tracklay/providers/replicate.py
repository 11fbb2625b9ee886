"""Replicate: predictions of any public model, files through its Files API. Its facts: `docs/api-notes/replicate.md`.

There is no idempotency key, so a lost submission is searched for in the list of predictions. Replicate deletes inputs and results
after an hour.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from ..cue import Cost
from ..errors import NotFound, ProviderTimeout, ProviderUnavailable, ResultExpired, TracklayError
from ..untrusted_data import read_amount
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
from .client import keep_answer, recall_answer
from .download import download
from .http import Api, base_url
from .job_errors import (
    cancelled,
    missing_value,
    model_failed,
    no_output,
    result_expired,
    status_changed,
    status_unknown,
)
from .replicate_output import find_urls, parse_log_progress, parse_log_seed
from .request_body import build_request_body, find_input_files, mime_type, save_data_uri, suffix_from_url
from .response import Response, as_list, content_refused, is_content_refusal, message_suffix, sanitize_message
from .retry import DEFAULT_RETRY_POLICY, RetryPolicy

if TYPE_CHECKING:
    from ..models import Model

DASHBOARD = "https://replicate.com/predictions"

TOKEN_VARIABLE = "REPLICATE_API_TOKEN"  # noqa: S105 - the variable's name

LISTING_DELAY = timedelta(seconds=60)
"""The time after its creation in which Replicate may answer 404 for a prediction (reported in replicate-javascript#68)."""

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""The assumed largest difference between our clock and Replicate's, when a lost prediction is searched for."""

VERSION_SECONDS = 600.0
"""Time for which the newest version of a model is believed: a run of a command, and not a day of Blender."""

QUICK_CHECK_SECONDS = 5.0
"""Seconds for a version lookup while the user waits."""

MAX_PAGES = 10
"""Pages of 100 predictions that are searched."""

SUBMIT_INTERVAL_SECONDS, READ_INTERVAL_SECONDS = 60 / 600, 60 / 3000
"""Seconds between requests: Replicate allows 600 new predictions and 3,000 other requests per minute (its page "Rate limits")."""


class Replicate(Provider):
    """One instance for each take; connections and rate limits are shared in `client`."""

    name = "replicate"
    capabilities: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset(
        {"cancel", "find", "check_key"}
    )
    max_wait_seconds = 45 * 60.0
    """Replicate stops a run after 30 minutes; the rest is for its queue."""

    def __init__(self, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> None:
        self.api = Api(
            "Replicate",
            (base_url("TRACKLAY_REPLICATE_URL", "https://api.replicate.com/v1"),),
            auth_headers=lambda: {"Authorization": f"Bearer {credentials.require_key(TOKEN_VARIABLE, 'Replicate')}"},
            key_variables=TOKEN_VARIABLE,
            key_hosts=("api.replicate.com", "replicate.delivery", "*.replicate.delivery"),
            explain_error=_explain_error,
            min_intervals={"submit": SUBMIT_INTERVAL_SECONDS, "read": READ_INTERVAL_SECONDS},
            dashboard=DASHBOARD,
            retry_policy=retry_policy,
        )

    def check_ready(self) -> None:
        """Check that the token is set."""
        credentials.require_key(TOKEN_VARIABLE, "Replicate")

    async def prepare(self, request: Request) -> Submission:
        """Look up the newest version and upload the files.

        Small files are uploaded too. Replicate refuses data URIs above 256 kB, and the upload's unique URL distinguishes two otherwise
        equal submissions when a lost one is searched for.
        """
        version = await self._version_or_default(request.model)
        urls = {name: await self._upload(path) for name, path in find_input_files(request).items()}
        data = {
            "version": version,
            "input": build_request_body(request, urls),
            "seed": request.seed,
            "cost": catalogue_cost(request).to_dict(),
            "compute_second": price.amount if (price := request.model.price).per == "compute_second" else None,
            "outputs": requested_outputs(request),
        }
        return Submission.new(self.name, data)

    async def _version_or_default(self, model: Model) -> str:
        """Return the newest version, or the one in the model's file if Replicate does not return one."""
        try:
            return await self.version(model)
        except (ProviderUnavailable, ProviderTimeout, NotFound):
            if model.version:
                return model.version
            raise

    async def version(self, model: Model, *, fail_fast: bool = False) -> str:
        """Return the model's newest version. An official model has no versions; its name is used instead.

        All takes of a run ask for it, so an answer holds for `VERSION_SECONDS`.
        """
        known = recall_answer(self.name, model.endpoint, VERSION_SECONDS)
        if known is None:
            known = await self._ask_version(model, fail_fast=fail_fast)
            keep_answer(self.name, model.endpoint, known)
        return known

    async def _ask_version(self, model: Model, *, fail_fast: bool) -> str:
        policy = self.api.retry_policy
        if fail_fast:
            policy = policy.with_limits("read", max_attempts=1, attempt_seconds=QUICK_CHECK_SECONDS)
        payload = (await self.api.request("GET", f"/models/{model.endpoint}", "read", policy=policy)).json_object
        if payload.get("is_official"):
            return model.endpoint
        latest = payload.get("latest_version")
        version = str(latest.get("id") or "") if isinstance(latest, dict) else ""
        if not version:
            raise NotFound(
                "replicate.no_version",
                "Replicate has no version of {model} that can be run. Use another model.",
                model=model.endpoint,
            )
        return version

    async def _upload(self, path: Path) -> str:
        response = await self.api.request(
            "POST", "/files", "upload", form={"content": (path.name, path, mime_type(path))}
        )
        urls = response.json_object.get("urls")
        url = urls.get("get") if isinstance(urls, dict) else None
        if not isinstance(url, str):
            raise missing_value("Replicate", "address of the uploaded file")
        return self.api.resolve_url(url, send_key=True)

    async def submit(self, submission: Submission) -> JobHandle:
        """Create the prediction."""
        body = {"version": submission.data["version"], "input": submission.data["input"]}
        payload = (await self.api.request("POST", "/predictions", "submit", json=body)).json_object
        if not isinstance(payload.get("id"), str):
            raise self.api.submission_unknown(missing_value("Replicate", "prediction ID"))
        return _job_handle(submission, payload)

    async def find(self, submission: Submission, known_requests: Collection[str] = ()) -> JobHandle | None:
        """Return the one prediction in the list with this version and these inputs that was created since the submission."""
        since = datetime.fromisoformat(submission.created_at) - MAX_CLOCK_SKEW
        path, matches = "/predictions", []
        for _ in range(MAX_PAGES):
            page = (await self.api.request("GET", path, "read")).json_object
            listed = [entry for entry in as_list(page.get("results")) if isinstance(entry, dict)]
            matches += [
                entry
                for entry in listed
                if entry.get("id") not in known_requests and _matches_submission(entry, submission, since)
            ]
            path = str(page.get("next") or "")
            # The list is sorted, newest first.
            if not path or any(_created_at(entry) < since for entry in listed):
                break
        return _job_handle(submission, matches[0]) if len(matches) == 1 else None

    async def poll(self, handle: JobHandle) -> JobProgress:
        """Return the prediction's status. A new prediction may be unknown to the server for a short time."""
        try:
            return _parse_status(await self._get_prediction(handle))
        except NotFound:
            if datetime.now(UTC) - datetime.fromisoformat(handle.data["created_at"]) > LISTING_DELAY:
                raise
            return JobProgress("waiting", message="not listed yet")

    async def _get_prediction(self, handle: JobHandle) -> dict[str, Any]:
        return (await self.api.request("GET", f"/predictions/{quote(handle.request, safe='')}", "read")).json_object

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Download the output. Replicate deletes it an hour after the run."""
        payload = await self._get_prediction(handle)
        if _parse_status(payload).state != "done":
            raise status_changed("Replicate", handle.request)
        output = payload.get("output")
        urls = find_urls(output)
        # A deleted output is null.
        if not urls and (payload.get("data_removed") or output is None):
            raise result_expired("Replicate", handle.request)
        if not urls:
            raise no_output("Replicate", output)
        files = [
            await self._download_output(handle, url, folder / f"output{number}{suffix_from_url(url)}")
            for number, url in enumerate(urls[: handle.data.get("outputs", MIN_OUTPUTS)])
        ]
        seed = parse_log_seed(payload.get("logs"))
        return Output(
            files[0],
            handle.data["seed"] if seed is None else seed,
            handle.data["version"],
            _billed_cost(payload, handle) or Cost(**handle.data["cost"]),
            extra_files=tuple(files[1:]),
        )

    async def _download_output(self, handle: JobHandle, url: str, to: Path) -> Path:
        if url.startswith("data:"):
            return save_data_uri(url, to)
        try:
            return await download(self.api, url, to, send_key=True)
        except NotFound as error:
            raise result_expired("Replicate", handle.request) from error
        except ResultExpired as error:
            # Replicate names the link again each time it is asked: the job is kept, and a later run may get one that is accepted.
            raise ProviderUnavailable(
                "replicate.link_refused", "{error} A later run asks for the link again.", error=error
            ) from error

    async def cancel(self, handle: JobHandle) -> bool:
        """Cancel the prediction. The time that it ran is charged."""
        payload = (
            await self.api.request("POST", f"/predictions/{quote(handle.request, safe='')}/cancel", "cancel")
        ).json_object
        return payload.get("status") not in ("succeeded", "failed")

    async def charge_without_result(self, handle: JobHandle) -> Cost | None:
        """Return the cost of the time that a failed or cancelled prediction ran: Replicate bills it."""
        return _billed_cost(await self._get_prediction(handle), handle)

    async def check_key(self) -> str:
        """Return the account's name."""
        return str((await self.api.request("GET", "/account", "read")).json_object.get("username") or "")


def _job_handle(submission: Submission, payload: dict[str, Any]) -> JobHandle:
    data = submission.data
    handle_data = {
        "version": data["version"],
        "seed": data["seed"],
        "cost": data["cost"],
        "compute_second": data.get("compute_second"),
        "outputs": data.get("outputs", MIN_OUTPUTS),
        "created_at": datetime.now(UTC).isoformat(),
    }
    return JobHandle("replicate", str(payload["id"]), handle_data)


def _billed_cost(prediction: dict[str, Any], handle: JobHandle) -> Cost | None:
    """Return what a finished prediction was charged for: its computing time, and the amount if the model has a price for it."""
    metrics = prediction.get("metrics")
    seconds = read_amount(metrics.get("predict_time")) if isinstance(metrics, dict) else None
    if seconds is None:
        return None
    cost = Cost(**handle.data["cost"])
    price = read_amount(handle.data.get("compute_second"))
    if price is None:
        return replace(cost, compute_seconds=float(seconds))
    amount = (seconds * price).quantize(Decimal("1e-8")).normalize()
    return replace(cost, amount=f"{amount:f}", estimated=False, compute_seconds=float(seconds))


def _created_at(entry: dict[str, Any]) -> datetime:
    """Return a listed prediction's creation time; the latest possible time if it has none, so that it is never filtered out."""
    try:
        created = datetime.fromisoformat(str(entry.get("created_at")))
    except ValueError:
        created = datetime.max.replace(tzinfo=UTC)
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def _matches_submission(entry: dict[str, Any], submission: Submission, since: datetime) -> bool:
    """Return whether a listed prediction is the submitted one. Replicate may have added defaults to its inputs."""
    version, listed_input = submission.data["version"], entry.get("input")
    if (
        version not in (entry.get("version"), entry.get("model"))
        or not isinstance(listed_input, dict)
        or _created_at(entry) < since
    ):
        return False
    return all(name in listed_input and listed_input[name] == value for name, value in submission.data["input"].items())


def _parse_status(payload: dict[str, Any]) -> JobProgress:
    """Return a prediction's progress, or raise the error that it ended with."""
    status = payload.get("status")
    match status:
        case "starting":
            return JobProgress("waiting", message="starting")
        case "processing":
            return JobProgress("running", *parse_log_progress(payload.get("logs")))
        case "succeeded":
            return JobProgress("done", 1.0)
        case "failed":
            message = sanitize_message(payload.get("error") or "")
            if is_content_refusal(message):
                raise content_refused("Replicate", message)
            raise model_failed("Replicate", message)
        case "canceled":
            raise cancelled("Replicate")
        case "aborted":
            raise ProviderTimeout(
                "replicate.aborted",
                "Replicate aborted the job before it started, and charges nothing. Try again later.",
            )
        case _:
            raise status_unknown("Replicate", status, DASHBOARD)


def _explain_error(response: Response) -> TracklayError | None:
    if response.status == 422 and "version" in str(response.json_object.get("title", "")).lower():
        return NotFound(
            "replicate.version_unknown",
            "Replicate has no such version, or you may not run it{message}. Correct the model's file.",
            message=message_suffix(response.message),
        )
    return None


def create_provider() -> Provider:
    """Return the provider."""
    return Replicate()
