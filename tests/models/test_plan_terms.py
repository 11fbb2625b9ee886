"""The terms of the user's plan with a vendor: named once, kept with each take, and shown as not known where they are not."""

from __future__ import annotations

import csv
import json
from fractions import Fraction

import pytest
from tracklay import settings
from tracklay.cli.main import main
from tracklay.errors import InvalidInput
from tracklay.models import find_model
from tracklay.models.plan_terms import plan_terms, vendor_plans

from tests.clips import flash_clip
from tests.fakes import elevenlabs as fake
from tests.fakes.server import Server


def test_each_vendors_terms_have_a_date_a_source_and_every_plan():
    """Every kind of sound names all plans of its vendor."""
    for vendor in vendor_plans().values():
        for plans in vendor.terms.values():
            assert tuple(plans) == vendor.names
            assert all(each.date and each.source.startswith("https://") and each.allows for each in plans.values())


@pytest.mark.parametrize(
    ("named", "model", "expected"),
    [
        ("elevenlabs=free", "elevenlabs/sound-effects", ("free", False)),
        ("elevenlabs=starter, mirelo=paid", "mirelo/sfx", ("paid", True)),
        ("elevenlabs=Pro", "elevenlabs/music", ("pro", True)),
        ("", "elevenlabs/music", ("", None)),
        ("mirelo=free", "elevenlabs/music", ("", None)),
    ],
)
def test_a_plan_is_named_once_for_each_vendor(home, monkeypatch, named, model, expected):
    """Without one, the terms depend on it."""
    monkeypatch.setenv("TRACKLAY_PLANS", named)
    terms = plan_terms(find_model(model))
    assert terms is not None
    assert (terms.plan, terms.commercial) == expected


def test_terms_do_not_depend_on_a_plan_everywhere(home):
    """Of a vendor whose terms by plan are not known there is no entry."""
    assert plan_terms(find_model("fal/mmaudio-v2")) is None


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("elevenlabs", "must be VENDOR=PLAN"),
        ("eleven=pro", r"no plans are known of 'eleven' \(did you mean 'elevenlabs'\?\)"),
        ("elevenlabs=studio", "has no plan 'studio'"),
    ],
)
def test_a_wrong_plan_is_refused_with_what_is_known(home, monkeypatch, named, message):
    """One sentence."""
    monkeypatch.setenv("TRACKLAY_PLANS", named)
    with pytest.raises(InvalidInput, match=message):
        plan_terms(find_model("elevenlabs/music"))


def test_the_environment_wins_over_preferences_vendor_by_vendor(home, monkeypatch):
    """And a child process is given both."""
    monkeypatch.setenv("TRACKLAY_PLANS", "mirelo=paid")
    settings.override(plans={"mirelo": "free", "elevenlabs": "pro"})
    try:
        child = settings.current().to_environment()["TRACKLAY_PLANS"]
        found = [plan_terms(find_model(model)) for model in ("mirelo/sfx", "elevenlabs/music")]
    finally:
        settings.override(plans=None)
    assert [each.plan for each in found if each] == ["paid", "pro"]
    assert child == "mirelo=free, elevenlabs=pro, mirelo=paid"


def test_a_take_keeps_what_the_plan_allowed_when_it_was_made(home, tmp_path, monkeypatch, capsys):
    """In manifest, cue sheet and report, with the date of the terms; `models` and `verify` say it too."""
    clip = flash_clip(tmp_path / "clip.mp4", Fraction(25), 25, (5,))
    monkeypatch.setenv("TRACKLAY_PLANS", "elevenlabs=starter")
    with Server(fake.ElevenLabs()) as server:
        monkeypatch.setenv("TRACKLAY_ELEVENLABS_URL", server.url)
        monkeypatch.setenv("ELEVENLABS_API_KEY", fake.KEY)
        lay = ["lay", str(clip), "--model", "elevenlabs/sound-effects", "--prompt", "rain", "--json"]
        assert main(lay) == 0
    (take,) = json.loads(capsys.readouterr().out)["takes"]
    assert (take["plan"]["plan"], take["plan"]["commercial"], take["plan"]["date"]) == (
        "starter",
        True,
        "read 2026-10-09",
    )
    assert take["seed"] is None
    monkeypatch.setenv("TRACKLAY_PLANS", "elevenlabs=free")
    folder = tmp_path / "tracklay"
    assert main(["report", str(folder / "clip.tracklay.json"), "--to", str(tmp_path / "report")]) == 0
    with (tmp_path / "report" / "cue-sheet.csv").open(encoding="utf-8-sig") as file:
        (line,) = csv.DictReader(file)
    assert line["commercial use"] == "yes: commercial use (plan starter, terms of read 2026-10-09)"
    capsys.readouterr()
    assert main(["verify", str(folder / take["file"])]) == 0
    assert "plan starter" in capsys.readouterr().out
    assert main(["models", "elevenlabs/sound-effects"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "no: no commercial use; ElevenLabs must be named (plan free" in shown
    assert "the same request gives another sound each time" in shown
