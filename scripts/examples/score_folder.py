"""Scores every clip of a folder in one key and tempo, as a work list that can be run repeatedly.

    python scripts/examples/score_folder.py rushes --prompt "slow, sparse, piano and strings, D minor, 72 bpm"

Clips that have music are skipped; new clips are added at the next run. Edit `rushes/score.csv` in a spreadsheet if you like: rows are
only ever added.
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
    """Write the list, run it, and return the exit status of `tracklay batch`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prompt", default="calm, sparse")
    parser.add_argument("--model", default="sketch/music")
    parser.add_argument("--seed", default="1", help="one seed for all clips: the same theme (default: 1)")
    options, batch_options = parser.parse_known_args()

    work_list = options.folder / "score.csv"
    rows = []
    if work_list.exists():
        with work_list.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    listed = {row["picture"] for row in rows}
    clips = sorted(path.name for path in options.folder.iterdir() if path.suffix.lower() in CLIPS)
    new = [name for name in clips if name not in listed]
    rows += [dict(zip(COLUMNS, (name, name, options.model, options.prompt, options.seed), strict=True)) for name in new]
    if not rows:
        print(f"No clips in {options.folder}.", file=sys.stderr)
        return 2
    if new:
        with work_list.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    # All other options are passed on to batch: --max-cost 20, --dry-run, --workers 4.
    return subprocess.call(["tracklay", "batch", str(work_list), *batch_options])  # noqa: S607 - the command on PATH


if __name__ == "__main__":
    sys.exit(main())
