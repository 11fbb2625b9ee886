"""Stretches: the worst one is found, and its ends are at quiet points."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tracklay.cue import Cost, Cue, Picture, Take
from tracklay.scoring.ranking import describe_reasons, order_takes, score_value
from tracklay.scoring.stretches import find_worst_stretch
from tracklay.timing import Rate, Span, TimeMap

RATE = 48_000


def noise(seed: int, seconds: float, level: float = 0.1) -> np.ndarray:
    """Return stereo noise."""
    return (np.random.default_rng(seed).standard_normal((round(seconds * RATE), 2)) * level).astype(np.float32)


def found(*arguments) -> tuple[int, int]:
    """Return the worst stretch, which must be there."""
    take, score, seconds = arguments
    stretch = find_worst_stretch(take, RATE, score, seconds)
    assert stretch is not None
    return stretch


def test_worst_stretch():
    """It covers the fault, is as long as the model needs, ends in pauses, and is none for a good take or one that is bad all over."""
    take = noise(4, 10)
    take[round(3.3 * RATE) : round(3.6 * RATE)] *= 0.001
    take[round(7.3 * RATE) : round(7.6 * RATE)] *= 0.001
    score = {
        "reasons": [
            {"code": "speech", "points": 30.0, "spans": [[4 * RATE, 7 * RATE]]},
            {"code": "over", "points": 2.0},
        ]
    }
    first, end = found(take, score, 1.0)
    assert 3.3 * RATE <= first <= 3.6 * RATE
    assert 7.3 * RATE <= end <= 7.6 * RATE
    first, end = found(take, score, 6.0)
    assert 6.0 * RATE <= end - first <= 7.0 * RATE
    assert find_worst_stretch(take, RATE, score, 1.0, 3.0) is None
    assert find_worst_stretch(take, RATE, {"reasons": []}, 1.0) is None
    everywhere = {"reasons": [{"code": "silent", "points": 100.0, "spans": [[0, 10 * RATE]]}]}
    assert find_worst_stretch(take, RATE, everywhere, 1.0) is None


def made_take(cue: str, number: int, value: float | None, *, best: bool = True) -> Take:
    """Return a take with a score."""
    rate = Rate(Fraction(24))
    asked = Cue(
        cue,
        Span(0, 24, rate),
        Picture(Path("a.mp4"), TimeMap(((Fraction(0), Fraction(0)), (Fraction(24), Fraction(1))))),
        "sketch/foley",
        best=best,
    )
    cost = Cost("0", "USD", estimated=False)
    score = {} if value is None else {"value": value, "reasons": []}
    file = Path(f"{cue}.{number}.wav")
    return Take(asked, number, "sketch", "1", "", 1, {}, file, "", RATE, 2, RATE, cost, "", "", "", score=score)


def test_order():
    """The best of each cue comes first, equal ones stay in order, one without a score is last; others stay."""
    takes = [
        made_take("a", 1, 50),
        made_take("b", 1, 9, best=False),
        made_take("a", 2, None),
        made_take("a", 3, 80),
        made_take("a", 4, 80),
    ]
    takes.append(replace(takes[1], number=2, score={"value": 99, "reasons": []}))
    assert [(take.cue.id, take.number) for take in order_takes(takes)] == [
        ("a", 3),
        ("a", 4),
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("b", 2),
    ]


def test_words_of_reasons():
    """The most expensive reasons come as sentences with rounded figures; what costs nothing is left out."""
    reasons = [
        {"code": "speech", "points": 31.2, "seconds": 2.44, "confidence": 0.97},
        {"code": "contacts", "points": 0.0, "met": 4, "of": 4, "milliseconds": 12.3},
        {"code": "later", "points": 5},
    ]
    ((template, values),) = describe_reasons({"value": 69, "reasons": reasons})
    assert template.format(**values) == "2.4 s of speech"
    ((template, values),) = describe_reasons({"value": 100, "reasons": reasons[1:2]})
    assert template.format(**values) == "4 of 4 contacts met, 12 ms off"


@pytest.mark.parametrize("score", [None, [], "x", {"value": "9"}, {"value": 1e999, "reasons": [3, {"code": "speech"}]}])
def test_scores_of_other_programs(score):
    """What is no score counts as none, and a reason without its figures is left out."""
    assert score_value(score) == -1
    assert describe_reasons(score) == []
