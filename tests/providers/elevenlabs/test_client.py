"""The vendor's own client against the fake ElevenLabs server: it accepts and refuses as the real one does."""

from __future__ import annotations

import httpx
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.errors import UnprocessableEntityError
from elevenlabs.types import CompositionPlan, GenerationChunkInput

from tests.clips import clicks, hear
from tests.fakes.elevenlabs import KEY
from tests.fakes.server import HTML_502
from tests.providers.conftest import FLASHES


@pytest.fixture
def http_client():
    """Closed here: the vendor's client leaves its own for the garbage collector."""
    with httpx.Client() as shared:
        yield shared


@pytest.fixture
def client(elevenlabs, http_client):
    """The client with a valid key."""
    return ElevenLabs(api_key=KEY, base_url=elevenlabs.url, httpx_client=http_client)


def test_it_makes_an_effect(client, tmp_path):
    """As long as it was asked for, in the format of the URL."""
    made = tmp_path / "made.wav"
    made.write_bytes(
        b"".join(client.text_to_sound_effects.convert(text="rain", duration_seconds=2, output_format="wav_48000"))
    )
    assert len(hear(made)) == 2 * 48_000


def test_it_makes_music_from_a_prompt_or_a_plan(client, elevenlabs):
    """Each with what excludes the other left out."""
    assert b"".join(
        client.music.compose(prompt="calm", music_length_ms=3000, model_id="music_v2", force_instrumental=True)
    )
    chunk = GenerationChunkInput(text="[Intro]", duration_ms=4000, positive_styles=["calm piano"])
    plan = CompositionPlan(chunks=[chunk])
    assert b"".join(client.music.compose(composition_plan=plan, model_id="music_v2", seed=7))
    first, second = elevenlabs.app.made.values()
    assert first["music_length_ms"] == 3000
    assert second["composition_plan"]["chunks"][0]["duration_ms"] == 4000


def test_it_makes_music_for_a_video(client, proxy, tmp_path):
    """The video is a part of the form; the fake model clicks where it flashes."""
    made = tmp_path / "made.mp3"
    made.write_bytes(
        b"".join(client.music.video_to_music(videos=[("proxy.mp4", proxy.read_bytes(), "video/mp4")], tags=["calm"]))
    )
    assert len(clicks(hear(made))) == len(FLASHES)


def test_it_reads_the_plan(client):
    """The tier of the subscription."""
    assert client.user.subscription.get().tier == "creator"


def test_errors_are_as_it_knows_them(client, elevenlabs, http_client):
    """A wrong length, both a prompt and a seed, no key, a server error."""
    with pytest.raises(UnprocessableEntityError):
        b"".join(client.text_to_sound_effects.convert(text="rain", duration_seconds=31))
    with pytest.raises(UnprocessableEntityError):
        b"".join(client.music.compose(prompt="calm", seed=7))
    stranger = ElevenLabs(api_key="sk_other", base_url=elevenlabs.url, httpx_client=http_client)
    with pytest.raises(ApiError) as refused:
        stranger.user.subscription.get()
    assert refused.value.status_code == 401
    elevenlabs.go_wrong("POST /v1/sound-generation", *[HTML_502] * 4)
    with pytest.raises(ApiError) as broken:
        b"".join(client.text_to_sound_effects.convert(text="rain", request_options={"max_retries": 0}))
    assert broken.value.status_code == 502
