"""File > Export > Tracklay Turnover: the sounds of the timeline for a mixing room or another editor."""

from __future__ import annotations

import threading
from collections.abc import Set as AbstractSet
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, StringProperty

from ...atomic_io import remove_leftovers
from ...errors import InvalidInput, TracklayError
from ..sequencer import compat
from ..settings.i18n.translate import translate_report, translate_ui
from .common import SKIP_SAVE, WAIT_ARGUMENT, ModalOperator

if TYPE_CHECKING:
    from ...turnover.export import TurnoverOptions
    from ...worker import WorkerProcess

FORMAT_ITEMS = (
    ("aaf", "AAF", "Pro Tools, Media Composer, Nuendo, Fairlight, Ardour", 1),
    ("rpp", "REAPER", "A project with takes, fades and envelopes", 2),
    ("otio", "OpenTimelineIO", "Resolve and other editors", 4),
    ("fcpxml", "FCPXML", "Final Cut Pro X", 8),
    ("xml", "Final Cut Pro 7 XML", "Premiere, Resolve and older editors", 16),
    ("edl", "EDL", "A list for each track, with the timecodes of the WAVs", 32),
    ("wav", "WAV Tracks", "Each track as one file", 64),
)

PROGRAM_ITEMS = (
    ("NONE", "Chosen Formats", "The formats below"),
    ("protools", "Pro Tools", "An AAF with a file for each channel, and EDLs"),
    ("reaper", "REAPER", "A project"),
    ("resolve", "DaVinci Resolve", "OTIO, XML and EDLs with absolute paths"),
    ("premiere", "Premiere Pro", "XML and OTIO with absolute paths"),
)


class TurnoverExport:
    """A turnover that is being written: by a process of its own, which a thread waits for."""

    def __init__(self, session: dict[str, Any], options: TurnoverOptions, to: Path) -> None:
        from ...worker import WorkerProcess  # noqa: PLC0415 - asyncio and the worker are slow to import

        arguments = {"session": session, "options": asdict(options), "to": str(to)}
        self._worker: WorkerProcess = WorkerProcess("turnover.export:export_session", arguments)
        self._to = to
        self._result: dict[str, Any] = {}
        self._error: TracklayError | None = None
        self._thread = threading.Thread(target=self._run, name="tracklay-turnover", daemon=True)
        self._thread.start()

    @property
    def is_finished(self) -> bool:
        """True once all files are written, or none will be."""
        return not self._thread.is_alive()

    def wait(self) -> dict[str, Any]:
        """Block until it ends, and return the result as `TurnoverResult.to_dict`.

        Raises:
            TracklayError: nothing was written.
        """
        self._thread.join()
        if self._error:
            raise self._error
        return self._result

    def cancel(self) -> None:
        """Stop writing. What was written is removed."""
        process_id = self._worker.process_id
        self._worker.kill()
        self._thread.join()
        if process_id:
            remove_leftovers(self._to, process_id)

    def _run(self) -> None:
        from ...jobs.failures import internal_error  # noqa: PLC0415

        try:
            self._result = self._worker.result()
        except TracklayError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001 - a bug in this thread must reach the user as well
            self._error = internal_error(error)


class _FolderOperator(ModalOperator):
    """Base class of an operator that asks for a folder: an annotation in the operator itself would replace its property."""

    directory: str


class TRACKLAY_OT_turnover(_FolderOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Hand the sounds of the timeline over to a mixing room.

    While the files are written it runs modally: the user keeps working, and Esc cancels.
    """

    bl_idname = "tracklay.turnover"
    bl_label = "Tracklay Turnover"
    bl_options = {"REGISTER", "PRESET"}
    __annotations__ = {
        "directory": StringProperty(name="Folder", description="Folder of the turnover", subtype="DIR_PATH"),
        "filter_folder": BoolProperty(
            name="Folders Only", description="Show folders only", default=True, options={"HIDDEN"}
        ),
        "program": EnumProperty(name="For", description="Formats that a program reads best", items=PROGRAM_ITEMS),
        "formats": EnumProperty(
            name="Formats",
            description="Formats to write",
            items=FORMAT_ITEMS,
            options={"ENUM_FLAG"},
            default={"aaf", "rpp", "otio"},
        ),
        "handles": FloatProperty(
            name="Handles",
            description="Sound kept around a part of a longer file",
            default=1.0,
            min=0.0,
            max=60.0,
            unit="TIME_ABSOLUTE",
        ),
        "mono": BoolProperty(name="Mono", description="A file and a track for each channel"),
        "embed": BoolProperty(name="Embed", description="Put the sound into the AAF"),
        "absolute": BoolProperty(name="Absolute Paths", description="Refer to the sounds by absolute paths"),
        "wait": WAIT_ARGUMENT,
        "name": StringProperty(name="Name", description="Name of the files; empty for the scene's", options=SKIP_SAVE),
    }

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = compat.active_sequencer_scene(context)
        return scene is not None and scene.sequence_editor is not None

    def invoke(self, context: Any, _event: Any) -> AbstractSet[str]:
        if not self.directory and bpy.data.filepath:
            self.directory = str(Path(bpy.data.filepath).parent / "turnover")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, _context: Any) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "program")
        if self.program == "NONE":
            layout.column().prop(self, "formats")
        for name in ("handles", "mono", "embed", "absolute"):
            layout.prop(self, name)

    def execute(self, context: Any) -> AbstractSet[str]:
        from ..render.turnover_scene import read_turnover_scene  # noqa: PLC0415 - needs numpy

        scene = compat.active_sequencer_scene(context)
        try:
            session = read_turnover_scene(scene, self.name or Path(bpy.data.filepath).stem or scene.name)
            export = TurnoverExport(session.to_dict(), self._options(), self._folder())
            if self.wait or bpy.app.background:
                return self._report(export.wait())
        except TracklayError as error:
            return self.report_error(error)
        self._export = export
        return self.start_modal(context, export, translate_ui("Writing the turnover …  Esc: Cancel"))

    def _folder(self) -> Path:
        """Return the folder that was chosen.

        Raises:
            InvalidInput: none was.
        """
        if not self.directory:
            raise InvalidInput("turnover.no_folder", "No folder for the turnover. Choose one.")
        return Path(bpy.path.abspath(self.directory))

    def _options(self) -> TurnoverOptions:
        from ...turnover.export import PRESETS, TurnoverOptions  # noqa: PLC0415

        chosen = tuple(name for name, *_ in FORMAT_ITEMS if name in self.formats)
        options = TurnoverOptions(chosen) if self.program == "NONE" else PRESETS[self.program]
        return replace(
            options,
            handles=round(self.handles, 3),
            is_mono=options.is_mono or self.mono,
            embeds=self.embed,
            is_absolute=options.is_absolute or self.absolute,
        )

    def finish(self, _context: Any) -> AbstractSet[str]:
        return self._report(self._export.wait())

    def _report(self, result: dict[str, Any]) -> AbstractSet[str]:
        for note in result["notes"]:
            self.report({"WARNING"}, note)
        self.report(
            {"INFO"},
            translate_report("Turnover written: {}", ", ".join(Path(p).name for p in result["files"].values())),
        )
        return {"FINISHED"}


CLASSES = (TRACKLAY_OT_turnover,)
