"""The schedule of scans and their slices."""

from __future__ import annotations

import pytest

from . import load_without_blender

timeline_scan = load_without_blender("timeline_scan")

INTERVAL = timeline_scan.SCAN_INTERVAL_SECONDS
OVERDUE = timeline_scan.SCAN_OVERDUE_SECONDS
SLICE = timeline_scan.SLICE_SECONDS


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    """The clock of the schedule."""
    return Clock()


@pytest.fixture
def slice_clock():
    """The clock of the slices."""
    return Clock()


@pytest.fixture
def scan(clock, slice_clock):
    """A scan whose first file has been scanned."""
    made = timeline_scan.TimelineScan(clock, slice_clock)
    made.finish([])
    return made


def test_a_new_file_is_scanned_at_once(clock):
    """No change is needed, and filling has to wait."""
    scan = timeline_scan.TimelineScan(clock)
    assert scan.is_due(has_changes=False)
    assert scan.is_overdue()
    assert scan.finish([]) is True
    assert not scan.is_due(has_changes=False)
    assert scan.finish([]) is False
    scan.open_file()
    assert scan.is_due(has_changes=False)
    assert scan.finish([]) is True


def test_changes_are_scanned_after_an_interval(scan, clock):
    """While the user drags a strip, the timeline changes with every mouse move."""
    assert not scan.is_due(has_changes=True)
    clock.now += INTERVAL + 0.01
    assert not scan.is_due(has_changes=False)
    assert scan.is_due(has_changes=True)


def test_a_scan_that_has_waited_too_long_is_overdue(scan, clock):
    """Until then, filling takes precedence."""
    clock.now += OVERDUE - 0.01
    assert not scan.is_overdue()
    clock.now += 0.02
    assert scan.is_overdue()


def steps(log: list[object], values: list[bool]):
    """Return a function that begins a scan of these steps and logs each."""

    def begin():
        for value in values:
            log.append(value)
            yield value
        log.append("end")

    return begin


def test_a_scan_that_fits_into_a_slice_ends_in_it(scan):
    """All its steps run."""
    log: list[object] = []
    scan.run_slice(steps(log, [False, False]))
    assert log == [False, False, "end"]
    assert not scan.is_active


def test_a_long_scan_continues_with_the_next_slice(scan, slice_clock):
    """It is not begun again, and it is due until it has ended."""
    log: list[object] = []

    def begin():
        log.append("begin")
        for number in range(3):
            slice_clock.now += SLICE
            log.append(number)
            yield False

    scan.run_slice(begin)
    assert log == ["begin", 0]
    assert scan.is_active
    assert scan.is_due(has_changes=False)
    scan.run_slice(begin)
    scan.run_slice(begin)
    scan.run_slice(begin)
    assert log == ["begin", 0, 1, 2]
    assert not scan.is_active


def test_a_step_can_end_its_slice(scan):
    """What follows it is a slice of its own, however little time has passed."""
    log: list[object] = []
    begin = steps(log, [False, True, False])
    scan.run_slice(begin)
    assert log == [False, True]
    scan.run_slice(begin)
    assert log == [False, True, False, "end"]


def test_an_aborted_scan_begins_again(scan):
    """Its findings are dropped."""
    log: list[object] = []
    scan.run_slice(steps(log, [True, False]))
    assert scan.abort() is True
    assert scan.abort() is False
    scan.run_slice(steps(log, [False]))
    assert log == [True, False, "end"]


def test_opening_a_file_drops_the_scan_of_the_one_before(scan):
    """The old file's strips no longer exist."""
    scan.run_slice(steps([], [True, False]))
    scan.open_file()
    assert not scan.is_active


def test_a_slice_of_time_ends(scan, slice_clock):
    """The returned function says so."""
    has_time = scan.time_slice()
    assert has_time()
    slice_clock.now += SLICE
    assert not has_time()


def test_filled_strips_are_queued_once_for_the_staleness_check(scan):
    """A new scan replaces the queue."""
    scan.finish([("Scene", "a"), ("Scene", "b"), ("Scene", "a")])
    assert list(scan.staleness_queue) == [("Scene", "a"), ("Scene", "b")]
    scan.finish([("Scene", "c")])
    assert list(scan.staleness_queue) == [("Scene", "c")]
