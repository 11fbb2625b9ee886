"""Request bodies, built from the model's catalogue file: its parameters, their names at the provider, their ranges.

Uploads and envelopes differ between the APIs and stay with each provider.
"""

from __future__ import annotations

import base64
import json
import math
import mimetypes
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ModelFailed
from ..models import EXTRA_PREFIX, is_url
from ..models.model import parameter_file_not_found_error

if TYPE_CHECKING:
    from ..models import Model, Parameter
    from .base import Request

_AUDIO_SUFFIXES = {f"audio/{mark}{kind}": f".{kind}" for mark in ("", "x-") for kind in ("flac", "wav")}
"""Types that `mimetypes` knows on some systems only."""

ROUNDING_STEPS_PER_SECOND = 1000
"""Lengths are rounded up to milliseconds: models need nothing finer."""


def find_input_files(request: Request) -> dict[str, Path]:
    """Return the files of a request by parameter name: the proxy or the still, and files that the user named.

    Raises:
        InvalidInput: a file that the user named does not exist.
    """
    found: dict[str, Path] = {}
    picture = request.model.picture_input(request.params)
    for parameter in request.model.parameters:
        value = request.params.get(parameter.name)
        if parameter.role == "video" and picture == "video" and request.proxy:
            found[parameter.name] = request.proxy.path
        elif parameter.role == "image" and picture == "image" and request.still:
            found[parameter.name] = request.still
        elif parameter.type == "file" and isinstance(value, str) and value and not is_url(value):
            if not Path(value).is_file():
                raise parameter_file_not_found_error(parameter.name, value)
            found[parameter.name] = Path(value)
    return found


def build_request_body(request: Request, urls: Mapping[str, str]) -> dict[str, Any]:
    """Return the model's inputs under the provider's names. A name with dots (`prompt.text`) becomes nested objects.

    Args:
        request: a validated request.
        urls: the value sent for each file of `find_input_files(request)`, by the same names: a URL, an asset ID, a data URI.
    """
    body: dict[str, Any] = {}
    for parameter in request.model.parameters:
        value = urls[parameter.name] if parameter.name in urls else _parameter_value(request, parameter)
        if value is not None:
            _set_nested(body, parameter.wire_name, value)
    for name, text in request.params.items():
        if name.startswith(EXTRA_PREFIX):
            _set_nested(body, name.removeprefix(EXTRA_PREFIX), json.loads(str(text)))
    return body


def _parameter_value(request: Request, parameter: Parameter) -> Any:
    """Return the value of a parameter that is not one of our files; None omits it."""
    if parameter.role in ("video", "image", "mode"):
        return None
    if parameter.name in request.params:
        value: Any = request.params[parameter.name]
        if parameter.type == "json":
            return json.loads(str(value)) if value else None
        return None if parameter.type == "file" and not value else value
    match parameter.role:
        case "prompt":
            value = request.prompt or ("" if parameter.required else parameter.default)
        case "negative":
            value = request.negative or parameter.default
        case "seed":
            value = clamp_seed(request.model, request.seed)
        case "seconds":
            value = round_up_seconds(request.model, parameter, request.seconds)
            # Some APIs count in milliseconds, and say so in the name: `duration_ms`.
            if parameter.wire_name.endswith("_ms"):
                value = math.ceil(value * 1000)
        case _:
            value = parameter.default
    return value


def _set_nested(target: dict[str, Any], name: str, value: Any) -> None:
    *tables, last = name.split(".")
    for table in tables:
        target = target.setdefault(table, {})
    target[last] = value


def clamp_seed(model: Model, seed: int) -> int:
    """Return the seed limited to the model's range."""
    parameter = model.parameter_for_role("seed")
    low = None if parameter is None else parameter.minimum
    high = None if parameter is None else parameter.maximum
    seed = seed if low is None else max(seed, math.ceil(low))
    return seed if high is None else min(seed, math.floor(high))


def round_up_seconds(model: Model, parameter: Parameter, seconds: Fraction) -> float:
    """Return the length to request in seconds: the span, rounded up to the parameter's type and limited to its range.

    Always up: a take that is too long is cut to the span, one that is too short leaves silence.
    """
    if parameter.type == "integer":
        length: float = math.ceil(seconds)
    else:
        steps = math.ceil(seconds * ROUNDING_STEPS_PER_SECOND)
        length = steps / ROUNDING_STEPS_PER_SECOND
        # The float nearest to 2.76 is a little less than 2.76: then take the next step.
        if length < seconds:
            length = (steps + 1) / ROUNDING_STEPS_PER_SECOND
    length = max(length, model.seconds.least, parameter.minimum or 0)
    if parameter.maximum is not None:
        length = min(length, parameter.maximum)
    return math.ceil(length) if parameter.type == "integer" else length


def mime_type(path: Path) -> str:
    """Return the MIME type for a file name."""
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def encode_data_uri(path: Path) -> str:
    """Return the file as a data URI (RFC 2397)."""
    return f"data:{mime_type(path)};base64,{base64.b64encode(path.read_bytes()).decode()}"


def save_data_uri(text: str, to: Path) -> Path:
    """Write the content of a data URI to a file, and return its path.

    Raises:
        ModelFailed: the URI has no valid base64 content.
    """
    head, _, content = text.partition(",")
    try:
        data = base64.b64decode(content, validate=True) if head.endswith(";base64") else b""
    except ValueError:
        data = b""
    if not data:
        raise ModelFailed("provider.data_uri_invalid", "The model returned an invalid data URI.")
    to.write_bytes(data)
    return to


def suffix_from_url(url: str) -> str:
    """Return the suffix, with its dot, for a file from this URL: the URL's own, or `.bin`."""
    if url.startswith("data:"):
        kind = url[5:60].partition(";")[0].partition(",")[0]
        return _AUDIO_SUFFIXES.get(kind) or mimetypes.guess_extension(kind) or ".bin"
    suffix = Path(url.partition("?")[0].partition("#")[0].rpartition("/")[2]).suffix
    # The URL is the server's: nothing but a short alphanumeric suffix may reach the file name.
    return suffix if suffix[1:].isalnum() and len(suffix) <= len(".webm") else ".bin"
