"""The providers as `test_contract` sees them: their requests on the wire, their fake servers, their deviations.

A new provider gets the whole suite by one more entry in `CASES`, with a fixture of the same name in `conftest`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracklay.errors import (
    InsufficientCredit,
    KeyRefused,
    NotFound,
    ProviderUnavailable,
    RefusedInput,
    ResultExpired,
    TracklayError,
)
from tracklay.providers.base import Output, Provider, Request
from tracklay.providers.beatoven import Beatoven
from tracklay.providers.cog import Cog
from tracklay.providers.comfyui import ComfyUi
from tracklay.providers.elevenlabs import ElevenLabs
from tracklay.providers.fal import Fal
from tracklay.providers.mirelo import Mirelo
from tracklay.providers.replicate import Replicate
from tracklay.providers.retry import RetryPolicy
from tracklay.providers.scenario import Scenario

from tests.clips import clicks, hear
from tests.fakes import beatoven, comfyui, elevenlabs, fal, mirelo, replicate, scenario, server
from tests.fakes.server import Fault, Server
from tests.providers.provider_flow import request

FAULTS = {
    "delay": Fault("delay"),
    "delay after": Fault("delay-after"),
    "reset": Fault("reset"),
    "reset after": Fault("reset-after"),
    "truncated": Fault("truncate"),
    "too long": Fault("longer"),
    "empty": Fault("empty"),
    "202 empty": server.EMPTY_202,
    "502 html": server.HTML_502,
    "429": server.THROTTLED,
    "429 seconds": server.THROTTLED_SECONDS,
    "429 date": server.THROTTLED_DATE,
    "drip": Fault("drip"),
    "half json": Fault("half-json"),
}
"""Every fault of one request."""

NOT_SERVED = frozenset({"delay", "reset", "502 html"})
"""Faults after which the fake server has not acted on the request. The client cannot know that."""

TYPICAL_FAULTS = ("delay after", "reset", "truncated", "502 html", "429 seconds", "drip")
"""A fault of each kind."""

BODY_FAULTS = frozenset({"truncated", "empty", "202 empty", "drip", "half json"})
"""Faults of a body alone: they are none if it is empty anyway."""

THROTTLED = frozenset(name for name in FAULTS if name.startswith("429"))
"""Faults that say that the request was not acted on."""

REFUSALS: dict[int, type[TracklayError]] = {
    302: ProviderUnavailable,
    400: RefusedInput,
    401: KeyRefused,
    402: InsufficientCredit,
    403: KeyRefused,
    404: NotFound,
    413: RefusedInput,
    422: RefusedInput,
}
"""The error of each status that is final, unless a case's `refusals` has another."""

Call = tuple[str, str]
"""The fake server's attribute of the fixture (empty for the fixture itself), and `METHOD path` as a pattern."""

Expected = tuple[type[TracklayError] | None, int]
"""The error of a refusal, None for a recovery, and the number of requests until then."""


@dataclass(frozen=True)
class ProviderCase:
    """One provider under the contract.

    Attributes:
        name: the fixture of its fake servers, and its name in the catalogue.
        title: its name in messages.
        create: returns the provider for a retry policy.
        request: returns a request with a picture, if the provider has such models.
        submit: the submission.
        before, after: the other requests of a job, before and after the submission. Each may be repeated.
        files: those of them whose response is a file.
        bodyless: those of them whose response has no body that matters.
        answers_with_sound: the response of the submission is the sound itself.
        jobs: returns the IDs of the jobs at the fake server.
        check_output: asserts that an output is complete.
        lost_request: returns the request of the tests of lost submissions.
        others: returns similar requests, which those tests must not mistake for it.
        history: the request that searches for a lost submission, if there is one.
        cancel: the request to cancel a job, if there is one.
        check: the request that checks the key, if it is repeated.
        account: the account's name in its response.
        check_by_status: the HTTP status decides about the key, whatever the body.
        dashboard: the place that the error of a lost submission names.
        secrets: texts that no message may contain.
        refusals: the refusals that mean something else here, by call and status.
        optional: calls whose refusal costs a part of the output only.
        allow_cancel: makes the fake server accept a cancellation.
    """

    name: str
    title: str
    create: Callable[[RetryPolicy], Provider]
    request: Callable[[Path], Request]
    submit: Call
    before: dict[str, Call]
    after: dict[str, Call]
    files: frozenset[str]
    jobs: Callable[[Any], Collection[str]]
    check_output: Callable[[Any, Output], None]
    lost_request: Callable[[Path], Request]
    others: Callable[[Path], list[Request]] = lambda proxy: []
    history: Call | None = None
    cancel: Call | None = None
    check: Call | None = None
    account: str = ""
    check_by_status: bool = False
    dashboard: str = ""
    secrets: tuple[str, ...] = ()
    refusals: dict[tuple[str, int], Expected] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    bodyless: frozenset[str] = frozenset()
    answers_with_sound: bool = False
    allow_cancel: Callable[[Any], None] = lambda fake: None

    @property
    def calls(self) -> dict[str, Call]:
        """All requests of a job that may be repeated."""
        return {**self.before, **self.after}

    def server(self, fake: Any, call: Call) -> Server:
        """Return the fake server of a request."""
        found: Server = getattr(fake, call[0]) if call[0] else fake
        return found

    def add_faults(self, fake: Any, call: Call, *faults: Fault) -> None:
        """Let the next requests of a kind fail."""
        self.server(fake, call).go_wrong(call[1], *faults)

    def count(self, fake: Any, call: Call) -> int:
        """Return how many requests of a kind arrived."""
        return len(self.server(fake, call).calls(call[1]))

    def is_repeated(self, call: str, fault: str) -> bool:
        """Return whether a fault of a request makes a second one necessary."""
        # A download may take longer than any test drips.
        harmless = (call in self.files and fault == "drip") or (call in self.bodyless and fault in BODY_FAULTS)
        return not harmless

    def expected(self, call: str, status: int) -> Expected:
        """Return what follows when a request is always refused with a status."""
        return self.refusals.get((call, status), (REFUSALS[status], 1))


def _clicks_twice(fake: Any, output: Output) -> None:
    # The proxy of `conftest` has two flashes, at which the fake model clicks.
    assert len(clicks(hear(output.file))) == 2


def _is_last_fal_file(fake: Any, output: Output) -> None:
    assert output.file.read_bytes() == list(fake.files.values())[-1][0]


def _is_last_asset(fake: Any, output: Output) -> None:
    assert output.file.read_bytes() == list(fake.scenario.assets.values())[-1][0]


def _has_all_stems(fake: Any, output: Output) -> None:
    sizes = {path.stat().st_size for path in (output.file, *output.stems.values())}
    assert (len(output.stems), len(sizes)) == (4, 1)


def _allow_scenario_cancel(fake: Any) -> None:
    fake.scenario.cancels = True


CASES = {
    case.name: case
    for case in (
        ProviderCase(
            name="replicate",
            title="Replicate",
            create=Replicate,
            request=lambda proxy: request("replicate/mmaudio", proxy),
            submit=("", "POST /v1/predictions"),
            before={"model": ("", "GET /v1/models/.*"), "upload": ("", "POST /v1/files")},
            after={"poll": ("", "GET /v1/predictions/.+"), "file": ("", "GET /delivery/.*")},
            files=frozenset({"file"}),
            jobs=lambda fake: fake.app.predictions,
            check_output=_clicks_twice,
            lost_request=lambda proxy: request("replicate/mmaudio", proxy),
            others=lambda proxy: [
                request("replicate/mmaudio", proxy, params={"mode": "text"}),
                request("replicate/mmaudio", proxy, seed=8),
            ],
            history=("", "GET /v1/predictions"),
            cancel=("", "POST /v1/predictions/.*/cancel"),
            check=("", "GET /v1/account"),
            account="ada",
            dashboard=r"replicate\.com/predictions",
            secrets=(replicate.TOKEN,),
            refusals={
                # Without the newest version the one of the model's file is sent, which the fake server does not know.
                ("model", 302): (NotFound, 1),
                ("model", 404): (NotFound, 1),
                # A new prediction may be unknown for a while.
                ("poll", 404): (None, 11),
                # The link is refused, and not the key.
                **{("file", status): (ProviderUnavailable, 1) for status in (401, 403)},
                ("file", 404): (ResultExpired, 1),
            },
        ),
        ProviderCase(
            name="fal",
            title="fal",
            create=Fal,
            request=lambda proxy: request("fal/mmaudio-v2", proxy),
            submit=("queue", "POST /fal-ai/mmaudio-v2"),
            before={"initiate": ("rest", "POST /storage/upload/initiate"), "put": ("cdn", "PUT /upload/.*")},
            after={
                "status": ("queue", "GET /.*/status"),
                "result": ("queue", "GET /.*/requests/[^/]+"),
                "file": ("cdn", "GET /files/.*"),
            },
            files=frozenset({"file"}),
            bodyless=frozenset({"put"}),
            jobs=lambda fake: fake.jobs,
            check_output=_is_last_fal_file,
            lost_request=lambda proxy: request("fal/mmaudio-v2", proxy),
            others=lambda proxy: [request("fal/mmaudio-v2", proxy), request("fal/mmaudio-v2", proxy, seed=8)],
            history=("api", "GET /v1/models/requests/by-endpoint"),
            cancel=("queue", "PUT /.*/cancel"),
            check=("queue", "GET /.*/status"),
            check_by_status=True,
            dashboard=r"fal\.ai/dashboard",
            secrets=(fal.KEY.partition(":")[2],),
            refusals={
                # Neither request has the key: the signed URL is refused.
                ("put", 401): (ProviderUnavailable, 1),
                ("put", 403): (ProviderUnavailable, 1),
                ("file", 401): (ResultExpired, 1),
                ("file", 403): (ResultExpired, 1),
                ("file", 404): (ResultExpired, 1),
                # A new request may be unknown for a while.
                ("status", 404): (None, 12),
                # The history has a result that the queue has deleted.
                ("result", 404): (None, 1),
            },
        ),
        ProviderCase(
            name="scenario",
            title="Scenario",
            create=Scenario,
            request=lambda proxy: request("scenario/mmaudio", proxy),
            submit=("api", "POST /v1/generate/custom/.*"),
            before={
                "upload": ("api", "POST /v1/uploads"),
                "part": ("cdn", "PUT /upload/.*"),
                "complete": ("api", "POST /v1/uploads/.*/action"),
                "uploaded": ("api", "GET /v1/uploads/.*"),
            },
            after={
                "poll": ("api", "GET /v1/jobs/.+"),
                "asset": ("api", "GET /v1/assets/.*"),
                "file": ("cdn", "GET /assets/.*"),
            },
            files=frozenset({"file"}),
            bodyless=frozenset({"part"}),
            jobs=lambda fake: fake.scenario.jobs,
            check_output=_is_last_asset,
            lost_request=lambda proxy: request("scenario/beatoven-music"),
            others=lambda proxy: [
                request("scenario/beatoven-music", seed=8),
                request("scenario/beatoven-music", params={"creativity": 4}),
                request("scenario/beatoven-sfx"),
            ],
            history=("api", "GET /v1/jobs"),
            cancel=("api", "POST /v1/jobs/.*/action"),
            check=("api", "GET /v1/jobs"),
            dashboard=r"app\.scenario\.com",
            secrets=(scenario.KEY, scenario.SECRET, scenario.PAIR),
            refusals={
                **{("part", status): (ProviderUnavailable, 1) for status in (401, 403, 404)},
                ("asset", 404): (ResultExpired, 1),
                # The second request asks for the same by another name of the action.
                **{("complete", status): (REFUSALS[status], 2) for status in (400, 404, 422)},
                # The second request uses a renewed URL.
                **{("file", status): (ResultExpired, 2) for status in (400, 401, 403, 404, 413, 422)},
            },
            allow_cancel=_allow_scenario_cancel,
        ),
        ProviderCase(
            name="beatoven",
            title="Beatoven",
            create=Beatoven,
            request=lambda proxy: request("beatoven/track"),
            submit=("api", "POST /api/v1/tracks/compose"),
            before={},
            after={
                "poll": ("api", "GET /api/v1/tasks/.*"),
                "track": ("files", "GET /.*/track.wav"),
                "stem": ("files", "GET /.*/melody.wav"),
            },
            files=frozenset({"track", "stem"}),
            jobs=lambda fake: fake.beatoven.tasks,
            check_output=_has_all_stems,
            lost_request=lambda proxy: request("beatoven/track"),
            dashboard=r"sync\.beatoven\.ai",
            secrets=(beatoven.KEY,),
            refusals={("track", status): (ResultExpired, 2) for status in (400, 401, 403, 404, 413, 422)},
            optional=frozenset({"stem"}),
        ),
        ProviderCase(
            name="elevenlabs",
            title="ElevenLabs",
            create=lambda policy: ElevenLabs(policy, run_timeout_seconds=policy.attempt_seconds["submit"]),
            request=lambda proxy: request("elevenlabs/video-music", proxy),
            submit=("", "POST /v1/music/video-to-music"),
            before={},
            after={},
            files=frozenset(),
            answers_with_sound=True,
            jobs=lambda fake: fake.app.made,
            check_output=_clicks_twice,
            lost_request=lambda proxy: request("elevenlabs/video-music", proxy),
            check=("", "GET /v1/user/subscription"),
            account="plan creator",
            dashboard=r"elevenlabs\.io/app/usage",
            secrets=(elevenlabs.KEY,),
        ),
        ProviderCase(
            name="mirelo",
            title="Mirelo",
            create=Mirelo,
            request=lambda proxy: request("mirelo/sfx", proxy),
            submit=("api", "POST /v2/video-to-sfx/v1.5/jobs"),
            before={
                "preflight": ("api", "GET /v2/video-to-sfx/v1.5/preflight"),
                "asset": ("api", "POST /v2/assets"),
                "put": ("files", "PUT /upload/.*"),
            },
            after={"poll": ("api", "GET /v2/video-to-sfx/v1.5/jobs/.*"), "file": ("files", "GET /results/.*")},
            files=frozenset({"file"}),
            bodyless=frozenset({"put"}),
            jobs=lambda fake: fake.mirelo.jobs,
            check_output=_clicks_twice,
            lost_request=lambda proxy: request("mirelo/sfx", proxy),
            check=("api", "GET /v2/me"),
            account="120 credits left",
            dashboard=r"studio\.mirelo\.ai",
            secrets=(mirelo.KEY,),
            refusals={
                # The request has no key: the signed URL is refused.
                ("put", 401): (ProviderUnavailable, 1),
                ("put", 403): (ProviderUnavailable, 1),
                # The second request uses a renewed URL.
                **{("file", status): (ResultExpired, 2) for status in (400, 401, 403, 404, 413, 422)},
            },
        ),
        ProviderCase(
            name="comfyui",
            title="ComfyUI",
            create=ComfyUi,
            request=lambda proxy: request("comfyui/foley", proxy),
            submit=("", "POST /prompt"),
            before={"info": ("", "GET /prompt"), "upload": ("", "POST /upload/image")},
            after={"queue": ("", "GET /queue"), "history": ("", "GET /history/.*"), "file": ("", "GET /view")},
            files=frozenset({"file"}),
            jobs=lambda fake: [prompt.id for prompt in fake.app.comfyui.queued],
            check_output=_clicks_twice,
            lost_request=lambda proxy: request("comfyui/foley", proxy),
            others=lambda proxy: [request("comfyui/foley", proxy), request("comfyui/foley", proxy, seed=8)],
            history=("", "GET /queue"),
            cancel=("", "POST /api/jobs/.*/cancel"),
            dashboard="the server's own page",
            secrets=(comfyui.LOGIN,),
            refusals={
                # A server that does not answer in its own way counts as none.
                ("info", 302): (ProviderUnavailable, 1),
                ("file", 404): (ResultExpired, 1),
            },
        ),
        ProviderCase(
            name="cog",
            title="Cog",
            create=lambda policy: Cog(policy, run_timeout_seconds=policy.attempt_seconds["submit"]),
            request=lambda proxy: request("cog/mmaudio", proxy),
            submit=("", "PUT /predictions/.*"),
            before={"health": ("", "GET /health-check")},
            after={},
            files=frozenset(),
            jobs=lambda fake: fake.app.begun,
            check_output=_clicks_twice,
            lost_request=lambda proxy: request("cog/mmaudio", proxy),
            cancel=("", "POST /predictions/.*/cancel"),
            refusals={
                # There is no key, so 403 is about the request.
                ("health", 403): (RefusedInput, 1),
                ("submit", 403): (RefusedInput, 1),
            },
        ),
    )
}
