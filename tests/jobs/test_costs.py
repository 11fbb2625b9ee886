"""The estimate before a request and the charge after it: both are kept, summed exactly, and held against each other."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from fractions import Fraction

import pytest
from tracklay.cli.main import main
from tracklay.errors import InvalidInput, OverBudget
from tracklay.jobs import admin, costs
from tracklay.jobs.ledger import Ledger, NewJob
from tracklay.models import SHIPPED

from tests.clips import flash_clip
from tests.fakes import fal as fal_fake
from tests.jobs.kill_harness import kind

CHARGES = ("0.1", "0.0125", "0.003", "0.07")
"""Amounts that binary fractions cannot hold."""


@pytest.fixture
def ledger(home):
    """An empty ledger."""
    opened = Ledger()
    yield opened
    opened.close()


@pytest.fixture
def fal(monkeypatch):
    """The fake fal servers, polled without pauses."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.01))
    with fal_fake.Fal() as hosts:
        monkeypatch.setenv("TRACKLAY_FAL_QUEUE_URL", hosts.queue.url)
        monkeypatch.setenv("TRACKLAY_FAL_REST_URL", hosts.rest.url)
        monkeypatch.setenv("TRACKLAY_FAL_API_URL", hosts.api.url)
        monkeypatch.setenv("FAL_KEY", fal_fake.KEY)
        yield hosts


@pytest.fixture
def clip(tmp_path):
    """Two seconds with a flash."""
    return flash_clip(tmp_path / "clip.mp4", Fraction(25), 50, (5,))


def add_job(ledger: Ledger, number: int, estimate: str | None, charged: str | None, **columns) -> None:
    """Add a job that was sent."""
    key = f"key{number}"
    new = NewJob(
        "run",
        "/film",
        f"cue{number}",
        0,
        "fal/mmaudio-v2",
        "fal",
        1,
        {"cue": {"source": "clip.mp4", "prompt": ""}},
        key,
    )
    job = ledger.get_job(ledger.add_jobs([new], "gone")[0])
    fields = {"submitted_at": f"2026-{1 + number % 12:02}-03T10:00:00Z", "currency": "USD", "estimate": estimate}
    charge = {} if charged is None else {"cost": charged, "cost_confirmed": 1}
    ledger.update(job, **fields, **charge, **columns)


def test_estimates_and_charges_of_200_jobs_sum_exactly(ledger):
    """To the last digit, by each group, the charge apart from what was expected of the same jobs."""
    for number in range(200):
        add_job(ledger, number, "0.02", CHARGES[number % 4] if number % 5 else None)
    rows = costs.cost_rows(ledger)
    charged = sum(Decimal(CHARGES[number % 4]) for number in range(200) if number % 5)
    for group in costs.COST_GROUPS:
        sums = costs.summarize_costs(rows, group)
        assert sum(each.confirmed for each in sums) == charged
        assert sum(each.expected for each in sums) == Decimal("0.02") * 160
        assert sum(each.estimated for each in sums) == Decimal("0.02") * 40
    assert [each.name for each in costs.summarize_costs(rows, "month")][:2] == ["2026-01", "2026-02"]


def test_a_run_whose_charges_leave_their_estimates_sends_no_more(ledger):
    """Twice is the default and is allowed; the limit is the run's own; jobs without both amounts do not count."""
    add_job(ledger, 0, "0.02", "0.04")
    add_job(ledger, 1, "0.02", None)
    add_job(ledger, 2, None, "5")
    job = ledger.get_job(1)
    costs.enforce_max_overrun(ledger, job)
    ledger.set_cap(costs.overrun_scope("run"), "1.5")
    with pytest.raises(OverBudget, match=r"charged 0\.04 USD for what was estimated at 0\.02: more than 1\.5 times"):
        costs.enforce_max_overrun(ledger, job)


def test_sums_are_counted_by_the_ledger_itself(ledger):
    """One row for jobs of equal amounts, exact after every change, by whichever process; caps read these rows and no job."""
    for number in range(50):
        add_job(ledger, number, "0.02", "0.02" if number % 2 else None)
    job = ledger.get_job(2)
    costs.enforce_max_overrun(ledger, job)
    other = Ledger()
    other.update(job, cost="2", cost_confirmed=1)
    other.update(other.get_job(4), cost="0.003")
    other.transition(other.get_job(6), "cancelled")
    other.close()
    by_job = costs.cost_rows(ledger)
    by_group = costs.cost_groups(ledger)
    assert len(by_job) == 50 == sum(group["jobs"] for group in by_group)
    for group in costs.COST_GROUPS:
        assert costs.summarize_costs(by_group, group) == costs.summarize_costs(by_job, group)
    with pytest.raises(OverBudget, match=r"charged 2\.463 USD for what was estimated at 0\.5:"):
        costs.enforce_max_overrun(ledger, job)
    for name in ("run", "project"):
        steps = ledger.select_values(f"EXPLAIN QUERY PLAN SELECT * FROM cost_groups WHERE day >= '' AND {name} = 'x'")  # noqa: S608
        assert "INDEX" in steps[0]["detail"] or "PRIMARY KEY" in steps[0]["detail"]


def test_a_batch_stops_when_fal_charges_more_than_expected(fal, clip, tmp_path, capsys):
    """One row is charged three times its price; the next is sent only with a higher limit."""
    fal.overcharge = 3
    rows = "".join(f'\n[[rows]]\nid = "r{number}"\npicture = "clip.mp4"\nprompt = "{number}"\n' for number in range(2))
    (tmp_path / "work.toml").write_text(f'[defaults]\nmodel = "fal/mmaudio-v2"\n{rows}')
    batch = ["batch", str(tmp_path / "work.toml"), "--workers", "1", "--no-report", "--json"]
    assert main(batch) == 1
    result = json.loads(capsys.readouterr().out)
    assert [row["state"] for row in result["rows"]] == ["laid", "failed"]
    assert "charged 0.006 USD for what was estimated at 0.002" in result["rows"][1]["error"]
    assert len(fal.queue.calls("POST /fal-ai/mmaudio-v2")) == 1
    assert main([*batch, "--max-overrun", "4"]) == 0


@pytest.mark.parametrize("ends", ["failed", "canceled"])
def test_a_prediction_without_a_result_is_charged(clip, monkeypatch, home, ends):
    """Replicate bills the time that a failed or cancelled one ran: it counts in the sums, and in the range of the model."""
    monkeypatch.setattr("tracklay.jobs.pipeline.POLL_SECONDS", (0.001, 0.01))
    text = (SHIPPED / "replicate-mmaudio.toml").read_text("utf-8").replace("replicate/mmaudio", "mine/mmaudio")
    (home / "models").mkdir(parents=True)
    price = 'price = { amount = "0.001", per = "compute_second" }\nlicence'
    (home / "models" / "mine.toml").write_text(text.replace("licence", price, 1))
    with kind("replicate") as fake:
        for name, value in fake.environment.items():
            monkeypatch.setenv(name, value)
        assert fake.server is not None
        fake.server.app.ends = ends
        assert main(["lay", str(clip), "--model", "mine/mmaudio", "--prompt", "wood"]) == 1
    (total,) = admin.sum_costs(admin.list_costs())["provider"]
    assert (total["confirmed"], total["unknown"]) == ("0.0032", 0)
    bills = admin.model_bills("mine/mmaudio")
    assert bills is not None
    assert bills.compute_seconds == (3.2, 3.2)


def test_expected_and_charged_are_in_manifest_list_and_csv(fal, clip, capsys):
    """What was expected before, what the provider says it charged, and the seconds of computing where it bills those."""
    costs_shown = []
    for model in ("fal/mmaudio-v2", "fal/thinksound"):
        assert main(["lay", str(clip), "--model", model, "--prompt", "wood", "--json"]) == 0
        costs_shown.append(json.loads(capsys.readouterr().out)["takes"][0]["cost"])
    assert costs_shown == [
        {"amount": "0.002", "currency": "USD", "estimated": False},
        {"amount": "0.0125", "currency": "USD", "estimated": False, "compute_seconds": 12.5},
    ]
    seen = admin.model_bills("fal/thinksound")
    assert seen is not None
    assert (seen.amounts, seen.compute_seconds) == ((0.0125, 0.0125), (12.5, 12.5))
    assert admin.model_bills("fal/mmaudio-v2") is None
    assert main(["jobs", "--costs", "--csv"]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["model"], row["estimate"], row["charged"], row["compute_seconds"]) for row in table] == [
        ("fal/mmaudio-v2", "0.002", "0.002", ""),
        ("fal/thinksound", "", "0.0125", "12.5"),
    ]
    assert main(["jobs", "--costs"]) == 0
    shown = capsys.readouterr().out
    assert "0.0145 USD" in shown
    assert "month" in shown
    assert main(["models", "fal/thinksound"]) == 0
    assert "0.0125 USD a take so far (12.5 s of computing)" in capsys.readouterr().out


def test_costs_since_a_day(ledger, capsys):
    """A month means its first day."""
    for number in range(12):
        add_job(ledger, number, "0.02", "0.03")
    assert main(["jobs", "--costs", "--since", "2026-11", "--json"]) == 0
    assert [row["month"] for row in json.loads(capsys.readouterr().out)["costs"]] == ["2026-11", "2026-12"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--costs", "--since", "yesterday"], "Not a day: 'yesterday'. Write it as 2026-11-30"),
        (["--csv"], "--since and --csv belong to --costs"),
    ],
)
def test_bad_options_are_one_sentence(home, capsys, arguments, message):
    """What, and how to write it."""
    assert main(["jobs", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_limit_below_the_estimate_is_refused():
    """It would stop a run that is charged as expected."""
    with pytest.raises(InvalidInput, match=r"--max-overrun must be 1 or more, not 0\.5"):
        costs.parse_factor("0.5", "--max-overrun")
