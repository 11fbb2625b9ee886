"""The offline engine's composer: a prompt and a number of samples in, a piece of exactly that length out, as stems.

The prompt is read in `wishes`, the span filled in `form`, the parts written in `parts` after the patterns in `styles`,
and made to sound in `mixing`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from .arranger import STEMS, Band, Note, Span, write
from .form import RATE, Form, fit
from .harmony import KEYS
from .mixer import Stems, mix
from .prompt_parser import FASTEST, SLOWEST, Parameters, Wish, wish
from .styles import STYLES

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAN_EXACT, _LEAN = 0.02, 0.06  # share by which the tempo may leave the wanted one: a number was said, or none
_QUIET_DB, _LOUD_DB = -23.0, -14.5  # RMS at energy 0 and 1, dBFS
_FRIENDLY_KEYS = (0, 2, 3, 4, 5, 7, 9, 10)
_NO_PARAMETERS: Parameters = {}


class Understood(TypedDict):
    """What was made of a prompt: `tempo` in beats a minute, `instruments` by role, `unknown` the words that said nothing."""

    tempo: float
    key: str
    mode: str
    style: str
    mood: list[str]
    energy: float
    instruments: dict[str, str]
    sections: list[str]
    unknown: list[str]


@dataclass(frozen=True, slots=True)
class Piece:
    """A planned piece.

    `wish` is what was asked, `form` its frame, `key` its tonic (pitch class), `chords` and `notes` what is played.
    """

    wish: Wish
    form: Form
    key: int
    chords: tuple[Span, ...]
    notes: tuple[Note, ...]
    seed: int

    @property
    def stems(self) -> tuple[str, ...]:
        """Every stem's name; a stem that nobody plays is silent, not missing."""
        return STEMS

    @property
    def understood(self) -> Understood:
        """What was made of the prompt, as plain values for a manifest."""
        wanted = self.wish
        instruments = dict(wanted.players)
        if wanted.percussion:
            instruments["percussion"] = STYLES[wanted.style].kit
        return {
            "tempo": round(self.form.tempo, 3),
            "key": KEYS[self.key],
            "mode": wanted.mode,
            "style": wanted.style,
            "mood": list(wanted.moods),
            "energy": round(wanted.energy, 3),
            "instruments": instruments,
            "sections": [f"{section.name} {section.bars}" for section in self.form.sections],
            "unknown": list(wanted.unknown),
        }

    def render(self, block: int = RATE) -> Iterator[Stems]:
        """The sound, block by block: each stem (n, 2) float32 at 48 kHz, n being `block` except in the last.

        The plain sum of the stems is the mix; it stays below -1 dBFS. Memory does not grow with the length. The same
        piece gives the same samples, whatever the block.

        Raises:
            ValueError: a block below one sample.
        """
        if block < 1:
            raise ValueError(f"a block has at least one sample, not {block}")
        style = STYLES[self.wish.style]
        hops = mix(
            self.notes,
            self.form.samples,
            final=self.form.at(self.form.final),
            bar=max(1, self.form.at(self.form.bar)),
            loudness=_QUIET_DB + (_LOUD_DB - _QUIET_DB) * self.wish.energy,
            hall=style.hall,
            room=style.room,
            seed=self.seed,
        )
        return _blocks(hops, block)


def compose(
    prompt: str, samples: int, *, negative: str = "", seed: int = 0, params: Parameters = _NO_PARAMETERS
) -> Piece:
    """Plan a piece of exactly `samples` samples (48 kHz); no sound is made yet.

    `params`: `tempo` (beats a minute, 0: as the prompt says), `key` (auto, C, C# …), `mode` (auto, major, minor …),
    `style` (auto or a name in STYLES), `energy` (0 to 1, 0.5: as the prompt says).

    Raises:
        ValueError: a length below one sample, or a choice that does not exist.
    """
    if samples < 1:
        raise ValueError(f"a piece has at least one sample, not {samples}")
    seed = abs(seed)
    wanted = wish(prompt, negative, params)
    style = STYLES[wanted.style]
    chance = random.Random(f"{seed}/{wanted.style}")  # noqa: S311  music, no secret
    key = chance.choice(_FRIENDLY_KEYS) if wanted.key is None else wanted.key
    low, high = style.tempo
    usual = (low + (high - low) * (0.3 + 0.4 * chance.random())) * wanted.pace
    tempo = max(SLOWEST, min(FASTEST, usual)) if wanted.tempo is None else wanted.tempo
    form = fit(samples, tempo, style.beats, _LEAN_EXACT if wanted.exact else _LEAN)
    band = Band(form, style, key, wanted.mode, wanted.players, wanted.percussion, wanted.energy, seed)
    chords, notes = write(band)
    return Piece(wanted, form, key, chords, notes, seed)


def _blocks(hops: Iterator[Stems], block: int) -> Iterator[Stems]:
    """The same samples in blocks of another size."""
    kept = {name: np.zeros((0, 2), dtype=np.float32) for name in STEMS}
    for hop in hops:
        kept = {name: np.concatenate((kept[name], hop[name])) for name in STEMS}
        count = len(kept[STEMS[0]])
        for at in range(0, count - count % block, block):
            yield {name: kept[name][at : at + block] for name in STEMS}
        kept = {name: kept[name][count - count % block :] for name in STEMS}
    if len(kept[STEMS[0]]):
        yield kept
