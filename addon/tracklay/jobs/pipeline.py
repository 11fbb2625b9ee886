"""The way of a job from wherever it is to a take: each step's outcome is in the ledger before the next begins.

Which jobs are on their way together is the runner's; how a take is made of an output, `takes`'.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

from .. import log
from ..cue import SAMPLE_RATE, Cost, Failure, Take
from ..errors import Cancelled, LedgerError, MediaError, ModelFailed, ProviderTimeout, TracklayError
from ..media.editor_render import render_in_editor
from ..media.fingerprint import ledger_span_fingerprint, source_id
from ..media.proxy_cache import CACHE_VERSION, extract_pinned, find_pinned
from ..providers.base import JobHandle, Request, Submission, catalogue_cost, get_provider, submit_once
from . import artifact_store, cost
from .context import JobContext, run_blocking
from .failures import FindOnlyProvider, state_after_error, unclear_job_options
from .job_spec import StageProgress, proxy_spec
from .ledger import Ledger, utc_timestamp
from .states import FINAL_STATES, UNSENT_STATES
from .take_writer import TakeWriter, is_take_intact, take_from_claim

if TYPE_CHECKING:
    from pathlib import Path

    from ..cancellation import CancelToken
    from ..cue import Picture
    from ..media.extract import Proxy
    from ..providers.base import Provider
    from .job_spec import JobSpec, Stage
    from .ledger import Job
    from .states import JobState

Result = TypeVar("Result")

VisualInput = tuple["Proxy | None", "Path | None"]
"""What a model is given of the picture: a proxy, or a still."""

POLL_SECONDS = (0.05, 5.0)
"""How soon, and at the slowest how often, a running submission is looked at."""

SUBMIT_GRACE_SECONDS = 10.0
"""How long a submission that is under way may still bring its ticket when the process is told to end."""

LEDGER_RETRY_DELAYS = (1.0, 4.0, 15.0)
"""Seconds before each further try to write a ticket down: a full disk may be freed meanwhile."""

FULL_HASH_MAX_BYTES = 1 << 30
"""A larger source is known by samples of it, its size and its time of change: to read an hour in 4K takes longer than all the rest."""

MAX_DOWNLOADS = 2
"""How often an output is fetched whose file then turns out to be damaged."""


class JobPipeline:
    """One job on its way. `run` brings it to `ready`, or tells why not."""

    def __init__(self, job: Job, spec: JobSpec, context: JobContext) -> None:
        self.job, self.spec, self.context = job, spec, context
        self.provider: Provider = get_provider(job.provider)
        self.takes: list[Take] = []

    async def run(self) -> list[Take | Failure]:
        """Go on from where it is. What is made stays, whatever comes after it.

        Raises:
            asyncio.CancelledError: the task was cancelled. A job in `cancelling` is then cancelled too; any other can be taken up.
        """
        try:
            await self._run_stages()
        except asyncio.CancelledError:
            await asyncio.shield(self._release())
            raise
        except (TracklayError, OSError) as error:
            return [*self.takes, await self._record_failure(error)]
        self._report("ready", 1.0, self.takes[0].file.name if self.takes else "")
        return list(self.takes)

    async def _run_stages(self) -> None:
        if self.job.state in UNSENT_STATES:
            prepared = await self._prepare_request()
            if prepared is not None:
                self._report("generate", message="waiting")
                async with self.context.concurrency_slot(self.provider.name):
                    await self._submit(*prepared)
                    await self._wait_and_download()
        while self.job.state != "ready" or not self.takes:
            if self.job.state in ("conforming", "ready"):
                await self._conform()
            else:
                self._report("generate", message="waiting")
                async with self.context.concurrency_slot(self.provider.name):
                    await self._wait_and_download()

    def _report(self, stage: Stage, fraction: float | None = None, message: str = "") -> None:
        self.context.report_progress(StageProgress(self.job.cue, self.job.place, stage, fraction, message, self.job.id))

    async def _transition(self, new_state: JobState, **fields: Any) -> None:
        """The move is on disk when this comes back."""
        job = self.job
        self.job = await self.context.ledger_writer(Ledger.transition, job, new_state, **fields)

    # Extracting

    async def _prepare_request(self) -> tuple[Request, Submission] | None:
        """All that comes before the request and costs nothing; None where the same was made before."""
        if self.job.state == "planned":
            await self._transition("extracting")
        cue, model = self.spec.cue, self.spec.model
        self._report("extract")
        sees = model.picture_input(cue.params)
        if sees:
            await asyncio.to_thread(log.log_picture_source, cue)
        source, picture = (
            await self._render_in_editor(sees) if cue.picture.render else (await self._source_hash(), cue.picture)
        )
        made_of = [
            source,
            ledger_span_fingerprint(picture, cue.span),
            CACHE_VERSION,
            *map(str, proxy_spec(self.spec.model, cue.square)),
        ]
        shown = f"{_digest(made_of)}-{sees}" if sees else None
        parts = [
            model.id,
            model.endpoint,
            model.version,
            str(cue.span.seconds),
            dict(cue.params),
            cue.prompt,
            cue.negative,
        ]
        work = _digest([shown, *parts, self.job.seed])
        job = self.job
        self.job = await self.context.ledger_writer(Ledger.update, job, source=source, picture=shown, work=work)
        if cue.seed is not None and await self._reuse_output(work):
            return None
        seen = await self._load_or_make_proxy(shown, picture) if shown else (None, None)
        samples = cue.span.samples(SAMPLE_RATE)
        request = Request(model, cue.prompt, cue.negative, self.job.seed, cue.params, cue.span.seconds, samples, *seen)
        return request, await self.provider.prepare(request)

    async def _render_in_editor(self, visual_input: str | None) -> tuple[str, Picture]:
        """What only the editor can show, as a movie of its own; nothing is rendered for a model that looks at nothing.

        It is known by its pixels: of what it was rendered does not matter.
        """
        order = self.spec
        if not visual_input:
            return "", order.cue.picture
        render, span, short = order.cue.picture.render, order.cue.span, order.model.short_side
        async with self.context.keyed_lock(f"render {render} {span} {short}"), self.context.concurrency_slot("render"):
            made = await run_blocking(render_in_editor, order.cue.picture, span, short)
        return made.sha256, made.as_picture(order.cue.picture, span)

    async def _source_hash(self) -> str:
        shown = self.spec.cue.picture
        try:
            async with self.context.keyed_lock(f"hash {shown.source}"), self.context.concurrency_slot("extract"):
                if shown.images:
                    each = [await run_blocking(source_id, shown.source / name, "full") for name in shown.images]
                    return _digest(list(zip(shown.images, each, strict=True)))
                seen = shown.source.stat()
                found = await self.context.ledger_writer(Ledger.get_file_hash, shown.source)
                if found is None:
                    found = await run_blocking(_content_id, shown.source)
                    await self.context.ledger_writer(
                        Ledger.save_file_hash, shown.source, seen.st_size, seen.st_mtime_ns, found
                    )
                return found
        except OSError as error:
            raise MediaError(f"{shown.source} cannot be read: {error.strerror or error}") from error

    async def _reuse_output(self, content_key: str) -> bool:
        """Go on with what was made before by just this, where it is on disk; whether it is."""
        kept = [
            (job, job.output)
            for job in await self.context.ledger_writer(Ledger.find_by_content_key, content_key)
            if job.output is not None and artifact_store.load_output(job.output) is not None
        ]
        version = await self._current_version() if kept else None
        fitting = [(job, output) for job, output in kept if version in (None, output["version"])]
        if not fitting:
            return False
        found, output = fitting[0]
        held = {**output, "origin": output.get("origin", found.id)}
        currency = held["cost"]["currency"]
        await self._transition(
            "conforming", output=held, request=found.request, currency=currency, estimate="0", cost="0", exact=1
        )
        return True

    async def _current_version(self) -> str | None:
        """The version that the provider would run now; None where it does not say, or cannot be asked: what is there will do."""
        try:
            return await self.provider.version(self.spec.model, fail_fast=True)
        except TracklayError:
            return None

    async def _load_or_make_proxy(self, proxy_key: str, picture: Picture) -> VisualInput:
        """Return the proxy, or its still, pinned until no open job needs it: the ticket may name its path after a restart."""
        async with self.context.keyed_lock(proxy_key):
            if (pinned := find_pinned(proxy_key)) is None:
                cue, model = self.spec.cue, self.spec.model
                folder = artifact_store.work_dir(self.context.owner_token, self.job.id)
                async with self.context.concurrency_slot("extract"):
                    pinned = await run_blocking(
                        extract_pinned,
                        proxy_key,
                        picture,
                        cue.span,
                        proxy_spec(model, cue.square),
                        folder,
                        with_still=model.picture_input(cue.params) == "image",
                    )
        return (pinned.proxy, None) if pinned.still is None else (None, pinned.still)

    # Submitting and running

    async def _submit(self, request: Request, submission: Submission) -> None:
        """The intent is on disk before the request leaves, the ticket before anything else happens after it."""
        told = await self._estimate_cost(request, submission)
        job = self.job

        def record_submission(ledger: Ledger) -> Job:
            cost.enforce_caps(ledger, job, told)
            fields = {"currency": told.currency, "estimate": told.amount, "sent": utc_timestamp()}
            return ledger.transition(job, "submitting", intent=submission.to_dict(), **fields)

        known = await self.context.request_ids(self.provider.name)

        async def send() -> JobHandle:
            self.job = await self.context.ledger_writer(record_submission)
            self._report("generate")
            return await submit_once(self.provider, submission, known)

        # One piece, intent and request: between them a job that is told to end would be in the ledger as one that may have been sent.
        await self._wait_for_handle(asyncio.ensure_future(send()))

    async def _estimate_cost(self, request: Request, submission: Submission) -> Cost:
        """What the catalogue says; where a cap must be held and the provider can tell more, what it says."""
        job, prepared = self.job, submission.data.get("cost")
        told = Cost(**prepared) if isinstance(prepared, dict) else catalogue_cost(request)
        if "estimate" in self.provider.capabilities and await self.context.ledger_writer(cost.has_cap, job):
            return await self.provider.estimate(request) or told
        return told

    async def _wait_for_handle(self, sending: asyncio.Future[JobHandle]) -> None:
        """Wait for a ticket and write it down, even while everything is told to end: what left can't be called back."""
        try:
            ticket = await asyncio.shield(sending)
        except asyncio.CancelledError:
            stopping = self.job.id in self.context.cancelling
            await asyncio.wait([sending], timeout=None if stopping else SUBMIT_GRACE_SECONDS)
            if not sending.done():
                sending.cancel()
            elif error := sending.exception():
                if isinstance(error, TracklayError | OSError):
                    await self._record_failure(error)
            else:
                await self._record_handle(sending.result())
            raise
        writing = asyncio.ensure_future(self._record_handle(ticket))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.gather(writing, return_exceptions=True)
            raise

    async def _record_handle(self, job_handle: JobHandle) -> None:
        (await self.context.request_ids(self.provider.name)).add(job_handle.request)
        told = job_handle.data.get("cost")
        fields = {"estimate": told["amount"], "currency": told["currency"]} if isinstance(told, dict) else {}
        for pause in (*LEDGER_RETRY_DELAYS, None):
            try:
                await self._transition(
                    "running", ticket=job_handle.to_dict(), request=job_handle.request, kind="", words="", **fields
                )
            except LedgerError as error:
                if pause is None:
                    raise LedgerError(
                        f"{error}; {self.provider.name} has taken the work on as request {job_handle.request}: "
                        "`tracklay jobs resume` looks for it there"
                    ) from error
                await asyncio.sleep(pause)
            else:
                return

    async def _find_submission(self) -> None:
        """Look for a submission whose answer was lost; never send it again.

        Raises:
            Unclear: it can't be found.
        """
        assert self.job.intent is not None  # noqa: S101 - it is written with the move to `submitting`
        intent = Submission(**self.job.intent)
        if self.provider.submit_mode == "collect":
            await self._record_handle(await self.provider.submit(intent))
            return
        known = await self.context.request_ids(self.provider.name)
        await self._wait_for_handle(asyncio.ensure_future(submit_once(FindOnlyProvider(self.provider), intent, known)))

    async def _wait_and_download(self) -> None:
        """From `submitting` (of an earlier process), `unclear`, `running` or `fetching` to an output on disk."""
        if self.job.state in ("submitting", "unclear"):
            await self._find_submission()
        if self.job.state == "running":
            await self._poll_until_done()
        if self.job.state == "fetching":
            await self._download()

    async def _poll_until_done(self) -> None:
        """Look at it until it is done."""
        ticket, model, clock = self._job_handle, self.job.model, asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(self.provider.max_wait_seconds):
                while (progress := await self.provider.poll(ticket)).state != "done":
                    self._report("generate", progress.fraction, progress.message)
                    await asyncio.sleep(self.context.poll_schedule.next_delay(model, clock() - began, *POLL_SECONDS))
        except TimeoutError as error:
            raise ProviderTimeout(
                f"{self.provider.name} has not finished after {self.provider.max_wait_seconds / 60:.0f} minutes; it may still: "
                f"look at request {ticket.request} there"
            ) from error
        self.context.poll_schedule.record(model, clock() - began)
        self._report("generate", progress.fraction, progress.message)
        await self._transition("fetching")

    @property
    def _job_handle(self) -> JobHandle:
        assert self.job.ticket is not None  # noqa: S101 - it is written with the move to `running`
        return JobHandle(**self.job.ticket)

    async def _download(self) -> None:
        """Bring the output, and have it on disk before anything else: the provider may forget it any time."""
        fetched = (self.job.output or {}).get("fetched", 0)
        held = (
            None if fetched else artifact_store.read_output_metadata(self.job)
        )  # an earlier process may have got just so far
        if held is None:
            folder = artifact_store.work_dir(self.context.owner_token, self.job.id)
            output = await self.provider.collect(self._job_handle, folder)
            held = await asyncio.to_thread(
                artifact_store.save_output, self.job, folder, output, keep_after_laying=self.provider.caches_output
            )
        told = held["cost"]
        exact = int(not told["estimated"])
        await asyncio.shield(
            self._transition(
                "conforming",
                output={**held, "fetched": fetched + 1},
                currency=told["currency"],
                cost=told["amount"],
                exact=exact,
                kind="",
                words="",
            )
        )

    # Conforming

    async def _conform(self) -> None:
        """Each sound of the output as a take; those that are files already are only looked at."""
        self._report("conform")
        held = self.job.output or {}
        output = artifact_store.load_output(held)
        if output is None:
            raise ModelFailed(f"what was kept of job {self.job.id} is gone from Tracklay's own folder; make it again")
        self.takes = []
        try:
            for index, sound in enumerate(artifact_store.split_output(output)):
                self.takes.append(
                    await self._conform_take(TakeWriter(self.spec, self.job, sound, index, held.get("origin")))
                )
        except (MediaError, ModelFailed):
            if self.takes or "origin" in held or held.get("fetched", MAX_DOWNLOADS) >= MAX_DOWNLOADS:
                raise
            await self._transition("fetching")
            return
        if self.job.state != "ready":
            await self._transition("ready", kind="", words="")

    async def _conform_take(self, take_writer: TakeWriter) -> Take:
        claims = list(self.job.takes)
        if take_writer.index < len(claims):
            claim = claims[take_writer.index]
            if await run_blocking(is_take_intact, self.spec.folder, claim):
                take = take_from_claim(self.spec, self.job, claim)
                if self.job.state == "conforming" and (hashes := await run_blocking(take_writer.write_stems, take)):
                    claims[take_writer.index] = {**claim, "stem_hashes": hashes}
                    self.job = await self.context.ledger_writer(Ledger.update, self.job, takes=claims)
                return take
            claims = claims[: take_writer.index]
        if self.job.state == "ready":
            await self._transition("conforming")
        loop = asyncio.get_running_loop()

        def record_claim(claim: dict[str, Any]) -> None:
            job, made = self.job, [*claims, claim]
            written = self.context.ledger_writer(Ledger.update, job, takes=made)
            self.job = asyncio.run_coroutine_threadsafe(written, loop).result()

        after = int(self.job.plan.get("after", 0)) + self.job.place
        async with self.context.concurrency_slot("conform"):
            return await run_blocking(take_writer.write_take, record_claim, after)

    # The end

    async def cancel_unowned(self) -> Job:
        """A person has it stopped, and nobody carries it: what was sent is looked for first. How it is now."""
        try:
            if self.job.state in ("submitting", "unclear"):
                await self._find_submission()
            await self._cancel()
        except (TracklayError, OSError) as error:
            await self._record_failure(error)
        return self.job

    async def _record_failure(self, error: TracklayError | OSError) -> Failure:
        """Write down why it does not go on, and whether it can later."""
        job, name = self.job, self.spec.cue.picture.source.name
        made = error if isinstance(error, TracklayError) else ModelFailed(f"{job.model}: {error.strerror or error}")
        after = state_after_error(job.state, error)
        fields = {"kind": made.kind, "words": str(made)}
        if after == "failed" and job.state == "submitting":
            fields |= {"cost": "0"}
        with contextlib.suppress(LedgerError):  # the first error is the one to tell
            if after is None or after == job.state:
                self.job = await self.context.ledger_writer(Ledger.update, job, **fields)
            else:
                await self._transition(after, **fields)
            await self.context.ledger_writer(Ledger.release_jobs, self.context.owner_token, job.id)
        self._report("failed", message=str(made))
        if after == "unclear":
            made.args = (f"{made} ({unclear_job_options(job.id)})", *made.args[1:])
        elif after is None:
            made.args = (
                f"{made} (it is kept as job {job.id}: the same again, or `tracklay jobs resume`, goes on with it)",
            )
        return Failure(self.spec.cue, made.prefix_with(name))

    async def _release(self) -> None:
        """The task was cancelled: the person's wish reaches the provider, anything else leaves the job to be taken up."""
        number, token = self.job.id, self.context.owner_token
        with contextlib.suppress(LedgerError):
            self.job = await self.context.ledger_writer(Ledger.get_job, number)  # a move may have been under way
            if number in self.context.cancelling and self.job.owner == token:
                await self._cancel()
            await self.context.ledger_writer(Ledger.release_jobs, token, number)

    async def _cancel(self) -> None:
        state, words = self.job.state, "nothing was sent and nothing is charged"
        if state == "submitting" or state in FINAL_STATES:
            return  # no ticket came: it is looked for when it is taken up
        if state == "running":
            confirmed = False
            with contextlib.suppress(TracklayError):
                confirmed = await self.provider.cancel(self._job_handle)
            about = f" (about {self.job.estimate} {self.job.currency})" if self.job.estimate not in (None, "0") else ""
            words = (
                f"{self.provider.name} confirms that it stopped; what ran until then may be charged{about}"
                if confirmed
                else f"{self.provider.name} does not confirm that it stopped: it may run on and be charged{about}"
            )
        elif state not in UNSENT_STATES:
            words = f"it was made already, and what it cost is spent: {self.job.cost or 'not known'} {self.job.currency or ''}"
        await self._transition("cancelled", kind=Cancelled.kind, words=words.strip())


def _digest(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _content_id(source: Path, *, cancel_token: CancelToken) -> str:
    """A source's SHA-256; of a large one `sampled:` and that of samples."""
    size, modified_ns = source_id(source, "stat")
    if size <= FULL_HASH_MAX_BYTES:
        return source_id(source, "full", cancel_token=cancel_token)
    return f"sampled:{_digest([source_id(source, 'sampled'), modified_ns])}"
