"""Runs the job of a take that is made in parts: plans them, runs their jobs side by side, and joins their sounds to its output.

From then on it is a job like any other: its output is conformed, landed, scored and laid. A part costs what its own job costs; the job of
the take sends nothing. Music that no picture shapes is planned and joined otherwise: `music_pipeline`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from ...cue import Cost, Failure
from ...errors import (
    Cancelled,
    InsufficientCredit,
    KeyMissing,
    KeyRefused,
    LedgerError,
    ModelFailed,
    OverBudget,
    RefusedContent,
    TracklayError,
)
from ...parts.plan import PictureNotes, PlannedPart, plan_parts
from ...providers.base import JobHandle, Output
from ...worker import WorkerProcess
from .. import artifact_store
from ..context import run_blocking, wait_for_worker
from ..failures import (
    NO_ERROR,
    error_columns,
    is_fetchable_again,
    reopen_failed,
    stored_error,
    unsent_cancelled,
)
from ..ledger import Job, Ledger, NewJob
from ..pipeline import MAX_DOWNLOADS, JobPipeline
from ..states import FINAL_STATES, UNSENT_STATES
from .part_pipeline import PartPipeline
from .part_spec import part_job_spec, part_samples, part_seed, part_span, stored_plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ...cancellation import CancelToken
    from ...cue import ParamValue, Picture, Take
    from ...parts.sizes import PartSizes
    from ..context import JobContext
    from ..job_spec import JobSpec, StageProgress
    from ..states import JobState

MAX_ATTEMPTS = 2
"""Requests of a part, if the model fails. A part that the provider refuses is not sent again."""

PARTS_AT_ONCE = 32
"""Parts of a take that are prepared at a time. How many are sent is the provider's limit, over all jobs."""

STOPPING_ERRORS = (InsufficientCredit, KeyMissing, KeyRefused, LedgerError, OverBudget)
"""Errors after which no further part is begun: it would fare no better."""

GAP_NOTE = "part {} ({} to {} s) is silent: {}"
"""Note of a take with a part that the provider refuses to make."""


class JoinedParts(NamedTuple):
    """The join of parts: the place of each in the take by its number, as the manifest has it, the seams, and notes."""

    parts: dict[int, dict[str, Any]]
    seams: list[dict[str, Any]]
    notes: Sequence[str] = ()


class PartedPipeline(JobPipeline):
    """One take in parts. The handle of its job is the plan: the frames of each part."""

    parts_at_once = PARTS_AT_ONCE
    plan_data: Mapping[str, Any] = {}
    """What the plan holds besides the parts."""

    def __init__(self, job: Job, spec: JobSpec, context: JobContext) -> None:
        super().__init__(job, spec, context)
        self._picture: Picture | None = None
        self._progress: dict[int, float] = {}

    async def _run_stages(self) -> None:
        if self.job.state in UNSENT_STATES:
            await self._plan_parts()
        while not self._is_complete:
            match self.job.state:
                case "running":
                    await self._run_parts()
                    await self._transition("fetching", **NO_ERROR)
                case "fetching":
                    await self._join_parts()
                case _:
                    await self._conform()

    # The plan

    async def _plan_parts(self) -> None:
        """Read the picture, plan the parts, and add their jobs."""
        if self.job.state == "planned":
            await self._transition("extracting")
        self._report("extract")
        sizes = self.spec.part_sizes
        if sizes is None:
            raise AssertionError("a job in parts has no sizes")
        source, picture = await self._find_picture()
        proxy_key = self._proxy_key(source, picture, self.spec.cue.request_span)
        self.job = await self.context.ledger_writer(Ledger.update, self.job, source=source, proxy_key=proxy_key)
        planned = await self._choose_parts(sizes, picture)
        job, spec = self.job, self.spec

        def record_parts(ledger: Ledger) -> Job:
            new_jobs = [self._new_part_job(part, number) for number, part in enumerate(planned, 1)]
            ledger.add_jobs(new_jobs, self.context.owner_token)
            parts = [[part.start, part.end, part.at_cut] for part in planned]
            handle = JobHandle(spec.model.provider, "", {"parts": parts, **self.plan_data})
            return ledger.transition(job, "running", job_handle=handle.to_dict())

        self.job = await self.context.ledger_writer(record_parts)
        self._picture = picture

    async def _choose_parts(self, sizes: PartSizes, picture: Picture) -> list[PlannedPart]:
        span = self.spec.cue.request_span
        notes = await self._observe_picture(picture)
        return await asyncio.to_thread(plan_parts, span.frames, span.rate, sizes, notes)

    async def _observe_picture(self, picture: Picture) -> PictureNotes | None:
        """Return what a model with moving picture will see; None for any other."""
        cue, proxy_key = self.spec.cue, self.job.proxy_key
        if proxy_key is None or self.spec.model.picture_input(cue.params) != "video":
            return None
        proxy, _ = await self._load_or_make_proxy(proxy_key, picture, cue.request_span)
        if proxy is None:
            return None
        arguments = {"proxy": str(proxy.path), "prompt": cue.prompt, "fps": str(cue.span.rate.fps)}
        # Takes of one picture wait for the first one's analysis, and then find it.
        async with self.context.keyed_lock(f"land {proxy.path}"), self.context.concurrency_slot("conform"):
            data = await run_blocking(call_worker, "parts.picture:observe_proxy", arguments)
        return PictureNotes(**data)

    def _new_part_job(self, part: PlannedPart, number: int) -> NewJob:
        job, seed = self.job, part_seed(self.spec, self.job.seed, number)
        plan = stored_plan(part_job_spec(self.spec, part, number, self.spec.cue.picture, seed), part, number)
        return NewJob(
            job.run, job.project, job.cue, job.take_index, job.model, job.provider, seed, plan, "", parent=job.id
        )

    def _planned_parts(self) -> list[PlannedPart]:
        return [PlannedPart(*part) for part in self._job_handle.data["parts"]]

    async def _part_jobs(self) -> dict[int, list[Job]]:
        """Return the jobs of each part by its number, the latest last."""
        found: dict[int, list[Job]] = {}
        for job in await self.context.ledger_writer(Ledger.parts_of, self.job.id):
            found.setdefault(job.plan["part"][0], []).append(job)
        return found

    # Running

    async def _run_parts(self) -> None:
        """Run the jobs of all parts that are not ready.

        A part whose content the provider refuses is left out. Whatever else goes wrong with a part, the others are made, and stay.

        Raises:
            TracklayError: the first error of the parts, in their order; the parts that are ready are kept.
        """
        if self._picture is None:
            _, self._picture = await self._find_picture()
        parts = dict(enumerate(self._planned_parts(), 1))
        jobs = await self._claim_parts()
        waiting, errors = deque[int](), dict[int, TracklayError]()
        self._progress = dict.fromkeys(jobs, 0.0)

        async def run_waiting() -> None:
            while waiting:
                number = waiting.popleft()
                if (error := await self._run_part(number, parts[number], jobs[number])) is not None:
                    errors[number] = error
                    if self._stops_others(error):
                        waiting.clear()

        # What an earlier take has comes first: if it is no longer stored, nothing is sent.
        for is_made in (True, False):
            waiting.extend(number for number in sorted(jobs) if self._is_made(number) == is_made and not errors)
            await asyncio.gather(*(run_waiting() for _ in range(min(self.parts_at_once, len(waiting)))))
        fatal = [errors[number] for number in sorted(errors) if not isinstance(errors[number], RefusedContent)]
        if fatal or len(errors) == len(parts):
            raise (fatal or list(errors.values()))[0]

    def _stops_others(self, error: TracklayError) -> bool:
        """Return whether no further part is begun after an error of one."""
        return isinstance(error, STOPPING_ERRORS)

    async def _claim_parts(self) -> dict[int, Job]:
        """Make the latest job of each part this process's and part of this run, as the take's job is; return them by number."""
        latest = {number: jobs[-1] for number, jobs in (await self._part_jobs()).items()}
        columns = {"run": self.job.run, "cue": self.job.cue, "take_index": self.job.take_index}
        token = self.context.owner_token

        def claim(ledger: Ledger) -> dict[int, Job]:
            # The owner of the take's job takes its parts over, also from a live process.
            return {
                number: (None if job.state in FINAL_STATES else ledger.claim_job(job.id, token, job.owner, **columns))
                or job
                for number, job in latest.items()
            }

        return await self.context.ledger_writer(claim)

    async def _run_part(self, number: int, part: PlannedPart, job: Job) -> TracklayError | None:
        """Run a part's job, and once more if the model fails and it may be sent; return the error that it ends with."""
        if job.state == "failed" and isinstance(error := stored_error(job), RefusedContent):
            return error
        attempts = 1 if self.context.may_submit else MAX_ATTEMPTS
        while True:
            if not self.context.may_submit and is_fetchable_again(job):
                job = await self._fetch_again(job)
            elif job.state in FINAL_STATES:
                job = await self._add_again(part, number)
            if job.state in UNSENT_STATES and not self.context.may_submit:
                return ModelFailed("parts.not_sent", "Part {part} has not been sent.", part=number)
            try:
                pipeline = self._part_pipeline(number, part, job, await self._part_params(number, job))
                failures = await pipeline.run()
            finally:
                await asyncio.to_thread(artifact_store.delete_work_dir, self.context.owner_token, job.id)
            if not failures:
                return None
            job, error = pipeline.job, _failure_of(failures).error
            if not isinstance(error, ModelFailed) or job.state != "failed" or attempts == MAX_ATTEMPTS:
                return error.prefix_with(f"part {number}")
            attempts += 1

    async def _fetch_again(self, job: Job) -> Job:
        """Have the provider asked again for the result of a part that failed."""
        token = self.context.owner_token

        def reopen(ledger: Ledger) -> Job:
            return ledger.claim_job(job.id, token, reopen_failed(ledger, job).owner) or job

        return await self.context.ledger_writer(reopen)

    async def _add_again(self, part: PlannedPart, number: int) -> Job:
        new_job = self._new_part_job(part, number)

        def add(ledger: Ledger) -> Job:
            return ledger.get_job(ledger.add_jobs([new_job], self.context.owner_token)[0])

        return await self.context.ledger_writer(add)

    async def _part_params(self, number: int, job: Job) -> Mapping[str, ParamValue]:  # noqa: ARG002
        """Return the parameters of a part's request."""
        return self.spec.cue.params

    def _part_length(self, part: PlannedPart) -> int | None:
        """Return the length that a part's sound is cut or padded to, in samples; None to leave it as it comes."""
        first, end = part_samples(self.spec, part)
        return end - first

    def _part_pipeline(
        self, number: int, part: PlannedPart, job: Job, params: Mapping[str, ParamValue] | None = None
    ) -> PartPipeline:
        picture = self._picture or self.spec.cue.picture
        spec = part_job_spec(self.spec, part, number, picture, job.seed)
        if params is not None:
            spec = replace(spec, cue=replace(spec.cue, params=params))

        def report(step: StageProgress) -> None:
            self._report_part(number, step)

        context = replace(self.context, report_progress=report)
        length, is_made = self._part_length(part), self._is_made(number)
        return PartPipeline(job, spec, context, self.job.source or "", length, must_reuse=is_made)

    def _is_made(self, number: int) -> bool:
        """Return whether an earlier take has a part."""
        recipes = self.spec.cue.part_recipes
        return bool(recipes) and recipes[number - 1].is_made

    def _report_part(self, number: int, step: StageProgress) -> None:
        """Report a part's step as progress of the take."""
        done = {"ready": 1.0, "conform": 0.95, "generate": 0.9 * (step.fraction or 0.0)}
        self._progress[number] = done.get(step.stage, 0.0)
        ready = sum(share == 1.0 for share in self._progress.values())
        count = len(self._progress)
        self._report("generate", sum(self._progress.values()) / count, f"{ready} of {count} parts")

    def _state_after(self, error: TracklayError | OSError) -> JobState | None:
        """Return None while parts can still be made: what is ready is kept, and only the rest is made when the job is resumed."""
        if self.job.state in ("running", "fetching") and not isinstance(error, Cancelled | RefusedContent):
            return None
        return super()._state_after(error)

    # Joining

    async def _join_parts(self) -> None:
        """Join the parts' sounds. The result is the job's output."""
        self._report("conform")
        ready = {
            number: listed[-1] for number, listed in (await self._part_jobs()).items() if listed[-1].state == "ready"
        }
        parts = dict(enumerate(self._planned_parts(), 1))
        if any(not artifact_store.conformed_part_path(job.id).is_file() for job in ready.values()):
            await self._run_parts()  # conforms them again
        folder = await asyncio.to_thread(artifact_store.work_dir, self.context.owner_token, self.job.id)
        made = await self._join_files(folder / "joined.wav", parts, ready)
        gaps = await self._gap_notes(parts, ready)
        output = self._joined_output(folder / "joined.wav", ready, (*gaps, *made.notes))
        stored = await asyncio.to_thread(artifact_store.save_output, self.job, folder, output, keep_after_laying=False)
        listed = [self._describe_part(number, ready.get(number), made.parts.get(number, {})) for number in parts]
        # Shown with the take. What counts as spent is the cost of the parts: this job has no time of submission.
        cost = {
            "currency": output.cost.currency,
            "cost": output.cost.amount,
            "cost_confirmed": not output.cost.estimated,
        }
        described = {"parts": listed, "seams": made.seams}
        columns = {**NO_ERROR, **cost, "output": {**stored, "fetched": MAX_DOWNLOADS, **described}}
        await self._transition("conforming", **columns)

    async def _join_files(self, to: Path, parts: Mapping[int, PlannedPart], ready: Mapping[int, Job]) -> JoinedParts:
        """Write the join of the parts that are ready, each at its place on the span."""
        files = []
        for number, job in sorted(ready.items()):
            first, _ = part_samples(self.spec, parts[number])
            # A part that begins with a shot overlaps only frames before it: the cut is where the part before ends.
            cut = part_samples(self.spec, parts[number - 1])[1] if parts[number].at_cut and number > 1 else None
            file = str(artifact_store.conformed_part_path(job.id))
            files.append({"file": file, "start": first, "cut": cut})
        arguments = {
            "parts": files,
            "to": str(to),
            "sample_rate": self.spec.sample_rate,
            "length": self.spec.cue.request_span.samples(self.spec.sample_rate),
            "channels": joined_channels(ready),
        }
        async with self.context.concurrency_slot("conform"):
            join = await run_blocking(call_worker, "parts.join_worker:join_part_files", arguments)
        gains = dict(zip(sorted(ready), join["levels_db"], strict=True))
        places = {
            number: {
                "start": part_span(self.spec, part).start,
                "frames": part.frames,
                "samples": list(part_samples(self.spec, part)),
                "gain_db": gains.get(number),
            }
            for number, part in parts.items()
        }
        return JoinedParts(places, _name_seams(sorted(ready), join["seams"]))

    async def _gap_notes(self, parts: dict[int, PlannedPart], ready: dict[int, Job]) -> tuple[str, ...]:
        jobs, rate, start = await self._part_jobs(), self.spec.cue.span.rate, self.spec.cue.made_span.start
        notes = []
        for number, part in parts.items():
            if number not in ready:
                first = part_span(self.spec, part).start - start
                seconds = [f"{float(rate.seconds(frame)):.2f}" for frame in (first, first + part.frames)]
                notes.append(GAP_NOTE.format(number, *seconds, stored_error(jobs[number][-1])))
        return tuple(notes)

    def _joined_output(self, file: Path, ready: dict[int, Job], notes: tuple[str, ...]) -> Output:
        costs = [Cost(**(job.output or {})["cost"]) for job in ready.values() if "origin" not in (job.output or {})]
        known = [Decimal(cost.amount) for cost in costs if cost.amount is not None]
        amount = f"{sum(known, Decimal(0)):f}" if len(known) == len(costs) else None
        first = next(iter(ready.values())).output or {}
        estimates = [job.estimate for job in ready.values() if "origin" not in (job.output or {})]
        cost = Cost(
            amount,
            self.spec.model.price.currency,
            estimated=any(cost.estimated for cost in costs),
            estimate=None if None in estimates else f"{sum(map(Decimal, filter(None, estimates)), Decimal(0)):f}",
        )
        understood = first.get("understood", {})
        return Output(file, self.job.seed, first.get("version", ""), cost, understood=understood, notes=notes)

    def _describe_part(self, number: int, job: Job | None, place: Mapping[str, Any]) -> dict[str, Any]:
        """Return a part as the manifest has it: its place in the take, and what made it."""
        output = (job and job.output) or {}
        notes = [*output.get("notes", ()), *output.get("conform_notes", ())]
        described = {"part": number, **{name: value for name, value in place.items() if name != "gain_db"}}
        if job is None:
            return {**described, "silent": True}
        return {
            **described,
            "seed": output.get("seed", job.seed),
            "request": job.request or "",
            "version": output.get("version", ""),
            "cost": output["cost"] if "origin" not in output else {**output["cost"], "amount": "0", "estimated": False},
            "gain_db": place.get("gain_db"),
            **({"notes": notes} if notes else {}),
        }

    # The end

    async def _cancel(self) -> None:
        """Cancel the parts that are not ready, at the provider too, and the job with them."""
        if self.job.state in FINAL_STATES:
            return
        parts = dict(enumerate(self._planned_parts(), 1)) if self.job.job_handle else {}
        ready = lost = 0
        for number, job in (await self._claim_parts()).items():
            if job.state in FINAL_STATES:
                continue
            ready += job.state == "ready"
            ended = await self._part_pipeline(number, parts[number], job).cancel_unowned()
            lost += ended.state not in FINAL_STATES
        error: Cancelled = unsent_cancelled()
        if parts:
            error = Cancelled(
                "job.cancelled_parts",
                "{ready} of {count} parts were made and are charged. {lost} may continue at {provider} and be charged.",
                ready=ready,
                count=len(parts),
                lost=lost,
                provider=self.provider.name,
            )
        await self._transition("cancelled", **error_columns(error))


def _failure_of(results: Sequence[Take | Failure]) -> Failure:
    return next(result for result in results if isinstance(result, Failure))


def joined_channels(ready: Mapping[int, Job]) -> int:
    """Return the channels of the sound that parts are joined to: those of the part with most."""
    return max(int((job.output or {}).get("channels", 1)) for job in ready.values())


def _name_seams(numbers: Sequence[int], seams: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the seams with the numbers of the parts that each is between."""
    return [{"between": list(pair), **seam} for pair, seam in zip(pairwise(numbers), seams, strict=True)]


def call_worker(function: str, arguments: dict[str, Any], *, cancel_token: CancelToken) -> Any:
    """Run a function in a process of its own and return its result."""
    return wait_for_worker(WorkerProcess(function, arguments), cancel_token)
