"""Fits of made music, whose beats and ending are known to the sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracklay.errors import InvalidInput
from tracklay.listening.onsets import detect_onsets
from tracklay.music_analysis.analyzer import MusicAnalysis, analyze_samples
from tracklay.music_fit.fit import Fit, fit_music

from tests.music_analysis.made_music import RATE, Song, make_song

FRAME = RATE // 24


@pytest.fixture(scope="module")
def song() -> Song:
    """Return a song of 34 s at 120 beats per minute."""
    return make_song(120, "ABAB")


@pytest.fixture(scope="module")
def analysis(song: Song) -> MusicAnalysis:
    """Return its analysis."""
    return analyze_samples(song.samples, song.rate)


def fit(
    song: Song, analysis: MusicAnalysis, span: int, hits: tuple[int, ...] = (), tail: int = 0
) -> tuple[Fit, np.ndarray]:
    """Return a fit and its samples."""

    def read(start: int, stop: int) -> np.ndarray:
        return song.samples[start:stop]

    found = fit_music(read, len(song.samples), song.rate, span, hits=hits, tail=tail, analysis=analysis)
    return found, np.concatenate(list(found.blocks(read)))


def test_music_of_the_right_length_is_not_touched(song: Song, analysis: MusicAnalysis) -> None:
    """Fitted to its own length, every sample is the music's own."""
    span = analysis.ending.end
    found, samples = fit(song, analysis, span)
    assert not found.joins
    assert found.keeps_ending
    assert not found.notes
    np.testing.assert_array_equal(samples[: -RATE // 10], song.samples[: span - RATE // 10])


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_length_is_exact_and_keeps_start_and_ending(
    data: st.DataObject, song: Song, analysis: MusicAnalysis
) -> None:
    """From a fifth to two and a half times the music, the length is exact; its first beat and its final chord are its own."""
    span = data.draw(st.integers(len(song.samples) // 5, len(song.samples) * 5 // 2))
    found, samples = fit(song, analysis, span)
    assert len(samples) == found.samples == span
    assert found.keeps_ending
    assert len(found.notes) == any(join.kind == "fade" for join in found.joins)
    np.testing.assert_array_equal(samples[: RATE // 10], song.samples[: RATE // 10])
    ring = 3 * RATE // 10
    final = span - (analysis.ending.end - song.final) + found.trim
    np.testing.assert_array_equal(samples[final : final + ring], song.samples[song.final : song.final + ring])


@pytest.mark.parametrize("share", [0.4, 0.75, 1.6, 2.3])
def test_joins_are_on_beats_and_bars_stay_whole(song: Song, analysis: MusicAnalysis, share: float) -> None:
    """Both sides of a join are on beats of the same place in the bar, and time changes by 2 % at most."""
    found, _ = fit(song, analysis, round(len(song.samples) * share))
    assert found.joins
    beats = np.array(song.beats)
    for join in found.joins:
        places = []
        for source in (join.source_from, join.source_to):
            nearest = int(np.argmin(np.abs(beats - source)))
            assert abs(beats[nearest] - source) < 0.005 * RATE
            places.append(nearest % song.meter)
        assert places[0] == places[1]
        assert join.similarity > 0.75
        assert join.kind == "crossfade"
        assert not join.pause
    for run in found.runs:
        assert abs(run.stretch) <= 0.02 * (run.source_stop - run.source) + 1


def test_a_join_is_not_heard(song: Song, analysis: MusicAnalysis) -> None:
    """With a repeat of the same section, the result is the music that a longer song would have."""
    longer = make_song(120, "ABABABAB")
    span = analysis.ending.end + longer.final - song.final
    found, samples = fit(song, analysis, span)
    assert found.joins
    rest = samples - longer.samples[:span]
    # The noise of drums differs from beat to beat in neither; joins of a song with itself leave less than -40 dB.
    assert np.sum(rest.astype(np.float64) ** 2) < 1e-4 * np.sum(longer.samples.astype(np.float64) ** 2)


@pytest.mark.parametrize(
    ("span_s", "hits_s"),
    [(25.0, (9.31,)), (41.3, (7.77, 12.9, 30.05)), (12.0, (5.2,)), (60.0, (3.9, 11.1, 22.2, 33.3, 44.7, 55.5))],
)
def test_accents_fall_on_hits(song: Song, analysis: MusicAnalysis, span_s: float, hits_s: tuple[float, ...]) -> None:
    """An attack is heard within a frame of every hit, and the fit says so."""
    hits = tuple(round(second * RATE) for second in hits_s)
    found, samples = fit(song, analysis, round(span_s * RATE), hits)
    assert len(samples) == round(span_s * RATE)
    assert found.keeps_ending
    onsets = np.array([onset.sample for onset in detect_onsets(samples, RATE)])
    assert [result.hit for result in found.hits] == list(hits)
    for result in found.hits:
        assert abs(result.at - result.hit) <= FRAME
        assert np.abs(onsets - result.hit).min() <= FRAME


def test_the_ending_is_a_tail_after_the_span(song: Song, analysis: MusicAnalysis) -> None:
    """With a tail, the ending falls that much after the span."""
    without, samples = fit(song, analysis, 20 * RATE)
    with_tail, longer = fit(song, analysis, 19 * RATE, tail=RATE)
    np.testing.assert_array_equal(samples, longer)
    assert without.to_manifest() == with_tail.to_manifest()


def test_a_change_of_time_keeps_the_pitch(song: Song, analysis: MusicAnalysis) -> None:
    """Two per cent more time does not move the pitch of a tone by a cent."""
    time = np.arange(20 * RATE) / RATE
    tone = (0.2 * np.sin(2 * np.pi * 441.0 * time) * (1 + 0.5 * np.cos(2 * np.pi * 2 * time)))[:, None].astype(
        np.float32
    )
    from tracklay.music_fit.assembly import Run
    from tracklay.music_fit.cutting import cut_pieces
    from tracklay.music_fit.pieces import render_pieces

    stretch = round(0.02 * len(tone))
    run = Run(0, len(tone), 0, len(tone) + stretch, list(range(0, len(tone), RATE // 2)))
    pieces = cut_pieces([run], lambda a, b: tone[a:b], len(tone), RATE, bar=RATE, end_fade=0)
    out = np.concatenate(list(render_pieces(pieces, lambda a, b: tone[a:b], len(tone), len(tone) + stretch, RATE)))[
        :, 0
    ]
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out)), 1 << 22))
    peak = np.argmax(spectrum) * RATE / (1 << 22)
    assert abs(1200 * np.log2(peak / 441.0)) < 1
    assert np.abs(np.diff(out)).max() < 1.05 * np.abs(np.diff(tone[:, 0])).max()


def test_music_that_is_cut_off_fades_on_a_bar(song: Song) -> None:
    """Music with no ending of its own fades out over its last bar, and a note says so."""
    cut = Song(song.samples[: song.beats[53]], song.rate, song.beats[:53], song.meter, song.sections, 0)
    found, samples = fit(cut, analyze_samples(cut.samples, RATE), 30 * RATE)
    assert not found.keeps_ending
    assert any("no ending" in note for note in found.notes)
    level = [float(np.sqrt(np.mean(part**2))) for part in (samples[-RATE * 5 :][: RATE * 2], samples[-RATE // 20 :])]
    assert level[1] < 0.05 * level[0]


@pytest.mark.parametrize("span", [100, RATE // 2, 2 * RATE, 3 * RATE])
def test_a_span_shorter_than_start_and_ending_has_the_ending(song: Song, analysis: MusicAnalysis, span: int) -> None:
    """A very short span gets the last part of the music, exactly as long."""
    found, samples = fit(song, analysis, span)
    assert len(samples) == span
    assert found.keeps_ending
    end = analysis.ending.end
    if span == RATE // 2:
        np.testing.assert_array_equal(samples[-RATE // 4 : -RATE // 8], song.samples[end - RATE // 4 : end - RATE // 8])


@pytest.mark.parametrize("hit", [-1, 20 * RATE, 21 * RATE])
def test_a_hit_outside_the_span_is_an_error(song: Song, analysis: MusicAnalysis, hit: int) -> None:
    """The sentence names the hit and the span."""
    with pytest.raises(InvalidInput, match="outside the span of 20"):
        fit(song, analysis, 20 * RATE, (hit,))


@pytest.mark.parametrize("seconds", [0.0002, 0.3, 4.0])
@pytest.mark.parametrize("kind", ["silence", "noise"])
def test_sound_that_is_no_music_is_fitted_too(kind: str, seconds: float) -> None:
    """Silence, noise and very short sounds have the length that was asked for, in one channel too."""
    count = max(1, round(seconds * RATE))
    values = np.random.default_rng(0).standard_normal(count) * (0.1 if kind == "noise" else 0)
    sound = values[:, None].astype(np.float32)
    made = Song(sound, RATE, [], 4, [], 0)
    for span in (RATE // 3, 7 * RATE):
        _, samples = fit(made, analyze_samples(sound, RATE), span, (span // 2,))
        assert samples.shape == (span, 1)
        assert np.isfinite(samples).all()
