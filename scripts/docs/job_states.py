"""Writes the states of a job and their moves into docs/jobs.md, from the table that the ledger itself holds to."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tracklay.jobs.states import FINAL_STATES, STATE_DESCRIPTIONS, TRANSITIONS

PAGE = ROOT / "docs" / "jobs.md"
BEGIN, END = "<!-- the table begins: scripts/docs/job_states.py -->", "<!-- the table ends -->"


def table() -> str:
    """The states and the moves, as Markdown."""
    states = ["| state | what it means |", "|---|---|"]
    states += [
        f"| **{state}**{' (over)' if state in FINAL_STATES else ''} | {meaning} |"
        for state, meaning in STATE_DESCRIPTIONS.items()
    ]
    moves = ["| from | to | when |", "|---|---|---|"]
    moves += [f"| {move.before} | {move.after} | {move.condition} |" for move in TRANSITIONS]
    return "\n".join([*states, "", *moves])


def page(text: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
