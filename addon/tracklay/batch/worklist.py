"""A work list: its rows, each a picture, a cue and a model, checked whole before anything begins."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import BadInput, TracklayError
from ..jobs.job_spec import Asked
from ..media import image_sequence
from ..models import find, load
from ..models.model import EXTRA, is_url, nearest
from ..providers import provider
from ..timing import Rate, parse_time
from . import worklist_file
from .open_picture import CUT, Scene

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..cue import Cue, Value
    from ..models import Model

DEFAULT_MODEL = "sketch/foley"
DEFAULT_CUE = "1"
DEFAULT_FOLDER = "tracklay"
"""Beside the picture, as `tracklay lay` has it."""

FIELDS: Mapping[str, type] = {
    "id": str,
    "picture": str,
    "cue": str,
    "in": str,
    "out": str,
    "model": str,
    "prompt": str,
    "negative": str,
    "takes": int,
    "seed": int,
    "params": dict,
    "folder": str,
    "drop_original": bool,
}
"""What a row may say, and of what type that is."""

TABLES: Mapping[str, str] = {"pictures": "picture", "cues": "cue", "models": "model"}
"""What multiplies, and what an entry that is only a text means there."""

_PARAMETER = "params."
"""Begins the heading of a CSV's column that holds a parameter of the model."""

_GLOB = re.compile(r"[*?\[]")
_NAMES = {str: "text", int: "a whole number", bool: "true or false", dict: "a table"}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Row:
    """One picture, one cue, one model.

    `picture` is a file, a folder of images or a pattern, absolute; `named` is how results name it. `in_point` and `out_point` are as
    a person writes them. `params` are complete and checked. `digest` is what the row says and how its picture's file is: while that
    is the same, the row is the same. `where` names it in sentences.
    """

    id: str
    picture: Path
    named: str
    cue: str
    model: str
    folder: Path
    digest: str
    where: str
    prompt: str = ""
    negative: str = ""
    in_point: str | None = None
    out_point: str | None = None
    takes: int = 1
    seed: int | None = None
    params: Mapping[str, Value] = field(default_factory=dict)
    drop_original: bool = False

    @property
    def group(self) -> tuple[str, str]:
        """What is laid together: the cues of one picture that go to one folder."""
        return str(self.picture), str(self.folder)


@dataclass(frozen=True, slots=True)
class WorkList:
    """The rows of a file, in its order."""

    path: Path
    rows: tuple[Row, ...]
    models: Mapping[str, Model]

    @property
    def stem(self) -> str:
        """What the names of files made of it begin with."""
        return stem_of(self.path)

    @property
    def key(self) -> str:
        """What the ledger knows its jobs by."""
        return "batch-" + hashlib.sha256(str(self.path).encode()).hexdigest()[:16]


def read(path: Path, *, keys: bool = True) -> WorkList:
    """A work list, when all of its rows can be begun; `keys`: by this process, with the keys that it has.

    Raises:
        BadInput: one can't: no such picture, a wrong type, an id twice; the first is told, with its row.
        KeyMissing: a row's provider wants a key and none is set.
    """
    path = path.absolute()
    reading = _Reading(path, keys=keys)
    rows = tuple(reading.rows(worklist_file.read(path)))
    if not rows:
        raise BadInput(f"{path.name} has no rows: give it [[rows]], or pictures")
    return WorkList(path, rows, reading.models)


class _Reading:
    """Makes rows of one file; what many rows share is looked at once."""

    def __init__(self, path: Path, *, keys: bool) -> None:
        self.path, self.folder, self._keys = path, path.parent, keys
        self.catalogue = load()
        self.models: dict[str, Model] = {}
        self._seen: dict[str, list[Any]] = {}
        self._places: dict[str, tuple[Path, str]] = {}
        self._ids: dict[str, str] = {}
        self._scenes: dict[Path, Scene] = {}

    def rows(self, tables: worklist_file.Sheet) -> Iterator[Row]:
        """All rows."""
        defaults = self._defaults(tables.tables)
        for entry in tables.rows:
            where = f"row {entry.number}" + (f" (line {entry.line})" if entry.line else "")
            if (name := entry.values.get("id")) and isinstance(name, str):
                where = f"row {name!r}" + (f" (line {entry.line})" if entry.line else f" (row {entry.number})")
            values = self._typed(entry.values, where, text=entry.text)
            yield from self._rows(_merged(defaults, values), where, text=entry.text)
        yield from self._products(tables.tables, defaults)

    def _wrong(self, where: str, said: object) -> NoReturn:
        raise BadInput(f"{self.path.name}, {where}: {said}") from None

    def _defaults(self, tables: Mapping[str, Any]) -> dict[str, Any]:
        known = ("rows", "defaults", *TABLES)
        unknown = next((name for name in tables if name not in known and name != "tracklay"), None)
        if unknown is not None:
            raise BadInput(f"{self.path.name}: there is no {unknown!r} in a work list{nearest(unknown, known)}")
        defaults = tables.get("defaults", {})
        if not isinstance(defaults, dict):
            raise BadInput(f"{self.path.name}: defaults must be a table")
        if "id" in defaults:
            raise BadInput(f"{self.path.name}: defaults cannot hold an id: it is what tells rows apart")
        return self._typed(defaults, "defaults")

    def _typed(self, values: Mapping[str, Any], where: str, *, text: bool = False) -> dict[str, Any]:
        """What a table says, each of its field's type."""
        typed: dict[str, Any] = {}
        for name, value in values.items():
            if text and name.startswith((_PARAMETER, EXTRA)):
                typed.setdefault("params", {})[name.removeprefix(_PARAMETER)] = value
                continue
            kind = FIELDS.get(name)
            if kind is None or (text and kind is dict):
                hint = "; a parameter's column is headed params.NAME" if text else "; parameters stand in params"
                self._wrong(where, f"there is no {name!r} in a row{nearest(name, FIELDS)}{hint}")
            typed[name] = self._cell(name, value, where) if text else self._value(name, kind, value, where)
        return typed

    def _value(self, name: str, kind: type, value: Any, where: str) -> Any:
        if name in ("in", "out") and isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self._wrong(where, f"{name} must be {_NAMES[kind]}, not {json.dumps(value, default=str):.60}")
        if isinstance(value, dict):
            for parameter, held in value.items():
                if not isinstance(held, str | int | float | bool):
                    said = json.dumps(held, default=str)
                    self._wrong(where, f"{parameter} must be a text, a number, or true or false, not {said:.60}")
        return value

    def _cell(self, name: str, value: str, where: str) -> Any:
        kind = FIELDS[name]
        if kind is bool:
            if value.lower() not in _TRUTH:
                self._wrong(where, f"{name} must be true or false, not {value!r:.60}")
            return _TRUTH[value.lower()]
        if kind is int:
            try:
                return int(value)
            except ValueError:
                self._wrong(where, f"{name} must be a whole number, not {value!r:.60}")
        return value

    def _products(self, tables: Mapping[str, Any], defaults: dict[str, Any]) -> Iterator[Row]:
        """Every picture with every cue with every model."""
        pictures, cues, models = (self._table(tables.get(name, []), name) for name in TABLES)
        if not pictures:
            for name, found in (("cues", cues), ("models", models)):
                if found:
                    raise BadInput(f"{self.path.name}: there are {name} and no pictures that they are for")
            return
        for picture, one in [found for each, where in pictures for found in self._found(each, where)]:
            for cue, two in cues or [({}, "")]:
                for model, three in models or [({}, "")]:
                    where = ", ".join(filter(None, (one, two, three)))
                    yield from self._rows(_merged(defaults, picture, cue, model), where)

    def _table(self, entries: Any, name: str) -> list[tuple[dict[str, Any], str]]:
        if not isinstance(entries, list):
            raise BadInput(f"{self.path.name}: {name} must be a list")
        found = []
        for number, entry in enumerate(entries, 1):
            where = f"{name} {number}"
            values: Any = {TABLES[name]: entry} if isinstance(entry, str) else entry
            if not isinstance(values, dict):
                self._wrong(where, f"it must be a text or a table, not {entry!r:.60}")
            if "id" in values:
                self._wrong(where, "it cannot have an id: rows that are multiplied are named by what they are made of")
            found.append((self._typed(values, where), where))
        return found

    def _found(self, entry: dict[str, Any], where: str) -> list[tuple[dict[str, Any], str]]:
        """The pictures that one entry means: more than one where it is a glob."""
        named = entry.get("picture", "")
        if not _GLOB.search(named) or (self.folder / named).exists():
            return [(entry, where)]
        found = sorted(glob.glob(named, root_dir=self.folder, recursive=True))  # noqa: PTH207 - the text is kept as it is written
        if not found:
            self._wrong(where, f"no file is named as {named}")
        return [({**entry, "picture": Path(each).as_posix()}, f"{where} ({each})") for each in found]

    def _rows(self, values: Mapping[str, Any], where: str, *, text: bool = False) -> Iterator[Row]:
        """The rows that a table means: one; or, of a timeline that has cues of its own, one for each of them, or the one it names."""
        if not values.get("picture"):
            self._wrong(where, "it names no picture")
        picture, _ = self._place(values["picture"])
        if picture.suffix.lower() not in CUT or picture.is_dir():
            yield self._row(values, where, text=text)
            return
        try:
            cues = self._cut(picture).cues(*(values.get(name) for name in ("in", "out")))
        except TracklayError as error:
            self._wrong(where, error)
        only = values.get("cue")
        if only is not None and not any(cue.id == only for cue in cues):
            self._wrong(where, f"{picture.name} has no cue {only!r}{nearest(only, [cue.id for cue in cues])}")
        for cue in cues if only is None else [cue for cue in cues if cue.id == only]:
            named = values.get("id")
            number = f"{named}:{cue.id}" if named and only is None else named
            yield self._row({**values, "cue": cue.id, "id": number}, where, text=text, cue=cue)

    def _cut(self, picture: Path) -> Scene:
        if not picture.exists():
            raise BadInput(f"there is no file {picture}")
        if picture not in self._scenes:
            self._scenes[picture] = Scene(picture)
        return self._scenes[picture]

    def _row(self, values: Mapping[str, Any], where: str, *, text: bool = False, cue: Cue | None = None) -> Row:
        try:
            model = self._model(values.get("model", DEFAULT_MODEL))
            params = {
                name: self._parameter(model, name, value, text=text) for name, value in values.get("params", {}).items()
            }
            asked = Asked(
                values.get("prompt", ""),
                values.get("negative", ""),
                values.get("takes", 1),
                values.get("seed"),
                params,
            ).checked(model)
            points = [_point(name, values.get(name)) for name in ("in", "out")]
            picture, named = self._place(values["picture"])
            seen = self._looked_at(picture, named) if cue is None else self._plays(cue)
        except TracklayError as error:
            error.args = (f"{self.path.name}, {where}: {error}", *error.args[1:])
            raise
        folder, to = self._place(values.get("folder") or f"{values['picture']}/../{DEFAULT_FOLDER}")
        name = values.get("cue", DEFAULT_CUE)
        number = values.get("id") or f"{_without_suffix(values['picture'])}:{name}:{model.id}"
        if number in self._ids:
            self._wrong(where, f"the id {number!r} is taken by {self._ids[number]}: give each row an id of its own")
        self._ids[number] = where
        said = [named, seen, name, *points, model.id, asked.prompt, asked.negative, asked.seed]
        said += [dict(asked.params), to]
        return Row(
            number,
            picture,
            named,
            name,
            model.id,
            folder,
            hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32],
            where if "'" in where else f"{where} ({number})",
            asked.prompt,
            asked.negative,
            points[0],
            points[1],
            asked.takes,
            asked.seed,
            asked.params,
            bool(values.get("drop_original", False)),
        )

    def _parameter(self, model: Model, name: str, value: Value, *, text: bool) -> Value:
        """A parameter's value: of its own type where the list holds only text, and a file's path from the list on."""
        if name.startswith(EXTRA) or not isinstance(value, str):
            return value
        parameter = model.parameter(name)
        if parameter.type == "file":
            return value if is_url(value) else str(self.folder / value)
        return parameter.parse(value) if text else value

    def _model(self, name: str) -> Model:
        if name not in self.models:
            model = find(name, self.catalogue)
            if self._keys:
                provider(model.provider).ready()
            self.models[name] = model
        return self.models[name]

    def _plays(self, cue: Cue) -> list[Any]:
        """What tells a timeline's cue from an edited one: what plays in it, and how that file is."""
        shown, span = cue.picture, cue.span
        try:
            stat = shown.source.stat()
            seen = [stat.st_size, stat.st_mtime_ns]
        except OSError:
            seen = []
        points = [[str(frame - span.start), str(seconds)] for frame, seconds in shown.map.points]
        source = relative(shown.source.absolute(), self.folder)
        return [source, seen, points, span.start, span.frames, str(span.rate), len(shown.images)]

    def _place(self, text: str) -> tuple[Path, str]:
        """A path that begins at the list, and how results name it."""
        if text not in self._places:
            whole = Path(os.path.normpath(self.folder / text))
            self._places[text] = whole, relative(whole, self.folder)
        return self._places[text]

    def _looked_at(self, picture: Path, named: str) -> list[Any]:
        """What tells a picture's files from changed ones: their sizes and times of change."""
        if named not in self._seen:
            if picture.is_dir() or image_sequence.is_pattern(picture):
                folder, names = image_sequence.find(picture)
                stats = [(folder / name).stat() for name in names]
                self._seen[named] = [len(names), sum(s.st_size for s in stats), max(s.st_mtime_ns for s in stats)]
            else:
                try:
                    seen = picture.stat()
                except FileNotFoundError:
                    raise BadInput(f"there is no file {picture}") from None
                except OSError as error:
                    raise BadInput(f"{picture} cannot be read: {error.strerror or error}") from None
                self._seen[named] = [seen.st_size, seen.st_mtime_ns]
        return self._seen[named]


def stem_of(path: Path) -> str:
    """What the names of files made of a list begin with."""
    return path.stem.removesuffix(".tracklay")


def relative(path: Path, folder: Path) -> str:
    """A path as results name it: from their folder on where it lies in there, so that both may move together; else whole."""
    whole = Path(os.path.normpath(path))
    return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else str(whole)


def _merged(*tables: Mapping[str, Any]) -> dict[str, Any]:
    """Tables laid over one another: the later says it; parameters one by one."""
    merged: dict[str, Any] = {}
    for table in tables:
        params = {**merged.get("params", {}), **table.get("params", {})}
        merged.update(table)
        if params:
            merged["params"] = params
    return merged


def _point(name: str, text: str | None) -> str | None:
    """A point in time, refused where it can be none at any rate; whether the picture has it shows when that is looked at."""
    if text is None:
        return None
    try:
        parse_time(text.replace(";", ":"), Rate.of(240))
    except ValueError as error:
        raise BadInput(f"{name} {error}") from None
    return text


def _without_suffix(picture: str) -> str:
    return picture.removesuffix(Path(picture).suffix)


def shard_of(row: str, shards: int) -> int:
    """The shard, from 1 on, that a row belongs to: by its id alone, so that it is the same however the list is sorted or grows."""
    return int.from_bytes(hashlib.sha256(row.encode()).digest()[:8]) % shards + 1


def part(rows: Sequence[Row], shard: int, shards: int) -> list[Row]:
    """The rows of a shard."""
    return [row for row in rows if shard_of(row.id, shards) == shard]
