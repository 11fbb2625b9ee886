"""Effects at markers, cues from cuts, and prompts from the timeline."""

from __future__ import annotations

import json
import threading
from fractions import Fraction
from types import SimpleNamespace

import bpy
import pytest
from tracklay.blender.ops import marker_ops, shot_ops
from tracklay.blender.runtime import requests
from tracklay.blender.sequencer import compat, prompts, selection
from tracklay.blender.settings import catalogue
from tracklay.media import decoder, fingerprint, shot_detection
from tracklay.timing import Rate

from tests.clips import encode
from tests.media.test_shot_detection import shots

from ..conftest import MODELS, add, laid, set_rate
from ..fake_layout import Layout

RATE = Fraction(25)


@pytest.fixture
def strip(scene, clips):
    """Return a clip of 200 frames at 25 fps, from frame 1, deselected."""
    set_rate(scene, RATE)
    clip = add(scene, clips(RATE, 200, (20, 90)), 1, channel=2)
    clip.select = False
    return clip


def mark(scene, frame: int, name: str, *, select: bool = False) -> None:
    """Add a marker."""
    marker = scene.timeline_markers.new(name, frame=frame)
    marker.select = select


def laid_cues(scene) -> list[tuple[int, int, str]]:
    """Return first frame, number of frames and prompt of each laid take."""
    return [
        (compat.strip_start(take), compat.strip_frames(take), json.loads(take["tracklay"])["prompt"])
        for take in laid(scene)
    ]


@pytest.mark.parametrize(
    ("name", "prompt"),
    [
        ("sfx: door slam", "door slam"),
        ("SFX:glass", "glass"),
        ("sfx: door slam.001", "door slam"),
        ("foley: steps", "steps"),
        ("a dog barks", "a dog barks"),
        ("F_12", ""),
        ("F_12.001", ""),
        ("Marker", ""),
        ("", ""),
    ],
)
def test_a_markers_name_is_its_prompt(name, prompt):
    """The text after `sfx:`, or the whole name; Blender's default names give no prompt."""
    assert prompts.marker_prompt(name) == prompt


def test_an_effect_is_laid_at_each_marker_that_names_one(scene, strip):
    """On the marker's frame, until the next marker; the last has the given length; the prompt is the marker's."""
    mark(scene, 11, "sfx: door slam")
    mark(scene, 41, "sfx: glass breaks")
    mark(scene, 30, "lunch")
    assert bpy.ops.tracklay.effects_at_markers(seconds=1.0, wait=True) == {"FINISHED"}
    assert laid_cues(scene) == [(11, 30, "door slam"), (41, 25, "glass breaks")]


def test_markers_that_name_a_sound_come_before_selected_ones(scene, strip):
    """Without any, the selected ones are used, whatever their names: one with a default name has the panel's prompt."""
    scene.tracklay.prompt = "wood"
    mark(scene, 51, "F_51", select=True)
    mark(scene, 71, "a dog barks", select=True)
    bpy.ops.tracklay.effects_at_markers(wait=True)
    assert laid_cues(scene) == [(51, 20, "wood"), (71, 50, "a dog barks")]
    mark(scene, 11, "sfx: door slam")
    mark(scene, 31, "sfx: glass")
    assert marker_ops.find_effect_markers(scene) == [(11, "sfx: door slam"), (31, "sfx: glass")]
    scene.timeline_markers[-1].select = True
    assert marker_ops.find_effect_markers(scene) == [(31, "sfx: glass")]


def test_an_effect_has_a_maximum_length(scene, strip):
    """A long gap is not filled; without Until Next Marker all have the same length."""
    mark(scene, 11, "sfx: a")
    mark(scene, 171, "sfx: b")
    bpy.ops.tracklay.effects_at_markers(longest=2.0, seconds=0.4, wait=True)
    assert [(first, frames) for first, frames, _ in laid_cues(scene)] == [(11, 50), (171, 10)]
    bpy.ops.tracklay.effects_at_markers(by_gap=False, seconds=0.4, wait=True)
    assert sorted(frames for _, frames, _ in laid_cues(scene)) == [10, 10, 10, 50]


def test_an_effect_of_a_video_model_ends_with_its_shot(scene, strip):
    """The model gets one shot, and the effect ends where the picture ends."""
    mark(scene, 191, "sfx: a")
    bpy.ops.tracklay.effects_at_markers(wait=True)
    assert [(first, frames) for first, frames, _ in laid_cues(scene)] == [(191, 10)]


def test_an_effect_of_a_text_model_may_cross_a_cut(scene, strip):
    """A model that reads only the prompt is not limited to the shot."""
    text_only = (MODELS / "clicker.toml").read_text().replace("clicker/clicks", "clicker/words")
    (MODELS / "words.toml").write_text(text_only.replace('needs = ["video"]', 'needs = ["text"]'))
    try:
        bpy.ops.tracklay.reload_models()
        spot = marker_ops.spot_marker(scene, catalogue.get_model("clicker/words"), 191, 50, "sfx: a")
    finally:
        (MODELS / "words.toml").unlink()
        bpy.ops.tracklay.reload_models()
    assert (spot.strip_name, spot.span.start, spot.span.frames) == (strip.name, 191, 50)


def test_effects_use_no_music_model(scene):
    """With a music model in the panel, sketch/foley makes the effects; a given model overrides both."""
    settings = scene.tracklay
    assert marker_ops.find_effect_model(settings, "").id == "clicker/clicks"
    settings.model = "sketch/music"
    assert marker_ops.find_effect_model(settings, "").id == "sketch/foley"
    assert marker_ops.find_effect_model(settings, "clicker/clicks").id == "clicker/clicks"


def refusal(operator, **options) -> str:
    """Return the error that an operator reports."""
    with pytest.raises(RuntimeError) as caught:
        operator(wait=True, **options)
    return str(caught.value).removeprefix("Error: ").strip()


def test_without_markers_an_error_is_reported(scene, strip):
    """It names the next step."""
    mark(scene, 11, "lunch")
    assert refusal(bpy.ops.tracklay.effects_at_markers).startswith("No markers to use.")


def test_a_marker_without_a_picture_is_an_error_and_nothing_is_generated(scene, strip):
    """The error names it; the other markers are not started either."""
    mark(scene, 11, "sfx: a")
    mark(scene, 400, "sfx: b")
    assert "No picture under the marker sfx: b at frame 400" in refusal(bpy.ops.tracklay.effects_at_markers)
    assert laid(scene) == []


def test_two_markers_on_a_frame_are_one(scene, strip):
    """A gap is never empty."""
    assert marker_ops.effect_lengths([11], Rate(RATE), until_next=True, seconds=2, longest=10) == [50]
    mark(scene, 11, "sfx: a")
    mark(scene, 11, "sfx: b")
    assert [frame for frame, _ in marker_ops.find_effect_markers(scene)] == [11]


def test_each_strip_of_the_selection_is_a_shot(scene, clips):
    """A strip above ends the shot below; a strip that is not selected makes no cue."""
    set_rate(scene, RATE)
    clip = clips(RATE, 60, (20,))
    low, high, other = add(scene, clip, 1, 1), add(scene, clip, 31, 2), add(scene, clip, 71, 3)
    other.select = False
    assert [(spot.strip_name, spot.span.start, spot.span.frames) for spot in shot_ops.spot_shots(scene)] == [
        (low.name, 1, 30),
        (high.name, 31, 40),
    ]
    bpy.ops.tracklay.cues_from_cuts(detect=False, wait=True)
    assert [(first, frames) for first, frames, _ in laid_cues(scene)] == [(1, 30), (31, 40)]


def test_cuts_within_a_strip_are_found(scene, tmp_path):
    """A trimmed strip of three shots: a cue for each, on its frames, and together exactly the strip."""
    set_rate(scene, RATE)
    film = encode(tmp_path / "film.mp4", shots([30, 41, 20]), (128, 72), RATE)
    strip = add(scene, film, 101)
    compat.set_strip_frames(strip, 85)
    bpy.ops.tracklay.cues_from_cuts(wait=True)
    assert [(first, frames) for first, frames, _ in laid_cues(scene)] == [(101, 30), (131, 41), (172, 14)]


def test_nothing_selected_has_no_shots(scene, strip):
    """The error is the same as for Generate Sound."""
    assert refusal(bpy.ops.tracklay.cues_from_cuts).startswith("No video strip selected.")


def test_text_strips_and_markers_add_to_the_prompt(scene, strip):
    """Texts over the cue's frames follow the panel's prompt in order, as the setting says."""
    strips = scene.sequence_editor.strips
    length = {"length": 40} if "length" in strips.bl_rna.functions["new_effect"].parameters else None
    for first, text, channel in ((120, "rain\non tin", 5), (20, "wood", 6), (300, "too late", 5)):
        note = strips.new_effect("note", "TEXT", channel, first, **(length or {"frame_end": first + 40}))
        note.text, note.mute, note.select = text, True, False
    mark(scene, 40, "a door")
    mark(scene, 50, "F_50")
    strip.select = True
    settings = scene.tracklay
    settings.prompt = "quiet"
    (spot,) = selection.spot_ranges(scene)
    found = {}
    for source in ("NONE", "TEXT", "MARKERS"):
        settings.prompt_from = source
        found[source] = requests.build_cue(spot, settings).prompt
    assert found == {"NONE": "quiet", "TEXT": "quiet, wood, rain on tin", "MARKERS": "quiet, a door"}
    settings.prompt = ""
    assert requests.build_cue(spot, settings).prompt == "a door"
    assert requests.build_cue(spot, settings, prompt="given").prompt == "given"


def test_shots_are_decoded_only_once(scene, tmp_path, monkeypatch):
    """The frames that were decoded to find cuts become the model's proxies."""
    opened, real = [], decoder.VideoSource.frames

    def count_and_decode(self, *arguments, **options):
        opened.append(self.path)
        return real(self, *arguments, **options)

    monkeypatch.setattr(decoder.VideoSource, "frames", count_and_decode)
    monkeypatch.setattr(fingerprint, "MIN_SOURCE_AGE_SECONDS", -1)
    set_rate(scene, RATE)
    film = encode(tmp_path / "film.mp4", shots([30, 41, 20]), (128, 72), RATE)
    add(scene, film, 101)
    bpy.ops.tracklay.cues_from_cuts(wait=True)
    assert [(first, frames) for first, frames, _ in laid_cues(scene)] == [(101, 30), (131, 41), (172, 20)]
    assert opened == [film]


def test_cuts_of_a_rendered_strip_are_found_in_the_render(scene, tmp_path):
    """The strip is cropped: Blender renders it for the cuts and for each shot, at any place on the timeline."""
    set_rate(scene, RATE)
    scene.render.resolution_x, scene.render.resolution_y = 128, 72
    film = encode(tmp_path / "film.mp4", shots([30, 41, 20]), (128, 72), RATE)
    strip = add(scene, film, 101)
    strip.crop.min_x = 8
    assert selection.spot_ranges(scene)[0].picture.render
    bpy.ops.tracklay.cues_from_cuts(wait=True)
    assert [(first, frames) for first, frames, _ in laid_cues(scene)] == [(101, 30), (131, 41), (172, 20)]


def test_the_shots_of_several_strips_are_in_order(scene, tmp_path):
    """Several files are searched in parallel; one that cannot be read is an error, and nothing is sent."""
    set_rate(scene, RATE)
    for number, lengths in enumerate(([30, 41], [50], [20, 25, 20])):
        film = encode(tmp_path / f"{number}.mp4", shots(lengths), (128, 72), RATE)
        add(scene, film, 1 + 100 * number, channel=1 + number)
    bpy.ops.tracklay.cues_from_cuts(wait=True)
    expected = [(1, 30), (31, 41), (101, 50), (201, 20), (221, 25), (246, 20)]
    assert [(first, frames) for first, frames, _ in laid_cues(scene)] == expected
    (tmp_path / "1.mp4").write_bytes((tmp_path / "1.mp4").read_bytes()[:3000])
    assert "1.mp4" in refusal(bpy.ops.tracklay.cues_from_cuts)
    assert len(laid(scene)) == len(expected)


def test_the_threshold_decides_how_many_shots_are_made(scene, tmp_path, monkeypatch):
    """The dialog after a search shows their number and price at the threshold, and makes those."""
    set_rate(scene, RATE)
    add(scene, encode(tmp_path / "film.mp4", shots([30, 41, 20]), (128, 72), RATE), 101)
    search = shot_ops.CutSearch(shot_ops.spot_shots(scene))
    monkeypatch.setattr(shot_ops, "_found_frames", search.wait())
    counts = {}
    for threshold in (10.0, 60.0):
        layout = Layout()
        dialog = SimpleNamespace(layout=layout, threshold=threshold, bl_rna=dialog_rna("cues_from_found_cuts"))
        shot_ops.TRACKLAY_OT_cues_from_found_cuts.draw(dialog, bpy.context)  # type: ignore[arg-type]
        counts[threshold] = layout.words()
    assert counts == {10.0: "Shots found: 3 3 cues, 3.64 s, free", 60.0: "Shots found: 1 1 cue, 3.64 s, free"}
    assert bpy.ops.tracklay.cues_from_found_cuts(threshold=60.0) == {"FINISHED"}
    assert [(first, frames) for first, frames, _ in laid_cues(scene)] == [(101, 91)]


def dialog_rna(operator: str):
    """Return the properties of an operator."""
    return getattr(bpy.ops.tracklay, operator).get_rna_type()


def test_the_threshold_is_that_of_the_detection():
    """The operator does not import the decoders to know it."""
    threshold = dialog_rna("cues_from_cuts").properties["threshold"]
    assert (threshold.default, threshold.hard_min) == (shot_detection.CUT_THRESHOLD, shot_detection.MIN_CUT_THRESHOLD)


def test_a_cancelled_search_ends(scene, clips, monkeypatch):
    """Running and waiting searches end without cuts and without an error."""
    started = threading.Event()

    def find_until_cancelled(*_, cancel_token, **__):
        cancelled = threading.Event()
        started.set()
        with cancel_token.on_cancel(cancelled.set):
            cancelled.wait(60)

    monkeypatch.setattr(shot_detection, "find_cuts", find_until_cancelled)
    for number in range(5):
        add(scene, clips(RATE, 60, (20,)), 1 + 100 * number)
    search = shot_ops.CutSearch(shot_ops.spot_shots(scene))
    assert started.wait(60)
    assert not search.is_finished
    search.cancel()
    assert search.is_finished
    assert all(not found.scored_frames for found in search.wait())


def test_markers_named_hit_are_hits_of_the_music_and_no_prompts(scene, clips):
    """Those within the strip, from its start; the prompt from markers leaves them out."""
    set_rate(scene, RATE)
    strip = add(scene, clips(RATE, 60, (20,)), 11, 1)
    for frame, name in ((10, "hit: early"), (16, "hit: door.001"), (31, "hit"), (40, "calm")):
        mark(scene, frame, name)
    scene.tracklay.model = "sketch/music"
    scene.tracklay.prompt_from = "MARKERS"
    spot = selection.spot_strip(
        selection.gather_sequence_context(scene, next(selection.iter_levels(scene)), []), strip, 11, 60
    )
    cue = requests.build_cue(spot, scene.tracklay)
    assert cue.hits == ((Fraction(1, 5), "door"), (Fraction(4, 5), ""))
    assert cue.prompt == "calm"
