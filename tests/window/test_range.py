"""One cue over a range in a real window."""

from __future__ import annotations


def test_a_range_is_one_take_that_knows_its_shots(blender, folder):
    """Its placeholder fills the range, the timer marks it as stale when a shot moves, and tidying it is one undo step."""
    results = blender.wait_for_results(blender.start("one_cue", folder), folder)
    assert results["at_once"] == [[31, 220, "Flashes - flashes.001 · foley 1"]]
    assert results["laid"] == [31, 220, "Foley"]
    assert results["connected"] == 0
    assert (results["tidied"], results["channel"], results["untidied"]) == (["FINISHED"], 2, 20)
