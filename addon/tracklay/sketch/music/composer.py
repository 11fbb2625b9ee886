"""The composer of the sketch engine: turns a prompt and a length into a piece of exactly that length, as stems.

`prompt_parser` interprets the prompt, `form` fills the span with bars, `arranger` and `melody` write the parts from the
patterns in `styles`, and `mixer` renders them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from ...cue import SAMPLE_RATE
from .arranger import write_parts
from .form import Form, fit_form
from .harmony import KEYS
from .hit_form import HIGHEST_TEMPO, LOWEST_TEMPO, MusicHit, fit_form_to_hits
from .mixer import Stems, mix_stems
from .prompt_parser import MAX_TEMPO, MIN_TEMPO, MusicRequest, Parameters, parse_prompt
from .score import STEM_NAMES, Arrangement, ChordSpan, Note
from .styles import STYLES

# Shares by which the tempo may deviate from the requested one, so that whole bars fit: 2 % is hardly audible, and allowed
# even where the prompt states a number; 6 % is about a semitone of tape speed.
_EXACT_TEMPO_TOLERANCE, _TEMPO_TOLERANCE = 0.02, 0.06
_FRIENDLY_KEYS = (0, 2, 3, 4, 5, 7, 9, 10)  # keys with few accidentals
_NO_PARAMETERS: Parameters = {}


class PromptSummary(TypedDict):
    """The interpretation of a prompt: `tempo` in beats per minute, `instruments` by role, `unknown` the words without meaning."""

    tempo: float
    key: str
    mode: str
    style: str
    mood: list[str]
    energy: float
    arc: str
    instruments: dict[str, str]
    sections: list[str]
    unknown: list[str]


@dataclass(frozen=True, slots=True)
class Composition:
    """A planned piece, before it is rendered.

    Attributes:
        request: the interpreted prompt.
        form: tempo and sections.
        key: tonic as a pitch class.
        chords: the chords in order.
        notes: the notes of all parts, by their start.
    """

    request: MusicRequest
    form: Form
    key: int
    chords: tuple[ChordSpan, ...]
    notes: tuple[Note, ...]
    seed: int

    @property
    def stem_names(self) -> tuple[str, ...]:
        """The names of all stems. A stem without notes is silent, not missing."""
        return STEM_NAMES

    @property
    def prompt_summary(self) -> PromptSummary:
        """The interpretation of the prompt, as plain values for a manifest."""
        request = self.request
        instruments = dict(request.instruments)
        if request.percussion:
            instruments["percussion"] = STYLES[request.style].kit
        return {
            "tempo": round(self.form.tempo, 3),
            "key": KEYS[self.key],
            "mode": request.mode,
            "style": request.style,
            "mood": list(request.moods),
            "energy": round(request.energy, 3),
            "arc": request.arc,
            "instruments": instruments,
            "sections": [f"{section.name} {section.bars}" for section in self.form.sections],
            "unknown": list(request.unknown_words),
        }

    def render(self, block_samples: int = SAMPLE_RATE) -> Iterator[Stems]:
        """Yield the sound in blocks: each stem (n, 2) float32 at 48 kHz, n being `block_samples` except in the last.

        The sum of the stems is the mix, at -20 LUFS; its true peaks stay below -1 dBTP. All of it is mixed once before the
        first block comes, because the level follows from the whole: what does not fit a few megabytes waits in a temporary
        file. The samples do not depend on the block size.

        Raises:
            ValueError: `block_samples` is below 1.
        """
        if block_samples < 1:
            raise ValueError(f"A block has at least one sample, not {block_samples}.")
        style = STYLES[self.request.style]
        hops = mix_stems(
            self.notes,
            self.form.samples,
            final_sample=self.form.sample_at(self.form.final_step),
            bar_samples=max(1, self.form.sample_at(self.form.steps_per_bar)),
            level_points=self.form.level_points,
            reverb_seconds=style.reverb_seconds,
            reverb_level=style.reverb_level,
            treble=style.treble,
            percussion_db=style.percussion_db,
            seed=self.seed,
        )
        return _reblock(hops, block_samples)


def compose_music(
    prompt: str,
    samples: int,
    *,
    negative: str = "",
    seed: int = 0,
    params: Parameters = _NO_PARAMETERS,
    hits: Sequence[MusicHit] = (),
) -> Composition:
    """Plan a piece of exactly `samples` samples at 48 kHz, without rendering it.

    `hits` are the hit points to meet; those outside the piece are left out.

    `params`: `tempo` (beats per minute; 0 follows the prompt), `key` (auto, C, C#, ...), `mode` (auto, major, minor, ...),
    `style` (auto or a name in STYLES), `energy` (0 to 1; 0.5 follows the prompt).

    Raises:
        ValueError: `samples` is below 1.
        InvalidInput: a parameter has a value that is not among its choices.
    """
    if samples < 1:
        raise ValueError(f"A piece has at least one sample, not {samples}.")
    seed = abs(seed)
    request = parse_prompt(prompt, negative, params, seed)
    style = STYLES[request.style]
    rng = random.Random(f"{seed}/{request.style}")  # noqa: S311  not used for security
    key = rng.choice(_FRIENDLY_KEYS) if request.key is None else request.key
    low, high = style.tempo_range
    # The middle of the style's range: its ends are for prompts that ask for slow or fast.
    usual = (low + (high - low) * (0.3 + 0.4 * rng.random())) * request.tempo_factor
    tempo = max(MIN_TEMPO, min(MAX_TEMPO, usual)) if request.tempo is None else request.tempo
    tolerance = _EXACT_TEMPO_TOLERANCE if request.is_exact_tempo else _TEMPO_TOLERANCE
    form_rng = random.Random(f"{seed}/form")  # noqa: S311  not used for security
    inside = [hit for hit in sorted(hits) if 0 <= hit.sample < samples]
    if inside:
        tempos = (
            (tempo * (1 - tolerance), tempo * (1 + tolerance))
            if request.is_exact_tempo
            else (max(LOWEST_TEMPO, min(tempo, low)), min(HIGHEST_TEMPO, max(tempo, high)))
        )
        form = fit_form_to_hits(samples, tempo, tempos, style.beats_per_bar, tolerance, request.arc, inside, form_rng)
    else:
        form = fit_form(samples, tempo, style.beats_per_bar, tolerance, request.arc, form_rng)
    arrangement = Arrangement(
        form=form,
        style=style,
        key=key,
        mode=request.mode,
        instruments=request.instruments,
        percussion=request.percussion,
        energy=request.energy,
        seed=seed,
        sparse=request.sparse,
    )
    chords, notes = write_parts(arrangement)
    return Composition(request, form, key, chords, notes, seed)


def _reblock(hops: Iterator[Stems], block_samples: int) -> Iterator[Stems]:
    """Yield the same samples in blocks of another size."""
    kept = {name: np.zeros((0, 2), dtype=np.float32) for name in STEM_NAMES}
    for hop in hops:
        kept = {name: np.concatenate((kept[name], hop[name])) for name in STEM_NAMES}
        count = len(kept[STEM_NAMES[0]])
        for at in range(0, count - count % block_samples, block_samples):
            yield {name: kept[name][at : at + block_samples] for name in STEM_NAMES}
        kept = {name: kept[name][count - count % block_samples :] for name in STEM_NAMES}
    if len(kept[STEM_NAMES[0]]):
        yield kept
