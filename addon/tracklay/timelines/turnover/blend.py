"""The session of a .blend file, which a Blender in the background reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...turnover.session import TurnoverSession
from ..blend_file import BlendFile

if TYPE_CHECKING:
    from pathlib import Path


def read_blend_session(path: Path) -> TurnoverSession:
    """Return the session of the scene that Blender shows when it opens a file.

    Raises:
        InvalidInput: there is no Blender, or it cannot open the file.
        MediaError: Blender ended without a result.
    """
    return TurnoverSession.from_dict(BlendFile.open(path).read_turnover())
