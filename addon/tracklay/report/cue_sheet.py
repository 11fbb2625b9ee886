"""The cue sheet: each take's place, source and licence, as CSV for a spreadsheet and as HTML for printing.

A model is not a composer in law. It is in that column because readers of cue sheets look there for the source of a sound.
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
from ..models.plan_terms import terms_text
from ..timing import parse_fraction
from ..version import VERSION
from .templates_env import jinja_environment, read_own_page, read_template
from .verdicts import REJECT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from ..models import Model
    from .rows import ReportRow

CSV_NAME, HTML_NAME = "cue-sheet.csv", "cue-sheet.html"

CSV_DIGEST_META = b'<meta name="tracklay-csv" content="%s">'
"""The hash of the CSV, kept in the HTML sheet: it shows whether the user has edited the CSV, which is then not replaced."""

USAGE_BY_TASK = {"music": "background instrumental", "effect": "sound effect", "foley": "foley"}
"""The usage column by the model's task."""

DATE_CHARS = len("2026-12-01")
"""Characters of the date in a time of ISO 8601."""

COMMERCIAL_TEXT = {True: "yes", False: "no", None: "unknown"}

FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")
"""First characters by which spreadsheets recognize a formula."""


@dataclass(frozen=True, slots=True)
class CueSheetLine:
    """One line of the sheet, as text. The CSV's columns are its fields in this order."""

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
    created: str
    rights: str


HEADINGS = (
    "no", "title", "in", "out", "duration", "seconds", "composer", "licence", "commercial use", "usage", "file",
    "created", "stated by",
)  # fmt: skip


def build_lines(rows: Sequence[ReportRow]) -> list[CueSheetLine]:
    """Return a line for each take in the rows' order. Rejected takes are left out."""
    catalogue = _load_catalogue()
    found: list[CueSheetLine] = []
    for row in rows:
        if row.take is None or row.verdict == REJECT:
            continue
        take, span, model = row.take, row.span, catalogue.get(row.model)
        length = Fraction(int(take["samples"]), int(take["sample_rate"]))
        begins = parse_fraction(str(take["start"]["seconds"]))
        version = take.get("version")
        found.append(
            CueSheetLine(
                number=len(found) + 1,
                title=f"{row.name}, cue {row.cue}, take {row.number}",
                begins=row.timecode(span.start) if span else f"{float(begins):.3f} s",
                ends=row.timecode(span.end) if span else f"{float(begins + length):.3f} s",
                duration=row.timecode(span.frames) if span else f"{float(length):.3f} s",
                seconds=f"{float(length):.3f}",
                composer=f"{row.model} (version {version})" if version else row.model,
                licence=str(take.get("licence") or "unknown"),
                commercial=_commercial_text(take, model),
                usage=USAGE_BY_TASK[model.task] if model else "unknown",
                file=str(take["file"]),
                created=str(take.get("created") or "unknown")[:DATE_CHARS],
                rights=(model.licence.source if model else "") or "unknown",
            )
        )
    return found


def write_cue_sheet(rows: Sequence[ReportRow], to: Path, *, title: str) -> tuple[Path, Path]:
    """Write both sheets to a folder and return their paths. A CSV that the user has edited is kept, and the new one gets a number.

    Raises:
        InvalidInput: a file with the HTML sheet's name is not from Tracklay.
        OutputError: a file cannot be written.
    """
    printed = to / HTML_NAME
    before = read_own_page(printed)
    lines = build_lines(rows)
    content = _encode_csv(lines)
    table = to / CSV_NAME
    if not table.exists() or CSV_DIGEST_META % _content_digest(table.read_bytes()) in before:
        with atomic_write(table) as beside:
            beside.write_bytes(content)
    elif table.read_bytes() != content:
        numbered = NumberedFile(to, lambda number: CSV_NAME.replace(".", f".{number}."), after=1)
        with numbered.open_for_writing() as beside:
            beside.write_bytes(content)
        table = numbered.path
    total = sum((Fraction(line.seconds) for line in lines), Fraction(0))
    page = (
        jinja_environment()
        .get_template(HTML_NAME)
        .render(
            version=VERSION,
            title=title,
            lines=lines,
            total=f"{int(total // 60)} min {float(total % 60):.1f} s",
            style=read_template("cue-sheet.css"),
            csv_digest=_content_digest(content).decode(),
        )
    )
    with atomic_write(printed) as beside:
        beside.write_text(page, "utf-8")
    return table, printed


def _commercial_text(take: Mapping[str, Any], model: Model | None) -> str:
    """Return whether a take may be used commercially: by the plan with its vendor when it was made, else by the model's licence."""
    plan = take.get("plan")
    if isinstance(plan, dict) and plan:
        return terms_text(plan)
    return COMMERCIAL_TEXT[model.licence.commercial if model else None]


def _encode_csv(sheet_lines: Sequence[CueSheetLine]) -> bytes:
    """Return the CSV as UTF-8 with a byte order mark, which Excel needs. Cells that look like formulas get an apostrophe."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(HEADINGS)
    for line in sheet_lines:
        cells = (getattr(line, name) for name in CueSheetLine.__slots__)
        writer.writerow(f"'{cell}" if str(cell).startswith(FORMULA_PREFIXES) else cell for cell in cells)
    return buffer.getvalue().encode("utf-8-sig")


def _content_digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _load_catalogue() -> dict[str, Model]:
    """Return the catalogue, or an empty one if a model file is invalid: the sheet then only lacks the tasks."""
    try:
        return load_catalogue()
    except InvalidInput:
        return {}
