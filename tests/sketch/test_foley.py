"""Foley from what is seen: on the sample, in its place, never too loud, and the same every time."""

from __future__ import annotations

import itertools
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracklay import demo
from tracklay.errors import InvalidInput
from tracklay.sketch.foley import ambience, renderer
from tracklay.sketch.foley.ambience_presets import AMBIENCE_PRESETS
from tracklay.sketch.music.prompt_parser import parse_prompt
from tracklay.sketch.vision.events import Event, MotionAnalysis

RATE = 48_000
FPS = Fraction(24)
PLACES = tuple(AMBIENCE_PRESETS)


def sight(
    *events: Event, seconds: int = 4, speed: np.ndarray | None = None, x: np.ndarray | None = None
) -> MotionAnalysis:
    """A picture of 24 frames a second in which `events` happen; nothing moves unless `speed` says so."""
    frames = int(seconds * FPS)
    still = np.zeros(frames, np.float32)
    times = tuple(frame / FPS for frame in range(frames))
    return MotionAnalysis(times, events, still if speed is None else speed, still if x is None else x)


def impact(frame: int | Fraction, *, strength: float = 0.8, x: float = 0.0, size: float = 0.15) -> Event:
    """An impact that is seen on `frame`."""
    return Event("impact", Fraction(frame) / FPS, Fraction(0), strength, x, 0.0, size)


def sound(seen: MotionAnalysis, samples: int = 4 * RATE, **options) -> np.ndarray:
    """The whole score as one (samples, 2) array; parameters are given as `params`."""
    return np.concatenate(
        [np.zeros((0, 2), np.float32), *renderer.render_foley(seen, samples, **{"params": {}} | options)]
    )


def rms_db(wave: np.ndarray) -> float:
    """The level in dBFS, both channels together."""
    return float(10 * np.log10(np.mean(wave.astype(np.float64) ** 2) + 1e-20))


@pytest.mark.parametrize("material", renderer.MATERIAL_CHOICES[1:])
def test_an_impact_begins_on_its_own_sample(material: str) -> None:
    """Before round(time * 48000) there is nothing at all, and on that sample there is sound, at any frame rate."""
    for time in (
        Fraction(0),
        Fraction(1001, 24000) * 31,
        Fraction(8191, RATE),
        Fraction(8192, RATE),
        Fraction(100, 59),
    ):
        event = Event("impact", time, Fraction(0), 0.6, 0.0, 0.0, 0.2)
        heard = np.abs(sound(sight(event), params={"material": material})).max(axis=1)
        onset = round(time * RATE)
        assert not heard[:onset].any()
        assert heard[onset] > 10 ** (-70 / 20)
        assert int(np.argmax(heard > 0.1 * heard.max())) - onset < 48


@given(st.lists(st.integers(0, 95), min_size=1, max_size=6, unique=True), st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_taking_an_event_away_leaves_the_others_as_they_were(frames: list[int], seed: int) -> None:
    """What an event sounds like does not depend on the other events, nor on the length asked for before its end."""
    events = [impact(frame, strength=0.3) for frame in sorted(frames)]
    whole = sound(sight(*events), seed=seed)
    apart = sum(sound(sight(event), seed=seed) for event in events)
    assert np.allclose(whole, apart, atol=2e-6)
    shorter = sound(sight(*events), 2 * RATE + 17, seed=seed)
    assert np.array_equal(shorter[: 2 * RATE - 1000], whole[: 2 * RATE - 1000])


def test_nothing_sounds_where_nothing_happens() -> None:
    """Without a word for a place there is digital silence before a hit, and less than -60 dBFS once it has rung out."""
    heard = sound(sight(impact(24)), prompt="a wooden door")
    assert not heard[:RATE].any()
    assert rms_db(heard[2 * RATE :]) < -60
    assert not sound(sight()).any()


def test_level_follows_strength() -> None:
    """Ten dB and more lie between a soft and a hard hit, in order."""
    levels = [rms_db(sound(sight(impact(24, strength=s)), params={"material": "stone"})) for s in (0.1, 0.4, 0.7, 1.0)]
    assert np.all(np.diff(levels) > 4)
    assert levels[-1] - levels[0] > 15


def test_a_hit_is_heard_where_it_is_seen() -> None:
    """Panned at equal power along x, mirrored, never late in the near ear, and mono without spread."""
    left, middle, right = (sound(sight(impact(24, x=x)), params={"spread": 1.0}) for x in (-0.8, 0.0, 0.8))
    balance = [rms_db(each[:, 1]) - rms_db(each[:, 0]) for each in (left, middle, right)]
    assert balance[0] < -8
    assert abs(balance[1]) < 1.5
    assert balance[2] > 8
    assert rms_db(left) == pytest.approx(rms_db(right), abs=1)
    assert rms_db(left) == pytest.approx(rms_db(middle), abs=1)
    near = np.flatnonzero(left[:, 0])[0]
    assert near == RATE
    assert 1 < np.flatnonzero(left[:, 1])[0] - near <= 12
    mono = sound(sight(impact(24, x=0.8)), prompt="wood", params={"spread": 0.0})
    direct = mono[RATE : RATE + 180]
    assert np.array_equal(direct[:, 0], direct[:, 1])


@given(
    st.lists(st.tuples(st.integers(0, 960), st.floats(0, 1), st.floats(-1, 1)), max_size=40),
    st.sampled_from(renderer.MATERIAL_CHOICES),
    st.sampled_from((0.0, 12.0)),
    st.sampled_from(("", "rain", "storm and sea")),
)
@settings(max_examples=25, deadline=None)
def test_peaks_stay_below_minus_one_dbfs(
    hits: list[tuple[int, float, float]], material: str, gain: float, prompt: str
) -> None:
    """Forty hits within 20 ms, turned up, over a storm: the sum is finite and below -1 dBFS."""
    events = sorted(
        (Event("impact", Fraction(at, RATE), Fraction(0), s, x, 0.0, 0.2) for at, s, x in hits),
        key=lambda event: event.time,
    )
    heard = sound(sight(*events), RATE, prompt=prompt, params={"impacts": gain, "bed": gain, "material": material})
    assert np.isfinite(heard).all()
    assert np.abs(heard).max(initial=0) <= 10 ** (-1 / 20)


def test_the_limiter_only_turns_down_around_what_is_too_loud() -> None:
    """A crowd of hits at once is held at the ceiling, what is a quarter of a second away from it is left alone."""
    crowd = [impact(48, strength=1.0) for _ in range(60)]
    soft = impact(24, strength=0.5)
    heard, alone = sound(sight(soft, *crowd), prompt="metal"), sound(sight(soft), prompt="metal")
    assert np.array_equal(heard[: 2 * RATE - 480], alone[: 2 * RATE - 480])
    assert np.abs(heard).max() == pytest.approx(renderer.PEAK_CEILING, rel=0.02)
    assert np.abs(heard).max() <= 10 ** (-1 / 20)


def test_a_whoosh_follows_the_speed_seen() -> None:
    """Loudest and highest when the thing is fastest, from the side it comes from, silent outside its event."""
    frames = np.arange(96)
    speed = (2 * np.exp(-(((frames - 48) / 8.0) ** 2))).astype(np.float32)
    x = np.clip((frames - 48) / 12, -1, 1).astype(np.float32)
    event = Event("whoosh", Fraction(28, 24), Fraction(40, 24), 1.0, 0.0, 0.0, 0.2)
    heard = sound(sight(event, speed=speed, x=x), params={"spread": 1.0})
    start, end = round(event.time * RATE), round((event.time + event.duration) * RATE)
    assert not heard[:start].any()
    assert not heard[end + 1024 :].any()
    parts = np.split(heard[2 * RATE - 24_000 : 2 * RATE + 24_000], 6)
    levels = [rms_db(part) for part in parts]
    assert levels == sorted(levels[:3]) + sorted(levels[3:], reverse=True)
    assert max(levels) - min(levels) > 8
    middles = [spectral_middle(part) for part in parts]
    assert max(middles[0], middles[5]) < 0.8 * min(middles[2], middles[3])
    assert rms_db(parts[0][:, 0]) - rms_db(parts[0][:, 1]) > 6
    assert rms_db(parts[5][:, 1]) - rms_db(parts[5][:, 0]) > 6


def spectral_middle(part: np.ndarray) -> float:
    """The frequency in Hz with half of the energy below it."""
    power = np.abs(np.fft.rfft(part.sum(axis=1) * np.hanning(len(part)))) ** 2
    return float(np.fft.rfftfreq(len(part), 1 / RATE)[np.cumsum(power) > power.sum() / 2][0])


def test_a_long_whoosh_has_no_seams() -> None:
    """A movement longer than what is rendered at a time is one steady sound throughout."""
    steady = np.full(24 * 20, 1.0, np.float32)
    event = Event("whoosh", Fraction(0), Fraction(20), 0.9, 0.0, 0.0, 0.2)
    heard = sound(sight(event, seconds=20, speed=steady), 20 * RATE)
    levels = [rms_db(part) for part in np.split(heard[4 * RATE : 16 * RATE], 60)]
    assert max(levels) - min(levels) < 4


def test_a_whoosh_without_a_measured_speed_is_still_heard() -> None:
    """A picture without frames' times, or that stands still, does not make a whoosh silent or not a number."""
    event = Event("whoosh", Fraction(1), Fraction(1), 0.9, 0.5, 0.0, 0.2)
    empty = MotionAnalysis((), (event,), np.zeros(0, np.float32), np.zeros(0, np.float32))
    for seen in (sight(event), empty):
        heard = sound(seen)
        assert np.isfinite(heard).all()
        assert rms_db(heard[RATE : 2 * RATE]) > -45


@pytest.mark.parametrize("place", PLACES)
def test_a_bed_lies_at_a_sensible_level_without_offset_or_loop(place: str) -> None:
    """Each bed lies between -45 and -27 dBFS, is steady enough, has no offset, is stereo, and never repeats itself."""
    heard = sound(sight(), 20 * RATE, prompt=place)
    assert -45 < rms_db(heard) < -27
    seconds = [rms_db(part) for part in np.split(heard, 20)]
    assert max(seconds) - min(seconds) < 16
    assert abs(heard.mean()) < 1e-4
    assert 0.2 < np.corrcoef(heard.T)[0, 1] < 0.9
    # A loop would show as a peak of the autocorrelation at its length.
    wave = heard[:, 0] - heard[:, 0].mean()
    power = np.abs(np.fft.rfft(wave, 2**21)) ** 2
    power[: 2**21 * 300 // RATE] = 0  # a rumble resembles itself over a second; a loop does so at every frequency
    whitened = power / (np.convolve(power, np.ones(401) / 401, mode="same") + 1e-12)
    likeness = np.fft.irfft(whitened)
    assert np.abs(likeness[RATE // 2 : 10 * RATE]).max() < 0.1 * likeness[0]


@pytest.mark.parametrize("place", PLACES)
def test_a_bed_has_no_clicks_where_its_blocks_meet(place: str) -> None:
    """The jumps between samples are no larger at the seams of blocks than elsewhere."""
    blocks = itertools.islice(
        ambience.render_ambience([AMBIENCE_PRESETS[place]], np.random.default_rng(2), stereo_width=0.7), 240
    )
    jumps = np.abs(np.diff(np.concatenate(list(blocks))[:, 0], n=2))
    seams = jumps.reshape(-1)[ambience.BLOCK_SAMPLES - 2 :: ambience.BLOCK_SAMPLES]
    assert np.median(seams) < 1.5 * np.median(jumps)
    assert seams.max() < np.quantile(jumps, 0.9999)


def test_a_bed_begins_and_ends_without_a_click() -> None:
    """Rain comes in over the first 5 ms and goes out over the last, to a last sample of nothing."""
    heard = np.abs(sound(sight(), 3 * RATE + 11, prompt="rain"))
    usual = np.quantile(heard, 0.99)
    assert heard[:24].max() < 0.3 * usual
    assert heard[-24:].max() < 0.3 * usual
    assert not heard[-1].any()
    assert heard[-2000:-240].max() > 0.8 * usual


def test_a_ring_out_is_cut_by_a_fade() -> None:
    """Metal that would ring past the end is faded over the last 5 ms, not cut."""
    heard = np.abs(sound(sight(impact(24)), round(1.3 * RATE), prompt="metal"))
    assert heard[-1000:-240].max() > 0.01
    assert heard[-12:].max() < 0.1 * heard[-1000:-240].max()
    assert not heard[-1].any()


@pytest.mark.parametrize("samples", [0, 1, 2, 100, 8191, 8192, 8193, 50_001])
def test_exactly_the_samples_asked_for(samples: int) -> None:
    """The blocks add up to the samples asked for, whatever their number, as float32 stereo."""
    heard = sound(sight(impact(0), impact(1), impact(95)), samples, prompt="metal sea")
    assert heard.shape == (samples, 2)
    assert heard.dtype == np.float32


def test_the_same_seed_gives_the_same_samples_and_another_seed_others() -> None:
    """Bit for bit the same for one seed, for negative ones too; hits and bed both change with the seed."""
    seen = sight(impact(24), impact(48))
    for prompt in ("wood", "rain"):
        first, again, other = (sound(seen, prompt=prompt, seed=seed) for seed in (-7, -7, 8))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)
    heard = sound(seen, prompt="wood")
    assert not np.allclose(heard[RATE : RATE + 4800], heard[2 * RATE : 2 * RATE + 4800], atol=1e-3)


def test_two_hits_at_once_are_two_different_hits() -> None:
    """Two events on one frame do not sound as one at twice the level."""
    one, two = sound(sight(impact(24, strength=0.4))), sound(sight(impact(24, strength=0.4), impact(24, strength=0.4)))
    assert not np.allclose(two, 2 * one, atol=1e-3)


def test_memory_does_not_grow_with_length() -> None:
    """A minute of hits and rain, 23 MB of sound, is made in less than 12 MB."""
    seen = sight(*(impact(12 * n) for n in range(120)), seconds=60)
    sum(
        len(block) for block in renderer.render_foley(seen, RATE, prompt="metal rain", params={})
    )  # tables are made once
    tracemalloc.start()
    total = sum(len(block) for block in renderer.render_foley(seen, 60 * RATE, prompt="metal rain", params={}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 60 * RATE
    assert peak < 12e6


@pytest.mark.parametrize(
    ("prompt", "negative", "material", "places", "unknown"),
    [
        ("", "", ["plain"], [], []),
        ("A hammer on an anvil", "", ["metal"], [], []),
        ("footsteps on wet concrete in the rain", "", ["step", "water", "stone"], ["rain"], []),
        ("bouncing rubber ball", "", ["rubber"], [], []),
        ("splashing in a puddle", "", ["water"], [], []),
        ("glass bottles, heavy rain", "", ["glass"], ["downpour"], []),
        ("walk in the woods", "", ["step"], ["forest"], []),
        ("a wooden box, no rain", "", ["wood"], [], []),
        ("wind and rain", "wind", ["plain"], ["rain"], []),
        ("wind and rain", "no wind", ["plain"], ["rain"], []),
        ("storm", "rain, downpour", ["plain"], ["gale"], []),
        ("a zebra on a carpet", "kazoo", ["cloth"], [], ["zebra", "kazoo"]),
        ("high heels on a marble floor, quiet lobby", "", ["step", "stone"], ["room"], []),
        ("keys dropped on a table", "", ["metal", "wood"], [], []),
        ("heavy mallet hitting a fence, crickets", "", ["wood"], ["night"], []),
        ("a sword fight, loud clashing", "", ["metal"], [], []),
        ("ping pong ball, low hum of a cabin", "", ["plastic"], ["hum"], []),
    ],
)
def test_what_a_prompt_means(
    prompt: str, negative: str, material: list[str], places: list[str], unknown: list[str]
) -> None:
    """Materials and places come from the prompt, less what is refused; words without a meaning are reported."""
    meant = renderer.interpret_prompt(prompt, negative)
    assert (meant["material"], meant["ambience"], meant["unknown"]) == (material, places, unknown)


def test_the_demo_is_understood_wholly() -> None:
    """A new user's first prompts hold no word that means nothing."""
    for cue in demo.DEMO_CUES:
        foleys = cue["model"] == "sketch/foley"
        unknown = (
            renderer.interpret_prompt(cue["prompt"])["unknown"]
            if foleys
            else parse_prompt(cue["prompt"], "", {}).unknown_words
        )
        assert not unknown


def test_words_about_loudness_move_what_they_stand_beside() -> None:
    """Quiet is 8 dB less and loud is more, of the hits or of the bed, whichever the clause names."""
    seen = sight(impact(24, strength=0.3))
    plain = rms_db(sound(seen, prompt="wood"))
    assert rms_db(sound(seen, prompt="soft wood")) == pytest.approx(plain - 8, abs=0.1)
    assert rms_db(sound(seen, prompt="loud wood")) == pytest.approx(plain + 4, abs=0.1)
    assert np.array_equal(sound(sight(), prompt="loud wood, rain"), sound(sight(), prompt="wood, rain"))
    assert rms_db(sound(sight(), prompt="wood, quiet room")) == pytest.approx(
        rms_db(sound(sight(), prompt="room")) - 8, abs=0.1
    )
    assert np.array_equal(
        sound(seen, prompt="wood, quiet room", params={"ambience": "none"}), sound(seen, prompt="wood")
    )


def test_a_large_thing_sounds_lower() -> None:
    """Words about size change the pitch of what is struck, as its size in the picture does."""
    seen = sight(impact(24, size=0.1))
    large, plain, small = (sound(seen, prompt=f"{word} drum")[RATE : 2 * RATE] for word in ("large", "", "small"))
    assert spectral_middle(large) < spectral_middle(plain) < spectral_middle(small)


def test_layers_can_be_refused() -> None:
    """Impacts, whooshes and the bed are each switched off by name, in the prompt or in the negative one."""
    moving = np.full(96, 1.0, np.float32)
    whoosh = Event("whoosh", Fraction(0), Fraction(1), 1.0, 0.0, 0.0, 0.2)
    hit = impact(60)
    assert not sound(sight(hit), negative="impacts").any()
    assert not sound(sight(whoosh, speed=moving), prompt="wood, no whooshes").any()
    assert not sound(sight(), prompt="rain", negative="background noise").any()
    assert renderer.interpret_prompt("rain", "whooshes, background")["off"] == ["whooshes", "bed"]


def test_parameters_do_what_they_say() -> None:
    """Gains are decibels, an explicit choice wins over the prompt, and none is none."""
    seen = sight(impact(24, strength=0.3))
    assert np.allclose(sound(seen, params={"impacts": -20.0}), sound(seen) / 10, atol=1e-6)
    assert np.allclose(
        sound(sight(), prompt="wind", params={"bed": -20}), sound(sight(), prompt="wind") / 10, atol=1e-6
    )
    assert np.array_equal(sound(seen, prompt="glass", params={"material": "wood"}), sound(seen, prompt="wood"))
    assert np.array_equal(sound(seen, params={"ambience": "sea"}), sound(seen, prompt="sea"))
    assert np.array_equal(sound(seen, prompt="sea", params={"ambience": "none"}), sound(seen))


@pytest.mark.parametrize(
    "params",
    [{"material": "cheese"}, {"ambience": 3.0}, {"impacts": "loud"}, {"bed": float("nan")}, {"volume": 1.0}],
)
def test_a_parameter_that_cannot_be_is_refused_at_once(params: dict[str, float | str | bool]) -> None:
    """A wrong name or value is an error before any sound is made, and the error names it."""
    with pytest.raises(InvalidInput, match=next(iter(params))):
        renderer.render_foley(sight(), RATE, params=params)
