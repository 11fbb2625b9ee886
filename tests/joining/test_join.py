"""Joins: every sample in its place, nothing of a part lost at a seam, levels that meet, and no step or click."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tracklay.errors import InvalidInput, MediaError
from tracklay.joining.colours import match_colours
from tracklay.joining.crossfade import crossfade_sounds, fade_curves
from tracklay.joining.join import Join, PartSound, plan_join
from tracklay.joining.join_files import PartFile, join_files
from tracklay.joining.levels import LevelDifference, level_difference, solve_gains
from tracklay.listening.limiter import limit_peaks
from tracklay.media.wav_reader import WavReader

from tests.joining.made_parts import RATE, Sound, make_parts, tilt
from tests.landing.made_takes import write_wav


def part_of(sound: Sound, start: int, **options: Any) -> PartSound:
    """Return a part that reads from an array."""
    return PartSound(lambda first, stop: sound[first:stop], start, len(sound), **options)


def joined(parts: list[PartSound], length: int, channels: int = 2) -> tuple[Join, Sound]:
    """Return a join and its sound."""
    join = plan_join(parts, RATE, length, channels)
    return join, np.concatenate(list(join.blocks()))


def noise(seed: int, seconds: float, level: float = 0.05, channels: int = 2) -> Sound:
    """Return noise."""
    generator = np.random.default_rng(seed)
    return (generator.standard_normal((round(seconds * RATE), channels)) * level).astype(np.float32)


def power_db(sound: Sound) -> float:
    """Return a sound's mean power in dB."""
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12))


@pytest.mark.parametrize("jitter", [0, 100, -900], ids=["same sample", "2 ms late", "19 ms early"])
def test_clicks_in_an_overlap_come_once(jitter):
    """Every click is there once, at the sample where one of the two parts has it, wherever in the overlap it is."""
    overlap = RATE * 3 // 4
    for at in range(200, overlap - 200, 5003):
        left, right = (np.zeros((2 * RATE, 1), np.float32) for _ in range(2))
        places = {2 * RATE - overlap + at, 2 * RATE - overlap + at + jitter}
        left[min(2 * RATE - 1, 2 * RATE - overlap + at)] = 0.8
        right[max(0, at + jitter)] = 0.8
        _, sound = joined([part_of(left, 0), part_of(right, 2 * RATE - overlap)], 4 * RATE - overlap, 1)
        (found,) = np.flatnonzero(np.abs(sound[:, 0]) > 0.01)
        assert found in places
        assert abs(sound[found, 0] - 0.8) < 0.05


def test_a_roll_of_clicks_keeps_every_click():
    """Clicks of both parts at the same samples, every 40 ms, leave room for a seam between two of them."""
    clicks = np.zeros((4 * RATE, 1), np.float32)
    clicks[::1920] = 0.7
    _, sound = joined([part_of(clicks[: 2 * RATE], 0), part_of(clicks[RATE:], RATE)], 4 * RATE, 1)
    assert np.array_equal(sound, clicks)


def test_the_same_sound_on_both_sides_stays_the_same():
    """Sides that agree are joined with equal gain: nothing changes."""
    sound = noise(1, 4)
    join, result = joined([part_of(sound[: 2 * RATE], 0), part_of(sound[RATE:], RATE)], 4 * RATE)
    assert [seam.kind for seam in join.seams] == ["equal gain"]
    assert np.abs(result - sound).max() < 1e-6


def test_levels_meet_at_a_seam_and_return():
    """A part that is 8 dB louder is lowered at the seam and the other raised, by 6 dB at most; far from it both keep their level."""
    loud, quiet = noise(1, 6, 0.1), noise(2, 6, 0.04)
    join, sound = joined([part_of(loud, 0), part_of(quiet, 5 * RATE)], 11 * RATE)
    (seam,) = join.seams
    assert seam.difference_db is not None
    assert abs(seam.difference_db - 20 * np.log10(2.5)) < 0.2
    assert -6 <= seam.left_db < -3
    assert 3 < seam.right_db <= 6
    assert join.levels_db == (0, 0)
    pieces = [sound[round(at * RATE) : round((at + 0.1) * RATE)] for at in np.arange(4.8, 6.2, 0.1)]
    steps = np.diff([power_db(piece) for piece in pieces])
    assert np.abs(steps).max() < 0.4
    assert np.allclose(sound[: RATE // 10], loud[: RATE // 10], rtol=0.01)
    assert np.allclose(sound[-RATE // 10 :], quiet[-RATE // 10 :], rtol=0.01)


def test_gains_do_not_drift():
    """An hour of parts, each measured 1 dB louder than the one before, keeps its levels within the limits, and each seam is matched."""
    gains = solve_gains([LevelDifference(-1.0, 1.0)] * 499, [30.0] * 500, [False] * 500)
    assert np.abs(gains.level).max() < 0.01
    assert max(np.abs(gains.start).max(), np.abs(gains.end).max()) < 1.5
    left, right = gains.end[:-1], gains.start[1:]
    assert np.abs(left - right - 1.0).max() < 0.01
    assert gains.start[0] == gains.end[-1] == 0


@pytest.mark.parametrize("seed", range(4))
def test_gains_within_limits(seed):
    """Levels up to 10 dB apart from the mean: no gain is over its limit, raised parts keep their headroom, fixed ones their level."""
    rng = np.random.default_rng(seed)
    levels, headroom = rng.uniform(-10, 10, 40), rng.uniform(0, 20, 40)
    fixed = [bool(value) for value in rng.random(40) < 0.1]
    differences = [LevelDifference(float(step), 1.0) for step in -np.diff(levels)]
    gains = solve_gains(differences, list(headroom), fixed)
    for gain in (gains.start, gains.end):
        assert np.abs(gain).max() <= 6
        assert (gain + gains.level <= np.maximum(headroom, 0) + 1e-4).all()
        assert not gain[fixed].any()
    assert np.abs(gains.level).max() <= 4
    roomy = solve_gains(differences, [60.0] * 40, [False] * 40)
    left, right = levels + roomy.level + roomy.end, levels + roomy.level + roomy.start
    assert np.abs(left[:-1] - right[1:]).max() < 0.05


def test_events_of_one_side_do_not_change_the_level():
    """A knock that only one part has in the overlap is no difference in level."""
    left, right = noise(1, 1), noise(2, 1)
    left[RATE // 2 : RATE // 2 + 3000] *= 12
    difference = level_difference(left, right, RATE)
    assert difference is not None
    assert abs(difference.decibels) < 0.3
    assert difference.sureness == 1
    assert level_difference(left, right * 0, RATE) is None


@pytest.mark.parametrize("correlation", [-0.9, -0.3, 0.0, 0.5, 1.0])
def test_crossfades_keep_the_power(correlation):
    """The power of the sum is constant for sides of any correlation; at 1 the gains add up to 1."""
    fall, rise = fade_curves(480, correlation)
    assert np.allclose(fall**2 + rise**2 + 2 * correlation * fall * rise, 1, atol=1e-5)
    if correlation == 1:
        assert np.allclose(fall + rise, 1, atol=1e-6)


def test_crossfades_do_not_clip():
    """Two loud sides that meet stay at full scale, without a step."""
    time = np.arange(RATE // 2) / RATE
    tones = [np.sin(2 * np.pi * hertz * time).astype(np.float32)[:, None] for hertz in (200, 300)]
    mixed = crossfade_sounds(tones[0], tones[1])
    assert np.abs(mixed).max() > 1.1
    limited = next(limit_peaks((mixed,), 1.0, lookahead=96))
    assert np.abs(limited).max() <= 1.0
    assert np.abs(np.diff(limited, axis=0)).max() < 0.06
    _, sound = joined([part_of(tones[0], 0), part_of(tones[1], RATE // 4)], RATE * 3 // 4, 1)
    assert np.abs(sound).max() <= 1.0


def test_tones_at_a_hard_cut_get_a_longer_crossfade():
    """In other phases they would change the spectrum in 10 ms more than they ever do; a texture of another colour gets 10 ms."""
    parts = make_parts("tones", 18, 3, hard_cuts=True)[1:3]
    join, _ = joined([part_of(part.samples, part.start, hard_cut=part.hard_cut) for part in parts], 18 * RATE)
    (seam,) = [seam for seam in join.seams if seam.hard_cut]
    assert seam.length in {960, 1920}


def test_a_hard_cut_has_a_short_crossfade_at_the_cut():
    """At a picture cut the crossfade is 10 ms long and on the cut, but not on an attack there."""
    left, right = noise(1, 3), noise(2, 3)
    cut = 2 * RATE + 30_000
    join, _ = joined([part_of(left, 0), part_of(right, 2 * RATE, hard_cut=True, boundary=cut)], 5 * RATE)
    (seam,) = join.seams
    assert seam.length == 480
    assert abs(seam.position + 240 - cut) < 500
    right[30_000] += 0.9
    join, _ = joined([part_of(left, 0), part_of(right, 2 * RATE, hard_cut=True, boundary=cut)], 5 * RATE)
    (seam,) = join.seams
    assert not seam.position <= cut < seam.position + seam.length


def test_gaps_are_silent_and_parts_outside_are_cut():
    """Where a part is missing there is silence between short fades; what is past the end is not written; mono sounds in both channels."""
    parts = [part_of(noise(1, 1, channels=1), 100), part_of(noise(2, 1), 2 * RATE), part_of(noise(3, 1), 3 * RATE)]
    join, sound = joined(parts, 3 * RATE + 1000)
    assert [(seam.kind, seam.length) for seam in join.seams] == [("gap", RATE - 100), ("bridge", 240)]
    assert len(sound) == 3 * RATE + 1000
    assert not sound[:100].any()
    assert not sound[RATE + 100 : 2 * RATE].any()
    assert np.array_equal(sound[100 : RATE + 100, 0], sound[100 : RATE + 100, 1])
    assert np.abs(sound[[100, RATE + 99, 2 * RATE]]).max() < 1e-3


def test_parts_that_meet_are_bridged():
    """Two halves of a tone, and halves of different tones, meet without a step."""
    time = np.arange(2 * RATE)
    tone = (0.5 * np.sin(time * 0.03)).astype(np.float32)[:, None]
    _, sound = joined([part_of(tone[:RATE], 0), part_of(tone[RATE:], RATE)], 2 * RATE, 1)
    assert np.abs(sound - tone).max() < 0.01
    other = (0.5 * np.sin(time * 0.02 + 1)).astype(np.float32)[:, None]
    _, sound = joined([part_of(tone[:RATE], 0), part_of(other[RATE:], RATE)], 2 * RATE, 1)
    assert np.abs(np.diff(sound, axis=0)).max() < 0.03


def test_a_crossfade_can_be_given():
    """A caller that knows the place, as a beat, decides it."""
    parts = [part_of(noise(1, 2), 0), part_of(noise(2, 2), RATE, crossfade=(RATE + 5000, 700))]
    join, _ = joined(parts, 3 * RATE)
    assert [(seam.position, seam.length) for seam in join.seams] == [(RATE + 5000, 700)]


def test_parts_that_do_not_follow_each_other_are_refused():
    """No parts, or one inside another, are an error that names them."""
    with pytest.raises(InvalidInput, match="no parts"):
        plan_join([], RATE, RATE, 1)
    with pytest.raises(InvalidInput, match="Parts 1 and 2 are not in order"):
        plan_join([part_of(noise(1, 2), 0), part_of(noise(2, 1), 100)], RATE, RATE, 1)


@pytest.mark.parametrize("kind", ["noise", "rain", "tones"])
def test_seams_are_no_step(kind):
    """Parts at random levels and colours: around each seam the loudness moves no more than inside the parts."""
    parts = make_parts(kind, 24, 3)
    sounds = [part_of(part.samples, part.start) for part in parts]
    join, sound = joined(sounds, 24 * RATE)
    levels = np.array([power_db(sound[at : at + 9600]) for at in range(0, len(sound) - 9600, 9600)])
    steps = np.abs(np.diff(levels))
    near = {
        at for seam in join.seams for at in range(seam.position // 9600 - 1, (seam.position + seam.length) // 9600 + 1)
    }
    inside = [step for at, step in enumerate(steps) if at not in near]
    assert max(steps[at] for at in near if at < len(steps)) <= max(inside) + 0.3


def test_files(tmp_path):
    """Files are joined to a file of exactly the length; what no crossfade touches stays to the bit; the join is plain data."""
    parts = [noise(1, 2), noise(2, 2)]
    for number, part in enumerate(parts):
        write_wav(tmp_path / f"{number}.wav", [part])
    files = [PartFile(tmp_path / f"{n}.wav", n * 3 * RATE // 2, is_fixed=True) for n in range(2)]
    out = tmp_path / "joined.wav"
    join = join_files(files, out, RATE, 7 * RATE // 2, 2)
    (seam,) = join.seams
    with WavReader(out) as wav:
        assert (wav.format.samples, wav.format.channels, wav.format.bits) == (7 * RATE // 2, 2, 24)
        sound = wav.read(0, wav.format.samples)
    with WavReader(files[0].path) as wav:
        assert np.array_equal(sound[: seam.position], wav.read(0, seam.position))
    assert json.loads(json.dumps(join.to_dict()))["seams"][0]["position"] == seam.position
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_files_that_cannot_be_joined(tmp_path):
    """Another rate, or a file that is no sound, is one sentence, and nothing is written."""
    write_wav(tmp_path / "a.wav", [noise(1, 1)])
    (tmp_path / "b.wav").write_bytes(b"no sound")
    out = tmp_path / "joined.wav"
    with pytest.raises(InvalidInput, match=r"a.wav has 48000 Hz instead of 44100 Hz"):
        join_files([PartFile(tmp_path / "a.wav", 0)], out, 44_100, RATE, 2)
    with pytest.raises(MediaError, match=r"b.wav"):
        join_files([PartFile(tmp_path / "a.wav", 0), PartFile(tmp_path / "b.wav", 100)], out, RATE, RATE, 2)
    assert not out.exists()


def test_levels_meet_at_a_hard_cut():
    """Its overlap is too short to compare: the sound beside the cut counts. Without it, one seam is a step of more than 3 dB."""
    parts = make_parts("noise", 16, 3, hard_cuts=True)
    sounds = [
        part_of(part.samples, part.start, hard_cut=part.hard_cut, boundary=part.start + 5760 if part.hard_cut else None)
        for part in parts
    ]
    join, sound = joined(sounds, 16 * RATE)
    for seam in join.seams:
        before, after = sound[seam.position - 14_400 : seam.position], sound[seam.position + seam.length :][:14_400]
        assert abs(power_db(before) - power_db(after)) < 1
    assert max(abs(seam.difference_db or 0) for seam in join.seams) > 3


def tilted_parts() -> tuple[list[PartSound], Sound, Sound]:
    """Return two parts of one level whose colours differ by 3 dB per octave, with 0.75 s of overlap."""
    left, right = (
        np.stack([tilt(each, slope) for each in noise(seed, 4).T.astype(np.float64)], axis=1).astype(np.float32)
        for seed, slope in ((1, 1.5), (2, -1.5))
    )
    return [part_of(left, 0), part_of(right, 4 * RATE - 36_000)], left, right


def test_colours_meet_at_a_seam_and_return():
    """Each side's octaves move by 3 dB at most; far from the seam both parts have their own colour, and no attack moves."""
    parts, left, right = tilted_parts()
    left[3 * RATE] += 0.9
    join, sound = joined(parts, 8 * RATE - 36_000)

    def slope_db(here: Sound) -> float:
        power = np.abs(np.fft.rfft(here.mean(axis=1))) ** 2
        hertz = np.fft.rfftfreq(len(here), 1 / RATE)
        low, high = (power[(hertz > at / 1.4) & (hertz < at * 1.4)].mean() for at in (500, 4000))
        return float(10 * np.log10(high / low))

    (seam,) = join.seams
    beside = slope_db(sound[seam.position - 9600 : seam.position]) - slope_db(
        sound[seam.position + seam.length :][:9600]
    )
    assert slope_db(left[:RATE]) - slope_db(right[-RATE:]) > 7
    assert beside < 4.5
    assert abs(slope_db(sound[:9600]) - slope_db(left[:9600])) < 0.3
    assert abs(slope_db(sound[-9600:]) - slope_db(right[-9600:])) < 0.3
    assert np.argmax(np.abs(sound[:, 0])) == 3 * RATE
    assert np.abs(np.array(seam.colour_db)).max() <= 3


def test_colours_that_are_alike_and_fixed_parts_stay():
    """Noise of one colour is not filtered, nor is a part that keeps its level: outside of the crossfade it stays to the bit."""
    assert match_colours(noise(1, 1), noise(2, 1), RATE) is None
    parts, left, _ = tilted_parts()
    join, sound = joined([replace(parts[0], is_fixed=True), parts[1]], 8 * RATE - 36_000)
    assert np.array_equal(sound[: join.seams[0].position], left[: join.seams[0].position])


def test_a_filter_raises_no_part_over_full_scale():
    """A part whose peaks are at full scale is filtered less, or not."""
    parts, left, _ = tilted_parts()
    hum = np.sin(np.arange(RATE) * (2 * np.pi * 100 / RATE)).astype(np.float32)
    left[2 * RATE : 3 * RATE] = 0.98 * hum[:, None]
    join, sound = joined(parts, 8 * RATE - 36_000)
    assert np.abs(sound).max() <= 1
    (seam,) = join.seams
    assert seam.colour_db
    assert np.abs(seam.colour_db[0]).max() < np.abs(seam.colour_db[1]).max()
