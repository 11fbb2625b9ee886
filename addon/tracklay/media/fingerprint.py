"""Identity of sources, and of what plays of them in a span: the keys by which proxies, outputs and takes are found again.

Many results are stored under these values: cached proxies, paid outputs in the job ledger, the records of sound made at render time, and
rows of batch results. Changing a format here makes all of them unknown, so that they are made, and paid for, once more.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, overload

from ..paths import tracklay_home
from ..timing import Span
from .image_sequence import DEFAULT_SEQUENCE_RATE

if TYPE_CHECKING:
    from ..cancellation import CancelToken
    from ..cue import Picture, PicturePiece

SAMPLE_BLOCKS, SAMPLE_BLOCK_BYTES = 16, 1 << 14
"""Number and size of the blocks that a sampled digest reads, spread evenly from a file's first to its last byte."""

HASH_BLOCK_BYTES = 1 << 20
"""Bytes read at a time for a full digest."""

MIN_SOURCE_AGE_SECONDS = 2.0
"""A file modified more recently may be modified again without a new modification time: FAT counts two seconds."""

FileIds = Mapping[Path, list[Any]]
"""Identity of each file of a source, as `source_file_ids` returns it."""


@overload
def source_id(path: Path, mode: Literal["full"], *, cancel_token: CancelToken | None = None) -> str: ...
@overload
def source_id(
    path: Path, mode: Literal["sampled", "stat"], *, cancel_token: CancelToken | None = None
) -> list[Any]: ...
def source_id(
    path: Path, mode: Literal["full", "sampled", "stat"], *, cancel_token: CancelToken | None = None
) -> str | list[Any]:
    """Return a file's identity.

    Args:
        path: the file.
        mode: `full`, its SHA-256 as hexadecimal text: the same on every machine, and slow for a large file. `sampled`, its size in
            bytes and the SHA-256 of blocks of it: the same on every machine, and quick; a change between the blocks is missed.
            `stat`, its size in bytes and modification time in nanoseconds: reads nothing, and differs between copies.
        cancel_token: cancels a `full` digest.

    Raises:
        OSError: the file cannot be read.
        Cancelled: the token was cancelled.
    """
    if mode == "stat":
        stat = path.stat()
        return [stat.st_size, stat.st_mtime_ns]
    with path.open("rb") as file:
        if mode == "sampled":
            return _sampled_id(file)
        content = hashlib.sha256()
        while block := file.read(HASH_BLOCK_BYTES):
            if cancel_token is not None:
                cancel_token.raise_if_cancelled()
            content.update(block)
        return content.hexdigest()


def _sampled_id(file: BinaryIO) -> list[Any]:
    size = os.fstat(file.fileno()).st_size
    samples = hashlib.sha256()
    last = max(0, size - SAMPLE_BLOCK_BYTES)
    for number in range(SAMPLE_BLOCKS):
        # Of a file with less than 16 blocks they overlap: all of it is read.
        file.seek(last * number // (SAMPLE_BLOCKS - 1))
        samples.update(file.read(SAMPLE_BLOCK_BYTES))
    return [size, samples.hexdigest()]


def source_file_ids(picture: Picture, span: Span) -> FileIds | None:
    """Return the identity of each file that is read for a span: size, times of change, and a sampled digest.

    The strictest identity, for reuse without a doubt on this machine. None if a file is gone, or changed less than
    `MIN_SOURCE_AGE_SECONDS` ago. A movie that the editor rendered for us is identified by its pixels.
    """
    try:
        return {path: _rendered_id(path) or _file_id(path) for path in source_files(picture, span)}
    except OSError:
        return None


def rendered_digest_path(movie: Path) -> Path:
    """Return the path of the file with the digest of a rendered movie's pixels. It is written after the movie."""
    return movie.with_suffix(".sha256")


def _rendered_id(path: Path) -> list[Any] | None:
    # Only in our own folder: beside a user's file such a file may be anything.
    digest_file = rendered_digest_path(path)
    if tracklay_home() not in path.parents or not digest_file.is_file():
        return None
    return ["rendered", digest_file.read_text("ascii")]


def _file_id(path: Path) -> list[Any]:
    with path.open("rb") as file:
        stat = os.fstat(file.fileno())
        # Programs can set the modification time back; the change time (of the inode) they cannot.
        if time.time() - max(stat.st_mtime, stat.st_ctime) < MIN_SOURCE_AGE_SECONDS:
            raise OSError("changed a moment ago")
        size, samples = _sampled_id(file)
    return [size, stat.st_mtime_ns, stat.st_ctime_ns, samples]


def source_content_id(picture: Picture, span: Span) -> list[Any] | None:
    """Return the sampled identity of the files that are read for a span, the same on every machine. None if a file is gone."""
    try:
        return [source_id(path, "sampled") for path in source_files(picture, span)]
    except OSError:
        return None


def source_files(picture: Picture, span: Span) -> Iterator[Path]:
    """Yield the files that are read for a span: the source, or the images of a sequence that play in it.

    Of a joined picture, those of each piece in turn.
    """
    if picture.pieces:
        for piece, inside in pieces_in(picture, span):
            yield from source_files(piece.picture, inside)
        return
    if not picture.images:
        yield picture.source
        return
    rate = picture.rate or DEFAULT_SEQUENCE_RATE
    seconds = [
        picture.time_map.source_seconds(frame)
        for segment in picture.time_map.segments(span)
        for frame in (segment.start, segment.end)
    ]
    last = len(picture.images) - 1
    first, end = (min(max(math.floor(at * rate.fps), 0), last) for at in (min(seconds), max(seconds)))
    # One more than the last: the plan of a span rounds to the nearest image.
    for name in picture.images[first : end + 2]:
        yield picture.source / name


def pieces_in(picture: Picture, span: Span) -> Iterator[tuple[PicturePiece, Span]]:
    """Yield the pieces of a joined picture that play in a span, each with its frames in it."""
    for piece in picture.pieces:
        start, end = max(piece.span.start, span.start), min(piece.span.end, span.end)
        if start < end:
            yield piece, Span(start, end - start, span.rate)


def _piece_fingerprints(picture: Picture, span: Span) -> list[Any]:
    """Return how the pieces of a joined picture play in a span; nothing for a picture of one source."""
    found = [
        [inside.start - span.start, span_fingerprint(piece.picture, inside)]
        for piece, inside in pieces_in(picture, span)
    ]
    return [{"pieces": found}] if picture.pieces else []


def shown_images(picture: Picture, span: Span) -> list[str]:
    """Return the names of the images of a sequence that are on screen in a span, in their order."""
    rate, last = picture.rate or DEFAULT_SEQUENCE_RATE, len(picture.images) - 1
    shown = {
        min(max(math.floor(picture.time_map.source_seconds(frame) * rate.fps + Fraction(1, 2)), 0), last)
        for frame in range(span.start, span.end)
    }
    return [picture.images[index] for index in sorted(shown)]


def span_fingerprint(picture: Picture, span: Span) -> list[Any]:
    """Return how the source plays in a span. The span's position on the timeline does not count.

    Two spans with the same fingerprint, of the same source, show the same frames at the same times. Stored in the keys of cached
    proxies and of records of sound made at render time.
    """
    segments = [
        [str(segment.start - span.start), str(segment.source_start), str(segment.slope)]
        for segment in picture.time_map.segments(span)
    ]
    facts = [segments, span.frames, str(span.rate), None if picture.rate is None else str(picture.rate)]
    return facts + _stored_frame_rule(picture) + _piece_fingerprints(picture, span)


def ledger_span_fingerprint(picture: Picture, span: Span) -> list[Any]:
    """Return `span_fingerprint` as the job ledger stores it, in its `picture` and `work` columns.

    It holds the same facts in other words. It must stay so: an output that was paid for is found, and reused, by it.
    """
    bends = [(frame, seconds) for frame, seconds in picture.time_map.points if span.start < frame < span.end]
    ends = [(Fraction(frame), picture.time_map.source_seconds(frame)) for frame in (span.start, span.end)]
    points = relative_points(sorted([*bends, *ends]), span)
    rest = [*_stored_frame_rule(picture), *_piece_fingerprints(picture, span)]
    return [points, span.frames, str(span.rate), list(picture.images), str(picture.rate), *rest]


def _stored_frame_rule(picture: Picture) -> list[Any]:
    """Return the frame rule as stored: left out if it is `nearest`, the only one when the first fingerprints were stored."""
    return [] if picture.frame_rule == "nearest" else [picture.frame_rule]


def relative_points(points: Iterable[tuple[Fraction, Fraction]], span: Span) -> list[list[str]]:
    """Return points of a time map (timeline frame, source seconds) with frames counted from the span's start, as text."""
    return [[str(frame - span.start), str(seconds)] for frame, seconds in points]


def digest(parts: Any) -> str:
    """Return the SHA-256 of plain data, as hexadecimal text."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
