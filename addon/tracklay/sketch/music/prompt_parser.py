"""Reads what a person wants of a piece of music out of a prompt, a negative prompt and parameters."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..prompt_matcher import match_prompt
from .harmony import KEYS, MODES
from .instruments import INSTRUMENTS, InstrumentRole
from .styles import STYLES, Style
from .vocabulary import (
    ENSEMBLES,
    INSTRUMENT_FAMILIES,
    INSTRUMENT_STYLES,
    MOODS,
    TEMPO_FACTORS,
    TEMPO_TERMS,
    VOCABULARY,
    Mood,
)

Parameters = Mapping[str, float | int | str | bool]

MIN_TEMPO, MAX_TEMPO = 40.0, 220.0
"""Beats a minute that are taken as given; what lies outside is brought to the nearest."""

_STEM_BY_ROLE: Mapping[InstrumentRole, str] = {"comp": "chords", "pad": "chords", "lead": "melody", "bass": "bass"}
"""The stem that each role is heard in."""
_FALLBACK_INSTRUMENTS: Mapping[str, tuple[str, ...]] = {
    "comp": ("electric piano", "vibraphone", "harp"),
    "lead": ("flute", "vibraphone", "bells"),
    "bass": ("upright bass", "synth bass", "low strings"),
}
"""Who steps in when all of a style's own players are refused."""
_TEMPO_PATTERN = re.compile(
    r"\b(\d{2,3}(?:\.\d+)?)[\s-]*(?:bpm|beats\s+(?:per|a)\s+minute)\b|\b(?:tempo|bpm)\s*(?:of|:|=)?\s*(\d{2,3}(?:\.\d+)?)\b",
    re.IGNORECASE,
)
_NOTE_PATTERN = r"(?P<{0}>[A-Ga-g])(?P<{0}_sign>#|♯|♭|b(?![a-z])|[\s-]?sharp\b|[\s-]?flat\b)?"
_KEY_PATTERNS = (
    re.compile(
        r"(?:\b(?:in|key\s+of|key:?)\s+)"
        + _NOTE_PATTERN.format("note")
        + r"(?:[\s-]*(?P<mode>"
        + "|".join(MODES)
        + r"|m)\b|(?=\s*(?:[,.;]|$)))"
    ),
    re.compile(r"\b(?![a])" + _NOTE_PATTERN.format("note") + r"[\s-]*(?P<mode>" + "|".join(MODES) + r")\b"),
)
_NATURAL_PITCH_CLASSES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ONLY_PATTERN = re.compile(r"\bonly\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MusicRequest:
    """What is wanted.

    `tempo` (beats a minute) and `key` (pitch class) are None where nothing was said; `is_exact_tempo` says that the tempo was a
    number. `tempo_factor` is a factor on the style's own tempo, `instruments` the instrument of each role that is to be heard.
    """

    tempo: float | None
    is_exact_tempo: bool
    tempo_factor: float
    key: int | None
    mode: str
    style: str
    moods: tuple[str, ...]
    energy: float
    instruments: Mapping[str, str]
    percussion: bool
    unknown_words: tuple[str, ...]


def parse_prompt(prompt: str, negative: str, params: Parameters) -> MusicRequest:
    """Read all three; a parameter that is set goes before a word, a refusal before a wish.

    Raises:
        ValueError: a choice that does not exist.
    """
    text, spoken = _extract_tempo(prompt)
    text, key, keyed = _extract_key(text)
    reading, against = match_prompt(text, VOCABULARY), match_prompt(negative, VOCABULARY)
    refused: dict[str, set[str]] = {}
    for found in (reading.negated, against.matched, against.negated):
        for category, words in found.items():
            refused.setdefault(category, set()).update(words)

    def accepted_words(category: str) -> tuple[str, ...]:
        return tuple(word for word in reading.matched.get(category, ()) if word not in refused.get(category, ()))

    moods, named, pace = accepted_words("mood"), accepted_words("instrument"), accepted_words("pace")
    feelings = [MOODS[mood] for mood in moods]
    style_name = _chosen_value(params, "style", STYLES) or _choose_style(
        accepted_words("style"), feelings, named, refused.get("style", set())
    )
    style = STYLES[style_name]
    energy = (
        style.energy
        + sum(feeling.energy for feeling in feelings)
        + sum(0.4 * (TEMPO_FACTORS[word] - 1) for word in pace)
    )
    energy += float(params.get("energy", 0.5)) - 0.5
    told = float(params.get("tempo", 0)) or spoken
    tempo = told or next((TEMPO_TERMS[word] for word in accepted_words("tempo")), None)
    factor = 1.0
    for feeling in feelings:
        factor *= feeling.tempo_factor
    for word in pace:
        factor *= TEMPO_FACTORS[word]
    chosen = _chosen_value(params, "key", KEYS)
    felt = next((feeling.mode for feeling in feelings if feeling.mode), None)
    silent = refused.get("part", set())
    away = refused.get("instrument", set())
    away = away.union(*(INSTRUMENT_FAMILIES.get(word, ()) for word in away))
    alone = bool(named) and bool(accepted_words("alone") or _ONLY_PATTERN.search(prompt))
    return MusicRequest(
        tempo=None if tempo is None else max(MIN_TEMPO, min(MAX_TEMPO, tempo)),
        is_exact_tempo=bool(told),
        tempo_factor=max(0.7, min(1.4, factor)),
        key=KEYS.index(chosen) if chosen else key,
        mode=_chosen_value(params, "mode", MODES)
        or keyed
        or next(iter(accepted_words("mode")), None)
        or felt
        or style.mode,
        style=style_name,
        moods=moods,
        energy=max(0.0, min(1.0, energy)),
        instruments=_choose_instruments(style, named, away, silent, is_solo=alone),
        percussion=any(style.drums)
        and "percussion" not in silent
        and (not alone or "percussion" in accepted_words("part")),
        unknown_words=reading.unknown,
    )


def _chosen_value(params: Parameters, name: str, choices: Collection[str]) -> str | None:
    value = str(params.get(name, "auto"))
    if value == "auto":
        return None
    if value not in choices:
        raise ValueError(f"{name} must be auto or one of {', '.join(choices)}; not {value!r}")
    return value


def _extract_tempo(prompt: str) -> tuple[str, float | None]:
    """The prompt without its first tempo in numbers, and that tempo."""
    match = _TEMPO_PATTERN.search(prompt)
    if match is None:
        return prompt, None
    return prompt[: match.start()] + " " + prompt[match.end() :], float(match[1] or match[2])


def _extract_key(prompt: str) -> tuple[str, int | None, str | None]:
    """The prompt without its first key ("in C minor", "F# major", "key of D"), that key, and its mode if said."""
    for pattern in _KEY_PATTERNS:
        match = pattern.search(prompt)
        if match is None:
            continue
        sign = (match["note_sign"] or "").strip(" -")
        shift = 1 if sign in ("#", "♯", "sharp") else -1 if sign else 0
        mode = {"m": "minor"}.get(match["mode"] or "", match["mode"])
        return (
            prompt[: match.start()] + " " + prompt[match.end() :],
            (_NATURAL_PITCH_CLASSES[match["note"].lower()] + shift) % 12,
            mode,
        )
    return prompt, None, None


def _choose_style(
    named_styles: Sequence[str],
    moods: Sequence[Mood],
    named_instruments: Sequence[str],
    refused_styles: Collection[str],
) -> str:
    """The style that is named, else the first mood's, else the first instrument's, else a film score's."""
    hints = (
        *named_styles,
        *(feeling.style for feeling in moods),
        *(INSTRUMENT_STYLES[name] for name in named_instruments if name in INSTRUMENT_STYLES),
        "cinematic",
        "classical",
    )
    return next(style for style in hints if style not in refused_styles or style == "classical")


def _choose_instruments(
    style: Style,
    named_instruments: Sequence[str],
    refused_instruments: Collection[str],
    refused_parts: Collection[str],
    *,
    is_solo: bool,
) -> dict[str, str]:
    """Who plays what: named instruments first, each in one role while there are others.

    Where none of them fits, the style's own play, unless the named are to play `is_solo`.
    """
    asked = [
        player
        for name in named_instruments
        for player in ENSEMBLES.get(name, (name,))
        if player not in refused_instruments
    ]
    open_roles = [role for role, stem in _STEM_BY_ROLE.items() if stem not in refused_parts]
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
        soloists = [player for player in able if is_solo or (role == "lead" and "comp" in INSTRUMENTS[player].roles)]
        usual = [
            player
            for player in (*style.instruments[role], *_FALLBACK_INSTRUMENTS.get(role, ()))
            if player not in refused_instruments
        ]
        for player in (*soloists, *([] if is_solo else usual)):
            players.setdefault(role, player)
    return players
