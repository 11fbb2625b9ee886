"""The provider of Mirelo, version 2 of its API. Its facts: `docs/api-notes/mirelo.md`.

The price is a free request of its own. There is no list of jobs, so a lost submission cannot be found again, and no request that
cancels one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from ...cue import Cost
from ...errors import InsufficientCredit, TracklayError
from ...untrusted_data import read_amount
from .. import credentials
from ..base import (
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
from ..http import Api, FileBody, base_url
from ..job_errors import missing_value, model_failed, no_output, result_expired, status_changed, status_unknown
from ..request_body import build_request_body, find_input_files, mime_type, suffix_from_url
from ..response import (
    Response,
    as_list,
    content_refused,
    find_error_message,
    is_content_refusal,
    message_suffix,
    sanitize_message,
)
from ..retry import DEFAULT_RETRY_POLICY, RetryPolicy
from ..signed_url import download_signed

KEY_VARIABLE = "MIRELO_API_KEY"

DASHBOARD = "https://studio.mirelo.ai"

PREFLIGHT_FIELDS = ("duration_ms", "num_samples")
"""Fields of a request that its price depends on."""


class Mirelo(Provider):
    """One instance for each take; connections and rate limits are shared in `client`."""

    name = "mirelo"
    capabilities: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset({"check_key", "estimate"})

    def __init__(self, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> None:
        self.api = Api(
            "Mirelo",
            (base_url("TRACKLAY_MIRELO_URL", "https://api.mirelo.ai"),),
            auth_headers=lambda: {"Authorization": f"Bearer {credentials.require_key(KEY_VARIABLE, 'Mirelo')}"},
            key_variables=KEY_VARIABLE,
            # The hosts of uploads and results are not documented; its examples are on CloudFront.
            keyless_hosts=("*.mirelo.ai", "*.cloudfront.net", "*.amazonaws.com", "storage.googleapis.com"),
            explain_error=_explain_error,
            dashboard=DASHBOARD,
            retry_policy=retry_policy,
        )

    def check_ready(self) -> None:
        """Check that the key is set."""
        credentials.require_key(KEY_VARIABLE, "Mirelo")

    async def prepare(self, request: Request) -> Submission:
        """Ask for the price, and upload the picture."""
        body = build_request_body(request, {})
        cost = await self._preflight(request, body)
        for path in find_input_files(request).values():
            body["video"] = {"type": "asset", "asset_id": await self._upload(path)}
        data = {
            "endpoint": request.model.endpoint,
            "body": body,
            "cost": cost.to_dict(),
            "outputs": requested_outputs(request),
        }
        return Submission.new(self.name, data)

    async def estimate(self, request: Request) -> Cost | None:
        """Return the price that Mirelo names, in its credits."""
        return await self._preflight(request, build_request_body(request, {}))

    async def _preflight(self, request: Request, body: Mapping[str, Any]) -> Cost:
        query = {name: int(body[name]) for name in PREFLIGHT_FIELDS if name in body}
        reply = await self.api.request("GET", f"/v2/{request.model.endpoint}/preflight", "read", query=query)
        amount = read_amount(reply.json_object.get("credits"))
        if amount is None:
            return catalogue_cost(request)
        return Cost(f"{amount.normalize():f}", request.model.price.currency, estimated=True)

    async def _upload(self, path: Path) -> str:
        kind = mime_type(path)
        reply = (await self.api.request("POST", "/v2/assets", "upload", json={"content_type": kind})).json_object
        asset, url = reply.get("asset_id"), reply.get("upload_url")
        if not (isinstance(asset, str) and isinstance(url, str)):
            raise missing_value("Mirelo", "address for the upload")
        await self.api.upload_to_signed_url(url, FileBody(path), kind)
        return asset

    async def submit(self, submission: Submission) -> JobHandle:
        """Start the job."""
        path = f"/v2/{submission.data['endpoint']}/jobs"
        payload = (await self.api.request("POST", path, "submit", json=submission.data["body"])).json_object
        job = payload.get("job_id")
        if not isinstance(job, str) or not job:
            raise self.api.submission_unknown(missing_value("Mirelo", "job ID"))
        return JobHandle(self.name, job, submission.data)

    async def poll(self, handle: JobHandle) -> JobProgress:
        """Return the job's progress."""
        return _parse_status(await self._get_job(handle))

    async def _get_job(self, handle: JobHandle) -> dict[str, Any]:
        path = f"/v2/{handle.data['endpoint']}/jobs/{quote(handle.request, safe='')}"
        return (await self.api.request("GET", path, "read")).json_object

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Download the sounds."""
        urls = _result_urls(await self._finished_job(handle))
        if not urls:
            raise no_output("Mirelo", "no file")
        files = []
        for number, url in enumerate(urls[: handle.data.get("outputs", MIN_OUTPUTS)]):

            async def renew_url(number: int = number) -> str:
                renewed = _result_urls(await self._finished_job(handle))
                if number >= len(renewed):
                    raise result_expired("Mirelo", handle.request)
                return renewed[number]

            to = folder / f"output{number}{suffix_from_url(url)}"
            files.append(await download_signed(self.api, url, renew_url, to, result_expired("Mirelo", handle.request)))
        cost = Cost(**handle.data["cost"])
        return Output(files[0], None, str(handle.data["endpoint"]), cost, extra_files=tuple(files[1:]))

    async def _finished_job(self, handle: JobHandle) -> dict[str, Any]:
        payload = await self._get_job(handle)
        if _parse_status(payload).state != "done":
            raise status_changed("Mirelo", handle.request)
        return payload

    async def check_key(self) -> str:
        """Return the account's credits."""
        reply = (await self.api.request("GET", "/v2/me", "read")).json_object
        credits_left = read_amount(reply.get("credits_available"))
        return "" if credits_left is None else f"{credits_left.normalize():f} credits left"


def _result_urls(payload: Mapping[str, Any]) -> list[str]:
    result = payload.get("result")
    urls = as_list(result.get("result_urls")) if isinstance(result, dict) else []
    return [url for url in urls if isinstance(url, str)]


def _parse_status(payload: Mapping[str, Any]) -> JobProgress:
    """Return a job's progress, or raise the error that it ended with."""
    match payload.get("status"):
        case "processing":
            percent = payload.get("progress_percent")
            if not isinstance(percent, int | float) or isinstance(percent, bool):
                return JobProgress("running")
            return JobProgress("running", min(1.0, max(0.0, percent / 100)))
        case "succeeded":
            return JobProgress("done", 1.0)
        case "errored":
            message = sanitize_message(find_error_message(payload.get("error")))
            raise content_refused("Mirelo", message) if is_content_refusal(message) else model_failed("Mirelo", message)
        case other:
            raise status_unknown("Mirelo", other, DASHBOARD)


def _explain_error(response: Response) -> TracklayError | None:
    """Return the error of an account without credits, whatever its status; None for the rest."""
    error = response.json_object.get("error")
    if isinstance(error, dict) and error.get("code") == "insufficient_credits":
        return InsufficientCredit(
            "provider.no_credit",
            "The {provider} account has no credit left{message}. Add credit and wait a few minutes.",
            provider="Mirelo",
            message=message_suffix(response.message),
        )
    return None


def create_provider() -> Provider:
    """Return the provider."""
    return Mirelo()
