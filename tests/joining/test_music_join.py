"""Parts of one piece of music: bars go on over the joins, and the music is long enough; without a beat a note says so."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tracklay.joining.music_join import MusicPart, heard_length, join_music
from tracklay.listening.onsets import detect_onsets
from tracklay.media.wav_reader import WavReader

from tests.fakes import music_model
from tests.joining.made_parts import RATE, Sound
from tests.joining.test_continuation import made_music
from tests.landing.made_takes import write_wav

OVERLAP = 8 * RATE


def write_parts(folder: Path, sounds: list[Sound], *, continues: bool = False) -> list[MusicPart]:
    """Write parts as files; the end of two seconds is continued, and bars are joined in eight."""
    parts, overlap = [], 2 * RATE if continues else OVERLAP
    for number, sound in enumerate(sounds, 1):
        write_wav(folder / f"{number}.wav", [np.stack([sound, sound], axis=1)])
        parts.append(
            MusicPart(folder / f"{number}.wav", number, overlap if number > 1 else 0, continues and number > 1)
        )
    return parts


def read(path: Path) -> Sound:
    """Return a file's samples, mono."""
    with WavReader(path) as wav:
        return wav.read(0, wav.format.samples)[:, 0]


def band(seconds: float, offset: float, gain: float = 1.0) -> Sound:
    """Return music at 120 that begins `offset` seconds into a bar, without an ending."""
    first = round(offset * RATE)
    played: Sound = music_model.play(round((seconds + offset + 12) * RATE))[first : first + round(seconds * RATE)]
    return played * np.float32(gain)


def test_bars_go_on(tmp_path):
    """A part that begins anywhere in a bar and at another level: all beats of the joined music are in time; it is long enough."""
    sounds = [band(20, 0), band(20, 0.73, 0.7), band(28, 0.73, 0.7)[12 * RATE :]]
    least = 38 * RATE
    parts = write_parts(tmp_path, sounds)
    parts[2] = parts[2]._replace(continues=True)
    joined = join_music(parts, tmp_path / "out.wav", RATE, least, 1)
    assert [seam["join"] for seam in joined.seams] == ["downbeat", "continuation"]
    assert [part[3] for part in joined.parts] == pytest.approx([0, 3.1, 3.1], abs=0.5)
    assert not joined.notes
    assert joined.samples >= least
    sound = read(tmp_path / "out.wav")
    assert len(sound) == joined.samples
    onsets = np.array([onset.sample for onset in detect_onsets(sound[:, None], RATE) if onset.level_db > -30])
    beats = np.arange(len(sound) // (RATE // 2) - 2) * (RATE // 2)
    nearest = np.abs(onsets[:, None] - beats).min(axis=0)
    assert np.percentile(nearest, 98) < RATE // 100
    for seam in joined.seams[:1]:
        assert min(seam["downbeat"] % (2 * RATE), -seam["downbeat"] % (2 * RATE)) < RATE // 50


def test_music_without_a_beat_is_crossfaded(tmp_path):
    """Noise has no beat: the join is a crossfade in the overlap, and a note says so."""
    noise = [np.random.default_rng(seed).standard_normal(16 * RATE).astype(np.float32) * 0.05 for seed in range(2)]
    joined = join_music(write_parts(tmp_path, noise), tmp_path / "out.wav", RATE, 24 * RATE, 1)
    assert joined.notes == [
        "parts 1 and 2 are joined in a crossfade, not on a beat: none was found on which their bars fit"
    ]
    assert joined.seams[0]["join"] == "crossfade"
    assert joined.samples == 24 * RATE


def test_the_own_ending_of_a_part_is_not_in_the_middle(tmp_path):
    """A part that ends by itself is left on a downbeat before its ending."""
    first = music_model.play(24 * RATE)
    joined = join_music(write_parts(tmp_path, [first, band(24, 0)]), tmp_path / "out.wav", RATE, 36 * RATE, 1)
    assert joined.seams[0]["join"] == "downbeat"
    last_chord = 24 * RATE - 8 * RATE // 2
    assert joined.seams[0]["downbeat"] <= last_chord
    assert heard_length(tmp_path / "1.wav", RATE) > last_chord


@pytest.mark.parametrize("contains", [True, False])
def test_continuations_are_one_sound(tmp_path, contains):
    """Replies with and without the given end, at other levels: the joined music is the whole music, to the sample and level."""
    whole = made_music(14)[:, 0] * np.float32(0.5)
    ends, starts = [292_800, 484_800, 14 * RATE], [0, 292_800, 484_800]  # on no attack
    sounds = [
        whole[start - (2 * RATE if contains and start else 0) : end] for start, end in zip(starts, ends, strict=True)
    ]
    if contains:
        sounds = [sound * np.float32(gain) for sound, gain in zip(sounds, (1, 0.6, 1.7), strict=True)]
    joined = join_music(write_parts(tmp_path, sounds, continues=True), tmp_path / "out.wav", RATE, 0, 1)
    assert [seam["contains_tail"] for seam in joined.seams] == [contains, contains]
    sound = read(tmp_path / "out.wav")
    assert len(sound) == len(whole)
    assert np.abs(sound - whole)[: 5 * RATE].max() < 1e-4
    for seam in joined.seams:
        around = slice(seam["position"] - 2400, seam["position"] + 4800)
        assert np.abs(sound - whole)[around].max() < 1e-3
    for left, right in pairwise(joined.parts):
        assert left[2] >= right[1]


def test_a_reply_that_adds_nothing(tmp_path):
    """Only the given end comes back: the part is left out and named."""
    whole = made_music(6)[:, 0] * np.float32(0.5)
    sounds = [whole, whole[4 * RATE :]]
    joined = join_music(write_parts(tmp_path, sounds, continues=True), tmp_path / "out.wav", RATE, 0, 1)
    assert [part[0] for part in joined.parts] == [1]
    assert joined.notes == ["part 2 is left out: its music does not go on after the end of part 1"]
