"""A film that must not be silent: what lacks a take gets one before it is rendered, once, whoever renders it how often."""

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
"""AAC blurs a click: it is heard within this many samples of its place."""


class Counting(Clicker):
    """Counts what it is asked for, and fails when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.trouble = ""

    async def submit(self, submission):
        self.asked += 1
        if self.trouble:
            raise ModelFailed(self.trouble)
        return await super().submit(submission)


@pytest.fixture
def model():
    """The clicking model, which counts."""
    made = Counting()
    base.register("clicker", lambda: made)
    return made


@pytest.fixture
def cut(scene, clips, tmp_path):
    """The film of three shots."""
    return three_shots(scene, clips, tmp_path)


def generate_for(scene: Any, name: str, **wanted: Any) -> None:
    """Lay a take for one shot, as a person does."""
    for strip in scene.sequence_editor.strips:
        strip.select = strip.name == name
    bpy.ops.tracklay.generate(wait=True, **wanted)


def render(cut: Path, *options: str) -> int:
    """`python scripts/render_with_sound.py film.blend … -a`."""
    return render_with_sound.main([str(cut), *options, "-a"])


@pytest.mark.parametrize(
    ("container", "codec", "tolerance"), [("MKV", "FLAC", 1), ("QUICKTIME", "PCM", 1), ("MPEG4", "AAC", AAC_SAMPLES)]
)
def test_a_film_without_sound_is_rendered_with_every_click_on_its_frame(
    scene, cut, model, tmp_path, container, codec, tolerance
):
    """Three shots get their takes, and the movie that Blender writes has each click where its flash is; the film itself is as it was."""
    movie(scene, container, codec, tmp_path / "out" / "film_")
    save(cut)
    before = cut.read_bytes()
    assert render(cut) == 0
    (made,) = (tmp_path / "out").iterdir()
    found = worst(clicks(hear(made)), flashes())
    print(f"{container} with {codec}: {found} samples at most")  # noqa: T201 - the figure is what it is for
    assert found <= tolerance
    assert model.asked == 3
    assert cut.read_bytes() == before


def test_twice_in_a_row_makes_nothing_new(scene, cut, model, tmp_path, capfd):
    """The second render asks for nothing, lays the same files, and sounds the same."""
    movie(scene, "MKV", "FLAC", tmp_path / "out" / "film_")
    save(cut)
    assert render(cut) == 0
    takes = sorted((tmp_path / "tracklay").glob("*.wav"))
    heard = hear(tmp_path / "out" / f"film_0001-{LAST:04}.mkv")
    assert render(cut) == 0
    assert "0 made, 3 laid, 0 failed" in capfd.readouterr().err
    assert model.asked == 3
    assert sorted((tmp_path / "tracklay").glob("*.wav")) == takes
    assert (hear(tmp_path / "out" / f"film_0001-{LAST:04}.mkv") == heard).all()


def test_a_movie_without_a_codec_gets_one(scene, cut, model, tmp_path, capfd):
    """Blender's own default leaves sound out of movies: the render says that it was put in."""
    movie(scene, "MKV", "NONE", tmp_path / "out" / "film_")
    save(cut)
    assert render(cut) == 0
    assert "has no audio codec; rendering with FLAC" in capfd.readouterr().err
    assert worst(clicks(hear(tmp_path / "out" / f"film_0001-{LAST:04}.mkv")), flashes()) <= 1


def test_frames_have_a_wav_beside_them(scene, cut, model, tmp_path):
    """A part of the film as frames: the WAV has just that part, is called as it, and clicks on the frames of the flashes."""
    scene.render.filepath = str(tmp_path / "out" / "film_")
    save(cut)
    assert render(cut, "-s", "86", "-e", "115") == 0
    assert len(list((tmp_path / "out").glob("*.png"))) == 30
    sound = hear(tmp_path / "out" / "film_0086-0115.wav")
    assert abs(len(sound) - 30 * 1920) <= 1
    assert worst(clicks(sound), [(110 - 86) * 1920]) <= 1
    assert model.asked == 2  # the third shot is seen from frame 111 on, the first is over by 61


def test_a_take_that_is_there_is_left_alone(scene, cut, model):
    """A take that somebody laid, whatever its model and prompt, is what is heard; only the others are made."""
    generate_for(scene, "shot1", prompt="just this")
    save(cut)
    came = scene_audio.generate_scene_audio(opened(cut), scene_audio.SceneAudioOptions(prompt="anything"), print)
    assert (sorted(came.made), sorted(came.laid), came.errors) == (["shot0", "shot2"], ["shot0", "shot2"], [])
    assert len(laid(bpy.context.scene)) == 3


def test_a_stale_take_is_made_again_and_the_old_one_is_not_heard(scene, cut, model):
    """A shot was trimmed after its take was laid: it gets a take of its new frames, and the old one is muted."""
    generate_for(scene, "shot1")
    compat.set_strip_frames(scene.sequence_editor.strips["shot1"], 40)
    came = scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print)
    assert came.made == ["shot0", "shot1", "shot2"]
    takes = [(compat.strip_frames(take), take.mute) for take in laid(scene) if compat.strip_start(take) == 61]
    assert sorted(takes) == [(40, False), (50, True)]


def test_a_shot_that_became_longer_lacks_a_take_and_an_effect_in_it_stays(scene, cut, model):
    """A take of half a shot is heard, and is not the shot's: one of all its frames is made."""
    shot = scene.sequence_editor.strips["shot1"]
    compat.set_strip_frames(shot, 30)
    generate_for(scene, "shot1")
    compat.set_strip_frames(shot, 50)
    assert scene_audio.generate_scene_audio(
        scene, scene_audio.SceneAudioOptions(name_patterns=("shot1",)), print
    ).made == ["shot1"]
    takes = [(compat.strip_frames(take), take.mute) for take in laid(scene) if compat.strip_start(take) == 61]
    assert sorted(takes) == [(30, False), (50, False)]


def test_a_take_that_a_person_cut_short_is_the_shots_own(scene, cut, model):
    """Where its handles were drawn in, the person wanted it so: nothing is made over it."""
    generate_for(scene, "shot1")
    (take,) = laid(scene)
    set_handles(take, 70, 90)
    assert scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print).made == ["shot0", "shot2"]


def test_a_shot_that_moved_keeps_its_take_and_one_that_changed_does_not(scene, cut, clips, model, tmp_path):
    """What plays counts, not where it lies; the same file name with another picture in it is another picture."""
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
    came = scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print)
    assert (came.made, sorted(came.laid)) == (["shot0"], ["shot0", "shot1", "shot2"])
    assert [compat.strip_start(take) for take in laid(scene)] == [11, 61, 115]


def test_the_same_shot_twice_is_made_once(scene, clips, tmp_path, model):
    """Used twice, it sounds the same twice, and is paid for once."""
    scene.render.fps = 25
    clip = clips(RATE, 50, (10,))
    add(scene, clip, 1)
    add(scene, clip, 101)
    save(tmp_path / "film.blend")
    came = scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print)
    assert len(came.made) == len(came.laid) == 2
    assert model.asked == 1
    assert len({take.sound.filepath for take in laid(scene)}) == 1


def test_only_what_is_named_or_selected_gets_sound(scene, cut, model):
    """Names may be patterns; a name that is nowhere is told."""
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


def test_what_is_not_seen_gets_no_sound(scene, cut, clips):
    """Muted strips and channels, strips out of the range, and those that others hide are no cues; a still hides nothing."""
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


def test_a_part_without_picture_lacks_nothing(scene, cut, model):
    """A farm's share of black leader is rendered like any other."""
    scene.frame_start, scene.frame_end = 1, 8
    assert (
        scene_audio.generate_scene_audio(scene, scene_audio.SceneAudioOptions(), print)
        == scene_audio.SceneAudioResult()
    )
    assert model.asked == 0


@pytest.mark.parametrize(("policy", "status", "files"), [("stop", 1, 0), ("warn", 0, 1)])
def test_a_failure_stops_the_render_or_is_told(scene, cut, model, tmp_path, capfd, policy, status, files):
    """`stop` renders nothing and ends with 1, `warn` renders what there is; either way the sentence says which shot and why."""
    movie(scene, "MKV", "FLAC", tmp_path / "out" / "film_")
    scene.frame_end = 20
    save(cut)
    model.trouble = "the model has a cold"
    assert render(cut, "--on-failure", policy) == status
    assert "tracklay: shot0: shot0.mp4: the model has a cold" in capfd.readouterr().err
    assert len(list((tmp_path / "out").glob("*.mkv"))) == files
    model.trouble = ""
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
def test_what_is_wrong_is_told_in_one_sentence(cut, capfd, options, words):
    """Nothing is rendered, nothing is made, and no traceback is shown."""
    try:
        status: object = render(cut, *options)
    except SystemExit as ended:
        status = ended.code
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("tracklay: ")]
    assert status in (1, 2)
    assert any(words in line for line in said), said


def test_a_film_that_is_none_is_told(tmp_path, capfd):
    """A file of another kind, or none at all: one sentence and 2."""
    (tmp_path / "film.blend").write_text("no film")
    for name in ("film.blend", "missing.blend"):
        assert render(tmp_path / name) == 2
        message = capfd.readouterr().err
        assert "Cannot open " in message
        assert f"{name}: " in message


def test_many_machines_make_each_take_once(cut, tmp_path):
    """Two Blenders want the sound of the same film at the same moment: three takes are made, by whomever, and all have sound."""
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
    said = [machine.communicate(timeout=200)[1] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    assert all("3 laid, 0 failed" in words for words in said), said
    assert sum(int(words.partition(" made, ")[0].rpartition(" ")[2]) for words in said) == 3
    assert len(list((tmp_path / "tracklay").glob("*.wav"))) == 3
    records = [json.loads(path.read_text()) for path in (tmp_path / "tracklay" / "at-render").glob("*.json")]
    assert len(records) == 3
    assert not list((tmp_path / "tracklay" / "at-render").glob("*.claim"))


def test_what_blender_must_render_is_known_again_by_what_is_in_it(scene, cut, clips, model, tmp_path):
    """A scene strip of two shots has no file of its own: it is rendered once for its take, and again only when it shows something else."""
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
    assert model.asked == 2
