"""Operators on running, failed and unclear jobs."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

import bpy
from bpy.props import StringProperty

from ...errors import TracklayError
from ..runtime.cue_status import running_cues
from ..runtime.dispatcher import get_dispatcher
from ..runtime.timer import start_timer
from ..settings.redraw import redraw_sequencers
from .common import SKIP_SAVE, TracklayOperator

CUE_ARGUMENT = StringProperty(name="Cue", description="ID of the cue", options=SKIP_SAVE)
CUES_ARGUMENT = StringProperty(name="Cue", description="ID of the cue; empty for all", options=SKIP_SAVE)


class TRACKLAY_OT_cancel(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801 - Blender's own naming
    """Cancel the cue's jobs."""

    bl_idname = "tracklay.cancel"
    bl_label = "Cancel Jobs"
    __annotations__ = {"cue": CUES_ARGUMENT}

    def execute(self, _context: Any) -> AbstractSet[str]:
        for cue_id, status in running_cues().items():
            if not status.error and self.cue in ("", cue_id):
                get_dispatcher().cancel(cue_id)
        return {"FINISHED"}


class TRACKLAY_OT_dismiss(TracklayOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Hide the cue's message."""

    bl_idname = "tracklay.dismiss"
    bl_label = "Dismiss Message"
    __annotations__ = {"cue": CUES_ARGUMENT}

    def execute(self, _context: Any) -> AbstractSet[str]:
        # A copy of the IDs: dismissing removes them from the dictionary.
        for cue_id in [cue_id for cue_id in running_cues() if self.cue in ("", cue_id)]:
            get_dispatcher().dismiss(cue_id)
        redraw_sequencers()
        return {"FINISHED"}


class _CueJobsOperator(TracklayOperator):
    """Base class of the operators on the jobs of one cue."""

    bl_options = {"REGISTER"}
    cue: str

    def execute(self, _context: Any) -> AbstractSet[str]:
        try:
            self.perform(self.cue)
        except TracklayError as error:
            return self.report_error(error)
        start_timer()
        redraw_sequencers()
        return {"FINISHED"}

    def perform(self, cue_id: str) -> None:
        """Do the operator's work. Errors are reported."""
        raise NotImplementedError


class TRACKLAY_OT_retry(_CueJobsOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Generate the cue's failed takes again, into the same strips."""

    bl_idname = "tracklay.retry"
    bl_label = "Retry Failed Takes"
    __annotations__ = {"cue": CUE_ARGUMENT}

    def perform(self, cue_id: str) -> None:
        get_dispatcher().retry(cue_id)


class TRACKLAY_OT_recheck(_CueJobsOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Ask the provider for this job again, without sending anything."""

    bl_idname = "tracklay.recheck"
    bl_label = "Recheck Job"
    __annotations__ = {"cue": CUE_ARGUMENT}

    def perform(self, cue_id: str) -> None:
        get_dispatcher().recheck(cue_id)


class TRACKLAY_OT_resubmit(_CueJobsOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Send this job again, although it may be charged twice."""

    bl_idname = "tracklay.resubmit"
    bl_label = "Resubmit Job"
    __annotations__ = {"cue": CUE_ARGUMENT}

    def perform(self, cue_id: str) -> None:
        get_dispatcher().resubmit(cue_id)


class TRACKLAY_OT_discard(_CueJobsOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Remove this job and its placeholder; it may have been charged."""

    bl_idname = "tracklay.discard"
    bl_label = "Discard Job"
    __annotations__ = {"cue": CUE_ARGUMENT}

    def perform(self, cue_id: str) -> None:
        get_dispatcher().discard(cue_id)


class _ResumeJobsOperator(TracklayOperator):
    """Base class of Resume Jobs and its old name."""

    bl_label = "Resume Jobs"

    def execute(self, _context: Any) -> AbstractSet[str]:
        if not bpy.app.background:
            get_dispatcher().on_file_opened()
            start_timer()
            return {"FINISHED"}
        # No timer runs in background mode: block until every take is laid.
        unfinished = get_dispatcher().resume_jobs()
        if unfinished:
            self.report({"WARNING"}, "\n".join(unfinished))
        return {"FINISHED"}


class TRACKLAY_OT_resume_jobs(_ResumeJobsOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Resume the jobs that this file's placeholders wait for.

    In background mode it blocks until every take is laid.
    """

    bl_idname = "tracklay.resume_jobs"
    bl_options = {"REGISTER"}


class TRACKLAY_OT_take_up(_ResumeJobsOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Resume the jobs that this file's placeholders wait for.

    The old name of `tracklay.resume_jobs`, for scripts. It will be removed after version 0.1.
    """

    bl_idname = "tracklay.take_up"
    bl_options = {"INTERNAL"}


CLASSES = (
    TRACKLAY_OT_cancel,
    TRACKLAY_OT_dismiss,
    TRACKLAY_OT_retry,
    TRACKLAY_OT_recheck,
    TRACKLAY_OT_resubmit,
    TRACKLAY_OT_discard,
    TRACKLAY_OT_resume_jobs,
    TRACKLAY_OT_take_up,
)
