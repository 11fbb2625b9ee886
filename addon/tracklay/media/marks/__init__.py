"""Marks of generated sound in files: the IPTC digital source type in WAV, MP4, QuickTime and Matroska, and reading it back."""

from .xmp import (
    XmpMark,
    append_xmp_box,
    describe_mark,
    find_source_type,
    find_system,
    mark_of_film,
    read_xmp,
    read_xmp_box,
)

__all__ = [
    "XmpMark",
    "append_xmp_box",
    "describe_mark",
    "find_source_type",
    "find_system",
    "mark_of_film",
    "read_xmp",
    "read_xmp_box",
]
