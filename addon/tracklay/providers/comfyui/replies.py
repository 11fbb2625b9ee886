"""ComfyUI's replies: the state of a prompt, its outputs, and the errors of nodes in words.

Its facts: `docs/api-notes/comfyui.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from ...errors import ModelFailed, RefusedInput
from ..job_errors import cancelled
from ..response import as_list, sanitize_message
from .workflow import Workflow, node_title

if TYPE_CHECKING:
    from ...errors import TracklayError
    from ..response import Response

DISPLAY_NAME = "ComfyUI"

SOUND_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".opus", ".ogg", ".m4a", ".aac"})
FILM_SUFFIXES = frozenset({".mp4", ".webm", ".mkv", ".mov"})
"""Suffixes of files with sound. A film's kind in the reply differs by the node (`images`, `gifs`): the suffix decides."""

MAX_NODE_ERRORS = 3
"""Errors of nodes that a message quotes."""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file on the server."""

    name: str
    subfolder: str
    kind: str

    @property
    def suffix(self) -> str:
        """The suffix in lower case, with its dot."""
        return PurePosixPath(self.name).suffix.lower()

    @property
    def query(self) -> dict[str, str | int]:
        """The query of `/view` that returns the file."""
        return {"filename": self.name, "subfolder": self.subfolder, "type": self.kind}


@dataclass(frozen=True, slots=True)
class PromptState:
    """The state of a prompt. `queue_place` counts from 1; `error` is set for one that failed or was cancelled."""

    state: Literal["waiting", "running", "done", "failed", "unknown"]
    queue_place: int | None = None
    error: TracklayError | None = None


def find_outputs(history: Mapping[str, Any]) -> list[OutputFile]:
    """Return the files with sound of an entry of the history: sounds if there are any, else films."""
    files = [
        OutputFile(str(item["filename"]), str(item.get("subfolder") or ""), str(item.get("type") or "output"))
        for item in _iter_items(history.get("outputs"))
        if isinstance(item.get("filename"), str)
    ]
    kept = [file for file in files if file.kind != "temp"] or files  # what a preview node keeps for a while
    return [file for file in kept if file.suffix in SOUND_SUFFIXES] or [
        file for file in kept if file.suffix in FILM_SUFFIXES
    ]


def _iter_items(outputs: Any) -> Iterator[Mapping[str, Any]]:
    for node in outputs.values() if isinstance(outputs, dict) else ():
        for items in node.values() if isinstance(node, dict) else ():
            yield from (item for item in as_list(items) if isinstance(item, dict))


def state_of_history(entry: Mapping[str, Any], workflow: Workflow) -> PromptState:
    """Return the state of a prompt that has ended.

    A failed and a cancelled one have the same status; the last message says which it is.
    """
    status = entry.get("status")
    if not isinstance(status, dict) or status.get("status_str") != "error":
        return PromptState("done")
    for message in reversed(as_list(status.get("messages"))):
        name, details = message if isinstance(message, list) and len(message) == 2 else ("", {})
        if name == "execution_interrupted":
            return PromptState("failed", error=cancelled(DISPLAY_NAME))
        if name == "execution_error" and isinstance(details, dict):
            return PromptState("failed", error=execution_error(details, workflow))
    return PromptState("failed", error=execution_error({}, workflow))


def execution_error(details: Mapping[str, Any], workflow: Workflow) -> ModelFailed:
    """Return the error of a node that failed while it ran."""
    node = str(details.get("node_id") or "")
    title = node_title(workflow[node]) if node in workflow else str(details.get("node_type") or "a node")
    return ModelFailed(
        "comfyui.node_failed",
        "The workflow failed in ComfyUI at {node}: {message}. Look at the server's log.",
        node=sanitize_message(title),
        message=sanitize_message(details.get("exception_message") or "no reason given").rstrip("."),
    )


def state_of_queue(queue: Mapping[str, Any], prompt_id: str) -> PromptState:
    """Return the state of a prompt by the queue; `unknown` if it is not in it."""
    if prompt_id in _queued_ids(queue.get("queue_running")):
        return PromptState("running")
    # The queue is a heap: the first numbers run first.
    pending = sorted(
        (item for item in as_list(queue.get("queue_pending")) if _queued_ids([item])),
        key=lambda item: item[0] if isinstance(item[0], int | float) else 0,
    )
    ids = _queued_ids(pending)
    return PromptState("waiting", ids.index(prompt_id) + 1) if prompt_id in ids else PromptState("unknown")


def _queued_ids(items: Any) -> list[str]:
    return [str(item[1]) for item in as_list(items) if isinstance(item, list) and len(item) > 1]


def refusal(response: Response, workflow: Workflow) -> RefusedInput:
    """Return the error of a prompt that the server refused, with the nodes that it names and what to do about each."""
    body = response.json_object
    error = body.get("error")
    kind = str(error.get("type") or "") if isinstance(error, dict) else ""
    message = str(error.get("message") or "") if isinstance(error, dict) else str(error or "")
    details = list(_node_errors(body.get("node_errors"), workflow))[:MAX_NODE_ERRORS]
    if kind == "missing_node_type" or "does not exist" in message:
        return RefusedInput(
            "comfyui.node_type_missing",
            "ComfyUI lacks a node of this workflow: {message}. Install its node pack on the server.",
            message=sanitize_message(message).rstrip("."),
        )
    return RefusedInput(
        "comfyui.prompt_refused",
        "ComfyUI refused the workflow: {message}. Correct it in ComfyUI and export it again.",
        message=sanitize_message("; ".join(details) or message or "no reason given").rstrip("."),
    )


def _node_errors(node_errors: Any, workflow: Workflow) -> Iterator[str]:
    """Yield what is wrong with each node, in words."""
    for node, described in node_errors.items() if isinstance(node_errors, dict) else ():
        title = node_title(workflow[node]) if node in workflow else str(node)
        for error in as_list(described.get("errors") if isinstance(described, dict) else None):
            if not isinstance(error, dict):
                continue
            extra = error.get("extra_info")
            name = str(extra.get("input_name") or "") if isinstance(extra, dict) else ""
            if error.get("type") == "value_not_in_list":
                value = extra.get("received_value") if isinstance(extra, dict) else None
                yield f"{title}: the server has no {name} named {value!r}; put the file into its models folder"
            else:
                yield f"{title}: {error.get('message') or error.get('type')} {error.get('details') or name}".strip()
