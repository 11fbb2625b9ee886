"""Writes the copy of a timeline from which another Blender renders: all that the main thread does for a rendered picture."""

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
    """Copies of scenes, unsaved changes and all: one for each that is needed, written when it first is."""

    def __init__(self) -> None:
        self._paths_by_scene: dict[str, Path] = {}

    def with_copy(self, picture: Picture) -> Picture:
        """A picture that knows its copy; one that needs none is given back as it is.

        Raises:
            OutputError: there is no room for it.
        """
        render = picture.render
        if render is None or render.timeline_copy is not None:
            return picture
        if render.scene not in self._paths_by_scene:
            self._paths_by_scene[render.scene] = write_scene_copy(render.scene)
        return replace(picture, render=replace(render, timeline_copy=self._paths_by_scene[render.scene]))


def with_timeline_copies(orders: Iterable[tuple[JobSpec, CueSource]]) -> list[tuple[JobSpec, CueSource]]:
    """The same orders; those whose picture is rendered know their copy now.

    Raises:
        OutputError: there is no room for it.
    """
    copies = TimelineCopies()
    return [
        (replace(order, cue=replace(order.cue, picture=copies.with_copy(order.cue.picture))), spot)
        for order, spot in orders
    ]


def write_scene_copy(scene: str) -> Path:
    """Write a copy of one scene and what it uses, its paths absolute: nothing of the person's is touched by it.

    Raises:
        OutputError: there is no room for it.
    """
    from ...jobs import artifact_store  # noqa: PLC0415 - only where something must be rendered

    path = artifact_store.new_timeline_copy_path()
    try:
        bpy.data.libraries.write(str(path), {bpy.data.scenes[scene]}, path_remap="ABSOLUTE")
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError):
            raise output_error(error, path.parent) from error
        raise OutputError(f"the timeline could not be copied to {path}: {error}") from error
    return path
