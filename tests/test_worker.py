"""Function calls in a separate process: results, errors, and processes that do not exit."""

from __future__ import annotations

import sys

import pytest
from tracklay import worker
from tracklay.errors import ModelFailed
from tracklay.media import ffmpeg
from tracklay.worker import WorkerProcess

FUNCTION = "media.ffmpeg:ffmpeg_version"

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
    assert WorkerProcess(FUNCTION, {}, NEVER_EXITS).result() == ffmpeg.ffmpeg_version()


def test_other_output_of_the_program_is_ignored():
    """However much it is, on either stream."""
    assert WorkerProcess(FUNCTION, {}, PRINTS_A_LOT).result() == ffmpeg.ffmpeg_version()


def test_a_process_that_dies_is_reported_with_its_last_line():
    """The message names the function and the last line of stderr."""
    with pytest.raises(
        ModelFailed, match=r"version:VERSION ended without a result: TypeError: 'str' object is not callable\."
    ) as caught:
        WorkerProcess("version:VERSION", {}).result()
    assert caught.value.code == "worker.no_result"
