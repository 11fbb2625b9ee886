"""Music under every clip of a folder, all in one key and pace, as a work list that can be run again and again.

    python scripts/examples/score_folder.py rushes --prompt "slow, sparse, piano and strings, D minor, 72 bpm"

What has its music already is not made again; a new clip in the folder gets its own at the next run. `rushes/score.csv` can be opened in
a spreadsheet and edited: it is only written where it is missing a clip.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from pathlib import Path

CLIPS = {".mp4", ".mov", ".mkv", ".mxf", ".webm", ".avi"}
COLUMNS = ("id", "picture", "model", "prompt", "seed")


def main() -> int:
    """Write the list, and have it carried out; the status is `tracklay batch`'s own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prompt", default="calm, sparse")
    parser.add_argument("--model", default="sketch/music")
    parser.add_argument("--seed", default="1", help="the same for all: the same theme under each")
    asked, more = parser.parse_known_args()

    work_list = asked.folder / "score.csv"
    rows = []
    if work_list.exists():
        with work_list.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    listed = {row["picture"] for row in rows}
    clips = sorted(path.name for path in asked.folder.iterdir() if path.suffix.lower() in CLIPS)
    new = [name for name in clips if name not in listed]
    rows += [dict(zip(COLUMNS, (name, name, asked.model, asked.prompt, asked.seed), strict=True)) for name in new]
    if not rows:
        print(f"{asked.folder} holds no clips", file=sys.stderr)
        return 2
    if new:
        with work_list.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    # All else that was given is batch's: --max-cost 20, --dry-run, --workers 4.
    return subprocess.call(["tracklay", "batch", str(work_list), *more])  # noqa: S607 - the one on PATH is meant


if __name__ == "__main__":
    sys.exit(main())
