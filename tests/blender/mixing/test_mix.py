"""Mix and Clear Mix: what the mixdown gives against the plan, and what stays of the user's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from tracklay.blender.runtime.mixing import mix_status
from tracklay.blender.sequencer.mixing import writing
from tracklay.blender.sequencer.mixing.records import read_record, read_scene_record
from tracklay.blender.sequencer.mixing.volume_keys import VolumeCurves, read_keys
from tracklay.blender.settings.i18n import translate
from tracklay.blender.settings.i18n.translate import translate_error

from .scenes import (
    FPS,
    RATE,
    curves_of,
    lay_sounds,
    lufs,
    make_hits,
    make_noise,
    mix_by_command,
    mix_of_timeline,
    mixdown,
    momentary,
    true_peak_db,
    write_sounds,
    write_wav,
)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> dict[str, Path]:
    """The files of a scene: voice, music, foley and room tone."""
    return write_sounds(tmp_path_factory.mktemp("sounds"))


def mix(scene: Any, **settings: Any) -> dict[str, Any]:
    """Mix a scene and return what the mix measured."""
    for name, value in settings.items():
        setattr(scene.tracklay_mix, name, value)
    assert bpy.ops.tracklay.mix("EXEC_DEFAULT") == {"FINISHED"}
    result: dict[str, Any] = json.loads(scene["tracklay_mix_result"])
    return result


def own_keys(scene: Any, strip: Any) -> list[tuple[float, float]]:
    """Return the keys of a strip's volume."""
    return read_keys(VolumeCurves().find(scene, strip))


@pytest.mark.parametrize(("preset", "mix_elsewhere"), [("film", mix_of_timeline), ("social", mix_by_command)])
def test_the_mixdown_is_the_plan_and_the_mix_of_the_command(scene, sounds, tmp_path, preset, mix_elsewhere):
    """Loudness, peaks and each moment: Blender's mixer reads volumes by the frame, and keys are written for that."""
    lay_sounds(scene, sounds)
    result = mix(scene, preset=preset)
    heard = mixdown(scene, tmp_path / "blender.wav")
    assert (preset == "film") == (result["limiting_db"] == 0)
    assert abs(lufs(heard) - result["lufs"]) < 0.1
    assert abs(lufs(heard) - {"film": -23, "social": -14}[preset]) < 0.2
    assert true_peak_db(heard) <= -1
    other = mix_elsewhere(sounds, tmp_path, preset)
    assert abs(lufs(heard) - lufs(other)) < 0.3
    whole = slice(0, -1)  # Blender's mixdown ends with the start of the last frame
    differences = np.abs(momentary(heard) - momentary(other))[whole]
    assert differences.max() < 1


def test_kinds_are_found_and_can_be_set(scene, sounds):
    """By the name, by what the user sets, by the channel; a strip that is left alone gets no keys."""
    strips = lay_sounds(scene, sounds)
    strips["foley"].tracklay_mix_kind = "ambience"
    strips["room tone"].tracklay_mix_kind = "LEAVE"
    mix(scene)
    found = {name: (record.kind, record.kind_from) for name, strip in strips.items() if (record := read_record(strip))}
    assert found == {"DX 1": ("dialogue", "name"), "Music": ("music", "name"), "foley": ("ambience", "set")}


@pytest.mark.parametrize("copied_at_once", [100, 0])
def test_clear_mix_restores_the_curves_byte_for_byte(scene, sounds, monkeypatch, copied_at_once):
    """Curves of other properties stay, and so does everything of a strip whose volume the user has animated.

    Also where the curves of the action are copied one by one.
    """
    monkeypatch.setattr(writing, "MOST_COPIED_CURVES", copied_at_once)
    strips = lay_sounds(scene, sounds)
    strips["Music"].volume = 0.7
    for frame, volume in ((10, 0.2), (40, 0.9)):
        strips["foley"].volume = volume
        strips["foley"].keyframe_insert("volume", frame=frame)
    strips["DX 1"].keyframe_insert("pan", frame=5)
    scene.frame_set(1)
    before = curves_of(scene)
    mix(scene)
    assert curves_of(scene) != before
    mix(scene, preset="trailer")
    assert bpy.ops.tracklay.clear_mix("EXEC_DEFAULT") == {"FINISHED"}
    assert curves_of(scene) == before
    assert "tracklay_mix_result" not in scene
    assert not any("tracklay_mixed" in strip for strip in strips.values())


def test_clearing_a_scene_that_had_no_action_leaves_none(scene, sounds):
    """Nothing of the mix stays in the file."""
    lay_sounds(scene, sounds)
    before = curves_of(scene)
    mix(scene)
    bpy.ops.tracklay.clear_mix("EXEC_DEFAULT")
    assert (curves_of(scene), scene.animation_data, len(bpy.data.actions)) == (before, None, 0)


def test_keys_of_the_user_survive_a_second_mix(scene, sounds):
    """A key that was changed, one that was added, and no key of ours between them and the nearest ones."""
    strips = lay_sounds(scene, sounds)
    mix(scene)
    curve = (
        scene.animation_data.action.layers[0]
        .strips[0]
        .channelbags[0]
        .fcurves.find(strips["Music"].path_from_id("volume"))
    )
    changed = len(curve.keyframe_points) // 2
    curve.keyframe_points[changed].co[1] *= 2
    theirs = tuple(curve.keyframe_points[changed].co)
    curve.keyframe_points.insert(290, 0.33)
    mix(scene, preset="documentary")
    keys = own_keys(scene, strips["Music"])
    assert theirs in keys
    assert (290.0, float(np.float32(0.33))) in keys
    record = read_record(strips["Music"])
    assert record is not None
    mine = record.keys
    assert theirs not in mine
    assert len(mine) > 4
    bpy.ops.tracklay.clear_mix("EXEC_DEFAULT")
    assert own_keys(scene, strips["Music"]) == [theirs, (290.0, np.float32(0.33))]


def test_a_volume_that_the_user_has_animated_keeps_its_keys_and_is_ducked_between_them(scene, sounds, tmp_path):
    """A fade in, a dip by hand, a fade out: their keys stay as they are. Where they hold one volume, music goes down under speech."""
    strips = lay_sounds(scene, sounds)
    drawn = ((1, 0.0), (20, 0.6), (170, 0.6), (180, 0.3), (190, 0.6), (280, 0.6), (300, 0.0))
    for frame, volume in drawn:
        strips["Music"].volume = volume
        strips["Music"].keyframe_insert("volume", frame=frame)
    scene.frame_set(1)
    before = curves_of(scene)
    result = mix(scene)
    curve = VolumeCurves().find(scene, strips["Music"])
    heard = {second: curve.evaluate(1 + round(second * FPS)) for second in (3.25, 6.3, 7.16, 9.0)}
    assert heard[6.3] == pytest.approx(0.6, abs=0.02)
    assert heard[7.16] == pytest.approx(0.3, abs=0.02)
    assert max(heard[3.25], heard[9.0]) < 0.6 * 10 ** (-6 / 20)
    held = {(frame, float(np.float32(volume))) for frame, volume in drawn}
    first = own_keys(scene, strips["Music"])
    assert held < set(first)
    assert abs(lufs(mixdown(scene, tmp_path / "mix.wav")) - result["lufs"]) < 0.1
    mix(scene)
    assert own_keys(scene, strips["Music"]) == first
    bpy.ops.tracklay.clear_mix("EXEC_DEFAULT")
    assert curves_of(scene) == before


def test_a_second_mix_of_the_same_scene_changes_nothing(scene, sounds):
    """Our keys are replaced, not multiplied."""
    strips = lay_sounds(scene, sounds)
    strips["Music"].volume = 0.5
    mix(scene)
    before = curves_of(scene)
    mix(scene)
    assert curves_of(scene) == before


def test_the_meter_follows_volumes_that_are_changed_by_hand(scene, sounds):
    """A key that is moved, one that is removed, and the volume of a strip that the mix leaves alone; as it was again, it is up to date."""
    strips = lay_sounds(scene, sounds)
    strips["room tone"].tracklay_mix_kind = "LEAVE"
    mix(scene)

    def is_seen_as_changed() -> bool:
        bpy.context.view_layer.update()
        assert mix_status.is_unchecked
        assert list(mix_status.look_steps(scene.name))
        assert not mix_status.is_unchecked
        record = read_scene_record(scene)
        assert record is not None
        return mix_status.is_out_of_date(scene, record)

    assert not is_seen_as_changed()
    curve = VolumeCurves().find(scene, strips["Music"])
    level = curve.keyframe_points[1].co[1]
    for value in (level + 0.1, level):
        curve.keyframe_points[1].co[1] = value
        curve.update()
        assert is_seen_as_changed() == (value != level)
    for volume in (0.5, 1.0):
        strips["room tone"].volume = volume
        assert is_seen_as_changed() == (volume == 0.5)
    curve.keyframe_points.remove(curve.keyframe_points[1])
    assert is_seen_as_changed()


def test_places_trims_metas_and_muting_are_followed(scene, sounds, tmp_path):
    """What is heard is mixed: a trimmed strip at its place, a strip in a meta, no muted one."""
    strips = lay_sounds(scene, sounds)
    scene.frame_start = 11
    strips["foley"].mute = True
    scene.sequence_editor.channels[4].mute = True
    music = strips["Music"]
    music.frame_final_start, music.frame_final_end = 60, 250
    meta = scene.sequence_editor.strips.new_meta("voices", 6, 1)
    strips["DX 1"].move_to_meta(meta)
    meta.frame_final_end = 301
    result = mix(scene, preset="film")
    assert abs(lufs(mixdown(scene, tmp_path / "mix.wav")) - result["lufs"]) < 0.1
    assert abs(result["lufs"] + 23) < 0.2
    assert not read_record(strips["foley"])
    assert not read_record(strips["room tone"])
    assert read_record(scene.sequence_editor.strips_all["DX 1"])
    assert own_keys(scene, music)[0][0] == 60


def test_a_cut_inside_a_sound_does_not_click(scene, tmp_path):
    """It fades in over its first frame, and out over its last ones."""
    tone = np.cos(2 * np.pi * 110 * np.arange(4 * RATE) / RATE).astype(np.float32) * 0.3
    scene.render.fps, scene.frame_start, scene.frame_end = FPS, 1, 100
    strip = scene.sequence_editor.strips.new_sound("Music", str(write_wav(tmp_path / "tone.wav", tone)), 1, 1)
    strip.frame_final_start, strip.frame_final_end = 21, 81
    mix(scene)
    heard = np.abs(mixdown(scene, tmp_path / "mix.wav")).max(axis=1)
    loud = heard[RATE : 3 * RATE].max()
    for place in (20, 80):
        edge = heard[place * RATE // FPS - 240 : place * RATE // FPS + 240]
        assert edge.max() < 0.1 * loud


@pytest.mark.parametrize(
    ("arrange", "sentence"),
    [
        ("none", "There is no sound to mix in the frame range of Scene."),
        ("silent", "All sounds are silent: there is nothing to mix."),
        ("missing", "None of the sounds can be read. File not found"),
        ("preset", "File not found"),
    ],
)
def test_what_cannot_be_mixed_has_one_sentence(scene, tmp_path, arrange, sentence):
    """And nothing is written."""
    scene.frame_end = 50
    file = write_wav(tmp_path / "sound.wav", np.zeros(RATE, np.float32) if arrange == "silent" else make_hits(1))
    if arrange != "none":
        scene.sequence_editor.strips.new_sound("sound", str(file), 1, 1)
    if arrange == "missing":
        file.unlink()
    if arrange == "preset":
        scene.tracklay_mix.preset, scene.tracklay_mix.preset_file = "FILE", str(tmp_path / "own.toml")
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.tracklay.mix("EXEC_DEFAULT")
    assert scene.animation_data is None
    assert "tracklay_mix_result" not in scene


def test_what_is_left_out_or_missed_is_noted(scene, sounds, tmp_path):
    """A missing file, a driver, NaN samples, no dialogue, and a target that needs too much limiting."""
    strips = lay_sounds(scene, {"foley": sounds["foley"], "room tone": sounds["room tone"]})
    strips["room tone"].driver_add("volume")
    new = scene.sequence_editor.strips.new_sound
    broken = make_noise(2, -30)
    broken[100:110] = np.nan
    write_float(tmp_path / "nan.wav", broken)
    new("nan", str(tmp_path / "nan.wav"), 5, 1)
    gone = write_wav(tmp_path / "gone.wav", make_noise(1, -30))
    new("gone", str(gone), 6, 1)
    gone.unlink()
    mix(scene, target="CUSTOM", target_lufs=-5)
    record = read_scene_record(scene)
    assert record is not None
    notes = [str(note) for note in record.notes]
    assert [note for note in notes if note.startswith("gone: File not found")]
    assert "room tone: Its volume has a driver. It stays as it is." in notes
    assert [note for note in notes if note.startswith("nan: 10 samples are no numbers")]
    assert [note for note in notes if note.startswith("No dialogue was found")]
    assert [note for note in notes if note.startswith("-5 LUFS needs more than 12 dB of limiting")]
    words = translate.TRANSLATIONS["de_DE"]
    german = [translate_error(note, lambda text: words[translate.ANY_CONTEXT, text]) for note in record.notes]
    assert "room tone: Die Lautstärke hat einen Treiber. Sie bleibt, wie sie ist." in german
    assert "nan: 10 Samples sind keine Zahlen und sind als Stille zu hören." in german


def write_float(path: Path, sound: Any) -> None:
    """Write a mono WAV of 32-bit floats."""
    data = np.asarray(sound, "<f4").tobytes()
    header = b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    header += (3).to_bytes(2, "little") + (1).to_bytes(2, "little") + RATE.to_bytes(4, "little")
    header += (4 * RATE).to_bytes(4, "little") + (4).to_bytes(2, "little") + (32).to_bytes(2, "little")
    path.write_bytes(header + b"data" + len(data).to_bytes(4, "little") + data)


def test_a_script_reads_what_was_measured(scene, sounds):
    """The record has what the panel shows."""
    lay_sounds(scene, sounds)
    mix(scene, target="-16", use_true_peak=True, true_peak_db=-3.0)
    record = read_scene_record(scene)
    assert record is not None
    assert record.lufs is not None
    assert record.dialogue_over_music is not None
    assert abs(record.lufs + 16) < 0.3
    assert record.true_peak <= -3
    assert record.dialogue_over_music >= 10
