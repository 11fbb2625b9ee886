"""A Cog container of the user: the models that Replicate runs, on the user's GPU, without key and price.

Its facts: `docs/api-notes/cog.md`. Cog has no request that returns a finished result: one PUT under our own ID starts the run and
returns its output. So `submit` only makes the handle, and `collect` sends. A broken connection ends the run and loses only time.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from ..cue import Cost
from ..errors import ModelFailed, ProviderUnavailable, ResultExpired, SubmissionUnknown
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
from .http import Api, base_url
from .job_errors import cancelled, no_output
from .replicate_output import find_urls, parse_log_seed
from .request_body import build_request_body, encode_data_uri, find_input_files, save_data_uri, suffix_from_url
from .response import Response, message_suffix, sanitize_message
from .retry import DEFAULT_RETRY_POLICY, MIB, RetryPolicy

_log = logging.getLogger(__name__)

DISPLAY_NAME = "Cog"

RUN_TIMEOUT_SECONDS = 30 * 60.0
"""The longest run: the response starts when the run ends, so it is also the longest silence."""

MAX_RESPONSE_BYTES = 1024 * MIB
"""The largest response in bytes: it contains the file in base64, a third larger than the file."""

MAX_BUSY_ATTEMPTS = 90
"""Attempts to start a run in a busy container: with the longest delay between them, 45 minutes."""

NOT_STARTED_STATUSES = frozenset({409, 503})
"""Busy, or not ready: nothing was started, so the request may be repeated."""

ALREADY_RUNNING_STATUS = 202


class Cog(Provider):
    """One instance for each take; connections are shared in `client`."""

    name = "cog"
    capabilities: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset(
        {"cancel", "check_key", "estimate"}
    )
    max_wait_seconds = 60 * 60.0
    submit_mode = "collect"

    def __init__(
        self, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY, run_timeout_seconds: float = RUN_TIMEOUT_SECONDS
    ) -> None:
        base = base_url("TRACKLAY_COG_URL", "http://127.0.0.1:5000")
        self.api = Api(DISPLAY_NAME, (base,), dashboard="the container's log", retry_policy=retry_policy)
        self._run_timeout_seconds = run_timeout_seconds

    async def prepare(self, request: Request) -> Submission:
        """Store the request and the paths of its files; nothing is sent."""
        wire = {parameter.name: parameter.wire_name for parameter in request.model.parameters}
        data = {
            "input": build_request_body(request, {}),
            "files": {wire[name]: str(path) for name, path in find_input_files(request).items()},
            "version": request.model.version,
            "seed": request.seed,
            "cost": catalogue_cost(request).to_dict(),
            "outputs": requested_outputs(request),
        }
        return Submission.new(self.name, data)

    async def submit(self, submission: Submission) -> JobHandle:
        """Return the handle; `collect` sends the request."""
        return JobHandle(self.name, submission.id, submission.data)

    async def poll(self, handle: JobHandle) -> JobProgress:  # noqa: ARG002 - the shape of every provider
        """Return whether the container is free: `done` means that `collect` may start."""
        payload = (await self.api.request("GET", "/health-check", "read")).json_object
        status = payload.get("status")
        if status == "STARTING":
            return JobProgress("waiting", message="the container is starting")
        if status == "BUSY":
            return JobProgress("waiting", message="the container is busy")
        if status == "READY":
            return JobProgress("done", message="running in the container")
        setup = payload.get("setup")
        logs = str(setup.get("logs") or "") if isinstance(setup, dict) else ""
        raise ProviderUnavailable(
            "cog.not_ready",
            "Your Cog container is not ready, {status}{logs}. Check its log and restart it.",
            status=sanitize_message(status),
            # The end of the log has the exception that stopped the setup.
            logs=message_suffix(sanitize_message(logs[-200:])),
        )

    async def check_key(self) -> str:
        """Check that the container responds: it has no key. One attempt, because most users run no container."""
        try:
            once = self.api.retry_policy.with_limits("read", max_attempts=1)
            await self.api.request("GET", "/health-check", "read", policy=once)
        except ProviderUnavailable as error:
            raise ProviderUnavailable(
                "cog.no_server",
                "No Cog server at {url}. Start the container or set TRACKLAY_COG_URL.",
                url=self.api.base_urls[0],
            ) from error
        return ""

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Start the run, wait for its end and save its files."""
        payload = (await self._run_prediction(handle)).json_object
        status = payload.get("status")
        if status == "canceled":
            raise cancelled(DISPLAY_NAME)
        if status != "succeeded":
            # Cog answers 200 for a model that failed: only `status` differs from a success.
            raise ModelFailed(
                "cog.model_failed",
                "The model in your Cog container failed: {message}. Try other parameters, or check its log.",
                message=sanitize_message(payload.get("error") or f"its status is {status!r}").rstrip("."),
            )
        urls = find_urls(payload.get("output"))
        if not urls:
            raise no_output(DISPLAY_NAME, payload.get("output"))
        files = [
            await self._save_output(url, folder / f"output{number}{suffix_from_url(url)}")
            for number, url in enumerate(urls[: handle.data.get("outputs", MIN_OUTPUTS)])
        ]
        seed = parse_log_seed(payload.get("logs"))
        data = handle.data
        return Output(
            files[0],
            data["seed"] if seed is None else seed,
            data["version"],
            Cost(**data["cost"]),
            extra_files=tuple(files[1:]),
        )

    async def _run_prediction(self, handle: JobHandle) -> Response:
        """Return the response of the run. A busy container has started nothing, so the request is repeated."""
        body = {"id": handle.request, "input": {**handle.data["input"], **self._encode_files(handle)}}
        limits = self.api.retry_policy.with_limits("submit", attempt_seconds=self._run_timeout_seconds)
        policy = replace(limits, read_seconds=self._run_timeout_seconds, max_body_bytes=MAX_RESPONSE_BYTES)
        for attempt in range(1, MAX_BUSY_ATTEMPTS + 1):
            try:
                response = await self.api.request(
                    "PUT",
                    f"/predictions/{handle.request}",
                    "submit",
                    json=body,
                    accept_statuses=NOT_STARTED_STATUSES,
                    policy=policy,
                )
            except SubmissionUnknown as error:
                # Unlike at a hosted provider nothing is charged, so this is no SubmissionUnknown.
                raise ProviderUnavailable(
                    "cog.connection_lost",
                    "The connection to your Cog container broke during the run, which ends the run. Nothing was charged.",
                ) from error
            if response.status == ALREADY_RUNNING_STATUS:
                raise ProviderUnavailable(
                    "cog.already_running",
                    "Your Cog container is already running {request}. Wait until it is done.",
                    request=handle.request,
                )
            if response.status not in NOT_STARTED_STATUSES:
                return response
            delay = policy.next_delay(attempt, response.retry_after)
            _log.info(
                "Cog: busy (status %d), attempt %d of %d; retrying in %.1f s",
                *(response.status, attempt, MAX_BUSY_ATTEMPTS, delay),
            )
            await policy.sleep(delay)
        raise ProviderUnavailable(
            "cog.busy",
            "Your Cog container had no free place in all attempts{message}. Try again later.",
            message=message_suffix(response.message),
        )

    @staticmethod
    def _encode_files(handle: JobHandle) -> dict[str, Any]:
        try:
            return {name: encode_data_uri(Path(path)) for name, path in handle.data["files"].items()}
        except FileNotFoundError as error:
            # `collect` of a resumed job sends the files again, and the proxy may have been deleted since.
            raise ResultExpired(
                "cog.proxy_deleted",
                "The run ended with the program that started it, and its input file was deleted. Generate it again, at no cost.",
            ) from error

    async def _save_output(self, url: str, to: Path) -> Path:
        if url.startswith("data:"):
            return save_data_uri(url, to)
        return await download(self.api, url, to)

    async def cancel(self, handle: JobHandle) -> bool:
        """Stop the run; return False if it is not running."""
        response = await self.api.request(
            "POST", f"/predictions/{handle.request}/cancel", "cancel", accept_statuses=(404,), expect_json=False
        )
        return response.is_success


def create_provider() -> Provider:
    """Return the provider."""
    return Cog()
