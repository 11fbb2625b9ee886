"""The files of takes that Keep Take removed from a timeline: which of them may be deleted, and their deletion.

A .blend file may name any file of the system. Only a regular file in a takes folder of this film is deleted, whose name and SHA-256 the
ledger has of a take or a stem. No symbolic link is followed.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...errors import TracklayError
from ...paths import tracklay_home
from ..settings.error_text import panel_error_text
from ..settings.i18n.translate import translate_report, translate_ui
from ..settings.preferences import takes_folder
from . import compat, cue_index

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

HASH_BLOCK = 1 << 20
"""Bytes that are read at a time."""

LISTED = 20
"""File names in the dialog; of more, the number."""

OPEN_MODE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def deletable(scene: Any) -> tuple[list[Path], list[Path]]:
    """Return the dropped files that Tracklay made, and those that are left. What a sound of the open file plays is in neither.

    Raises:
        LedgerTrouble: the ledger cannot be read.
    """
    files = sorted({Path(row.name) for row in scene.tracklay.dropped} - _played())
    files = [file for file in files if os.path.lexists(file)]
    folders, made = _folders(), _made(file.name for file in files)
    ours = [file for file in files if file.parent in folders and _hash(file) in made.get(file.name, ())]
    return ours, [file for file in files if file not in ours]


def _played() -> set[Path]:
    return {cue_index.sound_file(sound) for sound in bpy.data.sounds if sound.users}


def _folders() -> set[Path]:
    """Return the folders that the film's takes are made in, after its first save and before; not one that is a symbolic link."""
    named = (Path(os.path.normpath(folder)) for folder in (takes_folder(), tracklay_home() / "takes"))
    return {folder for folder in named if folder.is_dir() and not folder.is_symlink()}


def _made(names: Iterable[str]) -> dict[str, set[str]]:
    """Return the hashes of takes and stems by file name; nothing where there is no ledger."""
    from ...jobs import ledger_schema  # noqa: PLC0415 - SQLite comes along
    from ...jobs.ledger import Ledger  # noqa: PLC0415

    if not ledger_schema.ledger_path().exists():
        return {}
    ledger = Ledger()
    try:
        return ledger.hashes_of(names)
    finally:
        ledger.close()


def _hash(file: Path) -> str:
    """Return a regular file's SHA-256; empty for anything else."""
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            return ""
        digest = hashlib.sha256()
        with os.fdopen(os.open(file, OPEN_MODE), "rb") as content:
            while block := content.read(HASH_BLOCK):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


class TRACKLAY_OT_delete_dropped(bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Delete the files of takes that were dropped."""

    bl_idname = "tracklay.delete_dropped"
    bl_description = (
        "Delete the files of the takes that Keep Take removed from this timeline, from the disk. This cannot be undone"
    )
    bl_label = "Delete Dropped Files"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Return whether any were dropped."""
        scene = compat.active_sequencer_scene(context)
        return scene is not None and bool(scene.tracklay.dropped)

    def invoke(self, context: Any, _event: Any) -> AbstractSet[str]:
        """Show the names of the files and ask for confirmation."""
        try:
            self.ours, self.others = deletable(compat.active_sequencer_scene(context))
        except TracklayError as error:
            self.report({"ERROR"}, panel_error_text(error))
            return {"CANCELLED"}
        asked: AbstractSet[str] = context.window_manager.invoke_props_dialog(
            self, width=500, title=translate_ui("Delete Dropped Files"), confirm_text=translate_ui("Delete")
        )
        return asked

    def draw(self, _context: Any) -> None:
        """Draw the dialog."""
        column = self.layout.column(align=True)
        column.label(
            text=translate_ui("Files of dropped takes that are deleted from the disk: {}", len(self.ours)),
            translate=False,
        )
        for file in self.ours[:LISTED]:
            column.label(text=file.name, translate=False, icon="FILE_SOUND")
        if len(self.ours) > LISTED:
            column.label(text=translate_ui("and {} more", len(self.ours) - LISTED), translate=False)
        if self.others:
            column.label(
                text=translate_ui(
                    "Files left, because Tracklay did not make them here or they were changed: {}", len(self.others)
                ),
                translate=False,
                icon="INFO",
            )

    def execute(self, context: Any) -> AbstractSet[str]:
        """Delete them. Files that are left are dropped from the list, unless they are played or cannot be deleted."""
        scene = compat.active_sequencer_scene(context)
        try:
            ours, others = deletable(scene)
        except TracklayError as error:
            self.report({"ERROR"}, panel_error_text(error))
            return {"CANCELLED"}
        failed: dict[Path, str] = {}
        for file in ours:
            try:
                file.unlink()
            except OSError as error:
                failed[file] = f"{file} cannot be deleted: {error.strerror or error}"
        kept = {str(file) for file in (*failed, *_played())} & {row.name for row in scene.tracklay.dropped}
        scene.tracklay.dropped.clear()
        for name in sorted(kept):
            scene.tracklay.dropped.add().name = name
        self.report({"INFO"}, translate_report("Files deleted: {}", len(ours) - len(failed)))
        if others:
            self.report(
                {"WARNING"},
                translate_report(
                    "Files left, because Tracklay did not make them here or they were changed: {}", len(others)
                ),
            )
        if failed:
            self.report({"ERROR"}, "\n".join(failed.values()))
        return {"FINISHED"}


CLASSES = (TRACKLAY_OT_delete_dropped,)
