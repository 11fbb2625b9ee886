"""Notes of a mix: what its user should read. They are worded as errors are, so that a front end can translate them."""

from __future__ import annotations

from ..errors import TracklayError


class MixNote(TracklayError):
    """A sentence about a mix that was made. It is data as errors are: a code, an English template and its values; it is not raised."""
