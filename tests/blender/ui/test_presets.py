"""Presets, resets, keys and the preferences that are not keys."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import bpy
import pytest
from tracklay import settings
from tracklay.blender.runtime import requests
from tracklay.blender.sequencer import selection
from tracklay.blender.settings import ADDON, catalogue, preferences, properties
from tracklay.blender.ui import keymap, presets
from tracklay.media import proxy_cache

from ..conftest import add, laid, set_rate

RATE = Fraction(25)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where Blender keeps presets: the test's own folder."""

    def resource(kind: str, path: str = "", *, create: bool = False) -> str:
        assert (kind, path) == ("SCRIPTS", str(Path("presets", presets.PRESET_SUBDIR)))
        (tmp_path / path).mkdir(parents=True, exist_ok=create)
        return str(tmp_path / path)

    monkeypatch.setattr(bpy.utils, "user_resource", resource)
    # Loading a preset changes the label: other tests read it.
    monkeypatch.setattr(presets.TRACKLAY_PT_presets, "bl_label", presets.TRACKLAY_PT_presets.bl_label)
    monkeypatch.setattr(bpy.utils, "preset_find", lambda *_, **__: None)
    return tmp_path / "presets" / presets.PRESET_SUBDIR


def kept(place: Path, name: str) -> str:
    """A preset that was added by its name; its file."""
    assert bpy.ops.tracklay.add_preset(name=name) == {"FINISHED"}
    (file,) = place.glob("*.py")
    return str(file)


def test_a_preset_brings_model_prompt_and_parameters_back(scene, place):
    """Exactly what was set: what was left to the model is left to it again."""
    settings = scene.tracklay
    settings.prompt, settings.negative_prompt = "heavy boots, 'gravel'\nrain", "voices"
    settings.params.material, settings.params.gain = "metal", -1.3
    row = settings.extras.add()
    row.name, row.value, row.model = "new", "[1]", "clicker/clicks"
    file = kept(place, "Boots")
    settings.model = "sketch/music"
    settings.prompt = settings.negative_prompt = ""
    chosen = properties.model_params(settings.params, "clicker/clicks")
    chosen.material, chosen.gain, chosen.steps = "wood", 2, 12
    bpy.ops.tracklay.load_preset(filepath=file, menu_idname="TRACKLAY_PT_presets")
    assert (settings.model, settings.prompt, settings.negative_prompt) == (
        "clicker/clicks",
        "heavy boots, 'gravel'\nrain",
        "voices",
    )
    model = catalogue.MODELS["clicker/clicks"]
    assert properties.param_values(settings.params, model) == {"material": "metal", "gain": -1.3}
    assert properties.extra_params(settings, model) == {"+new": "[1]"}
    bpy.ops.tracklay.load_preset(filepath=file, menu_idname="TRACKLAY_PT_presets")
    assert len(settings.extras) == 1


def test_a_preset_that_does_not_fit_any_more_is_told(scene, place):
    """Its model has gone from the catalogue: what is set stays as it is."""
    file = Path(kept(place, "Old"))
    file.write_text(file.read_text().replace("clicker/clicks", "gone/away"))
    with pytest.raises(RuntimeError, match="Preset Old is no longer valid"):
        bpy.ops.tracklay.load_preset(filepath=str(file), menu_idname="TRACKLAY_PT_presets")
    assert scene.tracklay.model == "clicker/clicks"


def test_parameters_go_back_to_the_models_own_defaults(scene):
    """All of the chosen model's, and what has none is left to it again."""
    params = scene.tracklay.params
    params.material, params.gain, params.steps = "metal", 3, 12
    bpy.ops.tracklay.reset_params()
    assert properties.param_values(params, catalogue.MODELS["clicker/clicks"]) == {"material": "wood", "gain": 0.1}


def test_a_parameters_range_is_in_its_help(scene):
    """A person reads it in the tooltip."""
    group = properties.model_params(scene.tracklay.params)
    assert group.bl_rna.properties["gain"].description == "Level. From -6 to 6"


def test_keys_are_added_and_taken_out_again():
    """Each operator of the list is there once with its properties, and none is left when the add-on goes."""
    configuration = bpy.context.window_manager.keyconfigs.addon

    def ours() -> list[tuple[str, str]]:
        added = configuration.keymaps.get(keymap.KEYMAP[0])
        return sorted(
            (item.idname, item.type) for item in (added.keymap_items if added else ()) if "tracklay" in item.idname
        )

    expected = sorted((operator, key["type"]) for operator, key, _ in keymap.KEY_BINDINGS)
    assert ours() == expected
    keymap.unregister()
    try:
        assert ours() == []
    finally:
        keymap.register()
    assert ours() == expected
    for operator, _, given in keymap.KEY_BINDINGS:
        module, name = operator.split(".")
        known = getattr(getattr(bpy.ops, module), name).get_rna_type().properties
        assert set(given) <= set(known.keys())


@pytest.fixture
def entry(scene):
    """The add-on's preferences, as an installed add-on has them."""
    made = bpy.context.preferences.addons.new()
    made.module = ADDON
    yield made.preferences
    bpy.context.preferences.addons.remove(made)
    settings.override(cache_bytes=None)


def test_takes_have_the_chosen_sample_rate(scene, entry, clips):
    """A 44.1 kHz take of exactly the span's samples at that rate, on the same frames."""
    set_rate(scene, RATE)
    add(scene, clips(RATE, 60, (20,)), 11)
    entry.sample_rate = "44100"
    bpy.ops.tracklay.generate(wait=True)
    (take,) = laid(scene)
    import json
    import wave

    held = json.loads(take["tracklay"])
    assert (held["sample_rate"], held["samples"]) == (44_100, 60 * 44_100 // 25)
    with wave.open(bpy.path.abspath(take.sound.filepath)) as file:
        assert (file.getframerate(), file.getnframes()) == (44_100, 60 * 44_100 // 25)


def test_the_caches_size_is_the_preferences(entry):
    """From the moment that it is set, and again when Blender is started."""
    entry.cache_gb = 0.5
    assert settings.current().cache_bytes == preferences.GIGABYTE // 2
    settings.override(cache_bytes=0)
    preferences.apply_preferences()
    assert settings.current().cache_bytes == preferences.GIGABYTE // 2


def test_the_cache_is_cleared_by_a_button(scene, clips):
    """Proxies go; takes stay."""
    set_rate(scene, RATE)
    add(scene, clips(RATE, 60, (20,)), 11)
    bpy.ops.tracklay.generate(wait=True)
    (take,) = laid(scene)
    bpy.ops.tracklay.clear_cache()
    assert list(proxy_cache.proxy_cache_dir().glob("*.mp4")) == []
    assert Path(bpy.path.abspath(take.sound.filepath)).is_file()


def test_without_preferences_the_usual_holds():
    """In the bpy module there are none."""
    assert preferences.sample_rate() == 48_000
    assert preferences.budget_cap() == ("", False)
    assert set(preferences.jobs_per_provider().values()) == {preferences.DEFAULT_JOBS_PER_PROVIDER}


def test_a_budget_cap_holds_for_the_project(scene, entry, clips, clicker, monkeypatch):
    """What would pass it is not sent; lifted, it is; and a cap that somebody else has set is left alone."""
    from tracklay.jobs.ledger import Ledger

    monkeypatch.setattr(type(clicker), "estimate", _two_dollars)
    monkeypatch.setattr(type(clicker), "capabilities", frozenset({"estimate"}))
    set_rate(scene, RATE)
    add(scene, clips(RATE, 60, (20,)), 11)
    entry.use_cap, entry.cap = True, 1.5
    with pytest.raises(RuntimeError, match=r"would pass 1\.50"):
        bpy.ops.tracklay.generate(wait=True)
    entry.use_cap = False
    assert bpy.ops.tracklay.generate(wait=True) == {"FINISHED"}
    ledger = Ledger()
    try:
        scope = f"project:{preferences.takes_folder()}"
        assert ledger.get_cap(scope) is None
        ledger.set_cap(scope, "0.25")
        with pytest.raises(RuntimeError, match=r"would pass 0\.25"):
            bpy.ops.tracklay.generate(wait=True)
        ledger.remove_cap(scope, "0.25")
    finally:
        ledger.close()


async def _two_dollars(self, request):
    from tracklay.cue import Cost

    return Cost(str(Decimal(2)), "USD", estimated=True)


def test_a_cue_takes_its_prompt_from_the_timeline_without_one_in_the_panel(scene, clips):
    """What the panel wants of a person is no more than what is sent."""
    set_rate(scene, RATE)
    add(scene, clips(RATE, 60, (20,)), 11)
    scene.timeline_markers.new("rain", frame=20)
    scene.tracklay.prompt_from = "MARKERS"
    (spot,) = selection.spot_ranges(scene)
    assert requests.build_cue(spot, scene.tracklay).prompt == "rain"
