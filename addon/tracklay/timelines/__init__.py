"""Where cues come from and takes go to, outside Blender: one file a kind of timeline. `open_timeline` knows which kind a path is."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import InvalidInput
from ..media.probe import check_file

if TYPE_CHECKING:
    from pathlib import Path

    from .base import Timeline


def open_timeline(path: Path) -> Timeline:
    """The timeline that a path names: an .otio, a Blender file, a media file, or a folder or pattern of images.

    Raises:
        BadInput: it is none of these, or cannot be read.
    """
    # Each kind brings its own libraries: only those of the one that is opened are imported.
    if path.suffix.lower() == ".blend":
        from .blend_file import BlendFile  # noqa: PLC0415

        return BlendFile.open(path)
    if path.suffix.lower() == ".otio" and not path.is_dir():
        check_file(path)
        if find_spec("opentimelineio") is None:
            raise InvalidInput(f"{path} needs OpenTimelineIO, which is not installed: pip install opentimelineio")
        from .otio.timeline import OtioFile  # noqa: PLC0415

        return OtioFile.open(path)
    from .media_file import MediaFile  # noqa: PLC0415

    return MediaFile.open(path)
