"""The inbox of takes: numbering, undo steps, refills and final errors."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from . import load_without_blender

take_inbox = load_without_blender("take_inbox")


def make_take(number: int) -> SimpleNamespace:
    """Return an object with what the inbox reads of a take."""
    return SimpleNamespace(number=number, to_manifest_entry=lambda: {"take": number, "prompt": "Tür"})


@pytest.fixture
def inbox():
    """An empty inbox."""
    return take_inbox.TakeInbox()


def test_a_take_is_stored_with_its_manifest_entry(inbox):
    """The entry is JSON that keeps umlauts readable."""
    take = make_take(1)
    assert inbox.receive(("cue", 2), [take]) == [(("cue", 2), take)]
    received = inbox.received["cue", 2]
    assert received.take is take
    assert json.loads(received.entry_json) == {"take": 1, "prompt": "Tür"}
    assert "Tür" in received.entry_json


def test_further_sounds_of_a_job_get_indices_of_their_own(inbox):
    """They are numbered in the order of the take numbers, above every index a cue uses, and lead back to their job's take."""
    takes = [make_take(3), make_take(1), make_take(2)]
    keyed = inbox.receive(("cue", 1), takes)
    assert [take.number for _, take in keyed] == [1, 2, 3]
    indices = [index for (_, index), _ in keyed]
    assert indices[0] == 1
    assert [take_inbox.is_extra_take(index) for index in indices] == [False, True, True]
    assert [take_inbox.job_take_index(index) for index in indices] == [1, 1, 1]
    assert not take_inbox.is_extra_take(take_inbox.MAX_TAKES)
    assert len(set(indices)) == 3


def test_extra_indices_of_different_takes_never_meet():
    """Each pair of a take and a position has its own index."""
    pairs = [(index, position) for index in range(take_inbox.MAX_TAKES + 1) for position in range(4)]
    assert len({take_inbox.extra_take_index(*pair) for pair in pairs}) == len(pairs)


def test_takes_are_filled_in_the_order_of_arrival(inbox):
    """Each is removed from the queue before it is filled."""
    inbox.fill_queue.extend([("a", 0), ("b", 0)])
    assert inbox.has_waiting("a")
    assert inbox.next_to_fill() == ("a", 0)
    assert not inbox.has_waiting("a")
    assert inbox.next_to_fill() == ("b", 0)
    with pytest.raises(IndexError):
        inbox.next_to_fill()


def fill_all(inbox, *, has_changed: bool = True) -> list[bool]:
    """Fill everything that waits; return after which fills an undo step ends."""
    steps = []
    while inbox.fill_queue:
        inbox.next_to_fill()
        steps.append(inbox.ends_undo_step(has_changed=has_changed))
    return steps


@pytest.mark.parametrize(
    ("count", "steps"),
    [(1, [True]), (4, [True] * 4), (5, [False] * 4 + [True]), (7, [False] * 6 + [True])],
)
def test_few_takes_get_an_undo_step_each_and_many_get_one(inbox, count, steps):
    """Blender's undo history is short: up to four steps are separate."""
    inbox.fill_queue.extend(("cue", index) for index in range(count))
    assert fill_all(inbox) == steps


def test_after_many_takes_the_next_has_a_step_of_its_own_again(inbox):
    """The single step of many ends with the last of them."""
    inbox.fill_queue.extend(("cue", index) for index in range(6))
    fill_all(inbox)
    inbox.fill_queue.append(("cue", 9))
    assert fill_all(inbox) == [True]


def test_a_fill_that_changes_nothing_ends_no_undo_step(inbox):
    """A take without strips leaves the history as it is."""
    inbox.fill_queue.append(("cue", 0))
    assert fill_all(inbox, has_changed=False) == [False]


def test_empty_placeholders_are_refilled_or_get_their_error(inbox):
    """A take that waits in the fill queue is not queued twice; one that is still running is left alone."""
    inbox.receive(("cue", 0), [make_take(1)])
    inbox.receive(("cue", 1), [make_take(2)])
    inbox.fill_queue.append(("cue", 1))
    inbox.final_errors["cue", 2] = "Cancelled"
    keys = [("cue", index) for index in range(4)]
    assert inbox.queue_refills(keys) == [("cue", 2)]
    assert list(inbox.refill_queue) == [("cue", 0)]


def test_a_new_scan_replaces_the_queue_of_refills(inbox):
    """What an earlier scan found is no longer right."""
    inbox.receive(("cue", 0), [make_take(1)])
    inbox.queue_refills([("cue", 0)])
    inbox.queue_refills([])
    assert not inbox.refill_queue
