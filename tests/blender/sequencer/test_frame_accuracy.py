"""Frame accuracy: for each kind of strip, the proxy shows the same frame numbers as Blender's own render."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .frame_compare import RENDER_RATES, SOURCE_RATES, Sources, compare_cases, render_cases, source_cases
from .strip_matrix import support_table

DOC = Path(__file__).parents[3] / "docs" / "strip-support.md"


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Sources:
    """Numbered clips by the name of their frame rate."""
    return Sources(tmp_path_factory.mktemp("numbered"))


@pytest.mark.parametrize(("source", "timeline"), SOURCE_RATES, ids=str)
def test_a_proxy_shows_the_numbers_that_blender_shows(source, timeline, scene, clip, tmp_path):
    """This covers each kind of strip that is read from its file."""
    ways = compare_cases(scene, source_cases(source, timeline), clip(source), timeline, tmp_path)
    assert all(way.startswith("source") for way in ways.values())


@pytest.mark.parametrize(("source", "timeline"), RENDER_RATES, ids=str)
def test_strips_that_only_blender_can_show_are_rendered(source, timeline, scene, clip, tmp_path):
    """A second Blender renders retimed strips, effects and scenes from a copy, and the numbers are the same."""
    cases = render_cases()
    ways = compare_cases(scene, cases, clip(source), timeline, tmp_path)
    assert ways == {case.name: case.way for case in cases}


def test_the_table_of_all_cases_is_up_to_date():
    """`docs/strip-support.md` lists every case and how it is read; set TRACKLAY_WRITE_DOCS to write it."""
    if os.environ.get("TRACKLAY_WRITE_DOCS"):
        DOC.write_text(support_table(), "utf-8")
    assert DOC.read_text("utf-8") == support_table()
