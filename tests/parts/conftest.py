"""A clicking model that is made for two seconds, and misbehaves on request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from tracklay.cli.main import main
from tracklay.cue import Cost
from tracklay.errors import SubmissionUnknown, TracklayError
from tracklay.jobs.parted.part_spec import part_seed
from tracklay.models import load_catalogue
from tracklay.providers import base
from tracklay.providers.base import JobHandle, JobProgress, Output, Submission

from tests.clips import flash_clip
from tests.fakes import click_model

if TYPE_CHECKING:
    from tracklay.jobs.job_spec import JobSpec

RATE = Fraction(24000, 1001)
FRAMES = 120
FLASHES = tuple(range(5, FRAMES, 19))
FORMATS = (("wav", 44_100), ("flac", 48_000), ("mp3", 44_100), ("mp4", 44_100))

MODEL = click_model.MODEL.replace('amount = "0"', 'amount = "0.01", per = "take"')
LIMITS = "seconds = { least = 1, most = 3, native = 2 }\n"


@dataclass
class Behaviour:
    """What the model does.

    Attributes:
        seeds: the seed of each request, in the order in which they came.
        errors: errors by the seed of the request, used up one by one: raised when it is polled.
        formats: kinds and rates of its files, used in turn.
        lost: seeds of requests whose answer is lost.
        on_poll: called instead of finishing, if it is set.
        cancelled: seeds of the requests that were cancelled.
    """

    seeds: list[int] = field(default_factory=list)
    errors: dict[int, list[TracklayError]] = field(default_factory=dict)
    formats: tuple[tuple[str, int], ...] = FORMATS[:1]
    lost: set[int] = field(default_factory=set)
    on_poll: Callable[[], object] | None = None
    cancelled: list[int] = field(default_factory=list)


class PartModel(click_model.Clicker):
    """A clicking model with a behaviour."""

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__()
        self.behaviour = behaviour

    async def submit(self, submission: Submission) -> JobHandle:
        self.behaviour.seeds.append(submission.data["seed"])
        if submission.data["seed"] in self.behaviour.lost:
            raise SubmissionUnknown("x.lost", "No answer came.")
        return await super().submit(submission)

    async def poll(self, handle: JobHandle) -> JobProgress:
        if errors := self.behaviour.errors.get(handle.data["seed"]):
            raise errors.pop(0)
        if self.behaviour.on_poll is not None:
            self.behaviour.on_poll()
            return JobProgress("running")
        return JobProgress("done")

    async def cancel(self, handle: JobHandle) -> bool:
        self.behaviour.cancelled.append(handle.data["seed"])
        return True

    async def collect(self, handle: JobHandle, folder: Path) -> Output:
        formats, seed = self.behaviour.formats, handle.data["seed"]
        kind, rate = formats[self.behaviour.seeds.index(seed) % len(formats)]
        times = [Fraction(time) for time in handle.data["flashes"]]
        file = click_model.write(
            click_model.click_track(times, Fraction(handle.data["seconds"]), rate), rate, kind, folder
        )
        return Output(file, seed, "1", Cost("0.01", "USD", estimated=False))


@pytest.fixture
def behaviour(home) -> Behaviour:
    """Add the model to the catalogue; its behaviour is the fixture's value."""
    (home / "models").mkdir()
    (home / "models" / "clicker.toml").write_text(MODEL + LIMITS)
    behaviour = Behaviour()
    base.register("clicker", lambda: PartModel(behaviour))
    return behaviour


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """A clip of five seconds that flashes."""
    return flash_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", RATE, FRAMES, FLASHES, size=(64, 36))


@pytest.fixture
def seeds(behaviour) -> list[int]:
    """The seeds of the parts of a take with seed 5."""
    spec = SimpleNamespace(model=load_catalogue()["clicker/clicks"], cue=SimpleNamespace(part_recipes=()))
    return [part_seed(cast("JobSpec", spec), 5, number) for number in (1, 2, 3)]


@pytest.fixture
def run(capsys):
    """Run a command; return its status, what it printed as JSON (None if nothing), and its messages."""

    def run_command(*arguments: object) -> tuple[int, Any, str]:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return status, json.loads(out) if out.strip().startswith("{") else None, err

    return run_command
