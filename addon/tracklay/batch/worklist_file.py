"""Reads a work list's file as plain tables: TOML, JSON, and CSV as spreadsheets write it. What the tables mean is `worklist`'s."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KINDS = (".toml", ".json", ".csv")

SEPARATORS = ",;\t"
"""What spreadsheets put between cells: where the comma is the decimal point, a semicolon; copied as text, a tab."""

_ROWS = re.compile(r"^[ \t]*\[\[[ \t]*rows[ \t]*\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One table of the file. `number` counts those of its kind from 1; `line` is where it begins, None where nobody knows.

    The values of a CSV are all `text`, and become what their field is; elsewhere they have types of their own.
    """

    values: Mapping[str, Any]
    number: int
    line: int | None = None
    text: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A work list's file. `tables` are its `defaults`, and what multiplies: `pictures`, `cues`, `models`."""

    rows: tuple[Entry, ...]
    tables: Mapping[str, Any]


def read(path: Path) -> Sheet:
    """The tables of a work list.

    Raises:
        BadInput: there is no such file, or it is not what its name says; the line is told.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise BadInput(f"{path} is no work list: name a .toml, .json or .csv file")
    try:
        held = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"there is no work list {path}") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    text = _text(held, path)
    if kind == ".csv":
        return Sheet(tuple(_csv(text, path)), {})
    return _toml(text, path) if kind == ".toml" else _json(text, path)


def _text(held: bytes, path: Path) -> str:
    # Excel's "Unicode text" is UTF-16; its "CSV UTF-8" begins with a mark that is no part of the first cell.
    code = "utf-16" if held[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = held.decode(code)
    except UnicodeDecodeError as error:
        line = held[: error.start].count(b"\n") + 1
        raise BadInput(
            f"{path.name}, line {line}: there are characters that are not UTF-8: save it again as UTF-8"
        ) from None
    if (at := text.find("\0")) >= 0:
        raise BadInput(f"{path.name}, line {text.count(chr(10), 0, at) + 1}: this is no text: save it again as UTF-8")
    return text


def _toml(text: str, path: Path) -> Sheet:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path.name} is no TOML: {_small(str(error))}") from None
    except RecursionError:
        raise BadInput(f"{path.name} is no work list: its tables lie too deep in one another") from None
    lines, line, after = [], 1, 0
    for found in _ROWS.finditer(text):
        line, after = line + text.count("\n", after, found.end()), found.end()
        lines.append(line)
    return _sheet(tables, path, lines)


def _json(text: str, path: Path) -> Sheet:
    try:
        tables = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"{path.name}, line {error.lineno}: this is no JSON: {_small(error.msg)}") from None
    except RecursionError:
        raise BadInput(f"{path.name} is no work list: its tables lie too deep in one another") from None
    return _sheet({"rows": tables} if isinstance(tables, list) else tables, path, [])


def _small(said: str) -> str:
    return said[:1].lower() + said[1:]


def _sheet(tables: Any, path: Path, lines: list[int]) -> Sheet:
    if not isinstance(tables, dict):
        raise BadInput(f"{path.name} is no work list: it must be a table with rows, or a list of them")
    rows = tables.pop("rows", [])
    if not isinstance(rows, list):
        raise BadInput(f"{path.name}: rows must be a list of tables, one for each row")
    known = lines if len(lines) == len(rows) else [None] * len(rows)
    entries = []
    for number, (row, line) in enumerate(zip(rows, known, strict=True), 1):
        if not isinstance(row, dict):
            raise BadInput(f"{path.name}, row {number}: a row must be a table, not {row!r:.60}")
        entries.append(Entry(row, number, line))
    return Sheet(tuple(entries), tables)


def _csv(text: str, path: Path) -> list[Entry]:
    lines = io.StringIO(text, newline="")
    skipped, separator = 0, ""
    if text[:4].lower() == "sep=":  # Excel's own way to say it
        said = lines.readline()
        separator, skipped = said[4:5], 1
    if not separator.strip(" \r\n"):
        separator = _separator(text.split("\n", skipped + 1)[skipped] if text.count("\n") >= skipped else "")
    reader = csv.reader(lines, delimiter=separator, strict=True)
    heading: list[str] = []
    entries: list[Entry] = []
    while True:
        line = reader.line_num + skipped + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            raise BadInput(
                f"{path.name}, line {line}: a quote opens here that is not closed where its cell ends: close it, or write "
                "each quote that belongs to the text twice and the whole cell in quotes"
            ) from None
        cells = [cell.strip() for cell in cells]
        if not any(cells):
            continue
        if not heading:
            heading = _heading(cells, path, line)
            continue
        if any(cells[len(heading) :]):
            raise BadInput(
                f"{path.name}, line {line}: there are {len(cells)} cells and the heading has {len(heading)}: "
                f"a cell with {separator!r} in it must stand in quotes"
            )
        values = {name: cell for name, cell in zip(heading, cells, strict=False) if cell}
        if "" in values:
            raise BadInput(f"{path.name}, line {line}: {values['']!r:.60} stands under no heading")
        entries.append(Entry(values, len(entries) + 1, line, text=True))
    return entries


def _separator(heading: str) -> str:
    return max(SEPARATORS, key=heading.count)


def _heading(cells: list[str], path: Path, line: int) -> list[str]:
    heading = [cell if cell.startswith(("params.", "+")) else cell.lower().replace(" ", "_") for cell in cells]
    twice = next((name for name in heading if name and heading.count(name) > 1), None)
    if twice:
        raise BadInput(f"{path.name}, line {line}: two columns are headed {twice!r}: leave one out")
    return heading
