"""Options of `tracklay batch`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...cue import LAND_MODES
from ..parser import PARTS_HELP, Commands, add_command, add_json_option, add_max_overrun_option


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    batch = add_command(commands, "batch", "batch:run_batch", help="generate and lay the sound of a whole work list")
    batch.add_argument("worklist", metavar="WORKLIST", type=Path, help="a .toml, .json or .csv file (docs/batch.md)")
    batch.add_argument("--dry-run", action="store_true", help="only estimate cost and time")
    batch.add_argument("--max-cost", metavar="AMOUNT", help="budget cap of the list, over all its runs")
    add_max_overrun_option(batch)
    batch.add_argument("--workers", type=int, metavar="N", help="concurrent takes per provider (default: 8)")
    batch.add_argument("--shard", metavar="I/N", help="only part I of N of the rows: 1/8 to 8/8")
    batch.add_argument(
        "--together", type=int, metavar="K", help="shards that run at once and share rate limits (default: all)"
    )
    batch.add_argument("--farm", action="store_true", help="keep the ledger beside the list, for the next machine")
    batch.add_argument("--on", metavar="ADDRESS", help="run on a Dask cluster: dask://HOST:PORT of its scheduler")
    batch.add_argument(
        "--shards", type=int, metavar="N", help="with --on: number of shards (default: 4 per worker thread)"
    )
    batch.add_argument(
        "--land", choices=LAND_MODES, help="landing of rows without that field: auto or off (default: auto)"
    )
    batch.add_argument("--parts", metavar="HOW", help=f"parts of rows without it: {PARTS_HELP}")
    batch.add_argument(
        "--repair", action="store_true", help="generate the worst stretch of each best take again, within the cap"
    )
    batch.add_argument("--again", action="store_true", help="regenerate every row, finished ones included")
    batch.add_argument(
        "--verdicts", type=Path, metavar="FILE", help="verdicts saved by the report: rejected takes are regenerated"
    )
    batch.add_argument(
        "--merge",
        nargs="*",
        type=Path,
        metavar="RESULTS",
        help="only join and lay shards' results (default: all beside the list)",
    )
    batch.add_argument("--no-report", action="store_true", help="skip the report, which is slow for thousands of rows")
    add_json_option(batch, "the results")
