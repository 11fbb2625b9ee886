"""The kinds of sounds in a mix, and how the kind of a sound is found from its model's task and from names."""

from __future__ import annotations

import re
from typing import Literal, get_args

from ..errors import InvalidInput

Kind = Literal["dialogue", "music", "effects", "ambience"]
"""`dialogue` is the anchor of all levels; `effects` are foley and spot effects, `ambience` beds and room tones."""

KINDS: tuple[Kind, ...] = get_args(Kind)

KindOrigin = Literal["set", "name", "model", "speech", "music", "length"]
"""How a kind was found: set by the user, by the name of its track or file, by its model's task, because someone speaks or music plays
in it, or only by its length."""

_KIND_OF_TASK: dict[str, Kind] = {"foley": "effects", "effect": "effects", "music": "music"}

_KIND_WORDS: dict[Kind, str] = {
    "dialogue": "dialogue dialog dialogues dialogs dialoge dx dia dlg voice voices voiceover vo vox narration narrator speech speaker"
    " interview adr boom lav lavalier sprache sprecher stimme stimmen kommentar",
    "music": "music mx mus muz score song songs theme soundtrack bgm jingle musik filmmusik lied",
    "effects": "effects effect fx sfx efx foley spot hits impacts footsteps whoosh effekte effekt geräusch geräusche",
    "ambience": "ambience ambiences ambient amb ambi atmos atmo atmosphere background bg bgs roomtone wildtrack atmosphäre",
}
_KIND_OF_WORD = {word: kind for kind, words in _KIND_WORDS.items() for word in words.split()}

_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ROOM_TONE = re.compile(r"room[ _-]?tone|raumton", re.IGNORECASE)


def kind_of_task(task: str) -> Kind | None:
    """Return the kind of the takes of a model with this task; None if the task is none."""
    return _KIND_OF_TASK.get(task)


def kind_of_name(name: str) -> Kind | None:
    """Return the kind that the name of a track, a strip or a file says (`DX 1`, `Music`, `amb_street.wav`); None if it says none.

    If several words say one, the first decides.
    """
    if _ROOM_TONE.search(name):
        return "ambience"
    for word in _WORD.findall(_CAMEL.sub(" ", name)):
        if kind := _KIND_OF_WORD.get(word.lower()):
            return kind
    return None


def parse_kind(text: str) -> Kind:
    """Return the kind that a user names.

    Raises:
        InvalidInput: it is none.
    """
    for kind in KINDS:
        if text.strip().lower() == kind:
            return kind
    raise InvalidInput(
        "mix.unknown_kind", "Unknown kind of sound: {kind}. Use one of: {kinds}.", kind=text, kinds=", ".join(KINDS)
    )
