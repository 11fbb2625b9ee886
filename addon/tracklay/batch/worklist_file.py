"""Reads a work list's file as plain tables: TOML, JSON, and CSV as spreadsheets write it. `worklist_loader` interprets them."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, file_not_found_error

WORKLIST_SUFFIXES = (".toml", ".json", ".csv")

CSV_DELIMITERS = ",;\t"
"""Delimiters that spreadsheets write: a semicolon in countries with a decimal comma, a tab in text copied from one."""

_ROWS_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*rows[ \t]*\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row of the file.

    Attributes:
        values: its values by field.
        number: its number in the file, from 1.
        line: the line that it begins on, None if it is unknown.
        is_text: all values are text that is still to be converted, as in a CSV.
    """

    values: Mapping[str, Any]
    number: int
    line: int | None = None
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class WorkListFile:
    """A work list's file. `tables` are `defaults`, and `pictures`, `cues` and `models`, which are combined into rows."""

    rows: tuple[RawRow, ...]
    tables: Mapping[str, Any]


def read_worklist_file(path: Path) -> WorkListFile:
    """Return the tables of a work list.

    Raises:
        InvalidInput: there is no such file, or its content is not what its suffix says; the message has the line.
    """
    kind = path.suffix.lower()
    if kind not in WORKLIST_SUFFIXES:
        raise InvalidInput(
            "worklist.unknown_format", "Not a work list: {path}. Use a .toml, .json or .csv file.", path=path
        )
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise file_not_found_error(path) from None
    except OSError as error:
        raise InvalidInput(
            "worklist.unreadable",
            "Cannot read the work list {path}: {reason}.",
            path=path,
            reason=error.strerror or error,
        ) from error
    text = _decode_text(content, path)
    if kind == ".csv":
        return WorkListFile(tuple(_parse_csv(text, path)), {})
    return _parse_toml(text, path) if kind == ".toml" else _parse_json(text, path)


def _decode_text(data: bytes, path: Path) -> str:
    # Excel's "Unicode text" is UTF-16; its "CSV UTF-8" begins with a byte order mark, which is not part of the first cell.
    code = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(code)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        invalid = InvalidInput("worklist.not_utf8", "Some characters are not UTF-8. Save the file as UTF-8.")
        raise _locate(invalid, path, line) from None
    # A null byte never occurs in text, but decodes as UTF-8: the file is binary.
    if (position := text.find("\0")) >= 0:
        binary = InvalidInput("worklist.not_text", "This is not text. Save the file as UTF-8.")
        raise _locate(binary, path, text.count("\n", 0, position) + 1)
    return text


def _locate(error: InvalidInput, path: Path, line: int | None = None) -> InvalidInput:
    return error.prefix_with(path.name if line is None else f"{path.name}, line {line}")


def _parse_toml(text: str, path: Path) -> WorkListFile:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        invalid = InvalidInput("worklist.not_toml", "Not valid TOML: {reason}.", reason=_lower_first(str(error)))
        raise _locate(invalid, path) from None
    except ValueError:
        raise _too_long_error(path) from None
    except RecursionError:
        raise _too_deep_error(path) from None
    # tomllib keeps no line numbers. The headers are counted instead; `_build_file` drops the lines if their number does not fit.
    lines, line, after = [], 1, 0
    for found in _ROWS_HEADER.finditer(text):
        line, after = line + text.count("\n", after, found.end()), found.end()
        lines.append(line)
    return _build_file(tables, path, lines)


def _parse_json(text: str, path: Path) -> WorkListFile:
    try:
        tables = json.loads(text)
    except json.JSONDecodeError as error:
        invalid = InvalidInput("worklist.not_json", "Not valid JSON: {reason}.", reason=_lower_first(error.msg))
        raise _locate(invalid, path, error.lineno) from None
    except ValueError:  # Python converts no integer of thousands of digits
        raise _too_long_error(path) from None
    except RecursionError:
        raise _too_deep_error(path) from None
    return _build_file({"rows": tables} if isinstance(tables, list) else tables, path, [])


def _too_deep_error(path: Path) -> InvalidInput:
    return _locate(InvalidInput("worklist.too_deep", "Not a work list: its tables are nested too deep."), path)


def _too_long_error(path: Path) -> InvalidInput:
    return _locate(InvalidInput("worklist.too_long_number", "Not a work list: a number has too many digits."), path)


def _lower_first(message: str) -> str:
    return message[:1].lower() + message[1:]


def _build_file(tables: Any, path: Path, row_lines: list[int]) -> WorkListFile:
    if not isinstance(tables, dict):
        raise _locate(
            InvalidInput("worklist.not_a_table", "A work list must be a table with rows, or a list of rows."), path
        )
    rows = tables.pop("rows", [])
    if not isinstance(rows, list):
        raise _locate(
            InvalidInput("worklist.rows_not_a_list", "rows must be a list of tables, one for each row."), path
        )
    known = row_lines if len(row_lines) == len(rows) else [None] * len(rows)
    entries = []
    for number, (row, line) in enumerate(zip(rows, known, strict=True), 1):
        if not isinstance(row, dict):
            error = InvalidInput(
                "worklist.row_not_a_table", "A row must be a table, not {value}.", value=f"{row!r:.60}"
            )
            raise error.prefix_with(f"{path.name}, row {number}")
        entries.append(RawRow(row, number, line))
    return WorkListFile(tuple(entries), tables)


def _parse_csv(text: str, path: Path) -> list[RawRow]:
    lines = io.StringIO(text, newline="")
    skipped, delimiter = 0, ""
    if text[:4].lower() == "sep=":  # Excel's own line that names the delimiter
        delimiter, skipped = lines.readline()[4:5], 1
    if not delimiter.strip(" \r\n"):
        delimiter = _guess_delimiter(text.split("\n", skipped + 1)[skipped] if text.count("\n") >= skipped else "")
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] = []
    entries: list[RawRow] = []
    while True:
        line = reader.line_num + skipped + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            # `line` is where the record began, and not the last line that the open quote swallowed.
            unclosed = InvalidInput(
                "worklist.open_quote",
                "A quote opens here and is not closed at the end of its cell. "
                "Close it, or double each quote that belongs to the text and put the cell in quotes.",
            )
            raise _locate(unclosed, path, line) from None
        cells = [cell.strip() for cell in cells]
        if not any(cells):
            continue
        if not header:
            header = _parse_header(cells, path, line)
            continue
        if any(cells[len(header) :]):
            error = InvalidInput(
                "worklist.too_many_cells",
                "The row has {cells} cells and the header {columns}. Put a cell that contains {delimiter!r} in quotes.",
                cells=len(cells),
                columns=len(header),
                delimiter=delimiter,
            )
            raise _locate(error, path, line)
        values = {name: cell for name, cell in zip(header, cells, strict=False) if cell}
        if "" in values:
            error = InvalidInput(
                "worklist.column_without_name", "The column of {value} has no name.", value=f"{values['']!r:.60}"
            )
            raise _locate(error, path, line)
        entries.append(RawRow(values, len(entries) + 1, line, is_text=True))
    return entries


def _guess_delimiter(header: str) -> str:
    return max(CSV_DELIMITERS, key=header.count)


def _parse_header(cells: list[str], path: Path, line: int) -> list[str]:
    header = [cell if cell.startswith(("params.", "+")) else cell.lower().replace(" ", "_") for cell in cells]
    duplicate = next((name for name in header if name and header.count(name) > 1), None)
    if duplicate:
        error = InvalidInput("worklist.column_twice", "Two columns are named {column!r}. Remove one.", column=duplicate)
        raise _locate(error, path, line)
    return header
