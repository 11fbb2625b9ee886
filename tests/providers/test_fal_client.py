"""fal's own Python client against the fake servers: they accept and refuse as the real ones do.

Its storage hosts are fixed and its queue is https only, so the one thing that is changed is where httpx connects to: the name of each
of fal's hosts leads to the fake server's port. The client's own code, its headers, retries and error classes stay as they come.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fal_client import Completed, InProgress, Queued, SyncClient
from fal_client.client import FalClientHTTPError

from tests.clips import clicks, hear
from tests.fakes.fal import KEY, MODELS
from tests.providers.conftest import FLASHES

# It leaves the connections of its uploads for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def client(fal, monkeypatch):
    """The client with a valid key, without delays between its attempts."""
    hosts = {"queue.fal.run": fal.queue, "rest.fal.ai": fal.rest, "v3.fal.media": fal.cdn}
    real = httpx.HTTPTransport.handle_request

    def led(transport, sent):
        if sent.url.host in hosts:
            here = httpx.URL(hosts[sent.url.host].url)
            sent.url = sent.url.copy_with(scheme=here.scheme, host=here.host, port=here.port)
        assert sent.url.host == "127.0.0.1"
        return real(transport, sent)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", led)
    monkeypatch.setattr("fal_client.client._get_retry_delay", lambda *_: 0)
    with_key = SyncClient(key=KEY)
    yield with_key
    with_key._client.close()


TEXT = "beatoven/music-generation"


def test_it_runs_a_video_from_upload_to_file(client, fal, proxy, tmp_path):
    """Upload by token, submit, look with logs, result: the file clicks where the video flashes."""
    address = client.upload_file(proxy)
    looks: list[Any] = []
    result = client.subscribe(
        "fal-ai/mmaudio-v2",
        {"video_url": address, "prompt": "rain", "duration": 2},
        with_logs=True,
        interval=0,
        on_queue_update=looks.append,
    )
    assert [type(look) for look in looks] == [Queued, InProgress, Completed]
    assert looks[0].position == 1
    assert "10/25" in looks[1].logs[-1]["message"]
    assert (looks[2].error, looks[2].metrics) == (None, {"inference_time": 1.5})
    made = tmp_path / "made.mp4"
    made.write_bytes(httpx.get(result["video"]["url"]).content)
    assert len(clicks(hear(made))) == len(FLASHES)


@pytest.mark.parametrize("endpoint", sorted(MODELS))
def test_it_gets_a_result_of_every_model(client, proxy, endpoint):
    """With what each wants and no more; an endpoint's path is not in its requests' addresses."""
    rules = MODELS[endpoint]
    given: dict[str, Any] = {name: "rain on tin" for name in ("prompt", "text_prompt") if name in rules}
    given |= {"mask_start_seconds": 1, "mask_end_seconds": 2} if "mask_start_seconds" in rules else {}
    if "audio_url" in rules:
        given["audio_url"] = client.upload(b"RIFF", "audio/wav", "music.wav")
    if "video_url" in rules:
        given["video_url"] = client.upload(proxy.read_bytes(), "video/mp4", "proxy.mp4")
    if "kling" in endpoint:
        # The clip is too short for it.
        with pytest.raises(FalClientHTTPError, match="between"):
            client.subscribe(endpoint, given, interval=0)
        return
    result = client.subscribe(endpoint, given, interval=0)
    assert {"audio", "video"} & result.keys()


def test_a_request_is_taken_up_by_its_id(client):
    """Status and result by endpoint and id alone, as another process would ask."""
    ticket = client.submit(TEXT, {"prompt": "rain", "duration": 5})
    assert isinstance(client.status(TEXT, ticket.request_id), Queued)
    assert client.result(TEXT, ticket.request_id)["audio"]["content_type"] == "audio/wav"


def test_a_request_is_cancelled_once(client):
    """Cancelled, it is completed with an error; a second time it is too late, and an unknown one is not found."""
    ticket = client.submit(TEXT, {"prompt": "rain"})
    ticket.cancel()
    status = ticket.status()
    assert isinstance(status, Completed)
    assert status.error_type == "client_cancelled"
    with pytest.raises(FalClientHTTPError) as late:
        ticket.cancel()
    assert late.value.status_code == 400
    with pytest.raises(FalClientHTTPError) as unknown:
        client.cancel(TEXT, "00000000-0000-0000-0000-000000000000")
    assert unknown.value.status_code == 404


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"prompt": "rain", "duration": 151}, "less_than_equal"),
        ({"prompt": "rain", "refinement": 9}, "greater_than_equal"),
        ({"duration": 5}, "missing"),
    ],
)
def test_a_wrong_input_is_an_error_of_the_result(client, given, kind):
    """The queue takes it, the model refuses it: 422 with the field's place."""
    with pytest.raises(FalClientHTTPError) as caught:
        client.subscribe(TEXT, given, interval=0)
    assert caught.value.status_code == 422
    assert caught.value.response.json()["detail"][0]["type"] == kind


def test_a_video_that_was_not_uploaded_is_refused(client):
    """What cannot be fetched is the input's fault."""
    with pytest.raises(FalClientHTTPError) as caught:
        client.subscribe(
            "fal-ai/mmaudio-v2", {"prompt": "rain", "video_url": "https://v3.fal.media/files/none.mp4"}, interval=0
        )
    assert caught.value.response.json()["detail"][0]["type"] == "file_download_error"


def test_an_unknown_application_and_a_wrong_key_are_refused(client, fal):
    """404 and 401, each with its sentence."""
    with pytest.raises(FalClientHTTPError, match="not found") as unknown:
        client.submit("beatoven/withdrawn", {"prompt": "rain"})
    assert unknown.value.status_code == 404
    stranger = SyncClient(key="some:body")
    with pytest.raises(FalClientHTTPError, match="Authentication is required") as refused:
        stranger.submit(TEXT, {"prompt": "rain"})
    assert refused.value.status_code == 401
    assert not fal.jobs
    stranger._client.close()


def test_a_failed_request_is_completed_with_an_error(client, fal):
    """The status says it, and so does the result, with the model's own status."""
    fal.fails = (500, {"detail": "out of memory", "error_type": "internal_error"}, "out of memory", "internal_error")
    ticket = client.submit(TEXT, {"prompt": "rain"})
    *_, last = ticket.iter_events(interval=0)
    assert (last.error, last.error_type) == ("out of memory", "internal_error")
    with pytest.raises(FalClientHTTPError) as caught:
        client.result(TEXT, ticket.request_id)
    assert (caught.value.status_code, caught.value.error_type) == (500, "internal_error")
