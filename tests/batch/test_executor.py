"""A work list through the stand-ins: every row made once, whatever happens and however often it is run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tracklay.jobs.ledger import Ledger
from tracklay.models import Price

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
    """The takes in a folder."""
    return sorted(path.name for path in folder.glob("*.take*.wav"))


def test_every_row_is_made_and_laid_and_the_results_say_so(clips, listed, batch, clicking):
    """Takes, pictures with sound, manifests, and an entry for each take in the list's order."""
    folder = clips("a", "b").parent
    path = listed(LIST)
    status, told = batch(path)
    assert status == 0
    assert told == json.loads((folder / "work.tracklay.results.json").read_text())
    assert [(row["id"], row["state"], row["error"]) for row in told["rows"]] == [
        ("one", "laid", ""),
        ("two", "laid", ""),
        ("two", "laid", ""),
    ]
    assert [row["take"]["seed"] for row in told["rows"][1:]] == [7, 8]
    assert {(row["picture"], row["folder"]) for row in told["rows"]} == {
        ("plates/a.mp4", "sound"),
        ("plates/b.mp4", "sound"),
    }
    for row in told["rows"]:
        assert len(hear(folder / row["folder"] / row["take"]["file"])) == 48_000
    assert sorted(path.name for path in (folder / "sound").glob("*.mp4")) == ["a.tracklay.mp4", "b.tracklay.mp4"]
    assert len(json.loads((folder / "sound" / "b.tracklay.json").read_text())["takes"]) == 2


def test_the_same_command_again_makes_nothing(clips, listed, batch, clicking):
    """Not even of a row that draws its seed; the results are the same."""
    folder = clips("a", "b").parent
    path = listed(LIST)
    first = batch(path)
    laid = {path: path.stat().st_mtime_ns for path in (folder / "sound").iterdir()}
    assert batch(path) == first
    assert {path: path.stat().st_mtime_ns for path in (folder / "sound").iterdir()} == laid


def test_again_makes_every_row_anew(clips, listed, batch, clicking):
    """As new takes beside the old ones."""
    folder = clips("a", "b").parent
    path = listed(LIST)
    batch(path)
    assert batch(path, "--again")[0] == 0
    assert len(takes_in(folder / "sound")) == 6


def test_what_another_machine_made_is_known_by_its_results(clips, listed, batch, clicking, monkeypatch, tmp_path, home):
    """A ledger that knows nothing of it asks for nothing."""
    folder = clips("a", "b").parent
    path = listed(LIST)
    first = batch(path)
    other = tmp_path / "other-home"
    (home / "models").rename(tmp_path / "models")
    other.mkdir()
    (tmp_path / "models").rename(other / "models")
    monkeypatch.setenv("TRACKLAY_HOME", str(other))
    status, told = batch(path)
    assert status == 0
    assert [row["take"] for row in told["rows"]] == [row["take"] for row in first[1]["rows"]]
    assert len(takes_in(folder / "sound")) == 3


def test_a_take_that_was_deleted_is_made_again(clips, listed, batch, clicking):
    """Only that one, and of a seed that is given the same one."""
    folder = clips("a", "b").parent
    path = listed(LIST)
    _, told = batch(path)
    (folder / "sound" / told["rows"][2]["take"]["file"]).unlink()
    status, told = batch(path)
    assert status == 0
    assert [row["take"]["seed"] for row in told["rows"] if row["id"] == "two"] == [7, 8]


def test_a_failed_clip_stops_no_other(clips, listed, batch, clicking):
    """A broken file, and a point past the picture's end: told with their rows, everything else is made."""
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
    status, told = batch(path)
    assert status == 1
    states = {row["id"]: (row["state"], row["kind"]) for row in told["rows"]}
    assert states["good"] == ("laid", "")
    assert states["late"] == ("failed", "bad-input")
    assert states["broken"][0] == "failed"
    errors = {row["id"]: row["error"] for row in told["rows"]}
    assert "broken.mp4" in errors["broken"]
    assert "past the end" in errors["late"]
    assert not any("\n" in error for error in errors.values())


def test_cues_of_one_picture_are_laid_together_and_models_are_alternatives(clips, listed, batch, clicking):
    """One picture with sound holds both cues; a second model's take lies beside, to be compared."""
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
    status, told = batch(path)
    assert status == 0
    assert [row["id"] for row in told["rows"]] == [
        f"plates/a:{cue}:{model}" for cue in ("first", "second") for model in ("clicker/clicks", "sketch/foley")
    ]
    made = json.loads((folder / "plates" / "tracklay" / "a.tracklay.json").read_text())
    assert sorted((take["cue"], take["model"]) for take in made["takes"]) == [
        ("first", "clicker/clicks"),
        ("first", "sketch/foley"),
        ("second", "clicker/clicks"),
        ("second", "sketch/foley"),
    ]


def test_verdicts_are_taken_up_once(clips, listed, batch, clicking, tmp_path):
    """A rejected take is made again with a new seed, a kept one is left alone, notes stay; the same again makes nothing."""
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
        status, told = batch(path, "--verdicts", verdicts)
        assert status == 0
        rows = [
            (row["id"], row["take"]["take"], row["take"]["seed"], row["verdict"], row["note"]) for row in told["rows"]
        ]
        assert rows[1:] == [("two", 1, 7, "reject", "too wet"), ("two", 2, 8, "keep", ""), ("two", 3, 9, "", "")]
        assert rows[0][3:] == ("", "nice")
    assert len(takes_in(folder / "sound")) == 4
    assert batch(path)[1] == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "holds no verdicts"),
        ('{"verdicts": [{"row": "three", "take": 1}]}', "verdict 1: work.toml has no row 'three'"),
        ('{"verdicts": [{"row": "one"}]}', "verdict 1: it must name a row and the number of a take"),
        ('{"verdicts": [{"row": "one", "take": 1, "verdict": "maybe"}]}', "verdict 1 (row 'one'): a verdict is keep"),
    ],
)
def test_wrong_verdicts_are_refused(clips, listed, batch, clicking, tmp_path, capsys, text, told):
    """In one sentence, and nothing is made."""
    clips("a", "b")
    (tmp_path / "v.json").write_text(text)
    from tracklay.cli.main import main

    assert main(["batch", str(listed(LIST)), "--verdicts", str(tmp_path / "v.json")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "sound").exists()


HOSTED = """
[defaults]
model = "replicate/mmaudio"
params = { mode = "text" }
prompt = "rain"
folder = "sound"
"""


def hosted(*names):
    """Rows for Replicate's stand-in."""
    return HOSTED + "".join(f'[[rows]]\nid = "{name}"\npicture = "plates/{name}.mp4"\n' for name in names)


@pytest.fixture
def priced(home, monkeypatch):
    """MMAudio at a quarter a take."""
    from dataclasses import replace

    from tracklay.batch import worklist_loader
    from tracklay.models import load_catalogue

    def dear():
        models = dict(load_catalogue())
        models["replicate/mmaudio"] = replace(models["replicate/mmaudio"], price=Price("0.25", "USD", "take"))
        return models

    monkeypatch.setattr(worklist_loader, "load_catalogue", dear)


def test_a_dry_run_tells_all_and_sends_nothing(replicate, priced, clips, listed, batch, tmp_path):
    """Cost by the catalogue, time by the ledger's history, and honestly not known before there is any."""
    clips("a", "b", "c")
    path = listed(hosted("a", "b", "c"))
    status, told = batch(path, "--dry-run")
    assert status == 0
    assert (told["rows"], told["made"], told["cost"], told["seconds"]) == (3, 0, {"USD": "0.75"}, None)
    assert not replicate.calls(".*")
    assert not (tmp_path / "sound").exists()
    assert batch(listed(hosted("a"), "one.toml"))[0] == 0
    status, told = batch(path, "--dry-run")
    assert told["seconds"] is not None
    assert batch(path)[0] == 0
    assert batch(path, "--dry-run")[1]["made"] == 3


def test_max_cost_is_held_over_all_runs_of_the_list(replicate, priced, clips, listed, batch, capsys):
    """It is refused whole where it would cost more, what was spent before counts, and nothing is sent."""
    from tracklay.cli.main import main

    clips("a", "b", "c")
    path = listed(hosted("a", "b", "c"))
    assert main(["batch", str(path), "--max-cost", "0.7"]) == 2
    assert "would cost about 0.75 and --max-cost allows 0.70" in capsys.readouterr().err
    assert not replicate.app.predictions
    assert batch(path, "--max-cost", "0.75")[0] == 0
    assert len(replicate.app.predictions) == 3
    path.write_text(hosted("a", "b", "c").replace('prompt = "rain"', 'prompt = "hail"'))
    assert main(["batch", str(path), "--max-cost", "1.25"]) == 2
    assert "(0.75 of it is spent)" in capsys.readouterr().err
    assert len(replicate.app.predictions) == 3


def test_shards_have_ledgers_of_their_own_and_are_merged(replicate, clips, listed, batch, monkeypatch, tmp_path):
    """Each row is made by one shard; the results joined, and the whole list run once more, ask for nothing."""
    names = [f"s{n}" for n in range(8)]
    clips(*names)
    path = listed(hosted(*names))
    rows = []
    for shard in (1, 2, 3):
        monkeypatch.setenv("TRACKLAY_HOME", str(tmp_path / f"home{shard}"))
        status, told = batch(path, "--shard", f"{shard}/3")
        assert status == 0
        rows += told["rows"]
    assert len(replicate.app.predictions) == 8
    monkeypatch.setenv("TRACKLAY_HOME", str(tmp_path / "home"))
    status, told = batch(path, "--merge")
    assert status == 0
    assert [row["id"] for row in told["rows"]] == names
    assert {row["take"]["sha256"] for row in told["rows"]} == {row["take"]["sha256"] for row in rows}
    assert batch(path)[0] == 0
    assert len(replicate.app.predictions) == 8


def test_a_picture_whose_cues_lie_in_several_shards_is_laid_when_they_are_merged(
    clips, listed, batch, clicking, tmp_path
):
    """No shard lays half of it; a shard that never ran is told as waiting."""
    clips("a")
    cues = "".join(f'[[cues]]\ncue = "c{n}"\nin = "{n * 5}f"\nout = "{n * 5 + 5}f"\n' for n in range(5))
    path = listed(f'pictures = ["plates/a.mp4"]\nmodels = ["clicker/clicks"]\n{cues}')
    laid = tmp_path / "plates" / "tracklay" / "a.tracklay.mp4"
    first = batch(path, "--shard", "1/2")
    assert first[0] == 0
    assert {row["state"] for row in first[1]["rows"]} == {"ready"}
    status, told = batch(path, "--merge")
    assert status == 1
    assert {row["state"] for row in told["rows"]} == {"laid", "waiting"}
    assert laid.exists()
    batch(path, "--shard", "2/2")
    status, told = batch(path, "--merge")
    assert (status, [row["state"] for row in told["rows"]]) == (0, ["laid"] * 5)
    ledger = Ledger()
    assert not ledger.open_job_ids()
    ledger.close()


def test_the_report_lies_beside_the_list(clips, listed, clicking, capsys):
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
    said = ["--model", "clicker/clicks", "--prompt", 'oak "heavy"', "--in", "5f", "--takes", "2", "--seed", "3"]
    lay = ["lay", str(folder / "a.mp4"), *said, "--to", str(tmp_path / "sound"), "--plan"]
    assert main(lay) == 0
    path = folder / "a.tracklay.toml"
    assert str(path) in capsys.readouterr().out
    assert not (tmp_path / "sound").exists()
    status, told = batch(path)
    assert status == 0
    assert [(row["id"], row["take"]["seed"], row["take"]["prompt"]) for row in told["rows"]] == [
        ("a", 3, 'oak "heavy"'),
        ("a", 4, 'oak "heavy"'),
    ]
    assert {(row["take"]["start"]["frame"], row["take"]["frames"]) for row in told["rows"]} == {(5, 20)}
    assert len(takes_in(tmp_path / "sound")) == 2
    assert main(lay) == 2
    assert "is there already" in capsys.readouterr().err
    assert main([*lay, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [{"id": "a"}]


def test_providers_are_asked_for_a_shards_part_of_what_all_may():
    """What all shards that run together ask for at a time is what one machine would; each asks for one at least."""
    from tracklay.batch.executor import BatchOptions

    def width(**how):
        return BatchOptions(**how).concurrency_by_provider(["replicate"])["replicate"]

    assert width() == 8
    assert width(workers=32) == 32
    assert [width(shard=(n, 3), concurrent_shards=3, workers=32) for n in (1, 2, 3)] == [11, 11, 10]
    assert [width(shard=(n, 4), concurrent_shards=2, workers=9) for n in (1, 2, 3, 4)] == [5, 4, 5, 4]
    assert width(shard=(1, 100), concurrent_shards=100) == 1


def test_the_lists_in_the_documents_run(clips, clicking, batch, tmp_path):
    """Each TOML block of docs/batch.md is a work list; they are made as they stand there."""
    page = (Path(__file__).parents[2] / "docs" / "batch.md").read_text("utf-8")
    blocks = re.findall(r"```toml\n# (\S+)\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in blocks] == ["work.toml", "every.toml"]
    clips("door", "rain")
    for name, text in blocks:
        (tmp_path / name).write_text(text)
        status, told = batch(tmp_path / name)
        assert (status, {row["state"] for row in told["rows"]}) == (0, {"laid"}), told
    assert len(told["rows"]) == 8
