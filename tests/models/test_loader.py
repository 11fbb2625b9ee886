"""A valid model file is loaded; an invalid one is rejected with its line and its field, for each field."""

from __future__ import annotations

import dataclasses
import re

import pytest
from tracklay.errors import InvalidInput
from tracklay.models import (
    ContinuationInput,
    DurationLimits,
    Licence,
    Model,
    Parameter,
    Price,
    load_catalogue,
    load_model_file,
)

RIGHT = """\
id = "mine/model"
title = "Mine"
summary = "A model of the user's own."
task = "effect"
provider = "replicate"
endpoint = "me/model"
needs = ["text"]
gives = "audio"
takes = ["text", "audio"]
version = "1"
short_side = 512
tempo_words = "at {tempo} BPM"
looks = "a square"
examples = ["a door", "rain"]
examples_source = "https://example.org/prompts"
source_type = "algorithmicMedia"
repeatable = false
unconfirmed = [
  "Whether [this] is so.",
]

[seconds]
least = 1
most = 30.5
native = 8

[continues]
sound = "sound"
seconds = 5
switch = "go-on"

[price]
amount = "0.05"
currency = "EUR"
per = "second"
times = "count"
read = "2026-01-02"
source = "https://example.com/price"

[licence]
name = "MIT"
commercial = true
source = "https://example.com/licence"

[parameters.prompt]
type = "text"
help = "What should be heard."
default = "rain"
minimum = 1
maximum = 200
step = 1
choices = ["rain", "wind"]
unit = "words"
required = true
role = "prompt"
wire = "input.prompt"

[parameters.count]
type = "integer"
help = "How many."

[parameters.sound]
type = "file"
help = "What is continued."

[parameters.go-on]
type = "boolean"
help = "Continue it."
"""
"""A model file with every field, one on each line."""

WRONG = {
    "": {
        "id": ["5", '"mine"', '"Mine/model"', '"mine/"', '"a/b/c"', '"mine/mo del"', "[]"],
        "title": ["5", "true", "[]", "{}"],
        "summary": ["5", "1979-05-27"],
        "task": ["5", '"sound"', '""'],
        "provider": ["5", "false"],
        "endpoint": ["5.5", "[1]"],
        "needs": ['"text"', "[5]", '["smell"]', "{}"],
        "gives": ["[]", '"sounds"'],
        "takes": ["true", '["text", "words"]', "5"],
        "version": ["1", "1.0"],
        "short_side": ['"384"', "384.5", "true", "63", "2161", "[]"],
        "tempo_words": ["5", "[]", '"at 104 BPM"'],
        "looks": ["5", "[]"],
        "examples": ['"a door"', "[5]"],
        "examples_source": ["5", "[]"],
        "source_type": ['"trained"', "5"],
        "repeatable": ['"no"', "0"],
        "unconfirmed": ['"text"', "[5]", '[["text"]]'],
    },
    "seconds": {
        "least": ['"1"', "true", "[]", "nan", "31"],
        "most": ['"30"', "false", "inf", "-1", "1" + "0" * 400],
        "native": ['"8"', "{}", "-inf"],
    },
    "continues": {
        "sound": ['""', '"count"', '"nothing"', "5", "[]"],
        "seconds": ['"5"', "0", "-1", "15.5", "nan"],
        "switch": ['"sound"', '"nothing"', "true"],
    },
    "price": {
        "amount": ["0.05", '"five"', '"1/20"', '"-1"', '"nan"', '"1e3"', '""'],
        "currency": ["5", "[]"],
        "per": ['"minute"', "5"],
        "times": ['"nothing"', '"prompt"', "2"],
        "read": ["2026-01-02", "5"],
        "source": ["true", "[]"],
    },
    "licence": {
        "name": ["5", "[]"],
        "commercial": ['"yes"', "1"],
        "source": ["5", "{}"],
    },
    "parameters.prompt": {
        "type": ['"words"', "5", "[]"],
        "help": ["5", "true"],
        "default": ["[]", "{}", "5", "true", '"snow"', "1979-05-27"],
        "minimum": ['"1"', "true", "nan", "201"],
        "maximum": ['"200"', "[]", "inf", "0"],
        "step": ['"1"', "true", "nan"],
        "choices": ['"rain"', "[1]", '["wind"]'],
        "unit": ["5", "[]"],
        "required": ['"yes"', "1"],
        "role": ['"words"', "5", '"seed"', '"video"', '"mode"'],
        "wire": ["5", "false"],
    },
}
"""Values that each field rejects."""

ELSEWHERE = {
    ("parameters.prompt", "choices", '["wind"]'): "default",  # the default is not among the choices then
    ("parameters.prompt", "maximum", "0"): "minimum",
    ("seconds", "most", "-1"): "least",
}
"""The field that the message names, where it is not the changed one."""

DEMANDED = {
    "": ["id", "title", "summary", "task", "provider", "endpoint", "needs", "gives"],
    "continues": ["sound", "seconds"],
    "licence": ["name"],
    "parameters.prompt": ["type", "help"],
}

CASES = [
    (section, field, value) for section, fields in WRONG.items() for field, values in fields.items() for value in values
]
KINDS = {
    "": Model,
    "seconds": DurationLimits,
    "continues": ContinuationInput,
    "price": Price,
    "licence": Licence,
    "parameters.prompt": Parameter,
}


def place(text: str, section: str, field: str | None) -> int:
    """Return the line of a field, from 1; without a field, of the section's header."""
    lines = text.splitlines()
    head = lines.index(f"[{section}]") if section else 0
    if field is None:
        return head + 1
    return next(number for number in range(head, len(lines)) if lines[number].startswith(f"{field} =")) + 1


def changed(section: str, field: str, value: str | None) -> str:
    """Return the file with another value of a field, or without the field if the value is None."""
    lines = RIGHT.splitlines()
    number = place(RIGHT, section, field) - 1
    last = lines.index("]", number) if lines[number].endswith("[") else number
    lines[number : last + 1] = [] if value is None else [f"{field} = {value}"]
    return "\n".join(lines) + "\n"


@pytest.fixture
def load_error(tmp_path):
    """A function that loads a text and returns the line and the message of its error."""

    def load(text: str) -> tuple[int, str]:
        path = tmp_path / "mine.toml"
        path.write_text(text, "utf-8")
        with pytest.raises(InvalidInput) as error:
            load_model_file(path)
        found = re.fullmatch(rf"{re.escape(str(path))}, line (\d+): (.+)", str(error.value))
        assert found, error.value
        return int(found[1]), found[2]

    return load


def test_a_valid_file_is_loaded_completely(tmp_path, home):
    """Each field has the file's value, and the catalogue has the model by its id."""
    (home / "models").mkdir()
    path = home / "models" / "mine.toml"
    path.write_text(RIGHT)
    prompt = Parameter(
        "prompt",
        "text",
        "What should be heard.",
        default="rain",
        minimum=1.0,
        maximum=200.0,
        step=1.0,
        choices=("rain", "wind"),
        unit="words",
        required=True,
        role="prompt",
        wire="input.prompt",
    )
    assert (
        load_catalogue()["mine/model"]
        == load_model_file(path)
        == Model(
            id="mine/model",
            title="Mine",
            summary="A model of the user's own.",
            task="effect",
            provider="replicate",
            endpoint="me/model",
            needs=("text",),
            gives="audio",
            licence=Licence("MIT", commercial=True, source="https://example.com/licence"),
            takes=("text", "audio"),
            seconds=DurationLimits(1.0, 30.5, 8.0),
            price=Price("0.05", "EUR", "second", "count", "2026-01-02", "https://example.com/price"),
            version="1",
            short_side=512,
            tempo_words="at {tempo} BPM",
            looks="a square",
            examples=("a door", "rain"),
            examples_source="https://example.org/prompts",
            source_type="algorithmicMedia",
            repeatable=False,
            unconfirmed=("Whether [this] is so.",),
            continues=ContinuationInput("sound", 5.0, "go-on"),
            parameters=(
                prompt,
                Parameter("count", "integer", "How many."),
                Parameter("sound", "file", "What is continued."),
                Parameter("go-on", "boolean", "Continue it."),
            ),
        )
    )


def test_the_cases_cover_every_field():
    """A new field of a model file needs its cases here."""
    for section, kind in KINDS.items():
        own = {"name"} if kind is Parameter else set()
        nested = {"parameters", "seconds", "continues", "price", "licence"} if kind is Model else set()
        assert WRONG[section].keys() == {field.name for field in dataclasses.fields(kind)} - own - nested


@pytest.mark.parametrize(("section", "field", "value"), CASES)
def test_a_wrong_value_is_reported_with_its_line_and_field(load_error, section, field, value):
    """A wrong type, an unknown word, an impossible limit: line, field, and the expected value."""
    text = changed(section, field, value)
    line, message = load_error(text)
    blamed = ELSEWHERE.get((section, field, value), field)
    assert line == place(text, section, blamed)
    assert message.startswith(f"{section}.{blamed} " if section else f"{blamed} ")


@pytest.mark.parametrize(
    ("section", "field", "value"), [case for case in CASES if case[0] in ("seconds", "price", "licence")]
)
def test_an_inline_table_is_reported_with_its_own_line(load_error, section, field, value):
    """The same tables, written inline at the top."""
    lines = changed(section, field, value).splitlines()
    head = lines.index(f"[{section}]")
    end = lines.index("", head)
    inline = f"{section} = {{ {', '.join(lines[head + 1 : end])} }}"
    line, message = load_error("\n".join([lines[0], inline, *lines[1:head], *lines[end:]]))
    assert line == 2
    assert message.startswith(f"{section}.{ELSEWHERE.get((section, field, value), field)} ")


@pytest.mark.parametrize("section", KINDS)
@pytest.mark.parametrize("name", ["colour", "Default", "lisence", '"two words"'])
def test_an_unknown_field_is_reported_with_its_line(load_error, section, name):
    """In every table."""
    lines = RIGHT.splitlines()
    lines.insert(place(RIGHT, section, None), f"{name} = 5")
    line, message = load_error("\n".join(lines))
    assert line == place(RIGHT, section, None) + 1
    assert f"{name.strip(chr(34))} is not a known field" in message


def test_a_misspelt_field_is_reported_with_a_suggestion(load_error):
    """The message suggests the most similar field."""
    assert load_error(RIGHT.replace("maximum", "maximun"))[1].endswith(
        "is not a known field (did you mean 'maximum'?)."
    )


@pytest.mark.parametrize(
    ("section", "field"), [(section, field) for section, fields in DEMANDED.items() for field in fields]
)
def test_a_missing_field_is_reported_with_its_table(load_error, section, field):
    """A field without a default is required."""
    line, message = load_error(changed(section, field, None))
    assert line == place(RIGHT, section, None)
    assert message == f"{section}.{field} is missing." if section else f"{field} is missing."


@pytest.mark.parametrize(
    ("section", "field"),
    [
        (section, field)
        for section, fields in WRONG.items()
        for field in fields
        if field not in DEMANDED.get(section, [])
    ],
)
def test_every_other_field_may_be_left_out(tmp_path, section, field):
    """The file is valid without it."""
    text = changed(section, field, None)
    path = tmp_path / "mine.toml"
    path.write_text(text)
    assert load_model_file(path).id == "mine/model"


@pytest.mark.parametrize("table", ["seconds", "price", "licence", "parameters"])
@pytest.mark.parametrize("value", ["5", '"text"', "[]", "[[]]"])
def test_a_value_in_place_of_a_table_is_reported_with_its_line(load_error, table, value):
    """Each of the tables."""
    lines = RIGHT.splitlines()
    sections = [number for number, text in enumerate(lines) if text.startswith("[")]
    kept = [
        text
        for number, text in enumerate(lines)
        if not lines[max([start for start in sections if start <= number], default=0)].startswith(f"[{table}")
    ]
    line, message = load_error("\n".join([kept[0], f"{table} = {value}", *kept[1:]]))
    assert line == 2
    assert message.startswith(f"{table} must be")


def test_a_missing_table_is_reported(load_error):
    """A model must state its licence, if only as unknown."""
    head = RIGHT.index("[licence]")
    text = RIGHT[:head] + RIGHT[RIGHT.index("[parameters.prompt]") :]
    assert load_error(text) == (1, "licence is missing.")


def test_a_parameter_that_is_not_a_table_is_reported(load_error):
    """`prompt = 5` among the parameters."""
    text = RIGHT[: RIGHT.index("[parameters.prompt]")] + "[parameters]\nprompt = 5\n"
    line, message = load_error(text)
    assert line == text.count("\n")
    assert message.startswith("parameters.prompt must be a table")


def test_a_choice_without_choices_is_reported(load_error):
    """The user could select nothing."""
    line, message = load_error(
        changed("parameters.prompt", "choices", None)
        .replace('type = "text"', 'type = "choice"')
        .replace('role = "prompt"\n', "")
    )
    assert line == place(RIGHT, "parameters.prompt", "type")
    assert "choices must be given" in message


def test_a_role_of_two_parameters_is_reported_at_the_second(load_error):
    """Each role belongs to one parameter."""
    text = RIGHT + '\n[parameters.more]\ntype = "text"\nhelp = ""\nrole = "prompt"\n'
    line, message = load_error(text)
    assert line == text.count("\n")
    assert message == "parameters.more.role 'prompt' is already the role of prompt."


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("id = mine\n", 1),
        (RIGHT.replace('gives = "audio"', 'gives = "audio'), 8),
        (RIGHT.replace("[seconds]", "[seconds"), 22),
        (RIGHT + 'help = "again"\n', RIGHT.count("\n") + 1),
        (RIGHT + "[licence]\n", RIGHT.count("\n") + 1),
        ("id =", 1),
        ("x = " + "9" * 5000, 1),
        ("x = " + "[" * 20_000, 1),
    ],
)
def test_invalid_toml_is_reported_with_its_line(load_error, text, line):
    """Without quotes, not closed, twice, truncated, or built to break a parser."""
    found, message = load_error(text)
    assert found == line
    assert message.startswith("Not valid TOML: ")


def test_an_empty_and_a_binary_file_are_rejected(tmp_path, load_error):
    """An empty file lacks its first required field; a binary one is not text."""
    assert load_error("") == (1, "id is missing.")
    path = tmp_path / "bytes.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match=r"Cannot read .*bytes\.toml"):
        load_model_file(path)
    with pytest.raises(InvalidInput, match=r"Cannot read .*gone\.toml"):
        load_model_file(tmp_path / "gone.toml")
