"""`tracklay resolve selftest`: what it finds in a Resolve that works, in one that does not, and that nothing of it is left."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from tracklay.cli import resolve as command
from tracklay.cli.main import main
from tracklay.paths import tracklay_home
from tracklay.resolve import selftest

from tests.clips import flash_clip
from tests.fakes.resolve import Item, launch


@pytest.fixture
def app(monkeypatch):
    """A Resolve with a timeline of the user's, which the command finds."""
    app = launch()
    app._open("the user's")
    monkeypatch.setattr(command, "connect_studio", lambda: app)
    # The product draws its clip with moviepy, which takes seconds.
    monkeypatch.setattr(selftest, "make_clip", lambda path: flash_clip(path, Fraction(24), 48, (4,)))
    return app


def test_everything_is_read_back_and_removed(app, capsys):
    """Each answer by name; the user's timeline is open again, and no bin, track or file is left."""
    shown = app._timeline
    assert main(["resolve", "selftest", "--json"]) == 0
    found = {check["name"]: (check["ok"], check["detail"]) for check in json.loads(capsys.readouterr().out)}
    assert {name for name, (ok, _) in found.items() if ok is False} == set()
    assert found["sound lands on its frames"] == (True, "frame 86410, 24 frames, track 2")
    assert found["overlap"] == found["fraction of a frame"] == (None, "is dropped without an error")
    assert found["import of a known path"] == (None, "makes a second item")
    assert app._timeline is shown
    assert [len(kind) for kind in shown._tracks.values()] == [1, 1]
    assert [folder._folders for folder in app._project._pool._root._folders] == [[]]
    assert list((tracklay_home() / "resolve").iterdir()) == []


def test_what_is_not_as_expected_is_named(app, monkeypatch, capsys):
    """Exit status 1, and the line says what was found."""
    monkeypatch.setattr(Item, "AddMarker", lambda *_: False)
    assert main(["resolve", "selftest"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "wrong marker with custom data not there" in out
    assert "ok endFrame is exclusive 24 frames of 24" in out
