"""Beatoven: the prompt that says everything, tasks, stems, every fault on every call, and no key where it does not belong."""

from __future__ import annotations

import json
import logging
from fractions import Fraction

import pytest
from tracklay.cli.main import main
from tracklay.errors import (
    InvalidInput,
    KeyMissing,
    KeyRefused,
    ModelFailed,
    ProviderUnavailable,
    RefusedContent,
    SubmissionUnknown,
)
from tracklay.providers import base
from tracklay.providers.base import JobProgress, get_provider
from tracklay.providers.beatoven import Beatoven, build_prompt

from tests.clips import clicks, flash_clip, hear
from tests.fakes import server as faults
from tests.fakes.beatoven import CLICKS, KEY
from tests.fakes.server import Fault
from tests.providers.provider_flow import FakeSleep, error_text, fast_policy, generate, request, run

TRACK = "beatoven/track"
STEMS = ("bass", "chords", "melody", "percussion")
COMPOSE = "POST /api/v1/tracks/compose"


def new_provider(sleep: FakeSleep | None = None, attempt_seconds: float = 10.0) -> Beatoven:
    """Return the provider with delays that take no time."""
    return Beatoven(fast_policy(sleep, attempt_seconds))


def test_the_catalogue_names_it(beatoven):
    """The provider is found by the name that models give."""
    assert isinstance(get_provider("beatoven"), Beatoven)


def test_a_track_comes_with_its_four_stems(beatoven, tmp_path):
    """All five files and the states arrive; seed, version and cost, which Beatoven does not return, stay empty."""
    looks: list[JobProgress] = []
    _, output = run(generate(new_provider(), request(TRACK), tmp_path, looks))
    heard = {name: clicks(hear(path)) for name, path in {"track": output.file, **output.stems}.items()}
    assert heard == {name: [time * 48_000] for name, time in CLICKS.items()}
    assert (output.seed, output.version, output.cost.amount) == (None, "", None)
    assert output.understood == {"asked": "2 seconds rain on tin"}
    assert [look.state for look in looks] == ["waiting", "waiting", "waiting", "running", "done"]
    assert [look.fraction for look in looks[:-1]] == [None] * 4
    (sent,) = beatoven.api.calls(COMPOSE)
    assert sent.json == {"prompt": {"text": "2 seconds rain on tin"}, "format": "wav", "looping": False}
    assert all("authorization" not in seen.headers for seen in beatoven.files.requests)


@pytest.mark.parametrize(
    ("prompt", "negative", "seconds", "text"),
    [
        ("lo-fi chill hop", "", Fraction(30), "30 seconds lo-fi chill hop"),
        ("lo-fi chill hop", "", Fraction(2002, 1000), "3 seconds lo-fi chill hop"),
        ("sting", "", Fraction(1, 2), "1 second sting"),
        ("sting ", " drums, voices", Fraction(90), "90 seconds sting, without drums, voices"),
        ("a 45 seconds waltz", "", Fraction(30), "a 45 seconds waltz"),
        ("2-minute epic", "", Fraction(30), "2-minute epic"),
        ("90s house in 4 parts at 120 bpm", "", Fraction(30), "90s house in 4 parts at 120 bpm"),
        ("house of 1990, 4 steps", "", Fraction(30), "30 seconds house of 1990, 4 steps"),
    ],
)
def test_length_and_negative_prompt_go_into_the_text(prompt, negative, seconds, text):
    """The span's length is rounded up; a length that the user wrote is kept."""
    assert build_prompt(prompt, negative, seconds) == text


def test_every_parameter_reaches_the_wire_under_its_own_name(beatoven):
    """Format and looping in all their values; another format is refused before anything is sent."""
    wanted = [("format", value) for value in ("wav", "mp3", "aac")] + [("looping", value) for value in (False, True)]

    async def create():
        api = new_provider()
        for name, value in wanted:
            await api.submit(await api.prepare(request(TRACK, params={name: value})))

    run(create())
    assert [seen.json[name] for seen, (name, _) in zip(beatoven.api.calls(COMPOSE), wanted, strict=True)] == [
        value for _, value in wanted
    ]
    beatoven.api.requests.clear()
    for name, value in (("format", "ogg"), ("looping", "yes"), ("duration", 30), ("seed", 1)):
        with pytest.raises(InvalidInput, match=name):
            request(TRACK, params={name: value})
    assert not beatoven.api.requests


@pytest.mark.parametrize("form", ["mp3", "aac"])
def test_other_formats_come_as_they_are(beatoven, tmp_path, form):
    """The files keep their endings and can be heard."""
    _, output = run(generate(new_provider(), request(TRACK, params={"format": form}), tmp_path))
    assert {path.suffix for path in (output.file, *output.stems.values())} == {f".{form}"}
    assert len(clicks(hear(output.file))) == 1


@pytest.mark.parametrize(
    ("stems", "lacking", "kept"),
    [
        (None, (), ()),
        (("bass", "melody"), (), ("bass", "melody")),
        (STEMS, ("chords",), ("bass", "melody", "percussion")),
    ],
)
def test_a_missing_stem_does_not_fail_the_track(beatoven, tmp_path, stems, lacking, kept):
    """No `stems_url`, fewer stems, or a stem without its file: the rest is downloaded, and the missing ones are listed."""
    beatoven.beatoven.stems, beatoven.beatoven.lacking = stems, lacking
    _, output = run(generate(new_provider(), request(TRACK), tmp_path))
    assert clicks(hear(output.file)) == [CLICKS["track"] * 48_000]
    assert tuple(output.stems) == kept
    assert output.understood["stems missing"] == [name for name in STEMS if name not in kept]


@pytest.mark.parametrize(
    ("ends", "failure", "expected"),
    [
        ("failed", {"error": "the composer crashed"}, ModelFailed),
        ("failed", {"meta": {"message": "no such genre"}}, ModelFailed),
        ("failed", {}, ModelFailed),
        ("failed", {"error": f"leaked {KEY}"}, ModelFailed),
        ("failed", {"error": "blocked by content policy"}, RefusedContent),
        ("sideways", {}, ProviderUnavailable),
    ],
)
def test_every_other_end_is_its_own_error(beatoven, tmp_path, ends, failure, expected):
    """Every form of a failure is a failure; an unknown status is an error and never a success."""
    beatoven.beatoven.ends, beatoven.beatoven.failure = ends, failure
    with pytest.raises(expected, match="Beatoven") as caught:
        run(generate(new_provider(), request(TRACK), tmp_path))
    assert KEY not in error_text(caught.value)
    message = str(failure.get("error") or failure.get("meta", {}).get("message", ""))
    assert message.removesuffix(KEY) in str(caught.value)


def test_an_answer_without_a_task_is_unclear(beatoven, tmp_path):
    """The server accepted the task and returned no ID."""
    beatoven.api.go_wrong(COMPOSE, Fault("answer", 200, body=b'{"status":"started"}'))
    with pytest.raises(SubmissionUnknown, match="has no task ID"):
        run(generate(new_provider(), request(TRACK), tmp_path))


def test_addresses_that_have_ended_are_asked_for_again(beatoven, tmp_path):
    """The task is looked up once more, and each file comes from its new address."""
    site = beatoven.beatoven.files

    def ended(seen):
        site.before = lambda seen: None
        beatoven.beatoven.expire()

    site.before = ended
    _, output = run(generate(new_provider(), request(TRACK), tmp_path))
    assert clicks(hear(output.file)) == [CLICKS["track"] * 48_000]
    assert len(output.stems) == 4


def test_a_track_on_a_foreign_host_is_not_fetched(beatoven, tmp_path):
    """An address that is not Beatoven's own is not followed."""
    beatoven.beatoven.files_url = "https://elsewhere.example"
    with pytest.raises(ProviderUnavailable, match="not its own"):
        run(generate(new_provider(), request(TRACK), tmp_path))


def test_a_track_without_an_address_is_an_error(beatoven, tmp_path):
    """A composed track without its URL is no success."""
    beatoven.beatoven.steps = ()
    beatoven.api.go_wrong("GET /api/v1/tasks/.*", *[Fault("answer", 200, body=b'{"status":"composed"}')] * 2)
    with pytest.raises(ProviderUnavailable, match="no address of the track"):
        run(generate(new_provider(), request(TRACK), tmp_path))


def test_capabilities_that_beatoven_lacks_return_their_defaults(beatoven):
    """No request cancels, lists, checks the key or returns a price: nothing is offered and nothing is sent."""

    async def go():
        api = new_provider()
        intent = await api.prepare(request(TRACK))
        ticket = await api.submit(intent)
        return (
            await api.cancel(ticket),
            await api.find(intent),
            await api.check_key(),
            await api.estimate(request(TRACK)),
        )

    cancelled, found, account, cost = run(go())
    assert (cancelled, found, account) == (False, None, "")
    assert cost is not None
    assert (cost.amount, cost.estimated) == (None, True)
    assert Beatoven.capabilities == frozenset()
    assert [seen.path for seen in beatoven.api.requests] == ["/api/v1/tracks/compose"]


def test_a_missing_or_wrong_key_is_an_error(beatoven, monkeypatch, tmp_path):
    """Missing before anything is sent; refused by the first call, with its variable's name."""
    monkeypatch.setenv("BEATOVEN_API_KEY", "wrongwrongwrong")
    with pytest.raises(KeyRefused, match="BEATOVEN_API_KEY") as caught:
        run(generate(new_provider(), request(TRACK), tmp_path))
    assert "wrongwrong" not in error_text(caught.value)
    monkeypatch.delenv("BEATOVEN_API_KEY")
    with pytest.raises(KeyMissing, match="BEATOVEN_API_KEY"):
        new_provider().check_ready()
    assert len(beatoven.api.requests) == 1


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """76 frames at 23.976 a second, and a provider that looks again at once."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.001))
    monkeypatch.setitem(base._factories, "beatoven", lambda: Beatoven(fast_policy()))
    return flash_clip(tmp_path / "clip.mp4", Fraction(24000, 1001), 76, (5,))


def lay(clip, *arguments: str) -> int:
    """Run `tracklay lay` with Beatoven's model."""
    return main(["lay", str(clip), "--model", TRACK, "--prompt", "calm strings", "--json", *arguments])


@pytest.mark.parametrize("form", ["wav", "aac"])
def test_take_and_stems_lie_beside_each_other_cut_to_the_span(beatoven, clip, capsys, form):
    """Without fitting, a longer track is cut; each stem lies as the take does, and its clicks are where they were."""
    assert lay(clip, "--fit", "off", "--set", f"format={form}") == 0
    (take,) = json.loads(capsys.readouterr().out)["takes"]
    folder = clip.parent / "tracklay"
    assert take["stems"] == {name: f"clip.beatoven-track.take1.{name}.wav" for name in STEMS}
    for name, file in {"track": take["file"], **take["stems"]}.items():
        heard = hear(folder / file)
        assert len(heard) == take["samples"] == round(76 * 1001 / 24000 * 48_000)
        (found,) = clicks(heard)
        assert abs(found - CLICKS[name] * 48_000) <= 1
    assert "cut at the span's end" in " ".join(take["notes"])
    assert (take["seed"], take["request"]) == (None, next(iter(beatoven.beatoven.tasks)))
    assert take["understood"] == {"asked": "4 seconds calm strings"}
    (sent,) = beatoven.api.calls(COMPOSE)
    assert sent.json["prompt"] == {"text": "4 seconds calm strings"}


def test_the_key_is_nowhere_but_in_its_header(beatoven, elsewhere, clip, home, tmp_path, capsys, caplog):
    """After successes, faults, refusals that quote it and redirects: not in files, output, logs, addresses, nor at other hosts."""
    caplog.set_level(logging.DEBUG)
    quoting = Fault(
        "answer", 400, (("content-type", "application/json"),), json.dumps({"error": f"bad {KEY}"}).encode()
    )
    away = Fault("redirect", to=elsewhere.url)
    beatoven.files.go_wrong("GET /.*", away, faults.HTML_502)
    lay(clip)
    for call, fault in ((COMPOSE, quoting), (COMPOSE, away), (COMPOSE, Fault("reset")), ("GET /api/.*", away)):
        beatoven.api.go_wrong(call, fault)
        lay(clip)
    shown = "".join(capsys.readouterr()) + caplog.text
    files = [path.read_bytes() for folder in (home, tmp_path) for path in folder.rglob("*") if path.is_file()]
    others = [seen.raw for seen in (*beatoven.files.requests, *elsewhere.requests)]
    assert elsewhere.requests
    assert len(files) > 5
    assert not [held for held in (*files, *others, shown.encode()) if KEY.encode() in held]
    assert {seen.headers["authorization"] for seen in beatoven.api.requests} == {f"Bearer {KEY}"}
