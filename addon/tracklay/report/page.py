"""Writes the page: one HTML file with all that is in it, or with its media in a folder beside it where there is much of it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import math
import os
import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ..atomic_io import atomic_write
from ..media import ffmpeg
from ..paths import ensure_folder
from ..timing import format_timecode
from ..version import VERSION
from . import cue_sheet
from .preview import PictureResolver, RowPreview, make_preview, parse_seconds
from .rows import parse_rows
from .templates_env import jinja_environment, read_own_page, read_template
from .verdicts import apply_verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from .rows import ReportRow
    from .verdicts import Verdict

PAGE_NAME = "report.html"
MEDIA_FOLDER = "report.media"
"""The folder of player files and strips, where they are too much for the page itself."""

SELF_CONTAINED_BYTES = 24 << 20
"""The most media that the page itself holds: some eighty rows of 8 s. A third more as text."""

MEDIA_NAME_PATTERN = re.compile(r"[0-9a-f]{16}\.(mp4|jpg|json)")

FAILED_STATES = frozenset({"failed", "cancelled", "unclear"})
"""States that are shown as trouble."""


def write_report(
    results: Mapping[str, Any],
    to: Path,
    *,
    title: str = "",
    verdicts: Sequence[Verdict] = (),
    on_progress: Callable[[int, int], None] = lambda done, of: None,  # noqa: ARG005
    cancel_token: ffmpeg.CancelToken | None = None,
) -> Path:
    """Write the report of a batch's result list, with the cue sheet beside it; the page's path.

    What was made for an earlier report in the same folder is used again where its picture and its take are the same.

    Args:
        results: as `tracklay batch` writes it, its paths absolute (`read` gives both kinds of file so).
        to: the folder.
        title: what the page is called.
        verdicts: what was decided since the results were written: shown, and what was rejected stays out of the cue sheet.
        on_progress: called with how many rows are made, and of how many.
        cancel_token: the person's wish to stop.

    Raises:
        BadInput: the results can't be read, or something of a person's has the page's name.
        OutputError: the folder cannot be written to.
        Cancelled: it was stopped.
    """
    every = apply_verdicts(parse_rows(results), verdicts)
    ensure_folder(to)
    for page in (to / PAGE_NAME, to / cue_sheet.HTML_NAME):
        read_own_page(page)
    title = title or to.absolute().parent.name
    media = ensure_folder(to / MEDIA_FOLDER)
    shown = _make_previews(every, media, on_progress, cancel_token)
    files = [file for each in shown for file in each.files]
    wanted = {file.name for file in files}
    inline = sum(file.stat().st_size for file in files) <= SELF_CONTAINED_BYTES
    cue_sheet.write_cue_sheet(every, to, title=title)
    _write_page(to / PAGE_NAME, title, every, [_page_row(each, inline=inline) for each in shown])
    _remove_unused_media(media, frozenset() if inline else wanted)
    return to / PAGE_NAME


def _make_previews(
    report_rows: Sequence[ReportRow],
    media: Path,
    on_progress: Callable[[int, int], None],
    cancel_token: ffmpeg.CancelToken | None,
) -> list[RowPreview]:
    """Make what is shown of each row, as many at a time as the machine has processors: the work is ffmpeg's."""
    cancel_token = cancel_token or ffmpeg.CancelToken()
    pictures = PictureResolver()
    made: list[RowPreview] = []
    with ThreadPoolExecutor(os.cpu_count()) as crew:
        waiting = [crew.submit(make_preview, row, pictures, media, cancel_token=cancel_token) for row in report_rows]
        try:
            for each in waiting:
                made.append(each.result())
                on_progress(len(made), len(report_rows))
        except BaseException:
            cancel_token.cancel()
            crew.shutdown(cancel_futures=True)
            raise
    return made


def _remove_unused_media(media: Path, used_names: frozenset[str] | set[str]) -> None:
    """Throw away what no row shows any more, and nothing that is not ours."""
    keep = {name.partition(".")[0] for name in used_names}
    for path in media.iterdir():
        if MEDIA_NAME_PATTERN.fullmatch(path.name) and path.stem not in keep:
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        media.rmdir()  # where it is empty


def _write_page(
    path: Path, title: str, report_rows: Sequence[ReportRow], page_rows: Sequence[Mapping[str, Any]]
) -> None:
    style, script = read_template("report.css"), read_template("report.js")
    page = (
        jinja_environment()
        .get_template("report.html")
        .render(
            version=VERSION,
            title=title,
            data={"version": VERSION, "title": title, "rows": page_rows},
            totals=_summarize(report_rows, page_rows),
            models=sorted({row.model for row in report_rows}),
            states=sorted({row.state for row in report_rows}),
            style=style,
            script=script,
            style_hash=_csp_hash(style),
            script_hash=_csp_hash(script),
        )
    )
    with atomic_write(path) as beside:
        beside.write_text(page, "utf-8")


def _csp_hash(text: str) -> str:
    """How a content security policy names the one style and the one script that the page may have."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _summarize(report_rows: Sequence[ReportRow], page_rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What stands at the top: how many, how they lie, how long, what they cost."""
    takes = [row.take for row in report_rows if row.take]
    measured = [each["exact"] for each in page_rows if each["exact"] is not None]
    seconds = sum(each["length"] or 0 for each in page_rows if each["take"])
    spent: dict[str, Decimal] = {}
    unknown = 0
    for take in takes:
        amount, currency = _parse_cost(take)
        unknown += amount is None
        if amount:
            spent[currency] = spent.get(currency, Decimal(0)) + amount
    prices = [f"{amount.normalize():f} {currency}" for currency, amount in sorted(spent.items())]
    if unknown:
        prices.append("not known" if unknown == len(takes) else f"{unknown:,} not known")
    told = [
        ("rows", f"{len(report_rows):,}"),
        ("takes", f"{len(takes):,}"),
        ("on their sample", f"{sum(measured):,} of {len(measured):,}"),
        ("sound", _format_length(seconds)),
        ("price", ", ".join(prices) or "free"),
    ]
    trouble = sum(each["trouble"] for each in page_rows)
    return [*told, ("not done", f"{trouble:,}")] if trouble else told


def _format_length(seconds: float) -> str:
    whole_seconds = math.floor(seconds)
    hours, minutes = divmod(whole_seconds // 60, 60)
    return f"{hours}:{minutes:02}:{whole_seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:04.1f}"


def _parse_cost(take: Mapping[str, Any]) -> tuple[Decimal | None, str]:
    cost = take.get("cost") or {}
    try:
        return Decimal(str(cost.get("amount"))), str(cost.get("currency") or "")
    except InvalidOperation:
        return None, str(cost.get("currency") or "")


def _format_price(take: Mapping[str, Any]) -> str:
    amount, currency = _parse_cost(take)
    if amount is None:
        return "not known"
    if amount == 0:
        return "free"
    return f"{'about ' if take['cost'].get('estimated') else ''}{amount} {currency}"


def _page_row(preview: RowPreview, *, inline: bool) -> dict[str, Any]:
    """A row as the page's script has it."""
    row, figures = preview.row, preview.figures
    take: Mapping[str, Any] = row.take or {}
    held = figures.get("sync")
    span = row.span
    where = (
        f"{format_timecode(max(0, span.start), span.rate)} to {format_timecode(max(0, span.end), span.rate)}"
        if span
        else ""
    )
    amount, _ = _parse_cost(take)
    worst = (
        max((abs(held[key]) for key in ("start", "length", "drift") if held[key] is not None), default=None)
        if held
        else None
    )
    return {
        "id": row.id,
        "take": row.number,
        "name": row.name,
        "cue": row.cue,
        "model": row.model,
        "state": row.state,
        "problems": [*([row.error] if row.error else []), *preview.problems, *map(str, take.get("notes", ()))],
        "facts": _row_facts(row, figures, where),
        "rate": [span.rate.fps.numerator, span.rate.fps.denominator] if span else None,
        "start": span.start if span else 0,
        "frames": span.frames if span else 0,
        "drops": bool(span and span.rate.has_drop_frame),
        "length": figures.get("length"),
        "wave": figures.get("wave", ""),
        "motion": figures.get("motion", ""),
        "cuts": figures.get("cuts", ()),
        "events": _take_events(take),
        "media": _media_url(preview.player, "video/mp4", inline=inline),
        "price": None if amount is None else float(amount),
        "off": worst,
        "verdict": row.verdict,
        "note": row.note,
        "line": row.error or str(take.get("prompt", "")),
        "strip": _media_url(preview.filmstrip, "image/jpeg", inline=inline),
        "said": _format_price(take) if take else "",
        "seed": take.get("seed"),
        "sync": _format_sync(held),
        "exact": held["exact"] if held else None,
        "trouble": row.state in FAILED_STATES or bool(row.error),
    }


def _media_url(path: Path | None, media_type: str, *, inline: bool) -> str:
    if path is None:
        return ""
    if inline:
        return f"data:{media_type};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
    return f"{MEDIA_FOLDER}/{path.name}"


def _take_events(take: Mapping[str, Any]) -> list[list[Any]]:
    """The events that the model itself saw, where it tells: seconds, strength, kind."""
    understood = take.get("understood")
    told = understood.get("events") if isinstance(understood, dict) else None
    found = []
    for event in told if isinstance(told, list) else ():
        seconds = parse_seconds(event.get("seconds")) if isinstance(event, dict) else None
        if seconds is not None:
            found.append([seconds, float(event.get("strength", 1)), str(event.get("kind", ""))])
    return found


def _format_sync(sync: Mapping[str, Any] | None) -> str:
    if sync is None:
        return ""
    if sync["exact"]:
        return "in sync"
    said = [f"{name} {sync[name]:+g}" for name in ("start", "length") if sync[name]]
    return ", ".join(said) or (f"drift {sync['drift']:+g}" if sync["drift"] is not None else "start not told")


def _row_facts(row: ReportRow, figures: Mapping[str, Any], span_text: str) -> list[tuple[str, str]]:
    """All that is known of a row, as names and values."""
    take: Mapping[str, Any] = row.take or {}
    held = figures.get("sync")
    peak = figures.get("peak")
    version = take.get("version")
    told: list[tuple[str, Any]] = [
        ("state", row.state),
        ("model", f"{row.model}, version {version}" if version else row.model),
    ]
    if take:
        told += [
            ("prompt", take.get("prompt")),
            ("negative", take.get("negative")),
            ("seed", take.get("seed")),
            ("price", _format_price(take)),
            ("licence", take.get("licence")),
            ("span", f"{span_text}, {take['frames']} frames" if span_text else f"{take['frames']} frames"),
            ("rate", f"{row.rate.fps} a second" if row.rate else None),
        ]
    if held:
        told += [
            ("start", "not told by the file" if held["start"] is None else _format_samples(held["start"])),
            ("length", _format_samples(held["length"])),
            ("drift", None if held["drift"] is None else _format_samples(held["drift"])),
        ]
    told += [
        ("peak", f"{20 * math.log10(peak):.1f} dBFS" if peak else None),
        *((str(name), _format_value(value)) for name, value in (take.get("params") or {}).items()),
        ("file", take.get("file")),
        ("request", take.get("request")),
        ("made in", f"{row.seconds:.1f} s" if row.seconds is not None else None),
        ("made", take.get("created")),
        ("picture", row.picture),
        ("folder", row.folder),
    ]
    return [(name, str(value)) for name, value in told if value not in (None, "")]


def _format_value(value: object) -> str:
    """A parameter's value as a person writes it."""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _format_samples(count: float) -> str:
    return f"{count:+g} samples" if count else "exact"
