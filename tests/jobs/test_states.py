"""The table of states and transitions: complete, in the docs, and enforced by the ledger."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import pytest
from tracklay.cue import Cue, Picture
from tracklay.errors import LedgerError
from tracklay.jobs.ledger import Ledger, NewJob
from tracklay.jobs.ledger_schema import STATE_COLUMNS
from tracklay.jobs.pictures.stored_cue import cue_to_dict
from tracklay.jobs.states import (
    FINAL_STATES,
    IN_FLIGHT_STATES,
    STATE_DESCRIPTIONS,
    TRANSITIONS,
    UNSENT_STATES,
    JobState,
)
from tracklay.timing import Rate, Span, TimeMap

from scripts.docs.job_states import PAGE, page

RATE = Rate(Fraction(25))
ALLOWED = {move[:2] for move in TRANSITIONS}
CUE = Cue("1", Span(0, 1, RATE), Picture(Path("clip.mp4"), TimeMap.linear(Span(0, 1, RATE), Fraction(0))), "a/b")
PLAN = NewJob("run", "project", "1", 0, "a/b", "a", 7, {"cue": cue_to_dict(CUE)}, "key")


def test_every_state_is_described_and_reachable():
    """Each has a description, a way in and, unless it is final, a way out; each belongs to exactly one group.

    Of the final states only a failed job can be led out, by its user.
    """
    assert {after for _, after in ALLOWED} | {"planned"} == set(STATE_DESCRIPTIONS)
    assert {before for before, _ in ALLOWED} == set(STATE_DESCRIPTIONS) - (FINAL_STATES - {"failed"})
    assert sorted([*FINAL_STATES, *IN_FLIGHT_STATES, *UNSENT_STATES]) == sorted(STATE_DESCRIPTIONS)
    assert len(ALLOWED) == len(TRANSITIONS)


def test_the_page_holds_the_table():
    """docs/jobs.md matches the code; `python scripts/docs/job_states.py` writes it."""
    text = PAGE.read_text("utf-8")
    assert page(text) == text


@pytest.fixture
def ledger(home):
    """Open an empty ledger."""
    ledger = Ledger()
    yield ledger
    ledger.close()


COLUMNS = {
    "submission": {"id": "1", "data": {}},
    "job_handle": {"request": "1", "data": {}},
    "output": {"folder": "1", "file": "a.wav", "cost": {"currency": "USD"}, "stems": {}, "others": []},
}
"""The least that each column holds."""


def move(ledger, job, after):
    """Move a job to a state, with the columns that the state needs."""
    return ledger.transition(job, after, **{name: COLUMNS[name] for name in STATE_COLUMNS.get(after, ())})


def job_in_state(ledger, state):
    """Return a job in a state, reached by the fewest transitions."""
    paths: dict[JobState, tuple[JobState, ...]] = {"planned": ()}
    for before, after in [move[:2] for move in TRANSITIONS] * len(TRANSITIONS):
        if before in paths and after not in paths:
            paths[after] = (*paths[before], after)
    (number,) = ledger.add_jobs([PLAN], "me")
    job = ledger.get_job(number)
    for after in paths[state]:
        job = move(ledger, job, after)
    assert job.state == state
    return job


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STATE_DESCRIPTIONS, STATE_DESCRIPTIONS)))
def test_only_transitions_of_the_table_are_made(ledger, before, after):
    """All 121 pairs: those in the table move the job, all others leave it in its state."""
    job = job_in_state(ledger, before)
    if (before, after) in ALLOWED:
        assert move(ledger, job, after).state == after
        return
    with pytest.raises(LedgerError):
        move(ledger, job, after)
    assert ledger.get_job(job.id).state == before


def test_an_outdated_row_moves_no_job(ledger):
    """A transition from a row that another process has changed is refused."""
    job = job_in_state(ledger, "extracting")
    move(ledger, job, "submitting")
    with pytest.raises(LedgerError, match="Another process"):
        move(ledger, job, "submitting")
