"""The conversion of published schemas: types, limits, choices, roles. Any input gives a readable file or a plain error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklay.errors import NotFound
from tracklay.model_import.infer import infer_model, lacks_sound, make_model_id
from tracklay.model_import.published import parse_fal_model, parse_replicate_model, parse_scenario_model
from tracklay.model_import.toml_writer import model_to_toml
from tracklay.models import Parameter, load_model_file

URI = {"type": "string", "format": "uri"}


def replicate(properties, output=None, *, schemas=None, required=(), name="me/mine", description=""):
    """Return a model as Replicate publishes it, with these inputs and this output."""
    held = {
        "Input": {"properties": properties, "required": list(required)},
        "Output": URI if output is None else output,
    }
    content = {
        "latest_version": {"id": "1", "openapi_schema": {"components": {"schemas": {**held, **(schemas or {})}}}}
    }
    return parse_replicate_model(name, {**content, "description": description})


def parameter(schema, *, schemas=None, required=False, name="it"):
    """Return the parameter that one schema becomes."""
    built = infer_model(replicate({name: schema}, schemas=schemas, required=[name] if required else []))
    return built.parameters[0]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer"}, {"type": "integer"}),
        ({"type": "integer", "minimum": 1, "maximum": 5, "default": 2}, {"minimum": 1, "maximum": 5, "default": 2}),
        ({"type": "number", "default": 8}, {"type": "number", "default": 8.0}),
        ({"type": "number", "multipleOf": 0.1}, {"step": 0.1}),
        ({"type": "boolean", "default": False}, {"type": "boolean", "default": False}),
        ({"type": "string", "minLength": 0, "maxLength": 200}, {"type": "text", "minimum": None, "maximum": 200}),
        ({"type": "string", "enum": ["a", "", "b", "a"]}, {"type": "choice", "choices": ("a", "b")}),
        ({"const": "a"}, {"type": "choice", "choices": ("a",)}),
        (
            {"type": "integer", "enum": [1, 4]},
            {"type": "integer", "minimum": 1, "maximum": 4, "help": "It. One of 1, 4."},
        ),
        ({"enum": ["a", 1]}, {"type": "json"}),
        ({"allOf": [{"$ref": "#/components/schemas/E"}], "default": "b"}, {"type": "choice", "default": "b"}),
        ({"$ref": "#/components/schemas/E"}, {"type": "choice", "choices": ("a", "b")}),
        ({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]}, {"type": "integer", "minimum": 0}),
        ({"type": ["string", "null"]}, {"type": "text"}),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, {"type": "number"}),
        ({"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "string"}]}, {"type": "text"}),
        ({"anyOf": [{"type": "string"}, {"type": "object"}]}, {"type": "json"}),
        ({"type": "array", "default": ["é"]}, {"type": "json", "default": '["é"]'}),
        ({"type": "object"}, {"type": "json"}),
        ({"$ref": "#/components/schemas/Round"}, {"type": "json"}),
        ({"$ref": "#/nowhere"}, {"type": "json"}),
        (URI, {"type": "file", "default": None}),
        ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 5}, {"minimum": 1, "maximum": 4}),
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, {"minimum": 1}),
        ({"type": "number", "exclusiveMinimum": 0}, {"minimum": 0, "help": "It. It must be above 0."}),
        ({"type": "integer", "maximum": 2**64 - 1}, {"maximum": float(2**64 - 2**11)}),
        ({"type": "integer", "minimum": 5, "maximum": 1}, {"minimum": None, "maximum": None}),
        ({"type": "number", "maximum": float("inf"), "minimum": float("nan")}, {"minimum": None, "maximum": None}),
        ({"type": "integer", "maximum": 10**400, "default": 10**400}, {"maximum": None, "default": None}),
        ({"type": "integer", "minimum": 1, "default": 0}, {"default": None}),
        ({"type": "string", "default": 5}, {"default": None}),
        (
            {"type": "integer", "minimum": "1", "default": "x", "multipleOf": -1},
            {"minimum": None, "default": None, "step": None},
        ),
        ({"type": "string", "description": "Says\n \x1b[31mso"}, {"help": "Says [31mso."}),
        ({"type": "string", "description": "a" * 500}, {"help": "a" * 239 + "…"}),
        ({"type": "string", "description": 5, "title": "A title"}, {"help": "A title."}),
    ],
    ids=json.dumps,
)
def test_a_schema_becomes_a_parameter(schema, expected):
    """Every form that pydantic, Cog and fal write, and some invalid ones."""
    enum = {"E": {"type": "string", "enum": ["a", "b"]}, "Round": {"allOf": [{"$ref": "#/components/schemas/Round"}]}}
    built = parameter(schema, schemas=enum)
    assert {name: getattr(built, name) for name in expected} == expected
    assert built.help


def test_an_input_with_a_default_is_not_required():
    """OpenAPI may list it as required all the same."""
    assert parameter({"type": "integer"}, required=True).required
    assert not parameter({"type": "integer", "default": 1}, required=True).required
    assert not parameter({"type": "integer"}).required


@pytest.mark.parametrize(
    ("name", "own", "wire"), [("top-k", "top_k", "top-k"), ("2nd", "x2nd", "2nd"), ("a b", "a_b", "a b")]
)
def test_a_name_that_is_not_an_identifier_is_sent_unchanged(name, own, wire):
    """The catalogue's name is an identifier, which Blender needs."""
    built = parameter({"type": "string"}, name=name)
    assert (built.name, built.wire_name) == (own, wire)


def test_what_is_left_out_is_listed():
    """A dot in a name would mean a nested object; a default outside the limits is left to the model."""
    model = infer_model(
        replicate({"a.b": URI, "n": {"type": "integer", "minimum": 2, "default": 1}, "n ": {}, "": {}, "ok": URI})
    )
    assert [one.name for one in model.parameters] == ["n", "n_", "ok"]
    assert any("'a.b' is left out" in fact for fact in model.unconfirmed)
    assert any("n has no default here" in fact for fact in model.unconfirmed)


def test_the_published_order_is_kept():
    """Replicate's `x-order`, else the schema's order."""
    given_order = {
        "b": {"type": "string", "x-order": 1},
        "a": {"type": "string", "x-order": 0},
        "c": {"type": "string"},
    }
    assert [one.name for one in infer_model(replicate(given_order)).parameters] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("inputs", "required", "roles", "senses"),
    [
        ({"video_url": URI}, ["video_url"], {"video_url": "video"}, (("video",), ())),
        (
            {"video": URI, "prompt": {"type": "string"}},
            ["video"],
            {"video": "video", "prompt": "prompt"},
            (("video",), ("video", "text")),
        ),
        ({"input_video": URI}, [], {"input_video": "video", "mode": "mode"}, ((), ("video",))),
        ({"image": URI, "mode": {"type": "string"}}, [], {"image": "image", "picture_mode": "mode"}, ((), ("image",))),
        ({"video": URI, "image": URI}, ["video"], {"video": "video"}, (("video",), ())),
        ({"video": URI, "image": URI}, ["image"], {"image": "image"}, (("image",), ())),
        ({"mask_video": URI, "reference_image": URI}, [], {}, ((), ())),
        (
            {"input_audio": URI, "text": {"type": "string"}},
            ["input_audio"],
            {"text": "prompt"},
            (("audio",), ("audio", "text")),
        ),
        (
            {"seed": {"type": "number"}, "negativePrompt": {"type": "string"}},
            [],
            {"seed": "seed", "negativePrompt": "negative"},
            ((), ()),
        ),
        ({"seconds_total": {"type": "integer"}}, [], {"seconds_total": "seconds"}, ((), ())),
        (
            {"music_length_ms": {"type": "integer"}, "duration": {"type": "string", "enum": ["5", "10"]}},
            [],
            {},
            ((), ()),
        ),
        ({"prompt": {"type": "string"}, "text": {"type": "string"}}, [], {"prompt": "prompt"}, ((), ("text",))),
        ({"seed": {"type": "string"}, "prompt": {"type": "array"}}, [], {}, ((), ())),
    ],
)
def test_roles_are_guessed_from_names_and_types(inputs, required, roles, senses):
    """The inputs that Tracklay fills determine what the model needs and takes."""
    model = infer_model(replicate(inputs, required=required))
    assert {one.name: one.role for one in model.parameters if one.role} == roles
    assert (model.needs, model.takes) == senses


def test_a_seed_is_a_whole_number_without_a_default():
    """A fixed seed would make all takes the same."""
    assert infer_model(replicate({"seed": {"type": "number", "default": 8069, "minimum": 0}})).parameter_for_role(
        "seed"
    ) == Parameter("seed", "integer", "Seed.", minimum=0.0, role="seed")


def test_a_length_bounds_the_span():
    """The limits of the duration parameter are the model's limits."""
    model = infer_model(replicate({"duration": {"type": "number", "minimum": 5, "maximum": 150}}))
    assert (model.seconds.least, model.seconds.most) == (5.0, 150.0)
    assert infer_model(replicate({"duration": {"type": "number", "minimum": -1}})).seconds.least == 0


def test_a_request_has_one_sound_unless_the_user_sets_more():
    """The parameter that counts sounds has the default 1 and multiplies the price."""
    model = infer_model(replicate({"num_samples": {"type": "integer", "default": 2, "minimum": 1, "maximum": 4}}))
    assert (model.parameters[0].default, model.price.times) == (1, "num_samples")
    assert (
        infer_model(replicate({"num_samples": {"type": "integer", "default": 2, "minimum": 2}})).parameters[0].default
        == 2
    )


def test_a_default_prompt_is_listed():
    """It is sent if the user writes none: a car race, with one model."""
    model = infer_model(replicate({"prompt": {"type": "string", "default": "a car race"}}))
    assert any("'a car race'" in fact for fact in model.unconfirmed)


@pytest.mark.parametrize(
    ("name", "description", "video", "task"),
    [
        ("me/mmaudio", "Sound for a video", True, "foley"),
        ("me/video-to-music", "", True, "music"),
        ("me/musicgen", "", False, "music"),
        ("me/stable-audio", "Make songs and sounds", False, "music"),
        ("me/sfx", "Sound effects, not music", False, "effect"),
        ("me/audio", "", False, "effect"),
        ("me/music-and-sfx", "", True, "foley"),
    ],
)
def test_the_task_is_guessed_from_name_inputs_and_description(name, description, video, task):
    """In this order."""
    inputs = {"video": URI} if video else {"prompt": {"type": "string"}}
    assert infer_model(replicate(inputs, name=name, description=description)).task == task


@pytest.mark.parametrize(
    ("output", "video", "gives", "silent"),
    [
        (URI, True, "video", False),
        (URI, False, "audio", False),
        ({**URI, "description": "The audio"}, True, "audio", False),
        ({"type": "array", "items": URI}, False, "list", False),
        ({"properties": {"audio": URI, "video": URI}}, True, "audio", False),
        ({"properties": {"video": {"type": "object"}, "seed": {"type": "integer"}}}, True, "video", False),
        ({"properties": {"audios": {"type": "array"}}}, False, "list", False),
        ({"properties": {"generated_audio": {"type": "object"}}}, False, "audio", False),
        ({"properties": {"bass": URI, "drums": URI, "other": URI}}, False, "stems", False),
        ({"properties": {"file": URI}}, False, "audio", False),
        ({"type": "string"}, False, "audio", True),
        ({"properties": {"images": {"type": "array"}}}, False, "audio", True),
        ({}, False, "audio", True),
        (5, False, "audio", True),
    ],
    ids=json.dumps,
)
def test_the_kind_of_output_is_detected(output, video, gives, silent):
    """By name or by form; if neither shows sound, the model counts as silent."""
    published = replicate({"video": URI} if video else {"prompt": {"type": "string"}}, output, name="me/sound")
    assert infer_model(published).gives == gives
    assert lacks_sound(published) is silent


def test_a_file_of_unknown_kind_is_sound_only_if_the_text_names_sound():
    """A picture is a file, too."""
    assert lacks_sound(replicate({"prompt": {"type": "string"}}, name="me/draw"))
    assert not lacks_sound(replicate({"prompt": {"type": "string"}}, name="me/draw", description="and its sound"))


def scenario(*inputs, capabilities=("txt2audio",)):
    """Return a model as Scenario publishes it."""
    return parse_scenario_model(
        "model_mine", {"model": {"name": "Mine", "inputs": list(inputs), "capabilities": list(capabilities)}}
    )


def test_scenarios_own_input_types_are_converted():
    """Files with their lengths, whole numbers by their step, conditions, lists."""
    model = infer_model(
        scenario(
            {
                "name": "video",
                "type": "file",
                "kind": "video",
                "required": {"always": True},
                "minDuration": 3,
                "maxDuration": 20,
            },
            {"name": "prompt", "type": "string", "required": {"ifNotDefined": {"segments": "…"}}, "maxLength": 100},
            {"name": "segments", "type": "inputs_array", "inputs": [{"name": "text", "type": "string"}]},
            {"name": "numSamples", "type": "number", "min": 1, "max": 3, "step": 1, "default": 2},
            {"name": "size", "type": "number", "allowedValues": [1, 2.5]},
            {"name": "format", "type": "string", "allowedValues": ["wav", "mp3"], "default": "mp3"},
            {"name": "cover", "type": "file"},
            {"name": "prompt", "type": "number"},
            {"type": "string"},
            5,
            capabilities=["video2video", "video2audio"],
        )
    )
    by_name = {one.name: one for one in model.parameters}
    assert list(by_name) == ["video", "prompt", "segments", "numSamples", "size", "format", "cover"]
    video = by_name["video"]
    assert (video.role, video.required, video.minimum, video.maximum, video.unit) == ("video", True, 3.0, 20.0, "s")
    assert (by_name["prompt"].required, by_name["prompt"].maximum) == (False, 100.0)
    assert any("prompt is required in some cases" in fact for fact in model.unconfirmed)
    assert [by_name[name].type for name in ("segments", "numSamples", "size")] == ["json", "integer", "number"]
    assert (by_name["numSamples"].default, by_name["size"].maximum) == (1, 2.5)
    assert (by_name["format"].choices, by_name["format"].default) == (("wav", "mp3"), "mp3")
    assert (by_name["cover"].role, model.gives, model.price.currency, model.id) == (
        None,
        "audio",
        "CU",
        "scenario/mine",
    )


@pytest.mark.parametrize(
    ("capabilities", "silent"), [(["txt2img"], True), (["video2video"], False), ([], True), (["txt2audio"], False)]
)
def test_scenarios_capabilities_show_whether_it_generates_sound(capabilities, silent):
    """A video output has sound if the description names sound."""
    one = parse_scenario_model(
        "model_mine",
        {
            "model": {
                "name": "Mine",
                "shortDescription": "Sound",
                "inputs": [{"name": "a", "type": "string"}],
                "capabilities": capabilities,
            }
        },
    )
    assert lacks_sound(one) is silent


@pytest.mark.parametrize(
    ("provider", "endpoint", "expected"),
    [
        ("replicate", "zsxkib/mmaudio", "replicate/zsxkib-mmaudio"),
        ("replicate", "Stability-AI/stable_audio.2.5", "replicate/stability-ai-stable-audio.2.5"),
        ("fal", "fal-ai/thinksound/audio", "fal/thinksound-audio"),
        ("fal", "beatoven/music-generation", "fal/beatoven-music-generation"),
        ("scenario", "model_mm-audio-2", "scenario/mm-audio-2"),
    ],
)
def test_ids_are_derived_from_endpoints(provider, endpoint, expected):
    """With the characters that the catalogue allows."""
    assert make_model_id(provider, endpoint) == expected


KEYWORDS = """type properties required enum const anyOf oneOf allOf $ref items format minimum maximum exclusiveMinimum minLength
default title description multipleOf x-order prompt seed duration video image audio mode num_samples name kind inputs min max step
capabilities allowedValues string integer number boolean array object null uri file video2audio #/components/schemas/Other \ud800"""
WORDS = st.sampled_from(KEYWORDS.split()) | st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=40,
)


@given(schema=JSON, other=JSON, output=JSON, loose=JSON)
def test_any_published_content_gives_a_file_or_a_plain_error(tmp_path_factory, schema, other, output, loose):
    """Invalid content breaks neither the command nor the catalogue."""
    components = {"components": {"schemas": {"Input": schema, "Other": other, "Output": output}}}
    for_all = {"components": {"schemas": {"Input": {"properties": schema}, "Other": other, "Output": output}}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Input"}}}}
    paths = {
        "/me/mine": {"post": {"requestBody": body}},
        "/x/requests/{request_id}": {"get": {"responses": {"200": body}}},
    }
    path = tmp_path_factory.getbasetemp() / "published.toml"
    for read_it, content in (
        (parse_replicate_model, {"latest_version": {"id": loose, "openapi_schema": components}, "description": loose}),
        (parse_replicate_model, {"latest_version": {"openapi_schema": for_all}, "license_url": loose}),
        (parse_replicate_model, loose if isinstance(loose, dict) else {}),
        (parse_fal_model, {"openapi": {"paths": paths, **for_all}, "metadata": loose}),
        (parse_fal_model, {"openapi": loose, "metadata": loose}),
        (parse_scenario_model, {"model": {"inputs": schema, "capabilities": loose, "name": loose}}),
        (
            parse_scenario_model,
            {"model": {"inputs": [schema, other, output, loose], "capabilities": loose, "name": loose}},
        ),
    ):
        try:
            model = infer_model(read_it("me/mine", content))
        except NotFound:
            continue
        path.write_text(model_to_toml(model), "utf-8", newline="\n")
        assert load_model_file(path) == model
