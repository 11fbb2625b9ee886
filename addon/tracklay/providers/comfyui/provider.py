"""The provider of ComfyUI servers: uploads the picture, queues the workflow under our own ID, follows it, and fetches its sound.

A request costs nothing, and its ID is ours: a lost answer is looked up exactly, and a prompt that a restarted server has forgotten
is queued again. Its facts: `docs/api-notes/comfyui.md`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
import weakref
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from ...cue import Cost
from ...errors import InvalidInput, NotFound, ProviderUnavailable, TracklayError
from ...media.fingerprint import source_id
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
from ..download import download
from ..http import Api
from ..job_errors import missing_value, no_output, result_expired
from ..request_body import build_request_body, clamp_seed, find_input_files, mime_type
from ..response import as_list, sanitize_message
from ..retry import DEFAULT_RETRY_POLICY, RetryPolicy
from .progress import ProgressSocket
from .replies import DISPLAY_NAME, PromptState, find_outputs, refusal, state_of_history, state_of_queue
from .servers import server_headers, server_urls
from .workflow import Workflow, fill_workflow, node_title, read_workflow, workflow_path

_log = logging.getLogger(__name__)

MAX_RESUBMISSIONS = 2
"""Times that a prompt is queued again after its server has lost it: a workflow that takes the server down must not do so for ever."""

UPLOAD_HASH_CHARS = 16
"""Characters of the content's hash in the name of an upload: equal files are stored once on the server."""

UNKNOWN_LOOKS = 2
"""Looks at a prompt that the server does not know, before it counts as lost: a server that is starting may not know it yet."""

_not_queued: weakref.WeakKeyDictionary[ComfyUi, str] = weakref.WeakKeyDictionary()
"""The server of each take of this process that has chosen one and is not in its queue yet: those of a batch choose at once,
before any of them shows in a queue. A take that is cancelled leaves with its instance."""

_not_queued_lock = threading.Lock()

EXTRA_INDEX = 3
"""Place of the extra data in an item of the queue, after number, ID and graph."""


class ComfyUi(Provider):
    """One instance for each take; connections are shared in `client`."""

    name = "comfyui"
    capabilities: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset(
        {"cancel", "find", "check_key", "estimate"}
    )
    max_wait_seconds = 6 * 3600.0
    """The user's own queue may be long."""

    def __init__(self, retry_policy: RetryPolicy = DEFAULT_RETRY_POLICY) -> None:
        self._apis = {
            url: Api(
                DISPLAY_NAME,
                (url,),
                auth_headers=server_headers,
                key_variables=credentials.COMFYUI_HEADER,
                dashboard="the server's own page",
                retry_policy=retry_policy,
            )
            for url in server_urls()
        }
        self._prompt_id = ""
        """The ID under which the server has the prompt, where that is not the handle's: it was queued again."""
        self._unknown_looks = 0
        self._resubmissions = 0
        self._socket: ProgressSocket | None = None

    @property
    def api(self) -> Api:
        """The first server."""
        return next(iter(self._apis.values()))

    def check_ready(self) -> None:
        """Check the login header, if there is one."""
        server_headers()

    def _api_of(self, data: Mapping[str, Any]) -> Api:
        """Return the server that has a submission's files.

        Raises:
            InvalidInput: it is no longer one of the configured servers.
        """
        url = str(data.get("server"))
        if url not in self._apis:
            raise InvalidInput(
                "comfyui.server_not_configured",
                "This job runs on {url}, which TRACKLAY_COMFYUI_URL does not name. Add it, or discard the job.",
                url=sanitize_message(url),
            )
        return self._apis[url]

    async def prepare(self, request: Request) -> Submission:
        """Choose the server with the shortest queue, upload the files, and fill the workflow."""
        workflow = read_workflow(workflow_path(request.model))
        server = await self._least_busy_server()
        uploads = {
            name: await self._upload(self._apis[server], path) for name, path in find_input_files(request).items()
        }
        filled = fill_workflow(workflow, build_request_body(request, uploads), request.model.id)
        data = {
            "server": server,
            "workflow": filled,
            "seed": clamp_seed(request.model, request.seed) if request.model.parameter_for_role("seed") else None,
            "cost": catalogue_cost(request).to_dict(),
            "outputs": requested_outputs(request),
        }
        return Submission.new(self.name, data)

    async def _least_busy_server(self) -> str:
        """Return the address of the server with the fewest prompts, counting those that this process is about to queue.

        Of equal ones the first.

        Raises:
            ProviderUnavailable: none responds.
        """
        remaining: dict[str, int] = {}
        last_error: TracklayError | None = None
        for url, api in self._apis.items():
            try:
                info = (await api.request("GET", "/prompt", "read")).json_object.get("exec_info")
            except ProviderUnavailable as error:
                last_error = error
                continue
            count = info.get("queue_remaining") if isinstance(info, dict) else 0
            remaining[url] = count if isinstance(count, int) else 0
        if not remaining:
            raise self._no_server() from last_error
        with _not_queued_lock:
            coming = Counter(_not_queued.values())
            chosen = min(remaining, key=lambda url: remaining[url] + coming[url])
            _not_queued[self] = chosen
        return chosen

    def _no_server(self) -> ProviderUnavailable:
        return ProviderUnavailable(
            "comfyui.no_server",
            "No ComfyUI server at {urls}. Start it, or set TRACKLAY_COMFYUI_URL.",
            urls=", ".join(self._apis),
        )

    async def _upload(self, api: Api, path: Path) -> str:
        """Upload a file and return the name that the server gave it. Sound and video use the one route, too."""
        digest = (await asyncio.to_thread(source_id, path, "full"))[:UPLOAD_HASH_CHARS]
        form = {"image": (f"tracklay-{digest}{path.suffix.lower()}", path, mime_type(path))}
        reply = (await api.request("POST", "/upload/image", "upload", form=form)).json_object
        if not isinstance(reply.get("name"), str):
            raise missing_value(DISPLAY_NAME, "name of the upload")
        folder = reply.get("subfolder")
        return f"{folder}/{reply['name']}" if folder else str(reply["name"])

    async def submit(self, submission: Submission) -> JobHandle:
        """Queue the workflow under our own ID. Servers before 0.25 choose another one, which their answer names."""
        prompt_id = prompt_id_of(submission)
        try:
            queued = await self._queue(submission.data, prompt_id)
        finally:
            with _not_queued_lock:
                _not_queued.pop(self, None)
        return JobHandle(self.name, queued, {**submission.data, "client_id": prompt_id})

    async def _queue(self, data: Mapping[str, Any], prompt_id: str) -> str:
        api, workflow = self._api_of(data), data["workflow"]
        body = {"prompt": workflow, "client_id": prompt_id, "prompt_id": prompt_id}
        response = await api.request("POST", "/prompt", "submit", json=body, accept_statuses=(400,))
        if not response.is_success:
            raise refusal(response, workflow)
        queued = response.json_object.get("prompt_id")
        if not isinstance(queued, str) or not queued:
            raise api.submission_unknown(missing_value(DISPLAY_NAME, "prompt ID"))
        if response.json_object.get("node_errors"):
            # The rest of the graph was queued: without the nodes that were refused its result is not what was asked for.
            await self._cancel_prompt(api, queued)
            raise refusal(response, workflow)
        return queued

    async def find(self, submission: Submission, known_requests: Collection[str] = ()) -> JobHandle | None:
        """Return the prompt with our ID, if the server has it.

        A server before 0.25 chose another ID. There the waiting or running prompt with our client ID is the one.
        """
        api, prompt_id = self._api_of(submission.data), prompt_id_of(submission)
        data = {**submission.data, "client_id": prompt_id}
        queue = await self._read_queue(api)
        for item in (*as_list(queue.get("queue_running")), *as_list(queue.get("queue_pending"))):
            number_id_graph_extra = item if isinstance(item, list) else []
            extra = number_id_graph_extra[3] if len(number_id_graph_extra) > EXTRA_INDEX else {}
            is_ours = isinstance(extra, dict) and extra.get("client_id") == prompt_id
            if is_ours and str(item[1]) not in known_requests:
                return JobHandle(self.name, str(item[1]), data)
        found = await self._look(api, prompt_id, submission.data["workflow"])
        return None if found.state == "unknown" else JobHandle(self.name, prompt_id, data)

    @staticmethod
    async def _read_queue(api: Api) -> dict[str, Any]:
        return (await api.request("GET", "/queue", "read")).json_object

    async def _look(self, api: Api, prompt_id: str, workflow: Workflow) -> PromptState:
        """Return the state of a prompt: by the queue, then by the history, into which it moves in one step."""
        state = state_of_queue(await self._read_queue(api), prompt_id)
        if state.state != "unknown":
            return state
        entry = await self._read_history(api, prompt_id)
        return PromptState("unknown") if entry is None else state_of_history(entry, workflow)

    @staticmethod
    async def _read_history(api: Api, prompt_id: str) -> dict[str, Any] | None:
        """Return a prompt's entry in the history; None if it has not ended, or the server was restarted since."""
        entry = (await api.request("GET", f"/history/{prompt_id}", "read")).json_object.get(prompt_id)
        return entry if isinstance(entry, dict) else None

    async def poll(self, handle: JobHandle) -> JobProgress:
        """Return the state of the prompt; one that a restarted server has lost is queued again, at no cost."""
        api, prompt_id = self._api_of(handle.data), self._prompt_id or handle.request
        found = await self._look(api, prompt_id, handle.data["workflow"])
        if found.state == "unknown":
            self._unknown_looks += 1
            if self._unknown_looks >= UNKNOWN_LOOKS:
                await self._queue_again(handle)
            return JobProgress("waiting", message="not listed by the server")
        self._unknown_looks = 0
        if found.state in ("done", "failed"):
            self._close_socket()
            if found.error is not None:
                raise found.error
            return JobProgress("done", 1.0)
        if self._socket is None:
            self._socket = ProgressSocket(api.base_urls[0], server_headers(), str(handle.data["client_id"]))
        self._socket.keep_open()
        if found.state == "waiting":
            ahead = (found.queue_place or 1) - 1
            return JobProgress("waiting", message=f"{ahead} ahead in the queue" if ahead else "")
        node = handle.data["workflow"].get(self._socket.node)
        return JobProgress("running", self._socket.fraction, sanitize_message(node_title(node)) if node else "")

    async def _queue_again(self, handle: JobHandle) -> None:
        """Queue a prompt that the server has lost.

        Raises:
            ResultExpired: it was lost before, after it had been queued again.
        """
        if self._resubmissions >= MAX_RESUBMISSIONS:
            raise result_expired(DISPLAY_NAME, handle.request)
        self._resubmissions += 1
        self._unknown_looks = 0
        _log.info("ComfyUI: %s is lost, the server was restarted; it is queued again", handle.request)
        self._prompt_id = await self._queue(handle.data, str(handle.data["client_id"]))

    def _close_socket(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Fetch the sound, or the film with it, of each output node."""
        api, prompt_id = self._api_of(handle.data), self._prompt_id or handle.request
        entry = await self._read_history(api, prompt_id)
        if entry is None:
            raise result_expired(DISPLAY_NAME, handle.request)
        found = find_outputs(entry)
        if not found:
            raise no_output(DISPLAY_NAME, "no audio or video among the outputs. Add a node that saves the sound")
        files = []
        for number, output in enumerate(found[: handle.data.get("outputs", MIN_OUTPUTS)]):
            url = f"{api.base_urls[0]}/view?{urlencode(output.query)}"
            try:
                files.append(await download(api, url, folder / f"output{number}{output.suffix}", send_key=True))
            except NotFound as error:
                raise result_expired(DISPLAY_NAME, handle.request) from error
        cost = Cost(**handle.data["cost"])
        return Output(files[0], handle.data["seed"], "", cost, extra_files=tuple(files[1:]))

    async def cancel(self, handle: JobHandle) -> bool:
        """Cancel the prompt, waiting or running."""
        self._close_socket()
        return await self._cancel_prompt(self._api_of(handle.data), self._prompt_id or handle.request)

    async def _cancel_prompt(self, api: Api, prompt_id: str) -> bool:
        """Cancel a prompt: by the request of servers from 0.26, else by the queue's own, which confirm nothing."""
        response = await api.request(
            "POST", f"/api/jobs/{prompt_id}/cancel", "cancel", accept_statuses=(404, 405), expect_json=False
        )
        if response.is_success:
            return response.json_object.get("cancelled") is not False
        # Waiting prompts first: one that starts meanwhile is then found running.
        await api.request("POST", "/queue", "cancel", json={"delete": [prompt_id]}, expect_json=False)
        if state_of_queue(await self._read_queue(api), prompt_id).state == "running":
            await api.request("POST", "/interrupt", "cancel", json={"prompt_id": prompt_id}, expect_json=False)
        return (await self._look(api, prompt_id, {})).state in ("unknown", "failed")

    async def check_key(self) -> str:
        """Return the version of the first server that responds: there is no key. One attempt, because most users run none."""
        for api in self._apis.values():
            try:
                once = api.retry_policy.with_limits("read", max_attempts=1)
                system = (await api.request("GET", "/system_stats", "read", policy=once)).json_object.get("system")
            except ProviderUnavailable:
                continue
            version = system.get("comfyui_version") if isinstance(system, dict) else None
            return f"version {sanitize_message(version)}" if version else ""
        raise self._no_server()


def prompt_id_of(submission: Submission) -> str:
    """Return our ID of a submission in the one form that the server accepts: lower case, with hyphens."""
    return str(uuid.UUID(submission.id))


def create_provider() -> Provider:
    """Return the provider."""
    return ComfyUi()
