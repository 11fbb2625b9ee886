"""The script in Resolve's menu and the pipes behind it; its installation on three systems."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import pytest
from tracklay.cli.main import main
from tracklay.errors import InvalidInput
from tracklay.resolve import installation, menu_script
from tracklay.resolve.bridge import BridgeLink, RemoteObject
from tracklay.resolve.calls import has_call, is_studio
from tracklay.resolve.laying import lay_take
from tracklay.resolve.timeline import ResolveTimeline
from tracklay.timing import Span

from tests.clips import flash_clip
from tests.fakes.resolve import Item, Media, launch
from tests.resolve.test_laying import made_take, sounds


@pytest.fixture
def bridged():
    """Return a function that gives a fake Resolve as the other side of the pipes sees it."""
    threads = []

    def connect(app) -> RemoteObject:
        bridge = menu_script.Bridge(app)
        asked, replied = os.pipe(), os.pipe()
        here = os.fdopen(replied[0]), os.fdopen(asked[1], "w")
        there = os.fdopen(asked[0]), os.fdopen(replied[1], "w")

        def answer() -> None:
            with there[0], there[1]:
                for line in there[0]:
                    there[1].write(json.dumps(bridge.answer(json.loads(line))) + "\n")
                    there[1].flush()

        threads.append((threading.Thread(target=answer), here))
        threads[-1][0].start()
        return RemoteObject(BridgeLink(*here), 0)

    yield connect
    for thread, here in threads:
        here[1].close()
        thread.join()
        here[0].close()


def test_a_timeline_is_read_and_laid_over_the_pipes(bridged, tmp_path):
    """The same cues and the same clip as without them, markers with frames as keys, and what a version lacks."""
    app = launch(20.0)
    shown = app._open()
    media = flash_clip(tmp_path / "clip.mp4", Fraction(24), 40, (4,))
    shown._current = shown._put(Item(app, Media(app, str(media)), 86_400, 30, source_start=5))
    shown._markers = {12: {"name": "hit: door"}}
    far = bridged(app)
    assert (has_call(far, "IsStudio"), is_studio(far)) == (False, True)
    (near_cue,), (far_cue,) = (ResolveTimeline.open(each).cues(model="sketch/foley") for each in (app, far))
    assert far_cue == near_cue
    assert [hit.name for hit in far_cue.hits] == ["door"]
    timeline = ResolveTimeline.open(far)
    for number in (1, 2):
        take = made_take(tmp_path, Span(86_400, 30, timeline.rate), number=number)
        assert lay_take(timeline.opened, timeline.clock, take, bin_name="cut 1") == []
    assert sounds(app) == {"Tracklay Foley": [(86_400, 30, False)], "Tracklay Foley 2": [(86_400, 30, True)]}


def test_an_error_in_resolve_and_its_end_are_one_sentence_each(bridged):
    """What Resolve raises is named; when it is gone, the way back is."""
    far = bridged(launch(20.0))
    with pytest.raises(
        InvalidInput, match=r"Resolve failed at IsStudio: TypeError: 'NoneType' object is not callable\."
    ):
        far.IsStudio()
    closed = io.StringIO()
    closed.close()
    for pipe in (io.StringIO(), closed):
        gone = RemoteObject(BridgeLink(pipe, pipe), 0)
        with pytest.raises(
            InvalidInput, match=r"Resolve does not answer any more\. Start Tracklay from its menu again\."
        ):
            gone.GetProductName()


def test_the_menu_script_serves_a_process_of_tracklays_own(tmp_path):
    """Standard output is the pipe: what is printed there goes to standard error. Variables of Resolve's Python are left out."""
    program = (
        "from tracklay.resolve.bridge import connect_bridge\nresolve = connect_bridge()\nprint('printed')\n"
        "import os\nassert 'PYTHONHOME' not in os.environ\n"
        f"open({str(tmp_path / 'seen')!r}, 'w').write(resolve.GetProjectManager().GetCurrentProject().GetName())"
    )
    script = (
        "import sys\nfrom tests.fakes.resolve import launch\nfrom tracklay.resolve import menu_script\n"
        f"menu_script.PACKAGES = {os.pathsep.join(sys.path)!r}\n"
        "import os\nos.environ['PYTHONHOME'] = '/nowhere'\n"
        f"sys.exit(menu_script.serve(launch(), [sys.executable, '-c', {program!r}]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "printed\n")
    assert (tmp_path / "seen").read_text() == "film"


@pytest.mark.parametrize(
    ("system", "all_users", "expected"),
    [
        ("darwin", False, "/h/Library/Application Support/Blackmagic Design/DaVinci Resolve/Fusion/Scripts/Utility"),
        ("darwin", True, "/Library/Application Support/Blackmagic Design/DaVinci Resolve/Fusion/Scripts/Utility"),
        ("win32", False, "/roaming/Blackmagic Design/DaVinci Resolve/Support/Fusion/Scripts/Utility"),
        ("win32", True, "/data/Blackmagic Design/DaVinci Resolve/Fusion/Scripts/Utility"),
        ("linux", False, "/h/.local/share/DaVinciResolve/Fusion/Scripts/Utility"),
        ("linux", True, "/opt/resolve/Fusion/Scripts/Utility"),
    ],
)
def test_the_script_folders_are_those_of_the_readme(system, all_users, expected):
    """For one user and for all, on three systems."""
    environment = {"HOME": "/h", "APPDATA": "/roaming", "PROGRAMDATA": "/data"}
    found = installation.find_scripts_folder(all_users=all_users, system=system, environment=environment)
    assert found.as_posix() == expected


def test_install_status_and_uninstall(tmp_path, monkeypatch, capsys):
    """Ours is replaced and deleted; a file of another program's with its name is neither."""
    monkeypatch.setattr(installation, "find_scripts_folder", lambda *, all_users: tmp_path / str(all_users))
    script = tmp_path / "False" / "Tracklay.py"
    for _ in range(2):
        assert main(["resolve", "install"]) == 0
    assert f"PYTHON = {sys.executable!r}" in script.read_text()
    compile(script.read_text(), "Tracklay.py", "exec")
    assert main(["resolve", "status"]) == 0
    seen = " ".join(capsys.readouterr().out.split())
    assert "this user current" in seen
    assert "all users not there" in seen
    assert "Resolve does not answer. Start it;" in seen
    assert main(["resolve", "status", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(each["path"], each["current"]) for each in found["installed"]] == [
        (str(script), True),
        (str(tmp_path / "True" / "Tracklay.py"), False),
    ]
    script.write_text(script.read_text().replace(sys.executable, "/old/python"))
    assert [each.python for each in installation.find_installations()] == ["/old/python", ""]
    assert main(["resolve", "uninstall"]) == 0
    assert not script.exists()
    assert main(["resolve", "uninstall"]) == 0
    assert "It is not installed." in capsys.readouterr().err
    script.write_text("print('mine')\n")
    assert [main(["resolve", each]) for each in ("install", "uninstall")] == [2, 2]
    assert capsys.readouterr().err == 2 * f"tracklay: {script} exists and is not from Tracklay. Move it away.\n"


def test_a_folder_that_cannot_be_written_is_one_sentence(monkeypatch, capsys):
    """As it is for all users without the rights."""
    monkeypatch.setattr(installation, "find_scripts_folder", lambda *, all_users: Path("/proc/scripts"))
    assert main(["resolve", "install", "--all-users"]) == 1
    assert capsys.readouterr().err.startswith("tracklay: Cannot write /proc/scripts")
