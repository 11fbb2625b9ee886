"""An .otio's own text, added to in place: what another program wrote stays as it wrote it, byte for byte.

OpenTimelineIO would write all of it anew: keys in another order, whole numbers as decimals, old schemas as new ones. Here tracks
are put after the last one, and nothing else is touched but what must be: paths that are relative to the file's folder.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OURS = "tracklay"
"""The key in the metadata of a track, clip or marker of ours."""

UNSIGNED = "to be signed by Tracklay"
"""Stands where the digest will, while it is made: nothing else in a timeline says so."""

URLS = {"ExternalReference": "target_url", "ImageSequenceReference": "target_url_base"}
"""Where each schema keeps its path."""

_DECODER = json.JSONDecoder(strict=False)


class Place(NamedTuple):
    """Where a value lies in the text, and the value."""

    start: int
    end: int
    value: Any


def parsed(text: str, name: str) -> dict[str, Any]:
    """An .otio's JSON as it stands.

    Raises:
        BadInput: it is no JSON, cut short, nested too deep, or no timeline.
    """
    try:
        held = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        cut = not text[error.pos :].strip()
        what = "it ends in the middle" if cut else f"line {error.lineno} is not JSON"
        raise BadInput(f"{name} is no .otio: {what}; export it again") from None
    except RecursionError:
        raise BadInput(f"{name} is nested too deep to be read: flatten it first") from None
    schema = str(held.get("OTIO_SCHEMA", "")) if isinstance(held, dict) else ""
    if not schema.startswith("Timeline."):
        what = schema.partition(".")[0] or "something else"
        raise BadInput(f"{name} holds no timeline but {what}: export one timeline as .otio")
    return dict(held)


def members(text: str, start: int) -> Iterator[tuple[str, Place]]:
    """The members of the object that begins at `start`."""
    at = _blank(text, start + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _blank(text, _blank(text, at) + 1)
        value, end = _DECODER.raw_decode(text, at)
        yield key, Place(at, end, value)
        at = _blank(text, end)
        if text[at] == ",":
            at = _blank(text, at + 1)


def items(text: str, start: int) -> Iterator[Place]:
    """The items of the array that begins at `start`."""
    at = _blank(text, start + 1)
    while text[at] != "]":
        value, end = _DECODER.raw_decode(text, at)
        yield Place(at, end, value)
        at = _blank(text, end)
        if text[at] == ",":
            at = _blank(text, at + 1)


def _blank(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def member(text: str, start: int, key: str) -> Place | None:
    """One member of the object that begins at `start`."""
    return next((place for name, place in members(text, start) if name == key), None)


def _tracks(text: str) -> Place:
    """The array of the timeline's tracks."""
    stack = member(text, _blank(text, 0), "tracks")
    children = member(text, stack.start, "children") if stack is not None else None
    if children is None or not isinstance(children.value, list):
        raise BadInput("it has no list of tracks: export it again")
    return children


def is_ours(track: Any) -> bool:
    """Whether a track, as JSON, is one that Tracklay laid."""
    return isinstance(track, dict) and OURS in (track.get("metadata") or {})


def with_tracks(text: str, tracks: Sequence[str]) -> str:
    """The timeline with tracks after its last, in its own manner of writing; the first is signed, for `is_signed` to know."""
    place = _tracks(text)
    last = list(items(text, place.start))
    flat = "\n" not in text[place.start : place.end]
    margin = _margin(text, last[-1].start) if last else _margin(text, place.start) + "    "
    written = [json.dumps(json.loads(track)) if flat else track.replace("\n", f"\n{margin}") for track in tracks]
    gap = " " if flat else f"\n{margin}"
    added = f",{gap}".join(written)
    if last:
        whole = f"{text[: last[-1].end]},{gap}{added}{text[last[-1].end :]}"
    else:
        close = "" if flat else f"\n{_margin(text, place.start)}"
        whole = f"{text[: place.start]}[{gap.strip(' ')}{added}{close}]{text[place.end :]}"
    return whole.replace(UNSIGNED, hashlib.sha256(whole.encode()).hexdigest(), 1)


def _margin(text: str, at: int) -> str:
    """The blanks that the line of a place begins with."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def without_tracks(text: str, which: Sequence[int]) -> str:
    """The timeline without some of its last tracks, by their places in the list: as it was before they were added."""
    if not which:
        return text
    place = _tracks(text)
    every = list(items(text, place.start))
    first = min(which)
    if first == 0:
        return f"{text[: place.start]}[]{text[place.end :]}"
    return text[: every[first - 1].end] + text[every[len(every) - 1].end :]


def signed(text: str) -> list[int]:
    """The places of the tracks that Tracklay laid in this file, at the list's end; none where anything was changed since.

    A timeline may hold tracks of ours that a person took over from another file: those are theirs, and their digests do not fit.
    """
    try:
        every = [place.value for place in items(text, _tracks(text).start)]
    except (BadInput, ValueError, IndexError, TypeError, RecursionError):
        return []
    for index, track in enumerate(every):
        note = track["metadata"][OURS] if is_ours(track) else None
        digest = note.get("digest") if isinstance(note, dict) else None
        if isinstance(digest, str) and digest:
            unsigned = text.replace(digest, UNSIGNED, 1)
            if hashlib.sha256(unsigned.encode()).hexdigest() == digest:
                return list(range(index, len(every)))
    return []


def moved(text: str, prefix: str) -> str:
    """The timeline for another folder: `prefix` leads from there to the one that its relative paths begin from."""
    if not prefix:
        return text
    places = sorted(_relative(text, _blank(text, 0)))
    led = json.dumps(prefix, ensure_ascii=False)[1:-1]
    for at in reversed(places):
        text = f"{text[: at + 1]}{led}{text[at + 1 :]}"
    return text


def _relative(text: str, start: int) -> Iterator[int]:
    """Where each relative path of a media reference begins (its quote)."""
    if text[start] == "[":
        for place in items(text, start):
            if isinstance(place.value, dict | list):
                yield from _relative(text, place.start)
        return
    held = list(members(text, start))
    schema = next((str(place.value) for key, place in held if key == "OTIO_SCHEMA"), "").partition(".")[0]
    for key, place in held:
        if key == URLS.get(schema) and isinstance(place.value, str) and _is_relative(place.value):
            yield place.start
        elif isinstance(place.value, dict | list) and key != "metadata":
            yield from _relative(text, place.start)


def _is_relative(url: str) -> bool:
    head, mark, _ = url.partition(":")
    return bool(url) and not url.startswith(("/", "\\")) and not (mark and head.replace("+", "").isalnum())


def muted(text: str) -> str:
    """The timeline with its own sound switched off: its audio tracks disabled, but those that Tracklay laid."""
    edits: list[tuple[int, int, str]] = []
    for track in items(text, _tracks(text).start):
        if not isinstance(track.value, dict) or track.value.get("kind") != "Audio" or is_ours(track.value):
            continue
        enabled = member(text, track.start, "enabled")
        if enabled is None:
            edits.append((track.start + 1, track.start + 1, '"enabled": false, '))
        elif enabled.value:
            edits.append((enabled.start, enabled.end, "false"))
    for start, end, told in reversed(edits):
        text = f"{text[:start]}{told}{text[end:]}"
    return text
