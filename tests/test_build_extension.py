"""The extension's zips: their content, their fitness for Blender, and their reproducibility."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement

from scripts import build_extension as build

ADDON = build.ROOT / "addon" / "tracklay"
LINUX = build.PLATFORMS["linux-x64"]
PINS = build.ROOT / "constraints.txt"
VERSIONS = build.pins(PINS)
MANIFEST = tomllib.loads((build.ROOT / build.MANIFEST).read_text("utf-8"))
PROJECT = tomllib.loads((build.ROOT / "pyproject.toml").read_text("utf-8"))["project"]

FFMPEG_TAGS = ("manylinux_2_28_x86_64", "win_amd64", "macosx_12_0_arm64", "macosx_10_9_intel.macosx_10_9_x86_64")
"""The tags of the one wheel that differs from platform to platform, in the order of `PLATFORMS`."""

COMMAND_DEPENDENCIES = {"jinja2", "moviepy", "pillow", "rich", "tomli-w"}
"""Dependencies in `pyproject.toml` that only the command uses."""

BLENDER_HAS = {"numpy"}
BLENDER_MODULES = {"aud", "bl_operators", "bl_ui", "blf", "bpy", "bpy_extras", "gpu", "gpu_extras", "mathutils"}

BLENDERS = [
    {"python_version": version, "python_full_version": f"{version}.0", "sys_platform": system, "platform_system": name}
    for version in ("3.11", "3.12", "3.13", "3.14")
    for system, name in (("linux", "Linux"), ("win32", "Windows"), ("darwin", "Darwin"))
]


def make_wheel(folder: Path, name: str, tag: str = "any", python: str = "py3", abi: str = "none") -> Path:
    """Write a minimal wheel that pip accepts as `name` at its pinned version."""
    module, version = build.normalised(name).replace("-", "_"), VERSIONS[build.normalised(name)]
    path = folder / f"{module}-{version}-{python}-{abi}-{tag}.whl"
    info = f"{module}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{module}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {python}-{abi}-{tag}\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def cache(tmp_path):
    """Return a folder with a wheel of every shipped package, for every platform."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in build.WHEELS:
        for tag in FFMPEG_TAGS if name == "imageio-ffmpeg" else ("any",):
            make_wheel(folder, name, tag)
    return folder


@pytest.fixture
def no_index(monkeypatch):
    """Leave pip without an index. The fixture's value points pip at a folder."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    return lambda folder: monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


@pytest.mark.parametrize("platform", build.PLATFORMS.values(), ids=build.PLATFORMS)
def test_a_zip_holds_the_package_the_licence_and_its_own_platforms_wheels(platform, cache, tmp_path):
    """The package is at the root, beside the licence. Of four wheels with an ffmpeg, only the platform's is included."""
    made = build.build(platform, tmp_path / "dist", cache)
    tag = FFMPEG_TAGS[list(build.PLATFORMS).index(platform.name)]
    with zipfile.ZipFile(made) as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
        assert archive.read("__init__.py") == (ADDON / "__init__.py").read_bytes()
        assert archive.read("LICENSE") == (build.ROOT / "LICENSE").read_bytes()
    assert made.name == f"tracklay-{MANIFEST['version']}-{platform.name}.zip"
    assert {"timing.py", "media/ffmpeg.py", "models/catalogue.py", build.MANIFEST} <= names
    assert "sketch/foley/word_lists/near_words.toml" in names
    assert len([name for name in names if name.startswith("wheels/")]) == len(build.WHEELS)
    assert [name for name in names if "imageio_ffmpeg" in name] == [
        f"wheels/imageio_ffmpeg-{VERSIONS['imageio-ffmpeg']}-py3-none-{tag}.whl"
    ]


def copy_project_files(root: Path) -> None:
    """Copy what a zip holds beside the package to another project folder."""
    pages = [f"docs/{name}.md" for name in build.HELP_PAGES]
    for name in ("LICENSE", "constraints.txt", build.MANIFEST, *pages):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(build.ROOT / name, root / name)


def test_every_page_that_a_panel_links_to_is_shipped():
    """The help buttons name pages of the documentation, with an anchor that is a heading."""
    linked = {
        match
        for path in (ADDON / "blender").rglob("*.py")
        for match in re.findall(r'draw_help_button\([\w.]+, "([^"]+)"\)', path.read_text("utf-8"))
    }
    assert linked >= {"blender", "blender#cues", "render"}
    for page in linked:
        name, _, part = page.partition("#")
        assert name in build.HELP_PAGES
        headings = re.findall(r"^#+ (.*)$", (build.ROOT / "docs" / f"{name}.md").read_text("utf-8"), re.MULTILINE)
        assert not part or part in [heading.lower() for heading in headings]


def test_a_zip_leaves_out_the_command_and_leftover_files(cache, tmp_path):
    """Neither the command's own files nor byte code, hidden files and editor settings are shipped."""
    root = tmp_path / "project"
    shutil.copytree(ADDON, root / "addon" / "tracklay", ignore=shutil.ignore_patterns("__pycache__"))
    copy_project_files(root)
    for litter in ("__pycache__/cue.cpython-311.pyc", "media/.DS_Store", ".idea/workspace.xml", "cue.pyc"):
        (root / "addon" / "tracklay" / litter).parent.mkdir(exist_ok=True)
        (root / "addon" / "tracklay" / litter).write_bytes(b"litter")
    with zipfile.ZipFile(build.build(LINUX, tmp_path / "dist", cache, root)) as archive:
        names = [PurePosixPath(name) for name in archive.namelist()]
    package = [name for name in names if name.parts[0] != "wheels"]
    assert {name.suffix for name in package} == {".json", ".md", ".npz", ".py", ".toml", ".txt", ".typed", ""}
    assert [name for name in package if not name.suffix] == [PurePosixPath("LICENSE")]
    assert not {str(name) for name in names} & set(build.COMMAND_ONLY)


@pytest.mark.parametrize("platform", build.PLATFORMS.values(), ids=build.PLATFORMS)
def test_a_zips_manifest_names_its_platform_and_every_wheel_in_it(platform, cache, tmp_path):
    """Blender installs only what the manifest lists. All other fields equal the repository's manifest."""
    with zipfile.ZipFile(build.build(platform, tmp_path / "dist", cache)) as archive:
        inside = tomllib.loads(archive.read(build.MANIFEST).decode())
        wheels = [f"./{name}" for name in archive.namelist() if name.startswith("wheels/")]
    assert inside.pop("wheels") == wheels
    assert inside.pop("platforms") == [platform.name]
    assert inside == {field: value for field, value in MANIFEST.items() if field != "platforms"}


def test_the_same_input_gives_the_same_bytes(cache, tmp_path):
    """The build time, the files' dates and modes, and their order leave no trace in a zip."""
    first = build.build(LINUX, tmp_path / "first", cache)
    root = tmp_path / "elsewhere"
    for path in sorted(build.package(ADDON).values(), reverse=True):
        copy = root / path.relative_to(build.ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        copy.chmod(0o600)
        os.utime(copy, (1e9, 1e9))
    copy_project_files(root)
    second = build.build(LINUX, tmp_path / "second", cache, root)
    assert second.read_bytes() == first.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {build.EPOCH}


def test_wheels_are_downloaded_once_and_cached(cache, tmp_path, no_index):
    """pip downloads missing wheels for the platform. Without an index a second build gives the same zip."""
    kept = tmp_path / "kept"
    no_index(cache)
    first = build.build(LINUX, tmp_path / "first", kept).read_bytes()
    assert sorted(path.name for path in kept.iterdir()) == sorted(path.name for path in build.wheels(LINUX, kept, PINS))
    no_index(tmp_path / "nowhere")
    assert build.build(LINUX, tmp_path / "second", kept).read_bytes() == first


def test_an_unavailable_wheel_is_reported_in_one_line(tmp_path, no_index, capsys):
    """If pip finds nothing, the build ends with status 1, reports it, and leaves no zip."""
    no_index(tmp_path)
    arguments = ["--platform", "linux-x64", "--to", str(tmp_path / "dist"), "--wheels", str(tmp_path / "wheels")]
    assert build.main(arguments) == 1
    assert "pip could not download the wheels of linux-x64" in capsys.readouterr().err
    assert not (tmp_path / "dist").exists()


def test_every_wheel_has_a_pin(tmp_path, cache):
    """A package without an exact version is rejected."""
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in VERSIONS.items() if name != "h11"))
    with pytest.raises(build.BuildError, match="no version of h11"):
        build.wheels(LINUX, cache, constraints)
    constraints.write_text("h11>=0.16\n")
    with pytest.raises(build.BuildError, match="not an exact pin"):
        build.wheels(LINUX, cache, constraints)


@pytest.mark.parametrize(
    ("wheel", "platforms"),
    [
        ("httpx-0.28.1-py3-none-any.whl", list(build.PLATFORMS)),
        ("future-1.0.0-py2.py3-none-any.whl", list(build.PLATFORMS)),
        ("imageio_ffmpeg-0.8.1-py3-none-manylinux2014_x86_64.whl", ["linux-x64"]),
        ("imageio_ffmpeg-0.8.1-py3-none-manylinux_2_28_aarch64.whl", []),
        ("imageio_ffmpeg-0.8.1-py3-none-win_amd64.whl", ["windows-x64"]),
        ("imageio_ffmpeg-0.8.1-py3-none-win_arm64.whl", []),
        ("imageio_ffmpeg-0.8.1-py3-none-win32.whl", []),
        ("imageio_ffmpeg-0.8.1-py3-none-macosx_12_0_arm64.whl", ["macos-arm64"]),
        ("imageio_ffmpeg-0.7.0-py3-none-macosx_10_9_intel.macosx_10_9_x86_64.whl", ["macos-x64"]),
        ("numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl", []),
        ("old-1.0-py2-none-any.whl", []),
    ],
)
def test_a_wheel_runs_on_the_platforms_in_its_name(wheel, platforms):
    """A wheel for a single Python version runs on none: Blender 4.5 to 5.2 have Python 3.11, 3.13 and 3.14."""
    assert [name for name, platform in build.PLATFORMS.items() if platform.runs(wheel)] == platforms


def test_the_wheels_are_the_extensions_dependencies_and_theirs():
    """Collected from the packages' own requirements, for every Python and system of a supported Blender."""
    direct = {build.normalised(Requirement(line).name) for line in PROJECT["dependencies"]}
    waiting = [(name, "") for name in direct - COMMAND_DEPENDENCIES - BLENDER_HAS]
    needed = set()
    while waiting:
        name, extra = waiting.pop()
        needed.add(name)
        for line in importlib.metadata.requires(name) or ():
            one = Requirement(line)
            if one.marker is None or any(one.marker.evaluate({**blender, "extra": extra}) for blender in BLENDERS):
                more = {(build.normalised(one.name), part) for part in {"", *one.extras}}
                waiting += [each for each in more if each[0] not in needed | BLENDER_HAS]
    assert needed == {build.normalised(name) for name in build.WHEELS}


def imports(path: Path) -> list[tuple[int, str]]:
    """Return each module that a file imports, in functions as well, with the number of dots before its name."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            prefix = f"{node.module}." if node.module else ""
            found.append((node.level, node.module or ""))
            found += [(node.level, prefix + alias.name) for alias in node.names if node.level]
    return found


@pytest.fixture(scope="module")
def imports_of():
    """Return the imports of each file of the package."""
    return {path.relative_to(ADDON).as_posix(): imports(path) for path in sorted(ADDON.rglob("*.py"))}


@pytest.fixture(scope="module")
def shipped(imports_of):
    """Return the imports of each file that the extension has."""
    package = build.package(ADDON)
    return {name: found for name, found in imports_of.items() if name in package}


def tops(found):
    """Return the first parts of the names that are not relative."""
    return {module.partition(".")[0] for level, module in found if not level}


def test_the_package_imports_itself_by_relative_names_only(imports_of):
    """Inside Blender its name is `bl_ext.….tracklay`: an import of `tracklay` would find nothing, or another package."""
    assert not [name for name, found in imports_of.items() if {"addon", "tracklay"} & tops(found)]


def test_a_shipped_file_imports_only_what_blender_has(shipped):
    """Python's own modules, the wheels, numpy, and Blender's modules in `tracklay/blender` alone."""
    owners = importlib.metadata.packages_distributions()
    wheels = {build.normalised(wheel) for wheel in build.WHEELS} | BLENDER_HAS
    available = set(sys.stdlib_module_names) | {
        module for module, packages in owners.items() if wheels & {build.normalised(one) for one in packages}
    }
    missing = {
        name: tops(found) - available - (BLENDER_MODULES if name.startswith("blender/") else set())
        for name, found in shipped.items()
    }
    assert not {name: modules for name, modules in missing.items() if modules}


def test_a_shipped_file_imports_no_omitted_file(shipped):
    """The command's own files are missing inside Blender, so no other file may import them."""
    left_out = {PurePosixPath(file).with_suffix("") for file in build.COMMAND_ONLY}
    wrong = {}
    for name, found in shipped.items():
        above = PurePosixPath(name).parents
        reached = {above[level - 1] / module.replace(".", "/") for level, module in found if 0 < level <= len(above)}
        wrong[name] = {part for each in reached for part in (each, *each.parents)} & left_out
    assert not {name: files for name, files in wrong.items() if files}


def test_blender_validates_each_zip_and_a_refusal_fails_the_build(cache, tmp_path, capsys):
    """The given program is called as Blender is. If it fails, the build fails with its output."""
    arguments = ["--to", str(tmp_path), "--wheels", str(cache), "--platform", "linux-x64"]
    assert build.main([*arguments, "--blender", sys.executable]) == 1
    output = capsys.readouterr()
    assert "REFUSED by Blender" in output.out
    assert "--command" in output.err


def test_without_a_blender_the_bpy_modules_program_validates(cache, tmp_path, capsys, monkeypatch):
    """It is found without importing bpy, and gets the zip and Blender's list of tags."""
    scripts = tmp_path / "site" / "bpy" / "9.9" / "scripts"
    program = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    tags = scripts / "modules" / "_bpy_internal" / "extensions" / "tags.py"
    for path in (program, tags):
        path.parent.mkdir(parents=True)
    (tmp_path / "site" / "bpy" / "__init__.py").write_text("raise RuntimeError('imported')")
    program.write_text("import sys\nprint(sys.argv[1:])\nsys.exit('refused' in sys.argv[-1])\n")
    tags.write_text("addons = {'Sequencer'}\n")
    monkeypatch.delenv("BLENDER", raising=False)
    monkeypatch.delitem(sys.modules, "bpy", raising=False)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert build.validator(None) == [sys.executable, str(program), "validate", f"--valid-tags={tags}"]
    arguments = ["--wheels", str(cache), "--platform", "macos-arm64"]
    assert build.main([*arguments, "--to", str(tmp_path / "good")]) == 0
    assert "valid" in capsys.readouterr().out.split()
    assert build.main([*arguments, "--to", str(tmp_path / "refused")]) == 1


def test_without_any_blender_a_zip_is_reported_as_unvalidated(cache, tmp_path, capsys, monkeypatch):
    """An unvalidated zip is never reported as valid."""
    monkeypatch.delenv("BLENDER", raising=False)
    monkeypatch.setitem(sys.modules, "bpy", None)
    assert build.main(["--to", str(tmp_path), "--wheels", str(cache), "--platform", "windows-x64"]) == 0
    assert "NOT VALIDATED" in capsys.readouterr().out
