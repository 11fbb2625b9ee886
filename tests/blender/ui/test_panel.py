"""Text and buttons of the panel, recorded by a fake layout. Tests with a window are in tests/window."""

from __future__ import annotations

import builtins
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import bpy
import pytest
from tracklay.blender.runtime import requests
from tracklay.blender.runtime.lookups import model_bills, prompt_words
from tracklay.blender.sequencer import selection
from tracklay.blender.sequencer.joined import spotting
from tracklay.blender.settings import (
    ADDON,
    catalogue,
    first_run,
    help_pages,
    network,
    preferences,
    properties,
)
from tracklay.blender.settings.i18n.translate import translate_error
from tracklay.blender.ui import cue_list, panels
from tracklay.errors import InvalidInput
from tracklay.jobs.costs import BilledRange

from ..conftest import add, set_rate
from ..fake_layout import Layout

RATE = Fraction(25)


@pytest.fixture
def strip(scene, clips):
    """Return a clip of 60 frames at 25 fps."""
    set_rate(scene, RATE)
    return add(scene, clips(RATE, 60, (20,)), 11)


def drawn(cls: type) -> Layout:
    """Draw a panel or a menu and return the layout."""
    layout = Layout()
    cls.draw(SimpleNamespace(layout=layout), bpy.context)  # type: ignore[attr-defined]
    return layout


def buttons(layout: Layout) -> str:
    """Return the texts of all that is drawn, those of buttons too."""
    return " ".join(str(text) for _, text, _ in layout.shown)


def test_a_missing_key_disables_generate_and_shows_the_reason(scene, strip, monkeypatch):
    """The error names the variable of the key; with a key the button is enabled."""
    scene.tracklay.model, scene.tracklay.prompt = "fal/beatoven-sfx", "rain"
    panel = drawn(panels.TRACKLAY_PT_sidebar)
    assert "fal needs an API key: FAL_KEY is not set." in panel.words()
    assert not panel.enabled_of("tracklay.generate")
    monkeypatch.setenv("FAL_KEY", "id:0123456789")
    panel = drawn(panels.TRACKLAY_PT_sidebar)
    assert "FAL_KEY" not in panel.words()
    assert panel.enabled_of("tracklay.generate")


def test_a_selection_that_is_too_long_disables_generate_and_shows_the_reason(scene, strip, monkeypatch):
    """The model's limit is checked against the longest selected span."""
    monkeypatch.setenv("FAL_KEY", "id:0123456789")
    scene.tracklay.model, scene.tracklay.prompt, scene.tracklay.parts = "fal/beatoven-sfx", "rain", "WHOLE"
    scene.render.fps = 1
    panel = drawn(panels.TRACKLAY_PT_sidebar)
    assert "fal/beatoven-sfx generates at most 35 s; the span has 60.00 s" in panel.words()
    assert not panel.enabled_of("tracklay.generate")
    menu = {what: text for what, text, _ in drawn(panels.TRACKLAY_MT_models).shown}
    assert menu["choice fal/beatoven-sfx"] == "Beatoven sound effects on fal  ·  unsupported length"
    assert menu["choice fal/beatoven-music"] == "Beatoven music on fal"


def test_a_selection_that_is_made_in_parts_shows_their_number_and_price(scene, strip, monkeypatch):
    """The panel says the length, the parts and the sum; a length that the model does not make disables Generate."""
    monkeypatch.setenv("FAL_KEY", "id:0123456789")
    scene.tracklay.model, scene.tracklay.prompt = "fal/beatoven-sfx", "rain"
    assert " parts, " not in drawn(panels.TRACKLAY_PT_sidebar).words()
    scene.render.fps = 1
    panel = drawn(panels.TRACKLAY_PT_sidebar)
    assert "60 s in 2 parts, 0.20 USD" in panel.words()
    assert panel.enabled_of("tracklay.generate")
    scene.tracklay.parts, scene.tracklay.part_seconds = "SECONDS", 12.5
    assert "60 s in 6 parts, 0.60 USD" in drawn(panels.TRACKLAY_PT_sidebar).words()
    scene.tracklay.part_seconds = 40
    panel = drawn(panels.TRACKLAY_PT_sidebar)
    assert "Parts for fal/beatoven-sfx must be from 1 to 35 s long: 40 s." in panel.words()
    assert not panel.enabled_of("tracklay.generate")


def test_a_cue_has_the_parts_of_the_scene(scene, strip):
    """The panel's choice is the cue's, and an argument of Generate replaces it."""
    (spot,) = selection.spot_ranges(scene)
    assert requests.build_cue(spot, scene.tracklay).parts == "auto"
    scene.tracklay.parts, scene.tracklay.part_seconds = "SECONDS", 5
    assert requests.build_cue(spot, scene.tracklay).parts == "5"
    assert requests.build_cue(spot, scene.tracklay, parts="whole").parts == "whole"


def test_music_has_a_tail_and_is_fitted_unless_the_panel_says_otherwise(scene, strip, monkeypatch):
    """Both are drawn for music that can be fitted, and count for the price; arguments of Generate replace them."""
    monkeypatch.setenv("FAL_KEY", "id:0123456789")
    settings = scene.tracklay
    drawn_for = {}
    for model in ("fal/beatoven-music", "fal/sonilo-music", "sketch/music", "sketch/foley"):
        settings.model = model
        names = drawn(panels.TRACKLAY_PT_sidebar).names()
        drawn_for[model] = [name for name in ("fit", "tail") if f"prop {name}" in names]
    assert drawn_for == {
        "fal/beatoven-music": ["fit", "tail"],
        "fal/sonilo-music": ["tail"],
        "sketch/music": ["tail"],
        "sketch/foley": [],
    }
    settings.model = "fal/beatoven-music"
    (spot,) = selection.spot_ranges(scene)
    cue = requests.build_cue(spot, settings)
    assert (cue.fit, cue.tail) == ("auto", 0)
    settings.fit, settings.tail = False, 1.2
    cue = requests.build_cue(spot, settings)
    assert (cue.fit, cue.tail) == ("off", 30)
    assert requests.build_cue(spot, settings, fit="auto", tail=0).fit == "auto"


def test_models_are_grouped_by_task_and_show_a_missing_key(scene, strip):
    """Each model of the catalogue is listed once; a model that needs no key shows nothing."""
    menu = drawn(panels.TRACKLAY_MT_models)
    assert sorted(name.removeprefix("choice ") for name in menu.names() if name != "label") == sorted(catalogue.MODELS)
    headings = [text for what, text, _ in menu.shown if what == "label"]
    assert headings == list(catalogue.TASK_LABELS.values())
    texts = {what: text for what, text, _ in menu.shown}
    assert texts["choice replicate/mmaudio"] == "MMAudio on Replicate  ·  no key"
    assert texts["choice sketch/foley"] == "Sketch foley"
    order = menu.names()
    assert order.index("choice fal/beatoven-sfx") > [n for n, each in enumerate(order) if each == "label"][1]


def test_the_mode_is_above_the_prompt(scene, strip):
    """It decides which inputs the model uses, and is not repeated among the settings."""
    scene.tracklay.model = "replicate/mmaudio"
    names = drawn(panels.TRACKLAY_PT_sidebar).names()
    assert names.index("prop mode") < names.index("prop prompt")
    assert names.count("prop mode") == 1
    assert "prop num_steps" in names


def test_a_non_commercial_licence_is_shown(scene, strip):
    """The label names the licence; other models have no such label."""
    scene.tracklay.model = "cog/mmaudio"
    assert "Not for commercial use: CC-BY-NC-4.0 (the model's weights)" in drawn(panels.TRACKLAY_PT_sidebar).words()
    scene.tracklay.model = "sketch/foley"
    assert "commercial" not in drawn(panels.TRACKLAY_PT_sidebar).words()


def test_what_the_plan_allows_is_shown(scene, strip, monkeypatch):
    """Without a plan, that it depends on it; a model that does not repeat says so."""
    scene.tracklay.model = "elevenlabs/music"
    words = drawn(panels.TRACKLAY_PT_sidebar).words()
    assert "Commercial use depends on your plan: set it in the preferences" in words
    assert "Another sound each time, whatever the seed" in words
    monkeypatch.setenv("TRACKLAY_PLANS", "elevenlabs=starter")
    assert "Plan starter: " in drawn(panels.TRACKLAY_PT_sidebar).words()
    scene.tracklay.model = "fal/mmaudio-v2"
    words = drawn(panels.TRACKLAY_PT_sidebar).words()
    assert "Plan" not in words
    assert "Another sound each time" not in words


def test_a_model_billed_by_computing_time_shows_what_it_was_charged_so_far(scene, strip, monkeypatch):
    """Not "free": its price is known only afterwards."""
    monkeypatch.setenv("FAL_KEY", "0123456789:abcdef")
    scene.tracklay.model = "fal/thinksound"
    bills = BilledRange("USD", (0.0125, 0.2), (12.5, 200.0))
    monkeypatch.setattr(model_bills.bills, "answers", {"fal/thinksound": None})
    assert "price unknown" in buttons(drawn(panels.TRACKLAY_PT_sidebar))
    monkeypatch.setattr(model_bills.bills, "answers", {"fal/thinksound": bills})
    assert "0.0125 to 0.2 USD so far" in buttons(drawn(panels.TRACKLAY_PT_sidebar))


def test_the_charges_of_a_model_are_read_in_a_thread(monkeypatch):
    """The first look starts it, and the end of a job makes it read again."""
    monkeypatch.setattr("tracklay.jobs.admin.model_bills", lambda model: BilledRange(model, None, (1.0, 2.0)))
    model_bills.forget_bills()
    model_bills.bills.start("fal/thinksound").join()
    known = model_bills.known_bills("fal/thinksound")
    assert known is not None
    assert known.currency == "fal/thinksound"
    model_bills.forget_bills()


def test_a_missing_prompt_disables_generate_and_shows_the_reason(scene, strip, monkeypatch):
    """The panel shows it before the button is pressed."""
    monkeypatch.setenv("BEATOVEN_API_KEY", "0123456789")
    scene.tracklay.model = "beatoven/track"
    panel = drawn(panels.TRACKLAY_PT_sidebar)
    assert "Prompt required by the model: beatoven/track. Write a prompt in the panel." in panel.words()
    assert not panel.enabled_of("tracklay.generate")


def test_unknown_words_are_shown_under_the_prompt(scene, strip):
    """Each with the word that it is heard as; a prompt of known words, and another model, show nothing."""
    settings = scene.tracklay
    settings.model, settings.prompt, settings.negative_prompt = "sketch/foley", "knife on kale, qqxz", "zzyw"
    drawn(panels.TRACKLAY_PT_sidebar)  # starts the lookup
    prompt_words.unknown_words.start((settings.prompt, settings.negative_prompt)).join()
    words = drawn(panels.TRACKLAY_PT_sidebar).words()
    assert "Unknown: kale (heard as cabbage), qqxz, zzyw" in words
    assert "Only English words are known" in words
    settings.model = "replicate/mmaudio"
    assert "Unknown" not in drawn(panels.TRACKLAY_PT_sidebar).words()
    settings.model, settings.prompt, settings.negative_prompt = "sketch/foley", "knife on cabbage", ""
    prompt_words.unknown_words.start((settings.prompt, settings.negative_prompt)).join()
    assert "Unknown" not in drawn(panels.TRACKLAY_PT_sidebar).words()


def test_drawing_opens_no_file_and_loads_nothing(scene, strip, monkeypatch):
    """The panel of every model and the menu need only what is in memory."""
    monkeypatch.setattr(builtins, "open", None)
    monkeypatch.setattr("io.open", None)
    monkeypatch.setattr("os.stat", None)
    monkeypatch.setattr("importlib.import_module", None)
    for model_id in catalogue.MODELS:
        scene.tracklay.model = model_id
        assert drawn(panels.TRACKLAY_PT_sidebar).names()
    assert drawn(panels.TRACKLAY_MT_models).names()


def extra(settings: Any, name: str, value: str, model: str = "") -> None:
    """Add a row, as users and scripts do."""
    row = settings.extras.add()
    row.name, row.value, row.model = name, value, model


def test_extras_are_sent_only_to_their_model(scene, strip):
    """Their names have a plus sign, as in the command; a row without a model is sent to any model."""
    settings = scene.tracklay
    bpy.ops.tracklay.add_extra()
    settings.extras[0].name, settings.extras[0].value = "new_thing", "[1, 2]"
    extra(settings, "+everywhere", '"yes"')
    (spot,) = selection.spot_ranges(scene)
    assert settings.extras[0].model == "clicker/clicks"
    sent = requests.build_cue(spot, settings).params
    assert (sent["+new_thing"], sent["+everywhere"]) == ("[1, 2]", '"yes"')
    assert [name for name in requests.build_cue(spot, settings, model="sketch/foley").params if "+" in name] == [
        "+everywhere"
    ]
    bpy.ops.tracklay.remove_extra(index=0)
    assert [row.name for row in settings.extras] == ["+everywhere"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((("", "3"),), "has no name"),
        ((("x", "1"), ("+x", "2")), "set twice: x"),
        ((("x", "dark"),), r"\+x must be JSON"),
        ((("x", ""),), r"\+x must be JSON"),
        ((("gain", "1"),), "the catalogue has 'gain'"),
    ],
)
def test_an_invalid_extra_is_an_error(rows, message, scene, strip):
    """Nothing is sent."""
    for name, value in rows:
        extra(scene.tracklay, name, value)
    with pytest.raises(RuntimeError, match=message):
        bpy.ops.tracklay.generate(wait=True)


def test_an_invalid_extra_disables_generate(scene, strip):
    """It does so while it is edited; an empty row does not."""
    bpy.ops.tracklay.add_extra()
    assert drawn(panels.TRACKLAY_PT_sidebar).enabled_of("tracklay.generate")
    scene.tracklay.extras[0].name = "x"
    scene.tracklay.extras[0].value = "dark"
    panel = drawn(panels.TRACKLAY_PT_sidebar)
    assert "+x must be JSON, not" in panel.words()
    assert not panel.enabled_of("tracklay.generate")


def test_extras_survive_saving_and_reloading_models(scene, strip, tmp_path):
    """They are stored in the scene."""
    extra(scene.tracklay, "x", "1", "clicker/clicks")
    bpy.ops.tracklay.reload_models()
    path = str(tmp_path / "film.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    settings = bpy.context.scene.tracklay
    assert [(row.name, row.value, row.model) for row in settings.extras] == [("x", "1", "clicker/clicks")]


def test_a_file_parameter_has_a_browser_and_is_sent_as_an_absolute_path(scene, strip, tmp_path):
    """A path relative to the .blend file becomes absolute; a web address stays the same."""
    settings = scene.tracklay
    settings.model = "scenario/musicgen"
    model = catalogue.MODELS["scenario/musicgen"]
    group = properties.model_params(settings.params)
    assert group.bl_rna.properties["inputAudio"].subtype == "FILE_PATH"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    for typed, sent in (
        ("//song.wav", str(tmp_path / "song.wav")),
        ("https://example.org/song.wav", "https://example.org/song.wav"),
    ):
        group.inputAudio = typed
        assert properties.param_values(settings.params, model)["inputAudio"] == sent


def test_the_preferences_show_where_a_key_comes_from(scene, monkeypatch):
    """Each key has a field; the field of a key in the environment is disabled, with a label."""
    addon = bpy.context.preferences.addons.new()
    addon.module = ADDON
    try:
        monkeypatch.setenv("FAL_KEY", "id:0123456789")
        layout = Layout()
        owner = SimpleNamespace(layout=layout, bl_rna=addon.preferences.bl_rna, use_cap=False)
        preferences.TracklayPreferences.draw(owner, bpy.context)  # type: ignore[arg-type]
    finally:
        bpy.context.preferences.addons.remove(addon)
    fields = {what: on for what, _, on in layout.shown if what.startswith("prop ")}
    keys = [name.lower() for _, names in preferences.HOSTED_PROVIDERS.values() for name in names]
    assert [name for name in keys if not fields[f"prop {name}"]] == ["fal_key"]
    assert fields["prop cog_url"]
    assert layout.names().count("tracklay.check_keys") == 1
    assert "set in the environment" in layout.words()
    shown_as = preferences.TracklayPreferences.bl_rna.properties
    assert {shown_as[name].subtype for name in keys} == {"PASSWORD"}


def test_without_online_access_a_hosted_model_is_an_error_with_a_next_step(monkeypatch):
    """Local models need no network, and the bpy module has no such setting."""
    app = SimpleNamespace(online_access=False, module=False)
    monkeypatch.setattr(network, "bpy", SimpleNamespace(app=app))
    error = network.offline_error(catalogue.MODELS["fal/mmaudio-v2"])
    assert error is not None
    assert "Turn on Allow Online Access" in translate_error(error)
    assert network.offline_error(catalogue.MODELS["cog/mmaudio"]) is None
    assert network.offline_error(catalogue.MODELS["sketch/foley"]) is None
    app.module = True
    assert network.offline_error(catalogue.MODELS["fal/mmaudio-v2"]) is None


def test_an_extra_without_a_name_is_an_error(scene):
    """A row that has only a value is not ignored."""
    extra(scene.tracklay, " ", "3")
    with pytest.raises(InvalidInput, match="has no name"):
        properties.extra_params(scene.tracklay, catalogue.MODELS["clicker/clicks"])


def test_one_cue_is_one_line_with_its_length_and_a_choice(scene, strip, clips):
    """Beside Generate stands One Cue or Cue per Strip; the line has the length from the first to the last strip."""
    assert "prop cues" not in drawn(panels.TRACKLAY_PT_sidebar).names()
    add(scene, clips(RATE, 60, (20,)), 111)
    panel = drawn(panels.TRACKLAY_PT_sidebar)
    assert "prop cues" in panel.names()
    assert "2 strips" in panel.words()
    scene.tracklay.cues = "ONE"
    words = drawn(panels.TRACKLAY_PT_sidebar).words()
    assert "One cue over 2 strips" in words
    assert "6.40 s" in words


def test_the_selection_has_its_number_length_takes_and_price(scene, strip, clips, monkeypatch):
    """Before the button is pressed, in one line."""
    monkeypatch.setenv("FAL_KEY", "id:0123456789")
    scene.tracklay.model, scene.tracklay.prompt, scene.tracklay.takes = "fal/beatoven-sfx", "rain", 2
    add(scene, clips(RATE, 60, (20,)), 111)
    words = drawn(panels.TRACKLAY_PT_sidebar).words()
    assert "2 cues, 4.8 s, 2 takes each, 0.40 USD" in words
    assert "At most 35 s: longer spans are made in parts" in words


def test_generate_stands_above_all_that_can_grow(scene, strip, clips):
    """So it is in sight in a small window: the selection, the settings and the first steps are below it."""
    for number in range(5):
        add(scene, clips(RATE, 60, (20,)), 111 + 100 * number)
    scene.tracklay.model = "replicate/mmaudio"
    panel = drawn(panels.TRACKLAY_PT_sidebar)
    above = panel.names()[: panel.names().index("tracklay.generate")]
    assert above == ["label"]
    assert panel.words().startswith("6 cues, 14.4 s, ")


def test_a_long_strip_offers_parts_before_the_press(scene, strip, monkeypatch):
    """On a model that is made for a shorter length."""
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_0123456789")
    scene.tracklay.model, scene.tracklay.prompt = "replicate/mmaudio", "rain"
    words = drawn(panels.TRACKLAY_PT_sidebar).words()
    assert "Made for 8 s: longer spans are made in parts" in words
    assert "Longer than" not in words
    scene.render.fps = 5
    panel = drawn(panels.TRACKLAY_PT_sidebar)
    assert "Longer than the model's 8 s" in panel.words()
    assert "prop parts" in panel.names()


def test_the_first_steps_are_shown_until_a_key_is_set(scene, strip, monkeypatch):
    """Two lines and a button to the preferences."""
    for _, names in preferences.HOSTED_PROVIDERS.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)
    panel = drawn(panels.TRACKLAY_PT_sidebar)
    assert "Works now: Sketch foley, Sketch music" in panel.words()
    assert "A key adds" in panel.words()
    assert "tracklay.show_preferences" in panel.names()
    monkeypatch.setenv("FAL_KEY", "id:0123456789")
    assert "Works now" not in drawn(panels.TRACKLAY_PT_sidebar).words()


def test_examples_of_prompts_are_those_of_the_model(scene, strip):
    """Each model with a prompt has some; a click sets the prompt."""
    for model in catalogue.MODELS.values():
        assert bool(model.examples) == (model.parameter_for_role("prompt") is not None), model.id
    scene.tracklay.model = "sketch/foley"
    texts = [text for what, text, _ in drawn(panels.TRACKLAY_MT_examples).shown if what == "tracklay.use_example"]
    assert texts == list(catalogue.MODELS["sketch/foley"].examples)
    bpy.ops.tracklay.use_example(prompt=texts[0])
    assert scene.tracklay.prompt == texts[0]


def test_a_shot_has_a_prompt_of_its_own(scene, strip, clips, monkeypatch):
    """It replaces the panel's for its strip; one cue over both has the panel's, or without it those of its shots."""
    add(scene, clips(RATE, 60, (20,)), 111)
    strip.tracklay_prompt, scene.tracklay.prompt = "a door", "rain"
    assert [requests.build_cue(spot, scene.tracklay).prompt for spot in selection.spot_ranges(scene)] == [
        "a door",
        "rain",
    ]
    assert "prop tracklay_prompt" in drawn(panels.TRACKLAY_PT_sidebar).names()
    (whole,) = spotting.spot_selection(scene, as_one=True)
    assert requests.build_cue(whole, scene.tracklay).prompt == "rain"
    scene.tracklay.prompt = ""
    assert requests.build_cue(whole, scene.tracklay).prompt == "a door"


def test_a_help_page_is_readable_in_a_browser(tmp_path, monkeypatch):
    """As HTML in Tracklay's home; an unknown page is an error."""
    monkeypatch.setenv("TRACKLAY_HOME", str(tmp_path))
    text = help_pages.write_help_page("blender").read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert "Solo" in text
    with pytest.raises(InvalidInput, match="No help page: nothing"):
        help_pages.write_help_page("nothing")


def test_placeholders_are_explained_once(scene):
    """In the Cues panel, until it is hidden; a later session does not explain them again."""
    addon = bpy.context.preferences.addons.new()
    addon.module = ADDON
    try:
        first_run.explain_placeholders_once()
        assert first_run.is_explaining()
        assert "Placeholder: the take arrives in it." in drawn(cue_list.TRACKLAY_PT_cues).words()
        bpy.ops.tracklay.hide_explanation()
        first_run.explain_placeholders_once()
        assert not first_run.is_explaining()
    finally:
        bpy.context.preferences.addons.remove(addon)


def test_the_preferences_say_where_the_tab_is(scene):
    """With buttons to it, to the help and to the folder of the takes."""
    layout = Layout()
    preferences._draw_where_to_start(layout)
    assert "In the Video Sequencer: sidebar (N key), tab Tracklay" in layout.words()
    assert {"tracklay.show_tab", "tracklay.open_help", "tracklay.open_takes"} <= set(layout.names())
