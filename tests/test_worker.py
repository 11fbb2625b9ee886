"""A function in a process of its own: what it gives, and that it has an end."""

from __future__ import annotations

import sys

import pytest
from tracklay import worker
from tracklay.errors import ModelFailed
from tracklay.media import ffmpeg
from tracklay.worker import WorkerProcess

FUNCTION = "media.ffmpeg:version"

NEVER_ENDS = (
    sys.executable,
    "-c",
    "import atexit, sys, threading; atexit.register(threading.Event().wait); exec(sys.argv[1])",
)
"""A program that has said all that it has to say, and hangs where it should end: as the bpy module may."""

SAYS_MUCH = (
    sys.executable,
    "-c",
    "import sys; print('x' * 300_000); print('y' * 300_000, file=sys.stderr); exec(sys.argv[1])",
)


def test_one_that_has_answered_is_ended_where_it_does_not_end_itself(monkeypatch):
    """Its answer counts, and nobody waits for more."""
    monkeypatch.setattr(worker, "EXIT_TIMEOUT_SECONDS", 0.2)
    assert WorkerProcess(FUNCTION, {}, NEVER_ENDS).result() == ffmpeg.ffmpeg_version()


def test_what_else_a_program_says_does_not_matter():
    """However much, on either of its outputs."""
    assert WorkerProcess(FUNCTION, {}, SAYS_MUCH).result() == ffmpeg.ffmpeg_version()


def test_one_that_dies_is_told_with_its_last_words():
    """The function, and what it said."""
    with pytest.raises(
        ModelFailed, match=r"version:VERSION ended without a result: TypeError: 'str' object is not callable"
    ):
        WorkerProcess("version:VERSION", {}).result()
