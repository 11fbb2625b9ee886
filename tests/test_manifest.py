"""Manifests from anyone: each field that is computed with, or names a file, is held to what it may be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tracklay.errors import InvalidInput
from tracklay.manifest import read_manifest, wrong_field

ENTRY = {
    "file": "a.wav",
    "start": {"frame": 0, "seconds": "0"},
    "frames": 25,
    "samples": 48_000,
    "sample_rate": 48_000,
    "stems": {"bass": "a bass.wav"},
    "handles": {"before": 10, "after": 10, "file": "a handles.wav"},
    "cost": {"amount": "0"},
}
ELSEWHERE = ("../a.wav", "/etc/hostname", "b/a.wav", "b\\a.wav", "a\0.wav", "..", "", 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("file", name) for name in ELSEWHERE),
        *(("stems", {"bass": name}) for name in ELSEWHERE),
        *(("handles", {"before": 1, "after": 1, "file": name}) for name in ELSEWHERE),
        *(("handles", {"before": length}) for length in (-1, 0.5, True, "1")),
        *(("samples", length) for length in (0, -1, 1.5, True, "1", None)),
        *(("start", {"frame": 0, "seconds": seconds}) for seconds in ("1e999999999", "1/0", "x", None)),
        *(("start", {"frame": frame, "seconds": "0"}) for frame in (0.5, "0", None)),
        ("frames", "many"),
        ("cost", "free"),
        ("params", None),
        ("notes", {}),
    ],
)
def test_a_wrong_value_of_a_take_is_named(tmp_path, name: str, value: Any):
    """And its manifest is none: one sentence, and no file beside it or elsewhere is read."""
    assert wrong_field(ENTRY) == ""
    assert wrong_field({**ENTRY, name: value}) == name
    path = tmp_path / "clip.tracklay.json"
    path.write_text(json.dumps({"tracklay": "1", "takes": [{**ENTRY, name: value}]}))
    with pytest.raises(InvalidInput, match="of Tracklay"):
        read_manifest(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        '{"takes": []}',
        '{"tracklay": "1", "takes": {}}',
        '{"tracklay": "1", "takes": [3]}',
        '{"tracklay": "1", "takes": [], "failed": {}}',
        '{"tracklay": "1", "takes": [], "failed": ["x"]}',
        '{"tracklay": "1", "takes": ' + "[" * 200_000,
    ],
    ids=["empty", "a list", "another's", "takes", "a take", "failures", "a failure", "deep"],
)
def test_another_shape_is_no_manifest(tmp_path, text):
    """Whatever is where lists of takes and failures should be."""
    path = tmp_path / "clip.tracklay.json"
    path.write_text(text)
    with pytest.raises(InvalidInput, match="of Tracklay"):
        read_manifest(path)


def test_text_and_numbers_are_read_as_replies_are(tmp_path):
    """Numbers that are not finite become nothing, halves of characters are replaced."""
    path = tmp_path / "clip.tracklay.json"
    path.write_text(r'{"tracklay": "1", "takes": [], "failed": [{"error": "\ud800", "seconds": NaN, "n": 1e999}]}')
    assert read_manifest(path)["failed"] == [{"error": "\N{REPLACEMENT CHARACTER}", "seconds": None, "n": None}]
