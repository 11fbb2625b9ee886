"""How much room the proxies that are kept may take: set by whoever has preferences, and held by the cache."""

from __future__ import annotations

DEFAULT_CACHE_LIMIT_BYTES = 2 << 30
"""How much is kept where nobody says otherwise: some thousand clips."""

cache_limit_bytes = DEFAULT_CACHE_LIMIT_BYTES
"""How much is kept now."""
