"""Builds the extension that Blender installs: one zip for each platform, with the wheels that Blender lacks.

A zip holds the manifest, the package in `addon/tracklay/`, the help pages, the licence and the wheels. Everything is stored uncompressed
(wheels are compressed already) with one fixed date, so that builds are reproducible on every machine. pip downloads the wheels from its
configured index at the versions of `constraints.txt`, and they are cached for the next build. Needs only Python 3.11.
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
    "pyaaf2",
    "typing_extensions",
    "websockets",
)
"""Packages that the extension imports, and their dependencies, for Python 3.11 to 3.14. numpy comes with Blender: a second
copy would break it."""

COMMAND_ONLY = (
    "__main__.py",
    "batch",
    "cli",
    "demo.py",
    "mcp_server",
    "model_import",
    "report",
    "resolve",
    "timelines",
)
"""Files and folders of `addon/tracklay/` that only the `tracklay` command uses. They need rich, Jinja2, moviepy and
OpenTimelineIO, which are not shipped, so they could not be imported inside Blender."""

HELP_PAGES = ("blender", "mix", "placeholders", "render")
"""Pages of `docs/` that panels link to: they are shipped, so they can be read offline."""

MANIFEST = "blender_manifest.toml"

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every entry in a zip: the earliest that the format can hold."""

READABLE_FILE = 0o100644 << 16
"""Unix mode of every entry in a zip, shifted to where the format keeps it."""

UNIX = 3
"""The zip format's number for Unix, which makes readers use the file modes."""


@dataclass(frozen=True, slots=True)
class Platform:
    """One of Blender's platforms.

    `tags` are the wheel tags that pip is asked for; `system` and `machine` are the parts that a wheel's tag must begin and end with.
    """

    name: str
    tags: tuple[str, ...]
    system: str
    machine: str

    def runs(self, wheel: str) -> bool:
        """Return whether a wheel with this file name runs here under every Python 3: it is pure, or holds an executable."""
        python, abi, tag = wheel.removesuffix(".whl").split("-")[-3:]
        if "py3" not in python.split(".") or abi != "none":
            return False
        return tag == "any" or any(
            one.startswith(self.system) and one.endswith(f"_{self.machine}") for one in tag.split(".")
        )


PLATFORMS = {
    platform.name: platform
    for platform in (
        # Blender requires glibc 2.28 as well. pip takes a tag literally, without the older tags that it implies.
        Platform("linux-x64", ("manylinux_2_28_x86_64", "manylinux2014_x86_64"), "manylinux", "x86_64"),
        Platform("windows-x64", ("win_amd64",), "win", "amd64"),
        Platform("macos-arm64", ("macosx_12_0_arm64",), "macosx", "arm64"),
        Platform("macos-x64", ("macosx_12_0_x86_64",), "macosx", "x86_64"),
    )
}


class BuildError(Exception):
    """The extension cannot be built. The message names the reason and the fix."""


def pins(constraints: Path) -> dict[str, str]:
    """Return the version of each package in a constraints file, by its normalised name (`typing-extensions`).

    Raises:
        BuildError: a line is not an exact pin.
    """
    found = {}
    for line in constraints.read_text("utf-8").splitlines():
        pin = line.partition("#")[0].strip()
        if not pin:
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.!+]+)", pin)
        if not match:
            raise BuildError(f"{constraints}: {pin!r} is not an exact pin. Write NAME==VERSION.")
        found[normalised(match[1])] = match[2]
    return found


def normalised(name: str) -> str:
    """Return a package's name as indexes compare it: lower case, one dash for each run of dashes, dots and underscores."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wheels(platform: Platform, folder: Path, constraints: Path) -> list[Path]:
    """Return the wheels of a platform's zip, sorted by name. Missing wheels are downloaded into `folder`.

    Raises:
        BuildError: a package has no pin, or no wheel of its version runs on the platform.
    """
    versions = pins(constraints)
    if unpinned := [name for name in WHEELS if normalised(name) not in versions]:
        raise BuildError(f"{constraints} has no version of {', '.join(unpinned)}. Add it.")
    wanted = {normalised(name): versions[normalised(name)] for name in WHEELS}
    folder.mkdir(parents=True, exist_ok=True)
    if missing := wanted.keys() - _kept(wanted, platform, folder).keys():
        _fetch([f"{name}=={wanted[name]}" for name in sorted(missing)], platform, folder)
    found = _kept(wanted, platform, folder)
    if lost := wanted.keys() - found.keys():
        raise BuildError(
            f"No wheel runs on {platform.name} under every Python 3: {', '.join(sorted(lost))}. Pin another version."
        )
    return sorted(found.values())


def _kept(wanted: dict[str, str], platform: Platform, folder: Path) -> dict[str, Path]:
    """Return the cached wheels of these packages at these versions, by package."""
    found = {}
    for path in sorted(folder.glob("*.whl")):
        name, version, *_ = path.name.split("-")
        if wanted.get(normalised(name)) == version and platform.runs(path.name):
            found[normalised(name)] = path
    return found


def _fetch(pinned: list[str], platform: Platform, folder: Path) -> None:
    """Download wheels with pip into a temporary folder, then move them: an interrupted build leaves no partial wheel."""
    kind = ["--only-binary=:all:", "--python-version=3.11", "--implementation=py", "--abi=none"]
    kind += [f"--platform={tag}" for tag in platform.tags]
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as here:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", here, *kind, *pinned]
        if subprocess.run(command, check=False).returncode:
            raise BuildError(f"pip could not download the wheels of {platform.name}. See its output above.")
        for wheel in Path(here).glob("*.whl"):
            wheel.replace(folder / wheel.name)


def manifest(text: str, platform: Platform, inside: list[str]) -> str:
    """Return the manifest of one platform's zip: `platforms` narrowed to it, and `wheels` added.

    Raises:
        BuildError: the manifest does not list the platform.
    """
    if platform.name not in tomllib.loads(text).get("platforms", ()):
        raise BuildError(f"{MANIFEST} does not list the platform {platform.name}. Add it to `platforms`.")
    lines = [f'platforms = ["{platform.name}"]', "wheels = [", *(f'  "./{name}",' for name in inside), "]"]
    return re.sub(r"^platforms = \[[^\]]*\]$", "\n".join(lines), text, count=1, flags=re.MULTILINE)


def package(addon: Path) -> dict[str, Path]:
    """Return the files of the extension's Python package, by their name in the zip."""
    files = {}
    for path in sorted(addon.rglob("*")):
        name = path.relative_to(addon)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if path.is_file() and not hidden and path.suffix != ".pyc" and name.parts[0] not in COMMAND_ONLY:
            files[name.as_posix()] = path
    return files


def build(platform: Platform, to: Path, wheel_folder: Path, root: Path = ROOT) -> Path:
    """Build one platform's zip in the folder `to`, from the project at `root`, and return its path.

    Raises:
        BuildError: see `wheels` and `manifest`.
    """
    text = (root / MANIFEST).read_text("utf-8")
    files = package(root / "addon" / "tracklay")
    files["LICENSE"] = root / "LICENSE"
    files |= {f"docs/{name}.md": root / "docs" / f"{name}.md" for name in HELP_PAGES}
    shipped = {f"wheels/{wheel.name}": wheel for wheel in wheels(platform, wheel_folder, root / "constraints.txt")}
    to.mkdir(parents=True, exist_ok=True)
    target = to / f"tracklay-{tomllib.loads(text)['version']}-{platform.name}.zip"
    temp_path = target.with_suffix(f".{os.getpid()}.part")
    try:
        with zipfile.ZipFile(temp_path, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_entry(MANIFEST), manifest(text, platform, sorted(shipped)))
            for name, path in sorted({**files, **shipped}.items()):
                with path.open("rb") as source, archive.open(_entry(name, path.stat().st_size), "w") as target_file:
                    shutil.copyfileobj(source, target_file)
        temp_path.replace(target)
    finally:
        temp_path.unlink(missing_ok=True)
    return target


def _entry(name: str, size: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system, info.external_attr, info.file_size = UNIX, READABLE_FILE, size
    return info


def validator(blender: str | None) -> list[str] | None:
    """Return the command with which Blender validates an extension, without the zip's path, or None if there is no Blender.

    It is the given Blender's command, or that of an installed bpy module, which ships the same program.
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
    """Build and validate the zips, and return the exit status."""
    parser = argparse.ArgumentParser(description="Build the extension for Blender: one zip for each platform.")
    parser.add_argument(
        "--platform", choices=(*PLATFORMS, "all"), default="all", help="platform to build for (default: all)"
    )
    parser.add_argument("--to", type=Path, default=ROOT / "dist", metavar="DIR", help="output folder (default: dist)")
    cache = ROOT / "build" / "wheels"
    parser.add_argument(
        "--wheels", type=Path, default=cache, metavar="DIR", help="cache of wheels (default: build/wheels)"
    )
    parser.add_argument(
        "--blender",
        default=os.environ.get("BLENDER"),
        metavar="PROGRAM",
        help="Blender that validates the zips (default: $BLENDER or the bpy module)",
    )
    options = parser.parse_args(arguments)
    chosen = PLATFORMS.values() if options.platform == "all" else (PLATFORMS[options.platform],)
    validate = validator(options.blender)
    status = 0
    for platform in chosen:
        try:
            path = build(platform, options.to, options.wheels)
        except BuildError as error:
            print(f"build_extension: {error}", file=sys.stderr)
            return 1
        verdict = "NOT VALIDATED: name a Blender with --blender, or use a Python with bpy"
        if validate:
            result = subprocess.run([*validate, str(path.resolve())], check=False, capture_output=True, text=True)
            if result.returncode:
                print(result.stdout, result.stderr, sep="", file=sys.stderr)
                status = 1
            verdict = "REFUSED by Blender" if result.returncode else "valid"
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB  {verdict}")
    return status


if __name__ == "__main__":
    sys.exit(main())
