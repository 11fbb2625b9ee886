"""The cue sheet says what is heard where and under what licence, in a spreadsheet and in print."""

from __future__ import annotations

import csv
from fractions import Fraction

import pytest
from tracklay import report
from tracklay.report.verdicts import Verdict

from tests.report.runs import flashing, lay, results

HEADINGS = [
    "no", "title", "in", "out", "duration", "seconds", "composer", "licence", "commercial use", "usage", "file",
]  # fmt: skip


def table(path):
    """The rows of a CSV, as a spreadsheet reads them."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def run(clicking, tmp_path):
    """Two takes of a span at 29.97 frames a second, where timecode drops."""
    clip = flashing(tmp_path, "=sum(A1)", Fraction(30000, 1001), 90, (10, 40))
    return results(lay(clip, "--in", "30f", "--takes", 2), failed=1)


def test_a_line_for_each_take_in_the_pictures_own_timecode(run, tmp_path):
    """In, out and duration; what failed has no line."""
    report.write_report(run, tmp_path / "report")
    heading, *lines = table(tmp_path / "report" / "cue-sheet.csv")
    assert heading == HEADINGS
    assert [line[:6] for line in lines] == [
        ["1", "'=sum(A1), cue 1, take 1", "00:00:01;00", "00:00:03;00", "00:00:02;00", "2.002"],
        ["2", "'=sum(A1), cue 1, take 2", "00:00:01;00", "00:00:03;00", "00:00:02;00", "2.002"],
    ]
    assert lines[0][6:10] == ["clicker/clicks (version 1)", "CC0", "not known", "foley"]
    # A name that a spreadsheet would reckon with is text: it begins with an apostrophe.
    assert lines[0][10] == f"'{run['rows'][0]['take']['file']}"


def test_what_was_rejected_is_not_in_it(run, tmp_path):
    """A verdict on the second take leaves the first alone, numbered anew."""
    report.write_report(run, tmp_path / "report", verdicts=[Verdict("sh001", 1, "reject", "")])
    lines = table(tmp_path / "report" / "cue-sheet.csv")[1:]
    assert [line[:2] for line in lines] == [["1", "'=sum(A1), cue 1, take 2"]]


def test_a_sheet_that_a_person_filled_in_stays(run, tmp_path):
    """An untouched one is replaced; one with somebody's own words is kept, and the new one lies beside it."""
    to = tmp_path / "report"
    report.write_report(run, to)
    report.write_report({**run, "rows": run["rows"][:1]}, to)
    assert len(table(to / "cue-sheet.csv")) == 2
    (to / "cue-sheet.csv").write_text("mine")
    report.write_report(run, to)
    assert (to / "cue-sheet.csv").read_text() == "mine"
    assert len(table(to / "cue-sheet.2.csv")) == 3
