"""Beatoven's Composition API: music from a text prompt, with four stems. Its facts: `docs/api-notes/beatoven.md`.

The API has no field for a length, a seed or a negative prompt, so the prompt's text says them. It has no request to cancel a task,
list tasks, check a key or return a price: a submitted task is charged, and a lost submission cannot be found again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..cue import Cost
from ..errors import NotFound, ProviderUnavailable, ResultExpired, TracklayError
from . import credentials
from .base import JobHandle, JobProgress, Output, Provider, Request, Submission, catalogue_cost
from .http import Api, base_url
from .job_errors import missing_value, model_failed, result_expired, status_changed, status_unknown
from .request_body import build_request_body, suffix_from_url
from .response import content_refused, find_error_message, is_content_refusal, sanitize_message
from .retry import DEFAULT_RETRY_POLICY, RetryPolicy
from .signed_url import download_signed

DASHBOARD = "https://sync.beatoven.ai"

KEY_VARIABLE = "BEATOVEN_API_KEY"

STEMS = ("bass", "chords", "melody", "percussion")

COMPOSE_PATH = "/api/v1/tracks/compose"
TASKS_PATH = "/api/v1/tasks"

_DURATION_PATTERN = re.compile(r"\b\d+(?:[.,:]\d+)?[ -]?(?:s|secs?|seconds?|m|mins?|minutes?)\b", re.IGNORECASE)
"""A length in the prompt: 30 seconds, 2-minute, 90s."""


class Beatoven(Provider):
    """One instance for each take; connections and rate limits are shared in `client`."""

    name = "beatoven"
    max_wait_seconds = 30 * 60.0

    def __init__(self, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> None:
        self.api = Api(
            "Beatoven",
            (base_url("TRACKLAY_BEATOVEN_URL", "https://public-api.beatoven.ai"),),
            auth_headers=lambda: {"Authorization": f"Bearer {credentials.require_key(KEY_VARIABLE, 'Beatoven')}"},
            key_variables=KEY_VARIABLE,
            # The hosts of its files are not documented; the documentation calls their URLs signed S3 URLs.
            keyless_hosts=("*.beatoven.ai", "*.amazonaws.com", "*.cloudfront.net", "storage.googleapis.com"),
            dashboard=DASHBOARD,
            retry_policy=retry_policy,
        )

    def check_ready(self) -> None:
        """Check that the key is set."""
        credentials.require_key(KEY_VARIABLE, "Beatoven")

    async def prepare(self, request: Request) -> Submission:
        """Put length and negative prompt, which have no fields, into the prompt."""
        body = build_request_body(request, {})
        body["prompt"]["text"] = build_prompt(request.prompt, request.negative, request.seconds)
        return Submission.new(self.name, {"body": body, "cost": catalogue_cost(request).to_dict()})

    async def submit(self, submission: Submission) -> JobHandle:
        """Start the task."""
        payload = (await self.api.request("POST", COMPOSE_PATH, "submit", json=submission.data["body"])).json_object
        task = payload.get("task_id")
        if not isinstance(task, str) or not task:
            raise self.api.submission_unknown(missing_value("Beatoven", "task ID"))
        return JobHandle(
            self.name, task, {"prompt": submission.data["body"]["prompt"]["text"], "cost": submission.data["cost"]}
        )

    async def poll(self, handle: JobHandle) -> JobProgress:
        """Return the task's status."""
        return _parse_status(await self._get_task(handle))

    async def _get_task(self, handle: JobHandle) -> dict[str, Any]:
        return (await self.api.request("GET", f"{TASKS_PATH}/{quote(handle.request, safe='')}", "read")).json_object

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Download the track and its stems. A stem that cannot be downloaded is noted and does not fail the take."""
        task = await self._get_task(handle)
        if _parse_status(task).state != "done":
            raise status_changed("Beatoven", handle.request)
        track = await self._download_part(handle, task, "track", folder)
        stems, missing = {}, []
        for name in STEMS:
            try:
                stems[name] = await self._download_part(handle, task, name, folder)
            except (NotFound, ProviderUnavailable, ResultExpired):
                missing.append(name)
        understood = {"asked": handle.data["prompt"], **({"stems missing": missing} if missing else {})}
        return Output(track, None, "", Cost(**handle.data["cost"]), stems, understood)

    async def _download_part(self, handle: JobHandle, task: Mapping[str, Any], part: str, folder: Path) -> Path:
        url = _part_url(task, part)

        async def renew_url() -> str:
            return _part_url(await self._get_task(handle), part)

        to = folder / f"{part}{suffix_from_url(url)}"
        return await download_signed(self.api, url, renew_url, to, result_expired("Beatoven", handle.request))


def build_prompt(prompt: str, negative: str, seconds: Fraction) -> str:
    """Return the prompt with the length before it, as in Beatoven's own examples, and the negative prompt after it.

    Beatoven keeps a length only roughly, and the take is cut to the span, so whole seconds, rounded up, are exact enough. A length
    that the user wrote stays the only one.
    """
    text = prompt.strip()
    if not _DURATION_PATTERN.search(text):
        whole = math.ceil(seconds)
        text = f"{whole} second{'' if whole == 1 else 's'} {text}"
    return f"{text}, without {negative.strip()}" if negative.strip() else text


def _part_url(task: Mapping[str, Any], part: str) -> str:
    """Return the URL of the track or of one of its stems.

    Raises:
        ProviderUnavailable: the task has no URL of the track.
        NotFound: it has no such stem.
    """
    meta = task.get("meta")
    table = meta if isinstance(meta, dict) else {}
    stems = table.get("stems_url")
    url = table.get("track_url") if part == "track" else stems.get(part) if isinstance(stems, dict) else None
    if isinstance(url, str) and url:
        return url
    if part == "track":
        raise missing_value("Beatoven", "address of the track")
    raise NotFound("beatoven.stem_missing", "Beatoven made no such stem: {stem}.", stem=part)


def _parse_status(task: Mapping[str, Any]) -> JobProgress:
    """Return a task's progress, or raise the error that it ended with."""
    status = str(task.get("status"))
    match status:
        case "started" | "composing":
            return JobProgress("waiting", message="in Beatoven's queue")
        case "running":
            return JobProgress("running", message="composing")
        case "composed":
            return JobProgress("done", 1.0)
        case "failed" | "failure" | "error":
            raise _task_error(task)
        case _:
            raise status_unknown("Beatoven", status, DASHBOARD)


def _task_error(task: Mapping[str, Any]) -> TracklayError:
    # The shape of a failed task is not documented: the message may be in the task or in its `meta`.
    message = sanitize_message(find_error_message({**task, "title": find_error_message(task.get("meta"))}))
    return content_refused("Beatoven", message) if is_content_refusal(message) else model_failed("Beatoven", message)


def create_provider() -> Provider:
    """Return the provider."""
    return Beatoven()
