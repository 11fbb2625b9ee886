"""The source of each strip's picture: its file or Blender's render, the reason, and the user's choice."""

from __future__ import annotations

import ctypes
import json
import math
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from tracklay import log
from tracklay.blender.runtime.dispatcher import get_dispatcher
from tracklay.blender.sequencer import compat, retiming, selection, staleness, strip_dna, timeline_copy
from tracklay.cancellation import CancelToken
from tracklay.errors import Cancelled, InvalidInput, MediaError
from tracklay.jobs import artifact_store
from tracklay.media.editor_render import render_in_editor
from tracklay.timing import TimeMap

from tests.clips import flash_clip

from ..conftest import add, add_from_menu, laid, set_handles, set_rate
from ..render.mix import mixed_clicks, sample, worst
from .strip_matrix import Place, add_source_strip, key_fields, make_meta, retime

RATE = Fraction(25)


@pytest.fixture
def place(scene, clips):
    """A scene with the resolution of its clip of 120 frames, which has flashes on frames 40 and 70."""
    set_rate(scene, RATE)
    scene.render.resolution_x, scene.render.resolution_y = 192, 108
    scene.view_settings.view_transform = "Standard"
    return Place(scene, clips(RATE, 120, (40, 70)), (), 11, 0)


def spot(place: Place, strip: Any) -> Any:
    """Select a strip and return its only spot."""
    strip.select = True
    (found,) = selection.spot_ranges(place.scene)
    return found


def cropped(strip: Any) -> None:
    """Crop a strip by 20 pixels."""
    strip.crop.min_x = 20


def fading(strip: Any) -> None:
    """Animate the opacity of a strip."""
    strip.blend_alpha = 0.5
    strip.keyframe_insert("blend_alpha", frame=20)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (cropped, "it is cropped"),
        (fading, "it is animated; it is not opaque"),
        (lambda strip: setattr(strip, "blend_alpha", 0.5), "it is not opaque"),
        (lambda strip: setattr(strip.transform, "scale_x", 2), "it reaches beyond the frame"),
        (lambda strip: setattr(strip.transform, "rotation", 1), "it is turned"),
        (lambda strip: setattr(strip, "use_flip_x", True), "it is mirrored"),
    ],
)
def test_a_strip_with_another_look_is_rendered_unless_the_file_is_chosen(change, why, place):
    """Automatic renders the visible picture, and From the File skips the render."""
    strip = place.movie()
    change(strip)
    found = spot(place, strip).picture
    assert (found.render is not None, found.reason) == (True, why)
    place.scene.tracklay.picture = "FILE"
    assert spot(place, strip).picture.render is None


def test_a_scaled_down_or_moved_picture_inside_the_frame_is_read_from_its_file(place):
    """The position in the frame does not affect the sound."""
    strip = place.movie()
    strip.transform.scale_x = strip.transform.scale_y = 0.5
    strip.transform.offset_x = 40
    assert spot(place, strip).picture.render is None


def test_render_can_be_chosen_for_every_strip(place):
    """The choice applies to a strip that plays straight from its file, too."""
    place.scene.tracklay.picture = "RENDER"
    found = spot(place, place.movie()).picture
    assert (found.render is not None, found.reason) == (True, "you asked for Blender's render")


def test_choosing_the_file_is_an_error_if_the_file_does_not_show_the_picture(place):
    """The error names the strip and the reason."""
    strip = place.movie()
    place.effect("SPEED", 3, strip).select = False
    place.scene.tracklay.picture = "FILE"
    with pytest.raises(InvalidInput) as caught:
        spot(place, strip)
    assert str(caught.value) == "The file of strip 0 does not show what plays: it runs through effect 0."


def test_an_effect_on_other_frames_does_not_matter(place):
    """A later dissolve of the same strip and a muted one are ignored."""
    strip, other = place.movie(), place.movie(place.start + 100, 2)
    effect = place.effect("CROSS", 3, other, strip)
    effect.select = False
    assert selection.spot_ranges(place.scene, [(strip, 11, 20)])[0].picture.render is None
    assert selection.spot_ranges(place.scene, [(strip, 11, 115)])[0].picture.render is not None
    effect.mute = True
    assert selection.spot_ranges(place.scene, [(strip, 11, 115)])[0].picture.render is None


@pytest.mark.parametrize("count", [2, 2 * compat.SKIPS_PER_LOOKUP])
def test_effects_are_found_by_type_and_frames(place, count):
    """Effects without an input strip are left out, and the number of strips does not matter."""
    strips = [place.movie(place.start + 120 * number) for number in range(count)]
    effects = [place.effect("GAUSSIAN_BLUR" if number else "SPEED", 3, strip) for number, strip in enumerate(strips)]
    given = place.strips.bl_rna.functions["new_effect"].parameters.keys()
    place.strips.new_effect("colour", "COLOR", 4, place.start, **{"length" if "length" in given else "frame_end": 500})
    assert compat.strips_of_types(place.strips, compat.EFFECT_TYPES) == effects
    assert compat.strips_of_types(place.strips, compat.EFFECT_TYPES, range(11 + 119, 11 + 121)) == effects[:2]
    assert compat.strips_of_types(place.strips, compat.EFFECT_TYPES, range(11 + 120, 11 + 240)) == effects[1:2]
    assert compat.strips_of_types(place.strips, {"SPEED"}) == effects[:1]
    assert compat.strips_of_types(place.strips, compat.EFFECT_TYPES, range(11 + 120 * count, 10_000)) == []


def test_strips_are_found_by_their_content_start(place):
    """Their handles do not matter."""
    strip, other = place.movie(), place.movie(place.start + 7, 2)
    set_handles(strip, 40, 60)
    assert compat.strips_by_content_start(place.strips, "MOVIE", Fraction(11)) == [strip]
    assert compat.strips_by_content_start(place.strips, "MOVIE", Fraction(18)) == [other]
    assert (
        compat.strips_by_content_start(place.strips, "IMAGE", Fraction(18))
        == compat.strips_by_content_start(place.strips, "", Fraction(18))
        == []
    )


def test_the_fingerprint_of_a_meta_strip_includes_speed_effects_inside_it(place):
    """The level that is open in the sequencer does not matter."""
    strip = place.movie()
    effect = place.effect("SPEED", 3, strip)
    effect.speed_control, effect.speed_factor = "MULTIPLY", 2.0
    meta = make_meta(place, [strip, effect])
    doubled = staleness.strip_fingerprint(place.scene, meta, staleness.SpeedEffectCache())
    place.scene.sequence_editor.strips_all[effect.name].speed_factor = 3.0
    assert staleness.strip_fingerprint(place.scene, meta, staleness.SpeedEffectCache()) != doubled


def test_strip_data_that_contradicts_the_properties_is_not_used(place):
    """Values without an API are read only if the values beside them match the API; else the strip is rendered."""
    strip = place.movie()
    data = strip_dna.read_strip_dna(strip, 11.0, 0)
    assert data is not None
    assert (data.content_frames, data.own_rate, data.retiming_keys) == (120, 0.0, ())
    assert strip_dna.read_strip_dna(strip, 12.0, 0) is None
    assert strip_dna.read_strip_dna(strip, 11.0, 1) is None
    assert strip_dna.parse_layouts(b"no blend file") is None


def test_the_own_rate_of_a_strip_from_the_add_menu_is_known(place):
    """It is read without a copy of the scene, and the strip's length in frames does not matter."""
    strip = add_from_menu(place.scene, place.clip, 11)
    data = strip_dna.read_strip_dna(strip, float(compat.content_start(strip)), 0)
    assert data is not None
    assert data.own_rate == 25.0


def test_a_stepped_time_map_holds_each_frame():
    """The frames are held for three timeline frames each, and nothing is interpolated between them."""
    numbers = np.array([4, 4, 4, 7, 7, 7, 4, 4])
    found = retiming.build_time_map(100, numbers, None, Fraction(1, 25))
    assert [found.source_seconds(100 + n) * 25 for n in range(8)] == [4, 4, 4, 7, 7, 7, 4, 4]
    assert found.points[0] == (Fraction(100), Fraction(4, 25))


def test_a_continuous_time_map_interpolates_between_frames():
    """Double speed and then a freeze: the frames between two timeline frames are included."""
    found = retiming.build_time_map(0, np.array([4, 6, 8, 9, 9, 9]), None, Fraction(1), is_continuous=True)
    assert [found.source_seconds(n) for n in range(6)] == [4, 6, 8, 9, 9, 9]
    assert [found.source_seconds(n + Fraction(1, 2)) for n in range(6)] == [5, 7, Fraction(17, 2), 9, 9, 9]


def test_a_time_map_follows_the_clock_of_the_source_if_possible():
    """It uses the clock's times if they give the right frames, and the frame numbers if they do not."""
    line = retiming.LinearClock(Fraction(10), Fraction(1, 2))
    numbers = np.array([10, 11, 11, 11, 12, 13])  # halves round up, but the fourth does not
    found = retiming.build_time_map(0, numbers, line, Fraction(1))
    shown = [math.floor(found.source_seconds(n) + Fraction(1, 2)) for n in range(6)]
    assert shown == list(numbers)
    assert found.source_seconds(Fraction(1, 2)) == Fraction(41, 4)
    straight = retiming.build_time_map(0, np.array([10, 11, 11, 12]), line, Fraction(1))
    assert straight == TimeMap(((Fraction(0), Fraction(10)), (Fraction(4), Fraction(12))))


def test_the_manifest_and_the_log_have_the_source_of_the_picture_and_a_render_leaves_the_scene_unchanged(place):
    """Both have the source and the reason; the render's settings are not in the scene, and no file is saved."""
    strip = place.movie()
    strip.select = True

    def state() -> list[Any]:
        render = place.scene.render
        names = (
            "resolution_x",
            "resolution_y",
            "resolution_percentage",
            "filepath",
            "use_sequencer",
            "fps",
            "fps_base",
        )
        values = [getattr(render, name) for name in names]
        return [*values, render.image_settings.file_format, len(bpy.data.scenes), bpy.data.filepath, strip.mute]

    before = state()
    bpy.ops.tracklay.generate(wait=True)
    strip.crop.min_y = 10
    bpy.ops.tracklay.generate(wait=True)
    assert state() == before
    sources = [json.loads(take["tracklay"])["picture_by"] for take in laid(place.scene)]
    assert sources == [
        {"way": "source", "why": "it plays straight from its file"},
        {"way": "render", "why": "it is cropped"},
    ]
    lines = [line for line in log.log_path().read_text("utf-8").splitlines() if " tracklay.picture: " in line]
    assert [line.rpartition(": ")[2] for line in lines[-2:]] == [
        f"read from {place.clip}, because it plays straight from its file",
        "Blender renders strip 0, because it is cropped",
    ]


def test_renders_of_the_same_frames_have_the_same_hash(place, tmp_path):
    """Two copies of a timeline differ in their bytes, but their renders do not, so a paid take is reused."""
    strip = place.movie()
    cropped(strip)
    found = spot(place, strip)
    made = []
    for _ in range(2):
        copy = timeline_copy.write_scene_copy(place.scene.name)
        picture = replace(found.picture, render=replace(found.picture.render, timeline_copy=copy))
        made.append(
            (
                copy.read_bytes(),
                render_in_editor(picture, replace(found.span, frames=3), 108, cancel_token=CancelToken()).sha256,
            )
        )
        strip.name = "another name"
        found = spot(place, strip)
    assert made[0][0] != made[1][0]
    assert made[0][1] == made[1][1]


def _is_alive(number: int) -> bool:
    stat = Path(f"/proc/{number}/stat")
    return stat.exists() and stat.read_text().split()[2] != "Z"


def test_stopping_a_render_ends_blender_and_its_child_processes(place, tmp_path, monkeypatch):
    """Its process group has ended, and no movie file is left."""
    strip = place.movie()
    cropped(strip)
    found = spot(place, strip)
    copy = timeline_copy.write_scene_copy(place.scene.name)
    started = tmp_path / "started"
    script = tmp_path / "slow.py"
    script.write_text(
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        f"open({str(started)!r} + '.part', 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"os.rename({str(started)!r} + '.part', {str(started)!r})\n"
        "time.sleep(300)\n"
    )
    picture = replace(found.picture, render=replace(found.picture.render, timeline_copy=copy, script=script))
    stop = CancelToken()

    def cancel_when_started() -> None:
        while not started.exists():
            pass
        stop.cancel()

    thread = threading.Thread(target=cancel_when_started)
    thread.start()
    with pytest.raises(Cancelled):
        render_in_editor(picture, found.span, 108, cancel_token=stop)
    thread.join()
    for number in map(int, started.read_text().split()):
        for _ in range(400):  # a killed process needs time to end
            if not _is_alive(number):
                break
            threading.Event().wait(0.05)
        assert not _is_alive(number)
    assert [path.name for path in copy.parent.iterdir() if path.suffix == ".mov"] == []


def test_a_failed_render_keeps_the_output_of_blender(place, monkeypatch, tmp_path):
    """The error has the reason and names a file with the whole output."""
    strip = place.movie()
    cropped(strip)
    found = spot(place, strip)
    copy = timeline_copy.write_scene_copy(place.scene.name)
    copy.write_bytes(b"nothing")
    picture = replace(found.picture, render=replace(found.picture.render, timeline_copy=copy))
    with pytest.raises(MediaError, match=r"Could not render .*Error.*\. Full log: (\S+)\.$") as caught:
        render_in_editor(picture, found.span, 108, cancel_token=CancelToken())
    log_file = Path(caught.value.params["log"])
    assert "Traceback" in log_file.read_text()
    copy.unlink()
    with pytest.raises(MediaError, match=r"The timeline copy .* is missing\. Generate again\."):
        render_in_editor(picture, found.span, 108, cancel_token=CancelToken())


def test_a_timeline_copy_is_deleted_when_no_job_needs_it(place, monkeypatch):
    """A new copy is kept until its jobs are in the ledger."""
    copy = timeline_copy.write_scene_copy(place.scene.name)
    strip = place.movie()
    strip.select = True
    bpy.ops.tracklay.generate(wait=True)
    assert copy.is_file()
    monkeypatch.setattr(artifact_store, "COPY_GRACE_SECONDS", 0.0)
    bpy.ops.tracklay.generate(wait=True, seed=3)
    get_dispatcher().process()
    for _ in range(100):
        if not copy.exists():
            break
        threading.Event().wait(0.1)
    assert not copy.parent.exists()


def flashing_images(folder: Path, frames: int, flashes: tuple[int, ...]) -> tuple[str, ...]:
    """Write an image sequence and return the file names."""
    flash_clip(folder / "flash.%04d.png", RATE, frames, flashes, "-start_number", "0", "-c:v", "png")
    return tuple(f"flash.{number:04}.png" for number in range(frames))


def delay(place: Place, strip: Any, by: int) -> None:
    """Retime a strip: its first 20 frames last `by` frames longer, and the rest is later."""
    retime(place, strip, "retiming_key_add", timeline_frame=int(compat.content_start(strip)) + 20)
    for frame in key_fields(strip, "strip_frame_index", ctypes.c_double)[1:]:
        frame.value += by
    begin = int(compat.content_start(strip))
    set_handles(strip, begin, begin + compat.content_frames(strip))


@pytest.mark.parametrize(
    "kind", ["backwards", "strobe", "held", "images", "retimed", "meta", "two in a meta", "scene", "speed effect"]
)
def test_clicks_fall_on_the_frames_that_blender_shows(kind, place, tmp_path):
    """Each click is within a sample of the timeline frame on which Blender shows its flash.

    For a retimed strip the tolerance is a frame, because Blender 5.0 and later skip some of its frames.
    """
    strip = place.movie()
    wanted = {40, 70}
    if kind == "backwards":
        strip.use_reverse_frames = True
        wanted = {119 - 40, 119 - 70}
    elif kind == "strobe":
        strip.strobe = 10.0
    elif kind == "held":
        set_handles(strip, 11, 11 + 140)
    elif kind == "images":
        place.strips.remove(strip)
        names = flashing_images(tmp_path, 120, (40, 70))
        strip = add_source_strip(Place(place.scene, tmp_path / "none", names, 11, 0), "images")
    elif kind == "retimed":
        delay(place, strip, 20)
        wanted = {60, 90}
    elif kind == "meta":
        strip = make_meta(place, [strip])
    elif kind == "two in a meta":
        second = place.movie(11 + 60, 4)
        set_handles(strip, 11, 11 + 60)
        strip = make_meta(place, [strip, second])
        wanted = {40, 60 + 40, 60 + 70}
    elif kind == "scene":
        place.scene.name = "inner"
        inner = place.scene.copy()
        place.strips.remove(strip)
        strip = place.strips.new_scene("scene", inner, 1, 11)
        strip.scene_input = "SEQUENCER"
        inner.frame_start, inner.frame_end = 11, 11 + 119
    elif kind == "speed effect":
        effect = place.effect("SPEED", 3, strip)
        effect.speed_control, effect.speed_factor = "MULTIPLY", 2.0
        effect.select = False
        wanted = {20, 35}
    for each in place.scene.sequence_editor.strips_all:
        each.select = each == strip
    bpy.ops.tracklay.generate(wait=True)
    found = mixed_clicks(place.scene, tmp_path, 200)
    runs = 10 if kind == "strobe" else 1
    found = found[::runs] if kind == "strobe" and len(found) > 2 else found
    allowed = 48_000 / RATE if kind == "retimed" else 1
    assert worst(found, sorted(sample(11 + at, RATE) for at in wanted)) <= allowed


def test_clicks_do_not_drift_within_an_hour(scene, clips, tmp_path):
    """At 29.97 fps and frame 107,000, a 25 fps clip at its own speed is within one source frame, all others within a sample."""
    rate = Fraction(30000, 1001)
    set_rate(scene, rate)
    late = 107_000
    images = flashing_images(tmp_path, 60, (20,))
    for start in (11, late):
        add(scene, clips(rate, 60, (20,)), start)
        add_from_menu(scene, clips(RATE, 60, (41,)), start + 60).select = True
        add_source_strip(Place(scene, tmp_path / "none", images, start + 150, start), "images")
        place = Place(scene, clips(rate, 60, (20,)), (), start + 220, start + 1)
        delay(place, place.movie(), 10)
    set_rate(scene, rate)
    for strip in scene.sequence_editor.strips_all:
        strip.select = True
    bpy.ops.tracklay.generate(wait=True)
    for start in (11, late):
        found = mixed_clicks(scene, tmp_path, start + 300, start)
        assert worst([found[0], *found[2:]], [sample(at, rate, 0) for at in (20, 150 + 20, 220 + 30)]) <= 1
        of_its_own = found[1] - sample(60, rate, 0)
        assert abs(of_its_own - round(41 * 48_000 / RATE)) <= 48_000 / RATE
