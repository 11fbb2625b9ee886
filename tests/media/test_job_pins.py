"""Pins of jobs: a job's proxy is on disk once while the job is open, and only the cache keeps it afterwards."""

from __future__ import annotations

from fractions import Fraction

import pytest
from tracklay.cli.main import main
from tracklay.jobs import pipeline
from tracklay.media import fingerprint, proxy_cache

from tests.clips import flash_clip


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """A clip that counts as unchanged for long enough from its first moment."""
    monkeypatch.setattr(fingerprint, "MIN_SOURCE_AGE_SECONDS", -1)
    return flash_clip(tmp_path / "clip.mp4", Fraction(25), 50, [10])


@pytest.fixture
def while_pinned(home, monkeypatch):
    """The pins, and the number of names of each MP4 in Tracklay's folder, at the moment each job has its proxy."""
    states = []
    real = proxy_cache.extract_pinned

    def recorded(*arguments, **options):
        pinned = real(*arguments, **options)
        # The job's work folder has a further name of the file until the job's next step.
        names = [path for path in home.rglob("*.mp4") if "work" not in path.parts]
        files = {path.stat().st_ino for path in names}
        states.append((len(proxy_cache.list_pins()), len(names), len(files)))
        return pinned

    monkeypatch.setattr(pipeline, "extract_pinned", recorded)
    return states


def test_a_job_pins_its_proxy_until_it_ends(clip, home, tmp_path, while_pinned):
    """Two names of one file while the job is open, the cache entry alone when it has ended; all takes share one pin."""
    arguments = ["lay", str(clip), "--model", "sketch/foley", "--takes", "2", "--to", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert while_pinned == [(1, 2, 1)]
    assert proxy_cache.list_pins() == []
    assert [path.parent for path in home.rglob("*.mp4")] == [proxy_cache.proxy_cache_dir()]


def test_pins_that_no_open_job_needs_are_collected_at_the_next_start(clip, home, tmp_path):
    """Left by a crash, incomplete ones and folders of an earlier version too."""
    for name in ("complete-video", "incomplete-video"):
        (proxy_cache.pins_dir() / name).mkdir(parents=True)
    (proxy_cache.pins_dir() / "complete-video" / "proxy.mp4").write_bytes(b"proxy")
    (proxy_cache.pins_dir() / "complete-video" / "note.json").write_text(
        '{"proxy": "proxy.mp4", "times": ["0"], "seconds": "1"}'
    )
    assert main(["lay", str(clip), "--model", "sketch/foley", "--to", str(tmp_path / "out")]) == 0
    assert list(proxy_cache.pins_dir().iterdir()) == []
