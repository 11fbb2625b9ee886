"""The farm templates: an Open Job Description that runs, and a Flamenco job type whose tasks are compared with a golden list."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
import quickjs

from tests.clips import flash_clip

ROOT = Path(__file__).resolve().parents[2]
FARM = ROOT / "scripts" / "farm"
OPENJD = [str(Path(sys.executable).parent / "openjd")]

AUTHOR = """
const author = {
    Task: (name, type) => ({
        name, type, commands: [], dependencies: [],
        addCommand(command) { this.commands.push(command); },
        addDependency(task) { this.dependencies.push(task.name); },
    }),
    Command: (name, parameters) => ({ name, parameters }),
};
const tasks = [];
const job = { settings: SETTINGS, addTask(task) { tasks.push(task); } };
"""
"""The API that Flamenco Manager gives a job type."""


@pytest.fixture
def work(tmp_path):
    """Write a list of three one-second clips for the sketch engine, which needs no key and no network."""
    (tmp_path / "plates").mkdir()
    text = "id,picture,folder,seed\n"
    for name in ("a", "b", "c"):
        flash_clip(tmp_path / "plates" / f"{name}.mp4", Fraction(25), 25, (5,))
        text += f"{name},plates/{name}.mp4,sound,7\n"
    (tmp_path / "work.csv").write_text(text)
    program = tmp_path / "tracklay"
    program.write_text(f"#!/bin/sh\nPYTHONPATH='{ROOT / 'addon'}' exec '{sys.executable}' -m tracklay \"$@\"\n")
    program.chmod(0o755)
    return tmp_path / "work.csv"


def test_the_openjd_template_is_valid():
    """OpenJD's own tool accepts it."""
    done = subprocess.run(
        [*OPENJD, "check", str(FARM / "tracklay.openjd.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_openjd_template_runs_and_joins_a_list(work):
    """Run as on a farm: each shard with a separate ledger beside the list, then the joined results."""
    parameters = [f"WorkList={work}", "Shards=2", "Together=1", f"Tracklay={work.with_name('tracklay')}"]
    line = [*OPENJD, "run", str(FARM / "tracklay.openjd.yaml"), "--step", "Join", "--run-dependencies"]
    for parameter in parameters:
        line += ["-p", parameter]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads(work.with_name("work.tracklay.results.json").read_text())
    assert [(row["id"], row["state"]) for row in written["rows"]] == [("a", "laid"), ("b", "laid"), ("c", "laid")]
    homes = {path.parent.name for path in work.with_name("work.tracklay.farm").glob("*/ledger.sqlite3")}
    assert homes == {"1of2", "2of2", "whole"}


def compiled(**settings):
    """Return the tasks of a compiled Flamenco job as plain data."""
    context = quickjs.Context()
    script = AUTHOR.replace("SETTINGS", json.dumps(settings)) + (FARM / "tracklay.js").read_text()
    context.eval(script + "\ncompileJob(job);")
    return json.loads(context.eval("JSON.stringify(tasks)"))


def test_the_flamenco_job_type_creates_these_tasks():
    """One per shard, and one that waits for all of them."""

    def task(name, dependencies, *arguments):
        command = {"exe": "tracklay", "args": ["batch", "/shows/film/work.toml", "--farm", *arguments]}
        return {
            "name": name,
            "type": "misc",
            "commands": [{"name": "exec", "parameters": command}],
            "dependencies": dependencies,
        }

    shared = ("--together", "2", "--workers", "8")
    names = [f"shard {number} of 3" for number in (1, 2, 3)]
    made = compiled(worklist="/shows/film/work.toml", shards=3, together=2, workers=8, tracklay="tracklay")
    assert made == [
        *(task(name, [], "--shard", f"{number}/3", *shared) for number, name in enumerate(names, 1)),
        task("join", names, "--merge"),
    ]


def test_the_flamenco_tasks_run(work):
    """In order, as Flamenco's workers run them; the list is completed."""
    made = compiled(worklist=str(work), shards=2, together=1, workers=8, tracklay=str(work.with_name("tracklay")))
    for task in made:
        (command,) = task["commands"]
        done = subprocess.run(
            [command["parameters"]["exe"], *command["parameters"]["args"]], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    written = json.loads(work.with_name("work.tracklay.results.json").read_text())
    assert {row["state"] for row in written["rows"]} == {"laid"}


def test_the_settings_of_the_job_type_are_valid_for_flamenco():
    """The types are Flamenco's, and each setting that a task uses has a default or is required."""
    context = quickjs.Context()
    context.eval((FARM / "tracklay.js").read_text())
    settings = json.loads(context.eval("JSON.stringify(JOB_TYPE.settings)"))
    assert {each["type"] for each in settings} <= {"string", "int32", "float", "bool"}
    assert all("default" in each or each.get("required") for each in settings)
    used = set(re.findall(r"settings\.(\w+)", (FARM / "tracklay.js").read_text()))
    assert used == {each["key"] for each in settings}
