"""Function calls in a separate process: results, errors, and processes that do not exit."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys

import pytest
from tracklay import worker
from tracklay.errors import MediaError, ModelFailed
from tracklay.media import ffmpeg_program
from tracklay.processes import find_program, start_process
from tracklay.worker import WorkerProcess

FUNCTION = "media.ffmpeg_program:ffmpeg_version"

NEVER_EXITS = (
    sys.executable,
    "-c",
    "import atexit, sys, threading; atexit.register(threading.Event().wait); exec(sys.argv[1])",
)
"""A program that replies and then hangs at exit, as the bpy module may."""

PRINTS_A_LOT = (
    sys.executable,
    "-c",
    "import sys; print('x' * 300_000); print('y' * 300_000, file=sys.stderr); exec(sys.argv[1])",
)


def test_a_process_that_hangs_after_its_reply_is_killed(monkeypatch):
    """Its reply counts, and the call returns soon."""
    monkeypatch.setattr(worker, "EXIT_TIMEOUT_SECONDS", 0.2)
    assert WorkerProcess(FUNCTION, {}, NEVER_EXITS).result() == ffmpeg_program.ffmpeg_version()


def test_other_output_of_the_program_is_ignored():
    """However much it is, on either stream."""
    assert WorkerProcess(FUNCTION, {}, PRINTS_A_LOT).result() == ffmpeg_program.ffmpeg_version()


def test_a_process_that_dies_is_reported_with_its_last_line():
    """The message names the function and the last line of stderr."""
    with pytest.raises(
        ModelFailed, match=r"version:VERSION ended without a result: TypeError: 'str' object is not callable\."
    ) as caught:
        WorkerProcess("version:VERSION", {}).result()
    assert caught.value.code == "worker.no_result"


def process_of(call: WorkerProcess) -> int:
    """Return the number of a call's process, and end the call."""
    process = call._process
    assert process
    call.result()
    return process.pid


@pytest.fixture
def no_idle_workers():
    """End idle processes before and after a test."""
    worker.end_idle_workers()
    yield
    worker.end_idle_workers()


@pytest.mark.usefixtures("no_idle_workers")
def test_a_process_stays_for_the_next_call():
    """Not for one that runs at the same time, nor after its own death."""
    first = process_of(WorkerProcess(FUNCTION, {}))
    calls = [WorkerProcess(FUNCTION, {}) for _ in range(2)]
    assert process_of(calls[0]) == first
    assert process_of(calls[1]) != first
    with pytest.raises(ModelFailed):
        WorkerProcess("version:VERSION", {}).result()
    killed = WorkerProcess(FUNCTION, {})
    killed.kill()
    with pytest.raises(ModelFailed, match="it was killed"):
        killed.result()
    assert WorkerProcess(FUNCTION, {}).result() == ffmpeg_program.ffmpeg_version()


@pytest.mark.usefixtures("no_idle_workers")
def test_a_complete_call_is_not_killed_and_an_error_ends_no_process():
    """The process may have the next call already."""
    call = WorkerProcess("media.probe:probe_media", {"path": None})
    with pytest.raises(ModelFailed):
        call.result()
    call = WorkerProcess(
        "landing.land_file:land_wav", {"take": "/none.wav", "proxy": "/none.mp4", "prompt": "", "to": ""}
    )
    process = call._process
    assert process
    with pytest.raises(MediaError, match=r"/none\.mp4"):
        call.result()
    call.kill()
    assert process_of(WorkerProcess(FUNCTION, {})) == process.pid


@pytest.mark.usefixtures("no_idle_workers")
def test_other_surroundings_have_a_process_of_their_own(monkeypatch, tmp_path):
    """A folder, a variable or a setting that changed: a running process would not know of it."""
    first = process_of(WorkerProcess(FUNCTION, {}))
    monkeypatch.chdir(tmp_path)
    second = process_of(WorkerProcess(FUNCTION, {}))
    monkeypatch.setenv("LC_ALL", "C.UTF-8" if os.environ.get("LC_ALL") != "C.UTF-8" else "C")
    assert len({first, second, process_of(WorkerProcess(FUNCTION, {}))}) == 3


@pytest.mark.usefixtures("no_idle_workers")
def test_a_forked_process_has_workers_of_its_own():
    """Two that write to one pipe would read each other's replies."""
    first = process_of(WorkerProcess(FUNCTION, {}))
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(_process_in_child) != first
    assert process_of(WorkerProcess(FUNCTION, {})) == first


def _process_in_child() -> int:
    return process_of(WorkerProcess(FUNCTION, {}))


@pytest.mark.usefixtures("no_idle_workers")
def test_idle_processes_are_few_and_end(monkeypatch):
    """As many as there are processors; each after a number of calls; all when the package is unloaded."""
    monkeypatch.setattr(worker, "MAX_IDLE", 1)
    calls = [WorkerProcess(FUNCTION, {}) for _ in range(3)]
    processes = [call._process for call in calls]
    for call in calls:
        call.result()
    assert [process._popen.poll() is None for process in processes if process] == [False, False, True]
    monkeypatch.setattr(worker, "MAX_CALLS", 1)
    assert process_of(WorkerProcess(FUNCTION, {})) not in [process.pid for process in processes if process]
    worker.end_idle_workers()
    assert not any(process._popen.poll() is None for process in processes if process)


PLANTED = "raise SystemExit('a file of the current folder was run')\n"


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """Change to a folder with files that are named as modules and programs which a child loads."""
    for name in ("json", "os", "numpy", "importlib", "tracklay", "encodings", "sitecustomize", "imageio_ffmpeg"):
        (tmp_path / f"{name}.py").write_text(PLANTED)
    for name in ("ffmpeg", "blender"):
        (tmp_path / name).write_text("#!/bin/sh\necho planted\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# The second one is as a program that keeps the current folder on its module path, the third as Blender: without our packages.
@pytest.mark.parametrize(
    "program",
    [(), (sys.executable, "-c"), (sys.executable, "-I", "-S", "-c")],
    ids=["this Python", "another program", "a Python without packages"],
)
def test_a_child_takes_no_module_from_the_current_folder(planted, program, monkeypatch):
    """Neither by itself, nor because this process has the folder on its own path, nor through Python's variables."""
    link = planted.parent / f"link to {planted.name}"
    link.symlink_to(planted)
    monkeypatch.syspath_prepend(str(planted))
    monkeypatch.setattr(sys, "path", ["", ".", f"{planted}/", str(link), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(planted))
    assert WorkerProcess(FUNCTION, {}, program).result() == ffmpeg_program.ffmpeg_version()


@pytest.mark.parametrize("search_path", ["", ".", "{real}:", ":{real}", ".:{real}"])
def test_a_program_is_taken_from_no_relative_folder(planted, search_path, monkeypatch):
    """An empty entry of PATH is the current folder, too."""
    real = planted / "real" / "ffmpeg"
    real.parent.mkdir()
    real.write_bytes((planted / "ffmpeg").read_bytes())
    real.chmod(0o755)
    monkeypatch.setenv("PATH", search_path.format(real=real.parent))
    assert find_program("ffmpeg") == (str(real) if "real" in search_path else None)
    assert find_program("./ffmpeg") == str(planted / "ffmpeg"), "one that the user names is taken, by its absolute path"


def test_a_child_gets_no_key(monkeypatch):
    """Neither ours nor another program's, whatever its name; what programs need is inherited."""
    for name in ("REPLICATE_API_TOKEN", "FAL_KEY", "AWS_SESSION_TOKEN", "SOME_PASSWORD"):
        monkeypatch.setenv(name, "do-not-inherit")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    process = start_process(
        [sys.executable, "-I", "-c", "import json, os; print(json.dumps(dict(os.environ)))"],
        environment={"ADDED": "value"},
        stdout=subprocess.PIPE,
    )
    seen = json.loads(process.communicate()[0])
    assert "do-not-inherit" not in seen.values()
    assert (seen["ADDED"], seen["LC_ALL"]) == ("value", "C.UTF-8")
    assert seen["PATH"] == os.environ["PATH"]
