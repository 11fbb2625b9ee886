"""Shared fixtures: a separate home for each test, and the fake clicking model in it."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings
from tracklay.jobs import take_writer
from tracklay.media import ffmpeg_program
from tracklay.providers import base
from tracklay.settings import SECRET_VARIABLES

from tests.fakes import click_model

# The time of an example depends on the machine and its load, not on the code.
settings.register_profile("tracklay", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tracklay")


def pytest_xdist_auto_num_workers() -> int:
    """Two processes a processor: the tests wait for servers, for each other's locks, and for processes that are killed."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """Hide the user's own models, keys and ledger from every test."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("TRACKLAY_HOME", str(folder))
    for key in SECRET_VARIABLES:
        monkeypatch.delenv(key, raising=False)
    return folder


@pytest.fixture(autouse=True)
def without_landing(request, monkeypatch):
    """Leave takes as the fake models made them, except in tests marked `lands`: landing looks at the picture in a process of its own.

    The fake models' sounds are on their flashes, so nothing would move.
    """
    if request.node.get_closest_marker("lands") is None:
        monkeypatch.setattr(take_writer.TakeWriter, "_land", lambda *_: ({}, ()))


ON_PATH = [pytest.param("path", marks=pytest.mark.on_path)] if shutil.which("ffmpeg") else []


@pytest.fixture(params=["bundled", *ON_PATH])
def each_ffmpeg(request, monkeypatch):
    """Run with imageio-ffmpeg's ffmpeg, and with the one on PATH if there is one."""
    ffmpeg_program.find_ffmpeg.cache_clear()
    if request.param == "bundled":
        import imageio_ffmpeg

        monkeypatch.setenv("TRACKLAY_FFMPEG", imageio_ffmpeg.get_ffmpeg_exe())
    else:
        monkeypatch.setenv("TRACKLAY_FFMPEG", shutil.which("ffmpeg"))
    yield request.param
    ffmpeg_program.find_ffmpeg.cache_clear()


@pytest.fixture
def clicking(home):
    """Add the clicking model to the catalogue. The fixture's value sets its output format: `clicking(kind, rate, more)`."""
    (home / "models").mkdir()
    (home / "models" / "clicker.toml").write_text(click_model.MODEL)

    def answering(*how) -> None:
        base.register("clicker", lambda: click_model.Clicker(*how))

    answering()
    return answering
