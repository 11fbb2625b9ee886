"""The operators Mix, Clear Mix and Cancel Mix."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import bpy

from ...errors import TracklayError
from ..runtime.mixing import mix_status
from ..sequencer import compat
from ..sequencer.mixing.records import SCENE_PROPERTY, read_scene_record
from ..settings.i18n.translate import translate_error, translate_report
from ..settings.redraw import redraw_sequencers
from .common import TracklayOperator

if TYPE_CHECKING:
    from ..runtime.mixing.mix_job import MixJob


class _MixOperator(TracklayOperator):
    """Base class of the operators that run a job: at once for a script, by the timer from a button."""

    bl_options = {"REGISTER"}  # the job pushes the undo step when it has ended

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = compat.active_sequencer_scene(context)
        return scene is not None and scene.sequence_editor is not None

    def execute(self, context: Any) -> AbstractSet[str]:
        job = self.create_job(compat.active_sequencer_scene(context))
        try:
            job.run_to_end()
        except TracklayError as error:
            return self.report_error(error)
        for note in self.notes(compat.active_sequencer_scene(context)):
            self.report({"WARNING"}, note)
        redraw_sequencers()
        return {"FINISHED"}

    def invoke(self, context: Any, _event: Any) -> AbstractSet[str]:
        if bpy.app.background:
            return self.execute(context)
        from ..runtime.mixing.mix_job import start_job  # noqa: PLC0415 - loads what enabling the extension must not

        start_job(self.create_job(compat.active_sequencer_scene(context)))
        return {"FINISHED"}

    def create_job(self, scene: Any) -> MixJob:
        """Return the job."""
        raise NotImplementedError

    def notes(self, _scene: Any) -> list[str]:
        """Return what a script should know after the job."""
        return []


class TRACKLAY_OT_mix(_MixOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Balance all sounds by volume keyframes, to the preset's loudness.

    Keyframes that you changed or added stay. A script waits until it is done.
    """

    bl_idname = "tracklay.mix"
    bl_label = "Mix"

    def create_job(self, scene: Any) -> MixJob:
        from ..runtime.mixing.mix_job import MixJob, MixSettings  # noqa: PLC0415

        return MixJob(scene, MixSettings.of_scene(scene))

    def notes(self, scene: Any) -> list[str]:
        record = read_scene_record(scene)
        return [translate_error(note, translate_report) for note in record.notes] if record is not None else []


class TRACKLAY_OT_clear_mix(_MixOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Remove the keyframes of the mix and restore each strip's own volume.

    Keyframes that you changed or added stay.
    """

    bl_idname = "tracklay.clear_mix"
    bl_label = "Clear Mix"

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = compat.active_sequencer_scene(context)
        return super().poll(context) and (SCENE_PROPERTY in scene)

    def create_job(self, scene: Any) -> MixJob:
        from ..runtime.mixing.mix_job import MixJob  # noqa: PLC0415

        return MixJob(scene, None)


class TRACKLAY_OT_cancel_mix(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Stop mixing; nothing is changed."""

    bl_idname = "tracklay.cancel_mix"
    bl_label = "Cancel Mix"

    def execute(self, _context: Any) -> AbstractSet[str]:
        mix_status.stop_job()
        return {"FINISHED"}


CLASSES = (TRACKLAY_OT_mix, TRACKLAY_OT_clear_mix, TRACKLAY_OT_cancel_mix)
