"""The cue sheet: each take's place, source and licence, as CSV for a spreadsheet and as HTML for printing."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import TYPE_CHECKING

from ..atomic_io import NumberedFile, atomic_write
from ..timing import parse_fraction
from ..turnover.rights import CSV_NAME, CueSheetLine, build_line, encode_csv, known_models
from ..version import VERSION
from .templates_env import jinja_environment, read_own_page, read_template
from .verdicts import REJECT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from .rows import ReportRow

HTML_NAME = "cue-sheet.html"

CSV_DIGEST_META = b'<meta name="tracklay-csv" content="%s">'
"""The hash of the CSV, kept in the HTML sheet: it shows whether the user has edited the CSV, which is then not replaced."""


def build_lines(rows: Sequence[ReportRow]) -> list[CueSheetLine]:
    """Return a line for each take in the rows' order. Rejected takes are left out."""
    found: list[CueSheetLine] = []
    catalogue = known_models()
    for row in rows:
        if row.take is None or row.verdict == REJECT:
            continue
        title = f"{row.name}, cue {row.cue}, take {row.number}"
        take = {**row.take, "model": row.model}
        found.append(build_line(len(found) + 1, title, _times_of(row, take), take, catalogue))
    return found


def _times_of(row: ReportRow, take: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return in, out and duration: as timecode, or in seconds if the rate is not known."""
    if (span := row.span) is not None:
        return row.timecode(span.start), row.timecode(span.end), row.timecode(span.frames)
    length = Fraction(int(take["samples"]), int(take["sample_rate"]))
    begins = parse_fraction(str(take["start"]["seconds"]))
    return f"{float(begins):.3f} s", f"{float(begins + length):.3f} s", f"{float(length):.3f} s"


def write_cue_sheet(rows: Sequence[ReportRow], to: Path, *, title: str) -> tuple[Path, Path]:
    """Write both sheets to a folder and return their paths. A CSV that the user has edited is kept, and the new one gets a number.

    Raises:
        InvalidInput: a file with the HTML sheet's name is not from Tracklay.
        OutputError: a file cannot be written.
    """
    printed = to / HTML_NAME
    before = read_own_page(printed)
    lines = build_lines(rows)
    content = encode_csv(lines)
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


def _content_digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
