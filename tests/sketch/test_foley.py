"""Foley rendering: exact samples, pan, limited peaks, and reproducible results."""

from __future__ import annotations

import itertools
import tracemalloc
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tracklay import demo
from tracklay.errors import InvalidInput
from tracklay.listening.limiter import PEAK_CEILING
from tracklay.listening.loudness import integrated_loudness
from tracklay.sketch.foley import ambience, renderer
from tracklay.sketch.foley.ambience_presets import AMBIENCE_PRESETS
from tracklay.sketch.foley.interpretation import interpret_prompt
from tracklay.sketch.foley.room import ROOMS
from tracklay.sketch.foley.sound_classes import RenderedSound
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
    """Return the whole sound as one (samples, 2) array, without a room; `options` are those of `render_foley`."""
    options["params"] = {"room": "none"} | options.get("params", {})
    return np.concatenate([np.zeros((0, 2), np.float32), *renderer.render_foley(analysis, samples, **options)])


def rms_db(wave: np.ndarray) -> float:
    """Return the RMS level in dBFS, both channels together."""
    return float(10 * np.log10(np.mean(wave.astype(np.float64) ** 2) + 1e-20))


@pytest.fixture
def click(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Make every sound a click of 0.8 after 100 samples of 0.01 that lead up to it; return the arguments of each sound."""
    calls = []

    def render_click(class_id: str, **arguments) -> RenderedSound:
        calls.append({"class_id": class_id, **arguments})
        samples = np.full(200, 0.01, np.float32)
        samples[100] = 0.8
        return RenderedSound(samples, 100)

    monkeypatch.setattr(renderer, "render_sound", render_click)
    return calls


@pytest.mark.parametrize(
    "time",
    [Fraction(1, 30), Fraction(1001, 24000) * 31, Fraction(8191, RATE), Fraction(8192, RATE), Fraction(100, 59)],
)
def test_the_attack_of_an_impact_is_on_its_own_sample(time: Fraction, click: list[dict[str, Any]]) -> None:
    """The attack is on round(time * 48000), at any frame rate; what leads up to it is before that sample."""
    event = Event("impact", time, Fraction(0), 0.6, 0.0, 0.0, 0.2)
    audio = render(make_analysis(event))[:, 0]
    attack = round(time * RATE)
    assert np.argmax(audio) == attack
    assert np.flatnonzero(audio)[0] == attack - 100
    assert np.flatnonzero(audio)[-1] == attack + 99


def test_sound_before_the_take_is_cut(click: list[dict[str, Any]]) -> None:
    """An attack on the first samples keeps its place; what would lead up to it before the take is not heard."""
    for at in (0, 1, 99):
        event = Event("impact", Fraction(at, RATE), Fraction(0), 0.6, 0.0, 0.0, 0.2)
        audio = render(make_analysis(event))[:, 0]
        assert np.argmax(audio) == at
        assert np.flatnonzero(audio)[0] == 0


def test_a_tool_adds_only_its_contact(click: list[dict[str, Any]]) -> None:
    """Of "knife on cabbage", the cabbage sounds in full, and the knife 8 dB lower and without what leads up to it."""
    audio = render(make_analysis(impact(24, strength=1.0)), prompt="knife on cabbage", params={"spread": 0.0})[:, 0]
    assert [call["class_id"] for call in click] == ["food", "metal_damped"]
    body = audio[RATE - 50] / 0.01
    assert audio[RATE] / 0.8 == pytest.approx(body * (1 + 10 ** (-8 / 20)), rel=1e-4)


def test_a_step_has_two_contacts(click: list[dict[str, Any]]) -> None:
    """The ball of the foot follows the heel after 70 to 105 ms, softer."""
    audio = render(make_analysis(impact(24)), prompt="barefoot steps on soil", params={"spread": 0.0})[:, 0]
    peaks = np.flatnonzero(audio > 0.02)
    second = peaks[peaks > RATE + 200]
    assert 0.07 <= (second[0] - RATE) / RATE <= 0.105
    assert audio[second[0]] < 0.5 * audio[RATE]


def test_the_next_hit_damps_what_rings(click: list[dict[str, Any]]) -> None:
    """A sound gets the time to the next impact when it is less than two seconds away."""
    render(make_analysis(impact(0), impact(12), impact(84)), prompt="bell")
    assert [call["until_next"] for call in click] == [0.5, None, None]


def test_sounds_belong_to_events_of_their_trigger(click: list[dict[str, Any]]) -> None:
    """A shot sounds where motion starts, a fall where it stops; a prompt with one of them uses only its events."""
    start = Event("impact", Fraction(1), Fraction(0), 0.5, 0.0, 0.0, 0.2, "start")
    analysis = make_analysis(start, impact(48))
    for prompt, sounds in (
        ("pistol shot", ["shot"]),
        ("hammer on wood", ["wood_small", "metal_damped"]),
        ("pistol shot, then a body fall", ["shot", "flesh"]),
    ):
        click.clear()
        render(analysis, prompt=prompt)
        assert [call["class_id"] for call in click] == sounds


@given(frames=st.lists(st.integers(0, 95), min_size=1, max_size=6, unique=True), seed=st.integers(0, 2**31))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_removing_an_event_does_not_change_the_others(
    monkeypatch: pytest.MonkeyPatch, frames: list[int], seed: int
) -> None:
    """The sound of an event depends neither on other events nor on the requested length, apart from the damping of rings."""
    monkeypatch.setattr(renderer, "_REPEAT_SECONDS", 0.0)
    events = [impact(frame, strength=0.3) for frame in sorted(frames)]
    whole = render(make_analysis(*events), seed=seed)
    apart = sum(render(make_analysis(event), seed=seed) for event in events)
    assert np.allclose(whole, apart, atol=2e-6)
    shorter = render(make_analysis(*events), 2 * RATE + 17, seed=seed)
    assert np.array_equal(shorter[: 2 * RATE - 1000], whole[: 2 * RATE - 1000])


def test_without_a_room_there_is_silence_between_events() -> None:
    """With `room` none and no ambience there is digital silence before a hit, and less than -60 dBFS after its decay."""
    audio = render(make_analysis(impact(24)), prompt="a wooden box")
    assert not audio[: RATE - RATE // 4].any()
    assert rms_db(audio[2 * RATE :]) < -60
    assert not render(make_analysis()).any()


def test_level_follows_strength() -> None:
    """A soft hit is 9 to 13 dB below a hard one, and each step of strength is more than 2 dB."""
    levels = [
        rms_db(render(make_analysis(impact(24, strength=s)), params={"material": "stone"}))
        for s in (0.1, 0.4, 0.7, 1.0)
    ]
    assert np.all(np.diff(levels) > 2)
    assert 9 < levels[-1] - levels[0] < 13


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
    assert near - RATE < 4
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
    crowd = [impact(84, strength=1.0) for _ in range(60)]
    soft = impact(24, strength=0.5)
    audio, alone = render(make_analysis(soft, *crowd), prompt="metal"), render(make_analysis(soft), prompt="metal")
    assert np.array_equal(audio[: 7 * RATE // 2 - 480], alone[: 7 * RATE // 2 - 480])
    assert np.abs(audio).max() == pytest.approx(PEAK_CEILING, rel=0.02)
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
    """A sound that lasts past the end is faded out over the last 5 ms instead of cut off."""
    audio = np.abs(render(make_analysis(impact(24)), RATE + 1000, prompt="metal"))
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


def test_the_demo_prompts_have_no_unknown_words() -> None:
    """Every word in the prompts of the demo has a meaning."""
    for cue in demo.DEMO_CUES:
        is_foley = cue["model"] == "sketch/foley"
        unknown = (
            interpret_prompt(cue["prompt"]).unknown if is_foley else parse_prompt(cue["prompt"], "", {}).unknown_words
        )
        assert not unknown


def test_words_about_loudness_apply_to_their_own_clause() -> None:
    """Soft is 8 dB less and loud 4 dB more, for impacts or for the ambience, depending on the clause."""
    analysis = make_analysis(impact(24, strength=0.3))
    plain = rms_db(render(analysis, prompt="wood"))
    assert rms_db(render(analysis, prompt="soft wood")) == pytest.approx(plain - 8, abs=0.1)
    assert rms_db(render(analysis, prompt="loud wood")) == pytest.approx(plain + 4, abs=0.1)
    assert rms_db(render(analysis, prompt="soft wood, quiet wood, a gentle wood")) == pytest.approx(plain - 8, abs=0.5)
    assert np.array_equal(
        render(make_analysis(), prompt="loud wood, rain"), render(make_analysis(), prompt="wood, rain")
    )
    assert rms_db(render(make_analysis(), prompt="wood, quiet room")) == pytest.approx(
        rms_db(render(make_analysis(), prompt="room")) - 8, abs=0.1
    )
    assert np.array_equal(
        render(analysis, prompt="wood, quiet room", params={"ambience": "none"}), render(analysis, prompt="wood")
    )


def test_words_about_size_change_the_size_of_an_impact(click: list[dict[str, Any]]) -> None:
    """Large doubles the size that the picture gives, small halves it."""
    for word in ("large", "", "small"):
        render(make_analysis(impact(24, size=0.1)), prompt=f"{word} drum")
    assert [call["size"] for call in click] == [0.2, 0.1, 0.05]


def test_layers_can_be_excluded() -> None:
    """Impacts, whooshes and ambience can each be switched off by name, in the prompt or the negative prompt."""
    moving = np.full(96, 1.0, np.float32)
    whoosh = Event("whoosh", Fraction(0), Fraction(1), 1.0, 0.0, 0.0, 0.2)
    hit = impact(60)
    assert not render(make_analysis(hit), negative="impacts").any()
    assert not render(make_analysis(whoosh, speed=moving), prompt="wood, no whooshes").any()
    assert not render(make_analysis(), prompt="rain", negative="background noise").any()
    assert interpret_prompt("rain", "whooshes, background").off == ("whooshes", "bed")


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


def test_a_room_fills_the_silence_by_default() -> None:
    """Without a parameter there is a room tone between hits, 20 to 40 dB below them, and a tail after them."""
    audio = render(make_analysis(impact(24)), prompt="hammer on wood", params={"room": "auto"})
    assert (np.abs(audio[240:-240]).max(axis=1).reshape(-1, 80).max(axis=1) > 0).all()
    tone = rms_db(audio[: RATE // 2])
    assert -60 < tone < -45
    assert 20 < rms_db(audio[RATE : RATE + 2400]) - tone < 45
    dry = render(make_analysis(impact(24)), prompt="hammer on wood")
    assert not dry[: RATE // 2].any()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_adds_reverberation_after_the_sound(room: str, click: list[dict[str, Any]]) -> None:
    """It starts after the direct sound, falls by 60 dB in the room's time, is quieter than the sound, and has no offset."""
    params = {"room": room, "bed": -200.0}
    audio = render(make_analysis(impact(24)), 8 * RATE, params=params)
    assert not np.abs(audio[: RATE - 101]).max() > 1e-6
    dry = render(make_analysis(impact(24)), 8 * RATE)
    wet = audio - dry
    begin = RATE + round(ROOMS[room].delay_seconds * RATE) - 100
    assert np.abs(wet[:begin]).max() < 1e-6
    assert np.abs(wet).max() > 1e-4
    energy = (wet.astype(np.float64) ** 2).sum() / (dry.astype(np.float64) ** 2).sum()
    assert 10 * np.log10(energy) == pytest.approx(ROOMS[room].level_db, abs=4)
    assert abs(wet.mean(axis=0)).max() < 1e-5
    tail = (wet[begin:].astype(np.float64) ** 2).sum(axis=1)
    decay = 10 * np.log10(np.cumsum(tail[::-1])[::-1] / tail.sum() + 1e-15)
    seconds_of_30_db = np.argmax(decay < -30) / RATE
    assert 0.3 * ROOMS[room].reverb_seconds < seconds_of_30_db < 0.8 * ROOMS[room].reverb_seconds


def test_an_ambience_takes_the_place_of_the_room_tone() -> None:
    """Rain is the same with and without a room; the ambience "none" is silence."""
    assert np.array_equal(
        render(make_analysis(), prompt="rain", params={"room": "auto"}), render(make_analysis(), prompt="rain")
    )
    assert not render(make_analysis(), params={"room": "auto", "ambience": "none"}).any()


@pytest.mark.parametrize(
    ("events", "prompt", "params", "note"),
    [
        ((), "hammer on wood", {}, renderer.NO_CONTACT_TONE),
        ((), "", {}, renderer.NO_CONTACT_TONE),
        ((), "hammer on wood", {"room": "none"}, renderer.NO_CONTACT_SILENCE),
        ((), "hammer on wood, rain", {}, renderer.NO_CONTACT_AMBIENCE),
        ((), "rain", {}, ""),
        ((impact(24),), "hammer on wood", {}, ""),
        ((impact(24),), "gun shot", {}, renderer.NO_CONTACT_TONE),
        ((), "no impacts", {}, ""),
    ],
)
def test_a_take_without_a_contact_says_so(
    events: tuple[Event, ...], prompt: str, params: dict[str, str], note: str
) -> None:
    """A note says that nothing strikes and what is heard instead; a prompt for an ambience alone needs none."""
    settings = renderer.FoleyRenderer.from_prompt(prompt, "", 0, params)
    assert settings.silence_notes(make_analysis(*events)) == ([note] if note else [])


@pytest.mark.parametrize(
    ("prompt", "trigger", "lowest", "highest"),
    [
        ("hammer on wood", "stop", -24, -18),
        ("knife on cabbage", "stop", -24, -18),
        ("footsteps on gravel", "stop", -28, -20),
        ("door slam", "stop", -24, -17),
        ("pistol shot", "start", -24, -16),
        ("dog barking", "start", -24, -17),
        ("explosion", "start", -19, -12),
        ("rustling clothes", "stop", -33, -25),
        ("typing", "stop", -34, -26),
    ],
)
def test_strong_hits_have_the_level_of_their_kind(
    prompt: str, trigger: Literal["stop", "start"], lowest: float, highest: float
) -> None:
    """The integrated loudness of hits every second is that of effects in a mix with dialogue at -23 LUFS."""
    hits = [replace(impact(12 + 24 * n, strength=0.9), trigger=trigger) for n in range(6)]
    audio = render(make_analysis(*hits, seconds=6), 6 * RATE, prompt=prompt, params={"room": "auto"})
    assert lowest < integrated_loudness(np.ascontiguousarray(audio.T)) < highest
    assert np.abs(audio).max() <= 10 ** (-1 / 20)
    assert abs(audio.mean(axis=0)).max() < 1e-3


def test_friction_sounds_as_long_as_something_moves(click: list[dict[str, Any]]) -> None:
    """A scrape takes the place of the whoosh and of the hit that ends it; other hits still sound."""
    drag = Event("whoosh", Fraction(1), Fraction(3, 2), 0.8, 0.0, 0.0, 0.2, "start")
    analysis = make_analysis(drag, impact(60), impact(84))
    audio = render(analysis, prompt="dragging a box", params={"whooshes": -200.0})
    assert [(call["class_id"], call.get("duration")) for call in click][:2] == [("scrape", 1.5), ("scrape", None)]
    assert np.argmax(audio[:, 0]) in {RATE, 84 * 2000}
    settings = renderer.FoleyRenderer.from_prompt("dragging a box", "", 0, {})
    assert settings.silence_notes(make_analysis(drag)) == []
    assert settings.silence_notes(make_analysis()) == [renderer.NO_CONTACT_TONE]
