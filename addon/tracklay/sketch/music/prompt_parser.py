"""Interprets a prompt, a negative prompt and parameters as a request for a piece of music."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from .. import parameters
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

if TYPE_CHECKING:
    from .form import Arc

MODEL = "sketch/music"
Parameters = Mapping[str, float | int | str | bool]

MIN_TEMPO, MAX_TEMPO = 40.0, 220.0
"""Range of the tempo in beats per minute; a tempo outside is clamped."""

_STEM_BY_ROLE: Mapping[InstrumentRole, str] = {"comp": "chords", "pad": "chords", "lead": "melody", "bass": "bass"}
"""Stem of each role."""
_FALLBACK_INSTRUMENTS: Mapping[str, tuple[str, ...]] = {
    "comp": ("electric piano", "vibraphone", "harp"),
    "lead": ("flute", "vibraphone", "bells"),
    "bass": ("upright bass", "synth bass", "low strings"),
}
"""Instruments for a role when all of the style's own are excluded."""
_TEMPO_PATTERN = re.compile(
    r"\b(\d{2,3}(?:\.\d+)?)[\s-]*(?:bpm|beats\s+(?:per|a)\s+minute)\b|\b(?:tempo|bpm)\s*(?:of|:|=)?\s*(\d{2,3}(?:\.\d+)?)\b",
    re.IGNORECASE,
)
_NOTE_PATTERN = r"(?P<{0}>[A-Ga-g])(?P<{0}_sign>#|♯|♭|b(?![a-z])|[\s-]?sharp\b|[\s-]?flat\b)?"
# The first pattern needs "in" or "key of" before the note ("in C minor", "key of D"), the second a mode after it ("F# minor").
# In the second, a lower-case "a" is an article and not a note ("a minor chase").
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
    """The interpretation of a prompt and its parameters.

    Attributes:
        tempo: beats per minute, or None when the request has none.
        is_exact_tempo: the tempo was given as a number.
        tempo_factor: factor on the style's own tempo.
        key: tonic as a pitch class, or None when the request has none.
        mode: one of `harmony.MODES`.
        style: one of `styles.STYLES`.
        moods: moods of the prompt.
        energy: 0 to 1.
        instruments: instrument of each role; a missing role is silent.
        percussion: drums play.
        arc: course of the piece.
        sparse: few notes.
        unknown_words: words of the prompt without a meaning here.
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
    arc: Arc
    sparse: bool
    unknown_words: tuple[str, ...]


def parse_prompt(prompt: str, negative: str, params: Parameters, seed: int = 0) -> MusicRequest:
    """Return the request. A parameter that is set overrides the prompt; an exclusion overrides an inclusion.

    `seed` chooses among the instruments of the style, where the prompt names none.

    Raises:
        InvalidInput: a parameter has a value that is not among its choices.
    """
    # Tempo and key first: their notes and numbers would be unknown words, and "minor" a mode without a key.
    text, prompt_tempo = _extract_tempo(prompt)
    text, key, key_mode = _extract_key(text)
    positive, excluded = match_prompt(text, VOCABULARY), match_prompt(negative, VOCABULARY)
    refused: dict[str, set[str]] = {}
    # A negated word of the negative prompt counts too: "no drums" there still means no drums.
    for found in (positive.negated, excluded.matched, excluded.negated):
        for category, words in found.items():
            refused.setdefault(category, set()).update(words)

    def accepted_words(category: str) -> tuple[str, ...]:
        return tuple(word for word in positive.matched.get(category, ()) if word not in refused.get(category, ()))

    moods, named_instruments, pace = accepted_words("mood"), accepted_words("instrument"), accepted_words("pace")
    mood_settings = [MOODS[mood] for mood in moods]
    style_name = _chosen_value(params, "style", STYLES) or _choose_style(
        accepted_words("style"), mood_settings, named_instruments, refused.get("style", set())
    )
    style = STYLES[style_name]
    energy = (
        style.energy
        + _combine([mood.energy for mood in mood_settings])
        + sum(0.4 * (TEMPO_FACTORS[word] - 1) for word in pace)
    )
    energy += float(params.get("energy", 0.5)) - 0.5
    exact_tempo = float(params.get("tempo", 0)) or prompt_tempo
    tempo = exact_tempo or next((TEMPO_TERMS[word] for word in accepted_words("tempo")), None)
    factor = math.exp(_combine([math.log(mood.tempo_factor) for mood in mood_settings]))
    for word in pace:
        factor *= TEMPO_FACTORS[word]
    key_param = _chosen_value(params, "key", KEYS)
    # `max` returns the first of equals: the prompt's order decides between moods of one weight.
    mood_mode = max(mood_settings, key=lambda mood: mood.mode_weight).mode if mood_settings else None
    refused_parts = refused.get("part", set())
    refused_instruments = refused.get("instrument", set())
    refused_instruments = refused_instruments.union(
        *(INSTRUMENT_FAMILIES.get(word, ()) for word in refused_instruments)
    )
    is_solo = bool(named_instruments) and bool(accepted_words("alone") or _ONLY_PATTERN.search(prompt))
    return MusicRequest(
        tempo=None if tempo is None else max(MIN_TEMPO, min(MAX_TEMPO, tempo)),
        is_exact_tempo=bool(exact_tempo),
        # Several moods multiply: without bounds a style would lose its character.
        tempo_factor=max(0.7, min(1.4, factor)),
        key=KEYS.index(key_param) if key_param else key,
        mode=_chosen_value(params, "mode", MODES)
        or key_mode
        or next(iter(accepted_words("mode")), None)
        or mood_mode
        or style.mode,
        style=style_name,
        moods=moods,
        energy=max(0.0, min(1.0, energy)),
        instruments=_choose_instruments(
            style, named_instruments, refused_instruments, refused_parts, is_solo=is_solo, seed=seed
        ),
        percussion=style.groove != "none"
        and "percussion" not in refused_parts
        and (not is_solo or "percussion" in accepted_words("part")),
        arc=cast("Arc", next(iter(accepted_words("arc")), "steady")),
        sparse=bool(accepted_words("density")),
        unknown_words=positive.unknown,
    )


def find_prompt_tempo(prompt: str) -> tuple[float | None, float]:
    """Return the tempo that a prompt states as a number, None if it states none, and the one that is usual for such music."""
    request = parse_prompt(prompt, "", {})
    low, high = STYLES[request.style].tempo_range
    usual = request.tempo or (low + high) / 2 * request.tempo_factor
    return request.tempo if request.is_exact_tempo else None, usual


def _combine(effects: Sequence[float]) -> float:
    """Return the joint effect of several moods: that of the strongest, and half of the others.

    Two moods that agree go further than one, and still not to the end of the scale.
    """
    if not effects:
        return 0.0
    strongest = max(effects, key=abs)
    return strongest + 0.5 * (sum(effects) - strongest)


def _chosen_value(params: Parameters, name: str, choices: Collection[str]) -> str | None:
    value = str(params.get(name, "auto"))
    if value == "auto":
        return None
    return parameters.check_choice(MODEL, name, value, ("auto", *choices))


def _extract_tempo(prompt: str) -> tuple[str, float | None]:
    """Return the prompt without its first tempo in numbers, and that tempo."""
    match = _TEMPO_PATTERN.search(prompt)
    if match is None:
        return prompt, None
    return prompt[: match.start()] + " " + prompt[match.end() :], float(match[1] or match[2])


def _extract_key(prompt: str) -> tuple[str, int | None, str | None]:
    """Return the prompt without its first key ("in C minor", "F# major", "key of D"), that key, and its mode if it has one."""
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
    """Return the style that is named, else that of the first mood, of the first instrument, or a film score."""
    candidates = (
        *named_styles,
        *(mood.style for mood in moods),
        *(INSTRUMENT_STYLES[name] for name in named_instruments if name in INSTRUMENT_STYLES),
        "cinematic",
        "classical",  # the last resort, even when it is excluded: a piece needs a style
    )
    return next(style for style in candidates if style not in refused_styles or style == "classical")


def _choose_instruments(
    style: Style,
    named_instruments: Sequence[str],
    refused_instruments: Collection[str],
    refused_parts: Collection[str],
    *,
    is_solo: bool,
    seed: int,
) -> dict[str, str]:
    """Return the instrument of each role: the named instruments first, each in one role while others are available.

    The style's own instruments fill the remaining roles in an order that the seed shuffles, unless the named instruments
    play solo.
    """
    requested = [
        instrument
        for name in named_instruments
        for instrument in ENSEMBLES.get(name, (name,))
        if instrument not in refused_instruments
    ]
    open_roles = [role for role, stem in _STEM_BY_ROLE.items() if stem not in refused_parts]
    assigned: dict[str, str] = {}
    for instrument in requested:  # first pass: each in its best role
        best = INSTRUMENTS[instrument].roles[0]
        if best in open_roles:
            assigned.setdefault(best, instrument)
    for instrument in requested:  # second pass: those whose best role is taken, in another one
        if instrument not in assigned.values():
            free = [role for role in INSTRUMENTS[instrument].roles if role in open_roles and role not in assigned]
            assigned.update(dict.fromkeys(free[:1], instrument))
    rng = random.Random(f"{seed}/instruments")  # noqa: S311  not used for security
    for role in open_roles:
        own = rng.sample(style.instruments[role], len(style.instruments[role]))
        able = [instrument for instrument in requested if role in INSTRUMENTS[instrument].roles]
        # A chord instrument that is named also plays the melody: in "piano and strings" the piano has both.
        soloists = [
            instrument for instrument in able if is_solo or (role == "lead" and "comp" in INSTRUMENTS[instrument].roles)
        ]
        usual = [
            instrument
            for instrument in (*own, *_FALLBACK_INSTRUMENTS.get(role, ()))
            if instrument not in refused_instruments
        ]
        for instrument in (*soloists, *([] if is_solo else usual)):
            assigned.setdefault(role, instrument)
    return assigned
