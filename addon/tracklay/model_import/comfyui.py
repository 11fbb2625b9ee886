"""Builds a model from a ComfyUI workflow: `tracklay models add comfyui:workflow.json`.

Nodes are found by the titles that the user gives them in ComfyUI (`tracklay video`), else by their class and their input's name.
Types and limits of the inputs come from the server, where it responds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, ProviderUnavailable
from ..models.model import DurationLimits, Licence, Model, Parameter, Price, Role
from ..providers.comfyui.workflow import Workflow, node_title

if TYPE_CHECKING:
    from ..providers.http import Api

TITLE_PREFIX = "tracklay "

TITLED_INPUTS: dict[Role, tuple[str, ...]] = {
    "video": ("video", "file", "video_path"),
    "prompt": ("prompt", "text", "tags", "value", "string"),
    "negative": ("negative_prompt", "negative", "text", "value", "string"),
    "seed": ("seed", "noise_seed", "value"),
    "seconds": ("seconds", "duration", "seconds_total", "length", "value"),
}
"""Inputs of a titled node that may have a role, the likeliest first."""

VIDEO_CLASSES = {"LoadVideo": "file", "VHS_LoadVideo": "video", "VHS_LoadVideoFFmpeg": "video"}
"""Classes of nodes that load a video, and their input: ComfyUI's own, and those of the Video Helper Suite."""

AUDIO_CLASSES = {"LoadAudio": "audio", "VHS_LoadAudioUpload": "audio"}
"""The same for sound. It has no role: the user names the file, a reference for instance."""

PROMPT_INPUTS, NEGATIVE_INPUTS = ("prompt", "tags", "text"), ("negative_prompt",)
SEED_INPUTS, SECONDS_INPUTS = ("seed", "noise_seed"), ("seconds", "duration", "seconds_total")
"""Names of inputs by which a role is found without a title, the likeliest first."""

SOUND_OUTPUT = re.compile(r"(save|preview)audio", re.IGNORECASE)
FILM_OUTPUT = re.compile(r"savevideo|videocombine|savewebm", re.IGNORECASE)

HIDDEN_INPUTS = frozenset(
    {"filename_prefix", "control_after_generate", "audioUI", "upload", "image", "audio", "videopreview"}
)
"""Inputs that are no parameter of the sound."""

TASK_WORDS = {"music": re.compile(r"music|acestep|ace[ _-]?step|song", re.IGNORECASE)}

TYPES = {"INT": "integer", "FLOAT": "number", "STRING": "text", "BOOLEAN": "boolean", "COMBO": "choice"}

MAX_CHOICES = 200

_VALUES = (str, int, float, bool)


@dataclass(frozen=True, slots=True)
class ImportedWorkflow:
    """A model that was built from a workflow, and sentences about what was found and what was not."""

    model: Model
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Input:
    """An input of a node that holds a value, and is no link."""

    node: str
    title: str
    class_type: str
    name: str
    value: Any

    @property
    def wire(self) -> str:
        return f"{self.node}.{self.name}"


async def read_node_types(api: Api, workflow: Workflow) -> dict[str, dict[str, Any]]:
    """Return what a server says of each class in a workflow; empty if none responds. A class that it lacks is left out."""
    found: dict[str, dict[str, Any]] = {}
    once = api.retry_policy.with_limits("read", max_attempts=1)
    for name in {str(node["class_type"]) for node in workflow.values()}:
        # One class at a time: the whole list has megabytes, and makes the server look through its folders.
        try:
            reply = await api.request("GET", f"/object_info/{name}", "read", policy=once)
        except ProviderUnavailable:
            return {}
        described = reply.json_object.get(name)
        if isinstance(described, dict):
            found[name] = described
    return found


def build_model(
    name: str, endpoint: str, workflow: Workflow, node_types: Mapping[str, Mapping[str, Any]]
) -> ImportedWorkflow:
    """Return the model of a workflow.

    Args:
        name: the model's name, the second part of its ID.
        endpoint: the name that the workflow's file will have.
        workflow: the workflow.
        node_types: what a server says of its classes, as `/object_info` has it; empty without a server.

    Raises:
        InvalidInput: nothing in it saves a sound or a film.
    """
    classes = [str(node["class_type"]) for node in workflow.values()]
    saves_sound = any(map(SOUND_OUTPUT.search, classes))
    if not saves_sound and not any(map(FILM_OUTPUT.search, classes)):
        raise InvalidInput(
            "comfyui.no_output",
            "The workflow saves no audio and no video. Add a node such as Save Audio, and export it again.",
        )
    inputs = list(_iter_inputs(workflow))
    roles = _find_roles(workflow, inputs)
    names: set[str] = set()
    parameters = []
    for each in inputs:
        role = next((role for role, found in roles.items() if found.wire == each.wire), None)
        is_sound = AUDIO_CLASSES.get(each.class_type) == each.name
        if role is None and not is_sound and (each.name in HIDDEN_INPUTS or not isinstance(each.value, _VALUES)):
            continue
        described = node_types.get(each.class_type, {})
        parameter = _audio_parameter(each) if is_sound and role is None else _parameter(each, role, described)
        own = parameter.name if parameter.name not in names else f"{parameter.name}_{each.node}"
        names.add(own)
        parameters.append(replace(parameter, name=own))
    seconds = next((each for each in parameters if each.role == "seconds"), None)
    has_video = "video" in roles
    model = Model(
        id=f"comfyui/{name}",
        title=f"{name} in ComfyUI",
        summary="A workflow of yours.",
        task="music"
        if any(TASK_WORDS["music"].search(each) for each in classes)
        else "foley"
        if has_video
        else "effect",
        provider="comfyui",
        endpoint=endpoint,
        needs=("video",) if has_video else ("text",),
        gives="audio" if saves_sound else "video",
        licence=Licence("not stated"),
        seconds=DurationLimits(max(0.0, seconds.minimum or 0.0), seconds.maximum) if seconds else DurationLimits(),
        price=Price("0"),
        parameters=tuple(parameters),
        unconfirmed=(
            "The licence: it is that of the models in the workflow.",
            "The kind of sound, guessed from the nodes.",
        ),
    )
    return ImportedWorkflow(model, tuple(_describe_findings(workflow, roles, node_types)))


def _iter_inputs(workflow: Workflow) -> Iterator[_Input]:
    for node, described in workflow.items():
        title, class_type = node_title(described), str(described["class_type"])
        for name, value in described["inputs"].items():
            if not isinstance(value, list | dict):  # a list is a link
                yield _Input(node, title, class_type, name, value)


def _find_roles(workflow: Workflow, inputs: list[_Input]) -> dict[Role, _Input]:
    """Return the input that has each role: by title, else by class and name."""
    roles: dict[Role, _Input] = {}
    for role, names in TITLED_INPUTS.items():
        titled = [each for each in inputs if each.title.strip().lower() == TITLE_PREFIX + role]
        found = next((each for name in names for each in titled if each.name == name), None)
        found = found or _find_by_class(role, workflow, inputs)
        if found is not None and found.wire not in {each.wire for each in roles.values()}:
            roles[role] = found
    return roles


def _find_by_class(role: Role, workflow: Workflow, inputs: list[_Input]) -> _Input | None:
    free = [each for each in inputs if not each.title.strip().lower().startswith(TITLE_PREFIX)]

    def named(names: tuple[str, ...], kinds: tuple[type, ...]) -> _Input | None:
        return next(
            (each for name in names for each in free if each.name == name and isinstance(each.value, kinds)), None
        )

    match role:
        case "video":
            return next((each for each in free if VIDEO_CLASSES.get(each.class_type) == each.name), None)
        case "prompt" | "negative":
            # Where a sampler has both, its links say which text is which.
            link = "positive" if role == "prompt" else "negative"
            linked = {
                str(node["inputs"][link][0])
                for node in workflow.values()
                if isinstance(node["inputs"].get(link), list) and node["inputs"][link]
            }
            of_sampler = [each for each in free if each.node in linked and isinstance(each.value, str)]
            by_link = next((each for name in PROMPT_INPUTS for each in of_sampler if each.name == name), None)
            return by_link or named(PROMPT_INPUTS if role == "prompt" else NEGATIVE_INPUTS, (str,))
        case "seed":
            return named(SEED_INPUTS, (int,))
        case "seconds":
            return named(SECONDS_INPUTS, (int, float))
        case _:
            return None


def _parameter(each: _Input, role: Role | None, described: Mapping[str, Any]) -> Parameter:
    """Return the parameter of an input, with what the server says of its type and limits."""
    kind, options = _input_type(each, described)
    is_file = role == "video"
    choices = () if is_file or kind != "choice" else tuple(map(str, _choices(each, described)))[:MAX_CHOICES]
    numeric = kind in ("integer", "number")
    low, high = (options.get("min"), options.get("max")) if numeric else (None, None)
    help_text = options.get("tooltip")
    return Parameter(
        name=role or _parameter_name(each),
        type="file" if is_file else "text" if kind == "choice" and not choices else kind,  # type: ignore[arg-type]
        help=(help_text if isinstance(help_text, str) and help_text else f"{each.name} of {each.title}").rstrip(".")
        + ".",
        default=None if is_file else _default(each.value, kind),
        minimum=float(low) if isinstance(low, int | float) and abs(low) < 2**53 else None,
        maximum=float(high) if isinstance(high, int | float) and abs(high) < 2**53 else None,
        choices=choices,
        required=is_file,
        role=role,
        wire=each.wire,
    )


def _audio_parameter(each: _Input) -> Parameter:
    """Return the parameter of a sound that the user may choose; without one the workflow's own stays."""
    titled = each.title.strip().lower() == f"{TITLE_PREFIX}audio"
    name = "audio" if titled else _parameter_name(each)
    return Parameter(name, "file", f"A sound file for {each.title}.", default="", wire=each.wire)


def _parameter_name(each: _Input) -> str:
    return re.sub(r"[^a-z0-9]+", "_", f"{each.title}_{each.name}".lower()).strip("_")


def _default(value: Any, kind: str) -> Any:
    return float(value) if kind == "number" else str(value) if kind in ("text", "choice") else value


def _declared(each: _Input, described: Mapping[str, Any]) -> list[Any]:
    """Return a class's declaration of an input: its type, then perhaps its options."""
    groups = described.get("input")
    for group in groups.values() if isinstance(groups, dict) else ():
        declared = group.get(each.name) if isinstance(group, dict) else None
        if isinstance(declared, list) and declared:
            return declared
    return []


def _input_type(each: _Input, described: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    declared = _declared(each, described)
    options = declared[1] if len(declared) > 1 and isinstance(declared[1], dict) else {}
    if declared and isinstance(declared[0], list):  # the older form of a choice is the list itself
        return "choice", options
    if declared and declared[0] in TYPES:
        return TYPES[declared[0]], options
    by_value = {bool: "boolean", int: "integer", float: "number"}
    return by_value.get(type(each.value), "text"), options


def _choices(each: _Input, described: Mapping[str, Any]) -> list[Any]:
    declared = _declared(each, described)
    if declared and isinstance(declared[0], list):
        listed = declared[0]
    else:
        listed = declared[1].get("options", []) if len(declared) > 1 and isinstance(declared[1], dict) else []
    # What the workflow was saved with is valid where it was saved, even if this server lacks that file.
    return listed if each.value in listed else [each.value, *listed]


def _describe_findings(
    workflow: Workflow, roles: Mapping[Role, _Input], node_types: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    for role in TITLED_INPUTS:
        if role in roles:
            yield f"{role}: {roles[role].name} of {roles[role].title} (node {roles[role].node})."
        else:
            yield f'{role}: not found. Name its node "{TITLE_PREFIX}{role}" in ComfyUI and export it again, if it has one.'
    if not node_types:
        yield "No ComfyUI server responded: types and limits of the inputs are guessed from their values."
        return
    for name in sorted({str(node["class_type"]) for node in workflow.values()} - node_types.keys()):
        yield f"The server lacks the node {name}. Install its node pack before you use the model."
