"""The cue sheet: what is heard where, by whom and under what licence, as CSV for a spreadsheet and as HTML to be printed.

A model is no composer in law; it is named where a cue sheet names one, for that is where people look for who made a sound.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..atomic_io import NumberedFile, atomic_write
from ..errors import InvalidInput
from ..models import load_catalogue
from ..timing import format_timecode
from ..version import VERSION
from .templates_env import jinja_environment, read_own_page, read_template
from .verdicts import REJECT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..models import Model
    from .rows import ReportRow

CSV_NAME, HTML_NAME = "cue-sheet.csv", "cue-sheet.html"

CSV_DIGEST_META = b'<meta name="tracklay-csv" content="%s">'
"""What the printed sheet says of the CSV beside it, so that one that a person has filled in further is known and kept."""

USAGE_BY_TASK = {"music": "background instrumental", "effect": "sound effect", "foley": "foley"}
"""How a cue sheet names what each kind of model makes."""

COMMERCIAL_TEXT = {True: "yes", False: "no", None: "not known"}

FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")
"""What makes spreadsheets take a text for a formula."""


@dataclass(frozen=True, slots=True)
class CueSheetLine:
    """One line, as it is printed."""

    number: int
    title: str
    begins: str
    ends: str
    duration: str
    seconds: str
    composer: str
    licence: str
    commercial: str
    usage: str
    file: str


HEADINGS = (
    "no", "title", "in", "out", "duration", "seconds", "composer", "licence", "commercial use", "usage", "file",
)  # fmt: skip


def build_lines(rows: Sequence[ReportRow]) -> list[CueSheetLine]:
    """A line for each take, in the rows' order; what was rejected is left out."""
    catalogue = _load_catalogue()
    found: list[CueSheetLine] = []
    for row in rows:
        if row.take is None or row.verdict == REJECT:
            continue
        take, span, model = row.take, row.span, catalogue.get(row.model)
        length = Fraction(int(take["samples"]), int(take["sample_rate"]))
        begins = Fraction(take["start"]["seconds"])
        version = take.get("version")
        found.append(
            CueSheetLine(
                number=len(found) + 1,
                title=f"{row.name}, cue {row.cue}, take {row.number}",
                begins=format_timecode(max(0, span.start), span.rate) if span else f"{float(begins):.3f} s",
                ends=format_timecode(max(0, span.end), span.rate) if span else f"{float(begins + length):.3f} s",
                duration=format_timecode(span.frames, span.rate) if span else f"{float(length):.3f} s",
                seconds=f"{float(length):.3f}",
                composer=f"{row.model} (version {version})" if version else row.model,
                licence=str(take.get("licence") or "not known"),
                commercial=COMMERCIAL_TEXT[model.licence.commercial if model else None],
                usage=USAGE_BY_TASK[model.task] if model else "not known",
                file=str(take["file"]),
            )
        )
    return found


def write_cue_sheet(rows: Sequence[ReportRow], to: Path, *, title: str) -> tuple[Path, Path]:
    """Write both sheets in a folder; where they lie. A CSV that was changed by hand stays, and the new one gets a number.

    Raises:
        BadInput: as `template.read_own_page`.
        OutputError: they cannot be written.
    """
    printed = to / HTML_NAME
    before = read_own_page(printed)
    every = build_lines(rows)
    content = _encode_csv(every)
    table = to / CSV_NAME
    if not table.exists() or CSV_DIGEST_META % _content_digest(table.read_bytes()) in before:
        with atomic_write(table) as beside:
            beside.write_bytes(content)
    elif table.read_bytes() != content:
        place = NumberedFile(to, lambda number: CSV_NAME.replace(".", f".{number}."), after=1)
        with place.open_for_writing() as beside:
            beside.write_bytes(content)
        table = place.path
    total = sum((Fraction(line.seconds) for line in every), Fraction(0))
    page = (
        jinja_environment()
        .get_template(HTML_NAME)
        .render(
            version=VERSION,
            title=title,
            lines=every,
            total=f"{int(total // 60)} min {float(total % 60):.1f} s",
            style=read_template("cue-sheet.css"),
            mark=_content_digest(content).decode(),
        )
    )
    with atomic_write(printed) as beside:
        beside.write_text(page, "utf-8")
    return table, printed


def _encode_csv(sheet_lines: Sequence[CueSheetLine]) -> bytes:
    """UTF-8 with the mark at its start by which Excel knows it; no cell is taken for a formula."""
    held = io.StringIO(newline="")
    writer = csv.writer(held)
    writer.writerow(HEADINGS)
    for line in sheet_lines:
        cells = (getattr(line, name) for name in CueSheetLine.__slots__)
        writer.writerow(f"'{cell}" if str(cell).startswith(FORMULA_PREFIXES) else cell for cell in cells)
    return held.getvalue().encode("utf-8-sig")


def _content_digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _load_catalogue() -> dict[str, Model]:
    """The models, as far as they can be read: a mistake in one file of a person's own leaves the sheet without their tasks."""
    try:
        return load_catalogue()
    except InvalidInput:
        return {}
