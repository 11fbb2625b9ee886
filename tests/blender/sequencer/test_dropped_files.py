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
from ..fake_layout import Layout


@pytest.fixture(autouse=True)
def bin_folder(tmp_path_factory, monkeypatch):
    """Keep the user's own trash out of every test."""
    folder = tmp_path_factory.mktemp("data")
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    return folder / "Trash"


@pytest.fixture
def film(scene, strip, tmp_path):
    """A saved film with two takes; the first is heard."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    bpy.ops.tracklay.generate(takes=2, wait=True)
    strip.select = False
    scene.frame_current = 30
    return scene


def take_files(scene):
    """Return the files of the takes."""
    return [cue_index.sound_file(take.sound) for take in laid(scene)]


def another_file(take, tmp_path):
    """Name a file of the user's in another folder."""
    path = tmp_path / "elsewhere" / "mine.wav"
    path.parent.mkdir()
    shutil.copy(take, path)
    return path, path


def beside_the_takes(take, tmp_path):
    """Name a file of the user's in the takes folder that has a take's content."""
    path = take.with_name("mine.wav")
    shutil.copy(take, path)
    return path, path


def a_take_elsewhere(take, tmp_path):
    """Name a copy of a take, with the same name, in another folder."""
    path = tmp_path / "elsewhere" / take.name
    path.parent.mkdir()
    shutil.copy(take, path)
    return path, path


def steps_up(take, tmp_path):
    """Name a path that leaves the takes folder by `..`."""
    path = tmp_path / take.name
    shutil.copy(take, path)
    return take.parent / ".." / take.name, path


def steps_up_and_back(take, tmp_path):
    """Name a take by a path through another folder."""
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere" / ".." / take.parent.name / take.name, take


def link_to_a_file(take, tmp_path):
    """Replace a take with a symbolic link to a file that has its content."""
    path = tmp_path / "mine.wav"
    take.rename(path)
    take.symlink_to(path)
    return take, path


def link_to_a_folder(take, tmp_path):
    """Replace the takes folder with a symbolic link."""
    other = tmp_path / "elsewhere"
    take.parent.rename(other)
    take.parent.symlink_to(other)
    return take, other / take.name


def changed_content(take, tmp_path):
    """Change a take, as another program does."""
    take.write_bytes(take.read_bytes() + b"more")
    return take, take


def a_folder(take, tmp_path):
    """Replace a take with a folder of its name."""
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
    """Return what the operators reported."""
    return capfd.readouterr().out


@pytest.mark.parametrize("tamper", TAMPERED)
def test_a_path_in_the_list_that_is_not_a_take_of_the_film_is_not_deleted(tamper, film, tmp_path, capfd):
    """One sentence reports it, and it is removed from the list."""
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


def test_takes_are_deleted_although_the_list_has_another_file(film, tmp_path, capfd, bin_folder):
    """A path that is not a take does not stop the deletion of the takes."""
    kept, other = take_files(film)
    bpy.ops.tracklay.keep_take()
    mine, _ = another_file(other, tmp_path)
    film.tracklay.dropped.add().name = str(mine)
    bpy.ops.tracklay.delete_dropped()
    assert (kept.exists(), other.exists(), mine.exists()) == (True, False, True)
    assert "Files moved to the trash: 1" in reports(capfd)
    assert [path.name for path in (bin_folder / "files").iterdir()] == [other.name]


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
    """The ledger stores the hashes; a changed stem is not deleted."""
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


def test_the_dialog_lists_the_files_to_delete(film, tmp_path):
    """The name of each file that is deleted, and the number of the others."""
    other = take_files(film)[1]
    bpy.ops.tracklay.keep_take()
    mine, _ = another_file(other, tmp_path)
    film.tracklay.dropped.add().name = str(mine)
    layout, (ours, others) = Layout(), dropped_files.deletable(film)
    take_ops.TRACKLAY_OT_delete_dropped.draw(SimpleNamespace(layout=layout, ours=ours, others=others), bpy.context)  # type: ignore[arg-type]
    assert other.name in layout.words()
    assert mine.name not in layout.words()
    assert "Files kept (not made here by Tracklay, or changed since): 1" in layout.words()
