"""The log: one line per record, written at once, bounded in size, without keys; on stderr only when asked for."""

from __future__ import annotations

import base64
import json
import logging
import os
import stat
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from tracklay import log
from tracklay.cli.main import main
from tracklay.cue import Cue, EditorRender, Picture
from tracklay.providers.credentials import redact, set_key
from tracklay.timing import Rate, Span, TimeMap

from tests.clips import flash_clip

SPAN = Span(11, 50, Rate(Fraction(25)))
TIME_MAP = TimeMap.linear(SPAN, Fraction(0))
KEY = "r8_verysecret+key/1"

logger = logging.getLogger("tracklay.test")


@pytest.fixture(autouse=True)
def log_handlers():
    """Attach the handlers as a front end does, and detach them afterwards."""
    log.configure(redact)
    yield
    tracklay_logger = logging.getLogger("tracklay")
    for handler in list(tracklay_logger.handlers):
        if isinstance(handler, log.AppendHandler | log.StderrHandler):
            tracklay_logger.removeHandler(handler)
    tracklay_logger.setLevel(logging.NOTSET)


def messages(home: Path) -> list[str]:
    """Return the messages in the log, without time, process, level and logger."""
    return [line.split(" ", 4)[4] for line in (home / "log.txt").read_text("utf-8").splitlines()]


def test_each_picture_is_logged_with_its_source_and_the_reason(home):
    """Read or rendered, and why: one line each, whatever the file is called. The prompt is not in it."""
    read = Picture(Path("/a film\nof 100%.mov"), TIME_MAP, reason="it plays straight from its file")
    render = Picture(Path("shot"), TIME_MAP, render=EditorRender(("blender",), "Scene", "shot"), reason="it is cropped")
    for picture in (read, render):
        log.log_picture_source(Cue("7", SPAN, picture, "sketch/foley", prompt="a secret"))
    assert messages(home) == [
        "cue 7, frames 11 to 60: read from /a film of 100%.mov, because it plays straight from its file",
        "cue 7, frames 11 to 60: Blender renders shot, because it is cropped",
    ]
    assert "secret" not in (home / "log.txt").read_text("utf-8")


def test_the_log_is_its_users_alone(home):
    """It names films and folders: no other user reads it."""
    logger.warning("x")
    assert stat.S_IMODE((home / "log.txt").stat().st_mode) == 0o600


def test_a_line_names_time_process_level_and_logger(home):
    """The format is the same for every record, and times are UTC."""
    logger.warning("careful")
    line = (home / "log.txt").read_text("utf-8")
    assert line.split(" ", 1)[1] == f"{os.getpid()} WARNING tracklay.test: careful\n"
    assert line[10] == "T"
    assert line[19] == "Z"


def test_a_long_log_is_rotated_and_an_unwritable_one_is_ignored(home, monkeypatch):
    """One older file is kept. A home that is a file raises no error."""
    monkeypatch.setattr(log, "MAX_LOG_BYTES", 80)
    for number in range(4):
        logger.info("line %d", number)
    assert messages(home) == ["line 2", "line 3"]
    assert (home / "log.old.txt").read_text().count("line") == 2
    monkeypatch.setenv("TRACKLAY_HOME", str(home / "log.txt" / "none"))
    logger.info("nowhere")


def test_each_record_is_one_write(home, monkeypatch):
    """A traceback and line breaks included: what another process appends never lands inside a line."""
    written: list[bytes] = []
    real_write = os.write

    def record_write(descriptor: int, data: bytes) -> int:
        written.append(data)
        return real_write(descriptor, data)

    monkeypatch.setattr("tracklay.log.os.write", record_write)
    logger.info("first\nsecond")
    try:
        raise ValueError("broken")  # noqa: TRY301 - a traceback is needed
    except ValueError:
        logger.exception("with a traceback")
    assert len(written) == 2
    assert all(data.count(b"\n") == 1 and data.endswith(b"\n") for data in written)
    assert b"first second" in written[0]
    assert b"ValueError: broken" in written[1]


def test_lines_of_several_processes_stay_whole(home):
    """Four processes log 200 lines each to one file: 800 whole lines."""
    script = (
        "import logging, sys\nfrom tracklay import log\nlog.configure(str)\n"
        "for number in range(200): logging.getLogger('tracklay.x').info('%s %d %s', sys.argv[1], number, 'x' * 200)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script, str(name)], env=os.environ) for name in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    expected = {f"{name} {number} {'x' * 200}" for name in range(4) for number in range(200)}
    assert set(messages(home)) == expected
    assert len(messages(home)) == len(expected)


@pytest.mark.parametrize(
    "record",
    [
        ("sent with %s", KEY),
        (f"sent with {KEY}",),
        ("basic %s", base64.b64encode(KEY.encode()).decode()),
        ("headers %s", {"Authorization": "Bearer another-secret-token"}),
        ("Authorization: Key another-secret-token",),
        ("authorization=another-secret-token; more",),
    ],
    ids=["argument", "message", "base64", "mapping", "header", "assignment"],
)
def test_keys_and_authorization_headers_never_reach_the_log(home, monkeypatch, capsys, record):
    """In any part of a record, in the file and on stderr."""
    monkeypatch.setenv("REPLICATE_API_TOKEN", KEY)
    log.configure(redact, verbosity=2)
    logger.info(*record)
    for text in ((home / "log.txt").read_text("utf-8"), capsys.readouterr().err):
        assert "[key]" in text
        assert "verysecret" not in text
        assert "another-secret" not in text
        assert base64.b64encode(KEY.encode()).decode() not in text


def test_keys_of_blenders_preferences_and_in_tracebacks_are_redacted(home):
    """A key that no environment variable holds, raised inside an exception."""
    set_key("FAL_KEY", "stored:verysecret")
    try:
        raise ValueError("refused: stored:verysecret")  # noqa: TRY301
    except ValueError:
        logger.exception("failed")
    finally:
        set_key("FAL_KEY", "")
    text = (home / "log.txt").read_text("utf-8")
    assert "refused: [key]" in text
    assert "verysecret" not in text


def test_verbosity_decides_what_stderr_shows(home, capsys):
    """Nothing, INFO, or DEBUG as well. The file has what stderr has, and INFO at least."""
    for verbosity, expected in ((0, []), (1, ["info"]), (2, ["info", "debug"])):
        log.configure(redact, verbosity)
        logger.info("info")
        logger.debug("debug")
        assert [line.rpartition(": ")[2] for line in capsys.readouterr().err.splitlines()] == expected
    assert messages(home) == ["info", "info", "info", "debug"]


@pytest.mark.parametrize("arguments", [["-v"], ["--verbose", "--verbose"], ["-vv"]])
def test_every_job_event_is_logged_and_stdout_stays_the_result_alone(tmp_path, home, capsys, arguments):
    """State moves, the owner and the worker process: in the file and on stderr. With --json stdout is the manifest."""
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 25, (5,))
    assert main(["lay", str(clip), "--json", *arguments]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)["takes"]) == 1
    for text in (captured.err, (home / "log.txt").read_text("utf-8")):
        for event in ("job 1: planned -> extracting", "-> submitting", "-> laid", " starts", "worker process", " ends"):
            assert event in text


def test_nothing_is_logged_before_a_front_end_configures_it(tmp_path, home):
    """As a library Tracklay writes no file and prints nothing, not even warnings."""
    script = "import logging, tracklay.log; logging.getLogger('tracklay.x').warning('careful')"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    assert result.stdout + result.stderr == ""
    assert not (home / "log.txt").exists()
