"""Killed with SIGKILL at every transition and at any other moment: afterwards nothing was paid twice and no take is lost.

A sample runs with the other tests; `TRACKLAY_KILLS=300 python -m pytest tests/jobs/test_kills.py` is the number of kills.
"""

from __future__ import annotations

import os
import random
from fractions import Fraction

import pytest

from tests.clips import flash_clip
from tests.fakes.server import BAD_GATEWAY, Fault
from tests.jobs.kill_harness import KILLED, POINTS, Case, Forge, kind

KINDS = ("sketch", "cog", "comfyui", "replicate", "fal", "scenario", "beatoven")
HOSTED = KINDS[3:]

KILLS = int(os.environ.get("TRACKLAY_KILLS", "0"))
"""How many kills at random moments; 0 for the sample."""

SAMPLE_POINTS = {
    "sketch": ("before:ready",),
    "cog": ("after:fetching",),
    "comfyui": ("before:running", "after:running"),
    "replicate": ("before:submitting", "after:submitting", "before:running", "after:conforming", "before:laid"),
    "fal": ("before:running", "before:conforming"),
    "scenario": ("before:running",),
    "beatoven": ("before:running", "after:running"),
}
POINTS_OF = dict.fromkeys(KINDS, POINTS) if KILLS else SAMPLE_POINTS
SAMPLE_KILLS = 2
"""For each of these kinds at random moments, when it is only a sample."""

pytestmark = pytest.mark.timeout(3600 if KILLS else 300)


@pytest.fixture(scope="module")
def forge():
    """Start the process that forks the commands."""
    with Forge() as process:
        yield process


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Write a clip of a second with a flash."""
    return flash_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", Fraction(25), 25, (5,))


@pytest.mark.parametrize(("name", "at"), [(name, at) for name, points in POINTS_OF.items() for at in points])
def test_killed_at_a_transition(forge, clip, tmp_path, name, at):
    """Before the transition is on disk and after it, for each provider."""
    with kind(name) as fake:
        case = Case(forge, fake, tmp_path / "case", clip)
        assert case.lay(at=at) == KILLED
        case.recover()
        case.check()


@pytest.mark.parametrize("name", KINDS if KILLS else ("replicate",))
def test_killed_at_any_moment_and_while_it_recovers(forge, clip, tmp_path, name):
    """Three takes at once; the process dies at one of some hundred moments, and often again while it resumes."""
    chance = random.Random(f"{name} {KILLS}")  # noqa: S311 - the same kills each time
    with kind(name) as fake:
        whole = Case(forge, fake, tmp_path / "whole", clip, takes=3)
        assert whole.lay(event=0) == 0
        whole.check()
        events, kills, number = int((whole.folder / "output.events").read_text()), 0, 0
        while kills < (KILLS // len(KINDS) + 1 if KILLS else SAMPLE_KILLS):
            number += 1
            case = Case(forge, fake, tmp_path / str(number), clip, takes=3)
            killed = case.lay(event=chance.randrange(1, events)) == KILLED
            while killed:
                kills += 1
                again = chance.random() < 0.4 and (case.home / "ledger.sqlite3").exists()
                killed = again and case.tracklay("jobs", "resume", event=chance.randrange(1, events // 2)) == KILLED
            case.recover()
            case.check()
            case.clean()


PARTS, PART_FRAMES = (10, 210) if KILLS else (4, 84)
"""Parts of at most a second, and the frames of a cue that needs this number."""

CONTINUED, CONTINUED_FRAMES = (10, 137) if KILLS else (3, 40)
"""The same of music, which is made a fifth longer, each part from the third of a second before it."""

PART_KILLS = 30 if KILLS else SAMPLE_KILLS


@pytest.mark.parametrize(
    ("name", "parts", "frames"), [("replicate", PARTS, PART_FRAMES), ("continued", CONTINUED, CONTINUED_FRAMES)]
)
def test_killed_while_it_makes_parts(forge, tmp_path, name, parts, frames):
    """One take in parts, at once or each from the one before; the process dies at any moment, and again while it resumes.

    No part is paid twice, none is lost. Music is the same as without a kill: each part continues the one before.
    """
    long = flash_clip(tmp_path / "long.mp4", Fraction(25), frames, range(3, frames, 16), size=(64, 36))
    chance = random.Random(f"parts {KILLS}")  # noqa: S311 - the same kills each time
    with kind(name) as fake:
        whole = Case(forge, fake, tmp_path / "whole", long, parts=parts)
        assert whole.lay(event=0) == 0
        whole.check()
        events, kills, number = int((whole.folder / "output.events").read_text()), 0, 0
        while kills < PART_KILLS:
            number += 1
            case = Case(forge, fake, tmp_path / str(number), long, parts=parts)
            killed = case.lay(event=chance.randrange(1, events)) == KILLED
            while killed:
                kills += 1
                again = chance.random() < 0.4 and (case.home / "ledger.sqlite3").exists()
                killed = again and case.tracklay("jobs", "resume", event=chance.randrange(1, events // 2)) == KILLED
            case.recover()
            case.check()
            if name == "continued":
                assert case.takes_samples() == whole.takes_samples()
            case.clean()


FAULTS = {
    "the answer is lost": ("create", [Fault("reset-after")]),
    "the answer is empty": ("create", [Fault("empty", 202)]),
    "a burst of 429": ("create", [Fault("answer", 429, (("retry-after", "0"),), b"{}")] * 4),
    "resets in the download": ("deliver", [Fault("reset"), Fault("truncate"), Fault("truncate")]),
    "a cut body with the right status": ("deliver", [Fault("half-json")]),
    "a burst of 5xx in the download": ("deliver", [Fault("answer", 503, (), BAD_GATEWAY)] * 4),
    "a slow drip": ("deliver", [Fault("drip")]),
}


SAMPLE_FAULTS = ("the answer is lost", "the answer is empty", "resets in the download", "a slow drip")


@pytest.mark.parametrize("name", HOSTED if KILLS else ("replicate",))
@pytest.mark.parametrize("fault", FAULTS if KILLS else SAMPLE_FAULTS)
def test_killed_under_a_fault(forge, clip, tmp_path, name, fault):
    """The network goes wrong, and the process dies on top of it: still one submission for each take."""
    where, faults = FAULTS[fault]
    with kind(name) as fake:
        assert fake.server
        assert fake.deliver
        server, call = (fake.server, fake.create) if where == "create" else fake.deliver
        case = Case(forge, fake, tmp_path / "case", clip, takes=2)
        server.go_wrong(call, *faults)
        case.lay(at="before:fetching")
        case.recover()
        case.check()
