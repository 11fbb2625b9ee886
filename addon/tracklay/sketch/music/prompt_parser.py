"""Reads what a person wants of a piece of music out of a prompt, a negative prompt and parameters."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..prompt_matcher import read
from .harmony import KEYS, MODES
from .instruments import INSTRUMENTS, Role
from .styles import STYLES, Style
from .vocabulary import FAMILIES, MOODS, PACES, SETS, STYLE_OF, TEMPOS, VOCABULARY, Mood

Parameters = Mapping[str, float | int | str | bool]

SLOWEST, FASTEST = 40.0, 220.0
"""Beats a minute that are taken as given; what lies outside is brought to the nearest."""

_ROLES: Mapping[Role, str] = {"comp": "chords", "pad": "chords", "lead": "melody", "bass": "bass"}
"""The stem that each role is heard in."""
_SPARE: Mapping[str, tuple[str, ...]] = {
    "comp": ("electric piano", "vibraphone", "harp"),
    "lead": ("flute", "vibraphone", "bells"),
    "bass": ("upright bass", "synth bass", "low strings"),
}
"""Who steps in when all of a style's own players are refused."""
_TEMPO = re.compile(
    r"\b(\d{2,3}(?:\.\d+)?)[\s-]*(?:bpm|beats\s+(?:per|a)\s+minute)\b|\b(?:tempo|bpm)\s*(?:of|:|=)?\s*(\d{2,3}(?:\.\d+)?)\b",
    re.IGNORECASE,
)
_NOTE = r"(?P<{0}>[A-Ga-g])(?P<{0}_sign>#|♯|♭|b(?![a-z])|[\s-]?sharp\b|[\s-]?flat\b)?"
_KEYS = (
    re.compile(
        r"(?:\b(?:in|key\s+of|key:?)\s+)"
        + _NOTE.format("note")
        + r"(?:[\s-]*(?P<mode>"
        + "|".join(MODES)
        + r"|m)\b|(?=\s*(?:[,.;]|$)))"
    ),
    re.compile(r"\b(?![a])" + _NOTE.format("note") + r"[\s-]*(?P<mode>" + "|".join(MODES) + r")\b"),
)
_NATURALS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ONLY = re.compile(r"\bonly\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted.

    `tempo` (beats a minute) and `key` (pitch class) are None where nothing was said; `exact` says that the tempo was a
    number. `pace` is a factor on the style's own tempo, `players` the instrument of each role that is to be heard.
    """

    tempo: float | None
    exact: bool
    pace: float
    key: int | None
    mode: str
    style: str
    moods: tuple[str, ...]
    energy: float
    players: Mapping[str, str]
    percussion: bool
    unknown: tuple[str, ...]


def wish(prompt: str, negative: str, params: Parameters) -> Wish:
    """Read all three; a parameter that is set goes before a word, a refusal before a wish.

    Raises:
        ValueError: a choice that does not exist.
    """
    text, spoken = _tempo(prompt)
    text, key, keyed = _key(text)
    reading, against = read(text, VOCABULARY), read(negative, VOCABULARY)
    refused: dict[str, set[str]] = {}
    for found in (reading.refused, against.understood, against.refused):
        for category, words in found.items():
            refused.setdefault(category, set()).update(words)

    def wanted(category: str) -> tuple[str, ...]:
        return tuple(word for word in reading.understood.get(category, ()) if word not in refused.get(category, ()))

    moods, named, pace = wanted("mood"), wanted("instrument"), wanted("pace")
    feelings = [MOODS[mood] for mood in moods]
    style_name = _choice(params, "style", STYLES) or _style(
        wanted("style"), feelings, named, refused.get("style", set())
    )
    style = STYLES[style_name]
    energy = style.energy + sum(feeling.energy for feeling in feelings) + sum(0.4 * (PACES[word] - 1) for word in pace)
    energy += float(params.get("energy", 0.5)) - 0.5
    told = float(params.get("tempo", 0)) or spoken
    tempo = told or next((TEMPOS[word] for word in wanted("tempo")), None)
    factor = 1.0
    for feeling in feelings:
        factor *= feeling.pace
    for word in pace:
        factor *= PACES[word]
    chosen = _choice(params, "key", KEYS)
    felt = next((feeling.mode for feeling in feelings if feeling.mode), None)
    silent = refused.get("part", set())
    away = refused.get("instrument", set())
    away = away.union(*(FAMILIES.get(word, ()) for word in away))
    alone = bool(named) and bool(wanted("alone") or _ONLY.search(prompt))
    return Wish(
        tempo=None if tempo is None else max(SLOWEST, min(FASTEST, tempo)),
        exact=bool(told),
        pace=max(0.7, min(1.4, factor)),
        key=KEYS.index(chosen) if chosen else key,
        mode=_choice(params, "mode", MODES) or keyed or next(iter(wanted("mode")), None) or felt or style.mode,
        style=style_name,
        moods=moods,
        energy=max(0.0, min(1.0, energy)),
        players=_players(style, named, away, silent, alone=alone),
        percussion=any(style.drums) and "percussion" not in silent and (not alone or "percussion" in wanted("part")),
        unknown=reading.unknown,
    )


def _choice(params: Parameters, name: str, choices: Collection[str]) -> str | None:
    value = str(params.get(name, "auto"))
    if value == "auto":
        return None
    if value not in choices:
        raise ValueError(f"{name} must be auto or one of {', '.join(choices)}; not {value!r}")
    return value


def _tempo(prompt: str) -> tuple[str, float | None]:
    """The prompt without its first tempo in numbers, and that tempo."""
    match = _TEMPO.search(prompt)
    if match is None:
        return prompt, None
    return prompt[: match.start()] + " " + prompt[match.end() :], float(match[1] or match[2])


def _key(prompt: str) -> tuple[str, int | None, str | None]:
    """The prompt without its first key ("in C minor", "F# major", "key of D"), that key, and its mode if said."""
    for pattern in _KEYS:
        match = pattern.search(prompt)
        if match is None:
            continue
        sign = (match["note_sign"] or "").strip(" -")
        shift = 1 if sign in ("#", "♯", "sharp") else -1 if sign else 0
        mode = {"m": "minor"}.get(match["mode"] or "", match["mode"])
        return (
            prompt[: match.start()] + " " + prompt[match.end() :],
            (_NATURALS[match["note"].lower()] + shift) % 12,
            mode,
        )
    return prompt, None, None


def _style(said: Sequence[str], feelings: Sequence[Mood], named: Sequence[str], refused: Collection[str]) -> str:
    """The style that is named, else the first mood's, else the first instrument's, else a film score's."""
    hints = (
        *said,
        *(feeling.style for feeling in feelings),
        *(STYLE_OF[name] for name in named if name in STYLE_OF),
        "cinematic",
        "classical",
    )
    return next(style for style in hints if style not in refused or style == "classical")


def _players(
    style: Style, named: Sequence[str], away: Collection[str], silent: Collection[str], *, alone: bool
) -> dict[str, str]:
    """Who plays what: named instruments first, each in one role while there are others.

    Where none of them fits, the style's own play, unless the named are to play `alone`.
    """
    asked = [player for name in named for player in SETS.get(name, (name,)) if player not in away]
    open_roles = [role for role, stem in _ROLES.items() if stem not in silent]
    players: dict[str, str] = {}
    for player in asked:  # each in what it does best
        best = INSTRUMENTS[player].roles[0]
        if best in open_roles:
            players.setdefault(best, player)
    for player in asked:  # those that found their place taken in another
        if player not in players.values():
            free = [role for role in INSTRUMENTS[player].roles if role in open_roles and role not in players]
            players.update(dict.fromkeys(free[:1], player))
    for role in open_roles:
        able = [player for player in asked if role in INSTRUMENTS[player].roles]
        soloists = [player for player in able if alone or (role == "lead" and "comp" in INSTRUMENTS[player].roles)]
        usual = [player for player in (*style.players[role], *_SPARE.get(role, ())) if player not in away]
        for player in (*soloists, *([] if alone else usual)):
            players.setdefault(role, player)
    return players
