"""What the providers' tests share: a clip to send, another party's host, and each stand-in on a socket."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.clips import flash_clip
from tests.fakes import beatoven as beatoven_standin
from tests.fakes import fal as fal_standin
from tests.fakes import replicate as replicate_standin
from tests.fakes import scenario as scenario_standin
from tests.fakes.cog import Cog
from tests.fakes.replicate import Replicate
from tests.fakes.server import Server, foreign

FLASHES = (10, 30)
"""Frames of `proxy` that are white."""


@pytest.fixture(scope="session")
def proxy(tmp_path_factory):
    """Two seconds at 25 frames a second with two flashes, as extract writes them."""
    return flash_clip(tmp_path_factory.mktemp("proxy") / "proxy.mp4", Fraction(25), 50, FLASHES)


@pytest.fixture
def elsewhere():
    """Another party's host, which must never see a key."""
    with foreign() as server:
        yield server


@pytest.fixture
def replicate(monkeypatch):
    """Replicate's stand-in, with the environment pointing at it and a key that it knows."""
    with Server(Replicate()) as server:
        monkeypatch.setenv("TRACKLAY_REPLICATE_URL", server.url + "/v1")
        monkeypatch.setenv("REPLICATE_API_TOKEN", replicate_standin.TOKEN)
        yield server


@pytest.fixture
def cog(monkeypatch):
    """Cog's stand-in."""
    with Server(Cog()) as server:
        monkeypatch.setenv("TRACKLAY_COG_URL", server.url)
        yield server


@pytest.fixture
def fal(monkeypatch):
    """fal's stand-in, all its hosts, with the environment pointing at them and a key that they know."""
    with fal_standin.Fal() as hosts:
        monkeypatch.setenv("TRACKLAY_FAL_QUEUE_URL", hosts.queue.url)
        monkeypatch.setenv("TRACKLAY_FAL_REST_URL", hosts.rest.url)
        monkeypatch.setenv("TRACKLAY_FAL_API_URL", hosts.api.url)
        monkeypatch.setenv("FAL_KEY", fal_standin.KEY)
        yield hosts


@pytest.fixture
def scenario(monkeypatch):
    """Scenario's stand-in, its API and its other host."""
    with scenario_standin.Hosts() as hosts:
        monkeypatch.setenv("TRACKLAY_SCENARIO_URL", hosts.url)
        monkeypatch.setenv("SCENARIO_SDK_API_KEY", scenario_standin.KEY)
        monkeypatch.setenv("SCENARIO_SDK_API_SECRET", scenario_standin.SECRET)
        yield hosts


@pytest.fixture
def beatoven(monkeypatch):
    """Beatoven's stand-in, its API and its other host."""
    with beatoven_standin.Hosts() as hosts:
        monkeypatch.setenv("TRACKLAY_BEATOVEN_URL", hosts.url)
        monkeypatch.setenv("BEATOVEN_API_KEY", beatoven_standin.KEY)
        yield hosts
