"""The log: what was done and why, a line each, bounded, and never in anybody's way."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from tracklay import log
from tracklay.cue import Cue, EditorRender, Picture
from tracklay.timing import Rate, Span, TimeMap

SPAN = Span(11, 50, Rate(Fraction(25)))
PLAYS = TimeMap.linear(SPAN, Fraction(0))


def words(home: Path) -> list[str]:
    """The lines, without their time and process."""
    return [line.split(" ", 2)[2] for line in (home / "log.txt").read_text("utf-8").splitlines()]


def test_each_picture_is_noted_with_its_way_and_the_reason(home):
    """Read or rendered, and why: one line each, whatever is in a name."""
    read = Picture(Path("/a film\nof 100%.mov"), PLAYS, reason="it plays straight from its file")
    render = Picture(Path("shot"), PLAYS, render=EditorRender(("blender",), "Scene", "shot"), reason="it is cropped")
    for picture in (read, render):
        log.log_picture_source(Cue("7", SPAN, picture, "sketch/foley", prompt="a secret"))
    assert words(home) == [
        "cue 7, frames 11 to 60: read from /a film of 100%.mov, for it plays straight from its file",
        "cue 7, frames 11 to 60: Blender renders shot, for it is cropped",
    ]


def test_a_long_log_begins_anew_and_one_that_cannot_be_written_stops_nothing(home, monkeypatch):
    """One older file is kept; what is no folder is no error."""
    monkeypatch.setattr(log, "LIMIT_BYTES", 40)
    for number in range(4):
        log.append_line(f"line {number}")
    assert words(home) == ["line 2", "line 3"]
    assert (home / "log.old.txt").read_text().count("line") == 2
    monkeypatch.setenv("TRACKLAY_HOME", str(home / "log.txt" / "none"))
    log.append_line("nowhere")
