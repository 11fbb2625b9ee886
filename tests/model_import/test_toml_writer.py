"""A written model file is read back as an equal model, and it is readable."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracklay.errors import InvalidInput
from tracklay.model_import.toml_writer import model_to_toml
from tracklay.models import DurationLimits, Licence, Model, Parameter, Price, load_catalogue, load_model_file

WORDS = st.text(max_size=30)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ROLES = {
    "prompt": ["text"],
    "negative": ["text"],
    "seed": ["integer"],
    "seconds": ["integer", "number"],
    "video": ["file"],
    "image": ["file"],
    "mode": ["choice"],
}
KINDS = ["text", "integer", "number", "boolean", "choice", "file", "json"]
SENSES = st.lists(st.sampled_from(["video", "image", "audio", "text"]), unique=True).map(tuple)


@st.composite
def parameters(draw, name, role):
    """Return any parameter that the loader accepts."""
    kind = draw(st.sampled_from(ROLES.get(role, KINDS)))
    low, high = sorted(draw(st.lists(NUMBERS, min_size=2, max_size=2)))
    low, high = draw(st.sampled_from([(None, None), (low, None), (None, high), (low, high)]))
    choices = tuple(draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))) if kind == "choice" else ()
    values = {
        "text": WORDS,
        "integer": st.integers(),
        "number": NUMBERS | st.integers(-(2**53), 2**53),
        "boolean": st.booleans(),
        "choice": st.sampled_from(choices or ("",)),
        "file": st.just("https://example.com/a.wav"),
        "json": st.sampled_from(["", "[1, 2]", '{"a": "\\u00e9"}']),
    }
    built = Parameter(
        name,
        kind,
        draw(WORDS),
        minimum=low,
        maximum=high,
        step=draw(st.none() | NUMBERS),
        choices=choices,
        unit=draw(WORDS),
        required=draw(st.booleans()),
        role=role,
        wire=draw(WORDS),
    )
    default = draw(st.none() | values[kind])
    try:
        return dataclasses.replace(built, default=None if default is None else built.validate(default))
    except InvalidInput:  # the default does not fit
        return built


@st.composite
def any_model(draw):
    """Return any model that the loader accepts."""
    names = draw(st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=5))
    roles = draw(st.permutations(list(ROLES)))
    least, most = sorted(draw(st.lists(NUMBERS, min_size=2, max_size=2)))
    built = tuple(
        draw(parameters(name, roles[place] if draw(st.booleans()) else None)) for place, name in enumerate(names)
    )
    counting = [""] + [parameter.name for parameter in built if parameter.type == "integer"]
    return Model(
        id=f"{draw(st.from_regex('[a-z0-9.-]+', fullmatch=True))}/{draw(st.from_regex('[a-z0-9.-]+', fullmatch=True))}",
        title=draw(WORDS),
        summary=draw(WORDS),
        task=draw(st.sampled_from(["foley", "effect", "music"])),
        provider=draw(WORDS),
        endpoint=draw(WORDS),
        needs=draw(SENSES),
        gives=draw(st.sampled_from(["audio", "video", "list", "stems"])),
        licence=Licence(draw(WORDS), draw(st.none() | st.booleans()), draw(WORDS)),
        takes=draw(SENSES),
        seconds=DurationLimits(least, draw(st.none() | st.just(most)), draw(st.none() | NUMBERS)),
        price=Price(
            draw(st.none() | st.decimals(0, 1000, places=3).map(str)),
            draw(WORDS),
            draw(st.sampled_from(["take", "second"])),
            draw(st.sampled_from(counting)),
            draw(WORDS),
            draw(WORDS),
        ),
        version=draw(WORDS),
        short_side=draw(st.integers(64, 2160)),
        looks=draw(WORDS),
        unconfirmed=tuple(draw(st.lists(WORDS, max_size=3))),
        parameters=built,
    )


def alike(one: Model, other: Model) -> bool:
    """Return whether two models are equal and their defaults have the same types: True is not 1."""
    return one == other and all(
        type(a.default) is type(b.default) for a, b in zip(one.parameters, other.parameters, strict=True)
    )


@given(model=any_model(), note=WORDS.filter(str.isprintable))
def test_a_written_file_is_read_back_equal(tmp_path_factory, model, note):
    """Any texts, numbers, choices, limits: the file holds the model."""
    path = tmp_path_factory.getbasetemp() / "written.toml"
    path.write_text(model_to_toml(model, note), "utf-8", newline="\n")
    assert alike(load_model_file(path), model)


@pytest.mark.parametrize("model", load_catalogue().values(), ids=lambda model: model.id)
def test_every_built_in_model_reads_back_equal(tmp_path, model):
    """The hand-written files can be generated, too."""
    path = tmp_path / "written.toml"
    path.write_text(model_to_toml(model), "utf-8")
    assert alike(load_model_file(path), model)


def test_the_file_is_readable():
    """A comment, no line for a default, whole limits without a decimal point, a table for each parameter."""
    model = Model(
        id="fal/x",
        title='A "b"',
        summary="One\ttwo\x7f\u2028",
        task="effect",
        provider="fal",
        endpoint="x",
        needs=("text",),
        gives="audio",
        licence=Licence("MIT", commercial=False),
        seconds=DurationLimits(1.0, 30.0),
        unconfirmed=("a" * 60, "b" * 60),
        parameters=(Parameter("a b", "number", "", default=0.5, minimum=1e-3, maximum=float(2**60), required=True),),
    )
    assert model_to_toml(model, "two\nlines") == "\n".join(
        [
            "# two lines",
            'id = "fal/x"',
            'title = "A \\"b\\""',
            'summary = "One\ttwo\\u007f\u2028"',
            'task = "effect"',
            'provider = "fal"',
            'endpoint = "x"',
            "needs = [",
            '  "text",',
            "]",
            'gives = "audio"',
            "unconfirmed = [",
            f'  "{"a" * 60}",',
            f'  "{"b" * 60}",',
            "]",
            "",
            "[licence]",
            'name = "MIT"',
            "commercial = false",
            "",
            "[seconds]",
            "least = 1",
            "most = 30",
            "",
            '[parameters."a b"]',
            'type = "number"',
            'help = ""',
            "default = 0.5",
            "minimum = 0.001",
            "maximum = 1.152921504606847e+18",
            "required = true",
            "",
        ]
    )
    assert math.isclose(2**60, 1.152921504606847e18)


def test_a_lone_surrogate_is_rejected():
    """JSON can hold one; UTF-8 cannot."""
    broken = dataclasses.replace(next(iter(load_catalogue().values())), title="\ud800")
    with pytest.raises(ValueError, match="surrogates"):
        model_to_toml(broken)
