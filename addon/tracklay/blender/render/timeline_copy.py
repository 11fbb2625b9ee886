"""Writes the copy of a timeline from which another Blender renders: all that the main thread does for a rendered picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import bpy

from ...errors import OutputError
from ...paths import trouble

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ...cue import Picture
    from ...jobs import Order
    from ..sequencer.selection import Spot


class Copies:
    """Copies of scenes, unsaved changes and all: one for each that is needed, written when it first is."""

    def __init__(self) -> None:
        self._made: dict[str, Path] = {}

    def of(self, picture: Picture) -> Picture:
        """A picture that knows its copy; one that needs none is given back as it is.

        Raises:
            OutputError: there is no room for it.
        """
        render = picture.render
        if render is None or render.copy is not None:
            return picture
        if render.scene not in self._made:
            self._made[render.scene] = write(render.scene)
        return replace(picture, render=replace(render, copy=self._made[render.scene]))


def written(orders: Iterable[tuple[Order, Spot]]) -> list[tuple[Order, Spot]]:
    """The same orders; those whose picture is rendered know their copy now.

    Raises:
        OutputError: there is no room for it.
    """
    copies = Copies()
    return [
        (replace(order, cue=replace(order.cue, picture=copies.of(order.cue.picture))), spot) for order, spot in orders
    ]


def write(scene: str) -> Path:
    """Write a copy of one scene and what it uses, its paths absolute: nothing of the person's is touched by it.

    Raises:
        OutputError: there is no room for it.
    """
    from ...jobs import artifact_store  # noqa: PLC0415 - only where something must be rendered

    path = artifact_store.new_copy()
    try:
        bpy.data.libraries.write(str(path), {bpy.data.scenes[scene]}, path_remap="ABSOLUTE")
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError):
            raise trouble(error, path.parent) from error
        raise OutputError(f"the timeline could not be copied to {path}: {error}") from error
    return path
