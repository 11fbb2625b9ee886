"""The body of a request, made from the model's own file: which parameters there are, what they are called, what they may hold.

What differs between APIs (how a file gets there, what the body is wrapped in) stays with each provider.
"""

from __future__ import annotations

import base64
import json
import math
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, ModelFailed
from ..models import EXTRA_PREFIX, is_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from ..models import Model, Parameter
    from .base import Request

_AUDIO_SUFFIXES = {f"audio/{mark}{kind}": f".{kind}" for mark in ("", "x-") for kind in ("flac", "wav")}
"""What Python's own table knows on some systems alone."""

ROUNDING_STEPS_PER_SECOND = 1000
"""A second's parts that a length is rounded up to: finer says nothing to a model, and a float would make it shorter."""


def find_input_files(request: Request) -> dict[str, Path]:
    """The files that go with a request, by their parameters' names: the proxy or the still, and what the person named.

    Raises:
        BadInput: a file that the person named is not there.
    """
    found: dict[str, Path] = {}
    sees = request.model.picture_input(request.params)
    for parameter in request.model.parameters:
        value = request.params.get(parameter.name)
        if parameter.role == "video" and sees == "video" and request.proxy:
            found[parameter.name] = request.proxy.path
        elif parameter.role == "image" and sees == "image" and request.still:
            found[parameter.name] = request.still
        elif parameter.type == "file" and isinstance(value, str) and value and not is_url(value):
            if not Path(value).is_file():
                raise InvalidInput(f"{parameter.name}: there is no file {value}")
            found[parameter.name] = Path(value)
    return found


def build_request_body(request: Request, urls: Mapping[str, str]) -> dict[str, Any]:
    """The model's inputs under the provider's own names. A name with dots (`prompt.text`) is a place inside tables.

    Args:
        request: checked.
        urls: what stands for each of `find_input_files(request)`, by the same names: a URL, an asset's id, a data URI.
    """
    made: dict[str, Any] = {}
    for parameter in request.model.parameters:
        value = urls[parameter.name] if parameter.name in urls else _parameter_value(request, parameter)
        if value is not None:
            _set_nested(made, parameter.wire_name, value)
    for name, text in request.params.items():
        if name.startswith(EXTRA_PREFIX):
            _set_nested(made, name.removeprefix(EXTRA_PREFIX), json.loads(str(text)))
    return made


def _parameter_value(request: Request, parameter: Parameter) -> Any:
    """What a parameter that is no file of ours carries; None leaves it out."""
    if parameter.role in ("video", "image", "mode"):
        return None
    if parameter.name in request.params:
        value = request.params[parameter.name]
        if parameter.type == "json":
            return json.loads(str(value)) if value else None
        return None if parameter.type == "file" and not value else value
    match parameter.role:
        case "prompt":
            given: Any = request.prompt or ("" if parameter.required else parameter.default)
        case "negative":
            given = request.negative or parameter.default
        case "seed":
            given = clamp_seed(request.model, request.seed)
        case "seconds":
            given = round_up_seconds(request.model, parameter, request.seconds)
        case _:
            given = parameter.default
    return given


def _set_nested(target: dict[str, Any], name: str, value: Any) -> None:
    *tables, last = name.split(".")
    for table in tables:
        target = target.setdefault(table, {})
    target[last] = value


def clamp_seed(model: Model, seed: int) -> int:
    """The seed within what the model takes."""
    parameter = model.parameter_for_role("seed")
    low = None if parameter is None else parameter.minimum
    high = None if parameter is None else parameter.maximum
    seed = seed if low is None else max(seed, math.ceil(low))
    return seed if high is None else min(seed, math.floor(high))


def round_up_seconds(model: Model, parameter: Parameter, seconds: Fraction) -> float:
    """How long a sound to ask for: the span, rounded up to what the parameter holds, and no less than the model makes.

    The take is cut to the span afterwards, so more is never wrong and less always is.
    """
    asked: float = (
        math.ceil(seconds)
        if parameter.type == "integer"
        else math.ceil(seconds * ROUNDING_STEPS_PER_SECOND) / ROUNDING_STEPS_PER_SECOND
    )
    asked = max(asked, model.seconds.least, parameter.minimum or 0)
    if parameter.maximum is not None:
        asked = min(asked, parameter.maximum)
    return math.ceil(asked) if parameter.type == "integer" else asked


def mime_type(path: Path) -> str:
    """What a file's name says that it is."""
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def encode_data_uri(path: Path) -> str:
    """The file inside a URL (RFC 2397)."""
    return f"data:{mime_type(path)};base64,{base64.b64encode(path.read_bytes()).decode()}"


def save_data_uri(text: str, to: Path) -> Path:
    """The file that a data URI holds, written to `to`.

    Raises:
        ModelFailed: it is none.
    """
    head, _, content = text.partition(",")
    try:
        made = base64.b64decode(content, validate=True) if head.endswith(";base64") else b""
    except ValueError:
        made = b""
    if not made:
        raise ModelFailed("the model's answer is no file: its data URI cannot be read; try again")
    to.write_bytes(made)
    return to


def suffix_from_url(url: str) -> str:
    """The ending, with its dot, that a file from this address gets: its own where it has one, `.bin` where not."""
    if url.startswith("data:"):
        kind = url[5:60].partition(";")[0].partition(",")[0]
        return _AUDIO_SUFFIXES.get(kind) or mimetypes.guess_extension(kind) or ".bin"
    ending = Path(url.partition("?")[0].partition("#")[0].rpartition("/")[2]).suffix
    return ending if ending[1:].isalnum() and len(ending) <= len(".webm") else ".bin"
