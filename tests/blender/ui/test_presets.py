"""Presets, resets, key bindings, and all preferences but API keys."""

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
def preset_folder(tmp_path, monkeypatch):
    """Return the folder of presets, which belongs to the test."""

    def resource(kind: str, path: str = "", *, create: bool = False) -> str:
        assert (kind, path) == ("SCRIPTS", str(Path("presets", presets.PRESET_SUBDIR)))
        (tmp_path / path).mkdir(parents=True, exist_ok=create)
        return str(tmp_path / path)

    monkeypatch.setattr(bpy.utils, "user_resource", resource)
    # Loading a preset changes the label, which other tests read.
    monkeypatch.setattr(presets.TRACKLAY_PT_presets, "bl_label", presets.TRACKLAY_PT_presets.bl_label)
    monkeypatch.setattr(bpy.utils, "preset_find", lambda *_, **__: None)
    return tmp_path / "presets" / presets.PRESET_SUBDIR


def save_preset(folder: Path, name: str) -> str:
    """Save a preset and return its file."""
    assert bpy.ops.tracklay.add_preset(name=name) == {"FINISHED"}
    (file,) = folder.glob("*.py")
    return str(file)


def test_a_preset_restores_model_prompt_and_parameters(scene, preset_folder):
    """Parameters that were not set are not set afterwards either."""
    settings = scene.tracklay
    settings.prompt, settings.negative_prompt = "heavy boots, 'gravel'\nrain", "voices"
    settings.params.material, settings.params.gain = "metal", -1.3
    row = settings.extras.add()
    row.name, row.value, row.model = "new", "[1]", "clicker/clicks"
    file = save_preset(preset_folder, "Boots")
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


def test_an_outdated_preset_is_an_error(scene, preset_folder):
    """Its model was removed from the catalogue; the settings do not change."""
    file = Path(save_preset(preset_folder, "Old"))
    file.write_text(file.read_text().replace("clicker/clicks", "gone/away"))
    with pytest.raises(RuntimeError, match="Preset Old is no longer valid"):
        bpy.ops.tracklay.load_preset(filepath=str(file), menu_idname="TRACKLAY_PT_presets")
    assert scene.tracklay.model == "clicker/clicks"


def test_parameters_are_reset_to_the_models_defaults(scene):
    """A parameter without a default is not set."""
    params = scene.tracklay.params
    params.material, params.gain, params.steps = "metal", 3, 12
    bpy.ops.tracklay.reset_params()
    assert properties.param_values(params, catalogue.MODELS["clicker/clicks"]) == {"material": "wood", "gain": 0.1}


def test_a_parameters_range_is_in_its_tooltip(scene):
    """It follows the parameter's help."""
    group = properties.model_params(scene.tracklay.params)
    assert group.bl_rna.properties["gain"].description == "Level. From -6 to 6"


def test_key_bindings_are_added_and_removed():
    """Each operator is bound once with its properties; disabling the add-on removes all."""
    configuration = bpy.context.window_manager.keyconfigs.addon

    def bound_keys() -> list[tuple[str, str]]:
        added = configuration.keymaps.get(keymap.KEYMAP[0])
        return sorted(
            (item.idname, item.type) for item in (added.keymap_items if added else ()) if "tracklay" in item.idname
        )

    expected = sorted((operator, key["type"]) for operator, key, _ in keymap.KEY_BINDINGS)
    assert bound_keys() == expected
    keymap.unregister()
    try:
        assert bound_keys() == []
    finally:
        keymap.register()
    assert bound_keys() == expected
    for operator, _, given in keymap.KEY_BINDINGS:
        module, name = operator.split(".")
        known = getattr(getattr(bpy.ops, module), name).get_rna_type().properties
        assert set(given) <= set(known.keys())


@pytest.fixture
def entry(scene):
    """Yield the preferences of an installed add-on."""
    addon = bpy.context.preferences.addons.new()
    addon.module = ADDON
    yield addon.preferences
    bpy.context.preferences.addons.remove(addon)
    settings.override(cache_bytes=None)


def test_takes_have_the_sample_rate_of_the_preferences(scene, entry, clips):
    """A take at 44.1 kHz has exactly the span's samples at that rate, on the same frames."""
    set_rate(scene, RATE)
    add(scene, clips(RATE, 60, (20,)), 11)
    entry.sample_rate = "44100"
    bpy.ops.tracklay.generate(wait=True)
    (take,) = laid(scene)
    import json
    import wave

    stored = json.loads(take["tracklay"])
    assert (stored["sample_rate"], stored["samples"]) == (44_100, 60 * 44_100 // 25)
    with wave.open(bpy.path.abspath(take.sound.filepath)) as file:
        assert (file.getframerate(), file.getnframes()) == (44_100, 60 * 44_100 // 25)


def test_the_cache_limit_is_set_in_the_preferences(entry):
    """It applies at once, and again after a restart."""
    entry.cache_gb = 0.5
    assert settings.current().cache_bytes == preferences.GIGABYTE // 2
    settings.override(cache_bytes=0)
    preferences.apply_preferences()
    assert settings.current().cache_bytes == preferences.GIGABYTE // 2


def test_clear_cache_deletes_proxies_only(scene, clips):
    """Takes are kept."""
    set_rate(scene, RATE)
    add(scene, clips(RATE, 60, (20,)), 11)
    bpy.ops.tracklay.generate(wait=True)
    (take,) = laid(scene)
    bpy.ops.tracklay.clear_cache()
    assert list(proxy_cache.proxy_cache_dir().glob("*.mp4")) == []
    assert Path(bpy.path.abspath(take.sound.filepath)).is_file()


def test_without_preferences_defaults_apply():
    """The bpy module has no preferences of add-ons."""
    assert preferences.sample_rate() == 48_000
    assert preferences.budget_cap() == ("", False)
    assert set(preferences.jobs_per_provider().values()) == {preferences.DEFAULT_JOBS_PER_PROVIDER}


def test_a_budget_cap_applies_to_the_project(scene, entry, clips, clicker, monkeypatch):
    """A job over the cap is sent only after the cap is removed; a cap from elsewhere stays."""
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


def test_a_cue_has_the_prompt_of_the_timeline_without_one_in_the_panel(scene, clips):
    """An empty prompt in the panel is enough if a marker has one."""
    set_rate(scene, RATE)
    add(scene, clips(RATE, 60, (20,)), 11)
    scene.timeline_markers.new("rain", frame=20)
    scene.tracklay.prompt_from = "MARKERS"
    (spot,) = selection.spot_ranges(scene)
    assert requests.build_cue(spot, scene.tracklay).prompt == "rain"
