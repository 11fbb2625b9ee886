"""Runs one job through extract, submit, poll, download and conform. Each stage commits its result to the ledger before the next starts.

The process may therefore die at any point: another one reads the row and continues from the last committed stage. `scheduler` decides
which jobs run together, `take_writer` makes the takes of an output.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .. import log
from ..cue import SAMPLE_RATE, Failure, Take
from ..errors import InvalidInput, LedgerError, MediaError, ModelFailed, ProviderTimeout, TracklayError
from ..media.editor_render import render_in_editor
from ..media.fingerprint import ledger_span_fingerprint
from ..media.proxy_cache import CACHE_VERSION, extract_pinned, find_pinned
from ..providers.base import Request, Submission, checked_replies
from . import artifact_store
from .context import JobContext, run_blocking
from .failures import (
    NO_ERROR,
    cancelled_error,
    error_columns,
)
from .job_spec import proxy_spec
from .ledger import Ledger
from .pictures.source_hash import hash_source
from .states import FINAL_STATES, UNSENT_STATES
from .submission import SubmissionStage
from .take_writer import TakeProxies, TakeWriter
from .takes.claims import is_take_intact, take_from_claim

if TYPE_CHECKING:
    from ..cue import Picture
    from ..media.extract import Proxy
    from ..providers.base import JobHandle, JobProgress
    from ..timing import Span
    from .job_spec import JobSpec
    from .ledger import Job

Result = TypeVar("Result")

VisualInput = tuple["Proxy | None", "Path | None"]
"""The picture as a model receives it: a proxy, or a still."""

POLL_SECONDS = (0.05, 5.0)
"""Shortest and longest interval between two polls of a running submission."""

MAX_DOWNLOADS = 2
"""Downloads of an output whose file turns out to be damaged."""


class JobPipeline(SubmissionStage):
    """One job. `run` takes it from its present state to `ready`, or returns the failure.

    The spec comes from the row's JSON, also for a job that this process has just planned and still holds as an object. The round
    trip is deliberate: a new job and a resumed one take the same path, so a spec that does not survive being stored fails in
    every test and not first after a crash.
    """

    def __init__(self, job: Job, spec: JobSpec, context: JobContext) -> None:
        super().__init__(job, spec, context)
        self.takes: list[Take] = []

    async def run(self) -> list[Take | Failure]:
        """Run the job and return its takes, or the takes made so far and the failure.

        Raises:
            asyncio.CancelledError: the task was cancelled. A job in `context.cancelling` is then cancelled too; any other can be
                resumed.
        """
        try:
            await self._run_stages()
        except asyncio.CancelledError:
            # Shielded: a second cancellation must not interrupt the write that makes the job resumable.
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
        # A loop, as conforming leads back to the download when the file is damaged. A job that was `ready` when it was resumed has no
        # takes in memory yet: conforming checks its files and returns them.
        while not self._is_complete:
            if self.job.state in ("conforming", "ready"):
                await self._conform()
            else:
                self._report("generate", message="waiting")
                async with self.context.concurrency_slot(self.provider.name):
                    await self._wait_and_download()

    @property
    def _is_complete(self) -> bool:
        return self.job.state == "ready" and bool(self.takes)

    # Extracting

    async def _find_picture(self) -> tuple[str, Picture]:
        """Return the identity of the picture's source, and the picture to read; one that only the editor can show is rendered."""
        picture = self.spec.cue.picture
        if picture.render is None:
            return await self._source_hash(), picture
        visual_input = self.spec.model.picture_input(self.spec.cue.params)
        return await self._render_in_editor(visual_input, self.spec.cue.request_span)

    async def _prepare_request(self) -> tuple[Request, Submission] | None:
        """Prepare everything before the request, which costs nothing. None: the output of an earlier job is reused."""
        if self.job.state == "planned":
            await self._transition("extracting")
        cue, model = self.spec.cue, self.spec.model
        span = cue.request_span
        self._report("extract")
        visual_input = model.picture_input(cue.params)
        if visual_input:
            await asyncio.to_thread(log.log_picture_source, cue)
        source, picture = await self._find_picture()
        proxy_key = self._proxy_key(source, picture, span)
        seconds = self.spec.seconds_to_ask
        # As the parts of the proxy's key: a change invalidates every stored key.
        request_key_parts = [
            model.id,
            model.endpoint,
            model.version,
            str(seconds),
            self._key_params,
            self.spec.request_prompt,
            cue.negative,
            # Only the offline engine composes to hits; other music is fitted to them afterwards.
            *([hit.to_list() for hit in cue.hits] if model.provider == "sketch" else ()),
        ]
        # A sound that is used again answers no later request: it was made for another span or picture.
        reused = [] if cue.generates else [self.job.id]
        content_key = _digest([proxy_key, *request_key_parts, self.job.seed, *reused])
        job = self.job
        columns = {"source": source, "proxy_key": proxy_key, "content_key": content_key}
        self.job = await self.context.ledger_writer(Ledger.update, job, **columns)
        if not cue.generates:
            await self._reuse_earlier_take()
            return None
        # Without a seed the user wants something new each time, so an earlier output is not reused.
        if cue.seed is not None and await self._reuse_output(content_key):
            return None
        visual = await self._load_or_make_proxy(proxy_key, picture, span) if proxy_key else (None, None)
        samples = span.rate.samples(span.frames + (cue.tail if cue.patch is None else 0), SAMPLE_RATE)
        prompt, params = self.spec.request_prompt, self.spec.request_params
        request = Request(model, prompt, cue.negative, self.job.seed, params, seconds, samples, *visual, hits=cue.hits)
        with checked_replies(self.provider.name):
            return request, await self.provider.prepare(request)

    @property
    def _key_params(self) -> dict[str, Any]:
        """The parameters as the content key has them."""
        return dict(self.spec.request_params)

    def _proxy_key(self, source: str, picture: Picture, span: Span, visual_input: str | None = None) -> str | None:
        """Return the key that a span's proxy is found by; None if the model takes no picture, and none is needed otherwise."""
        spec = self.spec
        visual_input = visual_input or spec.model.picture_input(spec.cue.params)
        if not visual_input:
            return None
        # Hashed into keys that the ledger stores: a change invalidates every stored key.
        parts = [
            source,
            ledger_span_fingerprint(picture, span),
            CACHE_VERSION,
            *map(str, proxy_spec(spec.model, spec.cue.square)),
        ]
        return f"{_digest(parts)}-{visual_input}"

    async def _render_in_editor(self, visual_input: str | None, span: Span) -> tuple[str, Picture]:
        """Render a picture that only the editor can show; return the SHA-256 of the pixels, and the movie as a picture.

        Nothing is rendered for a model that takes no picture.
        """
        spec = self.spec
        if not visual_input:
            return "", spec.cue.picture
        render, short = spec.cue.picture.render, spec.model.short_side
        # All takes of a cue need the same render: the lock makes the others wait for it, and find it in the cache.
        async with self.context.keyed_lock(f"render {render} {span} {short}"), self.context.concurrency_slot("render"):
            rendered = await run_blocking(render_in_editor, spec.cue.picture, span, short)
        return rendered.sha256, rendered.as_picture(spec.cue.picture, span)

    async def _source_hash(self) -> str:
        return await hash_source(self.context, self.spec.cue.picture, self.spec.cue.span)

    async def _reuse_output(self, content_key: str) -> bool:
        """Continue with the stored output of an earlier job with the same content key. Return whether there is one."""
        candidates = [
            (job, job.output)
            for job in await self.context.ledger_writer(Ledger.find_by_content_key, content_key)
            if job.output is not None and artifact_store.load_output(job.output) is not None
        ]
        version = await self._current_version() if candidates else None
        usable = [(job, output) for job, output in candidates if version in (None, output["version"])]
        if not usable:
            return False
        found, output = usable[0]
        reused = {**output, "origin": output.get("origin", found.id)}
        currency = reused["cost"]["currency"]
        await self._transition(
            "conforming",
            output=reused,
            request=found.request,
            currency=currency,
            estimate="0",
            cost="0",
            cost_confirmed=1,
        )
        return True

    async def _reuse_earlier_take(self) -> None:
        """Continue with the sound of an earlier take, a file beside it: whole music to fit again, or an untouched take to land again.

        Raises:
            InvalidInput: there is no such file.
        """
        cue, folder = self.spec.cue, artifact_store.work_dir(self.context.owner_token, self.job.id)
        take = cue.reland.file if cue.reland is not None else cue.refit
        assert take is not None  # noqa: S101 - a cue that generates nothing has one of both
        earlier = await self.context.ledger_writer(Ledger.job_of_take, str(take.parent), take.name)
        stored = await asyncio.to_thread(artifact_store.store_earlier_take, cue, earlier, self.job, folder)
        request = earlier.request if earlier else None
        free = {"currency": stored["cost"]["currency"], "estimate": "0", "cost": "0", "cost_confirmed": 1}
        await self._transition("conforming", output=stored, request=request, **free)

    async def _current_version(self) -> str | None:
        """Return the version that the provider would run now. None if it reports none or is unreachable: any stored version then fits."""
        try:
            with checked_replies(self.provider.name):
                return await self.provider.version(self.spec.model, fail_fast=True)
        except TracklayError:
            return None

    async def _load_or_make_proxy(self, proxy_key: str, picture: Picture, span: Span) -> VisualInput:
        """Return the proxy, or its still. It is pinned until no open job needs it, because the stored submission may name its path."""
        async with self.context.keyed_lock(proxy_key):
            if (pinned := find_pinned(proxy_key)) is None:
                cue, model = self.spec.cue, self.spec.model
                folder = artifact_store.work_dir(self.context.owner_token, self.job.id)
                async with self.context.concurrency_slot("extract"):
                    pinned = await run_blocking(
                        extract_pinned,
                        proxy_key,
                        picture,
                        span,
                        proxy_spec(model, cue.square),
                        folder,
                        with_still=proxy_key.endswith("-image"),
                    )
        return (pinned.proxy, None) if pinned.still is None else (None, pinned.still)

    # Running and fetching

    async def _wait_and_download(self) -> None:
        """Go from `submitting` (of an earlier process), `unclear`, `running` or `fetching` to an output on disk."""
        if self.job.state in ("submitting", "unclear"):
            await self._find_submission()
        if self.job.state == "running":
            await self._poll_until_done()
        if self.job.state == "fetching":
            await self._download()

    async def _poll_until_done(self) -> None:
        """Poll the provider until the request is done."""
        job_handle, model, clock = self._job_handle, self.job.model, asyncio.get_running_loop().time
        started = clock()
        try:
            async with asyncio.timeout(self.provider.max_wait_seconds):
                while (progress := await self._poll(job_handle)).state != "done":
                    self._report("generate", progress.fraction, progress.message)
                    await asyncio.sleep(self.context.poll_schedule.next_delay(model, clock() - started, *POLL_SECONDS))
        except TimeoutError as error:
            raise ProviderTimeout(
                "job.timeout",
                "{provider} has not finished request {request} after {minutes} minutes. It may still finish.",
                provider=self.provider.name,
                request=job_handle.request,
                minutes=round(self.provider.max_wait_seconds / 60),
            ) from error
        self.context.poll_schedule.record(model, clock() - started)
        self._report("generate", progress.fraction, progress.message)
        await self._transition("fetching")

    async def _poll(self, job_handle: JobHandle) -> JobProgress:
        with checked_replies(self.provider.name):
            return await self.provider.poll(job_handle)

    async def _download(self) -> None:
        """Download the output and put it on disk before anything else: the provider may delete it at any time."""
        downloads = (self.job.output or {}).get("fetched", 0)
        # An earlier process may have stored the output and died before the transition. After a damaged download the stored one
        # is the damaged one.
        stored = None if downloads else artifact_store.read_output_metadata(self.job)
        if stored is None:
            folder = artifact_store.work_dir(self.context.owner_token, self.job.id)
            with checked_replies(self.provider.name):
                output = await self.provider.collect(self._job_handle, folder)
            stored = await asyncio.to_thread(
                artifact_store.save_output, self.job, folder, output, keep_after_laying=self.provider.caches_output
            )
        price = stored["cost"]
        columns = {
            **NO_ERROR,
            "output": {**stored, "fetched": downloads + 1},
            "currency": price["currency"],
            "cost": price["amount"],
            "cost_confirmed": int(not price["estimated"]),
            "compute_seconds": price.get("compute_seconds"),
        }
        await asyncio.shield(self._transition("conforming", **columns))

    # Conforming

    async def _conform(self) -> None:
        """Make each sound of the output into a take; takes whose files exist are only verified."""
        self._report("conform")
        stored = self.job.output or {}
        output = artifact_store.load_output(stored)
        if output is None:
            raise ModelFailed(
                "job.output_missing", "The stored output of job {job} was deleted. Generate it again.", job=self.job.id
            )
        self.takes = []
        # A damaged file may have been cut in transit: download it once more. That is pointless if a first sound of it was fine, or if
        # the file comes from an earlier job. What is damaged at the provider, too, becomes a take with a note if anything of it can be
        # decoded, for it is paid, and else the job fails.
        can_repeat = "origin" not in stored and stored.get("fetched", MAX_DOWNLOADS) < MAX_DOWNLOADS
        try:
            for index, sound in enumerate(artifact_store.split_output(output)):
                accept_damaged = bool(self.takes) or not can_repeat
                writer = TakeWriter(self.spec, self.job, sound, index, stored.get("origin"), accept_damaged)
                self.takes.append(await self._conform_take(writer))
        except (InvalidInput, MediaError, ModelFailed):
            if self.takes or not can_repeat:
                raise
            await self._transition("fetching")
            return
        if self.job.state != "ready":
            await self._transition("ready", **NO_ERROR)

    async def _conform_take(self, take_writer: TakeWriter) -> Take:
        claims = list(self.job.takes)
        if take_writer.index < len(claims):
            claim = claims[take_writer.index]
            if await run_blocking(is_take_intact, self.spec.folder, claim):
                take = take_from_claim(self.spec, self.job, claim)
                if self.job.state == "conforming" and (files := await run_blocking(take_writer.write_companions, take)):
                    claims[take_writer.index] = {**claim, **files}
                    take = take_from_claim(self.spec, self.job, claims[take_writer.index])
                    self.job = await self.context.ledger_writer(Ledger.update, self.job, takes=claims)
                return take
            claims = claims[: take_writer.index]
        if self.job.state == "ready":
            await self._transition("conforming")
        loop = asyncio.get_running_loop()

        # The take writer runs in a worker thread and calls this just before the take gets its final name. It must not return until
        # the claim is on disk, so that after a crash every named file is known. But only the loop may use the ledger writer. So it
        # bounces: worker thread -> loop (`run_coroutine_threadsafe`) -> writer thread -> loop -> `result()` wakes the worker.
        # It cannot deadlock: the loop awaits the worker and does not block on it.
        def record_claim(claim: dict[str, Any]) -> None:
            job, takes = self.job, [*claims, claim]
            write = self.context.ledger_writer(Ledger.update, job, takes=takes)
            self.job = asyncio.run_coroutine_threadsafe(write, loop).result()

        # Each take of a cue starts its search for a free number one higher, so that takes made side by side keep their order.
        after_number = int(self.job.plan.get("after_number", self.job.plan.get("after", 0))) + self.job.take_index
        spec = self.spec
        proxies = TakeProxies(
            await self._seen_proxy(spec.cue.made_span) if spec.lands_takes else None,
            await self._scoring_proxy() if spec.scores_takes else None,
        )
        # Takes of one picture wait for the first one's analysis, and then find it.
        seen = next((proxy for proxy in proxies if isinstance(proxy, Path)), self.job.id)
        lock = self.context.keyed_lock(f"land {seen}")
        async with lock, self.context.concurrency_slot("conform"):
            return await run_blocking(take_writer.write_take, record_claim, after_number, proxies)

    async def _seen_proxy(self, span: Span) -> Path | TracklayError | None:
        """Return the proxy of a span that a take is landed on or scored by, or why there is none: that fails no take.

        An output that was reused has no proxy yet.
        """
        if not self.job.proxy_key:
            return None
        picture, key = self.spec.cue.picture, self.job.proxy_key
        if span != self.spec.cue.request_span:
            key = self._proxy_key(self.job.source or "", picture, span) or key
        return await self._proxy_of_key(key, picture, span)

    async def _scoring_proxy(self) -> Path | TracklayError | None:
        """Return the proxy that a take is scored by, as `_seen_proxy`. A model that sees no moving picture is scored by it all the same."""
        cue, model = self.spec.cue, self.spec.model
        if model.picture_input(cue.params) == "video":
            return await self._seen_proxy(cue.span)
        # A picture that only the editor shows is not rendered for a score alone.
        if model.task == "music" or cue.picture.render or not self.job.source:
            return None
        key = self._proxy_key(self.job.source, cue.picture, cue.span, "video")
        return None if key is None else await self._proxy_of_key(key, cue.picture, cue.span)

    async def _proxy_of_key(self, key: str, picture: Picture, span: Span) -> Path | TracklayError | None:
        try:
            if find_pinned(key) is None and picture.render:
                _, picture = await self._render_in_editor("video", span)
            proxy, _ = await self._load_or_make_proxy(key, picture, span)
        except (InvalidInput, MediaError, ModelFailed) as error:
            return error  # the source was moved or changed since the request, which was paid for
        return None if proxy is None else proxy.path

    # The end

    async def cancel_unowned(self) -> Job:
        """Cancel a job that no process runs, and return its new row. A request whose answer was lost is looked for first."""
        try:
            if self.job.state in ("submitting", "unclear"):
                await self._find_submission()
            await self._cancel()
        except (TracklayError, OSError) as error:
            await self._record_failure(error)
        return self.job

    async def _release(self) -> None:
        """Release the job after its task was cancelled. If the user cancelled it, cancel it at the provider too."""
        job_id, token = self.job.id, self.context.owner_token
        with contextlib.suppress(LedgerError):
            # Read again: the task may have been cancelled between a transition on disk and its result here.
            self.job = await self.context.ledger_writer(Ledger.get_job, job_id)
            if self._is_cancelling and self.job.owner == token:
                await self._cancel()
            await self.context.ledger_writer(Ledger.release_jobs, token, job_id)

    async def _cancel(self) -> None:
        if self.job.state == "submitting" or self.job.state in FINAL_STATES:
            return  # no handle came: the process that resumes the job looks for the request
        confirmed, charge = False, {}
        if self.job.state == "running":
            with contextlib.suppress(TracklayError), checked_replies(self.provider.name):
                confirmed = await self.provider.cancel(self._job_handle)
            charge = await self._charge_columns()
        error = cancelled_error(self.job, self.provider.name, confirmed=confirmed)
        await self._transition("cancelled", **error_columns(error), **charge)


def _digest(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
