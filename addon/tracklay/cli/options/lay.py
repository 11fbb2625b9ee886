"""Options of `tracklay lay`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...cue import FIT_MODES, LAND_MODES
from ..parser import PARTS_HELP, Commands, add_command, add_json_option, add_max_overrun_option

EDITORS = ("resolve",)
"""Editors that a timeline's copy can be written for."""

DEFAULT_MODEL = "sketch/foley"


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    lay = add_command(commands, "lay", "lay:run_lay", help="generate sound for a picture and lay it")
    source = lay.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "picture",
        metavar="PICTURE",
        nargs="?",
        type=Path,
        help="video file, image folder or pattern (shot.%%04d.png), .otio or .blend",
    )
    lay.add_argument(
        "--model",
        dest="models",
        action="append",
        default=[],
        metavar="ID",
        help=f"model to use (default: {DEFAULT_MODEL}; repeatable with --best)",
    )
    lay.add_argument("--prompt", default="", metavar="TEXT", help="sounds to generate")
    lay.add_argument("--negative", default="", metavar="TEXT", help="sounds to avoid")
    lay.add_argument("--in", dest="in_point", metavar="TIME", help="start of the span: 12.5, 00:00:12:12 or 300f")
    lay.add_argument("--out", dest="out_point", metavar="TIME", help="end of the span: the first frame after it")
    lay.add_argument("--hits", metavar="LIST", help="what music must hit: cuts, or times: 3.5,00:00:12:12")
    lay.add_argument("--tail", metavar="SECONDS", help="let music end this much after the span (default: 0)")
    lay.add_argument("--handles", metavar="SECONDS", help="ask for sound before and after the span too (default: 0)")
    lay.add_argument("--fit", choices=FIT_MODES, default="auto", help="fit music to the span and hits (default: auto)")
    lay.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="only clips with this name or under the marker NAME (repeatable)",
    )
    lay.add_argument("--as-one", action="store_true", help="one cue over all cuts of a timeline, not one for each clip")
    lay.add_argument("--takes", type=int, default=1, metavar="N", help="number of takes (default: 1)")
    lay.add_argument("--seed", type=int, metavar="N", help="seed of the first take (default: random)")
    lay.add_argument(
        "--set",
        dest="params",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="model parameter (repeatable); +NAME=JSON sends an unlisted one",
    )
    lay.add_argument(
        "--square",
        default="",
        metavar="WHERE",
        help="square crop for the model: centre, left, right, motion, or 0 to 1",
    )
    lay.add_argument(
        "--land",
        choices=LAND_MODES,
        default="auto",
        help="move each sound to what is seen: auto or off (default: auto)",
    )
    lay.add_argument("--parts", default="auto", metavar="HOW", help=f"parts of a long span: {PARTS_HELP}")
    lay.add_argument("--best", action="store_true", help="score the takes and lay the best one; the others are kept")
    lay.add_argument(
        "--repair", action="store_true", help="with --best: generate the worst stretch of the best take again"
    )
    lay.add_argument(
        "--mix", metavar="PRESET", help="mix the result: film, documentary, social, trailer or a TOML file"
    )
    lay.add_argument("--for", dest="editor", choices=EDITORS, help="write an .otio that this editor imports: resolve")
    lay.add_argument("--original-wav", action="store_true", help="with --for: lay the timeline's own sound as WAV too")
    source.add_argument("--watch", type=Path, metavar="FOLDER", help="lay every timeline that arrives in this folder")
    lay.add_argument("--drop-original", action="store_true", help="leave out the picture's own sound")
    lay.add_argument("--to", type=Path, metavar="FOLDER", help="output folder (default: tracklay/ beside the picture)")
    lay.add_argument("--plan", action="store_true", help="only write a work list for `tracklay batch`, one row per cue")
    lay.add_argument("--dry-run", action="store_true", help="only show the length, the parts and the cost of each cue")
    lay.add_argument("--max-cost", metavar="AMOUNT", help="do not start if the estimate exceeds this")
    lay.add_argument("--max-project-cost", metavar="AMOUNT", help="budget cap for everything that goes to this folder")
    add_max_overrun_option(lay)
    add_json_option(lay, "the manifest")
