"""A work list against fake servers: every take is generated once, even if the list runs again or fails."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tracklay.cli.main import main
from tracklay.jobs.ledger import Ledger
from tracklay.models import Price
from tracklay.report.page import PAGE_NAME

from tests.clips import hear

LIST = """
[defaults]
model = "clicker/clicks"
folder = "sound"
[[rows]]
id = "one"
picture = "plates/a.mp4"
[[rows]]
id = "two"
picture = "plates/b.mp4"
seed = 7
takes = 2
"""


def takes_in(folder):
    """Return the names of the takes in a folder."""
    return sorted(path.name for path in folder.glob("*.take*.wav"))


def test_every_row_is_generated_laid_and_listed(clips, listed, batch, clicking):
    """Takes, pictures with sound, manifests, and an entry for each take in the list's order."""
    folder = clips("a", "b").parent
    path = listed(LIST)
    status, content = batch(path)
    assert status == 0
    assert content == json.loads((folder / "work.tracklay.results.json").read_text())
    assert [(row["id"], row["state"], row["error"]) for row in content["rows"]] == [
        ("one", "laid", ""),
        ("two", "laid", ""),
        ("two", "laid", ""),
    ]
    assert [row["take"]["seed"] for row in content["rows"][1:]] == [7, 8]
    assert {(row["picture"], row["folder"]) for row in content["rows"]} == {
        ("plates/a.mp4", "sound"),
        ("plates/b.mp4", "sound"),
    }
    for row in content["rows"]:
        assert len(hear(folder / row["folder"] / row["take"]["file"])) == 48_000
    assert sorted(path.name for path in (folder / "sound").glob("*.mp4")) == ["a.tracklay.mp4", "b.tracklay.mp4"]
    assert len(json.loads((folder / "sound" / "b.tracklay.json").read_text())["takes"]) == 2


def test_a_second_run_generates_nothing(clips, listed, batch, clicking):
    """Not even for a row with a random seed; the results are the same."""
    folder = clips("a", "b").parent
    path = listed(LIST)
    first = batch(path)
    laid = {path: path.stat().st_mtime_ns for path in (folder / "sound").iterdir()}
    assert batch(path) == first
    assert {path: path.stat().st_mtime_ns for path in (folder / "sound").iterdir()} == laid


def test_again_generates_every_row_again(clips, listed, batch, clicking):
    """As new takes beside the old ones."""
    folder = clips("a", "b").parent
    path = listed(LIST)
    batch(path)
    assert batch(path, "--again")[0] == 0
    assert len(takes_in(folder / "sound")) == 6


def test_takes_of_another_machine_are_known_from_its_results(
    clips, listed, batch, clicking, monkeypatch, tmp_path, home
):
    """A machine with an empty ledger generates nothing."""
    folder = clips("a", "b").parent
    path = listed(LIST)
    first = batch(path)
    other = tmp_path / "other-home"
    (home / "models").rename(tmp_path / "models")
    other.mkdir()
    (tmp_path / "models").rename(other / "models")
    monkeypatch.setenv("TRACKLAY_HOME", str(other))
    status, content = batch(path)
    assert status == 0
    assert [row["take"] for row in content["rows"]] == [row["take"] for row in first[1]["rows"]]
    assert len(takes_in(folder / "sound")) == 3


def test_a_deleted_take_is_generated_again(clips, listed, batch, clicking):
    """Only that one, with the same seed if the row has one."""
    folder = clips("a", "b").parent
    path = listed(LIST)
    _, content = batch(path)
    (folder / "sound" / content["rows"][2]["take"]["file"]).unlink()
    status, content = batch(path)
    assert status == 0
    assert [row["take"]["seed"] for row in content["rows"] if row["id"] == "two"] == [7, 8]


def test_a_failed_clip_does_not_stop_the_others(clips, listed, batch, clicking):
    """An unreadable file and a time after the picture's end are reported with their rows."""
    folder = clips("a", "b", "c").parent
    (folder / "plates" / "broken.mp4").write_bytes(b"no picture at all")
    path = listed("""
        [[rows]]
        id = "broken"
        picture = "plates/broken.mp4"
        [[rows]]
        id = "late"
        picture = "plates/c.mp4"
        in = "00:01:00:00"
        [[rows]]
        id = "good"
        picture = "plates/a.mp4"
    """)
    path.write_text(path.read_text() + LIST[LIST.index("[defaults]") : LIST.index("[[rows]]")])
    status, content = batch(path)
    assert status == 1
    states = {row["id"]: (row["state"], row["kind"]) for row in content["rows"]}
    assert states["good"] == ("laid", "")
    assert states["late"] == ("failed", "bad-input")
    assert states["broken"][0] == "failed"
    errors = {row["id"]: row["error"] for row in content["rows"]}
    assert "broken.mp4" in errors["broken"]
    assert "past the end" in errors["late"]
    assert not any("\n" in error for error in errors.values())


def test_cues_of_one_picture_are_laid_together_and_models_are_alternatives(clips, listed, batch, clicking):
    """One laid picture has both cues; a second model's take is written beside it for comparison."""
    folder = clips("a").parent
    path = listed("""
        pictures = ["plates/*.mp4"]
        models = ["clicker/clicks", "sketch/foley"]
        [[cues]]
        cue = "first"
        out = "12f"
        [[cues]]
        cue = "second"
        in = "12f"
    """)
    status, content = batch(path)
    assert status == 0
    assert [row["id"] for row in content["rows"]] == [
        f"plates/a:{cue}:{model}" for cue in ("first", "second") for model in ("clicker/clicks", "sketch/foley")
    ]
    manifest = json.loads((folder / "plates" / "tracklay" / "a.tracklay.json").read_text())
    assert sorted((take["cue"], take["model"]) for take in manifest["takes"]) == [
        ("first", "clicker/clicks"),
        ("first", "sketch/foley"),
        ("second", "clicker/clicks"),
        ("second", "sketch/foley"),
    ]


def test_verdicts_are_applied_once(clips, listed, batch, clicking, tmp_path):
    """A rejected take is generated again with a new seed, a kept one stays, notes stay; a second run generates nothing."""
    folder = clips("a", "b").parent
    path = listed(LIST)
    batch(path)
    verdicts = tmp_path / "verdicts.json"
    given = [
        {"row": "two", "take": 1, "verdict": "reject", "note": "too wet"},
        {"row": "two", "take": 2, "verdict": "keep", "note": ""},
        {"row": "one", "take": 1, "verdict": "", "note": "nice"},
    ]
    verdicts.write_text(json.dumps({"tracklay": "0.1.0", "verdicts": given}))
    for _ in range(2):
        status, content = batch(path, "--verdicts", verdicts)
        assert status == 0
        rows = [
            (row["id"], row["take"]["take"], row["take"]["seed"], row["verdict"], row["note"])
            for row in content["rows"]
        ]
        assert rows[1:] == [("two", 1, 7, "reject", "too wet"), ("two", 2, 8, "keep", ""), ("two", 3, 9, "", "")]
        assert rows[0][3:] == ("", "nice")
    assert len(takes_in(folder / "sound")) == 4
    assert batch(path)[1] == content


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "has no verdicts"),
        ('{"verdicts": [{"row": "three", "take": 1}]}', "verdict 1: work.toml has no row 'three'"),
        ('{"verdicts": [{"row": "one"}]}', "verdict 1: A verdict must have a row and the number of a take."),
        (
            '{"verdicts": [{"row": "one", "take": 1, "verdict": "maybe"}]}',
            "verdict 1 (row 'one'): A verdict must be keep",
        ),
    ],
)
def test_invalid_verdicts_are_rejected(clips, listed, batch, clicking, tmp_path, capsys, text, message):
    """With one line, and nothing is generated."""
    clips("a", "b")
    (tmp_path / "v.json").write_text(text)
    from tracklay.cli.main import main

    assert main(["batch", str(listed(LIST)), "--verdicts", str(tmp_path / "v.json")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "sound").exists()


HOSTED = """
[defaults]
model = "replicate/mmaudio"
params = { mode = "text" }
prompt = "rain"
folder = "sound"
"""


def hosted(*names):
    """Return a list of rows for the fake server of Replicate."""
    return HOSTED + "".join(f'[[rows]]\nid = "{name}"\npicture = "plates/{name}.mp4"\n' for name in names)


@pytest.fixture
def priced(home, monkeypatch):
    """MMAudio at 0.25 USD for each take."""
    from dataclasses import replace

    from tracklay.batch import worklist_loader
    from tracklay.models import load_catalogue

    def with_price():
        models = dict(load_catalogue())
        models["replicate/mmaudio"] = replace(models["replicate/mmaudio"], price=Price("0.25", "USD", "take"))
        return models

    monkeypatch.setattr(worklist_loader, "load_catalogue", with_price)


def test_a_dry_run_prints_all_and_sends_nothing(replicate, priced, clips, listed, batch, tmp_path):
    """Cost from the catalogue, duration from the ledger, unknown before there is any."""
    clips("a", "b", "c")
    path = listed(hosted("a", "b", "c"))
    status, content = batch(path, "--dry-run")
    assert status == 0
    assert (content["rows"], content["made"], content["cost"], content["seconds"]) == (3, 0, {"USD": "0.75"}, None)
    assert not replicate.calls(".*")
    assert not (tmp_path / "sound").exists()
    assert batch(listed(hosted("a"), "one.toml"))[0] == 0
    status, content = batch(path, "--dry-run")
    assert content["seconds"] is not None
    assert batch(path)[0] == 0
    assert batch(path, "--dry-run")[1]["made"] == 3


def test_max_cost_is_held_over_all_runs_of_the_list(replicate, priced, clips, listed, batch, capsys):
    """It is refused whole where it would cost more, what was spent before counts, and nothing is sent."""
    from tracklay.cli.main import main

    clips("a", "b", "c")
    path = listed(hosted("a", "b", "c"))
    assert main(["batch", str(path), "--max-cost", "0.7"]) == 2
    assert "would cost about 0.75 in total, 0.00 of it already spent; the cap is 0.70." in capsys.readouterr().err
    assert not replicate.app.predictions
    assert batch(path, "--max-cost", "0.75")[0] == 0
    assert len(replicate.app.predictions) == 3
    path.write_text(hosted("a", "b", "c").replace('prompt = "rain"', 'prompt = "hail"'))
    assert main(["batch", str(path), "--max-cost", "1.25"]) == 2
    assert "0.75 of it already spent" in capsys.readouterr().err
    assert len(replicate.app.predictions) == 3


def test_shards_have_ledgers_of_their_own_and_are_merged(replicate, clips, listed, batch, monkeypatch, tmp_path):
    """One shard runs each row; a merge and a run of the whole list generate nothing."""
    names = [f"s{n}" for n in range(8)]
    clips(*names)
    path = listed(hosted(*names))
    rows = []
    for shard in (1, 2, 3):
        monkeypatch.setenv("TRACKLAY_HOME", str(tmp_path / f"home{shard}"))
        status, content = batch(path, "--shard", f"{shard}/3")
        assert status == 0
        rows += content["rows"]
    assert len(replicate.app.predictions) == 8
    monkeypatch.setenv("TRACKLAY_HOME", str(tmp_path / "home"))
    status, content = batch(path, "--merge")
    assert status == 0
    assert [row["id"] for row in content["rows"]] == names
    assert {row["take"]["sha256"] for row in content["rows"]} == {row["take"]["sha256"] for row in rows}
    assert batch(path)[0] == 0
    assert len(replicate.app.predictions) == 8


def test_a_picture_whose_cues_lie_in_several_shards_is_laid_when_they_are_merged(
    clips, listed, batch, clicking, tmp_path
):
    """No shard lays a part of it; rows of a shard that has not run are waiting."""
    clips("a")
    cues = "".join(f'[[cues]]\ncue = "c{n}"\nin = "{n * 5}f"\nout = "{n * 5 + 5}f"\n' for n in range(5))
    path = listed(f'pictures = ["plates/a.mp4"]\nmodels = ["clicker/clicks"]\n{cues}')
    laid = tmp_path / "plates" / "tracklay" / "a.tracklay.mp4"
    first = batch(path, "--shard", "1/2")
    assert first[0] == 0
    assert {row["state"] for row in first[1]["rows"]} == {"ready"}
    status, content = batch(path, "--merge")
    assert status == 1
    assert {row["state"] for row in content["rows"]} == {"laid", "waiting"}
    assert laid.exists()
    batch(path, "--shard", "2/2")
    status, content = batch(path, "--merge")
    assert (status, [row["state"] for row in content["rows"]]) == (0, ["laid"] * 5)
    ledger = Ledger()
    assert not ledger.open_job_ids()
    ledger.close()


def test_the_report_is_written_beside_the_list(clips, listed, clicking, capsys):
    """On a terminal: counts by state, what failed, and where the results and the report are."""
    from tracklay.cli.main import main

    folder = clips("a", "b").parent
    (folder / "plates" / "b.mp4").unlink()
    (folder / "plates" / "b.mp4").write_bytes(b"broken")
    assert main(["batch", str(listed(LIST))]) == 1
    out = capsys.readouterr().out
    assert "2 rows: 1 laid, 2 failed" in out
    assert "two: " in out
    page = folder / "work.tracklay.report" / "report.html"
    assert page.exists()
    assert str(page) in out
    assert str(folder / "work.tracklay.results.json") in out


def test_lay_plans_a_list_that_batch_runs(clips, batch, clicking, capsys, tmp_path):
    """Nothing is laid before; the same span, model and takes are, after; an edited list is never replaced."""
    from tracklay.cli.main import main

    folder = clips("a")
    options = ["--model", "clicker/clicks", "--prompt", 'oak "heavy"', "--in", "5f", "--takes", "2", "--seed", "3"]
    lay = ["lay", str(folder / "a.mp4"), *options, "--to", str(tmp_path / "sound"), "--plan"]
    assert main(lay) == 0
    path = folder / "a.tracklay.toml"
    assert str(path) in capsys.readouterr().out
    assert not (tmp_path / "sound").exists()
    status, content = batch(path)
    assert status == 0
    assert [(row["id"], row["take"]["seed"], row["take"]["prompt"]) for row in content["rows"]] == [
        ("a", 3, 'oak "heavy"'),
        ("a", 4, 'oak "heavy"'),
    ]
    assert {(row["take"]["start"]["frame"], row["take"]["frames"]) for row in content["rows"]} == {(5, 20)}
    assert len(takes_in(tmp_path / "sound")) == 2
    assert main(lay) == 2
    assert "The work list already exists: " in capsys.readouterr().err
    assert main([*lay, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [{"id": "a"}]


def test_concurrent_shards_share_each_providers_limit():
    """Together they run as many takes as one machine would, and each runs at least one."""
    from tracklay.batch.executor import BatchOptions

    def limit(**options):
        return BatchOptions(**options).concurrency_by_provider(["replicate"])["replicate"]

    assert limit() == 8
    assert limit(workers=32) == 32
    assert [limit(shard=(n, 3), concurrent_shards=3, workers=32) for n in (1, 2, 3)] == [11, 11, 10]
    assert [limit(shard=(n, 4), concurrent_shards=2, workers=9) for n in (1, 2, 3, 4)] == [5, 4, 5, 4]
    assert limit(shard=(1, 100), concurrent_shards=100) == 1


def test_the_lists_in_the_documents_run(clips, clicking, batch, tmp_path):
    """Each TOML block of docs/batch.md is a valid work list."""
    page = (Path(__file__).parents[2] / "docs" / "batch.md").read_text("utf-8")
    blocks = re.findall(r"```toml\n# (\S+)\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in blocks] == ["work.toml", "every.toml"]
    clips("door", "rain")
    for name, text in blocks:
        (tmp_path / name).write_text(text)
        status, content = batch(tmp_path / name)
        assert (status, {row["state"] for row in content["rows"]}) == (0, {"laid"}), content
    assert len(content["rows"]) == 8


def test_a_row_with_a_mix_has_its_measures(clips, listed, batch, clicking):
    """Loudness and true peak are in the results and the report; a second run mixes nothing again, and another preset does."""
    folder = clips("a").parent
    row = '[[rows]]\nid = "one"\npicture = "plates/a.mp4"\nmodel = "clicker/clicks"\nmix = "{}"\n'
    status, content = batch(listed(row.format("film")))
    assert status == 0
    (entry,) = content["rows"]
    assert entry["mix"]["preset"] == "film"
    assert entry["mix"]["stems"] == {"effects": "a.mix.effects.wav"}
    assert entry["mix"]["true_peak"] <= -1
    written = (folder / "plates" / "tracklay" / "a.mix.wav").stat().st_mtime_ns
    assert batch(listed(row.format("film"))) == (status, content)
    assert (folder / "plates" / "tracklay" / "a.mix.wav").stat().st_mtime_ns == written
    assert main(["report", str(folder / "work.tracklay.results.json"), "--to", str(folder / "report")]) == 0
    page = (folder / "report" / PAGE_NAME).read_text()
    assert f"{entry['mix']['lufs']:.1f} LUFS, true peak {entry['mix']['true_peak']:.1f} dBTP" in page
    assert "loudest mix first" in page
    assert all(f'"{name}": "data:video/mp4' in page for name in ("mix", "effects"))
    assert batch(listed(row.format("social")))[1]["rows"][0]["mix"]["preset"] == "social"
    assert batch(listed(row.format("loud")))[0] == 2
