"""Writes the copy of a timeline that a second Blender process renders from: the only work on the main thread for a rendered picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import bpy

from ...atomic_io import output_error
from ...errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ...cue import Picture
    from ...jobs import JobSpec
    from ..sequencer.selection import CueSource


class TimelineCopies:
    """Copies of scenes, including unsaved changes. Each scene is written once, when a picture first needs it."""

    def __init__(self) -> None:
        self._paths_by_scene: dict[str, Path] = {}

    def with_copy(self, picture: Picture) -> Picture:
        """Return a picture with the path of its copy; one that needs no copy is returned unchanged.

        Raises:
            OutputError: the copy cannot be written.
        """
        render = picture.render
        if render is None or render.timeline_copy is not None:
            return picture
        if render.scene not in self._paths_by_scene:
            self._paths_by_scene[render.scene] = write_scene_copy(render.scene)
        return replace(picture, render=replace(render, timeline_copy=self._paths_by_scene[render.scene]))


def with_timeline_copies(specs: Iterable[tuple[JobSpec, CueSource]]) -> list[tuple[JobSpec, CueSource]]:
    """Return the same jobs, with the path of the copy for pictures that are rendered.

    Raises:
        OutputError: the copy cannot be written.
    """
    copies = TimelineCopies()
    return [
        (replace(spec, cue=replace(spec.cue, picture=copies.with_copy(spec.cue.picture))), spot) for spec, spot in specs
    ]


def write_scene_copy(scene: str) -> Path:
    """Write a copy of one scene and everything it uses, with absolute paths, and return its path. The open file is not changed.

    Raises:
        OutputError: the copy cannot be written.
    """
    from ...jobs import artifact_store  # noqa: PLC0415 - needed only if something is rendered

    path = artifact_store.new_timeline_copy_path()
    # Blender 5.2.2 ends when it writes a scene that it has never evaluated. For one that it has, this does nothing.
    for layer in bpy.data.scenes[scene].view_layers:
        layer.update()
    try:
        bpy.data.libraries.write(str(path), {bpy.data.scenes[scene]}, path_remap="ABSOLUTE")
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError):
            raise output_error(error, path.parent) from error
        raise OutputError(
            "blender.timeline_copy_failed",
            "Cannot copy the timeline to {path}: {error}",
            path=path,
            error=str(error).strip(),
        ) from error
    return path
