"""Scene audio: each shot without a take gets one before a render, and repeated renders generate nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import bpy
import pytest
from tracklay.blender.render import scene_audio
from tracklay.blender.sequencer import compat, scene_cues
from tracklay.errors import InvalidInput, ModelFailed
from tracklay.providers import base

from scripts import render_with_sound
from tests.clips import clicks, hear
from tests.fakes.click_model import Clicker

from ..conftest import add, laid, set_handles
from ..films import LAST, RATE, flashes, movie, opened, save, three_shots
from .mix import mixed_clicks, sample, worst

ROOT = Path(__file__).parents[3]
AAC_SAMPLES = 64
"""Tolerance for AAC, which blurs clicks."""


class CountingClicker(Clicker):
    """A clicking model that counts its requests, and fails with `error` if that is set."""

    def __init__(self) -> None:
        super().__init__()
        self.request_count = 0
        self.error = ""

    async def submit(self, submission):
        self.request_count += 1
        if self.error:
            raise ModelFailed(self.error)
        return await super().submit(submission)


@pytest.fixture
def model():
    """The clicking model that counts its requests."""
    made = CountingClicker()
    base.register("clicker", lambda: made)
    return made


@pytest.fixture
def cut(scene, clips, tmp_path):
    """A .blend file of three shots."""
    return three_shots(scene, clips, tmp_path)


def generate_for(scene: Any, name: str, **wanted: Any) -> None:
    """Lay a take for one shot with Generate."""
    for strip in scene.sequence_editor.strips:
        strip.select = strip.name == name
    bpy.ops.tracklay.generate(wait=True, **wanted)


def render(cut: Path, *options: str) -> int:
    """Run `python scripts/render_with_sound.py film.blend … -a`, and return its exit status."""
    return render_with_sound.main([str(cut), *options, "-a"])


@pytest.mark.parametrize(
    ("container", "codec", "tolerance"), [("MKV", "FLAC", 1), ("QUICKTIME", "PCM", 1), ("MPEG4", "AAC", AAC_SAMPLES)]
)
def test_a_film_without_sound_is_rendered_with_every_click_on_its_frame(
    scene, cut, model, tmp_path, container, codec, tolerance
):
    """Three shots get takes, the clicks in Blender's movie are in sync, and the film does not change."""
    movie(scene, container, codec, tmp_path / "out" / "film_")
    save(cut)
    before = cut.read_bytes()
    assert render(cut) == 0
    (made,) = (tmp_path / "out").iterdir()
    found = worst(clicks(hear(made)), flashes())
    print(f"{container} with {codec}: {found} samples at most")  # noqa: T201 - the output has the figure
    assert found <= tolerance
    assert model.request_count == 3
    assert cut.read_bytes() == before


def test_a_second_render_generates_nothing(scene, cut, model, tmp_path, capfd):
    """It lays the same files and has the same sound."""
    movie(scene, "MKV", "FLAC", tmp_path / "out" / "film_")
    save(cut)
    assert render(cut) == 0
    takes = sorted((tmp_path / "tracklay").glob("*.wav"))
    heard = hear(tmp_path / "out" / f"film_0001-{LAST:04}.mkv")
    assert render(cut) == 0
    assert "0 made, 3 laid, 0 failed" in capfd.readouterr().err
    assert model.request_count == 3
    assert sorted((tmp_path / "tracklay").glob("*.wav")) == takes
    assert (hear(tmp_path / "out" / f"film_0001-{LAST:04}.mkv") == heard).all()


def test_a_movie_without_an_audio_codec_gets_one(scene, cut, model, tmp_path, capfd):
    """Blender's default writes movies without sound, so the render sets a codec and prints a message."""
    movie(scene, "MKV", "NONE", tmp_path / "out" / "film_")
    save(cut)
    assert render(cut) == 0
    assert "has no audio codec; rendering with FLAC" in capfd.readouterr().err
    assert worst(clicks(hear(tmp_path / "out" / f"film_0001-{LAST:04}.mkv")), flashes()) <= 1


def test_a_frame_render_has_a_wav_beside_it(scene, cut, model, tmp_path):
    """The WAV of a frame range has the length, the name and the clicks of that range."""
    scene.render.filepath = str(tmp_path / "out" / "film_")
    save(cut)
    assert render(cut, "-s", "86", "-e", "115") == 0
    assert len(list((tmp_path / "out").glob("*.png"))) == 30
    sound = hear(tmp_path / "out" / "film_0086-0115.wav")
    assert abs(len(sound) - 30 * 1920) <= 1
    assert worst(clicks(sound), [(110 - 86) * 1920]) <= 1
    assert model.request_count == 2  # the third shot begins on frame 111, the first ends before 61


def test_an_existing_take_is_kept(scene, cut, model):
    """A shot with a take of any model and prompt gets no other; only the other shots do."""
    generate_for(scene, "shot1", prompt="just this")
    save(cut)
    result = scene_audio.generate_scene_audio(opened(cut), scene_audio.SceneAudioOptions(prompt="anything"), print)
    assert (sorted(result.made), sorted(result.laid), result.errors) == (["shot0", "shot2"], ["shot0", "shot2"], [])
    assert len(laid(bpy.context.scene)) == 3


def test_a_stale_take_is_regenerated_and_muted(scene, cut, model):
    """A shot was trimmed after its take was laid: it gets a take of its present frames."""
    generate_for(scene, "shot1")
    compat.set_strip_frames(scene.sequence_editor.strips["shot1"], 40)
    result = scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print)
    assert result.made == ["shot0", "shot1", "shot2"]
    takes = [(compat.strip_frames(take), take.mute) for take in laid(scene) if compat.strip_start(take) == 61]
    assert sorted(takes) == [(40, False), (50, True)]


def test_an_extended_shot_gets_a_take_and_keeps_the_shorter_one(scene, cut, model):
    """A take of a part of the shot stays audible, and a take of all frames is generated."""
    shot = scene.sequence_editor.strips["shot1"]
    compat.set_strip_frames(shot, 30)
    generate_for(scene, "shot1")
    compat.set_strip_frames(shot, 50)
    assert scene_audio.generate_scene_audio(
        scene, scene_audio.SceneAudioOptions(name_patterns=("shot1",)), print
    ).made == ["shot1"]
    takes = [(compat.strip_frames(take), take.mute) for take in laid(scene) if compat.strip_start(take) == 61]
    assert sorted(takes) == [(30, False), (50, False)]


def test_a_trimmed_take_counts_as_the_take_of_its_shot(scene, cut, model):
    """The user trimmed it on purpose, so the shot gets no other."""
    generate_for(scene, "shot1")
    (take,) = laid(scene)
    set_handles(take, 70, 90)
    assert scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print).made == ["shot0", "shot2"]


def test_a_take_is_reused_for_the_same_content_only(scene, cut, clips, model, tmp_path):
    """The position of a shot does not matter; a file with new content under its old name is new content."""
    assert scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print).made == [
        "shot0",
        "shot1",
        "shot2",
    ]
    scene = opened(cut)
    shot = scene.sequence_editor.strips["shot2"]
    setattr(shot, compat.time_property("content_start", bpy.types.Strip), 115)
    other = tmp_path / "shot0.mp4"
    other.unlink()
    other.symlink_to(clips(RATE, 50, (2,)))
    result = scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print)
    assert (result.made, sorted(result.laid)) == (["shot0"], ["shot0", "shot1", "shot2"])
    assert [compat.strip_start(take) for take in laid(scene)] == [11, 61, 115]


def test_a_shot_used_twice_is_generated_once(scene, clips, tmp_path, model):
    """Both uses have the same file, and it is paid for once."""
    scene.render.fps = 25
    clip = clips(RATE, 50, (10,))
    add(scene, clip, 1)
    add(scene, clip, 101)
    save(tmp_path / "film.blend")
    result = scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print)
    assert len(result.made) == len(result.laid) == 2
    assert model.request_count == 1
    assert len({take.sound.filepath for take in laid(scene)}) == 1


def test_only_named_or_selected_shots_get_sound(scene, cut, model):
    """Names may be patterns; a name without a match is an error."""
    assert scene_audio.generate_scene_audio(
        scene, scene_audio.SceneAudioOptions(name_patterns=("shot[01]",)), print
    ).made == ["shot0", "shot1"]
    scene = opened(cut)
    for strip in scene.sequence_editor.strips:
        strip.select = strip.name == "shot2"
    assert scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(selected_only=True), print).made == [
        "shot2"
    ]
    with pytest.raises(InvalidInput, match="No video strip in Scene matches nothing"):
        scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(name_patterns=("nothing",)), print)


def test_invisible_strips_get_no_sound(scene, cut, clips):
    """Muted strips and channels, strips outside the range and hidden strips are no cues; a translucent strip hides nothing."""
    strips = scene.sequence_editor.strips
    clip = clips(RATE, 50, (1,))
    add(scene, clip, 11, channel=3).name = "over shot0"
    add(scene, clip, 61, channel=3).mute = True
    add(scene, clip, 111, channel=5).name = "on a muted channel"
    scene.sequence_editor.channels[5].mute = True
    add(scene, clip, 400, channel=1).name = "parked"
    add(scene, clip, 115, channel=6).name = "over a part of shot2"
    assert [each[0].name for each in scene_cues.find_cue_ranges(scene)] == [
        "over shot0",
        "shot1",
        "shot2",
        "over a part of shot2",
    ]
    strips["over shot0"].blend_alpha = 0.5
    assert "shot0" in [each[0].name for each in scene_cues.find_cue_ranges(scene)]
    assert [each[0].name for each in scene_cues.find_cue_ranges(scene, ["parked"])] == ["parked"]


def test_a_range_without_pictures_needs_no_sound(scene, cut, model):
    """A render farm can render black leader as one of its parts."""
    scene.frame_start, scene.frame_end = 1, 8
    assert (
        scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print)
        == scene_audio.SceneAudioResult()
    )
    assert model.request_count == 0


@pytest.mark.parametrize(("policy", "status", "files"), [("stop", 1, 0), ("warn", 0, 1)])
def test_a_failure_stops_the_render_or_is_reported(scene, cut, model, tmp_path, capfd, policy, status, files):
    """`stop` renders nothing and exits with 1, `warn` renders without the take; both name the shot and the reason."""
    movie(scene, "MKV", "FLAC", tmp_path / "out" / "film_")
    scene.frame_end = 20
    save(cut)
    model.error = "the model failed"
    assert render(cut, "--on-failure", policy) == status
    assert "tracklay: shot0: shot0.mp4: the model failed" in capfd.readouterr().err
    assert len(list((tmp_path / "out").glob("*.mkv"))) == files
    model.error = ""
    assert render(cut) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "no/such"], "Unknown model: 'no/such'"),
        (["--only", "nothing"], "No video strip in Scene matches nothing"),
        (["--max-cost", "cheap"], "'cheap'. Write a number such as 2.50."),
        (["--on-failure", "cry"], "invalid choice: 'cry'"),
        (["--model", "replicate/mmaudio"], "REPLICATE_API_TOKEN"),
    ],
)
def test_each_input_error_is_one_sentence(cut, capfd, options, words):
    """Nothing is rendered or generated, and no traceback is printed."""
    try:
        status: object = render(cut, *options)
    except SystemExit as ended:
        status = ended.code
    messages = [line for line in capfd.readouterr().err.splitlines() if line.startswith("tracklay: ")]
    assert status in (1, 2)
    assert any(words in line for line in messages), messages


def test_an_invalid_film_is_an_error(tmp_path, capfd):
    """A file of another kind and a missing file give one sentence and exit status 2."""
    (tmp_path / "film.blend").write_text("no film")
    for name in ("film.blend", "missing.blend"):
        assert render(tmp_path / name) == 2
        message = capfd.readouterr().err
        assert "Cannot open " in message
        assert f"{name}: " in message


def test_two_machines_generate_each_take_once(cut, tmp_path):
    """Two Blenders need the sound of the same film at the same time: together they generate three takes, and both lay all."""
    script = ROOT / "scripts" / "render_with_sound.py"
    machines = [
        subprocess.Popen(
            [sys.executable, str(script), str(cut), "--model", "sketch/foley"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [machine.communicate(timeout=200)[1] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], outputs
    assert all("3 laid, 0 failed" in output for output in outputs), outputs
    assert sum(int(output.partition(" made, ")[0].rpartition(" ")[2]) for output in outputs) == 3
    assert len(list((tmp_path / "tracklay").glob("*.wav"))) == 3
    records = [json.loads(path.read_text()) for path in (tmp_path / "tracklay" / "at-render").glob("*.json")]
    assert len(records) == 3
    assert not list((tmp_path / "tracklay" / "at-render").glob("*.claim"))


def test_a_rendered_picture_is_identified_by_its_content(scene, cut, clips, model, tmp_path):
    """A scene strip has no file of its own: it gets a new take only if its content has changed."""
    inner = bpy.data.scenes.new("inside")
    inner.sequence_editor_create()
    inner.render.fps = 25
    for start, name in ((1, "shot0"), (26, "shot1")):
        shot = inner.sequence_editor.strips.new_movie(name, str(tmp_path / f"{name}.mp4"), 1, start)
        compat.set_strip_frames(shot, 25)
    inner.frame_end = 50
    for strip in list(scene.sequence_editor.strips):
        scene.sequence_editor.strips.remove(strip)
    strip = scene.sequence_editor.strips.new_scene("both", inner, 1, 11)
    strip.scene_input = "SEQUENCER"
    save(cut)
    assert scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print).made == ["both"]
    assert worst(mixed_clicks(scene, tmp_path, 100), [sample(11 + flash, RATE) for flash in (10, 25 + 5)]) <= 1
    scene = opened(cut)
    assert scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print).made == []
    scene = opened(cut)
    compat.set_strip_frames(bpy.data.scenes["inside"].sequence_editor.strips["shot1"], 20)
    assert scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print).made == ["both"]
    assert model.request_count == 2
