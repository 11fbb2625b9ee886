"""Music of a take that is asked for again: one of its parts, or more of it."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from ...cue import UNFITTED, PartRecipe
from ...errors import InvalidInput
from ...media.wav_reader import WavReader
from ...parts.redo import check_part
from ..job_spec import random_seed

if TYPE_CHECKING:
    from ...cue import Cue
    from .made_takes import MadeTake

TEMPO_SECONDS = 12
"""Length from which the measured tempo of music counts: shorter pieces may be measured at a related one."""


def redo_music_part(made: MadeTake, number: int, prompt: str | None, seed: int | None) -> Cue:
    """Return the cue of a take of music of which one part is generated again, and those after it if each continues the one before.

    The others are used again, all are joined on bars as before, and the whole is fitted to the same span.

    Args:
        made: the take.
        number: number of the part, from 1.
        prompt: the music to make there; None: the part's own prompt.
        seed: the seed; None: a new one.

    Raises:
        InvalidInput: the take has no such part, or another one is missing.
    """
    check_part(made.take.file.name, made.parts, number)
    cue, spec = made.spec.cue, made.spec
    if cue.extends and cue.refit is not None and number == 1:
        raise InvalidInput(
            "redo.continued_part",
            "Part 1 of {take} is the music of {earlier}. Redo a part of that take.",
            take=made.take.file.name,
            earlier=cue.refit.name,
        )
    if missing := [each["part"] for each in made.parts if each.get("silent") and each["part"] != number]:
        raise InvalidInput(
            "redo.part_missing",
            "Part {missing} of {take} is missing. Redo it first.",
            missing=missing[0],
            take=made.take.file.name,
        )
    last_again = len(made.parts) if spec.model.continues else number
    recipes = [
        PartRecipe(
            made.part_seeds[each],
            cue.part_recipes[each - 1].prompt if cue.part_recipes else cue.prompt,
            is_made=not number <= each <= last_again,
        )
        for each in range(1, len(made.parts) + 1)
    ]
    again = recipes[number - 1]
    new_seed = random_seed(spec) if seed is None else seed
    recipes[number - 1] = replace(again, seed=new_seed, prompt=again.prompt if prompt is None else prompt)
    return replace(cue, takes=1, seed=made.job.seed, best=False, part_recipes=tuple(recipes))


def music_seconds(made: MadeTake) -> Fraction | None:
    """Return the length of the music that a take was fitted from; None if it is composed to its span, or no longer there."""
    music = made.take.file.with_name(f"{made.take.file.stem}.{UNFITTED}.wav")
    if made.spec.model.provider == "sketch" or not music.is_file():
        return None
    with WavReader(music) as wav:
        return Fraction(wav.format.samples, wav.format.sample_rate)


def is_music_short(made: MadeTake, cue: Cue) -> bool:
    """Return whether the music of a take is shorter than the span of a cue and its tail: its bars are repeated."""
    seconds = music_seconds(made)
    return seconds is not None and seconds < cue.sound_span.seconds


def extend_music(made: MadeTake, cue: Cue) -> Cue:
    """Return the cue of `refit_cue` with more music asked for, at the tempo of what there is. It costs what the model makes.

    The music that there is stays its first part. A cue whose music is long enough stays as it is.
    """
    seconds = music_seconds(made)
    if seconds is None or not is_music_short(made, cue) or not made.spec.model.is_free_music:
        return cue
    measured = made.take.fit.get("tempo") if seconds >= TEMPO_SECONDS else None
    tempo = made.spec.cue.tempo if measured is None else float(measured)
    frames = max(1, math.floor(seconds * cue.span.rate.fps))
    return replace(cue, extends=frames, parts="auto", tempo=tempo)
