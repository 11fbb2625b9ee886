"""Reads EDLs (CMX 3600): they state no frame rate and name no files, so both are looked for beside the list."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any

import opentimelineio as otio

from ...errors import InvalidInput, TracklayError
from ...media.probe import read_video_header
from ...timing import Rate

_COMMENT_PATTERN = re.compile(
    r"^\*\s*(?:(?:FROM|TO)\s+CLIP(?:\s+NAME)?|(?:FROM|TO)\s+FILE|SOURCE\s+FILE)\s*:\s*(.+?)\s*$",
    re.MULTILINE | re.IGNORECASE,
)
"""Comments with the name or path of a clip, as editing systems write them below an event. Without one, the reel can be a file's name."""

MAX_LIST_FPS = 30
"""Timecode frames per second of the fastest list that CMX 3600 describes. Lists of faster media count every second frame, or fewer."""

_TIMECODE_PATTERN = re.compile(r"\b(\d\d:\d\d:\d\d)[:;](\d\d)\b")

_EVENT_PATTERN = re.compile(r"^\s*\d+\s.*?(?:\d\d:\d\d:\d\d[:;]\d\d\s*){4}$")
"""A line with an event: it ends with the times in and out of the source, and those of the record."""

SOURCE_TIMES = 2
"""Times of an event that are the source's: the first ones."""

_DROP_FRAME_PATTERN = re.compile(r"^\s*FCM\s*:\s*(NON[- ]?)?DROP", re.IGNORECASE)
"""The line that says whether the events below count in drop-frame, however their times are written."""


def read_edl(path: Path) -> Any:
    """Return the OTIO timeline of an EDL, at the frame rate of its media, with clips linked to files of their name beside it.

    Raises:
        InvalidInput: none of its media is beside it, or they have several frame rates.
    """
    text = _decode_text(path.read_bytes())
    names = [match[1] for match in _COMMENT_PATTERN.finditer(text)]
    names += [line.split()[1] for line in text.splitlines() if _EVENT_PATTERN.match(line)]
    media = {name: found for name in names if (found := _find_media(name, path.parent)) is not None}
    found_rates = [rate for file in set(media.values()) if (rate := _read_rate(file)) is not None]
    highest_frame = _highest_frame(text)
    rates = {(rate := _list_rate(found, highest_frame)).nominal_fps: rate for found in found_rates}
    if len(rates) != 1:
        raise InvalidInput(
            "edl.unknown_rate",
            "Unknown frame rate: {path}. An EDL states none, and {found}. Convert it with your rate: {command}",
            path=path,
            found="its media have several" if rates else "none of its media is beside it",
            command=f"otioconvert -i {path.name} -o {path.stem}.otio -a rate=25",
        )
    (rate,) = rates.values()
    if rate.has_drop_frame:
        text = _mark_drop_frame(text)
    timeline = otio.adapters.read_from_string(text, "cmx_3600", rate=float(rate.fps))
    for clip in timeline.find_clips():
        if isinstance(clip.media_reference, otio.schema.MissingReference):
            reel = str(clip.metadata.get("cmx_3600", {}).get("reel", ""))
            file = media.get(clip.name) or _find_media(clip.name, path.parent) or media.get(reel)
            if file is not None:
                clip.media_reference = otio.schema.ExternalReference(
                    file.name if file.parent == path.parent else str(file)
                )
    return timeline


def _decode_text(data: bytes) -> str:
    """Return a list's text: UTF-8 or UTF-16 if it says or is so, else as Windows writes it."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _highest_frame(text: str) -> int:
    """Return the highest frame number in the times of a list's events."""
    events = (line for line in text.splitlines() if _EVENT_PATTERN.match(line))
    return max((int(match[2]) for line in events for match in _TIMECODE_PATTERN.finditer(line)), default=0)


def _list_rate(media_rate: Rate, highest_frame: int) -> Rate:
    """Return the rate that a list counts at: that of its media, or a half, a quarter, … of it, if its times have no higher frame."""
    rate = media_rate
    while rate.nominal_fps > MAX_LIST_FPS:
        rate = Rate(rate.fps / 2)
    return rate if highest_frame < rate.nominal_fps else media_rate


def _mark_drop_frame(text: str) -> str:
    """Return a list with a semicolon in each time that counts in drop-frame: OTIO's adapter does not read the FCM lines.

    The record counts as the first FCM line says, the source of an event as the last one above it.
    """
    lines, source, record = [], False, None
    for line in text.splitlines():
        if match := _DROP_FRAME_PATTERN.match(line):
            source = not match[1]
            record = source if record is None else record
        marked = line
        if _EVENT_PATTERN.match(line):
            for number, time in enumerate(_TIMECODE_PATTERN.finditer(line)):
                if record if number >= SOURCE_TIMES else source:
                    marked = marked[: time.end(1)] + ";" + marked[time.start(2) :]
        lines.append(marked)
    return "\n".join(lines) + "\n"


def _find_media(name: str, folder: Path) -> Path | None:
    """Return the file that an EDL names: an absolute path, or the one file of that name beside the list, with or without suffix."""
    try:
        candidates = [folder / Path(name.replace("\\", "/")).name]
        if Path(name).is_absolute():  # any other would be one in the current folder
            candidates.insert(0, Path(name))
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
