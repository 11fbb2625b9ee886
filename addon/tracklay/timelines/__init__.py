"""Timelines outside Blender: one module for each kind of file. `open_timeline` chooses the module for a path."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..media.image_sequence import is_sequence_pattern
from ..media.probe import check_file
from .formats import BLEND_SUFFIX, is_otio_readable

if TYPE_CHECKING:
    from ..jobs.delivery import CopyStyle
    from .base import Timeline


def open_timeline(path: Path, style: CopyStyle | None = None) -> Timeline:
    """Open a timeline that OpenTimelineIO reads, a Blender file, a media file, or a folder or pattern of images.

    `style` is how its copies are written. With any but the usual one, a media file becomes a timeline of one clip, which has such copies.

    Raises:
        InvalidInput: the path is none of these, cannot be read, or has copies of no such style.
    """
    is_styled = style is not None and bool(style.names)
    if is_styled and (path.suffix.lower() == BLEND_SUFFIX or path.is_dir() or is_sequence_pattern(path)):
        raise InvalidInput(
            "timeline.no_copy_style",
            "No copy for another editor is written of {path}. Give a media file, or a timeline that is exported as .otio.",
            path=path,
        )
    # Each kind needs its own libraries: only the module of the kind that is opened is imported.
    if path.suffix.lower() == BLEND_SUFFIX:
        from .blend_file import BlendFile  # noqa: PLC0415

        return BlendFile.open(path)
    if is_styled or is_otio_readable(path):
        if not path.is_dir():
            check_file(path)
        if find_spec("opentimelineio") is None:
            raise InvalidInput(
                "otio.not_installed",
                "OpenTimelineIO is not installed: {path}. Run pip install opentimelineio.",
                path=path,
            )
        from .otio.timeline import OtioFile  # noqa: PLC0415

        return OtioFile.open(path, style)
    from .media_file import MediaFile  # noqa: PLC0415

    return MediaFile.open(path)
