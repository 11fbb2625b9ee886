"""The mix in a real window: the button, its progress and what it measured, one undo step, and the mixdown."""

from __future__ import annotations

from tracklay.mix.decoded_sound import DecodedSounds

from tests.blender.mixing.scenes import lufs, true_peak_db, write_sounds

from ..test_placeholders import take_screenshots

RATE = 48_000


def test_a_scene_is_mixed_undone_mixed_again_and_cleared(blender, display, folder):
    """Nothing blocks, a cancelled mix leaves nothing, the user's key stays, and the mixdown is what the panel says."""
    write_sounds(folder)
    process = blender.start("mix_in_the_window", folder)
    take_screenshots(display, process, folder, "mixing", "mixed", "stale")
    results = blender.wait_for_results(process, folder)
    assert results["cancellable"]
    assert results["cancelled"] == [True, {}, 0]
    assert (results["curves"], results["actions"]) == (4, 1)
    with DecodedSounds(folder) as sounds:
        heard = sounds.open(folder / "out.wav").read(0, 12 * RATE)
    assert abs(lufs(heard) - results["mixed"]["lufs"]) < 0.1
    assert abs(lufs(heard) + 23) < 0.3
    assert true_peak_db(heard) <= -1
    assert (results["undone"], results["redone"]) == ({}, True)
    assert results["kept"]
    assert results["curves_again"] == 3
    assert len(results["cleared"]) == 1
    assert results["volumes"][1:] == [1.0, 1.0, 1.0]
