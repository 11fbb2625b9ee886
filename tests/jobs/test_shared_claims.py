"""Claims in a shared folder: only one machine of many makes a take."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tracklay.errors import OutputError
from tracklay.jobs.shared_claims import SharedClaims

from .claim_worker import KEYS

ROOT = Path(__file__).parents[2]
MACHINES = 4


class Clock:
    """A clock in seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def start_machine(folder: Path, name: str, *more: str) -> subprocess.Popen[bytes]:
    """Start a machine, as a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "tests.jobs.claim_worker", str(folder), name, *more], cwd=ROOT)


def made(folder: Path) -> Counter[str]:
    """Return how often each key was made."""
    return Counter(line.split()[0] for line in (folder / "made").read_text().splitlines())


def test_each_take_is_made_by_one_machine_of_many(tmp_path):
    """Four processes claim the same four keys at the same moment: each is made once, and all processes end."""
    machines = [start_machine(tmp_path, str(number)) for number in range(MACHINES)]
    assert [machine.wait(60) for machine in machines] == [0] * MACHINES
    assert made(tmp_path) == dict.fromkeys(KEYS, 1)
    assert sorted(path.name for path in (tmp_path / "claims").iterdir()) == sorted(f"{key}.json" for key in KEYS)


def test_a_dead_machines_claim_is_taken_over_by_one(tmp_path):
    """One is killed while it makes its first take: one other makes that take again, and no other take is made twice."""
    dead = start_machine(tmp_path, "dead", "die")
    assert dead.wait(60) == -9
    machines = [start_machine(tmp_path, str(number)) for number in range(3)]
    assert [machine.wait(60) for machine in machines] == [0] * 3
    assert made(tmp_path) == {"one": 2} | dict.fromkeys(KEYS[1:], 1)


def test_a_claim_is_stale_only_without_heartbeat(tmp_path):
    """While the holder's file changes it is alive, however late; after too long without a change it can be taken over."""
    clock = Clock()
    with (
        SharedClaims(tmp_path, heartbeat_seconds=3600) as holder,
        SharedClaims(tmp_path, heartbeat_seconds=3600, stale_after_seconds=60, clock=clock) as other,
    ):
        assert holder.acquire("cue")
        for beat in range(3):
            assert not other.acquire("cue")
            clock.now += 59
            holder._heartbeat_count = beat + 1
            holder._update_claim("cue", 1)
        assert not other.acquire("cue")
        clock.now += 59
        assert not other.acquire("cue")
        clock.now += 1
        assert other.acquire("cue")


def test_a_machine_that_was_taken_over_does_not_get_its_claim_back(tmp_path):
    """A machine that was only suspended keeps writing its old claim: the new holder keeps the key, and others wait for it."""
    clock = Clock()
    with (
        SharedClaims(tmp_path, heartbeat_seconds=3600) as sleeper,
        SharedClaims(tmp_path, heartbeat_seconds=3600, stale_after_seconds=60, clock=clock) as heir,
        SharedClaims(tmp_path, heartbeat_seconds=3600) as third,
    ):
        assert sleeper.acquire("cue")
        assert not heir.acquire("cue")
        clock.now = 60
        assert heir.acquire("cue")
        sleeper._update_claim("cue", 1)
        assert not third.acquire("cue")
        heir.save_record("cue", {"by": "heir"})
        sleeper.release_failed("cue", "too late")
        assert third.load_record("cue") == {"by": "heir"}
        assert third.failure_message("cue") == ""


def test_waiting_machines_share_a_failure_and_later_ones_try_again(tmp_path):
    """A hundred machines do not repeat the same failing request; one that comes later, after the cause is fixed, may."""
    with SharedClaims(tmp_path) as holder, SharedClaims(tmp_path) as waiting:
        assert holder.acquire("cue")
        assert not waiting.acquire("cue")
        holder.release_failed("cue", "no credit left")
        assert not waiting.acquire("cue")
        assert waiting.failure_message("cue").endswith("failed: no credit left")
    with SharedClaims(tmp_path) as later:
        assert later.failure_message("cue") == ""
        assert later.acquire("cue")


def test_an_interrupted_machine_releases_its_claims_at_once(tmp_path):
    """No machine waits for a claim that was released properly."""
    with SharedClaims(tmp_path) as waiting:
        with SharedClaims(tmp_path) as holder:
            assert holder.acquire("cue")
            assert not waiting.acquire("cue")
        assert waiting.acquire("cue")


def test_an_invalid_record_is_made_again(tmp_path):
    """Its take was deleted: the machine that finds out gets the claim, and saves a new record."""
    with SharedClaims(tmp_path) as claims:
        assert claims.acquire("cue")
        claims.save_record("cue", {"take": "gone.wav"})
        assert not claims.acquire("cue")
        assert claims.acquire("cue", lambda record: record["take"] != "gone.wav")
        claims.save_record("cue", {"take": "there.wav"})
        assert claims.load_record("cue") == {"take": "there.wav"}


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", '"text"', "[" * 200_000], ids=["empty", "cut off", "a list", "text", "deep"]
)
def test_half_written_files_block_no_machine(tmp_path, content):
    """A record that cannot be read counts as none; a claim that cannot be read becomes stale."""
    (tmp_path / "cue.json").write_text(content)
    (tmp_path / "cue.1.claim").write_text(content)
    clock = Clock()
    with SharedClaims(tmp_path, stale_after_seconds=60, clock=clock) as claims:
        assert claims.load_record("cue") is None
        assert claims.holder_name("cue") == "another machine"
        assert not claims.acquire("cue")
        clock.now = 60
        assert claims.acquire("cue")
        claims.save_record("cue", {})
    assert json.loads((tmp_path / "cue.json").read_text()) == {}


def test_a_record_is_read_as_replies_are(tmp_path):
    """Another machine's numbers are finite, and its text is Unicode."""
    (tmp_path / "cue.json").write_text(r'{"samples": 1e999, "file": "\ud800.wav"}')
    (tmp_path / "cue.1.claim").write_text(r'{"machine": "\ud800"}')
    with SharedClaims(tmp_path) as claims:
        assert claims.load_record("cue") == {"samples": None, "file": "\N{REPLACEMENT CHARACTER}.wav"}
        claims.holder_name("cue").encode()


def test_a_folder_that_cannot_be_used_is_reported(tmp_path):
    """An error, and nothing starts."""
    (tmp_path / "claims").write_text("a file")
    with pytest.raises(OutputError, match="Not a directory"), SharedClaims(tmp_path / "claims"):
        pass
