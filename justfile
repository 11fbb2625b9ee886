# Tasks for developing Tracklay. `just` lists them; `.ci/run` calls them in order on a bare machine.
# Install `just` with the `lint` extra: .venv/bin/pip install -c constraints.txt -e '.[test,lint]'

python := env("PYTHON", ".venv/bin/python")
bin := parent_directory(python)

# List the tasks
default:
    @just --list --unsorted

# Create .venv with everything that tests and linters need
install:
    python3 -m venv .venv
    .venv/bin/pip install -q -c constraints.txt -e '.[test,lint,farm]'

# Lint, format, layers of imports, types, structure
lint:
    {{bin}}/ruff check .
    {{bin}}/ruff format --check .
    {{bin}}/lint-imports
    {{bin}}/mypy
    {{python}} scripts/check_structure.py

# Format and fix what can be fixed
format:
    {{bin}}/ruff check --fix .
    {{bin}}/ruff format .

# Tests of the package and the command, without Blender
test *args:
    {{python}} -m pytest -q -n auto {{args}}

# Tests of the work on a farm (Open Job Description, Flamenco, Dask) and of a full disk (needs root)
test-farm *args:
    {{python}} -m pytest -q tests/farm tests/machine {{args}}

# Tests inside the bpy module of one version (4.5 or 5.0), in an environment of its own
test-blender version *args:
    #!/usr/bin/env bash
    set -euo pipefail
    environment=build/bpy-{{version}}
    mkdir -p build
    # bpy wants numpy 1
    sed 's/^numpy==.*/numpy==1.26.4/' constraints.txt >"$environment-constraints.txt"
    [[ -x $environment/bin/python ]] || python3 -m venv "$environment"
    "$environment/bin/pip" install -q -c "$environment-constraints.txt" 'bpy=={{version}}.*' -e '.[test]'
    "$environment/bin/python" -m pytest -q tests/blender {{args}}

# Tests in a real Blender window; BLENDER names the program
test-window *args:
    {{python}} -m pytest -q tests/window {{args}}

# Tests of the report page in Chromium
test-browser *args:
    {{python}} -m pytest -q tests/browser {{args}}

# Media tests with the ffmpeg on PATH
test-ffmpeg *args:
    {{python}} -m pytest -q -n auto -m on_path tests/media {{args}}

# Build the extension's zips (one for each platform) with a Python that has bpy, which validates them
build interpreter="build/bpy-5.0/bin/python" to="build/dist":
    {{interpreter}} scripts/build_extension.py --to {{to}}

# Write the generated pages again: models, job states
docs:
    {{python}} scripts/docs/models_page.py
    {{python}} scripts/docs/job_states.py

# Compare every container and codec that two ffmpegs write, and write docs/formats.md; takes an hour or more, and goes on where it was
formats *args:
    {{python}} scripts/docs/formats.py --write --ffmpeg $({{python}} -c "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())") --ffmpeg $(which ffmpeg) {{args}}

# Take the screenshots of the documentation again; BLENDER names the program
screenshots to="docs":
    {{python}} scripts/docs/screenshots.py --to {{to}}

# Everything, from nothing, as it decides what lands
ci:
    bash .ci/run
