"""The grooves of the music engine: for each kind of groove the parts of the kit, and the patterns among which a seed chooses.

A pattern is one bar of sixteenth notes as in `styles`: `o x X` are soft, normal and accented strokes, `.` is a rest. A
groove keeps what makes its kind (a backbeat, four on the floor, a ride cymbal that swings) in most of its patterns; the
choices in between make one piece differ from the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import random

Groove = Mapping[str, str]
"""The pattern of each drum."""
Grooves = tuple[Groove, Groove, Groove]
"""A thin, a usual and a full groove."""

THIN, USUAL, FULL = range(3)
"""How much plays; also the indexes of a style's patterns for accompaniment and bass."""

_STRAIGHT_EIGHTHS = ("x.o.x.o.x.o.x.o.", "X.x.X.x.X.x.X.x.", "o.x.o.x.o.x.o.x.")


class GroovePart(NamedTuple):
    """A part of the kit: from `level` on it plays one of `patterns`, on one of `drums`."""

    level: int
    drums: tuple[str, ...]
    patterns: tuple[str, ...]


GROOVES: Final[Mapping[str, tuple[GroovePart, ...]]] = {
    "none": (),
    "faint": (
        GroovePart(
            FULL, ("shaker", "rim"), ("..o...o...o...o.", "....o.......o...", "o.....o...o.....", "..o.....o.o.....")
        ),
        GroovePart(FULL, ("kick",), ("o.........o.....", "o...............", "o.....o.........", "........o.......")),
    ),
    "four on the floor": (
        GroovePart(
            THIN,
            ("kick",),
            (
                "X...X...X...X...",
                "X...X...X...X.o.",
                "X...X..xX...X..x",
                "X..xX...X.x.X...",
                "X.....X...X..x..",  # two-step, as in garage
                "X..X..X...X.....",  # broken beat
            ),
        ),
        GroovePart(USUAL, ("clap", "snare", "rim"), ("....X.......X...", "....X.......X..o", "....X..o....X...")),
        GroovePart(
            THIN,
            ("hat",),
            (
                "..x...x...x...x.",
                "o.xoo.xoo.xoo.xo",
                "xoxoxoxoxoxoxoxo",
                ".x.x.x.x.x.x.x.x",
                "x..x..x...x..x..",
                "....o..x....x..o",
            ),
        ),
        GroovePart(
            USUAL,
            ("open",),
            ("..x...x...x...x.", "......x.......x.", "..........x.....", "................", "..x..........x.."),
        ),
        GroovePart(
            USUAL,
            ("rim", "low", "high"),
            ("................", "x..x..x...x..x..", "...x..x....x..x.", ".x....x..x....x.", "......xx......x."),
        ),
        GroovePart(
            FULL,
            ("shaker", "tambourine"),
            ("o.xoo.xoo.xoo.xo", "xoooxoooxoooxooo", "..X...X...X...X.", "x.oxx.oxx.oxx.ox", "....x.......x..."),
        ),
        GroovePart(
            FULL, ("ride", "mid"), ("................", "x.....x...x.....", "x..x..x..x..x.x.", "..x...x...x...x.")
        ),
    ),
    "backbeat": (
        GroovePart(
            USUAL,
            ("kick",),
            (
                "X.......X.x.....",
                "X..x....X.......",
                "X.....x.X.......",
                "X.x.....X..x....",
                "X..x..x...x.....",
                "X......xX.x...x.",
                "X.........X..x..",
                "X.x...x...x..x..",
            ),
        ),
        GroovePart(
            USUAL,
            ("snare",),
            ("....X.......X...", "....X.......X...", "....X..o.o..X...", "....X.......X..o", "....X..o....X.o."),
        ),
        GroovePart(
            THIN,
            ("hat", "ride"),
            (*_STRAIGHT_EIGHTHS, "x...x...x...x...", "xoxoxoxoxoxoxoxo", "X.xoX.xoX.xoX.xo", "..x...x...x...x."),
        ),
        GroovePart(
            USUAL,
            ("open",),
            ("................", "..............x.", "......x.........", "..x.......x.....", "......x.......x."),
        ),
        GroovePart(
            FULL,
            ("tambourine", "clap", "shaker"),
            ("....x.......x...", "..x...x...x...x.", "x.oxx.oxx.oxx.ox", "................", "x...x...x...x..."),
        ),
        GroovePart(
            FULL, ("low", "mid"), ("................", "..........o..o..", "...o.....o......", "............o.oo")
        ),
    ),
    "half time": (
        GroovePart(
            USUAL,
            ("kick",),
            (
                "X.....x...x.....",
                "X..x......x.....",
                "X......x..x....o",
                "X.x.......x..x..",
                "X.........X.x...",
                "X..x..x...x....o",
                "X.....x..x......",
                "X......xX.....x.",
            ),
        ),
        GroovePart(
            USUAL,
            ("snare", "rim", "clap"),
            ("....X.......X...", "....X.......X...", "........X.......", "....X..o....X..o"),
        ),
        GroovePart(
            THIN,
            ("hat",),
            (
                "x.o.x.o.x.o.x.o.",
                "x...o...x...o...",
                "x.oox.o.x.oox.xo",
                "..x...x...x...x.",
                "xxoxxxoxxoxxxoxx",
                "x..x..x..x..x.x.",
            ),
        ),
        GroovePart(USUAL, ("open",), ("................", "......o.......x.", "..............x.", "..x.............")),
        GroovePart(
            FULL,
            ("shaker", "tambourine", "clave"),
            ("................", "..o...x...o...x.", "x.oxx.oxx.oxx.ox", "....o.......o...", "x..x...x..x....."),
        ),
    ),
    "swing": (
        GroovePart(
            THIN,
            ("ride", "hat"),
            (
                "x...x.x.x...x.x.",
                "x...X...x...X...",
                "x...X.x.x...X...",
                "x.x.X...x...X.x.",
                "x...X.x.....X.x.",
                "x.x.....x.x.....",
            ),
        ),
        GroovePart(
            USUAL,
            ("kick",),
            (
                "o.......o.......",
                "o...o...o...o...",
                "................",
                "o.....x.........",
                "x.........o...x.",
                "..o...........x.",
            ),
        ),
        GroovePart(
            USUAL,
            ("snare",),
            (
                "................",
                "......o.......o.",
                "..o.....o.....o.",
                "....x.......x...",
                "..............x.",
                "......x...o.....",
            ),
        ),
        GroovePart(
            USUAL, ("rim", "open"), ("................", "....x.......x...", "............x...", "....o.........o.")
        ),
        GroovePart(
            FULL, ("low", "high"), ("................", "......o.....o...", "..........x...x.", "..o.........o.o.")
        ),
    ),
    "latin": (
        GroovePart(
            THIN,
            ("shaker", "hat"),
            (
                "x.oox.oox.oox.oo",
                "x.x.x.x.x.x.x.x.",
                "xooxooxoxooxooxo",
                "..x...x...x...x.",
                "xoxoxoxoxoxoxoxo",
                "x...x...x...x...",
            ),
        ),
        GroovePart(
            USUAL,
            ("clave", "rim"),
            (
                "x..x...x..x..x..",
                "x..x..x...x.x...",
                "..x.x...x..x..x.",
                "x..x..x.........",
                "....x..x..x.x..x",
                "..x..x..x..x..x.",
            ),
        ),
        GroovePart(
            USUAL,
            ("kick",),
            ("x.....x.x.....x.", "x..x....x..x....", "......x.......x.", "x.......x.......", "x..x..x...x....."),
        ),
        GroovePart(
            USUAL,
            ("high",),
            (
                "..o.x...o...x...",
                "......xx......xx",
                "x..x..x.x..x..x.",
                "................",
                "....x.......x.xx",
                "..x.......x.x...",
            ),
        ),
        GroovePart(
            FULL,
            ("low", "mid"),
            ("......xx......xx", "............x.x.", "..x...x...x...x.", "x..x....x..x....", "...x..x....x..x."),
        ),
        GroovePart(
            FULL,
            ("tambourine", "open"),
            ("................", "....x.......x...", "..x...x...x...x.", "..............x."),
        ),
    ),
    "light": (
        GroovePart(
            USUAL,
            ("shaker", "hat", "tambourine"),
            (
                "x.o.x.o.x.o.x.o.",
                "o.o.x.o.o.o.x.o.",
                "..x...x...x...x.",
                "x.oxx.oxx.oxx.ox",
                "o...x...o...x...",
                "x..ox..ox..ox..o",
            ),
        ),
        GroovePart(
            USUAL,
            ("rim", "low"),
            (
                "................",
                "....o.......o...",
                "x.....x...x.....",
                "......o.......o.",
                "x..x..x.........",
                "..........x...x.",
            ),
        ),
        GroovePart(
            FULL,
            ("kick",),
            ("x.......x.......", "x.....x.x.......", "x.......x.x.....", "x..x....x.......", "x.........x....."),
        ),
        GroovePart(
            FULL,
            ("snare", "tambourine", "rim"),
            ("....x.......x...", "............x...", "....x.......x.o.", "..x...x...x...x."),
        ),
    ),
    "waltz": (
        GroovePart(
            USUAL,
            ("tambourine", "shaker"),
            ("....o...o...", "........o...", "....o.......", "o...o...o...", "......o.o...", "..o.o...o.o."),
        ),
        GroovePart(FULL, ("kick",), ("o...........", "x.........o.", "o.....o.....")),
        GroovePart(FULL, ("snare", "rim"), ("............", "....o...o...", "........o...", "....o.o.o...")),
    ),
    "drums of war": (
        GroovePart(
            THIN,
            ("kick",),
            (
                "X.............o.",
                "X...............",
                "X.......o.......",
                "X..x............",
                "X.....x.........",
                "X.........x.x...",
            ),
        ),
        GroovePart(
            USUAL,
            ("low",),
            (
                "X..x..x.X..x..xx",
                "..........o...x.",
                "X.....x...x.....",
                "....x.x.....x.xx",
                "x.xxx.xxx.xxx.xx",
                "x..x..x..x..x.x.",
                "........X..x..x.",
            ),
        ),
        GroovePart(
            USUAL,
            ("high", "mid"),
            (
                "....o......o....",
                "..o.o.oo..o.o.oo",
                "....x.......x...",
                "................",
                "............xxxx",
                "..o..o..o..o..o.",
                "....X..o....X..o",
            ),
        ),
        GroovePart(
            FULL,
            ("snare", "mid"),
            (
                "....x.......x...",
                "x.oox.oox.oox.oo",
                "..............xx",
                "oooooooooooxoxxX",
                "....x..x....x.xx",
                "................",
            ),
        ),
        GroovePart(
            FULL,
            ("tambourine", "clap"),
            ("................", "....x.......x...", "x...x...x...x...", "..x...x...x...x."),
        ),
    ),
    "ticking": (
        GroovePart(
            THIN,
            ("tick", "rim"),
            (
                "o...o...o...o...",
                "x.o.x.o.x.o.x.o.",
                "x.oox.oox.oox.oo",
                "..o...o...o...o.",
                "o..o..o..o..o.o.",
                "x.......o.......",
                "xoooxoooxoooxooo",
            ),
        ),
        GroovePart(
            USUAL,
            ("kick",),
            (
                "X..........x....",
                "X..x......x.....",
                "X...............",
                "X......x........",
                "X.x.............",
                "X.......X.x.....",
                "......x.........",
            ),
        ),
        GroovePart(
            USUAL,
            ("low", "mid"),
            (
                "................",
                "......o.......x.",
                "..........x..x..",
                "............oxxX",
                "...x.......x....",
                "........x.......",
            ),
        ),
        GroovePart(
            FULL,
            ("high", "shaker"),
            ("................", "..x...x...x...x.", "oooooooooooooooo", "....x..x....x..x", "x..x..x..x..x.x."),
        ),
    ),
}
"""Grooves by kind; the kind of a style is in `styles`."""


def pick_grooves(kind: str, rng: random.Random) -> Grooves:
    """Return a thin, a usual and a full groove of a kind: the same choices, with more of them the fuller it is."""
    levels: tuple[dict[str, str], dict[str, str], dict[str, str]] = ({}, {}, {})
    for part in GROOVES[kind]:
        drum, pattern = rng.choice(part.drums), rng.choice(part.patterns)
        for level in range(part.level, FULL + 1):
            levels[level].setdefault(drum, pattern)
    return levels


def vary_pattern(pattern: str, rng: random.Random) -> str:
    """Return a variation of a bar of a drum: one soft stroke more or less in its second half, never on a beat."""
    half = len(pattern) // 2
    places = [at for at in range(half, len(pattern)) if at % 4 and (pattern[at] in "o." or rng.random() < 0.3)]
    at = rng.choice(places) if places else len(pattern) - 1
    return pattern[:at] + ("o" if pattern[at] == "." else ".") + pattern[at + 1 :]
