"""Writes a turnover: the media and one file or folder for each format, all of them or none. No existing file is touched."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic_io import output_error, temp_dir
from ..errors import InvalidInput
from ..paths import ensure_folder
from .formats import FORMATS, load_writer
from .handover import Handover
from .media_files import MediaWriter, clean_name
from .rights import write_session_rights
from .session import TurnoverSession

if TYPE_CHECKING:
    from ..cancellation import CancelToken

_logger = logging.getLogger("tracklay.turnover")

MAX_HANDLE_SECONDS = 60.0
"""The longest handles that can be asked for."""


@dataclass(frozen=True, slots=True)
class TurnoverOptions:
    """A turnover as the user asks for it.

    Attributes:
        formats: names of formats, in the order in which they are written.
        handles: seconds to keep on both sides of a clip that is a part of a longer file; None: a second.
        is_mono: one file and one track for each channel.
        embeds: write the sound into the file, where the format can (AAF).
        is_absolute: write absolute paths.
        plain_paths: in OpenTimelineIO, write paths and not URLs, as Resolve does.
    """

    formats: tuple[str, ...]
    handles: float | None = None
    is_mono: bool = False
    embeds: bool = False
    is_absolute: bool = False
    plain_paths: bool = False


PRESETS: Mapping[str, TurnoverOptions] = {
    "resolve": TurnoverOptions(("otio", "xml", "edl"), is_absolute=True, plain_paths=True),
    "premiere": TurnoverOptions(("xml", "otio"), is_absolute=True),
    "protools": TurnoverOptions(("aaf", "edl"), is_mono=True),
    "reaper": TurnoverOptions(("rpp",)),
}
"""What each program reads best, by its name. Resolve finds media by plain absolute paths; Pro Tools wants one file for each channel."""

DEFAULT_OPTIONS = TurnoverOptions(("aaf", "rpp", "otio"))


@dataclass(frozen=True, slots=True)
class TurnoverResult:
    """The files of a turnover, by format, the folder of the media, and notes for the user."""

    files: Mapping[str, Path]
    media: Path
    tracks: Mapping[str, int]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as `--json` prints it: paths, and the number of clips of each track."""
        return {
            "files": {name: str(path) for name, path in self.files.items()},
            "media": str(self.media),
            "tracks": dict(self.tracks),
            "notes": list(self.notes),
        }


def write_turnover(
    session: TurnoverSession, options: TurnoverOptions, to: Path, cancel_token: CancelToken | None = None
) -> TurnoverResult:
    """Write a session and its media to a folder, which is created if it is missing.

    Raises:
        InvalidInput: there is nothing to hand over, a sound is missing, or a name is taken.
        MediaError: a sound cannot be read.
        OutputError: the folder cannot be written.
    """
    check_formats(options)
    if not session.clips:
        raise InvalidInput(
            "turnover.nothing", "There is no sound to hand over: {name} has none, and no takes.", name=session.name
        )
    to = to.absolute()
    ensure_folder(to)
    stem = clean_name(session.name)
    targets = {name: to / f"{stem}{FORMATS[name].ending}" for name in options.formats}
    media = to / f"{stem} media"
    for path in (*targets.values(), media):
        check_free(path)
    with temp_dir(to) as work:
        writer = MediaWriter(
            session,
            work,
            media.name,
            handles=options.handles,
            is_mono=options.is_mono,
            cancel_token=cancel_token,
        )
        tracks = writer.write_tracks()
        handover = Handover(session, tracks, to, options.is_absolute, options.embeds, options.plain_paths)
        for name, path in targets.items():
            _write_format(handover, name, work / path.name)
        _move_into_place(work, (media, *targets.values()))
    counts = {track.name: len(track.clips) for track in handover.tracks}
    return TurnoverResult(targets, media, counts, (*session.notes, *handover.notes))


def check_free(path: Path) -> None:
    """Check that a name is free.

    Raises:
        InvalidInput: it is not.
    """
    if path.exists() or path.is_symlink():
        raise InvalidInput("turnover.exists", "Already there: {path}. Move it away, or name another folder.", path=path)


def _write_format(handover: Handover, name: str, path: Path) -> None:
    try:
        load_writer(name)(handover, path)
    except OSError as error:
        raise output_error(error, path.parent) from error
    _logger.info("wrote %s", path.name)


def _move_into_place(work: Path, targets: Sequence[Path]) -> None:
    """Move the finished files out of the work folder. On an error those that were moved are taken back."""
    moved: list[Path] = []
    try:
        for target in targets:
            (work / target.name).rename(target)
            moved.append(target)
    except OSError as error:
        for target in moved:
            target.rename(work / target.name)
        raise output_error(error, work.parent) from error


def check_formats(options: TurnoverOptions) -> None:
    """Check that the formats are known, and that the handles are a length.

    Raises:
        InvalidInput: one is not.
    """
    if unknown := [name for name in options.formats or ("",) if name not in FORMATS]:
        raise InvalidInput(
            "turnover.unknown_format",
            "Not a format: {name!r}. Use some of {formats}, with commas between them.",
            name=unknown[0],
            formats=", ".join(FORMATS),
        )
    if options.handles is not None and not 0 <= options.handles <= MAX_HANDLE_SECONDS:
        raise InvalidInput(
            "turnover.handles",
            "Handles must be from 0 to {most:g} seconds, not {value:g}.",
            most=MAX_HANDLE_SECONDS,
            value=options.handles,
        )


def export_session(*, session: dict[str, Any], options: dict[str, Any], to: str) -> dict[str, Any]:
    """Write a turnover with its cue sheet and return the result as JSON: for a process of its own. Raises as `write_turnover`."""
    wanted = replace(TurnoverOptions(()), **{**options, "formats": tuple(options["formats"])})
    opened, folder = TurnoverSession.from_dict(session), Path(to).absolute()
    rights = folder / f"{clean_name(opened.name)} rights"
    if opened.takes:
        check_free(rights)
    result = write_turnover(opened, wanted, folder).to_dict()
    papers = write_session_rights(opened, ensure_folder(rights)) if opened.takes else []
    return {**result, "rights": [str(path) for path in papers]}
