"""The body of a request, from any model's own file."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklay import models
from tracklay.errors import InvalidInput, ModelFailed
from tracklay.media.extract import Proxy
from tracklay.providers.base import Request
from tracklay.providers.request_body import (
    build_request_body,
    clamp_seed,
    encode_data_uri,
    find_input_files,
    round_up_seconds,
    save_data_uri,
    suffix_from_url,
)

FILE = """\
id = "example/everything"
title = "Everything"
summary = "Every kind of parameter."
task = "foley"
provider = "replicate"
endpoint = "a/b"
needs = []
takes = ["video", "image", "text"]
gives = "audio"
seconds = { least = 2, most = 30 }
licence = { name = "none" }

[parameters.text]
type = "text"
role = "prompt"
wire = "prompt.text"
help = "Words."

[parameters.not]
type = "text"
role = "negative"
default = "noise"
wire = "negativePrompt"
help = "No words."

[parameters.mode]
type = "choice"
role = "mode"
choices = ["video", "image", "text"]
default = "video"
help = "What is sent."

[parameters.clip]
type = "file"
role = "video"
wire = "video_url"
help = "Picture."

[parameters.still]
type = "file"
role = "image"
help = "Still."

[parameters.reference]
type = "file"
wire = "inputAudio"
help = "A sound to follow."

[parameters.length]
type = "SECONDS"
role = "seconds"
default = 8
minimum = 1
maximum = 30
help = "How long."

[parameters.seed]
type = "integer"
role = "seed"
minimum = 3
maximum = 65535
help = "Chance."

[parameters.loud]
type = "boolean"
default = false
help = "Loud."

[parameters.steps]
type = "integer"
help = "Steps; the model's own number by default."
"""


def model(tmp_path: Path, seconds: str = "number") -> models.Model:
    """The model above."""
    path = tmp_path / "everything.toml"
    path.write_text(FILE.replace("SECONDS", seconds))
    return models.load_model_file(path)


def request(made: models.Model, **more) -> Request:
    """A request for it."""
    params = made.validate_params(more.pop("params", {}))
    fields = {
        "prompt": "rain",
        "negative": "",
        "seed": 9,
        "seconds": Fraction(5),
        "samples": 240_000,
        "proxy": None,
        **more,
    }
    return Request(made, params=params, **fields)


def test_every_role_goes_where_its_file_says(tmp_path):
    """Wire names, places inside tables, defaults; what has no value is left out; the mode itself is not sent."""
    assert build_request_body(request(model(tmp_path)), {"clip": "https://x/y"}) == {
        "prompt": {"text": "rain"},
        "negativePrompt": "noise",
        "video_url": "https://x/y",
        "length": 5.0,
        "seed": 9,
        "loud": False,
    }


@pytest.mark.parametrize(("mode", "sent"), [("video", {"clip"}), ("image", {"still"}), ("text", set())])
def test_the_mode_says_which_picture_goes_along(tmp_path, mode, sent):
    """One of them or none, whatever there is; and a file that the user named, always."""
    sound = tmp_path / "sound.wav"
    sound.write_bytes(b"x")
    proxy = Proxy(tmp_path / "proxy.mp4", (Fraction(0),), Fraction(5))
    asked = request(
        model(tmp_path), params={"mode": mode, "reference": str(sound)}, proxy=proxy, still=tmp_path / "still.png"
    )
    assert set(find_input_files(asked)) == sent | {"reference"}


def test_a_file_may_be_named_by_its_address(tmp_path):
    """A URL is sent as it is, and nothing is uploaded for it."""
    asked = request(model(tmp_path), params={"reference": "https://sounds.example/a.wav", "mode": "text"})
    assert find_input_files(asked) == {}
    assert build_request_body(asked, {})["inputAudio"] == "https://sounds.example/a.wav"


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """Before anything else happens, and again where it went away since."""
    with pytest.raises(InvalidInput, match="File of parameter reference not found: "):
        request(model(tmp_path), params={"reference": str(tmp_path / "gone.wav")})
    sound = tmp_path / "sound.wav"
    sound.write_bytes(b"x")
    asked = request(model(tmp_path), params={"reference": str(sound)})
    sound.unlink()
    with pytest.raises(InvalidInput, match="File of parameter reference not found: ") as caught:
        find_input_files(asked)
    assert caught.value.code == "parameter.file_not_found"


def test_a_value_of_the_user_replaces_the_default(tmp_path):
    """Length and negative prompt by name, even to nothing."""
    made = build_request_body(request(model(tmp_path), params={"length": 8, "not": ""}, negative="hum"), {})
    assert (made["length"], made["negativePrompt"]) == (8.0, "")
    assert build_request_body(request(model(tmp_path), negative="hum"), {})["negativePrompt"] == "hum"


@given(st.fractions(Fraction(1, 100), 30), st.sampled_from(["integer", "number"]))
def test_the_length_asked_for_is_never_less_than_the_span(tmp_path_factory, seconds, kind):
    """Rounded up to what the parameter holds, raised to the model's least, never past its most."""
    made = model(tmp_path_factory.mktemp("model"), kind)
    parameter = made.find_parameter("length")
    asked = round_up_seconds(made, parameter, seconds)
    assert parameter.validate(asked) == asked
    assert isinstance(asked, int) == (kind == "integer")
    assert max(seconds, 2) <= Fraction(asked)
    assert Fraction(asked) < max(seconds, 2) + (1 if kind == "integer" else Fraction(2, 1000))


@given(st.integers(-(2**40), 2**40))
def test_a_seed_is_always_one_that_the_model_takes(tmp_path_factory, seed):
    """Clamped at both ends, and left alone between them."""
    made = model(tmp_path_factory.mktemp("model"))
    assert clamp_seed(made, seed) == min(max(seed, 3), 65535)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_an_extra_goes_through_as_the_json_that_it_is(tmp_path_factory, value):
    """Any type, under its own name."""
    made = request(model(tmp_path_factory.mktemp("model")), params={"+new_option": json.dumps(value)})
    assert build_request_body(made, {})["new_option"] == value


@pytest.mark.parametrize(
    ("name", "text"),
    [("+x", "dark"), ("+x", "NaN"), ("+x", ""), ("+", "1"), ("+loud", "true"), ("+video_url", '"x"'), ("x", "1")],
)
def test_an_extra_that_is_none_is_refused(tmp_path, name, text):
    """No JSON, no name, or one that the catalogue knows: with its limits, so without the plus."""
    with pytest.raises(InvalidInput, match="everything"):
        model(tmp_path).validate_params({name: text})


@given(st.binary(min_size=1, max_size=300))
def test_a_file_survives_its_data_uri(tmp_path_factory, content):
    """Byte for byte."""
    folder = tmp_path_factory.mktemp("uri")
    (folder / "a.mp4").write_bytes(content)
    text = encode_data_uri(folder / "a.mp4")
    assert text.startswith("data:video/mp4;base64,")
    assert save_data_uri(text, folder / "b.mp4").read_bytes() == content


@pytest.mark.parametrize(
    "text", ["", "data:", "data:video/mp4;base64,", "data:video/mp4,abc", "data:x;base64,%%%", "data:x;base64,é"]
)
def test_an_invalid_data_uri_is_an_error(tmp_path, text):
    """Nothing is written."""
    with pytest.raises(ModelFailed):
        save_data_uri(text, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("url", "ending"),
    [
        ("https://x/y/out.mp4", ".mp4"),
        ("https://x/y/out.WAV?sig=a.b#c", ".WAV"),
        ("https://x/y/out", ".bin"),
        ("https://x/y.z/out.sh;rm", ".bin"),
        ("data:audio/x-flac;base64,AAAA", ".flac"),
        ("data:video/mp4;base64,AAAA", ".mp4"),
        ("data:,", ".bin"),
    ],
)
def test_a_fetched_file_gets_a_harmless_ending(url, ending):
    """Its own, where that is one."""
    assert suffix_from_url(url) == ending
