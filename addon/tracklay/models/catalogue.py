"""The catalogue by id: the built-in models beside this file, and the person's own in `TRACKLAY_HOME/models`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInput
from ..paths import home
from .loader import read
from .model import Model, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SHIPPED = Path(__file__).parent / "catalogue"
"""Folder of the model files that come with Tracklay."""


def load(folders: Iterable[Path] | None = None) -> dict[str, Model]:
    """The catalogue by id: the built-in models, then the person's own, which may stand in for a built-in one.

    Raises:
        BadInput: a file is wrong; file and line are told.
    """
    return {model.id: model for _, model in files(folders)}


def files(folders: Iterable[Path] | None = None) -> Iterator[tuple[Path, Model]]:
    """Each model with its file, in the catalogue's order.

    Raises:
        BadInput: a file is wrong; file and line are told.
    """
    if folders is None:
        folders = (SHIPPED, own_folder())
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            yield path, read(path)


def own_folder() -> Path:
    """Where the person's own models lie."""
    return home() / "models"


def find(model_id: str, catalogue: Mapping[str, Model] | None = None) -> Model:
    """A model by its id.

    Raises:
        BadInput: there is none; the nearest is told.
    """
    catalogue = load() if catalogue is None else catalogue
    if model_id not in catalogue:
        raise BadInput(f"there is no model {model_id!r}{nearest(model_id, catalogue)}: `tracklay models` lists them")
    return catalogue[model_id]
