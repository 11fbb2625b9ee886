"""Scenario: requests, uploads, progress, results, every fault on every call, and no key where it does not belong."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from tracklay import models
from tracklay.errors import (
    Cancelled,
    InsufficientCredit,
    InvalidInput,
    KeyMissing,
    KeyRefused,
    ModelFailed,
    ProviderTimeout,
    ProviderUnavailable,
    RefusedContent,
    RefusedInput,
    SubmissionUnknown,
)
from tracklay.providers import scenario as module
from tracklay.providers.base import JobProgress, get_provider, submit_once
from tracklay.providers.scenario import Scenario

from tests.clips import clicks, hear
from tests.fakes import server as faults
from tests.fakes.scenario import KEY, PAIR, SECRET, UNITS
from tests.fakes.server import Fault
from tests.providers.conftest import FLASHES
from tests.providers.provider_cases import FAULTS
from tests.providers.provider_flow import FakeSleep, attempt_limit, error_text, fast_policy, generate, request, run

MMAUDIO, MUSIC, MUSICGEN = "scenario/mmaudio", "scenario/beatoven-music", "scenario/musicgen"
CREATE = "POST /v1/generate/custom/.*"


def new_provider(sleep: FakeSleep | None = None, attempt_seconds: float = 10.0) -> Scenario:
    """Return the provider with delays that take no time."""
    return Scenario(fast_policy(sleep, attempt_seconds))


def sent(hosts, *asked) -> Any:
    """What reaches the wire of requests: of the last one."""

    async def create():
        api = new_provider()
        for each in asked:
            await api.submit(await api.prepare(each))

    run(create())
    return hosts.api.calls(CREATE)[-1].json


def no_key_in(text: str) -> bool:
    """Whether neither key, nor secret, nor the two together are in a text."""
    return not any(form in text for form in (KEY, SECRET, PAIR))


def test_the_catalogue_names_it(scenario):
    """The provider is found by the name that models give."""
    assert isinstance(get_provider("scenario"), Scenario)


def test_a_video_comes_back_as_the_models_own_file(scenario, proxy, tmp_path):
    """Upload, generate, look, fetch: the MP4 clicks where the proxy flashes; cost, seed and states are set."""
    looks: list[JobProgress] = []
    ticket, output = run(generate(new_provider(), request(MMAUDIO, proxy), tmp_path, looks))
    assert len(clicks(hear(output.file))) == len(FLASHES)
    assert (output.file.suffix, output.version, output.seed) == (".mp4", "model_mm-audio-2", 7)
    assert (output.cost.amount, output.cost.currency, output.cost.estimated) == (str(UNITS), "CU", False)
    assert [(look.state, look.fraction, look.message) for look in looks] == [
        ("waiting", None, "queued"),
        ("waiting", None, "warming up"),
        ("running", 0.4, ""),
        ("running", 0.9, "finalizing"),
        ("done", 1.0, ""),
    ]
    assert scenario.api.calls(f"GET /v1/jobs/{ticket.request}")
    (begun,) = scenario.api.calls("POST /v1/uploads")
    assert begun.json == {
        "fileName": "proxy.mp4",
        "fileSize": proxy.stat().st_size,
        "contentType": "video/mp4",
        "kind": "video",
        "parts": 1,
    }
    assert [asset.query for asset in scenario.api.calls("GET /v1/assets/.*")] == [{"originalAssets": "true"}]


def test_a_large_file_goes_up_in_parts(scenario, proxy, tmp_path, monkeypatch):
    """Each part to its own address, in order, none with the key; together they are the file."""
    monkeypatch.setattr(module, "PART_SIZE", 1000)
    _, output = run(generate(new_provider(), request(MMAUDIO, proxy), tmp_path))
    parts = scenario.cdn.calls("PUT /upload/.*")
    assert len(parts) == -(-proxy.stat().st_size // 1000) > 2
    assert b"".join(part.body for part in parts) == proxy.read_bytes()
    assert all("authorization" not in part.headers for part in parts)
    assert len(clicks(hear(output.file))) == len(FLASHES)


def test_a_sound_of_the_user_is_uploaded_as_audio(scenario, tmp_path):
    """The file for MusicGen becomes an asset; its address is imported where it is named by one."""
    own = tmp_path / "tune.wav"
    own.write_bytes(b"RIFFtune")
    body = sent(scenario, request(MUSICGEN, params={"inputAudio": str(own), "continuation": True}))
    assert scenario.scenario.assets[body["inputAudio"]] == (b"RIFFtune", "audio/x-wav")
    body = sent(scenario, request(MUSICGEN, params={"inputAudio": "https://example.com/tune.mp3?x=1"}))
    assert body["inputAudio"] in scenario.scenario.assets
    assert scenario.api.calls("POST /v1/uploads")[-1].json == {
        "url": "https://example.com/tune.mp3?x=1",
        "kind": "audio",
    }


def test_an_upload_that_fails_is_refused_input(scenario, proxy, tmp_path):
    """The error has Scenario's reason, and nothing was generated."""
    scenario.scenario.uploads_end = "failed"
    with pytest.raises(RefusedInput, match="could not be read"):
        run(generate(new_provider(), request(MMAUDIO, proxy), tmp_path))
    assert not scenario.scenario.jobs


def test_an_upload_of_unknown_status_is_an_error_and_an_endless_one_times_out(scenario, proxy, tmp_path):
    """Neither is taken for a success, and neither is waited for for ever."""
    scenario.scenario.uploads_end = "sideways"
    with pytest.raises(ProviderUnavailable, match="sideways"):
        run(generate(new_provider(), request(MMAUDIO, proxy), tmp_path))
    scenario.scenario.uploads_end = "validating"
    sleep = FakeSleep()
    with pytest.raises(ProviderTimeout, match="Scenario"):
        run(generate(new_provider(sleep), request(MMAUDIO, proxy), tmp_path))
    assert sleep.clock() < 2 * module.IMPORT_TIMEOUT_SECONDS


WIRE: dict[str, dict[str, tuple[Any, ...]]] = {
    "scenario/beatoven-music": {"duration": (90, 5, 150), "refinement": (100, 10, 200), "creativity": (16, 1, 20)},
    "scenario/beatoven-sfx": {"duration": (7, 1, 35), "refinement": (40, 10, 200), "creativity": (16, 1, 20)},
    "scenario/musicgen": {
        "modelVersion": ("stereo-melody-large", "stereo-large", "melody-large", "large"),
        "duration": (8, 1, 30),
        "continuation": (False, True),
        "continuationStart": (0, 1.5),
        "continuationEnd": (0, 12.25),
        "multiBandDiffusion": (False, True),
        "normalizationStrategy": ("loudness", "clip", "peak", "rms"),
        "temperature": (1, 0.1, 9.0),
        "classifierFreeGuidance": (3, 0, 10),
    },
    "scenario/mmaudio": {
        "negativePrompt": ("music",),
        "duration": (8, 1, 30),
        "numSteps": (25, 4, 50),
        "cfgStrength": (4.5, 1, 20),
        "maskAwayClip": (False, True),
    },
    "scenario/sonilo-music": {"numSamples": (1, 3), "startOffset": (0, 600), "duration": (1, 600)},
    "scenario/sonilo-effects": {"audioFormat": ("wav", "aac", "mp3", "flac")},
    "scenario/sonilo-text-music": {"duration": (90, 1, 600), "numSamples": (1, 3)},
    "scenario/sonilo-text-effects": {"duration": (1, 180), "audioFormat": ("wav", "aac", "mp3", "flac")},
}
"""Every parameter that users set by name: its default first, then its limits, as the vendors' pages have them."""

SEEDS: dict[str, tuple[int, ...]] = {
    "scenario/beatoven-music": (0, 2147483647),
    "scenario/beatoven-sfx": (0, 2147483647),
    "scenario/musicgen": (0, 2147483647),
    "scenario/mmaudio": (0, 65535),
}


@pytest.mark.parametrize("model", WIRE)
def test_every_parameter_reaches_the_wire_under_its_own_name(scenario, proxy, model):
    """Default, least and most, as they were set; the fake server, which knows the pages' limits, accepts each."""
    seen = {parameter.name for parameter in models.find_model(model).parameters}
    tried = [(name, value) for name, values in WIRE[model].items() for value in values]
    seeds = [("seed", seed) for seed in SEEDS.get(model, ())]
    asked = [request(model, proxy, params={name: value}) for name, value in tried]
    sent(scenario, *asked, *(request(model, proxy, seed=seed) for _, seed in seeds))
    came = [seen.json for seen in scenario.api.calls(CREATE)]
    assert [body[name] for body, (name, _) in zip(came, tried + seeds, strict=True)] == [v for _, v in tried + seeds]
    filled = {"prompt", "video", "negativePrompt", "seed", "inputAudio", "segments"}
    assert seen <= {*WIRE[model], *filled}
    assert ("seed" in seen) == (model in SEEDS)


@pytest.mark.parametrize("model", WIRE)
def test_what_is_not_set_has_the_pages_defaults(scenario, proxy, model):
    """The cue fills prompt, length, seed and picture; what the page has no default for is left out."""
    body = sent(scenario, request(model, proxy, seconds=Fraction(6), negative="", prompt="calm"))
    filled = {"prompt": "calm", **({"seed": 7} if model in SEEDS else {})}
    if model == "scenario/mmaudio":  # as Replicate has it: MMAudio avoids music at every vendor
        filled["negativePrompt"] = "music"
    length = models.find_model(model).parameter_for_role("seconds")
    if length:
        filled["duration"] = 6
    if "video" in body:
        assert body.pop("video") in scenario.scenario.assets
    bare = {"continuationEnd", "negativePrompt", "duration", "startOffset"}
    bare |= {"audioFormat"} if model == "scenario/sonilo-text-effects" else set()
    defaults = {name: values[0] for name, values in WIRE[model].items() if name not in bare}
    assert body == {**defaults, **filled}


PAST = [
    (model, name, end + side * (1 if isinstance(end, int) else 0.01))
    for model, table in WIRE.items()
    for name, values in table.items()
    if name != "temperature" and not isinstance(values[-1], str | bool)
    for end, side in ((min(values), -1), (max(values), 1))
    if (name, side) not in (("continuationStart", 1), ("continuationEnd", 1))
] + [
    ("scenario/musicgen", "modelVersion", "tiny"),
    ("scenario/musicgen", "normalizationStrategy", "loud"),
    ("scenario/musicgen", "continuation", "yes"),
    ("scenario/mmaudio", "numSteps", 4.5),
    ("scenario/sonilo-effects", "audioFormat", "ogg"),
    ("scenario/sonilo-effects", "segments", "[{start: 0}]"),
]


@pytest.mark.parametrize(("model", "name", "value"), PAST)
def test_a_value_past_its_end_is_refused_before_anything_is_sent(scenario, model, name, value):
    """The catalogue holds the limits of the pages."""
    with pytest.raises(InvalidInput, match=name):
        request(model, params={name: value})
    assert not scenario.api.requests


def test_scenes_go_along_as_a_list(scenario, proxy):
    """Sonilo's ranges are written as JSON and sent as what they are."""
    scenes = '[{"start": 0, "end": 1.5, "prompt": "rain"}]'
    body = sent(scenario, request("scenario/sonilo-effects", proxy, prompt="", params={"segments": scenes}))
    assert body["segments"] == [{"start": 0, "end": 1.5, "prompt": "rain"}]
    assert "prompt" not in body


def test_an_extra_that_the_catalogue_does_not_know_is_sent_and_may_be_refused(scenario, tmp_path):
    """`+name` goes along as JSON, and Scenario's refusal names it."""
    asked = request(MUSIC, params={"+loudness": "-14"})
    with pytest.raises(RefusedInput, match="loudness is not an input"):
        run(generate(new_provider(), asked, tmp_path))
    assert scenario.api.calls(CREATE)[-1].json["loudness"] == -14


def test_several_sounds_of_one_request_are_all_fetched(scenario, tmp_path):
    """Three samples: the first is the take, the others come beside it; what it cost is the job's own account."""
    _, output = run(generate(new_provider(), request("scenario/sonilo-text-music", params={"numSamples": 3}), tmp_path))
    assert [clicks(hear(file)) for file in (output.file, *output.extra_files)] == [[12_000], [16_800], [21_600]]
    assert output.cost.amount == str(3 * UNITS)
    assert output.seed is None


def test_a_video_beside_the_sound_is_left_alone(scenario, tmp_path):
    """Where a model gives both, the sound is the take; a still is none."""
    scenario.scenario.both = True
    _, output = run(generate(new_provider(), request(MUSIC), tmp_path))
    assert (output.file.suffix, output.extra_files) == (".wav", ())
    assert len(scenario.cdn.calls("GET /assets/.*")) == 1


REPEATABLE = {
    "upload": ("api", "POST /v1/uploads"),
    "part": ("cdn", "PUT /upload/.*"),
    "complete": ("api", "POST /v1/uploads/.*/action"),
    "uploaded": ("api", "GET /v1/uploads/.*"),
    "poll": ("api", "GET /v1/jobs/.+"),
    "asset": ("api", "GET /v1/assets/.*"),
    "file": ("cdn", "GET /assets/.*"),
}


@pytest.mark.parametrize("wraps", [lambda given: given, lambda given: {**given, "modelId": "x", "extra": 1}])
def test_a_lost_job_is_found_on_a_later_page_or_not_at_all(scenario, tmp_path, wraps):
    """Through a short page and an empty one; with defaults filled in beside what was sent, but of no other model."""
    scenario.scenario.wraps = wraps

    async def lose():
        api = new_provider()
        intent = await api.prepare(request(MUSIC))
        scenario.api.go_wrong(CREATE, Fault("reset-after"))
        with pytest.raises(SubmissionUnknown):
            await api.submit(intent)
        for seed in range(4):
            await api.submit(await api.prepare(request(MUSIC, seed=seed)))
        return await api.find(intent)

    found = run(lose())
    listed = [seen.query for seen in scenario.api.calls("GET /v1/jobs")]
    assert [query.get("paginationToken") for query in listed] == [None, "page-1", "page-2", "page-3"]
    assert all(query["pageSize"] == "100" and query["createdAfter"].endswith("Z") for query in listed)
    assert (found.request if found else None) == (next(iter(scenario.scenario.jobs)) if wraps({}) == {} else None)


def test_of_two_that_fit_neither_is_taken(scenario):
    """Two submissions that look the same, one of them lost: unclear, unless the other one's job is known."""

    async def lose():
        api = new_provider()
        intent = await api.prepare(request(MUSIC))
        first = await api.submit(intent)
        scenario.api.go_wrong(CREATE, Fault("reset-after"))
        with pytest.raises(SubmissionUnknown):
            await submit_once(api, intent, sleep=FakeSleep())
        return await api.find(intent, known_requests={first.request})

    found = run(lose())
    assert found is not None
    assert list(scenario.scenario.jobs)[1] == found.request
    assert found.data["cost"] == {"amount": str(UNITS), "currency": "CU", "estimated": False}


def test_an_answer_without_a_job_is_unclear(scenario, tmp_path):
    """The server accepted the job and returned no ID."""
    scenario.api.go_wrong(CREATE, *[Fault("answer", 200, body=b'{"job": null}')] * 2)
    with pytest.raises(SubmissionUnknown, match="has no job ID"):
        run(generate(new_provider(), request(MUSIC), tmp_path))
    assert len(scenario.api.calls(CREATE)) == 1


def test_a_throttled_submission_waits_as_long_as_the_server_asks(scenario, tmp_path):
    """Scenario says the seconds of a cooldown in its answer's body."""
    body = b'{"code":"TOO_MANY_REQUESTS","details":{"actionName":"custom","remainingSeconds":41}}'
    scenario.api.go_wrong(CREATE, Fault("answer", 429, body=body))
    sleep = FakeSleep()
    run(generate(new_provider(sleep), request(MUSIC), tmp_path))
    assert max(sleep.seconds) == 41


def test_no_units_is_raised_once(scenario, tmp_path):
    """Its shape is not confirmed; its words say it."""
    scenario.scenario.credit = False
    with pytest.raises(InsufficientCredit, match="creative units"):
        run(generate(new_provider(), request(MUSIC), tmp_path))
    assert len(scenario.api.calls(CREATE)) == 1


def test_an_address_that_has_ended_is_asked_for_again(scenario, tmp_path):
    """The asset is looked up once more, and the file comes from its new address, without the key."""
    plain = scenario.scenario.cdn

    def ended(seen):
        plain.before = lambda seen: None
        scenario.scenario.expire()

    plain.before = ended
    _, output = run(generate(new_provider(), request(MUSIC), tmp_path))
    assert clicks(hear(output.file)) == [12_000]
    assert len(scenario.api.calls("GET /v1/assets/.*")) == 3, "the still, the sound, and the sound again"
    assert [len(set(seen.query)) for seen in scenario.cdn.requests] == [4, 4]
    assert all("authorization" not in seen.headers for seen in scenario.cdn.requests)


@pytest.mark.parametrize(
    "address", ["https://elsewhere.example/x.wav", "http://localhost:{port}/x.wav", "file:///x.wav"]
)
def test_a_result_on_a_foreign_host_is_not_fetched(scenario, elsewhere, tmp_path, address):
    """An address that is not Scenario's own is not followed."""
    scenario.scenario.cdn_url = address.format(port=elsewhere.url.rpartition(":")[2])
    with pytest.raises(ProviderUnavailable, match=r"not its own|invalid web address"):
        run(generate(new_provider(), request(MUSIC), tmp_path))
    assert not elsewhere.requests


@pytest.mark.parametrize("call", ["part", "file"])
def test_a_redirect_to_another_host_never_gets_the_key(scenario, elsewhere, proxy, tmp_path, call):
    """A download may lead on to another port of a machine that is this one; an upload leads nowhere. Neither shows the key."""
    host, path = REPEATABLE[call]
    getattr(scenario, host).go_wrong(path, Fault("redirect", to=elsewhere.url + "/x"))
    if call == "part":
        with pytest.raises(ProviderUnavailable, match="redirects"):
            run(generate(new_provider(), request(MMAUDIO, proxy), tmp_path))
    else:
        run(generate(new_provider(), request(MMAUDIO, proxy), tmp_path))
    assert len(elsewhere.requests) == (call == "file")
    for seen in (*elsewhere.requests, *scenario.cdn.requests):
        assert no_key_in(seen.raw.decode("latin-1"))
        assert "authorization" not in seen.headers


@pytest.mark.parametrize(
    ("ends", "failure", "expected"),
    [
        ("failure", {"error": "CUDA out of memory", "hint": "choose a shorter video"}, ModelFailed),
        ("failed", {}, ModelFailed),
        ("failure", {"error": "Blocked by content policy"}, RefusedContent),
        ("failure", {"error": f"leaked {SECRET}"}, ModelFailed),
        ("canceled", {}, Cancelled),
        ("cancelled", {}, Cancelled),
        ("sideways", {}, ProviderUnavailable),
    ],
)
def test_every_other_end_is_its_own_error(scenario, tmp_path, ends, failure, expected):
    """Failed, refused, cancelled; an unknown status is an error and never a success."""
    scenario.scenario.ends, scenario.scenario.failure = ends, failure
    scenario.scenario.billing = {"disableRefund": True}
    with pytest.raises(expected) as caught:
        run(generate(new_provider(), request(MUSIC), tmp_path))
    assert no_key_in(error_text(caught.value))
    for message in failure.values():
        assert message.removesuffix(SECRET) in str(caught.value)
    if expected in (ModelFailed, RefusedContent):
        assert "not refunded" in str(caught.value)


def test_a_job_without_sound_has_failed(scenario, tmp_path):
    """A model that answers in words made no take."""
    scenario.scenario._made = lambda job: [scenario.scenario.keep(b"words", "text/plain")]
    with pytest.raises(ModelFailed, match="no sound"):
        run(generate(new_provider(), request(MUSIC), tmp_path))


def test_progress_is_a_fraction_whatever_comes(scenario, tmp_path):
    """Out of its range it is held to it; where it is no number nothing is claimed."""
    scenario.scenario.steps = (("processing", 40), ("in-progress", -1), ("in-progress", None))
    looks: list[JobProgress] = []
    run(generate(new_provider(), request(MUSIC), tmp_path, looks))
    assert [look.fraction for look in looks] == [1.0, 0.0, None, 1.0]


def test_cancelling_says_whether_it_did(scenario, tmp_path):
    """Most custom jobs cannot be cancelled: the result is False, and the job runs on."""

    async def go():
        api = new_provider()
        ticket = await api.submit(await api.prepare(request(MUSIC)))
        refused = await api.cancel(ticket)
        scenario.scenario.cancels = True
        scenario.api.go_wrong("POST /v1/jobs/.*/action", faults.HTML_502)
        return refused, await api.cancel(ticket), await api.cancel(type(ticket)("scenario", "job_x", ticket.data))

    assert run(go()) == (False, True, False)
    assert [job["status"] for job in scenario.scenario.jobs.values()] == ["canceled"]


@pytest.mark.parametrize("fault", ["delay", "reset after", "502 html", "202 empty", "half json"])
def test_a_fault_while_cancelling_is_over_soon(scenario, fault):
    """Twice at most; it says whether it did, or what is wrong."""
    scenario.scenario.cancels = True

    async def go():
        api = new_provider(attempt_seconds=attempt_limit(FAULTS[fault]))
        ticket = await api.submit(await api.prepare(request(MUSIC)))
        scenario.api.go_wrong("POST /v1/jobs/.*/action", *[FAULTS[fault]] * 9)
        with pytest.raises((ProviderUnavailable, ProviderTimeout)):
            await api.cancel(ticket)

    run(go())
    assert len(scenario.api.calls("POST /v1/jobs/.*/action")) == 2


def test_a_dry_run_returns_the_cost(scenario, proxy):
    """269 is an answer: the units of exactly this request, and no job; a fault of it is tried again."""
    scenario.api.go_wrong(CREATE, faults.HTML_502)
    cost = run(new_provider().estimate(request("scenario/sonilo-music", proxy, params={"numSamples": 2})))
    assert cost is not None
    assert (cost.amount, cost.currency, cost.estimated) == (str(2 * UNITS), "CU", True)
    assert scenario.api.calls(CREATE)[-1].query == {"dryRun": "true"}
    assert not scenario.scenario.jobs


def test_a_dry_run_that_starts_a_job_is_an_error(scenario):
    """It is never taken for an estimate."""
    scenario.api.go_wrong(CREATE, Fault("answer", 200, body=b'{"job":{"jobId":"job_1"},"creativeUnitsCost":5}'))
    with pytest.raises(ProviderUnavailable, match="dry run"):
        run(new_provider().estimate(request(MUSIC)))


def test_the_key_can_be_checked_for_nothing(scenario, monkeypatch):
    """Good, refused or missing, by the list of jobs; nothing is generated."""
    assert run(new_provider().check_key()) == ""
    monkeypatch.setenv("SCENARIO_SDK_API_SECRET", "wrongwrongwrong")
    with pytest.raises(KeyRefused, match="SCENARIO_SDK_API_KEY and SCENARIO_SDK_API_SECRET") as caught:
        run(new_provider().check_key())
    assert "wrongwrong" not in error_text(caught.value)
    assert no_key_in(error_text(caught.value))
    for name in ("SCENARIO_SDK_API_SECRET", "SCENARIO_SDK_API_KEY"):
        monkeypatch.delenv(name)
        with pytest.raises(KeyMissing, match=name):
            new_provider().check_ready()
    assert not scenario.scenario.jobs


def test_a_response_of_another_shape_is_an_error(scenario, proxy, tmp_path):
    """JSON of another shape on each call is no success."""
    for call, (host, path) in REPEATABLE.items():
        if host == "api" and call != "complete":
            scenario.api.go_wrong(path, Fault("answer", 200, body=b'{"else": []}'))
            with pytest.raises(ProviderUnavailable, match="Scenario"):
                run(generate(new_provider(), request(MMAUDIO, proxy), tmp_path))
    scenario.api.go_wrong("POST /v1/uploads", Fault("answer", 200, body=b'{"upload":{"id":"u","parts":[]}}'))
    with pytest.raises(ProviderUnavailable, match="part 1"):
        run(generate(new_provider(), request(MMAUDIO, proxy), tmp_path))
