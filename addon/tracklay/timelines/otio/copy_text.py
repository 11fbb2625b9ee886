"""The text of a timeline's copy in another folder: the paths of its media, and what the editor that it is for cannot read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import opentimelineio as otio

from ...errors import InvalidInput
from .media_references import resolve_media_path
from .text_patch import rebase_urls, replace_urls

if TYPE_CHECKING:
    from ...jobs.delivery import CopyStyle

VALUE_SCHEMAS = frozenset({"Box2d", "RationalTime", "TimeRange", "TimeTransform", "V2d"})
"""OTIO's schemas of plain values, which are not in its registry."""


def relative_prefix(folder: Path, target: Path) -> str:
    """Return what leads from `target` to `folder`, before a relative path; empty if they are the same, or on two drives."""
    try:
        prefix = os.path.relpath(folder.absolute(), target.absolute()).replace(os.sep, "/")
    except ValueError:
        return ""
    return "" if prefix == "." else f"{prefix}/"


def check_schemas(text: str, name: str) -> None:
    """Check that a timeline's text contains only OTIO's own schemas.

    Raises:
        InvalidInput: it contains another one, at which an editor's import may stop.
    """
    known = VALUE_SCHEMAS | otio.core.type_version_map().keys()
    for schema in _schemas(json.loads(text, strict=False)):
        if schema.partition(".")[0] not in known:
            raise InvalidInput(
                "otio.foreign_schema",
                "{timeline} contains {schema}, which is not part of OpenTimelineIO and stops an import. Export it again without it.",
                timeline=name,
                schema=schema,
            )


def adapt_to_folder(text: str, base: Path, target: Path, style: CopyStyle) -> str:
    """Return a timeline's text for its copy in the folder `target`; its relative paths start from `base`.

    With absolute paths, media are named as plain paths without a scheme or escapes.
    """
    if not style.absolute_paths:
        return rebase_urls(text, relative_prefix(base, target))
    return replace_urls(text, lambda url: absolute_path(url, base))


def absolute_path(url: str, base: Path) -> str:
    """Return the absolute path that a media reference names; the reference itself if it is no file."""
    try:
        return os.path.normpath(resolve_media_path(url, base.absolute()))
    except InvalidInput:
        return url


def _schemas(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(schema := value.get("OTIO_SCHEMA"), str):
            yield schema
        for each in value.values():
            yield from _schemas(each)
    elif isinstance(value, list):
        for each in value:
            yield from _schemas(each)
