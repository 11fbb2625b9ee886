"""Builds the extension that Blender installs: one zip for each platform, with the wheels that Blender lacks.

A zip holds the manifest, what lies in `addon/tracklay/`, the licence and the wheels, all stored uncompressed (the wheels are
compressed already) under one fixed date: the same input gives the same bytes, whatever machine builds it. Wheels are
fetched by pip from wherever it is set up to look, at the versions of `constraints.txt`, and kept: a second build
fetches nothing. Needs Python 3.11 and nothing else.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

WHEELS = (
    "anyio",
    "certifi",
    "ffmpeg-python",
    "future",
    "h11",
    "httpcore",
    "httpx",
    "idna",
    "imageio-ffmpeg",
    "platformdirs",
    "typing_extensions",
)
"""What the extension imports and all that these need, under Python 3.11 to 3.14. numpy is Blender's own: a second one
would break it."""

COMMAND_ONLY = ("__main__.py", "batch", "cli", "demo.py", "model_import", "report", "timelines")
"""Files and folders of `addon/tracklay/` that only the `tracklay` command uses. They need rich, Jinja2, moviepy and
OpenTimelineIO, which are not shipped: inside Blender they could not be imported."""

MANIFEST = "blender_manifest.toml"

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of everything in a zip: the earliest that the format knows."""

READABLE_FILE = 0o100644 << 16
"""Unix mode of everything in a zip, where the format keeps it."""

UNIX = 3
"""The zip format's number for the system whose file modes are meant."""


@dataclass(frozen=True, slots=True)
class Platform:
    """One of Blender's platforms. `tags` are those of wheels that run on it; `system` and `machine` are their ends."""

    name: str
    tags: tuple[str, ...]
    system: str
    machine: str

    def runs(self, wheel: str) -> bool:
        """Whether a wheel of this file name runs here under any Python 3: it is pure, or holds a program to call."""
        python, abi, tag = wheel.removesuffix(".whl").split("-")[-3:]
        if "py3" not in python.split(".") or abi != "none":
            return False
        return tag == "any" or any(
            one.startswith(self.system) and one.endswith(f"_{self.machine}") for one in tag.split(".")
        )


PLATFORMS = {
    platform.name: platform
    for platform in (
        # Blender itself wants glibc 2.28 too. pip takes a tag as it stands, without the older ones that it implies.
        Platform("linux-x64", ("manylinux_2_28_x86_64", "manylinux2014_x86_64"), "manylinux", "x86_64"),
        Platform("windows-x64", ("win_amd64",), "win", "amd64"),
        Platform("macos-arm64", ("macosx_12_0_arm64",), "macosx", "arm64"),
        Platform("macos-x64", ("macosx_12_0_x86_64",), "macosx", "x86_64"),
    )
}


class BuildError(Exception):
    """The extension cannot be built; the message says why and what to do."""


def pins(constraints: Path) -> dict[str, str]:
    """The version of each package in a constraints file, by its normalised name (`typing-extensions`).

    Raises:
        BuildError: a line is no exact pin.
    """
    found = {}
    for line in constraints.read_text("utf-8").splitlines():
        pin = line.partition("#")[0].strip()
        if not pin:
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.!+]+)", pin)
        if not match:
            raise BuildError(f"{constraints}: {pin!r} is no exact pin: write NAME==VERSION")
        found[normalised(match[1])] = match[2]
    return found


def normalised(name: str) -> str:
    """A package's name as indexes compare it: lower case, one dash for each run of dashes, dots and underscores."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wheels(platform: Platform, folder: Path, constraints: Path) -> list[Path]:
    """The wheels that a platform's zip holds, by name; those that `folder` lacks are fetched into it.

    Raises:
        BuildError: a package has no pin, or no wheel of its version suits the platform.
    """
    versions = pins(constraints)
    if unpinned := [name for name in WHEELS if normalised(name) not in versions]:
        raise BuildError(f"{constraints} has no version of {', '.join(unpinned)}: add it")
    wanted = {normalised(name): versions[normalised(name)] for name in WHEELS}
    folder.mkdir(parents=True, exist_ok=True)
    if missing := wanted.keys() - _kept(wanted, platform, folder).keys():
        _fetch([f"{name}=={wanted[name]}" for name in sorted(missing)], platform, folder)
    found = _kept(wanted, platform, folder)
    if lost := wanted.keys() - found.keys():
        raise BuildError(
            f"{', '.join(sorted(lost))}: no wheel runs on {platform.name} under every Python 3; pin another"
        )
    return sorted(found.values())


def _kept(wanted: dict[str, str], platform: Platform, folder: Path) -> dict[str, Path]:
    """The wheels in `folder` of these packages at these versions, by package, as far as they are there."""
    found = {}
    for path in sorted(folder.glob("*.whl")):
        name, version, *_ = path.name.split("-")
        if wanted.get(normalised(name)) == version and platform.runs(path.name):
            found[normalised(name)] = path
    return found


def _fetch(pinned: list[str], platform: Platform, folder: Path) -> None:
    """Fetch wheels with pip, whole or not at all: a build that is stopped leaves no half a wheel to be found again."""
    kind = ["--only-binary=:all:", "--python-version=3.11", "--implementation=py", "--abi=none"]
    kind += [f"--platform={tag}" for tag in platform.tags]
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as here:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", here, *kind, *pinned]
        if subprocess.run(command, check=False).returncode:
            raise BuildError(f"pip could not fetch the wheels of {platform.name}: see what it says above")
        for wheel in Path(here).glob("*.whl"):
            wheel.replace(folder / wheel.name)


def manifest(text: str, platform: Platform, inside: list[str]) -> str:
    """The manifest of one platform's zip: `platforms` narrowed to it, and `wheels` added.

    Raises:
        BuildError: the manifest does not name the platform.
    """
    if platform.name not in tomllib.loads(text).get("platforms", ()):
        raise BuildError(f"{MANIFEST} has no platform {platform.name}: add it to `platforms`")
    lines = [f'platforms = ["{platform.name}"]', "wheels = [", *(f'  "./{name}",' for name in inside), "]"]
    return re.sub(r"^platforms = \[[^\]]*\]$", "\n".join(lines), text, count=1, flags=re.MULTILINE)


def package(addon: Path) -> dict[str, Path]:
    """The files of the extension's Python package, by their name in the zip."""
    files = {}
    for path in sorted(addon.rglob("*")):
        name = path.relative_to(addon)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if path.is_file() and not hidden and path.suffix != ".pyc" and name.parts[0] not in COMMAND_ONLY:
            files[name.as_posix()] = path
    return files


def build(platform: Platform, to: Path, wheel_folder: Path, root: Path = ROOT) -> Path:
    """Build one platform's zip in the folder `to`, from the project at `root`; where it lies.

    Raises:
        BuildError: see `wheels` and `manifest`.
    """
    text = (root / MANIFEST).read_text("utf-8")
    files = package(root / "addon" / "tracklay")
    files["LICENSE"] = root / "LICENSE"
    shipped = {f"wheels/{wheel.name}": wheel for wheel in wheels(platform, wheel_folder, root / "constraints.txt")}
    to.mkdir(parents=True, exist_ok=True)
    target = to / f"tracklay-{tomllib.loads(text)['version']}-{platform.name}.zip"
    beside = target.with_suffix(f".{os.getpid()}.part")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_entry(MANIFEST), manifest(text, platform, sorted(shipped)))
            for name, path in sorted({**files, **shipped}.items()):
                with path.open("rb") as taken, archive.open(_entry(name, path.stat().st_size), "w") as given:
                    shutil.copyfileobj(taken, given)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return target


def _entry(name: str, size: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system, info.external_attr, info.file_size = UNIX, READABLE_FILE, size
    return info


def validator(blender: str | None) -> list[str] | None:
    """The command, less the zip's name, by which Blender itself judges an extension; None where there is none.

    It is the named Blender's, else that of an installed bpy module, which brings the same program.
    """
    if blender:
        return [blender, "--command", "extension", "validate"]
    spec = importlib.util.find_spec("bpy")
    for folder in (spec and spec.submodule_search_locations) or ():
        for scripts in sorted(Path(folder).glob("*/scripts")):
            program = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
            tags = scripts / "modules" / "_bpy_internal" / "extensions" / "tags.py"
            if program.is_file() and tags.is_file():
                return [sys.executable, str(program), "validate", f"--valid-tags={tags}"]
    return None


def main(arguments: list[str] | None = None) -> int:
    """Build, judge, tell; the exit status."""
    parser = argparse.ArgumentParser(description="Build the extension for Blender: one zip for each platform.")
    parser.add_argument("--platform", choices=(*PLATFORMS, "all"), default="all", help="which (default: all)")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", metavar="DIR", help="where (default: dist)")
    kept = ROOT / "build" / "wheels"
    parser.add_argument("--wheels", type=Path, default=kept, metavar="DIR", help="kept wheels (default: build/wheels)")
    parser.add_argument(
        "--blender",
        default=os.environ.get("BLENDER"),
        metavar="PROGRAM",
        help="the Blender that judges the zips (default: BLENDER, else the bpy module of this Python)",
    )
    options = parser.parse_args(arguments)
    chosen = PLATFORMS.values() if options.platform == "all" else (PLATFORMS[options.platform],)
    judge = validator(options.blender)
    status = 0
    for platform in chosen:
        try:
            made = build(platform, options.to, options.wheels)
        except BuildError as error:
            print(f"build_extension: {error}", file=sys.stderr)
            return 1
        judged = "NOT VALIDATED: name a Blender with --blender, or use a Python that has bpy"
        if judge:
            answer = subprocess.run([*judge, str(made.resolve())], check=False, capture_output=True, text=True)
            if answer.returncode:
                print(answer.stdout, answer.stderr, sep="", file=sys.stderr)
                status = 1
            judged = "REFUSED by Blender" if answer.returncode else "valid"
        print(f"{made}  {made.stat().st_size / 1e6:.1f} MB  {judged}")
    return status


if __name__ == "__main__":
    sys.exit(main())
