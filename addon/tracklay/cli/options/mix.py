"""Options of `tracklay mix`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..parser import Commands, add_command, add_json_option

DEFAULT_PRESET = "film"


def add_parser(commands: Commands[Any]) -> None:
    """Add the command's parser."""
    mix = add_command(commands, "mix", "mix:run_mix", help="mix the sounds of a picture to a loudness target")
    mix.add_argument("picture", metavar="PICTURE", type=Path, help="picture as for `tracklay lay`, or a manifest")
    mix.add_argument(
        "--preset",
        default=DEFAULT_PRESET,
        metavar="NAME",
        help="film, documentary, social, trailer, or a TOML file (default: film)",
    )
    mix.add_argument("--target", type=float, metavar="LUFS", help="integrated loudness (default: the preset's)")
    mix.add_argument("--true-peak", type=float, metavar="DB", help="highest true peak (default: the preset's)")
    mix.add_argument(
        "--kind",
        dest="kinds",
        action="append",
        default=[],
        metavar="SOUND=KIND",
        help="set a kind, as A2=dialogue; off leaves it out (repeatable)",
    )
    mix.add_argument(
        "--layout",
        choices=("auto", "mono", "stereo", "5.1"),
        default="auto",
        help="of the mix; auto: 5.1 if a sound is surround, else stereo",
    )
    mix.add_argument("--stems", action="store_true", help="also write a WAV of each kind; they sum to the mix")
    mix.add_argument("--to", type=Path, metavar="FOLDER", help="output folder (default: tracklay/ beside the picture)")
    add_json_option(mix, "the files, measures and curves")
