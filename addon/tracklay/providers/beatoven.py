"""Beatoven's Composition API (facts/apis.md, section 4): music from words alone, with four stems.

It has no field for a length, a seed or what is unwanted: all of that is said in the prompt. It has no way to cancel a task, to
list tasks, to check a key or to tell a price: what left is paid for, and a submission that was lost stays unclear.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..cue import Cost
from ..errors import ModelFailed, NotFound, ProviderUnavailable, RefusedContent, ResultExpired, TracklayError
from . import credentials
from .base import JobHandle, JobProgress, Output, Provider, Request, Submission, catalogue_cost
from .client import DEFAULT_RETRY_POLICY, RetryPolicy
from .http import Api, base_url
from .request_body import build_request_body, suffix_from_url
from .response import find_error_message, is_content_refusal, sanitize_message
from .signed_url import download_signed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction
    from pathlib import Path

KEY_VARIABLE = "BEATOVEN_API_KEY"

STEMS = ("bass", "chords", "melody", "percussion")

COMPOSE_PATH = "/api/v1/tracks/compose"
TASKS_PATH = "/api/v1/tasks"

_DURATION_PATTERN = re.compile(r"\b\d+(?:[.,:]\d+)?[ -]?(?:s|secs?|seconds?|m|mins?|minutes?)\b", re.IGNORECASE)
"""A length that the prompt names already: 30 seconds, 2-minute, 90s."""


class Beatoven(Provider):
    """One instance for each take; what they share is in `pool`. `cancel` gives False: Beatoven has no such call."""

    name = "beatoven"
    max_wait_seconds = 30 * 60.0

    def __init__(self, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> None:
        self.api = Api(
            "Beatoven",
            (base_url("TRACKLAY_BEATOVEN_URL", "https://public-api.beatoven.ai"),),
            auth_headers=lambda: {"Authorization": f"Bearer {credentials.require_key(KEY_VARIABLE, 'Beatoven')}"},
            key_variables=KEY_VARIABLE,
            # Where its files lie is not published; its documents call the addresses signed ones of S3.
            keyless_hosts=("*.beatoven.ai", "*.amazonaws.com", "*.cloudfront.net", "storage.googleapis.com"),
            dashboard="https://sync.beatoven.ai",
            retry_policy=retry_policy,
        )

    def check_ready(self) -> None:
        """The key is set."""
        credentials.require_key(KEY_VARIABLE, "Beatoven")

    async def prepare(self, request: Request) -> Submission:
        """Say in words what has no field of its own."""
        sent = build_request_body(request, {})
        sent["prompt"]["text"] = build_prompt(request.prompt, request.negative, request.seconds)
        return Submission.new(self.name, {"body": sent, "cost": asdict(catalogue_cost(request))})

    async def submit(self, submission: Submission) -> JobHandle:
        """Begin the task."""
        told = (await self.api.request("POST", COMPOSE_PATH, "submit", json=submission.data["body"])).json_object
        task = told.get("task_id")
        if not isinstance(task, str) or not task:
            raise self.api.submission_unknown("its answer names no task")
        return JobHandle(
            self.name, task, {"asked": submission.data["body"]["prompt"]["text"], "cost": submission.data["cost"]}
        )

    async def poll(self, handle: JobHandle) -> JobProgress:
        """Its task's status."""
        return _parse_status(await self._get_task(handle))

    async def _get_task(self, handle: JobHandle) -> dict[str, Any]:
        return (await self.api.request("GET", f"{TASKS_PATH}/{handle.request}", "read")).json_object

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Fetch the track and what there is of its stems. A stem that cannot be had costs nobody the track."""
        task = await self._get_task(handle)
        if _parse_status(task).state != "done":
            raise ProviderUnavailable(
                f"Beatoven says that {handle.request} is composed, and then that it is not; collect it again later"
            )
        track = await self._download_part(handle, task, "track", folder)
        stems, missing = {}, []
        for name in STEMS:
            try:
                stems[name] = await self._download_part(handle, task, name, folder)
            except (NotFound, ProviderUnavailable, ResultExpired):
                missing.append(name)
        understood = {"asked": handle.data["asked"], **({"stems missing": missing} if missing else {})}
        return Output(track, None, "", Cost(**handle.data["cost"]), stems, understood)

    async def _download_part(self, handle: JobHandle, task: Mapping[str, Any], part: str, folder: Path) -> Path:
        address = _part_url(task, part)

        async def renew_url() -> str:
            return _part_url(await self._get_task(handle), part)

        gone = f"Beatoven does not give the {part} of {handle.request} any more; make it again"
        return await download_signed(self.api, address, renew_url, folder / f"{part}{suffix_from_url(address)}", gone)


def build_prompt(prompt: str, negative: str, seconds: Fraction) -> str:
    """A prompt that says what Beatoven has no field for: the length before it, as its own examples do, and what is unwanted.

    Beatoven keeps to a length about: what comes is cut to the span, so whole seconds, rounded up, are exact enough.
    """
    text = prompt.strip()
    if not _DURATION_PATTERN.search(text):
        whole = math.ceil(seconds)
        text = f"{whole} second{'' if whole == 1 else 's'} {text}"
    return f"{text}, without {negative.strip()}" if negative.strip() else text


def _part_url(task: Mapping[str, Any], part: str) -> str:
    """Where the track is, or one of its stems.

    Raises:
        ProviderTrouble: the task does not say where the track is.
        NotThere: it has no such stem.
    """
    meta = task.get("meta")
    table = meta if isinstance(meta, dict) else {}
    stems = table.get("stems_url")
    address = table.get("track_url") if part == "track" else stems.get(part) if isinstance(stems, dict) else None
    if isinstance(address, str) and address:
        return address
    if part == "track":
        raise ProviderUnavailable(
            "Beatoven has composed the track and does not say where it is; collect it again later"
        )
    raise NotFound(f"Beatoven made no {part} stem")


def _parse_status(task: Mapping[str, Any]) -> JobProgress:
    """A task's status; one that is not known is trouble, not success."""
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
            raise ProviderUnavailable(
                f"Beatoven gives a status that is not known, {sanitize_message(status)!r}; look at https://sync.beatoven.ai"
            )


def _task_error(task: Mapping[str, Any]) -> TracklayError:
    said = sanitize_message(
        find_error_message({**task, "title": find_error_message(task.get("meta"))}) or "it does not say why"
    )
    if is_content_refusal(said):
        return RefusedContent(f"Beatoven refuses the content: {said}; change the prompt")
    return ModelFailed(f"Beatoven could not compose it: {said}; try again, or with another prompt")


def create_provider() -> Provider:
    """The provider."""
    return Beatoven()
