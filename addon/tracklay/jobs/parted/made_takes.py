"""Takes that jobs of this machine made, found by their files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...errors import InvalidInput, file_not_found_error
from ...models import load_catalogue
from .. import ledger_schema
from ..job_spec import JobSpec
from ..ledger import Ledger
from ..takes.claims import take_from_claim

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from ...cue import Take
    from ...models import Model
    from ..ledger import Job


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


def find_made_take(path: Path, catalogue: Mapping[str, Model] | None = None) -> MadeTake:
    """Return the take of a file.

    Args:
        path: its WAV.
        catalogue: the models; read where None.

    Raises:
        InvalidInput: there is no such file, or no job in the ledger made it.
        LedgerError: the ledger cannot be read.
    """
    path = path.absolute()
    if not path.is_file():
        raise file_not_found_error(path)
    if not ledger_schema.ledger_path().exists():
        raise _unknown_take_error(path)
    ledger = Ledger()
    try:
        return _made_take(ledger, load_catalogue() if catalogue is None else catalogue, path)
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
