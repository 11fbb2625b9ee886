"""The provider of ElevenLabs. Its facts: `docs/api-notes/elevenlabs.md`.

A request is answered with the sound itself: there is no job to look at, no list to find a lost one in, and no request that cancels one.
So the answer is stored before anything else happens, and a request without an answer is never sent again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from ...cue import Cost
from ...errors import (
    InsufficientCredit,
    InvalidInput,
    OutputError,
    ProviderUnavailable,
    ResultExpired,
    TracklayError,
)
from .. import credentials
from ..base import JobHandle, JobProgress, Output, Provider, Request, Submission, catalogue_cost
from ..http import Api, base_url
from ..job_errors import result_expired
from ..request_body import build_request_body, find_input_files, mime_type
from ..response import Response, content_refused, message_suffix, sanitize_message
from ..retry import DEFAULT_RETRY_POLICY, MIB, RetryPolicy
from .received import copy_sound, find_sound, store_sound

_log = logging.getLogger(__name__)

KEY_VARIABLE = "ELEVENLABS_API_KEY"

DASHBOARD = "https://elevenlabs.io/app/usage"

RUN_TIMEOUT_SECONDS = 15 * 60.0
"""The longest run: the response starts when the sound is made, so it is also the longest silence. Ten minutes of music take minutes."""

MAX_SOUND_BYTES = 256 * MIB
"""The largest response: ten minutes of WAV at 48 kHz have 110 MiB."""

QUERY_FIELDS = ("output_format",)
"""Parameters that go into the URL, not into the body."""

PROMPT_FIELDS = ("prompt", "music_length_ms", "force_instrumental")
PLAN_FIELDS = ("composition_plan", "seed", "respect_sections_durations")
"""Fields of music that its API takes only without, and only with, a composition plan."""

SUFFIXES = {
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/opus": ".opus",
    "audio/ogg": ".opus",
}
"""Suffixes of files by the type that the response declares."""

NO_CREDIT_STATUSES = frozenset({"quota_exceeded", "insufficient_credits", "payment_required"})
CONTENT_STATUSES = frozenset({"bad_prompt", "bad_composition_plan", "content_moderation"})
"""Values of `detail.status` in errors. The first comes with 401, like an invalid key."""


class ElevenLabs(Provider):
    """One instance for each take; connections and rate limits are shared in `client`."""

    name = "elevenlabs"
    capabilities: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset({"find", "check_key"})
    max_wait_seconds = 3600.0
    find_delays = (0.0,)
    """A lost submission is looked for on this machine alone."""

    def __init__(
        self, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY, run_timeout_seconds: float = RUN_TIMEOUT_SECONDS
    ) -> None:
        self.api = Api(
            "ElevenLabs",
            (base_url("TRACKLAY_ELEVENLABS_URL", "https://api.elevenlabs.io"),),
            auth_headers=lambda: {"xi-api-key": credentials.require_key(KEY_VARIABLE, "ElevenLabs")},
            key_variables=KEY_VARIABLE,
            explain_error=_explain_error,
            # Plans allow 2 to 5 requests for music at a time.
            max_concurrent=2,
            dashboard=DASHBOARD,
            retry_policy=retry_policy,
        )
        limits = retry_policy.with_limits("submit", attempt_seconds=run_timeout_seconds)
        self._run_policy = replace(limits, read_seconds=run_timeout_seconds, max_body_bytes=MAX_SOUND_BYTES)

    def check_ready(self) -> None:
        """Check that the key is set."""
        credentials.require_key(KEY_VARIABLE, "ElevenLabs")

    async def prepare(self, request: Request) -> Submission:
        """Build the request. Files are named by path: they go along with the submission.

        Raises:
            InvalidInput: the composition plan is not an object.
        """
        files = find_input_files(request)
        wire = {parameter.name: parameter.wire_name for parameter in request.model.parameters}
        body = build_request_body(request, {})
        query = {name: body.pop(name) for name in QUERY_FIELDS if name in body}
        data = {
            "endpoint": request.model.endpoint,
            "query": query,
            "body": _without_conflicts(body, str(query.get("output_format", ""))),
            "files": {wire[name]: str(path) for name, path in files.items()},
            "cost": catalogue_cost(request).to_dict(),
        }
        return Submission.new(self.name, data)

    async def submit(self, submission: Submission) -> JobHandle:
        """Send the request, wait for the sound and store it."""
        response = await self._send(submission.data)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not response.body or kind == "application/json" or kind.startswith("text/"):
            raise self.api.submission_unknown(
                ProviderUnavailable("elevenlabs.no_sound", "ElevenLabs sent an answer without a sound.")
            )
        try:
            store_sound(submission.id, response.body, SUFFIXES.get(kind, ".bin"))
        except OutputError as error:
            # The sound was made, and is charged.
            raise self.api.submission_unknown(error) from error
        request_id = response.headers.get("request-id") or response.headers.get("song-id") or submission.id
        return self._job_handle(submission, sanitize_message(request_id))

    async def _send(self, data: Mapping[str, Any]) -> Response:
        path, query = f"/v1/{data['endpoint']}", data["query"]
        try:
            if not data["files"]:
                return await self.api.request(
                    "POST", path, "submit", json=data["body"], query=query, expect_json=False, policy=self._run_policy
                )
            form = {name: (Path(file).name, Path(file), mime_type(Path(file))) for name, file in data["files"].items()}
            fields = {name: _form_value(value) for name, value in data["body"].items()}
            return await self.api.request(
                "POST",
                path,
                "submit",
                form=form,
                fields=fields,
                query=query,
                expect_json=False,
                policy=self._run_policy,
            )
        except FileNotFoundError as error:
            raise ResultExpired(
                "elevenlabs.proxy_deleted", "The picture to send was deleted before it was sent. Generate it again."
            ) from error

    def _job_handle(self, submission: Submission, request_id: str) -> JobHandle:
        return JobHandle(self.name, request_id, {"submission": submission.id, **submission.data})

    async def find(self, submission: Submission, known_requests: Collection[str] = ()) -> JobHandle | None:  # noqa: ARG002
        """Return the handle of a submission whose sound is on this machine: its process died before the ledger had the handle."""
        return None if find_sound(submission.id) is None else self._job_handle(submission, submission.id)

    async def poll(self, handle: JobHandle) -> JobProgress:  # noqa: ARG002 - the shape of every provider
        """Return that the sound is there: it came with the answer."""
        return JobProgress("done", 1.0)

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Copy the stored sound into the folder."""
        file = copy_sound(str(handle.data["submission"]), folder)
        if file is None:
            raise result_expired("Tracklay", handle.request)
        seed = handle.data["body"].get("seed")
        model = str(handle.data["body"].get("model_id") or "")
        return Output(file, seed if isinstance(seed, int) else None, model, Cost(**handle.data["cost"]))

    async def check_key(self) -> str:
        """Return the plan of the account."""
        reply = (await self.api.request("GET", "/v1/user/subscription", "read")).json_object
        tier = reply.get("tier")
        return f"plan {sanitize_message(tier)}" if isinstance(tier, str) else ""


def _without_conflicts(body: dict[str, Any], output_format: str) -> dict[str, Any]:
    """Return the body without what the rest of the request excludes.

    A prompt and its length exclude a composition plan and its seed; only an mp3 can be signed.

    Raises:
        InvalidInput: the composition plan is not an object.
    """
    plan = body.get("composition_plan")
    if plan is not None and not isinstance(plan, dict):
        raise InvalidInput(
            "elevenlabs.plan_not_an_object",
            "composition_plan must be an object with chunks or sections, not {value}.",
            value=sanitize_message(json.dumps(plan)),
        )
    signature = () if output_format == "auto" or output_format.startswith("mp3") else ("sign_with_c2pa",)
    dropped = (*(PLAN_FIELDS if plan is None else PROMPT_FIELDS), *signature)
    return {name: value for name, value in body.items() if name not in dropped}


def _form_value(value: Any) -> str | list[str]:
    """Return a value as a text part; a list as a part for each of its values."""
    if isinstance(value, list):
        return [str(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _explain_error(response: Response) -> TracklayError | None:
    """Return the error that `detail.status` names; None for the rest."""
    detail = response.json_object.get("detail")
    status = detail.get("status") if isinstance(detail, dict) else None
    if status in NO_CREDIT_STATUSES:
        return InsufficientCredit(
            "provider.no_credit",
            "The {provider} account has no credit left{message}. Add credit and wait a few minutes.",
            provider="ElevenLabs",
            message=message_suffix(response.message),
        )
    if status in CONTENT_STATUSES:
        return content_refused("ElevenLabs", response.message)
    return None


def create_provider() -> Provider:
    """Return the provider."""
    return ElevenLabs()
