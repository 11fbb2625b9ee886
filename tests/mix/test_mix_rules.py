"""The parts of a mix that are only numbers: kinds, presets, curves, ducks."""

from __future__ import annotations

import numpy as np
import pytest
from tracklay.errors import InvalidInput
from tracklay.mix.ducking import Stretch, duck_curve, merge_stretches
from tracklay.mix.gain_curve import GainCurve, ramp
from tracklay.mix.kinds import kind_of_name
from tracklay.mix.presets import PRESET_NAMES, Duck, load_preset
from tracklay.timelines.mixing.scene import take_sources

RATE = 48_000
DUCK = Duck(6, 18, 12, look_ahead=0.4, rise=0.3, hold=0.2, recovery=1.0, gap=2.0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("DX 1", "dialogue"),
        ("voiceOver_take2.wav", "dialogue"),
        ("Musik leise", "music"),
        ("MX1", "music"),
        ("mx_01", "music"),
        ("amb_street.wav", "ambience"),
        ("Room Tone 3", "ambience"),
        ("foley steps", "effects"),
        ("clip", None),
    ],
)
def test_names_say_kinds(name, kind):
    """Words of the trade in the name of a track or file, in English and German."""
    assert kind_of_name(name) == kind


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_shipped_presets_load(name):
    """Each has a duck for music, and leaves effects alone."""
    preset = load_preset(name)
    assert "music" in preset.ducks
    assert "effects" not in preset.ducks


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("target_lufs = -23", "true_peak_db is missing"),
        (
            "target_lufs = 'loud'\ntrue_peak_db = -1\nlevels = {music = 0, effects = 0, ambience = 0}",
            "target_lufs must be",
        ),
        ("target_lufs = -23\ntrue_peak_db = -1\nloud = 1\nlevels = {}", "Unknown key: loud"),
        ("target_lufs = -23\ntrue_peak_db = -1\nlevels = {music = 0, effects = 0}", "levels.ambience is missing"),
        ("target_lufs = -23\ntrue_peak_db = -1\nlevels = 3", "levels must be a table"),
        ("target_lufs = -23\ntrue_peak_db = 3\nlevels = {music = 0, effects = 0, ambience = 0}", "from -20 to 0"),
        ("= 3", "Not valid TOML"),
    ],
)
def test_a_wrong_preset_is_refused_with_its_file_and_key(tmp_path, text, message):
    """One sentence: the file, the key, and the range that is expected."""
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=r"own\.toml") as raised:
        load_preset(str(path))
    assert message in str(raised.value)


def test_a_curve_keeps_its_gains_through_json_and_parts():
    """`within`, `times` and the JSON form have the same gains as the curve."""
    curve = GainCurve(tuple(ramp(1000, 9000, 0, -12)) + tuple(ramp(20_000, 50_000, -12, 0)))
    samples = range(0, 60_000, 777)
    expected = [curve.at(sample) for sample in samples]
    assert [GainCurve.from_list(curve.to_list()).at(each) for each in samples] == pytest.approx(expected, abs=1e-6)
    assert [curve.within(5000, 30_000).at(each) for each in range(5000, 30_000, 777)] == pytest.approx(
        [curve.at(each) for each in range(5000, 30_000, 777)]
    )
    gains = curve.gains(500, 12_000)
    assert isinstance(gains, np.ndarray)
    assert gains[[0, 4000, -1]] == pytest.approx([curve.at(500), curve.at(4500), curve.at(11_999)])
    assert curve.gains(10_000, 19_000) == pytest.approx(10 ** (-12 / 20))
    assert 20 * np.log10(curve.at(5000)) == pytest.approx(-6, abs=0.05)  # straight in decibels


def test_a_duck_is_down_before_speech_and_up_after_it():
    """Look-ahead, rise, hold and recovery are where the preset says."""
    curve = duck_curve([Stretch(5 * RATE, 7 * RATE, 9.0)], DUCK)
    levels = {time: 20 * np.log10(curve.at(round(time * RATE))) for time in (4.59, 4.9, 6.0, 7.2, 7.7, 8.21)}
    assert levels == pytest.approx({4.59: 0, 4.9: -9, 6.0: -9, 7.2: -9, 7.7: -4.5, 8.21: 0}, abs=0.1)


def test_short_gaps_stay_down():
    """Stretches are joined over gaps up to the limit."""
    assert merge_stretches([(300, 400), (0, 100), (150, 200)], 60) == [(0, 200), (300, 400)]


def test_a_take_with_handles_is_where_its_cue_is(tmp_path):
    """`handles` of a manifest entry are samples before and after the cue, in a file beside it; `start` and `samples` are the cue's."""
    entry = {"file": "take.wav", "model": "sketch/music", "sample_rate": 44_100, "samples": 88_200}
    entry["start"] = {"frame": 50, "seconds": "2/1"}
    for name in ("take.wav", "take.handles.wav"):
        (tmp_path / name).write_bytes(b"RIFF")
    made = {"before": 22_050, "after": 11_025, "file": "take.handles.wav"}
    gone = {**made, "file": "gone.wav"}
    for handles, offset, name in ((made, RATE // 2, "take.handles.wav"), (gone, 0, "take.wav"), ({}, 0, "take.wav")):
        ((source, _),) = take_sources([{**entry, "handles": handles}], tmp_path, {}, 1)
        assert (source.name, source.file.name) == ("take.wav", name)
        assert (source.start, source.samples, source.offset) == (2 * RATE, 2 * RATE, offset)
        assert source.has_handles == (handles is made)
