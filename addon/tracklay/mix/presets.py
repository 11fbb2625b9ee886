"""Presets of the mix: data in TOML files, those that ship and a user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, file_not_found_error
from .kinds import KINDS, Kind

DEFAULT_PRESET = "film"
PRESET_NAMES = ("film", "documentary", "social", "trailer")

LUFS_RANGE = (-60.0, -5.0)
TRUE_PEAK_RANGE = (-20.0, 0.0)
LEVEL_RANGE = (-60.0, 20.0)


@dataclass(frozen=True, slots=True)
class Duck:
    """The duck of a kind under speech. Decibels are positive numbers, times are seconds.

    Attributes:
        depth: dB that it goes down at least.
        deepest: dB that it goes down at most, where `dialogue_over` needs more than `depth`.
        dialogue_over: LU that speech is wanted over it.
        look_ahead: time before the speech at which it begins to go down.
        rise: time until it is down.
        hold: time after the speech that it stays down.
        recovery: time in which it comes up again.
        gap: it comes up in gaps longer than this, and stays down in shorter ones.
    """

    depth: float
    deepest: float
    dialogue_over: float
    look_ahead: float
    rise: float
    hold: float
    recovery: float
    gap: float


@dataclass(frozen=True, slots=True)
class Preset:
    """One preset.

    Attributes:
        name: its name; of a user's own file, the file's stem.
        title: the name that is shown.
        summary: what it is for, in a line.
        target_lufs: integrated loudness of the mix.
        true_peak_db: highest true peak, dBTP.
        levels: LU of each other kind against dialogue.
        ducks: the kinds that go down under speech. The others never do: foley stays.
    """

    name: str
    title: str
    summary: str
    target_lufs: float
    true_peak_db: float
    levels: Mapping[Kind, float]
    ducks: Mapping[Kind, Duck]


_DUCK_RANGES = {
    "depth": (0.0, 60.0),
    "deepest": (0.0, 60.0),
    "dialogue_over": (0.0, 60.0),
    **dict.fromkeys(("look_ahead", "rise", "hold", "recovery", "gap"), (0.0, 30.0)),
}
_OTHER_KINDS = tuple(kind for kind in KINDS if kind != "dialogue")


def load_preset(name: str) -> Preset:
    """Return a preset that ships, or that of a TOML file (a name with `.toml` at its end).

    Raises:
        InvalidInput: there is none, or the file is not a preset; the message says which value is wrong and what is expected.
    """
    if name in PRESET_NAMES:
        return _shipped_preset(name)
    path = Path(name)
    if path.suffix.lower() != ".toml":
        raise InvalidInput(
            "mix.unknown_preset",
            "Unknown preset: {name}. Use {names}, or the path of a TOML file.",
            name=name,
            names=", ".join(PRESET_NAMES),
        )
    if not path.is_file():
        raise file_not_found_error(path)
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput("mix.preset_not_toml", "Not valid TOML: {reason}.", reason=error).prefix_with(
            str(path)
        ) from error
    try:
        return parse_preset(path.stem, content)
    except InvalidInput as error:
        raise error.prefix_with(str(path)) from None


def absolute_preset(name: str) -> str:
    """Return the name of a preset as it can be stored: that of one that ships, or the absolute path of a TOML file."""
    return name if name in PRESET_NAMES else str(Path(name).absolute())


@cache
def _shipped_preset(name: str) -> Preset:
    text = resources.files(__package__).joinpath("preset_files", f"{name}.toml").read_text("utf-8")
    return parse_preset(name, tomllib.loads(text))


def parse_preset(name: str, content: Mapping[str, Any]) -> Preset:
    """Return the preset of a parsed TOML file.

    Raises:
        InvalidInput: a key is unknown or missing, or a value is out of its range.
    """
    _check_keys("", content, ("target_lufs", "true_peak_db", "levels"), ("title", "summary", "duck"))
    levels = _table("levels", content["levels"])
    _check_keys("levels.", levels, _OTHER_KINDS, ())
    ducks = _table("duck", content.get("duck", {}))
    _check_keys("duck.", ducks, (), _OTHER_KINDS)
    return Preset(
        name,
        _text("title", content.get("title", name)),
        _text("summary", content.get("summary", "")),
        _number("target_lufs", content["target_lufs"], LUFS_RANGE),
        _number("true_peak_db", content["true_peak_db"], TRUE_PEAK_RANGE),
        {kind: _number(f"levels.{kind}", levels[kind], LEVEL_RANGE) for kind in _OTHER_KINDS},
        {kind: _parse_duck(f"duck.{kind}", ducks[kind]) for kind in _OTHER_KINDS if kind in ducks},
    )


def _parse_duck(where: str, value: Any) -> Duck:
    table = _table(where, value)
    _check_keys(f"{where}.", table, tuple(item.name for item in fields(Duck)), ())
    duck = Duck(**{key: _number(f"{where}.{key}", table[key], _DUCK_RANGES[key]) for key in _DUCK_RANGES})
    if duck.deepest < duck.depth:
        raise InvalidInput(
            "mix.preset_duck_order",
            "{field} is {value:g}, less than depth ({depth:g}). Make it as large or larger.",
            field=f"{where}.deepest",
            value=duck.deepest,
            depth=duck.depth,
        )
    return duck


def _table(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput("mix.preset_not_a_table", "{field} must be a table, as [{field}].", field=where)
    return value


def _check_keys(where: str, table: Mapping[str, Any], needed: tuple[str, ...], optional: tuple[str, ...]) -> None:
    known = (*needed, *optional)
    for key in table:
        if key not in known:
            raise InvalidInput(
                "mix.preset_unknown_key",
                "Unknown key: {field}. Known are {known}.",
                field=f"{where}{key}",
                known=", ".join(known),
            )
    for key in needed:
        if key not in table:
            raise InvalidInput("mix.preset_missing_key", "{field} is missing. Add it.", field=f"{where}{key}")


def _number(where: str, value: Any, limits: tuple[float, float]) -> float:
    low, high = limits
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidInput(
            "mix.preset_number",
            "{field} must be a number from {low:g} to {high:g}, not {value!r}.",
            field=where,
            low=low,
            high=high,
            value=value,
        )
    return float(value)


def _text(where: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput("mix.preset_text", "{field} must be text, not {value!r}.", field=where, value=value)
    return value
