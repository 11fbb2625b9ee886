"""`tracklay mix` on real files: a film with takes, a timeline, and what it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction

import numpy as np
import opentimelineio as otio
import pytest
from tracklay.cli.main import main
from tracklay.listening.loudness import highest_true_peak, integrated_loudness
from tracklay.media.marks.examine import examine_file
from tracklay.mix.gain_curve import GainCurve, db_of_gain

from tests.clips import FFMPEG, encode, hear
from tests.mix.made_scenes import make_chords, make_dialogue, make_hits, write_wav
from tests.mix.spoken import RATE

SECONDS = 7
FPS = 25


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A film with a sentence as its own sound, which begins and ends abruptly with a room tone of clicks."""
    folder = tmp_path_factory.mktemp("film")
    dialogue, _ = make_dialogue(SECONDS, (1.0, 4.2), "en-us+f2")
    dialogue[::RATE] += 0.05  # a click on each second
    write_wav(folder / "own.wav", dialogue)
    frames = [np.zeros((54, 96, 3), np.uint8)] * (SECONDS * FPS)
    return encode(
        folder / "clip.mp4",
        frames,
        (96, 54),
        Fraction(FPS),
        "-i",
        str(folder / "own.wav"),
        "-c:a",
        "aac",
        "-b:a",
        "256k",
    )


@pytest.fixture
def laid(film, tmp_path):
    """A copy of the film in a folder of its own, with a take of music beside it, as a manifest has it."""
    clip = tmp_path / "clip.mp4"
    shutil.copyfile(film, clip)
    folder = tmp_path / "tracklay"
    folder.mkdir()
    write_wav(folder / "old.wav", make_chords(SECONDS, -10))
    write_wav(folder / "music.wav", make_chords(SECONDS, -14))
    write_wav(folder / "foley.wav", make_hits(3))

    def entry(file, model, start, samples):
        return {
            "cue": "1",
            "take": 1,
            "model": model,
            "file": file,
            "samples": samples,
            "sample_rate": RATE,
            "heard": True,
        } | {
            "start": {"frame": start * FPS, "seconds": f"{start}/1"},
            "frames": samples * FPS // RATE,
        }

    takes = [
        entry("old.wav", "sketch/music", 0, SECONDS * RATE),
        entry("music.wav", "sketch/music", 0, SECONDS * RATE),
        entry("foley.wav", "sketch/foley", 4, 3 * RATE),
    ]
    manifest = {
        "tracklay": "1",
        "picture": "clip.mp4",
        "source": "../clip.mp4",
        "rate": "25/1",
        "takes": takes,
        "failed": [],
        "laid": None,
    }
    (folder / "clip.tracklay.json").write_text(json.dumps(manifest))
    return clip


def run_json(capsys, *arguments):
    """Run the command and return its result."""
    status = main([*map(str, arguments), "--json"])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    return json.loads(captured.out)


def test_a_film_is_mixed_with_its_takes(laid, capsys):
    """Own sound, the newest music and the foley: kinds, loudness, true peak; the film plays the mix in sync."""
    result = run_json(capsys, "mix", laid, "--preset", "social", "--stems")
    assert [(each["id"], each["name"], each["kind"]) for each in result["sounds"]] == [
        ("A1", "own sound", "dialogue"),
        ("A2", "music.wav", "music"),
        ("A3", "foley.wav", "effects"),
    ]
    assert result["lufs"] == pytest.approx(-14, abs=0.2)
    assert result["dialogue_over_music"] >= 10
    heard = hear(laid.parent / "tracklay" / "clip.tracklay.mp4")
    mixed = hear(laid.parent / "tracklay" / "clip.mix.wav")
    assert integrated_loudness(heard.T) == pytest.approx(-14, abs=0.4)
    assert highest_true_peak(heard) < 10 ** (-0.7 / 20)
    part = slice(4 * RATE, 6 * RATE)
    lags = np.fft.irfft(np.fft.rfft(heard[part, 0], 4 * RATE) * np.conj(np.fft.rfft(mixed[part, 0], 4 * RATE)))
    assert int(lags.argmax()) == 0
    manifest = json.loads((laid.parent / "tracklay" / "clip.tracklay.json").read_text())
    assert manifest["laid"] == "clip.tracklay.mp4"
    assert manifest["mix"]["lufs"] == result["lufs"]
    assert len(manifest["takes"]) == 3
    for name in ("clip.tracklay.mp4", "clip.mix.wav", "clip.mix.music.wav"):
        assert (
            b"/digitalsourcetype/compositeWithTrainedAlgorithmicMedia" in (laid.parent / "tracklay" / name).read_bytes()
        )


def test_a_film_in_5_1_stays_in_5_1(film, tmp_path, capsys):
    """Each loudspeaker plays what it played, in the WAV and in the film; `--layout stereo` mixes it down."""
    clip = tmp_path / "clip.mp4"
    surround = "pan=5.1|FL=0.02*c0|FR=0.03*c0|FC=c0|LFE=0.05*c0|BL=0.1*c0|BR=0.2*c0"
    command = [FFMPEG, "-v", "error", "-i", str(film), "-af", surround, "-c:v", "copy", "-b:a", "640k", str(clip)]
    subprocess.run(command, check=True)
    result = run_json(capsys, "mix", clip, "--target", "-20")
    assert result["channels"] == 6
    assert result["lufs"] == pytest.approx(-20, abs=0.2)
    wav = hear(tmp_path / "tracklay" / "clip.mix.wav", channels=6)
    heard = hear(tmp_path / "tracklay" / "clip.tracklay.mp4", channels=6)
    for sound in (wav, heard):
        levels = np.sqrt(np.mean(sound[RATE : 6 * RATE] ** 2, axis=0))
        assert levels[[0, 1, 4, 5]] / levels[2] == pytest.approx([0.02, 0.03, 0.1, 0.2], rel=0.1)
        assert levels[3] > 0.01 * levels[2]  # AAC keeps the lowest tones alone
    manifest = json.loads((tmp_path / "tracklay" / "clip.tracklay.json").read_text())
    assert manifest["mix"]["channels"] == 6
    down = run_json(capsys, "mix", clip, "--layout", "stereo")
    assert down["channels"] == 2
    assert down["lufs"] == pytest.approx(-23, abs=0.2)


def test_own_sound_is_where_it_was(film, tmp_path, capsys):
    """A film without takes: the clicks of its own sound are on their samples in the mix."""
    result = run_json(capsys, "mix", film, "--to", tmp_path, "--kind", "A1=effects")
    original, mixed = hear(film), hear(tmp_path / "clip.mix.wav")
    gain = np.float32(10 ** ((result["sounds"][0]["level_db"] + result["master_db"]) / 20))
    assert b"digitalsourcetype" not in (tmp_path / "clip.mix.wav").read_bytes()
    inner = slice(RATE, 6 * RATE)
    assert np.abs(original[inner] * gain - mixed[inner]).max() < 2e-4


def test_it_can_be_mixed_again_but_replaces_nothing_of_the_users(laid, capsys):
    """From the manifest and the laid film, too. A file that no mix wrote is refused with one sentence."""
    manifest = laid.parent / "tracklay" / "clip.tracklay.json"
    run_json(capsys, "mix", laid, "--stems")
    again = run_json(capsys, "mix", manifest, "--target", "-20", "--kind", "music.wav=off")
    assert again["lufs"] == pytest.approx(-20, abs=0.2)
    assert len(again["sounds"]) == 2
    film = run_json(capsys, "mix", laid.parent / "tracklay" / "clip.tracklay.mp4")
    assert [each["name"] for each in film["sounds"]] == ["own sound", "music.wav", "foley.wav"]
    (laid.parent / "tracklay" / "clip.mix.json").unlink()
    assert main(["mix", str(laid)]) == 2
    assert "was not written by Tracklay" in capsys.readouterr().err


def test_a_timeline_gets_the_mix_and_its_stems_as_tracks(laid, tmp_path, capsys):
    """Clips of audio tracks are mixed where they are; the copy plays the mix, and its clips have their gains as effects."""
    dialogue, _ = make_dialogue(6, (1.0,))
    write_wav(tmp_path / "interior.wav", dialogue)
    timeline = otio.schema.Timeline("cut")
    video = otio.schema.Track("V1", kind=otio.schema.TrackKind.Video)
    audio = otio.schema.Track("A1", kind=otio.schema.TrackKind.Audio)
    music = otio.schema.Track("MX", kind=otio.schema.TrackKind.Audio)

    def at(value):
        return otio.opentime.RationalTime(value, FPS)

    def clip(name, start, frames):
        available = otio.opentime.TimeRange(at(90_000), at(60 * FPS))
        media = otio.schema.ExternalReference(name, available)
        return otio.schema.Clip(name, media, otio.opentime.TimeRange(at(90_000 + start), at(frames)))

    video.append(clip("clip.mp4", 0, 6 * FPS))
    audio.append(otio.schema.Gap(source_range=otio.opentime.TimeRange(at(0), at(FPS))))
    audio.append(clip("interior.wav", 10, 5 * FPS))
    music.append(clip("tracklay/music.wav", 25, 6 * FPS))
    timeline.tracks.extend([video, audio, music])
    path = tmp_path / "cut.otio"
    otio.adapters.write_to_file(timeline, str(path))
    result = run_json(capsys, "mix", path)
    assert [(each["kind"], each["kind_from"], each["start"]) for each in result["sounds"]] == [
        ("dialogue", "speech", RATE),
        ("music", "name", 0),
    ]
    assert result["samples"] == 6 * RATE
    copy = otio.adapters.read_from_file(result["mix"])
    tracks = {track.name: track for track in copy.tracks}
    assert [name for name, track in tracks.items() if track.enabled] == ["V1", "Tracklay mix"]
    assert not tracks["A1"].enabled
    for track, index, sound in (("A1", 1, 0), ("MX", 0, 1)):
        (effect,) = tracks[track][index].effects
        assert (effect.schema_name(), effect.effect_name) == ("Effect", "volume")
        metadata = json.loads(otio.core.serialize_json_to_string(effect.metadata))
        plan = result["sounds"][sound]
        assert metadata["tracklay_mix"]["curve"] == plan["curve"]
        # Keys in decibels, in the middles of frames of the media: what the curve has there, and the gain of the whole.
        curve, first = GainCurve.from_list(plan["curve"]), tracks[track][index].source_range.start_time.value
        for frame, level in metadata["keyframes"].items():
            middle = plan["start"] + round((int(frame) - first + 0.5) * RATE / FPS)
            assert float(level) == pytest.approx(db_of_gain(curve.at(middle)) + result["master_db"], abs=0.01)
    keys = [float(level) for level in metadata["keyframes"].values()]
    assert max(keys) - min(keys) > 5.9  # the music's duck
    assert (tmp_path / "tracklay" / tracks["Tracklay mix"][0].media_reference.target_url).is_file()
    run_json(capsys, "mix", path)  # replaces its own file


def test_a_transition_between_clips_is_heard_over_the_cut(tmp_path, capsys):
    """Both clips play beyond the cut, from what their media have there, in fades of equal power."""
    for name, hertz in (("low", 300), ("high", 1700)):
        write_wav(tmp_path / f"{name}.wav", 0.1 * np.sin(2 * np.pi * hertz / RATE * np.arange(4 * RATE)))
    timeline = otio.schema.Timeline("cut")
    track = otio.schema.Track("MX", kind=otio.schema.TrackKind.Audio)

    def at(value):
        return otio.opentime.RationalTime(value, FPS)

    low, high = (
        otio.schema.Clip(
            name,
            otio.schema.ExternalReference(f"{name}.wav", otio.opentime.TimeRange(at(0), at(4 * FPS))),
            otio.opentime.TimeRange(at(first), at(2 * FPS)),
        )
        for name, first in (("low", 0), ("high", FPS))
    )
    dissolve = otio.schema.Transition("fade", otio.schema.TransitionTypes.SMPTE_Dissolve, at(10), at(5))
    track.extend([low, dissolve, high])
    timeline.tracks.append(track)
    path = tmp_path / "cut.otio"
    otio.adapters.write_to_file(timeline, str(path))
    result = run_json(capsys, "mix", path, "--layout", "mono")
    assert [(each["start"], each["samples"]) for each in result["sounds"]] == [
        (0, 2 * RATE + RATE // 5),
        (2 * RATE - RATE * 2 // 5, 2 * RATE + RATE * 2 // 5),
    ]
    mixed = hear(tmp_path / "tracklay" / "cut.mix.wav")[:, 0]
    middle = 2 * RATE - RATE // 10
    for frequency in (300, 1700):
        tone = np.exp(-2j * np.pi * frequency / RATE * np.arange(4 * RATE))

        def level(first, stop, tone=tone):
            return abs(np.vdot(tone[first:stop].conj(), mixed[first:stop])) / (stop - first)

        alone = level(RATE // 4, RATE) if frequency == 300 else level(3 * RATE, 4 * RATE - RATE // 4)
        assert level(middle - 480, middle + 480) / alone == pytest.approx(0.5**0.5, rel=0.03)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--preset", "epic"), "Unknown preset: epic"),
        (("--target", "3"), "--target must be from -60 to -5"),
        (("--kind", "A2"), "Invalid kind: A2"),
        (("--kind", "A7=music"), "No sound has this name: A7. The sounds are A1."),
        (("--kind", "A1=off"), "There is no sound to mix"),
    ],
)
def test_wrong_options_get_one_sentence(film, tmp_path, capsys, arguments, message):
    """And status 2; nothing is written."""
    assert main(["mix", str(film), "--to", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_lay_mixes_at_once(film, tmp_path, capsys, clicking):
    """The take of this run under the film's own speech; a wrong preset is refused before anything is generated."""
    assert main(["lay", str(film), "--model", "clicker/clicks", "--to", str(tmp_path), "--mix", "loud"]) == 2
    assert "Unknown preset: loud" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    manifest = run_json(capsys, "lay", film, "--model", "clicker/clicks", "--to", tmp_path, "--mix", "film")
    assert manifest["mix"]["lufs"] == pytest.approx(-23, abs=0.2)
    assert manifest["laid"] == manifest["mix"]["file"] == "clip.tracklay.mp4"
    curves = json.loads((tmp_path / "clip.mix.json").read_text())
    assert [each["kind"] for each in curves["sounds"]] == ["dialogue", "effects"]
    assert json.loads((tmp_path / "clip.tracklay.json").read_text())["mix"] == manifest["mix"]


def test_only_what_has_generated_sound_is_marked_so(laid, capsys):
    """The stem of the film's own voice is a recording; the mix and the stem of the music are not."""
    run_json(capsys, "mix", laid, "--stems")
    folder = laid.parent / "tracklay"
    types = {
        name: examine_file(folder / f"clip.mix{name}.wav").source_type
        for name in ("", ".dialogue", ".music", ".effects")
    }
    assert types[".dialogue"] == ""
    assert all(types[name].endswith("compositeWithTrainedAlgorithmicMedia") for name in ("", ".music", ".effects"))
