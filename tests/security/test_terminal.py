"""Text from outside in the terminal: neither markup, nor control characters, in tables, messages, JSON and the log."""

from __future__ import annotations

import json
import logging
from fractions import Fraction

import pytest
from tracklay import log
from tracklay.cli import tables
from tracklay.cli.main import main
from tracklay.cli.messages import print_json, print_message
from tracklay.providers.response import sanitize_message
from tracklay.untrusted_data import printable_text

from tests.clips import flash_clip

STRANGE = [
    "[red]a",
    "a[/]",
    "[/nothing]",
    ":smile:",
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "\x9b2J",
    "a\u202eb",
    "a\rb",
    "\ud800",
]


def assert_harmless(text: str) -> None:
    """Fail if a terminal would do anything but show the text."""
    assert all(each.isprintable() or each == "\n" for each in text), text


@pytest.mark.parametrize("text", STRANGE)
def test_tables_show_text_as_it_is(capsys, text):
    """Names of files and messages of servers."""
    job = {
        "id": 1,
        "state": "failed",
        "model": text,
        "picture": text,
        "take": 1,
        "seed": 1,
        "files": [text],
        "part": None,
        "active": False,
    }
    job |= {"message": text, "cost": {"currency": None, "amount": None, "estimated": True}}
    tables.show_jobs({"jobs": [job], "sums": {}, "older": None})
    shown = capsys.readouterr().out
    assert_harmless(shown)
    if text.isprintable():
        assert text in shown


@pytest.mark.parametrize("text", STRANGE)
def test_messages_json_and_log_show_text_as_it_is(capsys, text):
    """JSON stays the same value."""
    print_message(text)
    assert_harmless(capsys.readouterr().err)
    print_json({text: [text]})
    shown = capsys.readouterr().out
    assert_harmless(shown)
    assert json.loads(shown) == {text: [text]}
    assert_harmless(sanitize_message(text))
    assert_harmless(printable_text(text))
    record = logging.LogRecord("tracklay", logging.INFO, "", 0, "a %s", (text,), None)
    assert_harmless(log.LineFormatter().format(record))


def test_a_film_with_markup_in_its_name_is_laid(tmp_path, clicking, capsys):
    """The result's table is printed, with the name as it is."""
    clip = flash_clip(tmp_path / "[bold]a[nope] [red] :x:.mp4", Fraction(25), 25, (5,))
    assert main(["lay", str(clip), "--model", "clicker/clicks"]) == 0
    assert "[bold]a[nope] [red] :x:" in capsys.readouterr().out.replace("\n", "")
