"""Options of `tracklay refit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..parser import Commands, add_command, add_json_option


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    refit = add_command(
        commands, "refit", "retakes.refit:run_refit", help="fit the music of a take to a changed picture"
    )
    refit.add_argument("take", metavar="TAKE", type=Path, help="WAV file of a take of music")
    refit.add_argument(
        "--in", dest="in_point", metavar="TIME", help="new start (default: that of the cue as it is now)"
    )
    refit.add_argument("--out", dest="out_point", metavar="TIME", help="new end: the first frame after it")
    refit.add_argument(
        "--hits", metavar="LIST", help="new hits: cuts, or times (default: those of the take and markers)"
    )
    refit.add_argument("--tail", metavar="SECONDS", help="let the music end after the span (default: as the take)")
    refit.add_argument("--ask-more", action="store_true", help="ask the model for more if the music is too short")
    refit.add_argument("--max-cost", metavar="AMOUNT", help="with --ask-more: refuse what would cost more")
    add_json_option(refit, "the manifest")
