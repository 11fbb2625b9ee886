"""Writes the work list of a timeline: a row for each of its cues, to be edited and run by `tracklay batch`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..errors import BadInput
from ..paths import folder, whole
from .open_picture import CUT
from .worklist import relative

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ..cue import Cue
    from ..timelines.base import Timeline


def tables(timeline: Timeline, cues: Sequence[Cue], said: Mapping[str, Any], to: Path) -> dict[str, Any]:
    """The list as plain data, its paths from the timeline's own folder on.

    Args:
        timeline: where the cues come from.
        cues: those that were spotted.
        said: what was said of all of them: `in`, `out`, model, prompt, negative, takes, seed, params, drop_original.
        to: where the takes go.
    """
    path = timeline.path.absolute()
    defaults = {"picture": path.name, **{name: value for name, value in said.items() if value not in (None, "", {})}}
    defaults["folder"] = relative(to.absolute(), path.parent)
    if path.suffix.lower() in CUT:
        rows: list[dict[str, Any]] = [{"id": cue.id, "cue": cue.id} for cue in cues]
    else:
        rows = [{"id": timeline.stem}]
    return {"defaults": defaults, "rows": rows}


def write(timeline: Timeline, made: Mapping[str, Any]) -> Path:
    """Write it as TOML beside the timeline; where it lies. One that is there already may have been edited, and stays.

    Raises:
        BadInput: one is there already.
        OutputError: it cannot be written.
    """
    path = timeline.path.absolute().with_name(f"{timeline.stem}.tracklay.toml")
    if path.exists():
        raise BadInput(f"{path} is there already: move it away, or edit it")
    folder(path.parent)
    parts = [f"# The work list of {timeline.path.name}: tracklay batch {path.name}", "", "[defaults]"]
    parts += [_line(name, value) for name, value in made["defaults"].items()]
    for row in made["rows"]:
        parts += ["", "[[rows]]", *(_line(name, value) for name, value in row.items())]
    with whole(path) as beside:
        beside.write_text("\n".join(parts) + "\n", "utf-8")
    return path


def _line(name: str, value: Any) -> str:
    return f"{name} = {_toml(value)}"


def _toml(value: Any) -> str:
    """A value as TOML: texts and numbers are written as in JSON, but for a character that only JSON lets stand as it is."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_toml(held)}" for name, held in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
