"""What is read from the timeline and the scene's settings, and what is refused, with which sentence."""

from __future__ import annotations

from fractions import Fraction

import bpy
import pytest
from tracklay.blender.runtime import requests
from tracklay.blender.sequencer import compat, selection
from tracklay.blender.settings import catalogue
from tracklay.blender.settings.preferences import takes_folder
from tracklay.timing import Rate

from ..conftest import HOME, MODELS, add, laid, set_handles, set_rate

RATE = Fraction(25)


@pytest.fixture
def strip(scene, clips):
    """A clip of 60 frames at 25, from frame 11."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20,)), 11, channel=2)


def refused(**options) -> str:
    """The sentence with which a Generate is refused."""
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.tracklay.generate(wait=True, **options)
    return str(caught.value).removeprefix("Error: ").strip()


def test_nothing_selected_is_told(scene):
    """The mend is named."""
    assert refused() == ("No video strip selected. Select one, or clear the selection and set a preview range.")


def test_a_selected_sound_is_no_picture(scene, strip):
    """Sound strips that are selected with their picture are passed over; alone they are nothing."""
    bpy.ops.tracklay.generate(wait=True)
    strip.select = False
    laid(scene)[0].select = True
    assert refused().startswith("No video strip selected.")


def test_a_missing_file_is_told(scene, strip):
    """Which strip, which file, and what to do."""
    strip.filepath = "/nowhere/gone.mp4"
    assert "not found: /nowhere/gone.mp4." in refused()


def test_a_wrong_model_is_told_with_the_nearest(scene, strip):
    """A slip of the pen is mended by reading."""
    assert "did you mean 'clicker/clicks'" in refused(model="clicker/click")


def test_a_seed_that_the_model_does_not_take_is_told(scene, strip):
    """Checked before anything begins."""
    assert "seed must be from 0 to 1000" in refused(seed=2000) or "seed must be" in refused(seed=2000)


def test_a_failing_provider_raises_its_sentence(scene, strip, clicker):
    """What went wrong far away is what the script reads."""
    from tracklay.errors import ModelFailed

    async def fail(request):
        raise ModelFailed("the model found no picture")

    clicker.submit = fail
    assert refused().endswith("the model found no picture")
    assert laid(scene) == []


def test_the_preview_range_stands_in_for_a_selection(scene, clips):
    """Of what is on top: a cue for each stretch that one strip shows, where nothing is selected."""
    set_rate(scene, RATE)
    clip = clips(RATE, 60, (20,))
    low = add(scene, clip, 1, channel=1)
    high = add(scene, clip, 41, channel=3)
    hidden = add(scene, clip, 41, channel=4)
    hidden.mute = True
    for each in (low, high, hidden):
        each.select = False
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = 21, 60
    found = [(spot.strip_name, spot.span.start, spot.span.frames) for spot in selection.spot_ranges(scene)]
    assert found == [(low.name, 21, 20), (high.name, 41, 20)]
    bpy.ops.tracklay.generate(wait=True)
    assert [(compat.strip_start(take), compat.strip_frames(take), take.channel) for take in laid(scene)] == [
        (21, 20, 2),
        (41, 20, 5),
    ]


def test_trims_are_read_exactly(scene, strip):
    """Handles and content trim on both sides: source seconds are exact fractions."""
    setattr(strip, compat.time_property("content_trim_start", bpy.types.MovieStrip), 5)
    set_handles(strip, 20, 40)
    (spot,) = selection.spot_ranges(scene)
    begin = compat.content_start(strip)
    assert spot.picture.time_map.source_seconds(20) == Fraction(5, 25) + Fraction(20 - begin) / 25
    assert (spot.span.start, spot.span.frames, spot.span.rate) == (20, 20, Rate(RATE))


def test_parameters_are_made_from_the_catalogue(scene, strip):
    """Types, limits and defaults are the model file's; a bare name means the chosen model's parameter."""
    params = scene.tracklay.params
    assert (params.material, round(params.gain, 3)) == ("wood", 0.1)
    params.material = "metal"
    params.gain = 9
    assert params.clicker_clicks.material == "metal"
    assert params.gain == 6  # the maximum
    with pytest.raises(TypeError, match="zinc"):
        params.material = "zinc"
    with pytest.raises(AttributeError):
        params.colour = "red"


def test_parameters_are_sent_as_they_were_set(scene, strip):
    """32-bit floats come back as the decimals they were; what has no default and was not touched is not sent."""
    (spot,) = selection.spot_ranges(scene)
    assert requests.build_cue(spot, scene.tracklay).params == {"material": "wood", "gain": 0.1}
    scene.tracklay.params.steps = 12
    scene.tracklay.params.gain = -1.3
    assert requests.build_cue(spot, scene.tracklay).params == {"material": "wood", "gain": -1.3, "steps": 12}


def test_what_is_not_given_comes_from_the_scene(scene, strip):
    """Prompt, takes and seed of the scene hold, and an argument stands in for one of them."""
    scene.tracklay.prompt = "rain"
    scene.tracklay.negative_prompt = "voices"
    scene.tracklay.seed = 41
    (spot,) = selection.spot_ranges(scene)
    cue = requests.build_cue(spot, scene.tracklay, takes=2)
    assert (cue.prompt, cue.negative, cue.seed, cue.takes) == ("rain", "voices", 41, 2)


def test_takes_go_beside_the_saved_file(scene, strip, tmp_path):
    """Before it is saved they go to Tracklay's own folder."""
    assert takes_folder() == HOME / "takes"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    assert takes_folder() == tmp_path / "tracklay"
    bpy.ops.tracklay.generate(wait=True)
    assert [path.name for path in (tmp_path / "tracklay").iterdir()] == ["clip-25-1-60-20.clicker-clicks.take1.wav"]


def test_a_broken_model_file_costs_only_its_model(scene, strip):
    """Its sentence is kept for the panel; after mending and reloading it is gone."""
    broken = MODELS / "broken.toml"
    broken.write_text('id = "broken"\n')
    try:
        bpy.ops.tracklay.reload_models()
        assert len(catalogue.LOAD_ERRORS) == 1
        assert str(broken) in str(catalogue.LOAD_ERRORS[0])
        assert {"clicker/clicks", "sketch/foley"} <= set(catalogue.MODELS)
        assert bpy.context.scene.tracklay.model == "clicker/clicks"
    finally:
        broken.unlink()
    bpy.ops.tracklay.reload_models()
    assert catalogue.LOAD_ERRORS == []


def test_a_new_model_appears_on_reload_and_the_choice_stays(scene, strip):
    """Models are told apart by their ids, not by their places in a list."""
    scene.tracklay.params.material = "metal"
    text = (MODELS / "clicker.toml").read_text().replace("clicker/clicks", "aaa/first")
    (MODELS / "aaa.toml").write_text(text)
    try:
        bpy.ops.tracklay.reload_models()
        assert "aaa/first" in catalogue.MODELS
        settings = bpy.context.scene.tracklay
        assert (settings.model, settings.params.material) == ("clicker/clicks", "metal")
    finally:
        (MODELS / "aaa.toml").unlink()
    bpy.ops.tracklay.reload_models()
