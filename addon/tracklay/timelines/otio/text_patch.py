"""An .otio's own text, added to in place: what another program wrote stays as it wrote it, byte for byte.

OpenTimelineIO would write all of it anew: keys in another order, whole numbers as decimals, old schemas as new ones. Here tracks
are put after the last one, and nothing else is touched but what must be: paths that are relative to the file's folder.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

METADATA_KEY = "tracklay"
"""The key in the metadata of a track, clip or marker of ours."""

DIGEST_PLACEHOLDER = "to be signed by Tracklay"
"""Stands where the digest will, while it is made: nothing else in a timeline says so."""

URL_FIELDS = {"ExternalReference": "target_url", "ImageSequenceReference": "target_url_base"}
"""Where each schema keeps its path."""

_DECODER = json.JSONDecoder(strict=False)


class JsonNode(NamedTuple):
    """Where a value lies in the text, and the value."""

    start: int
    end: int
    value: Any


def parse_timeline(text: str, name: str) -> dict[str, Any]:
    """An .otio's JSON as it stands.

    Raises:
        BadInput: it is no JSON, cut short, nested too deep, or no timeline.
    """
    try:
        held = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        cut = not text[error.pos :].strip()
        what = "it ends in the middle" if cut else f"line {error.lineno} is not JSON"
        raise InvalidInput(f"{name} is no .otio: {what}; export it again") from None
    except RecursionError:
        raise InvalidInput(f"{name} is nested too deep to be read: flatten it first") from None
    schema = str(held.get("OTIO_SCHEMA", "")) if isinstance(held, dict) else ""
    if not schema.startswith("Timeline."):
        what = schema.partition(".")[0] or "something else"
        raise InvalidInput(f"{name} holds no timeline but {what}: export one timeline as .otio")
    return dict(held)


def iter_members(text: str, start: int) -> Iterator[tuple[str, JsonNode]]:
    """The members of the object that begins at `start`."""
    at = _skip_whitespace(text, start + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _skip_whitespace(text, _skip_whitespace(text, at) + 1)
        value, end = _DECODER.raw_decode(text, at)
        yield key, JsonNode(at, end, value)
        at = _skip_whitespace(text, end)
        if text[at] == ",":
            at = _skip_whitespace(text, at + 1)


def iter_items(text: str, start: int) -> Iterator[JsonNode]:
    """The items of the array that begins at `start`."""
    at = _skip_whitespace(text, start + 1)
    while text[at] != "]":
        value, end = _DECODER.raw_decode(text, at)
        yield JsonNode(at, end, value)
        at = _skip_whitespace(text, end)
        if text[at] == ",":
            at = _skip_whitespace(text, at + 1)


def _skip_whitespace(text: str, position: int) -> int:
    while text[position] in " \t\r\n":
        position += 1
    return position


def find_member(text: str, start: int, key: str) -> JsonNode | None:
    """One member of the object that begins at `start`."""
    return next((place for name, place in iter_members(text, start) if name == key), None)


def _track_array(text: str) -> JsonNode:
    """The array of the timeline's tracks."""
    stack = find_member(text, _skip_whitespace(text, 0), "tracks")
    children = find_member(text, stack.start, "children") if stack is not None else None
    if children is None or not isinstance(children.value, list):
        raise InvalidInput("it has no list of tracks: export it again")
    return children


def is_tracklay_track(track: Any) -> bool:
    """Whether a track, as JSON, is one that Tracklay laid."""
    return isinstance(track, dict) and METADATA_KEY in (track.get("metadata") or {})


def append_tracks(text: str, tracks: Sequence[str]) -> str:
    """The timeline with tracks after its last, in its own manner of writing; the first is signed, for `is_signed` to know."""
    place = _track_array(text)
    last = list(iter_items(text, place.start))
    flat = "\n" not in text[place.start : place.end]
    margin = _indent_at(text, last[-1].start) if last else _indent_at(text, place.start) + "    "
    written = [json.dumps(json.loads(track)) if flat else track.replace("\n", f"\n{margin}") for track in tracks]
    gap = " " if flat else f"\n{margin}"
    added = f",{gap}".join(written)
    if last:
        whole = f"{text[: last[-1].end]},{gap}{added}{text[last[-1].end :]}"
    else:
        close = "" if flat else f"\n{_indent_at(text, place.start)}"
        whole = f"{text[: place.start]}[{gap.strip(' ')}{added}{close}]{text[place.end :]}"
    return whole.replace(DIGEST_PLACEHOLDER, hashlib.sha256(whole.encode()).hexdigest(), 1)


def _indent_at(text: str, position: int) -> str:
    """The blanks that the line of a place begins with."""
    line = text[text.rfind("\n", 0, position) + 1 : position]
    return line[: len(line) - len(line.lstrip())]


def remove_tracks(text: str, indices: Sequence[int]) -> str:
    """The timeline without some of its last tracks, by their places in the list: as it was before they were added."""
    if not indices:
        return text
    place = _track_array(text)
    every = list(iter_items(text, place.start))
    first = min(indices)
    if first == 0:
        return f"{text[: place.start]}[]{text[place.end :]}"
    return text[: every[first - 1].end] + text[every[len(every) - 1].end :]


def find_signed_tracks(text: str) -> list[int]:
    """The places of the tracks that Tracklay laid in this file, at the list's end; none where anything was changed since.

    A timeline may hold tracks of ours that a person took over from another file: those are theirs, and their digests do not fit.
    """
    try:
        every = [place.value for place in iter_items(text, _track_array(text).start)]
    except (InvalidInput, ValueError, IndexError, TypeError, RecursionError):
        return []
    for index, track in enumerate(every):
        note = track["metadata"][METADATA_KEY] if is_tracklay_track(track) else None
        digest = note.get("digest") if isinstance(note, dict) else None
        if isinstance(digest, str) and digest:
            unsigned = text.replace(digest, DIGEST_PLACEHOLDER, 1)
            if hashlib.sha256(unsigned.encode()).hexdigest() == digest:
                return list(range(index, len(every)))
    return []


def rebase_urls(text: str, prefix: str) -> str:
    """The timeline for another folder: `prefix` leads from there to the one that its relative paths begin from."""
    if not prefix:
        return text
    places = sorted(_relative_url_positions(text, _skip_whitespace(text, 0)))
    led = json.dumps(prefix, ensure_ascii=False)[1:-1]
    for at in reversed(places):
        text = f"{text[: at + 1]}{led}{text[at + 1 :]}"
    return text


def _relative_url_positions(text: str, start: int) -> Iterator[int]:
    """Where each relative path of a media reference begins (its quote)."""
    if text[start] == "[":
        for place in iter_items(text, start):
            if isinstance(place.value, dict | list):
                yield from _relative_url_positions(text, place.start)
        return
    held = list(iter_members(text, start))
    schema = next((str(place.value) for key, place in held if key == "OTIO_SCHEMA"), "").partition(".")[0]
    for key, place in held:
        if key == URL_FIELDS.get(schema) and isinstance(place.value, str) and _is_relative_url(place.value):
            yield place.start
        elif isinstance(place.value, dict | list) and key != "metadata":
            yield from _relative_url_positions(text, place.start)


def _is_relative_url(url: str) -> bool:
    head, mark, _ = url.partition(":")
    return bool(url) and not url.startswith(("/", "\\")) and not (mark and head.replace("+", "").isalnum())


def mute_audio(text: str) -> str:
    """The timeline with its own sound switched off: its audio tracks disabled, but those that Tracklay laid."""
    edits: list[tuple[int, int, str]] = []
    for track in iter_items(text, _track_array(text).start):
        if not isinstance(track.value, dict) or track.value.get("kind") != "Audio" or is_tracklay_track(track.value):
            continue
        enabled = find_member(text, track.start, "enabled")
        if enabled is None:
            edits.append((track.start + 1, track.start + 1, '"enabled": false, '))
        elif enabled.value:
            edits.append((enabled.start, enabled.end, "false"))
    for start, end, told in reversed(edits):
        text = f"{text[:start]}{told}{text[end:]}"
    return text
