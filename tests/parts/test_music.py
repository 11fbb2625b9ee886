"""Music in parts, through the command: continued to the sample or joined on bars, then fitted; priced before, resumed, gaps named."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from tracklay.providers.retry import RetryPolicy

from tests.clips import flash_clip
from tests.fakes import scenario
from tests.fakes.musicgen import RATE, MusicGen
from tests.parts.test_jobs import samples_of


@pytest.fixture(scope="module")
def silent_clip(tmp_path_factory):
    """Nine seconds at 25 frames a second."""
    return flash_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", Fraction(25), 225, (), size=(64, 36))


@pytest.fixture
def hosts(home, monkeypatch):
    """Start a stand-in for Scenario that answers at once."""
    monkeypatch.setattr(RetryPolicy, "next_delay", lambda *_: 0.005)
    with scenario.Hosts() as both:
        both.scenario.steps = ()
        both.scenario.music = MusicGen()
        monkeypatch.setenv("TRACKLAY_SCENARIO_URL", both.url)
        monkeypatch.setenv("SCENARIO_SDK_API_KEY", scenario.KEY)
        monkeypatch.setenv("SCENARIO_SDK_API_SECRET", scenario.SECRET)
        yield both


LAY = ("--model", "scenario/musicgen", "--prompt", "house", "--seed", 5, "--parts", 6, "--json")


@pytest.mark.parametrize("returns_tail", [True, False])
def test_music_is_continued_to_the_sample(hosts, silent_clip, tmp_path, run, returns_tail):
    """Each part is made from the end of the one before. The whole music is the piece that the model plays, and the take is fitted from it.

    The same again with the same seed sends nothing.
    """
    hosts.scenario.music.returns_tail = returns_tail
    status, manifest, messages = run("lay", silent_clip, *LAY, "--to", tmp_path)
    assert status == 0, messages
    (take,) = manifest["takes"]
    inputs = [job["metadata"]["input"] for job in hosts.scenario.jobs.values()]
    assert [given.get("continuation") for given in inputs] == [False, True, True]
    assert [seam["contains_tail"] for seam in take["seams"]] == [returns_tail] * 2
    assert [seam["between"] for seam in take["seams"]] == [[1, 2], [2, 3]]
    whole = samples_of(tmp_path / take["fit"]["unfitted"])[:, 0]
    parts = take["parts"]
    assert len(whole) == parts[-1]["samples"][1] >= 10.8 * RATE
    known = hosts.scenario.music.piece[4800:48_000]
    expected = hosts.scenario.music.piece[: len(whole)] * np.float32(whole[4800:48_000] @ known / (known @ known))
    for seam in take["seams"]:
        bridge = slice(seam["position"], seam["position"] + (0 if returns_tail else seam["length"]))
        expected[bridge] = whole[bridge]
    # A take fades within 5 ms where it begins and ends abruptly.
    assert np.abs(whole - expected)[240:-240].max() < 1e-3
    assert take["samples"] == 9 * RATE == len(samples_of(tmp_path / take["file"]))
    assert all({"seed", "request", "cost", "gain_db"} <= part.keys() for part in parts)
    assert {part["request"] for part in parts} == hosts.scenario.jobs.keys()
    if not returns_tail:
        return
    before = samples_of(tmp_path / take["file"])
    _, manifest, _ = run("lay", silent_clip, *LAY, "--to", tmp_path / "again")
    assert len(hosts.scenario.jobs) == 3
    assert np.array_equal(before, samples_of(tmp_path / "again" / manifest["takes"][0]["file"]))
