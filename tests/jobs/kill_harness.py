"""Runs `tracklay` against a fake provider, kills it, resumes the job, and checks that nothing was paid twice or lost."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tracklay.jobs.ledger import Ledger
from tracklay.jobs.states import TRANSITIONS
from tracklay.media.wav_reader import WavReader

from tests.fakes import beatoven, cog, comfyui, fal, replicate, scenario
from tests.fakes.musicgen import MusicGen
from tests.fakes.server import Server

ROOT = Path(__file__).resolve().parents[2]
KILLED = -signal.SIGKILL
MOST_ROUNDS = 6
TAKE = re.compile(r"\.take\d+\.wav$")


@dataclass
class Kind:
    """A fake provider: what its command needs, how many requests it got, and which server receives the submissions."""

    name: str
    model: str
    environment: dict[str, str]
    asked: Callable[[], int]
    server: Server | None = None
    create: str = ""
    deliver: tuple[Server, str] | None = None
    lists: bool = True
    settings: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    """Files of the user's own models."""


@contextlib.contextmanager
def kind(name: str) -> Iterator[Kind]:
    """Start the fake of a provider."""
    if name == "sketch":
        yield Kind(name, "sketch/foley", {}, lambda: 0)
    elif name == "cog":
        with Server(cog.Cog()) as server:
            begun = server.app.begun
            yield Kind(name, "cog/mmaudio", {"TRACKLAY_COG_URL": server.url}, lambda: len(set(begun)), server, "PUT .*")
    elif name == "comfyui":
        with comfyui.ComfyUI() as fake, Server(comfyui.ComfyUIProxy(fake)) as server:
            # A prompt that is queued a second time has the same ID.
            yield Kind(
                *(name, "comfyui/foley", {"TRACKLAY_COMFYUI_URL": server.url}),
                *(lambda: len({prompt.id for prompt in fake.queued}), server, "POST /prompt"),
                files={"foley.json": json.dumps(comfyui.WORKFLOW), "comfyui-foley.toml": comfyui.MODEL},
            )
    elif name == "replicate":
        with Server(replicate.Replicate()) as server:
            where = {"TRACKLAY_REPLICATE_URL": server.url + "/v1", "REPLICATE_API_TOKEN": replicate.TOKEN}
            made, create = server.app.predictions, "POST /v1/predictions"
            deliver = (server, "GET /delivery/.*")
            yield Kind(name, "replicate/mmaudio", where, lambda: len(made), server, create, deliver)
    elif name == "fal":
        with fal.Fal() as hosts:
            where = {
                "TRACKLAY_FAL_QUEUE_URL": hosts.queue.url,
                "TRACKLAY_FAL_REST_URL": hosts.rest.url,
                "TRACKLAY_FAL_API_URL": hosts.api.url,
                "FAL_KEY": fal.KEY,
            }
            deliver = (hosts.cdn, "GET /files/.*")
            yield Kind(name, "fal/mmaudio-v2", where, lambda: len(hosts.jobs), hosts.queue, "POST .*", deliver)
    elif name in ("scenario", "continued"):
        with scenario.Hosts() as both:
            model, both.scenario.music = "scenario/mmaudio", None
            if name == "continued":
                model, both.scenario.music = "scenario/musicgen", MusicGen(12)
            settings = ("--seed", "5") if name == "continued" else ()
            where = {
                "TRACKLAY_SCENARIO_URL": both.url,
                "SCENARIO_SDK_API_KEY": scenario.KEY,
                "SCENARIO_SDK_API_SECRET": scenario.SECRET,
            }
            create, deliver = "POST /v1/generate/.*", (both.cdn, "GET /assets/.*")
            made_here = both.scenario.jobs
            yield Kind(name, model, where, lambda: len(made_here), both.api, create, deliver, settings=settings)
    else:
        with beatoven.Hosts() as two:
            where = {"TRACKLAY_BEATOVEN_URL": two.url, "BEATOVEN_API_KEY": beatoven.KEY}
            create, deliver = "POST /api/v1/tracks/compose", (two.files, "GET .*")
            made_there = two.beatoven.tasks
            yield Kind(name, "beatoven/track", where, lambda: len(made_there), two.api, create, deliver, lists=False)


@dataclass
class Forge:
    """The process that forks the commands."""

    process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.jobs.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        return self

    def __exit__(self, *error: object) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()

    def run(self, **order: Any) -> int:
        """Run a command and return its status, negative if a signal ended it."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(json.loads(self.process.stdout.readline())["status"])


@dataclass
class Case:
    """A home and a clip of its own, the number of takes to make, and of the parts of each."""

    forge: Forge
    kind: Kind
    folder: Path
    clip: Path
    takes: int = 1
    parts: int = 1
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.picture = self.folder / "clip.mp4"
        os.link(self.clip, self.picture)
        self.home = self.folder / "home"
        self.temporary = self.folder / "temporary"
        self.temporary.mkdir()
        for name, text in self.kind.files.items():
            (self.home / "models").mkdir(parents=True, exist_ok=True)
            (self.home / "models" / name).write_text(text)
        self.before = self.kind.asked()

    def tracklay(self, *arguments: str, **more: Any) -> int:
        """Run the command with this home."""
        output = self.folder / "output"
        where = {**self.kind.environment, "TRACKLAY_HOME": str(self.home), "TMPDIR": str(self.temporary)}
        status = self.forge.run(arguments=list(arguments), environment=where, output=str(output), **more)
        self.log.append(f"{arguments} {more} -> {status}\n{output.read_text()}")
        return status

    def lay(self, **more: Any) -> int:
        """Run `tracklay lay` for the takes."""
        how = ["--model", self.kind.model, "--prompt", "rain", "--takes", str(self.takes), *self.kind.settings]
        how += ["--parts", "1"] if self.parts > 1 else []
        return self.tracklay("lay", str(self.picture), *how, **more)

    def jobs(self) -> list[Any]:
        """Return the rows of the ledger."""
        ledger = Ledger(self.home / "ledger.sqlite3")
        try:
            assert ledger.is_intact()
            return ledger.all_jobs()
        finally:
            ledger.close()

    @property
    def requests(self) -> int:
        """Submissions that the takes need."""
        return self.takes * self.parts

    @property
    def asked(self) -> int:
        """Submissions that the fake received in this case."""
        return self.kind.asked() - self.before

    def recover(self) -> None:
        """Do what a user does after a crash: resume, and decide about unclear jobs after a look at the provider's own site."""
        for _ in range(MOST_ROUNDS):
            if not (self.home / "ledger.sqlite3").exists() or len(self.jobs()) < self.takes:
                self.lay()  # it died before anything was recorded
            else:
                self.tracklay("jobs", "resume")
            states = [job.state for job in self.jobs()]
            if all(state == "laid" for state in states):
                return
            unclear = [job for job in self.jobs() if job.state == "unclear"]
            if unclear and self.asked < self.requests:
                self.tracklay("jobs", "send", str(unclear[0].id))
            elif unclear and not self.kind.lists:
                return

    def check(self) -> None:
        """Assert that nothing was made twice, lost or left over."""
        try:
            jobs, to = self.jobs(), self.folder / "tracklay"
            unclear = [job for job in jobs if job.state == "unclear"]
            assert len([job for job in jobs if job.parent is None]) == self.takes
            assert len(jobs) == (self.takes if self.parts == 1 else self.takes + self.requests)
            assert self.kind.server is None or self.asked == self.requests
            assert not unclear or not self.kind.lists
            assert all(job.state == "laid" for job in jobs if job not in unclear)
            takes = sorted(path.name for path in to.glob("*.wav") if TAKE.search(path.name))
            assert len(takes) == self.takes - len(unclear)
            laid = json.loads((to / "clip.tracklay.json").read_text())["takes"] if takes else []
            assert sorted(take["file"] for take in laid) == takes
            files = {*takes, *(stem for take in laid for stem in take["stems"].values())}
            fitted = [take for take in laid if "fit" in take]
            files |= {take["fit"]["unfitted"] for take in fitted}
            files |= {f"{Path(take['file']).stem}.{stem}.unfitted.wav" for take in fitted for stem in take["stems"]}
            files |= {take["handles"]["file"] for take in laid if "handles" in take}
            assert {path.name for path in to.iterdir()} <= {*files, "clip.tracklay.json", "clip.tracklay.mp4"}
            assert self.leftovers() == []
        except AssertionError as error:
            left = f"left over: {self.leftovers()}; asked for {self.asked}"
            raise AssertionError("\n".join([str(error), left, *self.log, *(str(job) for job in self.jobs())])) from None

    def takes_samples(self) -> list[bytes]:
        """Return the sound of each take, in the order of their names."""
        takes = []
        for path in sorted((self.folder / "tracklay").glob("*.wav")):
            with WavReader(path) as wav:
                takes.append(wav.read(0, wav.format.samples).tobytes())
        return takes

    def leftovers(self) -> list[Path]:
        """Return temporary files, locks, work folders and proxies that should be gone."""
        places = [self.temporary, *(self.home / place for place in ("work", "running", "proxies"))]
        hidden = list(self.folder.rglob(".*"))
        return [*(path for place in places if place.exists() for path in place.iterdir()), *hidden]

    def clean(self) -> None:
        """Delete the case."""
        shutil.rmtree(self.folder)


STATES = tuple(
    dict.fromkeys(move.after for move in TRANSITIONS if move.after not in ("failed", "cancelled", "unclear", "planned"))
)
"""States of a job without errors."""

POINTS = tuple(f"{when}:{state}" for state in STATES for when in ("before", "after"))
