"""Keys: given in the preferences or by the environment they open their providers, and appear nowhere else."""

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

from tests.fakes import beatoven as beatoven_standin
from tests.fakes import fal as fal_standin
from tests.fakes import replicate as replicate_standin
from tests.fakes import scenario as scenario_standin
from tests.fakes.server import Fault
from tests.providers.conftest import beatoven, cog, elsewhere, fal, replicate, scenario  # noqa: F401 - the stand-ins, as fixtures

from ..conftest import HOME, add, laid, set_rate
from ..runtime.test_hosted import FLASHES, FRAMES, RATE, START, at_once  # noqa: F401 - the fixture that takes the pauses out

SECRETS = {
    "REPLICATE_API_TOKEN": replicate_standin.TOKEN,
    "FAL_KEY": fal_standin.KEY,
    "SCENARIO_SDK_API_KEY": scenario_standin.KEY,
    "SCENARIO_SDK_API_SECRET": scenario_standin.SECRET,
    "BEATOVEN_API_KEY": beatoven_standin.KEY,
}

ASKED = {
    "replicate": ("replicate/mmaudio", "POST /v1/predictions"),
    "fal": ("fal/mmaudio-v2", "POST /.*"),
    "scenario": ("scenario/mmaudio", "POST /v1/generate/.*"),
    "beatoven": ("beatoven/track", "POST /api/v1/tracks/compose"),
}
"""A model of each provider, and the call that submits."""


@pytest.fixture
def entry(scene):
    """The add-on's preferences, as an installed add-on has them. The module has none of its own accord."""
    made = bpy.context.preferences.addons.new()
    made.module = ADDON
    yield made.preferences
    for names in (names for _, names in HOSTED_PROVIDERS.values()):
        for name in names:
            setattr(made.preferences, name.lower(), "")
    made.preferences.cog_url = ""
    bpy.context.preferences.addons.remove(made)


def forms() -> list[str]:
    """Each key as it is, in its halves, and as HTTP Basic has it."""
    whole = [*SECRETS.values(), f"{SECRETS['SCENARIO_SDK_API_KEY']}:{SECRETS['SCENARIO_SDK_API_SECRET']}"]
    return [*whole, *(base64.b64encode(key.encode()).decode() for key in whole), SECRETS["FAL_KEY"].partition(":")[2]]


def held(thing: Any) -> str:
    """All that a scene or strip holds, properties of ours and of the person's, as text."""
    own = {name: str(thing[name]) for name in thing.keys()}  # noqa: SIM118 - it is no dict
    return json.dumps(own) + (properties_of(thing.tracklay) if hasattr(thing, "tracklay") else "")


def properties_of(group: Any) -> str:
    """What a property group holds, and those within it."""
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


def quoting(status: int) -> Fault:
    """A refusal that repeats every key, in all its forms."""
    said = json.dumps({"detail": f"bad key {' '.join(forms())}"}).encode()
    return Fault("answer", status, (("content-type", "application/json"),), said)


@pytest.mark.parametrize("way", ["environment", "preferences"])
@pytest.mark.parametrize("name", HOSTED_PROVIDERS)
def test_a_key_is_nowhere_after_success_and_faults(
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
    """Laid, refused (401), unpaid (402), sent elsewhere: no .blend, property, manifest entry, report or file of ours holds it."""
    standin = request.getfixturevalue(name)
    for variable, secret in SECRETS.items():
        if way == "preferences":
            monkeypatch.delenv(variable, raising=False)
            setattr(entry, variable.lower(), secret)
        else:
            monkeypatch.setenv(variable, secret)
    model, call = ASKED[name]
    server = {"replicate": "", "fal": "queue", "scenario": "api", "beatoven": "api"}[name]
    api = getattr(standin, server) if server else standin
    set_rate(scene, RATE)
    add(scene, clips(RATE, FRAMES, FLASHES), START)
    said = []
    bpy.ops.tracklay.generate(model=model, prompt=f"{name} {way}", wait=True)
    assert len(laid(scene)) == 1
    for number, fault in enumerate((quoting(401), quoting(402), Fault("redirect", to=elsewhere.url))):
        api.go_wrong(call, fault)
        with pytest.raises(RuntimeError) as caught:
            bpy.ops.tracklay.generate(model=model, prompt=f"{name} {way} {number}", wait=True)
        said.append(str(caught.value))
    assert len(laid(scene)) == 1
    blends = [tmp_path / "plain.blend", tmp_path / "packed.blend"]
    for path in blends:
        bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=path.stem == "packed")
    shown = capfd.readouterr()
    texts = [*said, shown.out, shown.err, held(scene), *(held(strip) for strip in scene.sequence_editor.strips_all)]
    assert "bad key" in shown.out + shown.err + "".join(said)  # what repeated the keys was told
    files = [path.read_bytes() for folder in (HOME, tmp_path) for path in folder.rglob("*") if path.is_file()]
    assert blends[0].read_bytes().startswith(b"BLENDER")
    assert len(files) > len(blends)
    for form in forms():
        assert not [text for text in texts if form in text]
        assert not [file for file in files if form.encode() in file]
        assert not [seen for seen in elsewhere.requests if form.encode() in seen.raw]


def test_the_environment_stands_before_the_preferences(entry, monkeypatch):
    """A key that is set there is the one that is used; without it the preferences' is, and none when that is emptied."""
    entry.fal_key = "from-the-preferences"
    assert not preferences.is_set_in_environment("FAL_KEY")
    assert credentials.get_key("FAL_KEY") == "from-the-preferences"
    monkeypatch.setenv("FAL_KEY", "from-the-environment")
    assert preferences.is_set_in_environment("FAL_KEY")
    assert credentials.get_key("FAL_KEY") == "from-the-environment"
    monkeypatch.delenv("FAL_KEY")
    entry.fal_key = ""
    assert credentials.get_key("FAL_KEY") == ""


def test_a_key_of_an_earlier_session_is_given_at_registration(entry):
    """What the preferences hold is used without being typed again, and goes when the add-on is switched off."""
    entry.beatoven_api_key = SECRETS["BEATOVEN_API_KEY"]
    credentials.set_key("BEATOVEN_API_KEY", "")  # as at the start of a session, when nothing was typed yet
    preferences.apply_preferences()
    assert credentials.get_key("BEATOVEN_API_KEY") == SECRETS["BEATOVEN_API_KEY"]
    preferences.TracklayPreferences.unregister()
    assert credentials.get_key("BEATOVEN_API_KEY") == ""


def test_the_containers_address_is_set_unless_the_environment_has_one(entry, monkeypatch):
    """It is what the provider reads; emptied, it is gone; what the environment says stays."""
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


def test_keys_are_checked_in_words(replicate, fal, beatoven, cog, monkeypatch, capfd):  # noqa: F811
    """A good one, one that is refused, one that cannot be asked about, none, and the container: a sentence each, without a key."""
    monkeypatch.setenv("FAL_KEY", "not-the-one:0123456789")
    assert bpy.ops.tracklay.check_keys() == {"FINISHED"}
    told = dict(words.split(": ", 1) for words, _ in provider_check.results)
    assert told["Replicate"].startswith("responds")
    assert "key" in told["fal"]
    assert told["Scenario"] == "not asked: no key"
    assert "no call" in told["Beatoven"]
    assert told["Cog container"]
    assert next(words for words, good in provider_check.results if good).startswith("Replicate")
    shown = capfd.readouterr()
    assert not [
        form for form in (*forms(), "0123456789") if form in shown.out + shown.err + str(provider_check.results)
    ]


def test_a_fault_while_asking_is_told(monkeypatch):
    """It does not vanish with its thread, and takes no key along."""
    monkeypatch.setenv("FAL_KEY", SECRETS["FAL_KEY"])

    def broken():
        raise ValueError(f"so it is with {SECRETS['FAL_KEY']}")

    monkeypatch.setattr("tracklay.providers.health.check_all", broken)
    provider_check.start()
    provider_check.wait()
    ((message, is_healthy),) = provider_check.results
    assert "ValueError: so it is with [key]" in message
    assert SECRETS["FAL_KEY"] not in message
    assert not is_healthy


def test_no_key_is_a_property_of_a_scene(scene):
    """Keys have no place in a scene, whatever is set there: no property of ours is a password or called like one."""
    fields = Path(preferences.__file__).with_name("properties.py").read_text("utf-8")
    assert "PASSWORD" not in fields
    names = set(scene.tracklay.bl_rna.properties.keys())
    assert not names & {name.lower() for _, each in HOSTED_PROVIDERS.values() for name in each}
