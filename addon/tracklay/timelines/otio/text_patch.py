"""Edits of an .otio's text in place: everything that another program wrote stays byte for byte.

OpenTimelineIO would rewrite the whole file: keys in another order, whole numbers as decimals, old schemas as new ones. Here
tracks are inserted after the last one, and the only other edits are those that a copy in another folder needs.

How it works: `JSONDecoder.raw_decode` parses a value at a position of the text and returns where it ends. From that, the
functions below walk objects and arrays and learn the position of each value; edits are slices of the text. Positions go stale
with the first edit, so edits are made from the end of the text to its start. All positions are indices of characters, not bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import InvalidInput

METADATA_KEY = "tracklay"
"""The key in the metadata of each track, clip and marker that Tracklay writes."""

DIGEST_PLACEHOLDER = "to be signed by Tracklay"
"""The text in place of the digest while the digest is computed. A timeline contains it nowhere else."""

URL_FIELDS = {"ExternalReference": "target_url", "ImageSequenceReference": "target_url_base"}
"""The field with the path, by the schema of the media reference."""

# Not strict: strings may contain control characters, such as line breaks.
_DECODER = json.JSONDecoder(strict=False)


class JsonNode(NamedTuple):
    """A value and its position: `text[start:end]` is its JSON."""

    start: int
    end: int
    value: Any


def parse_document(text: str, name: str) -> dict[str, Any]:
    """Return the JSON of an .otio as it is in the file; empty if it is no object. `name` is the file's, for errors.

    Raises:
        InvalidInput: it is not JSON, truncated, or nested too deep.
    """
    try:
        document = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        if not text[error.pos :].strip():
            raise InvalidInput(
                "otio.truncated", "Not a complete .otio file: {name}. Export the timeline again.", name=name
            ) from None
        raise InvalidInput(
            "otio.not_json",
            "Not an .otio file: {name}. Line {line} is not JSON. Export the timeline again.",
            name=name,
            line=error.lineno,
        ) from None
    except ValueError:  # Python converts no integer of thousands of digits
        raise InvalidInput(
            "otio.too_long_number",
            "Not an .otio file: {name}. A number has too many digits. Export the timeline again.",
            name=name,
        ) from None
    except RecursionError:
        raise InvalidInput(
            "otio.unreadable_nesting", "Timeline is nested too deep to be read: {name}. Flatten it first.", name=name
        ) from None
    return dict(document) if isinstance(document, dict) else {}


def iter_members(text: str, start: int) -> Iterator[tuple[str, JsonNode]]:
    """Yield the members of the object that begins at `start`, with the positions of their values."""
    at = _skip_whitespace(text, start + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        # Past the colon, which may have blanks on both sides.
        at = _skip_whitespace(text, _skip_whitespace(text, at) + 1)
        value, end = _DECODER.raw_decode(text, at)
        yield key, JsonNode(at, end, value)
        at = _skip_whitespace(text, end)
        if text[at] == ",":
            at = _skip_whitespace(text, at + 1)


def iter_items(text: str, start: int) -> Iterator[JsonNode]:
    """Yield the items of the array that begins at `start`."""
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
    """Return one member of the object that begins at `start`; None if it has no such member."""
    return next((node for name, node in iter_members(text, start) if name == key), None)


def _track_array(text: str) -> JsonNode:
    """Return the array of the timeline's tracks."""
    stack = find_member(text, _skip_whitespace(text, 0), "tracks")
    children = find_member(text, stack.start, "children") if stack is not None else None
    if children is None or not isinstance(children.value, list):
        raise InvalidInput("otio.no_tracks", "Timeline has no list of tracks. Export it again.")
    return children


def is_tracklay_track(track: Any) -> bool:
    """Return True if Tracklay wrote a track, given as JSON."""
    return isinstance(track, dict) and METADATA_KEY in (track.get("metadata") or {})


def append_tracks(text: str, tracks: Sequence[str]) -> str:
    """Return the timeline with tracks after its last one, formatted like the file, and the first of them signed.

    The signature is the SHA-256 of the whole text with a placeholder where the digest goes: `find_signed_tracks` checks it.

    Args:
        text: the timeline.
        tracks: the tracks as JSON, indented by 4; the first has `DIGEST_PLACEHOLDER` as its digest.
    """
    array = _track_array(text)
    items = list(iter_items(text, array.start))
    # A file on one line stays on one line; any other gets its own indentation before each of our lines.
    is_flat = "\n" not in text[array.start : array.end]
    margin = _indent_at(text, items[-1].start) if items else _indent_at(text, array.start) + "    "
    blocks = [json.dumps(json.loads(track)) if is_flat else track.replace("\n", f"\n{margin}") for track in tracks]
    gap = " " if is_flat else f"\n{margin}"
    inserted = f",{gap}".join(blocks)
    if items:
        # Directly after the last track, before the blanks and the bracket: `remove_tracks` cuts the same slice out again.
        patched = f"{text[: items[-1].end]},{gap}{inserted}{text[items[-1].end :]}"
    else:
        close = "" if is_flat else f"\n{_indent_at(text, array.start)}"
        patched = f"{text[: array.start]}[{gap.strip(' ')}{inserted}{close}]{text[array.end :]}"
    return patched.replace(DIGEST_PLACEHOLDER, hashlib.sha256(patched.encode()).hexdigest(), 1)


def _indent_at(text: str, position: int) -> str:
    """Return the blanks that the line of a position begins with."""
    line = text[text.rfind("\n", 0, position) + 1 : position]
    return line[: len(line) - len(line.lstrip())]


def remove_tracks(text: str, indices: Sequence[int]) -> str:
    """Return the timeline as it was before `append_tracks` added its last tracks, of which these are the indices."""
    if not indices:
        return text
    array = _track_array(text)
    items = list(iter_items(text, array.start))
    first = min(indices)
    if first == 0:
        return f"{text[: array.start]}[]{text[array.end :]}"
    # From the end of the last track that stays to the end of the very last one: the comma between them goes with it.
    return text[: items[first - 1].end] + text[items[-1].end :]


def find_signed_tracks(text: str) -> list[int]:
    """Return the indices of the tracks that Tracklay added to this file; none if anything in the file has changed since.

    They are the last tracks of the list. A file may also contain tracks of ours that the user copied from another file: these
    belong to the user, and their digest, of the other file, does not match.
    """
    try:
        tracks = [node.value for node in iter_items(text, _track_array(text).start)]
    except (InvalidInput, ValueError, IndexError, TypeError, RecursionError):
        return []
    for index, track in enumerate(tracks):
        metadata = track["metadata"][METADATA_KEY] if is_tracklay_track(track) else None
        digest = metadata.get("digest") if isinstance(metadata, dict) else None
        if isinstance(digest, str) and digest:
            unsigned = text.replace(digest, DIGEST_PLACEHOLDER, 1)
            if hashlib.sha256(unsigned.encode()).hexdigest() == digest:
                return list(range(index, len(tracks)))
    return []


def has_signed_tracks(path: Path) -> bool:
    """Return True if Tracklay wrote a file and it has not changed since."""
    try:
        return bool(find_signed_tracks(path.read_bytes().decode("utf-8-sig")))
    except (OSError, UnicodeDecodeError, ValueError):
        return False


def rebase_urls(text: str, prefix: str) -> str:
    """Return the timeline for another folder. `prefix` is the relative path from there to the folder it was written for."""
    if not prefix:
        return text
    positions = sorted(
        node.start for node in _url_nodes(text, _skip_whitespace(text, 0)) if _is_relative_url(node.value)
    )
    escaped = json.dumps(prefix, ensure_ascii=False)[1:-1]
    # From the last to the first, so that the positions of those still to edit stay right. Each is that of the opening quote.
    for at in reversed(positions):
        text = f"{text[: at + 1]}{escaped}{text[at + 1 :]}"
    return text


def replace_urls(text: str, replacement: Callable[[str], str]) -> str:
    """Return the timeline with each path of a media reference replaced. `replacement` returns a path as it is to leave it."""
    for node in sorted(_url_nodes(text, _skip_whitespace(text, 0)), reverse=True):
        if (url := replacement(node.value)) != node.value:
            text = f"{text[: node.start]}{json.dumps(url, ensure_ascii=False)}{text[node.end :]}"
    return text


def _url_nodes(text: str, start: int) -> Iterator[JsonNode]:
    """Yield the path of each media reference, but for empty ones."""
    if text[start] == "[":
        for node in iter_items(text, start):
            if isinstance(node.value, dict | list):
                yield from _url_nodes(text, node.start)
        return
    members = list(iter_members(text, start))
    schema = next((str(node.value) for key, node in members if key == "OTIO_SCHEMA"), "").partition(".")[0]
    for key, node in members:
        if key == URL_FIELDS.get(schema) and isinstance(node.value, str) and node.value:
            yield node
        # Metadata belongs to other programs: what looks like a reference in it is not one.
        elif isinstance(node.value, dict | list) and key != "metadata":
            yield from _url_nodes(text, node.start)


def _is_relative_url(url: str) -> bool:
    # Neither rooted nor with a scheme or a drive before a colon ("file:", "C:").
    head, mark, _ = url.partition(":")
    return bool(url) and not url.startswith(("/", "\\")) and not (mark and head.replace("+", "").isalnum())


def mute_audio(text: str, *, with_takes: bool = False) -> str:
    """Return the timeline with its own audio tracks disabled; `with_takes`: those that Tracklay wrote, too."""
    edits: list[tuple[int, int, str]] = []
    for track in iter_items(text, _track_array(text).start):
        if not isinstance(track.value, dict) or track.value.get("kind") != "Audio":
            continue
        if is_tracklay_track(track.value) and not with_takes:
            continue
        enabled = find_member(text, track.start, "enabled")
        if enabled is None:
            # Older files have no such member: it goes first into the object, after the brace.
            edits.append((track.start + 1, track.start + 1, '"enabled": false, '))
        elif enabled.value:
            edits.append((enabled.start, enabled.end, "false"))
    for start, end, replacement in reversed(edits):
        text = f"{text[:start]}{replacement}{text[end:]}"
    return text


def add_effects(text: str, effects: Mapping[tuple[int, int], str]) -> str:
    """Return the timeline with an effect more on some clips.

    Args:
        text: the timeline.
        effects: the effect of each clip as JSON on one line, by the numbers of its track and of the clip among the track's children.
    """
    edits: list[tuple[int, str]] = []
    for track_number, track in enumerate(iter_items(text, _track_array(text).start)):
        wanted = {number: effect for (of_track, number), effect in effects.items() if of_track == track_number}
        children = find_member(text, track.start, "children") if wanted else None
        for number, child in enumerate(iter_items(text, children.start) if children else ()):
            if number not in wanted:
                continue
            array = find_member(text, child.start, "effects")
            if array is None:
                edits.append((child.start + 1, f'"effects": [{wanted[number]}], '))
            elif items := list(iter_items(text, array.start)) if array.value else []:
                edits.append((items[-1].end, f", {wanted[number]}"))
            else:
                edits.append((array.start + 1, wanted[number]))
    for position, inserted in sorted(edits, reverse=True):
        text = f"{text[:position]}{inserted}{text[position:]}"
    return text
