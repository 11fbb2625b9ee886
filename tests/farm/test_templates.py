"""The farm's templates: an Open Job Description that runs, and a Flamenco job type whose tasks are held by a golden list."""

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
"""What Flamenco Manager gives a job type to work with."""


@pytest.fixture
def work(tmp_path):
    """A list of three clips of a second for the sketch engine, which needs no key and no network."""
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


def test_the_openjd_template_is_one():
    """Its own tool finds nothing wrong with it."""
    done = subprocess.run(
        [*OPENJD, "check", str(FARM / "tracklay.openjd.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_openjd_template_makes_and_joins_a_list(work):
    """Run as a farm runs it: each shard with a ledger of its own beside the list, then the joined results."""
    parameters = [f"WorkList={work}", "Shards=2", "Together=1", f"Tracklay={work.with_name('tracklay')}"]
    line = [*OPENJD, "run", str(FARM / "tracklay.openjd.yaml"), "--step", "Join", "--run-dependencies"]
    for parameter in parameters:
        line += ["-p", parameter]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(work.with_name("work.tracklay.results.json").read_text())
    assert [(row["id"], row["state"]) for row in told["rows"]] == [("a", "laid"), ("b", "laid"), ("c", "laid")]
    homes = {path.parent.name for path in work.with_name("work.tracklay.farm").glob("*/ledger.sqlite3")}
    assert homes == {"1of2", "2of2", "whole"}


def compiled(**settings):
    """What the Flamenco job type makes of a job: its tasks as plain data."""
    context = quickjs.Context()
    script = AUTHOR.replace("SETTINGS", json.dumps(settings)) + (FARM / "tracklay.js").read_text()
    context.eval(script + "\ncompileJob(job);")
    return json.loads(context.eval("JSON.stringify(tasks)"))


def test_the_flamenco_job_type_makes_these_tasks():
    """Shard by shard, and one that waits for all of them."""

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
    """As its workers would run them, in their order; the list is made."""
    made = compiled(worklist=str(work), shards=2, together=1, workers=8, tracklay=str(work.with_name("tracklay")))
    for task in made:
        (command,) = task["commands"]
        done = subprocess.run(
            [command["parameters"]["exe"], *command["parameters"]["args"]], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    told = json.loads(work.with_name("work.tracklay.results.json").read_text())
    assert {row["state"] for row in told["rows"]} == {"laid"}


def test_the_settings_of_the_job_type_are_what_flamenco_knows():
    """Types and visibilities of its own list, and each setting that a task uses has a default or is asked for."""
    context = quickjs.Context()
    context.eval((FARM / "tracklay.js").read_text())
    settings = json.loads(context.eval("JSON.stringify(JOB_TYPE.settings)"))
    assert {each["type"] for each in settings} <= {"string", "int32", "float", "bool"}
    assert all("default" in each or each.get("required") for each in settings)
    used = set(re.findall(r"settings\.(\w+)", (FARM / "tracklay.js").read_text()))
    assert used == {each["key"] for each in settings}
