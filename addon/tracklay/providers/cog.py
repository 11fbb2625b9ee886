"""The person's own Cog container (facts/apis.md, section 5): the models that Replicate runs, on their own GPU, with no key and no price.

Cog has no call that gives a finished result: one PUT under our own id asks for the work and brings it, so the ticket is made
before anything is sent, and `collect` sends. A connection that breaks ends the work there, and nothing is lost but time.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from ..cue import Cost
from ..errors import Cancelled, ModelFailed, ProviderUnavailable, ResultExpired, SubmissionUnknown
from .base import JobHandle, JobProgress, Output, Provider, Request, Submission, catalogue_cost
from .client import DEFAULT_RETRY_POLICY, MIB, RetryPolicy
from .http import Api, base_url
from .replicate_output import find_urls, parse_log_seed
from .request_body import build_request_body, encode_data_uri, find_input_files, save_data_uri, suffix_from_url
from .response import Response, sanitize_message

DISPLAY_NAME = "your Cog container"

RUN_TIMEOUT_SECONDS = 30 * 60.0
"""How long one run may think without a byte."""

MAX_RESPONSE_BYTES = 1024 * MIB
"""Bytes of an answer: the file is in it, a third larger than it is."""

MAX_BUSY_ATTEMPTS = 90
"""How often a place is asked for; with the longest pause between, three quarters of an hour."""

NOT_STARTED_STATUSES = frozenset({409, 503})
"""Busy, or not ready: nothing was begun, and it may be asked again."""

ALREADY_RUNNING_STATUS = 202


class Cog(Provider):
    """One instance for each take."""

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
        """Nothing is sent: the files go along with the request, and are named here."""
        wire = {parameter.name: parameter.wire_name for parameter in request.model.parameters}
        data = {
            "input": build_request_body(request, {}),
            "files": {wire[name]: str(path) for name, path in find_input_files(request).items()},
            "version": request.model.version,
            "seed": request.seed,
            "cost": asdict(catalogue_cost(request)),
        }
        return Submission.new(self.name, data)

    async def submit(self, submission: Submission) -> JobHandle:
        """The ticket; `collect` sends."""
        return JobHandle(self.name, submission.id, submission.data)

    async def poll(self, handle: JobHandle) -> JobProgress:  # noqa: ARG002 - the shape of every provider
        """Whether the container can take it: `done` here means that `collect` may begin."""
        told = (await self.api.request("GET", "/health-check", "read")).json_object
        status = told.get("status")
        if status == "STARTING":
            return JobProgress("waiting", message="the container is starting")
        if status == "BUSY":
            return JobProgress("waiting", message="the container is busy")
        if status == "READY":
            return JobProgress("done", message="running in the container")
        setup = told.get("setup")
        logs = str(setup.get("logs") or "") if isinstance(setup, dict) else ""
        said = sanitize_message(logs[-200:])
        raise ProviderUnavailable(
            f"{DISPLAY_NAME} says {sanitize_message(status)}{': ' + said if said else ''}; look at its log and start it again"
        )

    async def check_key(self) -> str:
        """There is no key: nothing where the container answers. It is asked once, for most people run none."""
        try:
            await self.api.request("GET", "/health-check", "read", max_attempts=1)
        except ProviderUnavailable as error:
            raise ProviderUnavailable(
                f"nothing that is a Cog container answers at {self.api.base_urls[0]}: start it, or name its address with TRACKLAY_COG_URL"
            ) from error
        return ""

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Ask for the work and wait for what comes."""
        told = (await self._run_prediction(handle)).json_object
        status = told.get("status")
        if status == "canceled":
            raise Cancelled(f"it was cancelled in {DISPLAY_NAME}")
        if status != "succeeded":
            said = sanitize_message(told.get("error") or f"its status is {status!r}")
            raise ModelFailed(
                f"the model in {DISPLAY_NAME} failed: {said}; try again, with other parameters, or look at its log"
            )
        made = find_urls(told.get("output"))
        if not made:
            raise ModelFailed(
                f"the model in {DISPLAY_NAME} gave no file: {sanitize_message(told.get('output'))}; look at its log"
            )
        kept = [
            await self._save_output(address, folder / f"output{number}{suffix_from_url(address)}")
            for number, address in enumerate(made)
        ]
        seed = parse_log_seed(told.get("logs"))
        data = handle.data
        return Output(
            kept[0],
            data["seed"] if seed is None else seed,
            data["version"],
            Cost(**data["cost"]),
            extra_files=tuple(kept[1:]),
        )

    async def _run_prediction(self, handle: JobHandle) -> Response:
        """The answer of the one PUT. A container with no place free began nothing, and is asked again."""
        sent = {"id": handle.request, "input": {**handle.data["input"], **self._encode_files(handle)}}
        patience = self.api.retry_policy
        for tried in range(1, MAX_BUSY_ATTEMPTS + 1):
            try:
                answer = await self.api.request(
                    "PUT",
                    f"/predictions/{handle.request}",
                    "submit",
                    json=sent,
                    accept_statuses=NOT_STARTED_STATUSES,
                    read_seconds=self._run_timeout_seconds,
                    attempt_seconds=self._run_timeout_seconds,
                    max_bytes=MAX_RESPONSE_BYTES,
                )
            except SubmissionUnknown as error:
                raise ProviderUnavailable(
                    f"the connection to {DISPLAY_NAME} broke while it worked, which ends the work; nothing was charged, run the same again"
                ) from error
            if answer.status == ALREADY_RUNNING_STATUS:
                raise ProviderUnavailable(
                    f"{DISPLAY_NAME} works on {handle.request} already; wait until it is done, then run the same again"
                )
            if answer.status not in NOT_STARTED_STATUSES:
                return answer
            await patience.sleep(patience.next_delay(tried, answer.retry_after))
        raise ProviderUnavailable(f"{DISPLAY_NAME} had no place free all the time: {answer.message}; try again later")

    @staticmethod
    def _encode_files(handle: JobHandle) -> dict[str, Any]:
        try:
            return {name: encode_data_uri(Path(path)) for name, path in handle.data["files"].items()}
        except FileNotFoundError as error:
            raise ResultExpired(
                "the run ended with the program that began it, and its proxy is gone; run the same again, it costs nothing"
            ) from error

    async def _save_output(self, url: str, to: Path) -> Path:
        if url.startswith("data:"):
            return save_data_uri(url, to)
        return await self.api.download(url, to)

    async def cancel(self, handle: JobHandle) -> bool:
        """Stop it; False where it does not run (any more)."""
        answer = await self.api.request(
            "POST", f"/predictions/{handle.request}/cancel", "cancel", accept_statuses=(404,), expect_json=False
        )
        return answer.is_success


def create_provider() -> Provider:
    """The provider."""
    return Cog()
