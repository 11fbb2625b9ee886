"""`tracklay models add`: over HTTP from the stand-ins to a file that is at once in the catalogue and makes takes."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest
import scenario_sdk
from tracklay.cli.main import main
from tracklay.model_import import fetch
from tracklay.model_import.toml_writer import model_to_toml
from tracklay.models import find_model, load_catalogue, load_model_file

from tests.clips import clicks, flash_clip, hear
from tests.fakes import fal as fal_standin
from tests.fakes import replicate as replicate_standin
from tests.fakes.server import HTML_502, Fault
from tests.providers.provider_flow import patience, run

JSON = (("content-type", "application/json"),)
FLASHES = (5, 30)


def add(spec: str, *more: str) -> int:
    """Run `tracklay models add`."""
    return main(["models", "add", spec, *more])


def answer(status: int, body: object) -> Fault:
    """An answer of the provider's in place of its own."""
    return Fault("answer", status, JSON, json.dumps(body).encode())


def facts(model, names=None):
    """What a schema tells of a model's parameters: not the words, nor what a slider moves by."""
    return {
        parameter.name: replace(parameter, help="", step=None, unit="")
        for parameter in model.parameters
        if names is None or parameter.name in names
    }


@pytest.fixture
def clip(tmp_path):
    """Two seconds at 25 frames a second with two flashes."""
    return flash_clip(tmp_path / "clip.mp4", Fraction(25), 50, FLASHES)


def lay_in_sync(clip, model_id: str) -> None:
    """A take with the model, every click within one sample of its flash."""
    assert main(["lay", str(clip), "--model", model_id, "--prompt", "rain", "--in", "3f"]) == 0
    heard = hear(clip.parent / "tracklay" / f"clip.{model_id.replace('/', '-')}.take1.wav")
    found = clicks(heard)
    exact = [(flash - 3) / 25 * 48_000 for flash in FLASHES]
    assert len(heard) == 47 * 1920
    assert len(found) == len(exact)
    assert max(abs(a - b) for a, b in zip(found, exact, strict=True)) <= 1


def test_mmaudio_of_replicate_is_as_the_built_in_one(replicate, home, capsys):
    """The same parameters with the same types, defaults, limits and roles; the newest version; every guess told."""
    assert add("replicate:zsxkib/mmaudio") == 0
    path = home / "models" / "replicate-zsxkib-mmaudio.toml"
    model, ours = load_model_file(path), find_model("replicate/mmaudio")
    assert facts(model) == facts(ours)
    same = ("task", "provider", "endpoint", "needs", "takes", "gives")
    assert [getattr(model, name) for name in same] == [getattr(ours, name) for name in same]
    assert model.seconds == replace(ours.seconds, native=None)
    assert (model.version, model.price.amount) == (replicate.app._version_body()["id"], None)
    shown = capsys.readouterr()
    assert str(path) in shown.out
    assert "guessed" in shown.out
    assert "prompt (the prompt)" in " ".join(shown.out.split())
    assert "same endpoint as replicate/mmaudio" in shown.err
    assert path.read_text().startswith("# Made by `tracklay models add replicate:zsxkib/mmaudio` on 2")


def test_what_was_added_is_shown_set_and_laid(replicate, clip, capsys):
    """At once in `tracklay models`, in `--set` with its limits, and a take of it is in sync."""
    assert add("replicate:zsxkib/mmaudio") == 0
    assert main(["models", "replicate/zsxkib-mmaudio"]) == 0
    assert "num_steps" in capsys.readouterr().out
    assert main(["lay", str(clip), "--model", "replicate/zsxkib-mmaudio", "--set", "cfg_strength=0.5"]) == 2
    assert "cfg_strength must be at least 1" in capsys.readouterr().err
    lay_in_sync(clip, "replicate/zsxkib-mmaudio")


def test_fals_schemas_are_for_everybody(fal, home, monkeypatch):
    """Without a key none is sent; with one it goes along to fal's own host."""
    monkeypatch.delenv("FAL_KEY")
    assert add("fal:fal-ai/thinksound/audio") == 0
    assert (home / "models" / "fal-thinksound-audio.toml").is_file()
    monkeypatch.setenv("FAL_KEY", fal_standin.KEY)
    assert add("fal:beatoven/music-generation") == 0
    without, with_key = fal.api.requests
    assert "authorization" not in without.headers
    assert with_key.headers["authorization"] == f"Key {fal_standin.KEY}"


HOSTED = [model for model in load_catalogue().values() if model.provider in ("fal", "scenario")]
BUILT_IN_KNOWS = {
    # From the vendors' words, not in any schema: how long a picture may be.
    ("fal/kling-audio", "video_url"),
    ("fal/sonilo-music", "video_url"),
    ("scenario/sonilo-effects", "video"),
    # Our own choices: no car race unless asked for, a format without loss, a count and a length where Scenario's page gives no default.
    ("fal/kling-audio", "sound_effect_prompt"),
    ("fal/kling-audio", "background_music_prompt"),
    ("fal/sonilo-effects", "audio_format"),
    ("fal/sonilo-music", "duration"),
    ("scenario/sonilo-effects", "audioFormat"),
    ("scenario/sonilo-music", "duration"),
    ("scenario/sonilo-text-music", "duration"),
}
"""Parameters in which a built-in model says more than its schema."""


@pytest.mark.parametrize("ours", HOSTED, ids=lambda model: model.id)
def test_every_hosted_model_is_found_again_in_its_schema(fal, scenario, monkeypatch, ours):
    """The same parameters, types, defaults, limits, choices and roles as people wrote them into the built-in files; the same task."""
    monkeypatch.setattr("tracklay.model_import.fetch.iter_model_files", list)
    model = run(fetch.add_model(f"{ours.provider}:{ours.endpoint}", "2026-01-01")).model
    told = {name for name in facts(ours) if (ours.id, name) not in BUILT_IN_KNOWS}
    assert facts(model, told) == facts(ours, told)
    assert facts(model).keys() == facts(ours).keys()
    assert (model.task, model.needs, model.price.currency) == (ours.task, ours.needs, ours.price.currency)


@pytest.mark.parametrize(
    ("spec", "model_id"),
    [("fal:fal-ai/thinksound/audio", "fal/thinksound-audio"), ("scenario:model_mm-audio-2", "scenario/mm-audio-2")],
)
def test_what_was_added_of_fal_or_scenario_is_laid(fal, scenario, clip, spec, model_id):
    """A take of it is in sync, whatever container it answers in."""
    assert add(spec) == 0
    lay_in_sync(clip, model_id)


def test_the_vendors_own_client_reads_scenarios_account_strictly(scenario):
    """The stand-in's answer has every field that it demands."""
    with scenario_sdk.Scenario(base_url=scenario.url, max_retries=0, _strict_response_validation=True) as client:
        model = client.models.retrieve("model_meta-musicgen").model
    assert model.inputs is not None
    assert [one.name for one in model.inputs][:2] == ["modelVersion", "prompt"]


def test_json_is_the_model_with_its_file(replicate, home, capsys):
    """Nothing else is on stdout."""
    assert add("replicate:zsxkib/mmaudio", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["id"] == "replicate/zsxkib-mmaudio"
    assert told["file"] == str(home / "models" / "replicate-zsxkib-mmaudio.toml")
    assert told["warnings"] == ["the catalogue has the same endpoint as replicate/mmaudio, too"]


def test_no_file_is_ever_replaced(replicate, fal, home, capsys):
    """The model itself, under another name too, another model in its file's place, a built-in one: named, not touched."""
    folder = home / "models"
    assert add("replicate:zsxkib/mmaudio") == 0
    path = folder / "replicate-zsxkib-mmaudio.toml"
    path.write_text(path.read_text().replace("mmaudio on Replicate", "Mine"))
    mine = path.read_text()
    asked = len(replicate.requests)
    capsys.readouterr()
    assert add("replicate:zsxkib/mmaudio") == 2
    assert str(path) in capsys.readouterr().err
    path.rename(folder / "other.toml")
    assert add("replicate:zsxkib/mmaudio") == 2
    assert "other.toml" in capsys.readouterr().err
    (folder / "other.toml").rename(path)
    path.write_text(mine.replace("replicate/zsxkib-mmaudio", "mine/else"))
    assert add("replicate:zsxkib/mmaudio") == 2
    assert str(path) in capsys.readouterr().err
    assert path.read_text() == mine.replace("replicate/zsxkib-mmaudio", "mine/else")
    assert add("fal:fal-ai/mmaudio-v2") == 2
    assert "fal-mmaudio-v2.toml" in capsys.readouterr().err
    assert (len(replicate.requests), len(fal.api.requests)) == (asked, 0)
    assert [each.name for each in folder.iterdir()] == [path.name]


def test_a_file_that_came_while_it_was_asked_stays(replicate, home, monkeypatch, capsys):
    """Whoever writes it: the check holds at the moment of writing, too."""
    path = home / "models" / "replicate-zsxkib-mmaudio.toml"

    def meanwhile(model, note):
        path.parent.mkdir(exist_ok=True)
        path.write_text("somebody's")
        return model_to_toml(model, note)

    monkeypatch.setattr("tracklay.model_import.fetch.model_to_toml", meanwhile)
    assert add("replicate:zsxkib/mmaudio") == 2
    assert f"{path} is there already" in capsys.readouterr().err
    assert path.read_text() == "somebody's"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "zsxkib/mmaudio",
        "replicate:",
        "replicate:mmaudio",
        "replicate:a/b/c",
        "replicate:a/b:0123",
        "replicate:a/../b",
        "replicate:https://replicate.com/a/b",
        "fal:mmaudio",
        "fal:a//b",
        "fal:a/b?c=d",
        "scenario:a/b",
        "scenario:___",
        "scenario:modèle",
        "sketch:foley",
        "cog:mmaudio",
        "beatoven:track",
    ],
)
def test_what_is_no_models_name_is_refused_unasked(replicate, fal, scenario, spec, capsys):
    """Status 2, one line with the right shape, and nobody was asked."""
    assert add(spec) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "names no model" in said
    assert not [*replicate.requests, *fal.api.requests, *scenario.api.requests]


def test_add_alone_and_a_second_id_are_refused(capsys):
    """`models ID` is as it was."""
    assert main(["models", "add"]) == 2
    assert "replicate:owner/name" in capsys.readouterr().err
    assert main(["models", "sketch/foley", "sketch/music"]) == 2
    assert "one too many" in capsys.readouterr().err


def in_schema(inner: object) -> dict[str, object]:
    """Replicate's account of a model with these schemas."""
    return {"latest_version": {"id": "1" * 64, "openapi_schema": {"components": {"schemas": inner}}}}


NO_MODEL = {
    "replicate": ("replicate:me/mine", "GET /v1/models/.*"),
    "fal": ("fal:me/mine", "GET /v1/models"),
    "scenario": ("scenario:model_mine", "GET /v1/models/.*"),
}
TROUBLE = [
    (answer(401, {"detail": "no"}), "refuses the key", {}),
    (answer(403, {"message": "no"}), "refuses the key", {"fal": "fal"}),
    (answer(500, {"detail": "down"}), "answers with 500", {}),
    (answer(200, []), "publishes no inputs", {"fal": "knows no model"}),
    (answer(200, {}), "publishes no inputs", {"fal": "knows no model"}),
    (answer(200, {"latest_version": 5, "models": 5, "model": 5}), "publishes no inputs", {"fal": "knows no model"}),
    (
        answer(200, {"models": [{"endpoint_id": "me/mine", "openapi": {"error": {"code": "schema_not_available"}}}]}),
        "publishes no inputs",
        {},
    ),
    (Fault("half-json"), "no JSON", {}),
    (HTML_502, "answers with 502", {}),
    (Fault("reset"), "connection to", {}),
    (Fault("redirect", to="https://example.com/"), "redirects to example.com", {}),
]


@pytest.mark.parametrize("provider", NO_MODEL)
@pytest.mark.parametrize(("fault", "said", "else_said"), TROUBLE, ids=lambda each: getattr(each, "how", None))
def test_trouble_is_one_sentence_and_no_file(
    replicate, fal, scenario, home, monkeypatch, capsys, provider, fault, said, else_said
):
    """Refused, down, empty, half, elsewhere: status 1, the provider named, nothing written."""
    monkeypatch.setattr(fetch, "INTERACTIVE_RETRY_POLICY", patience())
    spec, call = NO_MODEL[provider]
    server = {"replicate": replicate, "fal": fal.api, "scenario": scenario.api}[provider]
    server.go_wrong(call, *[fault] * 8)
    if fault.how == "half-json":
        spec = {
            "replicate": "replicate:zsxkib/mmaudio",
            "fal": "fal:beatoven/music-generation",
            "scenario": "scenario:model_mm-audio-2",
        }[provider]
    assert add(spec) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert provider in told.lower()
    assert else_said.get(provider, said) in told
    assert not list(home.rglob("*.toml"))


@pytest.mark.parametrize("provider", NO_MODEL)
def test_an_unknown_model_is_told_by_its_name(replicate, fal, scenario, home, capsys, provider):
    """404 is no riddle."""
    spec, _ = NO_MODEL[provider]
    assert add(spec) == 1
    assert f"knows no model {spec.partition(':')[2]}" in capsys.readouterr().err
    assert not list(home.rglob("*.toml"))


@pytest.mark.parametrize(
    ("provider", "variable"), [("replicate", "REPLICATE_API_TOKEN"), ("scenario", "SCENARIO_SDK_API_SECRET")]
)
def test_a_missing_key_is_told(replicate, scenario, monkeypatch, capsys, provider, variable):
    """Replicate and Scenario show their models to their customers alone."""
    monkeypatch.delenv(variable)
    assert add(NO_MODEL[provider][0]) == 1
    assert variable in capsys.readouterr().err


def test_nobody_waits_long_for_a_network_that_is_not_there(monkeypatch, capsys):
    """A few tries, then the sentence."""
    assert fetch.INTERACTIVE_RETRY_POLICY.max_attempts["read"] <= 3
    monkeypatch.setattr(fetch, "INTERACTIVE_RETRY_POLICY", patience())
    monkeypatch.setenv("TRACKLAY_FAL_API_URL", "http://127.0.0.1:9")
    assert add("fal:me/mine") == 1
    assert "connection to fal failed" in capsys.readouterr().err


def test_a_model_without_sound_is_written_with_a_warning(replicate, home, capsys):
    """A picture comes out of it, as far as can be seen: the person may know better."""
    schema = {
        "Input": {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]},
        "Output": {"type": "array", "items": {"type": "string", "format": "uri"}},
    }
    replicate.go_wrong("GET /v1/models/me/mine", answer(200, {**in_schema(schema), "description": "Draws a picture"}))
    assert add("replicate:me/mine") == 0
    assert "makes sound" in capsys.readouterr().err
    assert any("Whether sound comes out" in fact for fact in find_model("replicate/me-mine").unconfirmed)


def test_what_cannot_be_a_file_stands_in_nobodys_way(replicate, home, capsys):
    """A schema with half a character in its choices: the choice is left out, and the catalogue holds."""
    schema = {
        "Input": {
            "properties": {
                "style": {"type": "string", "enum": ["a\ud800", "b"], "default": "a\ud800"},
                "x\ud800": {"type": "string"},
            }
        },
        "Output": {"type": "string", "format": "uri"},
    }
    replicate.go_wrong("GET /v1/models/me/mine", answer(200, in_schema(schema)))
    assert add("replicate:me/mine") == 0
    (style,) = find_model("replicate/me-mine").parameters
    assert (style.choices, style.default) == (("b",), None)


def test_a_folder_that_cannot_be_written_is_told(replicate, home, capsys):
    """With the file's name, and what to set."""
    (home / "models").write_text("a file where the folder belongs")
    assert add("replicate:zsxkib/mmaudio") == 1
    told = capsys.readouterr().err
    assert "replicate-zsxkib-mmaudio.toml cannot be written" in told
    assert "TRACKLAY_HOME" in told


def test_the_key_stays_in_its_header(replicate, elsewhere, home, monkeypatch, capsys):
    """Not in the file, not in what is said, not at another host."""
    monkeypatch.setattr(fetch, "INTERACTIVE_RETRY_POLICY", patience())
    quoting = answer(422, {"detail": f"bad {replicate_standin.TOKEN}"})
    replicate.go_wrong("GET /v1/models/.*", quoting, Fault("redirect", to=elsewhere.url))
    assert [add("replicate:zsxkib/mmaudio") for _ in range(3)] == [1, 1, 0]
    told = capsys.readouterr()
    files = "".join(path.read_text() for path in home.rglob("*.toml"))
    assert replicate_standin.TOKEN not in told.out + told.err + files
    assert not elsewhere.requests
