"""Writes the page: one HTML file that contains its media, or has them in a folder beside it if they are large."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import math
import os
import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..atomic_io import atomic_write, temp_dir
from ..cancellation import CancelToken
from ..models.plan_terms import terms_text
from ..paths import ensure_folder
from ..scoring.ranking import REASON_TEMPLATES, reason_texts, score_value
from ..untrusted_data import read_amount
from ..version import VERSION
from . import cue_sheet
from .pictures import PictureStore
from .preview import RowPreview, make_previews, parse_seconds
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
"""Folder of the player files and strips. Kept only if they are too large for the page itself."""

SELF_CONTAINED_BYTES = 24 << 20
"""Largest media that the page itself contains: about eighty rows of 8 s. Base64 adds a third."""

MEDIA_NAME_PATTERN = re.compile(r"[0-9a-f]{16}\.(mp4|jpg|json)")

ROWS_AT_ONCE = 8
"""Rows whose player files one start of ffmpeg writes: starting it costs half as much as encoding 8 s of sound."""

FAILED_STATES = frozenset({"failed", "cancelled", "unclear"})
"""States that the page marks as failed."""


MIX_MEASURES = ("lufs", "true_peak", "dialogue_over_music")
"""Measures of a mix by which rows can be sorted."""


def write_report(
    results: Mapping[str, Any],
    to: Path,
    *,
    title: str = "",
    verdicts: Sequence[Verdict] = (),
    on_progress: Callable[[int, int], None] = lambda done, of: None,  # noqa: ARG005
    cancel_token: CancelToken | None = None,
) -> Path:
    """Write the page of a result list and the cue sheet beside it, and return the page's path.

    Media of an earlier report in the same folder are reused if their picture and take have not changed.

    Args:
        results: a result list with absolute paths, as `read_report_input` returns it.
        to: the folder.
        title: title of the page.
        verdicts: verdicts given after the results were written. Rejected takes are left out of the cue sheet.
        on_progress: called with the numbers of finished rows and of all rows.
        cancel_token: cancels the work.

    Raises:
        InvalidInput: the results are invalid, or a file with the page's name is not from Tracklay.
        OutputError: the folder cannot be written to.
        Cancelled: the user cancelled.
    """
    rows = apply_verdicts(parse_rows(results), verdicts)
    ensure_folder(to)
    for page in (to / PAGE_NAME, to / cue_sheet.HTML_NAME):
        read_own_page(page)
    title = title or to.absolute().parent.name
    media = ensure_folder(to / MEDIA_FOLDER)
    previews = _make_previews(rows, media, on_progress, cancel_token)
    files = [file for preview in previews for file in preview.files]
    used = {file.name for file in files}
    inline = sum(file.stat().st_size for file in files) <= SELF_CONTAINED_BYTES
    cue_sheet.write_cue_sheet(rows, to, title=title)
    _write_page(to / PAGE_NAME, title, rows, [_page_row(preview, inline=inline) for preview in previews])
    _remove_unused_media(media, frozenset() if inline else used)
    return to / PAGE_NAME


def _make_previews(
    report_rows: Sequence[ReportRow],
    media: Path,
    on_progress: Callable[[int, int], None],
    cancel_token: CancelToken | None,
) -> list[RowPreview]:
    """Create the previews of all rows, a few at a time for each processor: ffmpeg does the work."""
    cancel_token = cancel_token or CancelToken()
    previews: list[RowPreview] = []
    with temp_dir(media) as work, ThreadPoolExecutor(os.cpu_count()) as pool:
        pictures = PictureStore(media, work)
        groups = [report_rows[start : start + ROWS_AT_ONCE] for start in range(0, len(report_rows), ROWS_AT_ONCE)]
        futures = [pool.submit(make_previews, group, pictures, media, cancel_token=cancel_token) for group in groups]
        try:
            for future in futures:
                previews += future.result()
                on_progress(len(previews), len(report_rows))
        except BaseException:
            cancel_token.cancel()
            pool.shutdown(cancel_futures=True)
            raise
    return previews


def _remove_unused_media(media: Path, used_names: frozenset[str] | set[str]) -> None:
    """Delete media that no row uses any more. Only names that this module gives are touched."""
    keep = {name.partition(".")[0] for name in used_names}
    for path in media.iterdir():
        if MEDIA_NAME_PATTERN.fullmatch(path.name) and path.stem not in keep:
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        media.rmdir()  # fails unless it is empty


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
            is_mixed=any(row["mix"]["lufs"] is not None for row in page_rows),
            is_scored=any(row["score"] is not None for row in page_rows),
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
    """Return the hash by which the content security policy allows the page's own style and script, and no others."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _summarize(report_rows: Sequence[ReportRow], page_rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the totals at the top of the page, as names and values."""
    takes = [row.take for row in report_rows if row.take]
    measured = [row["exact"] for row in page_rows if row["exact"] is not None]
    seconds = sum(row["length"] or 0 for row in page_rows if row["take"])
    spent: dict[str, Decimal] = {}
    unknown = 0
    for take in takes:
        amount, currency = _parse_cost(take)
        unknown += amount is None
        if amount:
            spent[currency] = spent.get(currency, Decimal(0)) + amount
    prices = [f"{amount.normalize():f} {currency}" for currency, amount in sorted(spent.items())]
    if unknown:
        prices.append("unknown" if unknown == len(takes) else f"{unknown:,} unknown")
    totals = [
        ("rows", f"{len(report_rows):,}"),
        ("takes", f"{len(takes):,}"),
        ("in sync", f"{sum(measured):,} of {len(measured):,}"),
        ("sound", _format_length(seconds)),
        ("price", ", ".join(prices) or "free"),
    ]
    failed = sum(row["has_error"] for row in page_rows)
    return [*totals, ("failed", f"{failed:,}")] if failed else totals


def _format_length(seconds: float) -> str:
    whole_seconds = math.floor(seconds)
    hours, minutes = divmod(whole_seconds // 60, 60)
    return f"{hours}:{minutes:02}:{whole_seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:04.1f}"


def _parse_cost(take: Mapping[str, Any]) -> tuple[Decimal | None, str]:
    cost = take.get("cost") or {}
    return read_amount(cost.get("amount")), str(cost.get("currency") or "")


def _format_price(take: Mapping[str, Any]) -> str:
    amount, currency = _parse_cost(take)
    if amount is None:
        return "unknown"
    if amount == 0:
        return "free"
    return f"{'about ' if take['cost'].get('estimated') else ''}{amount} {currency}"


def _page_row(preview: RowPreview, *, inline: bool) -> dict[str, Any]:
    """Return a row as `report.js` reads it."""
    row, figures = preview.row, preview.figures
    take: Mapping[str, Any] = row.take or {}
    sync = figures.get("sync")
    span = row.span
    span_text = f"{row.timecode(span.start)} to {row.timecode(span.end)}" if span else ""
    amount, _ = _parse_cost(take)
    worst_offset = (
        max((abs(sync[key]) for key in ("start", "length", "drift") if sync[key] is not None), default=None)
        if sync
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
        "facts": _row_facts(row, figures, span_text),
        "rate": [span.rate.fps.numerator, span.rate.fps.denominator] if span else None,
        "start": span.start if span else 0,
        "frames": span.frames if span else 0,
        "drop_frame": row.drop_frame,
        "length": figures.get("length"),
        "wave": figures.get("wave", ""),
        "motion": figures.get("motion", ""),
        "cuts": figures.get("cuts", ()),
        "events": _take_events(take),
        "moves": _take_moves(take),
        "untouched": _media_url(preview.untouched, "video/mp4", inline=inline),
        "mixes": {kind: _media_url(path, "video/mp4", inline=inline) for kind, path in preview.mixes.items()},
        "media": _media_url(preview.player, "video/mp4", inline=inline),
        "price": None if amount is None else float(amount),
        "worst_offset": worst_offset,
        "verdict": row.verdict,
        "note": row.note,
        "summary": row.error or str(take.get("prompt", "")),
        "strip": _media_url(preview.filmstrip, "image/jpeg", inline=inline),
        "price_text": _format_price(take) if take else "",
        "seed": take.get("seed"),
        "sync": _format_sync(sync),
        "score": value if (value := score_value(take.get("score"))) >= 0 else None,
        "score_text": f"score {value:.0f}" if value >= 0 else "",
        "mix": {name: read_number(row.mix.get(name)) for name in MIX_MEASURES},
        "exact": sync["exact"] if sync else None,
        "has_error": row.state in FAILED_STATES or bool(row.error),
    }


def _media_url(path: Path | None, media_type: str, *, inline: bool) -> str:
    if path is None:
        return ""
    if inline:
        return f"data:{media_type};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
    return f"{MEDIA_FOLDER}/{path.name}"


def _take_events(take: Mapping[str, Any]) -> list[list[Any]]:
    """Return the events that the model detected, if its manifest entry has them: seconds, strength from 0 to 1, kind."""
    understood = take.get("understood")
    events = understood.get("events") if isinstance(understood, dict) else None
    found = []
    for event in events if isinstance(events, list) else ():
        seconds = parse_seconds(event.get("seconds")) if isinstance(event, dict) else None
        if seconds is not None:
            found.append([seconds, _or_one(event.get("strength")), str(event.get("kind", ""))])
    return found


def _take_moves(take: Mapping[str, Any]) -> list[list[float]]:
    """Return the events that landing moved: seconds before and after, and the confidence from 0 to 1."""
    landing = take.get("landing")
    moves = landing.get("moves") if isinstance(landing, dict) else None
    found = []
    for move in moves if isinstance(moves, list) else ():
        if isinstance(move, dict):
            before, after = parse_seconds(move.get("from")), parse_seconds(move.get("to"))
            if before is not None and after is not None:
                found.append([before, after, _or_one(move.get("confidence"))])
    return found


def _or_one(value: object) -> float:
    return 1.0 if (number := read_number(value)) is None else number


def _format_landing(take: Mapping[str, Any]) -> str | None:
    """Return what landing did to a take, as a fact; None if it was not landed."""
    landing = take.get("landing")
    if not isinstance(landing, dict) or landing.get("mode") == "off":
        return None
    lag = parse_seconds(landing.get("lag")) or 0.0
    count = len(_take_moves(take))
    moved = f"{count} moved" if count else "nothing moved"
    return f"{moved}, lag of {lag:+.3f} s corrected" if lag else moved


def _format_sync(sync: Mapping[str, Any] | None) -> str:
    if sync is None:
        return ""
    if sync["exact"]:
        return "in sync"
    offsets = [f"{name} {sync[name]:+g}" for name in ("start", "length") if sync[name]]
    return ", ".join(offsets) or (f"drift {sync['drift']:+g}" if sync["drift"] is not None else "start unknown")


def _format_score(take: Mapping[str, Any]) -> str | None:
    """Return a take's score with its reasons, as a fact; None if it was not scored."""
    score = take.get("score")
    if score_value(score) < 0:
        return None
    reasons = reason_texts(score, most=len(REASON_TEMPLATES))
    return f"{score_value(score):.0f} of 100" + (f": {', '.join(reasons)}" if reasons else "")


def _format_mix(mix: Mapping[str, Any]) -> str | None:
    """Return the measures of a mix, as a fact; None if the picture was not mixed."""
    values = {name: read_number(mix.get(name)) for name in MIX_MEASURES}
    units = {
        "lufs": "{:.1f} LUFS",
        "true_peak": "true peak {:.1f} dBTP",
        "dialogue_over_music": "dialogue {:.1f} LU over music",
    }
    texts = [units[name].format(value) for name, value in values.items() if value is not None]
    return ", ".join(texts) or None


def read_number(value: object) -> float | None:
    """Return a finite number of a manifest, which anyone may edit; None for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None  # type: ignore[arg-type]  # a number, as just checked


def _format_replaced(take: Mapping[str, Any]) -> str | None:
    """Return which stretch of which take was generated again, as a fact; None if the take was generated whole."""
    replaced = take.get("replaced")
    if not isinstance(replaced, dict) or not replaced:
        return None
    return f"{replaced.get('frames')} frames from frame {replaced.get('start')} on, in {replaced.get('take')}"


def _row_facts(row: ReportRow, figures: Mapping[str, Any], span_text: str) -> list[tuple[str, str]]:
    """Return all facts of a row, as names and values; unknown ones are left out."""
    take: Mapping[str, Any] = row.take or {}
    sync = figures.get("sync")
    peak = figures.get("peak")
    version = take.get("version")
    facts: list[tuple[str, Any]] = [
        ("state", row.state),
        ("model", f"{row.model}, version {version}" if version else row.model),
    ]
    if take:
        facts += [
            ("prompt", take.get("prompt")),
            ("negative", take.get("negative")),
            ("seed", take.get("seed")),
            ("price", _format_price(take)),
            ("licence", take.get("licence")),
            ("commercial use", terms_text(plan) if isinstance(plan := take.get("plan"), dict) and plan else None),
            ("span", f"{span_text}, {take['frames']} frames" if span_text else f"{take['frames']} frames"),
            ("rate", f"{row.rate.fps} frames per second" if row.rate else None),
            ("landing", _format_landing(take)),
            ("score", _format_score(take)),
            ("mix", _format_mix(row.mix)),
            ("replaced", _format_replaced(take)),
        ]
    if sync:
        facts += [
            ("start", "not in the file" if sync["start"] is None else _format_samples(sync["start"])),
            ("length", _format_samples(sync["length"])),
            ("drift", None if sync["drift"] is None else _format_samples(sync["drift"])),
        ]
    facts += [
        ("peak", f"{20 * math.log10(peak):.1f} dBFS" if peak else None),
        *((str(name), _format_value(value)) for name, value in (take.get("params") or {}).items()),
        ("file", take.get("file")),
        ("request", take.get("request")),
        ("generated in", f"{row.seconds:.1f} s" if row.seconds is not None else None),
        ("created", take.get("created")),
        ("picture", row.picture),
        ("folder", row.folder),
    ]
    return [(name, str(value)) for name, value in facts if value not in (None, "")]


def _format_value(value: object) -> str:
    """Return a parameter's value as text: `true`, `0.5`."""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _format_samples(count: float) -> str:
    return f"{count:+g} samples" if count else "exact"
