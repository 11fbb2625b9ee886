"""The way of a cue through a real ComfyUI server: runs where `TRACKLAY_COMFYUI` names a checkout with its own environment in `../venv`.

Without models' weights only core nodes can run: a sound is uploaded, cut to the span, saved as FLAC, fetched and laid.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tracklay.cli.main import main
from tracklay.models import load_catalogue

from tests.clips import clicks, flash_clip, hear
from tests.fakes.click_model import click_track, write

CHECKOUTS = [pytest.param(Path(os.environ["TRACKLAY_COMFYUI"]))] if os.environ.get("TRACKLAY_COMFYUI") else []

WORKFLOW = {
    "1": {"class_type": "LoadAudio", "inputs": {"audio": "sound.wav"}, "_meta": {"title": "Tracklay Audio"}},
    "2": {
        "class_type": "TrimAudioDuration",
        "inputs": {"audio": ["1", 0], "start_index": 0.0, "duration": 3.0},
        "_meta": {"title": "Tracklay Seconds"},
    },
    "3": {
        "class_type": "SaveAudio",
        "inputs": {"audio": ["2", 0], "filename_prefix": "audio/tracklay"},
        "_meta": {"title": "Save Audio"},
    },
}


@pytest.fixture(params=CHECKOUTS)
def server(request, tmp_path, monkeypatch):
    """A server on the CPU, with its folders in the test's own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [str(request.param.parent / "venv/bin/python"), "main.py", "--cpu", "--port", str(port)]
    options = ["--listen", "127.0.0.1", "--disable-all-custom-nodes", "--base-directory", str(tmp_path / "comfyui")]
    for folder in ("custom_nodes", "input", "output", "models"):
        (tmp_path / "comfyui" / folder).mkdir(parents=True)
    url = f"http://127.0.0.1:{port}"
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen([*program, *options], cwd=request.param, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                urllib.request.urlopen(f"{url}/system_stats", timeout=5).close()  # noqa: S310
                break
            except OSError:
                assert process.poll() is None, (tmp_path / "server.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.5)  # a foreign program has no event to wait for
        monkeypatch.setenv("TRACKLAY_COMFYUI_URL", url)
        yield url
    finally:
        process.terminate()
        process.wait()


def test_a_cue_goes_through_the_real_server_to_the_sample(server, home, tmp_path, capsys):
    """The model is built from its workflow, the sound uploaded, the queue followed, the FLAC fetched and laid at the right samples."""
    (tmp_path / "cut.json").write_text(json.dumps(WORKFLOW))
    assert main(["models", "add", f"comfyui:{tmp_path / 'cut.json'}"]) == 0
    times = [Fraction(1, 2), Fraction(5, 4), Fraction(2)]
    sound = write(click_track(times, Fraction(6), 48_000), 48_000, "wav", tmp_path)
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(24000, 1001), 72, ())
    options = ["--model", "comfyui/cut", "--set", f"audio={sound}", "--prompt", "", "--json"]
    assert main(["lay", str(clip), *options]) == 0
    heard = clicks(hear(tmp_path / "tracklay" / "clip.comfyui-cut.take1.wav"))
    assert np.abs(np.subtract(heard, [round(each * 48_000) for each in times])).max() <= 1


def test_a_real_server_knows_the_nodes_of_the_stable_audio_example(server, home, capsys):
    """Its nodes are core's alone; the limits of a sound's length are the server's own."""
    example = Path(__file__).resolve().parents[3] / "docs/comfyui/stable-audio-3.json"
    assert main(["models", "add", f"comfyui:{example}"]) == 0
    assert "The server lacks" not in "".join(capsys.readouterr())
    model = next(each for each in load_catalogue().values() if each.provider == "comfyui")
    assert {each.role for each in model.parameters if each.role} == {"prompt", "seed", "seconds"}
    assert (model.seconds.least, model.seconds.most) == (1, 1000)
