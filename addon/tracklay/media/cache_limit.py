"""The size limit of the proxy cache.

A module of its own: preferences set the limit while Blender registers the add-on, and `proxy_cache` imports all of extraction.
"""

from __future__ import annotations

DEFAULT_CACHE_LIMIT_BYTES = 2 << 30
"""2 GiB, about 1,000 clips."""

_limit_bytes = DEFAULT_CACHE_LIMIT_BYTES


def set_cache_limit(limit_bytes: int) -> None:
    """Set the limit for this process. The cache is trimmed to it when the next proxy is stored."""
    global _limit_bytes  # noqa: PLW0603 - one setting of one process
    _limit_bytes = limit_bytes


def cache_limit() -> int:
    """Return the limit in bytes."""
    return _limit_bytes
