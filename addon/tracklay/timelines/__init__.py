"""Timelines outside Blender: one module for each kind of file. `open_timeline` chooses the module for a path."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..media.probe import check_file
from .formats import BLEND_SUFFIX, is_otio_readable

if TYPE_CHECKING:
    from ..jobs.delivery import CopyStyle
    from .base import Timeline


def open_timeline(path: Path, style: CopyStyle | None = None) -> Timeline:
    """Open a timeline that OpenTimelineIO reads, a Blender file, a media file, or a folder or pattern of images.

    `style` is how its copies are written; only timelines that OpenTimelineIO reads have any other than the usual.

    Raises:
        InvalidInput: the path is none of these, cannot be read, or has copies of no such style.
    """
    if style is not None and style.names and not is_otio_readable(path):
        raise InvalidInput(
            "timeline.no_copy_style",
            "Not a timeline that OpenTimelineIO reads: {path}. Export the timeline from its editor as .otio.",
            path=path,
        )
    # Each kind needs its own libraries: only the module of the kind that is opened is imported.
    if path.suffix.lower() == BLEND_SUFFIX:
        from .blend_file import BlendFile  # noqa: PLC0415

        return BlendFile.open(path)
    if is_otio_readable(path):
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
