"""What was made of a work list before: by the ledger of this machine, and by the results of whoever else made some of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from ..jobs import JobSpec
from ..jobs.take_writer import take_from_claim
from .results import ProducedTake

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..jobs.ledger import Ledger
    from ..models import Model
    from .results import PriorResults
    from .worklist import WorkList, WorkListRow


class RowHistory:
    """Takes by their rows. Of the ledger it keeps numbers, and looks at a job when its row comes.

    Args:
        ledger: this machine's, None where there is none yet.
        worklist: the list.
        prior_results: what result lists tell.
        verdicts: verdicts given now, (row, take) to (verdict, note).
    """

    def __init__(
        self,
        ledger: Ledger | None,
        worklist: WorkList,
        prior_results: PriorResults,
        verdicts: Mapping[tuple[str, int], tuple[str, str]],
    ) -> None:
        self.prior_results, self._verdicts = prior_results, verdicts
        self._jobs_by_row: defaultdict[tuple[str, str], list[tuple[int, bool]]] = defaultdict(list)
        for row, digest, number, state in () if ledger is None else ledger.finished_worklist_rows(worklist.ledger_key):
            self._jobs_by_row[row, digest].append((number, state == "laid"))

    def produced_takes(
        self, ledger: Ledger | None, row: WorkListRow, catalogue: Mapping[str, Model]
    ) -> list[ProducedTake]:
        """The takes of a row, as it stands in the list now, whose files are there; by number."""
        found = {str(made.entry["file"]): made for made in self.prior_results.takes(row)}
        for number, laid in self._jobs_by_row.get((row.id, row.digest), ()):
            assert ledger is not None  # noqa: S101 - the numbers are its own
            job = ledger.get_job(number)
            order = JobSpec.from_dict(job.plan, catalogue)
            for claim in job.takes:
                entry = take_from_claim(order, job, claim).to_manifest_entry()
                known = found.get(entry["file"], ProducedTake(entry))
                found[entry["file"]] = replace(known, entry=entry, job=number, laid=laid or known.laid)
        there = [made for made in found.values() if _file_exists(row, made)]
        return [self._apply_verdict(row, made) for made in sorted(there, key=lambda made: int(made.entry["take"]))]

    def _apply_verdict(self, row: WorkListRow, take: ProducedTake) -> ProducedTake:
        verdict, note = self._verdicts.get((row.id, take.entry["take"]), (take.verdict, take.note))
        # Another verdict may let another take stand first: the picture is laid again.
        return replace(take, verdict=verdict, note=note, laid=take.laid and verdict == take.verdict)


def _file_exists(row: WorkListRow, take: ProducedTake) -> bool:
    try:
        return (row.folder / str(take.entry["file"])).stat().st_size > 0
    except OSError:
        return False


def accepted_takes(takes: Iterable[ProducedTake]) -> list[ProducedTake]:
    """The takes that are not rejected, kept ones first: the first is what is laid."""
    left = [made for made in takes if made.verdict != "reject"]
    return sorted(left, key=lambda made: made.verdict != "keep")


def missing_takes(row: WorkListRow, takes: Iterable[ProducedTake], *, remake_all: bool) -> list[tuple[int | None, int]]:
    """What a row still needs: (first seed, how many takes), seeds of takes that are there already left out, rejected ones too."""
    takes = list(takes)
    count = row.takes if remake_all else row.takes - len(accepted_takes(takes))
    if count <= 0:
        return []
    if row.seed is None:
        return [(None, count)]
    used = set() if remake_all else {made.entry["seed"] for made in takes}
    runs: list[tuple[int | None, int]] = []
    seed, next_one = row.seed, None
    while count:
        if seed not in used:
            if runs and seed == next_one:
                runs[-1] = runs[-1][0], runs[-1][1] + 1
            else:
                runs.append((seed, 1))
            next_one, count = seed + 1, count - 1
        seed += 1
    return runs
