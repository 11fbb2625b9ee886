"""Chooses how the job of a take is run: as one request, in parts on the span's frames, or in parts of music."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..pipeline import JobPipeline
from ..states import UNSENT_STATES
from .music_pipeline import MusicPipeline
from .parted_pipeline import PartedPipeline

if TYPE_CHECKING:
    from ..context import JobContext
    from ..job_spec import JobSpec
    from ..ledger import Job


def create_pipeline(job: Job, spec: JobSpec, context: JobContext) -> JobPipeline:
    """Return the pipeline of a take's job. Once a job has begun, it stays what it is."""
    if job.state in UNSENT_STATES:
        in_parts, is_music = spec.part_sizes is not None, spec.is_free_music
    else:
        plan = (job.job_handle or {}).get("data", {})
        in_parts, is_music = "parts" in plan, plan.get("join") == "music"
    if not in_parts:
        return JobPipeline(job, spec, context)
    return (MusicPipeline if is_music else PartedPipeline)(job, spec, context)
