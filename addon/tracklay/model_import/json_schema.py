"""Converts JSON schema, as the providers publish it, into parameters of the catalogue.

A schema does not say which value Tracklay fills in: see `infer`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..errors import InvalidInput
from ..models.model import Parameter, ParameterType
from ..untrusted_data import REPLACEMENT

MediaKind = Literal["video", "image", "audio", ""]

MAX_UNION_DEPTH = 16
"""Levels of nested schemas and unions that are resolved: a hostile document could nest without end."""

MAX_HELP_CHARACTERS = 240
"""Longest help text that is kept of a published description, in characters."""

_URL_NAME = re.compile(r"(^|_)(url|uri)$")
_MEDIA_PATTERNS: tuple[tuple[MediaKind, re.Pattern[str]], ...] = (
    ("video", re.compile(r"video|movie|clip")),
    ("audio", re.compile(r"audio|sound|music|song|melody|voice|wav|mp3")),
    ("image", re.compile(r"image|picture|photo|still")),
)
_FILE_FORMATS = frozenset({"uri", "uri-reference", "url", "binary", "data-url"})


@dataclass(frozen=True, slots=True)
class PublishedInput:
    """One published input: its parameter, without a role yet, and for a file its media kind if that is known."""

    parameter: Parameter
    media: MediaKind = ""

    @property
    def snake_case_name(self) -> str:
        """Its name at the provider in snake case: `negativePrompt` is `negative_prompt`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\W", "_", self.parameter.wire_name).lower()


def clean_text(text: object, max_characters: int = MAX_HELP_CHARACTERS) -> str:
    """Return a foreign text as one printable line; empty if it is not a text."""
    if not isinstance(text, str):
        return ""
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "" for c in text).split())
    return line if len(line) <= max_characters else line[: max_characters - 1].rstrip() + "…"


def json_object(node: object) -> dict[str, Any]:
    """Return a JSON object as it is, and an empty one for any other value."""
    return node if isinstance(node, dict) else {}


class SchemaDocument:
    """A published document whose schemas refer to each other."""

    def __init__(self, content: object) -> None:
        self.content = json_object(content)
        self._resolved: dict[str, dict[str, Any]] = {}

    def resolve(self, node: object, depth: int = 0) -> dict[str, Any]:
        """Return a schema with references resolved, `allOf` merged and `null` removed from unions. Its own keys override merged ones."""
        node = dict(json_object(node))
        if depth > MAX_UNION_DEPTH:
            return {}
        reference = node.pop("$ref", None)
        parts = [self._resolve_reference(reference, depth)] if isinstance(reference, str) else []
        parts += [self.resolve(part, depth + 1) for part in _as_list(node.pop("allOf", None))]
        for union in ("anyOf", "oneOf"):
            options = [self.resolve(option, depth + 1) for option in _as_list(node.pop(union, None))]
            options = [option for option in options if option.get("type") != "null"]
            parts += options if len(options) < 2 else [_merge_options(options)]
        for part in parts:
            node = {**part, **node}
        if isinstance(node.get("type"), list):
            kinds = [kind for kind in node["type"] if kind != "null"]
            node["type"] = kinds[0] if len(kinds) == 1 else ""
        return node

    def _resolve_reference(self, reference: str, depth: int) -> dict[str, Any]:
        """Return the schema that a reference points to. Each is resolved once, which also ends circular references."""
        if reference not in self._resolved:
            self._resolved[reference] = {}
            found: Any = self.content
            for word in reference.removeprefix("#/").split("/"):
                found = json_object(found).get(word.replace("~1", "/").replace("~0", "~"))
            self._resolved[reference] = self.resolve(found, depth + 1)
        return self._resolved[reference]


def _as_list(node: object) -> list[Any]:
    return node if isinstance(node, list) else []


def _merge_options(options: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the schema that several alternatives have in common: one type, or nothing that can be checked."""
    kinds = {option.get("type", "") for option in options if isinstance(option.get("type"), str)}
    if kinds == {"string"}:
        return {"type": "string"}
    return {"type": "number"} if kinds and kinds <= {"integer", "number"} else {}


def parse_inputs(document: SchemaDocument, node: object) -> tuple[tuple[PublishedInput, ...], tuple[str, ...]]:
    """Return all inputs of an object's schema in the published order, and sentences about what was left out."""
    schema = document.resolve(node)
    properties = json_object(schema.get("properties"))
    required = {name for name in _as_list(schema.get("required")) if isinstance(name, str)}
    inputs: dict[str, PublishedInput] = {}
    notes: list[str] = []
    for name in _ordered_names(schema, properties):
        one, input_notes = parse_input(name, document.resolve(properties[name]), required=name in required)
        if one is None or one.parameter.name in inputs:
            notes.append(f"The input {clean_text(name)!r} is left out: its name cannot be sent.")
            continue
        inputs[one.parameter.name] = one
        notes += input_notes
    return tuple(inputs.values()), tuple(notes)


def _ordered_names(schema: Mapping[str, Any], properties: Mapping[str, Any]) -> list[str]:
    """Return the names in the order that fal or Replicate declares, else in the schema's order."""
    listed = [name for name in _as_list(schema.get("x-fal-order-properties")) if isinstance(name, str)]
    places = {name: place for place, name in enumerate(listed)}

    def sort_position(name: str) -> float:
        own = json_object(properties[name]).get("x-order")
        return places.get(name, own if isinstance(own, int) else math.inf)

    return sorted(properties, key=sort_position)


def parse_input(name: str, schema: Mapping[str, Any], *, required: bool) -> tuple[PublishedInput | None, list[str]]:
    """Return one input, or None if its name cannot be sent, and sentences about what of it was left out.

    Args:
        name: its name at the provider.
        schema: its resolved schema. The key `media`, which `published` adds, is a file's media kind.
        required: whether the provider requires it.
    """
    # Dots in a wire name separate the keys of nested objects.
    if not name.isascii() or not name.strip() or not name.isprintable() or "." in name:
        return None, []
    own = re.sub(r"\W", "_", name)
    own = own if own[0].isalpha() else f"x{own}"
    kind, media = _infer_type(name, schema)
    parameter = Parameter(
        own,
        kind,
        _help_text(name, schema),
        choices=_allowed_texts(schema) if kind == "choice" else (),
        required=required,
        wire=name if own != name else "",
    )
    notes: list[str] = []
    if kind in ("integer", "number"):
        parameter = _with_limits(parameter, schema)
    elif kind == "text":
        low, high = (
            _safe_limit(schema.get("minLength"), is_upper=False),
            _safe_limit(schema.get("maxLength"), is_upper=True),
        )
        parameter = replace(parameter, minimum=low or None, maximum=high)
    if kind == "file":
        parameter = replace(
            parameter,
            minimum=_safe_limit(schema.get("minSeconds"), is_upper=False),
            maximum=_safe_limit(schema.get("maxSeconds"), is_upper=True),
        )
    default = schema.get("default")
    if default is not None and kind != "file":
        value = json.dumps(default, ensure_ascii=False) if kind == "json" else default
        validated = _validated_default(parameter, value)
        if validated is None:
            notes.append(
                f"{own} has no default here: the published one is outside its own limits. Unless set, it is not sent."
            )
        parameter = replace(parameter, default=validated)
    if required and parameter.default is not None:
        parameter = replace(parameter, required=False)
    return PublishedInput(parameter, media), notes


def _validated_default(parameter: Parameter, value: Any) -> Any:
    """Return a default that the parameter accepts; None if it does not, or if it was no valid text and was replaced."""
    try:
        return None if REPLACEMENT in str(value) else parameter.validate(value)
    except (InvalidInput, ValueError, OverflowError):
        return None


def _infer_type(name: str, schema: Mapping[str, Any]) -> tuple[ParameterType, MediaKind]:
    """Return the type, and the media kind of a file."""
    schema_type = schema.get("type")
    values = [value for value in _allowed_values(schema) if value is not None]
    if values:
        if _allowed_texts(schema) and all(isinstance(value, str) for value in values):
            return "choice", ""
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            return ("integer" if all(isinstance(value, int) for value in values) else "number"), ""
    match schema_type:
        case "string":
            snake_case_name = PublishedInput(Parameter(name, "text", "")).snake_case_name
            if schema.get("format") in _FILE_FORMATS or _URL_NAME.search(snake_case_name):
                return "file", _infer_media(snake_case_name, schema)
            return "text", ""
        case "integer" | "number" | "boolean":
            kinds: dict[str, ParameterType] = {"integer": "integer", "number": "number", "boolean": "boolean"}
            return kinds[schema_type], ""
        case _:
            return "json", ""


def _infer_media(name: str, schema: Mapping[str, Any]) -> MediaKind:
    declared = schema.get("media")
    if declared is not None:
        return next((media for media, _ in _MEDIA_PATTERNS if declared == media), "")
    return media_in_text(name) or media_in_text(f"{schema.get('title')} {schema.get('description')}".lower())


def media_in_text(text: str) -> MediaKind:
    """Return the media kind that a lower-case text names; empty if it names none."""
    return next((media for media, pattern in _MEDIA_PATTERNS if pattern.search(text)), "")


def _allowed_values(schema: Mapping[str, Any]) -> list[Any]:
    return _as_list(schema.get("enum")) or ([schema["const"]] if "const" in schema else [])


def _allowed_texts(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the allowed texts. An empty one is left out: it means the same as no value."""
    return tuple(
        dict.fromkeys(
            value
            for value in _allowed_values(schema)
            # A value with half of a surrogate pair has been replaced: the published one cannot be sent.
            if isinstance(value, str) and value.isprintable() and value and REPLACEMENT not in value
        )
    )


def _help_text(name: str, schema: Mapping[str, Any]) -> str:
    sentence = (
        clean_text(schema.get("description"))
        or clean_text(schema.get("title"))
        or clean_text(name.replace("_", " ")).capitalize()
    )
    sentence += "" if sentence.endswith((".", "!", "?", "…")) else "."
    numbers = [
        f"{value:g}"
        for value in _allowed_values(schema)
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    beyond = [
        f"{word} {schema[bound]:g}"
        for bound, word in (("exclusiveMinimum", "above"), ("exclusiveMaximum", "below"))
        if finite_number(schema.get(bound)) is not None
    ]
    more = [f"One of {', '.join(numbers)}."] if numbers else []
    more += [f"It must be {' and '.join(beyond)}."] if beyond else []
    return " ".join([sentence, *more])


def _with_limits(parameter: Parameter, schema: Mapping[str, Any]) -> Parameter:
    """Return the parameter with a number's limits. They are inclusive: an exclusive one of an integer becomes the next integer."""
    numbers = [value for value in _allowed_values(schema) if isinstance(value, int | float)]
    low = _safe_limit(min(numbers, default=None) if numbers else schema.get("minimum"), is_upper=False)
    high = _safe_limit(max(numbers, default=None) if numbers else schema.get("maximum"), is_upper=True)
    whole = parameter.type == "integer"
    above, below = (
        _safe_limit(schema.get("exclusiveMinimum"), is_upper=False),
        _safe_limit(schema.get("exclusiveMaximum"), is_upper=True),
    )
    # OpenAPI 3.0 has `exclusiveMinimum: true` beside `minimum`; newer JSON schema has the limit itself in `exclusiveMinimum`.
    if schema.get("exclusiveMinimum") is True and whole and low is not None:
        low = math.floor(low) + 1.0
    if schema.get("exclusiveMaximum") is True and whole and high is not None:
        high = math.ceil(high) - 1.0
    if above is not None:
        low = max(math.floor(above) + 1.0 if whole else above, -math.inf if low is None else low)
    if below is not None:
        high = min(math.ceil(below) - 1.0 if whole else below, math.inf if high is None else high)
    # A contradiction would reject every value: the provider checks instead.
    if low is not None and high is not None and low > high:
        low = high = None
    step = finite_number(schema.get("multipleOf"))
    return replace(parameter, minimum=low, maximum=high, step=step if step and step > 0 else None)


def finite_number(value: Any) -> float | None:
    """Return a finite number as a float; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _safe_limit(value: Any, *, is_upper: bool) -> float | None:
    """Return the nearest float that does not exceed the limit: 2**64 - 1 rounds to 2**64, which is not allowed."""
    number = finite_number(value)
    if number is None or number == value:
        return number
    beyond = number > value if is_upper else number < value
    return math.nextafter(number, -math.inf if is_upper else math.inf) if beyond else number
