"""Runs the job of one part: its sound is conformed to its place on the span's sample grid, and becomes no take of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, BinaryIO

from ...errors import InvalidInput, MediaError, ModelFailed
from ...media.bwf import BwfWriter, plain_bwf_writer
from ...media.conform import conform_audio
from ...media.fingerprint import source_id
from .. import artifact_store
from ..context import run_blocking
from ..failures import NO_ERROR
from ..pipeline import MAX_DOWNLOADS, JobPipeline
from ..take_writer import MAX_MUSIC_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from ...cancellation import CancelToken
    from ..context import JobContext
    from ..job_spec import JobSpec
    from ..ledger import Job


class PartPipeline(JobPipeline):
    """One part. `run` takes its job to `ready`: its conformed sound is beside its output.

    Args:
        job: the part's row.
        spec: the part's spec.
        context: as of every job.
        source: the identity of the picture's source, which the job of the take has computed.
        samples: length of the part in the joined sound, in samples; None for music, which stays as it comes.
        must_reuse: an earlier job made the part, and nothing is sent for it.
    """

    def __init__(
        self,
        job: Job,
        spec: JobSpec,
        context: JobContext,
        source: str,
        samples: int | None,
        *,
        must_reuse: bool = False,
    ) -> None:
        super().__init__(job, spec, context)
        self._source, self._samples, self._must_reuse = source, samples, must_reuse

    async def _reuse_output(self, content_key: str) -> bool:
        is_reused = await super()._reuse_output(content_key)
        if self._must_reuse and not is_reused:
            raise InvalidInput(
                "parts.not_stored",
                "The earlier sound is no longer stored, or its model has changed. Generate the whole take again.",
            )
        return is_reused

    async def _source_hash(self) -> str:
        return self._source

    @property
    def _key_params(self) -> dict[str, Any]:
        """The parameters with the content of the tail that is continued in place of its path, which names this job."""
        tail = artifact_store.tail_path(self.job.id)
        params = super()._key_params
        named = [name for name, value in params.items() if value == str(tail)]
        return {**params, **{name: source_id(tail, "full") for name in named}}

    @property
    def _is_complete(self) -> bool:
        if self.job.state != "ready":
            return False
        return artifact_store.conformed_part_path(self.job.id).is_file()

    async def _conform(self) -> None:
        self._report("conform")
        if self.job.state == "ready":
            await self._transition("conforming")
        stored = self.job.output or {}
        output = artifact_store.load_output(stored)
        if output is None:
            raise ModelFailed(
                "job.output_missing", "The stored output of job {job} was deleted. Generate it again.", job=self.job.id
            )
        can_repeat = "origin" not in stored and stored.get("fetched", MAX_DOWNLOADS) < MAX_DOWNLOADS
        try:
            async with self.context.concurrency_slot("conform"):
                folder = artifact_store.work_dir(self.context.owner_token, self.job.id)
                conformed = await run_blocking(
                    _conform_part,
                    output.file,
                    folder / "conformed.wav",
                    self._samples,
                    self.spec.sample_rate,
                    accept_damaged=not can_repeat,
                )
        except (InvalidInput, MediaError, ModelFailed):
            if not can_repeat:
                raise
            await self._transition("fetching")
            return
        await asyncio.to_thread(artifact_store.save_conformed_part, self.job.id, folder / "conformed.wav")
        await self._transition("ready", **NO_ERROR, output={**stored, **conformed})


def _conform_part(
    output: Path, to: Path, samples: int | None, rate: int, *, accept_damaged: bool, cancel_token: CancelToken
) -> dict[str, Any]:
    """Write a part's conformed sound; return its channels and what was changed."""

    def make_writer(file: BinaryIO, channels: int) -> BwfWriter:
        return plain_bwf_writer(file, channels, rate)

    conformed = conform_audio(
        output,
        MAX_MUSIC_SECONDS * rate if samples is None else samples,
        to,
        make_writer,
        rate=rate,
        pad=samples is not None,
        fade=samples is not None,
        accept_damaged=accept_damaged,
        cancel_token=cancel_token,
    )
    return {"channels": conformed.channels, "conform_notes": list(conformed.notes)}
