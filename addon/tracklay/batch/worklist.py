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

from ..errors import InvalidInput, TracklayError
from ..jobs.job_spec import TakeSettings
from ..media import image_sequence
from ..media.fingerprint import relative_points, source_id
from ..models import find_model, load_catalogue
from ..models.model import EXTRA_PREFIX, is_url, suggest_nearest
from ..providers.base import get_provider
from ..timing import Rate, parse_time
from . import worklist_file
from .open_picture import TIMELINE_SUFFIXES, OpenPicture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..cue import Cue, ParamValue
    from ..models import Model

DEFAULT_MODEL = "sketch/foley"
DEFAULT_CUE = "1"
DEFAULT_FOLDER = "tracklay"
"""Beside the picture, as `tracklay lay` has it."""

ROW_FIELDS: Mapping[str, type] = {
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

PRODUCT_TABLES: Mapping[str, str] = {"pictures": "picture", "cues": "cue", "models": "model"}
"""What multiplies, and what an entry that is only a text means there."""

_PARAMETER_PREFIX = "params."
"""Begins the heading of a CSV's column that holds a parameter of the model."""

_GLOB_CHARACTERS = re.compile(r"[*?\[]")
_TYPE_NAMES = {str: "text", int: "a whole number", bool: "true or false", dict: "a table"}
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class WorkListRow:
    """One picture, one cue, one model.

    `picture` is a file, a folder of images or a pattern, absolute; `picture_name` is how results name it. `in_point` and `out_point` are as
    a person writes them. `params` are complete and checked. `digest` is what the row says and how its picture's file is: while that
    is the same, the row is the same. `location` names it in sentences.
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

    @property
    def lay_group(self) -> tuple[str, str]:
        """What is laid together: the cues of one picture that go to one folder."""
        return str(self.picture), str(self.folder)


@dataclass(frozen=True, slots=True)
class WorkList:
    """The rows of a file, in its order."""

    path: Path
    rows: tuple[WorkListRow, ...]
    models: Mapping[str, Model]

    @property
    def stem(self) -> str:
        """What the names of files made of it begin with."""
        return worklist_stem(self.path)

    @property
    def ledger_key(self) -> str:
        """What the ledger knows its jobs by."""
        return "batch-" + hashlib.sha256(str(self.path).encode()).hexdigest()[:16]


def load_worklist(path: Path, *, check_keys: bool = True) -> WorkList:
    """A work list, when all of its rows can be begun; `check_keys`: by this process, with the keys that it has.

    Raises:
        BadInput: one can't: no such picture, a wrong type, an id twice; the first is told, with its row.
        KeyMissing: a row's provider wants a key and none is set.
    """
    path = path.absolute()
    reading = _WorkListLoader(path, check_keys=check_keys)
    rows = tuple(reading.load_rows(worklist_file.read_worklist_file(path)))
    if not rows:
        raise InvalidInput(f"{path.name} has no rows: give it [[rows]], or pictures")
    return WorkList(path, rows, reading.models)


class _WorkListLoader:
    """Makes rows of one file; what many rows share is looked at once."""

    def __init__(self, path: Path, *, check_keys: bool) -> None:
        self.path, self.folder, self._check_keys = path, path.parent, check_keys
        self.catalogue = load_catalogue()
        self.models: dict[str, Model] = {}
        self._file_states: dict[str, list[Any]] = {}
        self._paths: dict[str, tuple[Path, str]] = {}
        self._locations_by_id: dict[str, str] = {}
        self._open_pictures: dict[Path, OpenPicture] = {}

    def load_rows(self, file: worklist_file.WorkListFile) -> Iterator[WorkListRow]:
        """All rows."""
        defaults = self._load_defaults(file.tables)
        for entry in file.rows:
            where = f"row {entry.number}" + (f" (line {entry.line})" if entry.line else "")
            if (name := entry.values.get("id")) and isinstance(name, str):
                where = f"row {name!r}" + (f" (line {entry.line})" if entry.line else f" (row {entry.number})")
            values = self._convert_values(entry.values, where, is_text=entry.is_text)
            yield from self._expand_rows(_merge_tables(defaults, values), where, is_text=entry.is_text)
        yield from self._product_rows(file.tables, defaults)

    def _fail(self, location: str, message: object) -> NoReturn:
        raise InvalidInput(f"{self.path.name}, {location}: {message}") from None

    def _load_defaults(self, tables: Mapping[str, Any]) -> dict[str, Any]:
        known = ("rows", "defaults", *PRODUCT_TABLES)
        unknown = next((name for name in tables if name not in known and name != "tracklay"), None)
        if unknown is not None:
            raise InvalidInput(
                f"{self.path.name}: there is no {unknown!r} in a work list{suggest_nearest(unknown, known)}"
            )
        defaults = tables.get("defaults", {})
        if not isinstance(defaults, dict):
            raise InvalidInput(f"{self.path.name}: defaults must be a table")
        if "id" in defaults:
            raise InvalidInput(f"{self.path.name}: defaults cannot hold an id: it is what tells rows apart")
        return self._convert_values(defaults, "defaults")

    def _convert_values(self, values: Mapping[str, Any], location: str, *, is_text: bool = False) -> dict[str, Any]:
        """What a table says, each of its field's type."""
        typed: dict[str, Any] = {}
        for name, value in values.items():
            if is_text and name.startswith((_PARAMETER_PREFIX, EXTRA_PREFIX)):
                typed.setdefault("params", {})[name.removeprefix(_PARAMETER_PREFIX)] = value
                continue
            kind = ROW_FIELDS.get(name)
            if kind is None or (is_text and kind is dict):
                hint = "; a parameter's column is headed params.NAME" if is_text else "; parameters stand in params"
                self._fail(location, f"there is no {name!r} in a row{suggest_nearest(name, ROW_FIELDS)}{hint}")
            typed[name] = (
                self._parse_cell(name, value, location) if is_text else self._check_value(name, kind, value, location)
            )
        return typed

    def _check_value(self, name: str, kind: type, value: Any, location: str) -> Any:
        if name in ("in", "out") and isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self._fail(location, f"{name} must be {_TYPE_NAMES[kind]}, not {json.dumps(value, default=str):.60}")
        if isinstance(value, dict):
            for parameter, held in value.items():
                if not isinstance(held, str | int | float | bool):
                    said = json.dumps(held, default=str)
                    self._fail(location, f"{parameter} must be a text, a number, or true or false, not {said:.60}")
        return value

    def _parse_cell(self, name: str, value: str, location: str) -> Any:
        kind = ROW_FIELDS[name]
        if kind is bool:
            if value.lower() not in _BOOLEANS:
                self._fail(location, f"{name} must be true or false, not {value!r:.60}")
            return _BOOLEANS[value.lower()]
        if kind is int:
            try:
                return int(value)
            except ValueError:
                self._fail(location, f"{name} must be a whole number, not {value!r:.60}")
        return value

    def _product_rows(self, tables: Mapping[str, Any], defaults: dict[str, Any]) -> Iterator[WorkListRow]:
        """Every picture with every cue with every model."""
        pictures, cues, models = (self._product_table(tables.get(name, []), name) for name in PRODUCT_TABLES)
        if not pictures:
            for name, found in (("cues", cues), ("models", models)):
                if found:
                    raise InvalidInput(f"{self.path.name}: there are {name} and no pictures that they are for")
            return
        for picture, one in [found for each, where in pictures for found in self._expand_glob(each, where)]:
            for cue, two in cues or [({}, "")]:
                for model, three in models or [({}, "")]:
                    where = ", ".join(filter(None, (one, two, three)))
                    yield from self._expand_rows(_merge_tables(defaults, picture, cue, model), where)

    def _product_table(self, entries: Any, name: str) -> list[tuple[dict[str, Any], str]]:
        if not isinstance(entries, list):
            raise InvalidInput(f"{self.path.name}: {name} must be a list")
        found = []
        for number, entry in enumerate(entries, 1):
            where = f"{name} {number}"
            values: Any = {PRODUCT_TABLES[name]: entry} if isinstance(entry, str) else entry
            if not isinstance(values, dict):
                self._fail(where, f"it must be a text or a table, not {entry!r:.60}")
            if "id" in values:
                self._fail(where, "it cannot have an id: rows that are multiplied are named by what they are made of")
            found.append((self._convert_values(values, where), where))
        return found

    def _expand_glob(self, entry: dict[str, Any], location: str) -> list[tuple[dict[str, Any], str]]:
        """The pictures that one entry means: more than one where it is a glob."""
        named = entry.get("picture", "")
        if not _GLOB_CHARACTERS.search(named) or (self.folder / named).exists():
            return [(entry, location)]
        found = sorted(glob.glob(named, root_dir=self.folder, recursive=True))  # noqa: PTH207 - the text is kept as it is written
        if not found:
            self._fail(location, f"no file is named as {named}")
        return [({**entry, "picture": Path(each).as_posix()}, f"{location} ({each})") for each in found]

    def _expand_rows(self, values: Mapping[str, Any], location: str, *, is_text: bool = False) -> Iterator[WorkListRow]:
        """The rows that a table means: one; or, of a timeline that has cues of its own, one for each of them, or the one it names."""
        if not values.get("picture"):
            self._fail(location, "it names no picture")
        picture, _ = self._resolve_path(values["picture"])
        if picture.suffix.lower() not in TIMELINE_SUFFIXES or picture.is_dir():
            yield self._build_row(values, location, is_text=is_text)
            return
        try:
            cues = self._open_picture(picture).cues(*(values.get(name) for name in ("in", "out")))
        except TracklayError as error:
            self._fail(location, error)
        only = values.get("cue")
        if only is not None and not any(cue.id == only for cue in cues):
            self._fail(location, f"{picture.name} has no cue {only!r}{suggest_nearest(only, [cue.id for cue in cues])}")
        for cue in cues if only is None else [cue for cue in cues if cue.id == only]:
            named = values.get("id")
            number = f"{named}:{cue.id}" if named and only is None else named
            yield self._build_row({**values, "cue": cue.id, "id": number}, location, is_text=is_text, cue=cue)

    def _open_picture(self, picture: Path) -> OpenPicture:
        if not picture.exists():
            raise InvalidInput(f"there is no file {picture}")
        if picture not in self._open_pictures:
            self._open_pictures[picture] = OpenPicture(picture)
        return self._open_pictures[picture]

    def _build_row(
        self, values: Mapping[str, Any], location: str, *, is_text: bool = False, cue: Cue | None = None
    ) -> WorkListRow:
        try:
            model = self._find_model(values.get("model", DEFAULT_MODEL))
            params = {
                name: self._parameter_value(model, name, value, is_text=is_text)
                for name, value in values.get("params", {}).items()
            }
            asked = TakeSettings(
                values.get("prompt", ""),
                values.get("negative", ""),
                values.get("takes", 1),
                values.get("seed"),
                params,
            ).validate(model)
            points = [_check_time(name, values.get(name)) for name in ("in", "out")]
            picture, named = self._resolve_path(values["picture"])
            seen = self._picture_fingerprint(picture, named) if cue is None else self._cue_fingerprint(cue)
        except TracklayError as error:
            error.args = (f"{self.path.name}, {location}: {error}", *error.args[1:])
            raise
        folder, to = self._resolve_path(values.get("folder") or f"{values['picture']}/../{DEFAULT_FOLDER}")
        name = values.get("cue", DEFAULT_CUE)
        number = values.get("id") or f"{_strip_suffix(values['picture'])}:{name}:{model.id}"
        if number in self._locations_by_id:
            self._fail(
                location,
                f"the id {number!r} is taken by {self._locations_by_id[number]}: give each row an id of its own",
            )
        self._locations_by_id[number] = location
        said = [named, seen, name, *points, model.id, asked.prompt, asked.negative, asked.seed]
        said += [dict(asked.params), to]
        return WorkListRow(
            number,
            picture,
            named,
            name,
            model.id,
            folder,
            hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32],
            location if "'" in location else f"{location} ({number})",
            asked.prompt,
            asked.negative,
            points[0],
            points[1],
            asked.takes,
            asked.seed,
            asked.params,
            bool(values.get("drop_original", False)),
        )

    def _parameter_value(self, model: Model, name: str, value: ParamValue, *, is_text: bool) -> ParamValue:
        """A parameter's value: of its own type where the list holds only text, and a file's path from the list on."""
        if name.startswith(EXTRA_PREFIX) or not isinstance(value, str):
            return value
        parameter = model.find_parameter(name)
        if parameter.type == "file":
            return value if is_url(value) else str(self.folder / value)
        return parameter.parse(value) if is_text else value

    def _find_model(self, name: str) -> Model:
        if name not in self.models:
            model = find_model(name, self.catalogue)
            if self._check_keys:
                get_provider(model.provider).check_ready()
            self.models[name] = model
        return self.models[name]

    def _cue_fingerprint(self, cue: Cue) -> list[Any]:
        """What tells a timeline's cue from an edited one: what plays in it, and how that file is."""
        shown, span = cue.picture, cue.span
        try:
            seen = source_id(shown.source, "stat")
        except OSError:
            seen = []
        # All points, and the start: results of rows are stored under this, so `span_fingerprint` cannot take its place.
        points = relative_points(shown.time_map.points, span)
        source = relative_path(shown.source.absolute(), self.folder)
        return [source, seen, points, span.start, span.frames, str(span.rate), len(shown.images)]

    def _resolve_path(self, text: str) -> tuple[Path, str]:
        """A path that begins at the list, and how results name it."""
        if text not in self._paths:
            whole = Path(os.path.normpath(self.folder / text))
            self._paths[text] = whole, relative_path(whole, self.folder)
        return self._paths[text]

    def _picture_fingerprint(self, picture: Path, picture_name: str) -> list[Any]:
        """What tells a picture's files from changed ones: their sizes and times of change."""
        if picture_name not in self._file_states:
            if picture.is_dir() or image_sequence.is_sequence_pattern(picture):
                folder, names = image_sequence.find_sequence(picture)
                stats = [(folder / name).stat() for name in names]
                self._file_states[picture_name] = [
                    len(names),
                    sum(s.st_size for s in stats),
                    max(s.st_mtime_ns for s in stats),
                ]
            else:
                try:
                    self._file_states[picture_name] = source_id(picture, "stat")
                except FileNotFoundError:
                    raise InvalidInput(f"there is no file {picture}") from None
                except OSError as error:
                    raise InvalidInput(f"{picture} cannot be read: {error.strerror or error}") from None
        return self._file_states[picture_name]


def worklist_stem(path: Path) -> str:
    """What the names of files made of a list begin with."""
    return path.stem.removesuffix(".tracklay")


def relative_path(path: Path, folder: Path) -> str:
    """A path as results name it: from their folder on where it lies in there, so that both may move together; else whole."""
    whole = Path(os.path.normpath(path))
    return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else str(whole)


def _merge_tables(*tables: Mapping[str, Any]) -> dict[str, Any]:
    """Tables laid over one another: the later says it; parameters one by one."""
    merged: dict[str, Any] = {}
    for table in tables:
        params = {**merged.get("params", {}), **table.get("params", {})}
        merged.update(table)
        if params:
            merged["params"] = params
    return merged


def _check_time(name: str, text: str | None) -> str | None:
    """A point in time, refused where it can be none at any rate; whether the picture has it shows when that is looked at."""
    if text is None:
        return None
    try:
        parse_time(text.replace(";", ":"), Rate.from_value(240))
    except ValueError as error:
        raise InvalidInput(f"{name} {error}") from None
    return text


def _strip_suffix(picture: str) -> str:
    return picture.removesuffix(Path(picture).suffix)


def shard_of(row_id: str, shards: int) -> int:
    """The shard, from 1 on, that a row belongs to: by its id alone, so that it is the same however the list is sorted or grows."""
    return int.from_bytes(hashlib.sha256(row_id.encode()).digest()[:8]) % shards + 1


def shard_rows(rows: Sequence[WorkListRow], shard: int, shards: int) -> list[WorkListRow]:
    """The rows of a shard."""
    return [row for row in rows if shard_of(row.id, shards) == shard]
