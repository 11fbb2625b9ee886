"""What the tests of work lists share: clips of a second, many of them links to one, and Replicate's stand-in."""

from __future__ import annotations

import json
import os
from fractions import Fraction

import pytest
from tracklay.cli.main import main

from tests.clips import flash_clip
from tests.fakes import replicate as replicate_standin
from tests.fakes.replicate import Replicate
from tests.fakes.server import Server


@pytest.fixture
def clips(tmp_path):
    """Makes clips of a second in `plates/`: one is written, the others are links to it."""

    def made(*names: str):
        folder = tmp_path / "plates"
        folder.mkdir(exist_ok=True)
        first = folder / f"{names[0]}.mp4"
        flash_clip(first, Fraction(25), 25, (5,))
        for name in names[1:]:
            os.link(first, folder / f"{name}.mp4")
        return folder

    return made


@pytest.fixture
def replicate(monkeypatch):
    """Replicate's stand-in, with the environment pointing at it and a key that it knows; it is looked at without waiting."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.01))
    monkeypatch.setattr("tracklay.providers.replicate.SUBMIT_INTERVAL_SECONDS", 0.0)
    with Server(Replicate()) as server:
        monkeypatch.setenv("TRACKLAY_REPLICATE_URL", server.url + "/v1")
        monkeypatch.setenv("REPLICATE_API_TOKEN", replicate_standin.TOKEN)
        yield server


@pytest.fixture
def listed(tmp_path):
    """Writes a work list as TOML."""

    def written(text: str, name: str = "work.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return written


@pytest.fixture
def batch(capsys):
    """Runs `tracklay batch`, without a report: its status and what it printed as JSON."""

    def ran(path, *options):
        capsys.readouterr()  # what was printed before
        status = main(["batch", str(path), *map(str, options), "--no-report", "--json"])
        out = capsys.readouterr().out
        return status, json.loads(out) if out else None

    return ran
