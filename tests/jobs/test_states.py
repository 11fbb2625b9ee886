"""The table of states and transitions: complete, in the docs, and enforced by the ledger."""

from __future__ import annotations

import itertools

import pytest
from tracklay.errors import LedgerError
from tracklay.jobs.ledger import Ledger, NewJob
from tracklay.jobs.states import (
    FINAL_STATES,
    IN_FLIGHT_STATES,
    STATE_DESCRIPTIONS,
    TRANSITIONS,
    UNSENT_STATES,
    JobState,
)

from scripts.docs.job_states import PAGE, page

ALLOWED = {move[:2] for move in TRANSITIONS}
PLAN = NewJob("run", "project", "1", 0, "a/b", "a", 7, {"cue": {}}, "key")


def test_every_state_is_described_and_reachable():
    """Each has a description, a way in and, unless it is final, a way out; each belongs to exactly one group."""
    assert {after for _, after in ALLOWED} | {"planned"} == set(STATE_DESCRIPTIONS)
    assert {before for before, _ in ALLOWED} == set(STATE_DESCRIPTIONS) - FINAL_STATES
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


def job_in_state(ledger, state):
    """Return a job in a state, reached by the fewest transitions."""
    paths: dict[JobState, tuple[JobState, ...]] = {"planned": ()}
    for before, after in [move[:2] for move in TRANSITIONS] * len(TRANSITIONS):
        if before in paths and after not in paths:
            paths[after] = (*paths[before], after)
    (number,) = ledger.add_jobs([PLAN], "me")
    job = ledger.get_job(number)
    for after in paths[state]:
        job = ledger.transition(job, after)
    assert job.state == state
    return job


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STATE_DESCRIPTIONS, STATE_DESCRIPTIONS)))
def test_only_transitions_of_the_table_are_made(ledger, before, after):
    """All 121 pairs: those in the table move the job, all others leave it in its state."""
    job = job_in_state(ledger, before)
    if (before, after) in ALLOWED:
        assert ledger.transition(job, after).state == after
        return
    with pytest.raises(LedgerError):
        ledger.transition(job, after)
    assert ledger.get_job(job.id).state == before


def test_an_outdated_row_moves_no_job(ledger):
    """A transition from a row that another process has changed is refused."""
    job = job_in_state(ledger, "extracting")
    ledger.transition(job, "submitting")
    with pytest.raises(LedgerError, match="Another process"):
        ledger.transition(job, "submitting")
