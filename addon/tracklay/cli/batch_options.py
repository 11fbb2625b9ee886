"""The options of `tracklay batch`; what they need is loaded when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add_batch_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    batch = subparsers.add_parser("batch", help="make the sound of a whole work list: pictures, cues and models")
    batch.add_argument("worklist", metavar="WORKLIST", type=Path, help="a .toml, .json or .csv file (docs/batch.md)")
    batch.add_argument("--dry-run", action="store_true", help="tell what it would cost and how long it takes, and stop")
    batch.add_argument("--max-cost", metavar="AMOUNT", help="what the list may cost, all its runs together")
    batch.add_argument(
        "--workers", type=int, metavar="N", help="how many takes each provider is asked for at a time (default: 8)"
    )
    batch.add_argument("--shard", metavar="I/N", help="only the rows of this part of N parts: 1/8 to 8/8")
    batch.add_argument(
        "--together",
        type=int,
        metavar="K",
        help="how many shards run at the same time: each has its part of what a provider may be asked (default: all)",
    )
    batch.add_argument(
        "--farm",
        action="store_true",
        help="keep the ledger beside the list, where the next machine that takes this shard up finds it",
    )
    batch.add_argument(
        "--on", metavar="ADDRESS", help="have it run on a Dask cluster: dask://HOST:PORT, the scheduler's"
    )
    batch.add_argument("--shards", type=int, metavar="N", help="with --on: how many shards (default: 4 for each place)")
    batch.add_argument("--again", action="store_true", help="make every row anew, also those that are made")
    batch.add_argument("--verdicts", type=Path, metavar="FILE", help="what the report's review saved: make again, keep")
    batch.add_argument(
        "--merge",
        nargs="*",
        type=Path,
        metavar="RESULTS",
        help="make nothing: join the results of shards, and lay what several of them made (default: those beside the list)",
    )
    batch.add_argument(
        "--no-report", action="store_true", help="leave the report out, which takes its time with thousands"
    )
    batch.add_argument("--json", action="store_true", help="print the results, and nothing else, on stdout")
    batch.set_defaults(run=_run_batch)


def _run_batch(options: argparse.Namespace) -> int:
    from .batch import run_batch  # noqa: PLC0415 - `--help` waits for none of this

    return run_batch(options)
