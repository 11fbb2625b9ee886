"""The rights in the sounds of a turnover: the lines of its cue sheet, and a text for the dispute of a Content ID claim.

A model is not a composer in law. It is in that column because readers of cue sheets look there for the source of a sound.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..atomic_io import atomic_write
from ..cue import SAMPLE_RATE
from ..errors import InvalidInput
from ..models import load_catalogue
from ..models.plan_terms import terms_text
from ..timing import format_timecode
from ..untrusted_data import printable_text
from ..version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ..models import Model
    from .session import TurnoverSession

CSV_NAME, CLAIM_NAME = "cue-sheet.csv", "content-id-dispute.txt"

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


def build_line(
    number: int, title: str, times: tuple[str, str, str], take: Mapping[str, Any], catalogue: Mapping[str, Model]
) -> CueSheetLine:
    """Return the line of a take.

    Args:
        number: number of the line.
        title: what it is called.
        times: in, out and duration, as text.
        take: its manifest entry.
        catalogue: the models, as `known_models` returns them.
    """
    model = catalogue.get(str(take.get("model")))
    length = Fraction(int(take["samples"]), int(take["sample_rate"]))
    version = take.get("version")
    begins, ends, duration = times
    return CueSheetLine(
        number=number,
        title=title,
        begins=begins,
        ends=ends,
        duration=duration,
        seconds=f"{float(length):.3f}",
        composer=f"{take.get('model')} (version {version})" if version else str(take.get("model")),
        licence=str(take.get("licence") or "unknown"),
        commercial=_commercial_text(take, model),
        usage=USAGE_BY_TASK[model.task] if model else "unknown",
        file=str(take["file"]),
        created=str(take.get("created") or "unknown")[:DATE_CHARS],
        rights=(model.licence.source if model else "") or "unknown",
    )


def write_session_rights(session: TurnoverSession, to: Path) -> list[Path]:
    """Write the cue sheet of a session as CSV and the dispute text to a folder, and return the paths: without Jinja2 and fpdf2.

    Raises:
        OutputError: a file cannot be written.
    """
    lines = _session_lines(session)
    day = datetime.now(UTC).date().isoformat()
    dispute = build_dispute([used.entry for used in session.takes], lines, session.name, day)
    for name, content in ((CSV_NAME, encode_csv(lines)), (CLAIM_NAME, dispute.encode())):
        with atomic_write(to / name) as beside:
            beside.write_bytes(content)
    return [to / CSV_NAME, to / CLAIM_NAME]


def _session_lines(session: TurnoverSession) -> list[CueSheetLine]:
    def timecode(samples: int, first: int = 0) -> str:
        frame = first + round(samples * session.rate.fps / SAMPLE_RATE)
        return format_timecode(frame, session.rate, drop_frame=session.drop_frame)

    lines, catalogue = [], known_models()
    for number, used in enumerate(session.takes, 1):
        first, entry = session.start_frame, used.entry
        times = timecode(used.start, first), timecode(used.start + used.samples, first), timecode(used.samples)
        title = f"{session.name}, cue {entry.get('cue')}, take {entry.get('take')}"
        # As long as it plays: a strip may be trimmed.
        played = {**entry, "samples": used.samples, "sample_rate": SAMPLE_RATE}
        lines.append(build_line(number, title, times, played, catalogue))
    return lines


def _commercial_text(take: Mapping[str, Any], model: Model | None) -> str:
    """Return whether a take may be used commercially: by the plan with its vendor when it was made, else by the model's licence."""
    plan = take.get("plan")
    if isinstance(plan, dict) and plan:
        return terms_text(plan)
    return COMMERCIAL_TEXT[model.licence.commercial if model else None]


def encode_csv(sheet_lines: Sequence[CueSheetLine]) -> bytes:
    """Return the cue sheet as CSV in UTF-8 with a byte order mark, which Excel needs. Cells that look like formulas get an apostrophe."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(HEADINGS)
    for line in sheet_lines:
        cells = (getattr(line, name) for name in CueSheetLine.__slots__)
        writer.writerow(f"'{cell}" if str(cell).startswith(FORMULA_PREFIXES) else cell for cell in cells)
    return buffer.getvalue().encode("utf-8-sig")


def known_models() -> Mapping[str, Model]:
    """Return the catalogue, or an empty one if a model file is invalid: the sheet then only lacks the tasks."""
    try:
        return load_catalogue()
    except InvalidInput:
        return {}


def build_dispute(takes: Sequence[Mapping[str, Any]], lines: Sequence[CueSheetLine], title: str, day: str) -> str:
    """Return a text for the dispute of a Content ID claim: what each sound is, who made it when, and under which licence.

    It claims no right that the licence does not state: a take whose licence is unknown, or not commercial, says so.
    """
    by_file = {str(take["file"]): take for take in takes}
    parts = [
        f"Subject: Dispute of a Content ID claim on {printable_text(title)}",
        "",
        f"The sound listed below was generated for this film, on the dates given, with Tracklay {VERSION}. It is neither a recording of a",
        "third party nor from a sound library. Each file can be identified by its SHA-256, and each request by the provider's number.",
        f"Licences are those that the providers state as of {day}. Please release the claim on the times listed.",
    ]
    for line in lines:
        take = by_file[line.file]
        facts = (
            ("time", f"{line.begins} to {line.ends}"),
            ("generated by", f"{line.composer}, provider {take.get('provider') or 'unknown'}"),
            ("on", str(take.get("created") or "unknown")),
            ("request", str(take.get("request") or "none")),
            ("licence", line.licence),
            ("stated by", line.rights),
            ("commercial use", line.commercial),
            ("file", line.file),
            ("SHA-256", str(take.get("sha256") or "unknown")),
        )
        parts += ["", f"{line.number}. {printable_text(line.title)}"]
        parts += [f"   {name + ':':<16}{printable_text(value)}" for name, value in facts]
    return "\n".join([*parts, "", "Name, address, date, signature:", ""])
