"""The papers of a turnover: the cue sheet, also as PDF, with the rights as of the day, and a text for the dispute of a Content ID claim."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..atomic_io import atomic_write
from ..turnover.rights import CLAIM_NAME, CueSheetLine, build_dispute
from ..untrusted_data import printable_text
from ..version import VERSION
from .cue_sheet import build_lines, write_cue_sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .rows import ReportRow

PDF_NAME = "cue-sheet.pdf"

PDF_COLUMNS = (
    ("number", "no", 6), ("title", "title", 40), ("begins", "in", 22), ("ends", "out", 22), ("duration", "duration", 22),
    ("composer", "composer", 40), ("licence", "licence", 34), ("commercial", "commercial", 20), ("rights", "stated by", 48),
    ("usage", "usage", 26),
)  # fmt: skip
"""Field, heading and relative width of each column of the PDF."""

NO_PDF_NOTE = "The cue sheet is not written as PDF: run pip install fpdf2."


def write_rights(rows: Sequence[ReportRow], to: Path, *, title: str) -> tuple[list[Path], list[str]]:
    """Write the cue sheet and the dispute text of takes to a folder; return the paths, and notes.

    Raises:
        OutputError: a file cannot be written.
    """
    day = datetime.now(UTC).date().isoformat()
    lines = build_lines(rows)
    takes = [row.take for row in rows if row.take is not None]
    paths = list(write_cue_sheet(rows, to, title=title))
    notes = []
    if find_spec("fpdf") is None:
        notes.append(NO_PDF_NOTE)
    else:
        _write_pdf(lines, to / PDF_NAME, title, day)
        paths.append(to / PDF_NAME)
    with atomic_write(to / CLAIM_NAME) as beside:
        beside.write_text(build_dispute(takes, lines, title, day), "utf-8")
    return [*paths, to / CLAIM_NAME], notes


def _write_pdf(lines: Sequence[CueSheetLine], path: Path, title: str, day: str) -> None:
    """Write the cue sheet as PDF. The standard fonts have Latin letters alone: others become question marks."""
    from fpdf import FPDF  # noqa: PLC0415 - an extra, and slow to import

    page = FPDF(orientation="landscape", format="A4")
    page.set_creator(f"Tracklay {VERSION}")
    page.set_title(title)
    page.add_page()
    page.set_font("Helvetica", "B", 16)
    page.cell(text="Cue sheet", new_x="LMARGIN", new_y="NEXT")
    page.set_font("Helvetica", size=9)
    page.cell(text=_latin(f"{title}. {len(lines)} cues. Rights as of {day}."), new_x="LMARGIN", new_y="NEXT")
    page.ln(3)
    page.set_font("Helvetica", size=7)
    with page.table(col_widths=tuple(width for _, _, width in PDF_COLUMNS), line_height=4) as table:
        heading = table.row()
        for _, text, _ in PDF_COLUMNS:
            heading.cell(text)
        for line in lines:
            row = table.row()
            for field, _, _ in PDF_COLUMNS:
                row.cell(_latin(str(getattr(line, field))))
    with atomic_write(path) as beside:
        page.output(str(beside))


def _latin(text: str) -> str:
    return printable_text(text).encode("latin-1", "replace").decode("latin-1")
