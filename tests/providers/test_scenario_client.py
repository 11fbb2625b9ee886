"""The vendor's own client against the fake Scenario server: it reads the responses strictly, and gets the errors that it knows."""

from __future__ import annotations

from fractions import Fraction

import httpx
import pytest
import scenario_sdk
from scenario_sdk import Scenario
from tracklay.models import load_catalogue
from tracklay.providers.request_body import build_request_body, find_input_files

from tests.clips import clicks, hear
from tests.fakes import scenario as fake
from tests.fakes.server import HTML_502, THROTTLED_SECONDS, Fault
from tests.providers.conftest import FLASHES
from tests.providers.provider_flow import request

MUSIC = "model_beatoven-music-generation"
MMAUDIO = "model_mm-audio-2"


@pytest.fixture
def client(scenario):
    """The vendor's client, configured by the same variables as ours; an unexpected field is an error."""
    with Scenario(base_url=scenario.url, max_retries=0, _strict_response_validation=True) as client:
        yield client


def upload(client, path, parts: int = 2) -> str:
    """A video as an asset, in parts, as the vendor's documents describe it."""
    content = path.read_bytes()
    size = -(-len(content) // parts)
    begun = client.uploads.create(
        file_name=path.name, file_size=len(content), content_type="video/mp4", kind="video", parts=parts
    ).upload
    assert begun.status == "pending"
    for part in begun.parts or ():
        number = int(part.number)
        piece = content[(number - 1) * size : number * size]
        httpx.put(part.url, content=piece, headers={"content-type": "video/mp4"}).raise_for_status()
    states = [client.uploads.trigger_action(begun.id, action="complete").upload.status]
    while states[-1] != "imported":
        upload = client.uploads.retrieve(begun.id).upload
        states.append(upload.status)
    assert states == ["complete", "validating", "imported"]
    return str(upload.entity_id)


def ended(client, job_id: str):
    """The states that a job goes through, and the job at its end."""
    states: list[str] = []
    while not states or states[-1] not in ("success", "failure", "canceled"):
        job = client.jobs.retrieve(job_id).job
        states.append(job.status)
    return states, job


def test_it_runs_a_video_from_upload_to_file(client, scenario, proxy, tmp_path):
    """Upload in parts, generate, look, fetch the asset: the MP4 clicks where the video flashes."""
    begun = client.generate.run_model(MMAUDIO, body={"video": upload(client, proxy), "prompt": "rain", "duration": 2})
    assert (begun.job.status, begun.creative_units_cost) == ("queued", fake.UNITS)
    states, job = ended(client, begun.job.job_id)
    assert states == ["queued", "warming-up", "in-progress", "finalizing", "success"]
    assert job.progress == 1
    (name,) = job.metadata.asset_ids
    asset = client.assets.retrieve(name, original_assets=True).asset
    assert (asset.kind, asset.mime_type) == ("video", "video/mp4")
    made = tmp_path / "made.mp4"
    made.write_bytes(httpx.get(asset.url).raise_for_status().content)
    assert asset.properties.size == made.stat().st_size
    assert len(clicks(hear(made))) == len(FLASHES)


@pytest.mark.parametrize(
    "model", [model for model in load_catalogue().values() if model.provider == "scenario"], ids=lambda model: model.id
)
def test_the_request_of_every_model_is_accepted(client, scenario, proxy, model):
    """What Tracklay sends, sent by the vendor's client: the job ends with a sound."""
    asked = request(model.id, proxy, Fraction(12))
    body = build_request_body(asked, {name: upload(client, path) for name, path in find_input_files(asked).items()})
    states, job = ended(client, client.generate.run_model(model.endpoint, body=body).job.job_id)
    assert states[-1] == "success"
    assert job.metadata.asset_ids


def test_a_signed_address_holds_as_it_is_alone(client, scenario):
    """Changed, ended, or with credentials beside it, it is refused."""
    asset = client.assets.retrieve(scenario.scenario.keep(b"sound", "audio/wav"))
    url = asset.asset.url
    assert httpx.get(url).content == b"sound"
    assert httpx.get(url + "&x=1").status_code == 403
    assert httpx.get(url, headers={"Authorization": "Basic eA=="}).status_code == 400
    scenario.scenario.expire()
    assert httpx.get(url).status_code == 403


def test_a_dry_run_answers_269_and_begins_nothing(client, scenario):
    """The cost comes, and no job."""
    answer = client.generate.with_raw_response.run_model(MUSIC, body={"prompt": "calm"}, dry_run="true")
    assert answer.status_code == 269
    assert answer.json() == {"creativeUnitsCost": fake.UNITS, "creativeUnitsDiscount": 0}
    assert not scenario.scenario.jobs


def test_it_lists_jobs_page_by_page(client, scenario):
    """Newest first; pages are shorter than asked for, and one is empty while a token remains."""
    made = [client.generate.run_model(MUSIC, body={"prompt": str(n)}).job.job_id for n in range(3)]
    page = client.jobs.list(page_size=100)
    assert [job.job_id for job in page.jobs] == made[:0:-1]
    page = client.jobs.list(page_size=100, pagination_token=page.next_pagination_token)
    assert (page.jobs, page.next_pagination_token) == ([], "page-2")
    page = client.jobs.list(page_size=100, pagination_token=page.next_pagination_token)
    assert ([job.job_id for job in page.jobs], page.next_pagination_token) == (made[:1], None)
    assert not client.jobs.list(created_after="2100-01-01T00:00:00Z").jobs
    with pytest.raises(scenario_sdk.BadRequestError, match="createdAfter"):
        client.jobs.list(created_after="2026-01-01T00:00:00Z", status="success")


def test_it_cancels_what_can_be_cancelled(client, scenario):
    """A custom job cannot; where jobs can, its state says so."""
    job = client.generate.run_model(MUSIC, body={"prompt": "calm"}).job
    with pytest.raises(scenario_sdk.BadRequestError, match="Cannot cancel this type of job"):
        client.jobs.trigger_action(job.job_id, action="cancel")
    scenario.scenario.cancels = True
    assert client.jobs.trigger_action(job.job_id, action="cancel").job.status == "canceled"


def test_a_failed_job_says_why(client, scenario):
    """Failure, with error and hint."""
    scenario.scenario.ends, scenario.scenario.failure = "failure", {"error": "out of memory", "hint": "shorter"}
    states, job = ended(client, client.generate.run_model(MUSIC, body={"prompt": "calm"}).job.job_id)
    assert states[-1] == "failure"
    assert (job.metadata.error, job.metadata.hint) == ("out of memory", "shorter")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "prompt is required"),
        ({"prompt": "a", "loud": 1}, "loud is not an input"),
        ({"prompt": "a", "duration": 151}, "between 5 and 150"),
        ({"prompt": "a", "creativity": "much"}, "must be a number"),
        ({"prompt": "a", "seed": 0.5}, "whole number"),
    ],
)
def test_a_wrong_input_is_its_bad_request(client, body, message):
    """Unknown, missing, out of range, of another type."""
    with pytest.raises(scenario_sdk.BadRequestError, match=message):
        client.generate.run_model(MUSIC, body=body)


def test_errors_are_as_it_knows_them(client, scenario):
    """No key, no units, no such model, job, asset or upload; throttled; a server error; half a response."""
    with pytest.raises(scenario_sdk.NotFoundError):
        client.generate.run_model("model_unknown", body={})
    for call in (client.jobs.retrieve, client.assets.retrieve, client.uploads.retrieve):
        with pytest.raises(scenario_sdk.NotFoundError):
            call("nothing")
    scenario.scenario.credit = False
    with pytest.raises(scenario_sdk.PermissionDeniedError, match="units"):
        client.generate.run_model(MUSIC, body={"prompt": "calm"})
    scenario.api.go_wrong("GET /v1/jobs", THROTTLED_SECONDS, HTML_502, Fault("truncate"))
    with pytest.raises(scenario_sdk.RateLimitError):
        client.jobs.list()
    with pytest.raises(scenario_sdk.InternalServerError):
        client.jobs.list()
    with pytest.raises((scenario_sdk.APIConnectionError, httpx.RemoteProtocolError)):
        client.jobs.list()
    with (
        Scenario(api_key="no", api_secret="no", base_url=scenario.url, max_retries=0) as stranger,  # noqa: S106
        pytest.raises(scenario_sdk.AuthenticationError),
    ):
        stranger.jobs.list()
