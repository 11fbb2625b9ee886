"""Foley rendering: exact samples, pan, limited peaks, and reproducible results."""

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
PRESETS = tuple(AMBIENCE_PRESETS)


def make_analysis(
    *events: Event, seconds: int = 4, speed: np.ndarray | None = None, x: np.ndarray | None = None
) -> MotionAnalysis:
    """Return an analysis of a picture with 24 frames per second and these events; nothing moves without `speed`."""
    frames = int(seconds * FPS)
    still = np.zeros(frames, np.float32)
    times = tuple(frame / FPS for frame in range(frames))
    return MotionAnalysis(times, events, still if speed is None else speed, still if x is None else x)


def impact(frame: int | Fraction, *, strength: float = 0.8, x: float = 0.0, size: float = 0.15) -> Event:
    """Return an impact on `frame`."""
    return Event("impact", Fraction(frame) / FPS, Fraction(0), strength, x, 0.0, size)


def render(analysis: MotionAnalysis, samples: int = 4 * RATE, **options) -> np.ndarray:
    """Return the whole sound as one (samples, 2) array; `options` are those of `render_foley`."""
    return np.concatenate(
        [np.zeros((0, 2), np.float32), *renderer.render_foley(analysis, samples, **{"params": {}} | options)]
    )


def rms_db(wave: np.ndarray) -> float:
    """Return the RMS level in dBFS, both channels together."""
    return float(10 * np.log10(np.mean(wave.astype(np.float64) ** 2) + 1e-20))


@pytest.mark.parametrize("material", renderer.MATERIAL_CHOICES[1:])
def test_an_impact_begins_on_its_own_sample(material: str) -> None:
    """There is digital silence before round(time * 48000) and sound on that sample, at any frame rate."""
    for time in (
        Fraction(0),
        Fraction(1001, 24000) * 31,
        Fraction(8191, RATE),
        Fraction(8192, RATE),
        Fraction(100, 59),
    ):
        event = Event("impact", time, Fraction(0), 0.6, 0.0, 0.0, 0.2)
        audio = np.abs(render(make_analysis(event), params={"material": material})).max(axis=1)
        onset = round(time * RATE)
        assert not audio[:onset].any()
        assert audio[onset] > 10 ** (-70 / 20)
        assert int(np.argmax(audio > 0.1 * audio.max())) - onset < 48


@given(st.lists(st.integers(0, 95), min_size=1, max_size=6, unique=True), st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_removing_an_event_does_not_change_the_others(frames: list[int], seed: int) -> None:
    """The sound of an event depends neither on other events nor on the requested length."""
    events = [impact(frame, strength=0.3) for frame in sorted(frames)]
    whole = render(make_analysis(*events), seed=seed)
    apart = sum(render(make_analysis(event), seed=seed) for event in events)
    assert np.allclose(whole, apart, atol=2e-6)
    shorter = render(make_analysis(*events), 2 * RATE + 17, seed=seed)
    assert np.array_equal(shorter[: 2 * RATE - 1000], whole[: 2 * RATE - 1000])


def test_there_is_silence_without_events() -> None:
    """Without an ambience there is digital silence before a hit, and less than -60 dBFS after its decay."""
    audio = render(make_analysis(impact(24)), prompt="a wooden door")
    assert not audio[:RATE].any()
    assert rms_db(audio[2 * RATE :]) < -60
    assert not render(make_analysis()).any()


def test_level_follows_strength() -> None:
    """A soft hit is at least 15 dB below a hard one, and each step of strength is more than 4 dB."""
    levels = [
        rms_db(render(make_analysis(impact(24, strength=s)), params={"material": "stone"}))
        for s in (0.1, 0.4, 0.7, 1.0)
    ]
    assert np.all(np.diff(levels) > 4)
    assert levels[-1] - levels[0] > 15


def test_a_hit_is_panned_to_its_position_in_the_picture() -> None:
    """The pan has equal power along x and is symmetric, only the far ear is delayed, and a spread of 0 is mono."""
    left, middle, right = (render(make_analysis(impact(24, x=x)), params={"spread": 1.0}) for x in (-0.8, 0.0, 0.8))
    balance = [rms_db(each[:, 1]) - rms_db(each[:, 0]) for each in (left, middle, right)]
    assert balance[0] < -8
    assert abs(balance[1]) < 1.5
    assert balance[2] > 8
    assert rms_db(left) == pytest.approx(rms_db(right), abs=1)
    assert rms_db(left) == pytest.approx(rms_db(middle), abs=1)
    near = np.flatnonzero(left[:, 0])[0]
    assert near == RATE
    assert 1 < np.flatnonzero(left[:, 1])[0] - near <= 12
    mono = render(make_analysis(impact(24, x=0.8)), prompt="wood", params={"spread": 0.0})
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
    """The sum of forty amplified hits within 20 ms and a storm is finite and below -1 dBFS."""
    events = sorted(
        (Event("impact", Fraction(at, RATE), Fraction(0), s, x, 0.0, 0.2) for at, s, x in hits),
        key=lambda event: event.time,
    )
    audio = render(
        make_analysis(*events), RATE, prompt=prompt, params={"impacts": gain, "bed": gain, "material": material}
    )
    assert np.isfinite(audio).all()
    assert np.abs(audio).max(initial=0) <= 10 ** (-1 / 20)


def test_the_limiter_reduces_the_gain_only_around_loud_peaks() -> None:
    """Sixty simultaneous hits are limited to the ceiling; samples more than 10 ms before them are unchanged."""
    crowd = [impact(48, strength=1.0) for _ in range(60)]
    soft = impact(24, strength=0.5)
    audio, alone = render(make_analysis(soft, *crowd), prompt="metal"), render(make_analysis(soft), prompt="metal")
    assert np.array_equal(audio[: 2 * RATE - 480], alone[: 2 * RATE - 480])
    assert np.abs(audio).max() == pytest.approx(renderer.PEAK_CEILING, rel=0.02)
    assert np.abs(audio).max() <= 10 ** (-1 / 20)


def test_a_whoosh_follows_the_measured_speed() -> None:
    """It is loudest and highest at the highest speed, pans with the object, and is silent outside its event."""
    frames = np.arange(96)
    speed = (2 * np.exp(-(((frames - 48) / 8.0) ** 2))).astype(np.float32)
    x = np.clip((frames - 48) / 12, -1, 1).astype(np.float32)
    event = Event("whoosh", Fraction(28, 24), Fraction(40, 24), 1.0, 0.0, 0.0, 0.2)
    audio = render(make_analysis(event, speed=speed, x=x), params={"spread": 1.0})
    start, end = round(event.time * RATE), round((event.time + event.duration) * RATE)
    assert not audio[:start].any()
    assert not audio[end + 1024 :].any()
    parts = np.split(audio[2 * RATE - 24_000 : 2 * RATE + 24_000], 6)
    levels = [rms_db(part) for part in parts]
    assert levels == sorted(levels[:3]) + sorted(levels[3:], reverse=True)
    assert max(levels) - min(levels) > 8
    medians = [spectral_median(part) for part in parts]
    assert max(medians[0], medians[5]) < 0.8 * min(medians[2], medians[3])
    assert rms_db(parts[0][:, 0]) - rms_db(parts[0][:, 1]) > 6
    assert rms_db(parts[5][:, 1]) - rms_db(parts[5][:, 0]) > 6


def spectral_median(part: np.ndarray) -> float:
    """Return the frequency in Hz with half of the energy below it."""
    power = np.abs(np.fft.rfft(part.sum(axis=1) * np.hanning(len(part)))) ** 2
    return float(np.fft.rfftfreq(len(part), 1 / RATE)[np.cumsum(power) > power.sum() / 2][0])


def test_a_long_whoosh_has_no_seams() -> None:
    """A movement that is rendered in several parts has a steady level."""
    steady = np.full(24 * 20, 1.0, np.float32)
    event = Event("whoosh", Fraction(0), Fraction(20), 0.9, 0.0, 0.0, 0.2)
    audio = render(make_analysis(event, seconds=20, speed=steady), 20 * RATE)
    levels = [rms_db(part) for part in np.split(audio[4 * RATE : 16 * RATE], 60)]
    assert max(levels) - min(levels) < 4


def test_a_whoosh_without_a_measured_speed_is_audible() -> None:
    """A whoosh is audible and finite in a still picture, and in an analysis without frame times."""
    event = Event("whoosh", Fraction(1), Fraction(1), 0.9, 0.5, 0.0, 0.2)
    empty = MotionAnalysis((), (event,), np.zeros(0, np.float32), np.zeros(0, np.float32))
    for analysis in (make_analysis(event), empty):
        audio = render(analysis)
        assert np.isfinite(audio).all()
        assert rms_db(audio[RATE : 2 * RATE]) > -45


@pytest.mark.parametrize("preset", PRESETS)
def test_an_ambience_has_a_sensible_level_and_no_offset_or_loop(preset: str) -> None:
    """Each ambience is between -45 and -19 dBFS, steady, without offset, in stereo, and never repeats."""
    audio = render(make_analysis(), 20 * RATE, prompt=preset)
    assert -45 < rms_db(audio) < -19
    seconds = [rms_db(part) for part in np.split(audio, 20)]
    assert max(seconds) - min(seconds) < 16
    assert abs(audio.mean()) < 1e-4
    assert 0.2 < np.corrcoef(audio.T)[0, 1] < 0.9
    # A loop would cause a peak of the autocorrelation at its length.
    wave = audio[:, 0] - audio[:, 0].mean()
    power = np.abs(np.fft.rfft(wave, 2**21)) ** 2
    power[: 2**21 * 300 // RATE] = 0  # a rumble correlates with itself over a second; a loop does so at every frequency
    whitened = power / (np.convolve(power, np.ones(401) / 401, mode="same") + 1e-12)
    autocorrelation = np.fft.irfft(whitened)
    assert np.abs(autocorrelation[RATE // 2 : 10 * RATE]).max() < 0.1 * autocorrelation[0]


@pytest.mark.parametrize("preset", PRESETS)
def test_an_ambience_has_no_clicks_at_block_borders(preset: str) -> None:
    """The differences between samples are no larger at block borders than elsewhere."""
    blocks = itertools.islice(
        ambience.render_ambience([AMBIENCE_PRESETS[preset]], np.random.default_rng(2), stereo_width=0.7), 240
    )
    jumps = np.abs(np.diff(np.concatenate(list(blocks))[:, 0], n=2))
    seams = jumps.reshape(-1)[ambience.BLOCK_SAMPLES - 2 :: ambience.BLOCK_SAMPLES]
    assert np.median(seams) < 1.5 * np.median(jumps)
    assert seams.max() < np.quantile(jumps, 0.9999)


def test_an_ambience_starts_and_ends_without_a_click() -> None:
    """Rain fades in over the first 5 ms and out over the last 5 ms; the last sample is zero."""
    audio = np.abs(render(make_analysis(), 3 * RATE + 11, prompt="rain"))
    usual = np.quantile(audio, 0.99)
    assert audio[:24].max() < 0.3 * usual
    assert audio[-24:].max() < 0.3 * usual
    assert not audio[-1].any()
    assert audio[-2000:-240].max() > 0.8 * usual


def test_a_decay_past_the_end_is_faded_out() -> None:
    """Metal that rings past the end is faded out over the last 5 ms instead of cut off."""
    audio = np.abs(render(make_analysis(impact(24)), round(1.3 * RATE), prompt="metal"))
    assert audio[-1000:-240].max() > 0.01
    assert audio[-12:].max() < 0.1 * audio[-1000:-240].max()
    assert not audio[-1].any()


@pytest.mark.parametrize("samples", [0, 1, 2, 100, 8191, 8192, 8193, 50_001])
def test_the_length_is_exactly_the_requested_one(samples: int) -> None:
    """The blocks add up to the requested number of samples, as float32 stereo."""
    audio = render(make_analysis(impact(0), impact(1), impact(95)), samples, prompt="metal sea")
    assert audio.shape == (samples, 2)
    assert audio.dtype == np.float32


def test_the_seed_decides_the_samples() -> None:
    """One seed, negative ones included, gives identical samples; another one changes impacts and ambience."""
    analysis = make_analysis(impact(24), impact(48))
    for prompt in ("wood", "rain"):
        first, again, other = (render(analysis, prompt=prompt, seed=seed) for seed in (-7, -7, 8))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)
    audio = render(analysis, prompt="wood")
    assert not np.allclose(audio[RATE : RATE + 4800], audio[2 * RATE : 2 * RATE + 4800], atol=1e-3)


def test_two_simultaneous_hits_differ() -> None:
    """Two events on one frame are not one sound at twice the level."""
    one, two = (
        render(make_analysis(impact(24, strength=0.4))),
        render(make_analysis(impact(24, strength=0.4), impact(24, strength=0.4))),
    )
    assert not np.allclose(two, 2 * one, atol=1e-3)


def test_memory_does_not_grow_with_length() -> None:
    """A minute of hits and rain, 23 MB of sound, is rendered in less than 12 MB."""
    analysis = make_analysis(*(impact(12 * n) for n in range(120)), seconds=60)
    sum(
        len(block) for block in renderer.render_foley(analysis, RATE, prompt="metal rain", params={})
    )  # fills the caches
    tracemalloc.start()
    total = sum(len(block) for block in renderer.render_foley(analysis, 60 * RATE, prompt="metal rain", params={}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 60 * RATE
    assert peak < 12e6


@pytest.mark.parametrize(
    ("prompt", "negative", "material", "presets", "unknown"),
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
def test_a_prompt_is_interpreted(
    prompt: str, negative: str, material: list[str], presets: list[str], unknown: list[str]
) -> None:
    """Materials and ambiences come from the prompt, without the excluded ones; words without a meaning are reported."""
    interpretation = renderer.interpret_prompt(prompt, negative)
    assert (interpretation["material"], interpretation["ambience"], interpretation["unknown"]) == (
        material,
        presets,
        unknown,
    )


def test_the_demo_prompts_have_no_unknown_words() -> None:
    """Every word in the prompts of the demo has a meaning."""
    for cue in demo.DEMO_CUES:
        is_foley = cue["model"] == "sketch/foley"
        unknown = (
            renderer.interpret_prompt(cue["prompt"])["unknown"]
            if is_foley
            else parse_prompt(cue["prompt"], "", {}).unknown_words
        )
        assert not unknown


def test_words_about_loudness_apply_to_their_own_clause() -> None:
    """Soft is 8 dB less and loud 4 dB more, for impacts or for the ambience, depending on the clause."""
    analysis = make_analysis(impact(24, strength=0.3))
    plain = rms_db(render(analysis, prompt="wood"))
    assert rms_db(render(analysis, prompt="soft wood")) == pytest.approx(plain - 8, abs=0.1)
    assert rms_db(render(analysis, prompt="loud wood")) == pytest.approx(plain + 4, abs=0.1)
    assert np.array_equal(
        render(make_analysis(), prompt="loud wood, rain"), render(make_analysis(), prompt="wood, rain")
    )
    assert rms_db(render(make_analysis(), prompt="wood, quiet room")) == pytest.approx(
        rms_db(render(make_analysis(), prompt="room")) - 8, abs=0.1
    )
    assert np.array_equal(
        render(analysis, prompt="wood, quiet room", params={"ambience": "none"}), render(analysis, prompt="wood")
    )


def test_a_large_object_sounds_lower() -> None:
    """Words about size change the pitch of an impact, as the size in the picture does."""
    analysis = make_analysis(impact(24, size=0.1))
    large, plain, small = (render(analysis, prompt=f"{word} drum")[RATE : 2 * RATE] for word in ("large", "", "small"))
    assert spectral_median(large) < spectral_median(plain) < spectral_median(small)


def test_layers_can_be_excluded() -> None:
    """Impacts, whooshes and ambience can each be switched off by name, in the prompt or the negative prompt."""
    moving = np.full(96, 1.0, np.float32)
    whoosh = Event("whoosh", Fraction(0), Fraction(1), 1.0, 0.0, 0.0, 0.2)
    hit = impact(60)
    assert not render(make_analysis(hit), negative="impacts").any()
    assert not render(make_analysis(whoosh, speed=moving), prompt="wood, no whooshes").any()
    assert not render(make_analysis(), prompt="rain", negative="background noise").any()
    assert renderer.interpret_prompt("rain", "whooshes, background")["off"] == ["whooshes", "bed"]


def test_parameters_override_the_prompt() -> None:
    """Gains are in decibels, a material or ambience overrides the prompt, and "none" switches the ambience off."""
    analysis = make_analysis(impact(24, strength=0.3))
    assert np.allclose(render(analysis, params={"impacts": -20.0}), render(analysis) / 10, atol=1e-6)
    assert np.allclose(
        render(make_analysis(), prompt="wind", params={"bed": -20}),
        render(make_analysis(), prompt="wind") / 10,
        atol=1e-6,
    )
    assert np.array_equal(
        render(analysis, prompt="glass", params={"material": "wood"}), render(analysis, prompt="wood")
    )
    assert np.array_equal(render(analysis, params={"ambience": "sea"}), render(analysis, prompt="sea"))
    assert np.array_equal(render(analysis, prompt="sea", params={"ambience": "none"}), render(analysis))


@pytest.mark.parametrize(
    "params",
    [{"material": "cheese"}, {"ambience": 3.0}, {"impacts": "loud"}, {"bed": float("nan")}, {"volume": 1.0}],
)
def test_an_invalid_parameter_is_rejected_immediately(params: dict[str, float | str | bool]) -> None:
    """An invalid name or value raises an error that names it, before anything is rendered."""
    with pytest.raises(InvalidInput, match=next(iter(params))):
        renderer.render_foley(make_analysis(), RATE, params=params)
