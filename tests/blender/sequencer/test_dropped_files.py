"""Deleting the files of dropped takes: a .blend file that names other files has none of them deleted."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import bpy
import pytest
from tracklay.blender.ops import take_ops
from tracklay.blender.sequencer import cue_index, dropped_files
from tracklay.paths import tracklay_home

from ..conftest import laid, set_handles
from ..ui.test_panel import Layout


@pytest.fixture
def film(scene, strip, tmp_path):
    """A saved film with two takes; the first is heard."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    bpy.ops.tracklay.generate(takes=2, wait=True)
    strip.select = False
    scene.frame_current = 30
    return scene


def take_files(scene):
    """The takes' files."""
    return [cue_index.sound_file(take.sound) for take in laid(scene)]


def another_file(take, tmp_path):
    """A file of the user's, elsewhere."""
    path = tmp_path / "elsewhere" / "mine.wav"
    path.parent.mkdir()
    shutil.copy(take, path)
    return path, path


def beside_the_takes(take, tmp_path):
    """A file of the user's in the takes folder, with a take's content."""
    path = take.with_name("mine.wav")
    shutil.copy(take, path)
    return path, path


def a_take_elsewhere(take, tmp_path):
    """A copy of a take, with its name, in another folder."""
    path = tmp_path / "elsewhere" / take.name
    path.parent.mkdir()
    shutil.copy(take, path)
    return path, path


def steps_up(take, tmp_path):
    """A path that leaves the takes folder by `..`."""
    path = tmp_path / take.name
    shutil.copy(take, path)
    return take.parent / ".." / take.name, path


def steps_up_and_back(take, tmp_path):
    """A path to a take through another folder."""
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere" / ".." / take.parent.name / take.name, take


def link_to_a_file(take, tmp_path):
    """A symbolic link in the place of the take, to a file with its content."""
    path = tmp_path / "mine.wav"
    take.rename(path)
    take.symlink_to(path)
    return take, path


def link_to_a_folder(take, tmp_path):
    """A symbolic link in the place of the takes folder."""
    other = tmp_path / "elsewhere"
    take.parent.rename(other)
    take.parent.symlink_to(other)
    return take, other / take.name


def changed_content(take, tmp_path):
    """A take that was edited by another program."""
    take.write_bytes(take.read_bytes() + b"more")
    return take, take


def a_folder(take, tmp_path):
    """A folder with the take's name."""
    take.unlink()
    take.mkdir()
    return take, take


TAMPERED = [
    another_file,
    beside_the_takes,
    a_take_elsewhere,
    steps_up,
    steps_up_and_back,
    link_to_a_file,
    link_to_a_folder,
    changed_content,
    a_folder,
]


def reports(capfd):
    """What the operators reported."""
    return capfd.readouterr().out


@pytest.mark.parametrize("tamper", TAMPERED)
def test_a_path_in_the_list_that_is_not_a_take_of_the_film_is_left(tamper, film, tmp_path, capfd):
    """It is left, it is reported in one sentence, and it is not offered again."""
    other = take_files(film)[1]
    film.sequence_editor.strips.remove(laid(film)[1])
    bpy.data.orphans_purge()
    named, file = tamper(other, tmp_path)
    film.tracklay.dropped.add().name = str(named)
    assert dropped_files.deletable(film) == ([], [named])
    bpy.ops.tracklay.delete_dropped()
    assert file.exists()
    assert named.exists()
    assert "Files kept (not made here by Tracklay, or changed since): 1" in reports(capfd)
    assert len(film.tracklay.dropped) == 0


def test_keep_take_on_a_tampered_strip_deletes_no_other_file(film, tmp_path):
    """The strip's sound names another file: its own entry and mark do not make it a take."""
    second = laid(film)[1]
    file, _ = another_file(cue_index.sound_file(second.sound), tmp_path)
    second.sound.filepath = str(file)
    entry = json.loads(second[cue_index.ENTRY_PROPERTY])
    second[cue_index.ENTRY_PROPERTY] = json.dumps({**entry, "file": file.name, "folder": str(file.parent)})
    bpy.ops.tracklay.keep_take()
    assert [row.name for row in film.tracklay.dropped] == [str(file)]
    bpy.ops.tracklay.delete_dropped()
    assert file.exists()


def test_what_is_ours_is_deleted_beside_what_is_not(film, tmp_path, capfd):
    """One path that is not a take's keeps no take's file from deletion."""
    kept, other = take_files(film)
    bpy.ops.tracklay.keep_take()
    mine, _ = another_file(other, tmp_path)
    film.tracklay.dropped.add().name = str(mine)
    bpy.ops.tracklay.delete_dropped()
    assert (kept.exists(), other.exists(), mine.exists()) == (True, False, True)
    assert "Files deleted: 1" in reports(capfd)


def test_takes_from_before_the_first_save_are_deleted(scene, strip, tmp_path):
    """They are in the user's own takes folder."""
    bpy.ops.tracklay.generate(takes=2, wait=True)
    other = take_files(scene)[1]
    assert other.parent == tracklay_home() / "takes"
    bpy.ops.tracklay.keep_take()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    bpy.ops.tracklay.delete_dropped()
    assert not other.exists()


def test_stems_are_deleted_by_their_own_hashes(scene, strip):
    """The ledger has them; a stem that was changed is left."""
    set_handles(strip, 11, 31)
    scene.tracklay.model = "sketch/music"
    scene.tracklay.params.stems = True
    bpy.ops.tracklay.generate(takes=2, seed=1, wait=True)
    bpy.ops.tracklay.lay_stems()
    stems = [
        cue_index.sound_file(each.sound)
        for each in laid(scene)
        if (which := cue_index.get_take_tag(each)) and which.stem
    ]
    bpy.ops.tracklay.switch_take()
    bpy.ops.tracklay.keep_take()
    stems[0].write_bytes(stems[0].read_bytes() + b"more")
    bpy.ops.tracklay.delete_dropped()
    assert [stem.exists() for stem in stems] == [True, False, False, False]


def test_the_dialog_shows_the_names(film, tmp_path):
    """Of each file that is deleted; of the others the number."""
    other = take_files(film)[1]
    bpy.ops.tracklay.keep_take()
    mine, _ = another_file(other, tmp_path)
    film.tracklay.dropped.add().name = str(mine)
    layout, (ours, others) = Layout(), dropped_files.deletable(film)
    take_ops.TRACKLAY_OT_delete_dropped.draw(SimpleNamespace(layout=layout, ours=ours, others=others), bpy.context)  # type: ignore[arg-type]
    assert other.name in layout.words()
    assert mine.name not in layout.words()
    assert "Files kept (not made here by Tracklay, or changed since): 1" in layout.words()
