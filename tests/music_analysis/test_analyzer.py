"""Analysis of made music, and of the sketch engine's own, whose beats are known to the sample."""

from __future__ import annotations

import numpy as np
import pytest
from tracklay.music_analysis.analyzer import analyze_music, analyze_samples
from tracklay.sketch.music.composer import compose_music

from tests.music_analysis.made_music import RATE, make_song


@pytest.mark.parametrize(("tempo", "meter"), [(66, 4), (92.5, 4), (121.3, 4), (138, 3), (174, 4)])
def test_tempo_beats_and_bars_of_a_song(tempo: float, meter: int) -> None:
    """The tempo is found in its octave within 0.2 %, every beat within 10 ms, and every bar's first beat."""
    song = make_song(tempo, "AB" if tempo < 100 else "ABA", meter=meter)
    found = analyze_samples(song.samples, song.rate)
    assert found.tempo == pytest.approx(tempo, rel=0.002)
    assert found.meter == meter
    for index, beat in enumerate(song.beats):
        nearest = int(np.argmin(np.abs(found.beats - beat)))
        assert abs(found.beats[nearest] - beat) < 0.010 * RATE
        assert abs(found.attacks[nearest] - beat) < 0.010 * RATE
        assert found.places[nearest] == index % meter


@pytest.mark.parametrize("rate", [22_050, 44_100, 96_000])
def test_any_rate(rate: int) -> None:
    """Beats are samples of the sound itself, at any rate and with one channel."""
    song = make_song(100, "AB", rate=rate)
    found = analyze_samples(song.samples[:, :1], rate)
    assert found.tempo == pytest.approx(100, rel=0.003)
    away = np.abs(found.beats[None, :] - np.array(song.beats)[:, None]).min(axis=1)
    assert away.max() < 0.012 * rate


def test_alike_beats_are_those_of_alike_sections() -> None:
    """In ABA, a beat is most like the same beat of the other section of its name."""
    song = make_song(120, "ABA")
    found = analyze_samples(song.samples, song.rate)
    section = 4 * song.meter
    for beat in range(2, section - 2):
        assert found.likeness[beat, beat + 2 * section] > 0.95
        assert found.likeness[beat, beat + 2 * section] > found.likeness[beat, beat + section]


def test_sections_begin_where_the_song_changes() -> None:
    """Every change from A to B and back is a section's start, and its beat has the strongest accent around."""
    song = make_song(120, "AABBAA")
    found = analyze_samples(song.samples, song.rate)
    starts = found.beats[found.sections]
    for change in (song.sections[2], song.sections[4]):
        assert np.abs(starts - change).min() < 0.01 * RATE
        beat = int(np.argmin(np.abs(found.beats - change)))
        assert found.accents[beat] == found.accents[beat - 3 : beat + 4].max()


def test_the_ending_begins_a_bar_before_the_final_chord() -> None:
    """The final chord and the bar before it are the ending; the sound after the last is not."""
    song = make_song(120, "AB")
    samples = np.concatenate([song.samples, np.zeros((RATE, 2), np.float32)])
    found = analyze_samples(samples, song.rate)
    ending, beats = found.ending, found.beats
    assert ending.is_own
    assert abs(ending.final - song.final) < 0.03 * RATE
    assert abs(ending.end - len(song.samples)) < 0.1 * RATE
    assert abs(beats[ending.first_beat] - (song.final - 2 * RATE)) < 0.01 * RATE


def test_music_that_is_cut_off_has_no_ending_of_its_own() -> None:
    """A model's output that stops in the middle of a bar is known as such."""
    song = make_song(120, "AB")
    assert not analyze_samples(song.samples[: song.beats[21]], song.rate).ending.is_own


@pytest.mark.parametrize("sound", ["silence", "noise", "tone", "short"])
def test_sound_without_a_beat_has_an_even_grid(sound: str) -> None:
    """Silence, noise, a tone and a very short sound are no error: their beats are a grid, without confidence."""
    time = np.arange(8 * RATE) / RATE
    samples = {
        "silence": np.zeros(8 * RATE),
        "noise": np.random.default_rng(0).standard_normal(8 * RATE) * 0.1,
        "tone": np.sin(2 * np.pi * 220 * time),
        "short": np.ones(100) * 0.1,
    }[sound]
    found = analyze_samples(samples[:, None].astype(np.float32), RATE)
    assert found.tempo_confidence < 0.1
    assert found.beats[0] < 0.6 * RATE
    assert np.all(np.diff(found.beats) > 0)
    assert len(found.beats) == len(found.places) == len(found.accents) == len(found.attacks) == len(found.likeness)


def test_the_sound_is_read_in_stretches() -> None:
    """A long sound is never held whole: no stretch is longer than 24 s."""
    song = make_song(120, "ABABA")
    asked = []

    def read(start: int, stop: int) -> np.ndarray:
        asked.append(stop - start)
        return song.samples[start:stop]

    analyze_music(read, len(song.samples), song.rate)
    assert max(asked) < 24 * RATE


def test_the_sketch_engines_own_score() -> None:
    """Of the engine's music, tempo, meter and bars are those of its score, and beats are within 25 ms in nine of ten."""
    piece = compose_music("", 20 * RATE, seed=14, params={"style": "synthwave"})
    mix = np.concatenate([sum(block.values()) for block in piece.render()])
    found = analyze_samples(mix.astype(np.float32), RATE)
    form = piece.form
    assert found.tempo == pytest.approx(form.tempo, rel=0.01)
    assert found.meter == form.beats_per_bar
    beats = [form.sample_at(step) for step in range(0, form.final_step + 1, 4)]
    nearest = [int(np.argmin(np.abs(found.beats - beat))) for beat in beats]
    assert np.mean([abs(found.beats[at] - beat) < 0.025 * RATE for at, beat in zip(nearest, beats, strict=True)]) > 0.9
    assert np.mean([found.places[at] == index % found.meter for index, at in enumerate(nearest)]) > 0.9
