"""A ComfyUI workflow in API format: read, checked, and filled with the values of a request.

The format is `{node: {class_type, inputs, _meta: {title}}}`, as *File > Export (API)* writes it. An input is a value, or a link to
another node's output: `[node, index]`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInput
from ...models import user_model_dir
from ...untrusted_data import parse_json

if TYPE_CHECKING:
    from pathlib import Path

    from ...models import Model

Workflow = dict[str, dict[str, Any]]

MAX_WORKFLOW_BYTES = 16 << 20
"""Largest workflow file. Real ones have some ten kilobytes."""


def workflow_path(model: Model) -> Path:
    """Return the workflow file of a model: `endpoint` names it, beside the model's file.

    Raises:
        InvalidInput: the name is a path.
    """
    name = model.endpoint
    if not name or any(character in name for character in "/\\:") or name in (".", ".."):
        raise InvalidInput(
            "comfyui.workflow_name",
            "{model}: {field} must be the name of a workflow file beside the model's file, not {value!r}.",
            model=model.id,
            field="endpoint",
            value=name,
        )
    return user_model_dir() / name


def read_workflow(path: Path) -> Workflow:
    """Return a workflow.

    Raises:
        InvalidInput: it cannot be read, is the editor's own format, or is no workflow.
    """
    try:
        if path.stat().st_size > MAX_WORKFLOW_BYTES:
            raise InvalidInput("comfyui.workflow_too_large", "{path} is no workflow: it is too large.", path=path)
        content = parse_json(path.read_bytes())
    except OSError as error:
        raise InvalidInput(
            "comfyui.workflow_unreadable",
            "Cannot read the workflow {path}: {reason}.",
            path=path,
            reason=error.strerror,
        ) from error
    except ValueError as error:
        raise InvalidInput("comfyui.workflow_not_json", "{path} is no workflow: it is not JSON.", path=path) from error
    if isinstance(content, dict) and isinstance(content.get("nodes"), list):
        raise InvalidInput(
            "comfyui.workflow_of_editor",
            "{path} is saved for ComfyUI's editor. Export it with File > Export (API), and use that file.",
            path=path,
        )
    is_workflow = isinstance(content, dict) and content and all(map(_is_node, content.values()))
    if not is_workflow:
        raise InvalidInput(
            "comfyui.not_a_workflow",
            "{path} is no workflow in ComfyUI's API format. Export it with File > Export (API).",
            path=path,
        )
    return dict(content)


def _is_node(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)


def node_title(node: Mapping[str, Any]) -> str:
    """Return a node's title as ComfyUI shows it; its class without one."""
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return title if isinstance(title, str) and title.strip() else str(node["class_type"])


def fill_workflow(workflow: Workflow, values: Mapping[str, Any], model: str) -> Workflow:
    """Return a copy of a workflow with the values of a request.

    Args:
        workflow: the workflow.
        values: values by node, then by input.
        model: the model's ID, for the error.

    Raises:
        InvalidInput: the workflow lacks one of the nodes: it was exported again, and its numbers changed.
    """
    filled = copy.deepcopy(workflow)
    for node, inputs in values.items():
        if node not in filled or not isinstance(inputs, dict):
            raise InvalidInput(
                "comfyui.node_missing",
                "The workflow of {model} has no node {node}. Add the model again from the workflow as it is now.",
                model=model,
                node=node,
            )
        filled[node]["inputs"].update(inputs)
    return filled


def dump_workflow(workflow: Workflow) -> str:
    """Return a workflow as the text of a file."""
    return json.dumps(workflow, indent=2, ensure_ascii=False) + "\n"
