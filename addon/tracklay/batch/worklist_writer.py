"""Writes the work list of a timeline: one row for each of its cues, to be edited and run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from ..atomic_io import atomic_write
from ..errors import InvalidInput
from ..paths import ensure_folder
from ..timelines.formats import is_timeline
from .worklist import relative_path

if TYPE_CHECKING:
    from ..cue import Cue
    from ..timelines.base import Timeline


def build_worklist_tables(
    timeline: Timeline, cues: Sequence[Cue], settings: Mapping[str, Any], takes_folder: Path
) -> dict[str, Any]:
    """Return the list as plain data. Its paths are relative to the timeline's folder.

    Args:
        timeline: the source of the cues.
        cues: its cues.
        settings: fields that apply to all of them: `in`, `out`, as_one, model, prompt, negative, takes, seed, params, land, best,
            parts, repair, hits, tail, handles, fit, drop_original.
        takes_folder: the folder for the takes.
    """
    path = timeline.path.absolute()
    defaults = {
        "picture": path.name,
        **{name: value for name, value in settings.items() if value not in (None, "", {})},
    }
    defaults["folder"] = relative_path(takes_folder.absolute(), path.parent)
    if is_timeline(path):
        rows: list[dict[str, Any]] = [{"id": cue.id, "cue": cue.id} for cue in cues]
    else:
        rows = [{"id": timeline.stem}]
    return {"defaults": defaults, "rows": rows}


def write_worklist(timeline: Timeline, content: Mapping[str, Any]) -> Path:
    """Write a list as TOML beside the timeline and return its path. An existing file is never replaced: it may have been edited.

    Raises:
        InvalidInput: the file exists.
        OutputError: it cannot be written.
    """
    path = timeline.path.absolute().with_name(f"{timeline.stem}.tracklay.toml")
    if path.exists():
        raise InvalidInput(
            "worklist.file_exists", "The work list already exists: {path}. Edit it, or move it away.", path=path
        )
    ensure_folder(path.parent)
    # tomli-w writes no comments, and short tables in a list as one inline list. `[[rows]]` is easier to edit and keeps line numbers.
    parts = [
        f"# Work list of {timeline.path.name}. Run it with: tracklay batch {path.name}\n",
        tomli_w.dumps({"defaults": content["defaults"]}),
        *("[[rows]]\n" + tomli_w.dumps(row) for row in content["rows"]),
    ]
    with atomic_write(path) as beside:
        beside.write_text("\n".join(parts), "utf-8")
    return path
