"""Music in parts, through the command: continued to the sample or joined on bars, then fitted; priced before, resumed, gaps named."""

from __future__ import annotations

import shutil
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tracklay.cue import Cost
from tracklay.providers import base
from tracklay.providers.base import JobHandle, Output
from tracklay.providers.retry import RetryPolicy

from tests.clips import flash_clip
from tests.fakes import click_model, music_model, scenario
from tests.fakes.musicgen import RATE, MusicGen, make_piece
from tests.parts.test_jobs import samples_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def silent_clip(tmp_path_factory):
    """Nine seconds at 25 frames a second."""
    return flash_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", Fraction(25), 225, (), size=(64, 36))


@pytest.fixture
def hosts(home, monkeypatch):
    """Start a fake of Scenario that answers at once."""
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


def test_a_refused_part_is_left_out_and_named(hosts, silent_clip, tmp_path, run):
    """The part after it starts as new, and the music goes on without it; the take has its length all the same."""
    hosts.scenario.refuses = {1}
    status, manifest, messages = run("lay", silent_clip, *LAY, "--to", tmp_path)
    assert status == 0, messages
    (take,) = manifest["takes"]
    inputs = [job["metadata"]["input"] for job in hosts.scenario.jobs.values()]
    assert [given.get("continuation") for given in inputs] == [False, True, False]
    assert [part.get("silent", False) for part in take["parts"]] == [False, True, False]
    assert [seam["between"] for seam in take["seams"]] == [[1, 3]]
    assert take["seams"][0]["kind"] != "gap"
    assert any(note.startswith("part 2 of 3 is missing, and the music goes on without it: ") for note in take["notes"])
    assert take["samples"] == 9 * RATE == len(samples_of(tmp_path / take["file"]))
    status, _, messages = run("redo", tmp_path / take["file"], "--part", 1)
    assert (status, "Part 2 of" in messages, "is missing. Redo it first." in messages) == (2, True, True)
    hosts.scenario.refuses = set()
    status, manifest, messages = run("redo", tmp_path / take["file"], "--part", 2, "--json")
    assert status == 0, messages
    new = manifest["takes"][0]
    assert [part.get("silent", False) for part in new["parts"]] == [False] * 3
    # The part after it continues it, and so is made again; the first one is not.
    inputs = [job["metadata"]["input"] for job in hosts.scenario.jobs.values()][3:]
    assert [given.get("continuation") for given in inputs] == [True, True]
    assert [seam["between"] for seam in new["seams"]] == [[1, 2], [2, 3]]


BAND = music_model.MODEL.replace("price = {", "seconds = { least = 1, most = 16 }\nprice = {")


class BarBand(music_model.Band):
    """A model that begins anywhere in a bar of a piece, or plays noise."""

    def __init__(self, asked: list[Fraction], piece: np.ndarray | None) -> None:
        super().__init__(asked)
        self.piece = piece

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        seed, count = handle.data["seed"], round(Fraction(handle.data["seconds"]) * RATE)
        if self.piece is None:
            music = np.random.default_rng(seed).standard_normal(count).astype(np.float32) * 0.05
        else:
            music = self.piece[seed % (2 * RATE) :][:count]
        file = click_model.write(music, RATE, "wav", folder)
        return Output(file, seed, "1", Cost("0.5", "USD", estimated=False))


@pytest.mark.parametrize("has_beat", [True, False])
def test_music_that_is_not_continued_is_joined_on_bars(home, tmp_path, run, has_beat):
    """Parts overlap by a third, are asked for at once, and meet on a downbeat, or where there is none in a crossfade that is noted.

    The price before is the sum of their lengths, with a fifth more than the span in all.
    """
    (home / "models").mkdir()
    (home / "models" / "band.toml").write_text(BAND)
    asked: list[Fraction] = []
    base.register("band", lambda: BarBand(asked, make_piece(18) if has_beat else None))
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 600, (), size=(64, 36))
    lay = ("lay", clip, "--model", "band/music", "--prompt", "house", "--seed", 5, "--json")
    _, found, _ = run(*lay, "--dry-run")
    _, manifest, _ = run(*lay)
    (take,) = manifest["takes"]
    assert found["cues"][0]["parts"] == len(asked) == 3
    assert float(found["cues"][0]["cost"]["amount"]) == pytest.approx(float(sum(asked)) * 0.02)
    overlap = (sum(asked) - Fraction(24 * 6, 5)) / 2
    assert float(overlap) == pytest.approx(16 / 3, abs=0.1)
    assert take["samples"] == 24 * RATE == len(samples_of(clip.parent / "tracklay" / take["file"]))
    parts = {part["part"]: part for part in take["parts"]}
    assert parts[3]["samples"][1] >= 24 * RATE
    for seam in take["seams"]:
        if has_beat:
            assert seam["join"] == "downbeat"
            left, right = (
                seam["downbeat"] - parts[number]["samples"][0] + parts[number]["seed"] % (2 * RATE)
                for number in seam["between"]
            )
            # The same place of a bar in both, and on a beat.
            assert abs((right - left + RATE) % (2 * RATE) - RATE) < RATE // 50
            assert abs((left + RATE // 4) % (RATE // 2) - RATE // 4) < RATE // 50
        else:
            assert seam["join"] == "crossfade"
    noted = sum("not on a beat" in note for note in take["notes"])
    assert noted == (0 if has_beat else 2)
    if not has_beat:
        return
    old = samples_of(clip.parent / "tracklay" / take["file"])
    status, manifest, messages = run(
        *("redo", clip.parent / "tracklay" / take["file"], "--part", 2, "--seed", 77_777, "--prompt", "drums"),
        *("--max-cost", float(asked[1]) * 0.02 + 0.001, "--json"),
    )
    assert status == 0, messages
    new, kept = manifest["takes"]
    assert kept["file"] == take["file"]
    assert np.array_equal(old, samples_of(clip.parent / "tracklay" / take["file"]))
    assert len(asked) == 4  # part 2 alone is asked for
    assert asked[3] == asked[1]
    assert [part["seed"] for part in new["parts"]] == [parts[1]["seed"], 77_777, parts[3]["seed"]]
    assert [seam["join"] for seam in new["seams"]] == ["downbeat", "downbeat"]
    assert new["samples"] == 24 * RATE
    # What is no longer stored is not paid for again, and nothing else is.
    shutil.rmtree(home / "outputs")
    status, _, messages = run("redo", clip.parent / "tracklay" / new["file"], "--part", 3, "--json")
    assert (status, len(asked)) == (1, 4)
    assert "part 1: clip.mp4: The earlier sound is no longer stored" in messages
