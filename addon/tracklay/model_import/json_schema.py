"""Reads JSON schema, as the providers publish it, into parameters of the catalogue.

What a parameter is for is not in a schema: see `guess`.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BadInput
from ..models.model import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..models.model import Kind

Media = Literal["video", "image", "audio", ""]

DEEPEST = 16
"""Unions inside one another that are looked into."""

LONGEST_HELP = 240
"""Characters of a published description that are kept."""

_ADDRESS = re.compile(r"(^|_)(url|uri)$")
_MEDIA: tuple[tuple[Media, re.Pattern[str]], ...] = (
    ("video", re.compile(r"video|movie|clip")),
    ("audio", re.compile(r"audio|sound|music|song|melody|voice|wav|mp3")),
    ("image", re.compile(r"image|picture|photo|still")),
)
_FILE_FORMATS = frozenset({"uri", "uri-reference", "url", "binary", "data-url"})


@dataclass(frozen=True, slots=True)
class Input:
    """One published input: its parameter, without a role yet, and what a file holds where that can be told."""

    parameter: Parameter
    media: Media = ""

    @property
    def words(self) -> str:
        """Its name at the provider as words with `_` between: `negativePrompt` is `negative_prompt`."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\W", "_", self.parameter.wire_name).lower()


def tidy(text: object, longest: int = LONGEST_HELP) -> str:
    """Somebody else's text as one line of characters that can be shown; empty where it is no text."""
    if not isinstance(text, str):
        return ""
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "" for c in text).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def table(node: object) -> dict[str, Any]:
    """The object that it is; empty where it is anything else."""
    return node if isinstance(node, dict) else {}


class Document:
    """A published document, whose schemas refer to each other."""

    def __init__(self, content: object) -> None:
        self.content = table(content)
        self._known: dict[str, dict[str, Any]] = {}

    def resolved(self, node: object, deep: int = 0) -> dict[str, Any]:
        """A schema with its references followed, `allOf` joined, and `null` taken out of its unions; what it says itself comes first."""
        node = dict(table(node))
        if deep > DEEPEST:
            return {}
        reference = node.pop("$ref", None)
        parts = [self._referred(reference, deep)] if isinstance(reference, str) else []
        parts += [self.resolved(part, deep + 1) for part in _listed(node.pop("allOf", None))]
        for union in ("anyOf", "oneOf"):
            options = [self.resolved(option, deep + 1) for option in _listed(node.pop(union, None))]
            options = [option for option in options if option.get("type") != "null"]
            parts += options if len(options) < 2 else [_either(options)]
        for part in parts:
            node = {**part, **node}
        if isinstance(node.get("type"), list):
            kinds = [kind for kind in node["type"] if kind != "null"]
            node["type"] = kinds[0] if len(kinds) == 1 else ""
        return node

    def _referred(self, reference: str, deep: int) -> dict[str, Any]:
        """What a reference stands for; each is followed once, also where they go round in circles."""
        if reference not in self._known:
            self._known[reference] = {}
            found: Any = self.content
            for word in reference.removeprefix("#/").split("/"):
                found = table(found).get(word.replace("~1", "/").replace("~0", "~"))
            self._known[reference] = self.resolved(found, deep + 1)
        return self._known[reference]


def _listed(node: object) -> list[Any]:
    return node if isinstance(node, list) else []


def _either(options: list[dict[str, Any]]) -> dict[str, Any]:
    """What a value of any of several schemas is known to be: of one type, or of none that could be checked."""
    kinds = {option.get("type", "") for option in options if isinstance(option.get("type"), str)}
    if kinds == {"string"}:
        return {"type": "string"}
    return {"type": "number"} if kinds and kinds <= {"integer", "number"} else {}


def inputs(document: Document, node: object) -> tuple[tuple[Input, ...], tuple[str, ...]]:
    """Every input of an object's schema in its published order, and sentences about what could not be taken over."""
    schema = document.resolved(node)
    properties = table(schema.get("properties"))
    required = {name for name in _listed(schema.get("required")) if isinstance(name, str)}
    made: dict[str, Input] = {}
    notes: list[str] = []
    for name in _ordered(schema, properties):
        one, said = read_input(name, document.resolved(properties[name]), required=name in required)
        if one is None or one.parameter.name in made:
            notes.append(f"An input {tidy(name)!r} is left out: it has no name that can be sent.")
            continue
        made[one.parameter.name] = one
        notes += said
    return tuple(made.values()), tuple(notes)


def _ordered(schema: Mapping[str, Any], properties: Mapping[str, Any]) -> list[str]:
    """Names in the order that fal or Replicate gives them, else as they stand."""
    listed = [name for name in _listed(schema.get("x-fal-order-properties")) if isinstance(name, str)]
    places = {name: place for place, name in enumerate(listed)}

    def place(name: str) -> float:
        own = table(properties[name]).get("x-order")
        return places.get(name, own if isinstance(own, int) else math.inf)

    return sorted(properties, key=place)


def read_input(name: str, schema: Mapping[str, Any], *, required: bool) -> tuple[Input | None, list[str]]:
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
    kind, media = _kind(name, schema)
    parameter = Parameter(
        own,
        kind,
        _help(name, schema),
        choices=_choices(schema) if kind == "choice" else (),
        required=required,
        wire=name if own != name else "",
    )
    notes: list[str] = []
    if kind in ("integer", "number"):
        parameter = _limited(parameter, schema)
    elif kind == "text":
        low, high = _bound(schema.get("minLength"), up=False), _bound(schema.get("maxLength"), up=True)
        parameter = replace(parameter, minimum=low or None, maximum=high)
    if kind == "file":
        parameter = replace(
            parameter,
            minimum=_bound(schema.get("minSeconds"), up=False),
            maximum=_bound(schema.get("maxSeconds"), up=True),
        )
    default = schema.get("default")
    if default is not None and kind != "file":
        taken = json.dumps(default, ensure_ascii=False) if kind == "json" else default
        try:
            parameter = replace(parameter, default=parameter.check(taken))
            tidy(str(taken)).encode()
        except (BadInput, ValueError, OverflowError):
            notes.append(
                f"{own} is left to the model where it is not set: its published default is not within its own limits."
            )
    if required and parameter.default is not None:
        parameter = replace(parameter, required=False)
    return Input(parameter, media), notes


def _kind(name: str, schema: Mapping[str, Any]) -> tuple[Kind, Media]:
    """The type, and of a file what it holds."""
    told = schema.get("type")
    values = [value for value in _values(schema) if value is not None]
    if values:
        if _choices(schema) and all(isinstance(value, str) for value in values):
            return "choice", ""
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            return ("integer" if all(isinstance(value, int) for value in values) else "number"), ""
    match told:
        case "string":
            words = Input(Parameter(name, "text", "")).words
            if schema.get("format") in _FILE_FORMATS or _ADDRESS.search(words):
                return "file", _media(words, schema)
            return "text", ""
        case "integer" | "number" | "boolean":
            kinds: dict[str, Kind] = {"integer": "integer", "number": "number", "boolean": "boolean"}
            return kinds[told], ""
        case _:
            return "json", ""


def _media(words: str, schema: Mapping[str, Any]) -> Media:
    told = schema.get("media")
    if told is not None:
        return next((media for media, _ in _MEDIA if told == media), "")
    return media_of(words) or media_of(f"{schema.get('title')} {schema.get('description')}".lower())


def media_of(words: str) -> Media:
    """What words in small letters say that a file holds; empty where they don't say."""
    return next((media for media, pattern in _MEDIA if pattern.search(words)), "")


def _values(schema: Mapping[str, Any]) -> list[Any]:
    return _listed(schema.get("enum")) or ([schema["const"]] if "const" in schema else [])


def _choices(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts that are allowed. An empty one is left out: not to set it says the same."""
    return tuple(
        dict.fromkeys(value for value in _values(schema) if isinstance(value, str) and value.isprintable() and value)
    )


def _help(name: str, schema: Mapping[str, Any]) -> str:
    said = tidy(schema.get("description")) or tidy(schema.get("title")) or tidy(name.replace("_", " ")).capitalize()
    said += "" if said.endswith((".", "!", "?", "…")) else "."
    numbers = [
        f"{value:g}" for value in _values(schema) if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    beyond = [
        f"{word} {schema[bound]:g}"
        for bound, word in (("exclusiveMinimum", "above"), ("exclusiveMaximum", "below"))
        if number(schema.get(bound)) is not None
    ]
    more = [f"One of {', '.join(numbers)}."] if numbers else []
    more += [f"It must be {' and '.join(beyond)}."] if beyond else []
    return " ".join([said, *more])


def _limited(parameter: Parameter, schema: Mapping[str, Any]) -> Parameter:
    """With the limits of a number. The catalogue knows none that is not allowed itself: of a whole number the next one stands for it."""
    numbers = [value for value in _values(schema) if isinstance(value, int | float)]
    low = _bound(min(numbers, default=None) if numbers else schema.get("minimum"), up=False)
    high = _bound(max(numbers, default=None) if numbers else schema.get("maximum"), up=True)
    whole = parameter.type == "integer"
    above, below = _bound(schema.get("exclusiveMinimum"), up=False), _bound(schema.get("exclusiveMaximum"), up=True)
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
    step = number(schema.get("multipleOf"))
    return replace(parameter, minimum=low, maximum=high, step=step if step and step > 0 else None)


def number(value: Any) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        made = float(value)
    except OverflowError:
        return None
    return made if math.isfinite(made) else None


def _bound(value: Any, *, up: bool) -> float | None:
    """A limit as the nearest number that does not go beyond it: 2**64 - 1 is not 2**64."""
    made = number(value)
    if made is None or made == value:
        return made
    beyond = made > value if up else made < value
    return math.nextafter(made, -math.inf if up else math.inf) if beyond else made
