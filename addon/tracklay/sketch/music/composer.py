"""The offline engine's composer: a prompt and a number of samples in, a piece of exactly that length out, as stems.

The prompt is read in `wishes`, the span filled in `form`, the parts written in `parts` after the patterns in `styles`,
and made to sound in `mixing`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from .arranger import STEM_NAMES, Arrangement, ChordSpan, Note, write_parts
from .form import SAMPLE_RATE, Form, fit_form
from .harmony import KEYS
from .mixer import Stems, mix_stems
from .prompt_parser import MAX_TEMPO, MIN_TEMPO, MusicRequest, Parameters, parse_prompt
from .styles import STYLES

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXACT_TEMPO_TOLERANCE, _TEMPO_TOLERANCE = (
    0.02,
    0.06,
)  # share by which the tempo may leave the wanted one: a number was said, or none
_QUIET_DB, _LOUD_DB = -23.0, -14.5  # RMS at energy 0 and 1, dBFS
_FRIENDLY_KEYS = (0, 2, 3, 4, 5, 7, 9, 10)
_NO_PARAMETERS: Parameters = {}


class PromptSummary(TypedDict):
    """What was made of a prompt: `tempo_range` in beats a minute, `instruments` by role, `unknown_words` the words that said nothing."""

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
class Composition:
    """A planned piece.

    `request` is what was asked, `form` its frame, `key` its tonic (pitch class), `chords` and `notes` what is played.
    """

    request: MusicRequest
    form: Form
    key: int
    chords: tuple[ChordSpan, ...]
    notes: tuple[Note, ...]
    seed: int

    @property
    def stem_names(self) -> tuple[str, ...]:
        """Every stem's name; a stem that nobody plays is silent, not missing."""
        return STEM_NAMES

    @property
    def prompt_summary(self) -> PromptSummary:
        """What was made of the prompt, as plain values for a manifest."""
        wanted = self.request
        instruments = dict(wanted.instruments)
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
            "unknown": list(wanted.unknown_words),
        }

    def render(self, block_samples: int = SAMPLE_RATE) -> Iterator[Stems]:
        """The sound, block by block: each stem (n, 2) float32 at 48 kHz, n being `block_samples` except in the last.

        The plain sum of the stems is the mix; it stays below -1 dBFS. Memory does not grow with the length. The same
        piece gives the same samples, whatever the block.

        Raises:
            ValueError: a block below one sample.
        """
        if block_samples < 1:
            raise ValueError(f"a block has at least one sample, not {block_samples}")
        style = STYLES[self.request.style]
        hops = mix_stems(
            self.notes,
            self.form.samples,
            final_sample=self.form.sample_at(self.form.final_step),
            bar_samples=max(1, self.form.sample_at(self.form.steps_per_bar)),
            loudness_db=_QUIET_DB + (_LOUD_DB - _QUIET_DB) * self.request.energy,
            reverb_seconds=style.reverb_seconds,
            reverb_level=style.reverb_level,
            seed=self.seed,
        )
        return _reblock(hops, block_samples)


def compose_music(
    prompt: str, samples: int, *, negative: str = "", seed: int = 0, params: Parameters = _NO_PARAMETERS
) -> Composition:
    """Plan a piece of exactly `samples` samples (48 kHz); no sound is made yet.

    `params`: `tempo_range` (beats a minute, 0: as the prompt says), `key` (auto, C, C# …), `mode` (auto, major, minor …),
    `style` (auto or a name in STYLES), `energy` (0 to 1, 0.5: as the prompt says).

    Raises:
        ValueError: a length below one sample, or a choice that does not exist.
    """
    if samples < 1:
        raise ValueError(f"a piece has at least one sample, not {samples}")
    seed = abs(seed)
    wanted = parse_prompt(prompt, negative, params)
    style = STYLES[wanted.style]
    chance = random.Random(f"{seed}/{wanted.style}")  # noqa: S311  music, no secret
    key = chance.choice(_FRIENDLY_KEYS) if wanted.key is None else wanted.key
    low, high = style.tempo_range
    usual = (low + (high - low) * (0.3 + 0.4 * chance.random())) * wanted.tempo_factor
    tempo = max(MIN_TEMPO, min(MAX_TEMPO, usual)) if wanted.tempo is None else wanted.tempo
    form = fit_form(
        samples, tempo, style.beats_per_bar, _EXACT_TEMPO_TOLERANCE if wanted.is_exact_tempo else _TEMPO_TOLERANCE
    )
    band = Arrangement(form, style, key, wanted.mode, wanted.instruments, wanted.percussion, wanted.energy, seed)
    chords, notes = write_parts(band)
    return Composition(wanted, form, key, chords, notes, seed)


def _reblock(hops: Iterator[Stems], block_samples: int) -> Iterator[Stems]:
    """The same samples in blocks of another size."""
    kept = {name: np.zeros((0, 2), dtype=np.float32) for name in STEM_NAMES}
    for hop in hops:
        kept = {name: np.concatenate((kept[name], hop[name])) for name in STEM_NAMES}
        count = len(kept[STEM_NAMES[0]])
        for at in range(0, count - count % block_samples, block_samples):
            yield {name: kept[name][at : at + block_samples] for name in STEM_NAMES}
        kept = {name: kept[name][count - count % block_samples :] for name in STEM_NAMES}
    if len(kept[STEM_NAMES[0]]):
        yield kept
