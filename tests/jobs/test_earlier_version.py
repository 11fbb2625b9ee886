"""A ledger and a manifest that the version before wrote are read, continued and extended.

`ledger_before.sql` is a dump of a ledger of schema version 1, written by that version with jobs in every kind of state, through its
command and against fake servers. `{FOLDER}` stands for the folder of the clip.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from tracklay.cli.main import main
from tracklay.cue import Take
from tracklay.errors import Cancelled, ResultExpired, SubmissionUnknown
from tracklay.jobs import JobSpec, create_job_spec, ledger_schema
from tracklay.jobs.costs import cost_rows
from tracklay.jobs.failures import stored_error
from tracklay.jobs.job_spec import request_keys
from tracklay.jobs.ledger import Ledger
from tracklay.jobs.runner import BlockingRunner
from tracklay.manifest import read_manifest, write_manifest
from tracklay.models import load_catalogue
from tracklay.providers.base import JobHandle, Submission
from tracklay.timelines.media_file import MediaFile

from tests.clips import flash_clip, hear

HERE = Path(__file__).parent
LAID_SKETCH, LAID, UNCLEAR, FAILED, DISCARDED, CANCELLED, RUNNING, CONFORMING, PLANNED = range(1, 10)
"""Numbers of the jobs in the dump."""


@pytest.fixture
def folder(home, tmp_path):
    """Load the dump into the home, with the clip that it names, and return the clip's folder."""
    text = (HERE / "ledger_before.sql").read_text("utf-8").replace("{FOLDER}", str(tmp_path))
    connection = sqlite3.connect(home / "ledger.sqlite3")
    connection.executescript(text)
    connection.close()
    flash_clip(tmp_path / "clip.mp4", Fraction(25), 25, (5,))
    (tmp_path / "tracklay").mkdir()
    return tmp_path


@pytest.fixture
def ledger(folder):
    """Open the ledger, which upgrades it."""
    ledger = Ledger()
    yield ledger
    ledger.close()


def test_the_ledger_is_upgraded_and_intact(ledger, home):
    """The new columns are the fields of a job, the indexes follow, and a copy of the old file is kept."""
    assert ledger.is_intact()
    connection = sqlite3.connect(home / "ledger.sqlite3")
    assert connection.execute("PRAGMA user_version").fetchone() == (len(ledger_schema.MIGRATIONS),)
    indexes = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert {"jobs_request_key", "jobs_content_key", "jobs_proxy_key", "jobs_open", "jobs_parent"} <= indexes
    assert {job.parent for job in ledger.all_jobs()} == {None}
    connection.close()
    assert (home / "ledger.version1.sqlite3").is_file()


def test_states_costs_and_owners_are_read(ledger):
    """Every job has the state that it was left in; discarded ones stay hidden, caps stay set."""
    jobs = {job.id: job for job in ledger.page_of_jobs(None, 1000)}
    assert {job_id: job.state for job_id, job in jobs.items()} == {
        LAID_SKETCH: "laid",
        LAID: "laid",
        UNCLEAR: "unclear",
        FAILED: "failed",
        CANCELLED: "cancelled",
        RUNNING: "running",
        CONFORMING: "conforming",
        PLANNED: "planned",
    }
    assert ledger.get_job(DISCARDED).hidden
    assert (jobs[LAID_SKETCH].cost, jobs[LAID_SKETCH].cost_confirmed) == ("0", True)
    assert (jobs[LAID].cost, jobs[LAID].currency) == (None, "USD")
    assert jobs[CONFORMING].owner == "6532-4e5208f9"
    assert jobs[RUNNING].owner is None
    assert ledger.get_cap(f"project:{jobs[PLANNED].project}") == "5"
    assert jobs[LAID].created_at < jobs[LAID].submitted_at < jobs[LAID].updated_at
    assert all(row["cost_confirmed"] in (0, 1) for row in cost_rows(ledger))


def test_specs_submissions_and_handles_are_read(ledger, folder):
    """Each stored spec becomes the same spec again; what was sent and answered is there."""
    catalogue = load_catalogue()
    for job in ledger.page_of_jobs(None, 1000):
        spec = JobSpec.from_dict(job.plan, catalogue)
        assert spec.cue.picture.source == folder / "clip.mp4"
        assert (spec.cue.span.start, spec.cue.span.frames) == (0, 25)
        assert JobSpec.from_dict(spec.to_dict(), catalogue) == spec
    running = ledger.get_job(RUNNING)
    assert running.submission is not None
    assert running.job_handle is not None
    assert Submission.from_dict(running.submission).provider == "replicate"
    assert JobHandle.from_dict(running.job_handle).request == running.request


def test_errors_are_rebuilt_from_kind_and_text(ledger):
    """The version before stored no error as data; the class comes from the kind, the message from the text."""
    expected = {UNCLEAR: SubmissionUnknown, FAILED: ResultExpired, CANCELLED: Cancelled}
    for job_id, error_class in expected.items():
        job = ledger.get_job(job_id)
        error = stored_error(job)
        assert isinstance(error, error_class)
        assert str(error) == job.message != ""


def test_an_interrupted_request_is_found_when_it_is_asked_for_again(ledger, folder):
    """The request key is computed as before, apart from the clip's modification time: the job is continued and not paid twice."""
    job = ledger.get_job(RUNNING)
    spec = JobSpec.from_dict(job.plan, load_catalogue())
    again = MediaFile.open(folder / "clip.mp4")
    cue = again.spot("other", again.span(None, None), model=spec.cue.model, prompt=spec.cue.prompt, seed=spec.cue.seed)
    cue = replace(cue, params=spec.cue.params)
    assert request_keys(replace(spec, cue=cue)) == request_keys(spec)


def test_planned_and_conforming_jobs_are_resumed(folder, home):
    """The planned one is made; the other becomes a take of its stored output. Takes get the next free numbers."""
    taken = folder / "tracklay" / "clip.sketch-foley.take1.wav"
    taken.write_bytes(b"a take of an earlier run")
    spec_clip = folder / "clip.mp4"
    output = home / "outputs" / str(CONFORMING)
    output.mkdir(parents=True)
    timeline = MediaFile.open(spec_clip)
    with BlockingRunner(lambda _: None) as runner:
        # Any sound will do as the stored output: one of this version.
        cue = timeline.spot("sound", timeline.span(None, None), model="sketch/foley", prompt="wood", seed=1)
        (folder / "elsewhere").mkdir()
        (sound,) = runner.run_jobs([create_job_spec(cue, folder / "elsewhere", "sound")])
        assert isinstance(sound, Take)
        shutil.copy(sound.file, output / "foley.wav")
    with BlockingRunner(lambda _: None) as runner:
        finished = {job.id: (job, results) for job, results in runner.resume([PLANNED, CONFORMING])}
    assert set(finished) == {PLANNED, CONFORMING}
    for job, results in finished.values():
        assert job.state == "ready"
        (take,) = results
        assert isinstance(take, Take)
        assert take.number > 1
        assert hear(take.file).shape[0] == 48_000
    ledger = Ledger()
    assert {ledger.get_job(number).state for number in finished} == {"ready"}
    ledger.close()


def test_the_command_lists_the_jobs(folder, capsys):
    """As JSON, with the sums of costs."""
    assert main(["jobs", "--json", "--all"]) == 0
    listing = json.loads(capsys.readouterr().out)
    assert len(listing["jobs"]) == 8
    (row,) = (row for row in listing["sums"]["provider"] if row["name"] == "replicate")
    assert (row["currency"], row["jobs"]) == ("USD", 6)


def test_a_manifest_is_read_and_extended(tmp_path):
    """Entries of the version before become takes again, and stay in the manifest before new ones while their files exist."""
    path = tmp_path / "clip.tracklay.json"
    shutil.copy(HERE / "manifest_before.json", path)
    before = read_manifest(path)
    assert [entry["model"] for entry in before["takes"]] == ["sketch/foley", "replicate/mmaudio"]
    flash_clip(tmp_path / "clip.mp4", Fraction(25), 25, (5,))
    timeline = MediaFile.open(tmp_path / "clip.mp4")
    for entry in before["takes"]:
        cue = timeline.spot(
            entry["cue"],
            timeline.span(None, None),
            model=entry["model"],
            prompt=entry["prompt"],
            negative=entry["negative"],
            seed=entry["seed"],
        )
        take = Take.from_manifest_entry(entry, cue, tmp_path)
        kind = "algorithmicMedia" if entry["provider"] == "sketch" else "trainedAlgorithmicMedia"
        assert take.to_manifest_entry() == {**entry, "digital_source_type": kind}
    kept, deleted = before["takes"]
    (tmp_path / kept["file"]).write_bytes(b"a take")
    new = {**kept, "take": 2, "file": "clip.sketch-foley.take2.wav"}
    write_manifest(path, {**before, "takes": [new]})
    assert [entry["file"] for entry in read_manifest(path)["takes"]] == [kept["file"], new["file"]]
    assert deleted["file"] not in path.read_text("utf-8")
