"""The job spec and the seed of one part, derived from those of the take that it belongs to."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from ...parts.sizes import WHOLE
from ...timing import Span
from ..delivery import Delivery
from ..job_spec import seed_range

if TYPE_CHECKING:
    from ...cue import Picture
    from ...parts.plan import PlannedPart
    from ..job_spec import JobSpec


def part_seed(spec: JobSpec, seed: int, number: int) -> int:
    """Return the seed of a part, counted from 1, of a take with a seed: that of its recipe, else the first part has the take's own."""
    if spec.cue.part_recipes:
        return spec.cue.part_recipes[number - 1].seed
    if number == 1:
        return seed
    low, high = seed_range(spec)
    return low + int.from_bytes(hashlib.sha256(f"{seed} part {number}".encode()).digest()[:8]) % (high - low)


def part_span(spec: JobSpec, part: PlannedPart) -> Span:
    """Return the timeline frames of a part."""
    span = spec.cue.request_span
    return Span(span.start + part.start, part.frames, span.rate)


def part_samples(spec: JobSpec, part: PlannedPart) -> tuple[int, int]:
    """Return a part's first sample in the joined sound, and the one after its last: both are on the span's own grid."""
    rate = spec.cue.span.rate
    return rate.samples(part.start, spec.sample_rate), rate.samples(part.end, spec.sample_rate)


def part_job_spec(spec: JobSpec, part: PlannedPart, number: int, picture: Picture, seed: int) -> JobSpec:
    """Return the spec of one part: a cue of its own span, which is neither landed nor fitted nor scored.

    Args:
        spec: the spec of the take.
        part: its frames.
        number: its number, from 1.
        picture: the picture to read; a rendered one is rendered once for all parts.
        seed: the part's seed. It counts as given if the take's is: only then an earlier output may be reused.
    """
    recipes = spec.cue.part_recipes
    cue = replace(
        spec.cue,
        prompt=recipes[number - 1].prompt if recipes else spec.cue.prompt,
        part_recipes=(),
        # The first part of music that is continued is that music, which is not asked for.
        refit=spec.cue.refit if spec.cue.extends and number == 1 else None,
        extends=0,
        span=part_span(spec, part),
        picture=picture,
        seed=None if spec.cue.seed is None else seed,
        takes=1,
        land="off",
        best=False,
        patch=None,
        hits=(),
        tail=0,
        handles=(0, 0),
        fit="off",
        parts=WHOLE,
    )
    return replace(spec, cue=cue, delivery=Delivery())


def stored_plan(spec: JobSpec, part: PlannedPart, number: int) -> dict[str, object]:
    """Return what the ledger stores of a part's spec. The images of a sequence are stored with the take alone: an hour has many."""
    plan = spec.to_dict()
    return {**plan, "cue": {**plan["cue"], "images": []}, "part": [number, part.start, part.end, part.at_cut]}
