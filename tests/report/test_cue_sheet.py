"""The cue sheet has each take's place and licence, as a spreadsheet and in print."""

from __future__ import annotations

import csv
from fractions import Fraction

import pytest
from tracklay import report
from tracklay.report.verdicts import Verdict

from tests.report.runs import flashing, lay, results

HEADINGS = [
    "no", "title", "in", "out", "duration", "seconds", "composer", "licence", "commercial use", "usage", "file",
    "created", "stated by",
]  # fmt: skip


def table(path):
    """The rows of a CSV, as a spreadsheet reads them."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def run(clicking, tmp_path):
    """Two takes of a span at 29.97 frames per second, with drop-frame timecode."""
    clip = flashing(tmp_path, "=sum(A1)", Fraction(30000, 1001), 90, (10, 40))
    return results(lay(clip, "--in", "30f", "--takes", 2), failed=1)


def test_a_line_for_each_take_in_the_pictures_own_timecode(run, tmp_path):
    """In, out and duration; failed rows have no line."""
    report.write_report(run, tmp_path / "report")
    heading, *lines = table(tmp_path / "report" / "cue-sheet.csv")
    assert heading == HEADINGS
    assert [line[:6] for line in lines] == [
        ["1", "'=sum(A1), cue 1, take 1", "00:00:01;00", "00:00:03;00", "00:00:02;00", "2.002"],
        ["2", "'=sum(A1), cue 1, take 2", "00:00:01;00", "00:00:03;00", "00:00:02;00", "2.002"],
    ]
    assert lines[0][6:10] == ["clicker/clicks (version 1)", "CC0", "unknown", "foley"]
    # A name that a spreadsheet would reckon with is text: it begins with an apostrophe.
    assert lines[0][10] == f"'{run['rows'][0]['take']['file']}"


def test_rejected_takes_are_left_out(run, tmp_path):
    """The lines are numbered without them."""
    report.write_report(run, tmp_path / "report", verdicts=[Verdict("sh001", 1, "reject", "")])
    lines = table(tmp_path / "report" / "cue-sheet.csv")[1:]
    assert [line[:2] for line in lines] == [["1", "'=sum(A1), cue 1, take 2"]]


def test_an_edited_sheet_is_kept(run, tmp_path):
    """An unchanged sheet is replaced; beside an edited one a numbered sheet is written."""
    to = tmp_path / "report"
    report.write_report(run, to)
    report.write_report({**run, "rows": run["rows"][:1]}, to)
    assert len(table(to / "cue-sheet.csv")) == 2
    (to / "cue-sheet.csv").write_text("mine")
    report.write_report(run, to)
    assert (to / "cue-sheet.csv").read_text() == "mine"
    assert len(table(to / "cue-sheet.2.csv")) == 3
