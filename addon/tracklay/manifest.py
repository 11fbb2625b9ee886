"""The manifest: a JSON file beside the takes that lists what each run made, and what failed. Scripts read it; its keys are a contract."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .atomic_io import atomic_write, read_json
from .cue import SAMPLE_RATE
from .errors import InvalidInput
from .timing import parse_fraction
from .untrusted_data import is_plain_name
from .version import VERSION

if TYPE_CHECKING:
    from .cue import Failure, Take
    from .errors import TracklayError
    from .timing import Rate

REQUIRED_FIELDS = {"start": dict, "frames": int, "samples": int, "sample_rate": int}
"""Fields that every take has, with the types of their values: where it lies, and how long it is."""

OPTIONAL_FIELDS = {
    **dict.fromkeys(("take", "channels", "tail"), int),
    **dict.fromkeys(
        ("params", "stems", "understood", "landing", "score", "replaced", "fit", "tempo", "handles", "measured"), dict
    ),
    **dict.fromkeys(("notes", "parts", "seams"), list),
}
"""Fields that are computed with where a take has them."""


def build_manifest(
    picture: str,
    rate: Rate,
    takes: Sequence[Take],
    failed: Sequence[Failure],
    laid: Path | None,
    describe: Callable[[TracklayError], str] = str,
) -> dict[str, Any]:
    """Return the manifest of a run, as it is printed and stored.

    Args:
        picture: file name of the picture.
        rate: its frame rate.
        takes: the takes that were made.
        failed: the takes that were not.
        laid: the picture with take 1 laid, if it was written.
        describe: words the errors, as the front end does.
    """
    return {
        "tracklay": VERSION,
        "picture": picture,
        "rate": str(rate),
        "takes": [
            {**take.to_manifest_entry(), "heard": is_heard} for take, is_heard in zip(takes, _heard(takes), strict=True)
        ],
        "failed": [failure.to_manifest_entry(describe) for failure in failed],
        "laid": laid.name if laid else None,
    }


def _heard(takes: Sequence[Take]) -> Iterator[bool]:
    """Yield whether each take is the one that plays: the first of its cue and model; of several models, that of the first one."""
    keys: set[tuple[str, str]] = set()
    cues: set[str] = set()
    for take in takes:
        key = take.cue.id, take.cue.model
        is_heard = key not in keys and not (take.cue.best and take.cue.id in cues)
        keys.add(key)
        cues |= {take.cue.id} if is_heard else set()
        yield is_heard


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the content of a manifest.

    Raises:
        InvalidInput: the file is not a manifest, or cannot be read.
    """
    content = read_json(path)
    if not is_manifest(content):
        raise _not_a_manifest(path)
    return dict(content)


def is_manifest(content: object) -> bool:
    """Return True if a JSON value is a manifest whose takes are files beside it, with values of the right types."""
    if not isinstance(content, dict) or "tracklay" not in content:
        return False
    takes, failed = content.get("takes"), content.get("failed", [])
    return (
        isinstance(takes, list)
        and all(isinstance(take, dict) and not wrong_field(take) for take in takes)
        and isinstance(failed, list)
        and all(isinstance(failure, dict) for failure in failed)
    )


def wrong_field(take: Mapping[str, Any]) -> str:
    """Return the name of a take's first field that is missing or has a value of a wrong type; empty if there is none."""
    types = {**REQUIRED_FIELDS, **{name: kind for name, kind in OPTIONAL_FIELDS.items() if name in take}}
    wrong = [name for name, kind in types.items() if type(take.get(name)) is not kind]
    if not wrong:
        if min(take["samples"], take["sample_rate"]) <= 0:
            wrong = ["samples"]
        if not _is_start(take["start"]):
            wrong = ["start"]
        if not is_plain_name(take.get("file")):
            wrong = ["file"]
        if not isinstance(take.get("cost") or {}, dict):
            wrong = ["cost"]
        if not all(is_plain_name(name) for name in take.get("stems", {}).values()):
            wrong = ["stems"]
        if not _are_handles(take.get("handles", {})):
            wrong = ["handles"]
    return wrong[0] if wrong else ""


def _are_handles(handles: Mapping[str, Any]) -> bool:
    """Return True for nothing, or two numbers of samples and the name of a file."""
    lengths = [handles.get(name, 0) for name in ("before", "after")]
    return all(type(each) is int and each >= 0 for each in lengths) and is_plain_name(handles.get("file", "a"))


def _is_start(start: Mapping[str, Any]) -> bool:
    try:
        parse_fraction(str(start.get("seconds")))
    except (ValueError, ZeroDivisionError):
        return False
    return type(start.get("frame")) is int


def take_with_handles(entry: Mapping[str, Any], folder: Path) -> tuple[Path, int]:
    """Return the file of a take with its handles, and the sample at `SAMPLE_RATE` at which the take begins in it.

    Of a take without handles, or whose file with them is gone, they are its own file and 0.
    """
    handles = entry.get("handles") or {}
    if not handles.get("file") or not (file := folder / str(handles["file"])).is_file():
        return folder / str(entry["file"]), 0
    return file, round(Fraction(int(handles.get("before", 0)), int(entry["sample_rate"])) * SAMPLE_RATE)


def _not_a_manifest(path: Path) -> InvalidInput:
    return InvalidInput("manifest.invalid", "Not a manifest of Tracklay: {path}. Move it away.", path=path)


def write_manifest(path: Path, new_manifest: dict[str, Any]) -> None:
    """Write the manifest of a run. Takes of earlier runs whose files still exist stay in it, before the new ones.

    Raises:
        InvalidInput: another file has this name.
        OutputError: it cannot be written.
    """
    earlier: list[dict[str, Any]] = []
    if path.exists():
        new_files = {entry["file"] for entry in new_manifest["takes"]}
        earlier = [
            entry
            for entry in read_manifest(path)["takes"]
            if entry.get("file") not in new_files and (path.parent / str(entry.get("file"))).is_file()
        ]
    replace_manifest(path, {**new_manifest, "takes": earlier + new_manifest["takes"]})


def replace_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest as it is, in place of that of the same name.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
