"""A whole mix of files: levels, ducks, loudness, true peak, stems, and nothing late."""

from __future__ import annotations

import math
import re
import struct
import subprocess

import numpy as np
import pytest
from tracklay.listening.loudness import highest_true_peak, integrated_loudness
from tracklay.media.wav_reader import WavReader, decode_samples
from tracklay.mix.gain_curve import GainCurve
from tracklay.mix.kinds import KINDS
from tracklay.mix.layouts import choose_channels, to_layout
from tracklay.mix.mix_files import mix_sources, mix_wavs
from tracklay.mix.plan import MixPlan
from tracklay.mix.presets import load_preset
from tracklay.mix.sources import MixSource

from tests.clips import FFMPEG
from tests.mix.made_scenes import curve_db, make_chords, make_dialogue, make_hits, make_noise, wav_source, write_wav
from tests.mix.spoken import RATE

SECONDS = 14.0
FILM = load_preset("film")


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Own sound with two sentences and a long gap, music, foley of single clicks, and a room tone."""
    folder = tmp_path_factory.mktemp("scene")
    dialogue, _ = make_dialogue(SECONDS, (1.0, 10.0))
    foley = np.zeros(round(SECONDS * RATE), np.float32)
    foley[[2 * RATE, 7 * RATE, 12 * RATE]] = 0.5
    return (
        wav_source(folder, "own", dialogue + make_noise(SECONDS, -75)),
        wav_source(folder, "score", make_chords(SECONDS, -14), kind="music", kind_from="model"),
        wav_source(folder, "steps", foley, kind="effects", kind_from="model"),
        wav_source(folder, "room tone", make_noise(SECONDS, -40)),
    )


def read_wav(path):
    """Return the samples of a 24-bit or float WAV as whole numbers of 24 bits."""
    data = path.read_bytes()
    begin = data.index(b"data") + 8
    if struct.unpack_from("<H", data, data.index(b"fmt ") + 8)[0] == 3:
        samples = np.frombuffer(data[begin:], "<f4").reshape(-1, 2).astype(np.float64) * (1 << 23)
        assert (samples == np.rint(samples)).all()
        return samples
    return decode_samples(data[begin:], 24).reshape(-1, 2).astype(np.float64)


def read_ebur128(path):
    """Return the integrated loudness and the true peak of a file as ffmpeg measures them."""
    command = [FFMPEG, "-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"]
    log = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    found = re.findall(r"^    (?:I|Peak): +(-?[\d.]+)", log, re.MULTILINE)
    return float(found[-2]), float(found[-1])


@pytest.fixture(scope="module")
def mixed(scene, tmp_path_factory):
    """The scene's mix with the film preset: its plan, the mix and the stems as 24-bit numbers."""
    folder = tmp_path_factory.mktemp("mixed")
    stems = {kind: folder / f"{kind}.wav" for kind in KINDS}
    plan = mix_sources(scene, round(SECONDS * RATE), FILM, folder, to=folder / "mix.wav", stems=stems)
    return plan, read_wav(folder / "mix.wav"), {kind: read_wav(path) for kind, path in stems.items()}


def test_kinds_are_found_with_their_reason(mixed):
    """By speech, by the model and by name."""
    found = {sound.name: (sound.kind, sound.kind_from) for sound in mixed[0].sounds}
    assert found == {
        "own": ("dialogue", "speech"),
        "score": ("music", "model"),
        "steps": ("effects", "model"),
        "room tone": ("ambience", "name"),
    }


def test_music_goes_down_under_speech_and_comes_back(mixed):
    """At least 10 LU under it while someone speaks, and within 0.5 dB of its level in the gap and at the end; foley never moves."""
    plan, _, stems = mixed
    music, steps = (sound.curve for sound in plan.sounds if sound.name in ("score", "steps"))
    level = curve_db(music, 0.3)
    assert curve_db(music, 2) < level - 5.9
    assert abs(curve_db(music, 7) - level) < 0.5
    assert steps.is_constant
    assert plan.measures.dialogue_over_music >= 10
    (first, last), *_ = plan.sounds[0].speech
    part = {kind: stem[first:last].astype(np.float32).T / (1 << 23) for kind, stem in stems.items()}
    over = integrated_loudness(part["dialogue"]) - integrated_loudness(part["music"])
    assert over >= 10
    assert over == pytest.approx(plan.measures.dialogue_over_music, abs=1.5)


def test_the_mix_has_its_loudness_and_its_peak(mixed):
    """Within 0.1 LU of the target; no true peak over the ceiling."""
    plan, mix, _ = mixed
    sound = (mix / (1 << 23)).astype(np.float32)
    assert integrated_loudness(sound.T) == pytest.approx(-23, abs=0.11)
    assert plan.measures.lufs == pytest.approx(-23, abs=0.11)
    assert highest_true_peak(sound) <= 10 ** (-1 / 20)


def test_stems_sum_to_the_mix_and_nothing_is_late(mixed):
    """To the last bit where the limiter does nothing; each click is on its own sample in the mix and in its stem."""
    plan, mix, stems = mixed
    assert plan.measures.limiting_db == 0
    assert (sum(stems.values()) == mix).all()
    clicks = np.flatnonzero(np.abs(stems["effects"][:, 0]) > 0)
    assert clicks.tolist() == [2 * RATE, 7 * RATE, 12 * RATE]


def test_the_plan_is_the_same_through_a_worker(scene, mixed, tmp_path):
    """Plain data in and out; without a path nothing is written."""
    reply = mix_wavs(
        sources=[source.to_dict() for source in scene], samples=round(SECONDS * RATE), preset="film", work=str(tmp_path)
    )
    again = MixPlan.from_dict(reply)
    assert again.measures == mixed[0].measures
    assert [sound.kind for sound in again.sounds] == [sound.kind for sound in mixed[0].sounds]
    assert again.to_dict() == reply
    assert list(tmp_path.iterdir()) == []


def test_loud_targets_are_limited_and_keep_their_clicks_in_place(scene, tmp_path):
    """At -14 LUFS the limiter works: the ceiling holds between samples too, and the click's peak stays where it is."""
    stems = {kind: tmp_path / f"{kind}.wav" for kind in KINDS}
    plan = mix_sources(
        scene,
        round(SECONDS * RATE),
        FILM,
        tmp_path,
        target_lufs=-14,
        true_peak_db=-2,
        to=tmp_path / "mix.wav",
        stems=stems,
    )
    mix = read_wav(tmp_path / "mix.wav") / (1 << 23)
    assert plan.measures.limiting_db > 1
    assert highest_true_peak(mix.astype(np.float32)) <= 10 ** (-2 / 20)
    assert integrated_loudness(mix.T.astype(np.float32)) == pytest.approx(-14, abs=0.2)
    around = np.abs(mix[7 * RATE - 100 : 7 * RATE + 100, 0])
    assert int(around.argmax()) == 100
    unlimited = np.sum([read_wav(path) for path in stems.values()], axis=0) / (1 << 23)
    by_curve = unlimited * plan.limiter.at_samples(np.arange(len(unlimited)))[:, None]
    assert highest_true_peak(unlimited.astype(np.float32)) > 1
    assert highest_true_peak(by_curve.astype(np.float32)) <= 10 ** (-2 / 20)
    assert integrated_loudness(by_curve.T.astype(np.float32)) == pytest.approx(-14, abs=0.8)
    assert MixPlan.from_dict(plan.to_dict()).limiter.at(7 * RATE) == pytest.approx(plan.limiter.at(7 * RATE))


def test_the_true_peak_sees_no_cut_between_blocks(tmp_path):
    """A loud tone is as loud at the borders of blocks, where its phase is any: to the tenth of a decibel, as ffmpeg measures it."""
    time = np.arange(40 * RATE) / RATE
    tone = np.clip(4 * np.sin(2 * np.pi * 997.3 * time + 0.3 * np.sin(2 * np.pi * 0.37 * time)), -0.8, 0.8)
    sources = [wav_source(tmp_path, "music", tone.astype(np.float32))]
    path = tmp_path / "mix.wav"
    plan = mix_sources(sources, len(tone), FILM, tmp_path, target_lufs=-10, to=path, channels=1)
    assert plan.measures.true_peak == pytest.approx(read_ebur128(path)[1], abs=0.1)


def test_a_target_out_of_reach_gets_less(tmp_path):
    """Single clicks at -12 LUFS would need far more than 12 dB of limiting: the mix stays below, and says so."""
    clicks = np.zeros(6 * RATE, np.float32)
    clicks[:: RATE // 2] = 0.9
    plan = mix_sources([wav_source(tmp_path, "hits", clicks)], len(clicks), FILM, tmp_path, target_lufs=-12)
    assert plan.measures.limiting_db == pytest.approx(12, abs=0.3)
    assert (plan.measures.lufs or 0) < -14
    assert any("needs more than 12 dB of limiting" in str(note) for note in plan.notes)


def test_silence_stays_silent(tmp_path):
    """No loudness, no gain, one sentence."""
    plan = mix_sources([wav_source(tmp_path, "own", np.zeros(3 * RATE, np.float32))], 3 * RATE, FILM, tmp_path)
    assert plan.measures.lufs is None
    assert plan.master_db == 0
    assert tuple(map(str, plan.notes)) == ("All sounds are silent: they have no loudness.",)


def test_each_fault_of_a_source_is_noted(tmp_path):
    """NaN in a float WAV plays as silence, clipping is counted, a short scene says what cannot be measured."""
    sound = np.clip(make_chords(3, -3), -0.99, 0.99)
    sound[1000:1010] = math.nan
    sizes = 3, 1, RATE, RATE * 4, 4, 32, b"data", 4 * len(sound)
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + 4 * len(sound), b"WAVE", b"fmt ", 16, *sizes)
    (tmp_path / "music.wav").write_bytes(header + sound.tobytes())
    source = MixSource("A1", "music", tmp_path / "music.wav", 0, len(sound))
    plan = mix_sources([source], len(sound), FILM, tmp_path, to=tmp_path / "mix.wav")
    notes = " ".join(map(str, plan.notes))
    assert "10 samples are no numbers" in notes
    assert "clipped in" in notes
    assert "No dialogue was found" in notes
    assert "27 blocks of 0.4 s" in notes
    assert plan.measures.lufs == pytest.approx(-23, abs=0.11)


@pytest.mark.parametrize(("channels", "target", "seconds"), [(1, -14, 3), (2, -16, 30), (6, -23, 3), (6, -24, 30)])
def test_each_layout_meets_each_target(tmp_path, channels, target, seconds):
    """Mono, stereo and 5.1, short and long: loudness as ffmpeg reads it, no true peak over the ceiling, nothing late."""
    sound = np.zeros((seconds * RATE, channels), np.float32)
    sound[:, 0] = make_chords(seconds)
    sound[:, -1] += make_hits(seconds, -30)
    sound[:100] = 0
    sound[100] = 0.6
    sources = [wav_source(tmp_path, "scene", sound, kind="music")]
    path = tmp_path / "mix.wav"
    plan = mix_sources(sources, len(sound), FILM, tmp_path, target_lufs=target, to=path, channels=channels)
    lufs, peak = read_ebur128(path)
    assert plan.measures.lufs == pytest.approx(target, abs=0.11)
    assert lufs == pytest.approx(target, abs=0.2)
    assert max(peak, plan.measures.true_peak) <= -1
    with WavReader(path) as wav:
        assert wav.format.channels == plan.channels == channels
        assert np.flatnonzero(np.abs(wav.read(0, 200)[:, 0]))[0] == 100
    assert any("27 blocks of 0.4 s" in str(note) for note in plan.notes) == (seconds == 3)


@pytest.mark.parametrize(
    ("sources", "channels"), [((1,), 2), ((1, 2), 2), ((2, 4), 2), ((1, 5), 6), ((2, 6), 6), ((8,), 6)]
)
def test_a_mix_has_the_layout_of_its_sounds(sources, channels):
    """5.1 if a sound is surround; stereo otherwise, for one channel too."""
    assert choose_channels(sources) == channels


@pytest.mark.parametrize(
    ("have", "want", "expected"),
    [
        (1, 2, [1, 1]),
        (1, 6, [0, 0, 1, 0, 0, 0]),
        (2, 1, [0.5]),
        (5, 2, [1, 0]),
        (6, 2, [1, 0]),
        (5, 6, [1, 0, 0, 0, 0, 0]),
        (8, 6, [1, 0, 0, 0, 0, 0]),
        (11, 2, [1, 0]),
    ],
)
def test_first_channels_keep_their_place(have, want, expected):
    """The left channel stays left, one channel is the centre of 5.1, and each channel but the low frequencies is heard."""
    sound = np.eye(have, dtype=np.float32)
    placed = to_layout(sound, want)
    assert placed[0].tolist() == expected
    if have <= 8:
        silent = np.flatnonzero(np.abs(placed).sum(axis=1) == 0).tolist()
        assert silent == ([3] if have >= 6 and want <= 2 else [])


def test_the_volume_of_the_user_stays(tmp_path):
    """A fade that the user made is in the mix, under the curve of the plan."""
    fade = GainCurve(((0, 1.0), (4 * RATE, 0.0)))
    source = wav_source(tmp_path, "score", make_chords(4), volume=fade)
    mix_sources([source], 4 * RATE, FILM, tmp_path, to=tmp_path / "mix.wav")
    with WavReader(tmp_path / "mix.wav") as wav:
        levels = [np.abs(wav.read(round(at * RATE), round((at + 0.2) * RATE))).max() for at in (0.5, 3.5)]
    assert levels[1] / levels[0] == pytest.approx(0.4 / 3.4, rel=0.25)


def test_a_mix_in_5_1_counts_its_channels_as_the_standard_says(tmp_path):
    """Surrounds count more, low frequencies not at all; the file names its loudspeakers, and a mono source is in the centre."""
    sound = np.zeros((4 * RATE, 6), np.float32)
    sound[:, 4] = make_chords(4)  # one surround
    sound[:, 3] = 0.5
    sources = [wav_source(tmp_path, "score", sound), wav_source(tmp_path, "steps", make_chords(4, -40), kind="effects")]
    plan = mix_sources(sources, len(sound), FILM, tmp_path, to=tmp_path / "mix.wav", channels=6)
    with WavReader(tmp_path / "mix.wav") as wav:
        mixed = wav.read(0, len(sound))
        assert wav.format.channels == 6
    assert plan.measures.lufs == pytest.approx(-23, abs=0.11)
    assert np.abs(mixed[:, 4]).max() > 0.01
    assert np.abs(mixed[:, 2]).max() > 0.001
    assert read_ebur128(tmp_path / "mix.wav")[0] == pytest.approx(-23, abs=0.2)


def test_clips_fade_into_each_other_with_what_their_file_has_beyond_the_cut(tmp_path):
    """Cut where the file goes on, nothing is heard of the cut; without handles it is a dip. Beyond the last edge 2.5 ms are heard."""
    path = write_wav(tmp_path / "tone.wav", make_chords(4))

    def mix_clips(*, has_handles):
        # Effects of one track have one level, so that only the fades can differ.
        shared = {"kind": "effects", "track": "one", "has_handles": has_handles}
        edges = (("a", 0, RATE + 7), ("b", RATE + 7, 2 * RATE))
        clips = [
            MixSource(name, name, path, first, stop - first, offset=RATE // 2 + first, **shared)
            for name, first, stop in edges
        ]
        to = tmp_path / "mix.wav"
        plan = mix_sources(clips, 3 * RATE, FILM, tmp_path, to=to)
        with WavReader(to) as mix, WavReader(path) as tone:
            mixed = mix.read(0, 3 * RATE)[:, 0]
            original = tone.read(RATE // 2, RATE // 2 + 3 * RATE)[:, 0]
        steady = slice(1000, 40_000)
        gain = np.vdot(mixed[steady], original[steady]) / np.vdot(original[steady], original[steady])
        return plan, mixed, original * gain

    plan, mixed, original = mix_clips(has_handles=True)
    assert [sound.handles for sound in plan.sounds] == [(120, 120), (120, 120)]
    assert np.abs(mixed - original)[1000 : 2 * RATE - 200].max() < 2e-4
    assert [sound.handles for sound in MixPlan.from_dict(plan.to_dict()).sounds] == [(120, 120), (120, 120)]
    assert np.flatnonzero(mixed)[-1] == pytest.approx(2 * RATE + 119, abs=2)
    plan, mixed, original = mix_clips(has_handles=False)
    assert [sound.handles for sound in plan.sounds] == [(0, 0), (0, 0)]
    assert np.abs(mixed - original)[RATE - 240 : RATE + 240].max() > 0.02
    assert np.flatnonzero(mixed)[-1] < 2 * RATE


def test_long_silence_does_not_count(tmp_path):
    """Five minutes with one sentence in them: the gate leaves the silence out, and the sentence is where it was."""
    dialogue, spans = make_dialogue(4, (1.0,))
    sources = [wav_source(tmp_path, "own", dialogue, start=200 * RATE)]
    plan = mix_sources(sources, 300 * RATE, FILM, tmp_path, to=tmp_path / "mix.wav")
    assert plan.measures.lufs == pytest.approx(-23, abs=0.11)
    with WavReader(tmp_path / "mix.wav") as wav:
        assert wav.format.samples == 300 * RATE
        first = np.flatnonzero(wav.read(0, 300 * RATE)[:, 0])[0]
    assert abs(first - (200 * RATE + spans[0][0])) < 50
