"""Reads a work list's file as plain tables: TOML, JSON, and CSV as spreadsheets write it. What the tables mean is `worklist`'s."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WORKLIST_SUFFIXES = (".toml", ".json", ".csv")

CSV_DELIMITERS = ",;\t"
"""What spreadsheets put between cells: where the comma is the decimal point, a semicolon; copied as text, a tab."""

_ROWS_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*rows[ \t]*\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RawRow:
    """One table of the file. `number` counts those of its kind from 1; `line` is where it begins, None where nobody knows.

    The values of a CSV are all `is_text`, and become what their field is; elsewhere they have types of their own.
    """

    values: Mapping[str, Any]
    number: int
    line: int | None = None
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class WorkListFile:
    """A work list's file. `tables` are its `defaults`, and what multiplies: `pictures`, `cues`, `models`."""

    rows: tuple[RawRow, ...]
    tables: Mapping[str, Any]


def read_worklist_file(path: Path) -> WorkListFile:
    """The tables of a work list.

    Raises:
        BadInput: there is no such file, or it is not what its name says; the line is told.
    """
    kind = path.suffix.lower()
    if kind not in WORKLIST_SUFFIXES:
        raise InvalidInput(f"{path} is no work list: name a .toml, .json or .csv file")
    try:
        held = path.read_bytes()
    except FileNotFoundError:
        raise InvalidInput(f"there is no work list {path}") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}") from error
    text = _decode_text(held, path)
    if kind == ".csv":
        return WorkListFile(tuple(_parse_csv(text, path)), {})
    return _parse_toml(text, path) if kind == ".toml" else _parse_json(text, path)


def _decode_text(data: bytes, path: Path) -> str:
    # Excel's "Unicode text" is UTF-16; its "CSV UTF-8" begins with a mark that is no part of the first cell.
    code = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(code)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InvalidInput(
            f"{path.name}, line {line}: there are characters that are not UTF-8: save it again as UTF-8"
        ) from None
    if (at := text.find("\0")) >= 0:
        raise InvalidInput(
            f"{path.name}, line {text.count(chr(10), 0, at) + 1}: this is no text: save it again as UTF-8"
        )
    return text


def _parse_toml(text: str, path: Path) -> WorkListFile:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path.name} is no TOML: {_lower_first(str(error))}") from None
    except RecursionError:
        raise InvalidInput(f"{path.name} is no work list: its tables lie too deep in one another") from None
    lines, line, after = [], 1, 0
    for found in _ROWS_HEADER.finditer(text):
        line, after = line + text.count("\n", after, found.end()), found.end()
        lines.append(line)
    return _build_file(tables, path, lines)


def _parse_json(text: str, path: Path) -> WorkListFile:
    try:
        tables = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{path.name}, line {error.lineno}: this is no JSON: {_lower_first(error.msg)}") from None
    except RecursionError:
        raise InvalidInput(f"{path.name} is no work list: its tables lie too deep in one another") from None
    return _build_file({"rows": tables} if isinstance(tables, list) else tables, path, [])


def _lower_first(message: str) -> str:
    return message[:1].lower() + message[1:]


def _build_file(tables: Any, path: Path, row_lines: list[int]) -> WorkListFile:
    if not isinstance(tables, dict):
        raise InvalidInput(f"{path.name} is no work list: it must be a table with rows, or a list of them")
    rows = tables.pop("rows", [])
    if not isinstance(rows, list):
        raise InvalidInput(f"{path.name}: rows must be a list of tables, one for each row")
    known = row_lines if len(row_lines) == len(rows) else [None] * len(rows)
    entries = []
    for number, (row, line) in enumerate(zip(rows, known, strict=True), 1):
        if not isinstance(row, dict):
            raise InvalidInput(f"{path.name}, row {number}: a row must be a table, not {row!r:.60}")
        entries.append(RawRow(row, number, line))
    return WorkListFile(tuple(entries), tables)


def _parse_csv(text: str, path: Path) -> list[RawRow]:
    lines = io.StringIO(text, newline="")
    skipped, separator = 0, ""
    if text[:4].lower() == "sep=":  # Excel's own way to say it
        said = lines.readline()
        separator, skipped = said[4:5], 1
    if not separator.strip(" \r\n"):
        separator = _guess_delimiter(text.split("\n", skipped + 1)[skipped] if text.count("\n") >= skipped else "")
    reader = csv.reader(lines, delimiter=separator, strict=True)
    heading: list[str] = []
    entries: list[RawRow] = []
    while True:
        line = reader.line_num + skipped + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            raise InvalidInput(
                f"{path.name}, line {line}: a quote opens here that is not closed where its cell ends: close it, or write "
                "each quote that belongs to the text twice and the whole cell in quotes"
            ) from None
        cells = [cell.strip() for cell in cells]
        if not any(cells):
            continue
        if not heading:
            heading = _parse_header(cells, path, line)
            continue
        if any(cells[len(heading) :]):
            raise InvalidInput(
                f"{path.name}, line {line}: there are {len(cells)} cells and the heading has {len(heading)}: "
                f"a cell with {separator!r} in it must stand in quotes"
            )
        values = {name: cell for name, cell in zip(heading, cells, strict=False) if cell}
        if "" in values:
            raise InvalidInput(f"{path.name}, line {line}: {values['']!r:.60} stands under no heading")
        entries.append(RawRow(values, len(entries) + 1, line, is_text=True))
    return entries


def _guess_delimiter(heading: str) -> str:
    return max(CSV_DELIMITERS, key=heading.count)


def _parse_header(cells: list[str], path: Path, line: int) -> list[str]:
    heading = [cell if cell.startswith(("params.", "+")) else cell.lower().replace(" ", "_") for cell in cells]
    twice = next((name for name in heading if name and heading.count(name) > 1), None)
    if twice:
        raise InvalidInput(f"{path.name}, line {line}: two columns are headed {twice!r}: leave one out")
    return heading
