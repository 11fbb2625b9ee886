"""The sessions of a turnover from the results of a batch: one for each picture, without the takes that were rejected."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..timelines.turnover.sessions import TakesOfPicture, read_session, read_takes_session
from .rows import ReportRow, parse_rows, read_report_input
from .verdicts import KEEP, REJECT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ..turnover.session import TurnoverSession

RESULTS_ENDING = ".results.json"


def is_results(path: Path) -> bool:
    """Return True if a path is that of a batch's results, or a folder of manifests: it may have several pictures."""
    if path.is_dir():
        return any(path.glob("*.tracklay.json")) or any(path.glob("tracklay/*.tracklay.json"))
    return path.name.lower().endswith(RESULTS_ENDING)


def read_sessions(path: Path, work: Path) -> tuple[list[TurnoverSession], list[ReportRow]]:
    """Return the sessions of a path, and the rows of its takes for the cue sheet.

    Arguments and errors as of `read_session`.
    """
    if is_results(path):
        rows = [row for row in parse_rows(read_report_input(path)) if row.verdict != REJECT]
        return _sessions_of_rows(path, rows, work), rows
    session = read_session(path, work)
    manifest = path if path.suffix.lower() == ".json" else _find_manifest(path, session.name)
    played = {clip.file.name for clip in session.clips}
    rows = parse_rows(read_report_input(manifest)) if manifest else []
    return [session], [row for row in rows if row.take is not None and played & _files_of(row.take)]


def _files_of(take: Mapping[str, Any]) -> set[str]:
    """Return the names of the files that a take may be handed over as."""
    return {str(take["file"]), str((take.get("handles") or {}).get("file"))}


def _find_manifest(path: Path, stem: str) -> Path | None:
    """Return the manifest of a picture's takes; None if there is none."""
    places = (path.parent / "tracklay", path.parent)
    return next((found for folder in places if (found := folder / f"{stem}.tracklay.json").is_file()), None)


def _sessions_of_rows(path: Path, rows: Sequence[ReportRow], work: Path) -> list[TurnoverSession]:
    groups: defaultdict[tuple[Path, Path | None], list[ReportRow]] = defaultdict(list)
    for row in rows:
        if row.take is not None:
            groups[row.folder, row.picture].append(row)
    if not groups:
        raise InvalidInput("turnover.no_takes", "There is no take to hand over in {path}.", path=path)
    sessions, names = [], set[str]()
    for (folder, picture), taken in groups.items():
        rate = next((row.rate for row in taken if row.rate is not None), None)
        assert rate is not None  # noqa: S101 - a row with a take has a rate
        stem = picture.stem if picture else taken[0].name
        name, number = stem, 1
        while name.casefold() in names:
            number += 1
            name = f"{stem} {number}"
        names.add(name.casefold())
        there = picture if picture and picture.exists() else None
        sessions.append(read_takes_session(TakesOfPicture(there, folder, _heard_entries(taken), rate, name), work))
    return sessions


def _heard_entries(rows: Sequence[ReportRow]) -> list[dict[str, Any]]:
    """Return the entries of takes, with the one of each cue and model that plays: the kept one, else the first."""
    chosen: dict[tuple[str, str], ReportRow] = {}
    for row in rows:
        key = row.cue, row.model
        if key not in chosen or (row.verdict == KEEP and chosen[key].verdict != KEEP):
            chosen[key] = row
    return [{**(row.take or {}), "heard": chosen[row.cue, row.model] is row} for row in rows]
