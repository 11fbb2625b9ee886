"""Reads JSON schema, as the providers publish it, into parameters of the catalogue.

What a parameter is for is not in a schema: see `guess`.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InvalidInput
from ..models.model import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..models.model import ParameterType

MediaKind = Literal["video", "image", "audio", ""]

MAX_UNION_DEPTH = 16
"""Unions inside one another that are looked into."""

MAX_HELP_CHARACTERS = 240
"""Characters of a published description that are kept."""

_URL_NAME = re.compile(r"(^|_)(url|uri)$")
_MEDIA_PATTERNS: tuple[tuple[MediaKind, re.Pattern[str]], ...] = (
    ("video", re.compile(r"video|movie|clip")),
    ("audio", re.compile(r"audio|sound|music|song|melody|voice|wav|mp3")),
    ("image", re.compile(r"image|picture|photo|still")),
)
_FILE_FORMATS = frozenset({"uri", "uri-reference", "url", "binary", "data-url"})


@dataclass(frozen=True, slots=True)
class PublishedInput:
    """One published input: its parameter, without a role yet, and what a file holds where that can be told."""

    parameter: Parameter
    media: MediaKind = ""

    @property
    def snake_case_name(self) -> str:
        """Its name at the provider as words with `_` between: `negativePrompt` is `negative_prompt`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\W", "_", self.parameter.wire_name).lower()


def clean_text(text: object, max_characters: int = MAX_HELP_CHARACTERS) -> str:
    """Somebody else's text as one line of characters that can be shown; empty where it is no text."""
    if not isinstance(text, str):
        return ""
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "" for c in text).split())
    return line if len(line) <= max_characters else line[: max_characters - 1].rstrip() + "…"


def json_object(node: object) -> dict[str, Any]:
    """The object that it is; empty where it is anything else."""
    return node if isinstance(node, dict) else {}


class SchemaDocument:
    """A published document, whose schemas refer to each other."""

    def __init__(self, content: object) -> None:
        self.content = json_object(content)
        self._resolved: dict[str, dict[str, Any]] = {}

    def resolve(self, node: object, depth: int = 0) -> dict[str, Any]:
        """A schema with its references followed, `allOf` joined, and `null` taken out of its unions; what it says itself comes first."""
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
        """What a reference stands for; each is followed once, also where they go round in circles."""
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
    """What a value of any of several schemas is known to be: of one type, or of none that could be checked."""
    kinds = {option.get("type", "") for option in options if isinstance(option.get("type"), str)}
    if kinds == {"string"}:
        return {"type": "string"}
    return {"type": "number"} if kinds and kinds <= {"integer", "number"} else {}


def parse_inputs(document: SchemaDocument, node: object) -> tuple[tuple[PublishedInput, ...], tuple[str, ...]]:
    """Every input of an object's schema in its published order, and sentences about what could not be taken over."""
    schema = document.resolve(node)
    properties = json_object(schema.get("properties"))
    required = {name for name in _as_list(schema.get("required")) if isinstance(name, str)}
    made: dict[str, PublishedInput] = {}
    notes: list[str] = []
    for name in _ordered_names(schema, properties):
        one, said = parse_input(name, document.resolve(properties[name]), required=name in required)
        if one is None or one.parameter.name in made:
            notes.append(f"An input {clean_text(name)!r} is left out: it has no name that can be sent.")
            continue
        made[one.parameter.name] = one
        notes += said
    return tuple(made.values()), tuple(notes)


def _ordered_names(schema: Mapping[str, Any], properties: Mapping[str, Any]) -> list[str]:
    """Names in the order that fal or Replicate gives them, else as they stand."""
    listed = [name for name in _as_list(schema.get("x-fal-order-properties")) if isinstance(name, str)]
    places = {name: place for place, name in enumerate(listed)}

    def sort_position(name: str) -> float:
        own = json_object(properties[name]).get("x-order")
        return places.get(name, own if isinstance(own, int) else math.inf)

    return sorted(properties, key=sort_position)


def parse_input(name: str, schema: Mapping[str, Any], *, required: bool) -> tuple[PublishedInput | None, list[str]]:
    """One input and sentences about what of it could not be taken over; None where its name cannot be sent.

    Args:
        name: at the provider.
        schema: resolved. `media` in it says what a file holds.
        required: whether the provider insists on it.
    """
    # A name with dots would be read as a place inside tables.
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
        taken = json.dumps(default, ensure_ascii=False) if kind == "json" else default
        try:
            parameter = replace(parameter, default=parameter.validate(taken))
            clean_text(str(taken)).encode()
        except (InvalidInput, ValueError, OverflowError):
            notes.append(
                f"{own} is left to the model where it is not set: its published default is not within its own limits."
            )
    if required and parameter.default is not None:
        parameter = replace(parameter, required=False)
    return PublishedInput(parameter, media), notes


def _infer_type(name: str, schema: Mapping[str, Any]) -> tuple[ParameterType, MediaKind]:
    """The type, and of a file what it holds."""
    told = schema.get("type")
    values = [value for value in _allowed_values(schema) if value is not None]
    if values:
        if _allowed_texts(schema) and all(isinstance(value, str) for value in values):
            return "choice", ""
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            return ("integer" if all(isinstance(value, int) for value in values) else "number"), ""
    match told:
        case "string":
            words = PublishedInput(Parameter(name, "text", "")).snake_case_name
            if schema.get("format") in _FILE_FORMATS or _URL_NAME.search(words):
                return "file", _infer_media(words, schema)
            return "text", ""
        case "integer" | "number" | "boolean":
            kinds: dict[str, ParameterType] = {"integer": "integer", "number": "number", "boolean": "boolean"}
            return kinds[told], ""
        case _:
            return "json", ""


def _infer_media(words: str, schema: Mapping[str, Any]) -> MediaKind:
    told = schema.get("media")
    if told is not None:
        return next((media for media, _ in _MEDIA_PATTERNS if told == media), "")
    return media_in_text(words) or media_in_text(f"{schema.get('title')} {schema.get('description')}".lower())


def media_in_text(text: str) -> MediaKind:
    """What words in small letters say that a file holds; empty where they don't say."""
    return next((media for media, pattern in _MEDIA_PATTERNS if pattern.search(text)), "")


def _allowed_values(schema: Mapping[str, Any]) -> list[Any]:
    return _as_list(schema.get("enum")) or ([schema["const"]] if "const" in schema else [])


def _allowed_texts(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts that are allowed. An empty one is left out: not to set it says the same."""
    return tuple(
        dict.fromkeys(
            value for value in _allowed_values(schema) if isinstance(value, str) and value.isprintable() and value
        )
    )


def _help_text(name: str, schema: Mapping[str, Any]) -> str:
    said = (
        clean_text(schema.get("description"))
        or clean_text(schema.get("title"))
        or clean_text(name.replace("_", " ")).capitalize()
    )
    said += "" if said.endswith((".", "!", "?", "…")) else "."
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
    return " ".join([said, *more])


def _with_limits(parameter: Parameter, schema: Mapping[str, Any]) -> Parameter:
    """With the limits of a number. The catalogue knows none that is not allowed itself: of a whole number the next one stands for it."""
    numbers = [value for value in _allowed_values(schema) if isinstance(value, int | float)]
    low = _safe_limit(min(numbers, default=None) if numbers else schema.get("minimum"), is_upper=False)
    high = _safe_limit(max(numbers, default=None) if numbers else schema.get("maximum"), is_upper=True)
    whole = parameter.type == "integer"
    above, below = (
        _safe_limit(schema.get("exclusiveMinimum"), is_upper=False),
        _safe_limit(schema.get("exclusiveMaximum"), is_upper=True),
    )
    # OpenAPI 3.0 says `exclusiveMinimum: true` beside the limit, JSON schema names the limit itself.
    if schema.get("exclusiveMinimum") is True and whole and low is not None:
        low = math.floor(low) + 1.0
    if schema.get("exclusiveMaximum") is True and whole and high is not None:
        high = math.ceil(high) - 1.0
    if above is not None:
        low = max(math.floor(above) + 1.0 if whole else above, -math.inf if low is None else low)
    if below is not None:
        high = min(math.ceil(below) - 1.0 if whole else below, math.inf if high is None else high)
    if low is not None and high is not None and low > high:
        low = high = None
    step = finite_number(schema.get("multipleOf"))
    return replace(parameter, minimum=low, maximum=high, step=step if step and step > 0 else None)


def finite_number(value: Any) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        made = float(value)
    except OverflowError:
        return None
    return made if math.isfinite(made) else None


def _safe_limit(value: Any, *, is_upper: bool) -> float | None:
    """A limit as the nearest number that does not go beyond it: 2**64 - 1 is not 2**64."""
    made = finite_number(value)
    if made is None or made == value:
        return made
    beyond = made > value if is_upper else made < value
    return math.nextafter(made, -math.inf if is_upper else math.inf) if beyond else made
