"""The examples for studios, run as a studio runs them. Those that need Blender: `tests/blender` and `tests/window`."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from tests.clips import flash_clip

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "scripts" / "examples"


@pytest.fixture
def clips(tmp_path):
    """Two short clips."""
    for name in ("a", "b"):
        flash_clip(tmp_path / f"{name}.mp4", Fraction(25), 50, (20,))
    return tmp_path


@pytest.fixture
def environment(tmp_path_factory, home):
    """The command on PATH, as it is once installed."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "tracklay"
    program.write_text(f"#!{sys.executable}\nimport sys\nfrom tracklay.cli.main import main\nsys.exit(main())\n")
    program.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT / "addon"), "TRACKLAY_HOME": str(home)}


def run(environment, example: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run an example."""
    command = [sys.executable, str(EXAMPLES / example), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)


def test_every_example_is_run_by_a_test():
    """None is here that nobody tries."""
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file() and f'"{path.name}"' not in tests} == set()


def test_a_folder_is_scored_and_a_new_clip_at_the_next_run(clips, environment):
    """Each clip gets its music; a second run makes only what is new, and keeps what was edited in the list."""
    ended = run(environment, "score_folder.py", clips, "--prompt", "piano, D minor")
    assert ended.returncode == 0, ended.stderr
    first = sorted((clips / "tracklay").glob("*.wav"))
    assert [path.name for path in first] == ["a.sketch-music.take1.wav", "b.sketch-music.take1.wav"]
    flash_clip(clips / "c.mp4", Fraction(25), 50, (20,))
    ended = run(environment, "score_folder.py", clips, "--prompt", "another")
    assert ended.returncode == 0, ended.stderr
    assert {path.name for path in (clips / "tracklay").glob("*.wav")} - {path.name for path in first} == {
        "c.sketch-music.take1.wav"
    }
    with (clips / "score.csv").open(newline="") as file:
        assert [row["prompt"] for row in csv.DictReader(file)] == ["piano, D minor", "piano, D minor", "another"]


def test_a_folder_without_clips_is_told(tmp_path, environment):
    """One sentence, and nothing is written."""
    ended = run(environment, "score_folder.py", tmp_path)
    assert (ended.returncode, ended.stderr) == (2, f"{tmp_path} holds no clips\n")
    assert not (tmp_path / "score.csv").exists()


@pytest.mark.parametrize(
    "numbers",
    [
        {"SLURM_ARRAY_TASK_ID": "{}", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_COUNT": "2"},
        {"TASK": "{}", "TASKS": "2"},
    ],
    ids=["slurm", "any"],
)
def test_the_tasks_of_a_farm_make_the_whole_list_together(clips, environment, numbers):
    """Two tasks: each row is made by one of them."""
    work_list = clips / "work.toml"
    rows = "".join(f'[[rows]]\nid = "{name}"\npicture = "{name}.mp4"\nseed = 1\n' for name in ("a", "b"))
    work_list.write_text(rows)
    for task in ("0", "1"):
        named = {name: value.format(task) for name, value in numbers.items()}
        ended = run(environment | named, "farm_shard.py", work_list)
        assert ended.returncode == 0, ended.stderr
    results = [json.loads(path.read_text()) for path in sorted(clips.glob("*.results*.json"))]
    made = [row["id"] for each in results for row in each["rows"] if row["state"] in ("laid", "ready")]
    assert sorted(made) == ["a", "b"]


def test_a_shard_without_a_farm_says_what_to_set(environment):
    """Run by hand, it tells what it needs."""
    bare = {name: value for name, value in environment.items() if not name.startswith(("SLURM", "TASK"))}
    ended = run(bare, "farm_shard.py", "work.toml")
    assert ended.returncode == 1
    assert "set TASK and TASKS" in ended.stderr
