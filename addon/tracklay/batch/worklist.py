"""The values of a work list: its rows, each a picture, a cue and a model. `worklist_loader` reads and checks them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..cue import FitMode, LandMode, ParamValue
    from ..models import Model

DEFAULT_MODEL = "sketch/foley"
DEFAULT_CUE = "1"
DEFAULT_FOLDER = "tracklay"
"""Folder of the takes, beside the picture, as for `tracklay lay`."""

ROW_FIELDS: Mapping[str, type] = {
    "id": str,
    "picture": str,
    "cue": str,
    "in": str,
    "out": str,
    "as_one": bool,
    "model": str,
    "prompt": str,
    "negative": str,
    "takes": int,
    "seed": int,
    "params": dict,
    "folder": str,
    "land": str,
    "parts": str,
    "best": bool,
    "repair": bool,
    "hits": str,
    "tail": str,
    "handles": str,
    "fit": str,
    "drop_original": bool,
    "mix": str,
}
"""The fields of a row, each with its type."""

PRODUCT_TABLES: Mapping[str, str] = {"pictures": "picture", "cues": "cue", "models": "model"}
"""Tables whose entries are combined with each other into rows, and the field that an entry of plain text sets."""


@dataclass(frozen=True, slots=True)
class WorkListRow:
    """One picture, one cue, one model.

    Attributes:
        id: unique in the list.
        picture: absolute path of a file, a folder of images or a pattern of image names.
        picture_name: the picture's name in results: a path relative to the list if possible.
        cue: the cue's id.
        model: the model's id.
        folder: absolute path of the folder for the takes.
        digest: hash of the row's content and the state of its picture's file. Takes of another digest are out of date.
        location: the row's name in messages.
        in_point, out_point: times as the user wrote them; None is the picture's start or end.
        as_one: the cue is all that plays between the points, across all cuts, not one clip.
        params: all parameters, checked.
        land, best, parts, fit: as in `Cue`.
        repair: the worst stretch of its best take is generated again.
        tail: as `tracklay lay --tail` takes it.
        handles: as `tracklay lay --handles` takes it; empty for none.
        mix: preset with which the picture is mixed when it is laid, a name or the absolute path of a TOML file; empty: no mix.
        hits: the hit points, as `tracklay lay --hits` takes them; empty for none but the timeline's markers.
    """

    id: str
    picture: Path
    picture_name: str
    cue: str
    model: str
    folder: Path
    digest: str
    location: str
    prompt: str = ""
    negative: str = ""
    in_point: str | None = None
    out_point: str | None = None
    takes: int = 1
    seed: int | None = None
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    drop_original: bool = False
    land: LandMode = "auto"
    best: bool = False
    parts: str = "auto"
    repair: bool = False
    hits: str = ""
    tail: str = ""
    fit: FitMode = "auto"
    as_one: bool = False
    mix: str = ""
    handles: str = ""

    @property
    def lay_group(self) -> tuple[str, str]:
        """Key of the rows that are laid together: one picture's cues with the same folder."""
        return str(self.picture), str(self.folder)


@dataclass(frozen=True, slots=True)
class WorkList:
    """The rows of a file in its order, and the models that they name."""

    path: Path
    rows: tuple[WorkListRow, ...]
    models: Mapping[str, Model]

    @property
    def stem(self) -> str:
        """Prefix of the names of its output files."""
        return worklist_stem(self.path)

    @property
    def ledger_key(self) -> str:
        """Key of its jobs in the ledger."""
        return "batch-" + hashlib.sha256(str(self.path).encode()).hexdigest()[:16]


def worklist_stem(path: Path) -> str:
    """Return the prefix of the names of a list's output files."""
    return path.stem.removesuffix(".tracklay")


def relative_path(path: Path, folder: Path) -> str:
    """Return a path relative to a folder if it is inside, so that both can move together; otherwise the absolute path."""
    whole = Path(os.path.normpath(path))
    return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else str(whole)


def shard_of(row_id: str, shards: int) -> int:
    """Return the shard of a row, from 1. It depends only on the row's id, not on the order or the length of the list."""
    return int.from_bytes(hashlib.sha256(row_id.encode()).digest()[:8]) % shards + 1


def shard_rows(rows: Sequence[WorkListRow], shard: int, shards: int) -> list[WorkListRow]:
    """Return the rows of one shard."""
    return [row for row in rows if shard_of(row.id, shards) == shard]
