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
    NotFound,
    ProviderTimeout,
    ProviderUnavailable,
    RefusedContent,
    ResultExpired,
    TracklayError,
)
from . import credentials
from .base import JobHandle, JobProgress, Output, Provider, Request, Submission, catalogue_cost
from .client import DEFAULT_RETRY_POLICY, RetryPolicy
from .http import Api, base_url
from .replicate_output import find_urls, parse_log_progress, parse_log_seed
from .request_body import build_request_body, find_input_files, mime_type, save_data_uri, suffix_from_url
from .response import Response, is_content_refusal, sanitize_message

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from ..models import Model

TOKEN_VARIABLE = "REPLICATE_API_TOKEN"  # noqa: S105 - the variable's name

LISTING_DELAY = timedelta(seconds=60)
"""For so long after it was made a prediction may be unknown to its own server (facts/apis.md, section 8, item 14)."""

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""By so much Replicate's clock may differ from ours when a lost prediction is looked for."""

QUICK_CHECK_SECONDS = 5.0
"""Seconds for a question whose answer nobody should wait for."""

MAX_PAGES = 10
"""Pages of a hundred predictions that are looked through."""

SUBMIT_INTERVAL_SECONDS, READ_INTERVAL_SECONDS = 60 / 600, 60 / 3000
"""Seconds between calls: 600 submissions and 3000 other calls a minute (facts/apis.md, section 1.8)."""


class Replicate(Provider):
    """One instance for each take; what they share is in `pool`."""

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
            dashboard="https://replicate.com/predictions",
            retry_policy=retry_policy,
        )

    def check_ready(self) -> None:
        """The key is set."""
        credentials.require_key(TOKEN_VARIABLE, "Replicate")

    async def prepare(self, request: Request) -> Submission:
        """Look up the newest version, upload the files.

        They always go through the Files API: a data URI is refused from 256 kB on, and an upload's own address tells two
        submissions apart when one has to be found again.
        """
        version = await self._version_or_default(request.model)
        urls = {name: await self._upload(path) for name, path in find_input_files(request).items()}
        data = {
            "version": version,
            "input": build_request_body(request, urls),
            "seed": request.seed,
            "cost": asdict(catalogue_cost(request)),
        }
        return Submission.new(self.name, data)

    async def _version_or_default(self, model: Model) -> str:
        """The newest version, or the one that the model's file names where Replicate does not say."""
        try:
            return await self.version(model)
        except (ProviderUnavailable, ProviderTimeout, NotFound):
            if model.version:
                return model.version
            raise

    async def version(self, model: Model, *, fail_fast: bool = False) -> str:
        """The model's newest version; an official model has none, and its name stands for it."""
        bounds: dict[str, Any] = {"tries": 1, "whole": QUICK_CHECK_SECONDS} if fail_fast else {}
        told = (await self.api.request("GET", f"/models/{model.endpoint}", "read", **bounds)).json_object
        if told.get("is_official"):
            return model.endpoint
        latest = told.get("latest_version")
        version = str(latest.get("id") or "") if isinstance(latest, dict) else ""
        if not version:
            raise NotFound(f"Replicate has no version of {model.endpoint} that can be run; choose another model")
        return version

    async def _upload(self, path: Path) -> str:
        answer = await self.api.request(
            "POST", "/files", "upload", form={"content": (path.name, path, mime_type(path))}
        )
        urls = answer.json_object.get("urls")
        address = urls.get("get") if isinstance(urls, dict) else None
        if not isinstance(address, str):
            raise ProviderUnavailable("Replicate took the file and does not say where it is; try again later")
        return self.api.resolve_url(address, send_key=True)

    async def submit(self, submission: Submission) -> JobHandle:
        """Create the prediction."""
        sent = {"version": submission.data["version"], "input": submission.data["input"]}
        told = (await self.api.request("POST", "/predictions", "submit", json=sent)).json_object
        if not isinstance(told.get("id"), str):
            raise self.api.submission_unknown("its answer names no prediction")
        return _job_handle(submission, told)

    async def find(self, submission: Submission, known_requests: Collection[str] = ()) -> JobHandle | None:
        """The one prediction in the list that has this version and these inputs and was made since."""
        since = datetime.fromisoformat(submission.made) - MAX_CLOCK_SKEW
        path, fitting = "/predictions", []
        for _ in range(MAX_PAGES):
            page = (await self.api.request("GET", path, "read")).json_object
            listed = [entry for entry in page.get("results") or () if isinstance(entry, dict)]
            fitting += [
                entry
                for entry in listed
                if entry.get("id") not in known_requests and _matches_submission(entry, submission, since)
            ]
            path = str(page.get("next") or "")
            if not path or any(_created_at(entry) < since for entry in listed):
                break
        return _job_handle(submission, fitting[0]) if len(fitting) == 1 else None

    async def poll(self, handle: JobHandle) -> JobProgress:
        """Its status. One that was made just now may not be there yet."""
        try:
            return _parse_status(await self._get_prediction(handle))
        except NotFound:
            if datetime.now(UTC) - datetime.fromisoformat(handle.data["made"]) > LISTING_DELAY:
                raise
            return JobProgress("waiting", message="not listed yet")

    async def _get_prediction(self, handle: JobHandle) -> dict[str, Any]:
        return (await self.api.request("GET", f"/predictions/{handle.request}", "read")).json_object

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Fetch what it made at once: an hour later it is deleted."""
        told = await self._get_prediction(handle)
        if _parse_status(told).state != "done":
            raise ProviderUnavailable(
                f"Replicate says that {handle.request} is done, and then that it is not; collect it again later"
            )
        made = find_urls(told.get("output"))
        if not made and (told.get("data_removed") or told.get("output") is None):
            raise self._expired_error(handle)
        if not made:
            raise ModelFailed(
                f"Replicate's model gave no file: {sanitize_message(told.get('output'))}; try again, or another model"
            )
        kept = [
            await self._download_output(handle, address, folder / f"output{number}{suffix_from_url(address)}")
            for number, address in enumerate(made)
        ]
        seed = parse_log_seed(told.get("logs"))
        return Output(
            kept[0],
            handle.data["seed"] if seed is None else seed,
            handle.data["version"],
            Cost(**handle.data["cost"]),
            extra_files=tuple(kept[1:]),
        )

    async def _download_output(self, handle: JobHandle, url: str, to: Path) -> Path:
        if url.startswith("data:"):
            return save_data_uri(url, to)
        try:
            return await self.api.download(url, to, send_key=True)
        except NotFound as error:
            raise self._expired_error(handle) from error

    @staticmethod
    def _expired_error(handle: JobHandle) -> ResultExpired:
        return ResultExpired(
            f"Replicate has deleted what {handle.request} made, as it does after an hour; make it again"
        )

    async def cancel(self, handle: JobHandle) -> bool:
        """Ask it to stop. What ran until then is charged."""
        told = (await self.api.request("POST", f"/predictions/{handle.request}/cancel", "cancel")).json_object
        return told.get("status") not in ("succeeded", "failed")

    async def check_key(self) -> str:
        """The account's name."""
        return str((await self.api.request("GET", "/account", "read")).json_object.get("username") or "")


def _job_handle(submission: Submission, payload: dict[str, Any]) -> JobHandle:
    data = submission.data
    kept = {
        "version": data["version"],
        "seed": data["seed"],
        "cost": data["cost"],
        "made": datetime.now(UTC).isoformat(),
    }
    return JobHandle("replicate", str(payload["id"]), kept)


def _created_at(entry: dict[str, Any]) -> datetime:
    """When a prediction was made; the end of time where it does not say, so that nothing is left out for it."""
    try:
        made = datetime.fromisoformat(str(entry.get("created_at")))
    except ValueError:
        made = datetime.max.replace(tzinfo=UTC)
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def _matches_submission(entry: dict[str, Any], submission: Submission, since: datetime) -> bool:
    """Whether a listed prediction is what the intent sent; defaults that were filled in there don't matter."""
    version, theirs = submission.data["version"], entry.get("input")
    if (
        version not in (entry.get("version"), entry.get("model"))
        or not isinstance(theirs, dict)
        or _created_at(entry) < since
    ):
        return False
    return all(name in theirs and theirs[name] == value for name, value in submission.data["input"].items())


def _parse_status(payload: dict[str, Any]) -> JobProgress:
    """A prediction's status; one that is not known is trouble, not success."""
    status = payload.get("status")
    match status:
        case "starting":
            return JobProgress("waiting", message="starting")
        case "processing":
            return JobProgress("running", *parse_log_progress(payload.get("logs")))
        case "succeeded":
            return JobProgress("done", 1.0)
        case "failed":
            said = sanitize_message(payload.get("error") or "it does not say why")
            if is_content_refusal(said):
                raise RefusedContent(f"Replicate's model refuses the content: {said}; change the prompt or the span")
            raise ModelFailed(f"Replicate's model failed: {said}; try again, with other parameters, or another model")
        case "canceled":
            raise Cancelled("it was cancelled at Replicate")
        case "aborted":
            raise ProviderTimeout("Replicate gave it up before it began and charges nothing; try again later")
        case _:
            raise ProviderUnavailable(
                f"Replicate gives a status that is not known, {sanitize_message(status)!r}; look at https://replicate.com/predictions"
            )


def _explain_error(response: Response) -> TracklayError | None:
    if response.status == 422 and "version" in str(response.json_object.get("title", "")).lower():
        return NotFound(
            f"Replicate has no such version, or does not let you run it: {response.message}; correct the model's file"
        )
    return None


def create_provider() -> Provider:
    """The provider."""
    return Replicate()
