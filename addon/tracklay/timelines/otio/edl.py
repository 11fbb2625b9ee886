"""Reads EDLs (CMX 3600): they state no frame rate and name no files, so both are looked for beside the list."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import opentimelineio as otio

from ...errors import InvalidInput, TracklayError
from ...media.probe import read_video_header

if TYPE_CHECKING:
    from ...timing import Rate

_COMMENT_PATTERN = re.compile(
    r"^\*\s*(?:(?:FROM|TO)\s+CLIP(?:\s+NAME)?|(?:FROM|TO)\s+FILE|SOURCE\s+FILE)\s*:\s*(.+?)\s*$",
    re.MULTILINE | re.IGNORECASE,
)
"""Comments with the name or path of a clip, as editing systems write them below an event."""


def read_edl(path: Path) -> Any:
    """Return the OTIO timeline of an EDL, at the frame rate of its media, with clips linked to files of their name beside it.

    Raises:
        InvalidInput: none of its media is beside it, or they have several frame rates.
    """
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    names = [match[1] for match in _COMMENT_PATTERN.finditer(text)]
    media = {name: found for name in names if (found := _find_media(name, path.parent)) is not None}
    rates = {rate.nominal_fps: rate for file in set(media.values()) if (rate := _read_rate(file)) is not None}
    if len(rates) != 1:
        raise InvalidInput(
            "edl.unknown_rate",
            "Unknown frame rate: {path}. An EDL states none, and {found}. Convert it with your rate: {command}",
            path=path,
            found="its media have several" if rates else "none of its media is beside it",
            command=f"otioconvert -i {path.name} -o {path.stem}.otio -a rate=25",
        )
    (rate,) = rates.values()
    timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=float(rate.fps))
    for clip in timeline.find_clips():
        if isinstance(clip.media_reference, otio.schema.MissingReference):
            file = media.get(clip.name) or _find_media(clip.name, path.parent)
            if file is not None:
                clip.media_reference = otio.schema.ExternalReference(file.name)
    return timeline


def _find_media(name: str, folder: Path) -> Path | None:
    """Return the file that an EDL names: as a path, or the one file of that name beside the list, with or without its suffix."""
    try:
        candidates = [Path(name), folder / Path(name.replace("\\", "/")).name]
        found = next((file for file in candidates if name and file.is_file()), None)
        if found is not None:
            return found
        same_stem = [
            file for file in folder.iterdir() if file.stem == name and file.suffix.lower() != ".edl" and file.is_file()
        ]
    except OSError:
        return None
    return same_stem[0] if len(same_stem) == 1 else None


def _read_rate(file: Path) -> Rate | None:
    try:
        return read_video_header(file).rate
    except TracklayError:
        return None
