"""One of many machines, as a process: `claimant.py FOLDER NAME [die]` has every take of a farm made once, by whoever comes first.

What it makes it counts in FOLDER/made; with `die` it is killed in the middle of its first, without a word to anybody.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tracklay.jobs.shared_claims import Claims

KEYS = ("one", "two", "three", "four")


def main(folder: Path, name: str, *, dies: bool) -> None:
    """Make what nobody makes, and wait for the rest."""
    open_keys = list(KEYS)
    with Claims(folder / "claims", beat=0.05, stale=1.0) as claims:
        while open_keys:
            for key in list(open_keys):
                if claims.record(key):
                    open_keys.remove(key)
                elif claims.take(key):
                    with (folder / "made").open("a") as made:
                        made.write(f"{key} {name}\n")
                    if dies:
                        os.kill(os.getpid(), signal.SIGKILL)
                    claims.keep(key, {"by": name})
            claims.rest()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], dies="die" in sys.argv)
