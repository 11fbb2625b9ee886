"""The proof: for each kind of strip, the numbers in its proxy are those in Blender's own render of its frames."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from .comparing import SOURCES, UNEVEN, Sources, compared
from .kinds import Case, pairs, rendered, retimed, singles, table

DOC = Path(__file__).parents[2] / "docs" / "pictures.md"

ALL = bool(os.environ.get("TRACKLAY_ALL_NUMBERS"))
"""The whole matrix: an hour for each Blender."""

TIMELINES = [Fraction(text) for text in ("24000/1001", "24", "25", "30000/1001", "50", "60000/1001")]
EVERY = [(source, timeline) for source in SOURCES for timeline in TIMELINES]
SOME = [("25", Fraction(24)), ("30000/1001", Fraction(60000, 1001)), (UNEVEN, Fraction(30000, 1001))]
SOME_RENDERED = ("retimed with a transition", "in a backwards meta")
RENDERED_AT = [("25", Fraction(24)), ("60000/1001", Fraction(30000, 1001)), (UNEVEN, Fraction(25))]


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Sources:
    """Numbered clips by the name of their rate."""
    return Sources(tmp_path_factory.mktemp("numbered"))


def cases_at(source: str, timeline: Fraction) -> list[Case]:
    """Every pair where all are wanted; else each kind once, and at other rates what rates make a difference to."""
    if ALL:
        return [*pairs(), *retimed()]
    if (source, timeline) == SOME[0]:
        return [*singles(), *retimed()]
    return [case for case in pairs() if case.name in ("in real time", "in real time, whole", "in real time, backwards")]


@pytest.mark.parametrize(
    ("source", "timeline"), EVERY if os.environ.get("TRACKLAY_EVERY_RATE") or ALL else SOME, ids=str
)
def test_a_proxy_shows_the_numbers_that_blender_shows(source, timeline, scene, clip, tmp_path):
    """Each kind of strip that is read from its file."""
    ways = compared(scene, cases_at(source, timeline), clip(source), timeline, tmp_path)
    assert all(way.startswith("source") for way in ways.values())


@pytest.mark.parametrize(("source", "timeline"), RENDERED_AT if ALL else RENDERED_AT[:1], ids=str)
def test_what_only_blender_shows_is_rendered_frame_by_frame(source, timeline, scene, clip, tmp_path):
    """Retimed strips, effects, scenes: another Blender renders them from a copy, and the numbers are the same."""
    cases = rendered() if ALL else [case for case in rendered() if case.name in SOME_RENDERED]
    ways = compared(scene, cases, clip(source), timeline, tmp_path)
    assert ways == {case.name: case.way for case in cases}


def test_the_table_of_all_cases_is_current():
    """`docs/pictures.md` lists every case with the way it goes; to write it anew, set TRACKLAY_WRITE_DOCS."""
    if os.environ.get("TRACKLAY_WRITE_DOCS"):
        DOC.write_text(table(), "utf-8")
    assert DOC.read_text("utf-8") == table()
