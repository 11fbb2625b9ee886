"""Writes the states of a job and their transitions into docs/jobs.md, from the table that the ledger enforces."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "addon")]

from tracklay.jobs.states import FINAL_STATES, STATE_DESCRIPTIONS, TRANSITIONS

PAGE = ROOT / "docs" / "jobs.md"
BEGIN, END = "<!-- the table begins: scripts/docs/job_states.py -->", "<!-- the table ends -->"


def table() -> str:
    """Return the states and the transitions as Markdown tables."""
    states = ["| state | meaning |", "|---|---|"]
    states += [
        f"| **{state}**{' (final)' if state in FINAL_STATES else ''} | {meaning} |"
        for state, meaning in STATE_DESCRIPTIONS.items()
    ]
    transitions = ["| from | to | when |", "|---|---|---|"]
    transitions += [f"| {each.before} | {each.after} | {each.condition} |" for each in TRANSITIONS]
    return "\n".join([*states, "", *transitions])


def page(text: str) -> str:
    """Return the page with the present table."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> int:
    """Write the page, or check it and return 1 if it is out of date."""
    text = PAGE.read_text("utf-8")
    if "--check" in sys.argv:
        return int(text != page(text))
    PAGE.write_text(page(text), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
