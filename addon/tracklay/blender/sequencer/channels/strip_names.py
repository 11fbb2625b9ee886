"""Names of takes' strips: what is heard, and which kind of sound it is: `Door · foley 2`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ...settings import catalogue
from .by_kind import AMBIENCE, EFFECTS, FOLEY, MUSIC

if TYPE_CHECKING:
    from ..cue_index import CueRequest

MAX_SUBJECT_LENGTH = 28
"""Characters of what is heard. A strip's name has 63 bytes."""

_TASK_KINDS = {"foley": FOLEY, "effect": EFFECTS, "music": MUSIC}

_KIND_WORDS = {FOLEY: "foley", EFFECTS: "effect", MUSIC: "music", AMBIENCE: "ambience"}

_AMBIENCE_PROMPT = re.compile(
    r"\b(ambien[ct]e|ambient|atmos?|atmosphere|room ?tones?|background (sound|noise)s?)\b", re.IGNORECASE
)
"""Words of a prompt for a bed of sound, not for single events."""

_FILE_SUFFIX = re.compile(r"\.[A-Za-z]\w{1,3}(?= - |$)")
"""The suffix of a file in a strip's name, and not Blender's number, as in `A001.mov` and `A001.001`."""


def kind_of(request: CueRequest) -> str:
    """Return the kind of sound of a request: its model's task, and ambience if the prompt asks for it."""
    model = catalogue.MODELS.get(request.model)
    kind = _TASK_KINDS.get(model.task if model else "", FOLEY)
    return AMBIENCE if kind != MUSIC and _AMBIENCE_PROMPT.search(request.prompt) else kind


def base_name(request: CueRequest) -> str:
    """Return the name of a request's strips without a number."""
    heard = re.split(r"[,;.\n]", request.prompt.strip(), maxsplit=1)[0].strip()
    subject = heard or _FILE_SUFFIX.sub("", request.label)
    if len(subject) > MAX_SUBJECT_LENGTH:
        subject = subject[: MAX_SUBJECT_LENGTH - 1].rstrip() + "…"
    return f"{subject[:1].upper()}{subject[1:]} · {_KIND_WORDS[kind_of(request)]}"


class StripNames:
    """Gives out names that no strip of a scene has: the number is the first free one, so that Blender appends none of its own."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._taken: set[str] | None = None

    def new_name(self, request: CueRequest) -> str:
        """Return a new name for a take of a request, and remember it."""
        if self._taken is None:
            self._taken = {strip.name for strip in self._scene.sequence_editor.strips_all}
        base, number = base_name(request), 1
        while (name := f"{base} {number}") in self._taken:
            number += 1
        self._taken.add(name)
        return name
