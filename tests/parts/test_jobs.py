"""Jobs of parts: their sounds are on the sample, each is a job and a price of its own, and a failure costs one part."""

from __future__ import annotations

import asyncio
import json
from fractions import Fraction

import numpy as np
import pytest
from tracklay.cue import Failure
from tracklay.errors import Cancelled, ModelFailed, RefusedContent
from tracklay.jobs import create_job_spec
from tracklay.jobs.job_spec import JobSpec
from tracklay.jobs.ledger import Ledger
from tracklay.jobs.runner import BlockingRunner
from tracklay.media.marks import find_source_type
from tracklay.media.wav_reader import WavReader
from tracklay.models import load_catalogue
from tracklay.source_type import TRAINED, source_type_uri
from tracklay.timelines.media_file import MediaFile

from tests.clips import clicks, hear, xmp_of_wav
from tests.parts.conftest import FLASHES, FORMATS, FRAMES, RATE

LAY = ("--model", "clicker/clicks", "--seed", 5, "--land", "off", "--json")
SAMPLES = [round(flash / RATE * 48_000) for flash in FLASHES]


def jobs():
    """Return all rows of the ledger."""
    ledger = Ledger()
    try:
        return ledger.all_jobs()
    finally:
        ledger.close()


def samples_of(path) -> np.ndarray:
    """Return a take's samples."""
    with WavReader(path) as wav:
        return wav.read(0, wav.format.samples)


def lay(run, clip, folder, *arguments):
    """Lay the clip; return the status, the manifest and the messages."""
    return run("lay", clip, *LAY, "--to", folder, *arguments)


def test_every_click_is_on_its_sample(behaviour, seeds, clip, tmp_path, run):
    """Parts of different formats, rates and channels: clicks are within a sample, none lost or doubled; each part is a job with a price.

    The same again reuses the outputs at no cost.
    """
    behaviour.formats = FORMATS[1:]
    status, manifest, _ = lay(run, clip, tmp_path)
    assert status == 0
    (take,) = manifest["takes"]
    sound = hear(tmp_path / take["file"])
    assert len(sound) == take["samples"] == round(Fraction(FRAMES) / RATE * 48_000)
    assert clicks(sound) == pytest.approx(SAMPLES, abs=1)
    assert [seam["between"] for seam in take["seams"]] == [[1, 2], [2, 3]]
    whole, *parts = jobs()
    assert [job.parent for job in parts] == [whole.id] * 3
    assert {job.state for job in (whole, *parts)} == {"laid"}
    assert whole.submitted_at is None
    assert take["cost"] == {"amount": "0.03", "currency": "USD", "estimated": False}
    assert [part["request"] for part in take["parts"]] == [job.request for job in parts]
    assert [part["seed"] for part in take["parts"]] == [job.seed for job in parts] == seeds
    assert sorted(behaviour.seeds) == sorted(seeds)
    assert parts[0].seed == take["seed"] == 5
    status, listing, _ = run("jobs", "--json")
    assert [job["id"] for job in listing["jobs"]] == [whole.id]
    assert listing["sums"]["provider"][0]["confirmed"] == "0.03"
    _, again, _ = lay(run, clip, tmp_path / "again")
    assert len(behaviour.seeds) == 3
    assert again["takes"][0]["cost"]["amount"] == "0"
    assert np.array_equal(samples_of(tmp_path / "again" / take["file"]), samples_of(tmp_path / take["file"]))
    catalogue = load_catalogue()
    for job in jobs():
        spec = JobSpec.from_dict(job.plan, catalogue)
        assert JobSpec.from_dict(spec.to_dict(), catalogue) == spec


def test_a_failed_part_is_made_again_alone(behaviour, seeds, clip, tmp_path, run):
    """A part whose model fails is sent once more; if it fails again it is kept for `resume`, and nothing else is sent again."""
    behaviour.errors[seeds[1]] = [ModelFailed("x.failed", "Out of memory.") for _ in range(3)]
    behaviour.errors[seeds[2]] = [ModelFailed("x.failed", "Out of memory.")]
    status, manifest, messages = lay(run, clip, tmp_path)
    assert status == 1
    assert not manifest["takes"]
    assert "Out of memory. Job 1 is kept and can be resumed." in messages
    assert "part 2: " in messages
    assert sorted(behaviour.seeds) == sorted([*seeds, seeds[1], seeds[2]])
    assert sorted(job.state for job in jobs()) == ["failed"] * 3 + ["ready"] * 2 + ["running"]
    behaviour.seeds.clear()
    assert run("jobs", "resume")[0] == 0
    assert behaviour.seeds == [seeds[1], seeds[1]]
    manifest = json.loads((tmp_path / "clip.tracklay.json").read_text())
    assert clicks(hear(tmp_path / manifest["takes"][0]["file"])) == pytest.approx(SAMPLES, abs=1)


def test_a_failed_part_is_collected(behaviour, seeds, clip, tmp_path, run):
    """`jobs collect`, by the number of the take or of its part, asks for the failed part once more, and sends nothing."""
    behaviour.errors[seeds[1]] = [ModelFailed("x.failed", "Out of memory.") for _ in range(3)]
    assert lay(run, clip, tmp_path)[0] == 1
    sent = list(behaviour.seeds)
    failed = jobs()[-1].id
    status, _, messages = run("jobs", "collect", 1)
    assert status == 1
    assert "part 2: clip.mp4: Out of memory. Job 1 is kept and can be resumed." in messages
    assert run("jobs", "collect", failed)[0] == 0
    assert behaviour.seeds == sent
    manifest = json.loads((tmp_path / "clip.tracklay.json").read_text())
    assert clicks(hear(tmp_path / manifest["takes"][0]["file"])) == pytest.approx(SAMPLES, abs=1)


def test_a_part_that_was_never_sent_is_not_collected(behaviour, clip, tmp_path, run):
    """`jobs collect` names the part, sends nothing, and keeps the take for `resume`."""
    assert lay(run, clip, tmp_path, "--max-project-cost", "0.025")[0] == 1
    status, _, messages = run("jobs", "collect", 1)
    assert status == 1
    assert "Part 3 has not been sent. Job 1 is kept and can be resumed." in messages
    assert len(behaviour.seeds) == 2


def test_refused_content_leaves_a_named_gap(behaviour, seeds, clip, tmp_path, run):
    """A part that the content policy refuses is silent and named, and the others are joined; if all are refused, the take fails."""
    behaviour.errors[seeds[1]] = [RefusedContent("x.refused", "Not allowed.")] * 9
    status, manifest, _ = lay(run, clip, tmp_path)
    assert status == 0
    (take,) = manifest["takes"]
    assert [part.get("silent", False) for part in take["parts"]] == [False, True, False]
    assert any(note.startswith("part 2 (") and note.endswith(" s) is silent: Not allowed.") for note in take["notes"])
    assert behaviour.seeds.count(seeds[1]) == 1
    sound = samples_of(tmp_path / take["file"])
    (gap,) = take["seams"]
    assert (gap["kind"], gap["between"]) == ("gap", [1, 3])
    silent = range(gap["position"], gap["position"] + gap["length"])
    assert not sound[silent.start : silent.stop].any()
    heard = [sample for sample in SAMPLES if sample not in silent]
    assert clicks(sound) == pytest.approx(heard, abs=1)
    assert 0 < len(heard) < len(SAMPLES)
    for seed in seeds:
        behaviour.errors[seed] = [RefusedContent("x.refused", "Not allowed.")] * 9
    status, manifest, _ = lay(run, clip, tmp_path / "all", "--prompt", "other")
    assert status == 1
    assert manifest["failed"][0]["kind"] == "refused-content"


def test_budget_counts_every_part(behaviour, clip, tmp_path, run):
    """A cap below the sum starts nothing, and the cap of a project stops the parts that would exceed it; the rest is made later."""
    status, _, messages = lay(run, clip, tmp_path, "--max-cost", "0.02")
    assert (status, behaviour.seeds) == (2, [])
    assert "0.03 exceeds the cap of 0.02" in messages
    status, _, messages = lay(run, clip, tmp_path, "--max-project-cost", "0.025")
    assert status == 1
    assert len(behaviour.seeds) == 2
    assert "Budget cap of project" in messages
    assert lay(run, clip, tmp_path, "--max-project-cost", "0.03")[0] == 0
    assert len(behaviour.seeds) == 3


def test_dry_run(behaviour, clip, tmp_path, run):
    """It says the length, the parts and the sum, and sends and writes nothing."""
    status, found, _ = lay(run, clip, tmp_path, "--dry-run", "--takes", 2, "--parts", "3")
    assert status == 0
    assert found["cues"] == [
        {
            "cue": "1",
            "model": "clicker/clicks",
            "takes": 2,
            "seconds": 5.005,
            "parts": 2,
            "cost": {"amount": "0.04", "currency": "USD"},
        }
    ]
    assert behaviour.seeds == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ("0", "Not a length of parts: '0'."),
        ("9", "must be from 1 to 3 s long: 9 s"),
        ("whole", "generates at most 3 s; the span has 5.00 s"),
    ],
)
def test_bad_parts(behaviour, clip, tmp_path, run, parts, words):
    """Parts of 0 s, longer than the model's, and none at all where the model has a limit are one line each."""
    status, _, messages = run("lay", clip, *LAY, "--to", tmp_path, "--parts", parts)
    assert status == 2
    assert words in messages
    assert len(messages.strip().splitlines()) == 1
    assert behaviour.seeds == []


def test_soft_limit_can_be_sent_whole(behaviour, clip, tmp_path, run, home):
    """Without a longest length `whole` is one request, as ever."""
    model = home / "models" / "clicker.toml"
    model.write_text(model.read_text().replace("most = 3, ", ""))
    _, manifest, _ = run("lay", clip, *LAY, "--to", tmp_path, "--parts", "whole")
    assert behaviour.seeds == [5]
    assert "parts" not in manifest["takes"][0]


def test_a_part_without_an_answer_waits_for_the_user(behaviour, seeds, clip, tmp_path, run):
    """It is listed by itself. Sent again by its number, the take is finished; cancelled by its number, all of the take is."""
    behaviour.lost = {seeds[1]}
    status, _, messages = lay(run, clip, tmp_path)
    assert status == 1
    (unclear,) = [job for job in jobs() if job.state == "unclear"]
    assert f"tracklay jobs resubmit {unclear.id}" in messages
    _, listing, _ = run("jobs", "--json")
    assert [job["id"] for job in listing["jobs"]] == [1, unclear.id]
    behaviour.lost = set()
    assert run("jobs", "resubmit", unclear.id)[0] == 0
    assert sorted(behaviour.seeds) == sorted([*seeds, seeds[1]])
    assert all(job.state == "laid" for job in jobs())
    behaviour.lost = {seeds[1]}
    lay(run, clip, tmp_path, "--prompt", "other")
    status, _, messages = run("jobs", "cancel", jobs()[-1].id)
    assert status == 0
    assert "2 of 3 parts were made and are charged. 1 may continue" in messages
    assert [job.state for job in jobs()[4:]] == ["cancelled", "cancelled", "unclear", "cancelled"]


def test_cancelling_a_running_take_stops_its_parts(behaviour, clip, tmp_path):
    """The parts that were sent are cancelled at the provider, the others are never sent, and all jobs end as cancelled."""
    (cue,) = MediaFile.open(clip).cues(model="clicker/clicks")
    with BlockingRunner(lambda _: None, {"clicker": 2}) as runner:
        behaviour.on_poll = lambda: len(behaviour.seeds) == 2 and asyncio.ensure_future(runner._scheduler.cancel(1))
        (result,) = runner.run_jobs([create_job_spec(cue, tmp_path, "clip")])
    assert isinstance(result, Failure)
    assert isinstance(result.error, Cancelled)
    assert {job.state for job in jobs()} == {"cancelled"}
    assert len(behaviour.seeds) == 2
    assert sorted(behaviour.cancelled) == sorted(behaviour.seeds)


def test_work_lists(behaviour, clip, tmp_path, run):
    """A row's parts are estimated and refused as those of `lay`; rows without the field follow the option; a number is a length."""
    work = tmp_path / "work.toml"
    rows = '[[rows]]\nid = "{}"\npicture = "{}"\nmodel = "clicker/clicks"\nparts = {}\n'
    work.write_text(rows.format("a", clip, 3) + rows.format("b", clip, '"auto"'))
    status, found, _ = run("batch", work, "--dry-run", "--json")
    assert status == 0
    (model,) = found["models"]
    assert (model["takes"], model["requests"], model["cost"]["amount"]) == (2, 5, "0.05")
    work.write_text(rows.format("a", clip, '"whole"'))
    status, found, _ = run("batch", work, "--dry-run", "--json")
    assert status == 1
    assert "generates at most 3 s" in found["failed"][0]["error"]
    work.write_text(rows.format("a", clip, 0))
    status, _, messages = run("batch", work, "--dry-run")
    assert status == 2
    assert "row 'a'" in messages
    assert "Not a length of parts: '0'." in messages
    work.write_text(rows.format("a", clip, 3).replace("parts = 3\n", ""))
    _, found, _ = run("batch", work, "--dry-run", "--json", "--parts", "3")
    assert found["models"][0]["requests"] == 2


def test_redo(behaviour, clip, tmp_path, run):
    """A part, and a stretch of the result, are made again with a new seed: one request each; outside the take is the old one to the bit."""
    _, manifest, _ = lay(run, clip, tmp_path)
    (old,) = manifest["takes"]
    behaviour.seeds.clear()
    status, manifest, _ = run("redo", tmp_path / old["file"], "--part", 2, "--seed", 77, "--json")
    assert status == 0
    assert behaviour.seeds == [77]
    new = manifest["takes"][0]
    assert (new["take"], new["seed"], new["cue"]) == (2, 77, old["cue"])
    part, replaced = old["parts"][1], new["replaced"]
    assert (replaced["take"], replaced["start"], replaced["frames"]) == (old["file"], part["start"], part["frames"])
    first, end = replaced["samples"]
    before, after = samples_of(tmp_path / old["file"]), samples_of(tmp_path / new["file"])
    assert np.array_equal(before[:first], after[:first])
    assert np.array_equal(before[end:], after[end:])
    assert clicks(after) == pytest.approx(SAMPLES, abs=1)
    laid = hear(tmp_path / manifest["laid"])
    assert clicks(laid[: len(after)]) == pytest.approx(SAMPLES, abs=2000)
    status, manifest, _ = run(
        "redo", tmp_path / new["file"], "--in", "60f", "--out", "110f", "--prompt", "rain", "--json"
    )
    assert status == 0
    third = manifest["takes"][0]
    assert (third["take"], third["prompt"]) == (3, "rain")
    assert (third["replaced"]["start"], third["replaced"]["frames"]) == (60, 50)
    marks = [find_source_type(xmp_of_wav(tmp_path / take["file"])) for take in (old, new, third)]
    assert marks == [source_type_uri(TRAINED)] * 3  # joining and joining again keep the mark
    assert run("redo", tmp_path / third["file"], "--part", 3, "--json")[0] == 0
    assert (tmp_path / old["file"]).is_file()


def test_bad_redo(behaviour, clip, tmp_path, run):
    """What cannot be redone is one line, and sends nothing."""
    _, manifest, _ = lay(run, clip, tmp_path)
    take = tmp_path / manifest["takes"][0]["file"]
    for arguments, words in (
        ((), "either --part N, or --in TIME and --out TIME"),
        (("--part", "1", "--in", "1"), "either --part N, or --in TIME and --out TIME"),
        (("--part", "7"), "has 3 parts, and no part 7"),
        (("--part", "0"), "has 3 parts, and no part 0"),
        (("--in", "4", "--out", "99"), "is not inside the take"),
        (("--in", "3", "--out", "3"), "Nothing between the in point"),
        (("--in", "x"), "Not a time"),
    ):
        status, _, messages = run("redo", take, *arguments)
        assert status == 2
        assert words in messages
        assert len(messages.strip().splitlines()) == 1
    assert len(behaviour.seeds) == 3
    status, _, messages = run("redo", clip, "--part", "1")
    assert status == 2
    assert "No job of this machine made the take" in messages
