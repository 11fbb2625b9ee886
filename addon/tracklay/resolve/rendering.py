"""Pictures that only Resolve can show: the range of a cue, rendered by Resolve's Deliver page, small and without sound."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Cancelled, InvalidInput, MediaError
from ..media.probe import probe_video
from ..paths import ensure_folder, tracklay_home

if TYPE_CHECKING:
    from fusionscript import Project, RenderSettings

    from ..cancellation import CancelToken
    from ..timing import Span
    from .calls import OpenTimeline

RENDER_FOLDER = "resolve"
"""Folder of rendered pictures in Tracklay's own folder."""

CODECS = (
    ("mp4", ("H264", "H264_NVIDIA", "H.264")),
    ("mov", ("H264", "ProRes422P", "ProRes422LT", "DNxHRLB", "DNxHRSQ", "DNxHR444")),
    ("mxf_op1a", ("DNxHRLB", "DNxHRSQ")),
)
"""Formats and codecs to render to, the smallest files first. Linux has no H.264 in the free edition."""

RENDER_HEIGHT = 360
"""Height of a rendered picture in pixels: models see no more."""

POLL_SECONDS, TIMEOUT_SECONDS = 0.5, 3600.0


def render_picture(opened: OpenTimeline, span: Span, *, cancel_token: CancelToken | None = None) -> Path:
    """Let Resolve render the frames of a span, and return the file. Its first frame is the span's.

    The user's render settings are saved as a preset before and loaded afterwards; the render job is deleted.

    Raises:
        InvalidInput: Resolve offers no codec that can be read.
        MediaError: it did not render.
        Cancelled: `cancel_token` was cancelled.
    """
    project = opened.project
    folder = ensure_folder(tracklay_home() / RENDER_FOLDER)
    name = f"render-{secrets.token_hex(8)}"
    preset = f"Tracklay {name}"
    has_preset = bool(project.SaveAsNewRenderPreset(preset))
    before = project.GetCurrentRenderFormatAndCodec() or {}
    try:
        _choose_codec(project)
        settings: RenderSettings = {  # type: ignore[typeddict-item]  # the others stay the user's
            "SelectAllFrames": False,
            "MarkIn": span.start,
            "MarkOut": span.end - 1,  # inclusive
            "TargetDir": str(folder),
            "CustomName": name,
            "ExportVideo": True,
            "ExportAudio": False,
            "FormatWidth": _render_width(opened),
            "FormatHeight": RENDER_HEIGHT,
        }
        if not project.SetRenderSettings(settings):
            raise MediaError(
                "resolve.render_refused", "Resolve refused the settings for a render. Use Render in Place on the clip."
            )
        job = project.AddRenderJob()
        if not job:
            raise MediaError("resolve.no_render_job", "Resolve added no render job. Use Render in Place on the clip.")
        try:
            _run_job(project, job, cancel_token)
        finally:
            project.DeleteRenderJob(job)
    finally:
        if has_preset:
            project.LoadRenderPreset(preset)
            project.DeleteRenderPreset(preset)
        if before.get("format"):
            project.SetCurrentRenderFormatAndCodec(before["format"], before["codec"])
    found = sorted(folder.glob(f"{name}*"))
    if not found:
        raise MediaError("resolve.nothing_rendered", "Resolve rendered no file to {folder}.", folder=folder)
    frames = probe_video(found[0], cancel_token=cancel_token)[1].frames
    if frames != span.frames:
        raise MediaError(
            "resolve.rendered_other_range",
            "Resolve rendered {frames} frames, and not {expected}. Use Render in Place on the clip.",
            frames=frames,
            expected=span.frames,
        )
    return found[0]


def _render_width(opened: OpenTimeline) -> int:
    """Return the width of a rendered picture, with the timeline's shape, as an even number."""
    try:
        width, height = (int(opened.timeline.GetSetting(f"timelineResolution{side}")) for side in ("Width", "Height"))
        return max(2, round(RENDER_HEIGHT * width / height / 2) * 2)
    except (TypeError, ValueError, ZeroDivisionError):
        return RENDER_HEIGHT * 16 // 9


def _choose_codec(project: Project) -> None:
    """Set the first known format and codec that this edition and system has."""
    formats = {str(value) for value in (project.GetRenderFormats() or {}).values()}
    for name, codecs in CODECS:
        if name not in formats:
            continue
        offered = {str(value) for value in (project.GetRenderCodecs(name) or {}).values()}
        for codec in codecs:
            if codec in offered and project.SetCurrentRenderFormatAndCodec(name, codec):
                return
    raise InvalidInput(
        "resolve.no_render_codec",
        "This edition of Resolve renders to none of H.264, ProRes and DNxHR here. Render the clip to a file and put that in its place.",
    )


def _run_job(project: Project, job: str, cancel_token: CancelToken | None) -> None:
    """Render one job and wait for its end. The words of its status are in the user's language: only its numbers are read."""
    if not project.StartRendering([job], False):  # noqa: FBT003 - Resolve's own parameter
        raise MediaError("resolve.render_not_started", "Resolve did not start to render. Is another render running?")
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while project.IsRenderingInProgress():
        try:
            if cancel_token is not None:
                cancel_token.raise_if_cancelled()
        except Cancelled:
            project.StopRendering()
            raise
        if time.monotonic() > deadline:
            project.StopRendering()
            raise MediaError("resolve.render_timeout", "Resolve did not finish rendering within an hour.")
        time.sleep(POLL_SECONDS)
    status: Any = project.GetRenderJobStatus(job) or {}
    if status.get("Error") or float(status.get("CompletionPercentage", 100)) < 100:
        raise MediaError(
            "resolve.render_failed",
            "Resolve did not render: {reason}.",
            reason=status.get("Error") or "it stopped before the end",
        )
