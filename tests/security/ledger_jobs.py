"""What the tests of answers share: one take by the command, and the job that it left in the ledger."""

from __future__ import annotations

from tracklay.cli.main import main
from tracklay.jobs.ledger import Ledger


def lay(clip, folder):
    """Run `tracklay lay` with a hosted model and return its status."""
    return main(["lay", str(clip), "--model", "replicate/mmaudio", "--to", str(folder), "--json"])


def only_job():
    """Return the one job of the ledger."""
    ledger = Ledger()
    (job,) = ledger.all_jobs()
    ledger.close()
    return job
