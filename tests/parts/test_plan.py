"""Plans of parts: their number from lengths alone, their limits, boundaries at cuts and calm moments, exact frames over an hour."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklay.errors import InvalidInput
from tracklay.models import load_catalogue
from tracklay.models.model import DurationLimits
from tracklay.parts.plan import PictureNotes, PlannedPart, plan_parts
from tracklay.parts.sizes import PartSizes, part_sizes, request_lengths
from tracklay.timing import Rate

RATE_25 = Rate(Fraction(25))
RATES = tuple(Rate(Fraction(text)) for text in ("24000/1001", "25", "30000/1001", "60"))
MMAUDIO = load_catalogue()["fal/mmaudio-v2"]


def sizes_of(seconds: float, rate: Rate = RATE_25, mode: str = "auto", model=MMAUDIO) -> tuple[PartSizes, int]:
    """Return the sizes of the parts of a span, which must need some, and its frames."""
    frames = round(Fraction(str(seconds)) * rate.fps)
    sizes = part_sizes(model, frames, rate, mode)
    assert sizes is not None
    return sizes, frames


def check_parts(parts: list[PlannedPart], frames: int, sizes: PartSizes) -> None:
    """Assert what holds for every plan."""
    assert len(parts) == sizes.count(frames)
    assert (parts[0].start, parts[-1].end) == (0, frames)
    for left, right in pairwise(parts):
        assert left.start < right.start < left.end < right.end
    for part in parts:
        assert part.frames <= sizes.most
        assert part.frames >= min(sizes.least, frames)


def test_a_minute_of_a_model_of_eight_seconds_is_eight_parts():
    """As few as fit, known from the lengths alone; the parts of a plan without picture have exactly these lengths at least."""
    sizes, frames = sizes_of(60)
    assert sizes.count(frames) == 8
    lengths = request_lengths(MMAUDIO, frames, RATE_25, "auto")
    assert len(lengths) == 8
    assert max(lengths) <= 200
    assert sum(lengths) == frames + 7 * sizes.overlap


@pytest.mark.parametrize(
    ("seconds", "mode", "parts"),
    [(9, "auto", 1), (10, "auto", 1), (10.2, "auto", 2), (29, "whole", 1), (12, "20", 1), (21, "20", 2), (29, "4", 9)],
)
def test_modes(seconds, mode, parts):
    """Auto makes parts beyond a quarter more than the native length, whole never; a number is the longest length."""
    frames = round(seconds * 25)
    lengths = request_lengths(MMAUDIO, frames, RATE_25, mode)
    assert len(lengths) == parts
    if mode.isdigit():
        assert max(lengths) <= int(mode) * 25


def test_a_model_without_limits_is_one_request():
    """The sketch engine makes any length; a model with a longest length only makes parts beyond it."""
    catalogue = load_catalogue()
    assert part_sizes(catalogue["sketch/foley"], 90_000, RATE_25, "auto") is None
    assert part_sizes(catalogue["fal/kling-audio"], 500, RATE_25, "auto") is None
    sizes = part_sizes(catalogue["fal/kling-audio"], 501, RATE_25, "auto")
    assert sizes is not None
    assert (sizes.least, sizes.most) == (75, 500)


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("0", "parts.invalid"),
        ("-3", "parts.invalid"),
        ("x", "parts.invalid"),
        ("1e9", "parts.out_of_range"),
        ("0.5", "parts.out_of_range"),
        ("31", "parts.out_of_range"),
        ("", "parts.invalid"),
    ],
)
def test_invalid_modes(mode, code):
    """Parts of 0 s, of a length that the model does not make, and nonsense are refused."""
    with pytest.raises(InvalidInput) as caught:
        part_sizes(MMAUDIO, 1500, RATE_25, mode)
    assert caught.value.code == code


def test_whole_is_refused_only_beyond_the_models_limit():
    """A soft limit is passed on as before, a hard one is an error."""
    assert request_lengths(MMAUDIO, 29 * 25, RATE_25, "whole") == [29 * 25]
    with pytest.raises(InvalidInput) as caught:
        request_lengths(MMAUDIO, 31 * 25, RATE_25, "whole")
    assert caught.value.code == "span.too_long"


def test_boundaries_are_at_cuts_in_reach():
    """A cut near each boundary is taken; the parts overlap by 0.12 s before it, so that the shot's sound begins on its first frame."""
    sizes, frames = sizes_of(30)
    cuts = [190, 371, 560]
    parts = plan_parts(frames, RATE_25, sizes, PictureNotes(cuts=cuts))
    check_parts(parts, frames, sizes)
    assert [part.start for part in parts if part.at_cut] == [cut - 3 for cut in cuts]
    assert [left.end for left, right in pairwise(parts) if right.at_cut] == cuts


def test_boundaries_without_cuts_are_calm_and_off_contacts():
    """Within a shot the overlap lies where the picture is calm, and contains no contact where another place is in reach."""
    sizes, frames = sizes_of(16)
    assert sizes.count(frames) == 3
    motion = [1.0] * frames
    motion[100:122], motion[260:282] = [0.0] * 22, [0.0] * 22
    parts = plan_parts(frames, RATE_25, sizes, PictureNotes(contacts=range(0, 100, 7), motion=motion))
    check_parts(parts, frames, sizes)
    for left, right in pairwise(parts):
        assert sum(motion[right.start : left.end]) < 8
        assert not any(right.start <= contact < left.end for contact in range(0, 100, 7))
        assert left.end - right.start >= 12


def test_overlaps_are_wide_where_there_is_room():
    """Two parts that are shorter than preferred overlap by a second; parts at their limit by half a second."""
    sizes, frames = sizes_of(12)
    first, second = plan_parts(frames, RATE_25, sizes)
    assert first.end - second.start in (24, 25)
    tight, frames = sizes_of(15.48)
    first, second = plan_parts(frames, RATE_25, tight)
    assert 12 <= first.end - second.start <= 14


def test_least_longer_than_the_rest():
    """A model whose shortest length is longer than an equal share: the parts overlap more, and none is too short."""
    model = replace(MMAUDIO, seconds=DurationLimits(8, 10))
    sizes, frames = sizes_of(12, model=model)
    parts = plan_parts(frames, RATE_25, sizes)
    check_parts(parts, frames, sizes)
    assert [part.frames for part in parts] == [200, 200]


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_an_hour_has_no_drift(rate):
    """Every part of an hour begins on the sample that its frame has on the span's own grid."""
    sizes, frames = sizes_of(3600, rate)
    parts = plan_parts(frames, rate, sizes, PictureNotes(cuts=range(50, frames, 977)))
    check_parts(parts, frames, sizes)
    assert rate.samples(parts[-1].end, 48_000) == round(Fraction(frames) / rate.fps * 48_000)


@given(st.integers(260, 4000), st.integers(0, 2**32), st.sampled_from(RATES))
def test_any_picture(frames, seed, rate):
    """Whatever cuts, contacts and motion there are, a plan keeps the limits and covers the span."""
    chance = random.Random(seed)  # noqa: S311
    sizes = part_sizes(MMAUDIO, frames, rate, "auto")
    if sizes is None:
        return
    notes = PictureNotes(
        sorted(chance.sample(range(frames), chance.randrange(frames // 3))),
        sorted(chance.sample(range(frames), chance.randrange(frames // 3))),
        [chance.random() for _ in range(chance.randrange(frames))],
    )
    check_parts(plan_parts(frames, rate, sizes, notes), frames, sizes)
