"""Fixtures of the provider tests: a clip to send, another party's host, and the fake servers."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from tests.clips import flash_clip
from tests.fakes import beatoven as beatoven_fake
from tests.fakes import comfyui as comfyui_fake
from tests.fakes import elevenlabs as elevenlabs_fake
from tests.fakes import fal as fal_fake
from tests.fakes import mirelo as mirelo_fake
from tests.fakes import replicate as replicate_fake
from tests.fakes import scenario as scenario_fake
from tests.fakes.cog import Cog
from tests.fakes.replicate import Replicate
from tests.fakes.server import Server, foreign
from tests.providers.example_api import ExampleSite

FLASHES = (10, 30)
"""Frames of `proxy` that are white."""


@pytest.fixture(scope="session")
def proxy(tmp_path_factory):
    """A clip of two seconds at 25 frames a second with two flashes, as `extract` writes it."""
    return flash_clip(tmp_path_factory.mktemp("proxy") / "proxy.mp4", Fraction(25), 50, FLASHES)


@pytest.fixture
def elsewhere():
    """The host of another party, which must never receive a key."""
    with foreign() as server:
        yield server


@pytest.fixture
def replicate(monkeypatch):
    """The fake Replicate server, with its URL and its key in the environment."""
    with Server(Replicate()) as server:
        monkeypatch.setenv("TRACKLAY_REPLICATE_URL", server.url + "/v1")
        monkeypatch.setenv("REPLICATE_API_TOKEN", replicate_fake.TOKEN)
        yield server


@pytest.fixture
def cog(monkeypatch):
    """The fake Cog container, with its URL in the environment."""
    with Server(Cog()) as server:
        monkeypatch.setenv("TRACKLAY_COG_URL", server.url)
        yield server


@pytest.fixture
def fal(monkeypatch):
    """The fake fal servers, with their URLs and their key in the environment."""
    with fal_fake.Fal() as hosts:
        monkeypatch.setenv("TRACKLAY_FAL_QUEUE_URL", hosts.queue.url)
        monkeypatch.setenv("TRACKLAY_FAL_REST_URL", hosts.rest.url)
        monkeypatch.setenv("TRACKLAY_FAL_API_URL", hosts.api.url)
        monkeypatch.setenv("FAL_KEY", fal_fake.KEY)
        yield hosts


@pytest.fixture
def scenario(monkeypatch):
    """The fake Scenario server and its other host."""
    with scenario_fake.Hosts() as hosts:
        monkeypatch.setenv("TRACKLAY_SCENARIO_URL", hosts.url)
        monkeypatch.setenv("SCENARIO_SDK_API_KEY", scenario_fake.KEY)
        monkeypatch.setenv("SCENARIO_SDK_API_SECRET", scenario_fake.SECRET)
        yield hosts


@pytest.fixture
def beatoven(monkeypatch):
    """The fake Beatoven server and its other host."""
    with beatoven_fake.Hosts() as hosts:
        monkeypatch.setenv("TRACKLAY_BEATOVEN_URL", hosts.url)
        monkeypatch.setenv("BEATOVEN_API_KEY", beatoven_fake.KEY)
        yield hosts


@pytest.fixture
def elevenlabs(monkeypatch):
    """The fake ElevenLabs server."""
    with Server(elevenlabs_fake.ElevenLabs()) as server:
        monkeypatch.setenv("TRACKLAY_ELEVENLABS_URL", server.url)
        monkeypatch.setenv("ELEVENLABS_API_KEY", elevenlabs_fake.KEY)
        yield server


@pytest.fixture
def mirelo(monkeypatch):
    """The fake Mirelo server and its other host."""
    with mirelo_fake.Hosts() as hosts:
        monkeypatch.setenv("TRACKLAY_MIRELO_URL", hosts.url)
        monkeypatch.setenv("MIRELO_API_KEY", mirelo_fake.KEY)
        yield hosts


@pytest.fixture
def comfyui(monkeypatch, home):
    """A fake ComfyUI server behind a proxy with a login, and a workflow of it as the model `comfyui/foley`."""
    with (
        comfyui_fake.ComfyUI(header=("Authorization", comfyui_fake.LOGIN)) as fake,
        Server(comfyui_fake.ComfyUIProxy(fake)) as server,
    ):
        monkeypatch.setenv("TRACKLAY_COMFYUI_URL", server.url)
        monkeypatch.setenv("TRACKLAY_COMFYUI_HEADER", f"Authorization: {comfyui_fake.LOGIN}")
        models = home / "models"
        models.mkdir(parents=True)
        (models / "foley.json").write_text(json.dumps(comfyui_fake.WORKFLOW))
        (models / "comfyui-foley.toml").write_text(comfyui_fake.MODEL)
        yield server


@pytest.fixture
def site():
    """The server of the example API."""
    with Server(ExampleSite()) as server:
        yield server
