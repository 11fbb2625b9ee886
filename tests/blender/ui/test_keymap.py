"""API keys from the preferences or the environment reach their providers, and appear nowhere else."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import bpy
import pytest
from tracklay import settings
from tracklay.blender.settings import ADDON, preferences
from tracklay.blender.settings.preferences import COG_URL_VARIABLE, HOSTED_PROVIDERS, provider_check
from tracklay.providers import credentials

from tests.fakes import beatoven as fake_beatoven
from tests.fakes import elevenlabs as fake_elevenlabs
from tests.fakes import fal as fake_fal
from tests.fakes import mirelo as fake_mirelo
from tests.fakes import replicate as fake_replicate
from tests.fakes import scenario as fake_scenario
from tests.fakes.server import Fault
from tests.providers.conftest import (  # noqa: F401 - fixtures of fake servers
    beatoven,
    cog,
    elevenlabs,
    elsewhere,
    fal,
    mirelo,
    replicate,
    scenario,
)

from ..conftest import HOME, add, laid, set_rate
from ..hosted_clip import FLASHES, FRAMES, RATE, START, without_pauses  # noqa: F401 - an autouse fixture

SECRETS = {
    "REPLICATE_API_TOKEN": fake_replicate.TOKEN,
    "FAL_KEY": fake_fal.KEY,
    "SCENARIO_SDK_API_KEY": fake_scenario.KEY,
    "SCENARIO_SDK_API_SECRET": fake_scenario.SECRET,
    "BEATOVEN_API_KEY": fake_beatoven.KEY,
    "ELEVENLABS_API_KEY": fake_elevenlabs.KEY,
    "MIRELO_API_KEY": fake_mirelo.KEY,
}

SUBMISSIONS = {
    "replicate": ("replicate/mmaudio", "POST /v1/predictions"),
    "fal": ("fal/mmaudio-v2", "POST /.*"),
    "scenario": ("scenario/mmaudio", "POST /v1/generate/.*"),
    "beatoven": ("beatoven/track", "POST /api/v1/tracks/compose"),
    "elevenlabs": ("elevenlabs/video-music", "POST /v1/music/video-to-music"),
    "mirelo": ("mirelo/sfx", "POST /v2/video-to-sfx/v1.5/jobs"),
}
"""A model of each provider, and the request that submits a job."""


@pytest.fixture
def entry(scene):
    """Yield the preferences of an installed add-on; the bpy module has none by default."""
    addon = bpy.context.preferences.addons.new()
    addon.module = ADDON
    yield addon.preferences
    for names in (names for _, names in HOSTED_PROVIDERS.values()):
        for name in names:
            setattr(addon.preferences, name.lower(), "")
    addon.preferences.cog_url = ""
    bpy.context.preferences.addons.remove(addon)


def key_forms() -> list[str]:
    """Return each key as it is, in its parts, and encoded for HTTP Basic."""
    whole = [*SECRETS.values(), f"{SECRETS['SCENARIO_SDK_API_KEY']}:{SECRETS['SCENARIO_SDK_API_SECRET']}"]
    return [*whole, *(base64.b64encode(key.encode()).decode() for key in whole), SECRETS["FAL_KEY"].partition(":")[2]]


def all_properties(thing: Any) -> str:
    """Return all properties of a scene or strip as text: Tracklay's and custom ones."""
    own = {name: str(thing[name]) for name in thing.keys()}  # noqa: SIM118 - not a dict
    return json.dumps(own) + (properties_of(thing.tracklay) if hasattr(thing, "tracklay") else "")


def properties_of(group: Any) -> str:
    """Return the properties of a group and of the groups within it as text."""
    found = []
    for each in group.bl_rna.properties:
        if each.identifier == "rna_type":
            continue
        value = getattr(group, each.identifier)
        if each.type == "POINTER" and isinstance(value, bpy.types.PropertyGroup):
            found.append(properties_of(value))
        elif each.type == "COLLECTION":
            found += [properties_of(row) for row in value]
        else:
            found.append(f"{each.identifier}={value}")
    return "\n".join(found)


def quote_keys(status: int) -> Fault:
    """Return a refusal that quotes every key in all its forms."""
    body = json.dumps({"detail": f"bad key {' '.join(key_forms())}"}).encode()
    return Fault("answer", status, (("content-type", "application/json"),), body)


@pytest.mark.parametrize(
    ("name", "way"),
    [(name, ("environment", "preferences")[number % 2]) for number, name in enumerate(HOSTED_PROVIDERS)],
)
def test_no_key_is_stored_after_success_and_failures(
    name,
    way,
    request,
    scene,
    clips,
    elsewhere,  # noqa: F811
    entry,
    monkeypatch,
    tmp_path,
    capfd,
):
    """Success, 401, 402 and a redirect: no .blend file, property, manifest, report or file of Tracklay has a key."""
    fake = request.getfixturevalue(name)
    for variable, secret in SECRETS.items():
        if way == "preferences":
            monkeypatch.delenv(variable, raising=False)
            setattr(entry, variable.lower(), secret)
        else:
            monkeypatch.setenv(variable, secret)
    model, call = SUBMISSIONS[name]
    server = {"replicate": "", "fal": "queue", "scenario": "api", "beatoven": "api", "mirelo": "api"}.get(name, "")
    api = getattr(fake, server) if server else fake
    set_rate(scene, RATE)
    add(scene, clips(RATE, FRAMES, FLASHES), START)
    reports = []
    bpy.ops.tracklay.generate(model=model, prompt=f"{name} {way}", wait=True)
    assert len(laid(scene)) == 1
    for number, fault in enumerate((quote_keys(401), quote_keys(402), Fault("redirect", to=elsewhere.url))):
        api.go_wrong(call, fault)
        with pytest.raises(RuntimeError) as caught:
            bpy.ops.tracklay.generate(model=model, prompt=f"{name} {way} {number}", wait=True)
        reports.append(str(caught.value))
    assert len(laid(scene)) == 1
    blends = [tmp_path / "plain.blend", tmp_path / "packed.blend"]
    for path in blends:
        bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=path.stem == "packed")
    shown = capfd.readouterr()
    texts = [
        *reports,
        shown.out,
        shown.err,
        all_properties(scene),
        *(all_properties(strip) for strip in scene.sequence_editor.strips_all),
    ]
    assert "bad key" in shown.out + shown.err + "".join(reports)  # the refusals reached the user
    files = [path.read_bytes() for folder in (HOME, tmp_path) for path in folder.rglob("*") if path.is_file()]
    assert blends[0].read_bytes().startswith(b"BLENDER")
    assert len(files) > len(blends)
    for form in key_forms():
        assert not [text for text in texts if form in text]
        assert not [file for file in files if form.encode() in file]
        assert not [seen for seen in elsewhere.requests if form.encode() in seen.raw]


def test_the_environment_overrides_the_preferences(entry, monkeypatch):
    """A key in the environment is used; without it the one in the preferences, and none if that is empty."""
    entry.fal_key = "from-the-preferences"
    assert not preferences.is_set_in_environment("FAL_KEY")
    assert credentials.get_key("FAL_KEY") == "from-the-preferences"
    monkeypatch.setenv("FAL_KEY", "from-the-environment")
    assert preferences.is_set_in_environment("FAL_KEY")
    assert credentials.get_key("FAL_KEY") == "from-the-environment"
    monkeypatch.delenv("FAL_KEY")
    entry.fal_key = ""
    assert credentials.get_key("FAL_KEY") == ""


def test_a_stored_key_is_set_at_registration(entry):
    """It is used without being entered again, and removed when the add-on is disabled."""
    entry.beatoven_api_key = SECRETS["BEATOVEN_API_KEY"]
    credentials.set_key("BEATOVEN_API_KEY", "")  # as at the start of a session, before any input
    preferences.apply_preferences()
    assert credentials.get_key("BEATOVEN_API_KEY") == SECRETS["BEATOVEN_API_KEY"]
    preferences.TracklayPreferences.unregister()
    assert credentials.get_key("BEATOVEN_API_KEY") == ""


def test_the_containers_url_is_set_unless_the_environment_has_one(entry, monkeypatch):
    """The provider uses it; an empty field removes it, and a variable of the environment wins."""
    monkeypatch.delenv(COG_URL_VARIABLE, raising=False)
    entry.cog_url = "http://127.0.0.1:5999"
    assert settings.current().base_url(COG_URL_VARIABLE) == "http://127.0.0.1:5999"
    assert not preferences.is_set_in_environment(COG_URL_VARIABLE)
    entry.cog_url = ""
    assert settings.current().base_url(COG_URL_VARIABLE) == ""
    monkeypatch.setenv(COG_URL_VARIABLE, "http://127.0.0.1:6000")
    entry.cog_url = "http://127.0.0.1:5999"
    assert settings.current().base_url(COG_URL_VARIABLE) == "http://127.0.0.1:6000"
    assert preferences.is_set_in_environment(COG_URL_VARIABLE)


def test_each_provider_has_a_line_in_the_key_check(replicate, fal, beatoven, cog, monkeypatch, capfd):  # noqa: F811
    """A valid key, a refused one, one that cannot be checked, none, and the container: no line quotes a key."""
    monkeypatch.setenv("FAL_KEY", "not-the-one:0123456789")
    assert bpy.ops.tracklay.check_keys() == {"FINISHED"}
    messages = dict(words.split(": ", 1) for words, _ in provider_check.results)
    assert messages["Replicate"].startswith("responds")
    assert "key" in messages["fal"]
    assert messages["Scenario"] == "not checked: no API key"
    assert messages["Beatoven"] == "key is set; the API has no request to check it"
    assert messages["Cog container"]
    assert next(words for words, good in provider_check.results if good).startswith("Replicate")
    shown = capfd.readouterr()
    assert not [
        form for form in (*key_forms(), "0123456789") if form in shown.out + shown.err + str(provider_check.results)
    ]


def test_an_exception_in_the_key_check_is_shown(monkeypatch):
    """It is reported from its thread, without the key."""
    monkeypatch.setenv("FAL_KEY", SECRETS["FAL_KEY"])

    def fail():
        raise ValueError(f"invalid key {SECRETS['FAL_KEY']}")

    monkeypatch.setattr("tracklay.providers.health.check_all", fail)
    provider_check.start()
    provider_check.wait()
    ((message, is_healthy),) = provider_check.results
    assert "ValueError: invalid key [key]" in message
    assert SECRETS["FAL_KEY"] not in message
    assert not is_healthy


def test_no_key_is_a_property_of_a_scene(scene):
    """No property of a scene is a password or has the name of a key."""
    fields = Path(preferences.__file__).with_name("properties.py").read_text("utf-8")
    assert "PASSWORD" not in fields
    names = set(scene.tracklay.bl_rna.properties.keys())
    assert not names & {name.lower() for _, each in HOSTED_PROVIDERS.values() for name in each}
