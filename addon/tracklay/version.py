"""The version. `pyproject.toml` reads it from here, and a test compares `blender_manifest.toml` with it."""

VERSION = "0.1.0"
