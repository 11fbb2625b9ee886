"""Only one machine of many makes a take: claims in a folder that they share."""

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
    """Seconds that a test lets pass."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def claimant(folder: Path, name: str, *more: str) -> subprocess.Popen[bytes]:
    """A machine, as a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "tests.jobs.claim_worker", str(folder), name, *more], cwd=ROOT)


def made(folder: Path) -> Counter[str]:
    """How often each key was made."""
    return Counter(line.split()[0] for line in (folder / "made").read_text().splitlines())


def test_each_take_is_made_by_one_machine_of_many(tmp_path):
    """Four processes that want the same four at the same moment: each is made once, and all come to their end."""
    machines = [claimant(tmp_path, str(number)) for number in range(MACHINES)]
    assert [machine.wait(60) for machine in machines] == [0] * MACHINES
    assert made(tmp_path) == dict.fromkeys(KEYS, 1)
    assert sorted(path.name for path in (tmp_path / "claims").iterdir()) == sorted(f"{key}.json" for key in KEYS)


def test_a_dead_machines_claim_is_taken_over_by_one(tmp_path):
    """One is killed as it makes its first: that one is made by one other, once, and nothing else twice."""
    dead = claimant(tmp_path, "dead", "die")
    assert dead.wait(60) == -9
    machines = [claimant(tmp_path, str(number)) for number in range(3)]
    assert [machine.wait(60) for machine in machines] == [0] * 3
    assert made(tmp_path) == {"one": 2} | dict.fromkeys(KEYS[1:], 1)


def test_a_claim_is_stale_only_when_its_beat_rests(tmp_path):
    """As long as the holder's file changes it lives, whatever the time; when it rests for too long, its place is free."""
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


def test_whoever_was_taken_over_does_not_take_back(tmp_path):
    """A machine that only slept goes on beating its old claim: the new holder keeps the place, and others wait for that one."""
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


def test_those_who_wait_share_a_failure_and_those_who_come_later_try_again(tmp_path):
    """A hundred machines don't ask for the same wrong thing; whoever mended it asks again and is asked for nothing else."""
    with SharedClaims(tmp_path) as holder, SharedClaims(tmp_path) as waiting:
        assert holder.acquire("cue")
        assert not waiting.acquire("cue")
        holder.release_failed("cue", "no credit left")
        assert not waiting.acquire("cue")
        assert waiting.failure_message("cue").endswith("could not make it: no credit left")
    with SharedClaims(tmp_path) as later:
        assert later.failure_message("cue") == ""
        assert later.acquire("cue")


def test_an_interrupted_machine_leaves_its_place_at_once(tmp_path):
    """Nobody waits for a beat that was ended in order."""
    with SharedClaims(tmp_path) as waiting:
        with SharedClaims(tmp_path) as holder:
            assert holder.acquire("cue")
            assert not waiting.acquire("cue")
        assert waiting.acquire("cue")


def test_a_record_that_is_no_good_is_made_again(tmp_path):
    """Its take was deleted: whoever says so gets the claim, and the new record stands."""
    with SharedClaims(tmp_path) as claims:
        assert claims.acquire("cue")
        claims.save_record("cue", {"take": "gone.wav"})
        assert not claims.acquire("cue")
        assert claims.acquire("cue", lambda record: record["take"] != "gone.wav")
        claims.save_record("cue", {"take": "there.wav"})
        assert claims.load_record("cue") == {"take": "there.wav"}


@pytest.mark.parametrize("words", ["", "{", "[1]", '"text"'])
def test_what_others_left_half_written_hinders_nobody(tmp_path, words):
    """A record or a claim that cannot be read counts as none: the record is made again, the claim gets stale."""
    (tmp_path / "cue.json").write_text(words)
    (tmp_path / "cue.1.claim").write_text(words)
    clock = Clock()
    with SharedClaims(tmp_path, stale_after_seconds=60, clock=clock) as claims:
        assert claims.load_record("cue") is None
        assert claims.holder_name("cue") == "another machine"
        assert not claims.acquire("cue")
        clock.now = 60
        assert claims.acquire("cue")
        claims.save_record("cue", {})
    assert json.loads((tmp_path / "cue.json").read_text()) == {}


def test_a_folder_that_takes_no_file_is_told(tmp_path):
    """One sentence, and nothing begins."""
    (tmp_path / "claims").write_text("a file")
    with pytest.raises(OutputError, match="Not a directory"), SharedClaims(tmp_path / "claims"):
        pass
