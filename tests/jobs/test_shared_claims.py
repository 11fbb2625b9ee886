"""Only one machine of many makes a take: claims in a folder that they share."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tracklay.errors import OutputError
from tracklay.jobs.shared_claims import Claims

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
    with Claims(tmp_path, beat=3600) as holder, Claims(tmp_path, beat=3600, stale=60, clock=clock) as other:
        assert holder.take("cue")
        for beat in range(3):
            assert not other.take("cue")
            clock.now += 59
            holder._beats = beat + 1
            holder._write("cue", 1)
        assert not other.take("cue")
        clock.now += 59
        assert not other.take("cue")
        clock.now += 1
        assert other.take("cue")


def test_whoever_was_taken_over_does_not_take_back(tmp_path):
    """A machine that only slept goes on beating its old claim: the new holder keeps the place, and others wait for that one."""
    clock = Clock()
    with (
        Claims(tmp_path, beat=3600) as sleeper,
        Claims(tmp_path, beat=3600, stale=60, clock=clock) as heir,
        Claims(tmp_path, beat=3600) as third,
    ):
        assert sleeper.take("cue")
        assert not heir.take("cue")
        clock.now = 60
        assert heir.take("cue")
        sleeper._write("cue", 1)
        assert not third.take("cue")
        heir.keep("cue", {"by": "heir"})
        sleeper.give_up("cue", "too late")
        assert third.record("cue") == {"by": "heir"}
        assert third.failed("cue") == ""


def test_those_who_wait_share_a_failure_and_those_who_come_later_try_again(tmp_path):
    """A hundred machines don't ask for the same wrong thing; whoever mended it asks again and is asked for nothing else."""
    with Claims(tmp_path) as holder, Claims(tmp_path) as waiting:
        assert holder.take("cue")
        assert not waiting.take("cue")
        holder.give_up("cue", "no credit left")
        assert not waiting.take("cue")
        assert waiting.failed("cue").endswith("could not make it: no credit left")
    with Claims(tmp_path) as later:
        assert later.failed("cue") == ""
        assert later.take("cue")


def test_an_interrupted_machine_leaves_its_place_at_once(tmp_path):
    """Nobody waits for a beat that was ended in order."""
    with Claims(tmp_path) as waiting:
        with Claims(tmp_path) as holder:
            assert holder.take("cue")
            assert not waiting.take("cue")
        assert waiting.take("cue")


def test_a_record_that_is_no_good_is_made_again(tmp_path):
    """Its take was deleted: whoever says so gets the claim, and the new record stands."""
    with Claims(tmp_path) as claims:
        assert claims.take("cue")
        claims.keep("cue", {"take": "gone.wav"})
        assert not claims.take("cue")
        assert claims.take("cue", lambda record: record["take"] != "gone.wav")
        claims.keep("cue", {"take": "there.wav"})
        assert claims.record("cue") == {"take": "there.wav"}


@pytest.mark.parametrize("words", ["", "{", "[1]", '"text"'])
def test_what_others_left_half_written_hinders_nobody(tmp_path, words):
    """A record or a claim that cannot be read counts as none: the record is made again, the claim gets stale."""
    (tmp_path / "cue.json").write_text(words)
    (tmp_path / "cue.1.claim").write_text(words)
    clock = Clock()
    with Claims(tmp_path, stale=60, clock=clock) as claims:
        assert claims.record("cue") is None
        assert claims.holder("cue") == "another machine"
        assert not claims.take("cue")
        clock.now = 60
        assert claims.take("cue")
        claims.keep("cue", {})
    assert json.loads((tmp_path / "cue.json").read_text()) == {}


def test_a_folder_that_takes_no_file_is_told(tmp_path):
    """One sentence, and nothing begins."""
    (tmp_path / "claims").write_text("a file")
    with pytest.raises(OutputError, match="is no folder"), Claims(tmp_path / "claims"):
        pass
