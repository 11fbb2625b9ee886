"""The proof: for each kind of strip, the numbers in its proxy are those in Blender's own render of its frames."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .frame_compare import READ_AT, RENDERED_AT, Sources, compared, read_at, rendered_at
from .strip_matrix import table

DOC = Path(__file__).parents[3] / "docs" / "strip-support.md"


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Sources:
    """Numbered clips by the name of their rate."""
    return Sources(tmp_path_factory.mktemp("numbered"))


@pytest.mark.parametrize(("source", "timeline"), READ_AT, ids=str)
def test_a_proxy_shows_the_numbers_that_blender_shows(source, timeline, scene, clip, tmp_path):
    """Each kind of strip that is read from its file."""
    ways = compared(scene, read_at(source, timeline), clip(source), timeline, tmp_path)
    assert all(way.startswith("source") for way in ways.values())


@pytest.mark.parametrize(("source", "timeline"), RENDERED_AT, ids=str)
def test_what_only_blender_shows_is_rendered_frame_by_frame(source, timeline, scene, clip, tmp_path):
    """Retimed strips, effects, scenes: another Blender renders them from a copy, and the numbers are the same."""
    cases = rendered_at()
    ways = compared(scene, cases, clip(source), timeline, tmp_path)
    assert ways == {case.name: case.way for case in cases}


def test_the_table_of_all_cases_is_current():
    """`docs/strip-support.md` lists every case with the way it goes; to write it anew, set TRACKLAY_WRITE_DOCS."""
    if os.environ.get("TRACKLAY_WRITE_DOCS"):
        DOC.write_text(table(), "utf-8")
    assert DOC.read_text("utf-8") == table()
