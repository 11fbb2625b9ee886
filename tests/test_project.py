"""Rules for the whole repository: one version, pinned packages, layered imports, a clean wheel, no paths of one machine."""

from __future__ import annotations

import re
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest
import trove_classifiers
from hatchling.builders.wheel import WheelBuilder
from importlinter import cli
from packaging.requirements import Requirement
from tracklay.version import VERSION

from scripts import build_extension as build

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

LONGEST_TERSE = 64
"""Characters of a tagline, and of the reason for a permission, that Blender accepts."""

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
"""In halves, so that this file does not match itself."""

OWN_FOLDER = re.compile(r"(?<![\w.:/}-])/(?:home|Users|root|srv|opt|farm)/(?!resolve\b)\w|\b[A-Z]:\\Users\\\w")
"""A path in a home folder, or in a folder of one machine; paths inside URLs and those that Resolve is installed in do not count."""


def tracked() -> list[Path]:
    """Return the files in git."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """Return the content of a text file, and nothing for a binary file."""
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8")


def test_the_version_is_one():
    """The command, the extension and the package have the same; `pyproject.toml` reads it from `version.py`."""
    hatch = PROJECT["tool"]["hatch"]["version"]
    found = re.search(hatch["pattern"], (ROOT / hatch["path"]).read_text("utf-8"))
    assert found
    assert MANIFEST["version"] == VERSION == found["version"]


def test_the_manifest_is_terse_as_blender_requires():
    """The tagline and each permission's reason: one short line, no full stop."""
    for text in (MANIFEST["tagline"], *MANIFEST["permissions"].values()):
        assert 0 < len(text) <= LONGEST_TERSE
        assert text[-1].isalnum() or text[-1] in ")]}"
        assert text == " ".join(text.split())


def test_the_manifest_identifies_the_extension():
    """The id identifies installed copies and never changes. The minimum is the oldest Blender that is tested."""
    assert MANIFEST["id"] == PROJECT["project"]["name"] == "tracklay"
    assert MANIFEST["blender_version_min"] == "4.5.0"
    assert MANIFEST["license"] == [f"SPDX:{PROJECT['project']['license']}"]
    assert set(MANIFEST["platforms"]) == set(build.PLATFORMS)
    assert "wheels" not in MANIFEST


def test_every_named_package_has_a_pin_within_its_range():
    """`constraints.txt` has one version of each dependency and wheel, and `pyproject.toml` allows it."""
    pins = build.pins(ROOT / "constraints.txt")
    extras = PROJECT["project"]["optional-dependencies"]
    for line in (*PROJECT["project"]["dependencies"], *extras["test"], *extras["lint"]):
        requirement = Requirement(line)
        assert pins.get(build.normalised(requirement.name), "none") in requirement.specifier, line
    assert not {build.normalised(name) for name in build.WHEELS} - pins.keys()


def test_imports_run_downwards_only(monkeypatch):
    """The contracts in `pyproject.toml` hold."""
    monkeypatch.chdir(ROOT)
    assert cli.lint_imports(config_filename="pyproject.toml", no_cache=True) == cli.EXIT_STATUS_SUCCESS


def test_the_wheel_holds_the_package_alone_with_its_types_and_data(tmp_path):
    """One top-level package, `tracklay`, with every tracked file of it, `py.typed`, and the command."""
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = archive.read(f"tracklay-{VERSION}.dist-info/entry_points.txt").decode()
        metadata = archive.read(f"tracklay-{VERSION}.dist-info/METADATA").decode()
    assert {name.partition("/")[0] for name in names} == {"tracklay", f"tracklay-{VERSION}.dist-info"}
    assert {"tracklay/py.typed", "tracklay/__main__.py", "tracklay/models/catalogue/sketch-foley.toml"} <= names
    package = {
        path.relative_to(ROOT / "addon").as_posix() for path in tracked() if (ROOT / "addon/tracklay") in path.parents
    }
    assert package <= names
    assert "tracklay = tracklay.cli.main:main" in entry_points
    assert f"Requires-Python: {PROJECT['project']['requires-python']}" in metadata


def test_classifiers_are_known_and_fit_the_requirements():
    """Each classifier exists, and the lowest Python in them is the one that is required."""
    named = PROJECT["project"]["classifiers"]
    assert set(named) <= trove_classifiers.classifiers
    versions = [
        match[1] for each in named if (match := re.fullmatch(r"Programming Language :: Python :: 3\.(\d+)", each))
    ]
    assert PROJECT["project"]["requires-python"] == f">=3.{min(map(int, versions))}"


def test_no_lock_file_is_kept():
    """A lock file would name the hosts of one machine's index. `constraints.txt` has the versions."""
    names = {path.name for path in tracked()}
    assert "constraints.txt" in names
    assert not names & {"uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock"}


@pytest.mark.parametrize("what", ["registry", "folder", "checkout"])
def test_no_file_names_a_package_registry_or_a_folder_of_one_machine(what):
    """The index is chosen at installation, and no file depends on the machine it was written on."""
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
