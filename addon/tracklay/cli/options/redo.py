"""Options of `tracklay redo`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..parser import Commands, add_command, add_json_option


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    redo = add_command(commands, "redo", "retakes.redo:run_redo", help="generate a part or a stretch of a take again")
    redo.add_argument("take", metavar="TAKE", type=Path, help="WAV file of a take")
    redo.add_argument("--part", type=int, metavar="N", help="number of the part, as the manifest has it")
    redo.add_argument("--in", dest="in_point", metavar="TIME", help="start of the stretch on the timeline")
    redo.add_argument("--out", dest="out_point", metavar="TIME", help="end of the stretch: the first frame after it")
    redo.add_argument("--prompt", metavar="TEXT", help="sounds to generate there (default: the take's prompt)")
    redo.add_argument("--seed", type=int, metavar="N", help="seed (default: random)")
    redo.add_argument("--max-cost", metavar="AMOUNT", help="do not start if the estimate exceeds this")
    add_json_option(redo, "the manifest")
