"""Guarantees of the job system: nothing is paid twice or lost, caps hold, cancellation reaches the provider, all of it is reported."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import threading
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from tracklay.cli.error_hints import HINTS
from tracklay.cli.main import main
from tracklay.cue import Cost
from tracklay.errors import TracklayError, describe
from tracklay.jobs import create_job_spec
from tracklay.jobs.delivery import FileDelivery
from tracklay.jobs.events import TakeFinished
from tracklay.jobs.failures import stored_error
from tracklay.jobs.ledger import Ledger, NewJob
from tracklay.jobs.runner import BackgroundRunner
from tracklay.jobs.scheduler import Scheduler
from tracklay.providers import base
from tracklay.timelines.media_file import MediaFile

from tests.clips import flash_clip, hear
from tests.fakes.click_model import Clicker
from tests.fakes.server import HTML_502, Fault
from tests.jobs.kill_harness import Case, Forge, kind

MODEL = "replicate/mmaudio"


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Poll without pauses."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.01))
    monkeypatch.setattr("tracklay.providers.base.DEFAULT_FIND_DELAYS", (0.0, 0.0))


@pytest.fixture
def replicate(monkeypatch):
    """Start the fake of Replicate, with the environment pointing at it."""
    with kind("replicate") as fake:
        for name, value in fake.environment.items():
            monkeypatch.setenv(name, value)
        yield fake.server


@pytest.fixture
def clip(tmp_path):
    """A second with a flash."""
    return flash_clip(tmp_path / "clip.mp4", Fraction(25), 25, (5,))


def lay(clip, *arguments):
    """Run `tracklay lay` and return its status."""
    return main(["lay", str(clip), "--model", MODEL, "--json", *arguments])


def listed(capsys, *arguments):
    """Return what `tracklay jobs` lists."""
    capsys.readouterr()
    main(["jobs", "--json", *arguments])
    return json.loads(capsys.readouterr().out)


def rows():
    """Return the jobs of the ledger."""
    ledger = Ledger()
    jobs = ledger.all_jobs()
    ledger.close()
    return jobs


def test_the_same_work_is_not_paid_twice(replicate, clip, capsys):
    """Asked for again with the same seed the stored output is reused: the next number, no submission, no cost, and a note."""
    assert lay(clip, "--seed", "5", "--prompt", "wood") == 0
    seen = len(replicate.requests)
    capsys.readouterr()
    assert lay(clip, "--seed", "5", "--prompt", "wood") == 0
    (take,) = json.loads(capsys.readouterr().out)["takes"]
    assert [(asked.method, asked.path) for asked in replicate.requests[seen:]] == [("GET", "/v1/models/zsxkib/mmaudio")]
    assert (take["take"], take["cost"]) == (2, {"amount": "0", "currency": "USD", "estimated": False})
    assert any("reused at no cost" in note for note in take["notes"])
    folder = clip.parent / "tracklay"
    first, second = (hear(folder / f"clip.replicate-mmaudio.take{number}.wav") for number in (1, 2))
    assert np.array_equal(first, second)
    assert listed(capsys)["sums"]["provider"][0]["jobs"] == 1


@pytest.mark.parametrize(
    "other",
    [["--prompt", "steel"], ["--seed", "6"], ["--set", "num_steps=20"], ["--out", "20f"], ["--negative", "hum"]],
    ids=str,
)
def test_other_work_is_paid(replicate, clip, other):
    """Another prompt, seed, parameter or span is another request."""
    assert lay(clip, "--seed", "5") == 0
    assert lay(clip, "--seed", "5", *other) == 0
    assert len(replicate.app.predictions) == 2


def test_another_picture_under_the_same_name_is_paid(replicate, clip):
    """The content of the picture decides."""
    assert lay(clip, "--seed", "5") == 0
    flash_clip(clip, Fraction(25), 25, (9,))
    assert lay(clip, "--seed", "5") == 0
    assert len(replicate.app.predictions) == 2


def test_output_of_another_model_version_is_not_reused(replicate, clip):
    """A new version makes another sound. Back at the old version, the old output is reused."""
    assert lay(clip, "--seed", "5") == 0
    first, replicate.app.version = replicate.app.version, "f" * 64
    assert lay(clip, "--seed", "5") == 0
    assert len(replicate.app.predictions) == 2
    replicate.app.version = first
    assert lay(clip, "--seed", "5") == 0
    assert len(replicate.app.predictions) == 2


def test_a_stored_output_is_reused_while_the_provider_is_unreachable(replicate, clip):
    """The current version is unknown then, so any stored version is used."""
    assert lay(clip, "--seed", "5") == 0
    asked = len(replicate.calls("GET /v1/models/zsxkib/mmaudio"))
    replicate.go_wrong("GET /v1/models/zsxkib/mmaudio", *[HTML_502] * 20)
    assert lay(clip, "--seed", "5") == 0
    assert len(replicate.app.predictions) == 1
    assert len(replicate.calls("GET /v1/models/zsxkib/mmaudio")) == asked + 1


def test_the_version_of_a_model_is_asked_for_once(replicate, clip):
    """Before its output is looked for, and not again when it is sent."""
    assert lay(clip, "--seed", "5") == 0
    assert len(replicate.calls("GET /v1/models/zsxkib/mmaudio")) == 1


def test_without_a_seed_each_take_is_a_new_one(replicate, clip):
    """Tracklay chooses the seed, so that it can be recorded, and sends it."""
    assert lay(clip) == 0
    assert lay(clip) == 0
    sent = [prediction["input"]["seed"] for prediction in replicate.app.predictions.values()]
    assert len(set(sent)) == 2
    assert [job.seed for job in rows()] == sent


def test_an_unclear_job_waits_for_the_user(replicate, clip, capsys):
    """Asked for again it is looked for and not sent; its error has the job's number, for the three choices; `send` sends it, once."""
    replicate.go_wrong("POST /v1/predictions", HTML_502)
    assert lay(clip) == 1
    assert lay(clip) == 1
    assert main(["jobs", "resume"]) == 1
    assert len(replicate.calls("POST /v1/predictions")) == 1
    (job,) = listed(capsys)["jobs"]
    assert job["state"] == "unclear"
    error = TracklayError.from_dict(job["error"])
    assert (error.code, error.kind, error.params["job"]) == ("job.unclear", "unclear", 1)
    assert all(f"jobs {choice} 1" in describe(error, HINTS) for choice in ("resume", "resubmit", "discard"))
    assert main(["jobs", "send", "1"]) == 0
    assert len(replicate.app.predictions) == 1
    assert [each.state for each in rows()] == ["laid"]


def test_a_discarded_unclear_job_makes_way_for_a_new_one(replicate, clip, capsys):
    """It is no longer listed, and asking again adds a new job."""
    replicate.go_wrong("POST /v1/predictions", HTML_502)
    assert lay(clip) == 1
    assert main(["jobs", "forget", "1"]) == 0
    assert listed(capsys)["jobs"] == []
    assert lay(clip) == 0
    assert len(replicate.app.predictions) == 1


def test_a_lost_answer_is_found_by_the_next_run(replicate, clip):
    """Even if the provider's list was unavailable at first."""
    replicate.go_wrong("POST /v1/predictions", Fault("reset-after"))
    replicate.go_wrong("GET /v1/predictions", *[Fault("answer", 404, (), b"{}")] * 2)
    assert lay(clip) == 1
    assert lay(clip) == 0
    assert len(replicate.calls("POST /v1/predictions")) == 1


def spec_of(clip, cue="1", **settings):
    """Return a job spec as the command makes it."""
    timeline = MediaFile.open(clip)
    cue = timeline.spot(cue, timeline.span(None, None), **{"model": MODEL, **settings})
    to = clip.parent / "tracklay"
    to.mkdir(exist_ok=True)
    return replace(create_job_spec(cue, to, clip.stem), delivery=FileDelivery(clip, drop_original=False))


def next_finished(runner):
    """Return the next finished take of a runner."""
    while not isinstance(event := runner.events.get(timeout=60), TakeFinished):
        pass
    return event


@pytest.mark.parametrize("how", ["lay", "resume", "collect"])
def test_an_editor_that_is_closed_loses_nothing(replicate, clip, how):
    """The running job is released and continues at the provider; the next run downloads it: one request, one take."""
    replicate.app.steps = ("processing",) * 1_000_000
    runner, pause = BackgroundRunner(), threading.Event()
    runner.start(spec_of(clip))
    while not sum(replicate.app.looks.values()):
        pause.wait(0.01)
    runner.close()
    assert [(job.state, job.owner) for job in rows()] == [("running", None)]
    replicate.app.steps = ()
    assert (lay(clip) if how == "lay" else main(["jobs", how])) == 0
    assert [job.state for job in rows()] == ["laid"]
    assert len(replicate.app.predictions) == 1
    assert len(list((clip.parent / "tracklay").glob("*.wav"))) == 1


def test_collect_sends_nothing(replicate, clip):
    """A planned job stays planned."""
    ledger = Ledger()
    spec = spec_of(clip)
    plan = {**spec.to_dict(), "after_number": 0}
    ledger.add_jobs([NewJob("run", spec.project, "1", 0, MODEL, "replicate", 7, plan, "key")], "gone-1234abcd")
    ledger.close()
    assert main(["jobs", "collect"]) == 0
    assert not replicate.requests
    assert main(["jobs", "resume"]) == 0
    assert len(replicate.app.predictions) == 1


def test_cancelling_from_another_process_reaches_the_provider(replicate, clip, capsys):
    """The process that runs the job asks the provider to stop, and records the answer."""
    replicate.app.steps = ("processing",) * 1_000_000
    runner, pause = BackgroundRunner(), threading.Event()
    runner.start(spec_of(clip))
    while not sum(replicate.app.looks.values()):
        pause.wait(0.01)
    assert main(["jobs", "cancel", "1"]) == 0
    assert "replicate confirmed the cancellation" in capsys.readouterr().err
    next_finished(runner)
    runner.close()
    assert [prediction["status"] for prediction in replicate.app.predictions.values()] == ["canceled"]
    assert [job.state for job in rows()] == ["cancelled"]


def test_cancelling_a_job_without_a_process_reaches_the_provider_too(replicate, clip, capsys):
    """The command itself asks; a refusal is reported, with what may be charged."""
    replicate.app.steps = ("processing",) * 1_000_000
    runner, pause = BackgroundRunner(), threading.Event()
    runner.start(spec_of(clip))
    while not sum(replicate.app.looks.values()):
        pause.wait(0.01)
    runner.close()
    replicate.go_wrong("POST /v1/predictions/.*/cancel", Fault("answer", 400, (), b"{}"))
    assert main(["jobs", "cancel", "1"]) == 0
    assert "did not confirm the cancellation" in capsys.readouterr().err
    (job,) = rows()
    assert job.state == "cancelled"
    assert stored_error(job).code == "job.cancel_unconfirmed"


def test_an_expired_result_is_reported_and_not_made_again_automatically(replicate, clip, capsys):
    """The job has failed with that error."""
    replicate.app.erased = True
    assert lay(clip) == 1
    (job,) = listed(capsys)["jobs"]
    assert (job["state"], job["kind"]) == ("failed", "result-gone")
    assert len(replicate.app.predictions) == 1


def priced(home, amount="0.05"):
    """Give the clicking model a price per second."""
    file = home / "models" / "clicker.toml"
    file.write_text(file.read_text().replace('amount = "0"', f'amount = "{amount}", per = "second"'))


def test_a_project_cap_stops_the_submission_that_would_exceed_it(clip, home, clicking, capsys):
    """Three takes of 0.05 under 0.12: two are made, the third is not sent; the cap stays for the next run."""

    class Charges(Clicker):
        async def collect(self, handle, folder):
            return replace(await super().collect(handle, folder), cost=Cost("0.05", "USD", estimated=False))

    priced(home)
    base.register("clicker", Charges)
    command = ["lay", str(clip), "--model", "clicker/clicks", "--json"]
    assert main([*command, "--takes", "3", "--max-project-cost", "0.12"]) == 1
    manifest = json.loads(capsys.readouterr().out)
    assert len(manifest["takes"]) == 2
    assert [failed["kind"] for failed in manifest["failed"]] == ["over-budget"]
    assert main(command) == 1
    assert "would pass 0.12" in capsys.readouterr().err
    assert main([*command, "--max-project-cost", "0.20"]) == 0


def test_costs_are_summed_by_provider_project_and_day(clip, home, clicking, capsys):
    """Confirmed costs and estimates separately."""
    priced(home)
    main(["lay", str(clip), "--model", "clicker/clicks", "--takes", "2"])
    sums = listed(capsys)["sums"]
    for by, name in (("provider", "clicker"), ("project", str(clip.parent / "tracklay"))):
        (row,) = sums[by]
        assert (row["name"], row["currency"], row["jobs"]) == (name, "USD", 2)
        assert (row["confirmed"], row["estimated"], row["unknown"]) == ("0", "0", 0)
    assert len(sums["day"]) == 1


def test_a_slow_provider_delays_no_other(replicate, clip, clicking):
    """Eighteen jobs wait for a provider that never finishes; a job of another one finishes meanwhile."""
    replicate.app.steps = ("processing",) * 1_000_000
    runner = BackgroundRunner()
    try:
        for number in range(18):
            runner.start(spec_of(clip, f"slow {number}"))
        runner.start(spec_of(clip, "quick", model="clicker/clicks"))
        assert next_finished(runner).cue.id == "quick"
    finally:
        runner.close()


def test_ten_thousand_planned_jobs_need_little_memory(clip, home, clicking):
    """While the provider does nothing, a few tasks wait, and all other jobs are rows."""
    released = asyncio.Event()

    class Waits(Clicker):
        async def prepare(self, request):
            await released.wait()
            return await super().prepare(request)

    base.register("clicker", Waits)
    spec = spec_of(clip, model="clicker/clicks", takes=99)
    specs = [replace(spec, cue=replace(spec.cue, id=str(number))) for number in range(102)]

    async def planned():
        async with Scheduler(lambda step: None, lambda job, results: None) as scheduler:
            before = len(gc.get_objects())
            await scheduler.add_jobs(specs)
            gc.collect()
            return len(gc.get_objects()) - before, len(asyncio.all_tasks())

    grown, tasks = asyncio.run(planned())
    assert grown < 5_000
    assert tasks < 60
    assert len(rows()) == 102 * 99


def test_a_clock_that_jumps_changes_nothing(replicate, clip, monkeypatch):
    """Years back or ahead between any two timestamps of the ledger."""
    times = iter([f"{year}-01-01T00:00:00.000Z" for year in (2031, 1999, 2026, 2070) * 50])
    monkeypatch.setattr("tracklay.jobs.ledger.utc_timestamp", lambda: next(times))
    monkeypatch.setattr("tracklay.jobs.submission.utc_timestamp", lambda: next(times))
    assert lay(clip, "--takes", "2") == 0
    assert lay(clip, "--takes", "2") == 0
    assert len(replicate.app.predictions) == 4
    assert {job.state for job in rows()} == {"laid"}


def test_two_processes_that_resume_the_same_ledger_share_it(clip, tmp_path):
    """Each job is run by one of them: one submission, one take each."""
    with Forge() as one, Forge() as other, kind("replicate") as fake:
        case = Case(one, fake, tmp_path / "case", clip, takes=4)
        case.lay(at="after:submitting")
        threads = []
        for number, forge in enumerate((one, other)):
            request = {
                "arguments": ["jobs", "resume"],
                "environment": {**fake.environment, "TRACKLAY_HOME": str(case.home)},
                "output": str(case.folder / f"output{number}"),
            }
            threads.append(threading.Thread(target=forge.run, kwargs=request))
            threads[-1].start()
        for thread in threads:
            thread.join()
        case.recover()
        case.check()


def test_two_clips_of_one_folder_keep_each_their_takes(replicate, tmp_path):
    """A resumed take is laid under its own picture."""
    clips = [flash_clip(tmp_path / f"{name}.mp4", Fraction(25), 25, (5,)) for name in ("one", "two")]
    replicate.go_wrong("GET /delivery/.*", *[Fault("answer", 403, (), b"no")] * 2)
    assert [lay(clip) for clip in clips] == [1, 1]
    assert main(["jobs", "resume"]) == 0
    for name in ("one", "two"):
        (take,) = json.loads((tmp_path / "tracklay" / f"{name}.tracklay.json").read_text())["takes"]
        assert take["file"] == f"{name}.replicate-mmaudio.take1.wav"
    assert len(replicate.app.predictions) == 2


def test_a_run_with_a_mix_is_mixed_when_it_is_resumed_and_redone(replicate, clip, tmp_path, monkeypatch):
    """The preset is stored with the job, a file with its full path: the folder in which the command runs later does not matter."""
    preset = "target_lufs = -20\ntrue_peak_db = -2\nlevels = {music = -6, effects = -6, ambience = -6}\n"
    (tmp_path / "own.toml").write_text(preset)
    monkeypatch.chdir(tmp_path)
    replicate.go_wrong("GET /delivery/.*", Fault("answer", 403, (), b"no"))
    assert lay(clip, "--mix", "own.toml") == 1
    manifest = tmp_path / "tracklay" / "clip.tracklay.json"
    assert not manifest.exists()
    monkeypatch.chdir(tmp_path / "tracklay")
    assert main(["jobs", "resume"]) == 0
    mixed = json.loads(manifest.read_text())
    assert mixed["mix"]["preset"] == "own"
    film = tmp_path / "tracklay" / mixed["mix"]["file"]
    before = film.read_bytes()
    take = tmp_path / "tracklay" / mixed["takes"][0]["file"]
    assert main(["redo", str(take), "--in", "0s", "--out", "1s", "--seed", "9"]) == 0
    again = json.loads(manifest.read_text())
    assert again["mix"]["preset"] == "own"
    assert len(again["takes"]) == 2
    assert film.read_bytes() == before  # the fake's clicks are the same, and so is their mix


KILLED_WHILE_MIXING = """
import os, sys
from tracklay.cli.main import main
from tracklay.timelines.mixing import delivery
delivery.mix_sources = lambda *arguments, **options: os._exit(9)
main(sys.argv[1:])
"""


def test_a_run_that_is_killed_while_it_mixes_is_mixed_when_it_is_resumed(replicate, clip, tmp_path):
    """Its takes are on the timeline by then; they are not paid again."""
    command = [sys.executable, "-c", KILLED_WHILE_MIXING, "lay", str(clip), "--model", MODEL, "--mix", "film"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 9
    manifest = tmp_path / "tracklay" / "clip.tracklay.json"
    assert "mix" not in json.loads(manifest.read_text())
    assert main(["jobs", "resume"]) == 0
    mixed = json.loads(manifest.read_text())
    assert mixed["mix"]["preset"] == "film"
    assert len(mixed["takes"]) == len(replicate.app.predictions) == 1
    assert (tmp_path / "tracklay" / "clip.mix.wav").is_file()
    assert {job.state for job in rows()} == {"laid"}
