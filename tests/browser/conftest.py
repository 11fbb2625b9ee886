"""A page to look at, made once, and the browser that does."""

from __future__ import annotations

import pytest
from tracklay import report
from tracklay.providers import base

from tests.browser.chromium import browser, complaints, look_like
from tests.fakes import click_model
from tests.report.runs import HOSTILE, flashing, lay, results


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three takes and a failure: `sh001` to `sh003` and `bad001`; the second's prompt is full of tags, the third is dear."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("run") / "a & b"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKLAY_HOME", str(home))
        (home / "models").mkdir()
        (home / "models" / "clicker.toml").write_text(click_model.MODEL)
        base.register("clicker", click_model.Clicker)
        first = results(lay(flashing(folder, "first"), "--prompt", "metal door"))
        second = results(lay(flashing(folder, "second", frames=75), "--prompt", HOSTILE))
        third = results(lay(flashing(folder, "third"), "--prompt", "wooden door"), failed=1)
    rows = [*first["rows"], *second["rows"], *third["rows"]]
    for number, row in enumerate(rows[:3], 1):
        row["id"] = f"sh{number:03}"
    rows[2]["take"]["cost"] = {"amount": "0.25", "currency": "USD", "estimated": True}
    rows[2]["model"] = "other/model"
    return {"tracklay": "0.1.0", "rows": rows}


@pytest.fixture(scope="module")
def made(run, tmp_path_factory):
    """The report of the run, in a folder whose name an address must escape; its path."""
    return report.write_report(run, tmp_path_factory.mktemp("page") / "report #1", title="the run")


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    """Where the browser puts what it saves."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def running(tmp_path_factory, downloads):
    """The browser, started once."""
    with browser(tmp_path_factory.mktemp("profile"), downloads) as driver:
        yield driver


@pytest.fixture
def chromium(running):
    """The browser at 1440 by 900, in light. Whatever a test does, the page has nothing to say in the console."""
    look_like(running, width=1440, height=900)
    complaints(running)
    yield running
    assert complaints(running) == []


@pytest.fixture
def page(made, chromium):
    """The path of a report that was opened from disk for the first time."""
    chromium.get(made.as_uri())
    chromium.execute_script("localStorage.clear()")
    chromium.refresh()
    return made
