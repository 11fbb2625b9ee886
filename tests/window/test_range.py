"""One cue over a range in a real window."""

from __future__ import annotations

from tests.turnover import readers


def test_a_range_is_one_take_that_knows_its_shots(blender, folder):
    """Its placeholder fills the range, the timer marks it as stale when a shot moves, and tidying it is one undo step."""
    results = blender.wait_for_results(blender.start("one_cue", folder), folder)
    assert results["at_once"] == [[31, 220, "Flashes - flashes.001 · foley 1"]]
    assert results["laid"] == [31, 220, "Foley"]
    assert results["connected"] == 0
    assert (results["tidied"], results["channel"], results["untidied"]) == (["FINISHED"], 2, 20)


def test_a_turnover_is_written_while_the_window_goes_on(blender, folder):
    """File > Export has the entry; every format is written in the background, the AAF with the package that the extension ships."""
    results = blender.wait_for_results(blender.start("hand_over", folder), folder)
    assert results["began"] == ["RUNNING_MODAL"]
    names = ["aaf", "fcpxml", "otio", "rpp", "xml"]
    folders = ["film edl", "film media", "film rights", "film tracks"]
    assert results["written"] == sorted([*folders, *(f"film.{name}" for name in names)])
    assert "_draw_export_entry" in results["entries"]
    (take,), _ = readers.read_rpp(folder / "out" / "film.rpp")
    assert (take.track, take.start, take.samples) == ("Foley", 30 * 1920, 100 * 1920)
    _, (heard,) = readers.read_aaf(folder / "out" / "film.aaf")
    assert (heard.track, heard.start, heard.samples) == ("Foley", 30 * 1920, 100 * 1920)
