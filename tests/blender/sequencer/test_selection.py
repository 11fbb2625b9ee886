"""The cue that Generate reads from the timeline and the scene's settings, and the errors for invalid input."""

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
    """A clip of 60 frames at 25 fps, on channel 2 from frame 11."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20,)), 11, channel=2)


def generate_error(**options) -> str:
    """Return the error sentence with which Generate refuses its input."""
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.tracklay.generate(wait=True, **options)
    return str(caught.value).removeprefix("Error: ").strip()


def test_an_empty_selection_is_an_error(scene):
    """The error names the fix."""
    assert generate_error() == ("No video strip selected. Select one, or clear the selection and set a preview range.")


def test_a_selected_sound_strip_is_not_a_picture(scene, strip):
    """Selected sound strips are ignored, so a selection of only sound strips is an error."""
    bpy.ops.tracklay.generate(wait=True)
    strip.select = False
    laid(scene)[0].select = True
    assert generate_error().startswith("No video strip selected.")


def test_a_missing_file_is_an_error(scene, strip):
    """The error names the file."""
    strip.filepath = "/nowhere/gone.mp4"
    assert "not found: /nowhere/gone.mp4." in generate_error()


def test_an_unknown_model_is_an_error_with_the_nearest_name(scene, strip):
    """The error suggests the model with the most similar name."""
    assert "did you mean 'clicker/clicks'" in generate_error(model="clicker/click")


def test_a_seed_outside_the_models_range_is_an_error(scene, strip):
    """The check runs before the submission."""
    assert "seed must be" in generate_error(seed=2_000_000)


def test_a_script_gets_the_error_of_the_provider(scene, strip, clicker):
    """The provider's message is in the error that the operator raises."""
    from tracklay.errors import ModelFailed

    async def fail(request):
        raise ModelFailed("the model found no picture")

    clicker.submit = fail
    assert generate_error().endswith("the model found no picture")
    assert laid(scene) == []


def test_the_preview_range_is_used_if_nothing_is_selected(scene, clips):
    """Each span in which one strip is topmost becomes a cue."""
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
        (21, 20, 5),
        (41, 20, 5),
    ]


def test_trims_are_read_exactly(scene, strip):
    """With handles and a content trim, source times are exact fractions of a second."""
    setattr(strip, compat.time_property("content_trim_start", bpy.types.MovieStrip), 5)
    set_handles(strip, 20, 40)
    (spot,) = selection.spot_ranges(scene)
    begin = compat.content_start(strip)
    assert spot.picture.time_map.source_seconds(20) == Fraction(5, 25) + Fraction(20 - begin) / 25
    assert (spot.span.start, spot.span.frames, spot.span.rate) == (20, 20, Rate(RATE))


def test_parameters_are_built_from_the_catalogue(scene, strip):
    """Types, limits and defaults come from the model file; a plain name is a parameter of the chosen model."""
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


def test_parameters_are_submitted_as_they_were_set(scene, strip):
    """32-bit floats become the decimals that were typed; a parameter with no default is submitted only if it was set."""
    (spot,) = selection.spot_ranges(scene)
    assert requests.build_cue(spot, scene.tracklay).params == {"material": "wood", "gain": 0.1}
    scene.tracklay.params.steps = 12
    scene.tracklay.params.gain = -1.3
    assert requests.build_cue(spot, scene.tracklay).params == {"material": "wood", "gain": -1.3, "steps": 12}


def test_missing_arguments_come_from_the_scene(scene, strip):
    """An argument overrides the scene's value, and only that value."""
    scene.tracklay.prompt = "rain"
    scene.tracklay.negative_prompt = "voices"
    scene.tracklay.seed = 41
    (spot,) = selection.spot_ranges(scene)
    cue = requests.build_cue(spot, scene.tracklay, takes=2)
    assert (cue.prompt, cue.negative, cue.seed, cue.takes) == ("rain", "voices", 41, 2)


def test_takes_go_beside_the_saved_file(scene, strip, tmp_path):
    """Before the file is saved, they go to Tracklay's own folder."""
    assert takes_folder() == HOME / "takes"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    assert takes_folder() == tmp_path / "tracklay"
    bpy.ops.tracklay.generate(wait=True)
    assert [path.name for path in (tmp_path / "tracklay").iterdir()] == ["clip-25-1-60-20.clicker-clicks.take1.wav"]


def test_an_invalid_model_file_affects_only_its_model(scene, strip):
    """The panel shows its error until the file is fixed and the models are reloaded."""
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


def test_a_reload_adds_a_new_model_and_keeps_the_choice(scene, strip):
    """Models are identified by their ids, not by their index."""
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
