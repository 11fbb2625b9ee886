"""Writes the work list of a timeline: a row for each of its cues, to be edited and run by `tracklay batch`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..atomic_io import atomic_write
from ..errors import InvalidInput
from ..paths import ensure_folder
from .open_picture import TIMELINE_SUFFIXES
from .worklist import relative_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ..cue import Cue
    from ..timelines.base import Timeline


def build_worklist_tables(
    timeline: Timeline, cues: Sequence[Cue], settings: Mapping[str, Any], takes_folder: Path
) -> dict[str, Any]:
    """The list as plain data, its paths from the timeline's own folder on.

    Args:
        timeline: where the cues come from.
        cues: those that were spotted.
        settings: what was said of all of them: `in`, `out`, model, prompt, negative, takes, seed, params, drop_original.
        takes_folder: where the takes go.
    """
    path = timeline.path.absolute()
    defaults = {
        "picture": path.name,
        **{name: value for name, value in settings.items() if value not in (None, "", {})},
    }
    defaults["folder"] = relative_path(takes_folder.absolute(), path.parent)
    if path.suffix.lower() in TIMELINE_SUFFIXES:
        rows: list[dict[str, Any]] = [{"id": cue.id, "cue": cue.id} for cue in cues]
    else:
        rows = [{"id": timeline.stem}]
    return {"defaults": defaults, "rows": rows}


def write_worklist(timeline: Timeline, content: Mapping[str, Any]) -> Path:
    """Write it as TOML beside the timeline; where it lies. One that is there already may have been edited, and stays.

    Raises:
        BadInput: one is there already.
        OutputError: it cannot be written.
    """
    path = timeline.path.absolute().with_name(f"{timeline.stem}.tracklay.toml")
    if path.exists():
        raise InvalidInput(f"{path} is there already: move it away, or edit it")
    ensure_folder(path.parent)
    parts = [f"# The work list of {timeline.path.name}: tracklay batch {path.name}", "", "[defaults]"]
    parts += [_toml_line(name, value) for name, value in content["defaults"].items()]
    for row in content["rows"]:
        parts += ["", "[[rows]]", *(_toml_line(name, value) for name, value in row.items())]
    with atomic_write(path) as beside:
        beside.write_text("\n".join(parts) + "\n", "utf-8")
    return path


def _toml_line(name: str, value: Any) -> str:
    return f"{name} = {_toml_value(value)}"


def _toml_value(value: Any) -> str:
    """A value as TOML: texts and numbers are written as in JSON, but for a character that only JSON lets stand as it is."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_toml_value(held)}" for name, held in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
