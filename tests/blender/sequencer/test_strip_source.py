"""How each strip's picture comes to be: from its file or by Blender's render, why, and what a person can ask for."""

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

from ..conftest import add, add_as_a_person, laid, set_handles, set_rate
from ..render.mix import mixed_clicks, sample, worst
from .strip_matrix import Place, key_fields, made, retime, within

RATE = Fraction(25)


@pytest.fixture
def place(scene, clips):
    """A timeline as large as its clip of 120 frames, which flashes on its frames 40 and 70."""
    set_rate(scene, RATE)
    scene.render.resolution_x, scene.render.resolution_y = 192, 108
    scene.view_settings.view_transform = "Standard"
    return Place(scene, clips(RATE, 120, (40, 70)), (), 11, 0)


def spot(place: Place, strip: Any) -> Any:
    """The one spot of a strip that is selected."""
    strip.select = True
    (found,) = selection.spot_ranges(place.scene)
    return found


def cropped(strip: Any) -> None:
    """Twenty pixels are cut off."""
    strip.crop.min_x = 20


def fading(strip: Any) -> None:
    """Its opacity moves."""
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
def test_what_only_looks_otherwise_is_rendered_unless_the_file_is_asked_for(change, why, place):
    """Automatic shows what is seen; From the File is for who does not want to wait."""
    strip = place.movie()
    change(strip)
    found = spot(place, strip).picture
    assert (found.render is not None, found.reason) == (True, why)
    place.scene.tracklay.picture = "FILE"
    assert spot(place, strip).picture.render is None


def test_a_shrunk_or_moved_picture_that_is_seen_whole_is_read_from_its_file(place):
    """Where in the frame it lies makes no sound."""
    strip = place.movie()
    strip.transform.scale_x = strip.transform.scale_y = 0.5
    strip.transform.offset_x = 40
    assert spot(place, strip).picture.render is None


def test_the_person_can_have_everything_rendered(place):
    """Even what plays straight from its file."""
    place.scene.tracklay.picture = "RENDER"
    found = spot(place, place.movie()).picture
    assert (found.render is not None, found.reason) == (True, "you asked for Blender's render")


def test_what_no_file_shows_is_told_where_only_files_are_wanted(place):
    """One sentence: which strip, why, and the mend."""
    strip = place.movie()
    place.effect("SPEED", 3, strip).select = False
    place.scene.tracklay.picture = "FILE"
    with pytest.raises(InvalidInput) as caught:
        spot(place, strip)
    assert str(caught.value) == "The file of strip 0 does not show what plays: it runs through effect 0."


def test_an_effect_elsewhere_hinders_nothing(place):
    """A dissolve later on the same strip is none on these frames; a muted one is none at all."""
    strip, other = place.movie(), place.movie(place.start + 100, 2)
    effect = place.effect("CROSS", 3, other, strip)
    effect.select = False
    assert selection.spot_ranges(place.scene, [(strip, 11, 20)])[0].picture.render is None
    assert selection.spot_ranges(place.scene, [(strip, 11, 115)])[0].picture.render is not None
    effect.mute = True
    assert selection.spot_ranges(place.scene, [(strip, 11, 115)])[0].picture.render is None


@pytest.mark.parametrize("count", [2, 2 * compat.SKIPS_PER_LOOKUP])
def test_effects_are_found_where_they_are(place, count):
    """Few or many, those on the frames that matter, or those of a type; what makes its picture of no strip is none."""
    strips = [place.movie(place.start + 120 * number) for number in range(count)]
    effects = [place.effect("GAUSSIAN_BLUR" if number else "SPEED", 3, strip) for number, strip in enumerate(strips)]
    given = place.strips.bl_rna.functions["new_effect"].parameters.keys()
    place.strips.new_effect("colour", "COLOR", 4, place.start, **{"length" if "length" in given else "frame_end": 500})
    assert compat.strips_of_types(place.strips, compat.EFFECT_TYPES) == effects
    assert compat.strips_of_types(place.strips, compat.EFFECT_TYPES, range(11 + 119, 11 + 121)) == effects[:2]
    assert compat.strips_of_types(place.strips, compat.EFFECT_TYPES, range(11 + 120, 11 + 240)) == effects[1:2]
    assert compat.strips_of_types(place.strips, {"SPEED"}) == effects[:1]
    assert compat.strips_of_types(place.strips, compat.EFFECT_TYPES, range(11 + 120 * count, 10_000)) == []


def test_strips_are_found_by_where_their_content_begins(place):
    """Whatever their handles hide of it."""
    strip, other = place.movie(), place.movie(place.start + 7, 2)
    set_handles(strip, 40, 60)
    assert compat.strips_by_content_start(place.strips, "MOVIE", Fraction(11)) == [strip]
    assert compat.strips_by_content_start(place.strips, "MOVIE", Fraction(18)) == [other]
    assert (
        compat.strips_by_content_start(place.strips, "IMAGE", Fraction(18))
        == compat.strips_by_content_start(place.strips, "", Fraction(18))
        == []
    )


def test_how_a_meta_plays_hangs_on_the_speed_of_what_is_in_it(place):
    """Whichever level the person is in."""
    strip = place.movie()
    effect = place.effect("SPEED", 3, strip)
    effect.speed_control, effect.speed_factor = "MULTIPLY", 2.0
    meta = within(place, [strip, effect])
    doubled = staleness.strip_fingerprint(place.scene, meta, staleness.SpeedEffectCache())
    place.scene.sequence_editor.strips_all[effect.name].speed_factor = 3.0
    assert staleness.strip_fingerprint(place.scene, meta, staleness.SpeedEffectCache()) != doubled


def test_bytes_that_do_not_say_what_the_properties_say_are_not_trusted(place):
    """What Blender hides is believed only where the rest of it is right; else the strip is rendered."""
    strip = place.movie()
    told = strip_dna.read_strip_dna(strip, 11.0, 0)
    assert told is not None
    assert (told.content_frames, told.own_rate, told.retiming_keys) == (120, 0.0, ())
    assert strip_dna.read_strip_dna(strip, 12.0, 0) is None
    assert strip_dna.read_strip_dna(strip, 11.0, 1) is None
    assert strip_dna.parse_layouts(b"no blend file") is None


def test_what_follows_the_rate_is_known_without_a_copy_of_the_scene(place):
    """A strip as a person adds it has a rate of its own to follow; its length in frames does not matter."""
    strip = add_as_a_person(place.scene, place.clip, 11)
    told = strip_dna.read_strip_dna(strip, float(compat.content_start(strip)), 0)
    assert told is not None
    assert told.own_rate == 25.0


def test_a_map_of_steps_holds_each_frame_as_long_as_it_is_shown():
    """Three frames each, then back to the first: no frame shows anything else, and nothing runs between them."""
    numbers = np.array([4, 4, 4, 7, 7, 7, 4, 4])
    found = retiming.build_time_map(100, numbers, None, Fraction(1, 25))
    assert [found.source_seconds(100 + n) * 25 for n in range(8)] == [4, 4, 4, 7, 7, 7, 4, 4]
    assert found.points[0] == (Fraction(100), Fraction(4, 25))


def test_a_map_of_what_is_retimed_runs_on_between_frames():
    """Twice as fast, then a freeze: what lies between two frames is passed through, and not left out."""
    found = retiming.build_time_map(0, np.array([4, 6, 8, 9, 9, 9]), None, Fraction(1), is_continuous=True)
    assert [found.source_seconds(n) for n in range(6)] == [4, 6, 8, 9, 9, 9]
    assert [found.source_seconds(n + Fraction(1, 2)) for n in range(6)] == [5, 7, Fraction(17, 2), 9, 9, 9]


def test_a_map_follows_the_sources_clock_wherever_it_can():
    """The clock's own times between frames where it shows the right ones, and the frame itself where it would not."""
    line = retiming.LinearClock(Fraction(10), Fraction(1, 2))
    numbers = np.array([10, 11, 11, 11, 12, 13])  # halves go up, but for the fourth
    found = retiming.build_time_map(0, numbers, line, Fraction(1))
    shown = [math.floor(found.source_seconds(n) + Fraction(1, 2)) for n in range(6)]
    assert shown == list(numbers)
    assert found.source_seconds(Fraction(1, 2)) == Fraction(41, 4)
    straight = retiming.build_time_map(0, np.array([10, 11, 11, 12]), line, Fraction(1))
    assert straight == TimeMap(((Fraction(0), Fraction(10)), (Fraction(4), Fraction(12))))


def test_the_manifest_and_the_log_say_how_the_picture_was_made_and_a_render_changes_nothing_of_the_persons(place):
    """From the source, or by a render, and why. Nothing of the render's own settings is in the scene, and nothing was saved."""
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
        told = [getattr(render, name) for name in names]
        return [*told, render.image_settings.file_format, len(bpy.data.scenes), bpy.data.filepath, strip.mute]

    before = state()
    bpy.ops.tracklay.generate(wait=True)
    strip.crop.min_y = 10
    bpy.ops.tracklay.generate(wait=True)
    assert state() == before
    told = [json.loads(take["tracklay"])["picture_by"] for take in laid(place.scene)]
    assert told == [
        {"way": "source", "why": "it plays straight from its file"},
        {"way": "render", "why": "it is cropped"},
    ]
    lines = [line for line in log.log_path().read_text("utf-8").splitlines() if " tracklay.picture: " in line]
    assert [line.rpartition(": ")[2] for line in lines[-2:]] == [
        f"read from {place.clip}, because it plays straight from its file",
        "Blender renders strip 0, because it is cropped",
    ]


def test_the_same_frames_are_the_same_picture_whatever_they_were_rendered_from(place, tmp_path):
    """Two copies of a timeline have other bytes, and their renders one identity: what was paid for once is known again."""
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


def _lives(number: int) -> bool:
    told = Path(f"/proc/{number}/stat")
    return told.exists() and told.read_text().split()[2] != "Z"


def test_stopping_a_render_ends_blender_with_all_it_started(place, tmp_path, monkeypatch):
    """Its whole group of processes is gone, and no movie is left."""
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

    def wish() -> None:
        while not started.exists():
            pass
        stop.cancel()

    thread = threading.Thread(target=wish)
    thread.start()
    with pytest.raises(Cancelled):
        render_in_editor(picture, found.span, 108, cancel_token=stop)
    thread.join()
    for number in map(int, started.read_text().split()):
        for _ in range(400):  # a process that was killed dies when its turn comes
            if not _lives(number):
                break
            threading.Event().wait(0.05)
        assert not _lives(number)
    assert [path.name for path in copy.parent.iterdir() if path.suffix == ".mov"] == []


def test_a_render_that_fails_keeps_what_blender_said(place, monkeypatch, tmp_path):
    """The reason is in the sentence, all of it in a file that is named."""
    strip = place.movie()
    cropped(strip)
    found = spot(place, strip)
    copy = timeline_copy.write_scene_copy(place.scene.name)
    copy.write_bytes(b"nothing")
    picture = replace(found.picture, render=replace(found.picture.render, timeline_copy=copy))
    with pytest.raises(MediaError, match=r"Could not render .*Error.*\. Full log: (\S+)\.$") as caught:
        render_in_editor(picture, found.span, 108, cancel_token=CancelToken())
    words = Path(caught.value.params["log"])
    assert "Traceback" in words.read_text()
    copy.unlink()
    with pytest.raises(MediaError, match=r"The timeline copy .* is missing\. Generate again\."):
        render_in_editor(picture, found.span, 108, cancel_token=CancelToken())


def test_a_copy_goes_when_no_job_needs_it(place, monkeypatch):
    """What was rendered and laid needs its copy no more; a new one is left alone until its jobs are rows."""
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
    """A sequence of images; their names."""
    flash_clip(folder / "flash.%04d.png", RATE, frames, flashes, "-start_number", "0", "-c:v", "png")
    return tuple(f"flash.{number:04}.png" for number in range(frames))


def delayed(place: Place, strip: Any, by: int) -> None:
    """Retimed: its first twenty frames last so many longer, the rest comes later."""
    retime(place, strip, "retiming_key_add", timeline_frame=int(compat.content_start(strip)) + 20)
    for frame in key_fields(strip, "strip_frame_index", ctypes.c_double)[1:]:
        frame.value += by
    begin = int(compat.content_start(strip))
    set_handles(strip, begin, begin + compat.content_frames(strip))


@pytest.mark.parametrize(
    "kind", ["backwards", "strobe", "held", "images", "retimed", "meta", "two in a meta", "scene", "speed effect"]
)
def test_clicks_fall_on_the_frames_that_blender_shows(kind, place, tmp_path):
    """Whatever the strip is, each click is within a sample of the timeline frame on which its flash is seen.

    Of a retimed one, within a frame: Blender 5.0 and later leave some of its frames out.
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
        strip = made(Place(place.scene, tmp_path / "none", names, 11, 0), "images")
    elif kind == "retimed":
        delayed(place, strip, 20)
        wanted = {60, 90}
    elif kind == "meta":
        strip = within(place, [strip])
    elif kind == "two in a meta":
        second = place.movie(11 + 60, 4)
        set_handles(strip, 11, 11 + 60)
        strip = within(place, [strip, second])
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


def test_at_the_end_of_an_hour_a_click_is_where_it_is_at_its_start(scene, clips, tmp_path):
    """At 29.97 and frame 107,000: 25 fps in its own seconds within one of its frames; its own rate, images, retimed, to the sample."""
    rate = Fraction(30000, 1001)
    set_rate(scene, rate)
    late = 107_000
    images = flashing_images(tmp_path, 60, (20,))
    for start in (11, late):
        add(scene, clips(rate, 60, (20,)), start)
        add_as_a_person(scene, clips(RATE, 60, (41,)), start + 60).select = True
        made(Place(scene, tmp_path / "none", images, start + 150, start), "images")
        place = Place(scene, clips(rate, 60, (20,)), (), start + 220, start + 1)
        delayed(place, place.movie(), 10)
    set_rate(scene, rate)
    for strip in scene.sequence_editor.strips_all:
        strip.select = True
    bpy.ops.tracklay.generate(wait=True)
    for start in (11, late):
        found = mixed_clicks(scene, tmp_path, start + 300, start)
        assert worst([found[0], *found[2:]], [sample(at, rate, 0) for at in (20, 150 + 20, 220 + 30)]) <= 1
        of_its_own = found[1] - sample(60, rate, 0)
        assert abs(of_its_own - round(41 * 48_000 / RATE)) <= 48_000 / RATE
