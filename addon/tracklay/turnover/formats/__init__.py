"""The formats of a turnover, one module each: `write_file(handover, path)` writes one file from what `handover.py` holds."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from ..handover import Handover

Writer = Callable[["Handover", Path], None]
"""Writes a handover as a file, or for `wav` and `edl` as a folder with a file for each track."""


class TurnoverFormat(NamedTuple):
    """A format: the module that writes it, and what its name ends with."""

    module: str
    ending: str


FORMATS = {
    "aaf": TurnoverFormat("aaf", ".aaf"),
    "rpp": TurnoverFormat("rpp", ".rpp"),
    "otio": TurnoverFormat("otio", ".otio"),
    "fcpxml": TurnoverFormat("fcpxml", ".fcpxml"),
    "xml": TurnoverFormat("fcp7", ".xml"),
    "edl": TurnoverFormat("edl", " edl"),
    "wav": TurnoverFormat("wav", " tracks"),
}
"""By the name that `--format` has."""


def load_writer(name: str) -> Writer:
    """Return the writer of a format. Only its module is imported: some need packages of their own."""
    return cast("Writer", import_module(f".{FORMATS[name].module}", __package__).write_file)
