"""The identity of a picture's source by its content: what an output that was paid for is found again by."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from ...errors import MediaError
from ...media.fingerprint import pieces_in, shown_images, source_id
from ..context import run_blocking
from ..ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from ...cancellation import CancelToken
    from ...cue import Picture
    from ...timing import Span
    from ..context import JobContext

FULL_HASH_MAX_BYTES = 1 << 30
"""A larger source is identified by samples of it, size and modification time: reading an hour of 4K takes longer than all the rest."""


async def hash_source(context: JobContext, picture: Picture, span: Span) -> str:
    """Return the identity of what is read for a picture's span.

    Raises:
        MediaError: a file cannot be read.
    """
    pictures = [(piece.picture, inside) for piece, inside in pieces_in(picture, span)] or [(picture, span)]
    try:
        hashes = [await _hash_picture(context, each, inside) for each, inside in pictures]
    except OSError as error:
        raise MediaError(
            "job.source_unreadable",
            "Cannot read the source: {path} ({reason}).",
            path=error.filename or picture.source,
            reason=error.strerror or str(error),
        ) from error
    return _digest(hashes) if picture.pieces else hashes[0]


async def _hash_picture(context: JobContext, picture: Picture, span: Span) -> str:
    async with context.keyed_lock(f"hash {picture.source}"), context.concurrency_slot("extract"):
        if picture.images:
            # An image that is missing outside of the span is not needed.
            needed = set(shown_images(picture, span))
            images = [name for name in picture.images if name in needed or (picture.source / name).exists()]
            hashes = [await run_blocking(source_id, picture.source / name, "full") for name in images]
            return _digest(list(zip(images, hashes, strict=True)))
        stat = picture.source.stat()
        found = await context.ledger_writer(Ledger.get_file_hash, picture.source)
        if found is None:
            found = await run_blocking(_content_id, picture.source)
            await context.ledger_writer(Ledger.save_file_hash, picture.source, stat.st_size, stat.st_mtime_ns, found)
        return found


def _content_id(source: Path, *, cancel_token: CancelToken) -> str:
    """Return a source's SHA-256; for a large source `sampled:` and the SHA-256 of samples of it."""
    size, modified_ns = source_id(source, "stat")
    if size <= FULL_HASH_MAX_BYTES:
        return source_id(source, "full", cancel_token=cancel_token)
    return f"sampled:{_digest([source_id(source, 'sampled'), modified_ns])}"


def _digest(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
