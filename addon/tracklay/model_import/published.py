"""One form for what Replicate, fal and Scenario publish of a model: its inputs, its output, its description.

Sources: docs/api-notes/replicate.md, fal.md and scenario.md. `fetch` makes the requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import NotFound
from ..models.model import Licence
from .json_schema import (
    SchemaDocument,
    clean_text,
    finite_number,
    json_object,
    media_in_text,
    parse_input,
    parse_inputs,
)

if TYPE_CHECKING:
    from .json_schema import PublishedInput

OutputKind = Literal["audio", "video", "list", "stems", "file", ""]

STEM_NAMES = frozenset({"bass", "chords", "melody", "percussion", "drums", "vocals", "other", "accompaniment"})
OUTPUT_FIELD_NAMES: dict[Literal["audio", "video"], tuple[str, ...]] = {
    "audio": ("audio", "audio_file", "audios"),
    "video": ("video", "videos"),
}
"""Names of a file in an output, in the order in which the providers' modules look for them."""


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A model as its provider describes it.

    Attributes:
        text: all of its description, for inference.
        inputs: its inputs, in the published order.
        output: `file` for a file of unknown kind, empty if none of its outputs is a file.
        is_output_declared: whether the schema itself declares the kind of output.
        notes: sentences for the user.
    """

    provider: str
    endpoint: str
    title: str
    summary: str
    text: str
    inputs: tuple[PublishedInput, ...]
    output: OutputKind
    is_output_declared: bool
    licence: Licence
    version: str = ""
    currency: str = "USD"
    notes: tuple[str, ...] = ()


def parse_replicate_model(endpoint: str, response: Mapping[str, Any]) -> PublishedModel:
    """Parse the response of `GET /models/{owner}/{name}`.

    Raises:
        NotFound: the model has no version, or no schema.
    """
    latest = json_object(response.get("latest_version"))
    document = SchemaDocument(latest.get("openapi_schema"))
    schemas = json_object(json_object(document.content.get("components")).get("schemas"))
    found, notes = parse_inputs(document, schemas.get("Input"))
    if not found:
        raise _no_inputs_error("Replicate", endpoint)
    page = f"https://replicate.com/{endpoint}"
    address = clean_text(response.get("license_url")) or page
    text = f"{endpoint} {clean_text(response.get('description'))}"
    gives, sure = _detect_output(document, schemas.get("Output"))
    return PublishedModel(
        "replicate",
        endpoint,
        f"{endpoint.partition('/')[2]} on Replicate",
        clean_text(response.get("description")) or f"{endpoint} as Replicate runs it.",
        text,
        found,
        gives,
        sure,
        Licence("not stated" if address == page else "see its source", source=address),
        version=clean_text(latest.get("id")),
        notes=notes,
    )


def parse_fal_model(endpoint: str, entry: Mapping[str, Any]) -> PublishedModel:
    """Parse one entry of `GET /v1/models?expand=openapi-3.0`.

    Raises:
        NotFound: the model has no schema.
    """
    document, about = SchemaDocument(entry.get("openapi")), json_object(entry.get("metadata"))
    request_schema, response_schema = _fal_io_schemas(endpoint, document)
    found, notes = parse_inputs(document, request_schema)
    if not found:
        raise _no_inputs_error("fal", endpoint)
    gives, sure = _detect_output(document, response_schema)
    kind = clean_text(about.get("license_type"))
    page = f"https://fal.ai/models/{endpoint}"
    if about.get("status") == "deprecated":
        notes = (*notes, "fal marks it as deprecated.")
    return PublishedModel(
        "fal",
        endpoint,
        f"{clean_text(about.get('display_name')) or endpoint} on fal",
        clean_text(about.get("description")) or f"{endpoint} as fal runs it.",
        " ".join([endpoint, *(clean_text(about.get(name)) for name in ("display_name", "category", "description"))]),
        found,
        gives,
        sure,
        # The licence of fal's service: the weights' own licence may allow less.
        Licence(f"{kind} use, according to fal" if kind else "not stated", source=page),
        notes=notes,
    )


def _fal_io_schemas(endpoint: str, document: SchemaDocument) -> tuple[Any, Any]:
    """Return the schemas of the request and of the result."""
    paths = json_object(document.content.get("paths"))
    posts = {
        path: json_object(json_object(entry).get("post"))
        for path, entry in paths.items()
        if json_object(entry).get("post")
    }
    post = posts.get(f"/{endpoint}") or next(iter(posts.values()), {})
    results = [
        json_object(entry)["get"]
        for path, entry in paths.items()
        if path.endswith("/requests/{request_id}") and json_object(entry).get("get")
    ]
    response = json_object(json_object(json_object(results[0]).get("responses")).get("200")) if results else {}
    return _json_body_schema(post.get("requestBody")), _json_body_schema(response)


def _json_body_schema(body: Any) -> Any:
    return json_object(json_object(json_object(body).get("content")).get("application/json")).get("schema")


def parse_scenario_model(endpoint: str, response: Mapping[str, Any]) -> PublishedModel:
    """Parse the response of `GET /models/{modelId}`.

    Raises:
        NotFound: the model has no inputs.
    """
    model = json_object(response.get("model"))
    listed = model.get("inputs")
    inputs: dict[str, PublishedInput] = {}
    notes: list[str] = []
    for entry in listed if isinstance(listed, list) else ():
        one = _parse_scenario_input(json_object(entry), notes)
        if one is not None:
            inputs.setdefault(one.parameter.name, one)
    if not inputs:
        raise _no_inputs_error("Scenario", endpoint)
    listed = model.get("capabilities")
    capabilities = [word for word in listed if isinstance(word, str)] if isinstance(listed, list) else []
    # A capability names input and output: `txt2audio`, `video2video`.
    outputs = {word.rpartition("2")[2] for word in capabilities}
    gives: OutputKind = "audio" if "audio" in outputs else "video" if "video" in outputs else ""
    name, summary = clean_text(model.get("name")) or endpoint, clean_text(model.get("shortDescription"))
    return PublishedModel(
        "scenario",
        endpoint,
        f"{name} on Scenario",
        summary or f"{name} as Scenario runs it.",
        f"{endpoint} {name} {' '.join(capabilities)} {summary}",
        tuple(inputs.values()),
        gives,
        gives == "audio",
        Licence("not stated", source=f"https://app.scenario.com/models/{endpoint}"),
        currency="CU",
        notes=tuple(notes),
    )


def _parse_scenario_input(entry: dict[str, Any], notes: list[str]) -> PublishedInput | None:
    """Return one of Scenario's inputs; None if its name cannot be sent. `notes` receives sentences for the user.

    Scenario has its own types instead of JSON schema: `number` is an integer if its step, limits and default are, and `file` is an asset.
    """
    name, kind = clean_text(entry.get("name")), entry.get("type")
    bounds = [finite_number(entry[word]) for word in ("min", "max", "default", "step") if entry.get(word) is not None]
    whole = bool(entry.get("step")) and all(value is not None and value.is_integer() for value in bounds)
    types = dict.fromkeys(("string", "model", "file"), "string")
    types |= {"boolean": "boolean", "number": "integer" if whole else "number"}
    schema: dict[str, Any] = {
        "type": types.get(str(kind), "array"),
        "title": entry.get("label"),
        "description": entry.get("description") or entry.get("hint"),
        "default": entry.get("default"),
    }
    if kind == "number":
        schema |= {"minimum": entry.get("min"), "maximum": entry.get("max"), "multipleOf": entry.get("step")}
    elif kind == "string":
        schema |= {"minLength": entry.get("minLength"), "maxLength": entry.get("maxLength")}
    elif kind == "file":
        schema |= {"format": "uri", "media": entry.get("kind") or "image"}
        schema |= {"minSeconds": entry.get("minDuration"), "maxSeconds": entry.get("maxDuration")}
    if kind in ("string", "number") and isinstance(entry.get("allowedValues"), list) and entry["allowedValues"]:
        schema["enum"] = entry["allowedValues"]
    required = entry.get("required")
    one, input_notes = parse_input(
        name, schema, required=required is True or json_object(required).get("always") is True
    )
    conditions = [word for word in ("ifDefined", "ifNotDefined", "conditional") if json_object(required).get(word)]
    if one is None:
        notes.append(f"The input {name!r} is left out: its name cannot be sent.")
    elif conditions:
        input_notes = [
            *input_notes,
            f"{one.parameter.name} is required in some cases; Scenario's error message lists them.",
        ]
    notes += input_notes
    return one


def _no_inputs_error(provider: str, endpoint: str) -> NotFound:
    return NotFound(
        "model_import.no_inputs", "{provider} publishes no inputs of {endpoint}.", provider=provider, endpoint=endpoint
    )


def _detect_output(document: SchemaDocument, node: object) -> tuple[OutputKind, bool]:
    """Return the kind of output, and whether the schema declares it."""
    output = document.resolve(node)
    properties = {name: document.resolve(inner) for name, inner in json_object(output.get("properties")).items()}
    # One such name alone may be anything: `other`, `melody`.
    if len(STEM_NAMES & properties.keys()) > 1:
        return "stems", True
    for kind, usual_names in OUTPUT_FIELD_NAMES.items():
        named = [name for name in usual_names if name in properties]
        named += [
            name
            for name in properties
            if media_in_text(name.lower()) == kind and properties[name].get("type") != "string"
        ]
        if named:
            return "list" if properties[named[0]].get("type") == "array" else kind, True
    if output.get("type") == "array" and _is_file_url(document.resolve(output.get("items"))):
        return "list", False
    if _is_file_url(output):
        media = media_in_text(f"{output.get('title')} {output.get('description')}".lower())
        return ("audio", True) if media == "audio" else ("video", True) if media == "video" else ("file", False)
    return ("file", False) if any(_is_file_url(inner) for inner in properties.values()) else ("", True)


def _is_file_url(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "string" and schema.get("format") in ("uri", "url")
