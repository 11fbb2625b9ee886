"""Contracts with scripts, farms and saved files: options, exit statuses, manifest keys, environment, import names.

A change here breaks users' pipelines. New entries may be added; none may be renamed or removed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from tracklay import errors, settings
from tracklay.cli import exit_status
from tracklay.cli.error_hints import BATCH_HINTS, HINTS, hints_for
from tracklay.cli.main import main
from tracklay.cli.options import build_parser
from tracklay.cli.parser import CommandParser

from tests.clips import flash_clip

pytestmark = pytest.mark.lands

ROOT = Path(__file__).parents[1]

OPTIONS = {
    "lay": {
        *("--model", "--prompt", "--negative", "--in", "--out", "--only", "--takes", "--seed", "--set", "--square"),
        *(
            "--as-one",
            "--hits",
            "--tail",
            "--handles",
            "--fit",
            "--dry-run",
            "--land",
            "--parts",
            "--best",
            "--repair",
            "--mix",
            "--drop-original",
            "--for",
            "--original-wav",
            "--watch",
            "--to",
            "--plan",
            "--max-cost",
            "--max-overrun",
            "--max-project-cost",
            "--json",
            "--verbose",
            "-v",
        ),
    },
    "redo": {"--part", "--in", "--out", "--prompt", "--seed", "--max-cost", "--json", "--verbose", "-v"},
    "land": {"--in", "--prompt", "--json", "--verbose", "-v"},
    "mix": {
        *("--preset", "--target", "--true-peak", "--kind", "--layout", "--stems", "--to", "--json", "--verbose", "-v"),
    },
    "turnover": {
        *("--to", "--format", "--for", "--handles", "--mono", "--embed", "--absolute", "--json", "--verbose", "-v"),
    },
    "refit": {"--in", "--out", "--hits", "--tail", "--ask-more", "--max-cost", "--json", "--verbose", "-v"},
    "models": {"--json", "--verbose", "-v"},
    "jobs": {"--all", "--before", "--costs", "--since", "--csv", "--json", "--verbose", "-v"},
    "batch": {
        *(
            "--dry-run",
            "--max-cost",
            "--max-overrun",
            "--workers",
            "--shard",
            "--together",
            "--farm",
            "--on",
            "--shards",
            "--again",
        ),
        *("--land", "--parts", "--repair", "--verdicts", "--merge", "--no-report", "--json", "--verbose", "-v"),
    },
    "verify": {"--json", "--verbose", "-v"},
    "resolve": {"--verbose", "-v"},
    "mcp": {"--max-cost", "--verbose", "-v"},
    "report": {"--to", "--verdicts", "--reel", "--verbose", "-v"},
    "demo": {"--to", "--verbose", "-v"},
    "doctor": {"--verbose", "-v"},
}

POSITIONALS = {
    "lay": ["PICTURE"],
    "redo": ["TAKE"],
    "refit": ["TAKE"],
    "land": ["TAKE", "PICTURE"],
    "mix": ["PICTURE"],
    "turnover": ["SOURCE"],
    "models": ["ID", "SPEC"],
    "jobs": ["ACTION"],
    "batch": ["WORKLIST"],
    "report": ["RESULTS_OR_MANIFEST"],
    "verify": ["FILE"],
    "resolve": ["ACTION"],
    "mcp": [],
    "demo": [],
    "doctor": ["FILM"],
}

JOB_ACTIONS = {"list", "resume", "collect", "cancel", "resubmit", "send", "discard", "forget", "repair"}
CURRENT_NAMES = {"send": "resubmit", "forget": "discard"}

MANIFEST_KEYS = {"source", "tracklay", "picture", "rate", "takes", "failed", "laid"}
TAKE_KEYS = {
    "heard",
    *(
        "cue",
        "take",
        "model",
        "provider",
        "version",
        "request",
        "seed",
        "prompt",
        "negative",
        "params",
        "file",
        "sha256",
    ),
    *(
        "sample_rate",
        "channels",
        "samples",
        "start",
        "frames",
        "cost",
        "licence",
        "digital_source_type",
        "source_sha256",
        "created",
    ),
    *("stems", "understood", "notes", "picture_by", "landing", "measured"),
}
LANDING_KEYS = {"mode", "lag", "moves", "contacts"}
FAILURE_KEYS = {"cue", "model", "error", "kind", "code"}

KINDS = {
    "TracklayError": "failed",
    "InvalidInput": "bad-input",
    "MediaError": "media",
    "OutputError": "output",
    "ModelFailed": "model-failed",
    "Cancelled": "cancelled",
    "KeyMissing": "key-missing",
    "KeyRefused": "key-refused",
    "InsufficientCredit": "no-credit",
    "RefusedInput": "refused-input",
    "RefusedContent": "refused-content",
    "NotFound": "not-there",
    "ResultExpired": "result-gone",
    "ProviderUnavailable": "provider-trouble",
    "ProviderTimeout": "timed-out",
    "SubmissionUnknown": "unclear",
    "LedgerError": "ledger",
    "OverBudget": "over-budget",
}

ENVIRONMENT = {
    *("TRACKLAY_HOME", "TRACKLAY_FFMPEG", "TRACKLAY_BLENDER"),
    *("TRACKLAY_REPLICATE_URL", "TRACKLAY_FAL_QUEUE_URL", "TRACKLAY_FAL_REST_URL", "TRACKLAY_FAL_API_URL"),
    *("TRACKLAY_SCENARIO_URL", "TRACKLAY_BEATOVEN_URL", "TRACKLAY_COG_URL"),
    *("TRACKLAY_COMFYUI_URL", "TRACKLAY_COMFYUI_HEADER"),
    *("TRACKLAY_C2PA_CERTIFICATE", "TRACKLAY_C2PA_KEY", "TRACKLAY_C2PA_ALGORITHM", "TRACKLAY_C2PA_TIMESTAMP"),
    *("REPLICATE_API_TOKEN", "FAL_KEY", "SCENARIO_SDK_API_KEY", "SCENARIO_SDK_API_SECRET", "BEATOVEN_API_KEY"),
    *("ELEVENLABS_API_KEY", "MIRELO_API_KEY", "TRACKLAY_ELEVENLABS_URL", "TRACKLAY_MIRELO_URL", "TRACKLAY_PLANS"),
}


def sub_parsers(parser: argparse.ArgumentParser) -> dict[str, CommandParser]:
    """Return the parsers of a parser's commands, by name and alias."""
    (action,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(action.choices)


@pytest.fixture
def clip(tmp_path):
    """One second at 25 frames a second."""
    return flash_clip(tmp_path / "clip.mp4", Fraction(25), 25, (5,))


def test_every_command_has_its_options():
    """No command and no option is missing, and each new one is added to the table above."""
    commands = sub_parsers(build_parser())
    assert {name: parser.option_names - {"-h", "--help"} for name, parser in commands.items()} == OPTIONS
    for name, parser in commands.items():
        assert [action.metavar for action in parser._get_positional_actions()] == POSITIONALS[name]


def test_help_texts_are_short_phrases():
    """At most 70 characters, no full stop, default in brackets."""
    waiting = [build_parser()]
    while waiting:
        parser = waiting.pop()
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                waiting += action.choices.values()
            elif action.help != argparse.SUPPRESS:
                assert action.help
                assert len(action.help) <= 70, action.help
                assert not action.help.endswith("."), action.help


def test_every_command_prints_its_own_help(capsys):
    """The actions of `jobs` as well, under their old names too."""
    commands = [[name] for name in OPTIONS] + [["jobs", action] for action in sorted(JOB_ACTIONS)]
    assert set(sub_parsers(sub_parsers(build_parser())["jobs"])) == JOB_ACTIONS
    for command in commands:
        with pytest.raises(SystemExit) as exit_info:
            main([*command, "--help"])
        assert exit_info.value.code == 0
        assert capsys.readouterr().out.startswith(
            f"usage: tracklay {' '.join(CURRENT_NAMES.get(word, word) for word in command)}"
        )


def test_exit_statuses_are_fixed(clip, capsys, monkeypatch):
    """0 done, 1 failed, 2 wrong input, 130 interrupted."""
    assert exit_status.EXIT_DONE == 0
    assert exit_status.EXIT_FAILED == 1
    assert exit_status.EXIT_BAD_INPUT == 2
    assert exit_status.EXIT_INTERRUPTED == 130
    assert main(["jobs"]) == 0
    assert main(["lay", str(clip), "--to", str(clip)]) == 1
    assert main(["lay", "missing.mp4"]) == 2
    assert main(["lay", str(clip), "--colour"]) == 2

    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr("tracklay.cli.jobs.run_list", interrupt)
    assert main(["jobs"]) == 130


def test_error_kinds_are_fixed():
    """Scripts and manifests read them."""
    assert {name: kind.kind for name, kind in errors.CLASSES.items()} == KINDS


def test_a_manifest_has_its_keys(clip, clicking, capsys):
    """In the manifest, in each take, and in each failure."""
    from tracklay.errors import ModelFailed
    from tracklay.providers import base

    from tests.fakes.click_model import Clicker

    class FailsOnce(Clicker):
        async def submit(self, submission):
            if submission.data["seed"] == 11:
                raise ModelFailed("model.failed", "Out of memory.")
            return await super().submit(submission)

    base.register("clicker", FailsOnce)
    assert main(["lay", str(clip), "--model", "clicker/clicks", "--takes", "2", "--seed", "10", "--json"]) == 1
    manifest = json.loads(capsys.readouterr().out)
    (take,), (failure,) = manifest["takes"], manifest["failed"]
    assert set(manifest) == MANIFEST_KEYS
    assert set(take) == TAKE_KEYS
    assert set(take["landing"]) == LANDING_KEYS
    assert set(take["start"]) == {"frame", "seconds"}
    assert set(take["cost"]) == {"amount", "currency", "estimated"}
    assert set(failure) == FAILURE_KEYS


def test_environment_names_are_fixed():
    """Vendors' own names for keys, and TRACKLAY_ for the rest."""
    assert set(settings._VARIABLES) == ENVIRONMENT


def test_settings_come_from_the_environment_and_hold_no_key(tmp_path):
    """Which keys are set, never their values."""
    environment = {
        "TRACKLAY_HOME": str(tmp_path),
        "TRACKLAY_FFMPEG": "/opt-tools/ffmpeg",
        "TRACKLAY_COG_URL": "http://127.0.0.1:5000",
        "FAL_KEY": "very-secret",
        "BEATOVEN_API_KEY": " ",
    }
    resolved = settings.Settings.from_environment(environment)
    assert resolved.home == tmp_path
    assert resolved.ffmpeg == "/opt-tools/ffmpeg"
    assert resolved.base_urls == {"TRACKLAY_COG_URL": "http://127.0.0.1:5000"}
    assert resolved.keys_set == {"FAL_KEY"}
    assert "very-secret" not in repr(resolved)
    child = resolved.to_environment()
    assert child == {name: value for name, value in environment.items() if name.startswith("TRACKLAY")}
    assert settings.Settings.from_environment(child) == settings.Settings.from_environment(
        {name: value for name, value in environment.items() if name != "FAL_KEY"}
    )


def test_active_settings_win_and_end_with_their_block(tmp_path, home):
    """Without any, the environment of the moment counts."""
    assert settings.current().home == home
    with settings.active(settings.Settings(home=tmp_path)):
        assert settings.current().home == tmp_path
    assert settings.current().home == home


def test_a_bad_folder_names_the_column_in_batch_and_the_option_in_lay(clip, capsys):
    """Each front end names its own way to choose another folder; resumed jobs have none."""
    blocked = clip.with_name("blocked")
    blocked.write_text("a file")
    assert main(["lay", str(clip), "--to", str(blocked)]) == 1
    assert f"Not a directory: {blocked}. Choose another one with --to.\n" in capsys.readouterr().err
    worklist = clip.with_name("work.csv")
    worklist.write_text("id,picture,folder\na,clip.mp4,blocked\n")
    assert main(["batch", str(worklist)]) == 1
    shown = capsys.readouterr()
    assert f"Not a directory: {blocked}. Change `folder` in the row." in shown.out
    (row,) = json.loads(worklist.with_name("work.tracklay.results.json").read_text())["rows"]
    assert row["error"].endswith(f"Not a directory: {blocked}. Change `folder` in the row.")
    assert (row["kind"], row["code"]) == ("output", "path.not_a_directory")
    assert "--to" not in shown.out + shown.err + json.dumps(row)


@pytest.mark.parametrize("command", OPTIONS)
def test_hints_name_only_options_that_the_command_has(command):
    """A hint with another command's option is left out, unless it quotes that command."""
    parser = sub_parsers(build_parser())[command]
    hints = hints_for(command, parser.option_names)
    assert ("path.not_a_directory" in hints) == (command in ("lay", "mix", "turnover", "report", "demo", "batch"))
    assert not [hint for hint in hints.values() if " --to" in hint and "--to" not in parser.option_names]


def test_hints_are_sentences_over_known_codes():
    """Each ends with a full stop, and batch's hints never name --to."""
    for hint in (*HINTS.values(), *BATCH_HINTS.values()):
        assert hint.endswith("."), hint
    assert not [hint for hint in hints_for("batch", frozenset({"--workers"})).values() if "--to" in hint]


@pytest.mark.parametrize(
    ("old", "new"), [(["send", "3"], ["resubmit", "3"]), (["forget", "3"], ["discard", "3"]), ([], ["list"])]
)
def test_old_spellings_of_jobs_still_work(capsys, old, new):
    """They do the same, with the same options before and after them."""
    statuses, outputs = [], []
    for action in (old, new):
        for arguments in (["jobs", "--json", *action], ["jobs", *action, "--json"], ["jobs", "--all", *action]):
            statuses.append(main(arguments))
            outputs.append(capsys.readouterr())
    assert statuses[:3] == statuses[3:]
    assert outputs[:3] == outputs[3:]


def test_options_before_an_action_of_jobs_stay_in_force():
    """An action's parser does not reset what was set before it."""
    options = build_parser().parse_args(["jobs", "--json", "--all", "-vv", "resume", "3", "4"])
    assert (options.json, options.all, options.verbose, options.ids) == (True, True, 2, [3, 4])
    assert options.run == "jobs:run_resume"
    options = build_parser().parse_args(["jobs", "cancel", "3", "--json", "-v"])
    assert (options.json, options.all, options.verbose, options.ids) == (True, False, 1, [3])


@pytest.mark.parametrize("action", ["cancel", "resubmit", "send", "discard", "forget"])
def test_actions_that_change_a_job_need_its_id(action, capsys):
    """One line, and a pointer to the action's own help."""
    assert main(["jobs", action]) == 2
    assert capsys.readouterr().err == (
        f"tracklay: The following arguments are required: ID. See `tracklay jobs {CURRENT_NAMES.get(action, action)} --help`.\n"
    )


def test_help_imports_nothing_heavy():
    """`--help` and usage errors must be quick: no numpy, rich, httpx, asyncio or sqlite3 is imported for them."""
    script = (
        "import contextlib, sys\nfrom tracklay.cli.main import main\n"
        "with contextlib.suppress(SystemExit): main(['lay', '--help'])\nmain(['lay'])\n"
        "print(sorted({'numpy', 'rich', 'httpx', 'asyncio', 'sqlite3', 'logging'} & sys.modules.keys()), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    assert result.stderr.splitlines()[-1] == "[]"


def test_a_checkout_is_imported_as_addon_and_holds_one_module_tree():
    """`import addon` gives register and unregister of the package `tracklay`, and no module is loaded under two names."""
    script = (
        "import sys, addon, tracklay\n"
        "assert addon.register is tracklay.register and addon.unregister is tracklay.unregister\n"
        "assert addon.register.__module__ == 'tracklay'\n"
        "assert [name for name in sys.modules if name.startswith('addon.')] == []\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, env=environment)


def test_the_package_runs_as_a_module():
    """`python -m tracklay` is the command."""
    result = subprocess.run(
        [sys.executable, "-m", "tracklay", "--version"], cwd=ROOT / "addon", capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith("tracklay ")
