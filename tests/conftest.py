"""What tests share: a home of their own, and the clicking stand-in as a model in it."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import HealthCheck, settings
from tracklay.media import ffmpeg
from tracklay.providers import base

from tests.fakes import click_model

# How long an example takes says something of the machine and what else it does, and nothing of the code.
settings.register_profile("tracklay", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tracklay")


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """No test sees the person's own models, keys or ledger."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("TRACKLAY_HOME", str(folder))
    for key in (
        "REPLICATE_API_TOKEN",
        "FAL_KEY",
        "SCENARIO_SDK_API_KEY",
        "SCENARIO_SDK_API_SECRET",
        "BEATOVEN_API_KEY",
    ):
        monkeypatch.delenv(key, raising=False)
    return folder


ON_PATH = [pytest.param("path", marks=pytest.mark.on_path)] if shutil.which("ffmpeg") else []


@pytest.fixture(params=["bundled", *ON_PATH])
def each_ffmpeg(request, monkeypatch):
    """Run with imageio-ffmpeg's ffmpeg, and with the one on PATH where there is one."""
    ffmpeg.find_ffmpeg.cache_clear()
    if request.param == "bundled":
        import imageio_ffmpeg

        monkeypatch.setenv("TRACKLAY_FFMPEG", imageio_ffmpeg.get_ffmpeg_exe())
    yield request.param
    ffmpeg.find_ffmpeg.cache_clear()


@pytest.fixture
def clicking(home):
    """Put the clicking model into the catalogue; the fixture's value says how it answers: `clicking(kind, rate, more)`."""
    (home / "models").mkdir()
    (home / "models" / "clicker.toml").write_text(click_model.MODEL)

    def answering(*how) -> None:
        base.register("clicker", lambda: click_model.Clicker(*how))

    answering()
    return answering
