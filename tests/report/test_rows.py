"""Result lists and manifests are read into the same rows; other files are rejected with a plain error."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from tracklay.cli.error_hints import HINTS
from tracklay.cli.main import main
from tracklay.errors import InvalidInput, describe
from tracklay.report import read_report_input, read_verdicts
from tracklay.report.rows import parse_rows
from tracklay.report.verdicts import Verdict, apply_verdicts
from tracklay.timing import Rate

from tests.report.runs import RATE, flashing, lay, results


def test_a_manifest_becomes_rows_with_its_picture_found(clicking, tmp_path):
    """A manifest has its picture's name only; the picture is in the folder above the manifest's."""
    clip = flashing(tmp_path)
    found = parse_rows(read_report_input(lay(clip, "--takes", 2)))
    assert [row.picture for row in found] == [clip, clip]
    assert [row.number for row in found] == [1, 2]
    assert all(row.file and row.file.is_file() for row in found)
    assert {row.rate for row in found} == {Rate(RATE)}


def test_the_laid_picture_replaces_a_missing_one(clicking, tmp_path):
    """It starts on the same frame."""
    clip = flashing(tmp_path)
    manifest = lay(clip)
    clip.unlink()
    assert parse_rows(read_report_input(manifest))[0].picture == manifest.parent / "clip.tracklay.mp4"


def test_paths_in_results_are_relative_to_their_folder(clicking, tmp_path):
    """A moved folder with its results can still be reported."""
    content = results(lay(flashing(tmp_path)))
    content["rows"][0].update(picture="clip.mp4", folder="tracklay")
    (tmp_path / "list.tracklay.results.json").write_text(json.dumps(content))
    row = parse_rows(read_report_input(tmp_path / "list.tracklay.results.json"))[0]
    assert (row.picture, row.folder) == (tmp_path / "clip.mp4", tmp_path / "tracklay")


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25)])
def test_the_rate_is_found_in_each_place(clicking, tmp_path, rate):
    """From the row, from the manifest in its folder, from the take's start, or from its length alone."""
    clip = flashing(tmp_path, rate=rate)
    lay(clip, "--in", "10f")
    manifest = lay(clip)
    content = results(manifest)
    assert [row.rate for row in parse_rows(content)] == [Rate(rate)] * 2
    manifest.unlink()
    assert [row.rate for row in parse_rows(content)] == [Rate(rate)] * 2
    content["rows"][0]["rate"] = "30000/1001"
    assert parse_rows(content)[0].rate == Rate(Fraction(30000, 1001))


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "{}", '{"tracklay": "1"}', '{"tracklay": "1", "rows": {}}', "\0\xff", '{"rows": []}', "[" * 50_000),
        *('{"tracklay": "1", "takes": [1]}', '{"tracklay": "1", "takes": [{"file": "../../a.wav"}]}'),
        '{"tracklay": "1", "takes": [{"file": "a\\u0000.wav"}]}',
    ],
)
def test_another_file_is_rejected(tmp_path, content):
    """The message has the file's name, the command's hint the right kind of file. Takes lie beside their manifest."""
    path = tmp_path / "x.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidInput, match=r"Not a result list or a manifest of Tracklay: .*x\.json\.") as error:
        read_report_input(path)
    assert "Name the file" in describe(error.value, HINTS)


def test_a_folder_has_the_rows_of_all_its_manifests(clicking, tmp_path, capsys):
    """The folder of the takes, or that of the pictures; one without manifests is refused in a sentence."""
    for name in ("one", "two"):
        lay(flashing(tmp_path, name))
    rows = parse_rows(read_report_input(tmp_path / "tracklay"))
    assert [(row.name, row.number) for row in rows] == [("one", 1), ("two", 1)]
    assert parse_rows(read_report_input(tmp_path)) == rows
    capsys.readouterr()
    assert main(["report", str(tmp_path / "tracklay")]) == 0
    page = tmp_path / "tracklay" / "report" / "report.html"
    assert str(page) in capsys.readouterr().out.splitlines()
    assert page.is_file()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InvalidInput, match=r"No manifest of Tracklay in the folder: .*empty\.") as error:
        read_report_input(empty)
    assert "tracklay lay" in describe(error.value, HINTS)


def test_an_invalid_row_is_reported_with_its_number(clicking, tmp_path):
    """A missing or wrong value is one plain sentence."""
    content = results(lay(flashing(tmp_path)))
    changes: tuple[dict[str, Any], ...] = (
        {"folder": None},
        {"take": {"file": "x"}},
        {"take": [1]},
        {"seconds": "soon"},
        {"rate": "fast"},
        {"take": {**content["rows"][0]["take"], "frames": 0}},
        *(
            {"take": {**content["rows"][0]["take"], name: value}}
            for name, value in (
                ("start", {"frame": 5, "seconds": "1/0"}),
                ("start", None),
                ("cost", "free"),
                ("notes", 1e300),
                ("params", "loud"),
                ("frames", 1e300),
                ("samples", 0),
                ("sample_rate", "48000"),
                ("channels", True),
            )
        ),
    )
    for change in changes:
        broken = {**content, "rows": [content["rows"][0], {**content["rows"][0], **change}]}
        with pytest.raises(InvalidInput, match=r"^Row 2 of the result list is invalid"):
            parse_rows(broken)


def test_a_verdict_counts_only_for_its_take(clicking, tmp_path):
    """Takes of one row share its id and differ by their number."""
    content = results(lay(flashing(tmp_path), "--takes", 2))
    for row in content["rows"]:
        row["id"] = "sh010"
    content["rows"][0]["verdict"] = "keep"
    found = apply_verdicts(
        parse_rows(content), [Verdict("sh010", 2, "reject", "late"), Verdict("sh010", 3, "keep", "")]
    )
    assert [(row.verdict, row.note) for row in found] == [("keep", ""), ("reject", "late")]


def test_a_file_of_verdicts_is_read_or_rejected(tmp_path):
    """The page's own file is read unchanged; any other one is an error."""
    path = tmp_path / "verdicts.json"
    path.write_text(
        json.dumps({"tracklay": "0.1.0", "verdicts": [{"row": "a", "take": 1, "verdict": "keep", "note": "n"}]})
    )
    assert read_verdicts(path) == [Verdict("a", 1, "keep", "n")]
    path.write_text(json.dumps({"tracklay": "0.1.0", "verdicts": [{"row": "a", "take": 1, "verdict": "maybe"}]}))
    with pytest.raises(InvalidInput, match="A verdict must be keep, reject or empty"):
        read_verdicts(path)
    path.write_text("[1]")
    with pytest.raises(InvalidInput, match="has no verdicts"):
        read_verdicts(path)


@pytest.mark.parametrize("name", ["../clip.wav", "/etc/hostname", "a\0.wav", ""])
def test_a_result_list_reaches_no_file_outside_its_folder(clicking, tmp_path, name):
    """A list may come from anyone: a take is a file in the row's folder."""
    content = results(lay(flashing(tmp_path)))
    content["rows"][0]["take"]["file"] = name
    with pytest.raises(InvalidInput, match="Row 1 of the result list is invalid"):
        parse_rows(content)


@pytest.mark.parametrize(("name", "value"), [("cost", "free"), ("params", None), ("start", {}), ("samples", "many")])
def test_a_manifest_with_a_wrong_value_is_none(clicking, tmp_path, capsys, name, value):
    """Each command that reads one says so in a sentence, and writes nothing over it."""
    picture = flashing(tmp_path)
    path = lay(picture)
    content = json.loads(path.read_text())
    content["takes"][0][name] = value
    path.write_text(json.dumps(content))
    before = path.read_bytes()
    for command in (["report", path], ["mix", path], ["lay", picture, "--model", "clicker/clicks"]):
        capsys.readouterr()
        assert main([str(word) for word in command]) == 2
        assert "of Tracklay: " in capsys.readouterr().err
    assert path.read_bytes() == before
