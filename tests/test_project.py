"""What holds for the repository as a whole: one version, pinned packages, imports downwards, nothing of one machine."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from importlinter import cli
from packaging.requirements import Requirement
from tracklay.version import VERSION

from scripts import build_extension as build

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

LONGEST_TERSE = 64
"""Characters of a tagline, and of the reason for a permission, that Blender takes."""

REGISTRIES = tuple(
    left + right
    for left, right in (
        ("py", "pi.org"),
        ("python", "hosted.org"),
        ("npm", "js.org"),
        ("npm", "js.com"),
        ("ana", "conda.org"),
        ("artifact", "ory."),
        ("--index", "-url"),
        ("--extra-index", "-url"),
        ("--trusted", "-host"),
    )
)
"""Halves, so that this file does not find itself."""

OWN_FOLDER = re.compile(r"(?<![\w.:/}-])/(?:home|Users|root|srv|opt|farm)/\w|\b[A-Z]:\\Users\\\w")
"""A path under somebody's home, or of a machine that is set up by hand; not one inside a URL."""


def tracked() -> list[Path]:
    """The files that git holds."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """What a text file says; nothing for a file of bytes."""
    held = path.read_bytes()
    return "" if b"\0" in held else held.decode("utf-8")


def test_the_version_is_one():
    """The command, the extension and the package say the same; `pyproject.toml` reads it from where it stands."""
    hatch = PROJECT["tool"]["hatch"]["version"]
    found = re.search(hatch["pattern"], (ROOT / hatch["path"]).read_text("utf-8"))
    assert found
    assert MANIFEST["version"] == VERSION == found["version"]


def test_the_manifest_is_terse_as_blender_wants_it():
    """The tagline and each permission's reason: one short line, no full stop."""
    for text in (MANIFEST["tagline"], *MANIFEST["permissions"].values()):
        assert 0 < len(text) <= LONGEST_TERSE
        assert text[-1].isalnum() or text[-1] in ")]}"
        assert text == " ".join(text.split())


def test_the_manifest_says_what_the_extension_is():
    """The id is what installed copies are found by: it never changes. The floor is the oldest Blender we test."""
    assert MANIFEST["id"] == PROJECT["project"]["name"] == "tracklay"
    assert MANIFEST["blender_version_min"] == "4.5.0"
    assert MANIFEST["license"] == [f"SPDX:{PROJECT['project']['license']}"]
    assert set(MANIFEST["platforms"]) == set(build.PLATFORMS)
    assert "wheels" not in MANIFEST


def test_every_package_that_is_named_has_a_pin_within_its_range():
    """`constraints.txt` holds one version of each dependency and each wheel, and one that `pyproject.toml` allows."""
    pins = build.pins(ROOT / "constraints.txt")
    extras = PROJECT["project"]["optional-dependencies"]
    for line in (*PROJECT["project"]["dependencies"], *extras["test"], *extras["lint"]):
        wanted = Requirement(line)
        assert pins.get(build.normalised(wanted.name), "none") in wanted.specifier, line
    assert not {build.normalised(name) for name in build.WHEELS} - pins.keys()


def test_imports_run_downwards_only(monkeypatch):
    """The contracts in `pyproject.toml` hold."""
    monkeypatch.chdir(ROOT)
    assert cli.lint_imports(config_filename="pyproject.toml", no_cache=True) == cli.EXIT_STATUS_SUCCESS


def test_no_lock_file_is_kept():
    """A lock of one machine's index would name its hosts; `constraints.txt` is what holds the versions."""
    names = {path.name for path in tracked()}
    assert "constraints.txt" in names
    assert not names & {"uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock"}


@pytest.mark.parametrize("what", ["registry", "folder", "checkout"])
def test_no_file_names_a_package_registry_or_a_folder_of_one_machine(what):
    """Whoever installs says where from, and nothing that is kept depends on where it was written."""
    patterns = {
        "registry": re.compile("|".join(re.escape(name) for name in REGISTRIES)),
        "folder": OWN_FOLDER,
        "checkout": re.compile(rf"(?<![\w.:/}}-]){re.escape(str(ROOT))}[/\\]"),
    }
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked()
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if patterns[what].search(line)
    ]
    assert not found
