"""fal: its queue, its storage, the request history of an endpoint and the price list. Its facts: `docs/api-notes/fal.md`.

There is no idempotency key, so a lost submission is searched for in the history. A failed request has the status COMPLETED like any
other; its result is then the model's error.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from ..cue import Cost
from ..errors import NotFound, ResultExpired, TracklayError
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
from .download import download
from .fal_responses import (
    error_from_types,
    explain_error,
    find_error_types,
    find_sound_urls,
    is_compute_unit,
    parse_unit_amount,
    parse_unit_price,
)
from .http import Api, FileBody, base_url, parse_origin
from .job_errors import missing_value, no_output, result_expired, status_unknown
from .replicate_output import MAX_LOG_CHARS, parse_log_progress
from .request_body import build_request_body, clamp_seed, find_input_files, mime_type, save_data_uri, suffix_from_url
from .response import Response, as_list, find_error_message, sanitize_message
from .retry import DEFAULT_RETRY_POLICY, RetryPolicy

KEY_VARIABLE = "FAL_KEY"

START_TIMEOUT_SECONDS = 1800
"""fal drops a request that has not started by then, at no charge: our own deadline ends soon after."""

UPLOAD_LIFETIME_SECONDS = 2 * 3600
"""The lifetime of an upload, whose URL is public: long enough for the queue and the run, and no longer."""

OUTPUT_LIFETIME_SECONDS = 24 * 3600
"""The lifetime of a result, whose URL is public too: an interrupted job can be collected the next day."""

LISTING_DELAY = timedelta(seconds=60)
"""The time after its creation in which the queue may answer 404 for a request."""

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""The assumed largest difference between our clock and fal's, when a lost request is searched for."""

PAGE_SIZE, MAX_PAGES = 100, 10
"""Requests on a page of the history, and pages that are searched."""

MAX_LOG_LINES = 100
"""The last lines of a run's log that are read: they hold the progress."""

UNITS_HEADER = "x-fal-billable-units"
"""The header of a result that says for how many units of the price list it is charged. Not every endpoint sends it."""

THREE_PART_NAMESPACES = ("workflows", "comfy")
"""First parts of an endpoint whose application name has three parts and not two."""

STORAGE_HOSTS = ("fal.media", "*.fal.media", "rest.fal.ai", "storage.googleapis.com")
"""Hosts of uploads and results; none receives the key. The last one is fal's older storage."""

KEY_CHECK_APP = "fal-ai/mmaudio-v2"
"""The status of a request that cannot exist is 404 with a valid key and 401 with an invalid one."""


class Fal(Provider):
    """One instance for each take; connections and rate limits are shared in `client`."""

    name = "fal"
    capabilities: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset(
        {"cancel", "find", "check_key", "estimate"}
    )
    find_delays = (1.0, 4.0, 15.0, 30.0, 60.0, 90.0, 120.0)
    """Longer than the default: the history may list a request only after it has ended."""

    def __init__(self, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> None:
        self.queue_url = base_url("TRACKLAY_FAL_QUEUE_URL", "https://queue.fal.run")
        self.rest_url = base_url("TRACKLAY_FAL_REST_URL", "https://rest.fal.ai")
        self.platform_url = base_url("TRACKLAY_FAL_API_URL", "https://api.fal.ai").removesuffix("/v1") + "/v1"
        self.api = Api(
            "fal",
            (self.queue_url, self.rest_url, self.platform_url),
            auth_headers=lambda: {"Authorization": f"Key {credentials.require_key(KEY_VARIABLE, 'fal')}"},
            key_variables=KEY_VARIABLE,
            keyless_hosts=STORAGE_HOSTS,
            explain_error=explain_error,
            dashboard="https://fal.ai/dashboard/requests",
            retry_policy=retry_policy,
        )

    def check_ready(self) -> None:
        """Check that the key is set."""
        credentials.require_key(KEY_VARIABLE, "fal")

    async def prepare(self, request: Request) -> Submission:
        """Upload the files, small ones too: fal accepts data URIs of a few KB only.

        The upload's unique URL also distinguishes two otherwise equal submissions when a lost one is searched for.
        """
        urls = {name: await self._upload(path) for name, path in find_input_files(request).items()}
        data = {
            "endpoint": request.model.endpoint,
            "input": build_request_body(request, urls),
            "seed": clamp_seed(request.model, request.seed) if request.model.parameter_for_role("seed") else None,
            "cost": catalogue_cost(request).to_dict(),
            "outputs": requested_outputs(request),
        }
        return Submission.new(self.name, data)

    async def _upload(self, path: Path) -> str:
        kind = mime_type(path)
        lifecycle = _lifecycle_header(UPLOAD_LIFETIME_SECONDS)
        payload = (
            await self.api.request(
                "POST",
                f"{self.rest_url}/storage/upload/initiate",
                "upload",
                json={"content_type": kind, "file_name": path.name},
                query={"storage_type": "fal-cdn-v3"},
                headers={"X-Fal-Object-Lifecycle": lifecycle, "X-Fal-Object-Lifecycle-Preference": lifecycle},
            )
        ).json_object
        upload_url, file_url = payload.get("upload_url"), payload.get("file_url")
        if not (isinstance(upload_url, str) and isinstance(file_url, str)):
            raise missing_value("fal", "address for the upload")
        await self.api.upload_to_signed_url(upload_url, FileBody(path), kind)
        return file_url

    async def submit(self, submission: Submission) -> JobHandle:
        """Add the request to the queue."""
        headers = {
            "X-Fal-Request-Start-Timeout": str(START_TIMEOUT_SECONDS),
            "X-Fal-Object-Lifecycle-Preference": _lifecycle_header(OUTPUT_LIFETIME_SECONDS),
        }
        endpoint = submission.data["endpoint"]
        payload = (
            await self.api.request("POST", f"/{endpoint}", "submit", json=submission.data["input"], headers=headers)
        ).json_object
        if not isinstance(payload.get("request_id"), str) or not payload["request_id"]:
            raise self.api.submission_unknown(missing_value("fal", "request ID"))
        return _job_handle(submission, payload)

    async def find(self, submission: Submission, known_requests: Collection[str] = ()) -> JobHandle | None:
        """Return the one request in the endpoint's history with these inputs that was created since the submission."""
        since = datetime.fromisoformat(submission.created_at) - MAX_CLOCK_SKEW
        matches = {
            str(entry["request_id"]): entry
            for entry in await self._list_requests(submission.data["endpoint"], start=_format_time(since))
            if entry.get("request_id") not in (None, *known_requests)
            and _contains_input(entry.get("json_input"), submission.data["input"])
        }
        return _job_handle(submission, next(iter(matches.values()))) if len(matches) == 1 else None

    async def _list_requests(self, endpoint: str, **filters: str) -> list[dict[str, Any]]:
        """Return an endpoint's requests with their inputs and outputs."""
        query: dict[str, str | int] = {"endpoint_id": endpoint, "limit": PAGE_SIZE, "expand": "payloads", **filters}
        entries: list[dict[str, Any]] = []
        for _ in range(MAX_PAGES):
            page = (
                await self.api.request("GET", f"{self.platform_url}/models/requests/by-endpoint", "read", query=query)
            ).json_object
            entries += [entry for entry in as_list(page.get("items")) if isinstance(entry, dict)]
            if not page.get("has_more") or not page.get("next_cursor"):
                break
            query["cursor"] = str(page["next_cursor"])
        return entries

    async def poll(self, handle: JobHandle) -> JobProgress:
        """Return the request's status. A new request may be unknown to the queue, an old one only in the history."""
        try:
            payload = (
                await self.api.request("GET", self._request_url(handle, "status"), "read", query={"logs": 1})
            ).json_object
        except NotFound:
            if datetime.now(UTC) - datetime.fromisoformat(handle.data["created_at"]) <= LISTING_DELAY:
                return JobProgress("waiting", message="not listed yet")
            if await self._result_from_history(handle) is None:
                raise
            return JobProgress("done", 1.0)
        match payload.get("status"):
            case "IN_QUEUE":
                position = payload.get("queue_position")
                return JobProgress(
                    "waiting", message=f"{position} ahead in the queue" if isinstance(position, int) else ""
                )
            case "IN_PROGRESS":
                lines = _log_messages(payload)
                fraction, step = parse_log_progress("\n".join(lines))
                return JobProgress("running", fraction, step or (sanitize_message(lines[-1]) if lines else ""))
            case "COMPLETED" if payload.get("error") or payload.get("error_type"):
                raise await self._request_error(handle, payload)
            case "COMPLETED":
                return JobProgress("done", 1.0)
            case other:
                raise status_unknown("fal", other, self.api.dashboard)

    async def _request_error(self, handle: JobHandle, payload: dict[str, Any]) -> TracklayError:
        """Return the error of a COMPLETED request that failed. The result is the model's own error, and names the input."""
        message, error_type = (
            sanitize_message(find_error_message(payload.get("error")) or payload.get("error_type")),
            str(payload.get("error_type") or ""),
        )
        try:
            # Any status, 5xx too: for a failed request the result has the status of the model's error, and is final.
            result = await self.api.request(
                "GET", self._request_url(handle, "result"), "read", accept_statuses=range(400, 600), expect_json=False
            )
        except TracklayError:
            return error_from_types([error_type], message)
        if result.status in (401, 403):
            return self.api.response_error(result)
        error_types = [*find_error_types(result), error_type]
        if result.is_success or not isinstance(result.data, dict):
            return error_from_types(error_types, message)
        message = message if result.message in message else sanitize_message(f"{message}: {result.message}")
        return error_from_types(error_types, message, result)

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Download the output. The queue keeps a result for an hour, a large one for six minutes; then the history may have it."""
        units = None
        try:
            response = await self._get_result(handle)
            result, units = response.json_object, response.headers.get(UNITS_HEADER)
        except NotFound as error:
            listed = await self._result_from_history(handle)
            if listed is None:
                raise result_expired("fal", handle.request) from error
            result = listed
        urls = find_sound_urls(result)
        if not urls:
            raise no_output("fal", json.dumps(result))
        outputs = [
            await self._download_output(handle, url, folder / f"output{number}{suffix_from_url(url)}")
            for number, url in enumerate(urls[: handle.data.get("outputs", MIN_OUTPUTS)])
        ]
        seed = result.get("seed")
        return Output(
            outputs[0],
            handle.data["seed"] if not isinstance(seed, int) else seed,
            handle.data["endpoint"],
            await self._billed_cost(handle.data["endpoint"], units) or Cost(**handle.data["cost"]),
            understood={name: result[name] for name in ("prompt", "metadata") if result.get(name)},
            extra_files=tuple(outputs[1:]),
        )

    async def _billed_cost(self, endpoint: str, units: str | None) -> Cost | None:
        """Return what was charged: the units that a result was billed for, times the price list's amount; None if either is missing."""
        count = None if units is None else read_amount(units)
        entry = None if count is None else await self._price_list_entry(endpoint)
        amount = None if entry is None else parse_unit_amount(entry)
        if count is None or entry is None or amount is None:
            return None
        seconds = float(count) if is_compute_unit(entry) else None
        return Cost(f"{(count * amount).normalize():f}", _currency(entry), estimated=False, compute_seconds=seconds)

    async def _price_list_entry(self, endpoint: str) -> dict[str, Any] | None:
        """Return an endpoint's entry in the price list, asked for once by this process; None if there is none."""
        key = self.platform_url, endpoint
        if key not in _price_entries:
            try:
                response = await self.api.request(
                    "GET", f"{self.platform_url}/models/pricing", "read", query={"endpoint_id": endpoint}
                )
            except NotFound:
                _price_entries[key] = None
                return None
            except TracklayError:
                return None
            entries = [entry for entry in as_list(response.json_object.get("prices")) if isinstance(entry, dict)]
            _price_entries[key] = next((entry for entry in entries if entry.get("endpoint_id") == endpoint), None)
        return _price_entries[key]

    async def _get_result(self, handle: JobHandle) -> Response:
        url = self._request_url(handle, "result")
        response = await self.api.request("GET", url, "read", accept_statuses=range(500, 600))
        if not response.is_success and not find_error_types(response):
            # A 5xx without fal's error types is a temporary failure on the way. With them it is the model's error, and final.
            response = await self.api.request("GET", url, "read")
        if not response.is_success:
            raise self.api.response_error(response)
        return response

    async def _result_from_history(self, handle: JobHandle) -> dict[str, Any] | None:
        """Return the result from the history, after the queue has deleted it; None if it is not there."""
        since = datetime.fromisoformat(handle.data["created_at"]) - MAX_CLOCK_SKEW
        listed = await self._list_requests(
            handle.data["endpoint"], start=_format_time(since), request_id=handle.request
        )
        results = [entry.get("json_output") for entry in listed if entry.get("request_id") == handle.request]
        return results[0] if results and isinstance(results[0], dict) else None

    async def _download_output(self, handle: JobHandle, url: str, to: Path) -> Path:
        if url.startswith("data:"):
            return save_data_uri(url, to)
        try:
            return await download(self.api, url, to)
        except (NotFound, ResultExpired) as error:
            raise result_expired("fal", handle.request) from error

    def _request_url(self, handle: JobHandle, action: Literal["status", "result", "cancel"]) -> str:
        """Return the URL that the queue named for an action, or one built from the request's ID if that is on another host."""
        named = handle.data["urls"].get(action)
        try:
            if isinstance(named, str) and parse_origin(named) == parse_origin(self.queue_url):
                return named
        except ValueError:
            pass
        # Requests are addressed by application (`fal-ai/thinksound`), without the rest of the endpoint (`/audio`).
        parts = handle.data["endpoint"].split("/")
        app = "/".join(parts[: 3 if parts[0] in THREE_PART_NAMESPACES else 2])
        return f"/{app}/requests/{quote(handle.request, safe='')}" + ("" if action == "result" else f"/{action}")

    async def cancel(self, handle: JobHandle) -> bool:
        """Cancel the request. A running one may continue, and fal does not document whether it is charged."""
        response = await self.api.request(
            "PUT", self._request_url(handle, "cancel"), "cancel", accept_statuses=(400, 404), expect_json=False
        )
        return response.is_success and response.json_object.get("success") is not False

    async def check_key(self) -> str:
        """Check the key; fal does not name the account."""
        await self.api.request(
            "GET", f"/{KEY_CHECK_APP}/requests/{uuid.uuid4()}/status", "read", accept_statuses=(404,)
        )
        return ""

    async def estimate(self, request: Request) -> Cost | None:
        """Return the cost by fal's price list if it has a price per second or request, else the catalogue's."""
        model = request.model
        entry = await self._price_list_entry(model.endpoint)
        unit_price = None if entry is None else parse_unit_price(entry)
        if entry is None or unit_price is None:
            return catalogue_cost(request)
        price = replace(model.price, amount=unit_price[0], per=unit_price[1], currency=_currency(entry))
        return catalogue_cost(replace(request, model=replace(model, price=price)))


_price_entries: dict[tuple[str, str], dict[str, Any] | None] = {}
"""Entries of the price list by its address and the endpoint: prices do not change while a run lasts."""


def _currency(entry: dict[str, Any]) -> str:
    return str(entry.get("currency") or "USD")[:8].upper()


def _contains_input(listed: Any, sent: dict[str, Any]) -> bool:
    """Return whether a listed input is the one that was sent. fal may have added the model's defaults."""
    return isinstance(listed, dict) and all(name in listed and listed[name] == value for name, value in sent.items())


def _format_time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _lifecycle_header(seconds: int) -> str:
    return json.dumps({"expiration_duration_seconds": seconds})


def _job_handle(submission: Submission, payload: dict[str, Any]) -> JobHandle:
    data = submission.data
    handle_data = {
        "endpoint": data["endpoint"],
        "seed": data["seed"],
        "cost": data["cost"],
        "outputs": data.get("outputs", MIN_OUTPUTS),
        "created_at": datetime.now(UTC).isoformat(),
        "urls": {
            "status": payload.get("status_url"),
            "result": payload.get("response_url"),
            "cancel": payload.get("cancel_url"),
        },
    }
    return JobHandle("fal", str(payload["request_id"]), handle_data)


def _log_messages(payload: dict[str, Any]) -> list[str]:
    """Return the log messages of a status."""
    listed = as_list(payload.get("logs"))[-MAX_LOG_LINES:]
    return [
        str(entry["message"])[-MAX_LOG_CHARS:] for entry in listed if isinstance(entry, dict) and entry.get("message")
    ]


def create_provider() -> Provider:
    """Return the provider."""
    return Fal()
