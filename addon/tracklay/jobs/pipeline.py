"""The way of a job from wherever it is to a take: each step's outcome is in the ledger before the next begins.

Which jobs are on their way together is the runner's; how a take is made of an output, `takes`'.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from .. import log
from ..cue import SAMPLE_RATE, Cost, Failure, Take
from ..errors import Cancelled, LedgerTrouble, MediaError, ModelFailed, OutputError, TimedOut, TracklayError
from ..media.editor_render import rendered
from ..media.extract import still
from ..media.proxy_cache import RECIPE, extracted, sampled
from ..providers import Intent, Request, Ticket, provider, submit_once
from ..providers.base import priced
from . import artifact_store, cost
from .context import Means, aside
from .failures import Lost, choices, end_of
from .job_spec import Step, sized
from .ledger import Ledger, now
from .states import OVER, UNSENT
from .take_writer import Sound, file_hash, is_there, taken

if TYPE_CHECKING:
    from pathlib import Path

    from ..cue import Picture
    from ..media.extract import Proxy
    from ..media.ffmpeg import Stop
    from ..providers import Provider
    from ..timing import Span
    from .job_spec import Order, Stage
    from .ledger import Job
    from .states import State

Result = TypeVar("Result")

POLL_SECONDS = (0.05, 5.0)
"""How soon, and at the slowest how often, a running submission is looked at."""

LAST_WORD_SECONDS = 10.0
"""How long a submission that is under way may still bring its ticket when the process is told to end."""

WRITING_AGAIN = (1.0, 4.0, 15.0)
"""Seconds before each further try to write a ticket down: a full disk may be freed meanwhile."""

WHOLE_BYTES = 1 << 30
"""A larger source is known by samples of it, its size and its time of change: to read an hour in 4K takes longer than all the rest."""

FETCHES = 2
"""How often an output is fetched whose file then turns out to be damaged."""


class Trip:
    """One job on its way. `run` brings it to `ready`, or tells why not."""

    def __init__(self, job: Job, order: Order, means: Means) -> None:
        self.job, self.order, self.means = job, order, means
        self.maker: Provider = provider(job.provider)
        self.takes: list[Take] = []

    async def run(self) -> list[Take | Failure]:
        """Go on from where it is. What is made stays, whatever comes after it.

        Raises:
            asyncio.CancelledError: the task was cancelled. A job in `stopping` is then cancelled too; any other can be taken up.
        """
        try:
            await self._through()
        except asyncio.CancelledError:
            await asyncio.shield(self._given_up())
            raise
        except (TracklayError, OSError) as error:
            return [*self.takes, await self._stopped(error)]
        self._say("ready", 1.0, self.takes[0].file.name if self.takes else "")
        return list(self.takes)

    async def _through(self) -> None:
        if self.job.state in UNSENT:
            prepared = await self._extracted()
            if prepared is not None:
                self._say("generate", words="waiting")
                async with self.means.gate(self.maker.name):
                    await self._submitted(*prepared)
                    await self._fetched()
        while self.job.state != "ready" or not self.takes:
            if self.job.state in ("conforming", "ready"):
                await self._conformed()
            else:
                self._say("generate", words="waiting")
                async with self.means.gate(self.maker.name):
                    await self._fetched()

    def _say(self, stage: Stage, fraction: float | None = None, words: str = "") -> None:
        self.means.report(Step(self.job.cue, self.job.place, stage, fraction, words, self.job.id))

    async def _move(self, after: State, **fields: Any) -> None:
        """The move is on disk when this comes back."""
        job = self.job
        self.job = await self.means.desk(Ledger.move, job, after, **fields)

    # Extracting

    async def _extracted(self) -> tuple[Request, Intent] | None:
        """All that comes before the request and costs nothing; None where the same was made before."""
        if self.job.state == "planned":
            await self._move("extracting")
        cue, model = self.order.cue, self.order.model
        self._say("extract")
        sees = model.sees(cue.params)
        if sees:
            await asyncio.to_thread(log.picture, cue)
        source, picture = await self._rendered(sees) if cue.picture.render else (await self._source_hash(), cue.picture)
        made_of = [source, _plays(picture, cue.span), RECIPE, *map(str, sized(self.order.model, cue.square))]
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
        self.job = await self.means.desk(Ledger.note, job, source=source, picture=shown, work=work)
        if cue.seed is not None and await self._made_before(work):
            return None
        seen = await self._seen(shown, picture) if shown else (None, None)
        samples = cue.span.samples(SAMPLE_RATE)
        request = Request(model, cue.prompt, cue.negative, self.job.seed, cue.params, cue.span.seconds, samples, *seen)
        return request, await self.maker.prepare(request)

    async def _rendered(self, sees: str | None) -> tuple[str, Picture]:
        """What only the editor can show, as a movie of its own; nothing is rendered for a model that looks at nothing.

        It is known by its pixels: of what it was rendered does not matter.
        """
        order = self.order
        if not sees:
            return "", order.cue.picture
        render, span, short = order.cue.picture.render, order.cue.span, order.model.short_side
        async with self.means.alone(f"render {render} {span} {short}"), self.means.gate("render"):
            made = await aside(rendered, order.cue.picture, span, short)
        return made.sha256, made.picture(order.cue.picture, span)

    async def _source_hash(self) -> str:
        shown = self.order.cue.picture
        try:
            async with self.means.alone(f"hash {shown.source}"), self.means.gate("extract"):
                if shown.images:
                    each = [await aside(file_hash, shown.source / name) for name in shown.images]
                    return _digest(list(zip(shown.images, each, strict=True)))
                seen = shown.source.stat()
                found = await self.means.desk(Ledger.known_hash, shown.source)
                if found is None:
                    found = await aside(_known_by, shown.source)
                    await self.means.desk(Ledger.keep_hash, shown.source, seen.st_size, seen.st_mtime_ns, found)
                return found
        except OSError as error:
            raise MediaError(f"{shown.source} cannot be read: {error.strerror or error}") from error

    async def _made_before(self, work: str) -> bool:
        """Go on with what was made before by just this, where it is on disk; whether it is."""
        kept = [
            (job, job.output)
            for job in await self.means.desk(Ledger.made_before, work)
            if job.output is not None and artifact_store.output(job.output) is not None
        ]
        version = await self._version() if kept else None
        fitting = [(job, output) for job, output in kept if version in (None, output["version"])]
        if not fitting:
            return False
        found, output = fitting[0]
        held = {**output, "origin": output.get("origin", found.id)}
        currency = held["cost"]["currency"]
        await self._move(
            "conforming", output=held, request=found.request, currency=currency, estimate="0", cost="0", exact=1
        )
        return True

    async def _version(self) -> str | None:
        """The version that the provider would run now; None where it does not say, or cannot be asked: what is there will do."""
        try:
            return await self.maker.version(self.order.model, at_once=True)
        except TracklayError:
            return None

    async def _seen(self, shown: str, picture: Picture) -> artifact_store.Seen:
        async with self.means.alone(shown):
            if (kept := artifact_store.proxy(shown)) is not None:
                return kept
            folder = artifact_store.bench(self.means.token, self.job.id)
            async with self.means.gate("extract"):
                proxy = await aside(_extract, self.order, picture, folder)
            artifact_store.keep_proxy(shown, folder, proxy)
        kept = artifact_store.proxy(shown)
        if kept is None:
            raise OutputError(
                "the proxy that was just made is gone again: is something clearing Tracklay's own folder?"
            )
        return kept

    # Submitting and running

    async def _submitted(self, request: Request, intent: Intent) -> None:
        """The intent is on disk before the request leaves, the ticket before anything else happens after it."""
        told = await self._estimated(request, intent)
        job = self.job

        def leave(ledger: Ledger) -> Job:
            cost.hold(ledger, job, told)
            fields = {"currency": told.currency, "estimate": told.amount, "sent": now()}
            return ledger.move(job, "submitting", intent=intent.plain(), **fields)

        known = await self.means.requests(self.maker.name)

        async def sent() -> Ticket:
            self.job = await self.means.desk(leave)
            self._say("generate")
            return await submit_once(self.maker, intent, known)

        # One piece, intent and request: between them a job that is told to end would be in the ledger as one that may have been sent.
        await self._ticketed(asyncio.ensure_future(sent()))

    async def _estimated(self, request: Request, intent: Intent) -> Cost:
        """What the catalogue says; where a cap must be held and the provider can tell more, what it says."""
        job, prepared = self.job, intent.data.get("cost")
        told = Cost(**prepared) if isinstance(prepared, dict) else priced(request)
        if "estimate" in self.maker.offers and await self.means.desk(cost.capped, job):
            return await self.maker.estimate(request) or told
        return told

    async def _ticketed(self, sending: asyncio.Future[Ticket]) -> None:
        """Wait for a ticket and write it down, even while everything is told to end: what left can't be called back."""
        try:
            ticket = await asyncio.shield(sending)
        except asyncio.CancelledError:
            stopping = self.job.id in self.means.stopping
            await asyncio.wait([sending], timeout=None if stopping else LAST_WORD_SECONDS)
            if not sending.done():
                sending.cancel()
            elif error := sending.exception():
                if isinstance(error, TracklayError | OSError):
                    await self._stopped(error)
            else:
                await self._written(sending.result())
            raise
        writing = asyncio.ensure_future(self._written(ticket))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.gather(writing, return_exceptions=True)
            raise

    async def _written(self, ticket: Ticket) -> None:
        (await self.means.requests(self.maker.name)).add(ticket.request)
        told = ticket.data.get("cost")
        fields = {"estimate": told["amount"], "currency": told["currency"]} if isinstance(told, dict) else {}
        for pause in (*WRITING_AGAIN, None):
            try:
                await self._move("running", ticket=ticket.plain(), request=ticket.request, kind="", words="", **fields)
            except LedgerTrouble as error:
                if pause is None:
                    raise LedgerTrouble(
                        f"{error}; {self.maker.name} has taken the work on as request {ticket.request}: "
                        "`tracklay jobs resume` looks for it there"
                    ) from error
                await asyncio.sleep(pause)
            else:
                return

    async def _found(self) -> None:
        """Look for a submission whose answer was lost; never send it again.

        Raises:
            Unclear: it can't be found.
        """
        assert self.job.intent is not None  # noqa: S101 - it is written with the move to `submitting`
        intent = Intent(**self.job.intent)
        if self.maker.sends_at == "collect":
            await self._written(await self.maker.submit(intent))
            return
        known = await self.means.requests(self.maker.name)
        await self._ticketed(asyncio.ensure_future(submit_once(Lost(self.maker), intent, known)))

    async def _fetched(self) -> None:
        """From `submitting` (of an earlier process), `unclear`, `running` or `fetching` to an output on disk."""
        if self.job.state in ("submitting", "unclear"):
            await self._found()
        if self.job.state == "running":
            await self._done()
        if self.job.state == "fetching":
            await self._brought()

    async def _done(self) -> None:
        """Look at it until it is done."""
        ticket, model, clock = self._ticket, self.job.model, asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(self.maker.patience):
                while (progress := await self.maker.poll(ticket)).state != "done":
                    self._say("generate", progress.fraction, progress.words)
                    await asyncio.sleep(self.means.pace.pause(model, clock() - began, *POLL_SECONDS))
        except TimeoutError as error:
            raise TimedOut(
                f"{self.maker.name} has not finished after {self.maker.patience / 60:.0f} minutes; it may still: "
                f"look at request {ticket.request} there"
            ) from error
        self.means.pace.learn(model, clock() - began)
        self._say("generate", progress.fraction, progress.words)
        await self._move("fetching")

    @property
    def _ticket(self) -> Ticket:
        assert self.job.ticket is not None  # noqa: S101 - it is written with the move to `running`
        return Ticket(**self.job.ticket)

    async def _brought(self) -> None:
        """Bring the output, and have it on disk before anything else: the provider may forget it any time."""
        fetched = (self.job.output or {}).get("fetched", 0)
        held = None if fetched else artifact_store.kept_output(self.job)  # an earlier process may have got just so far
        if held is None:
            folder = artifact_store.bench(self.means.token, self.job.id)
            output = await self.maker.collect(self._ticket, folder)
            held = await asyncio.to_thread(artifact_store.keep_output, self.job, folder, output, keep=self.maker.keeps)
        told = held["cost"]
        exact = int(not told["estimated"])
        await asyncio.shield(
            self._move(
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

    async def _conformed(self) -> None:
        """Each sound of the output as a take; those that are files already are only looked at."""
        self._say("conform")
        held = self.job.output or {}
        output = artifact_store.output(held)
        if output is None:
            raise ModelFailed(f"what was kept of job {self.job.id} is gone from Tracklay's own folder; make it again")
        self.takes = []
        try:
            for index, sound in enumerate(artifact_store.sounds(output)):
                self.takes.append(await self._take(Sound(self.order, self.job, sound, index, held.get("origin"))))
        except (MediaError, ModelFailed):
            if self.takes or "origin" in held or held.get("fetched", FETCHES) >= FETCHES:
                raise
            await self._move("fetching")
            return
        if self.job.state != "ready":
            await self._move("ready", kind="", words="")

    async def _take(self, sound: Sound) -> Take:
        claims = list(self.job.takes)
        if sound.index < len(claims):
            claim = claims[sound.index]
            if await aside(is_there, self.order.folder, claim):
                take = taken(self.order, self.job, claim)
                if self.job.state == "conforming" and (hashes := await aside(sound.make_stems, take)):
                    claims[sound.index] = {**claim, "stem_hashes": hashes}
                    self.job = await self.means.desk(Ledger.note, self.job, takes=claims)
                return take
            claims = claims[: sound.index]
        if self.job.state == "ready":
            await self._move("conforming")
        loop = asyncio.get_running_loop()

        def claim_it(claim: dict[str, Any]) -> None:
            job, made = self.job, [*claims, claim]
            written = self.means.desk(Ledger.note, job, takes=made)
            self.job = asyncio.run_coroutine_threadsafe(written, loop).result()

        after = int(self.job.plan.get("after", 0)) + self.job.place
        async with self.means.gate("conform"):
            return await aside(sound.make, claim_it, after)

    # The end

    async def called_off(self) -> Job:
        """A person has it stopped, and nobody carries it: what was sent is looked for first. How it is now."""
        try:
            if self.job.state in ("submitting", "unclear"):
                await self._found()
            await self._cancelled()
        except (TracklayError, OSError) as error:
            await self._stopped(error)
        return self.job

    async def _stopped(self, error: TracklayError | OSError) -> Failure:
        """Write down why it does not go on, and whether it can later."""
        job, name = self.job, self.order.cue.picture.source.name
        made = error if isinstance(error, TracklayError) else ModelFailed(f"{job.model}: {error.strerror or error}")
        after = end_of(job.state, error)
        fields = {"kind": made.kind, "words": str(made)}
        if after == "failed" and job.state == "submitting":
            fields |= {"cost": "0"}
        with contextlib.suppress(LedgerTrouble):  # the first error is the one to tell
            if after is None or after == job.state:
                self.job = await self.means.desk(Ledger.note, job, **fields)
            else:
                await self._move(after, **fields)
            await self.means.desk(Ledger.release, self.means.token, job.id)
        self._say("failed", words=str(made))
        if after == "unclear":
            made.args = (f"{made} ({choices(job.id)})", *made.args[1:])
        elif after is None:
            made.args = (
                f"{made} (it is kept as job {job.id}: the same again, or `tracklay jobs resume`, goes on with it)",
            )
        return Failure(self.order.cue, made.about(name))

    async def _given_up(self) -> None:
        """The task was cancelled: the person's wish reaches the provider, anything else leaves the job to be taken up."""
        number, token = self.job.id, self.means.token
        with contextlib.suppress(LedgerTrouble):
            self.job = await self.means.desk(Ledger.get, number)  # a move may have been under way
            if number in self.means.stopping and self.job.owner == token:
                await self._cancelled()
            await self.means.desk(Ledger.release, token, number)

    async def _cancelled(self) -> None:
        state, words = self.job.state, "nothing was sent and nothing is charged"
        if state == "submitting" or state in OVER:
            return  # no ticket came: it is looked for when it is taken up
        if state == "running":
            confirmed = False
            with contextlib.suppress(TracklayError):
                confirmed = await self.maker.cancel(self._ticket)
            about = f" (about {self.job.estimate} {self.job.currency})" if self.job.estimate not in (None, "0") else ""
            words = (
                f"{self.maker.name} confirms that it stopped; what ran until then may be charged{about}"
                if confirmed
                else f"{self.maker.name} does not confirm that it stopped: it may run on and be charged{about}"
            )
        elif state not in UNSENT:
            words = f"it was made already, and what it cost is spent: {self.job.cost or 'not known'} {self.job.currency or ''}"
        await self._move("cancelled", kind=Cancelled.kind, words=words.strip())


def _digest(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _plays(shown: Picture, span: Span) -> list[Any]:
    """What of its source plays in the span, wherever on the timeline that is."""
    bends = [(frame, seconds) for frame, seconds in shown.map.points if span.start < frame < span.end]
    ends = [(Fraction(at), shown.map.source(at)) for at in (span.start, span.end)]
    points = [[str(frame - span.start), str(seconds)] for frame, seconds in sorted([*bends, *ends])]
    return [points, span.frames, str(span.rate), list(shown.images), str(shown.rate)]


def _known_by(source: Path, *, stop: Stop) -> str:
    """A source's SHA-256; of a large one `sampled:` and that of samples."""
    seen = source.stat()
    if seen.st_size <= WHOLE_BYTES:
        return file_hash(source, stop=stop)
    return f"sampled:{_digest([sampled(source), seen.st_mtime_ns])}"


def _extract(order: Order, picture: Picture, work: Path, *, stop: Stop) -> Proxy:
    """The proxy, and a still where the model looks at one image."""
    like = sized(order.model, order.cue.square)
    proxy = extracted(picture, order.cue.span, work / "proxy.mp4", **like._asdict(), stop=stop)
    if order.model.sees(order.cue.params) == "image":
        still(proxy, work / "still.png", stop=stop)
    return proxy
