"""The vendor's own client against the fake Mirelo server: it accepts and refuses as the real one does."""

from __future__ import annotations

import httpx
import pytest
from mirelo import MireloClient, MireloError, Video

from tests.clips import clicks, hear
from tests.fakes.mirelo import KEY
from tests.providers.conftest import FLASHES


@pytest.fixture
def client(mirelo):
    """The client with a valid key."""
    with MireloClient(KEY, base_url=mirelo.url) as with_key:
        yield with_key


def test_it_runs_a_video_from_the_price_to_the_files(client, mirelo, proxy, tmp_path):
    """Price, upload, job, status, result: each file clicks where the video flashes."""
    video = Video.from_bytes(proxy.read_bytes())
    wanted = client.video_to_sfx(video, duration_ms=2000, num_samples=2)
    assert wanted.preflight().credits == 8
    assert not mirelo.mirelo.jobs
    job = wanted.submit_job()
    assert (job.status().status, job.status().status) == ("processing", "processing")
    for number, url in enumerate(job.wait(poll_interval_ms=0).result_urls):
        made = tmp_path / f"{number}.wav"
        made.write_bytes(httpx.get(url).content)
        assert len(clicks(hear(made))) == len(FLASHES)


def test_it_runs_a_text(client):
    """One sound of the default length."""
    assert len(client.text_to_sfx("rain").submit_job().wait(poll_interval_ms=0).result_urls) == 1


def test_it_reads_the_account(client):
    """The credits that are left."""
    assert client.me().credits_available == 120


def test_errors_are_as_it_knows_them(client, mirelo):
    """A length out of range, no key, no credits, a job that fails."""
    with pytest.raises(MireloError, match="duration_ms") as wrong:
        client.text_to_sfx("rain", duration_ms=999).submit_job()
    assert (wrong.value.code, wrong.value.http_status) == ("invalid_request", 422)
    with MireloClient("sk-other", base_url=mirelo.url) as stranger, pytest.raises(MireloError) as refused:
        stranger.me()
    assert refused.value.http_status == 401
    mirelo.mirelo.balance = 1
    with pytest.raises(MireloError) as poor:
        client.text_to_sfx("rain").submit_job()
    assert poor.value.code == "insufficient_credits"
    mirelo.mirelo.balance = 120
    mirelo.mirelo.fails = {"code": "generation_failed", "http_status": 502, "message": "out of memory"}
    with pytest.raises(MireloError, match="out of memory"):
        client.text_to_sfx("rain").submit_job().wait(poll_interval_ms=0)
