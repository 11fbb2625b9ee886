"""The vendor's own client against the fake Replicate server: it works, and gets the errors that it knows."""

from __future__ import annotations

import io
import re

import pytest
from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError
from replicate.helpers import FileOutput

from tests.clips import clicks, hear
from tests.fakes.replicate import TOKEN, VERSION
from tests.fakes.server import THROTTLED
from tests.providers.conftest import FLASHES

REFERENCE = f"zsxkib/mmaudio:{VERSION}"


@pytest.fixture
def client(replicate, monkeypatch):
    """The vendor's client with the fake server's URL."""
    monkeypatch.setenv("REPLICATE_POLL_INTERVAL", "0")
    with_key = Client(api_token=TOKEN, base_url=replicate.url)
    yield with_key
    with_key._client.close()


def test_it_runs_a_video_from_upload_to_file(client, replicate, proxy, tmp_path):
    """`run` uploads the file, creates and polls; the file, fetched with the key, clicks where the video flashes."""
    with proxy.open("rb") as video:
        output = client.run(REFERENCE, input={"video": video, "prompt": "rain", "duration": 2})
    made = tmp_path / "made.mp4"
    # The client makes a file of https addresses alone; the fake server's is http.
    made.write_bytes(FileOutput(output, client).read())
    assert len(clicks(hear(made))) == len(FLASHES)
    assert len(replicate.calls("POST /v1/files")) == 1


def test_it_reads_the_model_and_its_schema(client):
    """Owner, name, newest version, and the inputs with their limits."""
    model = client.models.get("zsxkib/mmaudio")
    assert (model.owner, model.name, model.latest_version.id) == ("zsxkib", "mmaudio", VERSION)
    schema = model.latest_version.openapi_schema["components"]["schemas"]["Input"]["properties"]
    assert schema["cfg_strength"]["minimum"] == 1


def test_it_follows_a_predictions_states(client):
    """Starting, processing with its progress, succeeded; the list names it, newest first."""
    first = client.predictions.create(version=VERSION, input={"prompt": "a"})
    second = client.predictions.create(version=VERSION, input={"prompt": "b"})
    states = [second.status]
    for _ in range(3):
        second.reload()
        states.append(second.status)
        if second.status == "processing":
            progress = second.progress
            assert progress is not None
            assert (progress.current, progress.total) == (10, 25)
    assert states == ["starting", "starting", "processing", "succeeded"]
    assert re.fullmatch(r"http.*\.flac", second.output)
    assert [entry.id for entry in client.predictions.list()] == [second.id, first.id]


def test_it_pages_through_the_list(client):
    """The list leads on to what is older."""
    made = [client.predictions.create(version=VERSION, input={"prompt": str(number)}).id for number in range(5)]
    pages = [client.predictions.list()]
    while pages[-1].next:
        pages.append(client.predictions.list(pages[-1].next))
    assert [entry.id for page in pages for entry in page] == made[::-1]


def test_it_cancels(client):
    """A running prediction becomes a cancelled one."""
    prediction = client.predictions.create(version=VERSION, input={})
    prediction.cancel()
    assert prediction.status == "canceled"


def test_it_uploads_and_knows_the_file_again(client):
    """Name, type, size, and where it is."""
    made = client.files.create(io.BytesIO(b"12345"), filename="five.bin", content_type="application/octet-stream")
    assert (made.name, made.size) == ("five.bin", 5)
    assert made.urls["get"].endswith(f"/v1/files/{made.id}")


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        ({"version": "f" * 64, "input": {}}, 422, "does not exist"),
        ({"version": VERSION, "input": {"foo": 1}}, 422, "Additional property foo"),
        ({"version": VERSION, "input": {"cfg_strength": 0.5}}, 422, "greater than or equal to 1"),
        ({"version": VERSION, "input": {"num_steps": "many"}}, 422, "Expected: integer"),
    ],
)
def test_it_gets_refusals_as_its_own_errors(client, given, status, words):
    """A wrong version, an unknown input, one past its limit, one of a wrong type."""
    with pytest.raises(ReplicateError, match=words) as caught:
        client.predictions.create(**given)
    assert caught.value.status == status


def test_it_is_refused_without_the_right_key(replicate):
    """401 as recorded."""
    stranger = Client(api_token="r8_anotheruser", base_url=replicate.url)  # noqa: S106 - not a real one
    with pytest.raises(ReplicateError, match="valid authentication token") as caught:
        stranger.predictions.create(version=VERSION, input={})
    assert caught.value.status == 401
    stranger._client.close()


def test_no_credit_is_its_error(client, replicate):
    """402 with the words that users report."""
    replicate.app.credit = False
    with pytest.raises(ReplicateError, match="buy credit") as caught:
        client.predictions.create(version=VERSION, input={})
    assert caught.value.status == 402


def test_it_raises_when_the_model_fails(client, replicate):
    """A crash of the model is no HTTP error."""
    replicate.app.ends = "failed"
    with pytest.raises(ModelError, match="CUDA out of memory"):
        client.run(REFERENCE, input={"prompt": "x"})


def test_it_retries_a_throttled_look_as_ours_does(client, replicate, monkeypatch):
    """The vendor's client repeats a throttled GET too."""
    monkeypatch.setattr("replicate.client.time.sleep", lambda seconds: None)
    prediction = client.predictions.create(version=VERSION, input={})
    replicate.go_wrong("GET /v1/predictions/.*", THROTTLED)
    prediction.reload()
    assert prediction.status == "starting"
