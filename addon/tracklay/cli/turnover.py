"""Runs `tracklay turnover`: hands the laid sounds of a timeline over to a mixing room or an editor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from ..atomic_io import temp_dir
from ..paths import ensure_folder
from ..report.rights import write_rights
from ..report.turnover_rows import read_sessions
from ..turnover.export import (
    DEFAULT_OPTIONS,
    PRESETS,
    TurnoverOptions,
    TurnoverResult,
    check_formats,
    check_free,
    write_turnover,
)
from ..turnover.media_files import clean_name
from ..turnover.rights import write_session_rights
from .console import PlainConsole
from .exit_status import EXIT_DONE
from .messages import print_json, print_messages

if TYPE_CHECKING:
    import argparse


def run_turnover(options: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    request = _requested_options(options)
    check_formats(request)
    to: Path = options.to.absolute()
    ensure_folder(to)
    with temp_dir(to) as work:
        sessions, rows = read_sessions(options.source, work)
        rights = to / f"{clean_name(sessions[0].name)} rights"
        has_papers = bool(rows or sessions[0].takes)
        if has_papers:
            check_free(rights)
        results = {session.name: write_turnover(session, request, to) for session in sessions}
    papers: list[Path] = []
    notes: list[str] = []
    if has_papers:
        ensure_folder(rights)
    if rows:
        papers, notes = write_rights(rows, rights, title=sessions[0].name)
    elif has_papers:  # a .blend without a manifest beside it
        papers = write_session_rights(sessions[0], rights)
    if options.json:
        shown: dict[str, Any] = {"turnovers": {name: result.to_dict() for name, result in results.items()}}
        print_json({**shown, "rights": [str(path) for path in papers]})
    else:
        for result in results.values():
            show_turnover(result)
    print_messages([*(note for result in results.values() for note in result.notes), *notes])
    return EXIT_DONE


def _requested_options(options: argparse.Namespace) -> TurnoverOptions:
    request = PRESETS[options.program] if options.program else DEFAULT_OPTIONS
    if options.formats is not None:
        names = [name.strip().lower() for name in options.formats.split(",")]
        request = replace(request, formats=tuple(dict.fromkeys(name for name in names if name)))
    return replace(
        request,
        handles=options.handles,
        is_mono=request.is_mono or options.mono,
        embeds=request.embeds or options.embed,
        is_absolute=request.is_absolute or options.absolute,
    )


def show_turnover(result: TurnoverResult) -> None:
    """Print the tracks with their number of clips, and the paths of the files."""
    console = PlainConsole()
    tracks = ", ".join(f"{name} {count}" for name, count in result.tracks.items())
    console.print(Text(f"{'tracks':<10}{tracks}"), soft_wrap=True)
    for name, path in (*result.files.items(), ("media", result.media)):
        console.print(Text(f"{name:<10}{' '.join(str(path).splitlines())}"), soft_wrap=True)
