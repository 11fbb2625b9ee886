"""The version, in one place: `pyproject.toml` reads it, `blender_manifest.toml` is held to it by a test."""

VERSION = "0.1.0"
