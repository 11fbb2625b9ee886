"""Runs the job of music in parts. No frame belongs to a moment of it, so its parts are joined on bars, or each continues the one before.

The joined music is as long as it becomes: like music of one request it is fitted to the span afterwards, or cut at its end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ...errors import RefusedContent
from ...joining.music_join import cut_tail
from ...parts.plan import PlannedPart, plan_evenly
from .. import artifact_store
from ..context import run_blocking
from ..failures import stored_error
from ..states import UNSENT_STATES
from .parted_pipeline import JoinedParts, PartedPipeline, call_worker, joined_channels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ...cue import ParamValue, Picture
    from ...errors import TracklayError
    from ...parts.sizes import PartSizes
    from ..context import JobContext
    from ..job_spec import JobSpec
    from ..ledger import Job

MISSING_NOTE = "part {} of {} is missing, and the music goes on without it: {}"
"""Note of music with a part that the provider refuses to make."""


class MusicPipeline(PartedPipeline):
    """One take of music in parts. Those of a model that continues music are made one after the other."""

    plan_data: Mapping[str, Any] = {"join": "music"}

    def __init__(self, job: Job, spec: JobSpec, context: JobContext) -> None:
        super().__init__(job, spec, context)
        if spec.model.continues is not None:
            self.parts_at_once = 1

    async def _choose_parts(self, sizes: PartSizes, picture: Picture) -> list[PlannedPart]:  # noqa: ARG002
        added, extends = plan_evenly(self.spec.frames_in_parts, sizes), self.spec.cue.extends
        if not extends:
            return added
        shift = max(0, extends - sizes.overlap)
        return [PlannedPart(0, extends), *(PlannedPart(part.start + shift, part.end + shift) for part in added)]

    def _stops_others(self, error: TracklayError) -> bool:
        # Music is not continued past a part that may still be made.
        is_fatal = self.spec.model.continues is not None and not isinstance(error, RefusedContent)
        return is_fatal or super()._stops_others(error)

    def _part_length(self, part: PlannedPart) -> int | None:  # noqa: ARG002
        return None

    def _overlap(self, number: int) -> int:
        """Return the samples by which a part is planned to overlap the one before."""
        parts, rate = self._planned_parts(), self.spec.cue.span.rate
        return (
            0 if number == 1 else rate.samples(parts[number - 2].end - parts[number - 1].start, self.spec.sample_rate)
        )

    async def _part_params(self, number: int, job: Job) -> Mapping[str, ParamValue]:
        """Return the parameters of a part's request: with the end of the part before, if the model continues music and there is one.

        The same end comes from the same part, also after a crash.
        """
        params, continues = self.spec.cue.params, self.spec.model.continues
        if continues is None or number == 1 or job.state not in UNSENT_STATES:
            return params
        before = (await self._part_jobs())[number - 1][-1]
        if before.state != "ready":
            return params
        tail = await asyncio.to_thread(self._save_tail, job, before, self._overlap(number))
        switch = {continues.switch: True} if continues.switch else {}
        return {**params, continues.sound: str(tail), **switch}

    def _save_tail(self, job: Job, before: Job, samples: int) -> Path:
        made = artifact_store.work_dir(self.context.owner_token, job.id) / "tail.wav"
        cut_tail(artifact_store.conformed_part_path(before.id), made, samples)
        return artifact_store.save_tail(job.id, made)

    async def _join_files(
        self,
        to: Path,
        parts: Mapping[int, PlannedPart],  # noqa: ARG002
        ready: Mapping[int, Job],
    ) -> JoinedParts:
        files = [
            {
                "file": str(artifact_store.conformed_part_path(job.id)),
                "number": number,
                "overlap": self._overlap(number),
                "continues": self.spec.model.continues is not None and number - 1 in ready,
            }
            for number, job in sorted(ready.items())
        ]
        arguments = {
            "parts": files,
            "to": str(to),
            "sample_rate": self.spec.sample_rate,
            "least": self.spec.cue.sound_span.samples(self.spec.sample_rate),
            "channels": joined_channels(ready),
        }
        async with self.context.concurrency_slot("conform"):
            join = await run_blocking(call_worker, "parts.join_worker:join_music_files", arguments)
        places = {number: {"samples": [first, end], "gain_db": gain} for number, first, end, gain in join["parts"]}
        return JoinedParts(places, join["seams"], join["notes"])

    async def _gap_notes(self, parts: dict[int, PlannedPart], ready: dict[int, Job]) -> tuple[str, ...]:
        jobs = await self._part_jobs()
        missing = [number for number in parts if number not in ready]
        return tuple(MISSING_NOTE.format(number, len(parts), stored_error(jobs[number][-1])) for number in missing)
