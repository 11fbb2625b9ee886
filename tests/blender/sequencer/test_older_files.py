"""A .blend file of the version before the modules were renamed opens with all that it stores.

`film_before.blend` was saved by Blender 4.5 with version 0.1.0: the strip `shot` of clip.mp4 (50 frames at 25 fps, a flash on frame 20)
from frame 11 on channel 1, and two takes by sketch/foley of one cue, the second muted. All paths in it are relative.
"""

from __future__ import annotations

import shutil
import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy
import pytest
from tracklay.blender.render import scene_audio
from tracklay.blender.runtime import cue_rows
from tracklay.blender.sequencer import compat, cue_index, selection, staleness, takes

from ..conftest import laid, set_handles

OLD_FILM = Path(__file__).with_name("film_before.blend")
CUE = "shot 809e27b291"
FRAMES = 50
SAMPLES = 96_000
"""Of each take: 50 frames at 25 fps, at 48,000 samples per second."""


@pytest.fixture
def film(clips, tmp_path) -> Any:
    """The scene of the old file, opened beside its clip and two silent takes of the right length."""
    shutil.copy(OLD_FILM, tmp_path / "film.blend")
    shutil.copy(clips(Fraction(25), FRAMES, (20,)), tmp_path / "clip.mp4")
    (tmp_path / "tracklay").mkdir()
    for number in (1, 2):
        with wave.open(str(tmp_path / "tracklay" / f"clip.sketch-foley.take{number}.wav"), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(3)
            file.setframerate(48_000)
            file.writeframes(bytes(SAMPLES * 2 * 3))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    return bpy.context.scene


def test_the_settings_of_the_scene_are_kept(film):
    """The model and the prompt are those that were chosen."""
    assert (film.tracklay.model, film.tracklay.prompt) == ("fal/mmaudio-v2", "hammer on metal")


def test_the_cue_index_finds_the_cue_with_both_takes(film):
    """There is one cue; its strips hold takes 0 and 1."""
    strips = cue_index.shared_cue_index.refresh()
    assert {
        cue: [(ref.tag.take, ref.is_filled, ref.is_stale, ref.error) for ref in refs] for cue, refs in strips.items()
    } == {CUE: [(0, True, False, ""), (1, True, False, "")]}


def test_the_takes_form_one_group_and_the_first_is_audible(film, tmp_path):
    """Both lie on the frames of the picture, and their files are found beside the .blend file."""
    level = selection.active_level(film)
    assert level is not None
    (group,) = takes.find_take_groups(level)
    assert (group.cue, group.start, group.end, len(group.takes), group.audible_index) == (CUE, 11, 11 + FRAMES, 2, 0)
    assert [take.mute for take in laid(film)] == [False, True]
    assert [cue_index.take_file(take) for take in laid(film)] == [
        tmp_path / "tracklay" / f"clip.sketch-foley.take{number}.wav" for number in (1, 2)
    ]


def test_the_manifest_entries_are_readable(film):
    """Each strip's entry has the model, seed, length and file of its take."""
    entries = [cue_index.parse_entry(take[cue_index.ENTRY_PROPERTY]) for take in laid(film)]
    assert [(entry["take"], entry["seed"], entry["file"]) for entry in entries] == [
        (1, 7, "clip.sketch-foley.take1.wav"),
        (2, 8, "clip.sketch-foley.take2.wav"),
    ]
    for entry in entries:
        assert (entry["model"], entry["version"], entry["prompt"]) == ("sketch/foley", "0.1.0", "hammer on metal")
        assert (entry["frames"], entry["samples"], entry["channels"]) == (FRAMES, SAMPLES, 2)
        assert entry["start"] == {"frame": 11, "seconds": "11/25"}
        assert entry["picture_by"] == {"way": "source", "why": "it plays straight from its file"}


def test_the_request_is_readable_with_all_its_fields(film):
    """The stored JSON has exactly the fields of `CueRequest`."""
    for take in laid(film):
        request = cue_index.parse_request(take[cue_index.REQUEST_PROPERTY])
        assert request is not None
        assert replace(request, seen=(request.seen[0], request.seen[1])) == cue_index.CueRequest(  # JSON has no tuples
            model="sketch/foley",
            prompt="hammer on metal",
            picture="shot",
            kind="MOVIE",
            offset="0",
            frames=FRAMES,
            seen=(0, FRAMES),
            plays="770151a132b658fc",
            price="0",
            currency="USD",
        )


def test_the_strip_fingerprint_is_unchanged(film):
    """The picture's fingerprint is the stored one, so no take of an older file becomes stale by an update."""
    shot = film.sequence_editor.strips["shot"]
    request = cue_index.parse_request(laid(film)[0][cue_index.REQUEST_PROPERTY])
    assert request is not None
    assert staleness.strip_fingerprint(film, shot, staleness.SpeedEffectCache()) == request.plays
    assert staleness.find_stale_strips() == []


def test_the_takes_become_stale_when_the_picture_is_trimmed(film):
    """The picture lacks the take's last frames, and the cue list shows it."""
    set_handles(film.sequence_editor.strips["shot"], 11, 11 + FRAMES - 5)
    speed_cache = staleness.SpeedEffectCache()
    assert not any(staleness.is_up_to_date(film, take, speed_cache) for take in laid(film))
    assert staleness.find_stale_strips() == [f"Scene: {laid(film)[0].name}"]
    assert all(staleness.update_stale_flag(film, take, speed_cache) for take in laid(film))
    (row,) = cue_rows.list_cue_rows(film)
    assert (row.cue, row.state, row.is_stale, row.prompt) == (CUE, "laid", True, "hammer on metal")


def test_the_cue_list_shows_the_cue(film):
    """The row has the frames, model, prompt and price of the request."""
    (row,) = cue_rows.list_cue_rows(film)
    assert (row.start, row.frames, row.model, row.prompt) == (11, FRAMES, "sketch/foley", "hammer on metal")
    assert (row.state, row.price, row.is_stale) == ("laid", "free", False)
    assert compat.strip_start(film.sequence_editor.strips["shot"]) == 11


def test_switching_works_on_takes_of_an_older_file(film):
    """The second take is heard instead of the first."""
    film.frame_current = 30
    bpy.ops.tracklay.switch_take()
    assert [take.mute for take in laid(film)] == [True, False]


def test_retimed_shots_of_a_4_5_film_keep_their_takes(clips, tmp_path):
    """Blender 5.0 makes each retimed strip a frame shorter: its takes are not stale, and a render makes none of them again.

    `film_retimed.blend` was saved by Blender 4.5: three strips of clip.mp4, at twice and half the speed, and in two pieces, each with
    a take by sketch/foley.
    """
    shutil.copy(Path(__file__).with_name("film_retimed.blend"), tmp_path / "film.blend")
    shutil.copy(clips(Fraction(25), FRAMES, (20,)), tmp_path / "clip.mp4")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    scene = bpy.context.scene
    lost = 1 if bpy.app.version >= (5, 0, 0) else 0
    strips = scene.sequence_editor.strips
    assert [compat.strip_frames(strips[name]) for name in ("fast", "slow", "two")] == [
        26 - lost,
        99 - lost,
        106 - lost,
    ]
    assert staleness.find_stale_strips() == []
    missing, errors = scene_audio.find_missing_audio(scene, scene_audio.SceneAudioOptions(model="sketch/foley"))
    assert (missing, errors) == ([], [])
    # A real change still counts: the picture ends before its take.
    set_handles(strips["slow"], compat.strip_start(strips["slow"]), compat.strip_end(strips["slow"]) - 5)
    assert len(staleness.find_stale_strips()) == 1
