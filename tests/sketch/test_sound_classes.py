"""Classes of sounds: each resembles recordings of its kind, varies, follows strength and size, and is clean audio."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracklay.cue import SAMPLE_RATE
from tracklay.sketch.foley.sound_classes import (
    PEAK_DBFS,
    SOUND_CLASSES,
    RenderedSound,
    momentary_loudness,
    render_sound,
)
from tracklay.sketch.foley.sounds.layers import transform_size

from tests.sketch.sound_measures import SoundMeasures, measure_sound
from tests.sketch.sound_ranges import SOUND_RANGES, WITHOUT_RECORDINGS

SEEDS = 6
SUSTAINED = {name for name, kind in SOUND_CLASSES.items() if kind.sustained}


@cache
def sounds(
    name: str, strength: float = 0.8, size: float = 0.15, until_next: float | None = None, seeds: int = SEEDS
) -> tuple[RenderedSound, ...]:
    """Return sounds of a class with the same settings and different seeds."""
    return tuple(
        render_sound(name, strength=strength, size=size, rng=np.random.default_rng(seed), until_next=until_next)
        for seed in range(seeds)
    )


@cache
def measures(name: str, until_next: float | None = None) -> tuple[SoundMeasures, ...]:
    """Return the measures of the sounds of a class."""
    return tuple(measure_sound(sound.samples) for sound in sounds(name, until_next=until_next))


def median_decay(name: str, until_next: float | None = None) -> float:
    """Return the median decay of a class in milliseconds."""
    return float(np.median([measure.decay_ms for measure in measures(name, until_next)]))


def centroid(samples: npt.NDArray[np.float32]) -> float:
    """Return the centre of gravity of the whole sound's power spectrum, Hz."""
    size = transform_size(len(samples))
    power = np.abs(np.fft.rfft(samples, size)) ** 2
    return float((np.fft.rfftfreq(size, 1 / SAMPLE_RATE) * power).sum() / power.sum())


def level_db(samples: npt.NDArray[np.float32]) -> float:
    """Return the RMS in dB."""
    return 10 * float(np.log10(np.mean(samples.astype(float) ** 2) + 1e-15))


def test_every_class_is_measured_or_named_as_not_measurable() -> None:
    """Each class has ranges of recordings, or is in the list of those without."""
    assert set(SOUND_CLASSES) == {*SOUND_RANGES, *WITHOUT_RECORDINGS}
    assert len(SOUND_CLASSES) == 63


@pytest.mark.parametrize("name", SOUND_RANGES)
def test_a_class_is_within_the_ranges_of_recordings(name: str) -> None:
    """The median sound is as bright, and decays as fast, as recordings; no sound is far outside.

    How long a sustained sound rises and decays is its event's matter. An attack compares within a factor of two: the
    measure's windows of 2 ms hide what is faster.
    """
    ranges, found = SOUND_RANGES[name], measures(name)
    hertz, decay = [each.centroid_hz for each in found], [each.decay_ms for each in found]
    assert ranges.centroid_hz[0] <= np.median(hertz) <= ranges.centroid_hz[1]
    assert ranges.centroid_hz[0] / 1.5 <= min(hertz) <= max(hertz) <= ranges.centroid_hz[1] * 1.5
    if name not in SUSTAINED:
        assert ranges.decay_ms[0] <= np.median(decay) <= ranges.decay_ms[1]
        assert ranges.decay_ms[0] / 2 <= min(decay) <= max(decay) <= ranges.decay_ms[1] * 1.5
        attack = np.median([each.attack_ms for each in found])
        assert ranges.attack_ms[0] / 2 <= attack <= ranges.attack_ms[1] * 2


@pytest.mark.parametrize("name", SOUND_CLASSES)
def test_strength_makes_a_sound_louder_and_brighter(name: str) -> None:
    """Each half of strength adds more than 5 dB, and a hard sound is brighter than a soft one."""
    steps = [sounds(name, strength, seeds=4) for strength in (0.0, 0.5, 1.0)]
    loudness = [np.median([momentary_loudness(sound.samples, sound.attack) for sound in step]) for step in steps]
    assert np.all(np.diff(loudness) > 5)
    soft, hard = (np.median([centroid(sound.samples) for sound in step]) for step in (steps[0], steps[-1]))
    assert hard > 1.02 * soft


def test_loudness_is_that_of_the_recommendation() -> None:
    """A sine of 997 Hz at full scale in one channel reads -3.01 LUFS, and -13.01 LUFS 10 dB lower (BS.1770, annex 1)."""
    sine = np.sin(2 * np.pi * 997 / SAMPLE_RATE * np.arange(SAMPLE_RATE)).astype(np.float32)
    assert momentary_loudness(sine, SAMPLE_RATE // 2) == pytest.approx(-3.01, abs=0.05)
    assert momentary_loudness(sine * np.float32(10**-0.5), SAMPLE_RATE // 2) == pytest.approx(-13.01, abs=0.05)


@pytest.mark.parametrize("name", SOUND_CLASSES)
def test_a_full_sound_has_the_loudness_of_its_class(name: str) -> None:
    """At full strength the momentary loudness is the stated one, less where peaks are limited."""
    found = [momentary_loudness(sound.samples, sound.attack) for sound in sounds(name, 1.0, seeds=4)]
    assert np.median(found) == pytest.approx(SOUND_CLASSES[name].loudness, abs=4)
    assert max(found) < SOUND_CLASSES[name].loudness + 1.5


@pytest.mark.parametrize("name", SOUND_CLASSES)
def test_the_seed_decides_a_sound(name: str) -> None:
    """The same seed gives the same samples; two seeds give sounds that are not alike."""
    first, other = sounds(name)[:2]
    again = render_sound(name, strength=0.8, size=0.15, rng=np.random.default_rng(0))
    assert np.array_equal(first.samples, again.samples)
    assert first.attack == again.attack
    length = min(len(first.samples) - first.attack, len(other.samples) - other.attack)
    pair = [sound.samples[sound.attack : sound.attack + length] for sound in (first, other)]
    assert abs(np.corrcoef(pair[0], pair[1])[0, 1]) < 0.95


@pytest.mark.parametrize("name", sorted(set(SOUND_CLASSES) - {"voice", "snare", "heartbeat", "leaves", "breath"}))
def test_a_large_thing_sounds_no_higher_than_a_small_one(name: str) -> None:
    """Size lowers the sound where size matters; grains and skins have a sound of their own."""
    small, large = (
        np.median([centroid(sound.samples) for sound in sounds(name, 0.8, size, seeds=3)]) for size in (0.05, 0.5)
    )
    assert large < 1.1 * small


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(SOUND_CLASSES)),
    st.floats(-0.5, 1.5),
    st.floats(0, 1),
    st.integers(0, 2**32),
    st.none() | st.floats(0.01, 4),
    st.none() | st.floats(0.02, 3),
)
def test_every_sound_is_clean_audio(
    name: str, strength: float, size: float, seed: int, duration: float | None, until_next: float | None
) -> None:
    """Every sound is finite, limited, without offset, and starts and ends in silence; its attack is inside it."""
    sound = render_sound(
        name,
        strength=strength,
        size=size,
        rng=np.random.default_rng(seed),
        duration=duration,
        until_next=until_next,
    )
    samples = sound.samples
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert np.isfinite(samples).all()
    peak = float(np.abs(samples).max())
    assert 0 < peak < 10 ** ((PEAK_DBFS + 0.2) / 20)
    assert abs(float(samples.mean(dtype=np.float64))) < 1e-4 * peak
    assert samples[0] == samples[-1] == 0
    assert np.abs(samples[-24:]).max() < 0.05 * peak
    assert 0 < sound.attack < min(len(samples), SAMPLE_RATE // 2)
    assert len(samples) < 9 * SAMPLE_RATE


@pytest.mark.parametrize("name", sorted(set(SOUND_CLASSES) - SUSTAINED))
def test_the_attack_is_where_the_sound_rises(name: str) -> None:
    """The attack precedes the loudest part by little, and what leads up to it is quieter."""
    for sound in sounds(name):
        before = sound.samples[max(sound.attack - 1440, 0) : sound.attack]
        after = sound.samples[sound.attack : sound.attack + 2400]
        assert np.abs(before).max() < 0.5 * np.abs(after).max()
        assert level_db(after) > level_db(before) + 6


def test_quick_hits_damp_what_rings() -> None:
    """At two hits a second damped metal falls by 20 dB in 33 ms, as measured; ringing metal keeps to a fifth of a second."""
    assert 28 <= median_decay("metal_damped", 0.5) <= 40
    assert 100 <= median_decay("metal_ringing", 0.5) <= 250
    assert median_decay("metal_ringing") > median_decay("metal_ringing", 0.5)
    assert median_decay("shot", 0.1) == median_decay("shot")


def test_food_has_a_rustle_before_the_thud() -> None:
    """From 80 to 20 ms before a knife stops there is a rustle, 10 to 35 dB below the thud; nothing rings after it."""
    for sound in sounds("food"):
        rustle = sound.samples[max(sound.attack - 2880, 0) : sound.attack - 960]
        thud = sound.samples[sound.attack : sound.attack + 960]
        assert 10 < level_db(thud) - level_db(rustle) < 35
    assert flatness("food") > 3 * flatness("metal_ringing")


def flatness(name: str) -> float:
    """Return the spectral flatness from 300 Hz to 5 kHz, the median of a class: near 0 for a few tones."""
    values = []
    for sound in sounds(name):
        power = np.abs(np.fft.rfft(sound.samples[sound.attack : sound.attack + 12_000])) ** 2 + 1e-12
        band = power[75:1250]
        values.append(float(np.exp(np.log(band).mean()) / band.mean()))
    return float(np.median(values))


@pytest.mark.parametrize("name", ["door", "lock", "switch", "whip", "food"])
def test_some_sounds_lead_up_to_their_attack(name: str) -> None:
    """A latch, a blade or the air is heard before the contact."""
    for sound in sounds(name):
        assert sound.attack > 0.005 * SAMPLE_RATE
        assert np.abs(sound.samples[: sound.attack]).max() > 0.003 * np.abs(sound.samples).max()


@pytest.mark.parametrize("name", sorted(SUSTAINED))
@pytest.mark.parametrize("seconds", [0.3, 2.0])
def test_a_sustained_sound_lasts_as_long_as_its_event(name: str, seconds: float) -> None:
    """The length follows the duration; separate calls may end a call earlier or later."""
    sound = render_sound(name, strength=0.7, size=0.2, rng=np.random.default_rng(5), duration=seconds)
    tolerance = 0.35 * seconds + 0.1 if name == "voice" else 0.05
    assert len(sound.samples) / SAMPLE_RATE == pytest.approx(seconds, abs=tolerance)


def test_related_classes_are_distinct() -> None:
    """A drum kit, woods and metals are ordered by brightness and decay as real ones are."""
    hertz = {name: np.median([each.centroid_hz for each in measures(name)]) for name in SOUND_CLASSES}
    kit = [hertz[name] for name in ("kick_drum", "tom", "snare", "clap", "cymbal", "hihat")]
    assert np.all(np.array(kit[1:]) > 1.05 * np.array(kit[:-1]))
    woods = [hertz[name] for name in ("wood_hollow", "wood_large", "wood_small")]
    assert np.all(np.array(woods[1:]) > 1.5 * np.array(woods[:-1]))
    assert hertz["explosion"] < hertz["shot"] < hertz["whip"]
    assert hertz["snow"] < hertz["soil"] < hertz["gravel"]
    assert hertz["wood_small"] < hertz["ceramic"] < hertz["glass"]
    assert median_decay("metal_damped") < median_decay("metal_ringing")
    assert median_decay("hihat") < median_decay("cymbal") / 5


def test_a_bark_is_a_voice_and_a_shot_is_noise() -> None:
    """The spectrum of a voice has harmonics; that of a shot has none."""

    def periodicity(name: str) -> float:
        values = []
        for sound in sounds(name):
            part = sound.samples[sound.attack + 1200 : sound.attack + 4800].astype(float)
            spectrum = np.abs(np.fft.rfft(part, 8192)) ** 2
            repeated = np.fft.irfft(spectrum)
            values.append(float(repeated[60:480].max() / repeated[0]))  # 100 to 800 Hz
        return float(np.median(values))

    assert min(periodicity("bark"), periodicity("meow"), periodicity("scream"), periodicity("voice")) > 0.4
    assert max(periodicity("shot"), periodicity("food"), periodicity("scrape"), periodicity("gravel")) < 0.3
