"""What an assistant sees and may do: looking is free, spending needs the user's budget or consent."""

from __future__ import annotations

import json
import os
import sys
from fractions import Fraction
from pathlib import Path

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.types import ElicitResult
from tracklay.cli import mcp as command
from tracklay.cli.main import main
from tracklay.jobs.delivery import CopyStyle
from tracklay.mcp_server.budget import Budget
from tracklay.mcp_server.server import create_server

from tests.clips import clicks, flash_clip, hear
from tests.fakes import click_model

PAID = click_model.MODEL.replace("clicker/clicks", "clicker/paid").replace(
    'amount = "0"', 'amount = "0.50", per = "take"'
)
RATE = Fraction(25)


@pytest.fixture
def picture(tmp_path, home, clicking) -> Path:
    """A clip of two seconds. A second model, `clicker/paid`, costs 0.50 USD a take."""
    (home / "models" / "paid.toml").write_text(PAID)
    return flash_clip(tmp_path / "clip.mp4", RATE, 50, (4, 30))


def call(*calls, budget: str | None = None, answer=None):
    """Call tools of one session, each given as (name, arguments), and return their results: data, or the text of the error."""

    async def run():
        server = create_server(Budget(budget), {"resolve": CopyStyle(absolute_paths=True)})
        results = []
        async with Client(server, elicitation_callback=answer) as client:
            for name, arguments in calls:
                result = await client.call_tool(name, arguments)
                text = "".join(getattr(each, "text", "") for each in result.content)
                structured = result.structured_content or {}
                results.append(text if result.is_error else structured.get("result", structured))
        return results

    return anyio.run(run)


def test_the_tools_say_what_they_do(home):
    """Looking is marked as reading only, laying as neither that nor harmless to the purse."""

    async def run():
        async with Client(create_server(Budget(None), {})) as client:
            return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in anyio.run(run)}
    assert set(tools) == {"list_models", "show_model", "list_cues", "estimate", "lay", "list_jobs", "report", "verify"}
    reading = {name for name, tool in tools.items() if tool.annotations and tool.annotations.read_only_hint}
    assert reading == set(tools) - {"lay", "report"}
    assert all(tool.description for tool in tools.values())
    assert tools["lay"].input_schema["properties"]["picture"]["description"].startswith("path of a video file")
    assert not {"ctx", "answer"} & tools["lay"].input_schema["properties"].keys()


def test_looking_costs_nothing(picture):
    """Models, a model, cues, an estimate: without a budget, and nothing is written."""
    models, model, cues, price, jobs, refused = call(
        ("list_models", {"task": "foley"}),
        ("show_model", {"model": "clicker/paid"}),
        ("list_cues", {"picture": str(picture), "in_point": "10f"}),
        ("estimate", {"picture": str(picture), "model": "clicker/paid", "takes": 3}),
        ("list_jobs", {"include_finished": True}),
        ("list_cues", {"picture": str(picture.with_name("gone.mp4"))}),
    )
    assert {"sketch/foley", "clicker/paid"} <= {each["id"] for each in models}
    assert model["price"]["amount"] == "0.50"
    assert [(cue["cue"], cue["frame"], cue["frames"], cue["error"]) for cue in cues] == [("1", 10, 40, "")]
    assert price["total"] == {"amount": "1.50", "currency": "USD"}
    assert jobs["jobs"] == []
    assert "gone.mp4" in refused
    assert not (picture.parent / "tracklay").exists()


def test_what_is_free_is_laid_without_a_budget(picture):
    """Takes with clicks on their flashes, a report of them, and what one of them is."""
    (made,) = call(("lay", {"picture": str(picture), "model": "clicker/clicks", "seed": 1, "takes": 2}))
    folder = Path(made["folder"])
    assert folder == picture.parent / "tracklay"
    assert [round(at / 1920) for at in clicks(hear(folder / made["takes"][0]["file"]))] == [4, 30]
    assert (folder / made["laid"]).is_file()
    report, origin, jobs = call(
        ("report", {"results": made["manifest_file"]}),
        ("verify", {"file": str(folder / made["takes"][0]["file"])}),
        ("list_jobs", {"include_finished": True}),
    )
    assert Path(report["page"]).is_file()
    assert origin["provenance"]["model"] == "clicker/clicks"
    assert [job["state"] for job in jobs["jobs"]] == ["laid", "laid"]


def test_what_costs_needs_a_budget_and_stops_at_it(picture):
    """Refused in a sentence without one; within one until it is used up, over all requests of the session."""
    paid = {"picture": str(picture), "model": "clicker/paid", "seed": 1}
    (refused,) = call(("lay", paid))
    assert (
        "This costs 0.50 USD, and the session has no budget. Ask the user to start `tracklay mcp --max-cost AMOUNT`."
        in refused
    )
    first, second, third = call(
        ("lay", {**paid, "takes": 2}),
        ("lay", {**paid, "takes": 2, "seed": 5}),
        ("lay", {**paid, "seed": 9}),
        budget="1.50",
    )
    assert len(first["takes"]) == 2
    assert "This costs 1.00, and 0.50 of the budget is left. Use fewer takes or a shorter span." in second
    assert len(third["takes"]) == 1


@pytest.mark.parametrize(
    ("action", "content", "takes"),
    [("accept", {"approve": True}, 1), ("accept", {"approve": False}, 0), ("decline", None, 0)],
)
def test_without_a_budget_the_user_is_asked_if_the_program_can(picture, action, content, takes):
    """Once, with the price; a refusal sends nothing."""
    questions = []

    async def answer(_, question) -> ElicitResult:
        questions.append(question.message)
        return ElicitResult(action=action, content=content)

    (made,) = call(("lay", {"picture": str(picture), "model": "clicker/paid", "seed": 1}), answer=answer)
    assert questions == ["clicker/paid for clip.mp4 costs 0.50 USD. Pay for it?"]
    assert (len(made["takes"]) == takes) if takes else "has no budget" in made


def test_an_unknown_editor_is_one_sentence(picture):
    """It names those that are known."""
    (unknown,) = call(("lay", {"picture": str(picture), "editor": "other"}))
    assert "Unknown editor: 'other'. Known: resolve." in unknown


def test_the_command_serves_over_standard_input_and_output(picture, home):
    """As an assistant's program starts it: nothing but the protocol is on standard output."""
    program = StdioServerParameters(
        command=sys.executable,
        args=["-m", "tracklay", "mcp", "--max-cost", "2"],
        env={**os.environ, "TRACKLAY_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    async def run():
        async with Client(program) as client:
            return await client.call_tool("list_cues", {"picture": str(picture)})

    result = anyio.run(run)
    assert json.loads(result.content[0].text)["frames"] == 50


def test_what_is_missing_or_wrong_is_one_sentence(capsys, monkeypatch):
    """The package, and a budget that is no amount; before anything is served."""
    monkeypatch.setattr(command, "find_spec", lambda _: None)
    assert main(["mcp"]) == 2
    assert capsys.readouterr().err == "tracklay: The package mcp is not installed. Run pip install 'tracklay[mcp]'.\n"
    assert main(["mcp", "--max-cost", "much"]) == 2
    assert capsys.readouterr().err == "tracklay: Not an amount for --max-cost: 'much'. Write a number such as 2.50.\n"
