"""Result lists and manifests are read into the same rows, and what is neither is refused in a sentence."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from tracklay.errors import InvalidInput
from tracklay.report import read_report_input, read_verdicts
from tracklay.report.rows import parse_rows
from tracklay.report.verdicts import Verdict, apply_verdicts
from tracklay.timing import Rate

from tests.report.runs import RATE, flashing, lay, results


def test_a_manifest_becomes_rows_with_its_picture_found(clicking, tmp_path):
    """A manifest names its picture without a folder; it is the one above the manifest's own."""
    clip = flashing(tmp_path)
    found = parse_rows(read_report_input(lay(clip, "--takes", 2)))
    assert [row.picture for row in found] == [clip, clip]
    assert [row.number for row in found] == [1, 2]
    assert all(row.file and row.file.is_file() for row in found)
    assert {row.rate for row in found} == {Rate(RATE)}


def test_where_the_picture_is_gone_the_laid_one_is_shown(clicking, tmp_path):
    """The picture with the take under it begins on the same frame."""
    clip = flashing(tmp_path)
    manifest = lay(clip)
    clip.unlink()
    assert parse_rows(read_report_input(manifest))[0].picture == manifest.parent / "clip.tracklay.mp4"


def test_paths_in_results_count_from_the_results_own_folder(clicking, tmp_path):
    """A folder that was moved, results and all, can still be reported on."""
    told = results(lay(flashing(tmp_path)))
    told["rows"][0].update(picture="clip.mp4", folder="tracklay")
    (tmp_path / "list.tracklay.results.json").write_text(json.dumps(told))
    row = parse_rows(read_report_input(tmp_path / "list.tracklay.results.json"))[0]
    assert (row.picture, row.folder) == (tmp_path / "clip.mp4", tmp_path / "tracklay")


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25)])
def test_the_rate_is_found_wherever_it_is_told(clicking, tmp_path, rate):
    """By the row, by the manifest in the row's folder, by the take's start, or by the take's length alone."""
    clip = flashing(tmp_path, rate=rate)
    lay(clip, "--in", "10f")
    manifest = lay(clip)
    told = results(manifest)
    assert [row.rate for row in parse_rows(told)] == [Rate(rate)] * 2
    manifest.unlink()
    assert [row.rate for row in parse_rows(told)] == [Rate(rate)] * 2
    told["rows"][0]["rate"] = "30000/1001"
    assert parse_rows(told)[0].rate == Rate(Fraction(30000, 1001))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"tracklay": "1"}', '{"tracklay": "1", "rows": {}}', "\0\xff", '{"rows": []}']
)
def test_what_is_no_result_list_is_refused_in_a_sentence(tmp_path, content):
    """With the file's name, and with what should be named instead."""
    path = tmp_path / "x.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidInput, match=r"x\.json is no result list .*: name the file"):
        read_report_input(path)


def test_a_row_that_cannot_be_read_is_told_with_its_number(clicking, tmp_path):
    """No traceback, whatever is missing or of another type."""
    told = results(lay(flashing(tmp_path)))
    for change in (
        {"folder": None},
        {"take": {"file": "x"}},
        {"take": [1]},
        {"seconds": "soon"},
        {"rate": "fast"},
        {"take": {**told["rows"][0]["take"], "frames": 0}},
        {"take": {**told["rows"][0]["take"], "start": {"frame": 5, "seconds": "1/0"}}},
    ):
        broken = {**told, "rows": [told["rows"][0], {**told["rows"][0], **change}]}
        with pytest.raises(InvalidInput, match=r"^row 2 of the result list cannot be read"):
            parse_rows(broken)


def test_verdicts_fall_on_the_take_that_they_are_about(clicking, tmp_path):
    """Takes of one row share its id: the number tells them apart, and a verdict on an earlier take is none on this one."""
    told = results(lay(flashing(tmp_path), "--takes", 2))
    for row in told["rows"]:
        row["id"] = "sh010"
    told["rows"][0]["verdict"] = "keep"
    found = apply_verdicts(parse_rows(told), [Verdict("sh010", 2, "reject", "late"), Verdict("sh010", 3, "keep", "")])
    assert [(row.verdict, row.note) for row in found] == [("keep", ""), ("reject", "late")]


def test_a_file_of_verdicts_is_read_or_refused(tmp_path):
    """What the page saves comes back as it was; anything else is told."""
    path = tmp_path / "verdicts.json"
    path.write_text(
        json.dumps({"tracklay": "0.1.0", "verdicts": [{"row": "a", "take": 1, "verdict": "keep", "note": "n"}]})
    )
    assert read_verdicts(path) == [Verdict("a", 1, "keep", "n")]
    path.write_text(json.dumps({"tracklay": "0.1.0", "verdicts": [{"row": "a", "take": 1, "verdict": "maybe"}]}))
    with pytest.raises(InvalidInput, match="a verdict is keep, reject or nothing"):
        read_verdicts(path)
    path.write_text("[1]")
    with pytest.raises(InvalidInput, match="holds no verdicts"):
        read_verdicts(path)
