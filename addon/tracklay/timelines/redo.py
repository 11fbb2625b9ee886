"""Plans the redoing of a part or a stretch of a take: a cue that generates only that, and joins it into a copy of the take."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..cue import PartRecipe, Patch
from ..errors import InvalidInput, file_not_found_error
from ..jobs import ledger_schema
from ..jobs.job_spec import JobSpec, random_seed
from ..jobs.ledger import Ledger
from ..jobs.takes.claims import take_from_claim
from ..models import load_catalogue
from ..parts.redo import check_part, check_stretch, lengthen_stretch, part_frames
from ..timing import TimeError, parse_time
from .base import empty_range_error, invalid_point_error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from ..cue import Cue, Take
    from ..jobs.ledger import Job
    from ..models import Model
    from ..timing import Span


@dataclass(frozen=True, slots=True)
class MadeTake:
    """A take that a job of the ledger made.

    Attributes:
        job: the job.
        spec: its spec.
        take: the take.
        parts: the parts that it, or the take it was redone from, has.
        part_seeds: the seed of each of its own parts, by number.
    """

    job: Job
    spec: JobSpec
    take: Take
    parts: tuple[Mapping[str, Any], ...]
    part_seeds: Mapping[int, int] = field(default_factory=dict)


def find_made_take(path: Path) -> MadeTake:
    """Return the take of a file.

    Raises:
        InvalidInput: there is no such file, or no job in the ledger made it.
        LedgerError: the ledger cannot be read.
    """
    path = path.absolute()
    if not path.is_file():
        raise file_not_found_error(path)
    if not ledger_schema.ledger_path().exists():
        raise _unknown_take_error(path)
    ledger, catalogue = Ledger(), load_catalogue()
    try:
        return _made_take(ledger, catalogue, path)
    finally:
        ledger.close()


def _made_take(ledger: Ledger, catalogue: Mapping[str, Model], path: Path) -> MadeTake:
    job = ledger.job_of_take(str(path.parent), path.name)
    if job is None:
        raise _unknown_take_error(path)
    spec = JobSpec.from_dict(job.plan, catalogue)
    claim = next(claim for claim in job.takes if claim["file"] == path.name)
    take = take_from_claim(spec, job, claim)
    parts = take.parts
    if spec.cue.patch is not None:
        # The parts of a redone take are those of the take that it was made from.
        earlier = ledger.job_of_take(str(path.parent), spec.cue.patch.take.name)
        parts = () if earlier is None else _made_take(ledger, catalogue, spec.cue.patch.take).parts
    seeds = {each.plan["part"][0]: each.seed for each in ledger.parts_of(job.id)}
    return MadeTake(job, spec, take, parts, seeds)


def _unknown_take_error(path: Path) -> InvalidInput:
    return InvalidInput(
        "redo.unknown_take",
        "No job of this machine made the take: {path}. Name a WAV file of a take where it was written.",
        path=path,
    )


def redo_cue(
    made: MadeTake,
    *,
    part: int | None = None,
    in_point: str | None = None,
    out_point: str | None = None,
    prompt: str | None = None,
    seed: int | None = None,
) -> Cue:
    """Return the cue that generates a part or a stretch of a take again.

    Args:
        made: the take.
        part: number of the part, from 1.
        in_point: start of the stretch on the timeline, as the user writes a time; None: the take's start.
        out_point: its end.
        prompt: the sounds to make there; None: the take's own prompt.
        seed: the seed; None: a new one.

    Raises:
        InvalidInput: the take has no such part, or the stretch is empty or outside of the take.
    """
    cue, model = made.spec.cue, made.spec.model
    span = cue.span
    if part is not None and made.spec.is_free_music and made.parts:
        return _redo_music_part(made, part, prompt, seed)
    if part is not None:
        first, end = part_frames(made.take.file.name, made.parts, span.start, part)
        first, end = max(0, first), min(span.frames, end)  # the handles of the take are no part of it
    else:
        first, end = _stretch_frames(span, in_point, out_point)
    check_stretch(first, end, span)
    first, end = lengthen_stretch(first, end, span, model)
    return replace(
        cue,
        takes=1,
        seed=seed,
        prompt=cue.prompt if prompt is None else prompt,
        patch=Patch(made.take.file, span.start + first, end - first),
        best=False,
        parts="auto",
        # The stretch is generated, whatever the take was made from.
        refit=None,
        reland=None,
        extends=0,
        part_recipes=(),
    )


def _redo_music_part(made: MadeTake, number: int, prompt: str | None, seed: int | None) -> Cue:
    """Return the cue of a take of music of which one part is generated again, and those after it if each continues the one before.

    The others are used again, all are joined on bars as before, and the whole is fitted to the same span.

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


def _stretch_frames(span: Span, in_point: str | None, out_point: str | None) -> tuple[int, int]:
    """Return the frames between two points on the timeline, counted from the span's first."""
    frames = []
    for name, text, default in (("in", in_point, span.start), ("out", out_point, span.end)):
        try:
            frames.append(default if text is None else parse_time(text, span.rate))
        except TimeError as error:
            raise invalid_point_error(name, error) from None
    first, end = frames
    if end <= first:
        raise empty_range_error(first, end, span.rate)
    return first - span.start, end - span.start
