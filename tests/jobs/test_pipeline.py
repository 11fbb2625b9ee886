"""What a person may count on: nothing bought twice, nothing lost, caps held, cancelled where it can be, and all of it told."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from tracklay import providers
from tracklay.cli.main import main
from tracklay.cue import Cost
from tracklay.jobs import TakeFinished, create_job_spec
from tracklay.jobs.ledger import Ledger, NewJob
from tracklay.jobs.runner import BackgroundRunner
from tracklay.jobs.scheduler import Scheduler
from tracklay.timelines.media_file import MediaFile

from tests.clips import flash_clip, hear
from tests.fakes.click_model import Clicker
from tests.fakes.server import HTML_502, Fault
from tests.jobs.kill_harness import Case, Forge, kind

MODEL = "replicate/mmaudio"


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Look again at once."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.01))
    monkeypatch.setattr("tracklay.providers.base.DEFAULT_FIND_DELAYS", (0.0, 0.0))


@pytest.fixture
def replicate(monkeypatch):
    """Replicate's stand-in, with the environment pointing at it."""
    with kind("replicate") as standin:
        for name, value in standin.environment.items():
            monkeypatch.setenv(name, value)
        yield standin.server


@pytest.fixture
def clip(tmp_path):
    """A second with a flash."""
    return flash_clip(tmp_path / "clip.mp4", Fraction(25), 25, (5,))


def lay(clip, *arguments):
    """`tracklay lay`; its status."""
    return main(["lay", str(clip), "--model", MODEL, "--json", *arguments])


def books(capsys, *arguments):
    """What `tracklay jobs` says."""
    capsys.readouterr()
    main(["jobs", "--json", *arguments])
    return json.loads(capsys.readouterr().out)


def rows():
    """The ledger's jobs."""
    ledger = Ledger()
    found = ledger.list_jobs(include_finished=True, limit=0)
    ledger.close()
    return found


def test_the_same_work_is_not_bought_twice(replicate, clip, capsys):
    """Asked for again with the same seed it is laid from disk: the next number, no submission, no cost, and it is told."""
    assert lay(clip, "--seed", "5", "--prompt", "wood") == 0
    seen = len(replicate.requests)
    capsys.readouterr()
    assert lay(clip, "--seed", "5", "--prompt", "wood") == 0
    (take,) = json.loads(capsys.readouterr().out)["takes"]
    assert [(asked.method, asked.path) for asked in replicate.requests[seen:]] == [("GET", "/v1/models/zsxkib/mmaudio")]
    assert (take["take"], take["cost"]) == (2, {"amount": "0", "currency": "USD", "estimated": False})
    assert any("laid again from disk at no cost" in note for note in take["notes"])
    folder = clip.parent / "tracklay"
    first, second = (hear(folder / f"clip.replicate-mmaudio.take{number}.wav") for number in (1, 2))
    assert np.array_equal(first, second)
    assert books(capsys)["sums"]["provider"][0]["jobs"] == 1


@pytest.mark.parametrize(
    "other",
    [["--prompt", "steel"], ["--seed", "6"], ["--set", "num_steps=20"], ["--out", "20f"], ["--negative", "hum"]],
    ids=str,
)
def test_other_work_is_bought(replicate, clip, other):
    """Another prompt, seed, parameter or span is another work."""
    assert lay(clip, "--seed", "5") == 0
    assert lay(clip, "--seed", "5", *other) == 0
    assert len(replicate.app.predictions) == 2


def test_another_picture_under_the_same_name_is_bought(replicate, clip):
    """It is the picture's content that counts."""
    assert lay(clip, "--seed", "5") == 0
    flash_clip(clip, Fraction(25), 25, (9,))
    assert lay(clip, "--seed", "5") == 0
    assert len(replicate.app.predictions) == 2


def test_what_another_version_made_is_bought_again(replicate, clip):
    """The model moved on: its new version makes another sound. Back at the old one, the old take is laid again."""
    assert lay(clip, "--seed", "5") == 0
    first, replicate.app.version = replicate.app.version, "f" * 64
    assert lay(clip, "--seed", "5") == 0
    assert len(replicate.app.predictions) == 2
    replicate.app.version = first
    assert lay(clip, "--seed", "5") == 0
    assert len(replicate.app.predictions) == 2


def test_a_provider_that_is_out_of_reach_does_not_keep_a_take_from_being_laid_again(replicate, clip):
    """Which version would run now can't be asked: what lies on disk will do."""
    assert lay(clip, "--seed", "5") == 0
    asked = len(replicate.calls("GET /v1/models/zsxkib/mmaudio"))
    replicate.go_wrong("GET /v1/models/zsxkib/mmaudio", *[HTML_502] * 20)
    assert lay(clip, "--seed", "5") == 0
    assert len(replicate.app.predictions) == 1
    assert len(replicate.calls("GET /v1/models/zsxkib/mmaudio")) == asked + 1


def test_without_a_seed_each_take_is_a_new_one(replicate, clip):
    """It is drawn by us, so that it can be told, and sent."""
    assert lay(clip) == 0
    assert lay(clip) == 0
    sent = [told["input"]["seed"] for told in replicate.app.predictions.values()]
    assert len(set(sent)) == 2
    assert [job.seed for job in rows()] == sent


def test_an_unclear_job_waits_for_a_person(replicate, clip, capsys):
    """Asked for again it is looked for, and not sent; it is shown with three choices; `send` sends it, once."""
    replicate.go_wrong("POST /v1/predictions", HTML_502)
    assert lay(clip) == 1
    assert lay(clip) == 1
    assert main(["jobs", "resume"]) == 1
    assert len(replicate.calls("POST /v1/predictions")) == 1
    (job,) = books(capsys)["jobs"]
    assert job["state"] == "unclear"
    assert all(f"jobs {choice} 1" in job["words"] for choice in ("resume", "send", "forget"))
    assert main(["jobs", "send", "1"]) == 0
    assert len(replicate.app.predictions) == 1
    assert [each.state for each in rows()] == ["laid"]


def test_an_unclear_job_that_is_forgotten_makes_way_for_a_new_one(replicate, clip, capsys):
    """It is listed no more; its estimate still counts for nothing that was told."""
    replicate.go_wrong("POST /v1/predictions", HTML_502)
    assert lay(clip) == 1
    assert main(["jobs", "forget", "1"]) == 0
    assert books(capsys)["jobs"] == []
    assert lay(clip) == 0
    assert len(replicate.app.predictions) == 1


def test_a_lost_answer_is_found_by_the_next_run(replicate, clip):
    """Even when the provider's list was out of reach at first."""
    replicate.go_wrong("POST /v1/predictions", Fault("reset-after"))
    replicate.go_wrong("GET /v1/predictions", *[Fault("answer", 404, (), b"{}")] * 2)
    assert lay(clip) == 1
    assert lay(clip) == 0
    assert len(replicate.calls("POST /v1/predictions")) == 1


def order_of(clip, cue="1", **wanted):
    """An order as the command makes it."""
    timeline = MediaFile.open(clip)
    cue = timeline.spot(cue, timeline.span(None, None), **{"model": MODEL, **wanted})
    laying = {"kind": "file", "picture": str(clip), "drop_original": False}
    to = clip.parent / "tracklay"
    to.mkdir(exist_ok=True)
    return replace(create_job_spec(cue, to, clip.stem), delivery=laying)


def ended(runner):
    """The next take of a runner's that ends."""
    while not isinstance(news := runner.events.get(timeout=60), TakeFinished):
        pass
    return news


@pytest.mark.parametrize("how", ["lay", "resume", "collect"])
def test_an_editor_that_is_closed_loses_nothing(replicate, clip, how):
    """What ran is let go and goes on there; the next run brings it: one request, one take."""
    replicate.app.steps = ("processing",) * 1_000_000
    runner, pause = BackgroundRunner(), threading.Event()
    runner.start(order_of(clip))
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
    """A job that was planned and not sent stays planned."""
    ledger = Ledger()
    order = order_of(clip)
    plan = {**order.to_dict(), "after": 0}
    ledger.add_jobs([NewJob("run", order.project, "1", 0, MODEL, "replicate", 7, plan, "wish")], "nobody-1234abcd")
    ledger.close()
    assert main(["jobs", "collect"]) == 0
    assert not replicate.requests
    assert main(["jobs", "resume"]) == 0
    assert len(replicate.app.predictions) == 1


def test_cancelling_from_another_process_reaches_the_provider(replicate, clip, capsys):
    """The one that carries the job is told, asks the provider to stop, and writes down what it said."""
    replicate.app.steps = ("processing",) * 1_000_000
    runner, pause = BackgroundRunner(), threading.Event()
    runner.start(order_of(clip))
    while not sum(replicate.app.looks.values()):
        pause.wait(0.01)
    assert main(["jobs", "cancel", "1"]) == 0
    assert "replicate confirms that it stopped" in capsys.readouterr().err
    ended(runner)
    runner.close()
    assert [told["status"] for told in replicate.app.predictions.values()] == ["canceled"]
    assert [job.state for job in rows()] == ["cancelled"]


def test_cancelling_what_nobody_carries_reaches_the_provider_too(replicate, clip, capsys):
    """The command itself asks; a refusal is told, with what it may cost."""
    replicate.app.steps = ("processing",) * 1_000_000
    runner, pause = BackgroundRunner(), threading.Event()
    runner.start(order_of(clip))
    while not sum(replicate.app.looks.values()):
        pause.wait(0.01)
    runner.close()
    replicate.go_wrong("POST /v1/predictions/.*/cancel", Fault("answer", 400, (), b"{}"))
    assert main(["jobs", "cancel", "1"]) == 0
    assert "does not confirm that it stopped" in capsys.readouterr().err
    assert [job.state for job in rows()] == ["cancelled"]


def test_a_result_that_expired_is_told_and_not_made_again_by_itself(replicate, clip, capsys):
    """It failed, and why; the next run is a new work."""
    replicate.app.erased = True
    assert lay(clip) == 1
    (job,) = books(capsys)["jobs"]
    assert (job["state"], job["kind"]) == ("failed", "result-gone")
    assert len(replicate.app.predictions) == 1


def priced(home, amount="0.05"):
    """The clicking model with a price a second."""
    file = home / "models" / "clicker.toml"
    file.write_text(file.read_text().replace('amount = "0"', f'amount = "{amount}", per = "second"'))


def test_a_projects_cap_stops_before_the_submission_that_would_pass_it(clip, home, clicking, capsys):
    """Three takes of 0.05 under 0.12: two are made, the third is not sent; the cap stays for the next run."""

    class Charges(Clicker):
        async def collect(self, handle, folder):
            return replace(await super().collect(handle, folder), cost=Cost("0.05", "USD", estimated=False))

    priced(home)
    providers.register("clicker", Charges)
    command = ["lay", str(clip), "--model", "clicker/clicks", "--json"]
    assert main([*command, "--takes", "3", "--max-project-cost", "0.12"]) == 1
    made = json.loads(capsys.readouterr().out)
    assert len(made["takes"]) == 2
    assert [failed["kind"] for failed in made["failed"]] == ["over-budget"]
    assert main(command) == 1
    assert "would pass its cap of 0.12" in capsys.readouterr().err
    assert main([*command, "--max-project-cost", "0.20"]) == 0


def test_money_is_summed_by_provider_project_and_day(clip, home, clicking, capsys):
    """What the provider told, and what is only estimated."""
    priced(home)
    main(["lay", str(clip), "--model", "clicker/clicks", "--takes", "2"])
    told = books(capsys)["sums"]
    for by, name in (("provider", "clicker"), ("project", str(clip.parent / "tracklay"))):
        (row,) = told[by]
        assert (row["name"], row["currency"], row["jobs"]) == (name, "USD", 2)
        assert (row["told"], row["estimated"], row["unknown"]) == ("0", "0", 0)
    assert len(told["day"]) == 1


def test_a_slow_provider_holds_up_no_other(replicate, clip, clicking):
    """Eighteen jobs wait at one that never ends; a job of another is done meanwhile."""
    replicate.app.steps = ("processing",) * 1_000_000
    runner = BackgroundRunner()
    try:
        for number in range(18):
            runner.start(order_of(clip, f"slow {number}"))
        runner.start(order_of(clip, "quick", model="clicker/clicks"))
        assert ended(runner).cue.id == "quick"
    finally:
        runner.close()


def test_ten_thousand_planned_jobs_cost_rows_and_not_memory(clip, home, clicking):
    """While the provider does nothing, a few tasks wait, and the rest are numbers."""
    held = asyncio.Event()

    class Waits(Clicker):
        async def prepare(self, request):
            await held.wait()
            return await super().prepare(request)

    providers.register("clicker", Waits)
    one = order_of(clip, model="clicker/clicks", takes=99)
    orders = [replace(one, cue=replace(one.cue, id=str(number))) for number in range(102)]

    async def planned():
        async with Scheduler(lambda step: None, lambda job, results: None) as crew:
            before = len(gc.get_objects())
            await crew.add_jobs(orders)
            gc.collect()
            return len(gc.get_objects()) - before, len(asyncio.all_tasks())

    grown, tasks = asyncio.run(planned())
    assert grown < 5_000
    assert tasks < 60
    assert len(rows()) == 102 * 99


def test_a_clock_that_jumps_changes_nothing(replicate, clip, monkeypatch):
    """A day back or a year ahead between any two words of the ledger."""
    times = iter([f"{year}-01-01T00:00:00.000Z" for year in (2031, 1999, 2026, 2070) * 50])
    monkeypatch.setattr("tracklay.jobs.ledger.utc_timestamp", lambda: next(times))
    monkeypatch.setattr("tracklay.jobs.submission.utc_timestamp", lambda: next(times))
    assert lay(clip, "--takes", "2") == 0
    assert lay(clip, "--takes", "2") == 0
    assert len(replicate.app.predictions) == 4
    assert {job.state for job in rows()} == {"laid"}


def test_two_processes_that_take_up_the_same_ledger_share_it(clip, tmp_path):
    """Each job is carried by one of them: one submission, one take each."""
    with Forge() as one, Forge() as other, kind("replicate") as standin:
        case = Case(one, standin, tmp_path / "case", clip, takes=4)
        case.lay(at="after:submitting")
        threads = []
        for number, forge in enumerate((one, other)):
            order = {
                "arguments": ["jobs", "resume"],
                "environment": {**standin.environment, "TRACKLAY_HOME": str(case.home)},
                "output": str(case.folder / f"said{number}"),
            }
            threads.append(threading.Thread(target=forge.run, kwargs=order))
            threads[-1].start()
        for thread in threads:
            thread.join()
        case.take_up()
        case.check()


def test_two_clips_of_one_folder_keep_each_their_takes(replicate, tmp_path):
    """What is resumed is laid under its own picture."""
    clips = [flash_clip(tmp_path / f"{name}.mp4", Fraction(25), 25, (5,)) for name in ("one", "two")]
    replicate.go_wrong("GET /delivery/.*", *[Fault("answer", 403, (), b"no")] * 2)
    assert [lay(clip) for clip in clips] == [1, 1]
    assert main(["jobs", "resume"]) == 0
    for name in ("one", "two"):
        (take,) = json.loads((tmp_path / "tracklay" / f"{name}.tracklay.json").read_text())["takes"]
        assert take["file"] == f"{name}.replicate-mmaudio.take1.wav"
    assert len(replicate.app.predictions) == 2
