"""Takes of earlier runs of a work list, from this machine's ledger and from result lists of any machine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ..jobs import JobSpec
from ..jobs.takes.claims import take_from_claim
from .results import ProducedTake

if TYPE_CHECKING:
    from ..jobs.ledger import Ledger
    from ..models import Model
    from .results import PriorResults
    from .worklist import WorkList, WorkListRow


class RowHistory:
    """Earlier takes by row. It keeps only the ids of the ledger's jobs and reads a job when its row is processed.

    Args:
        ledger: this machine's ledger, None if there is none yet.
        worklist: the list.
        prior_results: the takes of result lists.
        verdicts: new verdicts, (row, take) to (verdict, note).
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
        """Return the takes of a row by number. Takes of another digest and takes whose file is gone are left out."""
        found = {str(take.entry["file"]): take for take in self.prior_results.takes(row)}
        for number, laid in self._jobs_by_row.get((row.id, row.digest), ()):
            assert ledger is not None  # noqa: S101 - the ids come from it
            job = ledger.get_job(number)
            spec = JobSpec.from_dict(job.plan, catalogue)
            for claim in job.takes:
                entry = take_from_claim(spec, job, claim).to_manifest_entry()
                known = found.get(entry["file"], ProducedTake(entry))
                found[entry["file"]] = replace(known, entry=entry, job=number, laid=laid or known.laid)
        existing = [take for take in found.values() if _file_exists(row, take)]
        return [self._apply_verdict(row, take) for take in sorted(existing, key=lambda take: int(take.entry["take"]))]

    def _apply_verdict(self, row: WorkListRow, take: ProducedTake) -> ProducedTake:
        verdict, note = self._verdicts.get((row.id, take.entry["take"]), (take.verdict, take.note))
        # A new verdict may change which take comes first, so that the picture must be laid again.
        return replace(take, verdict=verdict, note=note, laid=take.laid and verdict == take.verdict)


def _file_exists(row: WorkListRow, take: ProducedTake) -> bool:
    try:
        return (row.folder / str(take.entry["file"])).stat().st_size > 0
    except OSError:
        return False


def accepted_takes(takes: Iterable[ProducedTake]) -> list[ProducedTake]:
    """Return the takes that are not rejected, those marked to keep first. The first one is laid.

    A take that was made from another one, by redoing a stretch or by fitting its music again, comes before that one.
    """
    accepted = [take for take in takes if take.verdict != "reject"]
    by_age = sorted(accepted, key=lambda take: -int(take.entry["take"]) if _is_remade(take) else 0)
    return sorted(by_age, key=lambda take: take.verdict != "keep")


def _is_remade(take: ProducedTake) -> bool:
    return bool(take.entry.get("replaced") or (take.entry.get("fit") or {}).get("refit_of"))


def missing_takes(row: WorkListRow, takes: Iterable[ProducedTake], *, remake_all: bool) -> list[tuple[int | None, int]]:
    """Return the takes that a row still needs, as runs of consecutive seeds: (first seed, number of takes).

    A seed is None if the row has none: each take then gets a random one. Seeds of existing takes are skipped, rejected ones too.
    """
    takes = list(takes)
    count = row.takes if remake_all else row.takes - len(accepted_takes(takes))
    if count <= 0:
        return []
    if row.seed is None:
        return [(None, count)]
    used = set() if remake_all else {take.entry["seed"] for take in takes}
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
