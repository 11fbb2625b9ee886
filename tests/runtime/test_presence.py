"""Missing placeholders: grace period, undo and cancellation."""

from __future__ import annotations

import pytest

from . import load_without_blender

presence = load_without_blender("presence")

KEY = ("cue", 0)
GRACE = presence.DELETION_GRACE_SECONDS


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    """A clock at 100 seconds."""
    return Clock()


@pytest.fixture
def tracker(clock):
    """A tracker that knows nothing yet."""
    return presence.PresenceTracker(clock)


def missing(tracker, *, after_undo: bool = False, settled=frozenset()):
    """Update the tracker with a timeline that lacks the placeholder."""
    return tracker.update([KEY], set(), settled, after_undo=after_undo)


def present(tracker, *, after_undo: bool = False):
    """Update the tracker with a timeline that has the placeholder."""
    return tracker.update([KEY], {KEY}, set(), after_undo=after_undo)


def test_a_deleted_placeholder_is_cancelled_once_after_the_grace_period(tracker, clock):
    """Not before, and not a second time."""
    assert missing(tracker) == []
    clock.now += GRACE
    assert missing(tracker) == []
    clock.now += 0.1
    assert missing(tracker) == [KEY]
    assert KEY in tracker.cancelled_by_deletion
    clock.now += 10 * GRACE
    assert missing(tracker) == []
    assert not tracker.missing_since


def test_a_placeholder_that_reappears_in_time_starts_a_new_grace_period(tracker, clock):
    """Cut and paste takes less than the grace period."""
    missing(tracker)
    clock.now += GRACE - 0.1
    assert present(tracker) == []
    assert not tracker.missing_since
    clock.now += 1.0
    assert missing(tracker) == []
    clock.now += GRACE - 0.1
    assert missing(tracker) == []


def test_a_placeholder_that_an_undo_removed_is_never_cancelled(tracker, clock):
    """A redo can restore it at any time; then a deletion counts again."""
    assert missing(tracker, after_undo=True) == []
    clock.now += 100 * GRACE
    assert missing(tracker) == []
    assert KEY in tracker.removed_by_undo
    present(tracker)
    assert KEY not in tracker.removed_by_undo
    missing(tracker)
    clock.now += GRACE + 0.1
    assert missing(tracker) == [KEY]


def test_an_undo_after_the_deletion_does_not_stop_the_grace_period(tracker, clock):
    """The placeholder was missing before the undo, so the undo did not remove it."""
    missing(tracker)
    clock.now += GRACE + 0.1
    assert missing(tracker, after_undo=True) == [KEY]


def test_a_settled_take_is_not_cancelled(tracker, clock):
    """It has arrived or failed: there is no job to cancel."""
    assert missing(tracker, settled={KEY}) == []
    clock.now += 100 * GRACE
    assert missing(tracker, settled={KEY}) == []
    assert not tracker.missing_since


def test_opening_a_file_forgets_what_was_missing(tracker, clock):
    """Its placeholders were in the other file. Running cancellations stay known."""
    missing(tracker)
    tracker.removed_by_undo.add(("cue", 1))
    tracker.cancelled_by_deletion.add(("cue", 2))
    tracker.open_file()
    assert not tracker.missing_since
    assert not tracker.removed_by_undo
    assert tracker.cancelled_by_deletion == {("cue", 2)}


def test_cues_that_have_ended_are_forgotten(tracker):
    """Otherwise the timer would never stop."""
    tracker.update([("a", 0), ("b", 0)], set(), set(), after_undo=False)
    tracker.keep_cues({"b"})
    assert list(tracker.missing_since) == [("b", 0)]
