"""What every provider gives and takes: a request is prepared and submitted, a ticket is kept, progress is told, output comes out."""

from __future__ import annotations

import asyncio
import importlib
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from ..cue import Cost
from ..errors import InvalidInput, SubmissionUnknown, TracklayError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping
    from fractions import Fraction
    from pathlib import Path

    from ..cue import ParamValue
    from ..media.extract import Proxy
    from ..models import Model

DEFAULT_FIND_DELAYS = (1.0, 4.0, 15.0)
"""Seconds before each look for a lost submission: a list may be slow to show what has just begun (facts/apis.md, section 11, item 7)."""


@dataclass(frozen=True, slots=True)
class Request:
    """All that one submission needs. `params` is complete and checked.

    `samples` is the span's length at 48 kHz, for a model that can make exactly that many. `proxy` and `still` are None for a model
    that looks at no moving picture, or no image.
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


@dataclass(frozen=True, slots=True)
class Submission:
    """What is about to be sent: plain data, to be on disk before it leaves. `id` is our own name for it, `made` the UTC time (ISO 8601).

    Its files are uploaded already (that is free), or named by path where they go along with the request itself.
    """

    provider: str
    id: str
    made: str
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def new(cls, provider: str, data: Mapping[str, Any]) -> Self:
        """One of now."""
        return cls(
            provider, uuid.uuid4().hex, datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), data
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it; `Submission(**to_dict)` is it again."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class JobHandle:
    """What is kept of a submission: plain data, enough for another process to go on with it."""

    provider: str
    request: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it; `JobHandle(**to_dict)` is it again."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a submission is. `fraction` runs from 0 to 1 where the provider tells; `message` is its own account (queue place, step)."""

    state: Literal["waiting", "running", "done"]
    fraction: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """What the model made: its file, untouched, and stems where it gives them; the seed and version that were really used.

    `extra_files` are further whole sounds of the same request, where a model makes several: each becomes a take of its own.
    """

    file: Path
    seed: int | None
    version: str
    cost: Cost
    stems: Mapping[str, Path] = field(default_factory=dict)
    understood: Mapping[str, Any] = field(default_factory=dict)
    extra_files: tuple[Path, ...] = ()


class Provider(Protocol):
    """One API. Every call may be cancelled by cancelling its task; errors are those of `tracklay.errors`.

    What an API has no call for says so by its absence from `capabilities`; its method then does what the text here says.
    """

    name: str
    capabilities: frozenset[Literal["cancel", "find", "check_key", "estimate"]] = frozenset()
    max_wait_seconds: float = 3600.0
    """Seconds from submission after which nobody should wait any longer."""
    submit_mode: Literal["submit", "collect"] = "submit"
    """When the request leaves. Where that is at `collect`, `submit` only makes the ticket, the same each time, and may be called again."""
    caches_output: bool = True
    """Whether what was made is worth keeping once it is laid: not where it is made again in a moment, at no cost."""
    find_delays: tuple[float, ...] | None = None
    """Seconds before each look for a lost submission, where they are others than FIND_PAUSES."""

    def check_ready(self) -> None:
        """Nothing, when what can be known without asking is in order; it costs no time.

        Raises:
            KeyMissing: the key is not set.
            BadInput: a host in the environment is wrong.
        """
        return

    async def version(self, model: Model, *, fail_fast: bool = False) -> str | None:  # noqa: ARG002
        """The version of a model that would run now, as `Output.version` tells it; None where the API has no word for it.

        Args:
            model: which.
            fail_fast: the answer is worth a few seconds and no second try.
        """
        return None

    async def prepare(self, request: Request) -> Submission:
        """Do all that comes before the request and costs nothing: upload, look up the version."""

    async def submit(self, submission: Submission) -> JobHandle:
        """Ask for the work to begin. What the intent holds is sent, once.

        Raises:
            Unclear: it left, and no usable answer came. `submit_once` then looks for it.
        """

    async def find(self, submission: Submission, known_requests: Collection[str] = ()) -> JobHandle | None:  # noqa: ARG002
        """The ticket of a submission that was lost; None where nothing, or more than one, fits, or where the API has no list.

        `known_requests` are requests that belong to other tickets.
        """
        return None

    async def poll(self, handle: JobHandle) -> JobProgress:
        """Look how far it is. Raises what stopped it, where it was stopped."""

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        """Bring what was made into `folder`. The ticket's work is done."""

    async def cancel(self, handle: JobHandle) -> bool:  # noqa: ARG002
        """Try to stop it; whether the provider said that it did. Where the API cannot: False, and what it costs is spent."""
        return False

    async def check_key(self) -> str:
        """Whose key it is, empty where the API does not say. Costs nothing.

        Raises:
            KeyMissing, KeyRefused: it is not good. An API that has no such call says nothing.
        """
        return ""

    async def estimate(self, request: Request) -> Cost | None:
        """What a take will cost, asked of the provider where it tells, else as the catalogue has it; None where nobody knows."""
        return catalogue_cost(request)


def catalogue_cost(request: Request) -> Cost:
    """What the catalogue says that this request costs; the amount is None where it does not know."""
    amount = request.model.estimate_cost(request.seconds, request.params)
    return Cost(None if amount is None else f"{amount.normalize():f}", request.model.price.currency, estimated=True)


async def submit_once(
    provider: Provider,
    submission: Submission,
    known_requests: Collection[str] = (),
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> JobHandle:
    """Submit, and where the answer was lost look for what was begun: never a second time by itself.

    Raises:
        Unclear: it left, and it cannot be found.
    """
    try:
        return await provider.submit(submission)
    except SubmissionUnknown as lost:
        pauses = DEFAULT_FIND_DELAYS if provider.find_delays is None else provider.find_delays
        for pause in pauses if "find" in provider.capabilities else ():
            await sleep(pause)
            try:
                ticket = await provider.find(submission, known_requests)
            except SubmissionUnknown:
                raise
            except TracklayError:
                continue  # it was the network that lost the answer: it may be back at the next look
            if ticket is not None:
                return ticket
        raise lost from lost.__cause__


_factories: dict[str, Callable[[], Provider]] = {}
_BUILT_IN = ("sketch", "replicate", "cog", "fal", "scenario", "beatoven")


def register(name: str, factory: Callable[[], Provider]) -> None:
    """Add a provider, or put another one in a built-in one's place."""
    _factories[name] = factory


def get_provider(name: str) -> Provider:
    """The provider that a model names. Its module is loaded only now, and with it what it needs.

    Raises:
        BadInput: there is none of that name.
    """
    if name not in _factories:
        if name not in _BUILT_IN:
            raise InvalidInput(f"there is no provider {name!r}: correct the model's file")
        module = importlib.import_module(f".{name}", __package__)
        _factories[name] = module.create_provider
    return _factories[name]()
