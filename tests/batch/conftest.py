"""Fixtures of the work list tests: clips of one second, linked to one file, and a fake server of Replicate."""

from __future__ import annotations

import json
import os
from fractions import Fraction

import pytest
from tracklay.cli.main import main

from tests.clips import flash_clip
from tests.fakes import replicate as fake_replicate
from tests.fakes.replicate import Replicate
from tests.fakes.server import Server


@pytest.fixture
def clips(tmp_path):
    """A function that creates clips of one second in `plates/`: one file and links to it."""

    def link_clips(*names: str):
        folder = tmp_path / "plates"
        folder.mkdir(exist_ok=True)
        first = folder / f"{names[0]}.mp4"
        flash_clip(first, Fraction(25), 25, (5,))
        for name in names[1:]:
            os.link(first, folder / f"{name}.mp4")
        return folder

    return link_clips


@pytest.fixture
def replicate(monkeypatch):
    """A fake server of Replicate that the environment points to, with a valid key and short poll intervals."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.01))
    monkeypatch.setattr("tracklay.providers.replicate.SUBMIT_INTERVAL_SECONDS", 0.0)
    with Server(Replicate()) as server:
        monkeypatch.setenv("TRACKLAY_REPLICATE_URL", server.url + "/v1")
        monkeypatch.setenv("REPLICATE_API_TOKEN", fake_replicate.TOKEN)
        yield server


@pytest.fixture
def listed(tmp_path):
    """A function that writes a work list as TOML."""

    def write(text: str, name: str = "work.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def batch(capsys):
    """A function that runs `tracklay batch` without a report and returns its exit status and its JSON output."""

    def run(path, *options):
        capsys.readouterr()  # discards earlier output
        status = main(["batch", str(path), *map(str, options), "--no-report", "--json"])
        out = capsys.readouterr().out
        return status, json.loads(out) if out else None

    return run
