"""What was made of a work list before: by the ledger of this machine, and by the results of whoever else made some of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from ..jobs import Order
from ..jobs.take_writer import taken
from .results import Made

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..jobs.ledger import Ledger
    from ..models import Model
    from .results import Known
    from .worklist import Row, WorkList


class Past:
    """Takes by their rows. Of the ledger it keeps numbers, and looks at a job when its row comes.

    Args:
        ledger: this machine's, None where there is none yet.
        work: the list.
        known: what result lists tell.
        judged: verdicts given now, (row, take) to (verdict, note).
    """

    def __init__(
        self,
        ledger: Ledger | None,
        work: WorkList,
        known: Known,
        judged: Mapping[tuple[str, int], tuple[str, str]],
    ) -> None:
        self.known, self._judged = known, judged
        self._jobs: defaultdict[tuple[str, str], list[tuple[int, bool]]] = defaultdict(list)
        for row, digest, number, state in () if ledger is None else ledger.of_rows(work.key):
            self._jobs[row, digest].append((number, state == "laid"))

    def takes(self, ledger: Ledger | None, row: Row, catalogue: Mapping[str, Model]) -> list[Made]:
        """The takes of a row, as it stands in the list now, whose files are there; by number."""
        found = {str(made.entry["file"]): made for made in self.known.takes(row)}
        for number, laid in self._jobs.get((row.id, row.digest), ()):
            assert ledger is not None  # noqa: S101 - the numbers are its own
            job = ledger.get(number)
            order = Order.of_plain(job.plan, catalogue)
            for claim in job.takes:
                entry = taken(order, job, claim).entry()
                known = found.get(entry["file"], Made(entry))
                found[entry["file"]] = replace(known, entry=entry, job=number, laid=laid or known.laid)
        there = [made for made in found.values() if _is_there(row, made)]
        return [self._judge(row, made) for made in sorted(there, key=lambda made: int(made.entry["take"]))]

    def _judge(self, row: Row, made: Made) -> Made:
        verdict, note = self._judged.get((row.id, made.entry["take"]), (made.verdict, made.note))
        # Another verdict may let another take stand first: the picture is laid again.
        return replace(made, verdict=verdict, note=note, laid=made.laid and verdict == made.verdict)


def _is_there(row: Row, made: Made) -> bool:
    try:
        return (row.folder / str(made.entry["file"])).stat().st_size > 0
    except OSError:
        return False


def standing(takes: Iterable[Made]) -> list[Made]:
    """The takes that are not rejected, kept ones first: the first is what is laid."""
    left = [made for made in takes if made.verdict != "reject"]
    return sorted(left, key=lambda made: made.verdict != "keep")


def missing(row: Row, takes: Iterable[Made], *, again: bool) -> list[tuple[int | None, int]]:
    """What a row still needs: (first seed, how many takes), seeds of takes that are there already left out, rejected ones too."""
    takes = list(takes)
    count = row.takes if again else row.takes - len(standing(takes))
    if count <= 0:
        return []
    if row.seed is None:
        return [(None, count)]
    used = set() if again else {made.entry["seed"] for made in takes}
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
