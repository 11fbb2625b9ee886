"""Reads a work list and checks all of its rows before any of them is started.

The checks are its own and not shared with `models.loader`: a row is merged from up to four tables before it is complete, a CSV's
values are text, and the location of an error is a row, not a key of TOML. Both have in common only the wording of a wrong type.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..cue import FIT_MODES, LAND_MODES
from ..errors import InvalidInput, TracklayError, file_not_found_error
from ..jobs.job_spec import TakeSettings
from ..media import image_sequence
from ..media.fingerprint import relative_points, source_id
from ..mix.presets import load_preset
from ..models import find_model, load_catalogue
from ..models.model import EXTRA_PREFIX, is_url, suggest_nearest
from ..parts.sizes import parse_part_seconds
from ..providers.base import get_provider
from ..timelines.formats import is_timeline
from ..timelines.handles import parse_handles
from ..timing import Rate, parse_time
from . import worklist_file
from .open_picture import OpenPicture
from .worklist import (
    DEFAULT_CUE,
    DEFAULT_FOLDER,
    DEFAULT_MODEL,
    PRODUCT_TABLES,
    ROW_FIELDS,
    WorkList,
    WorkListRow,
    relative_path,
)

if TYPE_CHECKING:
    from ..cue import Cue, FitMode, LandMode, ParamValue
    from ..models import Model

_PARAMETER_PREFIX = "params."
"""Prefix of the header of a CSV's column for a parameter of the model."""

_GLOB_CHARACTERS = re.compile(r"[*?\[]")
_TYPE_NAMES = {str: "text", int: "a whole number", bool: "true or false", dict: "a table"}
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

_VALUE_CHARACTERS = 60
"""Longest part of a wrong value that a message quotes, in characters."""

_FASTEST_RATE = 240
"""Frames per second. A time is checked against it before the picture's own rate is known: its frame field may be up to 239."""

_Error = TypeVar("_Error", bound=TracklayError)


def load_worklist(
    path: Path, *, check_keys: bool = True, land: LandMode = "auto", parts: str = "auto", repair: bool = False
) -> WorkList:
    """Read a work list and check that all of its rows can be started.

    Args:
        path: a .toml, .json or .csv file.
        check_keys: check the API keys too. Without it the list can be read on a machine that has none.
        land: landing of rows that have no such field.
        parts: parts of rows that have no such field.
        repair: repair of rows that have no such field.

    Raises:
        InvalidInput: a row is wrong: no such picture, a wrong type, an id twice. The message names the first such row.
        KeyMissing: the provider of a row needs a key and none is set.
    """
    path = path.absolute()
    loader = _WorkListLoader(path, check_keys=check_keys, land=land, parts=parts, repair=repair)
    rows = tuple(loader.load_rows(worklist_file.read_worklist_file(path)))
    if not rows:
        raise InvalidInput("worklist.no_rows", "{file} has no rows. Add [[rows]] or pictures.", file=path.name)
    return WorkList(path, rows, loader.models)


class _WorkListLoader:
    """Builds the rows of one file. What rows share (models, pictures, file states) is looked up once."""

    def __init__(self, path: Path, *, check_keys: bool, land: LandMode, parts: str, repair: bool) -> None:
        self.path, self.folder, self._check_keys, self._land = path, path.parent, check_keys, land
        self._parts, self._repair = parts, repair
        self.catalogue = load_catalogue()
        self.models: dict[str, Model] = {}
        self._file_states: dict[str, list[Any]] = {}
        self._paths: dict[str, tuple[Path, str]] = {}
        self._locations_by_id: dict[str, str] = {}
        self._open_pictures: dict[Path, OpenPicture] = {}

    def load_rows(self, file: worklist_file.WorkListFile) -> Iterator[WorkListRow]:
        """Yield all rows: those of `rows` first, then the combinations of pictures, cues and models."""
        defaults = self._load_defaults(file.tables)
        for entry in file.rows:
            location = f"row {entry.number}" + (f" (line {entry.line})" if entry.line else "")
            if (name := entry.values.get("id")) and isinstance(name, str):
                location = f"row {name!r}" + (f" (line {entry.line})" if entry.line else f" (row {entry.number})")
            values = self._convert_values(entry.values, location, is_text=entry.is_text)
            yield from self._expand_rows(_merge_tables(defaults, values), location, is_text=entry.is_text)
        yield from self._product_rows(file.tables, defaults)

    def _locate(self, error: _Error, location: str = "") -> _Error:
        """Return the error with the file and the row in front."""
        return error.prefix_with(f"{self.path.name}, {location}" if location else self.path.name)

    def _load_defaults(self, tables: Mapping[str, Any]) -> dict[str, Any]:
        known = ("rows", "defaults", *PRODUCT_TABLES)
        unknown = next((name for name in tables if name not in known and name != "tracklay"), None)
        if unknown is not None:
            error = InvalidInput(
                "worklist.unknown_table",
                "A work list has no table {table!r}{suggestion}.",
                table=unknown,
                suggestion=suggest_nearest(unknown, known),
            )
            raise self._locate(error)
        defaults = tables.get("defaults", {})
        if not isinstance(defaults, dict):
            raise self._locate(_wrong_type_error("defaults", "a table", defaults))
        if "id" in defaults:
            raise self._locate(
                InvalidInput("worklist.id_in_defaults", "defaults cannot have an id: each row has its own.")
            )
        return self._convert_values(defaults, "defaults")

    def _convert_values(self, values: Mapping[str, Any], location: str, *, is_text: bool = False) -> dict[str, Any]:
        """Return a table's values, each with the type of its field."""
        typed: dict[str, Any] = {}
        for name, value in values.items():
            if is_text and name.startswith((_PARAMETER_PREFIX, EXTRA_PREFIX)):
                typed.setdefault("params", {})[name.removeprefix(_PARAMETER_PREFIX)] = value
                continue
            kind = ROW_FIELDS.get(name)
            if kind is None or (is_text and kind is dict):
                raise self._locate(_unknown_field_error(name, is_text=is_text), location)
            typed[name] = (
                self._parse_cell(name, value, location) if is_text else self._check_value(name, kind, value, location)
            )
        return typed

    def _check_value(self, name: str, kind: type, value: Any, location: str) -> Any:
        # A time or a length in seconds may be written as a number.
        if name in ("in", "out", "parts", "handles") and isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self._locate(_wrong_type_error(name, _TYPE_NAMES[kind], value), location)
        if isinstance(value, dict):
            for parameter, param_value in value.items():
                if not isinstance(param_value, str | int | float | bool):
                    expected = "text, a number, or true or false"
                    raise self._locate(_wrong_type_error(parameter, expected, param_value), location)
        return value

    def _parse_cell(self, name: str, value: str, location: str) -> Any:
        kind = ROW_FIELDS[name]
        if kind is bool:
            if value.lower() not in _BOOLEANS:
                raise self._locate(_wrong_type_error(name, _TYPE_NAMES[bool], value), location)
            return _BOOLEANS[value.lower()]
        if kind is int:
            try:
                return int(value)
            except ValueError:
                raise self._locate(_wrong_type_error(name, _TYPE_NAMES[int], value), location) from None
        return value

    def _product_rows(self, tables: Mapping[str, Any], defaults: dict[str, Any]) -> Iterator[WorkListRow]:
        """Yield the rows of every picture with every cue with every model."""
        pictures, cues, models = (self._product_table(tables.get(name, []), name) for name in PRODUCT_TABLES)
        if not pictures:
            for name, found in (("cues", cues), ("models", models)):
                if found:
                    raise self._locate(
                        InvalidInput("worklist.no_pictures", "The list has {table} but no pictures.", table=name)
                    )
            return
        expanded = [found for entry, location in pictures for found in self._expand_glob(entry, location)]
        for picture, picture_location in expanded:
            for cue, cue_location in cues or [({}, "")]:
                for model, model_location in models or [({}, "")]:
                    location = ", ".join(filter(None, (picture_location, cue_location, model_location)))
                    yield from self._expand_rows(_merge_tables(defaults, picture, cue, model), location)

    def _product_table(self, entries: Any, name: str) -> list[tuple[dict[str, Any], str]]:
        if not isinstance(entries, list):
            raise self._locate(_wrong_type_error(name, "a list", entries))
        found = []
        for number, entry in enumerate(entries, 1):
            location = f"{name} {number}"
            values: Any = {PRODUCT_TABLES[name]: entry} if isinstance(entry, str) else entry
            if not isinstance(values, dict):
                raise self._locate(_wrong_type_error("an entry", "text or a table", entry), location)
            if "id" in values:
                error = InvalidInput(
                    "worklist.id_in_product",
                    "An entry of {table} cannot have an id: it is part of several rows.",
                    table=name,
                )
                raise self._locate(error, location)
            found.append((self._convert_values(values, location), location))
        return found

    def _expand_glob(self, entry: dict[str, Any], location: str) -> list[tuple[dict[str, Any], str]]:
        """Return an entry for each picture that a glob pattern matches, each with its location."""
        pattern = entry.get("picture", "")
        # A file may have such characters in its name.
        if not _GLOB_CHARACTERS.search(pattern) or (self.folder / pattern).exists():
            return [(entry, location)]
        found = sorted(glob.glob(pattern, root_dir=self.folder, recursive=True))  # noqa: PTH207 - a relative path stays relative
        if not found:
            error = InvalidInput("worklist.no_match", "No file matches {pattern}.", pattern=pattern)
            raise self._locate(error, location)
        return [({**entry, "picture": Path(each).as_posix()}, f"{location} ({each})") for each in found]

    def _expand_rows(self, values: Mapping[str, Any], location: str, *, is_text: bool = False) -> Iterator[WorkListRow]:
        """Yield the rows of a table: one, or for a timeline with its own cues one for each, unless the table names one of them."""
        if not values.get("picture"):
            raise self._locate(InvalidInput("worklist.no_picture", "The row has no picture."), location)
        picture, _ = self._resolve_path(values["picture"])
        if not is_timeline(picture):
            yield self._build_row(values, location, is_text=is_text)
            return
        try:
            points = [values.get(name) for name in ("in", "out")]
            cues = self._open_picture(picture).cues(*points, as_one=bool(values.get("as_one")))
        except InvalidInput as error:
            self._locate(error, location)
            raise
        except TracklayError as error:
            # A list is checked before it is started: an unreadable timeline is invalid input here.
            invalid = InvalidInput("worklist.timeline_unreadable", "{error}", error=error)
            raise self._locate(invalid, location) from error
        only = values.get("cue")
        if only is not None and not any(cue.id == only for cue in cues):
            unknown = InvalidInput(
                "worklist.unknown_cue",
                "{picture} has no cue {cue!r}{suggestion}.",
                picture=picture.name,
                cue=only,
                suggestion=suggest_nearest(only, [cue.id for cue in cues]),
            )
            raise self._locate(unknown, location)
        for cue in cues if only is None else [cue for cue in cues if cue.id == only]:
            given_id = values.get("id")
            row_id = f"{given_id}:{cue.id}" if given_id and only is None else given_id
            yield self._build_row({**values, "cue": cue.id, "id": row_id}, location, is_text=is_text, cue=cue)

    def _open_picture(self, picture: Path) -> OpenPicture:
        if not picture.exists():
            raise file_not_found_error(picture)
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
            settings = TakeSettings(
                values.get("prompt", ""),
                values.get("negative", ""),
                values.get("takes", 1),
                values.get("seed"),
                params,
            ).validate(model)
            land = _check_land(values.get("land", self._land))
            parts = values.get("parts", self._parts)
            parse_part_seconds(parts)
            handles = values.get("handles", "")
            if handles and not parse_handles(handles):
                handles = ""
            repair = bool(values.get("repair", self._repair))
            mix = values.get("mix", "")
            mix = str(self.folder / mix) if mix.lower().endswith(".toml") else mix
            if mix:
                load_preset(mix)
            points = [_check_time(name, values.get(name)) for name in ("in", "out")]
            picture, picture_name = self._resolve_path(values["picture"])
            state = self._picture_fingerprint(picture, picture_name) if cue is None else self._cue_fingerprint(cue)
        except TracklayError as error:
            self._locate(error, location)
            raise
        folder, folder_name = self._resolve_path(values.get("folder") or f"{values['picture']}/../{DEFAULT_FOLDER}")
        cue_id = values.get("cue", DEFAULT_CUE)
        row_id = values.get("id") or f"{_strip_suffix(values['picture'])}:{cue_id}:{model.id}"
        if row_id in self._locations_by_id:
            duplicate = InvalidInput(
                "worklist.id_twice",
                "The id {id!r} is already used by {other}. Give each row its own id.",
                id=row_id,
                other=self._locations_by_id[row_id],
            )
            raise self._locate(duplicate, location)
        self._locations_by_id[row_id] = location
        # The number of takes is left out: a row that asks for more keeps the takes that it has.
        content = [picture_name, state, cue_id, *points, model.id, settings.prompt, settings.negative, settings.seed]
        content += [dict(settings.params), folder_name]
        # Left out by default: results of earlier versions stay valid.
        content += [] if land == "auto" else [land]
        content += [] if parts == "auto" else ["parts", parts]
        hits, tail, fit = values.get("hits", ""), values.get("tail", ""), _check_fit(values.get("fit", "auto"))
        content += [["tail", tail]] if tail else []
        content += [["handles", handles]] if handles else []
        content += [["fit", fit]] if fit != "auto" else []
        marked = [hit.to_list() for hit in cue.hits] if cue is not None and model.task == "music" else []
        content += [["hits", hits, marked]] if hits or marked else []
        return WorkListRow(
            row_id,
            picture,
            picture_name,
            cue_id,
            model.id,
            folder,
            hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32],
            location if "'" in location else f"{location} ({row_id})",
            settings.prompt,
            settings.negative,
            points[0],
            points[1],
            settings.takes,
            settings.seed,
            settings.params,
            bool(values.get("drop_original", False)),
            land,
            bool(values.get("best", False) or repair),
            parts,
            repair,
            hits,
            tail,
            fit,
            bool(values.get("as_one")),
            mix,
            handles,
        )

    def _parameter_value(self, model: Model, name: str, value: ParamValue, *, is_text: bool) -> ParamValue:
        """Return a parameter's value: converted from a CSV's text, and with a file's path made absolute."""
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
        """Return values that change when a timeline's cue is edited: its source, the source's state, its frames and its retiming."""
        picture, span = cue.picture, cue.span
        if picture.pieces:
            pieces = (replace(cue, span=piece.span, picture=piece.picture) for piece in picture.pieces)
            return [span.start, span.frames, *map(self._cue_fingerprint, pieces)]
        try:
            state = source_id(picture.source, "stat")
        except OSError:
            state = []
        # All points, and the start: results of rows are stored under this, so `span_fingerprint` cannot take its place.
        points = relative_points(picture.time_map.points, span)
        source = relative_path(picture.source.absolute(), self.folder)
        return [source, state, points, span.start, span.frames, str(span.rate), len(picture.images)]

    def _resolve_path(self, text: str) -> tuple[Path, str]:
        """Return the absolute form of a path relative to the list, and its name in results."""
        if text not in self._paths:
            whole = Path(os.path.normpath(self.folder / text))
            self._paths[text] = whole, relative_path(whole, self.folder)
        return self._paths[text]

    def _picture_fingerprint(self, picture: Path, picture_name: str) -> list[Any]:
        """Return the size and the time of change of a picture's file, or of all files of an image sequence."""
        if picture_name not in self._file_states:
            if picture.is_dir() or image_sequence.is_sequence_pattern(picture):
                folder, names = image_sequence.find_sequence(picture)
                stats = [path.stat() for name in names if (path := folder / name).exists()]
                self._file_states[picture_name] = [
                    len(names),
                    sum(s.st_size for s in stats),
                    max(s.st_mtime_ns for s in stats),
                ]
            else:
                try:
                    self._file_states[picture_name] = source_id(picture, "stat")
                except FileNotFoundError:
                    raise file_not_found_error(picture) from None
                except OSError as error:
                    raise InvalidInput(
                        "worklist.picture_unreadable",
                        "Cannot read {path}: {reason}.",
                        path=picture,
                        reason=error.strerror or error,
                    ) from None
        return self._file_states[picture_name]


def _wrong_type_error(field: str, expected: str, value: object) -> InvalidInput:
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return InvalidInput(
        "worklist.wrong_type",
        "{field} must be {expected}, not {value}.",
        field=field,
        expected=expected,
        value=text[:_VALUE_CHARACTERS],
    )


def _unknown_field_error(name: str, *, is_text: bool) -> InvalidInput:
    suggestion = suggest_nearest(name, ROW_FIELDS)
    if is_text:
        return InvalidInput(
            "worklist.unknown_column",
            "Unknown column: {field!r}{suggestion}. The column of a parameter is named params.NAME.",
            field=name,
            suggestion=suggestion,
        )
    return InvalidInput(
        "worklist.unknown_field",
        "Unknown field: {field!r}{suggestion}. Parameters of the model belong in params.",
        field=name,
        suggestion=suggestion,
    )


def _merge_tables(*tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables merged: a later value replaces an earlier one; parameters are merged one by one."""
    merged: dict[str, Any] = {}
    for table in tables:
        params = {**merged.get("params", {}), **table.get("params", {})}
        merged.update(table)
        if params:
            merged["params"] = params
    return merged


def _check_fit(text: str) -> FitMode:
    for mode in FIT_MODES:
        if text == mode:
            return mode
    raise InvalidInput(
        "worklist.invalid_fit", "fit must be {names}: {value}.", names=" or ".join(FIT_MODES), value=text
    )


def _check_land(text: str) -> LandMode:
    for mode in LAND_MODES:
        if text == mode:
            return mode
    raise InvalidInput(
        "worklist.invalid_land", "land must be {names}: {value}.", names=" or ".join(LAND_MODES), value=text
    )


def _check_time(name: str, text: str | None) -> str | None:
    """Return a time if it is valid at some frame rate. Whether the picture contains it is checked when the picture is opened."""
    if text is None:
        return None
    try:
        parse_time(text.replace(";", ":"), Rate.from_value(_FASTEST_RATE))
    except ValueError as error:
        raise InvalidInput(
            "worklist.invalid_time", "{field}: {reason}.", field=name, reason=str(error).rstrip(".")
        ) from None
    return text


def _strip_suffix(picture: str) -> str:
    return picture.removesuffix(Path(picture).suffix)
