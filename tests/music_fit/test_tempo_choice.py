"""The choice of a tempo for hits."""

from __future__ import annotations

from fractions import Fraction

import pytest
from tracklay.music_fit.tempo_choice import choose_tempo

FRAME = Fraction(1, 25)


@pytest.mark.parametrize("tempo", [64, 93, 120, 171])
def test_hits_on_beats_give_their_tempo(tempo: int) -> None:
    """Hits on first beats of bars at a tempo are met by it, or by one with all of them on beats too."""
    hits = [Fraction(60 * beat, tempo) for beat in (4, 16, 28, 52, 92)]
    chosen = choose_tempo(hits, FRAME, hint=float(tempo))
    assert chosen == tempo
    for hit in hits:
        beat = float(hit) * choose_tempo(hits, FRAME) / 60
        assert abs(beat - round(beat)) * 60 / chosen < float(FRAME)


def test_the_tempo_stays_in_its_range_and_suits_the_prompt() -> None:
    """Without hits the hint is the tempo; a hint outside the range gives its edge."""
    assert choose_tempo([], FRAME, hint=84) == 84
    assert choose_tempo([], FRAME, hint=40) == 60
    assert choose_tempo([], FRAME, hint=300) == 180
    assert choose_tempo([], FRAME, low=90, high=100, hint=84) == 90


def test_of_two_tempos_that_meet_the_hits_the_one_that_suits_is_chosen() -> None:
    """Hits every two seconds are on beats at 60, 90, 120, 150 and 180: the hint decides."""
    hits = [Fraction(2 * index) for index in range(1, 12)]
    assert choose_tempo(hits, FRAME, hint=70) == 60
    assert choose_tempo(hits, FRAME, hint=122) == 120
    assert choose_tempo(hits, FRAME, hint=170) == 180


def test_more_hits_are_met_than_by_the_usual_tempo() -> None:
    """For irregular cuts, the chosen tempo meets at least as many as the hint does."""
    hits = [Fraction(value, 25) for value in (61, 133, 190, 262, 411, 502, 590)]

    def met(tempo: float) -> int:
        beats = [float(hit) * tempo / 60 for hit in hits]
        return sum(abs(beat - round(beat)) * 60 / tempo <= float(FRAME) for beat in beats)

    assert met(choose_tempo(hits, FRAME, hint=100)) > met(100)
