"""The interface of every provider, its value types, and the submission that is sent at most once.

A take goes through `prepare` (Request to Submission), `submit` (to JobHandle), `poll` (JobProgress) and `collect` (Output).
Submission and JobHandle are plain data: the job ledger stores each before the next step, so that another process can continue.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from ..cue import Cost
from ..errors import InvalidInput, ProviderUnavailable, SubmissionUnknown, TracklayError

if TYPE_CHECKING:
    from ..cue import ParamValue
    from ..hits import Hit
    from ..media.extract import Proxy
    from ..models import Model

_log = logging.getLogger(__name__)

DEFAULT_FIND_DELAYS = (1.0, 4.0, 15.0)
"""Seconds before each search for a lost submission: a provider's list of jobs may show a new one late."""

MIN_OUTPUTS, MAX_OUTPUTS = 8, 64
"""Sounds of one job that are fetched at least and at most, if it names as many: models return a few variations unasked."""

COUNT_PARAMETERS = ("num_samples", "num_outputs", "batch_size", "sample_count")
"""Parameters of models with the number of sounds to make."""


@dataclass(frozen=True, slots=True)
class Request:
    """The input of one take. `params` is complete and validated.

    `seconds` is the span's length, and `samples` the same at 48 kHz, for a model that can make exactly that many. `proxy` is None
    for a model without video input, `still` for one without image input. `hits` are the moments that music meets.
    """

    model: Model
    prompt: str
    negative: str
    seed: int
    params: Mapping[str, ParamValue]
    seconds: Fraction
    samples: int
    proxy: Proxy | None
    still: Path | None = None
    hits: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """A request that is ready to send: plain data, stored on disk before it is sent.

    `id` is our own name for it, `created_at` its UTC time (ISO 8601). Its files are uploaded already (uploads are free), or named
    by path where the request itself contains them.
    """

    provider: str
    id: str
    created_at: str
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def new(cls, provider: str, data: Mapping[str, Any]) -> Self:
        """Create a submission with a new ID and the current time."""
        return cls(
            provider, uuid.uuid4().hex, datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), data
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the submission as JSON; `from_dict` rebuilds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild a submission from the ledger. An earlier version called `created_at` `made`."""
        created_at = data["created_at"] if "created_at" in data else data["made"]
        return cls(data["provider"], data["id"], created_at, data["data"])


@dataclass(frozen=True, slots=True)
class JobHandle:
    """A submitted job: plain data, from which any process can poll and collect it. `request` is the provider's job ID."""

    provider: str
    request: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the handle as JSON; `from_dict` rebuilds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild a handle from the ledger. An earlier version called `created_at` `made`, and Beatoven's `prompt` `asked`."""
        values = {
            {"made": "created_at", "asked": "prompt"}.get(name, name): value for name, value in data["data"].items()
        }
        return cls(data["provider"], data["request"], values)


@dataclass(frozen=True, slots=True)
class JobProgress:
    """The state of a job. `fraction` is from 0 to 1, or None; `message` is a detail such as the queue position or the step."""

    state: Literal["waiting", "running", "done"]
    fraction: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """The result of a job: the model's file, unchanged, its stems, and the seed and version that were used.

    `extra_files` are further sounds of the same request, if the model makes several: each becomes a take of its own. `understood`
    goes into the manifest: what the provider made of the request. `notes` are sentences about the sound for the user.
    """

    file: Path
    seed: int | None
    version: str
    cost: Cost
    stems: Mapping[str, Path] = field(default_factory=dict)
    understood: Mapping[str, Any] = field(default_factory=dict)
    extra_files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


class Provider(Protocol):
    """One API. A call is cancelled by cancelling its task; errors are those of `tracklay.errors`.

    `capabilities` names the optional requests that the API has. Without one, its method here returns the stated default.
    """

    name: str
    capabilities: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset()
    max_wait_seconds: float = 3600.0
    """Seconds after submission when the job counts as lost."""
    submit_mode: Literal["submit", "collect"] = "submit"
    """The step that sends the request. With `collect`, `submit` only returns the handle and may be repeated."""
    caches_output: bool = True
    """Whether the output is kept after laying: not if making it again is fast and free."""
    find_delays: tuple[float, ...] | None = None
    """Seconds before each search for a lost submission; None for `DEFAULT_FIND_DELAYS`."""

    def check_ready(self) -> None:
        """Check everything that needs no network.

        Raises:
            KeyMissing: the API key is not set.
            InvalidInput: a URL in the environment is invalid.
        """
        return

    async def version(self, model: Model, *, fail_fast: bool = False) -> str | None:  # noqa: ARG002
        """Return the version of a model that would run now, as in `Output.version`; None if the API has no versions.

        Args:
            model: the model.
            fail_fast: make one short attempt, without retries.
        """
        return None

    async def prepare(self, request: Request) -> Submission:
        """Do everything before the request that is free: upload files, look up the version."""

    async def submit(self, submission: Submission) -> JobHandle:
        """Start the job: send the submission once.

        Raises:
            SubmissionUnknown: it may have arrived, and no usable response came. `submit_once` then searches for it.
        """

    async def find(self, submission: Submission, known_requests: Collection[str] = ()) -> JobHandle | None:  # noqa: ARG002
        """Return the handle of a lost submission; None if no job, or more than one, matches, or if the API has no list of jobs.

        `known_requests` are IDs of jobs that belong to other submissions.
        """
        return None

    async def poll(self, handle: JobHandle) -> JobProgress:
        """Return the job's progress, or raise the error that ended it."""

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Download the result of a finished job into `folder`."""

    async def cancel(self, handle: JobHandle) -> bool:  # noqa: ARG002
        """Cancel the job; return whether the provider confirmed it. Without that capability: False, and the job is charged."""
        return False

    async def charge_without_result(self, handle: JobHandle) -> Cost | None:  # noqa: ARG002
        """Return what a job was charged that failed or was cancelled; None if that is nothing, or is not reported."""
        return None

    async def check_key(self) -> str:
        """Check the API key with a free request; return the account's name, or an empty string if the API does not name it.

        Raises:
            KeyMissing, KeyRefused: there is no valid key. Without that capability nothing is raised.
        """
        return ""

    async def estimate(self, request: Request) -> Cost | None:
        """Return the cost of a take: the provider's own figure, or the catalogue's."""
        return catalogue_cost(request)


def catalogue_cost(request: Request) -> Cost:
    """Return the catalogue's estimate for a request; its amount is None if the catalogue has no price."""
    amount = request.model.estimate_cost(request.seconds, request.params)
    return Cost(None if amount is None else f"{amount.normalize():f}", request.model.price.currency, estimated=True)


def requested_outputs(request: Request) -> int:
    """Return the largest number of sounds that a job may have: what was requested, and at least `MIN_OUTPUTS`."""
    counts = (request.params.get(name) for name in (*COUNT_PARAMETERS, request.model.price.times))
    return min(MAX_OUTPUTS, max([MIN_OUTPUTS, *(int(count) for count in counts if isinstance(count, int | float))]))


UNEXPECTED_SHAPE_ERRORS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""Errors of Python when a value of a reply has another type or range than the documented one."""


@contextlib.contextmanager
def checked_replies(provider: str) -> Iterator[None]:
    """Turn the error of a reply with an unexpected shape into one that keeps the job.

    Raises:
        ProviderUnavailable: a reply cannot be used.
    """
    try:
        yield
    except UNEXPECTED_SHAPE_ERRORS as error:
        raise ProviderUnavailable(
            "provider.reply_unusable",
            "{provider} sent a reply that cannot be used: {reason}. Update Tracklay, or check the job at {provider}.",
            provider=provider,
            reason=type(error).__name__,
        ) from error


async def submit_once(
    provider: Provider,
    submission: Submission,
    known_requests: Collection[str] = (),
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> JobHandle:
    """Submit. If the response is lost, search the provider's list for the job; never submit a second time.

    Args:
        provider: the provider.
        submission: from `provider.prepare`, already stored on disk.
        known_requests: IDs of jobs that belong to other submissions.
        sleep: waits for seconds; replaced in tests.

    Raises:
        SubmissionUnknown: the request may have arrived, and the job cannot be found.
    """
    try:
        try:
            with checked_replies(provider.name):
                return await provider.submit(submission)
        except ProviderUnavailable as error:
            if error.code != "provider.reply_unusable":
                raise
            raise SubmissionUnknown(
                "submission.reply_unusable",
                "{error} It is unknown whether the request was charged, so it is not resent.",
                error=error,
            ) from error
    except SubmissionUnknown as lost:
        delays = DEFAULT_FIND_DELAYS if provider.find_delays is None else provider.find_delays
        for number, delay in enumerate(delays if "find" in provider.capabilities else (), 1):
            _log.info("%s: submission lost, search %d of %d in %.0f s", provider.name, number, len(delays), delay)
            await sleep(delay)
            try:
                with checked_replies(provider.name):
                    handle = await provider.find(submission, known_requests)
            except SubmissionUnknown:
                raise
            except TracklayError:
                continue  # the network that lost the response may be back at the next search
            if handle is not None:
                return handle
        raise lost from lost.__cause__


_factories: dict[str, Callable[[], Provider]] = {}
_BUILT_IN = ("sketch", "replicate", "cog", "comfyui", "fal", "scenario", "beatoven", "elevenlabs", "mirelo")


def register(name: str, factory: Callable[[], Provider]) -> None:
    """Add a provider, or replace a built-in one."""
    _factories[name] = factory


def get_provider(name: str) -> Provider:
    """Return a provider by the name that models use. Its module is imported at the first call.

    Raises:
        InvalidInput: there is no provider of that name.
    """
    if name not in _factories:
        if name not in _BUILT_IN:
            raise InvalidInput(
                "provider.unknown", "Unknown provider: {provider}. Correct the model's file.", provider=name
            )
        module = importlib.import_module(f".{name}", __package__)
        _factories[name] = module.create_provider
    return _factories[name]()
