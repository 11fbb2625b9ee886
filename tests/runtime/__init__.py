"""Tests of the runtime's state objects, without Blender."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import tracklay

PACKAGE = "tracklay.blender"


def load_without_blender(name: str) -> ModuleType:
    """Import a module of `tracklay.blender.runtime` although `tracklay.blender` imports bpy.

    While it is imported, an empty module stands for the package, so the package's `__init__` does not run.
    """
    package = ModuleType(PACKAGE)
    package.__path__ = [str(Path(tracklay.__path__[0]) / "blender")]
    before = {key: module for key, module in sys.modules.items() if key == PACKAGE or key.startswith(f"{PACKAGE}.")}
    sys.modules[PACKAGE] = package
    try:
        return importlib.import_module(f"{PACKAGE}.runtime.{name}")
    finally:
        for key in [key for key in sys.modules if key == PACKAGE or key.startswith(f"{PACKAGE}.")]:
            del sys.modules[key]
        sys.modules.update(before)
