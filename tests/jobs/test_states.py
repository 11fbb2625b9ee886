"""The table of states and moves: whole, told in the docs, and enforced by the ledger itself."""

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
PLAN = NewJob("run", "project", "1", 0, "a/b", "a", 7, {"cue": {}}, "wish")


def test_every_state_is_told_and_reached():
    """Each has a meaning, a way in and, unless it is over, a way out; each belongs to exactly one kind."""
    assert {after for _, after in ALLOWED} | {"planned"} == set(STATE_DESCRIPTIONS)
    assert {before for before, _ in ALLOWED} == set(STATE_DESCRIPTIONS) - FINAL_STATES
    assert sorted([*FINAL_STATES, *IN_FLIGHT_STATES, *UNSENT_STATES]) == sorted(STATE_DESCRIPTIONS)
    assert len(ALLOWED) == len(TRANSITIONS)


def test_the_page_holds_the_table():
    """docs/jobs.md is what the code says: `python scripts/docs/job_states.py` writes it."""
    text = PAGE.read_text("utf-8")
    assert page(text) == text


@pytest.fixture
def ledger(home):
    """An empty ledger."""
    ledger = Ledger()
    yield ledger
    ledger.close()


def brought_to(ledger, state):
    """A job in a state, by the shortest way there."""
    ways: dict[JobState, tuple[JobState, ...]] = {"planned": ()}
    for before, after in [move[:2] for move in TRANSITIONS] * len(TRANSITIONS):
        if before in ways and after not in ways:
            ways[after] = (*ways[before], after)
    (number,) = ledger.add_jobs([PLAN], "me")
    job = ledger.get_job(number)
    for after in ways[state]:
        job = ledger.transition(job, after)
    assert job.state == state
    return job


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STATE_DESCRIPTIONS, STATE_DESCRIPTIONS)))
def test_only_the_tables_moves_are_made(ledger, before, after):
    """All 121 pairs: those in the table move the job, all others leave it where it was."""
    job = brought_to(ledger, before)
    if (before, after) in ALLOWED:
        assert ledger.transition(job, after).state == after
        return
    with pytest.raises(LedgerError):
        ledger.transition(job, after)
    assert ledger.get_job(job.id).state == before


def test_a_job_that_was_moved_by_another_is_not_moved_again(ledger):
    """Who holds an old picture of a row changes nothing."""
    job = brought_to(ledger, "extracting")
    ledger.transition(job, "submitting")
    with pytest.raises(LedgerError, match="another process"):
        ledger.transition(job, "submitting")
