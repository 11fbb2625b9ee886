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
from ..errors import KeyRefused, ModelFailed, NotFound, ProviderUnavailable, ResultExpired, TracklayError
from . import credentials
from .base import JobHandle, JobProgress, Output, Provider, Request, Submission, catalogue_cost
from .client import DEFAULT_RETRY_POLICY, RetryPolicy
from .fal_responses import error_from_types, explain_error, find_error_types, find_sound_urls, parse_unit_price
from .http import Api, FileBody, base_url, parse_origin
from .replicate_output import parse_log_progress
from .request_body import build_request_body, clamp_seed, find_input_files, mime_type, save_data_uri, suffix_from_url
from .response import find_error_message, sanitize_message

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

KEY_VARIABLE = "FAL_KEY"

START_TIMEOUT_SECONDS = 1800
"""A request that has not begun by then is given up by fal itself: nobody waits for it any more, and nobody pays."""

UPLOAD_LIFETIME_SECONDS = 2 * 3600
"""For so long an upload lies at a public address: until the request has begun, and its run."""

OUTPUT_LIFETIME_SECONDS = 24 * 3600
"""For so long a result does: an interrupted run can be taken up the next day."""

LISTING_DELAY = timedelta(seconds=60)
"""For so long after it was made a request may be unknown to the queue."""

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""By so much fal's clock may differ from ours when a lost request is looked for."""

PAGE_SIZE, MAX_PAGES = 100, 10
"""Requests on a page of the history, and pages that are looked through."""

THREE_PART_NAMESPACES = ("workflows", "comfy")
"""First words of an endpoint that make its application three words long, not two."""

STORAGE_HOSTS = ("fal.media", "*.fal.media", "rest.fal.ai", "storage.googleapis.com")
"""Where files go to and come from, without the key. The last is where fal's older storage lies."""

KEY_CHECK_APP = "fal-ai/mmaudio-v2"
"""Asked for a request that cannot exist: 404 for a good key, 401 for a bad one."""


class Fal(Provider):
    """One instance for each take; what they share is in `pool`."""

    name = "fal"
    capabilities: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset(
        {"cancel", "find", "check_key", "estimate"}
    )
    find_delays = (1.0, 4.0, 15.0, 30.0, 60.0, 90.0, 120.0)
    """The history may list a request only when it has ended (facts/apis.md, section 11, item 7)."""

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
        """The key is set."""
        credentials.require_key(KEY_VARIABLE, "fal")

    async def prepare(self, request: Request) -> Submission:
        """Upload the files, always through the storage: fal takes a data URI of a few KB only.

        An upload's own address tells two submissions apart when one has to be found again.
        """
        urls = {name: await self._upload(path) for name, path in find_input_files(request).items()}
        data = {
            "endpoint": request.model.endpoint,
            "input": build_request_body(request, urls),
            "seed": clamp_seed(request.model, request.seed) if request.model.parameter_for_role("seed") else None,
            "cost": asdict(catalogue_cost(request)),
        }
        return Submission.new(self.name, data)

    async def _upload(self, path: Path) -> str:
        kind = mime_type(path)
        lifecycle = _lifecycle_header(UPLOAD_LIFETIME_SECONDS)
        told = (
            await self.api.request(
                "POST",
                f"{self.rest_url}/storage/upload/initiate",
                "upload",
                json={"content_type": kind, "file_name": path.name},
                query={"storage_type": "fal-cdn-v3"},
                headers={"X-Fal-Object-Lifecycle": lifecycle, "X-Fal-Object-Lifecycle-Preference": lifecycle},
            )
        ).json_object
        to, address = told.get("upload_url"), told.get("file_url")
        if not (isinstance(to, str) and isinstance(address, str)):
            raise ProviderUnavailable("fal does not say where a file is to be put; try again later")
        try:
            await self.api.request(
                "PUT",
                to,
                "upload",
                content=FileBody(path),
                headers={"Content-Type": kind},
                send_key=False,
                expect_json=False,
            )
        except KeyRefused as error:
            # No key went there: it is the address that is refused.
            raise ProviderUnavailable(
                "fal's storage does not take the file at the address that fal gave; try again later"
            ) from error
        return address

    async def submit(self, submission: Submission) -> JobHandle:
        """Put it into the queue."""
        headers = {
            "X-Fal-Request-Start-Timeout": str(START_TIMEOUT_SECONDS),
            "X-Fal-Object-Lifecycle-Preference": _lifecycle_header(OUTPUT_LIFETIME_SECONDS),
        }
        endpoint = submission.data["endpoint"]
        told = (
            await self.api.request("POST", f"/{endpoint}", "submit", json=submission.data["input"], headers=headers)
        ).json_object
        if not isinstance(told.get("request_id"), str) or not told["request_id"]:
            raise self.api.submission_unknown("its answer names no request")
        return _job_handle(submission, told)

    async def find(self, submission: Submission, known_requests: Collection[str] = ()) -> JobHandle | None:
        """The one request in the endpoint's history that has these inputs and was sent since."""
        since = datetime.fromisoformat(submission.made) - MAX_CLOCK_SKEW
        fitting = {
            str(entry["request_id"]): entry
            for entry in await self._list_requests(submission.data["endpoint"], start=_format_time(since))
            if entry.get("request_id") not in (None, *known_requests)
            and _contains_input(entry.get("json_input"), submission.data["input"])
        }
        return _job_handle(submission, next(iter(fitting.values()))) if len(fitting) == 1 else None

    async def _list_requests(self, endpoint: str, **filters: str) -> list[dict[str, Any]]:
        """Requests of an endpoint with what went in and came out."""
        query: dict[str, str | int] = {"endpoint_id": endpoint, "limit": PAGE_SIZE, "expand": "payloads", **filters}
        found: list[dict[str, Any]] = []
        for _ in range(MAX_PAGES):
            page = (
                await self.api.request("GET", f"{self.platform_url}/models/requests/by-endpoint", "read", query=query)
            ).json_object
            found += [entry for entry in page.get("items") or () if isinstance(entry, dict)]
            if not page.get("has_more") or not page.get("next_cursor"):
                break
            query["cursor"] = str(page["next_cursor"])
        return found

    async def poll(self, handle: JobHandle) -> JobProgress:
        """Its status. One that was made just now may not be there yet."""
        try:
            told = (
                await self.api.request("GET", self._request_url(handle, "status"), "read", query={"logs": 1})
            ).json_object
        except NotFound:
            if datetime.now(UTC) - datetime.fromisoformat(handle.data["made"]) <= LISTING_DELAY:
                return JobProgress("waiting", message="not listed yet")
            if await self._result_from_history(handle) is None:
                raise
            return JobProgress("done", 1.0)
        match told.get("status"):
            case "IN_QUEUE":
                place = told.get("queue_position")
                return JobProgress(
                    "waiting", message=f"{place} before it in the queue" if isinstance(place, int) else ""
                )
            case "IN_PROGRESS":
                lines = _log_messages(told)
                fraction, words = parse_log_progress("\n".join(lines))
                return JobProgress("running", fraction, words or (sanitize_message(lines[-1]) if lines else ""))
            case "COMPLETED" if told.get("error") or told.get("error_type"):
                raise await self._request_error(handle, told)
            case "COMPLETED":
                return JobProgress("done", 1.0)
            case other:
                raise ProviderUnavailable(
                    f"fal gives a status that is not known, {sanitize_message(other)!r}; look at {self.api.dashboard}"
                )

    async def _request_error(self, handle: JobHandle, payload: dict[str, Any]) -> TracklayError:
        """What a COMPLETED request with an error means: its result is the model's own answer, and says which input it was."""
        said, kind = (
            sanitize_message(find_error_message(payload.get("error")) or payload.get("error_type")),
            str(payload.get("error_type") or ""),
        )
        try:
            answer = await self.api.request(
                "GET", self._request_url(handle, "result"), "read", accept_statuses=range(400, 600), expect_json=False
            )
        except TracklayError:
            return error_from_types([kind], said)
        if answer.status in (401, 403):
            return self.api.response_error(answer)
        kinds = [*find_error_types(answer), kind]
        if answer.is_success or not isinstance(answer.data, dict):
            return error_from_types(kinds, said)
        said = said if answer.message in said else sanitize_message(f"{said}: {answer.message}")
        return error_from_types(kinds, said, answer)

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Fetch what it made at once: the result is kept for an hour, or for six minutes; afterwards the history may have it."""
        try:
            result = await self._get_result(handle)
        except NotFound as error:
            kept = await self._result_from_history(handle)
            if kept is None:
                raise self._expired_error(handle) from error
            result = kept
        made = find_sound_urls(result)
        if not made:
            raise ModelFailed(
                f"fal's model gave no sound: {sanitize_message(json.dumps(result))}; try again, or another model"
            )
        outputs = [
            await self._download_output(handle, address, folder / f"output{number}{suffix_from_url(address)}")
            for number, address in enumerate(made)
        ]
        seed = result.get("seed")
        return Output(
            outputs[0],
            handle.data["seed"] if not isinstance(seed, int) else seed,
            handle.data["endpoint"],
            Cost(**handle.data["cost"]),
            understood={name: result[name] for name in ("prompt", "metadata") if result.get(name)},
            extra_files=tuple(outputs[1:]),
        )

    async def _get_result(self, handle: JobHandle) -> dict[str, Any]:
        address = self._request_url(handle, "result")
        answer = await self.api.request("GET", address, "read", accept_statuses=range(500, 600))
        if not answer.is_success and not find_error_types(answer):
            # Passing trouble on the way, not the model's own last word.
            answer = await self.api.request("GET", address, "read")
        if not answer.is_success:
            raise self.api.response_error(answer)
        return answer.json_object

    async def _result_from_history(self, handle: JobHandle) -> dict[str, Any] | None:
        """The result as the history has it, when the queue has forgotten it."""
        since = datetime.fromisoformat(handle.data["made"]) - MAX_CLOCK_SKEW
        listed = await self._list_requests(
            handle.data["endpoint"], start=_format_time(since), request_id=handle.request
        )
        kept = [entry.get("json_output") for entry in listed if entry.get("request_id") == handle.request]
        return kept[0] if kept and isinstance(kept[0], dict) else None

    async def _download_output(self, handle: JobHandle, url: str, to: Path) -> Path:
        if url.startswith("data:"):
            return save_data_uri(url, to)
        try:
            return await self.api.download(url, to)
        except (NotFound, KeyRefused) as error:
            raise self._expired_error(handle) from error

    @staticmethod
    def _expired_error(handle: JobHandle) -> ResultExpired:
        return ResultExpired(f"fal has deleted what {handle.request} made; make it again")

    def _request_url(self, handle: JobHandle, action: Literal["status", "result", "cancel"]) -> str:
        """As the queue named it, where that is on the queue's own host; else made from the request's id."""
        named = handle.data["urls"].get(action)
        try:
            if isinstance(named, str) and parse_origin(named) == parse_origin(self.queue_url):
                return named
        except ValueError:
            pass
        words = handle.data["endpoint"].split("/")
        app = "/".join(words[: 3 if words[0] in THREE_PART_NAMESPACES else 2])
        return f"/{app}/requests/{quote(handle.request, safe='')}" + ("" if action == "result" else f"/{action}")

    async def cancel(self, handle: JobHandle) -> bool:
        """Ask it to stop. One that runs already may go on, and whether it is charged then is not known."""
        answer = await self.api.request(
            "PUT", self._request_url(handle, "cancel"), "cancel", accept_statuses=(400, 404), expect_json=False
        )
        return answer.is_success and answer.json_object.get("success") is not False

    async def check_key(self) -> str:
        """Nothing to tell but whether it is good."""
        await self.api.request(
            "GET", f"/{KEY_CHECK_APP}/requests/{uuid.uuid4()}/status", "read", accept_statuses=(404,)
        )
        return ""

    async def estimate(self, request: Request) -> Cost | None:
        """By fal's price list where it tells a price for a second or a request; else as the catalogue has it."""
        model = request.model
        try:
            told = await self.api.request(
                "GET", f"{self.platform_url}/models/pricing", "read", query={"endpoint_id": model.endpoint}
            )
        except TracklayError:
            return catalogue_cost(request)
        for entry in told.json_object.get("prices") or ():
            if (
                isinstance(entry, dict)
                and entry.get("endpoint_id") == model.endpoint
                and (known := parse_unit_price(entry))
            ):
                amount, per = known
                price = replace(
                    model.price, amount=amount, per=per, currency=str(entry.get("currency") or "USD").upper()
                )
                return catalogue_cost(replace(request, model=replace(model, price=price)))
        return catalogue_cost(request)


def _contains_input(listed: Any, sent: dict[str, Any]) -> bool:
    """Whether a listed input is the one that was sent; it may show the model's defaults beside."""
    return isinstance(listed, dict) and all(name in listed and listed[name] == value for name, value in sent.items())


def _format_time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _lifecycle_header(seconds: int) -> str:
    return json.dumps({"expiration_duration_seconds": seconds})


def _job_handle(submission: Submission, payload: dict[str, Any]) -> JobHandle:
    data = submission.data
    kept = {
        "endpoint": data["endpoint"],
        "seed": data["seed"],
        "cost": data["cost"],
        "made": datetime.now(UTC).isoformat(),
        "urls": {
            "status": payload.get("status_url"),
            "result": payload.get("response_url"),
            "cancel": payload.get("cancel_url"),
        },
    }
    return JobHandle("fal", str(payload["request_id"]), kept)


def _log_messages(payload: dict[str, Any]) -> list[str]:
    """The messages of a status's logs."""
    logs = payload.get("logs")
    listed = logs if isinstance(logs, list) else ()
    return [str(entry["message"]) for entry in listed if isinstance(entry, dict) and entry.get("message")]


def create_provider() -> Provider:
    """The provider."""
    return Fal()
