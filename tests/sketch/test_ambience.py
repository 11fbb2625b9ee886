"""The spectra and levels of ambiences and room tones, and the meter that measures them."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tracklay.cue import SAMPLE_RATE
from tracklay.listening.loudness import LoudnessMeter, integrated_loudness, true_peaks
from tracklay.media import ffmpeg_program
from tracklay.sketch.foley import ambience
from tracklay.sketch.foley.ambience_presets import AMBIENCE_PRESETS, AmbiencePreset
from tracklay.sketch.foley.room_tones import ROOM_TONES, room_tone_for

OCTAVES_HZ = (31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)
RECORDED_OCTAVES: Mapping[str, tuple[float, ...]] = {
    # Octave levels of recordings, dB of the whole: the means of a clip and a loop of waterfalls; one loop of each other.
    "waterfall": (-22, -19, -16, -9, -7, -7, -7, -9, -12, -23),
    "stream": (-60, -50, -34, -22, -10, -5, -5, -8, -10, -17),
    "downpour": (-39, -29, -18, -13, -9, -6, -6, -8, -9, -18),
    "wind": (-15, -10, -8, -4, -7, -14, -22, -31, -34, -40),
    "sea": (-32, -19, -18, -11, -7, -5, -7, -8, -15, -26),
    "traffic": (-19, -10, -9, -8, -8, -7, -9, -16, -23, -40),
    "crowd": (-15, -20, -13, -6, -3, -8, -13, -19, -27, -69),
    "restaurant": (-71, -45, -24, -14, -3, -6, -7, -13, -27, -41),
    "market": (-14, -13, -6, -8, -8, -8, -12, -11, -13, -58),
    "applause": (-36, -30, -34, -26, -13, -2, -8, -8, -22, -37),
}
"""The loops are those of the player Moodist (a supermarket for the market); the applause is that of OpenSFX, 850 people."""


def render(preset: AmbiencePreset, seconds: int = 8) -> np.ndarray:
    """Return an ambience as one (2, n) array."""
    blocks = ambience.render_ambience([preset], np.random.default_rng(1), stereo_width=0.7)
    count = seconds * SAMPLE_RATE // ambience.BLOCK_SAMPLES
    return np.concatenate([block.copy() for block in itertools.islice(blocks, count)]).T


def octave_levels(sound: np.ndarray) -> np.ndarray:
    """Return the level of each octave, dB of the whole."""
    power = (np.abs(np.fft.rfft(sound)) ** 2).sum(axis=0)
    hertz = np.fft.rfftfreq(sound.shape[1], 1 / SAMPLE_RATE)
    shares = [power[(hertz >= centre / 2**0.5) & (hertz < centre * 2**0.5)].sum() for centre in OCTAVES_HZ]
    levels: np.ndarray = 10 * np.log10(np.array(shares) / power.sum())
    return levels


@pytest.mark.parametrize("name", RECORDED_OCTAVES)
def test_an_ambience_has_the_spectrum_of_its_recording(name: str) -> None:
    """In every octave within 20 dB of the strongest, an ambience is within 6 dB of the recording on which it is modelled."""
    recorded = np.array(RECORDED_OCTAVES[name])
    heard = recorded > recorded.max() - 20
    assert np.abs(octave_levels(render(AMBIENCE_PRESETS[name], 20)) - recorded)[heard].max() < 6


def fluctuation(sound: np.ndarray) -> tuple[float, float, float]:
    """Return the spread of the level in 10 ms over its mean, the share of its changes at 2 to 8 Hz, and the kurtosis of the samples."""
    mono = sound.mean(axis=0, dtype=np.float64)
    level = np.sqrt((mono[: len(mono) // 480 * 480].reshape(-1, 480) ** 2).mean(axis=1))
    changes = np.abs(np.fft.rfft(level / level.mean() - 1)) ** 2
    hertz = np.fft.rfftfreq(len(level), 0.01)
    syllables = changes[(hertz >= 2) & (hertz < 8)].sum() / changes.sum()
    return float(level.std() / level.mean()), float(syllables), float((mono**4).mean() / (mono**2).mean() ** 2)


def test_people_are_heard_as_people() -> None:
    """A crowd moves as syllables do; hands are single claps over a roar; crockery stands out in a restaurant.

    Recordings have a spread of 0.24 to 0.35 and 22 to 29 % at 2 to 8 Hz (crowds), 0.57, 33 % and a kurtosis of 13 (a restaurant), and a
    kurtosis of 4.8 (applause); noise has 0.1 or less, under 15 % and 3.
    """
    crowd, restaurant, applause = (
        fluctuation(render(AMBIENCE_PRESETS[name], 16)) for name in ("crowd", "restaurant", "applause")
    )
    assert 0.2 < crowd[0] < 0.4
    assert 0.2 < crowd[1] < 0.5
    assert restaurant[0] > 0.35
    assert restaurant[1] > 0.25
    assert restaurant[2] > 5
    assert 3.6 < applause[2] < 6.5
    assert fluctuation(render(AMBIENCE_PRESETS["waterfall"]))[0] < 0.12


def test_a_waterfall_is_a_roar_and_a_brook_is_not() -> None:
    """A waterfall is as loud as a recorded one, -21 LUFS, with lows; a brook is 9 LU softer and has none."""
    waterfall, brook = (render(room) for room in (AMBIENCE_PRESETS["waterfall"], AMBIENCE_PRESETS["stream"]))
    assert integrated_loudness(waterfall) == pytest.approx(-21, abs=1.5)
    assert integrated_loudness(brook) < integrated_loudness(waterfall) - 9
    lows = [10 * np.log10((10 ** (octave_levels(sound)[:3] / 10)).sum()) for sound in (waterfall, brook)]
    assert lows[0] > -16
    assert lows[1] < lows[0] - 8


@pytest.mark.parametrize("name", ROOM_TONES)
def test_a_room_tone_is_quiet_steady_and_darker_than_noise(name: str) -> None:
    """A room tone is between -55 and -49 LUFS, steady, wide, and falls towards the treble."""
    tone = render(ROOM_TONES[name])
    assert -55 < integrated_loudness(tone) < -49
    seconds = [integrated_loudness(part) for part in np.split(tone[:, : 7 * SAMPLE_RATE], 7, axis=1)]
    assert max(seconds) - min(seconds) < 5
    assert 0.2 < np.corrcoef(tone)[0, 1] < 0.9
    assert octave_levels(tone)[-1] < octave_levels(tone)[1:5].max() - 9


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("a man types in an office", "office"),
        ("inside a car at night", "car interior"),
        ("church", "hall"),
        ("footsteps on the street", "distant street"),
        ("hammer on wood", "room"),
        ("", "room"),
    ],
)
def test_a_place_has_its_room_tone(place: str, name: str) -> None:
    """The first place that a text names decides; without one it is a room."""
    assert room_tone_for(place) is ROOM_TONES[name]


def test_loudness_and_true_peak_are_those_of_ffmpeg(tmp_path: Path) -> None:
    """The meter agrees with ffmpeg's, in blocks of any size; gating and peaks between samples included."""
    rng = np.random.default_rng(3)
    time = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    burst = np.where(time % 3 < 1.2, 0.5, 0.01)
    # A quarter of the sample rate at 45 degrees: every sample is 3 dB below the peaks between them.
    tone = np.stack([np.sin(2 * np.pi * 12_000 * time + np.pi / 4), 0.5 * np.sin(2 * np.pi * 220 * time)])
    sound = (burst * tone + 0.01 * rng.standard_normal(tone.shape)).astype(np.float32)
    path = tmp_path / "sound.f32"
    path.write_bytes(np.ascontiguousarray(sound.T).tobytes())
    report = subprocess.run(
        [
            *(ffmpeg_program.find_ffmpeg(), "-hide_banner", "-f", "f32le", "-ar", "48000", "-ac", "2", "-i", str(path)),
            *("-af", "ebur128=peak=true", "-f", "null", "-"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    meter = LoudnessMeter()
    for at in range(0, sound.shape[1], 7919):
        meter.add(sound[:, at : at + 7919])
    assert meter.integrated_lufs() == pytest.approx(float(re.findall(r"I: +(\S+) LUFS", report)[-1]), abs=0.1)
    peak = 20 * np.log10(true_peaks(sound, 64).max())
    assert peak == pytest.approx(float(re.findall(r"Peak: +(\S+) dBFS", report)[-1]), abs=0.2)
    assert peak > 20 * np.log10(np.abs(sound).max()) + 1


def test_a_sine_has_the_loudness_of_the_standard() -> None:
    """A sine of 997 Hz at 0 dBFS in one channel is -3.01 LUFS (BS.1770-4); silence is at the gate."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    sine = np.stack([np.sin(2 * np.pi * 997 * time), np.zeros(SAMPLE_RATE)]).astype(np.float32)
    assert integrated_loudness(sine) == pytest.approx(-3.01, abs=0.02)
    assert integrated_loudness(np.zeros((2, SAMPLE_RATE), np.float32)) == -70
    assert integrated_loudness(sine[:, :100]) > -10
