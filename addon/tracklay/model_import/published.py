"""What a provider publishes of a model, brought into one form: its inputs, what it gives, its words about itself.

Facts: apis.md, sections 1.4 (Replicate), 2.9 (fal), 3.6 (Scenario). Who asks the provider is `providers/schemas`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import NotThere
from ..models.model import Licence
from .json_schema import Document, inputs, media_of, number, read_input, table, tidy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .json_schema import Input

Gives = Literal["audio", "video", "list", "stems", "file", ""]

STEMS = frozenset({"bass", "chords", "melody", "percussion", "drums", "vocals", "other", "accompaniment"})
OUTPUTS: dict[Literal["audio", "video"], tuple[str, ...]] = {
    "audio": ("audio", "audio_file", "audios"),
    "video": ("video", "videos"),
}
"""Names in an output, in the order in which they are looked for (facts/apis.md, section 7.2)."""


@dataclass(frozen=True, slots=True)
class Published:
    """A model as its provider describes it.

    `says` is all its words, for guessing. `gives` is empty where no sound is among its outputs, `file` where it is a file of any kind;
    `sure` is whether the schema itself tells it. `notes` are sentences for the person.
    """

    provider: str
    endpoint: str
    title: str
    summary: str
    says: str
    inputs: tuple[Input, ...]
    gives: Gives
    sure: bool
    licence: Licence
    version: str = ""
    currency: str = "USD"
    notes: tuple[str, ...] = ()


def of_replicate(endpoint: str, told: Mapping[str, Any]) -> Published:
    """From `GET /models/{owner}/{name}`.

    Raises:
        NotThere: it has no version, or no schema.
    """
    latest = table(told.get("latest_version"))
    document = Document(latest.get("openapi_schema"))
    schemas = table(table(document.content.get("components")).get("schemas"))
    found, notes = inputs(document, schemas.get("Input"))
    if not found:
        raise _nothing("Replicate", endpoint)
    page = f"https://replicate.com/{endpoint}"
    address = tidy(told.get("license_url")) or page
    says = f"{endpoint} {tidy(told.get('description'))}"
    gives, sure = _given(document, schemas.get("Output"))
    return Published(
        "replicate",
        endpoint,
        f"{endpoint.partition('/')[2]} on Replicate",
        tidy(told.get("description")) or f"{endpoint} as Replicate runs it.",
        says,
        found,
        gives,
        sure,
        Licence("not stated" if address == page else "see its source", source=address),
        version=tidy(latest.get("id")),
        notes=notes,
    )


def of_fal(endpoint: str, told: Mapping[str, Any]) -> Published:
    """From one entry of `GET /v1/models?expand=openapi-3.0`.

    Raises:
        NotThere: it has no schema.
    """
    document, about = Document(told.get("openapi")), table(told.get("metadata"))
    asked, answered = _fal_schemas(endpoint, document)
    found, notes = inputs(document, asked)
    if not found:
        raise _nothing("fal", endpoint)
    gives, sure = _given(document, answered)
    kind = tidy(about.get("license_type"))
    page = f"https://fal.ai/models/{endpoint}"
    if about.get("status") == "deprecated":
        notes = (*notes, "fal marks it as deprecated.")
    return Published(
        "fal",
        endpoint,
        f"{tidy(about.get('display_name')) or endpoint} on fal",
        tidy(about.get("description")) or f"{endpoint} as fal runs it.",
        f"{endpoint} {tidy(about.get('display_name'))} {tidy(about.get('category'))} {tidy(about.get('description'))}",
        found,
        gives,
        sure,
        # What fal says of its service: the weights' own licence may say less.
        Licence(f"{kind} use, says fal" if kind else "not stated", source=page),
        notes=notes,
    )


def _fal_schemas(endpoint: str, document: Document) -> tuple[Any, Any]:
    """The schemas of what is posted to the endpoint, and of what its result holds."""
    paths = table(document.content.get("paths"))
    posts = {path: table(table(entry).get("post")) for path, entry in paths.items() if table(entry).get("post")}
    post = posts.get(f"/{endpoint}") or next(iter(posts.values()), {})
    results = [
        table(entry)["get"]
        for path, entry in paths.items()
        if path.endswith("/requests/{request_id}") and table(entry).get("get")
    ]
    answer = table(table(table(results[0]).get("responses")).get("200")) if results else {}
    return _json_of(post.get("requestBody")), _json_of(answer)


def _json_of(body: Any) -> Any:
    return table(table(table(body).get("content")).get("application/json")).get("schema")


def of_scenario(endpoint: str, told: Mapping[str, Any]) -> Published:
    """From `GET /models/{modelId}`.

    Raises:
        NotThere: it has no inputs.
    """
    model = table(told.get("model"))
    listed = model.get("inputs")
    made: dict[str, Input] = {}
    notes: list[str] = []
    for entry in listed if isinstance(listed, list) else ():
        one = _scenario_input(table(entry), notes)
        if one is not None:
            made.setdefault(one.parameter.name, one)
    if not made:
        raise _nothing("Scenario", endpoint)
    listed = model.get("capabilities")
    capabilities = [word for word in listed if isinstance(word, str)] if isinstance(listed, list) else []
    makes = {word.rpartition("2")[2] for word in capabilities}
    gives: Gives = "audio" if "audio" in makes else "video" if "video" in makes else ""
    name, summary = tidy(model.get("name")) or endpoint, tidy(model.get("shortDescription"))
    return Published(
        "scenario",
        endpoint,
        f"{name} on Scenario",
        summary or f"{name} as Scenario runs it.",
        f"{endpoint} {name} {' '.join(capabilities)} {summary}",
        tuple(made.values()),
        gives,
        gives == "audio",
        Licence("not stated", source=f"https://app.scenario.com/models/{endpoint}"),
        currency="CU",
        notes=tuple(notes),
    )


def _scenario_input(entry: dict[str, Any], notes: list[str]) -> Input | None:
    """One of Scenario's inputs. Its `number` is any, its `file` an asset; a step of whole numbers makes whole numbers of it."""
    name, kind = tidy(entry.get("name")), entry.get("type")
    bounds = [number(entry[word]) for word in ("min", "max", "default", "step") if entry.get(word) is not None]
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
    one, said = read_input(name, schema, required=required is True or table(required).get("always") is True)
    conditions = [word for word in ("ifDefined", "ifNotDefined", "conditional") if table(required).get(word)]
    if one is None:
        notes.append(f"An input {name!r} is left out: it has no name that can be sent.")
    elif conditions:
        said = [*said, f"{one.parameter.name} is required in some cases; Scenario says in which when it is missing."]
    notes += said
    return one


def _nothing(provider: str, endpoint: str) -> NotThere:
    return NotThere(
        f"{provider} publishes no inputs of {endpoint}, so there is nothing to make its file from; "
        "write it by hand as README says under 'Add a model', or name another model"
    )


def _given(document: Document, node: object) -> tuple[Gives, bool]:
    """What an output holds, and whether its schema says so itself."""
    output = document.resolved(node)
    properties = {name: document.resolved(inner) for name, inner in table(output.get("properties")).items()}
    if len(STEMS & properties.keys()) > 1:
        return "stems", True
    for wanted, usual in OUTPUTS.items():
        named = [name for name in usual if name in properties]
        named += [
            name for name in properties if media_of(name.lower()) == wanted and properties[name].get("type") != "string"
        ]
        if named:
            return "list" if properties[named[0]].get("type") == "array" else wanted, True
    if output.get("type") == "array" and _is_file(document.resolved(output.get("items"))):
        return "list", False
    if _is_file(output):
        said = media_of(f"{output.get('title')} {output.get('description')}".lower())
        return ("audio", True) if said == "audio" else ("video", True) if said == "video" else ("file", False)
    return ("file", False) if any(_is_file(inner) for inner in properties.values()) else ("", True)


def _is_file(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "string" and schema.get("format") in ("uri", "url")
