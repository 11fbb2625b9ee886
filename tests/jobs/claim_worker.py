"""One of many machines, as a process: `claim_worker.py FOLDER NAME [die]` makes each take of a farm that no other machine makes.

It appends each take to FOLDER/made. With `die` it is killed in the middle of its first take.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tracklay.jobs.shared_claims import SharedClaims

KEYS = ("one", "two", "three", "four")


def main(folder: Path, name: str, *, dies: bool) -> None:
    """Make the takes that no other machine makes, and wait for the rest."""
    open_keys = list(KEYS)
    with SharedClaims(folder / "claims", heartbeat_seconds=0.05, stale_after_seconds=1.0) as claims:
        while open_keys:
            for key in list(open_keys):
                if claims.load_record(key):
                    open_keys.remove(key)
                elif claims.acquire(key):
                    with (folder / "made").open("a") as made:
                        made.write(f"{key} {name}\n")
                    if dies:
                        os.kill(os.getpid(), signal.SIGKILL)
                    claims.save_record(key, {"by": name})
            claims.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], dies="die" in sys.argv)
